// A backward that returns one gradient for two tensors.
// expect: op: a backward returns one gradient for each tensor among the arguments of the forward
#include <xtensor-torch/op.hpp>

void mistake(torch::Library& library) {
    xtt::op<"times(x, y)", float>(
        library, [](const auto& x, const auto& y) { return x * y; },
        xtt::backward([](const auto& grad, const auto&, const auto& y) { return grad * y; }));
}
