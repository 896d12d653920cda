// expect: adopt takes an xtensor container: adapt other memory first, xtt::adopt(xt::adapt(std::move(x), shape))
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(std::vector<float> x) { return xtt::adopt(std::move(x)); }
