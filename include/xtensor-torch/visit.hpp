// A tensor's dtype and rank are known when the program runs, an xtensor expression's when it is compiled. LibTorch
// bridges the two with dispatch macros; here a function object is called with views whose types say what the tensors
// are.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace xtt {

/// In the list of a `visit`, as in `visit<ranks<1, 2>, float>(tensor, function)`: the tensors have one of these ranks,
/// and the views have theirs in the type.
template <std::size_t... Ranks>
struct ranks {};

/// In the list of a `visit` of two tensors, as in `visit<same_dtype, float, double>(first, second, function)`: both
/// have the same dtype.
struct same_dtype {};

namespace detail {

template <class... Elements>
struct element_list {};

// Every type that LibTorch itself uses for a dtype and C++ can compute with.
using visited_by_default = element_list<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                                        std::uint16_t, std::uint32_t, std::uint64_t, c10::Half, c10::BFloat16, float,
                                        double, c10::complex<float>, c10::complex<double>>;

// What stands between the angle brackets of a visit, sorted out.
template <class Elements, class Ranks, bool SameDtype>
struct visit_options;

template <class... Elements, class Ranks, bool SameDtype>
struct visit_options<element_list<Elements...>, Ranks, SameDtype> {
    static constexpr bool types_are_listed = sizeof...(Elements) > 0;
    static constexpr bool same_dtype = SameDtype || !types_are_listed;
    using elements = std::conditional_t<types_are_listed, element_list<Elements...>, visited_by_default>;
    using ranks = Ranks;
};

template <class Sorted, class... Unsorted>
struct sort_options {
    using type = Sorted;
};

template <class... Elements, class Ranks, bool Same, class T, class... Rest>
struct sort_options<visit_options<element_list<Elements...>, Ranks, Same>, T, Rest...>
    : sort_options<visit_options<element_list<Elements..., T>, Ranks, Same>, Rest...> {};

template <class... Elements, class Ranks, bool Same, std::size_t... N, class... Rest>
struct sort_options<visit_options<element_list<Elements...>, Ranks, Same>, ranks<N...>, Rest...>
    : sort_options<visit_options<element_list<Elements...>, ranks<N...>, Same>, Rest...> {};

template <class... Elements, class Ranks, bool Same, class... Rest>
struct sort_options<visit_options<element_list<Elements...>, Ranks, Same>, same_dtype, Rest...>
    : sort_options<visit_options<element_list<Elements...>, Ranks, true>, Rest...> {};

template <class... Options>
using visit_options_of =
    typename sort_options<visit_options<element_list<>, ranks<dynamic_rank>, false>, Options...>::type;

// The view of a tensor whose dtype and rank are known; a const tensor gives read-only views.
template <class Tensor, class T, std::size_t N>
using visited_view = tensor_view<std::conditional_t<std::is_const_v<Tensor>, const T, T>, N>;

template <class Tensor, class First, class... Rest, std::size_t N, std::size_t... Others>
auto first_view_of(element_list<First, Rest...>, ranks<N, Others...>) -> visited_view<Tensor, First, N>;

// The view that decides what a visit returns.
template <class Options, class Tensor>
using first_view = decltype(first_view_of<Tensor>(typename Options::elements(), typename Options::ranks()));

template <class... Elements>
[[noreturn, gnu::cold, gnu::noinline]] void refuse_visited_dtype(const std::string& subject, const at::Tensor& tensor,
                                                                 element_list<Elements...>) {
    std::string names;
    std::string remedy;
    ((names += (names.empty() ? "" : ", ") + describe(scalar_type_v<Elements>).name,
      remedy = remedy.empty() ? describe(scalar_type_v<Elements>).constant : remedy),
     ...);
    throw_type_error("visit: " + subject + " is " + describe(tensor.scalar_type()).name + "; the function takes " +
                     names + ". Convert it first, e.g. tensor.to(" + remedy + ").");
}

template <std::size_t... N>
[[noreturn, gnu::cold, gnu::noinline]] void refuse_visited_rank(const std::string& subject, const at::Tensor& tensor,
                                                                ranks<N...>) {
    std::string names;
    ((names += (names.empty() ? "" : ", ") + std::to_string(N)), ...);
    throw_value_error("visit: " + subject + " has rank " + std::to_string(tensor.dim()) + ", shape " +
                      braced(tensor.sizes()) + "; the function takes rank " + names +
                      ". Reshape it first: tensor.reshape(…).");
}

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_two_dtypes(const at::Tensor& first,
                                                                     const at::Tensor& second) {
    throw_type_error("visit: the tensors are " + describe(first.scalar_type()).name + " and " +
                     describe(second.scalar_type()).name +
                     "; two tensors of the same dtype are needed where the types are not listed, or same_dtype is. "
                     "Convert one of them first, e.g. the second: tensor.to(" +
                     describe(first.scalar_type()).constant + ").");
}

template <class... Elements, std::size_t... N>
void require_listed(const char* subject, const at::Tensor& tensor, element_list<Elements...> elements,
                    ranks<N...> listed) {
    require_strided_storage("visit", tensor);
    if (((tensor.scalar_type() != scalar_type_v<Elements>) && ...)) [[unlikely]] {
        refuse_visited_dtype(subject, tensor, elements);
    }
    if (((N != dynamic_rank && tensor.dim() != static_cast<std::int64_t>(N)) && ...)) [[unlikely]] {
        refuse_visited_rank(subject, tensor, listed);
    }
}

// Calls function(type) with the listed type that is the dtype; one of them is.
template <class Result, class First, class... Rest, class F>
Result with_element(element_list<First, Rest...>, c10::ScalarType scalar, F&& function) {
    if constexpr (sizeof...(Rest) > 0) {
        if (scalar != scalar_type_v<First>) {
            return with_element<Result>(element_list<Rest...>(), scalar, function);
        }
    }
    return function(std::type_identity<First>());
}

// Calls function(rank) with the listed rank that is the tensor's; one of them is.
template <class Result, std::size_t First, std::size_t... Rest, class F>
Result with_rank(ranks<First, Rest...>, std::int64_t rank, F&& function) {
    if constexpr (sizeof...(Rest) > 0) {
        if (rank != static_cast<std::int64_t>(First)) {
            return with_rank<Result>(ranks<Rest...>(), rank, function);
        }
    }
    return function(std::integral_constant<std::size_t, First>());
}

// Calls function(type) with the type of the view to make of the tensor.
template <class Result, class Elements, class Ranks, class Tensor, class F>
Result with_view_type(Elements elements, Ranks listed, Tensor& tensor, F&& function) {
    return with_element<Result>(elements, tensor.scalar_type(), [&]<class T>(std::type_identity<T>) -> Result {
        return with_rank<Result>(listed, tensor.dim(),
                                 [&]<std::size_t N>(std::integral_constant<std::size_t, N>) -> Result {
                                     return function(std::type_identity<visited_view<Tensor, T, N>>());
                                 });
    });
}

template <class T, std::size_t N, xt::layout_type L>
tensor_view<T, N, L> make_view(std::type_identity<tensor_view<T, N, L>>, const at::Tensor& tensor) {
    return make_view<T, N, L>(tensor);
}

template <class T, std::size_t N, xt::layout_type L>
void require_viewable(std::type_identity<tensor_view<T, N, L>>, const at::Tensor& tensor) {
    static_cast<void>(require_viewable<T, N, L>(tensor));
}

template <class Result, class F, class... Views>
Result call_with_views(F& function, Views&... views) {
    static_assert(
        std::is_same_v<Result, std::invoke_result_t<F&, Views&...>>,
        "visit returns what the function returns: it must return one type for every element type, e.g. double");
    return function(views...);
}

template <class Options, class Tensor, class F>
decltype(auto) visit_one(Tensor& tensor, F& function) {
    using result = std::invoke_result_t<F&, first_view<Options, Tensor>&>;
    constexpr typename Options::elements elements;
    constexpr typename Options::ranks listed;
    require_listed("the tensor", tensor, elements, listed);
    return with_view_type<result>(elements, listed, tensor, [&](auto type) -> result {
        auto view = make_view(type, tensor);
        return call_with_views<result>(function, view);
    });
}

template <class Options, class First, class Second, class F>
decltype(auto) visit_two(First& first, Second& second, F& function) {
    using result = std::invoke_result_t<F&, first_view<Options, First>&, first_view<Options, Second>&>;
    constexpr typename Options::elements elements;
    constexpr typename Options::ranks listed;
    require_listed("the first tensor", first, elements, listed);
    require_listed("the second tensor", second, elements, listed);
    if (Options::same_dtype && first.scalar_type() != second.scalar_type()) [[unlikely]] {
        refuse_two_dtypes(first, second);
    }
    return with_view_type<result>(elements, listed, first, [&]<class View>(std::type_identity<View> first_type) {
        using others = std::conditional_t<Options::same_dtype, element_list<typename View::value_type>,
                                          typename Options::elements>;
        return with_view_type<result>(others(), listed, second, [&](auto second_type) -> result {
            // Neither tensor is touched when the other one is refused.
            require_viewable(first_type, first);
            require_viewable(second_type, second);
            auto first_view = make_view(first_type, first);
            auto second_view = make_view(second_type, second);
            return call_with_views<result>(function, first_view, second_view);
        });
    });
}

template <class X>
concept tensor_operand = std::derived_from<std::remove_cvref_t<X>, at::Tensor>;

}  // namespace detail

/// Calls `function(view)` with a `tensor_view<T>` whose element type T is the tensor's dtype, and returns what it
/// returns, which must be one type for all T.
///
/// With `visit<float, double>(tensor, function)` only the listed types are instantiated and accepted; otherwise all
/// types of C++ and LibTorch that can be computed with (Float8 can only be listed). With `ranks<1, 2>` in the list,
/// before or after the types, the views are `tensor_view<T, 1>` and `tensor_view<T, 2>`. The function is instantiated
/// once for each type and rank. A const tensor gives read-only views.
///
/// Throws c10::TypeError for a dtype and c10::ValueError for a rank that is not listed, and whatever `view` throws.
template <class... Options, detail::tensor_operand Tensor, class F>
decltype(auto) visit(Tensor&& tensor, F&& function) {
    return detail::visit_one<detail::visit_options_of<Options...>>(tensor, function);
}

/// Calls `function(first_view, second_view)` with views whose element types are the dtypes of the two tensors.
///
/// Without types in the list, both tensors must have the same dtype, and the function is instantiated once for each
/// dtype. With `visit<float, double>(first, second, function)` each tensor has any of the listed types, and the
/// function is instantiated for every pair: the square of the number of types. With
/// `visit<same_dtype, float, double>(first, second, function)` only listed types are accepted, both the same.
/// `ranks<1, 2>` goes for each tensor alone, so that it gives every pair of ranks, too; to list the types or ranks of
/// each tensor apart, visit the second one within the function of the first.
///
/// Throws what the visit of one tensor throws, and c10::TypeError where the dtypes differ and must not.
template <class... Options, detail::tensor_operand First, detail::tensor_operand Second, class F>
decltype(auto) visit(First&& first, Second&& second, F&& function) {
    return detail::visit_two<detail::visit_options_of<Options...>>(first, second, function);
}

}  // namespace xtt
