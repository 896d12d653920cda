// A function over views returns expressions, containers or tuples of them; LibTorch wants tensors. On the host this
// file evaluates an expression straight into a tensor and adopts a container; on the meta device it takes from the same
// objects no more than shape and element type, which an xtensor expression knows before it is evaluated.
#pragma once

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/call_lifetime.hpp>
#include <xtensor-torch/operators/symbolic_shapes.hpp>
#include <xtensor-torch/operators/torch_autograd.hpp>
#include <xtensor-torch/operators/values.hpp>
#include <xtensor-torch/to_device.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/SymIntArrayRef.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// ---- what a function may return ------------------------------------------------------------------------------------

template <class R>
struct result_items {
    using type = types<R>;
};
template <>
struct result_items<void> {
    using type = types<>;
};
template <class... R>
struct result_items<std::tuple<R...>> {
    using type = types<R...>;
};
template <class First, class Second>
struct result_items<std::pair<First, Second>> {
    using type = types<First, Second>;
};

// `Count` of the results, the first one being that at `First`.
template <std::size_t First, std::size_t Count, class... R>
consteval auto part_of(types<R...>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
        using all = std::tuple<std::type_identity<R>...>;
        return types<typename std::tuple_element_t<First + I, all>::type...>();
    }(std::make_index_sequence<Count>());
}

// Of a definition's results those that callers see, and those that only its backward does.
template <class Definition, class Items>
using visible_results = decltype(part_of<0, Items::size - Definition::saved_results>(Items()));
template <class Definition, class Items>
using saved_results_of = decltype(part_of<Items::size - Definition::saved_results, Definition::saved_results>(Items()));

template <class R>
inline constexpr bool is_none = std::is_same_v<std::remove_cvref_t<R>, std::nullopt_t>;

// A result that is computed where it is asked for, in the shape of an argument or of an expression.
template <class R>
concept deferred_result = requires(const R& result) {
    { result.evaluate() } -> std::same_as<at::Tensor>;
};
template <class R>
concept deferred_expression = deferred_result<R> && requires(const R& result) { result.expression().shape(); };

template <class R>
struct item_traits {
    using value_type = typename std::remove_cvref_t<R>::value_type;
    static constexpr schema_type type{word::tensor};
};
template <class R>
struct item_traits<std::optional<R>> : item_traits<R> {};
template <class R, class A>
struct item_traits<std::vector<R, A>> : item_traits<R> {
    static constexpr schema_type type = schema_type{word::tensor}.list();
};

template <class R>
inline constexpr bool is_tensor_list = false;
template <class R, class A>
inline constexpr bool is_tensor_list<std::vector<R, A>> = !op_value<std::vector<R, A>>;

// A result that is no tensor.
template <class R>
concept value_result = op_value<std::remove_cvref_t<R>>;

template <class R>
consteval schema_type type_of_result() {
    if constexpr (value_result<R>) {
        return value_traits<std::remove_cvref_t<R>>::type;
    } else {
        return item_traits<std::remove_cvref_t<R>>::type;
    }
}

template <class... R>
consteval bool any_is_value(types<R...>) {
    return (value_result<R> || ...);
}

// "Tensor", "(Tensor, Tensor)" or "()"; gradients that are never given are left out.
template <class... R>
std::string schema_of_results(types<R...>) {
    std::string text;
    constexpr std::size_t count = ((is_none<R> ? 0 : 1) + ... + 0);
    [[maybe_unused]] const auto add = [&]<class Item>(std::type_identity<Item>) {
        if constexpr (!is_none<Item>) {
            text += (text.empty() ? "" : ", ") + text_of(type_of_result<Item>());
        }
    };
    (add(std::type_identity<R>()), ...);
    return count == 1 ? text : "(" + text + ")";
}

// ---- the element type of a result -----------------------------------------------------------------------------------

// Whether an expression is a function of single elements of T, and of numbers.
template <class E, class T>
inline constexpr bool is_function_of = xt::is_xscalar<E>::value;
template <class V, std::size_t N, xt::layout_type L, class T>
inline constexpr bool is_function_of<tensor_view<V, N, L>, T> = std::is_same_v<std::remove_const_t<V>, T>;
template <class F, class... CT, class T>
inline constexpr bool is_function_of<xt::xfunction<F, CT...>, T> = (is_function_of<std::remove_cvref_t<CT>, T> && ...);

// Numbers that C++ computes in a wider type than that of the operator's tensors, `0.5 * x` or a mean over float, come
// back in the type of the tensors, as those of LibTorch's own operators do. Of integers only functions of elements do:
// a sum of them needs its wider type, and so does what is computed with one.
template <class E, class T>
consteval auto result_element() {
    using V = typename item_traits<E>::value_type;
    if constexpr ((real_number<V> && real_number<T>) || (is_complex<V> && is_complex<T>) ||
                  (std::integral<V> && std::integral<T> && !std::is_same_v<T, bool> && is_function_of<E, T>)) {
        return std::type_identity<std::conditional_t<(sizeof(V) > sizeof(T)), T, V>>();
    } else {
        return std::type_identity<V>();
    }
}

// T is void where the tensors share no element type, or the registration keeps what the function computes.
template <class E, class T>
using result_element_t = typename decltype(result_element<std::remove_cvref_t<E>, T>())::type;

// ---- tensors --------------------------------------------------------------------------------------------------------

template <class E>
struct is_elementwise : std::bool_constant<is_tensor_view<E>::value || xt::is_xscalar<E>::value || deferred_result<E>> {
};
template <deferred_expression E>
struct is_elementwise<E> : is_elementwise<std::remove_cvref_t<decltype(std::declval<const E&>().expression())>> {};
template <class F, class... CT>
struct is_elementwise<xt::xfunction<F, CT...>>
    : std::bool_constant<(is_elementwise<std::remove_cvref_t<CT>>::value && ...)> {};

// Sizes that are no symbols are known not to fit each other before LibTorch says so in words of its own.
inline void require_known_to_fit(c10::SymIntArrayRef a, c10::SymIntArrayRef b) {
    for (std::size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
        const auto first = a[a.size() - i].maybe_as_int();
        const auto second = b[b.size() - i].maybe_as_int();
        if (first && second && *first != *second && *first != 1 && *second != 1) {
            throw xt::broadcast_error("");
        }
    }
}

// The shape of the argument that a view stands for.
inline c10::SymIntArrayRef argument_sizes(const op_call& call, const at::Tensor& viewed) {
    const auto found = std::find_if(call.replaced.begin(), call.replaced.end(),
                                    [&](const auto& made) { return made.viewed.is_same(viewed); });
    return (found == call.replaced.end() ? viewed : found->argument).sym_sizes();
}

// Shapes that are symbols cannot be asked of an expression; that of an elementwise one is its operands' broadcast.
template <class E>
void broadcast_symbols(const op_call& call, const E& e, c10::SymDimVector& sizes) {
    if constexpr (is_tensor_view<E>::value) {
        const c10::SymIntArrayRef operand = argument_sizes(call, e.tensor());
        require_known_to_fit(sizes, operand);
        sizes = at::infer_size_symdimvector(sizes, operand);
    } else if constexpr (has_arguments<E>) {
        std::apply([&](const auto&... argument) { (broadcast_symbols(call, argument, sizes), ...); }, e.arguments());
    }
}

// Makes what a schema returns of what a function returned: elements on the host, shapes alone on the meta device.
// `T` is the element type of the operator's tensors, or void.
template <op_mode Mode, class T>
struct result_tensors {
    const char* name;
    const op_call& call;
    call_lifetime lifetime;

    template <class R>
    c10::IValue operator()(R& result) const {
        if constexpr (value_result<R>) {
            return boxed(std::as_const(result));
        } else if constexpr (xt::is_xexpression<R>::value) {
            return tensor(result);
        } else if constexpr (deferred_result<R>) {
            if constexpr (deferred_expression<R>) {
                refuse_if_dangling(result.expression());
            }
            if constexpr (Mode == op_mode::meta && deferred_expression<R>) {
                return shape_alone<R>(result.expression());
            } else if constexpr (Mode == op_mode::meta) {
                return empty_meta(argument_sizes(call, result.like()), scalar_type_v<typename R::value_type>);
            } else {
                return call.device ? result.evaluate().to(*call.device) : result.evaluate();
            }
        } else if constexpr (requires { result.has_value(); }) {
            return result ? c10::IValue(tensor(*result)) : c10::IValue(at::Tensor());
        } else {
            std::vector<at::Tensor> tensors;
            for (auto& element : result) {
                tensors.push_back(tensor(element));
            }
            return tensors;
        }
    }

private:
    template <class E>
    void refuse_if_dangling(const E& expression) const {
        if (dangles(expression, lifetime)) [[unlikely]] {
            refuse_dangling(name);
        }
        // Operands that do not fit each other are the operator's to name: it knows the arguments.
        if constexpr (Mode == op_mode::host) {
            static_cast<void>(expression.shape());
        }
    }

    template <class E>
    at::Tensor tensor(E& expression) const {
        refuse_if_dangling(expression);
        if constexpr (Mode == op_mode::meta) {
            return shape_alone<E>(expression);
        } else {
            using V = result_element_t<E, T>;
            if constexpr (!std::is_same_v<V, typename E::value_type>) {
                return call.device ? to_device(xt::cast<V>(expression), *call.device) : copy<V>(expression);
            } else if (call.device) {
                return to_device(expression, *call.device);
            } else if constexpr (adoptable<E>) {
                return adopt(std::move(expression));
            } else {
                return copy(expression);
            }
        }
    }

    template <class Result, class E>
    at::Tensor shape_alone(const E& expression) const {
        using V = result_element_t<Result, T>;
        constexpr c10::ScalarType dtype = scalar_type_v<V>;
        if constexpr (is_elementwise<E>::value) {
            c10::SymDimVector sizes;
            broadcast_symbols(call, expression, sizes);
            return empty_meta(sizes, dtype);
        } else if constexpr (adoptable<E> && std::is_same_v<V, typename E::value_type>) {
            const tensor_geometry geometry = geometry_of(name, expression);
            return at::Tensor(at::detail::empty_strided_meta(geometry.sizes, geometry.strides, dtype));
        } else {
            const c10::DimVector sizes = to_dim_vector(expression.shape());
            return empty_meta(c10::fromIntArrayRefSlow(sizes), dtype);
        }
    }
};

}  // namespace xtt::detail
