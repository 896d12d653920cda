// xtensor assigns expressions to containers it may resize. A view's memory belongs to a tensor and keeps its shape;
// this file puts values into such memory: shapes are checked first, then overlap, then xtensor's own assignment runs.
#pragma once

#include <xtensor-torch/detail/error.hpp>
#include <xtensor-torch/detail/overlap.hpp>
#include <xtensor-torch/detail/xtensor.hpp>

#include <string>
#include <utility>

namespace xtt::detail {

template <class Shape, class Target>
[[noreturn, gnu::cold, gnu::noinline]] void refuse_shape(const Shape& shape, const Target& target) {
    throw_value_error("assignment: the expression has shape " + braced(shape) + "; the view has shape " +
                      braced(target) + " and is never resized. Give the expression a shape that broadcasts to it.");
}

/// Throws c10::ValueError unless the expression's shape broadcasts to the destination's.
template <class D, class E>
void require_broadcastable(const D& destination, const E& expression) {
    const auto& shape = expression.shape();
    if (!xt::broadcastable(shape, destination.shape())) [[unlikely]] {
        refuse_shape(shape, destination.shape());
    }
}

/// Writes the expression into the destination's memory in one pass, broadcasting it to the destination's shape.
/// The shapes must fit, and the expression must not read what the pass has already written.
template <class D, class E>
void evaluate(D& destination, const E& expression) {
    // xtensor calls an assignment trivial when one linear loop can serve both sides; a shape that is broadcast
    // never is, also where the expression is a single operand.
    auto shape = destination.shape();
    const bool trivial = expression.broadcast_shape(shape);
    xt::assign_data(destination, expression, trivial);
}

}  // namespace xtt::detail
