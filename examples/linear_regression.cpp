// The whole round trip in one program: data made in xtensor, a model trained in LibTorch, its predictions read back in
// xtensor without a copy, and a picture of the fit.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <getopt.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr double true_slope = 2.0;
constexpr double true_intercept = 1.0;

struct options {
    int epochs = 500;
    double learning_rate = 0.1;
    unsigned seed = 42;
    std::string out = "linear_regression.png";
};

void print_help(const char* program) {
    const options defaults;
    std::cout << "Fits a line to 100 noisy points on y = 2x + 1 and draws the fit.\n\n"
              << "Usage: " << program << " [options]\n"
              << "  --epochs N   training steps (default " << defaults.epochs << ")\n"
              << "  --lr RATE    learning rate of SGD (default " << defaults.learning_rate << ")\n"
              << "  --seed N     seed of the data and of the model (default " << defaults.seed << ")\n"
              << "  --out FILE   the picture, a PNG (default " << defaults.out << ")\n"
              << "  --help       this text\n";
}

double positive_number(const char* option, const char* text) {
    char* end = nullptr;
    const double number = std::strtod(text, &end);
    if (end == text || *end != '\0' || !std::isfinite(number) || number <= 0.0 || number > 1e9) {
        throw std::invalid_argument(std::string(option) + " is \"" + text + "\"; a positive number is needed.");
    }
    return number;
}

unsigned whole_number(const char* option, const char* text) {
    char* end = nullptr;
    const long number = std::strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > 1'000'000'000) {
        throw std::invalid_argument(std::string(option) + " is \"" + text +
                                    "\"; a whole number from 0 to 1000000000 is needed.");
    }
    return static_cast<unsigned>(number);
}

// Returns false when the help was asked for and printed.
bool parse(int argc, char** argv, options& chosen) {
    const option names[] = {{"epochs", required_argument, nullptr, 'e'}, {"lr", required_argument, nullptr, 'l'},
                            {"seed", required_argument, nullptr, 's'},   {"out", required_argument, nullptr, 'o'},
                            {"help", no_argument, nullptr, 'h'},         {nullptr, 0, nullptr, 0}};
    for (int name = 0; (name = getopt_long(argc, argv, "h", names, nullptr)) != -1;) {
        switch (name) {
            case 'e':
                chosen.epochs = static_cast<int>(whole_number("--epochs", optarg));
                break;
            case 'l':
                chosen.learning_rate = positive_number("--lr", optarg);
                break;
            case 's':
                chosen.seed = whole_number("--seed", optarg);
                break;
            case 'o':
                chosen.out = optarg;
                break;
            case 'h':
                print_help(argv[0]);
                return false;
            default:
                throw std::invalid_argument("See --help for the options.");
        }
    }
    if (optind < argc) {
        throw std::invalid_argument(std::string("unknown argument \"") + argv[optind] + "\"; see --help.");
    }
    return true;
}

struct linear_model : torch::nn::Module {
    linear_model() : layer(register_module("layer", torch::nn::Linear(1, 1))) {}
    torch::Tensor forward(const torch::Tensor& x) { return layer(x); }

    torch::nn::Linear layer;
};

// The line that the model stood for after so many epochs.
struct line {
    int epoch;
    double slope;
    double intercept;
};

line line_of(const linear_model& model, int epoch) {
    return {epoch, model.layer->weight.item<double>(), model.layer->bias.item<double>()};
}

// Starts from a line that is visibly wrong, and returns what became of it.
std::vector<line> train(linear_model& model, const torch::Tensor& x, const torch::Tensor& y, const options& chosen) {
    {
        const torch::NoGradGuard no_grad;
        model.layer->weight.fill_(-1.5);
        model.layer->bias.fill_(3.5);
    }
    torch::optim::SGD optimizer(model.parameters(), torch::optim::SGDOptions(chosen.learning_rate));
    std::vector<line> lines{line_of(model, 0)};
    int next = 1;  // 1, 2, 5, 10, 20, 50, …: it changes most in the beginning
    for (int epoch = 1; epoch <= chosen.epochs; ++epoch) {
        optimizer.zero_grad();
        const torch::Tensor loss = torch::mse_loss(model.forward(x), y);
        loss.backward();
        optimizer.step();
        if (epoch == next || epoch == chosen.epochs) {
            lines.push_back(line_of(model, epoch));
            std::printf("  epoch %4d, loss %.6f, y = %+.3f x %+.3f\n", epoch, loss.item<double>(), lines.back().slope,
                        lines.back().intercept);
            std::fflush(stdout);
            const std::string digits = std::to_string(next);
            next = digits.front() == '2' ? next / 2 * 5 : next * 2;
        }
    }
    return lines;
}

// Each side sees what the other wrote, because there is one memory.
void show_sharing(torch::Tensor predictions) {
    auto view = xtt::view<float, 2>(predictions);
    const float before = view(0, 0);
    view(0, 0) = 123.0f;
    std::cout << "  written through the view: 123, read from the tensor: " << predictions[0][0].item<float>() << "\n";
    predictions[0][0] = -7.0f;
    std::cout << "  written to the tensor: -7, read through the view: " << view(0, 0) << "\n";
    view(0, 0) = before;
}

// Draws with gnuplot, which reads from a pipe: the data, the lines on the way, the fit, and below what it leaves over.
// Returns false where there is no gnuplot.
template <class Points, class Fitted>
bool plot(const Points& x, const Points& y, const Fitted& fitted, const std::vector<line>& lines,
          const std::string& out) {
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) {
        return false;
    }
    std::string quoted;
    for (const char c : out) {
        quoted += c == '\'' ? "''" : std::string(1, c);
    }
    FILE* gnuplot = popen("gnuplot >/dev/null", "w");
    if (gnuplot == nullptr) {
        throw std::runtime_error("gnuplot is installed but could not be started.");
    }
    std::fputs("$points << END\n", gnuplot);
    for (std::size_t i = 0; i < x.shape(0); ++i) {
        std::fprintf(gnuplot, "%.17g %.17g %.9g\n", x(i, 0), y(i, 0), y(i, 0) - static_cast<double>(fitted(i, 0)));
    }
    std::fprintf(gnuplot,
                 "END\n"
                 "set terminal pngcairo size 960,800 font 'sans,12'\n"
                 "set output '%s'\n"
                 "set multiplot\n"
                 "set lmargin at screen 0.08\nset rmargin at screen 0.97\n"
                 "set tmargin at screen 0.92\nset bmargin at screen 0.36\n"
                 "set title 'y = %.3f x %+.3f after %d epochs; the data are y = %g x %+g and noise' font ',15'\n"
                 "set ylabel 'y'\nset xrange [0:1]\nset format x ''\nset key bottom right\nset grid\nplot ",
                 quoted.c_str(), lines.back().slope, lines.back().intercept, lines.back().epoch, true_slope,
                 true_intercept);
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
        // From pale to strong.
        const auto shade = static_cast<int>(215 - 130 * i / lines.size());
        std::fprintf(gnuplot, "%.9g * x + %.9g with lines linewidth 1.5 linecolor rgb '#ee%02x%02x' title '%s', ",
                     lines[i].slope, lines[i].intercept, shade, shade,
                     i == 0                  ? "before"
                     : i + 2 == lines.size() ? "on the way"
                                             : "");
    }
    std::fprintf(gnuplot,
                 "$points using 1:2 with points pointtype 7 linecolor rgb '#4477aa' title 'data', "
                 "%.9g * x + %.9g with lines linewidth 3 linecolor rgb '#cc3344' title 'fit'\n"
                 "set tmargin at screen 0.30\nset bmargin at screen 0.09\n"
                 "unset title\nunset key\nset format x '%%g'\nset xlabel 'x'\nset ylabel 'data - fit'\n"
                 "plot 0 with lines linewidth 2 linecolor rgb '#cc3344', "
                 "$points using 1:3 with impulses linecolor rgb '#4477aa', "
                 "$points using 1:3 with points pointtype 7 pointsize 0.7 linecolor rgb '#4477aa'\n"
                 "unset multiplot\n",
                 lines.back().slope, lines.back().intercept);
    if (pclose(gnuplot) != 0) {
        throw std::runtime_error("gnuplot could not write \"" + out + "\"; see its message above.");
    }
    return true;
}

void run(const options& chosen) {
    xt::random::seed(chosen.seed);
    torch::manual_seed(chosen.seed);

    // 1. Data in xtensor, as double.
    const xt::xtensor<double, 2> x = xt::random::rand<double>({100, 1});
    const xt::xtensor<double, 2> noise = xt::random::randn<double>({100, 1});
    const xt::xtensor<double, 2> y = true_slope * x + true_intercept + 0.1 * noise;

    // 2. Into tensors. The model computes in float: the conversion is asked for, and happens in the same pass.
    const torch::Tensor inputs = xtt::copy<float>(x);
    const torch::Tensor targets = xtt::copy<float>(y);
    std::cout << "data: 100 points as double, copied to tensors of dtype " << inputs.dtype() << "\n";

    // 3. Training in LibTorch.
    std::cout << "training:\n";
    linear_model model;
    const std::vector<line> lines = train(model, inputs, targets, chosen);

    // 4. Predictions back in xtensor, without a copy. They belong to autograd's graph until they are detached.
    torch::Tensor predictions = model.forward(inputs);
    try {
        xtt::view<float, 2>(predictions);
    } catch (const c10::Error& error) {
        std::cout << "a view of the predictions as they are is refused:\n  " << error.what() << "\n";
    }
    predictions = predictions.detach();
    const auto fitted = xtt::view<const float, 2>(predictions);
    std::cout << "a view of the detached predictions shares their memory:\n";
    show_sharing(predictions);

    // 5. How good the fit is.
    const auto [epochs, slope, intercept] = lines.back();
    const bool good = std::abs(slope / true_slope - 1.0) < 0.05 && std::abs(intercept / true_intercept - 1.0) < 0.05;
    std::printf("fitted after %d epochs: y = %.3f x %+.3f; the truth: y = %g x %+g; %s\n", epochs, slope, intercept,
                true_slope, true_intercept, good ? "both within 5 % of the truth" : "not within 5 % of the truth");

    // 6. The picture.
    if (plot(x, y, fitted, lines, chosen.out)) {
        std::cout << "plot: " << chosen.out << std::endl;
    } else {
        std::cout << "no plot: gnuplot is not installed. To get one: apt-get install gnuplot-nox" << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        options chosen;
        if (parse(argc, argv, chosen)) {
            run(chosen);
        }
        return 0;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << "\n";
        return 1;
    }
}
