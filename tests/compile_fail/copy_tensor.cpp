// expect: copy takes an xtensor expression: a tensor is copied by x.clone()
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const at::Tensor& x) { return xtt::copy(x); }
