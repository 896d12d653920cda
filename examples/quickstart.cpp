// The library in a minute: a tensor seen as an xtensor expression, an xtensor container seen as a tensor.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>

#include <iostream>

int main() {
    torch::Tensor tensor = torch::tensor({{1.0f, 2.0f, 3.0f}, {4.0f, 5.0f, 6.0f}});

    // The tensor's own memory as an xtensor expression: what is written is in the tensor.
    auto view = xtt::view<float, 2>(tensor);
    view = 2.0f * view + 1.0f;
    view(0, 0) = -1.0f;
    std::cout << "written through the view:\n" << tensor << "\n";

    // A container as a tensor: borrow leaves the memory with the container, adopt takes it over.
    xt::xarray<double> array = {{1.0, 2.0}, {3.0, 4.0}};
    xtt::borrow(array).mul_(10.0);
    std::cout << "multiplied by torch: " << array(0, 0) << " ... " << array(1, 1) << "\n";
    torch::Tensor adopted = xtt::adopt(std::move(array));

    // An expression as a fresh tensor, converted on the way.
    torch::Tensor halves = xtt::copy<float>(0.5 * xtt::view<double>(adopted));
    std::cout << "copied as float:\n" << halves << "\n";

    // Nothing is converted silently.
    try {
        xtt::view<double>(tensor);
    } catch (const c10::TypeError& error) {
        std::cout << "xtt::view<double> refused: " << error.what() << "\n";
    }
}
