// Under vmap an operator gets tensors with a dimension that its function is not to see. LibTorch calls operators that
// return tensors once for each element of the batch, and has nothing for those that return none. This file adds that
// loop, and one call for the whole batch where the function treats leading dimensions alike.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/operators/arguments.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <c10/core/SymInt.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/DimVector.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xtt::detail {

// A tensor as it is without the current vmap, and which of its dimensions that maps over.
struct mapped_tensor {
    at::Tensor inner;
    std::optional<std::int64_t> dimension;

    mapped_tensor(const at::Tensor& tensor, std::int64_t level) : inner(tensor) {
        const auto* const batched = at::functorch::maybeGetBatchedImpl(tensor);
        if (batched != nullptr && batched->level() == level) {
            inner = batched->value();
            dimension = batched->bdim();
        }
    }

    std::int64_t rank() const { return inner.defined() ? inner.dim() - (dimension ? 1 : 0) : 0; }
};

// The innermost vmap that maps over tensors of a call, and what these have in common.
struct batch_of_call {
    std::int64_t level = 0;
    c10::SymInt size = 0;
    std::int64_t rank = 0;  // the greatest, without the batch

    explicit batch_of_call(c10::ArrayRef<c10::IValue> values) {
        std::vector<at::Tensor> tensors;
        for (const c10::IValue& value : values) {
            for (const at::Tensor& tensor : tensors_in(value)) {
                const auto* const batched = at::functorch::maybeGetBatchedImpl(tensor);
                level = batched == nullptr ? level : std::max(level, batched->level());
                tensors.push_back(tensor);
            }
        }
        for (const at::Tensor& tensor : tensors) {
            const mapped_tensor mapped(tensor, level);
            size = mapped.dimension ? mapped.inner.sym_size(*mapped.dimension) : size;
            rank = std::max(rank, mapped.rank());
        }
    }
};

/// Calls an operator that returns nothing once for each element of the batch; what it writes, it writes in place.
struct looping_kernel : c10::OperatorKernel {
    std::string name;

    explicit looping_kernel(std::string operator_name) : name(std::move(operator_name)) {}

    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        const c10::impl::ExcludeDispatchKeyGuard without_vmap(c10::DispatchKey::FuncTorchBatched);
        const auto& parameters = op.schema().arguments();
        const auto values = torch::jit::last(*stack, parameters.size());
        const batch_of_call batch(values);
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            const c10::AliasInfo* const alias = parameters[i].alias_info();
            if (alias != nullptr && alias->isWrite() && !mapped_tensor(values[i].toTensor(), batch.level).dimension) {
                throw_value_error(name + ": vmap maps over other arguments than '" + parameters[i].name() +
                                  "', into which every element of the batch would be written; a tensor with the batch "
                                  "among its dimensions is needed. Map over it, too.");
            }
        }
        const std::int64_t size = batch.size.guard_int(__FILE__, __LINE__);
        for (std::int64_t index = 0; index < size; ++index) {
            auto arguments = with_tensors(values, [&](const at::Tensor& tensor) {
                const mapped_tensor mapped(tensor, batch.level);
                return mapped.dimension ? mapped.inner.select(*mapped.dimension, index) : tensor;
            });
            op.callBoxed(&arguments);
        }
        torch::jit::drop(*stack, parameters.size());
    }
};

/// Calls an operator once for the whole batch, which becomes the first dimension of every tensor.
struct batched_kernel : c10::OperatorKernel {
    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        const c10::impl::ExcludeDispatchKeyGuard without_vmap(c10::DispatchKey::FuncTorchBatched);
        const std::size_t count = op.schema().arguments().size();
        const auto values = torch::jit::last(*stack, count);
        const batch_of_call batch(values);
        // Tensors that are the same for all elements get the dimension, too, so that no result can be without.
        auto called = with_tensors(values, [&](const at::Tensor& tensor) {
            const mapped_tensor mapped(tensor, batch.level);
            if (!tensor.defined()) {
                return tensor;
            }
            at::Tensor whole = mapped.dimension ? mapped.inner.movedim(*mapped.dimension, 0) : tensor.unsqueeze(0);
            while (whole.dim() <= batch.rank) {
                whole = whole.unsqueeze(1);
            }
            c10::SymDimVector sizes(static_cast<std::size_t>(whole.dim()), -1);
            sizes.front() = batch.size;
            return whole.expand_symint(sizes);
        });
        op.callBoxed(&called);
        replace_last(*stack, count, with_tensors(called, [&](const at::Tensor& result) {
            return at::functorch::makeBatched(result, 0, batch.level);
        }));
    }
};

}  // namespace xtt::detail
