// expect: std::string has no dtype in LibTorch: encode text as integers, e.g. std::int64_t tokens
#include <xtensor-torch/xtensor-torch.hpp>

#include <string>

auto mistake(const xt::xarray<std::string>& words) { return xtt::to_device(words, at::kCPU); }
