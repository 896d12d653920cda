// An operand that is converted once an element needs instructions that rows of a kernel cannot count on. This file
// converts rows of operands before they are computed with, and rows of results after it.
#pragma once

#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/instructions.hpp>
#include <xtensor-torch/evaluation/rows.hpp>
#include <xtensor-torch/evaluation/short_floats.hpp>
#include <xtensor-torch/evaluation/wide_kernel.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// Room for a part of an operand or of a destination, in the type that it is computed in.
template <class V>
struct converted_elements {
    alignas(cache_line) computed_t<V> elements[longest_converted];

    // A tuple would make zeros of all elements if this were the compiler's.
    converted_elements() {}

    // From a row with this step, of which a step of zero repeats one element.
    static void load(computed_t<V>* to, const V* from, std::ptrdiff_t step, std::ptrdiff_t size) {
        if (step == 1) {
            convert_row(to, from, size);
        } else if (step == 0) {
            std::fill_n(to, size, element_cast<computed_t<V>>(*from));
        } else {
            for (std::ptrdiff_t i = 0; i < size; ++i) {
                to[i] = element_cast<computed_t<V>>(from[i * step]);
            }
        }
    }

    static void store(V* to, const computed_t<V>* from, std::ptrdiff_t step, std::ptrdiff_t size) {
        if (step == 1) {
            convert_row(to, from, size);
        } else {
            for (std::ptrdiff_t i = 0; i < size; ++i) {
                to[i * step] = element_cast<V>(from[i]);
            }
        }
    }
};

/// Computes rows as `row_loop` does, for any steps.
template <class T, class Kernel, class... V>
class converted_rows {
    using loop = row_loop<computed_t<T>, Kernel, computed_t<V>...>;
    using block_type = typename loop::block_type;
    static_assert(loop::copies <= longest_converted);

public:
    static void compute(const void* kernel, const block_type* rows) {
        if constexpr (only_converts) {
            if (rows->steps[0] == 1 && rows->steps[1] == 1) {
                convert_rows(*rows, std::type_identity<V...>());
                return;
            }
        }
        const auto by_vectors = vector_function_of<loop, best_instructions<Kernel>, const void*, const block_type*>();
        converted_rows parts(*rows);
        for (std::ptrdiff_t column = 0; column < rows->columns; column += parts.m_block.columns) {
            parts.m_block.columns = std::min(longest_converted, rows->columns - column);
            for (std::ptrdiff_t row = 0; row < rows->rows; row += parts.m_block.rows) {
                parts.m_block.rows = std::min(parts.m_height, rows->rows - row);
                parts.read(row, column, std::index_sequence_for<V...>());
                const destination there = parts.place(row, column);
                by_vectors(kernel, &parts.m_block);
                parts.write(there);
            }
        }
    }

private:
    static constexpr bool only_converts =
        std::is_same_v<std::tuple<Kernel, V..., T>, std::tuple<operand_in_float<c10::Half>, c10::Half, float>> ||
        std::is_same_v<std::tuple<Kernel, V..., T>, std::tuple<operand<float>, float, c10::Half>>;

    template <class Element>
    static void convert_rows(const block_type& rows, std::type_identity<Element>) {
        for (std::ptrdiff_t j = 0; j < rows.rows; ++j) {
            convert_row(static_cast<T*>(rows.out) + j * rows.pitches[0],
                        static_cast<const Element*>(rows.in[0]) + j * rows.pitches[1], rows.columns);
        }
    }

    // Of short rows there are several in a part.
    explicit converted_rows(const block_type& rows)
        : m_rows(rows),
          m_height(longest_converted / std::max(std::min(rows.columns, longest_converted), loop::copies)) {}

    // Elements that are computed in their own type, next to each other, stay where they are.
    template <class Element>
    static bool stays(std::ptrdiff_t step) {
        return !short_float<Element> && step == 1;
    }

    template <std::size_t... I>
    void read([[maybe_unused]] std::ptrdiff_t row, [[maybe_unused]] std::ptrdiff_t column, std::index_sequence<I...>) {
        (read_operand<I, V>(row, column), ...);
    }

    template <std::size_t I, class Element>
    void read_operand(std::ptrdiff_t row, std::ptrdiff_t column) {
        const std::ptrdiff_t step = m_rows.steps[I + 1];
        const std::ptrdiff_t pitch = m_rows.pitches[I + 1];
        const Element* const from = static_cast<const Element*>(m_rows.in[I]) + row * pitch + column * step;
        if (stays<Element>(step)) {
            m_block.in[I] = from;
            m_block.steps[I + 1] = 1;
            m_block.pitches[I + 1] = pitch;
            return;
        }
        using converted = converted_elements<Element>;
        auto* const elements = std::get<I>(m_operands).elements;
        const std::ptrdiff_t width = step == 0 ? loop::copies : m_block.columns;
        m_block.in[I] = elements;
        m_block.steps[I + 1] = step == 0 ? 0 : 1;
        m_block.pitches[I + 1] = pitch == 0 ? 0 : width;
        if (pitch == 0) {
            if (row == 0) {
                converted::load(elements, from, step, width);
            }
        } else if (step == 1 && pitch == width) {
            converted::load(elements, from, 1, m_block.rows * width);
        } else {
            for (std::ptrdiff_t j = 0; j < m_block.rows; ++j) {
                converted::load(elements + j * width, from + j * pitch, step, width);
            }
        }
    }

    // Where the results are computed, in the destination or to be written into it.
    struct destination {
        T* to;
        std::ptrdiff_t step;
        std::ptrdiff_t pitch;
    };

    destination place(std::ptrdiff_t row, std::ptrdiff_t column) {
        const destination there{static_cast<T*>(m_rows.out) + row * m_rows.pitches[0] + column * m_rows.steps[0],
                                m_rows.steps[0], m_rows.pitches[0]};
        const bool in_place = stays<T>(there.step);
        m_block.out = in_place ? static_cast<void*>(there.to) : m_results.elements;
        m_block.steps[0] = 1;
        m_block.pitches[0] = in_place ? there.pitch : m_block.columns;
        return there;
    }

    void write(const destination& there) {
        if (stays<T>(there.step)) {
            return;
        }
        using converted = converted_elements<T>;
        if (there.step == 1 && there.pitch == m_block.columns) {
            converted::store(there.to, m_results.elements, 1, m_block.rows * m_block.columns);
            return;
        }
        for (std::ptrdiff_t j = 0; j < m_block.rows; ++j) {
            converted::store(there.to + j * there.pitch, m_results.elements + j * m_block.columns, there.step,
                             m_block.columns);
        }
    }

    const block_type& m_rows;
    std::ptrdiff_t m_height;
    block_type m_block{};
    std::tuple<converted_elements<V>...> m_operands;
    converted_elements<T> m_results;
};

// Fewer elements are as well converted as they are read.
inline constexpr std::ptrdiff_t worth_converting = 160;

// Addresses that rows are read from, and what is read instead of them.
template <class Address>
struct converted_part {
    static constexpr bool converts = false;
    Address read(const Address& address, std::ptrdiff_t first, std::ptrdiff_t) { return address + first; }
};
template <class V>
    requires converted_in_rows<V>
struct converted_part<const V*> : converted_elements<V> {
    static constexpr bool converts = true;
    const float* read(const V* address, std::ptrdiff_t first, std::ptrdiff_t size) {
        convert_row(this->elements, address + first, size);
        return this->elements;
    }
};

/// Parts of a row, of which the elements next to each other are converted where that pays.
template <class Row>
class converted_row;
template <class... Address>
class converted_row<std::tuple<Address...>> {
public:
    static constexpr bool converts = (converted_part<Address>::converts || ...);

    /// Elements [first, first + size), which the next call overwrites.
    XTENSOR_TORCH_ALWAYS_INLINE auto read(const std::tuple<Address...>& row, std::ptrdiff_t first,
                                          std::ptrdiff_t size) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA {
            return std::tuple(std::get<I>(m_parts).read(std::get<I>(row), first, size)...);
        }(std::index_sequence_for<Address...>());
    }

private:
    std::tuple<converted_part<Address>...> m_parts;
};

/// Calls `use(row, first, size)` for parts of a row, at most `longest_converted` elements each where the kernel takes
/// converted ones.
template <class Kernel, class Row, class Use>
XTENSOR_TORCH_ALWAYS_INLINE inline void in_converted_parts(const Row& row, std::ptrdiff_t first, std::ptrdiff_t size,
                                                           const Use& use) {
    if constexpr (reads_in_floats<Kernel> && converted_row<Row>::converts) {
        if (size >= worth_converting) {
            converted_row<Row> parts;
            for (std::ptrdiff_t i = 0; i < size; i += longest_converted) {
                const std::ptrdiff_t count = std::min(longest_converted, size - i);
                use(parts.read(row, first + i, count), 0, count);
            }
            return;
        }
    }
    use(row, first, size);
}

/// Refers to a kernel that computes in float what is Half or BFloat16 in memory, in elements of type T or of types V.
template <class T, class... V, class Kernel>
auto wide_row_kernel_of(const Kernel& kernel) {
    if constexpr (converted_in_rows<T> || (converted_in_rows<V> || ...)) {
        constexpr auto compute = &converted_rows<T, Kernel, V...>::compute;
        return row_kernel<places_for(sizeof...(V))>{&kernel, compute, compute, sizeof...(V), 1, false};
    } else {
        return row_kernel_of<T, V...>(kernel);
    }
}

}  // namespace xtt::detail
