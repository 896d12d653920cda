// expect: this expression is computed when asked for: use xtt::copy(x)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(xt::xarray<float>& array) {
    auto expression = array + 1.0f;
    return xtt::borrow(expression);
}
