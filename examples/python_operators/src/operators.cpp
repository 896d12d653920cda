// Three operators of a small Python package. Each body is NumPy-like; registration, gradients, torch.compile and
// torch.export follow from the one line in TORCH_LIBRARY.
#include <xtensor-torch/op.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

namespace {

// ---- softclip: close to x within the limit, never beyond it --------------------------------------------------------

const auto softclip = [](const auto& x, const auto& limit) { return limit * xt::tanh(x / limit); };

const auto softclip_backward = [](const auto& grad, const auto& x, const auto& limit) {
    return grad * (1 - xt::square(xt::tanh(x / limit)));
};

const auto softclip_second = [](const auto& grad_grad, const auto& grad, const auto& x, const auto& limit) {
    return std::tuple(grad_grad * (1 - xt::square(xt::tanh(x / limit))),
                      grad_grad * grad * (-2 / limit) * xt::tanh(x / limit) * (1 - xt::square(xt::tanh(x / limit))));
};

// ---- gaussian_kernel: exp(-|a_i - b_j|² / 2 width²) for points a of shape [n, d] and b of shape [m, d] -------------

template <class T>
using points = xtt::tensor_view<const T, 2>;
template <class T>
using matrix = xt::xtensor<T, 2>;

const auto gaussian_kernel = []<class T>(const points<T>& a, const points<T>& b, double width) {
    if (a.shape(1) != b.shape(1)) {
        throw c10::ValueError(
            "gaussian_kernel: the points of a and b have different numbers of coordinates; the same "
            "number is needed. Give both the same last size.");
    }
    auto kernel = matrix<T>::from_shape({a.shape(0), b.shape(0)});
    for (std::size_t i = 0; i < kernel.shape(0); ++i) {
        xt::view(kernel, i) = xt::exp(xt::sum(xt::square(b - xt::view(a, i)), {1}) * T(-0.5 / (width * width)));
    }
    return kernel;
};

const auto gaussian_kernel_backward = []<class T>(const points<T>& grad, const points<T>& a, const points<T>& b,
                                                  double width, const points<T>& kernel) {
    matrix<T> grad_a = xt::zeros<T>({a.shape(0), a.shape(1)});
    matrix<T> grad_b = xt::zeros<T>({b.shape(0), b.shape(1)});
    const T scale = static_cast<T>(1 / (width * width));
    for (std::size_t i = 0; i < grad.shape(0); ++i) {
        for (std::size_t j = 0; j < grad.shape(1); ++j) {
            const T weight = scale * grad(i, j) * kernel(i, j);
            for (std::size_t k = 0; k < a.shape(1); ++k) {
                grad_a(i, k) += weight * (b(j, k) - a(i, k));
                grad_b(j, k) += weight * (a(i, k) - b(j, k));
            }
        }
    }
    return std::tuple(std::move(grad_a), std::move(grad_b));
};

// ---- rolling_zscore: how many standard deviations a value lies from the mean of the window that ends with it -------

const auto rolling_zscore = []<class T>(const xtt::tensor_view<const T, 1>& series, std::int64_t window) {
    const auto size = static_cast<std::size_t>(window);
    if (window < 2 || size > series.size()) {
        throw c10::ValueError("rolling_zscore: the window is " + std::to_string(window) + " for a series of " +
                              std::to_string(series.size()) + "; 2 up to the length of the series is needed.");
    }
    auto scores = xt::xtensor<T, 1>::from_shape({series.size() - size + 1});
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const auto part = xt::view(series, xt::range(i, i + size));
        const T mean = static_cast<T>(xt::mean(part)());
        const T deviation = static_cast<T>(xt::stddev(part)());
        scores(i) = (series(i + size - 1) - mean) / deviation;
    }
    return scores;
};

}  // namespace

TORCH_LIBRARY(xtt_operators, library) {
    xtt::op<"softclip(Tensor x, float limit=1.0) -> Tensor", float, double>(
        library, softclip, xtt::backward(softclip_backward, xtt::backward(softclip_second)));
    xtt::op<"gaussian_kernel(a, b, width=1.0)", float, double>(library, gaussian_kernel,
                                                               xtt::backward(gaussian_kernel_backward));
    xtt::op<"rolling_zscore(series, window)", float, double>(library, rolling_zscore);
}
