// Loads every NumPy file of one folder, adopts it, and saves views of the tensor into another folder.
// Usage: npy_exchange FROM TO, with files named <dtype>_<anything>.npy.
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/io/xnpy.hpp>
#else
#include <xtensor/xnpy.hpp>
#endif

#include <complex>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace {

template <class T>
void exchange(const std::filesystem::path& file, const std::filesystem::path& folder) {
    const at::Tensor tensor = xtt::adopt(xt::load_npy<T>(file.string()));
    const auto save = [&](const std::string& what, const auto& view) {
        xt::dump_npy((folder / (file.stem().string() + "." + what + ".npy")).string(), view);
    };
    save("whole", xtt::view<const T>(tensor));
    std::vector<std::int64_t> reversed;
    for (std::int64_t axis = tensor.dim(); axis-- > 0;) {
        reversed.push_back(axis);
    }
    save("transposed", xtt::view<const T>(tensor.permute(reversed)));
    save("expanded", xtt::view<const T>(tensor.unsqueeze(0).expand([&] {
             std::vector<std::int64_t> sizes = tensor.sizes().vec();
             sizes.insert(sizes.begin(), 2);
             return sizes;
         }())));
    if (tensor.dim() > 0) {
        save("stepped", xtt::view<const T>(tensor.slice(-1, 1, tensor.size(-1), 2)));
    }
    if (tensor.dim() == 2) {
        save("columns", xtt::view<const T, 2, xt::layout_type::column_major>(tensor.t().contiguous().t()));
    }
}

template <class... T>
bool exchange_one_of(const std::string& dtype, const std::filesystem::path& file, const std::filesystem::path& folder) {
    return ((dtype == xtt::dtype_traits<T>::name && (exchange<T>(file, folder), true)) || ...);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: npy_exchange FROM TO\n";
        return 2;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
        const std::string name = entry.path().filename().string();
        const std::string dtype = name.substr(0, name.find('_'));
        if (!exchange_one_of<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                             std::uint32_t, std::uint64_t, float, double, std::complex<float>, std::complex<double>>(
                dtype, entry.path(), argv[2])) {
            std::cerr << "npy_exchange: no element type for " << name << "\n";
            return 1;
        }
    }
}
