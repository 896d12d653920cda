// Element types: which C++ type views which dtype, how a dtype is asked for and converted, and how to write code for
// tensors whose dtype only the run knows. Nothing is converted unless a conversion is written down.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <complex>
#include <cstddef>
#include <cstdint>
#include <iostream>

namespace {

template <xtt::element T>
void print_row(const char* type) {
    using traits = xtt::dtype_traits<T>;
    std::cout << "  " << type << " is " << traits::name
              << (traits::sharing == xtt::sharing::exact ? "\n" : " by its bytes\n");
}

void print_table() {
    std::cout << "C++ types and dtypes:\n";
    print_row<bool>("bool");
    print_row<std::uint8_t>("std::uint8_t");
    print_row<std::byte>("std::byte");
    print_row<std::int64_t>("std::int64_t");
    print_row<long long>("long long");
    print_row<float>("float");
    print_row<double>("double");
    print_row<c10::Half>("c10::Half");
    print_row<c10::BFloat16>("c10::BFloat16");
    print_row<c10::complex<float>>("c10::complex<float>");
    print_row<std::complex<float>>("std::complex<float>");
    static_assert(!xtt::element<long double>, "long double has no dtype, and its view does not compile");
}

void convert() {
    const torch::Tensor doubles = torch::tensor({0.25, 0.5, 2.75}, torch::kFloat64);
    std::cout << "\nA view of another dtype is refused:\n  ";
    try {
        xtt::view<const float>(doubles);
    } catch (const c10::TypeError& error) {
        std::cout << error.what() << "\n";
    }

    std::cout << "Tensor to tensor, by LibTorch: " << xtt::view<const float>(doubles.to(torch::kFloat32)) << "\n";
    const auto view = xtt::view<const double>(doubles);
    std::cout << "Expression to tensor, in the same pass: " << xtt::copy<float>(2.0 * view).dtype() << "\n";
    std::cout << "As C++ converts, towards zero: " << xtt::view<const int>(xtt::copy<int>(view)) << "\n";
    const xt::xtensor<double, 1> container = {1, 2, 3};
    const torch::Tensor half = xtt::copy(container, torch::TensorOptions().dtype(torch::kFloat16));
    std::cout << "To a dtype that only the run knows: " << half.dtype() << "\n";
    torch::Tensor floats = torch::empty({3});
    xtt::view<float>(floats) = view;
    std::cout << "Into a tensor that is there, by assignment: " << xtt::view<float>(floats) << "\n";
}

void compute() {
    std::cout << "\nIn expressions, C++ decides:\n";
    const torch::Tensor bytes = torch::tensor({200, 100}, torch::kUInt8);
    const auto view = xtt::view<const std::uint8_t>(bytes);
    std::cout << "  uint8 + uint8 is " << xtt::copy(view + view).dtype() << ": " << view + view
              << ", where torch wraps around to " << (bytes + bytes)[0].item<int>() << "\n";
    std::cout << "  a comparison is " << xtt::copy(view > 150).dtype() << "\n";

    const torch::Tensor halves = torch::ones({5000}, torch::kFloat16);
    const auto sum = xt::sum(xtt::view<const c10::Half>(halves))();
    std::cout << "  5000 ones in float16 are added up in float32: " << sum << "\n";

    const torch::Tensor complex = torch::complex(torch::ones({2}), torch::full({2}, -2.0));
    std::cout << "  std::complex views what torch calls " << complex.dtype() << ": "
              << xt::imag(xtt::view<const std::complex<float>>(complex)) << "\n";
}

// One function for tensors of several dtypes; the others are refused, with the list.
double mean_of(const torch::Tensor& tensor) {
    return xtt::visit<float, double, std::int64_t>(
        tensor, [](const auto& view) { return static_cast<double>(xt::mean(view)()); });
}

void dispatch() {
    std::cout << "\nOne function for several dtypes:\n";
    std::cout << "  of " << torch::kInt64 << ": " << mean_of(torch::arange(5)) << "\n";
    std::cout << "  of " << torch::kFloat64 << ": " << mean_of(torch::full({3}, 0.5, torch::kFloat64)) << "\n  ";
    try {
        mean_of(torch::ones({2}, torch::kBool));
    } catch (const c10::TypeError& error) {
        std::cout << error.what() << "\n";
    }
}

}  // namespace

int main() {
    print_table();
    convert();
    compute();
    dispatch();
}
