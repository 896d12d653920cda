// A C++ program that calls an operator of the Python package through the dispatcher. It links LibTorch and knows
// neither xtensor nor Python: an operator is a name in a library that is loaded when the program runs.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/tanh.h>

#include <dlfcn.h>

#include <iostream>

int main(int argc, char** argv) {
    if (argc != 2 || dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) == nullptr) {
        std::cerr << "usage: call_from_cpp LIBRARY\n" << (argc == 2 ? dlerror() : "no library was named") << "\n";
        return 1;
    }
    const auto softclip = c10::Dispatcher::singleton()
                              .findSchemaOrThrow("xtt_operators::softclip", "")
                              .typed<at::Tensor(const at::Tensor&, double)>();

    at::Tensor x = at::linspace(-3, 3, 7);
    x.requires_grad_();
    const at::Tensor clipped = softclip.call(x, 1.5);
    clipped.sum().backward();
    std::cout << "softclip:\n" << clipped.detach() << "\nits gradient:\n" << x.grad() << "\n";

    const at::Tensor expected = 1.5 * at::tanh(x.detach() / 1.5);
    const bool agrees =
        at::allclose(clipped.detach(), expected) && at::allclose(x.grad(), 1 - (expected / 1.5).square());
    std::cout << (agrees ? "both agree with torch\n" : "they differ from torch\n");
    return agrees ? 0 : 1;
}
