// xtensor's containers own their memory, and its adaptors rebind on assignment. This file takes only the part they
// share, xcontainer's element access, iterators and steppers, over memory that somebody else owns.
//
// The class derives from xcontainer, tensor_view from this class: xt::eval therefore sees in a view what it sees in
// xt::xview, an expression to be copied, and not a container whose storage holds its elements without holes.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/memory/element_iterator.hpp>
#include <xtensor-torch/memory/layout.hpp>
#include <xtensor-torch/memory/requirements.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>

namespace xtt {

template <class T, std::size_t N, xt::layout_type L>
class tensor_view;

}  // namespace xtt

namespace xtt::detail {

template <class T, std::size_t N, xt::layout_type L>
class strided_memory;

// One definition of the types that xcontainer asks of the base and xview_semantic asks of the view.
template <class T, std::size_t N, xt::layout_type L>
struct strided_memory_types {
    using value_type = std::remove_const_t<T>;
    using storage_type = xt::xbuffer_adaptor<T*, xt::no_ownership, std::allocator<value_type>>;
    using reference = T&;
    using const_reference = const T&;
    using size_type = std::size_t;
    using shape_type = std::conditional_t<N == dynamic_rank, xt::dynamic_shape<std::size_t>,
                                          std::array<std::size_t, N == dynamic_rank ? 0 : N>>;
    using strides_type = xt::get_strides_t<shape_type>;
    using backstrides_type = strides_type;
    using inner_shape_type = shape_type;
    using inner_strides_type = strides_type;
    using inner_backstrides_type = backstrides_type;
    static constexpr xt::layout_type layout = L;
    static constexpr xt::layout_type owned_layout =
        L == xt::layout_type::column_major ? xt::layout_type::column_major : xt::layout_type::row_major;
    using temporary_type = std::conditional_t<N == dynamic_rank, xt::xarray<value_type, owned_layout>,
                                              xt::xtensor<value_type, N == dynamic_rank ? 0 : N, owned_layout>>;
};

}  // namespace xtt::detail

namespace xt {

template <class T, std::size_t N, layout_type L>
struct xcontainer_inner_types<xtt::detail::strided_memory<T, N, L>> : xtt::detail::strided_memory_types<T, N, L> {};

template <class T, std::size_t N, layout_type L>
struct xiterable_inner_types<xtt::detail::strided_memory<T, N, L>>
    : xcontainer_iterable_types<xtt::detail::strided_memory<T, N, L>> {};

template <class T, std::size_t N, layout_type L>
struct xcontainer_inner_types<xtt::tensor_view<T, N, L>> : xtt::detail::strided_memory_types<T, N, L> {};

template <class T, std::size_t N, layout_type L>
struct xiterable_inner_types<xtt::tensor_view<T, N, L>>
    : xcontainer_iterable_types<xtt::detail::strided_memory<T, N, L>> {};

}  // namespace xt

namespace xt {

// xtensor's views of views ask for packets and for `flat` by one test, and count both through the memory, which holds
// other elements where there are holes. The loops of this library load packets themselves.
template <class T, std::size_t N, layout_type L, class U>
struct has_simd_interface<xtt::tensor_view<T, N, L>, U> : std::false_type {};

}  // namespace xt

namespace xtt::detail {

template <class T, std::size_t N, xt::layout_type L>
class strided_memory : public xt::xcontainer<strided_memory<T, N, L>> {
    using base = xt::xcontainer<strided_memory>;
    using types = strided_memory_types<T, N, L>;
    friend base;

public:
    using reference = typename types::reference;
    using const_reference = typename types::const_reference;
    using storage_type = typename types::storage_type;
    using shape_type = typename types::shape_type;
    using strides_type = typename types::strides_type;

    xt::layout_type layout() const noexcept { return L == xt::layout_type::dynamic ? m_layout : L; }

    bool is_contiguous() const noexcept { return layout() != xt::layout_type::dynamic; }

    // a[i] is a(0, …, 0, i). Where xtensor lets i go on into the next rows (xt::argpartition of the flattened view), it
    // counts on their elements being next in memory, too.
    using base::operator[];
    reference operator[](std::size_t i) { return goes_on(i) ? flat_element(*this, i) : base::operator[](i); }
    const_reference operator[](std::size_t i) const {
        return goes_on(i) ? flat_element(*this, i) : base::operator[](i);
    }

    /// The element at a position in row-major order, whatever the strides: 0 is the first, size() - 1 the last. Nothing
    /// is checked.
    reference flat(std::size_t position) { return flat_element(*this, position); }
    /// The same, to read.
    const_reference flat(std::size_t position) const { return flat_element(*this, position); }

    // xtensor's linear iterators walk through the memory, and some of its functions (xt::partition of the flattened
    // view, xt::real) take what they find there for the elements. Where there are holes between, these step over them.
    // Only the run knows whether there are any, so that a layout which the type leaves open has them in its type.
    using linear_iterator = std::conditional_t<L == xt::layout_type::dynamic, element_iterator<strided_memory, T>, T*>;
    using const_linear_iterator =
        std::conditional_t<L == xt::layout_type::dynamic, element_iterator<const strided_memory, const T>, const T*>;
    using reverse_linear_iterator = std::reverse_iterator<linear_iterator>;
    using const_reverse_linear_iterator = std::reverse_iterator<const_linear_iterator>;

    linear_iterator linear_begin() noexcept { return linear_at<linear_iterator>(*this, 0); }
    linear_iterator linear_end() noexcept { return linear_at<linear_iterator>(*this, this->size()); }
    const_linear_iterator linear_begin() const noexcept { return linear_cbegin(); }
    const_linear_iterator linear_end() const noexcept { return linear_cend(); }
    const_linear_iterator linear_cbegin() const noexcept { return linear_at<const_linear_iterator>(*this, 0); }
    const_linear_iterator linear_cend() const noexcept { return linear_at<const_linear_iterator>(*this, this->size()); }
    reverse_linear_iterator linear_rbegin() noexcept { return reverse_linear_iterator(linear_end()); }
    reverse_linear_iterator linear_rend() noexcept { return reverse_linear_iterator(linear_begin()); }
    const_reverse_linear_iterator linear_rbegin() const noexcept { return linear_crbegin(); }
    const_reverse_linear_iterator linear_rend() const noexcept { return linear_crend(); }
    const_reverse_linear_iterator linear_crbegin() const noexcept {
        return const_reverse_linear_iterator(linear_cend());
    }
    const_reverse_linear_iterator linear_crend() const noexcept {
        return const_reverse_linear_iterator(linear_cbegin());
    }

    // xtensor's other iterators keep an index for every dimension. By rows, these take their place.
    template <xt::layout_type Order>
    static constexpr bool by_rows = L == xt::layout_type::dynamic && Order == xt::layout_type::row_major;
    template <xt::layout_type Order>
    using layout_iterator =
        std::conditional_t<by_rows<Order>, linear_iterator, typename base::template layout_iterator<Order>>;
    template <xt::layout_type Order>
    using const_layout_iterator =
        std::conditional_t<by_rows<Order>, const_linear_iterator, typename base::template const_layout_iterator<Order>>;
    template <xt::layout_type Order>
    using reverse_layout_iterator = std::conditional_t<by_rows<Order>, reverse_linear_iterator,
                                                       typename base::template reverse_layout_iterator<Order>>;
    template <xt::layout_type Order>
    using const_reverse_layout_iterator =
        std::conditional_t<by_rows<Order>, const_reverse_linear_iterator,
                           typename base::template const_reverse_layout_iterator<Order>>;
    using iterator = std::conditional_t<by_rows<XTENSOR_DEFAULT_TRAVERSAL>, linear_iterator, typename base::iterator>;
    using const_iterator =
        std::conditional_t<by_rows<XTENSOR_DEFAULT_TRAVERSAL>, const_linear_iterator, typename base::const_iterator>;
    using reverse_iterator = std::conditional_t<by_rows<XTENSOR_DEFAULT_TRAVERSAL>, reverse_linear_iterator,
                                                typename base::reverse_iterator>;
    using const_reverse_iterator = std::conditional_t<by_rows<XTENSOR_DEFAULT_TRAVERSAL>, const_reverse_linear_iterator,
                                                      typename base::const_reverse_iterator>;

    using base::begin;
    using base::cbegin;
    using base::cend;
    using base::crbegin;
    using base::crend;
    using base::end;
    using base::rbegin;
    using base::rend;

    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    linear_iterator begin() noexcept {
        return by_rows_at<linear_iterator>(*this, 0);
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    linear_iterator end() noexcept {
        return by_rows_at<linear_iterator>(*this, this->size());
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_linear_iterator begin() const noexcept {
        return by_rows_at<const_linear_iterator>(*this, 0);
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_linear_iterator end() const noexcept {
        return by_rows_at<const_linear_iterator>(*this, this->size());
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_linear_iterator cbegin() const noexcept {
        return begin<Order>();
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_linear_iterator cend() const noexcept {
        return end<Order>();
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    reverse_linear_iterator rbegin() noexcept {
        return reverse_linear_iterator(end<Order>());
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    reverse_linear_iterator rend() noexcept {
        return reverse_linear_iterator(begin<Order>());
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_reverse_linear_iterator rbegin() const noexcept {
        return const_reverse_linear_iterator(end<Order>());
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_reverse_linear_iterator rend() const noexcept {
        return const_reverse_linear_iterator(begin<Order>());
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_reverse_linear_iterator crbegin() const noexcept {
        return rbegin<Order>();
    }
    template <xt::layout_type Order = XTENSOR_DEFAULT_TRAVERSAL>
        requires by_rows<Order>
    const_reverse_linear_iterator crend() const noexcept {
        return rend<Order>();
    }

protected:
    // `sizes` and `strides` are of rank N where N is static; `reach` is their extent, `layout` their order.
    template <class Sizes, class Strides>
    strided_memory(T* data, const Sizes& sizes, const Strides& strides, const extent& reach, xt::layout_type layout)
        : m_layout(layout), m_storage(data, reach.size()) {
        const std::size_t rank = N == dynamic_rank ? sizes.size() : N;
        if constexpr (N == dynamic_rank) {
            m_shape.resize(rank);
            m_strides.resize(rank);
            m_backstrides.resize(rank);
        }
        for (std::size_t i = 0; i < rank; ++i) {
            m_shape[i] = static_cast<std::size_t>(sizes[i]);
            // Without elements there may be no address either, and nothing must be added to it.
            const bool moves = sizes[i] != 1 && reach.size() != 0;
            m_strides[i] = moves ? static_cast<std::ptrdiff_t>(strides[i]) : 0;
            m_backstrides[i] = moves ? m_strides[i] * (static_cast<std::ptrdiff_t>(sizes[i]) - 1) : 0;
        }
    }

    ~strided_memory() = default;
    strided_memory(const strided_memory&) = default;
    strided_memory(strided_memory&&) = default;
    strided_memory& operator=(const strided_memory&) = delete;
    strided_memory& operator=(strided_memory&&) = delete;

    // Looks at the memory that `other` looks at, and leaves the elements alone.
    void look_at(const strided_memory& other) {
        m_shape = other.m_shape;
        m_strides = other.m_strides;
        m_backstrides = other.m_backstrides;
        m_layout = other.m_layout;
        m_storage = other.m_storage;
    }

private:
    template <class Self>
    static auto& flat_element(Self& self, std::size_t position) {
        return *(self.data() + offset_at(position, self.m_shape, self.m_strides));
    }

    bool goes_on(std::size_t i) const noexcept {
        return m_shape.size() > 1 && i >= m_shape[m_shape.size() - 1] && !is_contiguous();
    }

    // Whether the elements do not lie in a row, neither by rows nor by columns.
    bool has_holes() const noexcept { return !is_contiguous() && !is_column_major(m_shape, m_strides); }

    template <class Iterator, class Self>
    static Iterator linear_at(Self& self, std::size_t position) noexcept {
        if constexpr (L == xt::layout_type::dynamic) {
            if (self.has_holes()) {
                return by_rows_at<Iterator>(self, position);
            }
        }
        return self.data() + position;
    }

    template <class Iterator, class Self>
    static Iterator by_rows_at(Self& self, std::size_t position) noexcept {
        const std::size_t rank = self.m_shape.size();
        const bool one_row = rank == 0 || self.m_layout == xt::layout_type::row_major;
        return Iterator(self, static_cast<std::ptrdiff_t>(one_row ? self.size() : self.m_shape[rank - 1]),
                        one_row ? 1 : self.m_strides[rank - 1], static_cast<std::ptrdiff_t>(position));
    }

    // The names xcontainer calls on its derived class.
    const shape_type& shape_impl() const noexcept { return m_shape; }
    shape_type& shape_impl() noexcept { return m_shape; }
    const strides_type& strides_impl() const noexcept { return m_strides; }
    strides_type& strides_impl() noexcept { return m_strides; }
    const strides_type& backstrides_impl() const noexcept { return m_backstrides; }
    strides_type& backstrides_impl() noexcept { return m_backstrides; }
    const storage_type& storage_impl() const noexcept { return m_storage; }
    storage_type& storage_impl() noexcept { return m_storage; }

    shape_type m_shape;
    strides_type m_strides;
    strides_type m_backstrides;
    xt::layout_type m_layout;
    storage_type m_storage;
};

}  // namespace xtt::detail
