// Processors compute in float what LibTorch keeps as Half or BFloat16. Compilers make vectors of the conversions of
// BFloat16, but of Half only where they may use instructions that not every processor has. This file converts rows of
// elements by those where the processor has them, and rounds floats to the values of a shorter type.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace xtt::detail {

// The type that elements of type V are computed in.
template <class V>
using computed_t = std::conditional_t<short_float<V>, float, V>;

// Whether elements are worth converting before they are computed with, in a loop of their own.
#if defined(XTENSOR_TORCH_HAS_TARGETS)
template <class V>
inline constexpr bool converted_in_rows = std::is_same_v<V, c10::Half>;
#else
template <class V>
inline constexpr bool converted_in_rows = false;
#endif

// The longest row that is converted at once: a few of them fit into the nearest cache.
inline constexpr std::ptrdiff_t longest_converted = 1024;

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

template <class T, class V>
struct conversion_loop {
    XTENSOR_TORCH_ALWAYS_INLINE static void run(T* out, const V* in, std::ptrdiff_t size) {
        XTENSOR_TORCH_INDEPENDENT_ITERATIONS
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            out[i] = element_cast<T>(in[i]);
        }
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

#if defined(XTENSOR_TORCH_HAS_TARGETS)

using eight_floats [[gnu::vector_size(32)]] = float;
#if defined(__clang__)
using eight_halves [[gnu::vector_size(16)]] = _Float16;
#else
using eight_halves [[gnu::vector_size(16)]] = short;
#endif

template <class To, class From, class T, class V>
[[gnu::target("avx2,fma,f16c")]] inline void convert_eight(T* out, const V* in) {
    From elements;
    std::memcpy(&elements, in, sizeof(elements));
#if defined(__clang__)
    const To results = __builtin_convertvector(elements, To);
#else
    To results;
    if constexpr (std::is_same_v<T, float>) {
        results = __builtin_ia32_vcvtph2ps256(elements);
    } else {
        results = __builtin_ia32_vcvtps2ph256(elements, 0);  // to the nearest, and to the even one of two
    }
#endif
    std::memcpy(out, &results, sizeof(results));
}

// By instructions that processors with AVX2 have, too.
template <class To, class From, class T, class V>
[[gnu::target("avx2,fma,f16c")]] void convert_in_vectors(T* out, const V* in, std::ptrdiff_t size) {
    constexpr std::ptrdiff_t lanes = 8;
    if (size < lanes) {
        V elements[lanes]{};
        T results[lanes];
        XTENSOR_TORCH_NO_UNROLLING
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            XTENSOR_TORCH_ONE_BY_ONE;
            elements[i] = in[i];
        }
        convert_eight<To, From>(results, elements);
        XTENSOR_TORCH_NO_UNROLLING
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            XTENSOR_TORCH_ONE_BY_ONE;
            out[i] = results[i];
        }
        return;
    }
    std::ptrdiff_t i = 0;
    XTENSOR_TORCH_UNROLLED_BY_4
    for (; i + lanes <= size; i += lanes) {
        convert_eight<To, From>(out + i, in + i);
    }
    if (i < size) {
        // Some of them once more.
        convert_eight<To, From>(out + size - lanes, in + size - lanes);
    }
}

#endif

/// Converts so many elements that lie next to each other; the rows must not overlap.
template <class T, class V>
void convert_row(T* out, const V* in, std::ptrdiff_t size) {
#if defined(XTENSOR_TORCH_HAS_TARGETS)
    if (available_instructions != instructions::as_compiled) {
        if constexpr (std::is_same_v<V, c10::Half> && std::is_same_v<T, float>) {
            return convert_in_vectors<eight_floats, eight_halves>(out, in, size);
        } else if constexpr (std::is_same_v<V, float> && std::is_same_v<T, c10::Half>) {
            return convert_in_vectors<eight_halves, eight_floats>(out, in, size);
        }
    }
#endif
    run_in_vectors<conversion_loop<T, V>, instructions::avx2>(out, in, size);
}

/// The nearest value of type S, of two the even one, as a float.
template <short_float S>
struct rounded_to {
    template <class V>
    float operator()(const V& value) const {
        // Processors have more instructions for signed integers.
        const auto bits = std::bit_cast<std::int32_t>(static_cast<float>(value));
        const std::int32_t magnitude = bits & 0x7fffffff;
        return std::bit_cast<float>((bits ^ magnitude) | rounded(magnitude));
    }

private:
    static std::int32_t rounded(std::int32_t magnitude)
        requires std::is_same_v<S, c10::BFloat16>
    {
        constexpr std::int32_t infinity = 0x7f800000;
        const std::int32_t number = std::min(magnitude, infinity);
        const std::int32_t nearest = (number + 0x7fff + ((number >> 16) & 1)) & ~0xffff;
        return magnitude > infinity ? 0x7fc00000 : nearest;
    }

    // In float, a power of two has the last place of the Half that is smaller than it by 2^13 to 2^14. All Halves below
    // 2^-14 have the same last place.
    static std::int32_t rounded(std::int32_t magnitude)
        requires std::is_same_v<S, c10::Half>
    {
        constexpr std::int32_t least = (127 - 14) << 23;
        constexpr std::int32_t beyond = (127 + 16) << 23;
        const std::int32_t exponent = std::clamp(magnitude & ~0x7fffff, least, beyond);
        const auto power = std::bit_cast<float>(exponent + (13 << 23));
        const float nearest = (std::bit_cast<float>(magnitude) + power) - power;
        return nearest >= 65536.0f ? 0x7f800000 : std::bit_cast<std::int32_t>(nearest);
    }
};

/// A float that is a BFloat16, as that: nothing is left to round.
struct shortened {
    c10::BFloat16 operator()(float value) const {
        return {static_cast<unsigned short>(std::bit_cast<std::uint32_t>(value) >> 16), c10::BFloat16::from_bits()};
    }
};

}  // namespace xtt::detail
