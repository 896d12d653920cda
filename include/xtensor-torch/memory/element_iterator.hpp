// xtl turns a handful of operations into a random-access iterator. This file gives them to the elements of strided
// memory: an address that moves along a row, and a count of what is left of it.
#pragma once

#include <xtl/xiterator_base.hpp>

#include <cstddef>
#include <limits>
#include <type_traits>

namespace xtt::detail {

// Refers to `Memory`, which hands out the address of any element by its position in row-major order.
template <class Memory, class T>
class element_iterator : public xtl::xrandom_access_iterator_base<element_iterator<Memory, T>, std::remove_const_t<T>,
                                                                  std::ptrdiff_t, T*, T&> {
    // Of memory without holes: a row without an end, in both directions.
    static constexpr std::ptrdiff_t endless = std::numeric_limits<std::ptrdiff_t>::max() / 2;

public:
    element_iterator() = default;
    // What xtensor makes of an address in the memory of a view, for a part of the view, walks through the memory.
    element_iterator(T* data) noexcept : m_element(data), m_step(1), m_left(endless), m_row(2 * endless) {}
    // By rows of so many elements.
    element_iterator(Memory& memory, std::ptrdiff_t row, std::ptrdiff_t step, std::ptrdiff_t position) noexcept
        : m_memory(&memory), m_step(step), m_row(row) {
        seat(position);
    }

    element_iterator& operator++() noexcept {
        m_element += m_step;
        if (--m_left == 0) [[unlikely]] {
            seat(m_end);
        }
        return *this;
    }

    element_iterator& operator--() noexcept {
        if (m_left == m_row) [[unlikely]] {
            seat(position() - 1);
        } else {
            m_element -= m_step;
            ++m_left;
        }
        return *this;
    }

    element_iterator& operator+=(std::ptrdiff_t steps) noexcept {
        if (steps < m_left && m_left - steps <= m_row) [[likely]] {
            m_element += steps * m_step;
            m_left -= steps;
        } else {
            seat(position() + steps);
        }
        return *this;
    }

    element_iterator& operator-=(std::ptrdiff_t steps) noexcept { return *this += -steps; }

    std::ptrdiff_t operator-(const element_iterator& other) const noexcept {
        return m_memory == nullptr ? m_element - other.m_element : position() - other.position();
    }

    T& operator*() const noexcept { return *m_element; }
    T* operator->() const noexcept { return m_element; }

    bool operator==(const element_iterator& other) const noexcept {
        return m_memory == nullptr ? m_element == other.m_element : position() == other.position();
    }
    bool operator<(const element_iterator& other) const noexcept { return *this - other < 0; }

private:
    std::ptrdiff_t position() const noexcept { return m_end - m_left; }

    // The end stands before the first element of a row that is not there.
    void seat(std::ptrdiff_t position) noexcept {
        const auto size = static_cast<std::ptrdiff_t>(m_memory->size());
        const std::ptrdiff_t begin = position < size ? position / m_row * m_row : size;
        m_end = begin + m_row;
        m_left = m_end - position;
        m_element = position < size ? &m_memory->flat(static_cast<std::size_t>(position)) : nullptr;
    }

    Memory* m_memory = nullptr;
    T* m_element = nullptr;
    std::ptrdiff_t m_step = 0;
    std::ptrdiff_t m_left = 0;  // of the row, whose last element is before position m_end
    std::ptrdiff_t m_row = 0;
    std::ptrdiff_t m_end = 0;
};

}  // namespace xtt::detail
