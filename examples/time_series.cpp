// A time series through a recurrent model: its rhythm from a spectrum, its features as rolling statistics in xtensor,
// over windows that overlap in the tensor's own memory; a GRU learns to say what comes next.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <complex>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <tuple>

namespace {

constexpr std::int64_t length = 480, rolling = 8, history = 12;

// A daily rhythm with a weekly swell, and a disturbance that looks like noise.
xt::xtensor<float, 1> make_series() {
    const xt::xtensor<double, 1> hour = xt::arange<double>(static_cast<double>(length));
    const double turn = 2 * 3.141592653589793 / 24;
    return xt::cast<float>((1 + 0.5 * xt::sin(hour * turn / 7)) * xt::sin(hour * turn) + 0.05 * xt::sin(hour * hour));
}

// The period of the strongest frequency.
double rhythm_of(const torch::Tensor& series) {
    const torch::Tensor spectrum = torch::fft::rfft(series);
    const xt::xtensor<float, 1> strength = xt::abs(xtt::view<const std::complex<float>, 1>(spectrum));
    return static_cast<double>(length) / static_cast<double>(xt::argmax(strength)());
}

// For each window of the series its last value, mean and standard deviation: [windows, 3].
torch::Tensor make_features(const torch::Tensor& series) {
    const torch::Tensor overlapping = series.unfold(0, rolling, 1);  // [windows, rolling], nothing is copied
    const auto windows = xtt::view<const float, 2>(overlapping);
    const xt::xtensor<float, 1> mean = xt::mean(windows, {1});
    torch::Tensor features = torch::empty({overlapping.size(0), 3});
    auto columns = xtt::view<float, 2>(features);
    xt::view(columns, xt::all(), 0) = xt::view(windows, xt::all(), rolling - 1);
    xt::view(columns, xt::all(), 1) = mean;
    xt::view(columns, xt::all(), 2) = xt::stddev(windows, {1});
    return features;
}

struct forecaster : torch::nn::Module {
    forecaster()
        : memory(register_module("memory", torch::nn::GRU(torch::nn::GRUOptions(3, 16).batch_first(true)))),
          last(register_module("last", torch::nn::Linear(16, 1))) {}

    torch::Tensor forward(const torch::Tensor& sequences) {
        return last(std::get<0>(memory(sequences)).select(1, -1)).squeeze(1);
    }

    torch::nn::GRU memory;
    torch::nn::Linear last;
};

double mean_square(const torch::Tensor& difference) {
    return xt::mean(xt::square(xtt::view<const float, 1>(difference)))();
}

}  // namespace

int main() {
    torch::manual_seed(1);
    torch::set_num_threads(1);  // the model is too small to be shared out
    const torch::Tensor series = xtt::adopt(make_series());
    std::cout << length << " hours; the strongest rhythm has a period of " << rhythm_of(series) << " hours\n";

    const torch::Tensor features = make_features(series);
    std::cout << std::boolalpha << "features of each window of " << rolling << " hours: " << features.sizes()
              << ", their deviations are torch's: "
              << torch::allclose(features.select(1, 2), series.unfold(0, rolling, 1).std(1, /*unbiased=*/false), 1e-4,
                                 1e-6)
              << "\n";

    // Sequences of features, and the value of the hour after each; the last quarter is for the test.
    const torch::Tensor sequences = features.unfold(0, history, 1).transpose(1, 2).slice(0, 0, -1);
    const torch::Tensor next = series.slice(0, rolling + history - 1);
    const std::int64_t known = sequences.size(0) * 3 / 4;
    std::cout << "sequences: " << sequences.sizes() << ", to learn from: " << known << "\n";

    forecaster model;
    torch::optim::Adam optimizer(model.parameters(), torch::optim::AdamOptions(0.02));
    double first = 0, loss = 0;
    for (int step = 0; step < 120; ++step) {
        optimizer.zero_grad();
        const torch::Tensor error =
            torch::mse_loss(model.forward(sequences.slice(0, 0, known)), next.slice(0, 0, known));
        error.backward();
        optimizer.step();
        loss = error.item<double>();
        first = step == 0 ? loss : first;
    }
    std::cout << "the loss fell to less than a tenth: " << (loss < 0.1 * first) << "\n";

    const torch::NoGradGuard unrecorded;
    const torch::Tensor truth = next.slice(0, known);
    const torch::Tensor said = model.forward(sequences.slice(0, known));
    const torch::Tensor before = series.slice(0, rolling + history - 2 + known, -1);
    const double error = mean_square(said - truth), naive = mean_square(before - truth);
    std::cout << "on hours that it has not seen, it errs less than half as much as the value before: "
              << (error < 0.25 * naive) << "\n";
}
