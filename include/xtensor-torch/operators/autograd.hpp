// LibTorch asks a kernel of autograd's dispatch key to record what an operator did. This file has the kernels: of
// operators with a backward, which record a node, and of operators that write into arguments and have none.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/gradient_node.hpp>
#include <xtensor-torch/operators/torch_autograd.hpp>

#include <c10/core/GradMode.h>
#include <torch/library.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace xtt::detail {

// The kernel at autograd's dispatch key of an operator that writes into its arguments, returns none of them and has no
// backward. LibTorch marks what an operator returns as not differentiable, and would leave these to their old history.
struct refusing_autograd_kernel : c10::OperatorKernel {
    std::string name;
    std::size_t arguments;

    refusing_autograd_kernel(std::string op, std::size_t count) : name(std::move(op)), arguments(count) {}

    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) const {
        const auto values = torch::jit::last(*stack, arguments);
        if (c10::GradMode::is_enabled() && std::any_of(values.begin(), values.end(), requires_grad)) [[unlikely]] {
            throw_error(name +
                        ": an argument requires grad, and this operator writes into its arguments and has no "
                        "backward; gradients through it would be wrong. Call it under torch.no_grad(), or on "
                        "tensor.detach().");
        }
        const at::AutoDispatchBelowADInplaceOrView guard;
        op.redispatchBoxed(keys & c10::after_autograd_keyset, stack);
    }

private:
    static bool requires_grad(const c10::IValue& value) {
        const auto tensors = tensors_in(value);
        return std::any_of(tensors.begin(), tensors.end(),
                           [](const at::Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); });
    }
};

// The kernel at autograd's dispatch key: records a node where a gradient may be asked for.
struct autograd_kernel : c10::OperatorKernel {
    std::shared_ptr<const gradient_plan> plan;

    explicit autograd_kernel(std::shared_ptr<const gradient_plan> registered) : plan(std::move(registered)) {}

    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) const {
        const auto values = torch::jit::last(*stack, plan->arguments + (plan->has_mask ? 1 : 0));
        torch::autograd::edge_list edges;
        bool requires_grad = false;
        bool is_dual = false;
        for (std::size_t i = 0; i < plan->arguments; ++i) {
            if (plan->is_tensor[i]) {
                for (const at::Tensor& tensor : tensors_in(values[i])) {
                    is_dual = is_dual || torch::autograd::isFwGradDefined(tensor);
                    requires_grad = requires_grad || (tensor.defined() && tensor.requires_grad());
                    edges.push_back(tensor.defined() ? torch::autograd::impl::gradient_edge(tensor)
                                                     : torch::autograd::Edge());
                }
            }
        }
        if (is_dual) [[unlikely]] {
            const at::Tensor result = forward_mode(values);
            torch::jit::drop(*stack, plan->arguments);
            stack->emplace_back(result);
            return;
        }
        const auto below = keys & c10::after_autograd_keyset;
        if (!requires_grad || !c10::GradMode::is_enabled()) {
            const at::AutoDispatchBelowADInplaceOrView guard;
            op.redispatchBoxed(below, stack);
            return;
        }
        auto node = make_node<op_node>(plan, operator_beside(op, plan->backward));
        node->set_next_edges(std::move(edges));
        for (std::size_t i = 0; i < plan->arguments; ++i) {
            node->save_argument(values[i]);
        }
        {
            const at::AutoDispatchBelowADInplaceOrView guard;
            op.redispatchBoxed(below, stack);
        }
        const auto results = torch::jit::last(*stack, plan->result_has_gradient.size());
        for (std::size_t i = 0; i < results.size(); ++i) {
            node->add_result(node, results[i], plan->result_has_gradient[i]);
        }
    }

private:
    at::Tensor forward_mode(c10::ArrayRef<c10::IValue> values) const {
        if (!plan->in_torch) [[unlikely]] {
            throw_error(plan->name +
                        ": an argument carries a forward-mode derivative, and this operator has a backward only; "
                        "reverse mode is needed. Use torch.autograd.grad, or torch.func.grad.");
        }
        return plan->in_torch(values);
    }
};

}  // namespace xtt::detail
