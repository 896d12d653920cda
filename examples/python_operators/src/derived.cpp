// Operators without a backward: their gradients are derived from the expressions.
#include <xtensor-torch/derived.hpp>
#include <xtensor-torch/xtensor.hpp>

namespace {

const auto swish_gate = [](const auto& x, const auto& gate, const auto& beta) {
    return x * gate / (1 + xt::exp(-beta * x));
};

// Of the rows of a matrix.
const auto layer_norm = [](const auto& x, const auto& weight, const auto& bias, const auto& eps) {
    return (x - xt::mean(x, {1}, xt::keep_dims)) /
               xt::sqrt(xt::mean(xt::square(x - xt::mean(x, {1}, xt::keep_dims)), {1}, xt::keep_dims) + eps) * weight +
           bias;
};

}  // namespace

TORCH_LIBRARY_FRAGMENT(xtt_operators, library) {
    xtt::op<"swish_gate(Tensor x, Tensor gate, float beta=1.0) -> Tensor", float>(library, swish_gate, xtt::derived);
    xtt::op<"layer_norm(Tensor x, Tensor weight, Tensor bias, float eps=1e-5) -> Tensor", float>(library, layer_norm,
                                                                                                 xtt::derived);
}
