// Autograd calls a node of the graph with the gradients of an operator's results and wants those of its arguments. The
// node here calls the operator's backward, itself an operator: what the dispatcher sees of it can be compiled, mapped
// and differentiated again.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/torch_autograd.hpp>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// The result of an operator, computed from its arguments by LibTorch's own operators.
using forward_in_torch = std::function<at::Tensor(c10::ArrayRef<c10::IValue>)>;

// How an operator and its backward belong together; written once, when they are registered.
struct gradient_plan {
    std::string name;                       // of the operator, for messages
    std::string backward;                   // the name of its backward, in the same namespace
    std::size_t arguments;                  // of the operator, without the mask
    bool has_mask;                          // the operator is itself a backward
    std::vector<bool> is_tensor;            // of each argument
    std::vector<bool> result_has_gradient;  // of each result
    std::vector<std::size_t> result_like;   // of each result of a backward: the argument of the same shape
    std::vector<std::size_t> gradient_of;   // of each result of the backward: the argument it belongs to
    std::size_t saved_results;              // how many, the last ones, the backward takes
    forward_in_torch in_torch{};            // what is differentiated in forward mode, if it is known
};

using node_pointer = std::remove_cv_t<decltype(torch::autograd::Edge::function)>;

// LibTorch holds its nodes by an intrusive_ptr, older ones by a shared_ptr with a deleter of its own.
template <class N, class Pointer = node_pointer, class... Args>
auto make_node(Args&&... args) {
    if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>) {
        return std::shared_ptr<N>(new N(std::forward<Args>(args)...), [](auto* node) { deleteNode(node); });
    } else {
        return c10::make_intrusive<N>(std::forward<Args>(args)...);
    }
}

// An operator of the same namespace, which only the dispatcher knows; `name` may have that of an overload behind a dot.
inline c10::OperatorHandle operator_beside(const c10::OperatorHandle& op, const std::string& name) {
    const std::string& qualified = op.operator_name().name;
    const std::size_t dot = std::min(name.find('.'), name.size());
    const std::string overload = dot < name.size() ? name.substr(dot + 1) : "";
    return c10::Dispatcher::singleton().findSchemaOrThrow(
        (qualified.substr(0, qualified.find("::") + 2) + name.substr(0, dot)).c_str(), overload.c_str());
}

// An argument or a result of any kind, kept for backward. Tensors are kept as autograd wants it, with their versions.
class saved_value {
public:
    saved_value(const c10::IValue& value, bool is_output) : m_is_list(value.isTensorList()) {
        if (m_is_list) {
            for (const at::Tensor& tensor : value.toTensorVector()) {
                m_tensors.emplace_back(tensor, is_output);
            }
        } else if (value.isTensor()) {
            m_is_tensor = true;
            m_tensors.emplace_back(value.toTensor(), is_output);
        } else {
            m_other = value;
        }
    }

    std::size_t edges() const { return m_is_list || m_is_tensor ? m_tensors.size() : 1; }

    c10::IValue unpack(const node_pointer& node) const {
        if (m_is_list) {
            std::vector<at::Tensor> tensors;
            for (const auto& saved : m_tensors) {
                tensors.push_back(saved.unpack(node));
            }
            return tensors;
        }
        return m_is_tensor ? c10::IValue(m_tensors.front().unpack(node)) : m_other;
    }

private:
    bool m_is_list = false;
    bool m_is_tensor = false;
    std::vector<torch::autograd::SavedVariable> m_tensors;
    c10::IValue m_other;
};

class op_node : public torch::autograd::Node {
public:
    op_node(std::shared_ptr<const gradient_plan> plan, const c10::OperatorHandle& backward)
        : m_plan(std::move(plan)), m_backward(backward) {}

    std::string name() const override { return m_plan->backward; }

    void save_argument(const c10::IValue& value) { m_arguments.emplace_back(value, /*is_output=*/false); }

    // Makes this node the history of a result, and saves it if the backward takes it.
    void add_result(const node_pointer& self, const c10::IValue& value, bool has_gradient) {
        result_slot slot{m_inputs, 0, value.isTensorList()};
        if (has_gradient) {
            for (const at::Tensor& tensor : tensors_in(value)) {
                torch::autograd::set_history(tensor, self);
                m_was_defined.push_back(tensor.defined());
                ++slot.count;
            }
        }
        m_inputs += slot.count;
        m_slots.push_back(slot);
        if (m_slots.size() + m_plan->saved_results > m_plan->result_has_gradient.size()) {
            m_results.emplace_back(value, /*is_output=*/true);
        }
    }

    torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
        const std::lock_guard lock(mutex_);
        torch::autograd::variable_list wanted(num_outputs());
        if (m_is_released) {
            throw_error(m_plan->name +
                        ": backward was called a second time, and the saved tensors were freed after the first; "
                        "they are needed again. Keep them: backward(retain_graph=True).");
        }
        bool any = false;
        for (const at::Tensor& gradient : gradients) {
            any = any || gradient.defined();
        }
        if (!any) {
            return wanted;
        }
        torch::jit::Stack stack;
        const node_pointer self = getptr();
        std::vector<c10::IValue> arguments;
        for (const auto& saved : m_arguments) {
            arguments.push_back(saved.unpack(self));
        }
        push_gradients(stack, gradients, arguments);
        stack.insert(stack.end(), arguments.begin(), arguments.end());
        for (const auto& saved : m_results) {
            stack.push_back(saved.unpack(self));
        }
        stack.push_back(needs_input_grad());
        m_backward.callBoxed(stack);
        for (std::size_t i = 0; i < stack.size(); ++i) {
            std::size_t edge = first_edge(m_plan->gradient_of[i]);
            for (at::Tensor& tensor : tensors_in(stack[i])) {
                wanted.at(edge++) = std::move(tensor);
            }
        }
        return wanted;
    }

    void release_variables() override {
        const std::lock_guard lock(mutex_);
        m_is_released = true;
        m_arguments.clear();
        m_results.clear();
    }

private:
    struct result_slot {
        std::size_t first;
        std::size_t count;
        bool is_list;
    };

    std::size_t first_edge(std::size_t argument) const {
        std::size_t edge = 0;
        for (std::size_t i = 0; i < argument; ++i) {
            edge += m_plan->is_tensor[i] ? m_arguments[i].edges() : 0;
        }
        return edge;
    }

    c10::IValue needs_input_grad() const {
        c10::List<bool> mask;
        for (std::size_t i = 0; i < m_plan->arguments; ++i) {
            if (m_plan->is_tensor[i]) {
                bool needed = false;
                for (std::size_t edge = 0; edge < m_arguments[i].edges(); ++edge) {
                    needed = needed || task_should_compute_output(first_edge(i) + edge);
                }
                mask.push_back(needed);
            }
        }
        return mask;
    }

    // A result without a gradient gets zeros: a function over views has no use for None.
    void push_gradients(torch::jit::Stack& stack, const torch::autograd::variable_list& gradients,
                        const std::vector<c10::IValue>& arguments) const {
        for (std::size_t i = 0; i < m_slots.size(); ++i) {
            if (!m_plan->result_has_gradient[i]) {
                continue;
            }
            const result_slot& slot = m_slots[i];
            std::vector<at::Tensor> defined;
            for (std::size_t input = slot.first; input < slot.first + slot.count; ++input) {
                if (gradients[input].defined()) {
                    defined.push_back(gradients[input]);
                } else if (m_was_defined[input]) {
                    defined.push_back(input_metadata(input).zeros_like());
                } else {
                    const at::Tensor like = m_plan->result_like.empty()
                                                ? at::Tensor()
                                                : tensors_in(arguments[m_plan->result_like[i]]).front();
                    defined.push_back(like.defined() ? at::zeros_like(like) : at::Tensor());
                }
            }
            if (slot.is_list) {
                stack.push_back(std::move(defined));
            } else {
                stack.push_back(defined.front());
            }
        }
    }

    std::shared_ptr<const gradient_plan> m_plan;
    c10::OperatorHandle m_backward;
    std::vector<saved_value> m_arguments;
    std::vector<saved_value> m_results;
    std::vector<result_slot> m_slots;
    std::vector<bool> m_was_defined;
    std::size_t m_inputs = 0;
    bool m_is_released = false;
};

}  // namespace xtt::detail
