// How the cost of an assignment grows with the number of elements, of dimensions, of threads and of fused operands,
// beside LibTorch's kernels and the bandwidth of the memory, which is measured in the same run.
#include "workloads.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/addcmul.h>

#include <array>
#include <memory>
#include <numeric>
#include <vector>

namespace {

using namespace workloads;

// A copy of a scaled array plus another, the usual measure of what the memory gives. The arrays are larger than caches.
void bandwidth(int threads) {
    const std::int64_t size = std::int64_t{1} << 26;
    const auto a = std::make_shared<at::Tensor>(at::rand({size}));
    const auto b = std::make_shared<at::Tensor>(at::rand({size}));
    add("bandwidth", "triad", size, threads,
        [a, b, out = at::empty({size})]() mutable { at::add_out(out, *a, *b, 3); });
}

void elements(std::int64_t size, int threads) {
    const auto view = [](const at::Tensor& x) { return xtt::view<const float, 1>(x); };
    const auto a = at::rand({size}), b = at::rand({size}), c = at::rand({size});
    at::Tensor out = at::empty({size});
    add("elements", "ours", size, threads,
        [a = view(a), b = view(b), c = view(c), out = xtt::view<float, 1>(out)]() mutable {
            xt::noalias(out) = a * b + c;
        });
    add("elements", "eager", size, threads, [a, b, c, out]() mutable { at::addcmul_out(out, c, a, b); });
}

// All dimensions of one operand in reverse order: 2^18 elements, spread over `rank` dimensions.
template <std::size_t Rank>
void dimensions() {
    std::vector<std::int64_t> sizes(Rank, std::int64_t{1} << 18 / Rank);
    std::vector<std::int64_t> reversed(Rank);
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    const auto a = at::rand(sizes).permute(reversed), b = at::rand(sizes), c = at::rand(sizes);
    at::Tensor out = at::empty(sizes);
    const auto view = [](const at::Tensor& x) { return xtt::view<const float, Rank>(x); };
    add("rank", "ours", Rank, 1, [a = view(a), b = view(b), c = view(c), out = xtt::view<float, Rank>(out)]() mutable {
        xt::noalias(out) = a * b + c;
    });
    add("rank", "eager", Rank, 1, [a, b, c, out]() mutable { at::addcmul_out(out, c, a, b); });
}

template <class View, std::size_t... I>
auto sum_of(const std::vector<View>& views, std::index_sequence<I...>) {
    return (views[I] + ...);
}

// The sum of so many operands of 2^20 elements each.
template <std::size_t Count>
void operands_fused() {
    const std::int64_t size = std::int64_t{1} << 20;
    std::vector<at::Tensor> tensors;
    std::vector<xtt::tensor_view<const float, 1>> views;
    for (std::size_t i = 0; i < Count; ++i) {
        tensors.push_back(at::rand({size}));
        views.push_back(xtt::view<const float, 1>(std::as_const(tensors.back())));
    }
    at::Tensor out = at::empty({size});
    add("operands", "ours", Count, 1, [views, out = xtt::view<float, 1>(out)]() mutable {
        xt::noalias(out) = sum_of(views, std::make_index_sequence<Count>());
    });
    add("operands", "eager", Count, 1, [tensors, out]() mutable {
        out.copy_(tensors[0]);
        for (std::size_t i = 1; i < Count; ++i) {
            at::add_out(out, i == 1 ? tensors[0] : out, tensors[i]);
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    const int all_threads = at::get_num_threads();
    for (int threads = 1; threads <= all_threads; ++threads) {
        bandwidth(threads);
        for (int exponent = 4; exponent <= 26; exponent += 2) {
            if (threads == 1 || threads == all_threads || exponent == 22) {
                elements(std::int64_t{1} << exponent, threads);
            }
        }
    }
    [&]<std::size_t... I>(std::index_sequence<I...>) { (dimensions<I + 1>(), ...); }(std::make_index_sequence<6>());
    [&]<std::size_t... I>(std::index_sequence<I...>) { (operands_fused<I + 1>(), ...); }(std::make_index_sequence<8>());
    benchmark::RunSpecifiedBenchmarks();
}
