"""What Python, autograd and the compiler make of the operators in op_library.cpp. pytest runs it; XTT_OP_LIBRARY names
the library. The operators' values are compared with the same maths in torch.
"""

import os
import threading
import warnings
import weakref

import pytest
import torch
from torch._dynamo.backends.common import aot_autograd

torch.ops.load_library(os.environ["XTT_OP_LIBRARY"])
ops = torch.ops.xtt_test
torch.manual_seed(1)


def doubles(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def counted_graphs():
    """A list that grows by each graph that is compiled, and the backend that torch.compile is to take for that."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    return graphs, backend


def meta(*shape):
    return torch.empty(*shape, dtype=torch.float64, device="meta")


def softclip(x, limit=1.0):
    return limit * torch.tanh(x / limit)


# ---- schemas and values ----------------------------------------------------------------------------------------------

SCHEMAS = {
    "softclip": "softclip(Tensor x, float limit=1.) -> Tensor",
    "softclip_backward": "softclip_backward(Tensor grad, Tensor x, float limit, bool[] needs_input_grad) -> Tensor",
    "softclip_backward_backward": "softclip_backward_backward(Tensor grad_grad, Tensor grad, Tensor x, float limit, "
    "bool[] needs_input_grad) -> (Tensor, Tensor)",
    "exponential_backward": "exponential_backward(Tensor grad, Tensor x, Tensor result, bool[] needs_input_grad) -> Tensor",
    "sine_cosine": "sine_cosine(Tensor x) -> (Tensor, Tensor)",
    "pick": "pick(Tensor x, Tensor index, float factor=1., *, bool reversed=False) -> Tensor",
    "affine": "affine(Tensor x, Tensor? weight=None, Tensor? bias=None) -> Tensor",
    "affine_backward": "affine_backward(Tensor grad, Tensor x, Tensor? weight, Tensor? bias, bool[] needs_input_grad)"
    " -> (Tensor, Tensor, Tensor)",
    "total_backward": "total_backward(Tensor grad, Tensor[] tensors, float scale, bool[] needs_input_grad) -> Tensor[]",
    "stretch": "stretch(Tensor _0, float _1) -> Tensor",
    "multiply": "multiply(Tensor matrix, Tensor vector) -> Tensor",
    "extremes": "extremes(Tensor x) -> (Tensor, Tensor)",
    "add_": "add_(Tensor(a!) x, Tensor y, *, float factor=1.) -> ()",
    "normalise_": "normalise_(Tensor(a!) x) -> Tensor",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_given_or_inferred(name):
    assert str(getattr(ops, name).default._schema) == "xtt_test::" + SCHEMAS[name]


def test_a_mistake_in_a_registration_is_an_exception_of_the_call():
    x = torch.ones(2, 2)
    with pytest.raises(TypeError, match="LibTorch cannot read the schema of stretch_by_default"):
        ops.stretch_by_default(x, 2)


def test_strided_operands_and_every_element_type():
    x = torch.randn(3, 4, 5)
    for operand in (x, x.transpose(0, 2), x[:, ::2], x[0, 0].expand(3, 5), x[0, 0, 0], x[:0]):
        torch.testing.assert_close(ops.softclip(operand, 2.0), softclip(operand, 2.0))
    for dtype in (torch.bool, torch.int8, torch.int64, torch.float16, torch.bfloat16, torch.complex64):
        y = torch.ones(3, dtype=dtype)
        result = ops.twice(y)
        assert result.dtype == (torch.int32 if dtype == torch.bool else dtype)  # as C++ adds
        assert result.tolist() == [2, 2, 2]


def test_functions_of_small_integers_keep_the_dtype_and_sums_do_not():
    for device in ("cpu", "meta"):
        x = torch.tensor([-100, 27, 100], dtype=torch.int8, device=device)
        assert ops.twice(x).dtype == ops.scale(x, 3).dtype == torch.int8
        assert ops.added_up(x).dtype == torch.int32  # as xtensor adds
    x = torch.tensor([-100, 27, 100], dtype=torch.int8)
    assert torch.equal(ops.twice(x), x + x) and torch.equal(ops.scale(x, 3), x * 3)
    assert ops.added_up(torch.full((3,), 100, dtype=torch.int8)) == 300


def test_a_value_taken_generically_keeps_the_dtype():
    assert ops.softclip(torch.ones(2), 2.0).dtype == torch.float32
    # Float times double is a double in C++, and a result is what the tensors are, but where the registration says so.
    assert ops.stretch(torch.ones(2, 2), 2.0).dtype == torch.float32
    assert ops.stretch(torch.ones(2, 2, device="meta"), 2.0).dtype == torch.float32
    assert ops.stretch_computed(torch.ones(2, 2), 2.0).dtype == torch.float64
    assert ops.stretch_computed(torch.ones(2, 2, device="meta"), 2.0).dtype == torch.float64
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        x = torch.rand(4, 5).to(dtype)
        result = ops.centred(x)
        assert result.dtype == dtype and ops.centred(x.to("meta")).dtype == dtype
        torch.testing.assert_close(result, (x.double() - x.double().mean()).to(dtype), rtol=0.02, atol=0.01)
    assert ops.above(torch.ones(2), 0.5).dtype == torch.bool


def test_values_of_every_kind_arrive():
    x = torch.zeros(2, 3)
    result = ops.describe_values(x, 4, True, "name", [1.0, 2.0], [3, 8], 0.25, None, size=9)
    assert result.tolist() == [6, 4, 1, 4, 2, 8, 0.25, -1, 9, 0.5]
    assert ops.describe_values(x, 4, False, "", [], [], None, 5, small=1.5).tolist() == [6, 4, 0, 0, 0, -1, -1, 5, 7, 1.5]


def test_containers_are_adopted_in_their_own_layout():
    x = torch.randn(3, 4)
    result = ops.column_major(x)
    assert torch.equal(result, x) and result.stride() == (1, 3)
    assert ops.column_major(x.to("meta")).stride() == (1, 3)


def test_several_results():
    x = torch.randn(5, 4)
    smallest, largest = ops.extremes(x)
    assert torch.equal(smallest, x.amin(0)) and torch.equal(largest, x.amax(0))


def test_tensors_are_written_in_place_and_out():
    x, y = torch.randn(3, 4), torch.randn(4)
    expected = x + 2 * y
    version = x._version
    assert ops.add_(x, y, factor=2.0) is None
    torch.testing.assert_close(x, expected)
    assert x._version > version
    out = torch.empty(4, 3).t()
    assert ops.add.out(x, y, out=out) is out
    torch.testing.assert_close(out, x + y)
    ops.add.out(x, y, out=x)
    torch.testing.assert_close(x, out)
    largest = out.abs().max()
    assert ops.normalise_(out) == largest and out.abs().max() == 1


# ---- gradients -------------------------------------------------------------------------------------------------------

INDEX = torch.tensor([2, 0, 2, 1])
DIFFERENTIABLE = {
    "softclip": lambda: (lambda x: ops.softclip(x, 1.5), (doubles(3, 4),)),
    "softclip of a transposed tensor": lambda: (lambda x: ops.softclip(x.t(), 1.5), (doubles(3, 4),)),
    "exponential": lambda: (ops.exponential, (doubles(3),)),
    "sine_cosine": lambda: (ops.sine_cosine, (doubles(3),)),
    "the first of two results": lambda: (lambda x: ops.sine_cosine(x)[0], (doubles(3),)),
    "the second of two results": lambda: (lambda x: ops.sine_cosine(x)[1], (doubles(3),)),
    "times": lambda: (ops.times, (doubles(3), doubles(3))),
    "times a constant": lambda: (lambda x: ops.times(x, torch.full((3,), 2.0, dtype=torch.float64)), (doubles(3),)),
    "pick": lambda: (lambda x: ops.pick(x, INDEX, 2.0, reversed=True), (doubles(3),)),
    "total": lambda: (lambda *xs: ops.total(list(xs), 2.0), (doubles(3), doubles(3), doubles(3))),
    "affine": lambda: (ops.affine, (doubles(3), doubles(3), doubles(3))),
    "affine without weight": lambda: (lambda x, b: ops.affine(x, None, b), (doubles(3), doubles(3))),
    "affine alone": lambda: (ops.affine, (doubles(3),)),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name):
    function, arguments = DIFFERENTIABLE[name]()
    assert torch.autograd.gradcheck(function, arguments)


@pytest.mark.parametrize("name", ["softclip", "softclip of a transposed tensor", "times", "times a constant"])
def test_second_gradients(name):
    function, arguments = DIFFERENTIABLE[name]()
    assert torch.autograd.gradgradcheck(function, arguments)


def test_a_backward_without_backward_says_so():
    x = doubles(3)
    (gradient,) = torch.autograd.grad(ops.exponential(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="derivative for xtt_test::exponential_backward is not implemented"):
        gradient.sum().backward()
    with pytest.raises(RuntimeError, match="derivative for xtt_test::stretch is not implemented"):
        ops.stretch(torch.ones(2, 2, requires_grad=True), 2.0).sum().backward()


def test_only_gradients_that_are_asked_for_are_computed():
    x, y, grad = doubles(3).detach(), doubles(3).detach(), doubles(3).detach()
    only_x, none = ops.times_backward(grad, x, y, [True, False])
    assert none is None and torch.equal(only_x, grad * y)
    none, only_y = ops.times_backward(grad, x, y, [False, True])
    assert none is None and torch.equal(only_y, grad * x)
    x.requires_grad_()
    ops.times(x, y).sum().backward()
    assert torch.equal(x.grad, y) and y.grad is None


def test_a_changed_saved_tensor_is_noticed():
    x, y = doubles(3), doubles(3).detach()
    result = ops.times(x, y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


def test_a_saved_result_does_not_keep_itself_alive():
    result = ops.exponential(doubles(3))
    alive = weakref.ref(result)
    del result
    assert alive() is None


def test_backward_twice():
    x = doubles(3)
    result = ops.exponential(x).sum()
    result.backward(retain_graph=True)
    result.backward()
    torch.testing.assert_close(x.grad, 2 * x.detach().exp())
    with pytest.raises(RuntimeError, match="second time"):
        result.backward()


def test_without_recording():
    x = doubles(3)
    with torch.no_grad():
        assert not ops.softclip(x).requires_grad
    with torch.inference_mode():
        result = ops.softclip(x)
        assert result.is_inference() and not result.requires_grad
        inside = torch.ones(3)
        ops.add_(inside, inside)
        assert inside.tolist() == [2, 2, 2]
    assert ops.times(torch.arange(3), torch.arange(3)).tolist() == [0, 1, 4]


def test_vmap_falls_back_to_a_loop():
    x = torch.randn(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.testing.assert_close(torch.func.vmap(lambda row: ops.softclip(row, 2.0))(x), softclip(x, 2.0))
        gradients = torch.func.vmap(torch.func.grad(lambda row: ops.softclip(row, 2.0).sum()))(x)
    torch.testing.assert_close(gradients, 1 - torch.tanh(x / 2) ** 2)


def centred_rows(x, scale=None):
    centred = x - x.mean(-1, keepdim=True)
    return centred if scale is None else centred * scale


@pytest.mark.parametrize("shapes, in_dims", [
    ([(4, 5, 3)], (0,)),
    ([(4, 5, 3)], (1,)),
    ([(5, 3, 4), (3,)], (2, None)),
    ([(5, 3), (4, 3)], (None, 0)),
    ([(5, 4, 3), (4, 1)], (1, 0)),
    ([(0, 3)], (0,)),
])
def test_vmap_calls_a_batched_operator_once(shapes, in_dims):
    arguments = [torch.randn(shape) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # LibTorch warns of its loop
        result = torch.vmap(ops.centred_rows, in_dims)(*arguments)
    torch.testing.assert_close(result, torch.vmap(centred_rows, in_dims)(*arguments))


def test_vmap_in_vmap_and_gradients_of_a_batched_operator():
    x, scale = torch.randn(2, 4, 5, 3), torch.randn(4, 3)

    def mapped(function):
        return torch.vmap(torch.vmap(function, (0, None)), (1, 0))

    torch.testing.assert_close(mapped(ops.centred_rows)(x, scale), mapped(centred_rows)(x, scale))

    rows, factor = doubles(4, 3), doubles(3)
    torch.vmap(ops.times, (0, None))(rows, factor).square().sum().backward()
    torch.testing.assert_close(rows.grad, 2 * rows.detach() * factor.detach() ** 2)
    torch.testing.assert_close(factor.grad, 2 * (rows.detach() ** 2).sum(0) * factor.detach())
    compiled = torch.compile(torch.vmap(ops.centred_rows), fullgraph=True)
    torch.testing.assert_close(compiled(x), centred_rows(x))


def test_a_batched_operator_leaves_sizes_symbols():
    graphs, backend = counted_graphs()
    mapped = torch.compile(torch.vmap(ops.times, (0, None)), fullgraph=True, dynamic=True, backend=backend)
    for rows, columns in ((3, 4), (5, 6), (7, 9)):
        x, y = torch.randn(rows, columns, dtype=torch.float64), torch.randn(columns, dtype=torch.float64)
        torch.testing.assert_close(mapped(x, y), x * y)
    assert len(graphs) == 1


def test_vmap_of_an_operator_that_writes():
    x, y = torch.zeros(3, 4), torch.randn(4, 3)
    torch.vmap(lambda a, b: ops.add_(a, b, factor=2.0), (1, 0), out_dims=None)(x, y)
    torch.testing.assert_close(x, 2 * y.t())
    z = torch.zeros(4, 3)
    torch.vmap(lambda a: ops.add_(a, y[0]), out_dims=None)(z)
    torch.testing.assert_close(z, y[0].expand(4, 3))
    with pytest.raises(ValueError, match="add_: vmap maps over other arguments than 'x'"):
        torch.vmap(lambda b: ops.add_(y[0], b), out_dims=None)(z)


def test_forward_mode_is_refused():
    with pytest.raises(RuntimeError, match="softclip: an argument carries a forward-mode derivative"):
        torch.func.jvp(ops.softclip, (torch.ones(3),), (torch.ones(3),))


# ---- compilers -------------------------------------------------------------------------------------------------------

CHECKED = {
    "softclip": lambda: (ops.softclip, (doubles(3, 4), 2.0)),
    "softclip_backward": lambda: (ops.softclip_backward, (doubles(3), doubles(3), 2.0, [True])),
    "exponential": lambda: (ops.exponential, (doubles(3),)),
    "sine_cosine": lambda: (ops.sine_cosine, (doubles(3),)),
    "times": lambda: (ops.times, (doubles(3, 1), doubles(3, 1))),
    "pick": lambda: (ops.pick, (doubles(3), INDEX)),
    "total": lambda: (ops.total, ([doubles(3), doubles(3)], 2.0)),
    "affine": lambda: (ops.affine, (doubles(3), None, doubles(3))),
    "stretch": lambda: (ops.stretch, (torch.randn(3, 4).t(), 2.0)),
    "multiply": lambda: (ops.multiply, (torch.randn(3, 4), torch.randn(4))),
    "column_major": lambda: (ops.column_major, (torch.randn(3, 4),)),
    "extremes": lambda: (ops.extremes, (torch.randn(3, 4),)),
    "checked": lambda: (ops.checked, (torch.randn(3, 4),)),
    "repeated": lambda: (ops.repeated, (doubles(4), 3)),
    "windows": lambda: (ops.windows, (doubles(5), 3)),
    "every_kind": lambda: (ops.every_kind, (torch.ones(3), torch.ones(2), [torch.ones(1)], 2.0, None, [2, 2])),
    "above": lambda: (ops.above, (torch.randn(3), 0.5)),
    "add_": lambda: (ops.add_, (torch.randn(3), torch.randn(3))),
    "normalise_": lambda: (ops.normalise_, (torch.randn(3),)),
}


@pytest.mark.parametrize("name", CHECKED)
def test_opcheck(name):
    op, arguments = CHECKED[name]()
    torch.library.opcheck(op, arguments)


def test_compiled_whole_with_gradients_and_symbolic_sizes():
    graphs, backend = counted_graphs()
    compiled = torch.compile(lambda x, y: ops.softclip(x * y, 2.0) + 1, fullgraph=True, dynamic=True, backend="aot_eager")
    counted = torch.compile(lambda x, y: ops.softclip(x * y, 2.0) + 1, fullgraph=True, dynamic=True, backend=backend)
    for rows, columns in ((3, 4), (5, 6), (7, 9)):
        x, y = doubles(rows, columns), doubles(columns)
        expected = torch.autograd.grad((softclip(x * y, 2.0) + 1).sum(), (x, y))
        for mine, theirs in zip(torch.autograd.grad(compiled(x, y).sum(), (x, y)), expected):
            torch.testing.assert_close(mine, theirs)
        counted(x, y)
    assert len(graphs) == 1  # an elementwise expression leaves the sizes symbols


def graphs_for(function, *shapes):
    """Calls the compiled function with tensors of each list of shapes, and gives the number of its graphs."""
    graphs, backend = counted_graphs()
    compiled = torch.compile(function, fullgraph=True, dynamic=True, backend=backend)
    for sizes in shapes:
        arguments = [torch.randn(size) for size in sizes]
        torch.testing.assert_close(compiled(*arguments), function(*arguments))
    return len(graphs)


@pytest.mark.parametrize("row", range(6))
def test_sizes_stay_symbols_through_every_kind_of_expression(row):
    # Of each result for itself: reductions, transposes, slices, concatenations and lists.
    function = lambda x, y: [2 * r for r in torch.utils._pytree.tree_leaves(ops.rearranged(x + 1, y)[row])]
    assert graphs_for(function, *(((20 + i, 30 + i), (25 + 2 * i, 30 + i)) for i in range(4))) == 1


def test_sizes_stay_symbols_where_they_are_multiplied():
    assert graphs_for(lambda x: 2 * ops.pairs(x + 1), *(((20 + i, 30 + i),) for i in range(4))) == 1
    assert graphs_for(lambda x: 2 * ops.pairs(x + 1), *(((20 + i, 20 + i),) for i in range(4))) == 1


def test_sizes_stay_symbols_where_they_are_divided():
    function = lambda x: (2 * ops.every_third(x + 1), *(2 * half for half in ops.halves(x)))
    assert graphs_for(function, *(((20 + i, 30 + i),) for i in range(4))) == 1


def test_strides_stay_symbols():
    assert graphs_for(lambda x: 2 * ops.column_major(x + 1), *(((20 + i, 30 + i),) for i in range(4))) == 1


def test_sizes_become_facts_where_they_follow_no_multiples():
    assert graphs_for(lambda x: 2 * ops.root(x + 1), *(((20 + i,),) for i in range(4))) == 4
    # A slice of five columns, of rows that may be shorter.
    assert graphs_for(lambda x: 2 * ops.rearranged(x, x)[4], ((3, 2),), ((3, 4),), ((3, 20),), ((3, 30),)) == 3


@pytest.mark.parametrize("op", [ops.repeated, ops.windows])
def test_integers_stay_symbols_with_their_gradients(op):
    graphs, backend = counted_graphs()
    step = torch.compile(lambda x, n: 2 * op(x + 1, n + 1), fullgraph=True, dynamic=True, backend=aot_autograd(fw_compiler=backend, bw_compiler=backend))
    for size, count in ((20, 3), (21, 4), (23, 9)):
        x = doubles(size)
        (mine,) = torch.autograd.grad(step(x, count).sum(), x)
        (theirs,) = torch.autograd.grad((2 * op(x + 1, count + 1)).sum(), x)
        torch.testing.assert_close(mine, theirs)
    assert len(graphs) == 2  # one forward, one backward


def test_without_symbols_or_a_function_of_shapes_integers_become_facts():
    counts = range(3, 6)
    for op in (ops.repeated_by_fact, ops.windows_by_numbers):
        graphs, backend = counted_graphs()
        compiled = torch.compile(lambda x, n: 2 * op(x, n), fullgraph=True, dynamic=True, backend=backend)
        for count in counts:
            torch.testing.assert_close(compiled(torch.arange(20.0), count), 2 * op(torch.arange(20.0), count))
        assert len(graphs) == len(counts)


def test_a_function_of_shapes_is_called_in_place_of_the_operators_own():
    def tensors(device, dtype):
        return torch.ones(2, 3, device=device, dtype=dtype), torch.ones(4, device=device, dtype=dtype)

    for dtype in (torch.float32, torch.float64):
        for y, count, sizes in ((True, None, [2, 5]), (False, 7, [])):
            results = []
            for device in ("cpu", "meta"):
                x, other = tensors(device, dtype)
                results.append(ops.every_kind(x, other if y else None, [x, other], 2.0, count, sizes))
            real, meta = map(torch.utils._pytree.tree_leaves, results)
            described = lambda tensors: [t if t is None else (t.shape, t.stride(), t.dtype) for t in tensors]
            assert described(real) == described(meta)
            assert all(t is None or t.is_meta for t in meta)
    with pytest.raises(ValueError, match="a dimension is needed"):
        ops.every_kind(torch.ones((), device="meta"), None, [], 2.0, None, [])
    with pytest.raises(TypeError, match="every_kind: argument 'x': the tensor is int64"):
        ops.every_kind(torch.ones(2, device="meta", dtype=torch.int64), None, [], 2.0, None, [])
    with pytest.raises(TypeError, match="another argument is on meta"):
        ops.every_kind(torch.ones(2, device="meta"), torch.ones(2), [], 2.0, None, [])


def test_lists_of_integers_and_optional_ones_stay_symbols():
    def function(x, n):
        first, _, parts, last = ops.every_kind(x, None, [x + 1], 2.0, n + 1, [n, 3])
        return 2 * first, 2 * parts[0], 2 * last

    graphs, backend = counted_graphs()
    compiled = torch.compile(function, fullgraph=True, dynamic=True, backend=backend)
    for size, count in ((20, 5), (30, 6), (33, 9)):
        for mine, theirs in zip(compiled(torch.ones(size), count), function(torch.ones(size), count)):
            torch.testing.assert_close(mine, theirs)
    assert len(graphs) == 1


def test_exported_with_a_free_number():
    class Model(torch.nn.Module):
        def forward(self, x, y):
            return ops.windows(x, y.shape[0]) + 1

    free = {0: torch.export.Dim("n", min=10)}, {0: torch.export.Dim("width", max=10)}
    exported = torch.export.export(Model(), (torch.randn(20), torch.randn(5)), dynamic_shapes=free)
    for size, width in ((20, 5), (30, 2), (11, 10)):
        x, y = torch.randn(size), torch.randn(width)
        torch.testing.assert_close(exported.module()(x, y), Model()(x, y))


def test_a_function_may_refuse_sizes_while_it_is_compiled():
    assert graphs_for(lambda x: ops.checked(x) + 1, ((7, 3),), ((4, 3),), ((5, 3),)) == 1
    compiled = torch.compile(lambda x: ops.checked(x) + 1, fullgraph=True, dynamic=True, backend="aot_eager")
    with pytest.raises(Exception, match="three rows are needed"):
        compiled(torch.randn(2, 3))


def test_sizes_that_values_decide_stay_symbols():
    def function(x):
        chosen = x[x[:, 0] > 0]
        return ops.centred_rows(chosen) * 2, ops.extremes(chosen)[0]

    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        assert graphs_for(function, *(((20 + i, 4),) for i in range(3))) == 1


def test_exported_with_a_free_batch():
    class Model(torch.nn.Module):
        def forward(self, x):
            return ops.centred_rows(x * 2) + 1, ops.extremes(x)[0]

    exported = torch.export.export(Model(), (torch.randn(5, 7),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for rows in (2, 9, 1030):
        x = torch.randn(rows, 7)
        torch.testing.assert_close(exported.module()(x), Model()(x))


def test_compiled_in_place():
    def function(x, y):
        ops.add_(x, y, factor=2.0)
        return x.sum()

    x, y = torch.randn(3), torch.randn(3)
    expected = x + 2 * y
    result = torch.compile(function, fullgraph=True, backend="aot_eager")(x, y)
    torch.testing.assert_close(x, expected)
    torch.testing.assert_close(result, expected.sum())


def test_an_operator_that_needs_values_says_so():
    assert ops.positives(torch.tensor([1.0, -1.0, 3.0])).tolist() == [1, 3]
    message = "positives: the shape of the result depends on the values"
    with pytest.raises(RuntimeError, match=message):
        ops.positives(torch.empty(3, device="meta"))
    with pytest.raises(torch._dynamo.exc.Unsupported, match="positives.default.*output shape depends on input Tensor data"):
        torch.compile(ops.positives, fullgraph=True, backend="eager")(torch.ones(3))


def test_python_may_say_the_shape_of_an_operator_that_needs_values():
    def fake(x):
        return x.new_empty(torch.library.get_ctx().new_dynamic_size())

    with torch.library._scoped_library("xtt_test", "FRAGMENT") as library:
        torch.library.register_fake("xtt_test::positives", fake, lib=library)
        compiled = torch.compile(lambda x: ops.positives(x) * 2, fullgraph=True, backend="eager")
        assert compiled(torch.tensor([1.0, -1.0, 3.0])).tolist() == [2, 6]


# ---- errors ----------------------------------------------------------------------------------------------------------

ERRORS = [
    (lambda: ops.softclip(torch.arange(3)), TypeError,
     "softclip: argument 'x': the tensor is int64; the function takes float32, float64. Convert it first, e.g. "
     "tensor.to(torch.float32) in Python, tensor.to(torch::kFloat32) in C++."),
    (lambda: ops.times(doubles(3), torch.arange(3)), TypeError,
     "times: argument 'y': the tensor is int64; argument 'x' is float64, and the function takes both in one dtype. "
     "Convert it first: tensor.to(torch.float64) in Python, tensor.to(torch::kFloat64) in C++."),
    (lambda: ops.stretch(torch.arange(3), 1.0), TypeError,
     "stretch: argument '_0': the tensor is int64; the function takes float32. Convert it first: "
     "tensor.to(torch.float32) in Python, tensor.to(torch::kFloat32) in C++."),
    (lambda: ops.multiply(torch.ones(3), torch.ones(3)), ValueError,
     "multiply: argument 'matrix': the tensor has 1 dimension, shape [3]; rank 2 was asked for. Ask for the tensor's "
     "rank, leave the rank out, or reshape it first: tensor.reshape(…)."),
    (lambda: ops.multiply(torch.ones(3, device="meta"), torch.ones(3, device="meta")), ValueError,
     "multiply: argument 'matrix': the tensor has 1 dimension; rank 2 was asked for. Reshape it first: "
     "tensor.reshape(…)."),
    (lambda: ops.softclip(torch.ones(3).to_sparse()), TypeError,
     "softclip: argument 'x': the tensor's layout is Sparse; a strided tensor is needed. Convert it first: "
     "tensor.to_dense()."),
    (lambda: ops.add_(torch.ones(1).expand(3), torch.ones(3)), ValueError,
     "add_: argument 'x': elements of the tensor share memory (shape [3], strides [0]), so one write would change "
     "several; distinct elements are needed to write. Read it with view<const T>, or own it: tensor.clone()."),
    (lambda: ops.times(doubles(3), doubles(4)), ValueError,
     "times: the shapes of the arguments do not broadcast to one another ('x' [3], 'y' [4]); equal sizes, or 1, are "
     "needed. Reshape them first: tensor.reshape(…)."),
    (lambda: ops.times(meta(3), meta(4)), ValueError,
     "times: the shapes of the arguments do not broadcast to one another ('x' [3], 'y' [4]); equal sizes, or 1, are "
     "needed. Reshape them first: tensor.reshape(…)."),
    (lambda: ops.times(meta(3), doubles(3)), TypeError,
     "times: argument 'y': the tensor is on cpu, and another argument is on meta; all have to be on one device. Copy it "
     "first: tensor.to(\"meta\")."),
    (lambda: ops.add_(torch.ones(3, requires_grad=True) * 2, torch.ones(3)), RuntimeError,
     "add_: an argument requires grad, and this operator writes into its arguments and has no backward; gradients "
     "through it would be wrong. Call it under torch.no_grad(), or on tensor.detach()."),
    (lambda: ops.add_(torch.ones(3), torch.ones(3, requires_grad=True)), RuntimeError, "add_: an argument requires grad"),
    (lambda: ops.total([], 1.0), ValueError,
     "total: none of the arguments is a tensor with a dtype to compute in; one is needed. Pass a tensor."),
    (lambda: ops.value_by_value(doubles(3), 2.0), RuntimeError,
     "value_by_value: the returned expression refers to a variable that was gone when the function returned; an "
     "expression refers to what has a name and takes in what has none. Take values by reference (const auto& limit), "
     "and return a local container itself, or an expression over std::move(it)."),
    (lambda: ops.over_local(doubles(2)), RuntimeError, "over_local: the returned expression refers to a variable"),
    (lambda: ops.over_local_reduced(doubles(2)), RuntimeError, "over_local_reduced: the returned expression refers"),
    (lambda: ops.fail(torch.ones(3), "type"), TypeError, "fail: a type."),
    (lambda: ops.fail(torch.ones(3), "value"), ValueError, "fail: a value."),
    (lambda: ops.fail(torch.ones(3), "error"), RuntimeError, "fail: an error."),
    (lambda: ops.fail(torch.ones(3), "standard"), RuntimeError, "fail: a standard exception."),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_errors_arrive_as_one_sentence(index):
    call, kind, message = ERRORS[index]
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert str(caught.value) == message or (len(message) < 90 and str(caught.value).startswith(message))
    assert "\n" not in str(caught.value)


def test_an_expression_that_took_its_operand_in_is_fine():
    assert ops.over_moved_local(torch.ones(2, dtype=torch.float64)).tolist() == [1, 2]


def test_nothing_is_changed_when_an_argument_is_refused():
    x = torch.ones(3)
    version = x._version
    with pytest.raises(TypeError):
        ops.add_(x, torch.ones(3, dtype=torch.float64))
    assert x.tolist() == [1, 1, 1] and x._version == version


# ---- threads ---------------------------------------------------------------------------------------------------------


def test_the_interpreter_runs_while_an_operator_does():
    results = []
    waiting = threading.Thread(target=lambda: results.append(ops.wait_for_signal(torch.ones(2)).tolist()))
    waiting.start()
    ops.signal(torch.ones(2))  # is not reached while the other thread holds the interpreter's lock
    waiting.join()
    assert results == [[2, 2]]


# ---- derived gradients -----------------------------------------------------------------------------------------------

DERIVED = {
    "swish_gate": (lambda: (doubles(4, 5), doubles(5), 1.5), lambda x, gate, beta: x * gate * torch.sigmoid(beta * x)),
    "layer_norm": (
        lambda: (doubles(4, 5), doubles(5), doubles(5)),
        lambda x, weight, bias: torch.nn.functional.layer_norm(x, (5,), weight, bias),
    ),
    "between_means": (
        lambda: (doubles(4, 5), doubles(4, 5)),
        lambda x, y: x + y.mean(0, keepdim=True) * y.mean(1, keepdim=True),
    ),
}


@pytest.mark.parametrize("name", DERIVED)
def test_derived_gradients_are_right_in_every_mode_and_again(name):
    arguments = DERIVED[name][0]()
    op = getattr(ops, name)
    torch.testing.assert_close(op(*arguments), DERIVED[name][1](*arguments))
    assert torch.autograd.gradcheck(op, arguments)
    assert torch.autograd.gradgradcheck(op, arguments)
    assert torch.autograd.gradcheck(op, arguments, check_forward_ad=True, check_backward_ad=False)
    torch.library.opcheck(op.default, arguments)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_derived_backward_computes_where_nothing_is_recorded(mode):
    x, y = (tensor.detach() for tensor in DERIVED["between_means"][0]())
    gradient = torch.ones(4, 5, dtype=torch.float64)
    with mode():
        by_x, by_y = ops.between_means_backward(gradient, x, y, [True, True])
        assert not by_x.requires_grad and not by_y.requires_grad
    assert by_x.data_ptr() != gradient.data_ptr()
    followed = y.clone().requires_grad_()
    DERIVED["between_means"][1](x, followed).sum().backward()
    torch.testing.assert_close((by_x.clone(), by_y.clone()), (gradient, followed.grad))


@pytest.mark.parametrize("name", DERIVED)
def test_derived_gradients_go_through_the_transforms_of_torch_func(name):
    x, *others = DERIVED[name][0]()
    others = [o.detach() if isinstance(o, torch.Tensor) else o for o in others]
    ours = lambda x: getattr(ops, name)(x, *others).square().sum()
    theirs = lambda x: DERIVED[name][1](x, *others).square().sum()
    x = x.detach()
    torch.testing.assert_close(torch.func.grad(ours)(x), torch.func.grad(theirs)(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the loop over a batch
        torch.testing.assert_close(torch.func.hessian(ours)(x), torch.func.hessian(theirs)(x))


@pytest.mark.parametrize("name", ["swish_gate", "layer_norm"])
def test_derived_gradients_are_compiled_with_symbolic_sizes(name):
    graphs, backend = counted_graphs()
    function = lambda *arguments: getattr(ops, name)(*arguments).sum()
    step = torch.compile(function, dynamic=True, fullgraph=True, backend=aot_autograd(fw_compiler=backend, bw_compiler=backend))
    for rows in (2, 3, 40):
        arguments = [doubles(rows, 5), doubles(5), doubles(5)][: 2 if name == "swish_gate" else 3]
        got = torch.autograd.grad(step(*arguments), arguments)
        values = (*arguments, 1.0) if name == "swish_gate" else arguments
        torch.testing.assert_close(got, torch.autograd.grad(DERIVED[name][1](*values).sum(), arguments))
    assert len(graphs) == 2  # forward and backward


def test_a_derived_gradient_that_nobody_asked_for_is_not_there():
    x, gate = doubles(4, 5), doubles(5).detach()
    ops.swish_gate(x, gate).sum().backward()
    assert x.grad.shape == (4, 5) and gate.grad is None


def test_derived_gradients_of_short_floats_are_computed_in_float():
    x = torch.randn(300, 5).bfloat16().requires_grad_()
    gate = torch.randn(5).bfloat16().requires_grad_()
    got = torch.autograd.grad(ops.swish_gate(x, gate).sum(), (x, gate))
    wide = [v.detach().float().requires_grad_() for v in (x, gate)]
    expected = torch.autograd.grad(DERIVED["swish_gate"][1](*wide, 1.0).sum(), wide)
    torch.testing.assert_close(got, tuple(e.bfloat16() for e in expected), rtol=0.01, atol=0.01)


def test_a_scalar_comes_in_the_dtype_of_the_tensors():
    for dtype, factor in ((torch.float32, 0.5), (torch.float32, 3), (torch.float64, True), (torch.complex64, 2 - 1j)):
        x = torch.arange(5).to(dtype)
        result = ops.scale(x, factor)
        assert result.dtype == dtype
        torch.testing.assert_close(result, (x * factor).to(dtype))
    assert ops.scale(torch.ones(2)).tolist() == [2, 2]
    x = doubles(3)
    assert torch.autograd.gradcheck(ops.scale, (x, 3))
    torch.library.opcheck(ops.scale.default, (x, 0.5))
    compiled = torch.compile(lambda x, factor: ops.scale(x, factor), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, 1.5), 1.5 * x)


@pytest.mark.parametrize("factor", [0.5, 300, -129, 1j])
def test_a_scalar_that_the_dtype_cannot_hold_is_refused(factor):
    with pytest.raises(ValueError, match="scale: argument 'factor': the number is .*; the tensors are int8, which it has to fit in"):
        ops.scale(torch.ones(2, dtype=torch.int8), factor)
    with pytest.raises(ValueError, match="the tensors are float32, which"):
        ops.scale(torch.ones(2), 1j)


def test_a_function_may_take_a_scalar_as_it_is():
    assert ops.scale_by(torch.ones(2), 0.5).tolist() == [0.5, 0.5]
    assert ops.scale_by(torch.ones(2, dtype=torch.int64), 3).tolist() == [3, 3]


def test_values_are_results():
    x = torch.tensor([1.0, 3.0, 2.0], requires_grad=True)
    *values, doubled = ops.measures(x)
    assert values == [3.0, 3, False, "float"] and [type(v) for v in values] == [float, int, bool, str]
    doubled.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    assert ops.shape(torch.ones(2, 0, 4)) == [2, 0, 4]
    assert ops.ends(torch.tensor([1.0, 2.5])) == ([1.0, 2.5], [False, True], None)
    assert ops.ends(torch.tensor([1.0, 2.5, 4.0])) == ([1.0, 4.0], [False, True], 4.0)
    first = [ops.first_number(torch.arange(2, 4, dtype=dtype)) for dtype in (torch.float32, torch.int64)]
    assert first == [2, 2] and [type(f) for f in first] == [float, int]


def test_types_of_values_may_be_nested():
    assert ops.described(torch.ones(3), ["a", "b"]) == "3 a b"
    assert ops.described(torch.ones(3), [], factors=[0.5, 2.0]) == "3 2"


def test_an_operator_that_returns_a_value_divides_what_is_compiled():
    message = "measures: the result is a value that depends on those of the arguments"
    with pytest.raises(RuntimeError, match=message):
        ops.measures(torch.empty(3, device="meta"))
    for function in (lambda x: (x + 1) * ops.first_number(x * 2), lambda x: ops.positives(x + 1).sum() * x):
        with pytest.raises((torch._dynamo.exc.Unsupported, torch._dynamo.exc.UserError)):
            torch.compile(function, fullgraph=True, backend="eager")(torch.ones(3))
        torch.testing.assert_close(torch.compile(function, backend="eager")(torch.ones(3)), function(torch.ones(3)))


def test_under_autocast_tensors_are_cast_as_the_registration_says():
    x, short = torch.randn(4), torch.randn(4).bfloat16()
    assert ops.cast_to_float(short, None, []).dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ops.cast_to_float(short, x, [short, x]), 2 * (x + short.float()))
        assert ops.cast_to_float(short, None, []).dtype == torch.float32
        product = ops.cast_to_region(x, short)
        assert product.dtype == torch.bfloat16
        torch.testing.assert_close(product, x.bfloat16() * short)
        # As by LibTorch's own operators, doubles stay as they are.
        assert ops.cast_to_region(x.double(), x.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.float16):
        assert ops.cast_to_region(x, x).dtype == torch.float16


def test_gradients_come_back_in_the_dtype_of_what_autocast_cast():
    x, y = torch.randn(4, requires_grad=True), torch.randn(4, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        ops.cast_to_region(x, y).float().sum().backward()
    assert x.grad.dtype == torch.float32
    torch.testing.assert_close(x.grad, y.detach().bfloat16().float())
    compiled = torch.compile(lambda x, y: ops.cast_to_region(x, y), fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", torch.bfloat16):
        assert compiled(x, y).dtype == torch.bfloat16


def test_autocast_to_a_dtype_that_the_function_does_not_take_is_a_mistake():
    with pytest.raises(TypeError, match="cast_wrongly is to compute in float16 under autocast; the function takes float32. Name one"):
        ops.cast_wrongly(torch.ones(2))


def normalised(x, weight):
    return torch.nn.functional.layer_norm(x, (x.shape[1],), weight, eps=0)


def test_a_forward_saves_results_for_its_backward():
    x, weight = doubles(4, 5), doubles(5)
    torch.testing.assert_close(ops.normalised(x, weight), normalised(x, weight))
    assert torch.autograd.gradcheck(ops.normalised, (x, weight))
    assert torch.autograd.gradcheck(ops.square_root.real, (doubles(3).detach().abs().requires_grad_(),))
    assert str(ops.normalised.default._schema) == "xtt_test::normalised(Tensor x, Tensor weight) -> Tensor"
    torch.library.opcheck(ops.normalised.default, (x, weight))
    torch.library.opcheck(ops.normalised_with_saved.default, (x, weight))
    result, mean, scale = ops.normalised_with_saved(x, weight)
    assert result.requires_grad and not mean.requires_grad and mean.shape == scale.shape == (4, 1)


def test_saved_results_are_freed_and_compiled():
    graphs, backend = counted_graphs()
    function = lambda x, weight: ops.normalised(x, weight)
    step = torch.compile(function, fullgraph=True, dynamic=True, backend=aot_autograd(fw_compiler=backend, bw_compiler=backend))
    for rows in (3, 4, 7):
        x, weight = doubles(rows, 5), doubles(5)
        got = torch.autograd.grad(step(x, weight).square().sum(), (x, weight))
        torch.testing.assert_close(got, torch.autograd.grad(normalised(x, weight).square().sum(), (x, weight)))
    assert len(graphs) == 2
    result = ops.normalised(x, weight)
    result.sum().backward()
    with pytest.raises(RuntimeError, match="normalised: backward was called a second time"):
        result.sum().backward()
    batch = torch.randn(3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(torch.vmap(ops.normalised, (0, None))(batch, weight), torch.stack([ops.normalised(b, weight) for b in batch]))
    with pytest.raises(ValueError, match="normalised: the shapes of the arguments do not broadcast"):
        ops.normalised(torch.ones(3, 4), torch.ones(5))
