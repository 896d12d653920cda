// expect: to_device takes an xtensor expression: a tensor is copied by x.to(device)
#include <xtensor-torch/xtensor-torch.hpp>

void mistake(const at::Tensor& x) { xtt::to_device(x, at::kCPU); }
