// The right form of what the other files get wrong.
#include <xtensor-torch/xtensor-torch.hpp>

at::Tensor control(at::Tensor tensor, xt::xarray<float>& array, const xt::xarray<float>& constant) {
    auto view = xtt::view<float, 2>(tensor);
    view(0, 0) = 1.0f;
    view += 1.0f;
    const at::Tensor& same = tensor;
    const auto read_only = xtt::view<const float>(same);
    view = read_only + constant;
    xtt::borrow(array).add_(1);
    xtt::visit<float, double>(tensor, [](auto& elements) { return static_cast<double>(elements(0)); });
    array = xtt::to_host<float>(tensor);
    array = xtt::to_host_async<float>(xtt::to_device(constant, at::kCPU)).get();
    array = xtt::to_host<double>(xtt::copy(constant, at::kDouble));
    return xtt::adopt(std::move(array)).add(xtt::copy<double>(constant));
}
