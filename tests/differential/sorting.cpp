// Sorting, searching, sets, order statistics and histograms.
#include "differential/compare.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

// A function along an axis, given the first and the last one.
template <class T, class F>
void along_axes(const std::string& name, F function, over which = over::strided_if_supported) {
    reads_alike<T>(
        name + "(x, 0)",
        [function](const auto& x) {
            return x.dimension() < 1 ? xt::xarray<double>() : xt::xarray<double>(function(x, std::ptrdiff_t(0)));
        },
        which);
    reads_alike<T>(
        name + "(x, -1)",
        [function](const auto& x) {
            return x.dimension() < 1 ? xt::xarray<double>() : xt::xarray<double>(function(x, std::ptrdiff_t(-1)));
        },
        which);
}

template <class T>
void register_order() {
    along_axes<T>("sort", [](const auto& x, std::ptrdiff_t axis) { return xt::sort(x, axis); });
    along_axes<T>("partition",
                  [](const auto& x, std::ptrdiff_t axis) { return xt::partition(xt::sort(x, axis), 0, axis); });
    along_axes<T>("argmin", [](const auto& x, std::ptrdiff_t axis) {
        return xt::argmin(x, axis < 0 ? static_cast<std::ptrdiff_t>(x.dimension()) + axis : axis);
    });
    along_axes<T>("argmax", [](const auto& x, std::ptrdiff_t axis) {
        return xt::argmax(x, axis < 0 ? static_cast<std::ptrdiff_t>(x.dimension()) + axis : axis);
    });
    along_axes<T>("argsort", [](const auto& x, std::ptrdiff_t axis) { return xt::argsort(x, axis); });
    along_axes<T>(
        "median",
        [](const auto& x, std::ptrdiff_t axis) {
            return xt::median(x, axis < 0 ? static_cast<std::ptrdiff_t>(x.dimension()) + axis : axis);
        },
        over::contiguous);
    reads_elements_alike<T>("argmin(x)", [](const auto& x) { return xt::eval(xt::argmin(x)); });
    reads_elements_alike<T>("argmax(x)", [](const auto& x) { return xt::eval(xt::argmax(x)); });
    reads_elements_alike<T>("median(x)", [](const auto& x) { return static_cast<double>(xt::median(x)); });
    reads_elements_alike<T>("unique", [](const auto& x) { return xt::xarray<T>(xt::unique(x)); });
    reads_elements_alike<T>(
        "diff", [](const auto& x) { return x.dimension() < 1 ? xt::xarray<T>() : xt::xarray<T>(xt::diff(x)); });
}

template <class T>
void register_sets() {
    reads_elements_alike<T>("setdiff1d", [](const auto& x) {
        return xt::xarray<T>(xt::setdiff1d(xt::xtensor<T, 1>(xt::flatten(x)), xt::xtensor<T, 1>{T(1), T(2)}));
    });
    reads_elements_alike<T>("isin",
                            [](const auto& x) { return xt::xarray<bool>(xt::isin(x, std::vector<T>{T(0), T(3)})); });
    reads_alike_at_rank<T, 1>("searchsorted", [](const auto& x) {
        return xt::eval(xt::searchsorted(xt::sort(x), xt::xtensor<T, 1>{T(-1), T(0), T(2)}));
    });
    reads_alike_at_rank<T, 1>("histogram",
                              [](const auto& x) { return xt::eval(xt::histogram(x, std::size_t(4), T(-4), T(4))); });
    reads_alike_at_rank<T, 1>("bincount", [](const auto& x) {
        return xt::xarray<double>(xt::bincount(xt::eval(xt::cast<int>(xt::abs(x)))));
    });
}

template <class T>
void register_indices() {
    const auto sum_of = [](const auto& indices) {
        double total = 0;
        for (const auto& index : indices) {
            double place = 1;
            for (const auto i : index) {
                total += place * static_cast<double>(i);
                place *= 7;
            }
        }
        return total;
    };
    reads_elements_alike<T>("argwhere", [=](const auto& x) { return sum_of(xt::argwhere(x > T(0))); });
    reads_elements_alike<T>("nonzero", [=](const auto& x) { return sum_of(xt::nonzero(x)); });
    reads_elements_alike<T>("filter", [](const auto& x) { return xt::xarray<T>(xt::filter(x, x > T(0))); });
    reads_elements_alike<T>("index_view", [](const auto& x) {
        std::vector<std::size_t> last;
        for (const auto size : x.shape()) {
            last.push_back(size - 1);
        }
        return xt::xarray<T>(
            xt::index_view(x, std::vector<std::vector<std::size_t>>{std::vector<std::size_t>(x.dimension(), 0), last}));
    });
}

}  // namespace

void register_sorting() {
    register_order<float>();
    register_order<std::int32_t>();
    register_sets<float>();
    register_sets<std::int32_t>();
    register_indices<float>();
    register_indices<std::int64_t>();
}

}  // namespace differential
