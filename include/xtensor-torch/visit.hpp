// A tensor's dtype is known when the program runs, an xtensor expression's when it is compiled. LibTorch bridges the
// two with dispatch macros; here a function object is called with a view whose element type is the tensor's dtype.
#pragma once

#include <xtensor-torch/detail/error.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt {

namespace detail {

template <class... Elements>
struct element_list {};

// Every type that LibTorch itself uses for a dtype and C++ can compute with.
using visited_by_default = element_list<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                                        std::uint16_t, std::uint32_t, std::uint64_t, c10::Half, c10::BFloat16, float,
                                        double, c10::complex<float>, c10::complex<double>>;

template <class... Elements>
[[noreturn, gnu::cold, gnu::noinline]] void refuse_visit(const at::Tensor& tensor) {
    std::string names;
    ((names += (names.empty() ? "" : ", ") + describe(scalar_type_v<Elements>).name), ...);
    throw_type_error("visit: the tensor is " + describe(tensor.scalar_type()).name + "; the function takes " + names +
                     ". Convert it first, e.g. tensor.to(" +
                     describe(scalar_type_v<std::tuple_element_t<0, std::tuple<Elements...>>>).constant + ").");
}

// A const tensor is visited by read-only views.
template <class Tensor, class T>
using visited_view = tensor_view<std::conditional_t<std::is_const_v<Tensor>, const T, T>>;

template <class Result, class First, class... Rest, class Tensor, class F>
Result visit_one_of(Tensor& tensor, F& function) {
    if constexpr (sizeof...(Rest) > 0) {
        if (tensor.scalar_type() != scalar_type_v<First>) {
            return visit_one_of<Result, Rest...>(tensor, function);
        }
    }
    visited_view<Tensor, First> elements =
        view<std::conditional_t<std::is_const_v<Tensor>, const First, First>>(tensor);
    return function(elements);
}

template <class First, class... Rest, class Tensor, class F>
decltype(auto) visit_elements(element_list<First, Rest...>, Tensor& tensor, F& function) {
    using result = std::invoke_result_t<F&, visited_view<Tensor, First>&>;
    static_assert(
        (std::is_same_v<result, std::invoke_result_t<F&, visited_view<Tensor, Rest>&>> && ...),
        "visit returns what the function returns: it must return one type for every element type, e.g. double");
    require_strided_storage("visit", tensor);
    const c10::ScalarType scalar = tensor.scalar_type();
    if (scalar != scalar_type_v<First> && ((scalar != scalar_type_v<Rest>) && ...)) {
        refuse_visit<First, Rest...>(tensor);
    }
    return visit_one_of<result, First, Rest...>(tensor, function);
}

}  // namespace detail

/// Calls `function(view)` with a `tensor_view<T>` whose element type T is the tensor's dtype, and returns what it
/// returns, which must be one type for all T.
///
/// With `visit<float, double>(tensor, function)` only the listed types are instantiated and accepted; otherwise all
/// types of C++ and LibTorch that can be computed with (Float8 can only be listed). A const tensor gives read-only
/// views. Throws c10::TypeError for a dtype that is not among the types, and whatever `view` throws.
template <class... Elements, class F>
decltype(auto) visit(at::Tensor& tensor, F&& function) {
    using types =
        std::conditional_t<sizeof...(Elements) == 0, detail::visited_by_default, detail::element_list<Elements...>>;
    return detail::visit_elements(types(), tensor, function);
}

template <class... Elements, class F>
decltype(auto) visit(at::Tensor&& tensor, F&& function) {
    return visit<Elements...>(tensor, function);
}

template <class... Elements, class F>
decltype(auto) visit(const at::Tensor& tensor, F&& function) {
    using types =
        std::conditional_t<sizeof...(Elements) == 0, detail::visited_by_default, detail::element_list<Elements...>>;
    return detail::visit_elements(types(), tensor, function);
}

}  // namespace xtt
