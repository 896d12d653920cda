// expect: this one is const: use xtt::copy(x)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const xt::xarray<float>& array) { return xtt::adopt(std::move(array)); }
