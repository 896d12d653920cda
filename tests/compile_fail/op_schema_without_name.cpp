// A schema whose parameter has no name.
// expect: op: a parameter of the schema has no name
#include <xtensor-torch/op.hpp>

void mistake(torch::Library& library) {
    xtt::op<"twice(Tensor?) -> Tensor", float>(library, [](const auto& x) { return x + x; });
}
