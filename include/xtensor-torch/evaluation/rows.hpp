// Processors compute several neighbouring elements with one instruction, and LibTorch has loops for each generation of
// them. This file computes rows of a kernel's elements in such loops, with xsimd's batches where those are asked for.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// An operand that has one value for each row, in the place of its address.
template <class V>
struct uniform_rows {
    const V* address;
};

template <class V>
XTENSOR_TORCH_ALWAYS_INLINE inline const V* row_of(const V* address, std::ptrdiff_t offset) {
    return address + offset;
}

template <class V>
XTENSOR_TORCH_ALWAYS_INLINE inline uniform<V> row_of(const uniform_rows<V>& operand, std::ptrdiff_t offset) {
    return {operand.address[offset]};
}

/// The distances between rows in elements: the destination's, then those of the operands.
template <std::size_t Operands>
using pitches = std::array<std::ptrdiff_t, Operands + 1>;

template <class Pointers>
using pitches_of = pitches<std::tuple_size_v<Pointers>>;

/// The operands in row `j`.
template <class... In>
XTENSOR_TORCH_ALWAYS_INLINE inline auto row_of(const std::tuple<In...>& in, const pitches<sizeof...(In)>& pitch,
                                               std::ptrdiff_t j) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
        return std::tuple(row_of(std::get<I>(in), j * pitch[I + 1])...);
    }(std::index_sequence_for<In...>());
}

// The bytes that move between memory and caches together.
inline constexpr std::size_t cache_line = 64;

// From so many elements on it is worth computing the first few on their own: a container's memory seldom begins with a
// cache line, and vectors that cross lines are slow to write.
inline constexpr std::ptrdiff_t worth_aligning = 192;

// How many of the elements from `out` on lie before the next cache line.
template <class T>
XTENSOR_TORCH_ALWAYS_INLINE inline std::ptrdiff_t unaligned_elements(const T* out, std::ptrdiff_t size) {
    return size < worth_aligning
               ? size
               : static_cast<std::ptrdiff_t>(-reinterpret_cast<std::uintptr_t>(out) % cache_line / sizeof(T));
}

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

// The loops over rows, each from its element `first` on.
struct rows_loop {
    template <class Kernel, class T, class Pointers>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(const Kernel& kernel, T* out, const Pointers& in,
                                                const pitches_of<Pointers>& pitch, std::ptrdiff_t first,
                                                std::ptrdiff_t columns, std::ptrdiff_t rows) {
        for (std::ptrdiff_t j = 0; j < rows; ++j) {
            T* const row = out + j * pitch[0];
            const auto operands = row_of(in, pitch, j);
            std::ptrdiff_t i = first;
            for (std::ptrdiff_t last = first + unaligned_elements(row + first, columns - first); i < columns;
                 last = columns) {
                // Compilers cannot know that no operand lies ahead of the destination, and would test it or not use
                // vectors.
                XTENSOR_TORCH_INDEPENDENT_ITERATIONS
                for (; i < last; ++i) {
                    row[i] = element_cast<T>(kernel.template element<0>(operands, i));
                }
            }
        }
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

// Computes the elements for which xsimd has batches, from the first on, and returns how many those are.
template <class T, class Kernel, class Pointers>
std::ptrdiff_t compute_batches([[maybe_unused]] const Kernel& kernel, [[maybe_unused]] T* out,
                               [[maybe_unused]] const Pointers& in, [[maybe_unused]] std::ptrdiff_t size) {
#if defined(XTENSOR_USE_XSIMD)
    if constexpr (std::is_floating_point_v<T> && has_batch_form<T, Kernel>) {
        std::ptrdiff_t i = 0;
        using batch = xt_simd::simd_type<T>;
        constexpr auto lanes = static_cast<std::ptrdiff_t>(batch::size);
        // Two independent batches keep the processor busy while it waits for the steps of a long function.
        for (; i + 2 * lanes <= size; i += 2 * lanes) {
            const batch first = kernel.template batch<batch, 0>(in, i);
            const batch second = kernel.template batch<batch, 0>(in, i + lanes);
            first.store_unaligned(out + i);
            second.store_unaligned(out + i + lanes);
        }
        for (; i + lanes <= size; i += lanes) {
            kernel.template batch<batch, 0>(in, i).store_unaligned(out + i);
        }
        return i;
    }
#endif
    return 0;
}

// Whether a run is a copy of memory.
template <class Kernel, class T, class Pointers>
inline constexpr bool is_copy = std::is_same_v<Kernel, operand<T>> && std::is_same_v<Pointers, std::tuple<const T*>>;

/// Computes rows: `out[j * pitch + i] = kernel(in[j * pitch + i]...)` for i in [0, columns) and j in [0, rows). An
/// operand may be the destination itself, element for element, and must not overlap it otherwise.
template <class T, class Kernel, class Pointers>
void compute_rows(const Kernel& kernel, T* out, const Pointers& in, const pitches_of<Pointers>& pitch,
                  std::ptrdiff_t columns, std::ptrdiff_t rows) {
    if constexpr (is_copy<Kernel, T, Pointers>) {
        // The C library knows the fastest way to copy on each processor.
        for (std::ptrdiff_t j = 0; j < rows; ++j) {
            std::memmove(out + j * pitch[0], std::get<0>(in) + j * pitch[1],
                         static_cast<std::size_t>(columns) * sizeof(T));
        }
    } else {
        std::ptrdiff_t first = 0;
        for (std::ptrdiff_t j = 0; j < rows; ++j) {
            first = compute_batches(kernel, out + j * pitch[0], row_of(in, pitch, j), columns);
        }
        run_in_vectors<rows_loop, best_instructions<Kernel>>(kernel, out, in, pitch, first, columns, rows);
    }
}

/// Computes one row.
template <class T, class Kernel, class Pointers>
void compute_run(const Kernel& kernel, T* out, const Pointers& in, std::ptrdiff_t size) {
    compute_rows(kernel, out, in, {}, size, 1);
}

}  // namespace xtt::detail
