// A torch::data loader over memory that xtensor owns: the batches are tensors over the container's own rows, no element
// is copied on the way from the container to the model, and a change to the container is in the next batch.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

namespace {

using matrix = xtt::shared_tensor<float, 2>;
using batch = torch::data::Example<>;

constexpr std::size_t rows = 1000, features = 3, batch_rows = 100;

// The index that the loader draws is that of a whole batch: rows that lie together need no collating. Each worker of
// the loader has its own copy of the dataset; the tensors share the containers, and keep them alive.
class row_batches : public torch::data::datasets::BatchDataset<row_batches, batch> {
public:
    row_batches(std::shared_ptr<matrix> samples, std::shared_ptr<matrix> targets)
        : m_samples(xtt::adopt(std::move(samples))), m_targets(xtt::adopt(std::move(targets))) {}

    batch get_batch(torch::ArrayRef<std::size_t> drawn) override {
        const auto first = static_cast<std::int64_t>(drawn[0] * batch_rows);
        const auto last = first + static_cast<std::int64_t>(batch_rows);
        return {m_samples.slice(0, first, last), m_targets.slice(0, first, last)};
    }

    std::optional<std::size_t> size() const override { return rows / batch_rows; }

private:
    torch::Tensor m_samples;
    torch::Tensor m_targets;
};

// Which batch of the container starts at this address, counted from 0; none where the elements are elsewhere.
std::optional<std::size_t> position_in(const matrix& container, const torch::Tensor& tensor) {
    for (std::size_t first = 0; first < rows; first += batch_rows) {
        if (tensor.const_data_ptr() == &container(first, 0)) {
            return first / batch_rows;
        }
    }
    return std::nullopt;
}

}  // namespace

int main() {
    torch::manual_seed(1);

    // Samples and targets in xtensor: y = 3 a - 2 b + 0.5 c, without noise.
    const auto samples = std::make_shared<matrix>(matrix::from_shape({rows, features}));
    const xt::xtensor<float, 1> angle = xt::arange<float>(rows);
    for (std::size_t feature = 0; feature < features; ++feature) {
        xt::view(*samples, xt::all(), feature) = xt::sin(angle * (1.0f + 0.37f * static_cast<float>(feature)));
    }
    const xt::xtensor<float, 1> truth = {3.0f, -2.0f, 0.5f};
    const auto targets = std::make_shared<matrix>(xt::sum(*samples * truth, {1}, xt::keep_dims));

    auto loader = torch::data::make_data_loader(
        row_batches(samples, targets),
        torch::data::samplers::RandomSampler(static_cast<std::int64_t>(rows / batch_rows)),
        torch::data::DataLoaderOptions().batch_size(1).workers(2));

    std::cout << "one epoch, by two workers, in random order:\n";
    std::size_t shared = 0, positions = 0;
    for (const batch& one : *loader) {
        const auto place = position_in(*samples, one.data);
        shared += place && position_in(*targets, one.target) == place ? 1 : 0;
        positions += place.value_or(0);
    }
    std::cout << "  batches whose data_ptr is inside of the containers: " << shared << " of " << rows / batch_rows
              << "\n"
              << "  each batch once: " << std::boolalpha << (positions == 45) << "\n";

    std::cout << "a change to the container is in the batches of the next epoch:\n";
    *samples *= 0.5f;
    float largest = 0;
    for (const batch& one : *loader) {
        largest = std::max(largest, one.data.abs().max().item<float>());
    }
    std::cout << "  the largest sample was 1 and is " << std::setprecision(2) << largest << "\n";
    *samples *= 2.0f;

    std::cout << "training:\n";
    torch::nn::Linear model(static_cast<std::int64_t>(features), 1);
    torch::optim::SGD optimizer(model->parameters(), torch::optim::SGDOptions(0.2));
    for (int epoch = 0; epoch < 30; ++epoch) {
        for (const batch& one : *loader) {
            optimizer.zero_grad();
            torch::mse_loss(model(one.data), one.target).backward();
            optimizer.step();
        }
    }
    const auto weight = xtt::view<const float, 2>(model->weight.detach());
    std::cout << "  weights " << std::fixed << std::setprecision(2) << weight(0, 0) << ", " << weight(0, 1) << ", "
              << weight(0, 2) << "\n";
}
