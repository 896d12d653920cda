// An operator is a schema and a function over views of one of several element types. This file keeps the two together,
// and picks the element type of a call from its arguments.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/signature.hpp>
#include <xtensor-torch/visit.hpp>

#include <ATen/core/ivalue.h>

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// What an operator is, apart from its types; shared by its kernels.
struct op_description {
    std::string name;                   // without namespace, as messages say it
    std::string dispatched;             // the operator that calls the function: its name, or that which returns more
    std::vector<std::string> names;     // of the parameters
    std::vector<std::string> labels;    // "softclip: argument 'x'", one a parameter
    std::vector<std::size_t> returned;  // parameters that the schema returns, "-> Tensor(a!)"
    bool round_trip = false;
    bool needs_values = false;
    bool is_batched = false;
    std::optional<c10::ScalarType> autocast_dtype{};  // that its tensors are cast to, if it is always one
};

// `ConvertsResults`: what is computed in a wider type comes back in the element type of the tensors. The last
// `SavedResults` of what the function returns are there for its backward alone.
template <class Signature, class F, class Elements, bool ConvertsResults = true, std::size_t SavedResults = 0>
struct op_definition : op_description {
    static constexpr bool converts_results = ConvertsResults;
    static constexpr std::size_t saved_results = SavedResults;
    using signature = Signature;
    using function_type = F;
    using elements = Elements;

    F function;

    op_definition(op_description description, F callable)
        : op_description(std::move(description)), function(std::move(callable)) {}
};

template <class Definition, class T>
using arguments_of = typename Definition::signature::template arguments<T>;

template <class List>
struct first_of;
template <class First, class... Rest>
struct first_of<element_list<First, Rest...>> {
    using type = First;
};

// Arguments for any one element type: what does not depend on it may be asked of these.
template <class Definition>
using some_arguments = arguments_of<Definition, typename first_of<typename Definition::elements>::type>;

template <class... A>
consteval bool any_is_written(types<A...>) {
    return (A::is_written || ...);
}
template <class Definition>
inline constexpr bool writes_arguments = any_is_written(some_arguments<Definition>());

// The element type of all tensors among the arguments, or void where they have several.
template <class Found>
consteval auto common_element(std::type_identity<Found> found, types<>) {
    return found;
}
template <class Found, class First, class... Rest>
consteval auto common_element(std::type_identity<Found> found, types<First, Rest...>) {
    if constexpr (!First::is_tensor) {
        return common_element(found, types<Rest...>());
    } else if constexpr (std::is_void_v<Found> || std::is_same_v<Found, typename First::element>) {
        return common_element(std::type_identity<typename First::element>(), types<Rest...>());
    } else {
        return std::type_identity<void>();
    }
}
template <class Arguments>
using common_element_t = typename decltype(common_element(std::type_identity<void>(), Arguments()))::type;

// The element type that results computed in a wider one come back in, or void.
template <class Definition, class T>
using converted_to =
    std::conditional_t<!Definition::converts_results, void,
                       std::conditional_t<std::is_void_v<T>, common_element_t<arguments_of<Definition, T>>, T>>;

template <class Definition>
using some_result = result_of_t<typename Definition::function_type, some_arguments<Definition>>;

// All that its function returns, one by one.
template <class Definition>
using some_items = typename result_items<some_result<Definition>>::type;

// The first tensor among the parameters that share the element type, and the parameter's index.
struct leading_tensor {
    at::Tensor tensor;
    std::size_t index = 0;
};

template <class... A>
leading_tensor find_leading_tensor(types<A...>, c10::ArrayRef<c10::IValue> values) {
    constexpr bool is_shared[] = {A::is_shared..., false};
    for (std::size_t i = 0; i < values.size() && i < sizeof...(A); ++i) {
        if (!is_shared[i] || values[i].isNone()) {
            continue;
        }
        if (values[i].isTensor() && values[i].toTensor().defined()) {
            return {values[i].toTensor(), i};
        }
        if (values[i].isTensorList() && !values[i].toTensorList().empty()) {
            return {values[i].toTensorList().get(0), i};
        }
    }
    return {};
}

template <class First, class... Rest>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_op_elements(const std::string& label, const at::Tensor& tensor,
                                                        element_list<First, Rest...> listed) {
    throw_type_error(label + ": the tensor is " + describe(tensor.scalar_type()).name + "; the function takes " +
                     names_of(listed) + ". Convert it first, e.g. " + conversion_to(describe(scalar_type_v<First>)) +
                     ".");
}

template <class Definition, class F>
void with_op_element(const Definition& definition, c10::ArrayRef<c10::IValue> values, op_call& call, F&& function) {
    using elements = typename Definition::elements;
    if constexpr (std::is_same_v<elements, element_list<void>>) {
        function(std::type_identity<void>());
    } else {
        const leading_tensor lead = find_leading_tensor(some_arguments<Definition>(), values);
        if (!lead.tensor.defined()) [[unlikely]] {
            throw_value_error(definition.name +
                              ": none of the arguments is a tensor with a dtype to compute in; one is needed. Pass a "
                              "tensor.");
        }
        const bool is_listed = []<class... T>(element_list<T...>, c10::ScalarType scalar) {
            return ((scalar == scalar_type_v<T>) || ...);
        }(elements(), lead.tensor.scalar_type());
        if (!is_listed) [[unlikely]] {
            refuse_op_elements(definition.labels[lead.index], lead.tensor, elements());
        }
        call.lead_name = &definition.names[lead.index];
        with_element<void>(elements(), lead.tensor.scalar_type(), function);
    }
}

}  // namespace xtt::detail
