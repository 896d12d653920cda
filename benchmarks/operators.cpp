// The assignments of this library as operators of LibTorch, so that one Python process can measure them together with
// torch.compile and NumPy.
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <torch/library.h>

namespace {

auto read(const at::Tensor& tensor) { return xtt::view<const float, 2>(tensor); }
auto write(at::Tensor tensor) { return xtt::view<float, 2>(tensor); }

void fused(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, const at::Tensor& d,
           const at::Tensor& e) {
    xt::noalias(write(out)) = xt::sin(read(a)) * read(b) + read(c) * read(d) - read(e);
}

void multiply_add(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) {
    xt::noalias(write(out)) = read(a) * read(b) + read(c);
}

}  // namespace

TORCH_LIBRARY(xtensor_torch_benchmarks, library) {
    library.def("fused(Tensor(a!) out, Tensor a, Tensor b, Tensor c, Tensor d, Tensor e) -> ()");
    library.def("multiply_add(Tensor(a!) out, Tensor a, Tensor b, Tensor c) -> ()");
    library.impl("fused", c10::DispatchKey::CPU, &fused);
    library.impl("multiply_add", c10::DispatchKey::CPU, &multiply_add);
}
