// Uses borrowed tensors after their container is gone, in the way that the argument names. Each but "control" must end
// with the sentence that says so.
#include <xtensor-torch/xtensor-torch.hpp>

#include <ATen/ops/cat.h>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/containers/xfixed.hpp>
#else
#include <xtensor/xfixed.hpp>
#endif

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

using array = xt::xtensor<float, 1>;

at::Tensor dangling() {
    const auto container = std::make_unique<array>(array{1, 2, 3});
    return xtt::borrow(*container);
}

// Whoever is alive is left alone, also when tensors go after their container without being used.
int control() {
    array container = {1, 2, 3};
    at::Tensor borrowed = xtt::borrow(container);
    borrowed.add_(1.0f);
    xtt::view<float, 1>(borrowed) += 1.0f;
    const at::Tensor unused = dangling();
    const at::Tensor adopted = xtt::adopt(array{4, 5});
    const at::Tensor copied = xtt::copy(container).mul(2.0f);
    return container(2) == 5.0f && adopted.sum().item<float>() == 9.0f && copied[0].item<float>() == 6.0f
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}

void use(const std::string& how) {
    if (how == "verb") {
        at::Tensor tensor = dangling();
        xtt::view<float>(tensor);
    } else if (how == "copy") {
        xtt::to_host<float>(dangling());
    } else if (how == "operator") {
        dangling().add_(1.0f);
    } else if (how == "list") {
        array container = {1, 2};
        at::cat({xtt::borrow(container), dangling()});
    } else if (how == "resized") {
        array container = {1, 2, 3};
        const at::Tensor tensor = xtt::borrow(container);
        container.resize({1000});
        tensor.sum();
    } else if (how == "scope") {
        at::Tensor tensor;
        {
            xt::xtensor_fixed<float, xt::xshape<3>> container = {1, 2, 3};
            tensor = xtt::borrow(container);
        }
        tensor.sum();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string how = argc > 1 ? argv[1] : "control";
    if (how == "control") {
        return control();
    }
    std::signal(SIGABRT, [](int) { std::_Exit(EXIT_FAILURE); });
    try {
        use(how);
    } catch (const c10::Error& error) {
        std::puts(error.what());
    }
    return EXIT_FAILURE;
}
