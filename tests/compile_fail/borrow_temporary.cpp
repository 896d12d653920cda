// expect: use xtt::adopt(std::move(x)) or xtt::copy(x)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake() { return xtt::borrow(xt::xarray<float>{1, 2}); }
