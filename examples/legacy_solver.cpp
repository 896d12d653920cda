// Numeric code from before the model: a solver of the heat equation, written on xt::xtensor, becomes a step that
// autograd goes through. The solver stays as it is; its adjoint is the same solver once more. A training loop then
// finds out from temperatures alone where a rod conducts badly.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <vector>

// ---- The legacy code: it knows nothing of LibTorch ------------------------------------------------------------------

namespace legacy {

using vector = xt::xtensor<double, 1>;

// One implicit time step for the temperatures of the n cells of a rod with insulated ends. `conductivity` belongs to
// the n - 1 faces between the cells, in units of cell size squared per time step. Thomas' algorithm.
vector heat_step(const vector& temperature, const vector& conductivity) {
    const std::size_t n = temperature.size();
    vector ratio = xt::zeros<double>({n});
    vector solution = temperature;
    for (std::size_t i = 0; i < n; ++i) {
        const double left = i > 0 ? conductivity(i - 1) : 0.0;
        const double right = i + 1 < n ? conductivity(i) : 0.0;
        const double pivot = 1.0 + left + right - (i > 0 ? left * ratio(i - 1) : 0.0);
        ratio(i) = right / pivot;
        solution(i) = (solution(i) + (i > 0 ? left * solution(i - 1) : 0.0)) / pivot;
    }
    for (std::size_t i = n - 1; i-- > 0;) {
        solution(i) += ratio(i) * solution(i + 1);
    }
    return solution;
}

}  // namespace legacy

// ---- The bridge -----------------------------------------------------------------------------------------------------

namespace {

// The step solves (1 + D' K D) new = old, with the differences D between neighbours and the conductivities K. The
// matrix is symmetric: the gradient with respect to `old` is the step of the gradient, and the one with respect to K
// follows.
struct heat_step : torch::autograd::Function<heat_step> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& old_temperature,
                                 const torch::Tensor& conductivity) {
        // The solver takes containers: one copy in, and none out. Written for any expression, it would take views.
        torch::Tensor temperature = xtt::adopt(legacy::heat_step(xtt::to_host<double, 1>(old_temperature.detach()),
                                                                 xtt::to_host<double, 1>(conductivity.detach())));
        context->save_for_backward({temperature, conductivity});
        return temperature;
    }

    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::tensor_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto temperature = xtt::view<const double, 1>(saved[0].detach());
        const legacy::vector adjoint =
            legacy::heat_step(xtt::to_host<double, 1>(gradients[0]), xtt::to_host<double, 1>(saved[1].detach()));
        return {xtt::copy(adjoint), xtt::copy(-xt::diff(adjoint) * xt::diff(temperature))};
    }
};

constexpr std::size_t cells = 32;
constexpr int time_steps = 30;

// The temperatures of all cells after every time step: [time_steps, cells].
torch::Tensor simulate(const torch::Tensor& start, const torch::Tensor& conductivity) {
    std::vector<torch::Tensor> history;
    torch::Tensor temperature = start;
    for (int step = 0; step < time_steps; ++step) {
        temperature = heat_step::apply(temperature, conductivity);
        history.push_back(temperature);
    }
    return torch::stack(history);
}

// How far the gradient is from finite differences, in relation to it.
double gradient_error(const torch::Tensor& start, const torch::Tensor& conductivity) {
    torch::Tensor variable = conductivity.clone().requires_grad_();
    simulate(start, variable).square().sum().backward();
    legacy::vector differences = legacy::vector::from_shape({cells - 1});
    for (std::size_t face = 0; face < cells - 1; ++face) {
        const auto at = [&](double shift) {
            torch::Tensor moved = conductivity.clone();
            xtt::view<double, 1>(moved)(face) += shift;
            return simulate(start, moved).square().sum().item<double>();
        };
        differences(face) = (at(1e-5) - at(-1e-5)) / 2e-5;
    }
    const auto gradient = xtt::view<const double, 1>(variable.grad());
    return xt::amax(xt::abs(gradient - differences))() / xt::amax(xt::abs(gradient))();
}

}  // namespace

int main() {
    // The truth: a rod that conducts well, but for a layer in it. One end starts hot.
    legacy::vector truth = xt::ones<double>({cells - 1});
    xt::view(truth, xt::range(12, 16)) = 0.1;
    legacy::vector start = xt::zeros<double>({cells});
    xt::view(start, xt::range(0, 10)) = 1.0;

    const torch::Tensor hot_end = xtt::borrow(start);
    const torch::Tensor measured = simulate(hot_end, xtt::borrow(truth));
    std::cout << std::boolalpha << "no heat is lost: " << (std::abs(measured[-1].sum().item<double>() - 10.0) < 1e-9)
              << "\nthe gradient agrees with finite differences to six digits: "
              << (gradient_error(hot_end, xtt::borrow(truth)) < 1e-6) << "\n";

    // What is learnt is the logarithm: a conductivity is positive.
    torch::Tensor logarithm =
        torch::zeros({cells - 1}, torch::TensorOptions().dtype(torch::kFloat64).requires_grad(true));
    torch::optim::Adam optimizer({logarithm}, torch::optim::AdamOptions(0.1));
    double first = 0, loss = 0;
    for (int step = 0; step < 200; ++step) {
        optimizer.zero_grad();
        const torch::Tensor error = torch::mse_loss(simulate(hot_end, logarithm.exp()), measured);
        error.backward();
        optimizer.step();
        loss = error.item<double>();
        first = step == 0 ? loss : first;
    }
    std::cout << "training lowered the error a thousandfold: " << (loss < 1e-3 * first) << "\n";

    const auto found = xtt::to_host<double, 1>(logarithm.detach().exp());
    std::cout << "faces that conduct less than a third of the rod:";
    for (std::size_t face = 0; face < cells - 1; ++face) {
        if (found(face) < 1.0 / 3.0) {
            std::cout << " " << face;
        }
    }
    std::cout << "\n";
}
