// Where a function loops over sizes, or takes long, nobody wants it called for the shapes of its results alone. This
// file calls the one that a registration names beside it, with shapes and integers that may be symbols.
#pragma once

#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/kernel.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/schema.hpp>
#include <xtensor-torch/operators/symbolic_shapes.hpp>
#include <xtensor-torch/operators/values.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>
#include <c10/core/SymInt.h>
#include <c10/core/SymIntArrayRef.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// ---- what a shape function takes ------------------------------------------------------------------------------------

template <schema_type Type>
auto read_symbols(const c10::IValue& value) {
    if constexpr (Type.is_optional()) {
        using inner = decltype(read_symbols<Type.inner()>(value));
        return value.isNone() ? std::optional<inner>() : std::optional<inner>(read_symbols<Type.inner()>(value));
    } else if constexpr (Type.is_list()) {
        return value.toSymIntVector();
    } else {
        return value.toSymInt();
    }
}

// A value is what the operator's function takes, too.
template <class A>
struct shape_argument {
    static auto read(const c10::IValue& value) {
        if constexpr (is_symbol<A>) {
            return read_symbols<A::type>(value);
        } else {
            op_call call;
            return A::make(call, value);
        }
    }
};
template <class View, bool Shared>
struct shape_argument<view_argument<View, Shared>> {
    static c10::SymIntArrayRef read(const c10::IValue& value) { return value.toTensor().sym_sizes(); }
};
template <class View, bool Shared>
struct shape_argument<optional_argument<View, Shared>> {
    static std::optional<c10::SymIntArrayRef> read(const c10::IValue& value) {
        return value.isNone() || !value.toTensor().defined() ? std::nullopt
                                                             : std::optional(value.toTensor().sym_sizes());
    }
};
template <class View, bool Shared>
struct shape_argument<list_argument<View, Shared>> {
    static std::vector<c10::SymIntArrayRef> read(const c10::IValue& value) {
        std::vector<c10::SymIntArrayRef> shapes;
        for (const c10::IValue& tensor : value.toListRef()) {
            shapes.push_back(tensor.toTensor().sym_sizes());
        }
        return shapes;
    }
};

template <class A>
using shape_passed = decltype(shape_argument<A>::read(std::declval<const c10::IValue&>()));

template <class F, class... A>
consteval bool takes_shapes(types<A...>) {
    return std::invocable<const F&, const shape_passed<A>&...>;
}

// ---- what it returns ------------------------------------------------------------------------------------------------

// An array reference may be made of one size alone, too, which is no shape.
template <class S>
concept symbolic_shape =
    std::convertible_to<const S&, c10::SymIntArrayRef> && !std::convertible_to<const S&, c10::SymInt>;

// The shape, or the shapes of a list, that a shape function gives for a result R of the operator's function.
template <class R, class S>
inline constexpr bool is_shape_for = symbolic_shape<S>;
template <class R, class S>
inline constexpr bool is_shape_for<std::optional<R>, std::optional<S>> = symbolic_shape<S>;
template <class R, class A, class S, class B>
    requires(!std::same_as<S, c10::SymInt>)
inline constexpr bool is_shape_for<std::vector<R, A>, std::vector<S, B>> = symbolic_shape<S>;
template <class R, class A>
inline constexpr bool is_shape_for<std::vector<R, A>, std::vector<c10::SymInt>> = false;

template <class... R, class... S>
consteval bool are_shapes_for(types<R...>, types<S...>) {
    if constexpr (sizeof...(R) == sizeof...(S)) {
        return (is_shape_for<R, S> && ...);
    } else {
        return false;
    }
}

// The shapes that a function returns for `Count` results, one by one.
template <class F, std::size_t Count, class... A>
consteval auto shapes_given(types<A...>) {
    using returned = std::invoke_result_t<const F&, const shape_passed<A>&...>;
    return std::conditional_t<Count == 1, types<returned>, typename result_items<returned>::type>();
}

template <class R, class T>
inline constexpr c10::ScalarType result_dtype = scalar_type_v<result_element_t<R, T>>;
template <deferred_result R, class T>
inline constexpr c10::ScalarType result_dtype<R, T> = scalar_type_v<typename R::value_type>;
template <class R, class T>
inline constexpr c10::ScalarType result_dtype<std::optional<R>, T> = result_dtype<R, T>;
template <class R, class A, class T>
inline constexpr c10::ScalarType result_dtype<std::vector<R, A>, T> = result_dtype<R, T>;

// Tensors without elements of the shapes.
template <class S>
c10::IValue empty_results(const S& shape, c10::ScalarType dtype) {
    if constexpr (symbolic_shape<S>) {
        return empty_meta(shape, dtype);
    } else if constexpr (requires { shape.has_value(); }) {
        return shape ? empty_results(*shape, dtype) : c10::IValue(at::Tensor());
    } else {
        std::vector<at::Tensor> tensors;
        for (const auto& one : shape) {
            tensors.push_back(empty_meta(one, dtype));
        }
        return tensors;
    }
}

// What the operator returns for arguments without elements, by its shape function. T is the element type of the
// tensors.
template <class T, class Definition, class F, class... A, class... R, std::size_t... I>
torch::jit::Stack results_in_shapes(const Definition& definition, const op_call& call, const F& function,
                                    c10::ArrayRef<c10::IValue> values, types<A...>, types<R...>,
                                    std::index_sequence<I...>) {
    (A::require(call, definition.labels[I].c_str(), values[I]), ...);
    const std::tuple<shape_passed<A>...> arguments{shape_argument<A>::read(values[I])...};
    torch::jit::Stack returned;
    const auto push = [&](const auto&... shape) {
        (returned.push_back(empty_results(shape, result_dtype<std::remove_cvref_t<R>, T>)), ...);
    };
    const auto shapes = function(std::get<I>(arguments)...);
    if constexpr (sizeof...(R) == 1) {
        push(shapes);
    } else {
        std::apply(push, shapes);
    }
    return returned;
}

// Refuses what cannot tell the shapes of the operator's results, and says whether it can.
template <class Definition, class F>
consteval bool require_shape_function() {
    using arguments = some_arguments<Definition>;
    using items = some_items<Definition>;
    constexpr bool has_shapes = !writes_arguments<Definition> && items::size > 0 && !any_is_value(items());
    static_assert(has_shapes, "op: xtt::shapes is for functions that return tensors and write into none");
    if constexpr (has_shapes) {
        constexpr bool takes = takes_shapes<F>(arguments());
        static_assert(takes,
                      "op: the function of xtt::shapes takes what the operator's function does, with a "
                      "c10::SymIntArrayRef for each tensor, and a c10::SymInt for each SymInt of the schema");
        if constexpr (takes) {
            constexpr bool gives = are_shapes_for(items(), shapes_given<F, items::size>(arguments()));
            static_assert(gives,
                          "op: the function of xtt::shapes returns a std::vector<c10::SymInt> for each result, in a "
                          "std::tuple where there are several, and a std::vector of those for a list");
            return gives;
        }
    }
    return false;
}

/// Gives the shapes of the results on the meta device by a function beside that of the operator.
template <class Definition, class F>
struct shape_kernel : c10::OperatorKernel {
    std::shared_ptr<const Definition> definition;
    F function;

    shape_kernel(std::shared_ptr<const Definition> registered, F shapes)
        : definition(std::move(registered)), function(std::move(shapes)) {}

    void operator()(const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        op_call call;
        call.mode = op_mode::meta;
        const auto values = values_on(*stack, *definition);
        with_op_element(*definition, values, call, [&]<class T>(std::type_identity<T>) {
            using arguments = arguments_of<Definition, T>;
            using result = result_of_t<typename Definition::function_type, arguments>;
            replace_arguments(*definition, *stack,
                              results_in_shapes<converted_to<Definition, T>>(
                                  *definition, call, function, values, arguments(),
                                  typename result_items<result>::type(), std::make_index_sequence<arguments::size>()));
        });
    }
};

}  // namespace xtt::detail
