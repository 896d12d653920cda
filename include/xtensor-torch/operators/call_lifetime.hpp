// An xtensor expression keeps what has a name by reference, also a local variable of the function that returns it. This
// file finds such an expression before it is evaluated.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>
#include <xtensor-torch/evaluation/reducer_parts.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>

namespace xtt::detail {

// The addresses that live as long as the call: the function object and its arguments. Everything else on the stack
// below a variable of the caller died when the function returned.
struct call_lifetime {
    const std::byte* caller;
    std::array<byte_range, 3> alive;

    bool has_ended(const void* address, std::size_t size) const noexcept {
        const auto* first = static_cast<const std::byte*>(address);
        const byte_range bytes{first, first + size};
        constexpr std::ptrdiff_t reach = std::ptrdiff_t{1} << 18;
        const auto below = reinterpret_cast<std::intptr_t>(caller) - reinterpret_cast<std::intptr_t>(first);
        return below > 0 && below < reach && !alive[0].meets(bytes) && !alive[1].meets(bytes) && !alive[2].meets(bytes);
    }
};

template <class X>
byte_range bytes_within(const X& x) noexcept {
    const auto* first = reinterpret_cast<const std::byte*>(std::addressof(x));
    return {first, first + sizeof(X)};
}

// Whether the expression refers to a variable that is gone.
template <class E>
bool dangles(const E& e, const call_lifetime& lifetime) {
    if (lifetime.has_ended(std::addressof(e), sizeof(E))) {
        return true;
    }
    if constexpr (xt::is_xscalar<E>::value) {
        return lifetime.has_ended(std::addressof(e.expression()), sizeof(e.expression()));
    } else if constexpr (has_arguments<E>) {
        return std::apply([&](const auto&... argument) { return (dangles(argument, lifetime) || ...); }, e.arguments());
    } else if constexpr (tagged_reducer<E>) {
        const auto& axes = reducer_parts<E>::stepper::axes(e);
        return lifetime.has_ended(std::addressof(axes), sizeof(axes)) || dangles(e.expression(), lifetime);
    } else if constexpr (viewed_expression<E>::is_view || has_underlying_expression<E>) {
        return dangles(e.expression(), lifetime);
    } else {
        return false;
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_dangling(const std::string& name) {
    throw_error(name +
                ": the returned expression refers to a variable that was gone when the function returned; an "
                "expression refers to what has a name and takes in what has none. Take values by reference "
                "(const auto& limit), and return a local container itself, or an expression over std::move(it).");
}

}  // namespace xtt::detail
