// xtensor reduces element by element. This file reduces an operand as a whole where a reducer is assigned, and along
// its axes where a single element is asked for; only functors that it does not know are called in xtensor's order.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/loop_dimensions.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/reduce_space.hpp>
#include <xtensor-torch/evaluation/reducer_parts.hpp>
#include <xtensor-torch/evaluation/reduction_space.hpp>
#include <xtensor-torch/evaluation/wide_kernel.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>

namespace xtt::detail {

// Whether a functor is called with what it is given, as xtensor's norms are not: their parameters have the type of the
// elements.
template <class F>
concept generic_functor = !requires { &F::operator(); };

// Whether elements are compared or added up in float that are shorter in memory. A functor that grows in a shorter
// type stays there.
template <class Reducer, class E>
inline constexpr bool reduces_in_floats = false;
template <class Reducer, class E>
    requires(has_short_floats<E> && generic_functor<typename reducer_parts<Reducer>::reduce> &&
             std::is_arithmetic_v<computed_t<typename reducer_parts<Reducer>::result>>)
inline constexpr bool reduces_in_floats<Reducer, E> =
    !std::is_same_v<wide_kernel_t<E>, no_kernel> &&
    (!short_float<typename reducer_parts<Reducer>::result> || is_greatest<typename reducer_parts<Reducer>::reduce> ||
     is_least<typename reducer_parts<Reducer>::reduce>);

// The type that the elements of `E` become results in.
template <class Reducer, class E>
using reduced_t = std::conditional_t<reduces_in_floats<Reducer, E>, computed_t<typename reducer_parts<Reducer>::result>,
                                     typename reducer_parts<Reducer>::result>;

template <class Reducer, class E>
auto reduced_kernel_of(const E& e) {
    if constexpr (reduces_in_floats<Reducer, E>) {
        return wide_kernel_of(e);
    } else {
        return kernel_of(e);
    }
}

/// Reduces the elements of `e`, the reducer's operand or its values, at `index` or, without one, for all results.
template <class Reducer, class E, class R, class Strides>
void reduce_in_loops(const Reducer& reducer, const E& e, R* out, const Strides& strides, const reducer_index* index) {
    const auto kernel = reduced_kernel_of<Reducer>(e);
    const auto how = reduction_of<reduced_t<Reducer, E>>(reducer);
    const auto operands = operands_of(e);
    const bool crossed = std::apply(
        [&](const auto&... operand) {
            auto in = addresses_of(operand...);
            const std::size_t rank = e.shape().size();
            loop_dimensions<1 + sizeof...(operand)> dimensions;
            for_each_axis(reducer, [&](std::ptrdiff_t size, std::size_t axis, std::size_t dimension, bool reduced) {
                if (size == 1) {
                    return;
                }
                if (index != nullptr && !reduced) {
                    const auto at = static_cast<std::ptrdiff_t>((*index)[dimension]);
                    in = std::apply(
                        [&](const auto*... address) {
                            return std::tuple(address + at * broadcast_stride(operand, rank, axis)...);
                        },
                        in);
                    return;
                }
                dimensions.push_back({size,
                                      {reduced ? 0 : static_cast<std::ptrdiff_t>(strides[dimension]),
                                       broadcast_stride(operand, rank, axis)...}});
            });
            reduction_space<std::remove_const_t<decltype(how)>, std::remove_const_t<decltype(kernel)>, R, decltype(in)>
                space(how, kernel, out, in, dimensions);
            if (space.is_crossed()) {
                return true;
            }
            reduce_space(space);
            return false;
        },
        operands);
    if (crossed) {
        reduce_in_loops(reducer, xt::eval(e), out, strides, index);
    }
}

// In xtensor's order: along the last axis from the initial value on, and along the others what that gave.
template <class Reducer, class How, class Stepper>
typename reducer_parts<Reducer>::result reduce_in_order(const Reducer& reducer, const How& how, Stepper& at,
                                                        std::size_t number) {
    using parts = reducer_parts<Reducer>;
    using R = typename parts::result;
    const auto& axes = parts::stepper::axes(reducer);
    const auto axis = static_cast<std::size_t>(axes[number]);
    const auto size = static_cast<std::size_t>(reducer.expression().shape()[axis]);
    R result{};
    if (number + 1 == axes.size()) {
        result = how.neutral;
        for (std::size_t i = 0; i < size; ++i) {
            result = how.added(result, *at);
            if (i + 1 < size) {
                at.step(axis);
            }
        }
    } else {
        result = reduce_in_order(reducer, how, at, number + 1);
        for (std::size_t i = 1; i < size; ++i) {
            at.step(axis);
            result = how.merged(result, reduce_in_order(reducer, how, at, number + 1));
        }
    }
    at.reset(axis);
    return result;
}

// Without an element, and with the initial value that the caller gave.
template <class Reducer>
auto initial_result(const Reducer& reducer) {
    using parts = reducer_parts<Reducer>;
    if constexpr (parts::options::has_initial_value) {
        return static_cast<typename parts::result>(reducer.options().initial_value);
    } else {
        return parts::stepper::initial(reducer);
    }
}

template <class Reducer>
void merge_initial(const Reducer& reducer, typename reducer_parts<Reducer>::result& result) {
    using parts = reducer_parts<Reducer>;
    if constexpr (parts::options::has_initial_value) {
        result = parts::stepper::merge(reducer)(static_cast<typename parts::result>(reducer.options().initial_value),
                                                result);
    }
}

/// The element of a reducer at an index.
template <class Reducer>
auto reduced_at(const Reducer& reducer, const reducer_index& index) {
    using parts = reducer_parts<Reducer>;
    using R = typename parts::result;
    const auto& operand = reducer.expression();
    if (operand.size() == 0) {
        require_elements(reducer);
        return initial_result(reducer);
    }
    R result{};
    if constexpr (reorderable_reducer<Reducer> && elementwise_in_memory<typename parts::operand>) {
        // What else than memory the operand asks for is evaluated for one result only where there is but one.
        constexpr bool evaluates = !are_references<operands_t<typename parts::operand>>;
        if (is_neutral(parts::stepper::initial(reducer), parts::stepper::merge(reducer)) &&
            (!evaluates || reducer.size() == 1)) {
            reduce_in_loops(reducer, operand, &result, reducer_index(), &index);
            merge_initial(reducer, result);
            return result;
        }
    }
    const auto how = reduction_of<R>(reducer);
    auto at = operand.stepper_begin(operand.shape());
    for_each_axis(reducer, [&](std::ptrdiff_t, std::size_t axis, std::size_t dimension, bool reduced) {
        if (!reduced) {
            at.step(axis, index[dimension]);
        }
    });
    if (parts::stepper::axes(reducer).size() == 0) {
        result = how.added(how.neutral, *at);
    } else {
        result = reduce_in_order(reducer, how, at, 0);
    }
    merge_initial(reducer, result);
    return result;
}

/// Writes all results into a destination of the reducer's shape and value type.
template <class Reducer, class D>
bool reduce_into(const Reducer& reducer, D& destination) {
    using parts = reducer_parts<Reducer>;
    if (!is_neutral(parts::stepper::initial(reducer), parts::stepper::merge(reducer))) {
        return false;
    }
    const auto& operand = reducer.expression();
    if (destination.size() == 0) {
        return true;
    }
    auto* const out = destination.data() + destination.data_offset();
    if (operand.size() == 0) {
        require_elements(reducer);
        std::fill(destination.begin(), destination.end(), initial_result(reducer));
        return true;
    }
    if constexpr (elementwise_in_memory<typename parts::operand>) {
        reduce_in_loops(reducer, operand, out, destination.strides(), nullptr);
    } else {
        reduce_in_loops(reducer, xt::eval(operand), out, destination.strides(), nullptr);
    }
    if constexpr (parts::options::has_initial_value) {
        for (auto& result : destination) {
            merge_initial(reducer, result);
        }
    }
    return true;
}

}  // namespace xtt::detail
