// expect: borrow takes an xtensor container or a view over one: adapt other memory first, xtt::borrow(xt::adapt(x,
// shape))
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(std::vector<float>& x) { return xtt::borrow(x); }
