// Tensors of random shapes and layouts, and a check of what is assigned to one.
#pragma once

#include "support/testing.hpp"

#include <ATen/ops/randint.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <random>
#include <vector>

namespace testing {

class random_tensors {
public:
    explicit random_tensors(unsigned seed) : m_engine(seed) {}

    std::int64_t choose(std::initializer_list<std::int64_t> values) {
        return *(values.begin() + static_cast<std::ptrdiff_t>(m_engine() % values.size()));
    }

    // Sizes that stand on, before and after the borders of registers, lines and tiles; at most 2^17 elements.
    std::vector<std::int64_t> shape() {
        std::vector<std::int64_t> sizes(static_cast<std::size_t>(choose({1, 2, 2, 2, 3, 4})));
        do {
            for (auto& size : sizes) {
                size = choose({1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 65, 129, 255, 257, 513, 1031});
            }
        } while (std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>()) > (1 << 17));
        return sizes;
    }

    // Elements in a random order of dimensions, with steps and a border.
    at::Tensor laid_out(const std::vector<std::int64_t>& sizes, at::ScalarType dtype) {
        std::vector<std::int64_t> order(sizes.size());
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), m_engine);
        std::vector<std::int64_t> steps, memory, back(sizes.size());
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            const auto d = static_cast<std::size_t>(order[i]);
            steps.push_back(choose({1, 1, 1, 1, 2, 3, 5}));
            memory.push_back(sizes[d] * steps[i] + choose({0, 0, 1, 3}));
            back[d] = static_cast<std::int64_t>(i);
        }
        at::Tensor tensor = at::randint(0, 10, memory, at::kShort).to(dtype);
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            const auto dim = static_cast<std::int64_t>(i);
            const auto size = sizes[static_cast<std::size_t>(order[i])];
            const auto start = memory[i] - size * steps[i];
            tensor = tensor.slice(dim, start, start + size * steps[i], steps[i]);
        }
        return tensor.permute(back);
    }

    // The same, but of size 1, or absent, in some dimensions.
    at::Tensor operand(std::vector<std::int64_t> sizes, at::ScalarType dtype) {
        for (auto& size : sizes) {
            if (m_engine() % 6 == 0) {
                size = 1;
            }
        }
        if (!sizes.empty() && m_engine() % 8 == 0) {
            sizes.erase(sizes.begin());
        }
        return laid_out(sizes, dtype);
    }

    // A dimension to flip, or none.
    std::int64_t flipped(const at::Tensor& tensor) {
        return tensor.dim() == 0 || m_engine() % 3 != 0 ? -1 : static_cast<std::int64_t>(m_engine()) % tensor.dim();
    }

private:
    std::mt19937 m_engine;
};

// Checks that `assign` puts `expected` into the tensor's elements, and touches nothing between them.
template <class Assign>
void check_assignment(at::Tensor& tensor, const at::Tensor& expected, const Assign& assign) {
    const at::Tensor memory = at::empty({0}, tensor.options()).set_(tensor.storage());
    const at::Tensor should_be = memory.clone();
    should_be.as_strided(tensor.sizes(), tensor.strides(), tensor.storage_offset()).copy_(expected);
    assign();
    CHECK(at::equal(memory, should_be));
}

}  // namespace testing
