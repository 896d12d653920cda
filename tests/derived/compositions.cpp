// Random compositions of functors and reducers have the gradients that autograd finds.
#include "derived/gradients.hpp"

using testing::check;

namespace {

// What a seed chooses: one of the forms of random_expression, and the seeds of its operands.
struct drawn {
    static constexpr unsigned forms = 14;

    unsigned form;
    unsigned first;
    unsigned second;

    constexpr explicit drawn(unsigned seed) : drawn(seed, (seed * 2654435761u) ^ (seed >> 3)) {}

    constexpr bool has_one_operand() const { return form >= 7 && form <= 9; }

private:
    constexpr drawn(unsigned, unsigned hash)
        : form((hash >> 16) % forms), first(hash % 65521 + 1), second(hash % 65519 + 2) {}
};

// One of the expressions that numbers can choose; each seed gives another.
template <unsigned Seed, unsigned Depth, class X, class Y>
auto random_expression(const X& x, const Y& y) {
    constexpr drawn chosen(Seed);
    constexpr unsigned choice = chosen.form;
    if constexpr (Depth == 0) {
        if constexpr (choice % 2 == 0) {
            return x + 0;
        } else {
            return y + 0;
        }
    } else {
        auto a = random_expression<chosen.first, Depth - 1>(x, y);
        [[maybe_unused]] auto b = random_expression<chosen.second, Depth - 1>(x, y);
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

// The forms in an expression, a bit each.
constexpr unsigned forms_in(unsigned seed, unsigned depth) {
    if (depth == 0) {
        return 0;
    }
    const drawn chosen(seed);
    const unsigned operands =
        forms_in(chosen.first, depth - 1) | (chosen.has_one_operand() ? 0 : forms_in(chosen.second, depth - 1));
    return 1u << chosen.form | operands;
}

template <unsigned Depth, unsigned... Seed>
struct random_expressions {
    static constexpr unsigned forms = (forms_in(Seed, Depth) | ...);

    static void check_all() { (check_one<Seed>(), ...); }

private:
    template <unsigned S>
    static void check_one() {
        INFO("seed " << S);
        check([](const auto& x, const auto& y) { return random_expression<S, Depth>(x, y); },
              at::randn({3, 4}, at::kDouble), at::randn({3, 4}, at::kDouble));
    }
};

}  // namespace

TEST_CASE("random compositions have their gradients") {
    using shallow = random_expressions<2, 1, 8, 15, 22, 29>;
    using deep = random_expressions<3, 1, 8, 50, 78>;
    static_assert((shallow::forms | deep::forms) == (1u << drawn::forms) - 1, "choose seeds that have every form");
    shallow::check_all();
    deep::check_all();
}
