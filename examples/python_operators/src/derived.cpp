// Operators without a backward: their gradients are derived from the expressions.
#include "layers.hpp"

#include <xtensor-torch/derived.hpp>

TORCH_LIBRARY_FRAGMENT(xtt_operators, library) {
    xtt::op<"swish_gate(Tensor x, Tensor gate, float beta=1.0) -> Tensor", float>(library, swish_gate, xtt::derived);
    xtt::op<"layer_norm(Tensor x, Tensor weight, Tensor bias, float eps=1e-5) -> Tensor", float>(library, layer_norm,
                                                                                                 xtt::derived);
}
