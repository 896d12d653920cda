// Calls one function over a view and over an owned copy of the same elements, and says how the outcomes differ.
#pragma once

#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/view.hpp>
#include "differential/case.hpp"

#include <cmath>
#include <complex>
#include <exception>
#include <functional>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace differential {

// What came of a call: a shape with values, or an exception.
struct outcome {
    bool threw = false;
    std::string message;
    std::vector<std::size_t> shape;
    std::vector<std::complex<double>> values;
};

template <class V>
std::complex<double> as_number(const V& value) {
    if constexpr (requires { value.real(); }) {
        return {static_cast<double>(value.real()), static_cast<double>(value.imag())};
    } else {
        return static_cast<double>(value);
    }
}

template <class R>
void record(outcome& result, const R& returned) {
    if constexpr (xt::is_xexpression<R>::value) {
        result.shape.push_back(returned.dimension());
        result.shape.insert(result.shape.end(), returned.shape().begin(), returned.shape().end());
        for (auto it = returned.template begin<xt::layout_type::row_major>();
             it != returned.template end<xt::layout_type::row_major>(); ++it) {
            result.values.push_back(as_number(static_cast<typename R::value_type>(*it)));
        }
    } else if constexpr (requires { returned.begin(); }) {
        result.shape.push_back(returned.size());
        for (const auto& part : returned) {
            record(result, part);
        }
    } else {
        result.values.push_back(as_number(returned));
    }
}

template <class F, class E>
outcome outcome_of(const F& function, E&& operand) {
    outcome result;
    try {
        record(result, function(operand));
    } catch (const std::exception& error) {
        result = {true, error.what(), {}, {}};
    }
    return result;
}

inline bool close(std::complex<double> a, std::complex<double> b) {
    const auto same = [](double x, double y) {
        return (std::isnan(x) && std::isnan(y)) || x == y || std::abs(x - y) <= 1e-5 * (1.0 + std::abs(x));
    };
    return same(a.real(), b.real()) && same(a.imag(), b.imag());
}

// Empty when the outcomes agree.
inline std::string difference(const outcome& view, const outcome& owned) {
    std::ostringstream text;
    if (view.threw && !owned.threw) {
        text << "the view throws \"" << view.message << "\"; the owned array does not";
    } else if (!view.threw && owned.threw) {
        text << "the owned array throws \"" << owned.message << "\"; the view does not";
    } else if (view.shape != owned.shape) {
        text << "the shapes differ";
    } else {
        for (std::size_t i = 0; i < view.values.size(); ++i) {
            if (!close(view.values[i], owned.values[i])) {
                text << "element " << i << " is " << view.values[i] << " over the view, " << owned.values[i]
                     << " over the owned array";
                break;
            }
        }
    }
    return text.str();
}

/// Collects the functions of one file; `register_function` calls come from its `register_…` function.
struct property {
    std::string name;
    std::function<std::string(const tensor_case&)> failure;  // empty when the property holds
};

inline std::vector<property>& properties() {
    static std::vector<property> all;
    return all;
}

// Row-major, whatever XTENSOR_DEFAULT_LAYOUT says: some of xtensor's functions are wrong over column-major arrays.
template <class T>
auto owned_copy(const at::Tensor& tensor) {
    const at::Tensor packed = tensor.contiguous();
    const std::vector<std::size_t> shape(packed.sizes().begin(), packed.sizes().end());
    auto owned = xt::xarray<T, xt::layout_type::row_major>::from_shape(shape);
    std::copy_n(static_cast<const T*>(packed.const_data_ptr()), packed.numel(), owned.data());
    return owned;
}

template <xt::layout_type L>
bool has_layout(const at::Tensor& tensor) {
    return L == xt::layout_type::dynamic || (L == xt::layout_type::row_major && tensor.is_contiguous()) ||
           (L == xt::layout_type::column_major && xtt::detail::is_column_major(tensor.sizes(), tensor.strides()));
}

template <class T, std::size_t N, xt::layout_type L>
auto owned_copy_at_rank(const at::Tensor& tensor) {
    return xt::xtensor < T, N, L == xt::layout_type::dynamic ? xt::layout_type::row_major : L > (owned_copy<T>(tensor));
}

/// Which tensors a function is compared over, where xtensor itself does not serve all of them.
enum class over {
    every_tensor,
    with_elements,         ///< xtensor reads past the end of an array without elements
    strided_if_supported,  ///< with elements; xtensor, or the view for it, may refuse a view with holes
    contiguous             ///< with elements; xtensor is wrong over its own views with holes, too
};

/// `function(view)` and `function(owned copy)` have the same outcome, over read-only views of T.
template <class T, class F>
void reads_alike(const std::string& name, F function, over which = over::every_tensor) {
    properties().push_back({name + " of " + xtt::detail::type_name<T>(), [function, which](const tensor_case& made) {
                                const at::Tensor part = made.part_of(made.template storage<T>());
                                const auto view = xtt::view<const T>(part);
                                if ((view.size() == 0 && which != over::every_tensor) ||
                                    (!view.is_contiguous() && which == over::contiguous)) {
                                    return std::string();
                                }
                                const outcome seen = outcome_of(function, view);
                                if (which == over::strided_if_supported && !view.is_contiguous() && seen.threw &&
                                    (seen.message.find("Layout not supported") != std::string::npos ||
                                     seen.message.find("xt::eval(view)") != std::string::npos)) {
                                    return std::string();
                                }
                                return difference(seen, outcome_of(function, owned_copy<T>(part)));
                            }});
}

template <class T, class F>
void reads_elements_alike(const std::string& name, F function) {
    reads_alike<T>(name, function, over::with_elements);
}

/// The same where the rank is known at compile time, and perhaps the layout. Other ranks pass, arrays without elements,
/// and tensors of another layout.
template <class T, std::size_t N, xt::layout_type L = xt::layout_type::dynamic, class F>
void reads_alike_at_rank(const std::string& name, F function) {
    properties().push_back({name + " of " + xtt::detail::type_name<T>() + ", rank " + std::to_string(N) +
                                (L == xt::layout_type::dynamic ? "" : ", with the layout in the type"),
                            [function](const tensor_case& made) {
                                const at::Tensor part = made.part_of(made.template storage<T>());
                                if (part.dim() != static_cast<std::int64_t>(N) || part.numel() == 0 ||
                                    !has_layout<L>(part)) {
                                    return std::string();
                                }
                                return difference(outcome_of(function, xtt::view<const T, N, L>(part)),
                                                  outcome_of(function, owned_copy_at_rank<T, N, L>(part)));
                            }});
}

// What is left of `function(view)` when compared with `function(owned)`, the storage between the strides included.
template <class T, class V, class O, class F>
std::string difference_after_writing(const tensor_case& made, const at::Tensor& whole, V view, O owned, F function) {
    const at::Tensor expected_whole = whole.clone();
    const auto write = [&](auto& target) {
        function(target);
        return 0;
    };
    std::string differs = difference(outcome_of(write, view), outcome_of(write, owned));
    if (differs.empty() && view.size() != 0) {
        made.part_of(expected_whole).copy_(xtt::borrow(owned));
        if (std::memcmp(whole.const_data_ptr(), expected_whole.const_data_ptr(), whole.nbytes()) != 0) {
            differs = "the storage differs from what the owned array predicts";
        }
    }
    return differs;
}

/// `function(x)` changes a view as it changes an owned copy, and nothing else in the storage.
template <class T, class F>
void writes_alike(const std::string& name, F function) {
    properties().push_back({name + " into " + xtt::detail::type_name<T>(), [function](const tensor_case& made) {
                                const at::Tensor whole = made.template storage<T>();
                                at::Tensor part = made.part_of(whole);
                                return difference_after_writing<T>(made, whole, xtt::view<T>(part), owned_copy<T>(part),
                                                                   function);
                            }});
}

/// The same where the rank is known at compile time, and perhaps the layout.
template <class T, std::size_t N, xt::layout_type L = xt::layout_type::dynamic, class F>
void writes_alike_at_rank(const std::string& name, F function) {
    properties().push_back({name + " into " + xtt::detail::type_name<T>() + ", rank " + std::to_string(N) +
                                (L == xt::layout_type::dynamic ? "" : ", with the layout in the type"),
                            [function](const tensor_case& made) {
                                const at::Tensor whole = made.template storage<T>();
                                at::Tensor part = made.part_of(whole);
                                if (part.dim() != static_cast<std::int64_t>(N) || !has_layout<L>(part)) {
                                    return std::string();
                                }
                                return difference_after_writing<T>(made, whole, xtt::view<T, N, L>(part),
                                                                   owned_copy_at_rank<T, N, L>(part), function);
                            }});
}

void register_elementwise();
void register_reductions();
void register_sorting();
void register_manipulation();
void register_writes();
void register_types();
void register_types_written();
void register_static();

}  // namespace differential
