// xtl turns a handful of operations into a random-access iterator. This file gives them to the elements of strided
// memory, in row-major order where there are holes between them, and in the order of the memory where there are none.
#pragma once

#include <xtl/xiterator_base.hpp>

#include <cstddef>
#include <type_traits>

namespace xtt::detail {

// Refers to `Memory`, which hands out its first element by data() and any by flat(position).
template <class Memory, class T>
class element_iterator : public xtl::xrandom_access_iterator_base<element_iterator<Memory, T>, std::remove_const_t<T>,
                                                                  std::ptrdiff_t, T*, T&> {
public:
    element_iterator() = default;
    element_iterator(Memory& memory, bool has_holes, std::ptrdiff_t position) noexcept
        : m_memory(has_holes ? &memory : nullptr), m_data(memory.data()), m_position(position) {}
    // What xtensor makes of an address in the memory of a view, for a part of the view, walks through the memory.
    element_iterator(T* data) noexcept : m_data(data) {}

    element_iterator& operator++() noexcept { return ++m_position, *this; }
    element_iterator& operator--() noexcept { return --m_position, *this; }
    element_iterator& operator+=(std::ptrdiff_t steps) noexcept { return m_position += steps, *this; }
    element_iterator& operator-=(std::ptrdiff_t steps) noexcept { return m_position -= steps, *this; }
    std::ptrdiff_t operator-(const element_iterator& other) const noexcept {
        return m_position - other.m_position + (m_data - other.m_data);
    }

    T& operator*() const noexcept {
        return m_memory == nullptr ? m_data[m_position] : m_memory->flat(static_cast<std::size_t>(m_position));
    }
    T* operator->() const noexcept { return &**this; }

    bool operator==(const element_iterator& other) const noexcept { return *this - other == 0; }
    bool operator<(const element_iterator& other) const noexcept { return *this - other < 0; }

private:
    Memory* m_memory = nullptr;
    T* m_data = nullptr;
    std::ptrdiff_t m_position = 0;
};

}  // namespace xtt::detail
