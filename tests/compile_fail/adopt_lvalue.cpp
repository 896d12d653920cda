// expect: pass std::move(x), or borrow(x), or copy(x)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(xt::xarray<float>& array) { return xtt::adopt(array); }
