// xtensor evaluates into its own containers. This file gives a fresh tensor of LibTorch as the destination.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

namespace xtt::detail {

// The rank that a shape type fixes at compile time.
template <class Shape>
inline constexpr std::size_t rank_of_shape = dynamic_rank;
template <class I, std::size_t N>
inline constexpr std::size_t rank_of_shape<std::array<I, N>> = N;
template <std::size_t... Sizes>
inline constexpr std::size_t rank_of_shape<xt::fixed_shape<Sizes...>> = sizeof...(Sizes);

// Row-major memory as a destination for the evaluator.
template <class T, class Shape>
auto row_major_memory(T* data, const Shape& shape, std::size_t size) {
    using buffer = xt::xbuffer_adaptor<T*, xt::no_ownership, std::allocator<T>>;
    constexpr std::size_t rank = rank_of_shape<Shape>;
    if constexpr (rank == dynamic_rank) {
        return xt::xarray_adaptor<buffer, xt::layout_type::row_major>(
            buffer(data, size), xt::dynamic_shape<std::size_t>(shape.begin(), shape.end()));
    } else {
        std::array<std::size_t, rank> extents{};
        std::copy(shape.begin(), shape.end(), extents.begin());
        return xt::xtensor_adaptor<buffer, rank, xt::layout_type::row_major>(buffer(data, size), extents);
    }
}

// Evaluates the expression into a contiguous host tensor of its shape, whose dtype is T's.
template <class T, class E>
void evaluate_into(const at::Tensor& tensor, const E& source) {
    auto memory = row_major_memory(static_cast<T*>(tensor.mutable_data_ptr()), source.shape(),
                                   static_cast<std::size_t>(tensor.numel()));
    evaluate(memory, source);
}

}  // namespace xtt::detail
