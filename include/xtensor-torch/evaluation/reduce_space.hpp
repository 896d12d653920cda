// How operands lie along the innermost dimension, in memory or with one value, is known when the program runs; loops
// that make vectors of them are compiled for each way. This file chooses between them.
#pragma once

#include <xtensor-torch/evaluation/reduction_columns.hpp>
#include <xtensor-torch/evaluation/reduction_rows.hpp>
#include <xtensor-torch/evaluation/reduction_space.hpp>

#include <cstddef>

namespace xtt::detail {

/// Reduces the values of a space that is not crossed, and writes every result once. Consumes its dimensions.
template <along_row... Access, class Space>
void reduce_space(Space& space) {
    constexpr std::size_t next = sizeof...(Access);
    constexpr std::size_t operands = Space::count - 1;
    if constexpr (next == operands) {
        if (space.dimensions.empty() || !Space::is_reduced(space.dimensions[0])) {
            column_reduction<Space, Access...>::run(space);
        } else {
            row_reduction<Space, Access...>::run(space);
        }
    } else {
        if (space.innermost_step(next) == 1) {
            reduce_space<Access..., along_row::in_place>(space);
        } else if constexpr (operands == 1) {
            reduce_space<Access..., along_row::stepped>(space);
        } else if constexpr (operands == 2) {
            reduce_space<Access..., along_row::uniform>(space);
        }
    }
}

}  // namespace xtt::detail
