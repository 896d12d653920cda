// The headers inside a file of CUDA: nvcc compiles the host's part of it, and leaves the device's alone.
#include <xtensor-torch/xtensor-torch.hpp>

__global__ void double_elements(float* elements, std::int64_t count) {
    const std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
    if (i < count) {
        elements[i] *= 2.0f;
    }
}

/// Doubles the expression's values on the device and gives them back.
xt::xarray<float> double_on_device(const xt::xarray<float>& values) {
    const at::Tensor tensor = xtt::to_device(values + 1.0f, c10::Device(c10::kCUDA, 0));
    double_elements<<<(tensor.numel() + 255) / 256, 256>>>(tensor.data_ptr<float>(), tensor.numel());
    auto fetched = xtt::to_host_async<float>(tensor);
    xtt::view<float, 1>(tensor.cpu()) = 1.0f;
    return fetched.get();
}
