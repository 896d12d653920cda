// Along which dimension a reduction runs fastest depends on how its operands lie in memory. This file sorts the
// dimensions by that, and adds up rows into lanes where the closest one is reduced, and rows onto each other where it
// is kept.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/converted_rows.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/loop_dimensions.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/reduction.hpp>
#include <xtensor-torch/evaluation/reduction_loops.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// How an operand is read along the innermost dimension.
enum class along_row : unsigned char { in_place, uniform, stepped };

template <along_row Access, class V>
auto read_along(const V* address, [[maybe_unused]] std::ptrdiff_t step) {
    if constexpr (Access == along_row::in_place) {
        return address;
    } else if constexpr (Access == along_row::uniform) {
        return uniform<V>{*address};
    } else {
        return stepped<V>{address, step};
    }
}

template <class Reduction, class Kernel, class Out, class Pointers>
class reduction_nest;

/// Loops that reduce a kernel's values, and convert the results to Out. Operand number 0 of the dimensions is the
/// result, which does not move along the dimensions that are reduced.
template <class Reduction, class Kernel, class Out, class... V>
class reduction_nest<Reduction, Kernel, Out, std::tuple<const V*...>> {
    using R = typename Reduction::result_type;
    static constexpr std::size_t count = 1 + sizeof...(V);
    using pointers = std::tuple<const V*...>;
    using dimension = loop_dimension<count>;
    using dimensions = loop_dimensions<count>;

    // The results of a row that are added up together, with all levels of their cascade in the nearest cache.
    static constexpr std::ptrdiff_t widest = std::clamp<std::ptrdiff_t>(4096 / sizeof(R), 16, 1024);
    static constexpr std::ptrdiff_t lanes = lane_count<R>;

    // One row is added up in lanes from so many elements on.
    static constexpr std::ptrdiff_t shortest = 4;

public:
    /// Every result is written once. The dimensions need not be sorted.
    reduction_nest(const Reduction& reduction, const Kernel& kernel, Out* out, const pointers& in,
                   const dimensions& unsorted)
        : m_reduction(reduction), m_kernel(kernel), m_out(out), m_in(in), m_dimensions(unsorted) {
        point_forward();
        sort_and_merge(m_dimensions, [](const dimension& d) {
            std::ptrdiff_t sum = 0;
            for (std::size_t k = 1; k < count; ++k) {
                sum += std::abs(d.strides[k]);
            }
            return sum;
        });
        if (!m_dimensions.empty() && is_reduced(m_dimensions[0])) {
            m_row = m_dimensions[0];
        }
        for (const auto& d : m_dimensions) {
            (is_reduced(d) ? m_reduced : m_kept).push_back(d);
        }
    }

    /// Whether operands lie across each other, so that none of the loops would read whole cache lines of all of them.
    bool is_crossed() const {
        if (m_dimensions.empty() || sizeof...(V) < 2) {
            return false;
        }
        bool crossed = false;
        std::size_t uniforms = 0;
        for (std::size_t k = 1; k < count; ++k) {
            const auto stride = m_dimensions[0].strides[k];
            crossed |= stride != 0 && stride != 1;
            uniforms += stride == 0;
        }
        return crossed || (uniforms > 0 && sizeof...(V) > 2);
    }

    void run() { choose_access<>(); }

private:
    static bool is_reduced(const dimension& d) { return d.strides[0] == 0; }

    template <class Body>
    static void for_each_operand(const Body& body) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (body(std::integral_constant<std::size_t, I>()), ...);
        }(std::index_sequence_for<V...>());
    }

    // A dimension that all operands go through backwards is gone through from its other end.
    void point_forward() {
        for (auto& d : m_dimensions) {
            const auto backwards = [&](auto compare) {
                return std::any_of(d.strides.begin() + 1, d.strides.end(), compare);
            };
            if (backwards([](auto stride) { return stride < 0; }) &&
                !backwards([](auto stride) { return stride > 0; })) {
                m_out += (d.size - 1) * d.strides[0];
                for_each_operand([&](auto i) { std::get<i>(m_in) += (d.size - 1) * d.strides[i + 1]; });
                std::transform(d.strides.begin(), d.strides.end(), d.strides.begin(), std::negate<>());
            }
        }
    }

    // Compiles the loops for the ways in which the operands are read along the innermost dimension.
    template <along_row... Access>
    void choose_access() {
        constexpr std::size_t next = sizeof...(Access);
        if constexpr (next == sizeof...(V)) {
            if (m_dimensions.empty() || !is_reduced(m_dimensions[0])) {
                reduce_columns<Access...>();
            } else {
                reduce_rows<Access...>();
            }
        } else {
            const auto stride = m_dimensions.empty() ? std::ptrdiff_t{1} : m_dimensions[0].strides[next + 1];
            if (stride == 1) {
                choose_access<Access..., along_row::in_place>();
            } else if constexpr (sizeof...(V) == 1) {
                choose_access<Access..., along_row::stepped>();
            } else if constexpr (sizeof...(V) == 2) {
                choose_access<Access..., along_row::uniform>();
            }
        }
    }

    template <along_row... Access>
    auto row_at(const pointers& in) const {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple(read_along<Access>(
                std::get<I>(in), m_dimensions.empty() ? std::ptrdiff_t{1} : m_dimensions[0].strides[I + 1])...);
        }(std::index_sequence_for<V...>());
    }

    static pointers moved(pointers in, const dimension& d, std::ptrdiff_t steps) {
        for_each_operand([&](auto i) { std::get<i>(in) += steps * d.strides[i + 1]; });
        return in;
    }

    static std::ptrdiff_t size_of(const dimensions& some) {
        std::ptrdiff_t size = 1;
        for (const auto& d : some) {
            size *= d.size;
        }
        return size;
    }

    // Where number `number` of the positions along some dimensions lies.
    XTENSOR_TORCH_ALWAYS_INLINE static std::pair<std::ptrdiff_t, pointers> position(const dimensions& some,
                                                                                    std::ptrdiff_t number,
                                                                                    pointers in) {
        std::ptrdiff_t out = 0;
        for (std::size_t k = 0; k < some.size(); ++k) {
            const auto& d = some[k];
            // A division takes as long as a hundred additions.
            const bool last = k + 1 == some.size();
            const std::ptrdiff_t steps = last ? number : number % d.size;
            out += steps * d.strides[0];
            in = moved(in, d, steps);
            number = last ? 0 : number / d.size;
        }
        return {out, in};
    }

    // ---- along rows ----

    template <along_row... Access>
    void reduce_rows() {
        m_reduced.erase(m_reduced.begin());
        const std::ptrdiff_t results = size_of(m_kept);
        const std::ptrdiff_t rows = size_of(m_reduced);
        if (results > 1) {
            parallel_for(results, std::max<std::ptrdiff_t>(1, grain / (rows * m_row.size)),
                         [&](std::ptrdiff_t first, std::ptrdiff_t last) {
                             run_in_vectors<results_loop<Access...>>(this, rows, first, last);
                         });
            return;
        }
        // One result: shares that do not depend on the number of threads, and neither does the result.
        const std::ptrdiff_t length = std::min(m_row.size, grain);
        const std::ptrdiff_t pieces = (m_row.size + length - 1) / length;
        const std::ptrdiff_t rows_each = std::max<std::ptrdiff_t>(1, grain / m_row.size);
        const std::ptrdiff_t shares = pieces * ((rows + rows_each - 1) / rows_each);
        if (shares == 1) {
            R result = m_reduction.neutral;
            run_in_vectors<share_loop<Access...>>(this, &result, std::ptrdiff_t{0}, rows, std::ptrdiff_t{0},
                                                  m_row.size);
            *m_out = element_cast<Out>(result);
            return;
        }
        const auto results_of_shares = std::make_unique_for_overwrite<R[]>(static_cast<std::size_t>(shares));
        parallel_for(shares, 1, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
            for (; first < last; ++first) {
                const std::ptrdiff_t row = first / pieces * rows_each;
                const std::ptrdiff_t column = first % pieces * length;
                run_in_vectors<share_loop<Access...>>(this, &results_of_shares[static_cast<std::size_t>(first)], row,
                                                      std::min(rows, row + rows_each), column,
                                                      std::min(m_row.size, column + length) - column);
            }
        });
        std::array<R, cascade<Reduction>::values(1)> sums;
        cascade<Reduction> sum(m_reduction, sums.data(), 1);
        for (std::ptrdiff_t share = 0; share < shares; ++share) {
            sums[0] = m_reduction.merged(sums[0], results_of_shares[static_cast<std::size_t>(share)]);
            sum.added(1);
        }
        sum.finish();
        *m_out = element_cast<Out>(sums[0]);
    }

    // The results [first, last), each of the same number of rows.
    template <along_row... Access>
    struct results_loop {
        XTENSOR_TORCH_ALWAYS_INLINE static void run(const reduction_nest* nest, std::ptrdiff_t rows,
                                                    std::ptrdiff_t first, std::ptrdiff_t last) {
            for (; first < last; ++first) {
                const auto [out, in] = position(nest->m_kept, first, nest->m_in);
                nest->m_out[out] =
                    element_cast<Out>(nest->template reduce_some<Access...>(in, 0, rows, 0, nest->m_row.size));
            }
        }
    };

    // The elements [column, column + length) of some rows.
    template <along_row... Access>
    struct share_loop {
        XTENSOR_TORCH_ALWAYS_INLINE static void run(const reduction_nest* nest, R* out, std::ptrdiff_t first_row,
                                                    std::ptrdiff_t last_row, std::ptrdiff_t column,
                                                    std::ptrdiff_t length) {
            *out = nest->template reduce_some<Access...>(nest->m_in, first_row, last_row, column, length);
        }
    };

    template <along_row... Access>
    XTENSOR_TORCH_ALWAYS_INLINE R reduce_some(const pointers& in, std::ptrdiff_t first_row, std::ptrdiff_t last_row,
                                              std::ptrdiff_t column, std::ptrdiff_t length) const {
        constexpr auto enough = static_cast<std::ptrdiff_t>(cascade<Reduction>::steps) * lanes;
        static_assert(!reads_in_floats<Kernel> || (enough <= longest_converted && longest_converted % lanes == 0));
        const bool is_short = last_row - first_row == 1 && length <= enough;
        if constexpr (((Access != along_row::stepped) && ...)) {
            if (is_short && length >= shortest) {
                R result = m_reduction.neutral;
                in_converted_parts<Kernel>(
                    row_at<Access...>(position(m_reduced, first_row, in).second), column, length,
                    [&](const auto& elements, std::ptrdiff_t first, std::ptrdiff_t size)
                        XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA { result = reduce_row(elements, first, size); });
                return result;
            }
        }
        if ((last_row - first_row) * length < 2 * lanes) {
            R sum = m_reduction.neutral;
            for (std::ptrdiff_t row = first_row; row < last_row; ++row) {
                const auto elements = row_at<Access...>(position(m_reduced, row, in).second);
                for (std::ptrdiff_t i = 0; i < length; ++i) {
                    sum = m_reduction.added(sum, m_kernel.template element<0>(elements, column + i));
                }
            }
            return sum;
        }
        if (!Reduction::rounds || is_short) {
            R sums[lanes];
            std::fill_n(sums, lanes, m_reduction.neutral);
            for (std::ptrdiff_t row = first_row; row < last_row; ++row) {
                add_converted(sums, row_at<Access...>(position(m_reduced, row, in).second), column, length);
            }
            return merge_lanes<lanes>(m_reduction, sums);
        }
        R levels[cascade<Reduction>::values(lanes)];
        cascade<Reduction> sum(m_reduction, levels, lanes);
        for (std::ptrdiff_t row = first_row; row < last_row; ++row) {
            const auto elements = row_at<Access...>(position(m_reduced, row, in).second);
            for (std::ptrdiff_t i = 0; i < length;) {
                const std::ptrdiff_t size = std::min(length - i, sum.space() * lanes);
                R sums[lanes];
                std::copy_n(levels, lanes, sums);
                add_converted(sums, elements, column + i, size);
                std::copy_n(sums, lanes, levels);
                sum.added((size + lanes - 1) / lanes);
                i += size;
            }
        }
        sum.finish();
        return merge_lanes<lanes>(m_reduction, levels);
    }

    template <class Elements>
    XTENSOR_TORCH_ALWAYS_INLINE void add_converted(R* sums, const Elements& row, std::ptrdiff_t first,
                                                   std::ptrdiff_t size) const {
        in_converted_parts<Kernel>(row, first, size,
                                   [&](const auto& elements, std::ptrdiff_t start, std::ptrdiff_t length)
                                       XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                                           add_lanes(m_reduction, m_kernel, sums, elements, start, length);
                                       });
    }

    // Some elements of one row.
    template <class Elements>
    XTENSOR_TORCH_ALWAYS_INLINE R reduce_row(const Elements& elements, std::ptrdiff_t first,
                                             std::ptrdiff_t size) const {
        // Of the other lanes nothing would come but the time to merge them.
        constexpr std::ptrdiff_t few = lanes / 4;
        if (size < few) {
            R sums[few];
            std::fill_n(sums, few, m_reduction.neutral);
            return merge_lanes<few>(m_reduction, sums, m_kernel, elements, first, first + size);
        }
        const std::ptrdiff_t rest = size % lanes;
        R sums[lanes];
        std::fill_n(sums, lanes, m_reduction.neutral);
        add_lanes(m_reduction, m_kernel, sums, elements, first, size - rest);
        return merge_lanes<lanes>(m_reduction, sums, m_kernel, elements, first + size - rest, first + size);
    }

    // ---- along columns ----

    template <along_row... Access>
    void reduce_columns() {
        const dimension columns = m_kept.empty() ? dimension{} : m_kept[0];
        if (!m_kept.empty()) {
            m_kept.erase(m_kept.begin());
        }
        dimension rows;
        if (!m_reduced.empty()) {
            rows = m_reduced[0];
            m_reduced.erase(m_reduced.begin());
        }
        const std::ptrdiff_t chunks = (columns.size + widest - 1) / widest;
        const std::ptrdiff_t tasks = chunks * size_of(m_kept);
        const std::ptrdiff_t work = std::min(columns.size, widest) * rows.size * size_of(m_reduced);
        parallel_for(tasks, std::max<std::ptrdiff_t>(1, grain / work), [&](std::ptrdiff_t first, std::ptrdiff_t last) {
            const auto sums =
                std::make_unique_for_overwrite<R[]>(cascade<Reduction>::values(std::min(columns.size, widest)));
            for (; first < last; ++first) {
                const std::ptrdiff_t column = first % chunks * widest;
                const auto [out, in] = position(m_kept, first / chunks, moved(m_in, columns, column));
                run_in_vectors<chunk_loop<Access...>>(this, m_out + out + column * columns.strides[0],
                                                      columns.strides[0], in, rows,
                                                      std::min(widest, columns.size - column), sums.get());
            }
        });
    }

    template <class... Row>
    XTENSOR_TORCH_ALWAYS_INLINE void add_converted_rows(R* sums, std::ptrdiff_t columns, const Row&... rows) const {
        if constexpr (reads_in_floats<Kernel> && (converted_row<Row>::converts || ...)) {
            if (columns >= worth_converting) {
                std::tuple<converted_row<Row>...> parts;
                std::apply(
                    [&](auto&... part) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                        add_rows(m_reduction, m_kernel, sums, columns, part.read(rows, 0, columns)...);
                    },
                    parts);
                return;
            }
        }
        add_rows(m_reduction, m_kernel, sums, columns, rows...);
    }

    // Some neighbouring results.
    template <along_row... Access>
    struct chunk_loop {
        XTENSOR_TORCH_ALWAYS_INLINE static void run(const reduction_nest* nest, Out* out, std::ptrdiff_t out_step,
                                                    const pointers& in, const dimension& rows, std::ptrdiff_t columns,
                                                    R* sums) {
            cascade<Reduction> sum(nest->m_reduction, sums, columns);
            const std::ptrdiff_t outer = size_of(nest->m_reduced);
            for (std::ptrdiff_t number = 0; number < outer; ++number) {
                const pointers top = position(nest->m_reduced, number, in).second;
                const auto at = [&](std::ptrdiff_t row) {
                    return nest->template row_at<Access...>(moved(top, rows, row));
                };
                std::ptrdiff_t row = 0;
                while (row < rows.size) {
                    const std::ptrdiff_t end = row + std::min(rows.size - row, sum.space());
                    const std::ptrdiff_t added = end - row;
                    for (; row + 4 <= end; row += 4) {
                        nest->add_converted_rows(sums, columns, at(row), at(row + 1), at(row + 2), at(row + 3));
                    }
                    for (; row < end; ++row) {
                        nest->add_converted_rows(sums, columns, at(row));
                    }
                    sum.added(added);
                }
            }
            sum.finish();
            for (std::ptrdiff_t i = 0; i < columns; ++i) {
                out[i * out_step] = element_cast<Out>(sums[i]);
            }
        }
    };

    const Reduction& m_reduction;
    Kernel m_kernel;
    Out* m_out;
    pointers m_in;
    dimensions m_dimensions;
    dimension m_row;
    dimensions m_reduced;
    dimensions m_kept;
};

}  // namespace xtt::detail
