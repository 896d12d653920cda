// One accumulator keeps a processor waiting for each addition and loses digits in long sums. This file adds up runs of
// elements in several accumulators, and blocks of them one above the other.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/reduction.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace xtt::detail {

// Results that are added up thirty-two at a time, those sums thirty-two at a time, and so on, so that a long sum has
// the rounding errors of a short one. Each result is a row of `width` values, side by side.
template <class Reduction>
class cascade {
    using R = typename Reduction::result_type;
    static constexpr std::size_t levels = 5;

public:
    static constexpr std::size_t steps = 32;

    cascade(const Reduction& reduction, R* rows, std::ptrdiff_t width)
        : m_reduction(reduction), m_rows(rows), m_width(width) {
        clear(0);
    }

    static constexpr std::size_t values(std::ptrdiff_t width) { return levels * static_cast<std::size_t>(width); }

    // How many more results the lowest row, which is being added up now, takes.
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

// How many elements are added up side by side. Of double, half of them are too few to hide how long the conversions of
// a norm of floats take, and GCC compares them one by one. Thirty-two bytes would fill one register alone.
template <class R>
inline constexpr std::ptrdiff_t lane_count = std::is_floating_point_v<R> ? 32
                                             : sizeof(R) == 1            ? 128
                                                              : std::clamp<std::ptrdiff_t>(128 / sizeof(R), 4, 32);

// Whether numbers may be compared without a thought of NaN, and again with it where there is one: nothing changes where
// an element takes part twice.
template <class Reduction, class Kernel>
inline constexpr bool compares_numbers =
    requires(typename Reduction::result_type r) { Reduction::reduce_type::of_numbers(r, r); } &&
    std::is_floating_point_v<typename Reduction::result_type> &&
    std::is_same_v<typename Reduction::result_type, typename Kernel::value_type>;

// Of an element's size, so that a vector of elements has a vector of flags.
template <class R>
using nan_flag = std::conditional_t<sizeof(R) == sizeof(int), int, std::int64_t>;

// The elements [first, last), fewer than there are lanes, to one lane each.
template <class Reduction, class Kernel, class In>
XTENSOR_TORCH_ALWAYS_INLINE inline void add_to_lanes(const Reduction& reduction, const Kernel& kernel,
                                                     typename Reduction::result_type* sums, const In& in,
                                                     std::ptrdiff_t first, std::ptrdiff_t last) {
    const auto there = advanced(in, first);
    constexpr std::ptrdiff_t count = lane_count<typename Reduction::result_type>;
    const auto add = [&](const auto& stages) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
        XTENSOR_TORCH_NO_UNROLLING
        for (std::ptrdiff_t i = 0; i < last - first; ++i) {
            sums[i] = reduction.added(sums[i], stages.template element<0>(there, i));
        }
    };
    if constexpr (has_stages<Kernel>) {
        if (last - first >= count / 4) {
            add(kernel_in_stages<count>(kernel, there, last - first));
            return;
        }
    }
    add(kernel);
}

// Elements, one lane after the other. The sums should be an array that nothing else refers to: it lies in registers.
template <class Reduction, class Kernel, class In>
XTENSOR_TORCH_ALWAYS_INLINE inline void add_lanes(const Reduction& reduction, const Kernel& kernel,
                                                  typename Reduction::result_type* sums, const In& in,
                                                  std::ptrdiff_t first, std::ptrdiff_t size) {
    using R = typename Reduction::result_type;
    constexpr std::ptrdiff_t count = lane_count<R>;
    const std::ptrdiff_t last = first + size;
    std::ptrdiff_t i = first;
    const auto add = [&](const auto& added) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
        XTENSOR_TORCH_NO_UNROLLING
        for (i = first; i + count <= last; i += count) {
            const auto there = advanced(in, i);
            const auto& stages = kernel_in_stages<count>(kernel, there);
            for (std::ptrdiff_t lane = 0; lane < count; ++lane) {
                sums[lane] = added(sums[lane], stages.template element<0>(there, lane), lane);
            }
        }
    };
    bool done = false;
    if constexpr (compares_numbers<Reduction, Kernel>) {
        // For fewer elements it would take as long to ask the flags.
        if (size >= 8 * count) {
            nan_flag<R> flags[count]{};
            add([&](const R& sum, const R& element, std::ptrdiff_t lane) {
                flags[lane] |= is_nan(element) ? 1 : 0;
                return Reduction::reduce_type::of_numbers(sum, element);
            });
            nan_flag<R> any = 0;
            for (std::ptrdiff_t lane = 0; lane < count; ++lane) {
                any |= flags[lane];
            }
            done = any == 0;
        }
    }
    if (!done) {
        add([&](const R& sum, const auto& element, std::ptrdiff_t) { return reduction.added(sum, element); });
    }
    add_to_lanes(reduction, kernel, sums, in, i, last);
}

// The result of so many lanes. Every half of them has a loop of its own, whose length compilers know, and `add` may add
// as many elements to it.
template <std::ptrdiff_t Lanes, class Reduction, class R, class Add>
XTENSOR_TORCH_ALWAYS_INLINE inline R merge_lanes(const Reduction& reduction, const R* lanes, Add& add) {
    if constexpr (Lanes == 1) {
        return lanes[0];
    } else {
        constexpr std::ptrdiff_t half = Lanes / 2;
        R merged[half];
        XTENSOR_TORCH_NO_UNROLLING
        for (std::ptrdiff_t lane = 0; lane < half; ++lane) {
            merged[lane] = reduction.merged(lanes[lane], lanes[lane + half]);
        }
        add(merged, std::integral_constant<std::ptrdiff_t, half>());
        return merge_lanes<half>(reduction, merged, add);
    }
}

template <std::ptrdiff_t Lanes, class Reduction, class R>
XTENSOR_TORCH_ALWAYS_INLINE inline R merge_lanes(const Reduction& reduction, const R* lanes) {
    const auto add_nothing = [](R*, auto) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {};
    return merge_lanes<Lanes>(reduction, lanes, add_nothing);
}

// The same with the elements [first, last), fewer than there are lanes, which stay in registers so.
template <std::ptrdiff_t Lanes, class Reduction, class R, class Kernel, class In>
XTENSOR_TORCH_ALWAYS_INLINE inline R merge_lanes(const Reduction& reduction, const R* lanes, const Kernel& kernel,
                                                 const In& in, std::ptrdiff_t first, std::ptrdiff_t last) {
    auto add = [&]<std::ptrdiff_t Half>(
                   R* merged, std::integral_constant<std::ptrdiff_t, Half>) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
        if (last - first >= Half) {
            const auto there = advanced(in, first);
            const auto add_all = [&](const auto& stages) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                XTENSOR_TORCH_NO_UNROLLING
                for (std::ptrdiff_t lane = 0; lane < Half; ++lane) {
                    merged[lane] = reduction.added(merged[lane], stages.template element<0>(there, lane));
                }
            };
            if constexpr (Half >= 4) {
                add_all(kernel_in_stages<Half>(kernel, there));
            } else {
                add_all(kernel);
            }
            first += Half;
        }
    };
    return merge_lanes<Lanes>(reduction, lanes, add);
}

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

// Rows of elements, added to a row of results.
template <class Reduction, class Kernel, class... In>
XTENSOR_TORCH_ALWAYS_INLINE inline void add_rows(const Reduction& reduction, const Kernel& kernel,
                                                 typename Reduction::result_type* sums, std::ptrdiff_t columns,
                                                 const In&... in) {
    using R = typename Reduction::result_type;
    std::ptrdiff_t first = 0;
    if constexpr (has_stages<Kernel>) {
        constexpr std::ptrdiff_t block = lane_count<R>;
        for (; first + block <= columns; first += block) {
            const auto add = [&](const auto& row) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                const auto there = advanced(row, first);
                const auto stages = kernel_in_stages<block>(kernel, there);
                for (std::ptrdiff_t i = 0; i < block; ++i) {
                    sums[first + i] = reduction.added(sums[first + i], stages.template element<0>(there, i));
                }
            };
            (add(in), ...);
        }
    } else if constexpr (compares_numbers<Reduction, Kernel>) {
        nan_flag<R> any = 0;
        XTENSOR_TORCH_INDEPENDENT_ITERATIONS
        for (std::ptrdiff_t i = 0; i < columns; ++i) {
            R sum = sums[i];
            const auto compare = [&](const R& element) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                sum = Reduction::reduce_type::of_numbers(sum, element);
                any |= is_nan(element) ? 1 : 0;
            };
            (compare(kernel.template element<0>(in, i)), ...);
            sums[i] = sum;
        }
        if (any == 0) {
            return;
        }
    }
    XTENSOR_TORCH_INDEPENDENT_ITERATIONS
    for (std::ptrdiff_t i = first; i < columns; ++i) {
        R sum = sums[i];
        ((sum = reduction.added(sum, kernel.template element<0>(in, i))), ...);
        sums[i] = sum;
    }
}

XTENSOR_TORCH_VECTOR_LOOPS_END

}  // namespace xtt::detail
