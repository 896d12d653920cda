// expect: this view is read-only: write through xtt::view<T>(tensor)
#include <xtensor-torch/xtensor-torch.hpp>

void mistake(const at::Tensor& tensor) {
    auto view = xtt::view<const float>(tensor);
    view += 1.0f;
}
