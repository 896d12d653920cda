// Views over views, rearrangement, joining, iteration and text.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

template <class T>
void register_slices() {
    using array = xt::xarray<T>;
    reads_alike<T>("view", [](const auto& x) {
        return x.dimension() < 1 || x.shape()[0] < 1 ? array() : evaluated_as<T>(xt::view(x, 0));
    });
    reads_alike<T>("view, stepped", [](const auto& x) {
        return x.dimension() < 1 ? array() : evaluated_as<T>(xt::view(x, xt::range(0, xt::placeholders::_, 2)));
    });
    reads_alike<T>("view, backwards", [](const auto& x) {
        return x.dimension() < 1 || x.size() == 0
                   ? array()
                   : evaluated_as<T>(xt::view(x, xt::range(xt::placeholders::_, xt::placeholders::_, -1)));
    });
    reads_alike<T>("view, new axis", [](const auto& x) { return evaluated_as<T>(xt::view(x, xt::newaxis())); });
    reads_alike<T>("view, kept", [](const auto& x) {
        return x.dimension() < 1 || x.shape()[0] < 2 ? array() : evaluated_as<T>(xt::view(x, xt::keep(1, 0)));
    });
    reads_alike<T>("view, dropped", [](const auto& x) {
        return x.dimension() < 1 || x.shape()[0] < 2 ? array() : evaluated_as<T>(xt::view(x, xt::drop(0)));
    });
    reads_alike<T>("strided_view", [](const auto& x) {
        return x.dimension() < 2
                   ? array()
                   : evaluated_as<T>(xt::strided_view(x, {xt::ellipsis(), xt::range(0, xt::placeholders::_, 2)}));
    });
    reads_alike<T>("dynamic_view", [](const auto& x) {
        return x.dimension() < 1 || x.shape()[0] < 2 ? array() : evaluated_as<T>(xt::dynamic_view(x, {xt::keep(0, 1)}));
    });
    reads_alike<T>("row and column", [](const auto& x) {
        return x.dimension() != 2 || x.size() == 0 ? array() : evaluated_as<T>(xt::row(x, 0)(0) + xt::col(x, 0));
    });
    reads_alike<T>("masked_view", [](const auto& x) {
        double total = 0;
        auto copy = evaluated_as<T>(x);
        const xt::xarray<bool> mask = x > T(0);
        const auto masked = xt::masked_view(copy, mask);
        for (const auto& element : masked) {
            total += element.visible() ? static_cast<double>(element.value()) : 100.0;
        }
        return total;
    });
}

template <class T>
void register_rearrangement() {
    using array = xt::xarray<T>;
    reads_alike<T>("transpose", [](const auto& x) { return evaluated_as<T>(xt::transpose(x)); });
    reads_alike<T>("flatten", [](const auto& x) { return evaluated_as<T>(xt::flatten(x)); });
    reads_alike<T>("ravel, column-major",
                   [](const auto& x) { return evaluated_as<T>(xt::ravel<xt::layout_type::column_major>(x)); });
    reads_alike<T>("flip", [](const auto& x) { return x.dimension() < 1 ? array() : evaluated_as<T>(xt::flip(x, 0)); });
    reads_alike<T>("flip, last", [](const auto& x) {
        return x.dimension() < 1 ? array() : evaluated_as<T>(xt::flip(x, x.dimension() - 1));
    });
    reads_alike<T>("rot90", [](const auto& x) { return x.dimension() != 2 ? array() : evaluated_as<T>(xt::rot90(x)); });
    reads_alike<T>("squeeze", [](const auto& x) { return evaluated_as<T>(xt::squeeze(x)); });
    reads_alike<T>("expand_dims", [](const auto& x) { return evaluated_as<T>(xt::expand_dims(x, 0)); });
    reads_alike<T>("atleast_3d",
                   [](const auto& x) { return x.dimension() > 3 ? array() : evaluated_as<T>(xt::atleast_3d(x)); });
    reads_alike<T>("roll", [](const auto& x) { return x.size() == 0 ? array() : evaluated_as<T>(xt::roll(x, 2)); });
    reads_alike<T>("roll, axis", [](const auto& x) {
        return x.dimension() < 1 || x.size() == 0 ? array() : evaluated_as<T>(xt::roll(x, 1, 0));
    });
    reads_alike<T>("repeat",
                   [](const auto& x) { return x.dimension() < 1 ? array() : evaluated_as<T>(xt::repeat(x, 2, 0)); });
    reads_alike<T>("concatenate", [](const auto& x) {
        return x.dimension() < 1 ? array() : evaluated_as<T>(xt::concatenate(xt::xtuple(x, x), 0));
    });
    reads_alike<T>("stack", [](const auto& x) { return evaluated_as<T>(xt::stack(xt::xtuple(x, x), 0)); });
    reads_alike<T>("pad", [](const auto& x) {
        return x.dimension() != 2 ? array()
                                  : evaluated_as<T>(xt::pad(x, {{1, 2}, {0, 1}}, xt::pad_mode::constant, T(3)));
    });
    reads_alike<T>("tile",
                   [](const auto& x) { return x.dimension() != 2 ? array() : evaluated_as<T>(xt::tile(x, {2, 1})); });
    reads_alike<T>("broadcast", [](const auto& x) {
        std::vector<std::size_t> shape = {2};
        shape.insert(shape.end(), x.shape().begin(), x.shape().end());
        return evaluated_as<T>(xt::broadcast(x, shape));
    });
    reads_alike<T>("diag", [](const auto& x) { return x.dimension() != 1 ? array() : evaluated_as<T>(xt::diag(x)); });
    reads_alike<T>("diagonal", [](const auto& x) {
        return x.dimension() != 2 || x.size() == 0 ? array() : evaluated_as<T>(xt::diagonal(x));
    });
    reads_alike<T>("tril", [](const auto& x) { return x.dimension() != 2 ? array() : evaluated_as<T>(xt::tril(x)); });
    reads_alike<T>("split", [](const auto& x) {
        return x.dimension() < 1 || x.shape()[0] % 2 != 0 || x.size() == 0 ? array()
                                                                           : evaluated_as<T>(xt::split(x, 2)[1]);
    });
    reads_alike<T>("trapz", [](const auto& x) {
        return x.dimension() < 1 || x.size() == 0 ? xt::xarray<double>() : evaluated_as<double>(xt::trapz(x));
    });
}

template <class T>
void register_iteration() {
    using array = xt::xarray<T>;
    const auto polynomial = [](auto first, auto last) {
        double value = 1;
        for (; first != last; ++first) {
            value = std::fmod(value * 3 + static_cast<double>(*first), 1e6);
        }
        return value;
    };
    using enum xt::layout_type;
    reads_alike<T>("begin, row-major", [=](const auto& x) {
        return polynomial(x.template begin<row_major>(), x.template end<row_major>());
    });
    reads_alike<T>("begin, column-major", [=](const auto& x) {
        return polynomial(x.template begin<column_major>(), x.template end<column_major>());
    });
    reads_alike<T>("rbegin", [=](const auto& x) {
        return polynomial(x.template rbegin<row_major>(), x.template rend<row_major>());
    });
    reads_alike<T>("rbegin, column-major", [=](const auto& x) {
        return polynomial(x.template rbegin<column_major>(), x.template rend<column_major>());
    });
    reads_alike<T>("begin, broadcast", [=](const auto& x) {
        std::vector<std::size_t> shape = {2};
        shape.insert(shape.end(), x.shape().begin(), x.shape().end());
        return polynomial(x.begin(shape), x.end(shape));
    });
    reads_alike<T>("random access", [](const auto& x) {
        const auto count = static_cast<std::ptrdiff_t>(x.size());
        return count == 0 ? 0.0
                          : static_cast<double>(*(x.begin() + count / 2)) + 10.0 * static_cast<double>(*(x.end() - 1));
    });
    reads_alike<T>("element and flat", [](const auto& x) {
        double value = 0;
        const std::vector<std::size_t> zeros(x.dimension(), 0);
        if (x.size() != 0) {
            value = static_cast<double>(x.element(zeros.begin(), zeros.end())) + static_cast<double>(x[zeros]) +
                    static_cast<double>(x.flat(x.size() - 1));
        }
        return value;
    });
    reads_alike<T>("by axis", [](const auto& x) {
        array sums = xt::xarray<T>::from_shape({0});
        if (x.dimension() > 1 && x.size() != 0) {
            std::vector<T> collected;
            for (auto slice = xt::axis_begin(x, 0); slice != xt::axis_end(x, 0); ++slice) {
                collected.push_back(static_cast<T>(xt::sum(*slice)()));
            }
            sums = xt::adapt(collected, {collected.size()});
        }
        return sums;
    });
    reads_alike<T>(
        "by slice",
        [](const auto& x) {
            double value = 0;
            if (x.dimension() > 1 && x.size() != 0) {
                for (auto slice = xt::axis_slice_begin(x, 1); slice != xt::axis_slice_end(x, 1); ++slice) {
                    value = value * 1.5 + static_cast<double>(xt::sum(*slice)());
                }
            }
            return value;
        },
        over::contiguous);
    reads_alike<T>("printed", [](const auto& x) {
        std::ostringstream text;
        text << x;
        return static_cast<double>(std::hash<std::string>()(text.str()) % 1000003);
    });
    reads_alike<T>("dumped as CSV", [](const auto& x) {
        std::ostringstream text;
        if (x.dimension() == 2) {
            xt::dump_csv(text, x);
        }
        return static_cast<double>(std::hash<std::string>()(text.str()) % 1000003);
    });
    reads_alike<T>("compared with itself", [](const auto& x) {
        return x == evaluated_as<T>(x) && !(x != evaluated_as<T>(x)) && xt::allclose(x, x);
    });
    reads_alike<T>(
        "sampled",
        [](const auto& x) {
            xt::random::default_engine_type engine(3);
            return x.dimension() != 1 || x.size() == 0
                       ? array()
                       : evaluated_as<T>(xt::random::choice(x, std::size_t(5), true, engine));
        },
        over::contiguous);
}

}  // namespace

void register_manipulation() {
    register_slices<float>();
    register_slices<std::int64_t>();
    register_rearrangement<float>();
    register_rearrangement<std::int32_t>();
    register_iteration<float>();
    register_iteration<std::int32_t>();
}

}  // namespace differential
