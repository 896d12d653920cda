// Operators with derived gradients, for op.py: the functions of the example, for more element types.
#include "../examples/python_operators/src/layers.hpp"

#include <xtensor-torch/derived.hpp>

namespace {

// Has no rows: its reducers take away different axes.
const auto between_means = [](const auto& x, const auto& y) {
    return x + xt::mean(y, {0}, xt::keep_dims) * xt::mean(y, {1}, xt::keep_dims);
};

}  // namespace

TORCH_LIBRARY_FRAGMENT(xtt_test, library) {
    xtt::op<"between_means(Tensor x, Tensor y) -> Tensor", double>(library, between_means, xtt::derived);
    xtt::op<"swish_gate(Tensor x, Tensor gate, float beta=1.0) -> Tensor", float, double, c10::BFloat16>(
        library, swish_gate, xtt::derived);
    xtt::op<"layer_norm(Tensor x, Tensor weight, Tensor bias, float eps=1e-5) -> Tensor", double>(library, layer_norm,
                                                                                                  xtt::derived);
}
