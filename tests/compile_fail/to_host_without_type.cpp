// expect: to_host needs the element type: xtt::to_host<float>(tensor)
#include <xtensor-torch/xtensor-torch.hpp>

void mistake(const at::Tensor& tensor) { xtt::to_host(tensor); }
