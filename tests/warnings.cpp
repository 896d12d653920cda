// Compiled with optimisation, and with warnings as errors: a function that has no vector form, in every kind of loop.
#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

void assign(const at::Tensor& source, at::Tensor& destination) {
    const auto from = xtt::view<const float, 2>(source);
    auto to = xtt::view<float, 2>(destination);
    to = xt::lgamma(from) + xt::where(from > 0.5f, from, 1.0f);
}
