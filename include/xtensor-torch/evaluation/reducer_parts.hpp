// xtensor hides what a reducer is made of. This file names the parts: the functors, where they start, and the axes; and
// says which reducers this library's loops serve.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/purity.hpp>
#include <xtensor-torch/evaluation/reducer_stepper.hpp>
#include <xtensor-torch/evaluation/reduction.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

struct with_tensor_tag;

}  // namespace xtt::detail

namespace xt::extension {

template <class CT>
struct xfunction_base_impl<xtensor_expression_tag, xtt::detail::with_tensor_tag, CT> : xtt::detail::tagged {};

}  // namespace xt::extension

namespace xtt {

template <>
inline constexpr bool is_pure_v<detail::with_tensor_tag> = true;

}  // namespace xtt

namespace xtt::detail {

template <class E>
struct reducer_parts;
template <class F, class CT, class X, class O>
struct reducer_parts<xt::xreducer<F, CT, X, O>> {
    using stepper = xt::xreducer_stepper<F, CT, X, O>;
    using operand = std::remove_cvref_t<CT>;
    using closure = CT;
    using options = O;
    using result = typename xt::xreducer<F, CT, X, O>::value_type;
    using reduce = std::remove_cvref_t<typename xt::xreducer<F, CT, X, O>::reduce_functor_type>;
    using merge = std::remove_cvref_t<typename xt::xreducer<F, CT, X, O>::merge_functor_type>;
};

template <class E>
concept tagged_reducer =
    requires { typename reducer_parts<E>::closure; } && tagged_expression<typename reducer_parts<E>::closure>;

template <class E>
concept elementwise_in_memory = (is_elementwise_call<E>::value || is_broadcast<E>::value || strided_leaf<E>) &&
                                operand_values<operands_t<E>>::in_place;

// Reducers whose result does not depend on the order of the elements, but for rounding.
template <class E>
concept reorderable_reducer = tagged_reducer<E> && is_associative<typename reducer_parts<E>::reduce>() &&
                              is_associative<typename reducer_parts<E>::merge>() &&
                              std::is_trivially_copyable_v<typename reducer_parts<E>::result>;

// Hands its operand on. A function of an expression over containers alone by it has the tag of expressions over views.
struct with_tensor_tag {
    template <class V>
    V operator()(const V& value) const {
        return value;
    }
};

template <class Reducer>
auto tagged_reducer_of(const Reducer& reducer) {
    using operand = xt::xfunction<with_tensor_tag, const typename reducer_parts<Reducer>::operand&>;
    return reducer.build_reducer(operand(with_tensor_tag(), reducer.expression()));
}

// Reducers over containers alone that this library's loops serve where they are assigned to a view, or stand beside
// one. Sums of short floats stay xtensor's.
template <class E>
concept untagged_reducer = requires { typename reducer_parts<E>::closure; } && !tagged_reducer<E> &&
                           !reduced_precision<typename E::value_type> &&
                           reorderable_reducer<decltype(tagged_reducer_of(std::declval<const E&>()))>;

template <class Operands>
inline constexpr bool are_references = false;
template <class... Operand>
inline constexpr bool are_references<std::tuple<Operand...>> = (std::is_reference_v<Operand> && ...);

template <tagged_reducer Reducer>
bool is_reduced_axis(const Reducer& reducer, std::size_t axis) {
    const auto& axes = reducer_parts<Reducer>::stepper::axes(reducer);
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// What a reducer starts from. Of the least and the greatest, xtensor starts from the last finite number.
template <class R, class Reduce>
R neutral_value(const R& initial) {
    if constexpr (std::numeric_limits<R>::has_infinity && is_greatest<Reduce>) {
        return -std::numeric_limits<R>::infinity();
    } else if constexpr (std::numeric_limits<R>::has_infinity && is_least<Reduce>) {
        return std::numeric_limits<R>::infinity();
    } else {
        return initial;
    }
}

/// How the reducer's elements become a result, in type R.
template <class R, tagged_reducer Reducer>
auto reduction_of(const Reducer& reducer) {
    using parts = reducer_parts<Reducer>;
    const auto reduce = propagating_nan(parts::stepper::reduce(reducer));
    const auto merge = propagating_nan(parts::stepper::merge(reducer));
    return reduction<R, std::remove_const_t<decltype(reduce)>, std::remove_const_t<decltype(merge)>>{
        reduce, merge,
        static_cast<R>(
            neutral_value<typename parts::result, typename parts::reduce>(parts::stepper::initial(reducer)))};
}

// Without an element there is no least and no greatest one.
template <class Reducer>
void require_elements(const Reducer& reducer) {
    using parts = reducer_parts<Reducer>;
    if constexpr (!parts::options::has_initial_value &&
                  (is_greatest<typename parts::reduce> || is_least<typename parts::reduce>)) {
        if (reducer.expression().size() == 0) [[unlikely]] {
            throw_value_error(
                "reduction: the operand has no elements, and so no least and no greatest one. Give "
                "xt::amin or xt::amax an initial value, xt::initial(value), or an operand with elements.");
        }
    }
}

// An initial value that changes nothing, however often it takes part; std::accumulate's start value might.
template <class R, class Merge>
bool is_neutral(const R& initial, const Merge& merge) {
    if constexpr (std::equality_comparable<R>) {
        return merge(initial, initial) == initial || is_nan(initial);
    } else {
        return false;
    }
}

// Calls `visit(size, axis, dimension, reduced)` for every axis of the operand, with the dimension of the result.
template <class Reducer, class Visit>
void for_each_axis(const Reducer& reducer, const Visit& visit) {
    const auto& shape = reducer.expression().shape();
    std::size_t dimension = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        const bool reduced = is_reduced_axis(reducer, axis);
        visit(static_cast<std::ptrdiff_t>(shape[axis]), axis, dimension, reduced);
        dimension += !reduced || reducer_parts<Reducer>::stepper::keeps_dimensions;
    }
}

}  // namespace xtt::detail
