// What a convolutional model sees: the activations between its layers, as views, are scaled, coloured and laid out as
// tiles by xtensor, and written as one picture. Its first column is the input, its first row are the filters; below
// each filter is what the layers make of the input with it.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include "png.hpp"

#include <algorithm>
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

constexpr std::size_t directions = 4;
constexpr std::size_t tile_height = 192, tile_width = 288, gap = 4;

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

// Two layers: waves in four directions in the picture, then where they are dense.
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

picture grey(const xt::xtensor<float, 2>& brightness) {
    const xt::xtensor<std::uint8_t, 2> bytes = xt::cast<std::uint8_t>(255.0f * brightness);
    return xt::stack(xt::xtuple(bytes, bytes, bytes), 2);
}

// In the middle of a tile, as many times as large as fits.
void place(picture& sheet, std::size_t row, std::size_t column, const picture& content) {
    const std::size_t scale = std::min(tile_height / content.shape(0), tile_width / content.shape(1));
    const picture large = xt::repeat(xt::repeat(content, scale, 0), scale, 1);
    const std::size_t top = row * (tile_height + gap) + (tile_height - large.shape(0)) / 2;
    const std::size_t left = column * (tile_width + gap) + (tile_width - large.shape(1)) / 2;
    xt::view(sheet, xt::range(top, top + large.shape(0)), xt::range(left, left + large.shape(1))) = large;
}

void run(const std::string& in, const std::string& out) {
    const picture pixels = read_png(in);
    const xt::xtensor<float, 2> brightness = xt::mean<float>(pixels, {2}) / 255.0f;
    const torch::Tensor input = xtt::copy(xt::view(brightness, xt::newaxis(), xt::newaxis()));

    const torch::NoGradGuard unrecorded;
    model layers;
    const auto filters = xtt::view<const float, 4>(layers.waves->weight);
    const torch::Tensor pooled_input = torch::avg_pool2d(input, 8);

    picture sheet = xt::zeros<std::uint8_t>(
        {3 * (tile_height + gap) - gap, (directions + 1) * (tile_width + gap) - gap, std::size_t{3}});
    place(sheet, 0, 0, pixels);
    place(sheet, 1, 0, grey(brightness));
    place(sheet, 2, 0, grey(xt::view(xtt::view<const float, 4>(pooled_input), 0, 0)));
    for (std::size_t i = 0; i < directions; ++i) {
        place(sheet, 0, i + 1, coloured(0.5f + 0.5f * xt::view(filters, i, 0)));
    }
    std::size_t row = 1;
    for (const auto& [name, activation] : layers.forward(input)) {
        const auto view = xtt::view<const float, 4>(activation);
        const xt::xtensor<float, 1> response = xt::mean(view, {0, 2, 3});
        std::cout << name << ": " << activation.sizes() << ", strongest in direction " << xt::argmax(response)()
                  << "\n";
        const float highest = xt::amax(view)();
        for (std::size_t channel = 0; channel < directions; ++channel) {
            // The root makes weak responses visible.
            place(sheet, row, channel + 1, coloured(xt::sqrt(xt::view(view, 0, channel) / highest)));
        }
        ++row;
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
