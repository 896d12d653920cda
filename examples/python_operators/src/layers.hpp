// The functions of derived.cpp, apart from the operators that are made of them.
#pragma once

#include <xtensor-torch/xtensor.hpp>

inline constexpr auto swish_gate = [](const auto& x, const auto& gate, const auto& beta) {
    return x * gate / (1 + xt::exp(-beta * x));
};

// Of the rows of a matrix.
inline constexpr auto layer_norm = [](const auto& x, const auto& weight, const auto& bias, const auto& eps) {
    return (x - xt::mean(x, {1}, xt::keep_dims)) /
               xt::sqrt(xt::mean(xt::square(x - xt::mean(x, {1}, xt::keep_dims)), {1}, xt::keep_dims) + eps) * weight +
           bias;
};
