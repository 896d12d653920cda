// A Python module in which xtensor works on the memory of Python's tensors.
#include <torch/csrc/utils/pybind.h>

#include <xtensor-torch/xtensor-torch.hpp>

namespace {

void standardise(at::Tensor tensor) {
    auto view = xtt::view<float>(tensor);
    view = (view - 2.0f) / 4.0f;
}

at::Tensor square(const at::Tensor& tensor) {
    const auto view = xtt::view<const double, 1>(tensor);
    return xtt::copy(view * view);
}

at::Tensor adopted() { return xtt::adopt(xt::xtensor<std::int64_t, 1>{1, 2, 3}); }

}  // namespace

PYBIND11_MODULE(extension, module) {
    module.def("standardise", &standardise);
    module.def("square", &square, pybind11::call_guard<pybind11::gil_scoped_release>());
    module.def("adopted", &adopted);
}
