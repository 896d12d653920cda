// Loops are fastest over elements that lie one after another. This file hands out the elements of a row in that form,
// and takes results in it, wherever and as what they are kept.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/short_floats.hpp>
#include <xtensor-torch/operators/row_space.hpp>

#include <c10/util/ArrayRef.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace xtt::detail {

// Calls f(position, offset, stride, count) for runs of the elements [first, first + count) of a row: `position` counts
// elements from the first, `offset` is where the run begins in the operand.
template <class F>
void for_each_run(c10::ArrayRef<std::ptrdiff_t> sizes, c10::ArrayRef<std::ptrdiff_t> strides, std::ptrdiff_t first,
                  std::ptrdiff_t count, const F& f) {
    if (sizes.empty()) {
        f(std::ptrdiff_t{0}, std::ptrdiff_t{0}, std::ptrdiff_t{0}, count);
        return;
    }
    for (std::ptrdiff_t position = 0; position < count;) {
        const std::ptrdiff_t index = first + position;
        std::ptrdiff_t offset = index % sizes[0] * strides[0];
        std::ptrdiff_t rest = index / sizes[0];
        for (std::size_t d = 1; d < sizes.size(); ++d) {
            offset += rest % sizes[d] * strides[d];
            rest /= sizes[d];
        }
        const std::ptrdiff_t run = std::min(sizes[0] - index % sizes[0], count - position);
        f(position, offset, strides[0], run);
        position += run;
    }
}

/// Reads the elements of one operand as V, which are kept as T.
template <class V, class T>
class row_reader {
public:
    row_reader(const T* elements, const row_strides& strides) : m_elements(elements), m_strides(strides) {}

    /// The elements [first, first + count) of a row, up to a block of them, until the next call.
    const V* operator()(const row_space& space, std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t count) {
        const T* const begin = m_elements + space.row_offset(m_strides, row);
        if constexpr (std::is_same_v<V, T>) {
            if (m_strides.is_unit()) {
                return begin + first;
            }
        }
        // Uniform elements are the same in every part of a row.
        const std::ptrdiff_t part = m_strides.is_uniform() ? 0 : first;
        if (begin != m_begin || part != m_first || count > m_count) {
            m_buffer.resize(static_cast<std::size_t>(row_space::block));
            for_each_run(space.column_sizes(), m_strides.columns, part, count,
                         [&](std::ptrdiff_t position, std::ptrdiff_t offset, std::ptrdiff_t stride, std::ptrdiff_t n) {
                             copy(m_buffer.data() + position, begin + offset, stride, n);
                         });
            m_begin = begin;
            m_first = part;
            m_count = count;
        }
        return m_buffer.data();
    }

private:
    static void copy(V* to, const T* from, std::ptrdiff_t stride, std::ptrdiff_t count) {
        if (stride == 0) {
            std::fill_n(to, count, static_cast<V>(*from));
        } else if (stride == 1 && short_float<T>) {
            convert_row(to, from, count);
        } else {
            for (std::ptrdiff_t i = 0; i < count; ++i) {
                to[i] = static_cast<V>(from[i * stride]);
            }
        }
    }

    const T* m_elements;
    row_strides m_strides;
    // What the buffer holds.
    const T* m_begin = nullptr;
    std::ptrdiff_t m_first = 0;
    std::ptrdiff_t m_count = 0;
    std::vector<V> m_buffer;
};

/// Takes results of type V into elements of type T, one for each.
template <class V, class T>
class row_writer {
public:
    row_writer(T* elements, const row_strides& strides) : m_elements(elements), m_strides(strides) {}

    // Where the loop may leave results, to be kept afterwards.
    V* place(const row_space& space, std::ptrdiff_t row, std::ptrdiff_t first, V* buffer) const {
        if constexpr (std::is_same_v<V, T>) {
            if (m_strides.is_unit()) {
                return m_elements + space.row_offset(m_strides, row) + first;
            }
        }
        return buffer;
    }

    void keep(const row_space& space, std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t count,
              const V* results) const {
        T* const begin = m_elements + space.row_offset(m_strides, row);
        for_each_run(space.column_sizes(), m_strides.columns, first, count,
                     [&](std::ptrdiff_t position, std::ptrdiff_t offset, std::ptrdiff_t stride, std::ptrdiff_t n) {
                         T* const to = begin + offset;
                         if (static_cast<const void*>(to) == static_cast<const void*>(results + position)) {
                             return;
                         }
                         if (stride == 1 && short_float<T>) {
                             return convert_row(to, results + position, n);
                         }
                         for (std::ptrdiff_t i = 0; i < n; ++i) {
                             to[i * stride] = element_cast<T>(results[position + i]);
                         }
                     });
    }

private:
    T* m_elements;
    row_strides m_strides;
};

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

struct addition_loop {
    template <class Sum, class V>
    XTENSOR_TORCH_ALWAYS_INLINE static void run(Sum* sums, const V* addends, std::ptrdiff_t count) {
        XTENSOR_TORCH_INDEPENDENT_ITERATIONS
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            sums[i] += static_cast<Sum>(addends[i]);
        }
    }
};

XTENSOR_TORCH_VECTOR_LOOPS_END

/// Adds up results of type V that belong to the same element. A few rows are added as they are, and those sums in
/// double, so that many rows have the rounding errors of a few.
template <class V>
class row_adder {
public:
    row_adder(std::size_t elements, const row_strides& strides) : m_strides(strides), m_sums(elements) {}

    void add(const row_space& space, std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t count, const V* results) {
        const std::ptrdiff_t begin = space.row_offset(m_strides, row);
        if (m_strides.is_unit()) {
            if (m_some.empty() || m_added == most_added || begin != m_begin) {
                flush();
                m_begin = begin;
                m_some.resize(static_cast<std::size_t>(space.columns()));
            }
            m_added += first == 0;
            run_in_vectors<addition_loop, instructions::avx2>(m_some.data() + first, results, count);
            return;
        }
        for_each_run(space.column_sizes(), m_strides.columns, first, count,
                     [&](std::ptrdiff_t position, std::ptrdiff_t offset, std::ptrdiff_t stride, std::ptrdiff_t n) {
                         double* const to = m_sums.data() + begin + offset;
                         for (std::ptrdiff_t i = 0; i < n; ++i) {
                             to[i * stride] += static_cast<double>(results[position + i]);
                         }
                     });
    }

    // All sums, to be asked at the end.
    const std::vector<double>& sums() {
        flush();
        return m_sums;
    }

private:
    static constexpr int most_added = 32;

    void flush() {
        run_in_vectors<addition_loop, instructions::avx2>(m_sums.data() + m_begin, m_some.data(),
                                                          static_cast<std::ptrdiff_t>(m_some.size()));
        std::fill(m_some.begin(), m_some.end(), V(0));
        m_added = 0;
    }

    row_strides m_strides;
    std::vector<double> m_sums;
    std::vector<V> m_some;  // of the row of sums that begins at m_begin
    std::ptrdiff_t m_begin = 0;
    int m_added = 0;
};

}  // namespace xtt::detail
