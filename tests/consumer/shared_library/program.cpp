#include "sides.hpp"

#include <cstdlib>
#include <utility>

namespace {

bool exception_keeps_its_type() {
    try {
        view_wrongly();
    } catch (const c10::TypeError& error) {
        return std::string(error.what()).find("tensor.to(torch::kFloat32)") != std::string::npos;
    }
    return false;
}

}  // namespace

int main() {
    auto view = make_view();
    const bool added =
        add_one_and_sum(view) == 21.0f && view(1, 2) == 6.0f && view.tensor()[1][2].item<float>() == 6.0f;
    at::Tensor adopted = make_adopted();
    const bool whole = xtt::view<const float, 1>(adopted)(2) == 3.0f;
    drop(std::move(adopted));
    return added && whole && exception_keeps_its_type() ? EXIT_SUCCESS : EXIT_FAILURE;
}
