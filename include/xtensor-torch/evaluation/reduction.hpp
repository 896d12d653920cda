// xtensor reduces one element after another into one accumulator, which keeps a processor waiting for each addition and
// loses digits in long sums. This file says which functors may be called in another order, and adds up runs of elements
// in several accumulators, and blocks of them one above the other.
#pragma once

#include <xtensor-torch/evaluation/purity.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace xtt::detail {

// Functors of the libraries whose result does not depend on the order, but for rounding. Any other keeps xtensor's.
template <class F>
consteval bool is_associative() {
    constexpr std::string_view names[] = {"xt::detail::plus",
                                          "xt::detail::multiplies",
                                          "xt::detail::nan_plus",
                                          "xt::detail::nan_multiplies",
                                          "xt::detail::nan_min",
                                          "xt::detail::nan_max",
                                          "xt::detail::logical_or",
                                          "xt::detail::logical_and",
                                          "xt::detail::bitwise_or",
                                          "xt::detail::bitwise_and",
                                          "xt::detail::bitwise_xor",
                                          "xt::math::minimum",
                                          "xt::math::maximum",
                                          "std::plus<",
                                          "std::multiplies<",
                                          "std::logical_or<",
                                          "std::logical_and<",
                                          "std::bit_or<",
                                          "std::bit_and<",
                                          "std::bit_xor<",
                                          "xt::norm_",
                                          "xt::count_nonzero<",
                                          "xt::minmax<"};
    constexpr std::string_view name = compiler_name<F>();
    // Clang names a lambda by the place where it stands.
    constexpr bool norm =
        name.starts_with("(lambda at ") && name.find("xtensor/") != std::string_view::npos &&
        (name.find("xnorm.hpp:") != std::string_view::npos || name.find("xmath.hpp:") != std::string_view::npos);
    return norm || std::any_of(std::begin(names), std::end(names),
                               [&](std::string_view functor) { return name.starts_with(functor); });
}

// std::isnan knows no Half; a NaN alone differs from its copy.
template <class V>
bool is_nan(const V& value) {
    const V copy = value;
    return value != copy;
}

// The greatest and the least, of which one NaN makes a NaN, as in NumPy and LibTorch, wherever it stands.
struct greatest {
    template <class R, class V>
    R operator()(const R& r, const V& v) const {
        return v > r || is_nan(v) ? static_cast<R>(v) : r;
    }
};

struct least {
    template <class R, class V>
    R operator()(const R& r, const V& v) const {
        return v < r || is_nan(v) ? static_cast<R>(v) : r;
    }
};

template <class F>
inline constexpr bool is_greatest = compiler_name<F>().starts_with("xt::math::maximum");
template <class F>
inline constexpr bool is_least = compiler_name<F>().starts_with("xt::math::minimum");

template <class F>
auto propagating_nan(const F& function) {
    if constexpr (is_greatest<F>) {
        return greatest();
    } else if constexpr (is_least<F>) {
        return least();
    } else {
        return function;
    }
}

/// How elements become a result of type R: each is added to `neutral`, or to what was added before.
template <class R, class Reduce, class Merge>
struct reduction {
    using result_type = R;
    [[no_unique_address]] Reduce reduce;
    [[no_unique_address]] Merge merge;
    R neutral;

    template <class V>
    R added(const R& result, const V& element) const {
        return static_cast<R>(reduce(result, element));
    }

    R merged(const R& result, const R& other) const { return static_cast<R>(merge(result, other)); }
};

// Results that are added up sixteen at a time, the sums of sixteen sixteen at a time, and so on, so that a long sum has
// the rounding errors of a short one. Each result is a row of `width` values, side by side.
template <class Reduction>
class cascade {
    using R = typename Reduction::result_type;
    static constexpr std::size_t steps = 16;
    static constexpr std::size_t levels = 5;

public:
    cascade(const Reduction& reduction, R* rows, std::ptrdiff_t width)
        : m_reduction(reduction), m_rows(rows), m_width(width) {
        clear(0);
    }

    static constexpr std::size_t values(std::ptrdiff_t width) { return levels * static_cast<std::size_t>(width); }

    // What is being added up now.
    R* lowest() const { return m_rows; }
    std::ptrdiff_t space() const { return static_cast<std::ptrdiff_t>(steps - m_filled[0]); }

    void added(std::ptrdiff_t count) {
        m_filled[0] += static_cast<std::size_t>(count);
        for (std::size_t level = 0; level + 1 < levels && m_filled[level] >= steps; ++level) {
            if (m_used == level + 1) {
                clear(m_used++);
            }
            merge_into(level + 1, level);
            clear(level);
            m_filled[level] = 0;
            ++m_filled[level + 1];
        }
    }

    // The sum of all, in the lowest row.
    void finish() {
        for (std::size_t level = m_used - 1; level > 0; --level) {
            merge_into(0, level);
        }
    }

private:
    void clear(std::size_t level) {
        std::fill_n(m_rows + static_cast<std::ptrdiff_t>(level) * m_width, m_width, m_reduction.neutral);
    }

    void merge_into(std::size_t to, std::size_t from) {
        R* const sums = m_rows + static_cast<std::ptrdiff_t>(to) * m_width;
        const R* const addends = m_rows + static_cast<std::ptrdiff_t>(from) * m_width;
        for (std::ptrdiff_t i = 0; i < m_width; ++i) {
            sums[i] = m_reduction.merged(sums[i], addends[i]);
        }
    }

    const Reduction& m_reduction;
    R* m_rows;
    std::ptrdiff_t m_width;
    std::array<std::size_t, levels> m_filled{};
    std::size_t m_used = 1;
};

template <class R>
inline constexpr std::ptrdiff_t lane_count = std::clamp<std::ptrdiff_t>(128 / sizeof(R), 4, 32);

// Rows of elements, one lane for each column.
template <class Reduction, class Kernel, class In>
void add_lanes(const Reduction& reduction, const Kernel& kernel, typename Reduction::result_type* lanes, const In& in,
               std::ptrdiff_t first, std::ptrdiff_t rows) {
    using R = typename Reduction::result_type;
    constexpr std::ptrdiff_t count = lane_count<R>;
    R sums[count];  // in registers: nothing else can write to them
    std::copy_n(lanes, count, sums);
    for (std::ptrdiff_t row = 0; row < rows; ++row, first += count) {
        for (std::ptrdiff_t lane = 0; lane < count; ++lane) {
            sums[lane] = reduction.added(sums[lane], kernel.template element<0>(in, first + lane));
        }
    }
    std::copy_n(sums, count, lanes);
}

// Rows of elements, added to a row of results.
template <class Reduction, class Kernel, class In>
void add_row(const Reduction& reduction, const Kernel& kernel, typename Reduction::result_type* sums, const In in,
             std::ptrdiff_t columns) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
    for (std::ptrdiff_t i = 0; i < columns; ++i) {
        sums[i] = reduction.added(sums[i], kernel.template element<0>(in, i));
    }
}

template <class Reduction, class Kernel, class In>
void add_four_rows(const Reduction& reduction, const Kernel& kernel, typename Reduction::result_type* sums,
                   const In in0, const In in1, const In in2, const In in3, std::ptrdiff_t columns) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
    for (std::ptrdiff_t i = 0; i < columns; ++i) {
        auto sum = reduction.added(sums[i], kernel.template element<0>(in0, i));
        sum = reduction.added(sum, kernel.template element<0>(in1, i));
        sum = reduction.added(sum, kernel.template element<0>(in2, i));
        sums[i] = reduction.added(sum, kernel.template element<0>(in3, i));
    }
}

}  // namespace xtt::detail
