// A row's elements are read where they lie, or brought together; its reducers and the gradients by them are numbers.
// This file runs the stages of one row.
#pragma once

#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/operators/row_operands.hpp>
#include <xtensor-torch/operators/row_stages.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace xtt::detail {

/// A view among a function's arguments, and how it moves along the rows of a call. What is no view has no rows.
template <class A>
struct row_argument {
    explicit row_argument(const A&) {}

    std::monostate reader() const { return {}; }
};
template <class T, std::size_t N, xt::layout_type L>
struct row_argument<tensor_view<T, N, L>> {
    using element = std::remove_const_t<T>;

    explicit row_argument(const tensor_view<T, N, L>& argument) : view(argument) {}

    auto reader() const {
        return row_reader<gradient_value<element>, element>(view.data() + view.data_offset(), strides);
    }

    const tensor_view<T, N, L>& view;
    row_strides strides;
};

/// The state of one row after another, in which V is computed. The last reader is that of the result's gradient, where
/// there is one.
template <class V, class Constants, class... Reader>
class row_state {
public:
    row_state(const row_space& space, const Constants& constants, const Reader&... readers)
        : m_space(space), m_constants(constants), m_readers(readers...) {}

    void begin(std::ptrdiff_t row) { m_row = row; }

    // Computes functions of the elements [first, first + count).
    template <class Functions, class... Out>
    void compute(const Functions& functions, std::ptrdiff_t first, std::ptrdiff_t count,
                 const std::tuple<Out...>& out) {
        const auto in = [&]<std::size_t... Key>(keys<Key...>) {
            return std::make_tuple(input<Key>(first, count)...);
        }(typename Functions::keys());
        run_in_vectors<row_functions_loop, best_instructions<Functions>>(functions, out, in, count);
    }

    template <class... Stage>
    void reduce(const std::tuple<Stage...>& stages) {
        std::apply([&](const auto&... stage) { (reduce(stage), ...); }, stages);
    }

    // `columns` are those of the whole expression.
    template <class... Stage>
    void differentiate_reducers(const std::tuple<Stage...>& stages, std::ptrdiff_t columns) {
        std::apply([&](const auto&... stage) { (differentiate(stage, columns), ...); }, stages);
    }

    // Room for a block of results number K.
    template <std::size_t K>
    V* buffer() {
        if (m_buffers.size() <= K) {
            m_buffers.resize(K + 1);
        }
        m_buffers[K].resize(static_cast<std::size_t>(row_space::block));
        return m_buffers[K].data();
    }

private:
    template <std::size_t Key>
    auto input(std::ptrdiff_t first, std::ptrdiff_t count) {
        if constexpr (Key >= constant_key(0)) {
            const auto& value = std::get<Key - constant_key(0)>(m_constants);
            return uniform<std::remove_cvref_t<decltype(value)>>{value};
        } else if constexpr (Key >= gradient_key_of(0)) {
            return uniform<V>{m_gradients[Key - gradient_key_of(0)]};
        } else if constexpr (Key >= reducer_key(0)) {
            return uniform<V>{m_reduced[Key - reducer_key(0)]};
        } else {
            constexpr std::size_t reader = Key == gradient_key ? sizeof...(Reader) - 1 : Key;
            return std::get<reader>(m_readers)(m_space, m_row, first, count);
        }
    }

    // The results of several functions over [0, columns), each reduced to one.
    template <block_reduction Kind, class Functions>
    auto reduced(const Functions& functions, std::ptrdiff_t columns) {
        return [&]<std::size_t... K>(std::index_sequence<K...>) {
            std::array<row_result<V, Kind>, sizeof...(K)> results;
            for (std::ptrdiff_t first = 0; first < columns; first += row_space::block) {
                const std::ptrdiff_t count = std::min(columns - first, row_space::block);
                const std::array<const V*, sizeof...(K)> computed = block_of(functions, first, count);
                (results[K].add(computed[K], count), ...);
            }
            return std::array<V, sizeof...(K)>{results[K].get()...};
        }(std::make_index_sequence<Functions::count>());
    }

    // The elements, where there is nothing to compute.
    template <std::size_t Key>
    auto input_alone(const row_functions<V, keys<Key>, scalar_input<0>>&, std::ptrdiff_t first, std::ptrdiff_t count) {
        return input<Key>(first, count);
    }

    // What functions give for a block of elements.
    template <class Functions>
    std::array<const V*, Functions::count> block_of(const Functions& functions, std::ptrdiff_t first,
                                                    std::ptrdiff_t count) {
        if constexpr (requires {
                          { input_alone(functions, first, count) } -> std::convertible_to<const V*>;
                      }) {
            return {input_alone(functions, first, count)};
        } else {
            return [&]<std::size_t... K>(std::index_sequence<K...>) {
                const std::tuple out(buffer<K>()...);
                compute(functions, first, count, out);
                return std::array<const V*, sizeof...(K)>{std::get<K>(out)...};
            }(std::make_index_sequence<Functions::count>());
        }
    }

    template <std::size_t Number, block_reduction Kind, class Functions>
    void reduce(const reducer_stage<Number, Kind, Functions>& stage) {
        m_reduced[Number] = reduced<Kind>(stage.functions, m_space.columns())[0];
    }

    template <bool AboveAll, std::size_t... Number, class Functions>
    void differentiate(const part_stage<AboveAll, std::index_sequence<Number...>, Functions>& stage,
                       std::ptrdiff_t columns) {
        const auto sums = reduced<block_reduction::sum>(stage.functions, AboveAll ? columns : m_space.columns());
        std::size_t next = 0;
        ((m_gradients[Number] = sums[next++]), ...);
    }

    template <std::size_t Number, class Functions>
    void differentiate(const ties_stage<Number, Functions>& stage, std::ptrdiff_t) {
        m_gradients[Number] /= reduced<block_reduction::sum>(stage.functions, m_space.columns())[0];
    }

    const row_space& m_space;
    Constants m_constants;
    std::tuple<Reader...> m_readers;
    std::ptrdiff_t m_row = 0;
    // By the number of the reducer: its value, and the gradient by it.
    std::array<V, std::tuple_size_v<Constants>> m_reduced{};
    std::array<V, std::tuple_size_v<Constants>> m_gradients{};
    std::vector<std::vector<V>> m_buffers;
};

}  // namespace xtt::detail
