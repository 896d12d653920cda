// Results that lie side by side are added up together. This file adds rows onto each other where the innermost
// dimension is kept, some columns at a time, which stay in the nearest cache.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/converted_rows.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/reduction_loops.hpp>
#include <xtensor-torch/evaluation/reduction_space.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <tuple>

namespace xtt::detail {

/// Loops over a space whose innermost dimension is kept.
template <class Space, along_row... Access>
class column_reduction {
    using Reduction = typename Space::reduction_type;
    using Kernel = typename Space::kernel_type;
    using Out = typename Space::out_type;
    using R = typename Space::result_type;
    using pointers = typename Space::pointers;
    using dimension = typename Space::dimension;

    // The results of a row that are added up together, with all levels of their cascade in the nearest cache.
    static constexpr std::ptrdiff_t widest = std::clamp<std::ptrdiff_t>(4096 / sizeof(R), 16, 1024);

public:
    static void run(Space& space) {
        dimension columns;
        if (!space.kept.empty()) {
            columns = space.kept[0];
            space.kept.erase(space.kept.begin());
        }
        dimension rows;
        if (!space.reduced.empty()) {
            rows = space.reduced[0];
            space.reduced.erase(space.reduced.begin());
        }
        const std::ptrdiff_t chunks = (columns.size + widest - 1) / widest;
        const std::ptrdiff_t tasks = chunks * Space::size_of(space.kept);
        const std::ptrdiff_t work = std::min(columns.size, widest) * rows.size * Space::size_of(space.reduced);
        parallel_for(tasks, std::max<std::ptrdiff_t>(1, grain / work), [&](std::ptrdiff_t first, std::ptrdiff_t last) {
            const auto sums =
                std::make_unique_for_overwrite<R[]>(cascade<Reduction>::values(std::min(columns.size, widest)));
            for (; first < last; ++first) {
                const std::ptrdiff_t column = first % chunks * widest;
                const auto [out, in] =
                    Space::position(space.kept, first / chunks, Space::moved(space.in, columns, column));
                run_in_vectors<chunk_loop>(&space, space.out + out + column * columns.strides[0], columns.strides[0],
                                           in, rows, std::min(widest, columns.size - column), sums.get());
            }
        });
    }

private:
    // Some neighbouring results.
    struct chunk_loop {
        XTENSOR_TORCH_ALWAYS_INLINE static void run(const Space* space, Out* out, std::ptrdiff_t out_step,
                                                    const pointers& in, const dimension& rows, std::ptrdiff_t columns,
                                                    R* sums) {
            cascade<Reduction> sum(space->reduction, sums, columns);
            const std::ptrdiff_t outer = Space::size_of(space->reduced);
            for (std::ptrdiff_t number = 0; number < outer; ++number) {
                const pointers top = Space::position(space->reduced, number, in).second;
                const auto at = [&](std::ptrdiff_t row) {
                    return space->template row_at<Access...>(Space::moved(top, rows, row));
                };
                std::ptrdiff_t row = 0;
                while (row < rows.size) {
                    const std::ptrdiff_t end = row + std::min(rows.size - row, sum.space());
                    const std::ptrdiff_t added = end - row;
                    for (; row + 4 <= end; row += 4) {
                        add_converted_rows(*space, sums, columns, at(row), at(row + 1), at(row + 2), at(row + 3));
                    }
                    for (; row < end; ++row) {
                        add_converted_rows(*space, sums, columns, at(row));
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

    template <class... Row>
    XTENSOR_TORCH_ALWAYS_INLINE static void add_converted_rows(const Space& space, R* sums, std::ptrdiff_t columns,
                                                               const Row&... rows) {
        if constexpr (reads_in_floats<Kernel> && (converted_row<Row>::converts || ...)) {
            if (columns >= worth_converting) {
                std::tuple<converted_row<Row>...> parts;
                std::apply(
                    [&](auto&... part) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
                        add_rows(space.reduction, space.kernel, sums, columns, part.read(rows, 0, columns)...);
                    },
                    parts);
                return;
            }
        }
        add_rows(space.reduction, space.kernel, sums, columns, rows...);
    }
};

}  // namespace xtt::detail
