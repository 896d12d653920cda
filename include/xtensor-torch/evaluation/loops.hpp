// at::TensorIterator reorders and merges the dimensions of its operands, but asks for a tensor of each, which costs
// more than a small assignment. This file does the same for any strided operands without an allocation, and adds what
// the iterator lacks: operands whose fast axis is another than the destination's are moved through tiles in the cache.
#pragma once

#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/loop_dimensions.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/rows.hpp>
#include <xtensor-torch/evaluation/transpose.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

namespace xtt::detail {

// An operand whose elements along a run lie a step apart, in the place of its address.
template <class V>
struct stepped {
    const V* address;
    std::ptrdiff_t step;

    const V& operator[](std::ptrdiff_t i) const { return address[i * step]; }
};

/// Computes a kernel for every element, dimension after dimension: what suits a few elements, for which nothing needs
/// to be prepared.
template <class Kernel, class D, class T, class... V, class... Operand>
void walk(const Kernel& kernel, const D& destination, std::size_t dimension, T* out, const std::tuple<const V*...>& in,
          const Operand&... operands) {
    const std::size_t rank = destination.shape().size();
    const auto size = static_cast<std::ptrdiff_t>(destination.shape()[dimension]);
    const std::ptrdiff_t out_step = broadcast_stride(destination, rank, dimension);
    const auto run = std::apply(
        [&](const V*... address) {
            return std::tuple(stepped<V>{address, broadcast_stride(operands, rank, dimension)}...);
        },
        in);
    if (dimension + 1 == rank) {
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            out[i * out_step] = element_cast<T>(kernel.template element<0>(run, i));
        }
        return;
    }
    for (std::ptrdiff_t i = 0; i < size; ++i) {
        const auto there = std::apply([i](const auto&... operand) { return std::tuple(&operand[i]...); }, run);
        walk(kernel, destination, dimension + 1, out + i * out_step, there, operands...);
    }
}

template <class T, class Kernel, class Pointers>
class loop_nest;

/// Loops that compute a kernel for every element of a destination.
template <class T, class Kernel, class... V>
class loop_nest<T, Kernel, std::tuple<const V*...>> {
    static constexpr std::size_t count = 1 + sizeof...(V);
    using pointers = std::tuple<const V*...>;
    using offsets = std::array<std::ptrdiff_t, count>;
    using operand_numbers = std::index_sequence_for<V...>;

    // How an operand's elements lie along a row.
    enum class access : unsigned char { in_place, uniform, packed };

    // Loops are compiled for one operand that has one value for a whole row, whichever it is. Where there would be too
    // many, and for a second one, the row is written out in a tile instead.
    static constexpr bool uniform_runs = sizeof...(V) <= 4;

    // What is only moved from one place to another needs no tile between them.
    static constexpr bool moves = is_copy<Kernel, T, pointers>;

    static constexpr std::size_t widest = std::max({sizeof(T), sizeof(V)...});

    // All tiles of a thread together: on its stack, and in the second cache of every processor.
    static constexpr std::size_t tile_bytes = 65536;

public:
    loop_nest(const Kernel& kernel, T* out, const pointers& in, const loop_dimensions<count>& dimensions)
        : m_kernel(kernel), m_out(out), m_in(in), m_dimensions(dimensions) {
        sort_and_merge(m_dimensions, [](const auto& dimension) { return dimension.strides[0]; });
        choose_plane(m_dimensions);
        while (m_dimensions.size() < 2) {
            m_dimensions.push_back({});
        }
        const auto& [columns, row_strides] = m_dimensions[0];
        const auto& [rows, column_strides] = m_dimensions[1];
        bool transposed = false;
        std::size_t packed = 0;
        for (std::size_t k = 0; k < count; ++k) {
            m_access[k] = row_strides[k] == 1 || columns == 1 ? access::in_place : access::packed;
            transposed |= m_access[k] == access::packed && row_strides[k] != 0;
            if (uniform_runs && m_uniform == 0 && m_access[k] == access::packed && row_strides[k] == 0) {
                m_access[k] = access::uniform;
                m_uniform = k;
            }
            packed += m_access[k] == access::packed;
        }
        choose_block(columns, rows, packed, transposed);
        const std::size_t used = static_cast<std::size_t>(m_columns * m_rows) * widest;
        const std::size_t tile = (used + cache_line - 1) / cache_line * cache_line;
        std::size_t end = 0;
        for (std::size_t k = 0; k < count; ++k) {
            if (m_access[k] == access::packed) {
                m_tiles[k] = std::exchange(end, end + tile);
            }
        }
    }

    void run(std::ptrdiff_t grain) const {
        std::ptrdiff_t blocks = m_column_blocks * m_row_blocks;
        for (std::size_t d = 2; d < m_dimensions.size(); ++d) {
            blocks *= m_dimensions[d].size;
        }
        parallel_for(blocks, std::max<std::ptrdiff_t>(1, grain / (m_columns * m_rows)),
                     [this](std::ptrdiff_t first, std::ptrdiff_t last) { run_blocks(first, last); });
    }

private:
    // Blocks without a tile are as large as what a thread is woken for. Tiles across the rows are one cache line high,
    // so that lines are used whole, and as long as there is room: rows of the other operands are read the faster the
    // longer they are. Where there are none, squares use both sides' lines best.
    void choose_block(std::ptrdiff_t columns, std::ptrdiff_t rows, std::size_t packed, bool transposed) {
        auto elements = static_cast<std::ptrdiff_t>(packed == 0 ? 32768 : tile_bytes / widest / packed);
        std::ptrdiff_t longest = std::min<std::ptrdiff_t>(elements, 8192);
        if (transposed && sizeof...(V) == 1 && rows > most_channels) {
            elements = std::min<std::ptrdiff_t>(elements, 4096);
            longest = 64;
        } else if (transposed) {
            longest = elements / std::min<std::ptrdiff_t>(rows, std::max<std::size_t>(1, cache_line / widest));
        }
        m_columns = std::min(columns, longest);
        m_rows = std::min(rows, std::max<std::ptrdiff_t>(1, elements / m_columns));
        m_column_blocks = (columns + m_columns - 1) / m_columns;
        m_row_blocks = (rows + m_rows - 1) / m_rows;
    }

    void run_blocks(std::ptrdiff_t first, std::ptrdiff_t last) const {
        alignas(cache_line) std::byte tiles[tile_bytes + count * cache_line];
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
            for (std::size_t d = 2; d < m_dimensions.size(); ++d) {
                advance(d, rest % m_dimensions[d].size);
                rest /= m_dimensions[d].size;
            }
            run_block(tiles, at, std::min(m_columns, m_dimensions[0].size - column),
                      std::min(m_rows, m_dimensions[1].size - row));
        }
    }

    void run_block(std::byte* tiles, const offsets& at, std::ptrdiff_t columns, std::ptrdiff_t rows) const {
        const offsets& inner = m_dimensions[0].strides;
        const offsets& outer = m_dimensions[1].strides;
        T* const destination = m_out + at[0];
        if constexpr (moves) {
            const T* const from = std::get<0>(m_in) + at[1];
            if (m_access[0] == access::in_place && m_access[1] == access::packed) {
                return gather(destination, outer[0], from, inner[1], outer[1], columns, rows);
            }
            if (m_access[0] == access::packed && m_access[1] == access::in_place) {
                return scatter(destination, inner[0], outer[0], from, outer[1], columns, rows);
            }
        }
        offsets pitch = outer;
        const pointers in = [&]<std::size_t... I>(std::index_sequence<I...>) {
            return pointers(
                prepare(std::get<I>(m_in) + at[I + 1], tiles + m_tiles[I + 1], I + 1, columns, rows, pitch)...);
        }(operand_numbers());
        T* out = destination;
        if (m_access[0] != access::in_place) {
            out = reinterpret_cast<T*>(tiles + m_tiles[0]);
            pitch[0] = columns;
        }
        compute(out, pitch, columns, rows, in);
        if (out != destination) {
            scatter(destination, inner[0], outer[0], out, columns, columns, rows);
        }
    }

    // The operand's elements of a block, one after another in every row: where they are, or in the tile.
    template <class U>
    const U* prepare(const U* from, std::byte* tile, std::size_t operand, std::ptrdiff_t columns, std::ptrdiff_t rows,
                     offsets& pitch) const {
        const auto inner = m_dimensions[0].strides[operand];
        const auto outer = m_dimensions[1].strides[operand];
        if (m_access[operand] != access::packed) {
            return from;
        }
        auto* packed = reinterpret_cast<U*>(tile);
        if (outer == 0) {
            rows = 1;
        }
        pitch[operand] = outer == 0 ? 0 : columns;
        if (inner == 0) {
            for (std::ptrdiff_t j = 0; j < rows; ++j) {
                std::fill_n(packed + j * columns, columns, from[j * outer]);
            }
        } else {
            gather(packed, columns, from, inner, outer, columns, rows);
        }
        return packed;
    }

    // The operand that has one value along a row is marked as such for the loop.
    void compute(T* out, const offsets& pitch, std::ptrdiff_t columns, std::ptrdiff_t rows, const pointers& in) const {
        if constexpr (uniform_runs) {
            if (m_uniform != 0) {
                return [&]<std::size_t... I>(std::index_sequence<I...>) {
                    (void)((m_uniform == I + 1 && (compute_uniform<I>(out, pitch, columns, rows, in), true)) || ...);
                }(operand_numbers());
            }
        }
        compute_rows(m_kernel, out, in, pitch, columns, rows);
    }

    template <std::size_t Uniform>
    void compute_uniform(T* out, const offsets& pitch, std::ptrdiff_t columns, std::ptrdiff_t rows,
                         const pointers& in) const {
        const auto marked = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
            if constexpr (I == Uniform) {
                return uniform_rows<std::tuple_element_t<I, std::tuple<V...>>>{std::get<I>(in)};
            } else {
                return std::get<I>(in);
            }
        };
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            compute_rows(m_kernel, out, std::tuple(marked(std::integral_constant<std::size_t, I>())...), pitch, columns,
                         rows);
        }(operand_numbers());
    }

    Kernel m_kernel;
    T* m_out;
    pointers m_in;
    loop_dimensions<count> m_dimensions;
    std::array<access, count> m_access{};
    std::size_t m_uniform = 0;                 // the operand with one value a row; the destination is none
    std::array<std::size_t, count> m_tiles{};  // where each operand's begins
    std::ptrdiff_t m_columns = 1;
    std::ptrdiff_t m_rows = 1;
    std::ptrdiff_t m_column_blocks = 1;
    std::ptrdiff_t m_row_blocks = 1;
};

}  // namespace xtt::detail
