// A convolutional detector scored in batches on the best device present. Images are prepared and detections are picked
// in xtensor on the host, while the device works on the batch between: to_device and to_host_async do not wait.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace {

constexpr std::size_t height = 60, width = 90;                // of an image
constexpr std::size_t padded_height = 64, padded_width = 96;  // what the model takes: multiples of 32
constexpr std::size_t classes = 3;                            // red, green and blue squares
constexpr std::size_t side = 9;                               // of a square
constexpr std::size_t per_image = 3;

using pixels = xt::xtensor<std::uint8_t, 4>;  // image, row, column, colour: as cameras deliver them
using plane = xt::xtensor<float, 2>;          // row, column

// Class, row, column. The layout that xt::unravel_index counts on, whatever XTENSOR_DEFAULT_LAYOUT says.
using scores = xt::xtensor<float, 3, xt::layout_type::row_major>;

struct square {
    std::size_t kind, row, column;  // the colour and the centre
    float probability = 1.0f;
};

struct scene {
    pixels images;
    std::vector<std::vector<square>> truth;
};

// Noisy grey images with one square of each colour, each in a third of its own.
scene draw(std::size_t count) {
    scene drawn{xt::random::randint<int>({count, height, width, classes}, 90, 130),
                std::vector<std::vector<square>>(count)};
    const auto place = [](std::size_t low, std::size_t high) {
        return static_cast<std::size_t>(
            xt::random::randint<int>({1}, static_cast<int>(low), static_cast<int>(high))(0));
    };
    for (std::size_t image = 0; image < count; ++image) {
        for (std::size_t kind = 0; kind < per_image; ++kind) {
            const std::size_t third = width / per_image;
            const square one{kind, place(side, height - side), place(kind * third + side, (kind + 1) * third - side)};
            auto area = xt::view(drawn.images, image, xt::range(one.row - side / 2, one.row + side / 2 + 1),
                                 xt::range(one.column - side / 2, one.column + side / 2 + 1), xt::all());
            area = 20;
            xt::view(area, xt::all(), xt::all(), kind) = 230;
            drawn.truth[image].push_back(one);
        }
    }
    return drawn;
}

// Two layers with weights set by hand: how much of one colour there is, then its mean over a square. Output 0 is the
// background.
torch::nn::Sequential make_model() {
    torch::nn::Conv2d colour(torch::nn::Conv2dOptions(classes, classes, 1));
    torch::nn::Conv2d area(torch::nn::Conv2dOptions(classes, classes + 1, side).padding(side / 2));
    const torch::NoGradGuard unrecorded;
    auto mixing = xtt::view<float, 4>(colour->weight);
    auto window = xtt::view<float, 4>(area->weight);
    mixing = -0.5f;
    window = 0.0f;
    for (std::size_t kind = 0; kind < classes; ++kind) {
        mixing(kind, kind, 0, 0) = 1.0f;
        xt::view(window, kind + 1, kind, xt::all(), xt::all()) = 6.0f / (side * side);
    }
    colour->bias.zero_();
    xtt::view<float, 1>(area->bias) = xt::xtensor<float, 1>{0, -12, -12, -12};
    return torch::nn::Sequential(colour, torch::nn::ReLU(), area);
}

// Normalised, colours first, padded at the right and at the bottom.
xt::xtensor<float, 4> prepare(const pixels& images, std::size_t first, std::size_t count) {
    const xt::xtensor<float, 3> mean = {{{0.485f}}, {{0.456f}}, {{0.406f}}};
    const xt::xtensor<float, 3> deviation = {{{0.229f}}, {{0.224f}}, {{0.225f}}};
    const auto batch = xt::view(images, xt::range(first, first + count));
    xt::xtensor<float, 4> input = xt::zeros<float>({count, classes, padded_height, padded_width});
    xt::view(input, xt::all(), xt::all(), xt::range(0, height), xt::range(0, width)) =
        (xt::cast<float>(xt::transpose(batch, {0, 3, 1, 2})) / 255.0f - mean) / deviation;
    return input;
}

// How much of the union of two squares is in both.
float overlap(const square& a, const square& b) {
    const auto shared = [](std::size_t p, std::size_t q) {
        const std::size_t distance = p > q ? p - q : q - p;
        return static_cast<float>(distance < side ? side - distance : 0);
    };
    const float common = shared(a.row, b.row) * shared(a.column, b.column);
    return common / (2.0f * side * side - common);
}

// Softmax over the classes, the most probable places, and of those that overlap only the best.
template <class Logits>
std::vector<square> pick(const Logits& logits) {
    constexpr std::size_t candidates = 200;
    constexpr float least_probability = 0.5f, most_overlap = 0.3f;

    // Evaluated where they stand: inside a larger expression a reduction would run again for every element.
    const plane highest = xt::amax(logits, {0});
    const scores raised = xt::exp(logits - highest);
    const plane total = xt::sum(raised, {0});
    const scores foreground = xt::view(raised, xt::range(1, classes + 1)) / total;

    std::vector<std::size_t> order(foreground.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::partial_sort(order.begin(), order.begin() + candidates, order.end(),
                      [&](std::size_t a, std::size_t b) { return foreground.flat(a) > foreground.flat(b); });

    std::vector<square> picked;
    for (std::size_t i = 0; i < candidates && foreground.flat(order[i]) >= least_probability; ++i) {
        const auto place = xt::unravel_index(order[i], foreground.shape());
        const square found{static_cast<std::size_t>(place[0]), static_cast<std::size_t>(place[1]),
                           static_cast<std::size_t>(place[2]), foreground.flat(order[i])};
        if (std::none_of(picked.begin(), picked.end(),
                         [&](const square& better) { return overlap(found, better) > most_overlap; })) {
            picked.push_back(found);
        }
    }
    return picked;
}

torch::Device best_device() {
    if (torch::cuda::is_available()) {
        return torch::kCUDA;
    }
    if (at::hasXPU()) {
        return torch::kXPU;
    }
    return torch::kCPU;
}

struct result {
    std::size_t found = 0, invented = 0;
};

void compare(const std::vector<square>& picked, const std::vector<square>& truth, result& counts) {
    for (const square& one : picked) {
        const bool right = std::any_of(truth.begin(), truth.end(), [&](const square& real) {
            return real.kind == one.kind && overlap(real, one) > 0.6f;
        });
        ++(right ? counts.found : counts.invented);
    }
}

result score(torch::nn::Sequential& model, const torch::Device& device, const scene& drawn, std::size_t batch) {
    const torch::NoGradGuard unrecorded;
    const std::size_t count = drawn.truth.size();
    const auto start = [&](std::size_t first) {
        const auto input = prepare(drawn.images, first, std::min(batch, count - first));
        return xtt::to_host_async<float, 4>(model->forward(xtt::to_device(input, device, /*non_blocking=*/true)));
    };
    result counts;
    const auto finish = [&](xtt::host_copy<float, 4>& scored, std::size_t first) {
        const auto logits = scored.get();
        for (std::size_t image = 0; image < logits.shape(0); ++image) {
            compare(pick(xt::view(logits, image)), drawn.truth[first + image], counts);
        }
    };

    // While the device scores one batch, the host picks from the one before and prepares the one after.
    std::optional<xtt::host_copy<float, 4>> in_flight;
    for (std::size_t first = 0; first < count; first += batch) {
        std::optional<xtt::host_copy<float, 4>> next = start(first);
        if (in_flight) {
            finish(*in_flight, first - batch);
        }
        in_flight = std::move(next);
    }
    finish(*in_flight, (count - 1) / batch * batch);
    return counts;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::string argument = argc > 1 ? argv[1] : "64";
        if (argc > 2 || argument.empty() || argument.size() > 5 ||
            argument.find_first_not_of("0123456789") != std::string::npos || std::stoul(argument) == 0) {
            std::cout << "Finds coloured squares in noisy images with a small convolutional model.\n\n"
                      << "Usage: " << argv[0] << " [images]   1 to 99999, 64 when left out\n";
            return argument == "--help" ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        const std::size_t count = std::stoul(argument);
        constexpr std::size_t batch = 10;

        xt::random::seed(1);
        const scene drawn = draw(count);
        const torch::Device device = best_device();
        torch::nn::Sequential model = make_model();
        model->to(device);

        const auto begin = std::chrono::steady_clock::now();
        const result counts = score(model, device, drawn, batch);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;

        std::cout << count << " images of " << height << " x " << width << " in batches of " << batch << " on "
                  << device << ": " << static_cast<double>(count) / elapsed.count() << " images a second\n"
                  << counts.found << " of " << count * per_image << " squares found, " << counts.invented
                  << " invented\n";
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << "\n";
        return EXIT_FAILURE;
    }
}
