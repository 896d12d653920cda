// expect: to_host_async makes a copy that owns its elements: leave out the const
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const at::Tensor& tensor) { return xtt::to_host_async<const float>(tensor); }
