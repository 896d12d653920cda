// A row of one result may be shorter than a register or as long as the memory. This file adds up rows where the
// innermost dimension is reduced: into lanes side by side, in shares that threads divide where there is one result.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/converted_rows.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/reduction_loops.hpp>
#include <xtensor-torch/evaluation/reduction_space.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

namespace xtt::detail {

/// Loops over a space whose innermost dimension is reduced.
template <class Space, along_row... Access>
class row_reduction {
    using Reduction = typename Space::reduction_type;
    using Kernel = typename Space::kernel_type;
    using Out = typename Space::out_type;
    using R = typename Space::result_type;
    using pointers = typename Space::pointers;

    static constexpr std::ptrdiff_t lanes = lane_count<R>;

    // One row is added up in lanes from so many elements on.
    static constexpr std::ptrdiff_t shortest = 4;

public:
    static void run(Space& space) {
        const std::ptrdiff_t columns = space.dimensions[0].size;
        space.reduced.erase(space.reduced.begin());
        const std::ptrdiff_t results = Space::size_of(space.kept);
        const std::ptrdiff_t rows = Space::size_of(space.reduced);
        if (results > 1) {
            parallel_for(results, std::max<std::ptrdiff_t>(1, grain / (rows * columns)),
                         [&](std::ptrdiff_t first, std::ptrdiff_t last) {
                             run_in_vectors<results_loop>(&space, rows, columns, first, last);
                         });
            return;
        }
        // One result: shares that do not depend on the number of threads, and neither does the result.
        const std::ptrdiff_t length = std::min(columns, grain);
        const std::ptrdiff_t pieces = (columns + length - 1) / length;
        const std::ptrdiff_t rows_each = std::max<std::ptrdiff_t>(1, grain / columns);
        const std::ptrdiff_t shares = pieces * ((rows + rows_each - 1) / rows_each);
        if (shares == 1) {
            R result = space.reduction.neutral;
            run_in_vectors<share_loop>(&space, &result, std::ptrdiff_t{0}, rows, std::ptrdiff_t{0}, columns);
            *space.out = element_cast<Out>(result);
            return;
        }
        const auto results_of_shares = std::make_unique_for_overwrite<R[]>(static_cast<std::size_t>(shares));
        parallel_for(shares, 1, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
            for (; first < last; ++first) {
                const std::ptrdiff_t row = first / pieces * rows_each;
                const std::ptrdiff_t column = first % pieces * length;
                run_in_vectors<share_loop>(&space, &results_of_shares[static_cast<std::size_t>(first)], row,
                                           std::min(rows, row + rows_each), column,
                                           std::min(columns, column + length) - column);
            }
        });
        std::array<R, cascade<Reduction>::values(1)> sums;
        cascade<Reduction> sum(space.reduction, sums.data(), 1);
        for (std::ptrdiff_t share = 0; share < shares; ++share) {
            sums[0] = space.reduction.merged(sums[0], results_of_shares[static_cast<std::size_t>(share)]);
            sum.added(1);
        }
        sum.finish();
        *space.out = element_cast<Out>(sums[0]);
    }

private:
    // The results [first, last), each of the same number of rows.
    struct results_loop {
        XTENSOR_TORCH_ALWAYS_INLINE static void run(const Space* space, std::ptrdiff_t rows, std::ptrdiff_t columns,
                                                    std::ptrdiff_t first, std::ptrdiff_t last) {
            for (; first < last; ++first) {
                const auto [out, in] = Space::position(space->kept, first, space->in);
                space->out[out] = element_cast<Out>(reduce_some(*space, in, 0, rows, 0, columns));
            }
        }
    };

    // The elements [column, column + length) of some rows.
    struct share_loop {
        XTENSOR_TORCH_ALWAYS_INLINE static void run(const Space* space, R* out, std::ptrdiff_t first_row,
                                                    std::ptrdiff_t last_row, std::ptrdiff_t column,
                                                    std::ptrdiff_t length) {
            *out = reduce_some(*space, space->in, first_row, last_row, column, length);
        }
    };

    XTENSOR_TORCH_ALWAYS_INLINE static R reduce_some(const Space& space, const pointers& in, std::ptrdiff_t first_row,
                                                     std::ptrdiff_t last_row, std::ptrdiff_t column,
                                                     std::ptrdiff_t length) {
        const auto row_at = [&](std::ptrdiff_t row) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
            return space.template row_at<Access...>(Space::position(space.reduced, row, in).second);
        };
        constexpr auto enough = static_cast<std::ptrdiff_t>(cascade<Reduction>::steps) * lanes;
        static_assert(!reads_in_floats<Kernel> || (enough <= longest_converted && longest_converted % lanes == 0));
        const bool is_short = last_row - first_row == 1 && length <= enough;
        if constexpr (((Access != along_row::stepped) && ...)) {
            if (is_short && length >= shortest) {
                R result = space.reduction.neutral;
                in_converted_parts<Kernel>(
                    row_at(first_row), column, length,
                    [&](const auto& elements, std::ptrdiff_t first, std::ptrdiff_t size)
                        XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA { result = reduce_row(space, elements, first, size); });
                return result;
            }
        }
        if ((last_row - first_row) * length < 2 * lanes) {
            R sum = space.reduction.neutral;
            for (std::ptrdiff_t row = first_row; row < last_row; ++row) {
                const auto elements = row_at(row);
                for (std::ptrdiff_t i = 0; i < length; ++i) {
                    sum = space.reduction.added(sum, space.kernel.template element<0>(elements, column + i));
                }
            }
            return sum;
        }
        if (!Reduction::rounds || is_short) {
            R sums[lanes];
            std::fill_n(sums, lanes, space.reduction.neutral);
            for (std::ptrdiff_t row = first_row; row < last_row; ++row) {
                add_converted(space, sums, row_at(row), column, length);
            }
            return merge_lanes<lanes>(space.reduction, sums);
        }
        R levels[cascade<Reduction>::values(lanes)];
        cascade<Reduction> sum(space.reduction, levels, lanes);
        for (std::ptrdiff_t row = first_row; row < last_row; ++row) {
            const auto elements = row_at(row);
            for (std::ptrdiff_t i = 0; i < length;) {
                const std::ptrdiff_t size = std::min(length - i, sum.space() * lanes);
                R sums[lanes];
                std::copy_n(levels, lanes, sums);
                add_converted(space, sums, elements, column + i, size);
                std::copy_n(sums, lanes, levels);
                sum.added((size + lanes - 1) / lanes);
                i += size;
            }
        }
        sum.finish();
        return merge_lanes<lanes>(space.reduction, levels);
    }

    template <class Elements>
    XTENSOR_TORCH_ALWAYS_INLINE static void add_converted(const Space& space, R* sums, const Elements& row,
                                                          std::ptrdiff_t first, std::ptrdiff_t size) {
        in_converted_parts<Kernel>(row, first, size,
                                   [&](const auto& elements, std::ptrdiff_t start, std::ptrdiff_t length)
                                       XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                                           add_lanes(space.reduction, space.kernel, sums, elements, start, length);
                                       });
    }

    // Some elements of one row.
    template <class Elements>
    XTENSOR_TORCH_ALWAYS_INLINE static R reduce_row(const Space& space, const Elements& elements, std::ptrdiff_t first,
                                                    std::ptrdiff_t size) {
        // Of the other lanes nothing would come but the time to merge them.
        constexpr std::ptrdiff_t few = lanes / 4;
        if (size < few) {
            R sums[few];
            std::fill_n(sums, few, space.reduction.neutral);
            return merge_lanes<few>(space.reduction, sums, space.kernel, elements, first, first + size);
        }
        const std::ptrdiff_t rest = size % lanes;
        R sums[lanes];
        std::fill_n(sums, lanes, space.reduction.neutral);
        add_lanes(space.reduction, space.kernel, sums, elements, first, size - rest);
        return merge_lanes<lanes>(space.reduction, sums, space.kernel, elements, first + size - rest, first + size);
    }
};

}  // namespace xtt::detail
