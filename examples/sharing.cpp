// Who owns the memory, in both directions: what view, borrow, adopt and copy share, and what keeps it alive.
#include <torch/torch.h>
#include <xtensor-torch/format.hpp>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <iostream>
#include <memory>
#include <utility>

namespace {

void title(const char* text) { std::cout << "\n" << text << "\n"; }

const char* same(const void* first, const void* second) { return first == second ? "the same" : "another"; }

void from_torch_to_xtensor() {
    title("view: the tensor's memory as an expression");
    torch::Tensor tensor = torch::zeros({2, 3});
    auto view = xtt::view<float, 2>(tensor);
    view(0, 1) = 5.0f;                      // written here, read there
    tensor.add_(1.0);                       // and the other way round
    xt::view(view, 1) = 2.0f * view(0, 1);  // a part of it, as of any xtensor expression
    std::cout << tensor << "\n" << view << "\n";
    std::cout << "its memory is " << same(view.data(), tensor.data_ptr()) << "\n" << xtt::describe(view) << "\n";

    title("view: it keeps the memory when the tensor goes");
    tensor.reset();
    std::cout << "the tensor is " << (tensor.defined() ? "defined" : "gone") << ", the view reads " << view(1, 2)
              << "\n";
    std::cout << "view.tensor() gives it back: " << view.tensor().sizes() << "\n";

    title("view<const T>: for reading, of const tensors, too");
    const torch::Tensor constant = torch::full({2}, 7.0);
    std::cout << xtt::describe(xtt::view<const float>(constant)) << "\n";

    title("to_host: a container of one's own");
    torch::Tensor source = torch::ones({3});
    xt::xtensor<float, 1> container = xtt::to_host<float, 1>(source);
    container(0) = -1.0f;
    std::cout << "the tensor still has " << source[0].item<float>() << "\n" << xtt::describe(container) << "\n";
}

void from_xtensor_to_torch() {
    title("borrow: the container keeps its memory, and must outlive the tensor");
    xt::xarray<double> array = {{1.0, 2.0}, {3.0, 4.0}};
    torch::Tensor borrowed = xtt::borrow(array);
    borrowed.mul_(10.0);
    array(1, 1) = 0.0;
    std::cout << array << "\n" << xtt::describe(borrowed) << "\n";
    auto column = xt::view(array, xt::all(), 1);
    std::cout << "a column of it: " << xtt::describe(xtt::borrow(column)) << "\n";

    title("adopt: the tensor takes the memory over");
    const double* before = array.data();
    torch::Tensor adopted = xtt::adopt(std::move(array));
    std::cout << "its memory is " << same(before, adopted.data_ptr()) << "\n" << xtt::describe(adopted) << "\n";

    title("adopt of a shared_ptr: the memory lives as long as either");
    auto shared = std::make_shared<xtt::shared_tensor<float, 1>>(xtt::shared_tensor<float, 1>{1.0f, 2.0f, 3.0f});
    torch::Tensor together = xtt::adopt(shared);
    (*shared)(0) = 100.0f;
    shared.reset();
    std::cout << "the container's holder is gone, the tensor has " << together[0].item<float>() << "\n";

    title("copy: a fresh tensor, from anything that can be evaluated");
    xt::xtensor<float, 1> numbers = {1.0f, 4.0f, 9.0f};
    torch::Tensor roots = xtt::copy(xt::sqrt(numbers));
    numbers(0) = 0.0f;
    std::cout << "the tensor still has " << roots[0].item<float>() << "\n" << xtt::describe(roots) << "\n";
}

void what_is_refused() {
    title("autograd: a tensor in the graph is refused until it is detached");
    torch::Tensor weight = torch::ones({2}, torch::requires_grad());
    try {
        xtt::view<float>(weight);
    } catch (const c10::Error& error) {
        std::cout << error.what() << "\n";
    }

    title("autograd: a write behind its back is noticed");
    torch::Tensor loss = (weight * weight).sum();
    xtt::view<float>(weight.detach()) = 3.0f;
    try {
        loss.backward();
    } catch (const c10::Error& error) {
        const std::string sentence = error.what();
        std::cout << "backward refused: " << sentence.substr(0, sentence.find(':')) << "\n";
    }

    title("resizing: a view marks the memory, so that it does not move away");
    torch::Tensor grown = torch::ones({2});
    const auto view = xtt::view<const float, 1>(grown);
    try {
        grown.resize_({1000});
    } catch (const c10::Error&) {
        std::cout << "resize_ refused\n";
    }
    std::cout << "the view reads " << view(1) << "\n";
}

}  // namespace

int main() {
    from_torch_to_xtensor();
    from_xtensor_to_torch();
    what_is_refused();
}
