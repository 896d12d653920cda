// xtensor's iterators over a part of a view, as xt::view and xt::transpose make it, keep an index for every dimension.
// This file gives such parts the iterators that views have, which step along a row.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/memory/element_iterator.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xiterator.hpp>
#else
#include <xtensor/xiterator.hpp>
#endif

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace xt {

template <class CT, class... S>
class xview;
template <class D>
class xstrided_view_base;

}  // namespace xt

namespace xtt::detail {

template <class E>
inline constexpr bool is_xview = false;
template <class CT, class... S>
inline constexpr bool is_xview<xt::xview<CT, S...>> = true;

// Parts of views whose elements xtensor finds by strides.
template <class Part>
concept strided_part =
    tagged_expression<std::remove_const_t<Part>> && strided_leaf<std::remove_const_t<Part>> &&
    (is_xview<std::remove_const_t<Part>> ||
     std::is_base_of_v<xt::xstrided_view_base<std::remove_const_t<Part>>, std::remove_const_t<Part>>);

/// The elements of a part that a stepper of xtensor's goes through.
template <class T, class Shape>
class elements_of_part {
public:
    elements_of_part() = default;

    template <class Stepper>
    elements_of_part(Stepper stepper, const Shape& shape)
        : m_shape(&shape), m_strides(xtl::make_sequence<strides_type>(shape.size(), 0)) {
        for (const auto size : shape) {
            m_size *= static_cast<std::size_t>(size);
        }
        // Without elements there may be no address either.
        if (m_size == 0) {
            return;
        }
        stepper.to_begin();
        m_first = std::addressof(*stepper);
        for (std::size_t d = 0; d < shape.size(); ++d) {
            if (shape[d] > 1) {
                stepper.step(d);
                m_strides[d] = std::addressof(*stepper) - m_first;
                stepper.step_back(d);
            }
        }
    }

    std::size_t size() const noexcept { return m_size; }

    T* address(std::size_t position) const noexcept { return m_first + offset_at(position, *m_shape, m_strides); }

    std::ptrdiff_t row() const noexcept {
        return m_strides.size() == 0 ? 1 : static_cast<std::ptrdiff_t>((*m_shape)[m_strides.size() - 1]);
    }
    std::ptrdiff_t step() const noexcept { return m_strides.size() == 0 ? 0 : m_strides[m_strides.size() - 1]; }

private:
    using strides_type = xt::get_strides_t<Shape>;

    const Shape* m_shape = nullptr;
    strides_type m_strides{};
    T* m_first = nullptr;
    std::size_t m_size = 1;
};

}  // namespace xtt::detail

namespace xt {

template <xtt::detail::strided_part Part, class Shape>
class xiterator<xstepper<Part>, Shape*, layout_type::row_major>
    : public xtt::detail::row_iterator<
          xiterator<xstepper<Part>, Shape*, layout_type::row_major>,
          xtt::detail::elements_of_part<std::remove_reference_t<typename xstepper<Part>::reference>, Shape>,
          std::remove_reference_t<typename xstepper<Part>::reference>> {
    using element_type = std::remove_reference_t<typename xstepper<Part>::reference>;
    using elements_type = xtt::detail::elements_of_part<element_type, Shape>;
    using base = xtt::detail::row_iterator<xiterator, elements_type, element_type>;

public:
    xiterator() = default;
    xiterator(xstepper<Part> stepper, const Shape* shape, bool at_end)
        : xiterator(elements_type(std::move(stepper), *shape), at_end) {}

    // What xtensor's operators ask.
    bool equal(const xiterator& other) const noexcept { return base::operator==(other); }
    bool less_than(const xiterator& other) const noexcept { return base::operator<(other); }

private:
    xiterator(const elements_type& elements, bool at_end)
        : base(elements, elements.row(), elements.step(), at_end ? static_cast<std::ptrdiff_t>(elements.size()) : 0) {}
};

}  // namespace xt
