"""The canonical form alone: what it means is told by its reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler.canonical import canonical_form
from autograd_mini.compiler.ir.scalars import ScalarProgram, Sum, Vector
from autograd_mini.compiler.open_sums import OpenSum
from autograd_mini.compiler.scalar_interpreter import interpret
from autograd_mini.compiler.trace import InputSpec, trace
from autograd_mini.table import primitives
from tests.compiler.agreement import assert_agrees, assert_close, eager
from tests.random_graphs import FUNCTIONS, Program, programs

KINDS = st.sampled_from(["parameter", "input", "number"])


def canonical_forms(
    function: Callable[[Sequence[Any]], Any], parameters: Sequence[Value], inputs: int
) -> list[ScalarProgram]:
    """The fast and the NaN-safe form of a function of one argument."""
    specs = [InputSpec((inputs,), integer=False)]
    try:
        graph = trace(function, parameters, specs, lambda arguments: arguments)
    except ad.TraceError:  # it depends on nothing
        assume(False)
    forms = [canonical_form(graph), canonical_form(graph, nan_safe=True)]
    for form in forms:
        form.verify()
    return forms


# Rows of all kinds against the scalar engine


@given(programs(max_leaves=4, max_steps=10), st.lists(KINDS, min_size=4, max_size=4))
def test_the_canonical_form_gives_what_the_engine_gives(
    program: Program, kinds: Sequence[str]
) -> None:
    note(str(program))
    numbers = dict(enumerate(program.leaves))
    places = {kind: [i for i in numbers if kinds[i] == kind] for kind in ("parameter", "input")}
    parameters = [Value(numbers[i]) for i in places["parameter"]]

    def function(x: Sequence[Any]) -> Any:
        varying = dict(zip(places["parameter"], parameters, strict=True))
        varying |= dict(zip(places["input"], x, strict=True))
        return program.run([varying.get(i, number) for i, number in numbers.items()], FUNCTIONS)

    x = [numbers[i] for i in places["input"]]
    forms = canonical_forms(function, parameters, len(x))
    expected = eager(function, parameters, [x])
    for form in forms:
        note(str(form))
        result = interpret(form, [p.data for p in parameters], [x])
        assert_close(result, expected.outputs[0], expected.output_sizes[0], program)


# Sums and products against exact arithmetic

CONSTANTS = [0.0, 1.0, -1.0, 0.5, -2.0, 3.0, -0.1, 2.0**40, 2.0**-40, 1e30]


@dataclass(frozen=True)
class Node:
    """One step: an operator over the numbers of earlier nodes, or over one and a constant."""

    op: str
    a: int
    b: int
    constant: float

    def over(self, nodes: Sequence[Any]) -> Any:
        a, b = nodes[self.a % len(nodes)], nodes[self.b % len(nodes)]
        return OPERATIONS[self.op](a, b, self.constant)


OPERATIONS: dict[str, Callable[[Any, Any, float], Any]] = {
    "a + b": lambda a, b, c: a + b,
    "a - b": lambda a, b, c: a - b,
    "a * b": lambda a, b, c: a * b,
    "-a": lambda a, b, c: -a,
    "c * a": lambda a, b, c: c * a,
    "a + c": lambda a, b, c: a + c,
    "c - a": lambda a, b, c: c - a,
    "a / c": lambda a, b, c: a / (c or 4.0),
    "a**2": lambda a, b, c: a**2,
}
STEPS = st.builds(
    Node,
    st.sampled_from(sorted(OPERATIONS)),
    st.integers(-4, -1),
    st.integers(-8, -1),
    st.sampled_from(CONSTANTS),
)


@dataclass(frozen=True)
class Sized:
    """An exact number, and what it would be if nothing cancelled."""

    value: Fraction
    size: Fraction

    def __add__(self, other: Any) -> Sized:
        other = sized(other)
        return Sized(self.value + other.value, self.size + other.size)

    def __mul__(self, other: Any) -> Sized:
        other = sized(other)
        return Sized(self.value * other.value, self.size * other.size)

    def __neg__(self) -> Sized:
        return Sized(-self.value, self.size)

    def __sub__(self, other: Any) -> Sized:
        return self + -sized(other)

    def __rsub__(self, other: Any) -> Sized:
        return sized(other) - self

    def __truediv__(self, other: float) -> Sized:
        return self * sized(1 / Fraction(other))

    def __pow__(self, exponent: int) -> Sized:
        return self * self

    __rmul__ = __mul__


def sized(number: Any) -> Sized:
    return number if isinstance(number, Sized) else Sized(Fraction(number), abs(Fraction(number)))


def straight_line(steps: Sequence[Node], leaves: Sequence[Any]) -> list[Any]:
    nodes = list(leaves)
    for step in steps:
        nodes.append(step.over(nodes))
        if isinstance(nodes[-1], Sized):  # far from overflow and underflow
            assume(not nodes[-1].size or 2**-400 < nodes[-1].size < 2**400)
    return nodes


@given(st.lists(STEPS, min_size=1, max_size=14))
def test_sums_of_products_are_exact_but_for_rounding(steps: Sequence[Node]) -> None:
    theta, x = [0.75, -1.25], [3.1, 0.2]
    parameters = [Value(number) for number in theta]
    exact = straight_line(steps, [sized(number) for number in [*theta, *x]])[-1]
    for form in canonical_forms(
        lambda x: straight_line(steps, [*parameters, *x])[-1], parameters, len(x)
    ):
        note(str(form))
        (result,) = interpret(form, theta, [x])
        assert abs(Fraction(result) - exact.value) <= exact.size * Fraction(1e-14)


# The interpreter itself


def test_picks_shifts_and_infinities() -> None:
    w = [Value(1.0), Value(2.0), Value(4.0)]

    def function(k: Any) -> Any:
        return [ad.take(w, k), ad.logsumexp(w), 1 / (w[0] - 1), ad.log(w[0] - 2)]

    specs = [InputSpec((), integer=True)]
    form = canonical_form(trace(function, w, specs, lambda arguments: arguments))
    result = interpret(form, [1.0, 2.0, 4.0], [[2.0]])
    expected = [4.0, np.logaddexp.reduce([1.0, 2.0, 4.0]), np.inf, np.nan]
    np.testing.assert_allclose(result, expected, rtol=1e-14)


def test_a_large_coefficient_beside_small_ones_stays_what_it_is() -> None:
    total = OpenSum()
    total.add_product(1.0, 0, 1)
    total.scale(2.0**-60)
    total.add_linear(1e300, 2)
    assert total.finished() == Sum(((2.0**-60, 0, 1),), ((1e300, 2),), 0.0)


# Rows of one's own: operands, value, partials, domains

WRITTEN_OUT: dict[str, tuple[str, str, list[str], list[tuple[float, float]]]] = {
    "rms": ("x...", "sqrt(sum(x * x) / n)", ["x / (n * y)"], [(0.5, 2.0)]),
    "closeness": (
        "m, x...",
        "exp(-sum(square(x - m)) / (2 * n))",
        ["y * sum(x - m) / n", "-y * (x - m) / n"],
        [(0.1, 1.0), (1.0, 2.0)],
    ),
    "weighted_mean": (
        "a..., b...",
        "dot(a, b) / sum(b)",
        ["b / sum(b)", "(a - y) / sum(b)"],
        [(0.5, 2.0), (0.5, 2.0)],
    ),
    "squared_rest": (
        "x..., c",
        "sum(x - mean(x) * c) ** 2",
        ["2 * (1 - c) * sum(x - mean(x) * c)", "-2 * sum(x) * sum(x - mean(x) * c)"],
        [(0.5, 2.0), (0.1, 0.5)],
    ),
    "soft_maximum": ("x...", "logsumexp(2 * x) / 2", ["softmax(2 * x)"], [(-1.0, 1.0)]),
}
KEPT: dict[str, tuple[str, str, list[str], list[tuple[float, float]]]] = {
    "leaky_sum": ("x...", "sum(maximum(x, 0.1 * x))", ["1 + 0 * x"], [(0.5, 2.0)]),
    "total_size": ("x...", "sum(abs(x))", ["sign(x)"], [(0.5, 2.0)]),
}


def vector_rows(program: ScalarProgram) -> set[str]:
    return {node.op for node in program.nodes if isinstance(node, Vector)}


@pytest.mark.parametrize("name", [*WRITTEN_OUT, *KEPT])
def test_a_row_of_ones_own_becomes_what_its_formula_does(
    name: str, register: Callable[..., Any]
) -> None:
    function = register(name, *(WRITTEN_OUT | KEPT)[name])
    split = ad.PRIMITIVES[name].split
    weights = [Value(0.5 + 0.125 * k) for k in range(4)]

    def layer(x: Sequence[Any]) -> Any:
        units = [w * a + 0.25 for w, a in zip(weights, x, strict=True)]
        return function(*split(units)) * units[0]

    fast, nan_safe = canonical_forms(layer, weights, 4)
    assert vector_rows(fast) == ({name} if name in KEPT else set())
    assert vector_rows(nan_safe) == {name}
    rng = np.random.default_rng(0)
    program = assert_agrees(layer, weights, rng.uniform(0.5, 1.0, (3, 4)))
    assert (name in program.source) == (name in KEPT)


def test_a_row_that_is_registered_anew_is_read_anew(register: Callable[..., Any]) -> None:
    for formula, partial in (("sum(x * x)", "2 * x"), ("sum(x) / n", "1 / n")):
        function = register("total", "x...", formula, [partial], [(0.5, 2.0)])
        program = ad.compile(lambda x: function(x), [Value(1.0)])  # noqa: B023 - called at once
        expected = ad.PRIMITIVES["total"].evaluate([1.0, 2.0, 4.0])
        assert program(None, [[1.0, 2.0, 4.0]]).tolist() == [expected]
        del primitives._rows["total"]


def test_where_a_row_written_out_has_nan_the_row_counts(register: Callable[..., Any]) -> None:
    """The formula's derivative at 0 is 0 / 0; the row says 0."""
    partials = ["where(y == 0, 0, x / (n * y))"]
    rms = register("rms", "x...", "sqrt(sum(x * x) / n)", partials, [(0.5, 2.0)])
    w = [Value(1.0), Value(2.0)]
    program = ad.compile(lambda x: rms([w[0] * x[0], w[1] * x[1]]), w)
    value, gradient = program.value_and_grad(None, [[0.0, 0.0], [3.0, 0.0]])
    assert value == pytest.approx(np.sqrt(4.5) / 2, rel=1e-15)
    np.testing.assert_allclose(gradient, [np.sqrt(4.5) / 2, 0.0], rtol=1e-14)
