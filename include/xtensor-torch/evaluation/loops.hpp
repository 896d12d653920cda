// at::TensorIterator reorders and merges the dimensions of its operands, but asks for a tensor of each, which costs
// more than a small assignment. This file does the same for any strided operands without an allocation, and adds what
// the iterator lacks: operands whose fast axis is another than the destination's are moved through tiles in the cache.
// As in runs.hpp, expressions and types of elements are forgotten.
#pragma once

#include <xtensor-torch/evaluation/loop_dimensions.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/rows.hpp>
#include <xtensor-torch/evaluation/runs.hpp>
#include <xtensor-torch/evaluation/transpose.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace xtt::detail {

/// Loops that compute a kernel for every element of a destination.
template <std::size_t Places>
class loop_nest {
    static constexpr std::size_t count = 1 + Places;
    using offsets = distances<Places>;

    // How an operand's elements lie along a row.
    enum class access : unsigned char { in_place, uniform, packed };

    // All tiles of a thread together: on its stack, and in the second cache of every processor.
    static constexpr std::ptrdiff_t tile_bytes = 65536;

    // Beside these there is room for what operands with one value a row need, in the nearest cache; many of them, or
    // wide ones, go into tiles as well.
    static constexpr std::ptrdiff_t uniform_bytes = 4096;

public:
    XTENSOR_TORCH_NOINLINE loop_nest(const row_kernel<Places>& kernel, const loop_operands<Places>& operands,
                                     const loop_dimensions<count>& dimensions)
        : m_kernel(kernel), m_operands(operands), m_dimensions(dimensions) {
        sort_and_merge(m_dimensions, [](const auto& dimension) { return dimension.strides[0]; });
        choose_plane(m_dimensions);
        while (m_dimensions.size() < 2) {
            m_dimensions.push_back({});
        }
        const auto& [columns, steps] = m_dimensions[0];
        for (std::size_t k = 0; k <= m_kernel.operands; ++k) {
            m_access[k] = steps[k] == 1 || columns == 1 ? access::in_place
                          : k > 0 && steps[k] == 0      ? access::uniform
                                                        : access::packed;
        }
        if (uniform_row() > uniform_bytes) {
            std::replace(m_access.begin(), m_access.end(), access::uniform, access::packed);
        }
        choose_block();
        std::ptrdiff_t end = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const std::ptrdiff_t bytes = tile_columns(k) * m_rows * m_operands.moves[k]->size;
            m_tiles[k] = end;
            end += (bytes + line - 1) / line * line;
        }
    }

    void run() const {
        std::ptrdiff_t blocks = m_column_blocks * m_row_blocks;
        for (std::size_t d = 2; d < m_dimensions.size(); ++d) {
            blocks *= m_dimensions[d].size;
        }
        parallel_for(blocks, std::max<std::ptrdiff_t>(1, grain / (m_columns * m_rows)),
                     [this](std::ptrdiff_t first, std::ptrdiff_t last) { run_blocks(first, last); });
    }

private:
    static constexpr auto line = static_cast<std::ptrdiff_t>(cache_line);

    // How many elements of an operand a row of its tile holds.
    std::ptrdiff_t tile_columns(std::size_t operand) const {
        return m_access[operand] == access::packed    ? m_columns
               : m_access[operand] == access::uniform ? m_kernel.copies
                                                      : 0;
    }

    // The bytes that operands with one value a row need for each row.
    std::ptrdiff_t uniform_row() const {
        std::ptrdiff_t bytes = 0;
        for (std::size_t k = 0; k < count; ++k) {
            if (m_access[k] == access::uniform) {
                bytes += m_kernel.copies * m_operands.moves[k]->size;
            }
        }
        return bytes;
    }

    // Blocks without a tile are as large as what is worth a thread. Tiles across the rows are one cache line high,
    // so that lines are used whole, and as long as there is room: rows of the other operands are read the faster the
    // longer they are. Where there are none, squares use both sides' lines best.
    void choose_block() {
        const auto& [columns, steps] = m_dimensions[0];
        const std::ptrdiff_t rows = m_dimensions[1].size;
        std::ptrdiff_t packed = 0;
        std::ptrdiff_t widest = 1;
        bool transposed = false;
        for (std::size_t k = 0; k < count; ++k) {
            packed += m_access[k] == access::packed;
            transposed |= m_access[k] == access::packed && steps[k] != 0;
            widest = std::max(widest, m_operands.moves[k]->size);
        }
        std::ptrdiff_t elements = packed == 0 ? grain : tile_bytes / widest / packed;
        std::ptrdiff_t longest = std::min<std::ptrdiff_t>(elements, 8192);
        if (transposed && m_kernel.operands == 1 && rows > most_channels) {
            elements = std::min<std::ptrdiff_t>(elements, 4096);
            longest = 64;
        } else if (transposed) {
            longest = elements / std::min(rows, std::max<std::ptrdiff_t>(1, line / widest));
        }
        m_columns = std::min(columns, longest);
        m_rows = std::min(rows, std::max<std::ptrdiff_t>(1, elements / m_columns));
        if (uniform_row() > 0) {
            m_rows = std::min(m_rows, uniform_bytes / uniform_row());
        }
        m_column_blocks = (columns + m_columns - 1) / m_columns;
        m_row_blocks = (rows + m_rows - 1) / m_rows;
    }

    void run_blocks(std::ptrdiff_t first, std::ptrdiff_t last) const {
        alignas(cache_line) std::byte tiles[tile_bytes + uniform_bytes + count * line];
        for (std::ptrdiff_t number = first; number < last; ++number) {
            offsets at{};
            std::ptrdiff_t rest = number;
            const auto advance = [&](std::size_t dimension, std::ptrdiff_t steps) {
                for (std::size_t k = 0; k < count; ++k) {
                    at[k] += steps * m_dimensions[dimension].strides[k];
                }
            };
            const std::ptrdiff_t column = rest % m_column_blocks * m_columns;
            rest /= m_column_blocks;
            const std::ptrdiff_t row = rest % m_row_blocks * m_rows;
            rest /= m_row_blocks;
            advance(0, column);
            advance(1, row);
            add_offsets(at, rest, m_dimensions, 2, m_dimensions.size());
            run_block(tiles, m_operands.advanced(at), std::min(m_columns, m_dimensions[0].size - column),
                      std::min(m_rows, m_dimensions[1].size - row));
        }
    }

    void run_block(std::byte* tiles, const loop_operands<Places>& operands, std::ptrdiff_t columns,
                   std::ptrdiff_t rows) const {
        const offsets& inner = m_dimensions[0].strides;
        const offsets& outer = m_dimensions[1].strides;
        const element_moves& moves = *operands.moves[0];
        // What is only moved from one place to another needs no tile between them.
        if constexpr (Places == 1) {
            if (m_kernel.only_moves && m_access[0] == access::in_place && m_access[1] == access::packed) {
                return moves.gather(operands.out, outer[0], operands.in[0], inner[1], outer[1], columns, rows);
            }
            if (m_kernel.only_moves && m_access[0] == access::packed && m_access[1] == access::in_place) {
                return moves.scatter(operands.out, inner[0], outer[0], operands.in[0], outer[1], columns, rows);
            }
        }
        if (m_kernel.only_moves && m_access[0] == access::in_place && m_access[1] == access::in_place) {
            copy_rows(operands, columns, rows);
            return;
        }
        row_block<Places> block{operands.out, operands.in, {}, outer, columns, rows};
        block.steps.fill(1);
        for (std::size_t k = 1; k < count; ++k) {
            // Behind one another in the tile are the operand's elements in every row, or copies of the one that a row
            // has.
            std::byte* const tile = tiles + m_tiles[k];
            const std::ptrdiff_t packed_rows = outer[k] == 0 ? 1 : rows;
            if (m_access[k] == access::packed) {
                operands.moves[k]->gather(tile, columns, operands.in[k - 1], inner[k], outer[k], columns, packed_rows);
                replace(block, k, tile, columns);
            } else if (m_access[k] == access::uniform) {
                operands.moves[k]->repeat(tile, m_kernel.copies, operands.in[k - 1], outer[k], packed_rows);
                replace(block, k, tile, m_kernel.copies);
                block.steps[k] = 0;
            }
        }
        if (m_access[0] != access::in_place) {
            block.out = tiles + m_tiles[0];
            block.pitches[0] = columns;
        }
        m_kernel.compute(block);
        if (block.out != operands.out) {
            moves.scatter(operands.out, inner[0], outer[0], block.out, columns, columns, rows);
        }
    }

    static void replace(row_block<Places>& block, std::size_t operand, const std::byte* tile, std::ptrdiff_t pitch) {
        block.in[operand - 1] = tile;
        if (block.pitches[operand] != 0) {
            block.pitches[operand] = pitch;
        }
    }

    // The C library knows the fastest way to copy on each processor.
    void copy_rows(const loop_operands<Places>& operands, std::ptrdiff_t columns, std::ptrdiff_t rows) const {
        const offsets& pitches = m_dimensions[1].strides;
        const std::ptrdiff_t bytes = operands.moves[0]->size;
        for (std::ptrdiff_t j = 0; j < rows; ++j) {
            std::memmove(static_cast<std::byte*>(operands.out) + j * pitches[0] * bytes,
                         static_cast<const std::byte*>(operands.in[0]) + j * pitches[1] * bytes,
                         static_cast<std::size_t>(columns * bytes));
        }
    }

    row_kernel<Places> m_kernel;
    loop_operands<Places> m_operands;
    loop_dimensions<count> m_dimensions;
    std::array<access, count> m_access{};
    std::array<std::ptrdiff_t, count> m_tiles{};  // where each operand's begins
    std::ptrdiff_t m_columns = 1;
    std::ptrdiff_t m_rows = 1;
    std::ptrdiff_t m_column_blocks = 1;
    std::ptrdiff_t m_row_blocks = 1;
};

}  // namespace xtt::detail
