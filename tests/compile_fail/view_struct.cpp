// expect: this class has no dtype in LibTorch
#include <xtensor-torch/xtensor-torch.hpp>

struct point {
    float x, y;
};

auto mistake(at::Tensor& tensor) { return xtt::view<point>(tensor); }
