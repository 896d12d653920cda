// expect: view needs the element type: xtt::view<float>(tensor), or xtt::visit<float, double>(tensor, f)
#include <xtensor-torch/xtensor-torch.hpp>

void mistake(at::Tensor& tensor) { xtt::view(tensor); }
