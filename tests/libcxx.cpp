// The headers with LLVM's standard library, on Linux and, by scripts/matrix, for Windows.
#include <xtensor-torch/autocast.hpp>
#include <xtensor-torch/derived.hpp>
#include <xtensor-torch/format.hpp>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

template class xtt::tensor_view<float, 2>;

void assign(xtt::tensor_view<float, 2>& out, const xtt::tensor_view<const double>& x) {
    out = xt::exp(x - xt::amax(x, {1}, xt::keep_dims)) + xt::argmax(x, 1);
}
