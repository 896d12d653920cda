// xtensor's containers take any buffer of elements, and get the buffer of a temporary where an expression is assigned
// to them. This file gives them one that takes the elements instead, so that a tensor over it and the container stay on
// the same memory.
#pragma once

#include <xtensor-torch/compatibility/language.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// Elements that several holders keep alive: the buffer and those that asked for `holder()`. What resize leaves lives on
// as long as one of them needs it. Without elements given, they are whatever the memory holds, as in xtensor's own.
template <class T>
class shared_buffer {
public:
    using value_type = T;
    using allocator_type = std::allocator<T>;
    using reference = T&;
    using const_reference = const T&;
    using pointer = T*;
    using const_pointer = const T*;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using iterator = T*;
    using const_iterator = const T*;
    using reverse_iterator = std::reverse_iterator<iterator>;
    using const_reverse_iterator = std::reverse_iterator<const_iterator>;

    shared_buffer() = default;
    explicit shared_buffer(std::size_t size) : m_elements(allocate(size), deallocate), m_size(size) {}
    shared_buffer(std::size_t size, const T& value) : shared_buffer(size) { std::fill(begin(), end(), value); }
    template <std::forward_iterator Iterator>
    shared_buffer(Iterator first, Iterator last) : shared_buffer(static_cast<std::size_t>(std::distance(first, last))) {
        std::copy(first, last, begin());
    }
    shared_buffer(std::initializer_list<T> values) : shared_buffer(values.begin(), values.end()) {}

    ~shared_buffer() = default;
    shared_buffer(const shared_buffer& other) : shared_buffer(other.begin(), other.end()) {}
    shared_buffer(shared_buffer&& other) noexcept { swap(other); }

    shared_buffer& operator=(const shared_buffer& other) {
        if (this != &other) {
            resize(other.m_size);
            std::copy(other.begin(), other.end(), begin());
        }
        return *this;
    }
    // Takes over memory only where there are no elements to write to.
    shared_buffer& operator=(shared_buffer&& other) {
        if (m_size == 0) {
            swap(other);
            return *this;
        }
        return *this = std::as_const(other);
    }

    void swap(shared_buffer& other) noexcept {
        m_elements.swap(other.m_elements);
        std::swap(m_size, other.m_size);
    }

    void resize(std::size_t size) {
        if (size != m_size) {
            shared_buffer(size).swap(*this);
        }
    }

    // Keeps the elements, as they are now, alive.
    std::shared_ptr<const void> holder() const noexcept { return m_elements; }

    std::size_t size() const noexcept { return m_size; }
    bool empty() const noexcept { return m_size == 0; }
    T* data() noexcept { return m_elements.get(); }
    const T* data() const noexcept { return m_elements.get(); }

    T& operator[](std::size_t i) noexcept { return data()[i]; }
    const T& operator[](std::size_t i) const noexcept { return data()[i]; }
    T& front() noexcept { return data()[0]; }
    const T& front() const noexcept { return data()[0]; }
    T& back() noexcept { return data()[m_size - 1]; }
    const T& back() const noexcept { return data()[m_size - 1]; }

    iterator begin() noexcept { return data(); }
    iterator end() noexcept { return data() + m_size; }
    const_iterator begin() const noexcept { return data(); }
    const_iterator end() const noexcept { return data() + m_size; }
    const_iterator cbegin() const noexcept { return begin(); }
    const_iterator cend() const noexcept { return end(); }
    reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
    reverse_iterator rend() noexcept { return reverse_iterator(begin()); }
    const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
    const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
    const_reverse_iterator crbegin() const noexcept { return rbegin(); }
    const_reverse_iterator crend() const noexcept { return rend(); }

private:
    static_assert(std::is_trivially_copyable_v<T>);
    // As LibTorch's own memory.
    static constexpr std::align_val_t alignment{64};

    static T* allocate(std::size_t size) {
        if (size > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) {
            throw std::bad_array_new_length();
        }
        return static_cast<T*>(::operator new(size * sizeof(T), alignment));
    }
    static void deallocate(T* elements) noexcept { ::operator delete(elements, alignment); }

    std::shared_ptr<T[]> m_elements;
    std::size_t m_size = 0;
};

}  // namespace xtt::detail
