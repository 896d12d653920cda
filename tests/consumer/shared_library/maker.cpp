#include "sides.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

xtt::tensor_view<float, 2> make_view() { return xtt::view<float, 2>(at::arange(6, at::kFloat).reshape({2, 3})); }

at::Tensor make_adopted() { return xtt::adopt(xt::xtensor<float, 1>{1, 2, 3}); }

void view_wrongly() { xtt::view<float>(at::zeros({2}, at::kDouble)); }
