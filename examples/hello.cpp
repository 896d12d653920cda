#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <iostream>

int main() {
    torch::Tensor tensor = torch::ones({2, 3});
    auto view = xtt::view<float>(tensor);             // the tensor's memory as an xtensor expression
    view = 2 * view + xt::arange<float>(3);           // written into the tensor, in one loop
    torch::Tensor roots = xtt::copy(xt::sqrt(view));  // an expression as a fresh tensor
    std::cout << tensor << "\n" << roots.sizes() << "\n";
}
