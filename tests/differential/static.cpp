// Views whose rank, and perhaps layout, is in the type, against containers of that rank and layout.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"
#include "differential/headers.hpp"

namespace differential {

namespace {

template <class T, xt::layout_type L>
void register_matrices() {
    const auto reads = [](const std::string& name, auto function) { reads_alike_at_rank<T, 2, L>(name, function); };
    reads("x * x + x", [](const auto& x) { return evaluated(x * x + x); });
    reads("x + row", [](const auto& x) { return evaluated(x + xt::row(x, 0)); });
    reads("x + transpose(x)", [](const auto& x) {
        return x.shape(0) != x.shape(1) ? xt::xarray<T>() : evaluated_as<T>(x + xt::transpose(x));
    });
    reads("sum(x, {0})", [](const auto& x) { return evaluated(xt::sum(x, {0})); });
    reads("sum(x, {1}), immediate", [](const auto& x) { return xt::sum(x, {1}, xt::evaluation_strategy::immediate); });
    reads("variance(x, {1})", [](const auto& x) { return evaluated(xt::variance(x, {1})); });
    reads("amax(x)", [](const auto& x) { return evaluated(xt::amax(x)); });
    reads("cumsum(x, 0)", [](const auto& x) { return xt::cumsum(x, 0); });
    reads("view", [](const auto& x) { return evaluated(xt::view(x, xt::all(), x.shape(1) - 1)); });
    reads("strided_view", [](const auto& x) {
        return evaluated_as<T>(xt::strided_view(x, {xt::ellipsis(), xt::range(0, xt::placeholders::_, 2)}));
    });
    reads("flatten", [](const auto& x) { return evaluated_as<T>(xt::flatten(x)); });
    reads("stack", [](const auto& x) { return evaluated(xt::stack(xt::xtuple(x, x))); });
    reads("sort(x, none)", [](const auto& x) { return evaluated_as<T>(xt::sort(x, xt::xnone())); });
    reads("argmin(x, 0)", [](const auto& x) { return evaluated_as<std::size_t>(xt::argmin(x, 0)); });
    reads("rbegin", [](const auto& x) { return std::vector<T>(x.rbegin(), x.rend()); });
    reads("column-major", [](const auto& x) {
        return std::vector<T>(x.template begin<xt::layout_type::column_major>(),
                              x.template end<xt::layout_type::column_major>());
    });
    reads("printed", [](const auto& x) {
        std::ostringstream text;
        text << x;
        return static_cast<double>(std::hash<std::string>()(text.str()) % 1000003);
    });
    if constexpr (L != xt::layout_type::dynamic) {
        reads("sort(x, 0)", [](const auto& x) { return xt::sort(x, 0); });
        reads("argsort(x, 1)", [](const auto& x) { return xt::argsort(x, 1); });
    }
}

template <class T, xt::layout_type L>
void register_matrices_written() {
    const auto writes = [](const std::string& name, auto function) { writes_alike_at_rank<T, 2, L>(name, function); };
    writes("x = x + x", [](auto& x) { x = x + x; });
    writes("x *= row", [](auto& x) {
        if (x.shape(0) > 0) {
            x *= xt::xtensor<T, 1>(xt::row(x, 0));
        }
    });
    writes("x = transpose(x)", [](auto& x) {
        if (x.shape(0) == x.shape(1)) {
            x = xt::transpose(x);
        }
    });
    writes("x *= 2", [](auto& x) { x *= T(2); });
    writes("x.fill", [](auto& x) { x.fill(T(3)); });
    writes("noalias(x) = y", [](auto& x) { xt::noalias(x) = evaluated(xt::cast<T>(x + T(1))); });
    writes("column = value", [](auto& x) {
        if (x.shape(1) > 0) {
            xt::col(x, 0) = T(4);
        }
    });
    writes("view(x) += view(x)", [](auto& x) {
        if (x.shape(0) > 1) {
            xt::view(x, xt::range(1, xt::placeholders::_)) += xt::view(x, xt::range(0, x.shape(0) - 1));
        }
    });
    writes("by iterator", [](auto& x) {
        T value = T(0);
        for (auto& element : x) {
            element = value;
            value = value + T(1);
        }
    });
}

}  // namespace

void register_static() {
    using enum xt::layout_type;
    register_matrices<float, dynamic>();
    register_matrices<float, row_major>();
    register_matrices<float, column_major>();
    register_matrices<std::int64_t, row_major>();
    register_matrices_written<float, dynamic>();
    register_matrices_written<float, row_major>();
    register_matrices_written<float, column_major>();
    register_matrices_written<std::int64_t, row_major>();
}

}  // namespace differential
