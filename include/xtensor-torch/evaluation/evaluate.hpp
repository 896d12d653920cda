// xtensor assigns expressions to containers it may resize. A view's memory belongs to a tensor and keeps its shape;
// this file puts values into such memory, and chooses between the loops of this library and xtensor's own assignment.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/elementwise.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/gather.hpp>
#include <xtensor-torch/evaluation/generator_loops.hpp>
#include <xtensor-torch/evaluation/join.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/evaluation/reducer.hpp>
#include <xtensor-torch/evaluation/shapes.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace xtt::detail {

/// Whether `evaluate` may read an element of the destination after it changed it.
template <class D, class E>
bool needs_temporary(const D& destination, const E& expression) {
    if constexpr (!strided_leaf<D>) {
        return true;  // elements chosen by index, and others without an address that would tell
    } else if constexpr (loopable<D, E>) {
        return loops_read_after_write(destination, expression);
    } else {
        return may_read_after_write(destination, expression);
    }
}

// A container of the expression's shape and value type.
template <class E>
using row_major_t = typename xt::detail::xtype_for_shape<std::decay_t<typename E::shape_type>>::template type<
    typename E::value_type, xt::layout_type::row_major>;

// By xtensor, element after element.
template <class D, class E>
void evaluate_by_elements(D& destination, const E& expression) {
    if constexpr (needs_element_cast<typename D::value_type, typename E::value_type>) {
        using T = typename D::value_type;
        evaluate(destination, xt::xfunction<element_cast_to<T>, const E&>(element_cast_to<T>(), expression));
    } else if constexpr (!requires { expression.stepper_begin(destination.shape()); }) {
        // What xt::repeat returns steps through shapes of its own type alone.
        auto values = row_major_t<E>::from_shape(expression.shape());
        evaluate_by_elements(values, expression);
        evaluate(destination, values);
    } else {
        // xtensor calls an assignment trivial when one linear loop can serve both sides; a shape that is broadcast
        // never is, also where the expression is a single operand. That of an xtensor_fixed cannot be written.
        xt::dynamic_shape<std::size_t> shape(destination.shape().begin(), destination.shape().end());
        const bool trivial = expression.broadcast_shape(shape);
        xt::xexpression_assigner_base<xt::xtensor_expression_tag>::assign_data(destination, expression, trivial);
    }
}

// All results at once, into the destination or, where they are converted or broadcast to it, into a container before.
template <class D, reorderable_reducer Reducer>
void evaluate_reducer(D& destination, const Reducer& reducer) {
    using R = typename Reducer::value_type;
    if constexpr (readable_in_place<D> && std::is_same_v<typename D::value_type, R>) {
        if (is_same_shape(destination.shape(), reducer.shape())) {
            if (!reduce_into(reducer, destination)) {
                evaluate_by_elements(destination, reducer);
            }
            return;
        }
    }
    auto results = row_major_t<Reducer>::from_shape(reducer.shape());
    if (reduce_into(reducer, results)) {
        evaluate(destination, results);
    } else {
        evaluate_by_elements(destination, reducer);
    }
}

// Into the destination where it has the expression's shape, or into a container first, which is broadcast to it.
template <class D, class E, class Evaluate>
void evaluate_in_shape(D& destination, const E& expression, const Evaluate& evaluate_into) {
    if constexpr (readable_in_place<D>) {
        if (is_same_shape(destination.shape(), expression.shape())) {
            evaluate_into(destination);
            return;
        }
    }
    auto values = row_major_t<E>::from_shape(expression.shape());
    evaluate_into(values);
    evaluate(destination, values);
}

// A generator that draws numbers is called in xtensor's order, which is another one where columns are written first.
template <class D, class E>
inline constexpr bool is_filled = is_generator<E>::value && (D::static_layout != xt::layout_type::column_major ||
                                                             reads_nothing<E> || tagged_expression<E>);

/// Writes the expression into the destination's memory in one pass, broadcasting it to the destination's shape.
/// The shapes must fit, and the expression must not read what the pass has already written.
template <class D, class E>
void evaluate(D& destination, const E& expression) {
    if constexpr (loopable<D, E>) {
        const auto operands = operands_of(expression);
        std::apply([&](const auto&... operand) { evaluate_in_loops(destination, expression, operand...); }, operands);
    } else if constexpr (reorderable_reducer<E>) {
        evaluate_reducer(destination, expression);
    } else if constexpr (untagged_reducer<E>) {
        evaluate(destination, tagged_reducer_of(expression));
    } else if constexpr (is_join<E>::value) {
        evaluate_in_shape(destination, expression, [&](auto& values) { evaluate_join(values, expression); });
    } else if constexpr (is_gathered<E>) {
        evaluate_in_shape(destination, expression, [&](auto& values) {
            if (values.size() != 0) {
                gather_loops<std::decay_t<decltype(values)>, E>(values, expression)
                    .run(static_cast<std::ptrdiff_t>(values.size()));
            }
        });
    } else if constexpr (is_coordinate<E>) {
        evaluate(destination, values_of_coordinate(expression));
    } else if constexpr (is_filled<D, E>) {
        evaluate_in_shape(destination, expression, [&](auto& values) { fill_by_generator(values, expression); });
    } else {
        evaluate_by_elements(destination, expression);
    }
}

template <class E>
auto values_of(const E& e) {
    if constexpr (is_coordinate<E>) {
        return values_of_coordinate(e);
    } else if constexpr (!tagged_expression<E> && (untagged_reducer<E> || is_join<E>::value || is_gathered<E> ||
                                                   is_elementwise_call<E>::value || is_generator<E>::value)) {
        auto values = row_major_t<E>::from_shape(e.shape());
        evaluate(values, e);
        return values;
    } else {
        return xt::eval(e);
    }
}

}  // namespace xtt::detail

namespace xt {

// What xtensor calls where an expression over a tensor's view is assigned to anything, and anything to a part of one.
// It has made the shapes fit.
template <>
class xexpression_assigner_base<xtt::tensor_expression_tag> {
public:
    template <class D, class E>
    static void assign_data(xexpression<D>& destination, const xexpression<E>& expression, bool /*trivial*/) {
        xtt::detail::evaluate(destination.derived_cast(), expression.derived_cast());
    }
};

}  // namespace xt
