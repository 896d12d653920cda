// What every consumer project builds: the umbrella header, one shared element, one copy.
#include <xtensor-torch/xtensor-torch.hpp>

#include <cstdlib>

int main() {
    xt::xarray<float> array = {{1, 2}, {3, 4}};
    at::Tensor tensor = xtt::borrow(array);
    xtt::view<float, 2>(tensor)(1, 1) = 8.0f;
    return array(1, 1) == 8.0f && xtt::copy(array * 2.0f)[1][1].item<float>() == 16.0f ? EXIT_SUCCESS : EXIT_FAILURE;
}
