// expect: this view or adaptor owns none: use xtt::borrow(x) or xtt::copy(x)
#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(at::Tensor& tensor) { return xtt::adopt(xtt::view<float>(tensor)); }
