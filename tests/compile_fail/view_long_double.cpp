// expect: long double has no dtype in LibTorch: use double
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(at::Tensor& tensor) { return xtt::view<long double>(tensor); }
