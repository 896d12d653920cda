// Two operators of our own in one file: a loss with its gradient, and an operator that writes in place. Each body is an
// xtensor expression; dispatch on the dtype, schema, autograd and meta kernel follow from the registration.
#include <torch/torch.h>
#include <xtensor-torch/op.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <cmath>
#include <iostream>
#include <tuple>

namespace {

// The pinball loss: its minimum over a constant prediction is the quantile of the targets.
const auto pinball = [](const auto& prediction, const auto& target, const auto& quantile) {
    return xt::maximum(quantile * (target - prediction), (quantile - 1) * (target - prediction));
};

// An expression refers to what has a name: a function of the operator's arguments may return one, a local variable may
// not be part of it.
const auto slope = [](const auto& prediction, const auto& target, const auto& quantile) {
    return (target > prediction) * quantile + (target <= prediction) * (quantile - 1);
};

const auto pinball_backward = [](const auto& grad, const auto& prediction, const auto& target, const auto& quantile) {
    return std::tuple(-grad * slope(prediction, target, quantile), grad * slope(prediction, target, quantile));
};

// Each column shifted to mean 0 and scaled to standard deviation 1.
const auto standardize_ = [](auto& x) {
    x -= xt::eval(xt::mean(x, {0}));
    x /= xt::eval(xt::sqrt(xt::mean(xt::square(x), {0})));
};

}  // namespace

TORCH_LIBRARY(example, library) {
    xtt::op<"pinball(Tensor prediction, Tensor target, float quantile=0.5) -> Tensor", float, double>(
        library, pinball, xtt::backward(pinball_backward));
    xtt::op<"standardize_(Tensor(a!) x) -> ()", float, double>(library, standardize_);
}

namespace {

c10::OperatorHandle find(const char* name) { return c10::Dispatcher::singleton().findSchemaOrThrow(name, ""); }

torch::Tensor call_pinball(const torch::Tensor& prediction, const torch::Tensor& target, double quantile) {
    static const auto op =
        find("example::pinball").typed<torch::Tensor(const torch::Tensor&, const torch::Tensor&, double)>();
    return op.call(prediction, target, quantile);
}

}  // namespace

int main() {
    std::cout << find("example::pinball").schema() << "\n" << find("example::standardize_").schema() << "\n";

    std::cout << "\nforward, of a prediction that is broadcast:\n";
    const torch::Tensor target = torch::arange(1, 5, torch::kFloat32);
    torch::Tensor prediction = torch::full({1}, 2.5, torch::requires_grad());
    const torch::Tensor loss = call_pinball(prediction, target, 0.9);
    std::cout << loss.detach() << "\n";

    std::cout << "\nits gradient:\n";
    loss.sum().backward();
    std::cout << prediction.grad() << "\n";

    std::cout << "\ntraining a constant to the 0.9-quantile of 0, 1, ..., 1000:\n";
    const torch::Tensor numbers = torch::arange(1001, torch::kFloat64);
    torch::Tensor constant = torch::zeros({1}, torch::TensorOptions().dtype(torch::kFloat64).requires_grad(true));
    torch::optim::SGD optimizer({constant}, torch::optim::SGDOptions(100.0));
    for (int step = 0; step < 300; ++step) {
        optimizer.zero_grad();
        call_pinball(constant, numbers, 0.9).mean().backward();
        optimizer.step();
    }
    std::cout << "it is near 900: " << std::boolalpha << (std::abs(constant.item<double>() - 900.0) < 1.0) << "\n";

    std::cout << "\nin place:\n";
    torch::Tensor table = torch::tensor({{1.0, 10.0}, {3.0, 30.0}}, torch::kFloat64);
    find("example::standardize_").typed<void(torch::Tensor&)>().call(table);
    std::cout << table << "\n";

    std::cout << "\nrefused:\n";
    try {
        call_pinball(torch::ones({2}, torch::kInt64), torch::ones({2}, torch::kInt64), 0.5);
    } catch (const c10::TypeError& error) {
        std::cout << error.what() << "\n";
    }

    std::cout << "\non the meta device, where there are shapes and no elements: "
              << call_pinball(torch::ones({4, 1}, torch::kMeta), torch::ones({3}, torch::kMeta), 0.5).sizes() << "\n";
}
