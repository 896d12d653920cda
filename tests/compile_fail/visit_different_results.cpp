// expect: it must return one type for every element type
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(at::Tensor& tensor) {
    return xtt::visit<float, double>(tensor, [](auto& view) { return view(0); });
}
