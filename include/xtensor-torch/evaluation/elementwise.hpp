// xtensor compiles an assignment anew for every expression. This file evaluates functions of single elements with as
// little of that as there can be: it takes the operands out of the expression, and chooses between one linear run, a
// walk through few elements, and a nest of loops over tiles, for all expressions over the same types of operands.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/converted_rows.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/loop_dimensions.hpp>
#include <xtensor-torch/evaluation/loops.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/evaluation/quotients.hpp>
#include <xtensor-torch/evaluation/rows.hpp>
#include <xtensor-torch/evaluation/runs.hpp>
#include <xtensor-torch/evaluation/squares.hpp>
#include <xtensor-torch/evaluation/wide_kernel.hpp>

#include <cstddef>

namespace xtt::detail {

// A destination and an expression that the loops of this library serve: functions of single elements, over elements in
// memory, and single numbers. Everything else, generators and reducers and views through indices, xtensor assigns
// itself.
template <class D, class E>
concept loopable =
    (is_elementwise_call<E>::value || is_broadcast<E>::value || strided_leaf<E> || xt::is_xscalar<E>::value) &&
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

// Calls the kernel for all elements of the destination. Of an expression only its operands are known here, so that
// expressions over the same types of operands share these lines.
template <std::size_t Places, class D, class... Operand>
void run_loops(const row_kernel<Places>& kernel, D& destination, const Operand&... operands) {
    // For more than this many it pays to plan the loops.
    constexpr std::ptrdiff_t few = 64;
    const auto size = static_cast<std::ptrdiff_t>(destination.size());
    const std::size_t rank = destination.shape().size();
    if (size == 0) {
        return;
    }
    row_block<Places> block;
    block.out = destination.data() + destination.data_offset();
    // Only operands without dimensions broadcast to a destination without, which a part of a view need not call
    // contiguous.
    const bool in_order = rank == 0 || (destination.is_contiguous() && (in_same_order(destination, operands) && ...));
    if (in_order ? is_one_run(block.out, size) : size <= few && rank <= 2) {
        std::size_t place = 0;
        const auto add = [&](const auto& operand) {
            block.steps[place] = in_order ? 1 : broadcast_stride(operand, rank, rank - 1);
            block.pitches[place++] = in_order || rank == 1 ? 0 : broadcast_stride(operand, rank, rank - 2);
        };
        add(destination);
        ((block.in[place - 1] = operands.data() + operands.data_offset(), add(operands)), ...);
        block.columns = in_order ? size : static_cast<std::ptrdiff_t>(destination.shape()[rank - 1]);
        block.rows = in_order || rank == 1 ? 1 : static_cast<std::ptrdiff_t>(destination.shape()[rank - 2]);
        if (in_order) {
            kernel.compute(block);
        } else {
            kernel.compute_elements(block);
        }
        return;
    }
    const loop_operands<Places> memory(destination, operands...);
    if (in_order) {
        run_through(kernel, memory, size);
        return;
    }
    const auto dimensions = dimensions_of<Places + 1>(destination, operands...);
    if (size <= few) {
        walk(kernel, memory, dimensions);
    } else {
        loop_nest<Places>(kernel, memory, dimensions).run();
    }
}

template <class D, class E, class... Operand>
void evaluate_in_loops(D& destination, const E& expression, const Operand&... operands) {
    using T = typename D::value_type;
    if constexpr (computes_in_floats<T, E>) {
        const auto kernel = wide_kernel_for<T>(expression);
        run_loops(wide_row_kernel_of<T, typename Operand::value_type...>(kernel), destination, operands...);
    } else {
        const auto run = [&](const auto& kernel) {
            run_loops(row_kernel_of<T, typename Operand::value_type...>(kernel), destination, operands...);
        };
        const auto kernel = kernel_of(expression);
        if constexpr (has_powers<std::remove_const_t<decltype(kernel)>>) {
            if (has_only_squares(kernel)) {
                return run(with_squares(kernel));
            }
        }
        if constexpr (has_quotients<std::remove_const_t<decltype(kernel)>>) {
            if (has_exact_quotients(kernel)) {
                return run(with_products(kernel));
            }
        }
        run(kernel);
    }
}

}  // namespace xtt::detail
