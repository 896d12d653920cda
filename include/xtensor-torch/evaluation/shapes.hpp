// xtensor computes the shape of an expression from its operands when it is asked for, and says of shapes that do not
// fit where it noticed. This file asks the operands, whose types are fewer than those of expressions, and says what to
// do.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>

#include <c10/util/ArrayRef.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <tuple>
#include <vector>

namespace xtt::detail {

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_shape(at::IntArrayRef shape, at::IntArrayRef target) {
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

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_operand_shapes(
    c10::ArrayRef<std::size_t> target, std::initializer_list<c10::ArrayRef<std::size_t>> shapes) {
    std::size_t rank = 0;
    for (const auto& shape : shapes) {
        rank = std::max(rank, shape.size());
    }
    std::vector<std::int64_t> common(rank, 1);
    for (const auto& shape : shapes) {
        for (std::size_t d = 0; d < shape.size(); ++d) {
            std::int64_t& size = common[rank - shape.size() + d];
            const auto other = static_cast<std::int64_t>(shape[d]);
            if (size != 1 && other != 1 && size != other) {
                refuse_operands("assignment");
            }
            size = size == 1 ? other : size;
        }
    }
    refuse_shape(common, std::vector<std::int64_t>(target.begin(), target.end()));
}

// Without a copy where the sizes lie in memory: the code stands in every expression's.
template <class Shape>
auto sizes_in(const Shape& shape) {
    if constexpr (requires { c10::ArrayRef<std::size_t>(shape.data(), shape.size()); }) {
        return c10::ArrayRef<std::size_t>(shape.data(), shape.size());
    } else {
        return std::vector<std::size_t>(shape.begin(), shape.end());
    }
}

template <class D, class... Operand>
void require_operands_broadcast(const D& destination, const Operand&... operands) {
    if (!(broadcasts_to(operands.shape(), destination.shape()) && ...)) [[unlikely]] {
        refuse_operand_shapes(sizes_in(destination.shape()), {sizes_in(operands.shape())...});
    }
}

/// Throws c10::ValueError unless the expression's shape broadcasts to the destination's.
template <class D, class E>
void require_broadcastable(const D& destination, const E& expression) {
    if constexpr (reads_memory_alone<E>) {
        std::apply([&](const auto&... operand) { require_operands_broadcast(destination, operand...); },
                   operands_of(expression));
    } else {
        const auto& shape = shape_of("assignment", expression);
        if (!broadcasts_to(shape, destination.shape())) [[unlikely]] {
            refuse_shape(to_dim_vector(shape), to_dim_vector(destination.shape()));
        }
    }
}

}  // namespace xtt::detail
