// Memory that is read along one axis and written along another costs a cache line for every element. This file moves
// such elements in square blocks that fit into vector registers, so that every line is used whole.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// An element as a lane: what is moved are its bytes.
template <std::size_t Bytes>
struct lane;
template <>
struct lane<1> {
    using type = std::uint8_t;
};
template <>
struct lane<2> {
    using type = std::uint16_t;
};
template <>
struct lane<4> {
    using type = std::uint32_t;
};
template <>
struct lane<8> {
    using type = std::uint64_t;
};

#if defined(__GNUC__) && !defined(__CUDACC__)
// A square block of elements, of which a register holds a row.
template <class Lane, std::size_t Bytes>
struct block {
    static constexpr std::size_t side = Bytes / sizeof(Lane);
    typedef Lane row __attribute__((vector_size(Bytes)));
    // Vectors in memory, wherever elements of any type begin.
    typedef Lane unaligned_row __attribute__((vector_size(Bytes), aligned(1), may_alias));

    XTENSOR_TORCH_ALWAYS_INLINE static void move(char* to, std::ptrdiff_t to_pitch, const char* from,
                                                 std::ptrdiff_t from_pitch) {
        row rows[side];
        XTENSOR_TORCH_UNROLLED
        for (std::size_t k = 0; k < side; ++k) {
            rows[k] = *reinterpret_cast<const unaligned_row*>(from + static_cast<std::ptrdiff_t>(k) * from_pitch);
        }
        // Zipping the upper half of the rows with the lower one rotates the bits of the pair of indices by one; after
        // as many rounds as an index has bits, row and column have changed places.
        XTENSOR_TORCH_UNROLLED
        for (std::size_t round = side; round > 1; round /= 2) {
            zip(rows, std::make_index_sequence<side>());
        }
        XTENSOR_TORCH_UNROLLED
        for (std::size_t k = 0; k < side; ++k) {
            *reinterpret_cast<unaligned_row*>(to + static_cast<std::ptrdiff_t>(k) * to_pitch) = rows[k];
        }
    }

private:
    template <std::size_t... Number>
    XTENSOR_TORCH_ALWAYS_INLINE static void zip(row* rows, std::index_sequence<Number...>) {
        row zipped[side];
        XTENSOR_TORCH_UNROLLED
        for (std::size_t i = 0; i < side / 2; ++i) {
            zipped[2 * i] = __builtin_shufflevector(rows[i], rows[i + side / 2], (Number / 2 + Number % 2 * side)...);
            zipped[2 * i + 1] =
                __builtin_shufflevector(rows[i], rows[i + side / 2], (side / 2 + Number / 2 + Number % 2 * side)...);
        }
        XTENSOR_TORCH_UNROLLED
        for (std::size_t i = 0; i < side; ++i) {
            rows[i] = zipped[i];
        }
    }
};
#endif

// Single bytes and pairs would need more rows of the wide registers than there are.
template <class V, std::size_t Bytes>
inline constexpr std::size_t block_bytes = sizeof(V) < 4 ? std::min<std::size_t>(Bytes, 16) : Bytes;

/// The loops of `transpose`, with registers of so many bytes.
template <std::size_t Bytes>
struct transposition {
    template <class V>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(V* to, std::ptrdiff_t to_pitch, const V* from,
                                                std::ptrdiff_t from_pitch, std::ptrdiff_t rows,
                                                std::ptrdiff_t columns) {
        std::ptrdiff_t whole_rows = 0;
        std::ptrdiff_t whole_columns = 0;
#if defined(__GNUC__) && !defined(__CUDACC__)
        if constexpr (requires { typename lane<sizeof(V)>::type; }) {
            using block = detail::block<typename lane<sizeof(V)>::type, block_bytes<V, Bytes>>;
            constexpr auto side = static_cast<std::ptrdiff_t>(block::side);
            constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(V));
            whole_rows = rows - rows % side;
            whole_columns = columns - columns % side;
            // The side with the wider pitch is walked along its lines: far lines compete for the same places in a
            // cache.
            const bool along_columns = to_pitch < from_pitch;
            const std::ptrdiff_t outer = along_columns ? whole_columns : whole_rows;
            const std::ptrdiff_t inner = along_columns ? whole_rows : whole_columns;
            for (std::ptrdiff_t x = 0; x < outer; x += side) {
                for (std::ptrdiff_t y = 0; y < inner; y += side) {
                    const std::ptrdiff_t i = along_columns ? y : x;
                    const std::ptrdiff_t j = along_columns ? x : y;
                    block::move(reinterpret_cast<char*>(to + i * to_pitch + j), to_pitch * size,
                                reinterpret_cast<const char*>(from + j * from_pitch + i), from_pitch * size);
                }
            }
        }
#endif
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
            for (std::ptrdiff_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j) {
                to[i * to_pitch + j] = from[j * from_pitch + i];
            }
        }
    }
};

/// Sets `to[i * to_pitch + j] = from[j * from_pitch + i]` for i < rows, j < columns. Nothing overlaps.
template <class V>
void transpose(V* to, std::ptrdiff_t to_pitch, const V* from, std::ptrdiff_t from_pitch, std::ptrdiff_t rows,
               std::ptrdiff_t columns) {
    run_in_registers<transposition>(to, to_pitch, from, from_pitch, rows, columns);
}

// So many elements beside each other, or fewer, are no block, but pixels with their channels.
inline constexpr std::ptrdiff_t most_channels = 4;

using unit_step = std::integral_constant<std::ptrdiff_t, 1>;

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

// The loops of `gather` and `scatter`, of which one side has a unit_step.
struct stepped_move {
    template <class V, class ToInner, class FromInner>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(V* to, ToInner to_inner, std::ptrdiff_t to_outer, const V* from,
                                                FromInner from_inner, std::ptrdiff_t from_outer, std::ptrdiff_t size,
                                                std::ptrdiff_t count) {
        for (std::ptrdiff_t j = 0; j < count; ++j) {
            XTENSOR_TORCH_INDEPENDENT_ITERATIONS
            for (std::ptrdiff_t i = 0; i < size; ++i) {
                to[i * to_inner + j * to_outer] = from[i * from_inner + j * from_outer];
            }
        }
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

/// Sets `to[j * pitch + i] = from[i * inner + j * outer]` for i < size, j < count: rows of `to` are written whole.
template <class V>
void gather(V* to, std::ptrdiff_t pitch, const V* from, std::ptrdiff_t inner, std::ptrdiff_t outer, std::ptrdiff_t size,
            std::ptrdiff_t count) {
    if (outer == 1 && count > most_channels) {
        transpose(to, pitch, from, inner, count, size);
        return;
    }
    const auto by = [=](auto step) {
        run_in_vectors<stepped_move, instructions::avx2>(to, unit_step(), pitch, from, step, outer, size, count);
    };
    // As channels, pairs and reversed axes have them. From other steps vectors would have to be put together.
    switch (inner) {
        case -1:
            return by(std::integral_constant<std::ptrdiff_t, -1>());
        case 2:
            return by(std::integral_constant<std::ptrdiff_t, 2>());
        case 3:
            return by(std::integral_constant<std::ptrdiff_t, 3>());
        case 4:
            return by(std::integral_constant<std::ptrdiff_t, 4>());
        default:
            return stepped_move::run(to, unit_step(), pitch, from, inner, outer, size, count);
    }
}

/// The reverse: sets `to[i * inner + j * outer] = from[j * pitch + i]`.
template <class V>
void scatter(V* to, std::ptrdiff_t inner, std::ptrdiff_t outer, const V* from, std::ptrdiff_t pitch,
             std::ptrdiff_t size, std::ptrdiff_t count) {
    if (outer == 1 && count > most_channels) {
        transpose(to, inner, from, pitch, size, count);
        return;
    }
    const auto by = [=](auto step) {
        run_in_vectors<stepped_move, instructions::avx2>(to, step, outer, from, unit_step(), pitch, size, count);
    };
    // Elements that are written further apart, or are shorter, are stored one by one, which vectors make no faster.
    if (inner == -1) {
        by(std::integral_constant<std::ptrdiff_t, -1>());
    } else if (inner == 2 && sizeof(V) >= sizeof(float)) {
        by(std::integral_constant<std::ptrdiff_t, 2>());
    } else {
        stepped_move::run(to, inner, outer, from, unit_step(), pitch, size, count);
    }
}

/// Writes each of `count` elements of a column `times` times, one after another: not less often than fill a line.
template <class V>
void repeat(V* to, std::ptrdiff_t times, const V* from, std::ptrdiff_t outer, std::ptrdiff_t count) {
    constexpr auto line = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, cache_line / sizeof(V)));
    for (std::ptrdiff_t j = 0; j < count; ++j) {
        const V value = from[j * outer];
        V* const row = to + j * times;
        // The number is a constant, so that it becomes vectors and no loop.
        std::fill_n(row, line, value);
        for (std::ptrdiff_t i = line; i < times; ++i) {
            row[i] = value;
        }
    }
}

/// These functions for elements whose type is forgotten.
struct element_moves {
    std::ptrdiff_t size;  // of an element, in bytes
    void (*gather)(void* to, std::ptrdiff_t pitch, const void* from, std::ptrdiff_t inner, std::ptrdiff_t outer,
                   std::ptrdiff_t size, std::ptrdiff_t count);
    void (*scatter)(void* to, std::ptrdiff_t inner, std::ptrdiff_t outer, const void* from, std::ptrdiff_t pitch,
                    std::ptrdiff_t size, std::ptrdiff_t count);
    void (*repeat)(void* to, std::ptrdiff_t times, const void* from, std::ptrdiff_t outer, std::ptrdiff_t count);
};

template <class V>
inline constexpr element_moves moves_of{
    sizeof(V),
    [](void* to, std::ptrdiff_t pitch, const void* from, std::ptrdiff_t inner, std::ptrdiff_t outer,
       std::ptrdiff_t size, std::ptrdiff_t count) {
        gather(static_cast<V*>(to), pitch, static_cast<const V*>(from), inner, outer, size, count);
    },
    [](void* to, std::ptrdiff_t inner, std::ptrdiff_t outer, const void* from, std::ptrdiff_t pitch,
       std::ptrdiff_t size, std::ptrdiff_t count) {
        scatter(static_cast<V*>(to), inner, outer, static_cast<const V*>(from), pitch, size, count);
    },
    [](void* to, std::ptrdiff_t times, const void* from, std::ptrdiff_t outer, std::ptrdiff_t count) {
        repeat(static_cast<V*>(to), times, static_cast<const V*>(from), outer, count);
    }};

}  // namespace xtt::detail
