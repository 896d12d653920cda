// What a convolutional model sees: the activations between its layers, as views, are scaled, coloured and laid out as
// tiles by xtensor, and written as one picture.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include "png.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t directions = 6;

// Gabor filters: waves under a bell, each in a direction of its own.
xt::xtensor<float, 3> gabor_filters(std::size_t size, double wavelength) {
    const xt::xtensor<double, 1> position =
        xt::arange<double>(static_cast<double>(size)) - 0.5 * (static_cast<double>(size) - 1);
    const auto down = xt::view(position, xt::all(), xt::newaxis());
    auto filters = xt::xtensor<float, 3>::from_shape({directions, size, size});
    for (std::size_t i = 0; i < directions; ++i) {
        const double angle = 3.141592653589793 * static_cast<double>(i) / directions;
        const auto along = std::cos(angle) * position + std::sin(angle) * down;
        const xt::xtensor<double, 2> wave =
            xt::exp(-0.1 * (xt::square(position) + xt::square(down))) * xt::sin(6.283185307179586 / wavelength * along);
        xt::view(filters, i) = xt::cast<float>(wave);
    }
    return filters;
}

// Two layers: waves in six directions in the picture, then where they are dense.
struct model : torch::nn::Module {
    model()
        : waves(register_module(
              "waves",
              torch::nn::Conv2d(
                  torch::nn::Conv2dOptions(1, directions, 9).padding(4).padding_mode(torch::kReplicate).bias(false)))) {
        const torch::NoGradGuard unrecorded;
        xt::view(xtt::view<float, 4>(waves->weight), xt::all(), 0) = gabor_filters(9, 6.0);
    }

    // The activations after each layer, the last one being the result.
    std::vector<std::pair<std::string, torch::Tensor>> forward(const torch::Tensor& input) {
        const torch::Tensor first = torch::relu(waves(input));
        const torch::Tensor second = torch::avg_pool2d(first, 8);
        return {{"waves", first}, {"pooled", second}};
    }

    torch::nn::Conv2d waves;
};

// From blue-black over magenta to yellow, for values from 0 to 1.
picture coloured(const xt::xtensor<float, 2>& values) {
    auto pixels = picture::from_shape({values.shape(0), values.shape(1), 3});
    xt::view(pixels, xt::all(), xt::all(), 0) = xt::cast<std::uint8_t>(255.0f * xt::minimum(1.5f * values, 1.0f));
    xt::view(pixels, xt::all(), xt::all(), 1) = xt::cast<std::uint8_t>(240.0f * xt::square(values));
    xt::view(pixels, xt::all(), xt::all(), 2) =
        xt::cast<std::uint8_t>(40.0f + 180.0f * xt::sin(3.14159f * xt::minimum(1.2f * values, 1.0f)));
    return pixels;
}

// Each channel of [1, channels, rows, columns] as a tile of the given height and width, in a row of tiles.
template <class Activations>
void draw_tiles(picture& sheet, std::size_t top, std::size_t height, std::size_t width,
                const Activations& activations) {
    const float highest = xt::amax(activations)();
    const std::size_t scale = height / activations.shape(2);
    for (std::size_t channel = 0; channel < activations.shape(1); ++channel) {
        // The root makes weak responses visible.
        const xt::xtensor<float, 2> map = xt::sqrt(xt::view(activations, 0, channel) / highest);
        const xt::xtensor<float, 2> enlarged = xt::repeat(xt::repeat(map, scale, 0), scale, 1);
        const std::size_t left = channel * (width + 2);
        xt::view(sheet, xt::range(top, top + height), xt::range(left, left + width)) = coloured(enlarged);
    }
}

void run(const std::string& in, const std::string& out) {
    const picture pixels = read_png(in);
    const std::size_t height = pixels.shape(0), width = pixels.shape(1);
    const torch::Tensor input =
        xtt::copy(xt::eval(xt::view(xt::mean<float>(pixels, {2}) / 255.0f, xt::newaxis(), xt::newaxis())));

    const torch::NoGradGuard unrecorded;
    picture sheet = xt::zeros<std::uint8_t>({2 * height + 2, directions * (width + 2) - 2, std::size_t{3}});
    std::size_t top = 0;
    for (const auto& [name, activation] : model().forward(input)) {
        const auto view = xtt::view<const float, 4>(activation);
        const xt::xtensor<float, 1> response = xt::mean(view, {0, 2, 3});
        std::cout << name << ": " << activation.sizes() << ", strongest in direction " << xt::argmax(response)()
                  << "\n";
        draw_tiles(sheet, top, height, width, view);
        top += height + 2;
    }
    write_png(out, sheet);
    const picture again = read_png(out);
    std::cout << "the picture: " << again.shape(0) << " x " << again.shape(1)
              << ", read again as it was written: " << std::boolalpha << (again == sheet) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "Usage: " << argv[0] << " IN.png OUT.png\n";
        return EXIT_FAILURE;
    }
    try {
        run(argv[1], argv[2]);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << "\n";
        return EXIT_FAILURE;
    }
}
