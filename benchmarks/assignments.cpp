// What an assignment costs through a view, beside what one writes without this library: a loop, xtensor's containers,
// xt::adapt, TensorAccessor, Eigen::Map, and LibTorch's own kernels with `out`.
#include "workloads.hpp"

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#endif

#include <ATen/ops/add.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/sub.h>

#include <Eigen/Core>

#include <array>
#include <memory>

namespace {

using namespace workloads;

using row_major = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<row_major> map(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), tensor.size(0), tensor.size(1)};
}

auto adapt(const at::Tensor& tensor) {
    const std::array<std::size_t, 2> shape{static_cast<std::size_t>(tensor.size(0)),
                                           static_cast<std::size_t>(tensor.size(1))};
    const std::array<std::ptrdiff_t, 2> strides{tensor.stride(0), tensor.stride(1)};
    return xt::adapt(tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel()), xt::no_ownership(), shape,
                     strides);
}

[[gnu::noinline]] void loop(float* out, const float* a, const float* b, const float* c, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) {
        out[i] = a[i] * b[i] + c[i];
    }
}

void contiguous(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    add("contiguous", "ours", n, 1,
        [a = read(a), b = read(b), c = read(c), out = write(out)]() mutable { xt::noalias(out) = a * b + c; });
    add("contiguous", "loop", n, 1, [&] {
        loop(out.data_ptr<float>(), a.const_data_ptr<float>(), b.const_data_ptr<float>(), c.const_data_ptr<float>(),
             out.numel());
    });
    // Containers of their own, as one has them who works with xtensor alone.
    using container = xt::xtensor<float, 2>;
    const auto native = std::make_shared<std::array<container, 4>>(
        std::array<container, 4>{container(read(a)), container(read(b)), container(read(c)), container(read(a))});
    add("contiguous", "xtensor", n, 1,
        [native] { xt::noalias((*native)[3]) = (*native)[0] * (*native)[1] + (*native)[2]; });
    add("contiguous", "adapt", n, 1, [&] {
        auto x = adapt(out);
        xt::noalias(x) = adapt(a) * adapt(b) + adapt(c);
    });
    add("contiguous", "accessor", n, 1, [&] {
        auto x = out.accessor<float, 2>();
        const auto y = a.accessor<float, 2>(), z = b.accessor<float, 2>(), w = c.accessor<float, 2>();
        for (std::int64_t i = 0; i < x.size(0); ++i) {
            for (std::int64_t j = 0; j < x.size(1); ++j) {
                x[i][j] = y[i][j] * z[i][j] + w[i][j];
            }
        }
    });
    add("contiguous", "eigen", n, 1, [&] { map(out) = map(a) * map(b) + map(c); });
    add("contiguous", "addcmul", n, 1, [&] { at::addcmul_out(out, c, a, b); });
}

// `out = x * b + c`, where x is another view of memory.
void one_operand(const std::string& work, std::int64_t n, const at::Tensor& x) {
    auto& [a, b, c, d, e, out] = matrices(n);
    add(work, "ours", n, 1, [x = read(x.expand({n, n})), b = read(b), c = read(c), out = write(out)]() mutable {
        xt::noalias(out) = x * b + c;
    });
    add(work, "addcmul", n, 1, [&, x] { at::addcmul_out(out, c, x, b); });
    add(work, "adapt", n, 1, [&, x = x.expand({n, n})] {
        auto y = adapt(out);
        xt::noalias(y) = adapt(x) * adapt(b) + adapt(c);
    });
}

void transposed_copy(std::int64_t n) {
    auto& [a, b, c, d, e, out] = matrices(n);
    add("transposed copy", "ours", n, 1, [a = read(a.t()), out = write(out)]() mutable { xt::noalias(out) = a; });
    add("transposed copy", "copy_", n, 1, [&, x = a.t()] { out.copy_(x); });
    add("transposed copy", "adapt", n, 1, [&, x = a.t()] {
        auto y = adapt(out);
        xt::noalias(y) = adapt(x);
    });
}

void fused(std::int64_t n, int threads) {
    auto& [a, b, c, d, e, out] = matrices(n);
    add("fused", "ours", n, threads,
        [a = read(a), b = read(b), c = read(c), d = read(d), e = read(e), out = write(out)]() mutable {
            xt::noalias(out) = xt::sin(a) * b + c * d - e;
        });
    add("fused", "written", n, threads,
        [&, result = at::Tensor()]() mutable { result = a.sin().mul(b).add(c.mul(d)).sub(e); });
    add("fused", "eager", n, threads, [&, t = at::empty({n, n})]() mutable {
        at::sin_out(out, a);
        at::mul_out(out, out, b);
        at::mul_out(t, c, d);
        at::add_out(out, out, t);
        at::sub_out(out, out, e);
    });
}

void small(std::int64_t n) {
    const auto values = std::make_shared<operands>(
        operands{at::rand({n}), at::rand({n}), at::rand({n}), at::rand({n, 2}), {}, at::empty({n})});
    auto& [a, b, c, d, e, out] = *values;
    const auto view = [](const at::Tensor& x) { return xtt::view<const float, 1>(x); };
    const auto pointer = [](const at::Tensor& x) {
        const std::array<std::size_t, 1> shape{static_cast<std::size_t>(x.size(0))};
        const std::array<std::ptrdiff_t, 1> strides{x.stride(0)};
        return xt::adapt(x.data_ptr<float>(), shape[0], xt::no_ownership(), shape, strides);
    };
    add("small", "ours", n, 1,
        [values, a = view(a), b = view(b), c = view(c), out = xtt::view<float, 1>(out)]() mutable {
            xt::noalias(out) = a * b + c;
        });
    add("small", "xtensor", n, 1,
        [values, a = pointer(a), b = pointer(b), c = pointer(c), out = pointer(out)]() mutable {
            xt::noalias(out) = a * b + c;
        });
    const auto every_second = d.select(1, 0);
    add("small strided", "ours", n, 1,
        [values, a = view(every_second), b = view(b), c = view(c), out = xtt::view<float, 1>(out)]() mutable {
            xt::noalias(out) = a * b + c;
        });
    add("small strided", "xtensor", n, 1,
        [values, a = pointer(every_second), b = pointer(b), c = pointer(c), out = pointer(out)]() mutable {
            xt::noalias(out) = a * b + c;
        });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    for (const std::int64_t n : {256, 1000, 4096}) {
        auto& [a, b, c, d, e, out] = matrices(n);
        contiguous(n);
        one_operand("transposed", n, a.t());
        transposed_copy(n);
        const auto wide = at::rand({n, 2 * n});
        one_operand("row-sliced", n, at::rand({2 * n, n}).slice(0, 0, 2 * n, 2));
        one_operand("column-sliced", n, wide.slice(1, 0, n));
        one_operand("column-stepped", n, wide.slice(1, 0, 2 * n, 2));
        one_operand("row broadcast", n, a[0]);
        one_operand("column broadcast", n, a.slice(1, 0, 1));
        for (const int threads : {1, at::get_num_threads()}) {
            fused(n, threads);
        }
    }
    for (const std::int64_t n : {4, 16, 64, 256}) {
        small(n);
    }
    benchmark::RunSpecifiedBenchmarks();
}
