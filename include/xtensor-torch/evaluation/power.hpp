// Most powers that people write have an exponent that is a number: 2, or one half. The C library computes each by way
// of a logarithm; LibTorch and NumPy multiply where that is all there is to do. This file does, for blocks of numbers,
// as an expression knows its exponent when it runs.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/branchless.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/vector_form.hpp>
#include <xtensor-torch/evaluation/vector_functions.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>

namespace xtt::detail {

using any_power = vector_form_t<xt::math::pow_fun>;

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

struct power_loop {
    template <class T, class Power = any_power>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(T* x, std::ptrdiff_t size, T exponent) {
        if (exponent == T(2)) {
            replace(x, size, [](T base) { return base * base; });
        } else if (exponent == T(3)) {
            replace(x, size, [](T base) { return base * base * base; });
        } else if (exponent == T(-1)) {
            replace(x, size, [](T base) { return 1 / base; });
        } else if (exponent == T(0.5)) {
            // Where powers and roots differ: minus zero, and minus infinity.
            constexpr T infinity = std::numeric_limits<T>::infinity();
            replace(x, size, [](T base) {
                const T root = vector_form_t<xt::math::sqrt_fun>()(base) + T(0);
                return selected(base == -infinity, infinity, root);
            });
        } else if constexpr (computes_blocks<Power, T>) {
            compute_blocks<Power>(x, size, exponent);
        } else {
            replace(x, size, [exponent](T base) { return Power()(base, exponent); });
        }
    }

private:
    template <class T, class F>
    XTENSOR_TORCH_ALWAYS_INLINE static void replace(T* x, std::ptrdiff_t size, const F& power) {
        XTENSOR_TORCH_INDEPENDENT_ITERATIONS
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            x[i] = power(x[i]);
        }
    }

    // There, each number has an exponent of its own; a few numbers fill no vector.
    template <class Power, class T>
    static void compute_blocks(T* x, std::ptrdiff_t size, T exponent) {
        constexpr std::ptrdiff_t block = 64;
        if (size < 4) {
            replace(x, size, [exponent](T base) { return Power()(base, exponent); });
            return;
        }
        T exponents[block];
        std::fill_n(exponents, std::min(size, block), exponent);
        for (std::ptrdiff_t i = 0; i < size; i += block) {
            Power::compute(x + i, std::min(size - i, block), exponents);
        }
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

/// As xtensor's functor for an exponent that is one number.
struct power_by_number : any_power {
    template <class Base, class Exponent>
    auto operator()(const Base& base, const Exponent& exponent) const {
        using result = decltype(any_power()(base, exponent));
        if constexpr (std::is_same_v<result, float> || std::is_same_v<result, double>) {
            result power = static_cast<result>(base);
            compute(&power, 1, static_cast<result>(exponent));
            return power;
        } else {
            return any_power()(base, exponent);
        }
    }

    /// Replaces each x[i] by its power.
    template <class T>
        requires(std::is_same_v<T, float> || std::is_same_v<T, double>)
    static void compute(T* x, std::ptrdiff_t size, T exponent) {
        run_in_vectors<power_loop>(x, size, exponent);
    }
};

}  // namespace xtt::detail
