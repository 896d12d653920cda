// Processors compute several neighbouring elements with one instruction, and LibTorch has loops for each generation of
// them. This file computes rows of a kernel's elements in such loops, with xsimd's batches where those are asked for.
// It is all of an assignment that is compiled for every expression: the loops around the rows know no types.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

/// The places for so many operands: some stay empty, so that what goes around the rows is compiled for few numbers.
constexpr std::size_t places_for(std::size_t operands) {
    return operands < 2 ? 1 : std::max<std::size_t>(4, std::bit_ceil(operands));
}

/// A number for the destination and one for each place.
template <std::size_t Places>
using distances = std::array<std::ptrdiff_t, Places + 1>;

/// Rows of a destination and of the operands they are computed from. Steps and pitches count elements.
template <std::size_t Places>
struct row_block {
    void* out;
    std::array<const void*, Places> in;
    distances<Places> steps;    // from an element to the next one of the row
    distances<Places> pitches;  // from a row to the next one
    std::ptrdiff_t columns;
    std::ptrdiff_t rows;
};

// Whether xsimd computes the kernel.
template <class T, class Kernel>
inline constexpr bool in_batches = false;
#if defined(XTENSOR_USE_XSIMD)
template <class T, class Kernel>
    requires(std::is_floating_point_v<T> && has_batch_form<T, Kernel>)
inline constexpr bool in_batches<T, Kernel> = true;
#endif

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

/// Computes `out[j][i] = kernel(in[j][i]...)` for every row j and column i. An operand may be the destination itself,
/// element for element, and must not overlap it otherwise. Steps are 1, or 0 for an operand that has one value all
/// along a row, which lies there `copies` times.
template <class T, class Kernel, class... V>
struct row_loop {
    using pointers = std::tuple<const V*...>;
    using block_type = row_block<places_for(sizeof...(V))>;
    using steps = decltype(block_type::steps);
    using numbers = std::index_sequence_for<V...>;

    static constexpr std::size_t narrowest = std::min({sizeof(T), sizeof(V)...});

    // Vectors are computed in blocks of a constant size, so that what steps through an operand is a number: the block's
    // size, or zero for an operand with one value. What is left of a row goes through blocks of one vector, of half a
    // vector, and then element by element.
    static constexpr std::ptrdiff_t block = [] {
#if defined(XTENSOR_USE_XSIMD)
        if constexpr (in_batches<T, Kernel>) {
            // Two independent batches keep the processor busy while it waits for the steps of a long function.
            return 2 * static_cast<std::ptrdiff_t>(xt_simd::simd_type<T>::size);
        }
#endif
        return static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, cache_line / narrowest));
    }();

    // Functions of blocks are called for several: what is stored just before it is loaded keeps the processor waiting.
    static constexpr std::ptrdiff_t longest_block = has_stages<Kernel> && !in_batches<T, Kernel> ? 4 * block : block;

    // As often an operand with one value a row must lie there: enough for a block, and a line of the cache.
    static constexpr std::ptrdiff_t copies = std::max<std::ptrdiff_t>(longest_block, cache_line / narrowest);

    XTENSOR_TORCH_ALWAYS_INLINE static void run(const void* kernel_address, const block_type* rows) {
        using kernel_type = std::conditional_t<std::is_trivially_copy_constructible_v<Kernel>, Kernel, const Kernel&>;
        // A copy, which a write to the destination cannot change.
        const kernel_type kernel = *static_cast<const Kernel*>(kernel_address);
        for (std::ptrdiff_t j = 0, count = rows->rows; j < count; ++j) {
            const block_type& row = *hidden(rows);
            compute_row(kernel, row, j, numbers());
        }
    }

private:
    template <std::size_t... I>
    XTENSOR_TORCH_ALWAYS_INLINE static void compute_row(const Kernel& kernel, const block_type& rows, std::ptrdiff_t j,
                                                        std::index_sequence<I...>) {
        T* const out = static_cast<T*>(rows.out) + j * rows.pitches[0];
        const pointers in(static_cast<const V*>(rows.in[I]) + j * rows.pitches[I + 1]...);
        const steps by = rows.steps;
        const std::ptrdiff_t columns = rows.columns;
        std::ptrdiff_t i = 0;
        if constexpr (longest_block > block) {
            i = compute_blocks<longest_block>(kernel, out, in, by, i, columns);
        }
        i = compute_blocks<block>(kernel, out, in, by, i, columns);
        if constexpr (longest_block > block) {
            // Fewer take as long as a block.
            if (columns - i >= block / 2) {
                const pointers rest = from(in, by, i, numbers());
                compute_vectors<block>(kernel_in_stages<block>(kernel, rest, columns - i), out + i, rest, columns - i);
                return;
            }
        } else {
            i = compute_blocks<32 / narrowest>(kernel, out, in, by, i, columns);
            i = compute_blocks<16 / narrowest>(kernel, out, in, by, i, columns);
        }
        XTENSOR_TORCH_NO_UNROLLING
        for (; i < columns; ++i) {
            XTENSOR_TORCH_ONE_BY_ONE;
            out[i] = element_cast<T>(kernel.template element<0>(from(in, by, i, numbers()), 0));
        }
    }

    // The address, in which compilers see another one for every row: they would keep what they know of the first row in
    // registers, of which the loops along a row need all.
    XTENSOR_TORCH_ALWAYS_INLINE static const block_type* hidden(const block_type* rows) {
#if defined(__GNUC__)
        __asm__("" : "+r"(rows) : : "memory");
#endif
        return rows;
    }

    template <std::ptrdiff_t Size>
    XTENSOR_TORCH_ALWAYS_INLINE static std::ptrdiff_t compute_blocks(const Kernel& kernel, T* out, const pointers& in,
                                                                     const steps& by, std::ptrdiff_t i,
                                                                     std::ptrdiff_t size) {
        if constexpr (Size > 1) {
            XTENSOR_TORCH_NO_UNROLLING
            for (; i + Size <= size; i += Size) {
                compute_block<Size>(kernel, out + i, from(in, by, i, numbers()));
            }
        }
        return i;
    }

    template <std::ptrdiff_t Size>
    XTENSOR_TORCH_ALWAYS_INLINE static void compute_block(const Kernel& kernel, T* out, const pointers& in) {
#if defined(XTENSOR_USE_XSIMD)
        if constexpr (in_batches<T, Kernel> && Size == block) {
            using batch = xt_simd::simd_type<T>;
            const batch first = kernel.template batch<batch, 0>(in, 0);
            const batch second = kernel.template batch<batch, 0>(in, Size / 2);
            first.store_unaligned(out);
            second.store_unaligned(out + Size / 2);
            return;
        }
#endif
        if constexpr (Size >= block) {
            compute_vectors<Size>(kernel_in_stages<Size>(kernel, in), out, in);
        } else {
            compute_vectors<Size>(kernel, out, in);
        }
    }

    template <std::ptrdiff_t Size, class Stages>
    XTENSOR_TORCH_ALWAYS_INLINE static void compute_vectors(const Stages& kernel, T* out, const pointers& in,
                                                            std::ptrdiff_t size = Size) {
        // Compilers cannot know that no operand lies ahead of the destination, and would test it or not use vectors.
        XTENSOR_TORCH_INDEPENDENT_ITERATIONS
        XTENSOR_TORCH_NO_UNROLLING
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            out[i] = element_cast<T>(kernel.template element<0>(in, i));
        }
    }

    template <std::size_t... I>
    XTENSOR_TORCH_ALWAYS_INLINE static pointers from([[maybe_unused]] const pointers& in,
                                                     [[maybe_unused]] const steps& by,
                                                     [[maybe_unused]] std::ptrdiff_t i, std::index_sequence<I...>) {
        return pointers(std::get<I>(in) + i * by[I + 1]...);
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

/// The same for any steps, element by element.
template <class T, class Kernel, class... V>
XTENSOR_TORCH_VECTORIZED XTENSOR_TORCH_NOINLINE void compute_elements(const void* kernel_address,
                                                                      const row_block<places_for(sizeof...(V))>* rows) {
    const Kernel& kernel = *static_cast<const Kernel*>(kernel_address);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        for (std::ptrdiff_t j = 0; j < rows->rows; ++j) {
            T* out = static_cast<T*>(rows->out) + j * rows->pitches[0];
            std::tuple<const V*...> in(static_cast<const V*>(rows->in[I]) + j * rows->pitches[I + 1]...);
            for (std::ptrdiff_t i = 0; i < rows->columns; ++i) {
                XTENSOR_TORCH_ONE_BY_ONE;
                *out = element_cast<T>(kernel.template element<0>(in, 0));
                out += rows->steps[0];
                ((std::get<I>(in) += rows->steps[I + 1]), ...);
            }
        }
    }(std::index_sequence_for<V...>());
}

/// A kernel whose expression is forgotten: what the loops around the rows know of it.
template <std::size_t Places>
struct row_kernel {
    using function = void (*)(const void* kernel, const row_block<Places>* rows);

    const void* kernel;
    function by_vectors;
    function by_elements;
    std::size_t operands;
    std::ptrdiff_t copies;  // as often an operand with one value a row must lie there
    bool only_moves;        // the elements of its operand, as they are

    void compute(const row_block<Places>& rows) const { by_vectors(kernel, &rows); }
    void compute_elements(const row_block<Places>& rows) const { by_elements(kernel, &rows); }
};

/// Refers to the kernel, which computes elements of type T from operands with elements of the types V.
template <class T, class... V, class Kernel>
auto row_kernel_of(const Kernel& kernel) {
    using loop = row_loop<T, Kernel, V...>;
    using block_type = typename loop::block_type;
    return row_kernel<places_for(sizeof...(V))>{
        &kernel,
        vector_function_of<loop, best_instructions<Kernel>, const void*, const block_type*>(),
        &compute_elements<T, Kernel, V...>,
        sizeof...(V),
        loop::copies,
        std::is_same_v<std::tuple<Kernel, V...>, std::tuple<operand<T>, T>>};
}

}  // namespace xtt::detail
