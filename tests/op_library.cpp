// Operators of every kind, for op.cpp and op.py.
#include <xtensor-torch/autocast.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/op.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace {

// ---- gradients ------------------------------------------------------------------------------------------------------

const auto softclip = [](const auto& x, const auto& limit) { return limit * xt::tanh(x / limit); };
const auto softclip_backward = [](const auto& grad, const auto& x, const auto& limit) {
    return grad * (1 - xt::square(xt::tanh(x / limit)));
};
const auto softclip_second = [](const auto& grad_grad, const auto& grad, const auto& x, const auto& limit) {
    return std::tuple(grad_grad * (1 - xt::square(xt::tanh(x / limit))),
                      grad_grad * grad * (-2 / limit) * xt::tanh(x / limit) * (1 - xt::square(xt::tanh(x / limit))));
};

// The result is saved for the backward.
const auto exponential = [](const auto& x) { return xt::exp(x); };
const auto exponential_backward = [](const auto& grad, const auto&, const auto& result) { return grad * result; };

// Two results, of which one may get no gradient.
const auto sine_cosine = [](const auto& x) { return std::tuple(xt::sin(x), xt::cos(x)); };
const auto sine_cosine_backward = [](const auto& sine, const auto& cosine, const auto& x) {
    return sine * xt::cos(x) - cosine * xt::sin(x);
};

// Two arguments, of which one may need no gradient.
const auto times = [](const auto& x, const auto& y) { return x * y; };
const auto times_backward = [](const auto& grad, const auto& x, const auto& y) {
    return std::tuple(grad * y, grad * x);
};
const auto times_second = [](const auto& grad_x, const auto& grad_y, const auto& grad, const auto& x, const auto& y) {
    return std::tuple(grad_x * y + grad_y * x, grad_y * grad, grad_x * grad);
};

// Of each row for itself, whatever stands in front of it.
const auto centred_rows = []<class T>(const xtt::tensor_view<const T>& x,
                                      const std::optional<xtt::tensor_view<const T>>& scale) {
    xt::xarray<T> centred = x - xt::mean(x, {x.dimension() - 1}, xt::keep_dims);
    if (scale) {
        centred = xt::xarray<T>(centred * *scale);
    }
    return centred;
};

// An argument without gradient, and values of other types.
const auto pick = []<class T>(const xtt::tensor_view<const T, 1>& x,
                              const xtt::tensor_view<const std::int64_t, 1>& index, double factor, bool reversed) {
    auto picked = xt::xtensor<T, 1>::from_shape({index.shape(0)});
    for (std::size_t i = 0; i < picked.size(); ++i) {
        const std::size_t from = reversed ? picked.size() - 1 - i : i;
        picked(i) = static_cast<T>(factor) * x(static_cast<std::size_t>(index(from)));
    }
    return picked;
};
const auto pick_backward = []<class T>(const xtt::tensor_view<const T, 1>& grad, const xtt::tensor_view<const T, 1>& x,
                                       const xtt::tensor_view<const std::int64_t, 1>& index, double factor,
                                       bool reversed) {
    xt::xtensor<T, 1> gradient = xt::zeros<T>({x.shape(0)});
    for (std::size_t i = 0; i < grad.size(); ++i) {
        const std::size_t from = reversed ? grad.size() - 1 - i : i;
        gradient(static_cast<std::size_t>(index(from))) += static_cast<T>(factor) * grad(i);
    }
    return std::tuple(std::move(gradient), std::nullopt);
};

const auto total = [](const auto& tensors, const auto& scale) {
    using T = std::remove_cvref_t<decltype(scale)>;
    xt::xarray<T> sum = tensors.empty() ? xt::xarray<T>(T()) : xt::xarray<T>(tensors.front());
    for (std::size_t i = 1; i < tensors.size(); ++i) {
        sum += tensors[i];
    }
    return xt::xarray<T>(sum * scale);
};
const auto total_backward = [](const auto& grad, const auto& tensors, const auto& scale) {
    using T = std::remove_cvref_t<decltype(scale)>;
    return std::vector<xt::xarray<T>>(tensors.size(), xt::xarray<T>(grad * scale));
};

const auto affine = []<class T>(const xtt::tensor_view<const T>& x,
                                const std::optional<xtt::tensor_view<const T>>& weight,
                                const std::optional<xtt::tensor_view<const T>>& bias) {
    xt::xarray<T> result = x;
    if (weight) {
        result *= *weight;
    }
    if (bias) {
        result += *bias;
    }
    return result;
};
const auto affine_backward = []<class T>(const xtt::tensor_view<const T>& grad, const xtt::tensor_view<const T>& x,
                                         const std::optional<xtt::tensor_view<const T>>& weight,
                                         const std::optional<xtt::tensor_view<const T>>& bias) {
    return std::tuple(weight ? xt::xarray<T>(grad * *weight) : xt::xarray<T>(grad),
                      weight ? std::optional(xt::xarray<T>(grad * x)) : std::nullopt,
                      bias ? std::optional(xt::xarray<T>(grad)) : std::nullopt);
};

// ---- signatures and results -----------------------------------------------------------------------------------------

auto stretch(const xtt::tensor_view<const float, 2>& x, const double& factor) { return x * factor; }

const auto multiply = []<class T>(const xtt::tensor_view<const T, 2>& matrix,
                                  const xtt::tensor_view<const T, 1>& vector) {
    auto product = xt::xtensor<T, 1>::from_shape({matrix.shape(0)});
    for (std::size_t i = 0; i < matrix.shape(0); ++i) {
        product(i) = xt::sum(xt::view(matrix, i) * vector)();
    }
    return product;
};

const auto column_major = []<class T>(const xtt::tensor_view<const T, 2>& x) {
    return xt::xtensor<T, 2, xt::layout_type::column_major>(x);
};

// Values, of any kind of number and as results.
const auto scale = [](const auto& x, const auto& factor) { return x * factor; };
const auto scale_backward = [](const auto& grad, const auto&, const auto& factor) { return grad * factor; };
const auto scale_by = []<class T>(const xtt::tensor_view<const T>& x, const at::Scalar& factor) {
    return xt::eval(x * factor.to<T>());
};
const auto measures = [](const auto& x) {
    return std::tuple(xt::amax(x)(), static_cast<std::int64_t>(x.size()), x.size() == 0, std::string("float"), x + x);
};
const auto measures_backward = [](const auto& grad, const auto&) { return grad + grad; };
const auto shape = [](const auto& x) { return std::vector<std::int64_t>(x.shape().begin(), x.shape().end()); };
const auto ends = []<class T>(const xtt::tensor_view<const T>& x) {
    return std::tuple(std::vector{x(0), x(x.size() - 1)}, std::vector{x(0) > 1, x(1) > 1},
                      x.size() > 2 ? std::optional(x(2)) : std::nullopt);
};
const auto first_number = []<class T>(const xtt::tensor_view<const T>& x) { return at::Scalar(x(0)); };

const auto sum_of_all = []<class T>(const xtt::tensor_view<const T>& x,
                                    const std::optional<xtt::tensor_view<const T>>& y,
                                    const std::vector<xtt::tensor_view<const T>>& others) {
    xt::xarray<T> sum = x;
    if (y) {
        sum += *y;
    }
    for (const auto& other : others) {
        sum += other;
    }
    return sum;
};

// Mean and deviation are computed once, for the result and for its gradients.
const auto normalised = []<class T>(const xtt::tensor_view<const T, 2>& x, const xtt::tensor_view<const T, 1>& weight) {
    xt::xtensor<T, 2> mean = xt::mean(x, {1}, xt::keep_dims);
    xt::xtensor<T, 2> inverse = 1 / xt::sqrt(xt::mean(xt::square(x - mean), {1}, xt::keep_dims));
    xt::xtensor<T, 2> result = (x - mean) * inverse * weight;
    return std::tuple(std::move(result), std::move(mean), std::move(inverse));
};
const auto normalised_backward = []<class T>(const xtt::tensor_view<const T>& grad, const xtt::tensor_view<const T>& x,
                                             const xtt::tensor_view<const T>& weight,
                                             const xtt::tensor_view<const T>& mean,
                                             const xtt::tensor_view<const T>& inverse) {
    const xt::xarray<T> normal = (x - mean) * inverse;
    const xt::xarray<T> g = grad * weight;
    xt::xarray<T> gradient = inverse * (g - xt::mean(g, {1}, xt::keep_dims) -
                                        normal * xt::mean(xt::xarray<T>(g * normal), {1}, xt::keep_dims));
    xt::xarray<T> of_weight = xt::sum(xt::xarray<T>(grad * normal), {0});
    return std::tuple(std::move(gradient), std::move(of_weight));
};
// The backward takes all results.
const auto square_root = [](const auto& x) { return std::tuple(xt::sqrt(x), 2 * xt::sqrt(x)); };
const auto square_root_backward = [](const auto& grad, const auto&, const auto& root, const auto& twice_root) {
    return (root + root) / twice_root * grad / twice_root;
};

// Sizes that follow those of the arguments in every way that an expression has.
const auto rearranged = []<class T>(const xtt::tensor_view<const T, 2>& x, const xtt::tensor_view<const T, 2>& y) {
    return std::tuple(xt::concatenate(xt::xtuple(x, y), 0), xt::transpose(x),
                      xt::view(x, xt::range(1, xt::placeholders::_), xt::range(xt::placeholders::_, -1)),
                      xt::xtensor<T, 1>(xt::mean(x, {0})), xt::view(x, xt::all(), xt::range(0, 5)),
                      std::vector{xt::xtensor<T, 1>(xt::amax(y, {1}))});
};
const auto every_third = [](const auto& x) { return xt::view(x, xt::range(1, xt::placeholders::_, 3)); };
const auto halves = [](const auto& x) {
    return std::pair(xt::view(x, xt::range(std::size_t{0}, x.shape(0) / 2)),
                     xt::view(x, xt::range(x.shape(0) / 2, x.shape(0))));
};
// A size that follows no multiple of the argument's.
const auto root = []<class T>(const xtt::tensor_view<const T, 1>& x) {
    std::size_t size = 0;
    for (; size * size < x.size(); ++size) {
    }
    return xt::xtensor<T, 1>(xt::zeros<T>({size}));
};
const auto pairs = [](const auto& x) { return xt::flatten(x); };

const auto extremes = [](const auto& x) { return std::pair(xt::amin(x, {0}), xt::amax(x, {0})); };

const auto checked = [](const auto& x) {
    if (x.dimension() == 0 || x.shape(0) < 3) {
        throw c10::ValueError("checked: three rows are needed.");
    }
    return x + x;
};

// ---- integers that are symbols, and functions of shapes ------------------------------------------------------------

const auto repeated = []<class T>(const xtt::tensor_view<const T, 1>& x, std::int64_t count) {
    xt::xtensor<T, 2> rows(std::array{static_cast<std::size_t>(count), x.size()});
    for (std::size_t i = 0; i < rows.shape(0); ++i) {
        xt::row(rows, static_cast<std::ptrdiff_t>(i)) = x;
    }
    return rows;
};
const auto repeated_backward = [](const auto& grad, const auto&, const auto&) { return xt::sum(grad, {0}); };

// Refuses what the numbers in the place of symbols may be.
const auto windows = []<class T>(const xtt::tensor_view<const T, 1>& x, std::int64_t width) {
    const auto size = static_cast<std::size_t>(width);
    if (size > x.size()) {
        throw c10::ValueError("windows: they are wider than the tensor.");
    }
    xt::xtensor<T, 2> rows(std::array{x.size() - size + 1, size});
    for (std::size_t i = 0; i < rows.shape(0); ++i) {
        xt::row(rows, static_cast<std::ptrdiff_t>(i)) = xt::view(x, xt::range(i, i + size));
    }
    return rows;
};
const auto windows_backward = []<class T>(const xtt::tensor_view<const T>& grad, const xtt::tensor_view<const T>& x,
                                          std::int64_t) {
    xt::xtensor<T, 1> sums = xt::zeros<T>({x.size()});
    for (std::size_t i = 0; i < grad.shape(0); ++i) {
        for (std::size_t j = 0; j < grad.shape(1); ++j) {
            sums(i + j) += grad(i, j);
        }
    }
    return sums;
};
const auto shape_of_windows = [](const auto& x, const auto& width) {
    return std::vector<c10::SymInt>{x[0] - width + 1, width};
};

// Arguments and results of every kind; the function itself must not be called for the shapes.
const auto every_kind = [](const auto& x, const auto& y, const auto& parts, const auto& value, const auto& count,
                           const auto& sizes) {
    if (xt::any(xt::equal(x, 0))) {
        throw c10::ValueError("every_kind: it was called without elements.");
    }
    using T = typename std::remove_cvref_t<decltype(x)>::value_type;
    const std::vector<std::size_t> extents(sizes.begin(), sizes.end());
    std::vector<xt::xarray<T>> squares(parts.begin(), parts.end());
    return std::tuple(xt::xarray<T>(value * xt::ones<T>(extents)), y ? std::optional(xt::xarray<T>(*y)) : std::nullopt,
                      std::move(squares), xt::xtensor<std::int64_t, 1>(xt::arange<std::int64_t>(count.value_or(3))));
};
const auto shapes_of_every_kind = [](c10::SymIntArrayRef x, const std::optional<c10::SymIntArrayRef>& y,
                                     const std::vector<c10::SymIntArrayRef>& parts, double,
                                     const std::optional<c10::SymInt>& count, const std::vector<c10::SymInt>& sizes) {
    if (x.empty()) {
        throw c10::ValueError("every_kind: a dimension is needed.");
    }
    return std::tuple(sizes, y, parts, std::vector{count.value_or(3)});
};

const auto describe_values = [](const auto& x, std::int64_t count, bool flag, const std::string& name,
                                const std::vector<double>& reals, const std::vector<std::int64_t>& integers,
                                const std::optional<double>& real, const std::optional<std::int64_t>& integer,
                                std::size_t size, float small) {
    return xt::xtensor<double, 1>{static_cast<double>(x.size()),
                                  static_cast<double>(count),
                                  flag ? 1.0 : 0.0,
                                  static_cast<double>(name.size()),
                                  static_cast<double>(reals.size()),
                                  static_cast<double>(integers.empty() ? -1 : integers.back()),
                                  real.value_or(-1.0),
                                  static_cast<double>(integer.value_or(-1)),
                                  static_cast<double>(size),
                                  static_cast<double>(small)};
};

const auto twice = [](const auto& x) { return x + x; };

const auto above = [](const auto& x, const auto& limit) { return x > limit; };

const auto positives = [](const auto& x) {
    using T = typename std::remove_cvref_t<decltype(x)>::value_type;
    std::vector<T> kept;
    std::copy_if(x.begin(), x.end(), std::back_inserter(kept), [](T value) { return value > 0; });
    auto result = xt::xtensor<T, 1>::from_shape({kept.size()});
    std::copy(kept.begin(), kept.end(), result.begin());
    return result;
};

const auto add_to = [](auto& x, const auto& y, const auto& factor) { x += factor * y; };
const auto add_into = [](const auto& x, const auto& y, auto& out) { out = x + y; };
const auto normalise = []<class T>(xtt::tensor_view<T>& x) {
    const T largest = xt::amax(xt::abs(x))();
    x /= largest;
    return xt::xarray<T>(largest);
};

const auto described = [](const auto& x, const std::vector<std::string>& words,
                          const std::optional<std::vector<double>>& factors) {
    std::string text = std::to_string(x.size());
    for (const std::string& word : words) {
        text += " " + word;
    }
    return factors ? text + " " + std::to_string(factors->size()) : text;
};

// ---- mistakes -------------------------------------------------------------------------------------------------------

const auto value_by_value = [](const auto& x, double limit) { return x * limit; };
const auto over_local = [](const auto& x) {
    const xt::xarray<double> factors = {1.0, 2.0};
    return x * factors;
};
const auto over_moved_local = [](const auto& x) {
    xt::xarray<double> factors = {1.0, 2.0};
    return x * std::move(factors);
};
const auto over_local_reduced = [](const auto& x) {
    const xt::xarray<double> factors = {{1.0, 2.0}, {3.0, 4.0}};
    return x * xt::view(factors, 1);
};

const auto fail = [](const auto& x, const std::string& how) {
    if (how == "type") {
        throw c10::TypeError("fail: a type.");
    } else if (how == "value") {
        throw c10::ValueError("fail: a value.");
    } else if (how == "error") {
        xtt::detail::throw_error("fail: an error.");
    } else if (how == "standard") {
        throw std::runtime_error("fail: a standard exception.");
    }
    return x + x;
};

// ---- threads --------------------------------------------------------------------------------------------------------

std::mutex mutex;
std::condition_variable changed;
bool is_signalled = false;

const auto wait_for_signal = [](const auto& x) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(20), [] { return is_signalled; })) {
        throw c10::ValueError("wait_for_signal: nobody signalled.");
    }
    return x + x;
};
const auto send_signal = [](const auto& x) {
    const std::lock_guard lock(mutex);
    is_signalled = true;
    changed.notify_all();
    return x + x;
};

}  // namespace

TORCH_LIBRARY(xtt_test, library) {
    xtt::op<"softclip(Tensor x, float limit=1.0) -> Tensor", float, double>(
        library, softclip, xtt::backward(softclip_backward, xtt::backward(softclip_second)));
    xtt::op<"exponential(x)", float, double>(library, exponential, xtt::backward(exponential_backward));
    xtt::op<"sine_cosine(x)", double>(library, sine_cosine, xtt::backward(sine_cosine_backward));
    xtt::op<"times(Tensor x, Tensor y) -> Tensor", double, std::int64_t>(
        library, times, xtt::batched, xtt::backward(times_backward, xtt::backward(times_second)));
    xtt::op<"pick(x, index, factor=1.0, *, reversed=False)", double>(library, pick, xtt::backward(pick_backward));
    xtt::op<"total(Tensor[] tensors, float scale) -> Tensor", double>(library, total, xtt::backward(total_backward));
    xtt::op<"affine(x, weight=None, bias=None)", double>(library, affine, xtt::backward(affine_backward));

    xtt::op<"stretch">(library, stretch);
    xtt::op<"stretch_computed">(library, stretch, xtt::computed_dtype);
    xtt::op<"centred(Tensor x)", c10::Half, c10::BFloat16, float, double>(
        library, [](const auto& x) { return x - xt::mean(x); });
    xtt::op<"centred_rows(Tensor x, Tensor? scale=None) -> Tensor", float, double>(library, centred_rows, xtt::batched);
    xtt::op<"multiply(matrix, vector)", float, double>(library, multiply);
    xtt::op<"column_major(x)", float>(library, column_major);
    xtt::op<"scale(Tensor x, Scalar factor=2) -> Tensor", float, double, std::int8_t, c10::complex<float>>(
        library, scale, xtt::backward(scale_backward));
    xtt::op<"cast_to_float(Tensor x, Tensor? y, Tensor[] others) -> Tensor", float, c10::BFloat16>(
        library, sum_of_all, xtt::autocast(at::kFloat));
    xtt::op<"cast_to_region(Tensor x, Tensor y) -> Tensor", float, double, c10::BFloat16, c10::Half>(
        library, times, xtt::autocast(), xtt::backward(times_backward));
    xtt::op<"cast_wrongly(Tensor x) -> Tensor", float>(library, twice, xtt::autocast(at::kHalf));
    xtt::op<"normalised(Tensor x, Tensor weight) -> Tensor", float, double>(library, normalised, xtt::saved_results<2>,
                                                                            xtt::backward(normalised_backward));
    xtt::op<"square_root.real(x)", double>(library, square_root, xtt::saved_results<1>,
                                           xtt::backward(square_root_backward));
    xtt::op<"scale_by(x, Scalar factor)", float, std::int64_t>(library, scale_by);
    xtt::op<"measures(Tensor x) -> (float, int, bool, str, Tensor)", float>(library, measures,
                                                                            xtt::backward(measures_backward));
    xtt::op<"shape(Tensor x) -> int[]", float>(library, shape);
    xtt::op<"ends(Tensor x) -> (float[], bool[], float?)", float, double>(library, ends);
    xtt::op<"first_number(x)", float, std::int64_t>(library, first_number);
    xtt::op<"rearranged(x, y)", float>(library, rearranged);
    xtt::op<"every_third(x)", float>(library, every_third);
    xtt::op<"halves(x)", float>(library, halves);
    xtt::op<"root(x)", float>(library, root);
    xtt::op<"pairs(x)", float>(library, pairs);
    xtt::op<"repeated(Tensor x, SymInt count) -> Tensor", float, double>(library, repeated,
                                                                         xtt::backward(repeated_backward));
    xtt::op<"repeated_by_fact(Tensor x, int count) -> Tensor", float>(library, repeated);
    xtt::op<"windows(Tensor x, SymInt width=2) -> Tensor", float, double>(
        library, windows, xtt::backward(windows_backward), xtt::shapes(shape_of_windows));
    xtt::op<"windows_by_numbers(Tensor x, SymInt width) -> Tensor", float>(library, windows);
    xtt::op<
        "every_kind(Tensor x, Tensor? y, Tensor[] parts, float value, SymInt? count, SymInt[] sizes) -> "
        "(Tensor, Tensor?, Tensor[], Tensor)",
        float, double>(library, every_kind, xtt::shapes(shapes_of_every_kind));
    xtt::op<"extremes(x)", float>(library, extremes);
    xtt::op<"checked(x)", float>(library, checked);
    xtt::op<
        "describe_values(Tensor x, int count, bool flag, str name, float[] reals, int[] integers, float? real=None, "
        "int? integer=None, *, int size=7, float small=0.5) -> Tensor",
        float>(library, describe_values);
    xtt::op<"added_up(x)", std::int8_t>(library, [](const auto& x) { return xt::sum(x); });
    xtt::op<"twice(x)", bool, std::int8_t, std::int64_t, c10::Half, c10::BFloat16, c10::complex<float>>(library, twice);
    xtt::op<"above(Tensor x, float limit)", float>(library, above);
    xtt::op<"positives(x)", float>(library, positives, xtt::needs_values);
    xtt::op<"add_(Tensor(a!) x, Tensor y, *, float factor=1.0) -> ()", float>(library, add_to);
    xtt::op<"add.out(Tensor x, Tensor y, *, Tensor(a!) out) -> Tensor(a!)", float>(library, add_into);
    xtt::op<"normalise_(x)", float>(library, normalise);
    xtt::op<"softclip_by_host_round_trip(Tensor x, float limit) -> Tensor", float>(
        library, softclip, xtt::host_round_trip, xtt::backward(softclip_backward));
    xtt::op<"add_by_host_round_trip_(Tensor(a!) x, Tensor y, *, float factor=1.0) -> ()", float>(library, add_to,
                                                                                                 xtt::host_round_trip);

    xtt::op<"value_by_value(Tensor x, float limit)", double>(library, value_by_value);
    xtt::op<"over_local(x)", double>(library, over_local);
    xtt::op<"over_moved_local(x)", double>(library, over_moved_local);
    xtt::op<"over_local_reduced(x)", double>(library, over_local_reduced);
    xtt::op<"fail(Tensor x, str how)", float>(library, fail);
    xtt::op<"wait_for_signal(x)", float>(library, wait_for_signal);
    xtt::op<"signal(x)", float>(library, send_signal);
    // Mistakes that only the run can see.
    xtt::op<"described(Tensor x, str[] words, float[]? factors=None) -> str", float>(library, described);
    xtt::op<"stretch_by_default(Tensor x, float factor=much)">(library, stretch);
}

// A linker drops a library of which the program uses nothing.
extern "C" __attribute__((visibility("default"))) bool xtt_test_is_loaded() { return true; }
