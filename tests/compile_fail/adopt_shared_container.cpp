// expect: an assignment to it would free the memory under the tensor: hold a xtt::shared_array<T>
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const std::shared_ptr<xt::xarray<float>>& array) { return xtt::adopt(array); }
