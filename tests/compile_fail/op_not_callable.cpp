// A function with another number of parameters than the schema.
// expect: op: the function cannot be called with what the schema says
#include <xtensor-torch/op.hpp>

void mistake(torch::Library& library) {
    xtt::op<"twice(Tensor x, Tensor y) -> Tensor", float>(library, [](const auto& x) { return x + x; });
}
