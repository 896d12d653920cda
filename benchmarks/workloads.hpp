// What the assignment benchmarks share: operands, made once for every size, and the registration of one side of a
// comparison as "work/side/size/threads".
#pragma once

#include <xtensor-torch/xtensor-torch.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rand.h>
#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace workloads {

struct operands {
    at::Tensor a, b, c, d, e, out;
};

// Operands of a square matrix with n rows.
inline operands& matrices(std::int64_t n) {
    static std::map<std::int64_t, operands> made;
    auto& found = made[n];
    if (!found.a.defined()) {
        found = {at::rand({n, n}), at::rand({n, n}), at::rand({n, n}),
                 at::rand({n, n}), at::rand({n, n}), at::empty({n, n})};
    }
    return found;
}

inline xtt::tensor_view<const float, 2> read(const at::Tensor& tensor) { return xtt::view<const float, 2>(tensor); }
inline xtt::tensor_view<float, 2> write(at::Tensor tensor) { return xtt::view<float, 2>(tensor); }

/// Registers `body()`, run on so many of LibTorch's threads, as one side of a comparison.
template <class Body>
void add(const std::string& work, const std::string& side, std::int64_t size, int threads, Body body) {
    const std::string name = work + '/' + side + '/' + std::to_string(size) + '/' + std::to_string(threads);
    benchmark::RegisterBenchmark(name.c_str(), [body, threads](benchmark::State& state) mutable {
        at::set_num_threads(threads);
        for (auto _ : state) {
            body();
            benchmark::ClobberMemory();
        }
    })->UseRealTime();
}

/// Registers both sides of a comparison with LibTorch, on one thread.
template <class Ours, class Theirs>
void add_compared(const std::string& work, std::int64_t size, Ours ours, Theirs theirs) {
    add(work, "ours", size, 1, ours);
    add(work, "torch", size, 1, theirs);
}

}  // namespace workloads
