// expect: this is a view that holds one: use xtt::copy(x), or adopt the container and slice the tensor
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

auto mistake() { return xtt::adopt(xt::view(xt::xarray<float>{1, 2, 3}, 1)); }
