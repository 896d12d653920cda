// Mistakes in registrations of operators, one a function, each with the sentence that the compiler must print. They
// share a file because <torch/library.h> takes longer to compile than all of them.
#include <xtensor-torch/autocast.hpp>
#include <xtensor-torch/derived.hpp>

using readable = xtt::tensor_view<const float>;
using writable = xtt::tensor_view<float>;

const auto twice = [](const auto& x) { return x + x; };
const auto times = [](const auto& x, const auto& y) { return x * y; };
const auto twice_backward = [](const auto& grad, const auto&) { return grad + grad; };

// expect: op: name the element types of a generic function
void no_elements(torch::Library& library) { xtt::op<"f(Tensor x) -> Tensor">(library, twice); }

// expect: op: this function's parameters are written out, element types included; leave out the list
void elements_twice(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const readable& x) { return x + x; });
}

// expect: op: the options of a registration are xtt::backward, xtt::derived, xtt::saved_results, xtt::shapes,
// xtt::batched, xtt::autocast, xtt::needs_values, xtt::host_round_trip and xtt::computed_dtype
void unknown_option(torch::Library& library) { xtt::op<"f(x)", float>(library, twice, 3); }

// expect: op: xtt::batched is for functions that return their results; what is written into arguments is mapped one by
// one without it
void batched_in_place(torch::Library& library) {
    xtt::op<"f(Tensor(a!) x) -> ()", float>(library, [](auto& x) { x += 1; }, xtt::batched);
}

// expect: op: xtt::autocast is for functions that return their results; what is written into the copy of a cast
// argument would be lost
void autocast_in_place(torch::Library& library) {
    xtt::op<"f(Tensor(a!) x) -> ()", float>(library, [](auto& x) { x += 1; }, xtt::autocast());
}

// expect: op: xtt::saved_results<N> is for functions that return more than N results, and stands beside the
// xtt::backward that takes them
void nothing_but_saved(torch::Library& library) {
    xtt::op<"f(x)", float>(library, twice, xtt::saved_results<1>, xtt::backward(twice_backward));
}

// expect: op: xtt::needs_values says that shapes depend on values, so that no function of shapes can tell them
void shapes_of_values(torch::Library& library) {
    xtt::op<"f(x)", float>(library, twice, xtt::needs_values, xtt::shapes([](auto x) { return x; }));
}

// expect: op: xtt::shapes is for functions that return tensors and write into none
void shapes_of_nothing(torch::Library& library) {
    xtt::op<"f(Tensor(a!) x) -> ()", float>(library, [](auto& x) { x += 1; }, xtt::shapes([](auto x) { return x; }));
}

// expect: op: the function of xtt::shapes takes what the operator's function does
void shapes_of_others(torch::Library& library) {
    xtt::op<"f(x)", float>(library, twice, xtt::shapes([](c10::SymIntArrayRef x, c10::SymInt) { return x; }));
}

// expect: op: the function of xtt::shapes returns a std::vector<c10::SymInt> for each result
void no_shapes(torch::Library& library) {
    xtt::op<"f(x)", float>(library, twice, xtt::shapes([](c10::SymIntArrayRef x) { return x[0]; }));
}

// expect: op: the function cannot be called with what the schema says
void other_parameters(torch::Library& library) { xtt::op<"f(Tensor x, Tensor y) -> Tensor", float>(library, twice); }

// expect: op: the schema and the function have different numbers of parameters
void other_number(torch::Library& library) {
    xtt::op<"f(x, y)">(library, [](const readable& x) { return x + x; });
}

// expect: op: a generic function needs the names of its parameters in the schema
void no_names(torch::Library& library) { xtt::op<"f", float>(library, twice); }

// expect: op: a parameter's type in the schema is one of Tensor, Tensor(a!), Tensor?
void unknown_word(torch::Library& library) { xtt::op<"f(Matrix x) -> Tensor", float>(library, twice); }

// expect: op: a parameter of the schema has no name
void no_name(torch::Library& library) { xtt::op<"f(Tensor?) -> Tensor", float>(library, twice); }

// expect: op: the schema starts with the operator's name, without namespace
void with_namespace(torch::Library& library) { xtt::op<"demo::f(Tensor x) -> Tensor", float>(library, twice); }

// expect: op: the schema's list of parameters has no end
void no_end(torch::Library& library) { xtt::op<"f(Tensor x", float>(library, twice); }

// expect: op: a function returns an xtensor expression or container with elements of a dtype
void returns_tensor(torch::Library& library) {
    xtt::op<"f(Tensor x) -> Tensor", float>(library, [](const auto& x) { return x.tensor(); });
}

// expect: op: xtt::batched is for functions that return tensors; a value has no dimension for a batch
void batched_value(torch::Library& library) {
    xtt::op<"f(Tensor x) -> int", float>(library, [](const auto& x) { return x.size(); }, xtt::batched);
}

// expect: op: the schema gives a parameter another type than the function takes; leave the type out to have it inferred
void other_parameter(torch::Library& library) {
    xtt::op<"f(Tensor x, int factor)">(library, [](const readable& x, double factor) { return x * float(factor); });
}

// expect: op: the schema names another number of results than the function returns; leave the arrow out to have them
// inferred
void other_number_of_results(torch::Library& library) {
    xtt::op<"f(Tensor x) -> (Tensor, Tensor)", float>(library, twice);
}

void other_arrow(torch::Library& library) {
    xtt::op<"f(Tensor(a!) x) -> Tensor(a!)", float>(library, [](auto& x) {
        x += 1;
        return x;
    });
}

// expect: op: the schema gives a result another type than the function returns; leave the arrow out to have it inferred
void other_result(torch::Library& library) { xtt::op<"f(Tensor x) -> int", float>(library, twice); }

// expect: op: a gradient is an expression or a container, of one element where the argument has one: xt::sum(x) and not
// xt::sum(x)()
void number_as_gradient(torch::Library& library) {
    xtt::op<"f(x)", float>(library, twice,
                           xtt::backward([](const auto& grad, const auto&) { return xt::sum(grad)(); }));
}

// expect: op: a parameter is a tensor_view, a std::optional or std::vector of one, or a value
void takes_pointer(torch::Library& library) {
    xtt::op<"f(x)">(library, [](const void*) {});
}

// expect: op: take the tensor as tensor_view<const T> to read it, or as tensor_view<T>& to write it
void half_writable(torch::Library& library) {
    xtt::op<"f(x)">(library, [](const writable& x) { return x + x; });
}

// expect: op: an optional tensor can only be read
void writable_optional(torch::Library& library) {
    xtt::op<"f(x)">(library, [](const std::optional<writable>&) {});
}

// expect: op: a list of tensors can only be read
void writable_list(torch::Library& library) {
    xtt::op<"f(x)">(library, [](const std::vector<writable>&) {});
}

// expect: op: a backward returns one gradient for each tensor among the arguments of the forward
void missing_gradient(torch::Library& library) {
    xtt::op<"f(x, y)", float>(library, times,
                              xtt::backward([](const auto& grad, const auto&, const auto& y) { return grad * y; }));
}

// expect: op: a backward takes the gradients of the results, then the arguments of the forward
void other_backward(torch::Library& library) { xtt::op<"f(x)", float>(library, twice, xtt::backward(twice)); }

// expect: op: a backward needs a forward with a result of floating point numbers
void backward_of_comparison(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const auto& x) { return x > 1.0f; }, xtt::backward(twice_backward));
}

// expect: op: a backward needs an element type that has gradients in the list
void backward_of_integers(torch::Library& library) {
    xtt::op<"f(x)", std::int64_t>(library, twice, xtt::backward(twice_backward));
}

// expect: op: an operator that writes to its arguments has no backward
void backward_of_writer(torch::Library& library) {
    xtt::op<"f(Tensor(a!) x) -> Tensor", float>(library, [](auto& x) { return x + x; }, xtt::backward(twice_backward));
}

// expect: op: xtt::derived has no derivative of a functor in the expression
void derived_of_unknown_functor(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const auto& x) { return xt::lgamma(x); }, xtt::derived);
}

// expect: op: xtt::derived differentiates the reducers xt::sum, xt::mean
void derived_of_product(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const auto& x) { return xt::prod(x, {0}); }, xtt::derived);
}

// expect: op: xtt::derived differentiates functions, reducers and numbers; the expression holds something else
void derived_of_variance(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const auto& x) { return xt::variance(x, {0}); }, xtt::derived);
}

// expect: op: xtt::derived differentiates functions, reducers and numbers; the expression holds something else
void derived_of_triangle(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const auto& x) { return x + xt::tril(x); }, xtt::derived);
}

// expect: op: xtt::derived differentiates functions, reducers and numbers; the expression holds something else
void derived_of_stack(torch::Library& library) {
    xtt::op<"f(x)", float>(library, [](const auto& x) { return 2 * xt::stack(xt::xtuple(x, x), 0); }, xtt::derived);
}

// expect: op: xtt::derived calls the function with expressions in place of views
void derived_of_views(torch::Library& library) {
    xtt::op<"f(x)">(library, [](const xtt::tensor_view<const float>& x) { return x + x; }, xtt::derived);
}

// expect: op: xtt::derived takes tensors and values
void derived_of_optional(torch::Library& library) {
    xtt::op<"f(Tensor? x) -> Tensor", float>(library, [](const auto& x) { return 2.0f * x.value(); }, xtt::derived);
}

// expect: op: xtt::derived differentiates functions of real numbers
void derived_of_complex_numbers(torch::Library& library) {
    xtt::op<"f(x)", c10::complex<float>>(library, twice, xtt::derived);
}

// expect: this view is const and cannot be written: take it as auto& or tensor_view<T>&
void written_as_const(torch::Library& library) {
    xtt::op<"f(Tensor(a!) x) -> ()", float>(library, [](const auto& x) { x += 1; });
}
