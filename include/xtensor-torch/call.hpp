// LibTorch's dispatcher finds an operator by its name, and calls it where its whole signature is written as a C++ type.
// This file calls it as Python does: by name, with the arguments that the schema asks for, and its defaults.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/core/stack.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt {

namespace detail {

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_unknown_operator(std::string_view name) {
    throw_value_error("call: no operator is registered under the name \"" + std::string(name) +
                      "\". Give namespace and name, and the overload if there is one, as in \"aten::add.Tensor\", and "
                      "load the library that registers it first.");
}

inline c10::OperatorHandle find_operator(std::string_view name) {
    const std::size_t dot = name.find('.');
    const auto found = c10::Dispatcher::singleton().findSchema(
        {std::string(name.substr(0, dot)),
         dot == std::string_view::npos ? std::string() : std::string(name.substr(dot + 1))});
    if (!found.has_value()) {
        refuse_unknown_operator(name);
    }
    return *found;
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_result(std::string_view name, const c10::Type& returned,
                                                          const c10::Type& asked) {
    throw_type_error(
        "call: " + std::string(name) + " returns " + returned.str() + "; the call asks for " + asked.str() +
        ". Name the type of what it returns, e.g. xtt::call<std::tuple<at::Tensor, at::Tensor>>(…), or void.");
}

// Asked before the operator does anything.
template <class Result>
void require_result(std::string_view name, const c10::FunctionSchema& schema) {
    std::vector<c10::TypePtr> types;
    for (const auto& result : schema.returns()) {
        types.push_back(result.type());
    }
    const c10::TypePtr returned = types.size() == 1 ? types[0] : c10::TupleType::create(types);
    const c10::TypePtr asked = c10::getTypePtrCopy<Result>();
    if (!returned->isSubtypeOf(*asked)) {
        refuse_result(name, *returned, *asked);
    }
}

// As Python does: a whole number where the schema has a float.
inline void widen_whole_numbers(const c10::FunctionSchema& schema, torch::jit::Stack& values) {
    for (std::size_t i = 0; i < values.size() && i < schema.arguments().size(); ++i) {
        if (values[i].isInt() && schema.arguments()[i].type()->kind() == c10::TypeKind::FloatType) {
            values[i] = static_cast<double>(values[i].toInt());
        }
    }
}

}  // namespace detail

/// Calls a registered operator by its name: `torch::Tensor y = xtt::call("demo::softclip", x, 1.5)`.
///
/// Arguments stand in the order of the schema; those left out at the end have the schema's defaults. `Result` is what
/// the operator returns, `std::tuple<…>` of several results, or `void`. The overload's name follows a dot. Finding it
/// and packing the arguments takes about a microsecond, in addition to the operator itself. Throws c10::ValueError
/// where no such operator is registered, c10::TypeError where it returns another type, c10::Error where the arguments
/// are not the schema's, and what the operator throws.
template <class Result = at::Tensor, class... Arguments>
Result call(std::string_view name, Arguments&&... arguments) {
    const c10::OperatorHandle found = detail::find_operator(name);
    if constexpr (!std::is_void_v<Result>) {
        detail::require_result<Result>(name, found.schema());
    }
    torch::jit::Stack values;
    values.reserve(found.schema().arguments().size());
    (values.emplace_back(std::forward<Arguments>(arguments)), ...);
    detail::widen_whole_numbers(found.schema(), values);
    found.schema().template checkAndNormalizeInputs<c10::Type>(values, {});
    found.callBoxed(values);
    if constexpr (!std::is_void_v<Result>) {
        return values.size() == 1 ? std::move(values[0]).to<Result>()
                                  : c10::IValue(c10::ivalue::Tuple::create(std::move(values))).to<Result>();
    }
}

}  // namespace xtt
