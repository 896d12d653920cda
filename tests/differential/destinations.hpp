// The destinations that an expression over a view is assigned to. Each is another instantiation of the evaluation for
// each function, minutes of compilation: a build has xt::eval alone, or the group that DIFFERENTIAL_DESTINATIONS names.
#pragma once

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/to_device.hpp>
#include <xtensor-torch/view.hpp>
#include "differential/headers.hpp"

#include <ATen/ops/full.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace differential {

using sizes = std::vector<std::size_t>;

// In the layout of the tensor, whatever XTENSOR_DEFAULT_LAYOUT says.
template <class T>
using array_of = xt::xarray<T, xt::layout_type::row_major>;

// What a destination holds before: nothing of it may be left.
template <class T>
const T filling = T(3);

template <class T>
array_of<T> filled_array(const sizes& shape) {
    return array_of<T>(shape, filling<T>);
}

// A tensor with room around and between the elements.
template <class T>
at::Tensor filled_tensor(const sizes& shape) {
    std::vector<std::int64_t> room;
    for (const auto size : shape) {
        room.push_back(2 * static_cast<std::int64_t>(size) + 1);
    }
    at::Tensor tensor = at::full(room, 3, at::TensorOptions().dtype(xtt::scalar_type_v<T>));
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        tensor = tensor.slice(static_cast<std::int64_t>(axis), 1, room[axis], 2);
    }
    return tensor;
}

inline sizes two_of(const sizes& shape) {
    sizes stacked = {2};
    stacked.insert(stacked.end(), shape.begin(), shape.end());
    return stacked;
}

// The second of two, of any rank.
inline xt::xstrided_slice_vector second_of_two(const sizes& shape) {
    xt::xstrided_slice_vector slices = {1};
    slices.insert(slices.end(), shape.size(), xt::all());
    return slices;
}

#if !defined(DIFFERENTIAL_DESTINATIONS)

inline constexpr const char* destinations[] = {"xt::eval"};

template <class T, class E>
array_of<T> put_into(std::size_t, const E& expression, const sizes&) {
    return xt::eval(expression);
}

#elif DIFFERENTIAL_DESTINATIONS == 1

inline constexpr const char* destinations[] = {"xarray =", "noalias(xarray) =", "xarray +=", "xt::view(xarray) ="};

template <class T, class E>
array_of<T> put_into(std::size_t destination, const E& expression, const sizes& shape) {
    auto array = destination < 2 ? filled_array<T>({3, 2}) : filled_array<T>(two_of(shape));
    switch (destination) {
        case 0:
            array = expression;
            return array;
        case 1:
            xt::noalias(array) = expression;
            return array;
        case 2:
            array = xt::zeros<T>(shape);
            array += expression;
            return array;
        default:
            xt::view(array, 1) = expression;
            return xt::view(array, 1);
    }
}

#elif DIFFERENTIAL_DESTINATIONS == 2

inline constexpr const char* destinations[] = {"xtensor =", "column-major xarray", "adaptor =", "xtensor_fixed ="};

template <class T, class E>
array_of<T> put_into(std::size_t destination, const E& expression, const sizes& shape) {
    if (destination == 0 && shape.size() == 2) {
        xt::xtensor<T, 2, xt::layout_type::row_major> tensor({2, 3}, filling<T>);
        tensor = expression;
        return tensor;
    }
    if (destination == 1) {
        return xt::xarray<T, xt::layout_type::column_major>(expression);
    }
    if (destination == 3 && shape == sizes{2, 3}) {
        xt::xtensor_fixed<T, xt::xshape<2, 3>, xt::layout_type::row_major> tensor;
        tensor = expression;
        return tensor;
    }
    auto storage = filled_array<T>(shape);
    auto adaptor = xt::adapt(storage.data(), storage.size(), xt::no_ownership(), shape);
    adaptor = expression;
    return storage;
}

#elif DIFFERENTIAL_DESTINATIONS == 3

inline constexpr const char* destinations[] = {"view =", "view +=", "xt::view(view) =", "xt::strided_view(view) ="};

template <class T, class E>
array_of<T> put_into(std::size_t destination, const E& expression, const sizes& shape) {
    at::Tensor tensor = filled_tensor<T>(destination < 2 ? shape : two_of(shape));
    auto view = xtt::view<T>(tensor);
    switch (destination) {
        case 0:
            view = expression;
            return view;
        case 1:
            view.fill(T(0));
            view += expression;
            return view;
        case 2:
            xt::view(view, 1) = expression;
            return xt::view(view, 1);
        default:
            xt::strided_view(view, second_of_two(shape)) = expression;
            return xt::strided_view(view, second_of_two(shape));
    }
}

#elif DIFFERENTIAL_DESTINATIONS == 4

inline constexpr const char* destinations[] = {"copy", "to_device", "xt::row(view) =", "xt::col(xtensor) ="};

template <class T, class E>
array_of<T> put_into(std::size_t destination, const E& expression, const sizes& shape) {
    if (destination == 1) {
        return xtt::view<const T>(xtt::to_device(expression, at::kCPU));
    }
    if (destination == 2 && shape.size() == 1) {
        auto view = xtt::view<T, 2>(filled_tensor<T>(two_of(shape)));
        xt::row(view, 1) = expression;
        return xt::row(view, 1);
    }
    if (destination == 3 && shape.size() == 1) {
        xt::xtensor<T, 2> tensor({shape[0], 2}, filling<T>);
        xt::col(tensor, 1) = expression;
        return xt::col(tensor, 1);
    }
    return xtt::view<const T>(xtt::copy(expression));
}

#endif

/// The destination that `evaluated` takes, by its place in `destinations`.
inline std::size_t current_destination = 0;

/// The expression's elements, by way of the current destination where a view takes part in the expression.
template <class E>
auto evaluated(const E& expression) {
    using value_type = typename E::value_type;
    if constexpr (xtt::detail::tagged_expression<E> && xtt::element<value_type>) {
        return put_into<value_type>(current_destination, expression,
                                    sizes(expression.shape().begin(), expression.shape().end()));
    } else {
        return xt::eval(expression);
    }
}

/// The same, as an array of T.
template <class T, class E>
xt::xarray<T> evaluated_as(const E& expression) {
    return evaluated(expression);
}

}  // namespace differential
