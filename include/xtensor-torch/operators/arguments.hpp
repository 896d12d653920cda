// LibTorch calls an operator with boxed values; a function over views takes C++ types. This file turns tensors,
// optional ones and lists of them into arguments of the function, kept while it runs, and names the argument in what it
// refuses.
#pragma once

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/operators/schema.hpp>
#include <xtensor-torch/operators/size_numbers.hpp>
#include <xtensor-torch/to_host.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

template <class... T>
struct types {
    static constexpr std::size_t size = sizeof...(T);
};

// Where an operator runs: on the elements, or on the shapes alone.
enum class op_mode { host, meta };

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_op_device(const std::string& label, const at::Tensor& tensor) {
    throw_type_error(label + ": the tensor is on " + tensor.device().str() +
                     "; this operator computes in host memory. Copy it first, tensor.cpu(), or register the operator "
                     "with xtt::host_round_trip.");
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_op_without_meta(const std::string& label) {
    throw_type_error(label +
                     ": the tensor is on cpu, and another argument is on meta; all have to be on one device. Copy "
                     "it first: tensor.to(\"meta\").");
}

// In both languages: most calls of operators come from Python.
inline std::string conversion_to(const dtype_words& dtype) {
    return "tensor.to(torch." + dtype.name + ") in Python, tensor.to(" + dtype.constant + ") in C++";
}

// `lead` names the parameter whose dtype this one has to share, if there is one.
template <class T>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_op_dtype(const std::string& label, const at::Tensor& tensor,
                                                     const std::string* lead) {
    const dtype_words wanted = describe(scalar_type_v<T>);
    const std::string expectation =
        lead == nullptr ? "the function takes " + wanted.name
                        : "argument '" + *lead + "' is " + wanted.name + ", and the function takes both in one dtype";
    throw_type_error(label + ": the tensor is " + describe(tensor.scalar_type()).name + "; " + expectation +
                     ". Convert it first: " + conversion_to(wanted) + ".");
}

// A tensor that stands for one without elements: its shape, one zero for all elements.
inline at::Tensor stand_in(at::IntArrayRef sizes, c10::ScalarType dtype, bool distinct_elements) {
    const std::int64_t one = 1;
    at::Tensor memory(at::detail::empty_cpu(distinct_elements ? sizes : at::IntArrayRef(one), dtype));
    std::memset(memory.mutable_data_ptr(), 0, memory.nbytes());
    if (distinct_elements) {
        return memory;
    }
    tensor_geometry geometry{c10::DimVector(sizes), c10::DimVector(sizes.size(), 0)};
    return make_tensor(memory.storage(), dtype, geometry);
}

// The tensors of an argument or a result: those of a list, or one, which is undefined where the value is none.
inline std::vector<at::Tensor> tensors_in(const c10::IValue& value) {
    return value.isTensorList() ? value.toTensorVector()
                                : std::vector<at::Tensor>{value.isTensor() ? value.toTensor() : at::Tensor()};
}

// The values with what `function` makes of their tensors, those in lists, too.
template <class F>
torch::jit::Stack with_tensors(c10::ArrayRef<c10::IValue> values, const F& function) {
    torch::jit::Stack changed;
    for (const c10::IValue& value : values) {
        if (value.isTensor()) {
            changed.emplace_back(function(value.toTensor()));
        } else if (value.isTensorList()) {
            std::vector<at::Tensor> tensors;
            for (const at::Tensor& tensor : value.toTensorVector()) {
                tensors.push_back(function(tensor));
            }
            changed.emplace_back(std::move(tensors));
        } else {
            changed.push_back(value);
        }
    }
    return changed;
}

// Puts other values in the place of the last `count` ones.
inline void replace_last(torch::jit::Stack& stack, std::size_t count, torch::jit::Stack&& values) {
    torch::jit::drop(stack, count);
    stack.insert(stack.end(), std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
}

// How the arguments of a call are made. Where `numbers` are given, they stand for the sizes that are symbols.
struct op_call {
    op_mode mode = op_mode::host;
    const size_numbers* numbers = nullptr;
    bool round_trip = false;
    const std::string* lead_name = nullptr;  // the parameter that the function's element type was read from
    struct replacement {
        at::Tensor viewed;
        at::Tensor argument;
        bool is_written;
    };
    std::vector<replacement> replaced{};  // arguments that a view of another tensor stands for
    std::optional<c10::Device> device{};  // where a round trip leads back to
};

template <class View>
struct viewed;

template <class T, std::size_t N, xt::layout_type L>
struct viewed<tensor_view<T, N, L>> {
    using element = std::remove_const_t<T>;
    static constexpr bool is_written = !std::is_const_v<T>;

    // All that can be refused, before any argument is touched.
    static void require(const op_call& call, const char* label, const at::Tensor& tensor, bool is_shared) {
        if (call.mode == op_mode::meta && tensor.is_cpu()) [[unlikely]] {
            refuse_op_without_meta(label);
        }
        // What is being compiled wraps a tensor without elements; its shape and dtype are its own.
        if (call.mode == op_mode::host || !tensor.defined() || tensor.layout() != at::kStrided) {
            require_strided_storage(label, tensor);
        }
        if (call.mode == op_mode::host && !tensor.is_cpu() && !call.round_trip) [[unlikely]] {
            refuse_op_device(label, tensor);
        }
        if (tensor.scalar_type() != scalar_type_v<element>) [[unlikely]] {
            refuse_op_dtype<element>(label, tensor, is_shared ? call.lead_name : nullptr);
        }
        if (call.mode == op_mode::meta) {
            require_known_rank(label, tensor);
        } else if (tensor.is_cpu()) {
            static_cast<void>(require_viewable<T, N, L>(tensor, label));
        } else {
            require_copyable_to_host<element, N>(label, tensor);
        }
    }

    static tensor_view<T, N, L> make(op_call& call, const at::Tensor& tensor) {
        if (call.mode == op_mode::host && tensor.is_cpu()) {
            return make_view<T, N, L>(tensor);
        }
        at::Tensor other;
        if (call.mode == op_mode::host) {
            other = adopt(to_host<element>(tensor));
            call.device = call.device.value_or(tensor.device());
        } else {
            const c10::DimVector sizes =
                call.numbers != nullptr ? call.numbers->sizes_of(tensor) : concrete_sizes(tensor);
            other = stand_in(sizes, scalar_type_v<element>, is_written || L != xt::layout_type::dynamic);
        }
        call.replaced.push_back({other, tensor, is_written});
        return make_view<T, N, L>(other);
    }

private:
    // A symbolic shape cannot be printed without making it a fact.
    static void require_known_rank(const char* label, const at::Tensor& tensor) {
        if (N != dynamic_rank && tensor.dim() != static_cast<std::int64_t>(N)) [[unlikely]] {
            throw_value_error(std::string(label) + ": the tensor has " +
                              plural(static_cast<std::size_t>(tensor.dim()), "dimension") + "; rank " +
                              std::to_string(N) + " was asked for. Reshape it first: tensor.reshape(…).");
        }
    }
};

// A tensor parameter. `Shared`: its element type is the one that the operator is dispatched on.
template <class View, bool Shared>
struct view_argument {
    static constexpr bool is_tensor = true;
    static constexpr bool is_shared = Shared;
    static constexpr bool is_written = viewed<View>::is_written;
    using element = typename viewed<View>::element;
    using passed = std::conditional_t<is_written, View&, const View&>;
    using stored = View;

    static constexpr schema_type type{is_written ? word::written : word::tensor};

    static void require(const op_call& call, const char* label, const c10::IValue& value) {
        viewed<View>::require(call, label, tensor_of(value), Shared);
    }
    static stored make(op_call& call, const c10::IValue& value) { return viewed<View>::make(call, tensor_of(value)); }

    static const at::Tensor& tensor_of(const c10::IValue& value) {
        static const at::Tensor undefined;
        return value.isNone() ? undefined : value.toTensor();
    }
};

template <class View, bool Shared>
struct optional_argument {
    static constexpr bool is_tensor = true;
    static constexpr bool is_shared = Shared;
    static constexpr bool is_written = false;
    using element = typename viewed<View>::element;
    using passed = const std::optional<View>&;
    using stored = std::optional<View>;

    static constexpr schema_type type = schema_type{word::tensor}.optional();

    static void require(const op_call& call, const char* label, const c10::IValue& value) {
        if (is_present(value)) {
            viewed<View>::require(call, label, value.toTensor(), Shared);
        }
    }
    static stored make(op_call& call, const c10::IValue& value) {
        return is_present(value) ? stored(viewed<View>::make(call, value.toTensor())) : std::nullopt;
    }

private:
    static bool is_present(const c10::IValue& value) { return !value.isNone() && value.toTensor().defined(); }
};

template <class View, bool Shared>
struct list_argument {
    static constexpr bool is_tensor = true;
    static constexpr bool is_shared = Shared;
    static constexpr bool is_written = false;
    using element = typename viewed<View>::element;
    using passed = const std::vector<View>&;
    using stored = std::vector<View>;

    static constexpr schema_type type = schema_type{word::tensor}.list();

    static void require(const op_call& call, const char* label, const c10::IValue& value) {
        for (const at::Tensor& tensor : value.toTensorVector()) {
            viewed<View>::require(call, label, tensor, Shared);
        }
    }
    static stored make(op_call& call, const c10::IValue& value) {
        stored views;
        for (const at::Tensor& tensor : value.toTensorVector()) {
            views.push_back(viewed<View>::make(call, tensor));
        }
        return views;
    }
};

}  // namespace xtt::detail
