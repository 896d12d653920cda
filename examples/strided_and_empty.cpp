// Tensors that are not one contiguous block: transposed, sliced, stepped, expanded, with windows, without elements,
// without dimensions. A view takes them all as they are; what cannot be shared is refused and can be copied.
#include <torch/torch.h>
#include <xtensor-torch/format.hpp>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <iostream>

namespace {

void show(const char* what, const torch::Tensor& tensor) {
    const auto view = xtt::view<const float>(tensor);
    std::cout << what << ": strides " << tensor.strides() << "\n" << view << "\n";
}

template <class Call>
void refused(const char* what, Call&& call) {
    try {
        call();
        std::cout << what << ": taken\n";
    } catch (const c10::ValueError& error) {
        std::cout << what << ": " << error.what() << "\n";
    }
}

void strided() {
    torch::Tensor grid = torch::arange(12, torch::kFloat32).reshape({3, 4});
    show("transposed", grid.t());
    show("every second column", grid.slice(1, 0, 4, 2));
    show("one row, expanded to three", grid[1].expand({3, 4}));
    show("windows of three over the first row", grid[0].unfold(0, 3, 1));

    std::cout << "\nA write lands where the elements are:\n";
    xtt::view<float, 2>(grid.slice(1, 0, 4, 2)) = -1.0f;
    xtt::view<float, 1>(grid.diagonal()) += 100.0f;
    std::cout << grid << "\n";

    std::cout << "\nWhat is not written through, and what is not shared:\n";
    refused("a writable view of an expanded tensor", [&] { xtt::view<float>(grid[0].expand({2, 4})); });
    refused("a row-major view of a transposed tensor",
            [&] { xtt::view<float, 2, xt::layout_type::row_major>(grid.t()); });
    xt::xtensor<float, 1> line = {1, 2, 3};
    auto backwards = xt::flip(line, 0);
    refused("a tensor over a flipped container", [&] { xtt::borrow(backwards); });
    std::cout << "a copy of it: " << xtt::view<float>(xtt::copy(backwards)) << "\n";

    std::cout << "\nColumn-major containers are strided tensors:\n";
    xt::xtensor<float, 2, xt::layout_type::column_major> columns = {{1, 2, 3}, {4, 5, 6}};
    const torch::Tensor tensor = xtt::borrow(columns);
    std::cout << xtt::describe(columns) << "\n" << xtt::describe(tensor) << "\n" << tensor << "\n";
}

void empty() {
    std::cout << "\nTensors without elements have shapes, and are computed with as any other:\n";
    torch::Tensor nothing = torch::empty({0, 3});
    auto view = xtt::view<float, 2>(nothing);
    view = 2.0f * view + 1.0f;
    std::cout << xtt::describe(view) << "\n";
    std::cout << "sum " << xt::sum(view)() << ", sums of its columns " << xt::sum(view, {0}) << "\n";
    std::cout << "copied: " << xtt::copy(view).sizes() << "\n";
    std::cout << "to the host: " << xtt::describe(xtt::to_host<float>(torch::empty({3, 0, 2}))) << "\n";
    std::cout << "borrowed: " << xtt::describe(xtt::borrow(view)) << "\n";

    std::cout << "\nA tensor without dimensions has one element:\n";
    torch::Tensor number = torch::tensor(2.5f).squeeze();
    auto scalar = xtt::view<float, 0>(number);
    scalar() *= 2.0f;
    std::cout << xtt::describe(scalar) << "\n" << number.item<float>() << "\n";
}

}  // namespace

int main() {
    strided();
    empty();
}
