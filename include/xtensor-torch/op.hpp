// LibTorch makes an operator of a function over tensors: dispatch, autograd, the meta device and Python each have their
// own registration. Here a function over xtensor expressions is registered once; what the registrations need is read
// from the expressions it returns.
//
// This header includes <torch/library.h>, and is therefore not part of the umbrella header.
#pragma once

#include <xtensor-torch/call.hpp>
#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/operators/registration.hpp>
#include <xtensor-torch/visit.hpp>

#include <torch/library.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt {

/// In a registration: the shape of a result depends on values, so that there is nothing to say about it on the meta
/// device. Calls there throw c10::Error; torch.compile divides its graph at the call.
struct needs_values_t {};
/// The option to pass: `xtt::op<…>(library, function, xtt::needs_values)`.
inline constexpr needs_values_t needs_values;

/// In a registration: tensors on other devices are copied to the host, and the results back to the device of the
/// first of them. Without it such tensors are refused with c10::TypeError.
struct host_round_trip_t {};
/// The option to pass: `xtt::op<…>(library, function, xtt::host_round_trip)`.
inline constexpr host_round_trip_t host_round_trip;

/// In a registration: results keep the element type that the function computes, float64 of `0.5 * x` with x of float32.
struct computed_dtype_t {};
/// The option to pass: `xtt::op<…>(library, function, xtt::computed_dtype)`.
inline constexpr computed_dtype_t computed_dtype;

/// In a registration: the function treats leading dimensions alike, as functions of single elements do, and reducers
/// over axes that are counted from the last one. Then vmap calls it once, with the batch as a dimension in front of the
/// others, and not once for each element of the batch. Parameters of a fixed rank leave no room for it.
struct batched_t {};
/// The option to pass: `xtt::op<…>(library, function, xtt::batched)`.
inline constexpr batched_t batched;

/// In a registration: the last `Count` results of the function are for its backward alone, a mean that the forward has
/// computed. The operator returns those before them, and "<name>_with_saved" all of them, the saved ones without
/// gradient. The backward takes the gradients of the others, then the arguments, then optionally the saved results, or
/// all.
template <std::size_t Count>
struct saved_results_t {};
/// The option to pass: `xtt::op<…>(library, function, xtt::saved_results<2>, xtt::backward(…))`.
template <std::size_t Count>
inline constexpr saved_results_t<Count> saved_results;

/// In a registration: the function that tells the shapes of the results on the meta device, and so while a program is
/// compiled, where the operator's own loops over sizes, refuses some, or takes long.
///
/// It is called with the arguments of the operator: a c10::SymIntArrayRef for each tensor, in a std::optional or a
/// std::vector where the function takes those, a c10::SymInt for each SymInt of the schema, and values as they are. It
/// returns the shape of each result as a std::vector<c10::SymInt>, in a std::tuple where there are several, and as a
/// std::vector of those for a list. The results are contiguous, and of the type that the operator's function says.
template <class F>
struct shapes {
    F function;  ///< tells the shapes of the results

    /// The function.
    explicit shapes(F of_results) : function(std::move(of_results)) {}
};

/// In a registration: tensors are cast in regions of torch.autocast. Its header is <xtensor-torch/autocast.hpp>.
struct autocast;

/// In a registration: the gradients are derived from the function. Its header is <xtensor-torch/derived.hpp>.
struct derived_t;

/// In a registration: the function that gives the gradients of the arguments, and its own backward, if it has one.
///
/// The function is called with the gradients of the differentiable results, then with the arguments of the forward,
/// and optionally with the results. It returns one gradient for each tensor among the forward's arguments, in
/// a tuple where there are several: an expression or a container; `std::nullopt`, or an empty std::optional, for none;
/// a std::vector for a list. Expressions whose gradient nobody asked for are not evaluated. A result that received no
/// gradient comes as zeros.
///
/// It becomes the operator "<name>_backward". With `backward(g, backward(h))` that one is differentiable in turn: h
/// takes the gradients of what g returns, then the arguments of g.
template <class G, class Next = void>
struct backward {
    G function;  ///< gives the gradients of the arguments
    Next next;   ///< the `backward` of `function`

    /// The function, and the `backward` that makes it differentiable in turn.
    backward(G gradient, Next second) : function(std::move(gradient)), next(std::move(second)) {}
};

/// A backward that is not differentiable itself.
template <class G>
struct backward<G, void> {
    G function;  ///< gives the gradients of the arguments

    /// The function alone.
    explicit backward(G gradient) : function(std::move(gradient)) {}
};

/// From `backward(g)`.
template <class G>
backward(G) -> backward<G, void>;
/// From `backward(g, backward(h))`.
template <class G, class H, class Next>
backward(G, backward<H, Next>) -> backward<G, backward<H, Next>>;

namespace detail {

template <class Option>
inline constexpr bool is_backward = false;
template <class G, class Next>
inline constexpr bool is_backward<backward<G, Next>> = true;

template <class Option>
inline constexpr bool is_shapes = false;
template <class F>
inline constexpr bool is_shapes<shapes<F>> = true;

template <class Option>
inline constexpr std::size_t saved_by = 0;
template <std::size_t Count>
inline constexpr std::size_t saved_by<saved_results_t<Count>> = Count;

template <class Forward, class G>
void register_backward_option(torch::Library& library, const std::shared_ptr<const Forward>& forward,
                              const std::vector<std::size_t>& result_like, const backward<G, void>& option) {
    register_backward(library, forward, result_like, option.function);
}

template <class Forward, class G, class Next>
void register_backward_option(torch::Library& library, const std::shared_ptr<const Forward>& forward,
                              const std::vector<std::size_t>& result_like, const backward<G, Next>& option) {
    register_backward(library, forward, result_like, option.function, option.next);
}

// In <xtensor-torch/autocast.hpp>.
template <class Definition>
void register_autocast(torch::Library& library, const Definition& definition, const autocast& option);

// In <xtensor-torch/derived.hpp>.
template <op_text Schema, class F, class Elements>
consteval bool require_derivable();
template <class F>
auto derived_function(const F& function, const derived_t& option);
template <class F>
auto derived_backward(const F& function, const derived_t& option);

// The function that the operator calls.
template <class F, class... Options>
auto forward_from(const F& function, const Options&... options) {
    if constexpr ((std::is_same_v<Options, derived_t> || ...) && !has_written_out_parameters<F>) {
        return derived_function(function, std::get<const derived_t&>(std::tie(options...)));
    } else {
        return function;
    }
}

// The backward that an option of a registration stands for, in a tuple; an empty one for other options.
template <class F, class Option>
auto backward_from(const F& function, const Option& option) {
    if constexpr (is_backward<Option>) {
        return std::tuple<const Option&>(option);
    } else if constexpr (std::is_same_v<Option, derived_t>) {
        return std::make_tuple(derived_backward(function, option));
    } else {
        return std::tuple<>();
    }
}

// The shape function that an option of a registration has, in a tuple; an empty one for other options.
template <class Definition, class Option>
auto shape_function_from(const Option& option) {
    if constexpr (!is_shapes<Option>) {
        return std::tuple<>();
    } else if constexpr (require_shape_function<Definition, decltype(option.function)>()) {
        return std::tuple<decltype((option.function))>(option.function);
    } else {
        return std::tuple<>();
    }
}

// Refuses options that contradict each other or the function, and says whether there are none.
template <class Definition, class... Options>
consteval bool require_options() {
    constexpr bool is_returned = !writes_arguments<Definition>;
    constexpr bool is_value = any_is_value(some_items<Definition>());
    constexpr std::size_t saved = Definition::saved_results;
    constexpr bool are_saved = saved == 0 || ((is_backward<Options> || ...) && some_items<Definition>::size > saved);
    static_assert(are_saved,
                  "op: xtt::saved_results<N> is for functions that return more than N results, and stands beside the "
                  "xtt::backward that takes them");
    constexpr bool is_batched = (std::is_same_v<Options, batched_t> || ...);
    static_assert(!is_batched || is_returned,
                  "op: xtt::batched is for functions that return their results; what is written into arguments is "
                  "mapped one by one without it");
    static_assert(!is_batched || !is_value,
                  "op: xtt::batched is for functions that return tensors; a value has no dimension for a batch");
    constexpr bool is_cast = (std::is_same_v<Options, autocast> || ...);
    static_assert(!is_cast || is_returned,
                  "op: xtt::autocast is for functions that return their results; what is written into the copy of a "
                  "cast argument would be lost");
    constexpr bool have_shapes = !(std::is_same_v<Options, needs_values_t> || ...) || !(is_shapes<Options> || ...);
    static_assert(have_shapes,
                  "op: xtt::needs_values says that shapes depend on values, so that no function of shapes can tell "
                  "them; say in Python what is known, with torch.library.register_fake");
    return are_saved && (!is_batched || (is_returned && !is_value)) && (!is_cast || is_returned) && have_shapes;
}

// Registers a function without mistakes; `forward` is what the operator calls for it.
template <class Definition, class F, class... Options>
void register_with_options(torch::Library& library, const schema_text& given, const F& function,
                           const typename Definition::function_type& forward, const Options&... options) {
    constexpr bool is_cast = (std::is_same_v<Options, autocast> || ...);
    op_description description;
    description.needs_values = (std::is_same_v<Options, needs_values_t> || ...);
    description.round_trip = (std::is_same_v<Options, host_round_trip_t> || ...);
    description.is_batched = (std::is_same_v<Options, batched_t> || ...);
    if constexpr (is_cast) {
        description.autocast_dtype = std::get<const autocast&>(std::tie(options...)).dtype;
    }
    const auto registered = std::apply(
        [&](const auto&... backward) {
            return register_op<Definition>(library, given, description, forward,
                                           std::tuple_cat(shape_function_from<Definition>(options)...), backward...);
        },
        std::tuple_cat(backward_from(function, options)...));
    if constexpr (is_cast) {
        if (registered != nullptr) {
            register_autocast(library, *registered, std::get<const autocast&>(std::tie(options...)));
        }
    }
}

// Registers a function whose parameters are known.
template <op_text Schema, class Elements, class F, class... Options>
void register_function(torch::Library& library, const F& function, const Options&... options) {
    const auto forward = forward_from(function, options...);
    using forward_type = std::remove_const_t<decltype(forward)>;
    using definition =
        op_definition<stated_signature<Schema, forward_type>, forward_type, Elements,
                      !(std::is_same_v<Options, computed_dtype_t> || ...), (saved_by<Options> + ... + 0)>;
    if constexpr (require_choice<some_arguments<definition>>()) {
        if constexpr (require_agreement<definition>()) {
            if constexpr (require_options<definition, Options...>()) {
                register_with_options<definition>(library, read_schema(Schema.view()), function, forward, options...);
            }
        }
    }
}

}  // namespace detail

/// Makes an operator of a function over views, inside TORCH_LIBRARY:
///
///     TORCH_LIBRARY(demo, library) {
///         xtt::op<"softclip(Tensor x, float limit) -> Tensor", float, double>(library, softclip);
///     }
///
/// `function` is a function, or a function object without state that changes, such as a generic lambda. It takes
///   - tensors to read as `const auto&`, `tensor_view<const T> const&` or `tensor_view<const T, N> const&`;
///   - optional tensors as std::optional of those, and lists of tensors as std::vector of those;
///   - tensors to write as `auto&` or `tensor_view<T>&`: "Tensor(a!)" in the schema;
///   - values: double, std::int64_t, bool, std::string, at::Scalar, and std::optional or std::vector of those. A
///     "float" or "Scalar" that is taken as `const auto&` comes in the element type, so that it does not widen the
///     result; a "Scalar" that this type cannot hold is refused with c10::ValueError.
///
/// It returns an expression, which is evaluated straight into the result, a container, which is adopted, a value, a
/// std::tuple of those for several results, or nothing.
///
/// An expression refers to what has a name and takes in what has none. Tensors and values taken by reference outlive
/// the call; parameters taken by value and local variables do not: take values as `const auto&`, and return a local
/// container itself. A result that refers to what is gone is refused with c10::Error.
///
/// `Elements` are the element types that a generic function is instantiated for; its tensors all have the same. A
/// function whose parameters are written out has none.
///
/// The schema gives names and types in LibTorch's words. What it leaves out is inferred: "softclip(x, limit)", and, for
/// a function whose parameters are written out, "softclip". A generic function takes a parameter without type as a
/// tensor to read where it can.
///
/// A result has the element type of the tensors where C++ computes it in a wider one: `0.5 * x` or a mean of float, and
/// `x + x` of small integers, whose sums stay wider.
///
/// Options: `backward` or `derived`, `saved_results`, `shapes`, `batched`, `autocast`, `needs_values`,
/// `host_round_trip`, `computed_dtype`.
///
/// Without `needs_values`, and unless it returns values, the operator can be compiled and exported: on the meta device
/// the function is called with views that have a shape, and zero for each element. A lazy expression is not evaluated
/// there. Where sizes, or integers that are SymInt in the schema, are symbols, the function is called with several
/// numbers for each, 2 to 1021. Sizes of results that follow the symbols as sums of multiples, of products of two, or
/// as such a sum divided by 2 to 4, stay symbols; others become facts. With `shapes` the function is not called there.
///
/// The operator throws c10::TypeError for another dtype or device, c10::ValueError for shapes that do not broadcast,
/// and whatever `view` throws; the sentence starts with the operator's and the argument's name. A schema that
/// contradicts the function does not compile. Where LibTorch cannot read the schema, or the dtype of `autocast` is not
/// listed, the registration warns, and each call of the operator throws c10::TypeError: a library with one mistake can
/// be loaded.
template <detail::op_text Schema, class... Elements, class F, class... Options>
XTENSOR_TORCH_COLD void op(torch::Library& library, F function, const Options&... options) {
    static_assert(((detail::is_backward<Options> || std::is_same_v<Options, needs_values_t> ||
                    std::is_same_v<Options, host_round_trip_t> || std::is_same_v<Options, computed_dtype_t> ||
                    std::is_same_v<Options, derived_t> || std::is_same_v<Options, batched_t> ||
                    std::is_same_v<Options, autocast> || detail::is_shapes<Options> || detail::saved_by<Options> > 0) &&
                   ...),
                  "op: the options of a registration are xtt::backward, xtt::derived, xtt::saved_results, xtt::shapes, "
                  "xtt::batched, xtt::autocast, xtt::needs_values, xtt::host_round_trip and xtt::computed_dtype");
    detail::require_known_function<Schema, F, Elements...>();
    if constexpr (detail::is_known_function<Schema, F, Elements...>) {
        using elements = std::conditional_t<detail::has_written_out_parameters<F>, detail::element_list<void>,
                                            detail::element_list<Elements...>>;
        constexpr bool is_derived = (std::is_same_v<Options, derived_t> || ...);
        if constexpr (!is_derived) {
            detail::register_function<Schema, elements>(library, function, options...);
        } else if constexpr (detail::require_derivable<Schema, F, elements>()) {
            detail::register_function<Schema, elements>(library, function, options...);
        }
    }
}

}  // namespace xtt
