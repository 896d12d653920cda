// expect: copy takes an xtensor expression: adapt other memory first, xtt::copy(xt::adapt(x, shape))
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const std::vector<float>& x) { return xtt::copy(x); }
