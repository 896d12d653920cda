// A tensor's dtype and rank are known when the program runs, an xtensor expression's when it is compiled. LibTorch
// bridges the two with dispatch macros; here a function object is called with views whose types say what the tensors
// are.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
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

// "float32, float64"
template <class First, class... Rest>
std::string names_of(element_list<First, Rest...>) {
    std::string names = describe(scalar_type_v<First>).name;
    ((names += ", " + describe(scalar_type_v<Rest>).name), ...);
    return names;
}

template <class First, class... Rest>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_visited_dtype(const std::string& subject, const at::Tensor& tensor,
                                                          element_list<First, Rest...> listed) {
    throw_type_error("visit: " + subject + " is " + describe(tensor.scalar_type()).name + "; the function takes " +
                     names_of(listed) + ". Convert it first, e.g. tensor.to(" +
                     describe(scalar_type_v<First>).constant + ").");
}

template <std::size_t... N>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_visited_rank(const std::string& subject, const at::Tensor& tensor,
                                                         ranks<N...>) {
    std::string names;
    ((names += (names.empty() ? "" : ", ") + std::to_string(N)), ...);
    throw_value_error("visit: " + subject + " has rank " + std::to_string(tensor.dim()) + ", shape " +
                      braced(tensor.sizes()) + "; the function takes rank " + names +
                      ". Reshape it first: tensor.reshape(…).");
}

// The tensors are counted from 0.
inline const char* subject_of(std::size_t number, std::size_t count) {
    constexpr const char* subjects[] = {"the first tensor", "the second tensor", "the third tensor"};
    return count == 1 ? "the tensor" : subjects[number];
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_two_dtypes(const at::Tensor& first, const at::Tensor& other,
                                                              std::size_t number) {
    throw_type_error(
        "visit: the tensors are " + describe(first.scalar_type()).name + " and " + describe(other.scalar_type()).name +
        "; two tensors of the same dtype are needed where the types are not listed, or same_dtype is. "
        "Convert one of them first, e.g. the " +
        (number == 1 ? "second" : "third") + ": tensor.to(" + describe(first.scalar_type()).constant + ").");
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

// Chooses the type of one view after the other, then makes them all and calls the function.
template <class Result, class Options, class F, class... Tensors, class... Types>
Result choose_views(F& function, const std::tuple<Tensors&...>& tensors, Types... chosen) {
    constexpr std::size_t number = sizeof...(Types);
    if constexpr (number == sizeof...(Tensors)) {
        return std::apply(
            [&](Tensors&... tensor) -> Result {
                // No tensor is touched when another one is refused.
                if constexpr (number > 1) {
                    (require_viewable(chosen, tensor), ...);
                }
                const auto call = [&](auto&&... view) -> Result { return call_with_views<Result>(function, view...); };
                return call(make_view(chosen, tensor)...);
            },
            tensors);
    } else {
        auto& tensor = std::get<number>(tensors);
        const auto choose = [&](auto elements) -> Result {
            return with_view_type<Result>(elements, typename Options::ranks(), tensor, [&](auto type) -> Result {
                return choose_views<Result, Options>(function, tensors, chosen..., type);
            });
        };
        if constexpr (number > 0 && Options::same_dtype) {
            using first_type = typename std::tuple_element_t<0, std::tuple<Types...>>::type;
            return choose(element_list<typename first_type::value_type>());
        } else {
            return choose(typename Options::elements());
        }
    }
}

template <class Options, class F, class First, class... Others>
decltype(auto) visit_tensors(F& function, First& first, Others&... others) {
    using result = std::invoke_result_t<F&, first_view<Options, First>&, first_view<Options, Others>&...>;
    constexpr typename Options::elements elements;
    constexpr typename Options::ranks listed;
    std::size_t number = 0;
    const auto require = [&](const at::Tensor& tensor) {
        require_listed(subject_of(number++, 1 + sizeof...(Others)), tensor, elements, listed);
    };
    require(first);
    (require(others), ...);
    number = 1;
    [[maybe_unused]] const auto compare = [&](const at::Tensor& other) {
        if (Options::same_dtype && first.scalar_type() != other.scalar_type()) [[unlikely]] {
            refuse_two_dtypes(first, other, number);
        }
        ++number;
    };
    (compare(others), ...);
    return choose_views<result, Options>(function, std::tuple<First&, Others&...>(first, others...));
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
    return detail::visit_tensors<detail::visit_options_of<Options...>>(function, tensor);
}

/// Calls `function(first_view, second_view)` with views whose element types are the dtypes of the two tensors.
///
/// Without types in the list, both tensors must have the same dtype, and the function is instantiated once for each
/// dtype. With `visit<float, double>(first, second, function)` each tensor has any of the listed types, and the
/// function is instantiated for every pair: the square of the number of types. With
/// `visit<same_dtype, float, double>(first, second, function)` only listed types are accepted, both the same.
/// `ranks<1, 2>` applies to each tensor alone, so that it gives every pair of ranks, too; to list the types or ranks of
/// each tensor apart, visit the second one within the function of the first.
///
/// Throws what the visit of one tensor throws, and c10::TypeError where the dtypes differ and must not.
template <class... Options, detail::tensor_operand First, detail::tensor_operand Second, class F>
decltype(auto) visit(First&& first, Second&& second, F&& function) {
    return detail::visit_tensors<detail::visit_options_of<Options...>>(function, first, second);
}

/// Calls `function(first_view, second_view, third_view)`, as the visit of two tensors does. With types listed and
/// without `same_dtype` the function is instantiated for every triple of them.
template <class... Options, detail::tensor_operand First, detail::tensor_operand Second, detail::tensor_operand Third,
          class F>
decltype(auto) visit(First&& first, Second&& second, Third&& third, F&& function) {
    return detail::visit_tensors<detail::visit_options_of<Options...>>(function, first, second, third);
}

}  // namespace xtt
