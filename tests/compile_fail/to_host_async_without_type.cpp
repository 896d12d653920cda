// expect: to_host_async needs the element type: xtt::to_host_async<float>(tensor)
#include <xtensor-torch/xtensor-torch.hpp>

void mistake(const at::Tensor& tensor) { xtt::to_host_async(tensor); }
