// The dispatcher calls a boxed kernel; a function over views wants its dtype made a type first. This file is the kernel
// between them: it checks every argument, calls the function with the element type of the tensors, and hands back its
// results while the views that the results refer to are still there.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/signature.hpp>

#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/stack.h>
#include <c10/core/GradMode.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// What the function wrote into host copies goes back to the tensors.
inline void return_written(const op_call& call) {
    for (const auto& [viewed, argument, is_written] : call.replaced) {
        if (is_written) {
            argument.copy_(viewed);
        }
    }
}

// Which results of a backward are wanted; all of them elsewhere.
struct wanted_results {
    std::optional<std::vector<bool>> mask;

    bool operator()(std::size_t index) const { return !mask || mask->at(index); }
};

template <class Results, class R>
void push_result(torch::jit::Stack& stack, const Results& results, bool wanted, R& result) {
    if constexpr (!is_none<R>) {
        if (wanted) {
            stack.push_back(results(result));
        } else if constexpr (is_tensor_list<std::remove_cvref_t<R>>) {
            stack.push_back(std::vector<at::Tensor>());
        } else {
            stack.push_back(at::Tensor());
        }
    }
}

template <class Results, class R>
void push_results(torch::jit::Stack& stack, const Results& results, const wanted_results& wanted, R& result) {
    if constexpr (requires { std::tuple_size<R>::value; } && !xt::is_xexpression<R>::value) {
        std::size_t index = 0;
        std::apply([&](auto&... item) { (push_result(stack, results, wanted(index++), item), ...); }, result);
    } else {
        push_result(stack, results, wanted(0), result);
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_shapes(const std::string& name,
                                                          const std::vector<std::string>& names,
                                                          c10::ArrayRef<c10::IValue> values) {
    std::string shapes;
    for (std::size_t i = 0; i < values.size() && i < names.size(); ++i) {
        // A symbolic shape cannot be printed without making it a fact.
        if (values[i].isTensor() && values[i].toTensor().defined() && !has_symbolic_shape(values[i].toTensor())) {
            shapes += (shapes.empty() ? "" : ", ") + ("'" + names[i] + "' ") + braced(values[i].toTensor().sizes());
        }
    }
    throw_value_error(name + ": the shapes of the arguments do not broadcast to one another" +
                      (shapes.empty() ? "" : " (" + shapes + ")") +
                      "; equal sizes, or 1, are needed. Reshape them first: tensor.reshape(…).");
}

// Not inlined into its caller, whose variables lie above all that the function leaves behind.
template <class Results, class Definition, class... A, std::size_t... I>
XTENSOR_TORCH_NOINLINE torch::jit::Stack results_of(const Definition& definition, op_call& call,
                                                    const std::byte* caller, const wanted_results& wanted,
                                                    c10::ArrayRef<c10::IValue> values, types<A...>,
                                                    std::index_sequence<I...>) {
    (A::require(call, definition.labels[I].c_str(), values[I]), ...);
    using result_type = result_of_t<typename Definition::function_type, types<A...>>;
    torch::jit::Stack returned;
    // Without a result there is no shape to ask for.
    if (std::is_void_v<result_type> && call.mode == op_mode::meta) {
        return returned;
    }
    std::tuple<typename A::stored...> arguments{A::make(call, values[I])...};
    try {
        if constexpr (std::is_void_v<result_type>) {
            definition.function(static_cast<typename A::passed>(std::get<I>(arguments))...);
        } else {
            auto result = definition.function(static_cast<typename A::passed>(std::get<I>(arguments))...);
            const call_lifetime lifetime{caller,
                                         {bytes_within(arguments), bytes_within(definition), bytes_within(result)}};
            push_results(returned, Results{definition.name.c_str(), call, lifetime}, wanted, result);
        }
    } catch (const xt::broadcast_error&) {
        refuse_shapes(definition.name, definition.names, values);
    }
    if (call.mode == op_mode::host) {
        return_written(call);
    }
    return returned;
}

inline wanted_results read_mask(bool has_mask, const torch::jit::Stack& stack) {
    if (!has_mask) {
        return {};
    }
    std::vector<bool> mask;
    for (const bool needed : stack.back().toBoolList()) {
        mask.push_back(needed);
    }
    return {std::move(mask)};
}

// The arguments of the operator on the stack, without the mask of a backward on top of them.
template <class Definition>
c10::ArrayRef<c10::IValue> values_on(const torch::jit::Stack& stack, const Definition& definition) {
    const std::size_t count = definition.names.size();
    const std::size_t above = Definition::signature::is_backward ? 1 : 0;
    return c10::ArrayRef<c10::IValue>(stack.data() + stack.size() - count - above, count);
}

// What the operator returns for the arguments.
template <op_mode Mode, class T, class Definition>
torch::jit::Stack function_results(const Definition& definition, op_call& call, const wanted_results& wanted,
                                   c10::ArrayRef<c10::IValue> values) {
    using arguments = arguments_of<Definition, T>;
    using element = converted_to<Definition, T>;
    const std::byte caller{};
    torch::jit::Stack returned = results_of<result_tensors<Mode, element>>(
        definition, call, &caller, wanted, values, arguments(), std::make_index_sequence<arguments::size>());
    for (const std::size_t index : definition.returned) {
        returned.push_back(values[index]);
    }
    return returned;
}

template <class Definition>
void replace_arguments(const Definition& definition, torch::jit::Stack& stack, torch::jit::Stack&& returned) {
    replace_last(stack, definition.names.size() + (Definition::signature::is_backward ? 1 : 0), std::move(returned));
}

/// Runs the function on the elements of tensors in host memory, or on host copies of them where the operator makes a
/// round trip.
template <class Definition>
struct host_kernel : c10::OperatorKernel {
    std::shared_ptr<const Definition> definition;

    explicit host_kernel(std::shared_ptr<const Definition> registered) : definition(std::move(registered)) {}

    void operator()(const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        // What the function does is autograd's business one level up.
        const c10::NoGradGuard unrecorded;
        op_call call;
        call.round_trip = definition->round_trip;
        const wanted_results wanted = read_mask(Definition::signature::is_backward, *stack);
        const auto values = values_on(*stack, *definition);
        with_op_element(*definition, values, call, [&]<class T>(std::type_identity<T>) {
            replace_arguments(*definition, *stack,
                              function_results<op_mode::host, T>(*definition, call, wanted, values));
        });
    }
};

inline size_numbers symbols_of(c10::ArrayRef<c10::IValue> values) {
    size_numbers found;
    for (const c10::IValue& value : values) {
        if (value.isSymInt()) {
            found.add(value.toSymInt());
        } else if (value.isSymIntList()) {
            found.add_each(value.toSymIntVector());
        }
        for (const at::Tensor& tensor : tensors_in(value)) {
            if (tensor.defined() && has_symbolic_shape(tensor)) {
                found.add_each(tensor.sym_sizes());
            }
        }
    }
    return found;
}

// The values with numbers in the place of integers that are symbols; the sizes of tensors are taken from the numbers
// later.
inline torch::jit::Stack in_numbers(c10::ArrayRef<c10::IValue> values, const size_numbers& numbers) {
    torch::jit::Stack known(values.begin(), values.end());
    for (c10::IValue& value : known) {
        if (value.isSymInt()) {
            value = numbers.of(value.toSymInt());
        } else if (value.isSymIntList()) {
            std::vector<std::int64_t> integers;
            for (const c10::SymInt& integer : value.toSymIntVector()) {
                integers.push_back(numbers.of(integer));
            }
            value = std::move(integers);
        }
    }
    return known;
}

/// Runs the function on tensors that stand for those without elements, and keeps the shapes of its results.
template <class Definition>
struct meta_kernel : c10::OperatorKernel {
    std::shared_ptr<const Definition> definition;

    explicit meta_kernel(std::shared_ptr<const Definition> registered) : definition(std::move(registered)) {}

    void operator()(const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        const c10::NoGradGuard unrecorded;
        if constexpr (any_is_value(some_items<Definition>())) {
            throw_error(definition->name +
                        ": the result is a value that depends on those of the arguments, and tensors on the meta "
                        "device or being compiled have none; tensors with elements are needed. Call it outside of what "
                        "is compiled.");
        }
        if (definition->needs_values) {
            throw_error(definition->name +
                        ": the shape of the result depends on the values of the arguments (the operator is registered "
                        "with xtt::needs_values), and tensors on the meta device or being compiled have none; tensors "
                        "with elements are needed. Call it outside of what is compiled.");
        }
        op_call call;
        call.mode = op_mode::meta;
        const wanted_results wanted = read_mask(Definition::signature::is_backward, *stack);
        const auto values = values_on(*stack, *definition);
        with_op_element(*definition, values, call, [&]<class T>(std::type_identity<T>) {
            const auto results_with = [&](const size_numbers* numbers) {
                op_call one = call;
                one.numbers = numbers;
                return function_results<op_mode::meta, T>(*definition, one, wanted,
                                                          numbers == nullptr ? values : in_numbers(values, *numbers));
            };
            size_numbers symbols = symbols_of(values);
            std::optional<torch::jit::Stack> returned;
            if (!symbols.symbols.empty()) {
                returned = symbolic_call(std::move(symbols), [&](const size_numbers& numbers) {
                               return results_with(&numbers);
                           }).results();
            }
            replace_arguments(*definition, *stack, returned ? std::move(*returned) : results_with(nullptr));
        });
    }
};

}  // namespace xtt::detail
