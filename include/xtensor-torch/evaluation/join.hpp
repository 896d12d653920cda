// xtensor finds each element of a concatenation anew: it copies the index, and asks one part after another. This file
// gives xt::concatenate, xt::stack, xt::hstack and xt::vstack of views a functor that shows its parts, so that each
// part is evaluated in loops, straight into its place in the destination.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/region.hpp>
#include <xtensor-torch/memory/layout.hpp>

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xt {

template <class F, class R, class S>
class xgenerator;

namespace detail {

template <class... CT>
class concatenate_access;
template <class... CT>
class stack_access;
template <class... CT>
class vstack_access;
template <template <class...> class Access, class... CT>
class concatenate_invoker;

}  // namespace detail

namespace extension {

template <class F, class R, class S>
struct xgenerator_base;

}  // namespace extension

}  // namespace xt

namespace xtt::detail {

// Parts of which one is an expression over a view, and no value is optional.
template <class... CT>
concept tagged_parts =
    (tagged_expression<CT> || ...) &&
    ((tagged_expression<CT> || std::same_as<xt::xexpression_tag_t<CT>, xt::xtensor_expression_tag>) && ...);

template <class Shape, class First>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_part(std::size_t number, const Shape& shape, const First& first) {
    throw_value_error("stack: part number " + std::to_string(number) + " has shape " + braced(shape) +
                      "; all parts need the shape of the first one, " + braced(first) +
                      ". Broadcast it first: xt::broadcast(x, shape).");
}

// The parts of a join, which its elements are found in, and which are evaluated one by one.
template <template <class...> class Access, class... CT>
class joined_parts {
    using index = c10::SmallVector<std::size_t, 6>;
    static constexpr bool is_stack = std::same_as<Access<CT...>, xt::detail::stack_access<CT...>>;
    static constexpr bool is_vertical = std::same_as<Access<CT...>, xt::detail::vstack_access<CT...>>;

public:
    using tuple_type = std::tuple<CT...>;
    using size_type = std::size_t;
    using value_type = xtl::promote_type_t<typename std::decay_t<CT>::value_type...>;

    joined_parts(tuple_type&& parts, size_type axis) : m_parts(std::move(parts)), m_axis(axis) {}

    const tuple_type& parts() const noexcept { return m_parts; }
    size_type axis() const noexcept { return m_axis; }

    // Whether each part is one index of the axis, which it does not have itself.
    bool adds_axis() const { return is_stack || (is_vertical && std::get<0>(m_parts).dimension() == 1); }

    template <class... Args>
    value_type operator()(Args... args) const {
        return element_at({static_cast<std::size_t>(args)...});
    }

    template <class It>
    value_type element(It first, It last) const {
        return element_at(index(first, last));
    }

private:
    value_type element_at(index at) const {
        std::size_t& position = at[m_axis];
        value_type value{};
        const bool adds = adds_axis();
        const auto take = [&](const auto& part) {
            const std::size_t size = adds ? 1 : static_cast<std::size_t>(part.shape()[m_axis]);
            if (position >= size) {
                position -= size;
                return false;
            }
            if (adds) {
                at.erase(at.begin() + static_cast<std::ptrdiff_t>(m_axis));
            }
            value = static_cast<value_type>(part.element(at.begin(), at.end()));
            return true;
        };
        std::apply([&](const auto&... part) { static_cast<void>((take(part) || ...)); }, m_parts);
        return value;
    }

    tuple_type m_parts;
    size_type m_axis;
};

template <class E>
struct is_join : std::false_type {};
template <template <class...> class Access, class... CT, class R, class S>
struct is_join<xt::xgenerator<xt::detail::concatenate_invoker<Access, CT...>, R, S>>
    : std::bool_constant<tagged_parts<CT...>> {};

}  // namespace xtt::detail

namespace xt {

template <template <class...> class Access, class... CT>
    requires xtt::detail::tagged_parts<CT...>
class detail::concatenate_invoker<Access, CT...> : public xtt::detail::joined_parts<Access, CT...> {
public:
    using xtt::detail::joined_parts<Access, CT...>::joined_parts;
};

template <template <class...> class Access, class... CT, class R, class S>
    requires xtt::detail::tagged_parts<CT...>
struct extension::xgenerator_base<detail::concatenate_invoker<Access, CT...>, R, S> : xtt::detail::tagged {};

}  // namespace xt

namespace xtt::detail {

// xtensor looks at the shape of the first part alone.
template <class Part, class Shape>
void require_shape(std::size_t number, const Part& part, const Shape& shape) {
    if (!std::ranges::equal(part.shape(), shape)) [[unlikely]] {
        refuse_part(number, part.shape(), shape);
    }
}

/// Evaluates each part of a join into its place in a destination of the join's shape.
template <class D, class Join>
void evaluate_join(D& destination, const Join& join) {
    using T = typename D::value_type;
    using R = typename Join::value_type;
    const auto& functor = join.functor();
    const std::size_t axis = functor.axis();
    const bool adds = functor.adds_axis();
    xt::dynamic_shape<std::size_t> shape(destination.shape().begin(), destination.shape().end());
    xt::dynamic_shape<std::ptrdiff_t> strides(destination.strides().begin(), destination.strides().end());
    const auto step = static_cast<std::ptrdiff_t>(strides[axis]);
    if (adds) {
        shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
        strides.erase(strides.begin() + static_cast<std::ptrdiff_t>(axis));
        std::size_t number = 0;
        std::apply([&](const auto&... part) { (require_shape(number++, part, shape), ...); }, functor.parts());
    }
    T* out = destination.data() + destination.data_offset();
    const auto place = [&](const auto& part) {
        using V = typename std::decay_t<decltype(part)>::value_type;
        if (!adds) {
            shape[axis] = static_cast<std::size_t>(part.shape()[axis]);
        }
        auto region = region_of(out, shape, strides);
        if constexpr (std::is_same_v<V, R> || std::is_same_v<T, R>) {
            evaluate(region, part);
        } else {
            evaluate(region, xt::xfunction<element_cast_to<R>, decltype(part)>(element_cast_to<R>(), part));
        }
        out += step * static_cast<std::ptrdiff_t>(adds ? 1 : shape[axis]);
    };
    std::apply([&](const auto&... part) { (place(part), ...); }, functor.parts());
}

}  // namespace xtt::detail
