// {fmt} formats what has a fmt::formatter, and takes an xtensor expression for a range of elements. This file gives it
// the descriptions of format.hpp, for views, too.
//
// Nothing in the library needs {fmt}: without it, this header declares nothing. LibTorch from PyPI has its own headers
// of {fmt} on the include path and no library of it: next to them, link fmt::fmt-header-only, or define
// FMT_HEADER_ONLY.
#pragma once

#include <xtensor-torch/format.hpp>

#if __has_include(<fmt/ranges.h>)
#include <fmt/ranges.h>

#include <cstddef>
#include <type_traits>

/// "{}" gives the line that operator<< writes; width, fill and alignment are those of a string.
template <>
struct fmt::formatter<xtt::description> : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto format(const xtt::description& object, Context& context) const {
        return fmt::formatter<fmt::string_view>::format(xtt::detail::text_of(object), context);
    }
};

/// The description of the view, and not its elements.
template <class T, std::size_t N, xt::layout_type L>
struct fmt::formatter<xtt::tensor_view<T, N, L>> : fmt::formatter<xtt::description> {
    template <class Context>
    auto format(const xtt::tensor_view<T, N, L>& view, Context& context) const {
        return fmt::formatter<xtt::description>::format(xtt::describe(view), context);
    }
};

// {fmt}'s own formatter of ranges would fit a view as well.
template <class T, std::size_t N, xt::layout_type L>
struct fmt::is_range<xtt::tensor_view<T, N, L>, char> : std::false_type {};
#endif
