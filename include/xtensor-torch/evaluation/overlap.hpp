// xtensor evaluates `v = f(w)` element by element, or through a temporary for every assignment. Which of the two is
// right depends on whether f reads memory that the assignment has already written; this file decides that, so that
// the temporary is paid for only when it is needed.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/memory/layout.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>

namespace xtt::detail {

// An xtensor_view over iterators, as xt::ravel makes it, declares a data() that returns an address, and has none.
template <class E>
concept iterates_over_storage = requires(const typename E::storage_type& storage) {
    requires !std::is_pointer_v<std::remove_cvref_t<decltype(storage.data())>>;
};

// Expressions that look at memory in the open: containers, adaptors, tensor views, and views over them.
template <class E>
concept strided_leaf = !iterates_over_storage<E> && requires(const E& e) {
    { *e.data() } -> std::convertible_to<typename E::value_type>;
    e.data_offset();
    e.shape();
    e.strides();
};

template <class E>
concept has_arguments = requires(const E& e) { std::tuple_size<std::decay_t<decltype(e.arguments())>>::value; };

// Concatenations and stacks of views.
template <class E>
concept has_parts = requires(const E& e) { std::tuple_size<std::decay_t<decltype(e.functor().parts())>>::value; };

template <class E>
concept has_underlying_expression = requires(const E& e) { e.expression().dimension(); };

// Generators whose elements depend on their indices alone.
template <class E>
inline constexpr bool reads_nothing = false;

struct byte_range {
    const std::byte* first = nullptr;
    const std::byte* last = nullptr;

    bool meets(const byte_range& other) const noexcept {
        return std::less<>()(first, other.last) && std::less<>()(other.first, last);
    }
};

template <strided_leaf E>
byte_range bytes_of(const E& e) noexcept {
    const auto reach = extent_of(e.shape(), e.strides());
    if (reach.size() == 0) {
        return {};
    }
    const auto* first = reinterpret_cast<const std::byte*>(e.data() + e.data_offset());
    constexpr auto width = static_cast<std::ptrdiff_t>(sizeof(typename E::value_type));
    return {first + reach.low * width, first + (reach.high + 1) * width};
}

// The same elements in the same places: each is read just before it is written.
template <strided_leaf D, strided_leaf E>
bool coincides(const D& destination, const E& source) noexcept {
    const auto& shape = source.shape();
    const auto& strides = source.strides();
    return sizeof(typename D::value_type) == sizeof(typename E::value_type) &&
           static_cast<const void*>(destination.data() + destination.data_offset()) ==
               static_cast<const void*>(source.data() + source.data_offset()) &&
           std::equal(shape.begin(), shape.end(), destination.shape().begin(), destination.shape().end()) &&
           std::equal(strides.begin(), strides.end(), destination.strides().begin(), destination.strides().end());
}

// Whether evaluating `source` while `destination` is being written may read an element after it changed.
// `elementwise` holds as long as only functions of single elements stand between the root and the node asked about.
// xtensor keeps a scalar that is an lvalue by reference, and it may be an element of the destination.
template <strided_leaf D, class E>
bool may_read_after_write(const D& destination, const E& source, bool elementwise = true) {
    if constexpr (xt::is_xscalar<E>::value) {
        const auto* const scalar = reinterpret_cast<const std::byte*>(std::addressof(source()));
        return bytes_of(destination).meets({scalar, scalar + sizeof(typename E::value_type)});
    } else if constexpr (!xt::is_xexpression<E>::value || reads_nothing<E>) {
        return false;
    } else if constexpr (has_arguments<E>) {
        return std::apply(
            [&](const auto&... argument) { return (may_read_after_write(destination, argument, elementwise) || ...); },
            source.arguments());
    } else if constexpr (strided_leaf<E>) {
        return bytes_of(destination).meets(bytes_of(source)) && !(elementwise && coincides(destination, source));
    } else if constexpr (has_parts<E>) {
        return std::apply([&](const auto&... part) { return (may_read_after_write(destination, part, false) || ...); },
                          source.functor().parts());
    } else if constexpr (has_underlying_expression<E>) {
        return may_read_after_write(destination, source.expression(), false);
    } else {
        return true;  // a generator or a foreign expression does not say what it reads
    }
}

}  // namespace xtt::detail
