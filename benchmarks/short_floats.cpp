// Half and BFloat16, which are computed in float: expressions, conversions and reductions, beside LibTorch's kernels.
#include "workloads.hpp"

#include <xtensor-torch/xtensor.hpp>

#include <ATen/ops/add.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>

#include <cstdint>
#include <string>

namespace {

using namespace workloads;

template <class T>
void compute(const std::string& dtype, std::int64_t n) {
    const auto options = at::TensorOptions().dtype(xtt::scalar_type_v<T>);
    const at::Tensor a = at::rand({n, n}).to(options), b = at::rand({n, n}).to(options),
                     c = at::rand({n, n}).to(options);
    at::Tensor out = at::empty({n, n}, options), floats = at::empty({n, n}), row = at::empty({n}, options);
    const auto va = xtt::view<const T, 2>(a), vb = xtt::view<const T, 2>(b), vc = xtt::view<const T, 2>(c);
    const auto compared = [&](const std::string& work, auto ours, auto theirs) {
        add_compared(dtype + ": " + work, n, ours, theirs);
    };
    compared(
        "a + b", [=, to = xtt::view<T, 2>(out)]() mutable { xt::noalias(to) = va + vb; },
        [=]() mutable { at::add_out(out, a, b); });
    compared(
        "a*b + c", [=, to = xtt::view<T, 2>(out)]() mutable { xt::noalias(to) = va * vb + vc; },
        [=]() mutable {
            at::mul_out(out, a, b);
            at::add_out(out, out, c);
        });
    compared(
        "sigmoid", [=, to = xtt::view<T, 2>(out)]() mutable { xt::noalias(to) = T(1) / (T(1) + xt::exp(-va)); },
        [=]() mutable { at::sigmoid_out(out, a); });
    compared(
        "float(a) * 2", [=, to = write(floats)]() mutable { xt::noalias(to) = xt::cast<float>(va) * 2.0f; },
        [=]() mutable {
            floats.copy_(a);
            floats.mul_(2);
        });
    compared(
        "sum along axis 1", [=, to = xtt::view<T, 1>(row)]() mutable { xt::noalias(to) = xt::sum(va, {1}); },
        [=]() mutable { at::sum_out(row, a, {1}); });
    compared(
        "amax along axis 1", [=, to = xtt::view<T, 1>(row)]() mutable { xt::noalias(to) = xt::amax(va, {1}); },
        [=]() mutable { at::amax_out(row, a, {1}); });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    for (const std::int64_t n : {256, 2048}) {
        compute<at::Half>("float16", n);
        compute<at::BFloat16>("bfloat16", n);
    }
    benchmark::RunSpecifiedBenchmarks();
}
