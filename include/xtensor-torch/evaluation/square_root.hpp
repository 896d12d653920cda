// Processors take the square roots of one register after another, each in the time of a dozen multiplications. This
// file refines the estimate of 1 / sqrt(x) that those with AVX-512 have by multiplications, which overlap: the same
// results in half the time.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>

#include <cstddef>
#include <cstring>
#include <type_traits>

#if defined(XTENSOR_TORCH_HAS_TARGETS)

#define XTENSOR_TORCH_ESTIMATES [[gnu::always_inline, gnu::target("avx512f,avx512dq")]]

namespace xtt::detail {

// What is spelled differently for registers of float and of double. A mask has a bit for every element.
struct sixteen_floats {
    using vector [[gnu::vector_size(64)]] = float;
    using mask = unsigned short;
    static constexpr mask all = 0xffff;
    static constexpr float least = 0x1p-63f;
    static constexpr int refinements = 1;  // of 14 bits to 24

    XTENSOR_TORCH_ESTIMATES static mask ordinary(vector x) {
        const mask large = __builtin_ia32_cmpps512_mask(x, vector{} + least, 13, all, 4);
        return __builtin_ia32_cmpps512_mask(x, vector{} + __builtin_inff(), 1, large, 4);
    }

    XTENSOR_TORCH_ESTIMATES static mask zero(vector x) { return __builtin_ia32_cmpps512_mask(x, vector{}, 0, all, 4); }

    XTENSOR_TORCH_ESTIMATES static bool has_all(mask elements) {
        return __builtin_ia32_kortestchi(elements, elements) != 0;
    }

    XTENSOR_TORCH_ESTIMATES static vector estimate(vector x, mask elements) {
        return __builtin_ia32_rsqrt14ps512_mask(x, vector{}, elements);
    }

    // a * b + c, rounded once.
    XTENSOR_TORCH_ESTIMATES static vector sum(vector a, vector b, vector c) {
        return __builtin_ia32_vfmaddps512_mask(a, b, c, all, 4);
    }

    XTENSOR_TORCH_ESTIMATES static vector root(vector x) {
#if defined(__clang__)
        return __builtin_elementwise_sqrt(x);
#else
        return __builtin_ia32_sqrtps512_mask(x, x, all, 4);
#endif
    }
};

struct eight_doubles {
    using vector [[gnu::vector_size(64)]] = double;
    using mask = unsigned char;
    static constexpr mask all = 0xff;
    static constexpr double least = 0x1p-511;
    static constexpr int refinements = 2;  // of 14 bits to 53

    XTENSOR_TORCH_ESTIMATES static mask ordinary(vector x) {
        const mask large = __builtin_ia32_cmppd512_mask(x, vector{} + least, 13, all, 4);
        return __builtin_ia32_cmppd512_mask(x, vector{} + __builtin_inf(), 1, large, 4);
    }

    XTENSOR_TORCH_ESTIMATES static mask zero(vector x) { return __builtin_ia32_cmppd512_mask(x, vector{}, 0, all, 4); }

    XTENSOR_TORCH_ESTIMATES static bool has_all(mask elements) {
        return __builtin_ia32_kortestcqi(elements, elements) != 0;
    }

    XTENSOR_TORCH_ESTIMATES static vector estimate(vector x, mask elements) {
        return __builtin_ia32_rsqrt14pd512_mask(x, vector{}, elements);
    }

    // a * b + c, rounded once.
    XTENSOR_TORCH_ESTIMATES static vector sum(vector a, vector b, vector c) {
        return __builtin_ia32_vfmaddpd512_mask(a, b, c, all, 4);
    }

    XTENSOR_TORCH_ESTIMATES static vector root(vector x) {
#if defined(__clang__)
        return __builtin_elementwise_sqrt(x);
#else
        return __builtin_ia32_sqrtpd512_mask(x, x, all, 4);
#endif
    }
};

/// The square root of each element, as the instruction finds it: the nearest number, and what the standard says of
/// others. Only with AVX-512.
///
/// The last step corrects a root, which is one unit in the last place from the exact one at most, by the remainder of
/// its square. Only of numbers as small as `least` that remainder is not exact; those, and what is no positive finite
/// number, are left to the instruction, but for zeros, which there are many of where there are any.
template <class Lanes>
XTENSOR_TORCH_ESTIMATES inline typename Lanes::vector square_root(typename Lanes::vector x) {
    using vector = typename Lanes::vector;
    const auto ordinary = Lanes::ordinary(x);
    if (!Lanes::has_all(ordinary)) [[unlikely]] {
        if (!Lanes::has_all(ordinary | Lanes::zero(x))) {
            return Lanes::root(x);
        }
    }
    const vector half = vector{} + 0.5f;
    const vector estimate = Lanes::estimate(x, ordinary);
    vector root = estimate * x;
    vector half_inverse = estimate * half;
    for (int i = 0; i < Lanes::refinements; ++i) {
        const vector error = Lanes::sum(-root, half_inverse, half);
        root = Lanes::sum(root, error, root);
        half_inverse = Lanes::sum(half_inverse, error, half_inverse);
    }
    return Lanes::sum(Lanes::sum(-root, root, x), half_inverse, root);
}

#if defined(__clang__)

template <class Lanes, class T>
[[gnu::target("avx512f,avx512dq")]] void replace_by_square_roots(T* x, std::ptrdiff_t size) {
    constexpr std::ptrdiff_t lanes = sizeof(typename Lanes::vector) / sizeof(T);
    for (std::ptrdiff_t i = 0; i < size; i += lanes) {
        typename Lanes::vector some;
        std::memcpy(&some, x + i, sizeof(some));
        some = square_root<Lanes>(some);
        std::memcpy(x + i, &some, sizeof(some));
    }
}

/// Replaces each x[i] by its square root.
template <class T>
XTENSOR_TORCH_ALWAYS_INLINE inline void compute_square_roots(T* x, std::ptrdiff_t size) {
    using lanes = std::conditional_t<sizeof(T) == 4, sixteen_floats, eight_doubles>;
    if (available_instructions == instructions::avx512 && size * sizeof(T) % 64 == 0) {
        replace_by_square_roots<lanes>(x, size);
        return;
    }
    for (std::ptrdiff_t i = 0; i < size; ++i) {
        x[i] = __builtin_elementwise_sqrt(x[i]);
    }
}

#endif

}  // namespace xtt::detail

#undef XTENSOR_TORCH_ESTIMATES

#endif
