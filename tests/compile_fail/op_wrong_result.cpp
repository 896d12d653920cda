// A function that returns something else than an expression.
// expect: op: a function returns an xtensor expression or container
#include <xtensor-torch/op.hpp>

void mistake(torch::Library& library) {
    xtt::op<"size(Tensor x) -> int", float>(library, [](const auto& x) { return x.size(); });
}
