// Memory that is read along one axis and written along another costs a cache line for every element. This file moves
// such elements in square blocks that fit into vector registers, so that every line is used whole.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// Blocks of this many bytes a side: one vector register of the machine that is compiled for.
#if defined(__CUDACC__) || !defined(__GNUC__)
inline constexpr std::size_t register_bytes = 0;  // neither nvcc's front end nor cl knows the vector builtins
#elif defined(__AVX__)
inline constexpr std::size_t register_bytes = 32;
#else
inline constexpr std::size_t register_bytes = 16;
#endif

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

template <class V>
inline constexpr std::ptrdiff_t block_side = register_bytes > sizeof(V) && requires {
    typename lane<sizeof(V)>::type;
} ? register_bytes / sizeof(V) : 1;

#if defined(__GNUC__) && !defined(__CUDACC__)
template <class V>
struct block {
    static constexpr auto side = static_cast<std::size_t>(block_side<V>);
    using lane_type = typename lane<sizeof(V)>::type;
    typedef lane_type row __attribute__((vector_size(register_bytes)));

    row rows[side];  // the vector type would lose its attribute as an argument of std::array

    // Zipping the upper half of the rows with the lower one rotates the bits of the pair of indices by one; after as
    // many rounds as an index has bits, row and column have changed places.
    template <std::size_t Round = side>
    void transpose() {
        if constexpr (Round > 1) {
            zip(std::make_index_sequence<side>());
            transpose<Round / 2>();
        }
    }

private:
    template <std::size_t... Lane>
    void zip(std::index_sequence<Lane...>) {
        row zipped[side];
        for (std::size_t i = 0; i < side / 2; ++i) {
            zipped[2 * i] = __builtin_shufflevector(rows[i], rows[i + side / 2], (Lane / 2 + Lane % 2 * side)...);
            zipped[2 * i + 1] =
                __builtin_shufflevector(rows[i], rows[i + side / 2], (side / 2 + Lane / 2 + Lane % 2 * side)...);
        }
        std::memcpy(rows, zipped, sizeof(rows));
    }
};
#endif

/// Sets `to[i * to_pitch + j] = from[j * from_pitch + i]` for i < rows, j < columns. Nothing overlaps.
template <class V>
void transpose(V* to, std::ptrdiff_t to_pitch, const V* from, std::ptrdiff_t from_pitch, std::ptrdiff_t rows,
               std::ptrdiff_t columns) {
    constexpr std::ptrdiff_t side = block_side<V>;
    const std::ptrdiff_t whole_rows = side > 1 ? rows - rows % side : 0;
    const std::ptrdiff_t whole_columns = side > 1 ? columns - columns % side : 0;
#if defined(__GNUC__) && !defined(__CUDACC__)
    if constexpr (side > 1) {
        const auto move = [&](std::ptrdiff_t i, std::ptrdiff_t j) {
            block<V> elements;
            for (std::ptrdiff_t k = 0; k < side; ++k) {
                std::memcpy(&elements.rows[k], from + (j + k) * from_pitch + i, register_bytes);
            }
            elements.transpose();
            for (std::ptrdiff_t k = 0; k < side; ++k) {
                std::memcpy(static_cast<void*>(to + (i + k) * to_pitch + j), &elements.rows[k], register_bytes);
            }
        };
        // The side with the wider pitch is walked along its lines: far lines compete for the same places in a cache.
        if (to_pitch < from_pitch) {
            for (std::ptrdiff_t j = 0; j < whole_columns; j += side) {
                for (std::ptrdiff_t i = 0; i < whole_rows; i += side) {
                    move(i, j);
                }
            }
        } else {
            for (std::ptrdiff_t i = 0; i < whole_rows; i += side) {
                for (std::ptrdiff_t j = 0; j < whole_columns; j += side) {
                    move(i, j);
                }
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

// Calls `f` with the step as a constant where it is one that channels, pairs and reversed axes have: compilers turn
// loops with such a step into vector instructions.
template <class F>
void with_step(std::ptrdiff_t step, const F& f) {
    const auto constant = [&]<std::ptrdiff_t Step> { f(std::integral_constant<std::ptrdiff_t, Step>()); };
    switch (step) {
        case -1:
            return constant.template operator()<-1>();
        case 2:
            return constant.template operator()<2>();
        case 3:
            return constant.template operator()<3>();
        case 4:
            return constant.template operator()<4>();
        default:
            return f(step);
    }
}

/// Sets `to[j * pitch + i] = from[i * inner + j * outer]` for i < size, j < count: rows of `to` are written whole.
template <class V>
void gather(V* to, std::ptrdiff_t pitch, const V* from, std::ptrdiff_t inner, std::ptrdiff_t outer, std::ptrdiff_t size,
            std::ptrdiff_t count) {
    if (outer == 1 && count > 1) {
        transpose(to, pitch, from, inner, count, size);
        return;
    }
    with_step(inner, [=](auto step) {
        for (std::ptrdiff_t j = 0; j < count; ++j) {
            for (std::ptrdiff_t i = 0; i < size; ++i) {
                to[j * pitch + i] = from[i * step + j * outer];
            }
        }
    });
}

/// The reverse: sets `to[i * inner + j * outer] = from[j * pitch + i]`.
template <class V>
void scatter(V* to, std::ptrdiff_t inner, std::ptrdiff_t outer, const V* from, std::ptrdiff_t pitch,
             std::ptrdiff_t size, std::ptrdiff_t count) {
    if (outer == 1 && count > 1) {
        transpose(to, inner, from, pitch, size, count);
        return;
    }
    with_step(inner, [=](auto step) {
        for (std::ptrdiff_t j = 0; j < count; ++j) {
            for (std::ptrdiff_t i = 0; i < size; ++i) {
                to[i * step + j * outer] = from[j * pitch + i];
            }
        }
    });
}

}  // namespace xtt::detail
