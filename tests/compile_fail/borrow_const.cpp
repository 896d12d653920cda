// expect: this container is const: use xtt::copy(x)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const xt::xarray<float>& array) { return xtt::borrow(array); }
