// xtensor computes the shape of an expression from its operands when it is asked for, and says of shapes that do not
// fit where it noticed. This file asks the operands, whose types are fewer than those of expressions, and says what to
// do.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <tuple>

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

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_operand_shapes(const c10::DimVector& target,
                                                                  std::initializer_list<c10::DimVector> shapes) {
    c10::DimVector common;
    for (const c10::DimVector& shape : shapes) {
        if (shape.size() > common.size()) {
            common.insert(common.begin(), shape.size() - common.size(), 1);
        }
        for (std::size_t d = 0, added = common.size() - shape.size(); d < shape.size(); ++d) {
            if (common[added + d] == 1) {
                common[added + d] = shape[d];
            } else if (shape[d] != 1 && shape[d] != common[added + d]) {
                refuse_operands("assignment");
            }
        }
    }
    refuse_shape(common, target);
}

template <class D, class... Operand>
void require_operands_broadcast(const D& destination, const Operand&... operands) {
    if (!(broadcasts_to(operands.shape(), destination.shape()) && ...)) [[unlikely]] {
        refuse_operand_shapes(to_dim_vector(destination.shape()), {to_dim_vector(operands.shape())...});
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
            refuse_shape(shape, destination.shape());
        }
    }
}

}  // namespace xtt::detail
