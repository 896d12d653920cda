// xtensor assigns expressions to containers it may resize. A view's memory belongs to a tensor and keeps its shape;
// this file puts values into such memory: it checks the shapes, and chooses between one linear loop, a walk through few
// elements, a nest of loops over tiles, LibTorch's conversion of short floats, and xtensor's own assignment.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/conversion.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/gather.hpp>
#include <xtensor-torch/evaluation/join.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/loops.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/evaluation/reducer.hpp>
#include <xtensor-torch/evaluation/rows.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace xtt::detail {

template <class Shape, class Target>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_shape(const Shape& shape, const Target& target) {
    throw_value_error("assignment: the expression has shape " + braced(shape) + "; the view has shape " +
                      braced(target) + " and is never resized. Give the expression a shape that broadcasts to it.");
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_operands(const std::string& verb) {
    throw_value_error(verb +
                      ": the expression's operands have shapes that do not broadcast to one, and one is needed. Bring "
                      "them to shapes that fit each other first, e.g. with xt::view(x, …, xt::newaxis()).");
}

/// The expression's shape. Throws c10::ValueError where its operands do not fit each other.
template <class E>
decltype(auto) shape_of(const char* verb, const E& expression) {
    try {
        return expression.shape();
    } catch (const xt::broadcast_error&) {
        refuse_operands(verb);
    }
}

// Counts from the last dimension, also in shapes that are a type and have no reverse iterators.
template <class Shape, class Target>
bool broadcasts_to(const Shape& shape, const Target& target) noexcept {
    if (shape.size() > target.size()) {
        return false;
    }
    const std::size_t added = target.size() - shape.size();
    for (std::size_t d = 0; d < shape.size(); ++d) {
        const auto size = static_cast<std::size_t>(shape[d]);
        if (size != 1 && size != static_cast<std::size_t>(target[added + d])) {
            return false;
        }
    }
    return true;
}

/// Throws c10::ValueError unless the expression's shape broadcasts to the destination's.
template <class D, class E>
void require_broadcastable(const D& destination, const E& expression) {
    const auto& shape = shape_of("assignment", expression);
    if (!broadcasts_to(shape, destination.shape())) [[unlikely]] {
        refuse_shape(shape, destination.shape());
    }
}

// A destination and an expression that the loops of this library serve: functions of single elements, over elements in
// memory. Everything else, generators and reducers and views through indices, xtensor assigns itself.
template <class D, class E>
concept loopable = (is_elementwise_call<E>::value || is_broadcast<E>::value || strided_leaf<E>) &&
                   operand_values<operands_t<E>>::in_place && readable_in_place<D>;

// Whether the operand's elements lie in the order of the destination's, and neither has holes.
template <class D, class Operand>
bool in_same_order(const D& destination, const Operand& operand) noexcept {
    const std::size_t rank = destination.shape().size();
    if (operand.shape().size() != rank) {
        return false;
    }
    for (std::size_t d = 0; d < rank; ++d) {
        if (operand.shape()[d] != destination.shape()[d] || operand.strides()[d] != destination.strides()[d]) {
            return false;
        }
    }
    return true;
}

// A second thread is worth waking for this many elements.
inline constexpr std::ptrdiff_t grain = 32768;

template <class D, class E, class... Operand>
void evaluate_in_loops(D& destination, const E& expression, const Operand&... operands) {
    using T = typename D::value_type;
    // And for more than this many it pays to plan the loops.
    constexpr std::ptrdiff_t few = 64;
    const auto size = static_cast<std::ptrdiff_t>(destination.size());
    if (size == 0) {
        return;
    }
    const auto kernel = kernel_of(expression);
    const auto in = addresses_of(operands...);
    T* out = destination.data() + destination.data_offset();
    // Only operands without dimensions broadcast to a destination without, which a part of a view need not call
    // contiguous.
    const bool is_single = destination.shape().size() == 0;
    if (is_single || (destination.is_contiguous() && (in_same_order(destination, operands) && ...))) {
        if (size < 2 * grain) {
            compute_run(kernel, out, in, size);
            return;
        }
        parallel_for(size, grain, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
            compute_run(kernel, out + first, advanced(in, first), last - first);
        });
        return;
    }
    if (size <= few) {
        walk(kernel, destination, 0, out, in, operands...);
    } else {
        loop_nest<T, std::remove_const_t<decltype(kernel)>, std::remove_const_t<decltype(in)>>(
            kernel, out, in, dimensions_of(destination, operands...))
            .run(grain);
    }
}

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

/// Writes the expression into the destination's memory in one pass, broadcasting it to the destination's shape.
/// The shapes must fit, and the expression must not read what the pass has already written.
template <class D, class E>
void evaluate(D& destination, const E& expression) {
    if constexpr (loopable<D, E>) {
        if constexpr (strided_leaf<E> && converted_by_torch<typename D::value_type, typename E::value_type>) {
            // Asking LibTorch costs as much as converting this many elements.
            constexpr std::size_t worth_asking = 4096;
            if (destination.size() >= worth_asking && convert_by_torch(destination, expression)) {
                return;
            }
        }
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
                    .run(static_cast<std::ptrdiff_t>(values.size()), grain);
            }
        });
    } else {
        evaluate_by_elements(destination, expression);
    }
}

template <class E>
auto values_of(const E& e) {
    if constexpr (!tagged_expression<E> && (untagged_reducer<E> || is_join<E>::value || is_gathered<E>)) {
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
