// xtensor keeps the operands of an expression inside it, as deep as it nests. This file takes them out: elements in
// memory where they lie, and the values of whatever else the expression asks for. Most questions about an expression
// are questions about these, whose types are few.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/evaluation/purity.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// A function of single elements whose functor is known to be pure. Another may count its calls, or refer to something
// that does: it is called in xtensor's own order, and not from several threads.
template <class E>
struct is_elementwise_call : std::false_type {};
template <class F, class... Arguments>
struct is_elementwise_call<xt::xfunction<F, Arguments...>>
    : std::bool_constant<is_pure_call<F, xt::xfunction<F, Arguments...>, Arguments...>> {};

// Broadcasting changes no value; the loops broadcast every operand to the destination.
template <class E>
struct is_broadcast : std::false_type {};
template <class E, class Shape>
struct is_broadcast<xt::xbroadcast<E, Shape>> : std::true_type {};

// Whether the loops may read the expression's elements where they lie.
template <class E>
concept readable_in_place = strided_leaf<E> && std::is_trivially_copyable_v<typename E::value_type>;

// A function of reductions and numbers alone has few values, for many elements each where it is broadcast.
template <class E>
inline constexpr bool has_few_values = false;
template <class F, class CT, class X, class O>
inline constexpr bool has_few_values<xt::xreducer<F, CT, X, O>> = true;
template <class F, class... Arguments>
    requires(is_elementwise_call<xt::xfunction<F, Arguments...>>::value)
inline constexpr bool has_few_values<xt::xfunction<F, Arguments...>> =
    ((has_few_values<std::decay_t<Arguments>> || xt::is_xscalar<std::decay_t<Arguments>>::value) && ...) &&
    (has_few_values<std::decay_t<Arguments>> || ...);

// Whether an argument of an elementwise call is evaluated first, once for each of its few values.
template <class Call, class Argument>
inline constexpr bool is_evaluated_first =
    is_elementwise_call<Argument>::value && has_few_values<Argument> && !has_few_values<Call>;

// A container with the values of an expression.
template <class E>
auto values_of(const E& e);

template <class E>
auto operands_of(const E& e);

template <class Call, class Argument>
auto operands_of_argument(const Argument& argument) {
    if constexpr (is_evaluated_first<Call, Argument>) {
        return std::make_tuple(values_of(argument));
    } else {
        return operands_of(argument);
    }
}

/// The operands of an expression in the order in which its kernel numbers them: references to elements in memory, and
/// containers with the values of whatever else the expression asks for, which is evaluated here, once.
template <class E>
auto operands_of(const E& e) {
    if constexpr (xt::is_xscalar<E>::value) {
        return std::tuple<>();
    } else if constexpr (is_elementwise_call<E>::value) {
        return std::apply([](const auto&... argument) { return std::tuple_cat(operands_of_argument<E>(argument)...); },
                          e.arguments());
    } else if constexpr (is_broadcast<E>::value) {
        return operands_of(e.expression());
    } else if constexpr (strided_leaf<E>) {
        return std::tuple<const E&>(e);
    } else {
        return std::make_tuple(values_of(e));
    }
}

template <class E>
using operands_t = decltype(operands_of(std::declval<const E&>()));

template <class Operands>
struct operand_values;
template <class... Operand>
struct operand_values<std::tuple<Operand...>> {
    static constexpr bool in_place = (readable_in_place<std::remove_cvref_t<Operand>> && ...);
};

// Whether an expression is a function of elements in memory and of scalars alone. What is asked about it can be asked
// about its operands, whose types are few.
template <class E>
inline constexpr bool reads_memory_alone = strided_leaf<E> || xt::is_xscalar<E>::value;
template <class F, class... Arguments>
    requires(is_elementwise_call<xt::xfunction<F, Arguments...>>::value)
inline constexpr bool reads_memory_alone<xt::xfunction<F, Arguments...>> =
    (reads_memory_alone<std::decay_t<Arguments>> && ...);

// Whether one of the operands has an element that is written before it is read.
template <strided_leaf D, strided_leaf... Operand>
bool overlaps_any(const D& destination, const Operand&... operands) noexcept {
    [[maybe_unused]] const byte_range written = bytes_of(destination);
    return ((written.meets(bytes_of(operands)) && !coincides(destination, operands)) || ...);
}

// Whether the loops, while they write `destination`, may read an element of it after it changed. Scalars, and whatever
// is no function of single elements, have been evaluated before.
template <strided_leaf D, class E>
bool loops_read_after_write(const D& destination, const E& e) noexcept {
    if constexpr (reads_memory_alone<E>) {
        return std::apply([&](const auto&... operand) { return overlaps_any(destination, operand...); },
                          operands_of(e));
    } else if constexpr (is_elementwise_call<E>::value) {
        return std::apply(
            [&](const auto&... argument) { return (loops_read_after_write(destination, argument) || ...); },
            e.arguments());
    } else if constexpr (is_broadcast<E>::value) {
        return loops_read_after_write(destination, e.expression());
    } else {
        return false;
    }
}

}  // namespace xtt::detail
