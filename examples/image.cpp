// A picture through a model: a PNG file is read into an xtensor container, prepared by one expression that is evaluated
// into the model's input, and what the model finds is drawn into a second PNG file. The model marks edges.
#include <torch/torch.h>
#include <xtensor-torch/format.hpp>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include "png.hpp"

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

// How bright each pixel is, then how fast that changes to the right and downwards (Sobel's filters).
torch::nn::Sequential make_edge_detector() {
    torch::nn::Conv2d brightness(torch::nn::Conv2dOptions(3, 1, 1).bias(false));
    torch::nn::Conv2d slopes(torch::nn::Conv2dOptions(1, 2, 3).padding(1).padding_mode(torch::kReplicate).bias(false));
    const torch::NoGradGuard unrecorded;
    const xt::xtensor<float, 1> weights = {0.299f, 0.587f, 0.114f};
    xt::view(xtt::view<float, 4>(brightness->weight), 0, xt::all(), 0, 0) = weights;
    const xt::xtensor<float, 2> sobel = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};
    auto filters = xtt::view<float, 4>(slopes->weight);
    xt::view(filters, 0, 0) = 0.25f * sobel;
    xt::view(filters, 1, 0) = 0.25f * xt::transpose(sobel);
    return torch::nn::Sequential(brightness, slopes);
}

// Colours first, from 0 to 1, in a batch of one.
torch::Tensor prepare(const picture& pixels) {
    return xtt::copy<float>(xt::view(xt::transpose(pixels, {2, 0, 1}), xt::newaxis()) / 255.0f);
}

// The picture, and beside it the same darkened, with the pixels in orange where the slope is steep: both enlarged.
picture draw(const picture& pixels, const xt::xtensor<bool, 2>& edges) {
    picture drawn = pixels / 3;
    const xt::xtensor<std::uint8_t, 1> orange = {255, 160, 0};
    for (std::size_t row = 0; row < edges.shape(0); ++row) {
        for (std::size_t column = 0; column < edges.shape(1); ++column) {
            if (edges(row, column)) {
                xt::view(drawn, row, column) = orange;
            }
        }
    }
    const picture both = xt::concatenate(xt::xtuple(pixels, drawn), 1);
    return xt::repeat(xt::repeat(both, 3, 0), 3, 1);
}

void run(const std::string& in, const std::string& out) {
    const picture pixels = read_png(in);
    std::cout << "the file's pixels: " << xtt::describe(pixels) << "\n";

    const torch::Tensor input = prepare(pixels);
    std::cout << "the model's input: " << xtt::describe(torch::Tensor(input)) << "\n";

    const torch::NoGradGuard unrecorded;
    torch::Tensor output = make_edge_detector()->forward(input);
    std::cout << "its output: " << xtt::describe(output) << "\n";

    const auto slopes = xtt::view<const float, 4>(output);
    const xt::xtensor<float, 2> steepness =
        xt::sqrt(xt::square(xt::view(slopes, 0, 0)) + xt::square(xt::view(slopes, 0, 1)));
    const xt::xtensor<bool, 2> edges = steepness > 0.081f;
    std::cout << "pixels on an edge: " << xt::sum(xt::cast<int>(edges))() << " of " << edges.size() << "\n";

    const picture drawn = draw(pixels, edges);
    write_png(out, drawn);
    const picture again = read_png(out);
    std::cout << "the picture of them: " << again.shape(0) << " x " << again.shape(1)
              << ", read again as it was written: " << std::boolalpha << (again == drawn) << "\n";
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
