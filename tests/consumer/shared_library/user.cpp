#include "sides.hpp"

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <utility>

float add_one_and_sum(xtt::tensor_view<float, 2>& view) {
    view += 1.0f;
    return xt::sum(view)();
}

void drop(at::Tensor&& tensor) {
    xtt::view<float, 1>(tensor)(0) = 5.0f;
    const at::Tensor last = std::move(tensor);
}
