// What the debugger's test looks at.
#include <xtensor-torch/view.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

namespace {

[[gnu::noinline]] void stop_here() { asm volatile(""); }

}  // namespace

int main() {
    at::Tensor counting = at::arange(6, at::kFloat).reshape({2, 3});
    auto matrix = xtt::view<float, 2>(counting);
    const auto transposed = xtt::view<const float>(counting.t());
    auto numbers = xtt::view<std::int64_t, 1>(at::arange(1000));
    auto scalar = xtt::view<double, 0>(at::ones({}, at::kDouble));
    auto halves = xtt::view<c10::Half>(at::ones({2}, at::kHalf).mul_(1.5));
    auto empty = xtt::view<float>(at::empty({0, 3}));
    stop_here();
    return matrix.size() + transposed.size() + numbers.size() + scalar.size() + halves.size() + empty.size() == 0;
}
