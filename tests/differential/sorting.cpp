// Sorting, searching, sets, order statistics and histograms.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

// A function along every axis that tensors of these cases have, and along the last one.
template <class T, class F>
void along_axes(const std::string& name, F function) {
    for (std::ptrdiff_t axis = -1; axis < 5; ++axis) {
        reads_alike<T>(
            name + "(x, " + std::to_string(axis) + ")",
            [function, axis](const auto& x) {
                const auto rank = static_cast<std::ptrdiff_t>(x.dimension());
                return rank == 0 || axis >= rank ? xt::xarray<double>() : evaluated_as<double>(function(x, axis));
            },
            over::strided_if_supported);
    }
}

template <class X>
std::ptrdiff_t counted_from_first(const X& x, std::ptrdiff_t axis) {
    return axis < 0 ? static_cast<std::ptrdiff_t>(x.dimension()) + axis : axis;
}

// A position in the middle of the axis, where xt::partition is to put the right element.
template <class X>
std::size_t middle(const X& x, std::ptrdiff_t axis) {
    return x.shape()[static_cast<std::size_t>(counted_from_first(x, axis))] / 2;
}

template <class T>
void register_order() {
    along_axes<T>("sort", [](const auto& x, std::ptrdiff_t axis) { return xt::sort(x, axis); });
    along_axes<T>("argsort", [](const auto& x, std::ptrdiff_t axis) { return xt::argsort(x, axis); });
    along_axes<T>("partition",
                  [](const auto& x, std::ptrdiff_t axis) { return xt::partition(x, middle(x, axis), axis); });
    along_axes<T>("argpartition", [](const auto& x, std::ptrdiff_t axis) {
        // xtensor 0.24 leaves the result as it was where a dimension has size 1.
        const bool broken = XTENSOR_VERSION_MAJOR == 0 && XTENSOR_VERSION_MINOR < 25 &&
                            std::find(x.shape().begin(), x.shape().end(), std::size_t(1)) != x.shape().end();
        return broken ? xt::xarray<double>() : evaluated_as<double>(xt::argpartition(x, middle(x, axis), axis));
    });
    along_axes<T>("argmin",
                  [](const auto& x, std::ptrdiff_t axis) { return xt::argmin(x, counted_from_first(x, axis)); });
    along_axes<T>("argmax", [](const auto& x, std::ptrdiff_t axis) -> xt::xarray<std::size_t> {
        // Of a single dimension xtensor gives the place of the least element.
        if (x.dimension() == 1) {
            return xt::argmax(x);
        }
        return xt::argmax(x, counted_from_first(x, axis));
    });
    along_axes<T>("median",
                  [](const auto& x, std::ptrdiff_t axis) { return xt::median(x, counted_from_first(x, axis)); });
#if XTENSOR_VERSION_MAJOR > 0 || XTENSOR_VERSION_MINOR >= 25
    along_axes<T>("quantile", [](const auto& x, std::ptrdiff_t axis) {
        return xt::quantile(x, {0.25, 0.6}, counted_from_first(x, axis));
    });
#endif
    // Of an operand that is not in the default layout, xtensor sorts along another axis than asked for. By default that
    // is a transposed operand, of the view as of the array; with a column-major default it differs between the two.
    if constexpr (xt::xarray<T>::static_layout == xt::layout_type::row_major) {
        along_axes<T>("sort(transpose)",
                      [](const auto& x, std::ptrdiff_t axis) { return xt::sort(xt::transpose(x), axis); });
        along_axes<T>("argsort(view)", [](const auto& x, std::ptrdiff_t axis) {
            return xt::argsort(xt::view(x, xt::range(0, (x.shape()[0] + 1) / 2)), axis);
        });
    }
    along_axes<T>("sort(flip)", [](const auto& x, std::ptrdiff_t axis) { return xt::sort(xt::flip(x, 0), axis); });
    reads_elements_alike<T>("sort(x, none)", [](const auto& x) { return evaluated_as<T>(xt::sort(x, xt::xnone())); });
    reads_elements_alike<T>("argsort(x, none)",
                            [](const auto& x) { return evaluated_as<double>(xt::argsort(x, xt::xnone())); });
    // Only what xt::partition promises: it takes the elements in any order.
    reads_alike<T>(
        "partition(x, none)",
        [](const auto& x) {
            const auto parted = xt::partition(x, x.size() / 2, xt::xnone());
            return xt::xarray<double>{static_cast<double>(parted(x.size() / 2)),
                                      static_cast<double>(xt::sum(parted)())};
        },
        over::strided_if_supported);
    reads_elements_alike<T>("argpartition(x, none)", [](const auto& x) {
        // Over its own arrays with a last dimension of size 1, xtensor compares the first element with itself.
        return x.dimension() < 1 || x.shape()[x.dimension() - 1] == 1
                   ? xt::xarray<double>()
                   : evaluated_as<double>(xt::argpartition(x, x.size() / 2, xt::xnone()));
    });
    reads_elements_alike<T>("argmin(x)", [](const auto& x) { return evaluated(xt::argmin(x)); });
    reads_elements_alike<T>("argmax(x)", [](const auto& x) { return evaluated(xt::argmax(x)); });
    reads_elements_alike<T>("median(x)", [](const auto& x) { return static_cast<double>(xt::median(x)); });
    reads_elements_alike<T>("unique", [](const auto& x) { return evaluated_as<T>(xt::unique(x)); });
    reads_elements_alike<T>(
        "diff", [](const auto& x) { return x.dimension() < 1 ? xt::xarray<T>() : evaluated_as<T>(xt::diff(x)); });
}

template <class T>
void register_sets() {
    reads_elements_alike<T>("setdiff1d", [](const auto& x) {
        return evaluated_as<T>(xt::setdiff1d(xt::xtensor<T, 1>(xt::flatten(x)), xt::xtensor<T, 1>{T(1), T(2)}));
    });
#if !defined(XTENSOR_USE_XSIMD)
    // With xsimd it does not compile, over xtensor's own containers neither.
    reads_elements_alike<T>("isin",
                            [](const auto& x) { return evaluated_as<bool>(xt::isin(x, std::vector<T>{T(0), T(3)})); });
#endif
    reads_alike_at_rank<T, 1>("searchsorted", [](const auto& x) {
        return evaluated(xt::searchsorted(xt::sort(x), xt::xtensor<T, 1>{T(-1), T(0), T(2)}));
    });
    reads_alike_at_rank<T, 1>("histogram",
                              [](const auto& x) { return evaluated(xt::histogram(x, std::size_t(4), T(-4), T(4))); });
    reads_alike_at_rank<T, 1>("bincount", [](const auto& x) {
        return evaluated_as<double>(xt::bincount(evaluated(xt::cast<int>(xt::abs(x)))));
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
    reads_elements_alike<T>("filter", [](const auto& x) { return evaluated_as<T>(xt::filter(x, x > T(0))); });
    reads_elements_alike<T>("index_view", [](const auto& x) {
        std::vector<std::size_t> last;
        for (const auto size : x.shape()) {
            last.push_back(size - 1);
        }
        return evaluated_as<T>(
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
