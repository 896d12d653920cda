// A backward that nobody wrote: the function's expression is differentiated for the gradients, and repeated in
// LibTorch's operators for the gradients of gradients.
#pragma once

#include <xtensor-torch/operators/autograd.hpp>
#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/gradient_pass.hpp>
#include <xtensor-torch/operators/registration.hpp>
#include <xtensor-torch/operators/torch_autograd.hpp>

#include <ATen/ops/alias.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

template <class Pass, std::size_t Index>
struct derived_result {
    using value_type = typename Pass::element;

    std::shared_ptr<Pass> pass;

    at::Tensor evaluate() const { return pass->template gradient<Index>(); }
    const at::Tensor& like() const { return pass->template argument<Index>(); }
};

// Optional tensors and lists of tensors.
template <class A>
concept holds_views = is_tensor_view<typename A::value_type>::value;

template <class F, class... A>
consteval bool require_expression(types<A...>) {
    constexpr bool are_plain = (!holds_views<typename A::stored> && ...);
    static_assert(are_plain,
                  "op: xtt::derived takes tensors and values; optional tensors and lists need an xtt::backward");
    if constexpr (are_plain) {
        using inputs = inputs_for<std::index_sequence_for<A...>, typename A::stored...>;
        constexpr bool takes_expressions = inputs::template are_taken_by<F>;
        static_assert(
            takes_expressions,
            "op: xtt::derived calls the function with expressions in place of views; take tensors as const auto&");
        if constexpr (takes_expressions) {
            return require_differentiable<typename expression_tree<F, typename A::stored...>::type>();
        }
    }
    return false;
}

template <class... T>
consteval bool require_real_elements(element_list<T...>) {
    constexpr bool are_real = (!is_complex<T> && ...);
    static_assert(are_real,
                  "op: xtt::derived differentiates functions of real numbers; complex ones need an xtt::backward");
    return are_real;
}

// Refuses a function that cannot be differentiated, and says whether it can be.
template <op_text Schema, class F, class Elements>
consteval bool require_derivable() {
    using arguments = typename stated_signature<Schema, F>::template arguments<typename first_of<Elements>::type>;
    if constexpr (!require_real_elements(Elements())) {
        return false;
    } else if constexpr (std::is_same_v<arguments, no_choice>) {
        return true;  // that has a sentence of its own
    } else {
        return require_expression<F>(arguments());
    }
}

// The element type of the first tensor among the arguments.
template <class... A>
struct element_of_first {
    using type = void;
};
template <class A, class... Rest>
struct element_of_first<A, Rest...> : element_of_first<Rest...> {};
template <class T, std::size_t N, xt::layout_type L, class... Rest>
struct element_of_first<tensor_view<T, N, L>, Rest...> {
    using type = std::remove_const_t<T>;
};

template <class Pass>
struct derived_value {
    using value_type = typename Pass::element;

    std::shared_ptr<Pass> pass;

    at::Tensor evaluate() const { return pass->evaluate(); }
    const auto& expression() const { return pass->expression(); }
};

// The function itself, computed as its gradients are: in the element type of its tensors, each reducer once.
template <class F>
struct derived_forward {
    F function;

    template <class... A>
        requires std::invocable<const F&, const A&...>
    auto operator()(const A&... arguments) const {
        using T = typename element_of_first<A...>::type;
        using computed = typename std::invoke_result_t<const F&, const A&...>::value_type;
        if constexpr (is_differentiable<T> && is_differentiable<computed> && !is_complex<T> &&
                      (!holds_views<A> && ...)) {
            using pass_type = value_pass<T, F, A...>;
            return derived_value<pass_type>{std::make_shared<pass_type>(function, arguments...)};
        } else {
            return function(arguments...);
        }
    }
};

// The function of a backward: one gradient for each tensor among the arguments.
template <class F>
struct derived_gradient {
    F function;

    template <class Gradient, class... A>
        requires(is_tensor_view<Gradient>::value)
    auto operator()(const Gradient& gradient, const A&... arguments) const {
        using T = std::remove_const_t<typename Gradient::value_type>;
        using pass_type = gradient_pass<T, F, Gradient, A...>;
        const auto pass = std::make_shared<pass_type>(function, gradient, arguments...);
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple_cat([&] {
                if constexpr (is_tensor_view<A>::value) {
                    return std::make_tuple(derived_result<pass_type, I>{pass});
                } else {
                    return std::tuple<>();
                }
            }()...);
        }(std::index_sequence_for<A...>());
    }
};

// What comes after such a backward: the function, in LibTorch's operators.
template <class F>
struct repeated_in_torch {
    F function;
};

template <class F, class... A, std::size_t... I>
at::Tensor repeat_in_torch(const F& function, op_call& call, c10::ArrayRef<c10::IValue> values, types<A...>,
                           std::index_sequence<I...>) {
    // The expression wants views of the arguments' shapes, and no elements.
    const std::tuple<typename A::stored...> arguments{A::make(call, values[I])...};
    const expression_tree<F, typename A::stored...> tree(function, std::get<I>(arguments)...);
    std::vector<at::Tensor> tensors;
    for (const c10::IValue& value : values) {
        tensors.push_back(value.isTensor() ? value.toTensor() : at::Tensor());
    }
    return in_torch(tree.root(), tensors);
}

template <class Forward, class G, class Elements, class F>
forward_in_torch function_in_torch(
    const std::shared_ptr<const op_definition<backward_signature<Forward, G>, G, Elements>>& definition,
    const repeated_in_torch<F>& repeated) {
    return [definition, function = repeated.function](c10::ArrayRef<c10::IValue> values) {
        at::Tensor result;
        op_call call;
        call.mode = op_mode::meta;
        std::vector<c10::IValue> with_gradient{c10::IValue()};
        with_gradient.insert(with_gradient.end(), values.begin(), values.end());
        with_op_element(*definition, with_gradient, call, [&]<class T>(std::type_identity<T>) {
            using arguments = arguments_of<Forward, T>;
            result = repeat_in_torch(function, call, values, arguments(), std::make_index_sequence<arguments::size>());
        });
        return result;
    };
}

// The kernel at autograd's dispatch key of a derived backward. Where its gradient may be asked for, it computes by
// LibTorch's operators, whose history autograd knows.
struct repeating_autograd_kernel : c10::OperatorKernel {
    std::size_t arguments;  // of the forward
    forward_in_torch in_torch;

    repeating_autograd_kernel(std::size_t count, forward_in_torch function)
        : arguments(count), in_torch(std::move(function)) {}

    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) const {
        const auto values = torch::jit::last(*stack, 1 + arguments + 1);
        if (!std::any_of(values.begin(), values.end(), is_followed)) {
            const at::AutoDispatchBelowADInplaceOrView guard;
            op.redispatchBoxed(keys & c10::after_autograd_keyset, stack);
            return;
        }
        const std::vector<at::Tensor> gradients =
            differentiate(values[0].toTensor(), values.slice(1, arguments), values.back().toBoolList());
        torch::jit::drop(*stack, 1 + arguments + 1);
        stack->insert(stack->end(), gradients.begin(), gradients.end());
    }

private:
    static bool is_followed(const c10::IValue& value) {
        return value.isTensor() && value.toTensor().defined() &&
               ((c10::GradMode::is_enabled() && value.toTensor().requires_grad()) ||
                torch::autograd::isFwGradDefined(value.toTensor()));
    }

    // Keeps a forward-mode derivative, which detach() would drop.
    static at::Tensor without_history(const at::Tensor& tensor) {
        const c10::NoGradGuard unrecorded;
        return at::alias(tensor);
    }

    std::vector<at::Tensor> differentiate(const at::Tensor& gradient, c10::ArrayRef<c10::IValue> values,
                                          const c10::List<bool>& mask) const {
        const at::AutoGradMode recorded(true);
        std::vector<c10::IValue> inputs = values.vec();
        std::vector<at::Tensor> wanted;
        std::size_t number = 0;
        for (c10::IValue& value : inputs) {
            if (value.isTensor() && mask.get(number++)) {
                if (!value.toTensor().requires_grad()) {
                    value = without_history(value.toTensor()).requires_grad_();
                }
                wanted.push_back(value.toTensor());
            }
        }
        const at::Tensor result = in_torch(inputs).to(gradient.scalar_type());
        const auto found = torch::autograd::grad({result}, wanted, {gradient}, /*retain_graph=*/true,
                                                 /*create_graph=*/true, /*allow_unused=*/true);
        std::vector<at::Tensor> gradients;
        std::size_t next = 0;
        number = 0;
        for (const c10::IValue& value : inputs) {
            if (value.isTensor()) {
                const bool is_wanted = mask.get(number++);
                gradients.push_back(is_wanted ? found[next] : at::Tensor());
                if (is_wanted && !found[next++].defined()) {
                    gradients.back() = at::zeros_like(value.toTensor());
                }
            }
        }
        return gradients;
    }
};

template <class Definition, class F>
void register_backward_option(torch::Library& library, const std::shared_ptr<const Definition>& definition,
                              const std::vector<std::size_t>&, const repeated_in_torch<F>& repeated) {
    library.impl(definition->dispatched.c_str(),
                 torch::dispatch(c10::DispatchKey::Autograd,
                                 torch::CppFunction::makeFromBoxedFunctor(std::make_unique<repeating_autograd_kernel>(
                                     definition->names.size() - 1, function_in_torch(definition, repeated)))));
}

}  // namespace xtt::detail
