// A generic function without element types to instantiate it for.
// expect: op: name the element types of a generic function
#include <xtensor-torch/op.hpp>

void mistake(torch::Library& library) {
    xtt::op<"twice(Tensor x) -> Tensor">(library, [](const auto& x) { return x + x; });
}
