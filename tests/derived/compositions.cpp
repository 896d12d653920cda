// Random compositions of functors and reducers have the gradients that autograd finds.
#include "derived/gradients.hpp"

using testing::check;

namespace {

// One of the expressions that numbers can choose; each seed gives another.
template <unsigned Seed, unsigned Depth, class X, class Y>
auto random_expression(const X& x, const Y& y) {
    constexpr unsigned hash = (Seed * 2654435761u) ^ (Seed >> 3);
    constexpr unsigned choice = (hash >> 16) % 14;
    if constexpr (Depth == 0) {
        if constexpr (choice % 2 == 0) {
            return x + 0;
        } else {
            return y + 0;
        }
    } else {
        auto a = random_expression<hash % 65521 + 1, Depth - 1>(x, y);
        [[maybe_unused]] auto b = random_expression<hash % 65519 + 2, Depth - 1>(x, y);
        if constexpr (choice == 0) {
            return std::move(a) + std::move(b);
        } else if constexpr (choice == 1) {
            return std::move(a) - 0.5 * std::move(b);
        } else if constexpr (choice == 2) {
            return std::move(a) * std::move(b);
        } else if constexpr (choice == 3) {
            return std::move(a) / (2.0 + xt::abs(std::move(b)));
        } else if constexpr (choice == 4) {
            return xt::maximum(std::move(a), std::move(b));
        } else if constexpr (choice == 5) {
            return xt::hypot(std::move(a), 1.0 + xt::exp(-std::move(b)));
        } else if constexpr (choice == 6) {
            return xt::where(x < y, std::move(a), xt::sin(std::move(b)));
        } else if constexpr (choice == 7) {
            return xt::tanh(std::move(a));
        } else if constexpr (choice == 8) {
            return xt::log1p(xt::abs(std::move(a)));
        } else if constexpr (choice == 9) {
            return xt::exp(xt::clip(std::move(a), -1.0, 1.0));
        } else if constexpr (choice == 10) {
            return xt::sum(std::move(a), {1}, xt::keep_dims) * std::move(b);
        } else if constexpr (choice == 11) {
            return std::move(a) - xt::mean(std::move(b), {1}, xt::keep_dims);
        } else if constexpr (choice == 12) {
            return std::move(a) - xt::amax(std::move(b), {1}, xt::keep_dims);
        } else {
            return std::move(a) / (1.0 + xt::norm_l2(std::move(b), {1}, xt::keep_dims));
        }
    }
}

template <unsigned Depth, unsigned... Seed>
void check_random(std::integer_sequence<unsigned, Seed...>) {
    const auto check_one = []<unsigned S>(std::integral_constant<unsigned, S>) {
        INFO("seed " << S);
        check([](const auto& x, const auto& y) { return random_expression<S, Depth>(x, y); },
              at::randn({3, 4}, at::kDouble), at::randn({3, 4}, at::kDouble));
    };
    (check_one(std::integral_constant<unsigned, 7 * Seed + 1>()), ...);
}

}  // namespace

TEST_CASE("random compositions have their gradients") {
    check_random<2>(std::make_integer_sequence<unsigned, 5>());
    check_random<3>(std::make_integer_sequence<unsigned, 2>());
}
