"""Each stage of the compiler by itself: a function from data to data."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler import scalar_interpreter
from autograd_mini.compiler.backends.numpy.calls import Calls
from autograd_mini.compiler.backends.numpy.contraction import contraction
from autograd_mini.compiler.backends.numpy.source import emit
from autograd_mini.compiler.canonical import canonical_form
from autograd_mini.compiler.ir.array_program import ArrayProgram
from autograd_mini.compiler.ir.facts import witnesses
from autograd_mini.compiler.ir.references import (
    HOLE,
    Gather,
    Mixed,
    View,
    affine_view,
    common_shape,
)
from autograd_mini.compiler.ir.scalars import Elementwise, Leaf, Literal, ScalarProgram, Sum, Take
from autograd_mini.compiler.ir.spaces import FIXED, THETA, VALUE, input_space
from autograd_mini.compiler.ir.steps import Contract, LargestStep, Map, Reduce, Scatter, TakeStep
from autograd_mini.compiler.lower.packs import lower
from autograd_mini.compiler.reverse.rules import differentiate
from autograd_mini.compiler.runtime import Functions
from autograd_mini.compiler.trace import InputSpec, Trace, trace

RNG = np.random.default_rng


def leaves(count: int) -> list[Value]:
    return [Value(float(k + 1)) for k in range(count)]


def traced(
    function: Callable[..., Any], parameters: Sequence[Value], *shapes: tuple[int, ...]
) -> Trace:
    specs = [InputSpec(shape, integer=False) for shape in shapes]
    return trace(function, parameters, specs, lambda arguments: arguments)


def canonical(
    function: Callable[..., Any], parameters: Sequence[Value], *shapes: tuple[int, ...]
) -> ScalarProgram:
    program = canonical_form(traced(function, parameters, *shapes))
    program.verify()
    return program


def lowered(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    *shapes: tuple[int, ...],
    batched: bool = True,
) -> ArrayProgram:
    scalars = canonical(function, parameters, *shapes)
    sizes = [int(np.prod(shape)) for shape in shapes]
    result = lower(scalars, len(parameters), sizes, batched)
    result.program.verify()
    arrays = {(out.space, out.offset) for out in written(result.program)}
    assert result.packs >= len(arrays) - len(result.program.zeros)  # copies with zeros around them
    return result.program


def written(program: ArrayProgram) -> list[View]:
    """What each forward step writes."""
    return [step.out for step in program.forward]


def kinds(program: ArrayProgram) -> list[str]:
    return [type(step).__name__ for step in program.forward]


# Trace


def test_trace_keeps_the_graph_of_one_example() -> None:
    w = leaves(2)
    graph = traced(lambda x, y: [w[0] * x[0] + w[1] * x[1], y], w, (2,), ())
    assert graph.parameters == {w[0]: 0, w[1]: 1}
    assert sorted(graph.inputs.values()) == [(0, 0), (0, 1), (1, 0)]
    assert [node.op for node in graph.nodes].count("mul") == 2
    assert not graph.scalar
    place = {node: k for k, node in enumerate(graph.nodes)}
    assert all(place[p] < place[node] for node in graph.nodes for p in node.parents)
    assert traced(lambda x: w[0] * x, w, ()).scalar


# Canonical form


def dot_by_loop(w: Sequence[Any], x: Sequence[Any], b: Any) -> Any:
    total = 0
    for a, c in zip(w, x, strict=True):
        total = total + a * c
    return total + b


WAYS: dict[str, Callable[..., Any]] = {
    "dot": lambda w, x, b: ad.dot(w, x, b),
    "dot, then the bias": lambda w, x, b: ad.dot(w, x) + b,
    "loop": dot_by_loop,
    "sum of a generator": lambda w, x, b: sum(a * c for a, c in zip(w, x, strict=True)) + b,
    "ad.sum": lambda w, x, b: ad.sum([*[a * c for a, c in zip(w, x, strict=True)], b]),
    "minus minus": lambda w, x, b: -(-ad.dot(w, x) - b),
    "half of twice": lambda w, x, b: (2 * ad.dot(w, x) + 2 * b) / 2,
    "mean": lambda w, x, b: 4 * ad.mean([*[a * c for a, c in zip(w, x, strict=True)], b]),
}


@pytest.mark.parametrize("way", WAYS)
def test_all_ways_to_write_a_weighted_sum_are_one_sum_of_products(way: str) -> None:
    parameters = leaves(4)

    def function(x: Any) -> Any:
        return WAYS[way](parameters[:3], x, parameters[3])

    program = canonical(function, parameters, (3,))
    (total,) = [node for node in program.nodes if isinstance(node, Sum)]
    factors = {(c, frozenset((program.nodes[a], program.nodes[b]))) for c, a, b in total.products}
    assert factors == {
        (1.0, frozenset((Leaf(THETA, k), Leaf(input_space(0), k)))) for k in range(3)
    }
    assert [(c, program.nodes[a]) for c, a in total.linear] == [(1.0, Leaf(THETA, 3))]
    assert total.constant == 0
    assert program.nodes[program.outputs[0]] is total


def test_a_sum_used_twice_stays_a_node() -> None:
    w = leaves(2)

    def function(x: Any) -> Any:
        shared = w[0] * x + w[1]
        return shared * shared + shared

    program = canonical(function, w, ())
    assert sum(isinstance(node, Sum) for node in program.nodes) == 2


def test_common_subexpressions_constants_and_dead_code() -> None:
    w = leaves(1)

    def function(x: Any) -> Any:
        ad.cosh(x)
        return ad.sin(x * w[0]) + ad.sin(x * w[0]) + ad.exp(ad.as_value(0.0)) + 0 * ad.tan(x)

    program = canonical(function, w, ())
    rows = [node.op for node in program.nodes if isinstance(node, Elementwise)]
    assert rows.count("sin") == 1
    assert not {"cosh", "exp"} & set(rows)
    total = program.nodes[program.outputs[0]]
    assert isinstance(total, Sum)
    assert total.constant == 1.0
    assert not any(isinstance(node, Literal) for node in program.nodes)


def test_a_class_label_picks_its_logit_before_the_rest_is_subtracted() -> None:
    logits = leaves(5)

    def function(k: Any) -> Any:
        return -ad.take(ad.log_softmax(logits), k)

    specs = [InputSpec((), integer=True)]
    program = canonical_form(trace(function, logits, specs, lambda arguments: arguments))
    program.verify()
    (pick,) = [node for node in program.nodes if isinstance(node, Take)]
    assert [program.nodes[a] for a in pick.arguments] == [Leaf(THETA, k) for k in range(5)]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((Leaf(THETA, 0), Sum((), ((1.0, 1),), 0.0)), "does not come before"),
        ((Leaf(THETA, 0), Leaf(THETA, 0)), "stands twice"),
        ((Elementwise("sin", (1,)), Leaf(THETA, 0)), "does not come before"),
    ],
)
def test_the_verifier_of_scalar_programs(nodes: tuple[Any, ...], message: str) -> None:
    program = ScalarProgram(nodes, (1,))
    assert "%1" in str(program)
    with pytest.raises(ValueError, match=message):
        program.verify()


def test_what_is_there_for_aux_alone() -> None:
    nodes = Leaf(THETA, 0), Elementwise("sin", (0,)), Elementwise("cos", (1,)), Leaf(THETA, 1)
    program = ScalarProgram(nodes, (1,), aux=(2, 3))
    program.verify()
    assert str(program).endswith("return %1\naux %2, %3")
    assert program.leads_to_outputs == [True, True, False, False]
    assert ScalarProgram(nodes, (1,)).leads_to_outputs == [True] * 4
    assert scalar_interpreter.interpret(program, [0.0, 5.0]) == [0.0, 1.0, 5.0]
    with pytest.raises(ValueError, match="no such node"):
        ScalarProgram(nodes, (1,), aux=(4,)).verify()


# Access patterns


@pytest.mark.parametrize("seed", range(30))
def test_affine_patterns_are_views(seed: int) -> None:
    rng = RNG(seed)
    shape = tuple(rng.integers(1, 5, size=rng.integers(0, 4)).tolist())
    strides = tuple(rng.integers(0, 9, size=len(shape)).tolist())
    view = View(THETA, int(rng.integers(0, 20)), shape, strides)
    found = affine_view(THETA, view.indices())
    assert found is not None
    np.testing.assert_array_equal(found.indices(), view.indices())
    assert view.is_distinct == (len(set(view.indices().ravel().tolist())) == view.indices().size)


def test_neuron_major_parameters_are_a_view() -> None:
    """Weights and bias of one neuron after the other: rows of 4, of which 3 are read."""
    index = np.array([[4 * j + i for i in range(3)] for j in range(5)])
    assert affine_view(THETA, index) == View(THETA, 0, (5, 3), (4, 1))


def test_what_is_not_affine_is_no_view() -> None:
    for index in ([0, 1, 3], [[0, 1], [2, 4]], [3, 1, 0], [[0, 1], [5, 6], [9, 10]]):
        assert affine_view(THETA, np.array(index)) is None


def test_holes_are_free() -> None:
    index = np.array([[0, 1, 2], [3, 4, HOLE], [6, HOLE, HOLE]])
    assert affine_view(VALUE, index) == View(VALUE, 0, (3, 3), (3, 1))
    assert affine_view(VALUE, np.full((2, 2), HOLE)) is None


def test_common_shape_finds_nested_loops() -> None:
    i, j, k = (a.ravel() for a in np.indices((2, 3, 4)))
    assert common_shape([12 * i + 4 * j + k, 7 * j + 1]) == (2, 3, 4)
    assert common_shape([np.arange(6), np.repeat([0, 5], 3)]) == (2, 3)
    assert common_shape([np.arange(5)]) == (5,)
    assert common_shape([np.array([7])]) == ()


# Lowering


def test_a_layer_is_one_matrix_product() -> None:
    parameters = leaves(4 * 5)
    neurons = [parameters[4 * j : 4 * j + 4] for j in range(5)]

    def layer(x: Any) -> Any:
        return [ad.tanh(ad.dot(n[:3], x, n[3])) for n in neurons]

    program = lowered(layer, parameters, (3,))
    (product,) = [step for step in program.forward if isinstance(step, Contract)]
    assert product.a == View(THETA, 0, (5, 3), (4, 1))
    assert product.b == View(input_space(0), 0, (3,), (1,))
    assert (product.a_axes, product.b_axes, product.out_axes) == ("am", "mn", "an")
    assert not any(isinstance(r, (Gather, Mixed)) for s in program.forward for r in s.reads)


def test_heads_are_a_batched_product() -> None:
    def scores(q: Any, k: Any) -> Any:
        return [
            [[ad.dot(a, b) for b in head_k] for a in head_q]
            for head_q, head_k in zip(q, k, strict=True)
        ]

    program = lowered(scores, [], (3, 4, 2), (3, 5, 2), batched=False)
    (product,) = program.forward
    assert isinstance(product, Contract)
    assert product.out.shape == (3, 4, 5) or product.out.shape == (3, 5, 4)
    shared = set(product.a_axes) & set(product.b_axes)
    assert len(shared) == 2  # the head and what is summed


def test_elementwise_and_irregular_steps() -> None:
    w = leaves(6)
    program = lowered(lambda x: [ad.sin(a * b) for a, b in zip(w, x, strict=True)], w, (6,))
    assert kinds(program) == ["Map", "Map"]
    assert [out.shape for out in written(program)] == [(6,), (6,)]
    odd = lowered(lambda x: [ad.sin(x[0]), ad.cos(x[1]) * w[0], x[2] / w[1]], w, (3,))
    assert {out.shape for out in written(odd)} == {()}


def test_what_depends_on_parameters_alone_has_no_rows() -> None:
    w = leaves(3)
    program = lowered(lambda x: x * ad.exp(ad.dot(w, w)), w, ())
    spaces = [out.space for out in written(program)]
    assert spaces[-1] is VALUE
    assert set(spaces[:-1]) == {FIXED}
    assert set(program.sizes) == {THETA, input_space(0), VALUE, FIXED}
    alone = lowered(lambda x: x * ad.exp(ad.dot(w, w)), w, (), batched=False)
    assert {out.space for out in written(alone)} == {VALUE}


def test_windows_beyond_the_border_are_views_of_a_copy_with_zeros_around_it() -> None:
    w = leaves(6)  # two kernels of three over a line of five

    def net(x: Sequence[Value]) -> list[Value]:
        return [
            ad.dot(kernel[max(0, -k) : 5 - k], x[max(0, k) : k + 3])
            for kernel in (w[:3], w[3:])
            for k in range(-1, 4)
        ]

    program = lowered(net, w, (5,))
    copy, product = program.forward
    assert isinstance(copy, Map)
    assert (copy.out.shape, copy.out.strides) == ((5,), (1,))
    assert isinstance(product, Contract)
    assert isinstance(product.b, View)
    assert (product.b.shape, product.b.strides) == ((5, 3), (1, 1))
    assert product.b.offset == copy.out.offset - 1
    (zeros,) = program.zeros
    assert zeros.index.tolist() == [copy.out.offset - 1, copy.out.offset + 5]
    wider = copy.out._replace(shape=(6,))
    over_zeros = replace(copy, out=wider, operands={"x": View(THETA, 0, (6,), (1,))})
    with pytest.raises(ValueError, match="writes what is to be 0 always"):
        replace(program, forward=(over_zeros, product)).verify()


def test_a_row_beside_longer_ones_is_read_where_it_is() -> None:
    """Of the scores of causal attention the largest is looked for in those that count."""
    w = leaves(8)
    keys = [w[:2], w[2:4], w[4:6], w[6:]]

    def net(x: Sequence[Sequence[Value]]) -> list[Value]:
        scores = [[ad.dot(q, k) for k in keys[: t + 1]] for t, q in enumerate(x)]
        return [ad.logsumexp(row) for row in scores]

    program = lowered(net, w, (4, 2))
    (largest,) = [step for step in program.forward if isinstance(step, LargestStep)]
    assert isinstance(largest.source, View)
    assert largest.counts is not None
    assert sorted(largest.counts.sum(axis=-1).tolist()) == [1, 2, 3, 4]
    other = replace(largest, counts=largest.counts[:-1])
    with pytest.raises(ValueError, match="may count"):
        replace(program, forward=(other,)).verify()


def test_take_is_one_step() -> None:
    table = leaves(12)
    rows = [table[3 * k : 3 * k + 3] for k in range(4)]

    def function(tokens: Any) -> Any:
        return [ad.take(rows, token) for token in tokens]

    specs = [InputSpec((5,), integer=True)]
    scalars = canonical_form(trace(function, table, specs, lambda arguments: arguments))
    program = lower(scalars, 12, [5], True).program
    program.verify()
    (step,) = program.forward
    assert isinstance(step, TakeStep)
    assert step.out.shape in {(5, 3), (3, 5)}


def test_the_verifier_of_array_programs() -> None:
    w = leaves(6)
    program = lowered(lambda x: ad.tanh(ad.dot(w, x)), w, (6,))
    assert "Contract" in str(program)
    assert "return" in str(program)
    product, activation = program.forward
    assert isinstance(product, Contract)
    assert isinstance(activation, Map)
    wide = replace(product, a=View(THETA, 1, (6,), (1,)))
    with pytest.raises(ValueError, match=r"leaves theta\[6\]"):
        replace(program, forward=(wide, activation)).verify()
    short = replace(product, a=View(THETA, 0, (5,), (1,)))
    with pytest.raises(ValueError, match="two sizes"):
        replace(program, forward=(short, activation)).verify()
    crooked = replace(activation, operands={"x": View(input_space(0), 0, (3,), (1,))})
    with pytest.raises(ValueError, match="shape"):
        replace(program, forward=(product, crooked)).verify()
    gather = replace(activation, operands={"x": Gather(THETA, np.array(-1))})
    with pytest.raises(ValueError, match="leaves"):
        replace(program, forward=(product, gather)).verify()
    outside = View(THETA, 6, (), ())
    with pytest.raises(ValueError, match=r"the result leaves theta\[6\]"):
        replace(program, aux=outside).verify()
    with pytest.raises(ValueError, match="what is returned is not written"):
        replace(program, forward=(product,)).verify()
    with pytest.raises(ValueError, match="what is returned is not written"):
        replace(program, outputs=product.out, aux=activation.out, forward=(product,)).verify()
    replace(program, outputs=product.out, forward=(product,)).verify()


# Reverse


def test_the_rule_of_a_matrix_product_is_bp2_and_bp4() -> None:
    parameters = leaves(3 * 4 + 2 * 3)
    first = [parameters[4 * j : 4 * j + 4] for j in range(3)]
    second = [parameters[12 + 3 * j : 15 + 3 * j] for j in range(2)]

    def loss(x: Any) -> Any:
        hidden = [ad.tanh(ad.dot(row, x)) for row in first]
        return ad.sum([ad.sin(ad.dot(row, hidden)) for row in second])

    program = differentiate(lowered(loss, parameters, (4,)))
    program.verify()
    assert "backward" in str(program)
    products = [step for step in program.backward if isinstance(step, Contract)]
    into = sorted(step.out.space.name for step in products)
    assert into == ["d_theta", "d_theta", "d_value"]  # no error signal toward the inputs
    for step in products:
        assert isinstance(step.a, View)
        assert step.a.space is VALUE.adjoint
    weights = {step.out.shape for step in products if step.out.space is THETA.adjoint}
    assert weights == {(3, 4), (2, 3)}


def test_the_first_row_and_column_of_a_gradient_stand_for_all() -> None:
    weights, bias = leaves(30 * 40), Value(0.5)
    rows = [weights[40 * j : 40 * j + 40] for j in range(30)]

    def loss(x: Any) -> Any:
        return ad.sum([ad.tanh(ad.dot(row, x)) for row in rows]) * bias

    entries = witnesses(differentiate(lowered(loss, [*weights, bias], (40,))))
    assert entries is not None
    assert entries.tolist() == [*range(40), *range(40, 1200, 40), 1200]
    few = differentiate(lowered(lambda x: ad.tanh(ad.dot(rows[0], x)), rows[0], (40,)))
    assert witnesses(few) is None  # all of them are looked at


def test_the_gradient_of_every_parameter_is_written() -> None:
    parameters = leaves(5)
    program = differentiate(lowered(lambda x: parameters[2] * x, parameters, ()))
    covered = np.zeros(5, dtype=bool)
    for step in program.backward:
        if step.out.space is THETA.adjoint:
            covered[step.out.indices()] = True
    assert covered.all()


def test_a_value_read_twice_adds_up_its_error_signals() -> None:
    w = leaves(1)
    program = differentiate(lowered(lambda x: ad.sin(w[0] * x) + ad.cos(w[0] * x), w, ()))
    program.verify()
    added = [step for step in program.backward if step.add]
    assert added


@pytest.mark.parametrize(("places", "expected"), [(80, 3), (40, 0)])
def test_error_signals_of_overlapping_windows_are_added_part_by_part(
    places: int, expected: int
) -> None:
    """What one weight saw are elements that differ; of few of these not each has its own step."""
    w = leaves(3)

    def net(x: Sequence[Value]) -> Value:
        seen = [ad.tanh(w[0] * v) for v in x]
        total: Value = ad.sum([ad.square(ad.dot(w, seen[k : k + 3])) for k in range(places)])
        return total

    program = differentiate(lowered(net, w, (places + 2,)))
    program.verify()
    added = [s.out for s in program.backward if isinstance(s, Map) and s.add]
    parts = [out.offset for out in added if out.shape == (places,)]
    assert [offset - parts[0] for offset in parts] == [0, 1, 2][:expected]
    assert sum(isinstance(s, Scatter) for s in program.backward) == (not expected)


def test_a_sum_over_the_batch_ends_in_parameters_alone() -> None:
    w = leaves(1)
    program = differentiate(lowered(lambda x: x * ad.exp(w[0]), w, ()))
    program.verify()
    assert any(
        (isinstance(step, Reduce) and step.batch)
        or (isinstance(step, Contract) and "n" not in step.out_axes)
        for step in program.backward
    )


# Emission


CONTRACTIONS = [
    ("am", "mn", "an"),
    ("an", "mn", "am"),
    ("an", "am", "mn"),
    ("m", "mn", "n"),
    ("mn", "n", "m"),
    ("n", "m", "mn"),
    ("bm", "am", "ab"),
    ("acm", "abm", "abc"),
    ("mn", "mn", "n"),
    ("mn", "mn", "m"),
    ("mn", "mn", ""),
    ("m", "m", ""),
    ("amn", "bmn", "abn"),
    ("abn", "bmn", "amn"),
    ("am", "bmn", "abn"),
    ("abn", "bmn", "am"),
    ("abc", "cd", "abd"),
    ("ab", "m", "abm"),
    ("am", "n", "an"),
    ("abcd", "bd", "ca"),
    ("n", "m", "m"),
    ("abn", "m", "bm"),
    ("an", "mb", "am"),
    ("abn", "bm", ""),
    ("n", "m", ""),
]


@pytest.mark.parametrize(("a_axes", "b_axes", "out_axes"), CONTRACTIONS)
def test_contractions(a_axes: str, b_axes: str, out_axes: str) -> None:
    rng = RNG(0)
    sizes = dict(zip("abcdmn", (2, 3, 4, 5, 6, 7), strict=True))
    a = rng.normal(size=[sizes[c] for c in a_axes])
    b = rng.normal(size=[sizes[c] for c in b_axes])
    out = np.full([sizes[c] for c in out_axes], np.nan)
    exec(
        contraction(Calls(), "a", a_axes, "b", b_axes, "out", out_axes),
        {"np": np, "a": a, "b": b, "out": out},
    )
    expected = np.einsum(f"{a_axes},{b_axes}->{out_axes}", a, b)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)


def test_functions_are_looked_up_beforehand() -> None:
    w = leaves(6)
    program = differentiate(lowered(lambda x: ad.tanh(ad.dot(w, x)), w, (6,)))
    emitted = emit(program)
    for name in emitted.functions:
        function: Any = Functions(emitted, np.float64)[name]
        names = function.__code__.co_names
        assert "np.tanh(" in emitted.functions[name]
        assert "F_np_tanh" in names
        assert "np" not in names


def test_emission_is_a_function_of_the_program() -> None:
    w = leaves(6)
    program = differentiate(lowered(lambda x: ad.tanh(ad.dot(w, x)), w, (6,)))
    first, second = emit(program, ["a header"]), emit(program, ["a header"])
    assert first.source == second.source
    assert first.source.startswith("# a header\n")
    tree = ast.parse(first.source)
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == [
        "outputs",
        "value_and_grad",
    ]
    names = {buffer.name for buffer in first.buffers}
    pools = {"value", "fixed", "d_value", "d_fixed", "scratch", "scratch_fixed"}
    for unpacked in first.unpacked.values():
        assert set(unpacked) <= names | pools
    without = emit(lowered(lambda x: ad.tanh(ad.dot(w, x)), w, (6,)))
    assert "value_and_grad" not in without.source
