// xtl turns a handful of operations into a random-access iterator. This file gives them to elements that lie in rows:
// an address that moves along a row, and a count of what is left of it.
#pragma once

#include <xtl/xiterator_base.hpp>

#include <cstddef>
#include <limits>
#include <type_traits>

namespace xtt::detail {

/// How far from the first element the one at a position in row-major order lies.
template <class Shape, class Strides>
std::ptrdiff_t offset_at(std::size_t position, const Shape& shape, const Strides& strides) noexcept {
    std::ptrdiff_t offset = 0;
    for (std::size_t d = shape.size(); d-- > 0;) {
        const auto size = static_cast<std::size_t>(shape[d]);
        offset += static_cast<std::ptrdiff_t>(position % size) * strides[d];
        position /= size;
    }
    return offset;
}

/// The iterator `Self`, over what `Elements` hands out the address of by its position in row-major order.
template <class Self, class Elements, class T>
class row_iterator : public xtl::xrandom_access_iterator_base<Self, std::remove_const_t<T>, std::ptrdiff_t, T*, T&> {
public:
    row_iterator() = default;

    Self& operator++() noexcept {
        m_element += m_step;
        if (--m_left == 0) [[unlikely]] {
            seat(m_end);
        }
        return self();
    }

    Self& operator--() noexcept {
        if (m_left == m_row) [[unlikely]] {
            seat(position() - 1);
        } else {
            m_element -= m_step;
            ++m_left;
        }
        return self();
    }

    Self& operator+=(std::ptrdiff_t steps) noexcept {
        if (steps < m_left && m_left - steps <= m_row) [[likely]] {
            m_element += steps * m_step;
            m_left -= steps;
        } else {
            seat(position() + steps);
        }
        return self();
    }

    Self& operator-=(std::ptrdiff_t steps) noexcept { return *this += -steps; }

    std::ptrdiff_t operator-(const row_iterator& other) const noexcept { return position() - other.position(); }

    T& operator*() const noexcept { return *m_element; }
    T* operator->() const noexcept { return m_element; }

    bool operator==(const row_iterator& other) const noexcept { return m_left == other.m_left && m_end == other.m_end; }
    bool operator<(const row_iterator& other) const noexcept { return position() < other.position(); }

protected:
    // By rows of so many elements.
    row_iterator(const Elements& elements, std::ptrdiff_t row, std::ptrdiff_t step, std::ptrdiff_t position) noexcept
        : m_elements(elements), m_step(step), m_row(row) {
        seat(position);
    }

    // From an address on, a row without an end, in both directions.
    explicit row_iterator(T* data) noexcept : m_element(data), m_step(1), m_left(endless), m_row(2 * endless) {}

    T* element() const noexcept { return m_element; }
    const Elements& elements() const noexcept { return m_elements; }

private:
    static constexpr std::ptrdiff_t endless = std::numeric_limits<std::ptrdiff_t>::max() / 2;

    Self& self() noexcept { return static_cast<Self&>(*this); }

    std::ptrdiff_t position() const noexcept { return m_end - m_left; }

    // The end stands before the first element of a row that is not there.
    void seat(std::ptrdiff_t position) noexcept {
        const auto size = static_cast<std::ptrdiff_t>(m_elements.size());
        const std::ptrdiff_t begin = position < size ? position / m_row * m_row : size;
        m_end = begin + m_row;
        m_left = m_end - position;
        m_element = position < size ? m_elements.address(static_cast<std::size_t>(position)) : nullptr;
    }

    Elements m_elements;
    T* m_element = nullptr;
    std::ptrdiff_t m_step = 0;
    std::ptrdiff_t m_left = 0;  // of the row, whose last element is before position m_end
    std::ptrdiff_t m_row = 0;
    std::ptrdiff_t m_end = 0;
};

/// The elements of `Memory`, which hands out any of them by its position.
template <class Memory>
struct elements_of_memory {
    Memory* memory = nullptr;

    std::size_t size() const noexcept { return memory->size(); }
    auto* address(std::size_t position) const noexcept { return &memory->flat(position); }
};

/// An iterator that refers to `Memory`.
template <class Memory, class T>
class element_iterator : public row_iterator<element_iterator<Memory, T>, elements_of_memory<Memory>, T> {
    using base = row_iterator<element_iterator, elements_of_memory<Memory>, T>;

public:
    element_iterator() = default;
    // What xtensor makes of an address in the memory of a view, for a part of the view, walks through the memory.
    element_iterator(T* data) noexcept : base(data) {}
    element_iterator(Memory& memory, std::ptrdiff_t row, std::ptrdiff_t step, std::ptrdiff_t position) noexcept
        : base({&memory}, row, step, position) {}

    std::ptrdiff_t operator-(const element_iterator& other) const noexcept {
        return walks_through_memory() ? this->element() - other.element() : base::operator-(other);
    }
    bool operator==(const element_iterator& other) const noexcept {
        return walks_through_memory() ? this->element() == other.element() : base::operator==(other);
    }
    bool operator<(const element_iterator& other) const noexcept { return *this - other < 0; }

private:
    bool walks_through_memory() const noexcept { return this->elements().memory == nullptr; }
};

}  // namespace xtt::detail
