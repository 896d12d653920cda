// expect: read-only
#include <xtensor-torch/xtensor-torch.hpp>

void mistake(const at::Tensor& tensor) {
    auto view = xtt::view<const float, 2>(tensor);
    view(0, 0) = 1.0f;
}
