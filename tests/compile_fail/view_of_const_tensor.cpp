// expect: the tensor is const: read it with xtt::view<const T>(tensor)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const at::Tensor& tensor) { return xtt::view<float>(tensor); }
