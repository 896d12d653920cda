// One random tensor, described so that it can be made again, made smaller and printed: the sizes of a storage, what is
// cut out of each dimension, and in which order the dimensions are seen.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/view.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace differential {

struct dimension {
    std::int64_t size = 1;    // as the view sees it
    std::int64_t step = 1;    // elements of the storage from one to the next
    std::int64_t before = 0;  // elements of the storage before the first
    std::int64_t after = 0;   // and behind the last
};

struct tensor_case {
    std::uint64_t seed = 0;
    std::vector<dimension> dimensions;
    std::vector<std::int64_t> order;

    /// All cases of all rounds follow from one seed.
    static tensor_case random(std::uint64_t seed) {
        std::mt19937_64 engine(seed);
        const auto number = [&](std::int64_t low, std::int64_t high) {
            return std::uniform_int_distribution<std::int64_t>(low, high)(engine);
        };
        tensor_case made;
        made.seed = seed;
        const auto rank = static_cast<std::size_t>(number(0, 5));
        const bool plain = number(0, 2) == 0;
        // Long enough for whole vectors, and for what is left of a row behind them.
        const auto longest = number(0, 3) == 0 ? static_cast<std::size_t>(number(0, 4)) : rank;
        for (std::size_t i = 0; i < rank; ++i) {
            dimension d;
            d.size = i == longest        ? number(7, 80)
                     : number(0, 9) == 0 ? 0
                     : number(0, 4) == 0 ? 1
                                         : number(2, rank > 3 || longest < rank ? 3 : 6);
            if (!plain && number(0, 1) == 0) {
                d = {d.size, number(1, 3), number(0, 2), number(0, 2)};
            }
            made.dimensions.push_back(d);
        }
        made.order.resize(rank);
        std::iota(made.order.begin(), made.order.end(), 0);
        if (!plain) {
            std::shuffle(made.order.begin(), made.order.end(), engine);
        }
        return made;
    }

    /// Cases that are one step simpler.
    std::vector<tensor_case> simpler() const {
        std::vector<tensor_case> cases;
        for (std::size_t i = 0; i < dimensions.size(); ++i) {
            tensor_case removed = *this;
            removed.dimensions.erase(removed.dimensions.begin() + static_cast<std::ptrdiff_t>(i));
            removed.order.erase(std::find(removed.order.begin(), removed.order.end(), static_cast<std::int64_t>(i)));
            for (auto& axis : removed.order) {
                axis -= axis > static_cast<std::int64_t>(i) ? 1 : 0;
            }
            cases.push_back(removed);
            const dimension& d = dimensions[i];
            const auto with = [&](const dimension& changed) {
                cases.push_back(*this);
                cases.back().dimensions[i] = changed;
            };
            if (d.size > 1) {
                with({d.size - 1, d.step, d.before, d.after});
            }
            if (d.step > 1) {
                with({d.size, 1, d.before, d.after});
            }
            if (d.before + d.after > 0) {
                with({d.size, d.step, 0, 0});
            }
        }
        if (!std::is_sorted(order.begin(), order.end())) {
            cases.push_back(*this);
            std::sort(cases.back().order.begin(), cases.back().order.end());
        }
        return cases;
    }

    /// A contiguous storage filled with small integers, so that sums are exact in every order.
    template <class T>
    at::Tensor storage() const {
        std::vector<std::int64_t> sizes;
        for (const auto& d : dimensions) {
            sizes.push_back(d.before + std::max<std::int64_t>(d.size * d.step, 0) + d.after);
        }
        at::Tensor whole = at::empty(sizes, at::TensorOptions().dtype(xtt::scalar_type_v<T>));
        std::mt19937_64 engine(seed + 1);
        auto* elements = static_cast<T*>(whole.mutable_data_ptr());
        for (std::int64_t i = 0; i < whole.numel(); ++i) {
            const auto value = static_cast<int>(engine() % 9);
            if constexpr (std::is_same_v<T, bool>) {
                elements[i] = value % 2 == 1;
            } else if constexpr (std::is_unsigned_v<T>) {
                elements[i] = static_cast<T>(value);
            } else if constexpr (requires(T number) { number.imag(); }) {
                elements[i] = T(static_cast<float>(value - 4), static_cast<float>(value % 3));
            } else {
                elements[i] = xtt::detail::element_cast<T>(static_cast<float>(value - 4));
            }
        }
        return whole;
    }

    /// The case's part of that storage.
    at::Tensor part_of(const at::Tensor& whole) const {
        at::Tensor part = whole;
        for (std::size_t i = 0; i < dimensions.size(); ++i) {
            const auto& d = dimensions[i];
            part = part.slice(static_cast<std::int64_t>(i), d.before, d.before + d.size * d.step, d.step);
        }
        return part.permute(order);
    }
};

inline std::ostream& operator<<(std::ostream& out, const tensor_case& shown) {
    out << "seed " << shown.seed << ", storage {size, step, before, after}:";
    for (const auto& d : shown.dimensions) {
        out << " {" << d.size << ", " << d.step << ", " << d.before << ", " << d.after << "}";
    }
    out << ", order:";
    for (const auto axis : shown.order) {
        out << " " << axis;
    }
    return out;
}

}  // namespace differential
