// What a registration consists of: the schema, the kernels of the dispatch keys, and the plan that autograd follows.
// The functions' types say all of it; this file writes it down for LibTorch.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/operators/autograd.hpp>
#include <xtensor-torch/operators/backward.hpp>
#include <xtensor-torch/operators/batching.hpp>
#include <xtensor-torch/operators/completed_schema.hpp>
#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/kernel.hpp>
#include <xtensor-torch/operators/requirements.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/schema.hpp>
#include <xtensor-torch/operators/shape_function.hpp>
#include <xtensor-torch/operators/signature.hpp>
#include <xtensor-torch/operators/torch_autograd.hpp>
#include <xtensor-torch/visit.hpp>

#include <ATen/core/enum_tag.h>
#include <torch/library.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// What compilers go by: an operator with the second or third tag stands between two graphs.
template <class Definition>
std::vector<at::Tag> tags_of(const Definition& definition) {
    std::vector<at::Tag> tags{at::Tag::pt2_compliant_tag};
    if (any_is_value(some_items<Definition>())) {
        tags.push_back(at::Tag::data_dependent_output);
    }
    if (definition.needs_values) {
        tags.push_back(at::Tag::dynamic_output_shape);
    }
    return tags;
}

// What is called on the meta device, where the registration has no shape function.
template <class Definition>
torch::CppFunction shapes_by(const std::shared_ptr<const Definition>& definition) {
    return torch::CppFunction::makeFromBoxedFunctor(std::make_unique<meta_kernel<Definition>>(definition));
}
template <class Definition, class F>
torch::CppFunction shapes_by(const std::shared_ptr<const Definition>& definition, const F& shape_function) {
    return torch::CppFunction::makeFromBoxedFunctor(
        std::make_unique<shape_kernel<Definition, F>>(definition, shape_function));
}

template <class Definition, class... ShapeFunction>
void register_kernels(torch::Library& library, const std::shared_ptr<const Definition>& definition,
                      const std::string& schema, const ShapeFunction&... shape_function) {
    const std::vector<at::Tag> tags = tags_of(*definition);
    library.def(torch::schema(schema.c_str()), tags);
    // The key of all backends: tensors of those that this library does not compute on get a sentence of ours.
    library.impl(definition->dispatched.c_str(),
                 torch::dispatch(
                     c10::DispatchKey::CompositeExplicitAutograd,
                     torch::CppFunction::makeFromBoxedFunctor(std::make_unique<host_kernel<Definition>>(definition))));
    library.impl(definition->dispatched.c_str(),
                 torch::dispatch(c10::DispatchKey::Meta, shapes_by(definition, shape_function...)));
}

// How the operator is called under vmap, where that is not once for each element of the batch, which LibTorch does.
template <class Definition>
void register_batching(torch::Library& library, const Definition& definition) {
    const bool returns_nothing = std::is_void_v<some_result<Definition>> && definition.returned.empty();
    if (!returns_nothing && !definition.is_batched) {
        return;
    }
    library.impl(definition.dispatched.c_str(),
                 torch::dispatch(
                     c10::DispatchKey::FuncTorchBatched,
                     returns_nothing
                         ? torch::CppFunction::makeFromBoxedFunctor(std::make_unique<looping_kernel>(definition.name))
                         : torch::CppFunction::makeFromBoxedFunctor(std::make_unique<batched_kernel>())));
}

// The operator that callers see where the function returns more for its backward: it calls the one that returns all.
struct hiding_kernel : c10::OperatorKernel {
    std::string called;
    std::size_t hidden;

    hiding_kernel(std::string name, std::size_t count) : called(std::move(name)), hidden(count) {}

    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        operator_beside(op, called).callBoxed(stack);
        torch::jit::drop(*stack, hidden);
    }
};

template <class Definition>
void register_without_backward(torch::Library& library, const Definition& definition) {
    constexpr bool writes = writes_arguments<Definition>;
    if (writes && definition.returned.empty()) {
        library.impl(definition.dispatched.c_str(),
                     torch::dispatch(c10::DispatchKey::Autograd, torch::CppFunction::makeFromBoxedFunctor(
                                                                     std::make_unique<refusing_autograd_kernel>(
                                                                         definition.name, definition.names.size()))));
        return;
    }
    library.impl(definition.dispatched.c_str(),
                 torch::dispatch(c10::DispatchKey::Autograd, torch::autograd::autogradNotImplementedFallback()));
    if (writes) {
        library.impl(definition.dispatched.c_str(),
                     torch::dispatch(c10::DispatchKey::ADInplaceOrView,
                                     torch::autograd::autogradNotImplementedInplaceOrViewFallback()));
    }
}

template <class... A>
std::vector<std::size_t> tensor_positions(types<A...>) {
    constexpr bool is_tensor[] = {A::is_tensor..., false};
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < sizeof...(A); ++i) {
        if (is_tensor[i]) {
            positions.push_back(i);
        }
    }
    return positions;
}

template <class Forward, class... A, class... Result, class... Gradient>
gradient_plan make_plan(const Forward& forward, const std::vector<std::size_t>& result_like, types<A...> arguments,
                        types<Result...>, types<Gradient...>) {
    const auto tensors = tensor_positions(arguments);
    static_assert(!any_is_value(types<Gradient...>()),
                  "op: a gradient is an expression or a container, of one element where the argument has one: "
                  "xt::sum(x) and not xt::sum(x)()");
    static_assert(sizeof...(Gradient) == (std::size_t{A::is_tensor} + ... + 0),
                  "op: a backward returns one gradient for each tensor among the arguments of the forward, in a tuple; "
                  "std::nullopt where there is none");
    gradient_plan plan{
        forward.name, {}, sizeof...(A), Forward::signature::is_backward, {A::is_tensor...}, {}, result_like, {}, 0};
    const auto add_result = [&]<class Item>(std::type_identity<Item>) {
        if (!is_none<Item>) {
            plan.result_has_gradient.push_back(has_gradient<Item>());
        }
    };
    (add_result(std::type_identity<Result>()), ...);
    std::size_t index = 0;
    ((is_none<Gradient> ? void(++index) : plan.gradient_of.push_back(tensors[index++])), ...);
    return plan;
}

// The function in LibTorch's own operators, which autograd can follow, where what comes after a backward knows it.
template <class Definition, class... Next>
forward_in_torch function_in_torch(const std::shared_ptr<const Definition>&, const Next&...) {
    return nullptr;
}

// `result_like` names, for each result of a forward that is itself a backward, the argument of the same shape.
// `next` is the backward of this backward, or nothing.
template <class Elements, class Forward, class G, class... Next>
void register_backward_over(torch::Library& library, const std::shared_ptr<const Forward>& forward,
                            const std::vector<std::size_t>& result_like, const G& function, const Next&... next) {
    using definition_type = op_definition<backward_signature<Forward, G>, G, Elements>;
    using some_element = typename first_of<Elements>::type;
    using forward_arguments = arguments_of<Forward, some_element>;
    using results = typename result_items<result_of_t<typename Forward::function_type, forward_arguments>>::type;
    using gradients = some_items<definition_type>;
    using visible = visible_results<Forward, results>;
    constexpr std::size_t gradient_count = decltype(differentiable(visible()))::size;

    op_description description;
    description.name = with_suffix(forward->name, "_backward");
    description.dispatched = description.name;
    append_names(description.names, free_name("grad", forward->names), gradient_count);
    description.names.insert(description.names.end(), forward->names.begin(), forward->names.end());
    const std::size_t result_count = some_arguments<definition_type>::size - description.names.size();
    append_names(description.names, free_name("result", forward->names), result_count);
    description.labels = labels_for(description.name, description.names);
    description.round_trip = forward->round_trip;

    gradient_plan plan = make_plan(*forward, result_like, forward_arguments(), visible(), gradients());
    plan.backward = description.name;
    plan.result_has_gradient.insert(plan.result_has_gradient.end(), Forward::saved_results, false);
    plan.saved_results = result_count;

    const auto definition = std::make_shared<const definition_type>(std::move(description), function);
    plan.in_torch = function_in_torch(definition, next...);
    register_kernels(library, definition, schema_of_backward(*definition));
    if constexpr (sizeof...(Next) == 0) {
        register_without_backward(library, *definition);
    } else {
        std::vector<std::size_t> like;
        for (const std::size_t argument : plan.gradient_of) {
            like.push_back(gradient_count + argument);
        }
        (register_backward_option(library, definition, like, next), ...);
    }
    library.impl(forward->dispatched.c_str(),
                 torch::dispatch(c10::DispatchKey::Autograd,
                                 torch::CppFunction::makeFromBoxedFunctor(std::make_unique<autograd_kernel>(
                                     std::make_shared<const gradient_plan>(std::move(plan))))));
}

template <class Forward, class G, class... Next>
void register_backward(torch::Library& library, const std::shared_ptr<const Forward>& forward,
                       const std::vector<std::size_t>& result_like, const G& function, const Next&... next) {
    using elements = decltype(differentiable_elements(typename Forward::elements()));
    constexpr bool is_differentiable = !std::is_same_v<elements, element_list<>>;
    static_assert(
        is_differentiable,
        "op: a backward needs an element type that has gradients in the list: a floating point or complex one");
    if constexpr (is_differentiable) {
        if constexpr (require_backward<Forward, G, typename first_of<elements>::type>()) {
            register_backward_over<elements>(library, forward, result_like, function, next...);
        }
    }
}

// In the place of an operator whose registration has a mistake: no exception may leave the loading of a library, which
// is when most operators are registered.
struct mistaken_kernel : c10::OperatorKernel {
    std::string mistake;

    explicit mistaken_kernel(std::string sentence) : mistake(std::move(sentence)) {}

    void operator()(const c10::OperatorHandle&, c10::DispatchKeySet, torch::jit::Stack*) const {
        throw_type_error(mistake);
    }
};

template <class Definition>
void register_mistake(torch::Library& library, const schema_text& given, const std::string& mistake) {
    TORCH_WARN(mistake);
    const std::string name(given.name);
    const std::string schema = schema_of_function<Definition>(given);
    library.def(torch::schema(schema.c_str()));
    library.impl(name.c_str(), torch::CppFunction::makeFromBoxedFunctor(std::make_unique<mistaken_kernel>(mistake)));
}

template <class... T>
void require_listed(const std::string& name, c10::ScalarType dtype, element_list<T...> listed) {
    if (!((dtype == scalar_type_v<T>) || ...)) {
        throw_type_error("op: " + name + " is to compute in " + describe(dtype).name +
                         " under autocast; the function takes " + names_of(listed) + ". Name one of these.");
    }
}
inline void require_listed(const std::string&, c10::ScalarType, element_list<void>) {}

// Registers an operator from its schema's text, its function, and the options of its registration. Nothing comes back
// where the registration has a mistake.
template <class Definition, class... ShapeFunction, class... Backward>
std::shared_ptr<const Definition> register_op(torch::Library& library, const schema_text& given,
                                              op_description description,
                                              const typename Definition::function_type& function,
                                              const std::tuple<const ShapeFunction&...>& shape_function,
                                              const Backward&... backward) {
    description.name = std::string(given.name);
    description.dispatched =
        Definition::saved_results == 0 ? description.name : with_suffix(description.name, "_with_saved");
    std::string schema;
    try {
        schema = complete_schema<Definition>(given, description);
        description.returned = returned_parameters(torch::jit::parseSchema(schema));
        if (description.autocast_dtype) {
            require_listed(description.name, *description.autocast_dtype, typename Definition::elements());
        }
    } catch (const c10::Error& mistake) {
        register_mistake<Definition>(library, given, mistake.what_without_backtrace());
        return nullptr;
    } catch (const std::exception& unreadable) {
        register_mistake<Definition>(
            library, given, "op: LibTorch cannot read the schema of " + description.name + ": " + unreadable.what());
        return nullptr;
    }
    description.labels = labels_for(description.name, description.names);
    const auto definition = std::make_shared<const Definition>(std::move(description), function);
    if constexpr (Definition::saved_results > 0) {
        library.def(torch::schema(schema.c_str()));
        library.impl(definition->name.c_str(),
                     torch::dispatch(c10::DispatchKey::CompositeImplicitAutograd,
                                     torch::CppFunction::makeFromBoxedFunctor(std::make_unique<hiding_kernel>(
                                         definition->dispatched, Definition::saved_results))));
        schema = schema_with_saved<Definition>(schema, definition->dispatched);
    }
    std::apply([&](const auto&... shapes) { register_kernels(library, definition, schema, shapes...); },
               shape_function);
    register_batching(library, *definition);
    if constexpr (sizeof...(Backward) == 0) {
        register_without_backward(library, *definition);
    } else {
        (register_backward_option(library, definition, {}, backward), ...);
    }
    return definition;
}

}  // namespace xtt::detail
