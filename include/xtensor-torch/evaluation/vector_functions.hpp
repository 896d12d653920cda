// The C library of Linux has its functions for vectors of numbers, too, and GCC calls those where a declaration says
// that they are there; its own headers say so with -ffast-math only. This file declares them under names of its own, so
// that nobody else's calls change, and puts them in the place of xtensor's functors.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/square_root.hpp>
#include <xtensor-torch/evaluation/vector_form.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <cmath>
#include <concepts>
#include <cstdlib>
#include <type_traits>

// At most 4 units in the last place from the exact result, by the word of the C library.
#if defined(XTENSOR_TORCH_HAS_TARGETS) && defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)

namespace xtt::detail {

using float_4 [[gnu::vector_size(16)]] = float;
using float_8 [[gnu::vector_size(32)]] = float;
using float_16 [[gnu::vector_size(64)]] = float;
using double_2 [[gnu::vector_size(16)]] = double;
using double_4 [[gnu::vector_size(32)]] = double;
using double_8 [[gnu::vector_size(64)]] = double;

// What the standard's functions of two arguments convert to double where the two are not both float.
template <class X>
concept becomes_double = std::integral<X> || std::is_same_v<X, float> || std::is_same_v<X, double>;

}  // namespace xtt::detail

#if defined(__clang__)
#include <xtensor-torch/evaluation/block_functions.hpp>
#else

#define XTENSOR_TORCH_VECTOR_FUNCTION(NAME)                                           \
    extern "C" float xtensor_torch_##NAME##f(float) __asm__(#NAME "f")                \
        __attribute__((simd("notinbranch"), const, nothrow, leaf));                   \
    extern "C" double xtensor_torch_##NAME(double) __asm__(#NAME)                     \
        __attribute__((simd("notinbranch"), const, nothrow, leaf));                   \
    struct vector_##NAME : xt::math::NAME##_fun, vector_function {                    \
        using xt::math::NAME##_fun::operator();                                       \
        float operator()(const float& x) const { return xtensor_torch_##NAME##f(x); } \
        double operator()(const double& x) const { return xtensor_torch_##NAME(x); }  \
        template <std::integral X>                                                    \
        double operator()(const X& x) const {                                         \
            return xtensor_torch_##NAME(static_cast<double>(x));                      \
        }                                                                             \
    };                                                                                \
    template <>                                                                       \
    struct vector_form<xt::math::NAME##_fun> {                                        \
        using type = vector_##NAME;                                                   \
    };

#define XTENSOR_TORCH_VECTOR_FUNCTION_OF_TWO(NAME)                                                       \
    extern "C" float xtensor_torch_##NAME##f(float, float) __asm__(#NAME "f")                            \
        __attribute__((simd("notinbranch"), const, nothrow, leaf));                                      \
    extern "C" double xtensor_torch_##NAME(double, double) __asm__(#NAME)                                \
        __attribute__((simd("notinbranch"), const, nothrow, leaf));                                      \
    struct vector_##NAME : xt::math::NAME##_fun, vector_function {                                       \
        using xt::math::NAME##_fun::operator();                                                          \
        float operator()(const float& x, const float& y) const { return xtensor_torch_##NAME##f(x, y); } \
        double operator()(const double& x, const double& y) const { return xtensor_torch_##NAME(x, y); } \
        template <becomes_double X, becomes_double Y>                                                    \
        double operator()(const X& x, const Y& y) const {                                                \
            return xtensor_torch_##NAME(static_cast<double>(x), static_cast<double>(y));                 \
        }                                                                                                \
    };                                                                                                   \
    template <>                                                                                          \
    struct vector_form<xt::math::NAME##_fun> {                                                           \
        using type = vector_##NAME;                                                                      \
    };

#endif

namespace xtt::detail {

XTENSOR_TORCH_VECTOR_FUNCTION(exp)
XTENSOR_TORCH_VECTOR_FUNCTION(exp2)
XTENSOR_TORCH_VECTOR_FUNCTION(expm1)
XTENSOR_TORCH_VECTOR_FUNCTION(log)
XTENSOR_TORCH_VECTOR_FUNCTION(log2)
XTENSOR_TORCH_VECTOR_FUNCTION(log10)
XTENSOR_TORCH_VECTOR_FUNCTION(log1p)
XTENSOR_TORCH_VECTOR_FUNCTION(sin)
XTENSOR_TORCH_VECTOR_FUNCTION(cos)
XTENSOR_TORCH_VECTOR_FUNCTION(tan)
XTENSOR_TORCH_VECTOR_FUNCTION(asin)
XTENSOR_TORCH_VECTOR_FUNCTION(acos)
XTENSOR_TORCH_VECTOR_FUNCTION(atan)
XTENSOR_TORCH_VECTOR_FUNCTION(sinh)
XTENSOR_TORCH_VECTOR_FUNCTION(cosh)
XTENSOR_TORCH_VECTOR_FUNCTION(tanh)
XTENSOR_TORCH_VECTOR_FUNCTION(asinh)
XTENSOR_TORCH_VECTOR_FUNCTION(acosh)
XTENSOR_TORCH_VECTOR_FUNCTION(atanh)
XTENSOR_TORCH_VECTOR_FUNCTION(cbrt)
XTENSOR_TORCH_VECTOR_FUNCTION(erf)
XTENSOR_TORCH_VECTOR_FUNCTION(erfc)
XTENSOR_TORCH_VECTOR_FUNCTION_OF_TWO(pow)
XTENSOR_TORCH_VECTOR_FUNCTION_OF_TWO(hypot)
XTENSOR_TORCH_VECTOR_FUNCTION_OF_TWO(atan2)

#if defined(__clang__)

// A square root is an instruction, but std::sqrt must set errno.
struct vector_sqrt : xt::math::sqrt_fun, vector_function {
    using xt::math::sqrt_fun::operator();
    float operator()(const float& x) const { return __builtin_elementwise_sqrt(x); }
    double operator()(const double& x) const { return __builtin_elementwise_sqrt(x); }

    template <class T>
    static void compute(T* x, std::ptrdiff_t size) {
        compute_square_roots(x, size);
    }
};

#else

// A square root is an instruction, but std::sqrt must set errno, which no vector of numbers can. What GCC calls for a
// vector is named by the ABI of vector functions: the instructions, the number of lanes, and the function.

extern "C" {
float xtensor_torch_sqrtf(float) __asm__("xtensor_torch_sqrtf")
    __attribute__((simd("notinbranch"), const, nothrow, leaf));
double xtensor_torch_sqrt(double) __asm__("xtensor_torch_sqrt")
    __attribute__((simd("notinbranch"), const, nothrow, leaf));
// Under other names: GCC would make vector functions of its own of a definition that it is told about.
float xtensor_torch_scalar_sqrtf(float) __asm__("xtensor_torch_sqrtf");
double xtensor_torch_scalar_sqrt(double) __asm__("xtensor_torch_sqrt");
[[gnu::weak]] float xtensor_torch_scalar_sqrtf(float x) { return std::sqrt(x); }
[[gnu::weak]] double xtensor_torch_scalar_sqrt(double x) { return std::sqrt(x); }
[[gnu::weak]] float_4 _ZGVbN4v_xtensor_torch_sqrtf(float_4 x) { return __builtin_ia32_sqrtps(x); }
[[gnu::weak]] double_2 _ZGVbN2v_xtensor_torch_sqrt(double_2 x) { return __builtin_ia32_sqrtpd(x); }
[[gnu::weak, gnu::target("avx")]] float_8 _ZGVcN8v_xtensor_torch_sqrtf(float_8 x) {
    return __builtin_ia32_sqrtps256(x);
}
[[gnu::weak, gnu::target("avx")]] double_4 _ZGVcN4v_xtensor_torch_sqrt(double_4 x) {
    return __builtin_ia32_sqrtpd256(x);
}
[[gnu::weak, gnu::target("avx2")]] float_8 _ZGVdN8v_xtensor_torch_sqrtf(float_8 x) {
    return __builtin_ia32_sqrtps256(x);
}
[[gnu::weak, gnu::target("avx2")]] double_4 _ZGVdN4v_xtensor_torch_sqrt(double_4 x) {
    return __builtin_ia32_sqrtpd256(x);
}
[[gnu::weak, gnu::target("avx512f,avx512dq")]] float_16 _ZGVeN16v_xtensor_torch_sqrtf(float_16 x) {
    return square_root<sixteen_floats>(x);
}
[[gnu::weak, gnu::target("avx512f,avx512dq")]] double_8 _ZGVeN8v_xtensor_torch_sqrt(double_8 x) {
    return square_root<eight_doubles>(x);
}
}

struct vector_sqrt : xt::math::sqrt_fun, vector_function {
    using xt::math::sqrt_fun::operator();
    float operator()(const float& x) const { return xtensor_torch_sqrtf(x); }
    double operator()(const double& x) const { return xtensor_torch_sqrt(x); }
};

#endif

template <>
struct vector_form<xt::math::sqrt_fun> {
    using type = vector_sqrt;
};

}  // namespace xtt::detail

#undef XTENSOR_TORCH_VECTOR_FUNCTION
#undef XTENSOR_TORCH_VECTOR_FUNCTION_OF_TWO
#undef XTENSOR_TORCH_BLOCK_FUNCTION

#endif
