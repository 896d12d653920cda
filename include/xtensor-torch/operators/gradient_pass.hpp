// The values of a function whose expression is differentiated, and its gradients, all in one pass over its rows. What
// has no rows, as an expression whose reducers reduce different axes, is computed by LibTorch's operators.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/operators/row_pass.hpp>
#include <xtensor-torch/operators/torch_autograd.hpp>

#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

/// The values of an expression.
template <class T, class F, class... A>
class value_pass : public row_pass<T, F, A...> {
    using base = row_pass<T, F, A...>;
    using typename base::stages;
    using typename base::value;

public:
    explicit value_pass(const F& function, const A&... arguments) : base(function, arguments...) {}

    at::Tensor evaluate() {
        if constexpr (has_rows<typename base::root>()) {
            if (base::find_rows()) {
                return by_rows();
            }
        }
        const std::vector<at::Tensor> tensors = base::tensors();
        const at::Tensor result = in_torch(base::expression(), tensors).to(scalar_type_v<T>).contiguous();
        const bool is_argument = std::any_of(tensors.begin(), tensors.end(), [&](const at::Tensor& tensor) {
            return tensor.defined() && tensor.is_alias_of(result);
        });
        return is_argument ? result.clone() : result;
    }

private:
    at::Tensor by_rows() {
        at::Tensor result(at::detail::empty_cpu(to_dim_vector(base::expression().shape()), scalar_type_v<T>));
        row_strides strides = base::strides_of_root(result.strides());
        base::merge_dimensions({&strides});
        const row_writer<value, T> writer(result.mutable_data_ptr<T>(), strides);
        const row_space& space = *this->m_space;
        const auto reducers = stages::reducers(base::expression());
        const auto functions = stages::value(base::expression());
        const auto compute_row = [&](auto& state, std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t last) {
            state.begin(row);
            state.reduce(reducers);
            for (last = std::min(last, this->m_columns); first < last; first += row_space::block) {
                const std::ptrdiff_t count = std::min(last - first, row_space::block);
                value* const out = writer.place(space, row, first, state.template buffer<0>());
                state.compute(functions, first, count, std::tuple(out));
                writer.keep(space, row, first, count, out);
            }
        };
        base::for_each_row([this] { return base::state_of(); }, compute_row, [](const auto&, std::ptrdiff_t) {});
        return result;
    }
};

constexpr std::index_sequence<> concatenated() { return {}; }
template <std::size_t... I>
constexpr std::index_sequence<I...> concatenated(std::index_sequence<I...> all) {
    return all;
}
template <std::size_t... I, std::size_t... J, class... Rest>
constexpr auto concatenated(std::index_sequence<I...>, std::index_sequence<J...>, Rest... rest) {
    return concatenated(std::index_sequence<I..., J...>(), rest...);
}

/// The gradients of an expression. `Gradient` is the view of the result's gradient.
template <class T, class F, class Gradient, class... A>
class gradient_pass : public row_pass<T, F, A...> {
    using base = row_pass<T, F, A...>;
    using typename base::root;
    using typename base::stages;
    using typename base::value;

public:
    gradient_pass(const F& function, const Gradient& gradient, const A&... arguments)
        : base(function, arguments...), m_gradient(gradient) {}

    template <std::size_t Index>
    const at::Tensor& argument() const {
        return std::get<Index>(this->m_arguments).view.tensor();
    }

    // The gradient of argument number Index, in its shape. The first call computes all.
    template <std::size_t Index>
    at::Tensor gradient() {
        if (!m_is_computed) {
            compute();
            m_is_computed = true;
        }
        at::Tensor& result = m_results[Index];
        if (!result.defined()) {
            result = at::Tensor(at::detail::empty_cpu(argument<Index>().sizes(), scalar_type_v<T>)).zero_();
        }
        return result;
    }

private:
    // Where the gradient of one argument goes.
    struct target {
        at::Tensor result;
        row_strides strides;
        bool is_sum;                                 // of what several elements of the expression contribute
        std::optional<row_writer<value, T>> writer;  // of what is no sum
    };

    struct thread_state {
        typename base::template state_with<Gradient> rows;
        std::vector<row_adder<value>> sums;
    };

    void compute() {
        if constexpr (has_rows<root>()) {
            constexpr auto dependent = dependent_arguments(std::index_sequence_for<A...>());
            if constexpr (dependent.size() == 0) {
                return;
            } else if (base::find_rows() && (this->m_columns == this->m_space->columns() || !reads_arguments<root>())) {
                // Where the expression has one element a row, its own gradients would need other loops than these.
                return by_rows(dependent);
            }
        }
        in_torch_operators();
    }

    template <std::size_t... I>
    static constexpr auto dependent_arguments(std::index_sequence<I...>) {
        return concatenated(dependent_argument<I, A>()...);
    }

    template <std::size_t I, class X>
    static constexpr auto dependent_argument() {
        if constexpr (is_tensor_view<X>::value) {
            return std::conditional_t<stages::template depends_on<I>(), std::index_sequence<I>,
                                      std::index_sequence<>>();
        } else {
            return std::index_sequence<>();
        }
    }

    template <std::size_t... Index>
    void by_rows(std::index_sequence<Index...> indices) {
        constexpr std::size_t count = sizeof...(Index);
        std::array<target, count> targets{target_of<Index>()...};
        row_argument<Gradient> gradient(m_gradient);
        gradient.strides = base::strides_of_root(m_gradient.strides());
        c10::SmallVector<row_strides*, 8> strides{&gradient.strides};
        for (target& each : targets) {
            strides.push_back(&each.strides);
        }
        base::merge_dimensions(std::move(strides));
        for (target& each : targets) {
            if (!each.is_sum) {
                each.writer.emplace(each.result.template mutable_data_ptr<T>(), each.strides);
            }
        }

        const auto reducers = stages::reducers(base::expression());
        const auto gradients_by_reducers = stages::gradients_by_reducers(base::expression());
        const auto functions = stages::gradients(base::expression(), indices);
        const auto make_state = [&] {
            thread_state state{base::state_of(gradient), {}};
            for (const target& each : targets) {
                state.sums.emplace_back(each.is_sum ? each.result.numel() : 0, each.strides);
            }
            return state;
        };
        const auto compute_row = [&](thread_state& state, std::ptrdiff_t row, std::ptrdiff_t first,
                                     std::ptrdiff_t last) {
            state.rows.begin(row);
            state.rows.reduce(reducers);
            state.rows.differentiate_reducers(gradients_by_reducers, this->m_columns);
            for (; first < last; first += row_space::block) {
                const std::ptrdiff_t size = std::min(last - first, row_space::block);
                [&]<std::size_t... K>(std::index_sequence<K...>) {
                    const std::tuple out(place<K>(targets[K], state, row, first)...);
                    state.rows.compute(functions, first, size, out);
                    (keep(targets[K], state.sums[K], row, first, size, std::get<K>(out)), ...);
                }(std::make_index_sequence<count>());
            }
        };
        // Added in the order of the rows, whichever thread is done first.
        std::mutex mutex;
        std::map<std::ptrdiff_t, std::vector<row_adder<value>>> sums;
        base::for_each_row(make_state, compute_row, [&](thread_state& state, std::ptrdiff_t begin) {
            const std::lock_guard lock(mutex);
            sums.emplace(begin, std::move(state.sums));
        });
        for (std::size_t k = 0; k < count; ++k) {
            if (targets[k].is_sum) {
                add_up(targets[k].result, k, sums);
            }
        }
        std::size_t next = 0;
        ((m_results[Index] = targets[next++].result), ...);
    }

    template <std::size_t Index>
    target target_of() const {
        const at::IntArrayRef shape = argument<Index>().sizes();
        at::Tensor result(at::detail::empty_cpu(shape, scalar_type_v<T>));
        const row_strides strides =
            this->m_space->strides_of(shape, result.strides(), *this->m_dimensions.argument(Index));
        const bool is_sum = result.numel() != this->m_space->rows() * this->m_space->columns();
        return {std::move(result), strides, is_sum, std::nullopt};
    }

    template <std::size_t K>
    value* place(const target& to, thread_state& state, std::ptrdiff_t row, std::ptrdiff_t first) const {
        value* const buffer = state.rows.template buffer<K>();
        return to.is_sum ? buffer : to.writer->place(*this->m_space, row, first, buffer);
    }

    void keep(const target& to, row_adder<value>& sums, std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t size,
              const value* results) const {
        if (to.is_sum) {
            sums.add(*this->m_space, row, first, size, results);
        } else {
            to.writer->keep(*this->m_space, row, first, size, results);
        }
    }

    static void add_up(const at::Tensor& result, std::size_t number,
                       std::map<std::ptrdiff_t, std::vector<row_adder<value>>>& of_threads) {
        std::vector<double> total(static_cast<std::size_t>(result.numel()));
        for (auto& [begin, sums] : of_threads) {
            const std::vector<double>& addends = sums[number].sums();
            std::transform(total.begin(), total.end(), addends.begin(), total.begin(), std::plus<>());
        }
        std::transform(total.begin(), total.end(), result.template mutable_data_ptr<T>(),
                       [](double sum) { return element_cast<T>(sum); });
    }

    // By autograd, which is switched off where kernels run.
    XTENSOR_TORCH_COLD void in_torch_operators() {
        const c10::InferenceMode recording(false);
        c10::impl::LocalDispatchKeySet dispatch = c10::impl::tls_local_dispatch_key_set();
        const c10::impl::ForceDispatchKeyGuard with_autograd(
            dispatch.included_, dispatch.excluded_ - c10::autograd_dispatch_keyset_with_ADInplaceOrView);
        const at::AutoGradMode recorded(true);
        std::vector<at::Tensor> inputs = base::tensors();
        std::vector<at::Tensor> followed;
        for (at::Tensor& input : inputs) {
            if (input.defined() && input.is_floating_point()) {
                input = input.detach().clone().requires_grad_();
                followed.push_back(input);
            }
        }
        const at::Tensor result = in_torch(base::expression(), inputs);
        if (!result.requires_grad()) {
            return;
        }
        const auto found = torch::autograd::grad({result}, followed, {m_gradient.tensor().to(result.scalar_type())},
                                                 /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
        auto next = found.begin();
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i].defined() && inputs[i].is_floating_point()) {
                if (next->defined()) {
                    // One gradient may be another, or that of the result; an operator returns memory of its own.
                    const at::Tensor found_here = next->to(scalar_type_v<T>).contiguous();
                    m_results[i] = found_here.is_alias_of(*next) ? found_here.clone() : found_here;
                }
                ++next;
            }
        }
    }

    const Gradient& m_gradient;
    bool m_is_computed = false;
    std::array<at::Tensor, sizeof...(A)> m_results;
};

}  // namespace xtt::detail
