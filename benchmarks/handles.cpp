// What it costs to make and drop a handle, beside what one writes without this library. Only ratios mean anything, and
// only between rows of one run: --benchmark_enable_random_interleaving=true --benchmark_repetitions=20.
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <ATen/core/TensorAccessor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>

#include <memory>
#include <utility>
#include <vector>

namespace {

at::Tensor matrix() { return at::zeros({3, 4}); }

void accessor_with_owner(benchmark::State& state) {
    const at::Tensor tensor = matrix();
    for (auto _ : state) {
        auto accessor = tensor.accessor<float, 2>();
        const at::Tensor owner = tensor;
        const c10::Storage storage = tensor.storage();
        benchmark::DoNotOptimize(accessor);
        benchmark::DoNotOptimize(storage.unsafeGetStorageImpl());
    }
}
BENCHMARK(accessor_with_owner);

void view_read_only(benchmark::State& state) {
    const at::Tensor tensor = matrix();
    for (auto _ : state) {
        auto view = xtt::view<const float, 2>(tensor);
        benchmark::DoNotOptimize(view);
    }
}
BENCHMARK(view_read_only);

void view_writable(benchmark::State& state) {
    at::Tensor tensor = matrix();
    for (auto _ : state) {
        auto view = xtt::view<float, 2>(tensor);
        benchmark::DoNotOptimize(view);
    }
}
BENCHMARK(view_writable);

void adapt_by_hand(benchmark::State& state) {
    at::Tensor tensor = matrix();
    for (auto _ : state) {
        const std::vector<std::size_t> shape(tensor.sizes().begin(), tensor.sizes().end());
        auto adaptor =
            xt::adapt(tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel()), xt::no_ownership(), shape);
        benchmark::DoNotOptimize(adaptor);
    }
}
BENCHMARK(adapt_by_hand);

void view_of_dynamic_rank(benchmark::State& state) {
    at::Tensor tensor = matrix();
    for (auto _ : state) {
        auto view = xtt::view<float>(tensor);
        benchmark::DoNotOptimize(view);
    }
}
BENCHMARK(view_of_dynamic_rank);

void from_blob(benchmark::State& state) {
    xt::xtensor<float, 2> array = xt::xtensor<float, 2>::from_shape({3, 4});
    for (auto _ : state) {
        auto tensor = at::from_blob(array.data(), {3, 4}, at::TensorOptions().dtype(at::kFloat));
        benchmark::DoNotOptimize(tensor);
    }
}
BENCHMARK(from_blob);

void borrow(benchmark::State& state) {
    xt::xtensor<float, 2> array = xt::xtensor<float, 2>::from_shape({3, 4});
    for (auto _ : state) {
        auto tensor = xtt::borrow(array);
        benchmark::DoNotOptimize(tensor);
    }
}
BENCHMARK(borrow);

void from_blob_with_deleter(benchmark::State& state) {
    for (auto _ : state) {
        auto owner = std::make_unique<xt::xtensor<float, 2>>(xt::xtensor<float, 2>::from_shape({3, 4}));
        float* data = owner->data();
        auto tensor = at::from_blob(
            data, {3, 4}, [kept = owner.release()](void*) { delete kept; }, at::TensorOptions().dtype(at::kFloat));
        benchmark::DoNotOptimize(tensor);
    }
}
BENCHMARK(from_blob_with_deleter);

void adopt(benchmark::State& state) {
    for (auto _ : state) {
        auto tensor = xtt::adopt(xt::xtensor<float, 2>::from_shape({3, 4}));
        benchmark::DoNotOptimize(tensor);
    }
}
BENCHMARK(adopt);

}  // namespace
