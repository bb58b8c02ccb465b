"""Vector rows in IEEE arithmetic: every operator and function, at the edges of the domain."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import GradientCheckError, Value
from tests.edges import EDGES

_NAMES = """abs exp expm1 log log1p log2 log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh
acosh atanh"""
UNARY = _NAMES.split()
STEADY = sorted(set(UNARY) - {"sin", "cos", "tan"})  # as those are not, far from 0
BINARY = ["atan2", "hypot", "maximum", "minimum"]
REDUCED = ["sum({})", "mean({})", "prod({})", "dot({}, x)", "logsumexp({})", "norm({})"]


def _formulas() -> list[str]:
    """Vector formulas of x and k: operators and functions with a vector on either side, or both."""
    pairs = [("x", "k"), ("k", "x"), ("x", "x"), ("x", "2"), ("0.5", "x")]
    formulas = [f"{a} {symbol} {b}" for symbol in "+-*/" for a, b in pairs]
    formulas += [f"({a}) ** {b}" for a, b in pairs]
    formulas += [f"{function}({a}, {b})" for function in BINARY for a, b in pairs]
    formulas += [f"{function}(x)" for function in UNARY]
    formulas += [f"x * {reduced.format('x')}" for reduced in REDUCED]
    formulas += [f"k - {reduced.format('1 / x')} / x" for reduced in REDUCED]
    formulas += [
        *("-x", "-(k / x) * -x", "1 / log(x)", "n / x - n", "pi / x", "square(x) / reciprocal(x)"),
        *("prod_others(x)", "prod_others(1 / x)", "k / prod_others(x)"),
        *("softmax(x)", "softmax(x, k)", "softmax(k - x, x)", "softmax(1 / x) / x"),
        *("where(k > 0, x, -1 / x)", "where(k > 0, 0, x)", "where(k == 0, 1 / x, k)"),
        *("logsumexp(k, 1 / x) / x", "x / norm(x)", "sum(x / k) * (x / k)"),
    ]
    return formulas


def _random_formula(random: Random, depth: int) -> str:
    if depth == 0:
        return random.choice(["x", "x", "k", "2", "0.5", "pi", "n"])
    a = _random_formula(random, random.randrange(depth))
    b = _random_formula(random, depth - 1)
    kind = random.randrange(5)
    if kind == 0:
        return f"{random.choice([*STEADY, '-'])}({b})"
    if kind == 1:
        return f"{random.choice(BINARY)}({a}, {b})"
    if kind == 2:
        return f"where(k {random.choice(['>', '<=', '=='])} 1, {a}, {b})"
    if kind == 3:
        return f"({b} - {random.choice(REDUCED).format('(' + a + ') * x')})"
    return f"({a} {random.choice('+-*/')} {b})"


def _logsumexp(*groups: Any) -> Any:
    return np.logaddexp.reduce(np.concatenate([np.atleast_1d(group) for group in groups]))


def _softmax(first: Any, *others: Any) -> Any:
    elements = np.concatenate([np.atleast_1d(group) for group in (first, *others)])
    largest = np.nan if np.isnan(elements).any() else elements.max()
    weights = np.exp(elements - largest)
    total = weights.sum() if np.isfinite(largest) else 1.0
    return (weights / total)[: len(first)]


NUMPY: dict[str, Any] = {
    "pi": math.pi,
    **{name: getattr(np, name) for name in UNARY},
    **{name: getattr(np, name) for name in BINARY},
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "where": np.where,
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "dot": lambda a, b: np.sum(a * b),
    "logsumexp": _logsumexp,
    "norm": np.hypot.reduce,
    "prod_others": lambda x: x[::-1],  # of two elements
    "softmax": _softmax,
}


def evaluated(formula: str, x: Sequence[float], k: float) -> list[float]:
    """The formula over arrays, by NumPy alone: one number for each element of x."""
    names = {**NUMPY, "x": np.array(x), "k": np.float64(k), "n": np.float64(len(x))}
    with np.errstate(all="ignore"):
        result = eval(formula, {}, names)
        return list(map(float, np.broadcast_to(result, len(x))))


POINTS = [(*x, 2.0) for x in itertools.product(EDGES, repeat=2)]
POINTS += [(*x, k) for x in [(1.0, 0.0), (-math.inf, 1e308), (math.nan, 1e-320)] for k in EDGES]


def assert_equal(ours: Sequence[float], expected: Sequence[float], what: str) -> None:
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-321, err_msg=what)


@pytest.mark.parametrize("formula", _formulas())
def test_registered_vector_rows_at_the_edges(
    formula: str, register_unchecked: Callable[..., Any]
) -> None:
    low, high = (1.25, 1.75) if formula == "acosh(x)" else (0.25, 0.75)
    probe = register_unchecked(
        "probe", "x..., k=2", f"sum({formula})", [formula, "1"], [(low, high), (1.5, 2.5)]
    )
    recorded = [Value(1.5), Value(1.5), Value(2.0)]
    replayed = probe(recorded[:2], recorded[2])
    for *x, k in POINTS:
        what = f"{formula} at x={x}, k={k}"
        expected = evaluated(formula, x, k)
        with np.errstate(all="ignore"):
            total = expected[0] + expected[1]
        leaves = [*map(Value, x), Value(k)]
        node = probe(leaves[:2], leaves[2])
        assert_equal([node.data], [total], what)
        assert_equal(node.local_derivatives, [*expected, 1.0], what)
        assert {type(number) for number in (node.data, *node.local_derivatives)} == {float}
        for leaf, number in zip(recorded, (*x, k), strict=True):
            leaf.data = number
        ad.recompute(replayed)
        assert_equal([replayed.data, *replayed.local_derivatives], [total, *expected, 1.0], what)
        slopes = ad.gradients(node, leaves, create_graph=True)
        assert_equal([slope.data for slope in slopes], [*expected, 1.0], what)


def _is_evaluated(formula: str) -> bool:
    numbers = evaluated(formula, [0.5, 0.5], 2.0)
    return bool(np.isfinite(numbers).all()) and abs(sum(numbers)) < 1e100


@pytest.mark.parametrize("seed", range(40))
def test_random_vector_rows_never_raise_at_the_edges(
    seed: int, register_unchecked: Callable[..., Any]
) -> None:
    random = Random(seed)
    while True:
        formula = f"x * {_random_formula(random, 3)}"
        if _is_evaluated(formula):
            break
    probe = register_unchecked(
        "probe", "x..., k=2", f"sum({formula})", [formula, "1"], [(0.49, 0.51), (1.99, 2.01)]
    )
    for *x, k in random.sample(POINTS, 60):
        what = f"{formula} at x={x}, k={k}"
        expected = evaluated(formula, x, k)
        leaves = [*map(Value, x), Value(k)]
        node = probe(leaves[:2], leaves[2])
        assert_equal(node.local_derivatives, [*expected, 1.0], what)
        slopes = ad.gradients(node, leaves[:2], create_graph=True)
        assert_equal([slope.data for slope in slopes], expected, what)
        for slope in slopes:
            if type(slope) is Value:
                ad.gradients(slope, leaves)
        node.backward()


VECTOR_ROWS = [name for name, row in ad.PRIMITIVES.items() if row.has_vectors]


@pytest.mark.parametrize("name", VECTOR_ROWS)
def test_built_in_vector_rows_never_raise_at_the_edges(name: str) -> None:
    """Not with three elements either, to any of three orders of derivatives."""
    row = ad.PRIMITIVES[name]
    corners = (-math.inf, -1e308, -1000.0, 0.0, 1e-320, 1.0, 1e308, math.inf, math.nan)
    count = 5 if name == "dot" else 3
    points = list(itertools.product(corners, repeat=count))
    for point in Random(0).sample(points, 300):
        leaves = list(map(Value, point))
        groups = row.split(leaves)
        function = getattr(ad, name)
        node = function(leaves, 0) if name.endswith("softmax") else function(*groups)
        expected = row.linearize(point)
        np.testing.assert_array_equal(node.local_derivatives, expected[1])
        slopes = ad.gradients(node, leaves, create_graph=True)
        assert_equal([slope.data for slope in slopes], expected[1], f"{name}{point}")
        ad.recompute(node)
        np.testing.assert_array_equal(node.local_derivatives, expected[1])
        for slope in slopes:
            if type(slope) is Value:
                curvatures = ad.gradients(slope, leaves, create_graph=True)
                ad.gradients([c for c in curvatures if type(c) is Value][:1] or slope, leaves)


def test_a_logit_that_is_no_number() -> None:
    for p in ad.softmax([Value(-1000.0), Value(0.0), Value(math.nan)]):
        assert math.isnan(p.data)


def test_a_row_of_logarithms_at_zero(register: Callable[..., Any]) -> None:
    sum_log = register("sum_log", "x...", "sum(log(x))", ["1 / x"], [(0.5, 2.0)])
    node = sum_log([Value(0.0), Value(-0.0), Value(2.0)])
    assert (node.data, node.local_derivatives) == (-math.inf, (math.inf, -math.inf, 0.5))
    with pytest.raises(GradientCheckError, match="inf"):
        ad.gradcheck(sum_log, [0.0, 2.0])


@pytest.mark.parametrize(
    "formula",
    [
        "softmax(x)",
        "softmax(k - x, x)",
        "where(k > 1, 0, x)",
        "maximum(k, x)",
        "maximum(k ** x, 0)",
    ],
)
def test_registered_vector_rows_compile(
    formula: str, register_unchecked: Callable[..., Any]
) -> None:
    probe = register_unchecked(
        "probe", "x..., k=2", f"sum({formula})", [formula, "1"], [(0.25, 0.75), (1.5, 2.5)]
    )
    weights = [Value(0.0), Value(0.0)]
    program = ad.compile(lambda k: probe(weights, k), weights)
    for x, k in [((0.3, -0.2), 0.5), ((700.0, 710.0), 2.0), ((1e-3, 2e-3), 1.0)]:
        value, gradient = program.value_and_grad(np.array(x), np.array([k]))
        expected = evaluated(formula, x, k)
        assert value == pytest.approx(sum(expected), rel=1e-13)
        np.testing.assert_allclose(gradient, expected, rtol=1e-13)


@pytest.mark.parametrize("row", [name for name in VECTOR_ROWS if name != "dot"])
def test_the_gradient_of_a_gradient_through_a_vector_row_compiles(row: str) -> None:
    weights = [Value(0.3), Value(-0.2), Value(0.5)]

    def function(z: Any) -> Any:
        scaled = [w * x for w, x in zip(weights, z, strict=True)]
        values = getattr(ad, row)(scaled)
        return values[1] if isinstance(values, list) else values

    def penalty(z: Any) -> Any:
        return ad.sum([slope * slope for slope in ad.grad(function)(z)])

    inputs = np.array([[0.4, 0.7, -1.0], [-2.0, 0.5, 0.25], [0.0, 0.0, 0.0]])
    program = ad.compile(penalty, weights, reduction="sum")
    value, gradient = program.value_and_grad(np.array([w.data for w in weights]), inputs)
    losses = [penalty(z) for z in inputs.tolist()]
    assert value == pytest.approx(sum(loss.data for loss in losses), rel=1e-13)
    expected = np.sum([ad.gradients(loss, weights) for loss in losses], axis=0)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("recording", [True, False])
def test_no_operands_give_a_number(recording: bool) -> None:
    with contextlib.nullcontext() if recording else ad.no_grad():
        results = [ad.sum([]), ad.prod([]), ad.dot([], [])]
    assert results == [0.0, 1.0, 0.0]
    assert {type(result) for result in results} == {float}
