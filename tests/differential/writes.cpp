// Assignments, through the view and through views over it, against the whole storage.
#include "differential/compare.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

// Values to write, of the target's shape.
template <class X>
auto ramp_like(const X& x) {
    using T = typename X::value_type;
    std::vector<std::size_t> shape(x.shape().begin(), x.shape().end());
    xt::xarray<T> ramp = xt::xarray<T>::from_shape(shape);
    int count = 0;
    for (auto& element : ramp) {
        element = xtt::detail::element_cast<T>(static_cast<float>(count++ % 11));
    }
    return ramp;
}

template <class T>
void register_assignments() {
    writes_alike<T>("x = y", [](auto& x) { x = ramp_like(x); });
    writes_alike<T>("x = x + y", [](auto& x) { x = x + ramp_like(x); });
    writes_alike<T>("x = value", [](auto& x) { x = xt::broadcast(xt::xscalar<T>(T(3)), x.shape()); });
    writes_alike<T>("x *= y", [](auto& x) { x *= ramp_like(x); });
    writes_alike<T>("x += value", [](auto& x) { x += T(2); });
    writes_alike<T>("x.fill", [](auto& x) { x.fill(T(1)); });
    writes_alike<T>("noalias(x) = y", [](auto& x) { xt::noalias(x) = ramp_like(x); });
    writes_alike<T>("noalias(x) += y", [](auto& x) { xt::noalias(x) += ramp_like(x); });
    writes_alike<T>("by iterator", [](auto& x) {
        T value = T(0);
        for (auto& element : x) {
            element = value;
            value = value + T(1);
        }
    });
    writes_alike<T>("by reverse iterator, column-major", [](auto& x) {
        T value = T(0);
        for (auto it = x.template rbegin<xt::layout_type::column_major>();
             it != x.template rend<xt::layout_type::column_major>(); ++it) {
            *it = value;
            value = value + T(1);
        }
    });
    writes_alike<T>("row broadcast", [](auto& x) {
        if (x.dimension() > 0) {
            const xt::xarray<T> row = xt::view(xt::xarray<T>(ramp_like(x)), xt::range(0, 1));
            if (row.size() != 0) {
                x += row;
            }
        }
    });
}

// What reads and writes one storage at once gives what evaluating first gives.
template <class T>
void register_overlap() {
    const auto square = [](const auto& x) {
        bool equal = x.dimension() > 0;
        for (const auto size : x.shape()) {
            equal = equal && size == x.shape()[0];
        }
        return equal;
    };
    writes_alike<T>("x = transpose(x)", [=](auto& x) {
        if (square(x)) {
            x = xt::transpose(x);
        }
    });
    writes_alike<T>("x += transpose(x)", [=](auto& x) {
        if (square(x)) {
            x += xt::transpose(x);
        }
    });
    writes_alike<T>("x = flip(x)", [](auto& x) {
        if (x.dimension() > 0) {
            x = xt::flip(x, 0);
        }
    });
    writes_alike<T>("x = roll(x)", [](auto& x) {
        if (x.dimension() > 0 && x.size() != 0) {
            x = xt::roll(x, 1, 0);
        }
    });
    writes_alike<T>("x -= first row", [](auto& x) {
        if (x.dimension() > 0 && x.shape()[0] > 0) {
            x -= xt::view(x, xt::range(0, 1));
        }
    });
    writes_alike<T>("x -= sum(x)", [](auto& x) {
        if (x.dimension() > 0) {
            x -= xt::sum<T>(x, std::vector<std::size_t>{0});
        }
    });
    writes_alike<T>("x = cumsum(x)", [](auto& x) {
        if (x.dimension() > 0) {
            x = xt::cumsum<T>(x, 0);
        }
    });
    writes_alike<T>("shifted within", [](auto& x) {
        if (x.dimension() > 0 && x.shape()[0] > 1) {
            xt::view(x, xt::range(1, xt::placeholders::_)) = xt::view(x, xt::range(0, x.shape()[0] - 1));
        }
    });
}

template <class T>
void register_parts() {
    writes_alike<T>("view(x) = value", [](auto& x) {
        if (x.dimension() > 0 && x.shape()[0] > 0) {
            xt::view(x, 0) = T(5);
        }
    });
    writes_alike<T>("view(x) += x", [](auto& x) {
        if (x.dimension() > 0) {
            xt::view(x, xt::range(0, xt::placeholders::_, 2)) += T(1);
        }
    });
    writes_alike<T>("strided_view(x) = value", [](auto& x) {
        if (x.dimension() > 1) {
            xt::strided_view(x, {xt::ellipsis(), xt::range(0, xt::placeholders::_, 2)}) = T(6);
        }
    });
    writes_alike<T>("transpose(x) = y", [](auto& x) {
        auto turned = xt::transpose(x);
        turned = ramp_like(turned);
    });
    writes_alike<T>("filter(x) = value", [](auto& x) { xt::filter(x, x > T(0)) = T(9); });
    writes_alike<T>("index_view(x) = value", [](auto& x) {
        if (x.size() != 0) {
            xt::index_view(x, std::vector<std::vector<std::size_t>>{std::vector<std::size_t>(x.dimension(), 0)}) = T(8);
        }
    });
    writes_alike<T>("masked_view(x) = value", [](auto& x) {
        xt::xarray<bool> mask = x > T(1);
        auto masked = xt::masked_view(x, mask);
        masked = T(4);
    });
    writes_alike<T>("by axis", [](auto& x) {
        if (x.dimension() > 1 && x.size() != 0) {
            for (auto slice = xt::axis_begin(x, 0); slice != xt::axis_end(x, 0); ++slice) {
                *slice += T(1);
            }
        }
    });
    // The iterators of xtensor 0.24 lose their place when they step back from the end of a strided expression.
    if constexpr (XTENSOR_VERSION_MAJOR > 0 || XTENSOR_VERSION_MINOR >= 25) {
        writes_alike<T>("std::sort", [](auto& x) { std::sort(x.begin(), x.end()); });
    }
    writes_alike<T>("std::reverse", [](auto& x) { std::reverse(x.begin(), x.end()); });
    writes_alike<T>("shuffle", [](auto& x) {
        xt::random::default_engine_type engine(5);
        if (x.dimension() == 1 && x.size() > 1) {
            xt::random::shuffle(x, engine);
        }
    });
}

}  // namespace

void register_writes() {
    register_assignments<float>();
    register_assignments<double>();
    register_assignments<std::int8_t>();
    register_assignments<std::int32_t>();
    register_assignments<std::int64_t>();
    register_assignments<std::uint8_t>();
    register_assignments<std::complex<float>>();
    register_assignments<c10::Half>();
    register_assignments<c10::BFloat16>();
    register_overlap<float>();
    register_overlap<std::int64_t>();
    register_parts<float>();
    register_parts<std::int32_t>();
}

}  // namespace differential
