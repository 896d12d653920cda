// Writes of every element type, through the view and through views over it, against the whole storage.
#include "differential/compare.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

template <class T>
void register_written() {
    writes_alike<T>("x = flip(x)", [](auto& x) {
        if (x.dimension() > 0) {
            x = xt::flip(x, 0);
        }
    });
    writes_alike<T>("x = x + y", [](auto& x) { x = x + xt::xarray<T>(x); });
    writes_alike<T>("x = converted", [](auto& x) { x = xt::cast<T>(xt::xarray<double>(xt::ones<double>(x.shape()))); });
    writes_alike<T>("x += value", [](auto& x) { x += T(1); });
    writes_alike<T>("x.fill", [](auto& x) { x.fill(T(1)); });
    writes_alike<T>("view(x) = view(x)", [](auto& x) {
        if (x.dimension() > 0 && x.shape()[0] > 1) {
            xt::view(x, xt::range(1, xt::placeholders::_)) = xt::view(x, xt::range(0, x.shape()[0] - 1));
        }
    });
    writes_alike<T>("strided_view(x) = value", [](auto& x) {
        if (x.dimension() > 1) {
            xt::strided_view(x, {xt::ellipsis(), xt::range(0, xt::placeholders::_, 2)}) = T(1);
        }
    });
    writes_alike<T>("filter(x) = value", [](auto& x) { xt::filter(x, xt::equal(x, T(0))) = T(1); });
    writes_alike<T>("std::reverse", [](auto& x) { std::reverse(x.begin(), x.end()); });
}

template <class... T>
void register_all() {
    (register_written<T>(), ...);
}

}  // namespace

void register_types_written() {
    register_all<std::int16_t, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, c10::Half, c10::Float8_e4m3fn,
                 std::complex<float>, c10::complex<double>>();
}

}  // namespace differential
