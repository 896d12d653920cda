// expect: this value type does not convert to U
#include <xtensor-torch/xtensor-torch.hpp>

#include <complex>

auto mistake(const xt::xarray<std::complex<double>>& numbers) { return xtt::copy<double>(numbers); }
