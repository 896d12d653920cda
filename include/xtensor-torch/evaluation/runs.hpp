// Most of a loop over strided memory knows the sizes of elements, and neither an expression nor a type. This file calls
// a kernel whose expression is forgotten for elements that lie next to each other, and for a few that do not, so that
// this is compiled once for each number of operands.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/evaluation/loop_dimensions.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/rows.hpp>
#include <xtensor-torch/evaluation/transpose.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xtt::detail {

// Where the first elements of the destination and of its operands lie, and how such elements are moved. The destination
// stands in the places that are left empty.
template <std::size_t Places>
struct loop_operands {
    void* out;
    std::array<const void*, Places> in;
    std::array<const element_moves*, Places + 1> moves;  // the destination's first

    template <class D, class... Operand>
    explicit loop_operands(D& destination, const Operand&... operands)
        : out(destination.data() + destination.data_offset()) {
        in.fill(out);
        moves.fill(&moves_of<typename D::value_type>);
        std::size_t place = 0;
        ((in[place] = operands.data() + operands.data_offset(),
          moves[++place] = &moves_of<typename Operand::value_type>),
         ...);
    }

    /// The same, so many elements of each further on.
    loop_operands advanced(const distances<Places>& elements) const {
        loop_operands result = *this;
        result.out = static_cast<std::byte*>(out) + elements[0] * moves[0]->size;
        for (std::size_t k = 0; k < Places; ++k) {
            result.in[k] = static_cast<const std::byte*>(in[k]) + elements[k + 1] * moves[k + 1]->size;
        }
        return result;
    }

    loop_operands advanced(std::ptrdiff_t elements) const {
        distances<Places> all;
        all.fill(elements);
        return advanced(all);
    }
};

// From so many elements on it is worth computing the first few on their own: a container's memory seldom begins with a
// cache line, and vectors that cross lines are slow to write.
inline constexpr std::ptrdiff_t worth_aligning = 192;

// While all lies in the caches, reading so many operands in vectors that cross lines takes longer than writing one
// destination so; for more elements it is the other way round.
inline constexpr std::ptrdiff_t outweigh_destination = 3;
inline constexpr std::ptrdiff_t in_caches = 2 * grain;

// The bytes from the start of its cache line to an address.
inline std::ptrdiff_t past_line(const void* address) {
    return static_cast<std::ptrdiff_t>(reinterpret_cast<std::uintptr_t>(address) % cache_line);
}

// Whether elements next to each other are computed at once: by one thread, and in aligned vectors, or in few.
inline bool is_one_run(const void* out, std::ptrdiff_t size) {
    return size < worth_aligning || (size < 2 * grain && past_line(out) == 0);
}

/// Computes elements that all lie next to each other.
template <std::size_t Places>
void compute_run(const row_kernel<Places>& kernel, const loop_operands<Places>& operands, std::ptrdiff_t size) {
    const std::ptrdiff_t bytes = operands.moves[0]->size;
    if (kernel.only_moves) {
        std::memmove(operands.out, operands.in[0], static_cast<std::size_t>(size * bytes));
        return;
    }
    row_block<Places> run{operands.out, operands.in, {}, {}, size, 1};
    run.steps.fill(1);
    const std::ptrdiff_t beyond_line = past_line(operands.out);
    const auto aligned =
        std::count_if(operands.in.begin(), operands.in.begin() + static_cast<std::ptrdiff_t>(kernel.operands),
                      [](const void* address) { return past_line(address) == 0; });
    if (size >= worth_aligning && beyond_line != 0 && (size > in_caches || aligned < outweigh_destination)) {
        run.columns = (static_cast<std::ptrdiff_t>(cache_line) - beyond_line) / bytes;
        kernel.compute(run);
        const auto rest = operands.advanced(run.columns);
        run.out = rest.out;
        run.in = rest.in;
        run.columns = size - run.columns;
    }
    kernel.compute(run);
}

/// The same, on several threads where there are enough.
template <std::size_t Places>
XTENSOR_TORCH_NOINLINE void run_through(const row_kernel<Places>& kernel, const loop_operands<Places>& operands,
                                        std::ptrdiff_t size) {
    parallel_for(size, grain, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
        compute_run(kernel, operands.advanced(first), last - first);
    });
}

/// Computes every element, two dimensions at a time: what suits a few elements, for which nothing needs to be prepared.
template <std::size_t Places>
void walk(const row_kernel<Places>& kernel, const loop_operands<Places>& operands,
          const loop_dimensions<Places + 1>& dimensions) {
    constexpr loop_dimension<Places + 1> single;
    const std::size_t rank = dimensions.size();
    const auto& rows = rank < 2 ? single : dimensions[rank - 2];
    const auto& columns = rank < 1 ? single : dimensions[rank - 1];
    std::ptrdiff_t planes = 1;
    for (std::size_t d = 0; d + 2 < rank; ++d) {
        planes *= dimensions[d].size;
    }
    for (std::ptrdiff_t number = 0; number < planes; ++number) {
        distances<Places> at{};
        add_offsets(at, number, dimensions, 0, rank < 2 ? 0 : rank - 2);
        const auto [out, in, moves] = operands.advanced(at);
        kernel.compute_elements({out, in, columns.strides, rows.strides, columns.size, rows.size});
    }
}

}  // namespace xtt::detail
