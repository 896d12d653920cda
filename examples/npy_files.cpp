// NumPy's files in and out: arrays that NumPy wrote become tensors over the loaded memory, and results go back as files
// that NumPy reads. npy_files.py is the other side, and starts this program.
#include <torch/torch.h>
#include <xtensor-torch/format.hpp>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "Usage: " << argv[0] << " FOLDER, where samples.npy and weights.npy are\n";
        return EXIT_FAILURE;
    }
    const std::string folder = std::string(argv[1]) + "/";
    try {
        // The loaded container is the tensor's memory; nothing is copied.
        torch::Tensor samples = xtt::adopt(xt::load_npy<float>(folder + "samples.npy"));
        std::cout << "samples.npy " << xtt::describe(samples) << "\n";

        // A file in Fortran order is a column-major tensor.
        torch::Tensor weights = xtt::adopt(xt::load_npy<double, xt::layout_type::column_major>(folder + "weights.npy"));
        std::cout << "weights.npy " << xtt::describe(weights) << "\n";

        // LibTorch computes; a view of the result is what xtensor saves, strided or not.
        const torch::Tensor products = torch::matmul(samples, weights.to(torch::kFloat32));
        xt::dump_npy(folder + "products.npy", xtt::view<const float>(products));
        xt::dump_npy(folder + "column.npy", xtt::view<const float>(products.select(1, 1)));

        // So are expressions, and what torch says with its own dtypes.
        const torch::Tensor best = products.argmax(1);
        xt::dump_npy(folder + "best.npy", xtt::view<const std::int64_t>(best));
        xt::dump_npy(folder + "positive.npy", xt::xarray<bool>(xtt::view<const float>(products) > 0.0f));

        // A file of another dtype than asked for is refused.
        try {
            xt::load_npy<double>(folder + "samples.npy");
        } catch (const std::exception&) {
            std::cout << "samples.npy holds no doubles: refused\n";
        }
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << "\n";
        return EXIT_FAILURE;
    }
}
