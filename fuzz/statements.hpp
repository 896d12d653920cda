// The right-hand sides of the programs: each is evaluated over views, and over containers that hold copies of what the
// views see, by the same code. They give each other's results, as if every one were evaluated before anything is
// written.
#pragma once

#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <cstddef>

namespace fuzz {

// xtensor broadcasts a lazy reduction of a container with kept dimensions wrongly.
struct evaluated {
    template <class E>
    auto operator()(E&& e) const {
        return xt::eval(std::forward<E>(e));
    }
};
struct lazy {
    template <class E>
    E operator()(E&& e) const {
        return std::forward<E>(e);
    }
};

// Returns a reference to an argument, which is a temporary where the arguments are computed.
struct greater_of {
    const float& operator()(const float& a, const float& b) const { return a < b ? b : a; }
};

}  // namespace fuzz

// Called by the loops, not by xtensor.
template <>
inline constexpr bool xtt::is_pure_v<fuzz::greater_of> = true;

namespace fuzz {

// Numbers the elements in the order of its calls.
struct numbering {
    int* next;
    float operator()(float x) const { return x + static_cast<float>((*next)++); }
};

inline constexpr int statement_count = 16;

/// Calls `use` with the expression of that number over `a` and `b`, which have the same rank, at least one, and may be
/// of different shapes; `scalar` is an element of one of them, or of what is written to. `settle` is called with
/// reductions that are broadcast.
template <class X, class Settle, class Use>
void with_statement(int number, X& a, X& b, float& scalar, const Settle& settle, int& counter, const Use& use) {
    const std::size_t last = a.dimension() - 1;
    switch (number) {
        case 0:
            return use(a + 2.0f * b);
        case 1:
            return use(xt::square(a / scalar));
        case 2:
            return use(xt::where(a > b, a, scalar));
        case 3:
            return use(a - settle(xt::amax(a, {last}, xt::keep_dims)));
        case 4:
            return use(b + settle(xt::sum(a * scalar, {std::size_t{0}}, xt::keep_dims)));
        case 5:
            return use(xt::vectorize(greater_of())(a + 1.0f, b));
        case 6:
            return use(xt::vectorize(numbering{&counter})(a));
        case 7:
            return use(xt::transpose(a) * 3.0f);
        case 8:
            return use(xt::concatenate(xt::xtuple(a, a), 0));
        case 9:
            return use(xt::cumsum(a, static_cast<std::ptrdiff_t>(last)) - b);
        case 10:
            return use(xt::sum(a, {last}) + scalar);
        case 11:
            return use(xt::flip(a, last) + a);
        case 12:
            return use(xt::view(a, xt::keep(0, -1)) + scalar);
        case 13:
            return use(xt::view(a, xt::range(0, 1)) * b);
        case 14:
            return use(xt::clip(a, 0.0f, scalar));
        default:
            return use(xt::stack(xt::xtuple(a, a)) + xt::arange<float>(static_cast<float>(a.shape()[last])));
    }
}

}  // namespace fuzz
