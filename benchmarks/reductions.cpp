// Reductions, accumulations and sorting of a view, beside the kernels of LibTorch that do the same.
#include "workloads.hpp"

#include <xtensor-torch/xtensor.hpp>

#include <ATen/ops/all.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/any.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/div.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/std.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/var.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <string>

namespace {

using namespace workloads;

// Sides that only differ in what they call on the operand.
struct reduction {
    const char* name;
    double (*whole)(const xtt::tensor_view<const float, 2>& x);
    void (*into)(xtt::tensor_view<float, 1>& out, const xtt::tensor_view<const float, 2>& x, std::size_t axis);
    void (*theirs)(at::Tensor& out, const at::Tensor& x, at::OptionalIntArrayRef axes);
};

const reduction reductions[] = {
    {"sum", [](const auto& x) -> double { return xt::sum(x)(); },
     [](auto& out, const auto& x, std::size_t axis) { xt::noalias(out) = xt::sum(x, {axis}); },
     [](at::Tensor& out, const at::Tensor& x, at::OptionalIntArrayRef axes) { at::sum_out(out, x, axes); }},
    {"mean", [](const auto& x) -> double { return xt::mean(x)(); },
     [](auto& out, const auto& x, std::size_t axis) { xt::noalias(out) = xt::mean(x, {axis}); },
     [](at::Tensor& out, const at::Tensor& x, at::OptionalIntArrayRef axes) { at::mean_out(out, x, axes); }},
    {"amax", [](const auto& x) -> double { return xt::amax(x)(); },
     [](auto& out, const auto& x, std::size_t axis) { xt::noalias(out) = xt::amax(x, {axis}); },
     [](at::Tensor& out, const at::Tensor& x, at::OptionalIntArrayRef axes) {
         at::amax_out(out, x, axes.has_value() ? *axes : at::IntArrayRef());
     }},
    {"norm_l2", [](const auto& x) -> double { return xt::norm_l2(x)(); },
     [](auto& out, const auto& x, std::size_t axis) { xt::noalias(out) = xt::norm_l2(x, {axis}); },
     [](at::Tensor& out, const at::Tensor& x, at::OptionalIntArrayRef axes) {
         at::linalg_vector_norm_out(out, x, 2, axes);
     }},
};

void reduce(const reduction& of, std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    const std::string name = of.name;
    at::Tensor scalar = at::empty({});
    at::Tensor row = at::empty({n});
    for (const bool transposed : {false, true}) {
        const at::Tensor x = transposed ? a.t() : a;
        const std::string of_what = name + (transposed ? " of a transposed" : "");
        add(of_what, "ours", n, 1, [x = read(x), whole = of.whole] { benchmark::DoNotOptimize(whole(x)); });
        add(of_what, "torch", n, 1,
            [x, scalar, theirs = of.theirs]() mutable { theirs(scalar, x, at::OptionalIntArrayRef()); });
    }
    for (const std::int64_t axis : {0, 1}) {
        const std::string along = name + " along axis " + std::to_string(axis);
        add(along, "ours", n, 1, [x = read(a), row = xtt::view<float, 1>(row), into = of.into, axis]() mutable {
            into(row, x, static_cast<std::size_t>(axis));
        });
        add(along, "torch", n, 1,
            [&a, row, theirs = of.theirs, axis]() mutable { theirs(row, a, at::IntArrayRef(axis)); });
    }
}

void fused(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    at::Tensor row = at::empty({n});
    add("sum of a*b", "ours", n, 1,
        [a = read(a), b = read(b)] { benchmark::DoNotOptimize(static_cast<float>(xt::sum(a * b)())); });
    add("sum of a*b", "torch", n, 1, [&] {
        at::mul_out(out, a, b);
        benchmark::DoNotOptimize(at::sum(out));
    });
    add("sum of a*b along rows", "ours", n, 1,
        [a = read(a), b = read(b), row = xtt::view<float, 1>(row)]() mutable { row = xt::sum(a * b, {1}); });
    add("sum of a*b along rows", "torch", n, 1, [&, row]() mutable {
        at::mul_out(out, a, b);
        at::sum_out(row, out, at::IntArrayRef{1});
    });
    add("variance", "ours", n, 1, [a = read(a)] { benchmark::DoNotOptimize(static_cast<double>(xt::variance(a)())); });
    add("variance", "torch", n, 1, [&] { benchmark::DoNotOptimize(at::var(a)); });
    add("normalised rows", "ours", n, 1, [a = read(a), out = write(out)]() mutable {
        out = (a - xt::mean<float>(a, {1}, xt::keep_dims)) / xt::stddev<float>(a, {1}, xt::keep_dims);
    });
    add("normalised rows", "torch", n, 1,
        [&] { out = a.sub(a.mean({1}, true)).div(a.std(at::OptionalIntArrayRef{1}, false, true)); });
    add("softmax", "ours", n, 1, [a = read(a), out = write(out)]() mutable {
        const xt::xtensor<float, 2> powers = xt::exp(a - xt::amax(a, {1}, xt::keep_dims));
        xt::noalias(out) = powers / xt::sum(powers, {1}, xt::keep_dims);
    });
    add("softmax", "torch", n, 1, [&] { at::softmax_out(out, a, 1); });
}

void searched(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    for (const std::int64_t axis : {0, 1}) {
        const auto label = [axis](const char* work) {
            return std::string(work) + " along axis " + std::to_string(axis);
        };
        at::Tensor places = at::empty({n}, at::kLong);
        add(label("argmax"), "ours", n, 1, [a = read(a), places = xtt::view<std::int64_t, 1>(places), axis]() mutable {
            places = xt::argmax(a, axis);
        });
        add(label("argmax"), "torch", n, 1, [&, places, axis]() mutable { at::argmax_out(places, a, axis); });
        add(label("cumsum"), "ours", n, 1,
            [a = read(a), out = write(out), axis]() mutable { xt::noalias(out) = xt::cumsum(a, axis); });
        add(label("cumsum"), "torch", n, 1, [&, axis] { at::cumsum_out(out, a, axis); });
    }
    at::Tensor values = at::empty({n, n});
    at::Tensor places = at::empty({n, n}, at::kLong);
    add("sort", "ours", n, 1, [a = read(a), out = write(out)]() mutable { out = xt::sort(a, 1); });
    add("sort", "torch", n, 1, [&, values, places]() mutable { at::sort_out(values, places, a, 1); });
    // Every element is looked at: none of a is negative, and all of it is less than 2.
    add("any", "ours", n, 1, [a = read(a)] { benchmark::DoNotOptimize(xt::any(a < 0.0f)); });
    add("any", "torch", n, 1, [&] { benchmark::DoNotOptimize(at::any(a.lt(0.0f))); });
    add("all", "ours", n, 1, [a = read(a)] { benchmark::DoNotOptimize(xt::all(a < 2.0f)); });
    add("all", "torch", n, 1, [&] { benchmark::DoNotOptimize(at::all(a.lt(2.0f))); });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    for (const std::int64_t n : {256, 2048}) {
        for (const reduction& of : reductions) {
            reduce(of, n);
        }
        fused(n);
        searched(n);
    }
    benchmark::RunSpecifiedBenchmarks();
}
