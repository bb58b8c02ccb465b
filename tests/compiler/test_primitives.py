"""Every row of the table compiled: at the edges of its domain, at kinks, in arms not taken."""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler.choices import carried_names, chosen_operands, deciding_operands
from autograd_mini.table import primitives
from autograd_mini.table.primitives import Primitive, define, parse_row
from tests.compiler.agreement import assert_agrees, assert_close
from tests.edges import ROWS, points
from tests.random_graphs import FUNCTIONS

LOGITS = {"logsumexp", "softmax", "log_softmax"}


def applied(row: str, operands: Sequence[Any]) -> Any:
    groups = ad.PRIMITIVES[row].split(operands)
    if row == "dot" and len(operands) % 2 == 0:
        groups = groups[:2]
    return FUNCTIONS[row](*groups)


def sampled(row: str, count: int) -> np.ndarray[Any, Any]:
    """Operands inside the domain; vectors have three elements."""
    rng = np.random.default_rng(len(row))
    primitive = ad.PRIMITIVES[row]
    columns = []
    for operand, (low, high) in zip(primitive.operands, primitive.domains, strict=True):
        for _ in range(3 if operand.kind == "vector" else 1):
            columns.append(rng.uniform(low, high, count))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_compiles_over_inputs_and_parameters(row: str) -> None:
    operands = sampled(row, 6)
    scale = Value(1.25)
    assert_agrees(lambda x: scale * applied(row, x), [scale], operands)
    for own in range(operands.shape[1]):
        parameter = Value(float(operands[0, own]))
        others = np.delete(operands, own, axis=1)

        def function(x: Any, own: int = own, parameter: Value = parameter) -> Any:
            return applied(row, [*x[:own], parameter, *x[own:]]) * 1.0

        assert_agrees(function, [parameter], others)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_compiles_in_a_pack(row: str) -> None:
    operands = sampled(row, 5)
    parameters = [[Value(float(x)) for x in point] for point in operands]
    leaves = [p for point in parameters for p in point]

    def function(x: Sequence[Value]) -> Any:
        return ad.dot([applied(row, point) for point in parameters], x)

    assert_agrees(function, leaves, np.random.default_rng(0).normal(size=(4, 5)))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_at_the_edges_of_its_domain(row: str) -> None:
    """Infinities, zeros, subnormal and huge numbers, NaN: values and derivatives as in the engine.

    Where the value is NaN a derivative means nothing.
    """
    operands = [point for point in points(row) if row not in LOGITS or _has_finite_largest(point)]
    leaves = [[Value(x) for x in point] for point in operands]
    flat = [leaf for point in leaves for leaf in point]
    program = ad.compile(lambda: [applied(row, point) for point in leaves], flat, batched=False)
    summed = ad.compile(
        lambda: ad.sum([applied(row, point) for point in leaves]), flat, batched=False
    )
    expected = [ad.PRIMITIVES[row].linearize(point) for point in operands]
    values = np.array([value for value, _ in expected])
    size = np.array([_shift(point) if row in LOGITS else 1e-300 for point in operands])
    assert_same(program(None), values, size)
    compared = np.isfinite(values) if row == "variance" else ~np.isnan(values)
    gradient = summed.value_and_grad(None)[1].reshape(len(operands), -1)
    derivatives = np.array([d for _, d in expected])
    assert_same(gradient[compared], derivatives[compared], size[compared, None])


def assert_same(ours: Any, expected: Any, size: Any) -> None:
    """The same infinities and NaNs, and close elsewhere."""
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(ours[~finite], expected[~finite])
    size = np.broadcast_to(size, finite.shape)[finite]
    assert_close(ours[finite], expected[finite], size)


def _shift(point: Sequence[float]) -> float:
    """A softmax and its kin are written out over logits less the largest, finite one."""
    return 1.0 + max(abs(x) for x in point if math.isfinite(x))


def _has_finite_largest(point: Sequence[float]) -> bool:
    return math.isfinite(max(point)) and not any(map(math.isnan, point))


def test_masked_logits_have_probability_0() -> None:
    w = np.array([0.5, -1.0, 2.0])
    parameters = [Value(x) for x in w]
    masks = np.array([[0.0, -np.inf, 0.0], [-np.inf, -np.inf, 0.0], [0.0, 0.0, 0.0]])

    def loss(mask: Sequence[Value]) -> Any:
        logits = [a + b for a, b in zip(parameters, mask, strict=True)]
        return ad.dot(ad.softmax(logits), [1.0, 2.0, 4.0])

    value, gradient = ad.compile(loss, parameters).value_and_grad(None, masks)
    exponentials = np.exp(w + masks)
    p = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert_close(value, (p @ [1.0, 2.0, 4.0]).mean(), 10.0)
    upstream = np.array([1.0, 2.0, 4.0])
    slopes = p * (upstream - (p @ upstream)[:, None])
    assert_close(gradient, slopes.mean(axis=0), 10.0)


def test_logsumexp_of_infinite_logits() -> None:
    logits = np.array([[-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 3.0], [-1e308, -1e308]])
    program = ad.compile(ad.logsumexp, [])
    np.testing.assert_array_equal(program(None, logits), [-np.inf, np.inf, 3.0, -1e308])


# where


ARMS: dict[str, Callable[[Any, Any], Any]] = {
    "log": lambda w, x: ad.log(w * x),
    "x*log(x)": lambda w, x: w * x * ad.log(w * x),
    "sqrt": lambda w, x: ad.sqrt(w * x),
    "division": lambda w, x: w / x,
    "division by itself": lambda w, x: w * x / (w * x),
    "power": lambda w, x: (w * x) ** 0.5,
    "power of parameter": lambda w, x: (w * x) ** w,
    "exp": lambda w, x: ad.exp(1000 * w * (1 - x)) - ad.exp(1000 * w * (1 - x)),
    "nested": lambda w, x: ad.where(x < -1, ad.log(-w * x), ad.sqrt(w * x)),
    "product": lambda w, x: ad.dot([ad.log(w * x), w, x], [w, ad.sqrt(w * x), x]),
    "norm": lambda w, x: ad.norm([w * ad.log(w * x), x]),
    "prod": lambda w, x: ad.prod([ad.log(w * x), w, 1 / x]),
    "acosh": lambda w, x: ad.acosh(1 + ad.sqrt(w * x)),
}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("taken", ["first", "second"])
def test_where_keeps_nan_out(arm: str, taken: str) -> None:
    """Where `x` is not positive the arm is infinite or NaN, in its value and its derivatives."""
    w, offset = Value(0.5), Value(2.0)

    def function(x: Value) -> Any:
        bad, good = ARMS[arm](w, x), offset * x
        return ad.where(x > 0, bad, good) if taken == "first" else ad.where(x <= 0, good, bad)

    assert_agrees(function, [w, offset], np.array([0.0, 2.0, -3.0, 0.5, -0.0, 1.0]))
    assert_agrees(function, [w, offset], np.array([0.0]))


def test_where_keeps_nan_out_of_a_matrix_product() -> None:
    """The arm holds a whole layer whose inputs are infinite where it is not taken."""
    rng = np.random.default_rng(1)
    weights = [[Value(a) for a in row] for row in rng.normal(size=(4, 3)).tolist()]
    last = [Value(a) for a in rng.normal(size=4)]
    parameters = [*[w for row in weights for w in row], *last]

    def function(x: Sequence[Value]) -> Any:
        logs = [ad.log(a) for a in x]
        hidden = [ad.tanh(ad.dot(row, logs)) for row in weights]
        return ad.where(ad.minimum(x[0], x[1]) > 0, ad.dot(last, hidden), last[0] * x[1])

    batch = rng.uniform(0.1, 2, size=(8, 3))
    batch[::2] = -batch[::2]
    batch[1, :] = 0.0
    assert_agrees(function, parameters, batch)


def test_where_with_a_parameter_as_condition() -> None:
    for switch in (-1.0, 0.0, 1.0):
        s, w = Value(switch), Value(0.0)

        def function(x: Value, s: Value = s, w: Value = w) -> Any:
            return ad.where(s > 0, ad.log(w) * x, w * x) + ad.where(s, s * x, x)

        if switch <= 0:
            assert_agrees(function, [s, w], np.array([1.0, 2.0]))


def test_an_infinite_error_signal_stops_at_an_arm_not_taken() -> None:
    w = Value(0.0)
    program = ad.compile(lambda x: ad.sqrt(ad.where(x > 0, w, x * x)), [w])
    value, gradient = program.value_and_grad(None, [-1.0, -2.0])
    assert value == 1.5
    assert gradient.tolist() == [0.0]


# Kinks


def test_ties_and_kinks() -> None:
    a, b = Value(1.5), Value(1.5)
    inputs = np.array([1.5, -2.0, 0.0, 3.0])
    assert_agrees(lambda x: ad.maximum(a, x) * ad.minimum(b, x), [a, b], inputs)
    assert_agrees(lambda x: ad.maximum(a, b) * x + ad.minimum(a, b), [a, b], inputs)
    zero = Value(0.0)
    for kinked in (ad.relu, abs, ad.leaky_relu, ad.elu, ad.softsign):

        def function(x: Value, kinked: Callable[..., Any] = kinked) -> Any:
            return kinked(zero) * x + kinked(zero * x)

        assert_agrees(function, [zero], inputs)
    low, high = Value(-2.0), Value(3.0)
    assert_agrees(lambda x: ad.clip(x + zero, low, high), [zero, low, high], inputs)


def test_a_tie_shares_the_gradient() -> None:
    a, b = Value(2.0), Value(2.0)
    program = ad.compile(lambda x: ad.maximum(a, b) * x, [a, b])
    assert program.value_and_grad(None, [3.0, 5.0])[1].tolist() == [2.0, 2.0]


# Powers


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, 1.5])
def test_powers(exponent: float) -> None:
    w = Value(0.75)
    assert_agrees(lambda x: (w * x) ** exponent + w**exponent, [w], np.array([0.5, 2.0, 1.0]))


def test_a_power_at_base_and_exponent_0() -> None:
    a, b = Value(0.0), Value(0.0)
    program = ad.compile(lambda x: (a**b) * x, [a, b])
    value, gradient = program.value_and_grad(None, [1.0, 3.0])
    assert value == 2.0
    assert gradient.tolist() == [0.0, 0.0]


# Rows from elsewhere


def test_registered_rows_compile(register: Callable[..., Callable[..., Any]]) -> None:
    third_power = register("third_power", "x", "x ** 3", ["3 * x * x"], [(0.5, 2.0)])
    mixed = register(
        "cube_or_line",
        "x, k=2",
        "where(x > 0, third_power(x), k * x)",
        ["where(x > 0, 3 * x * x, k)", "where(x > 0, 0, x)"],
        [(0.5, 2.0), (1.0, 2.0)],
    )
    power_mean = register(
        "square_mean", "x...", "sqrt(sum(x * x) / n)", ["x / (n * y)"], [(0.5, 2.0)]
    )
    weighted = register(
        "weighted",
        "x..., k...",
        "sum(x * k * k)",
        ["k * k", "2 * x * k"],
        [(0.5, 2.0), (0.5, 2.0)],
    )
    w = [Value(0.5), Value(1.5), Value(-0.25)]

    def function(x: Sequence[Value]) -> Any:
        return ad.sum(
            [
                third_power(w[0] * x[0]),
                mixed(w[1] * x[1], w[2]),
                mixed(x[2]) * w[0],
                power_mean([w[0] * a for a in x]),
                power_mean(w),
                weighted(w, x),
                weighted(x, w),
            ]
        )

    assert_agrees(function, w, np.random.default_rng(2).normal(size=(6, 3)))


def test_a_row_registered_after_compiling_is_known(
    register: Callable[..., Callable[..., Any]],
) -> None:
    w = Value(2.0)
    rows: dict[str, Any] = {}
    program = ad.compile(lambda x: rows["late"](w * x), [w])
    rows["late"] = register("late", "x", "x * x", ["2 * x"], [(0.5, 2.0)])
    assert program.value_and_grad(None, [3.0])[1].tolist() == [36.0]


ERF = {"erf": ad.erf, "erfc": ad.erfc, "gelu": ad.gelu}


@pytest.mark.parametrize("row", ERF)
def test_without_scipy_the_erf_family_is_a_clear_error(
    row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_scipy(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "scipy":
            raise ImportError("No module named 'scipy'")
        return real(name, *arguments, **keywords)

    w = Value(0.5)
    program = ad.compile(lambda x: ERF[row](w * x), [w])
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without_scipy)
        with pytest.raises(ImportError, match=r"SciPy.*pip install scipy"):
            program(None, [1.0])
        assert ad.compile(lambda x: ad.tanh(w * x), [w])(None, [1.0]).shape == (1,)
    assert program(None, [1.0]).shape == (1,)


@pytest.mark.usefixtures("register")
def test_a_row_that_shares_a_name_with_numpy_is_the_users() -> None:
    invert = ad.register_primitive("invert", "x", "1 / x", ["-y * y"], [(0.5, 2.0)])
    twice = ad.register_primitive("twice_inverted", "x", "2 * invert(x)", ["-y / x"], [(0.5, 2.0)])
    w = Value(4.0)
    program = ad.compile(lambda x: invert(w) * x + twice(w), [w])
    value, gradient = program.value_and_grad(None, [1.0, 3.0])
    assert value == pytest.approx(0.25 * 2.0 + 0.5, rel=1e-15)
    assert gradient == pytest.approx([-2.0 / 16 - 2.0 / 16], rel=1e-15)


def test_a_row_named_like_the_shift_of_exponentials_is_the_users(
    register: Callable[..., Callable[..., Any]],
) -> None:
    largest = register("largest", "x...", "2 * norm(x)", ["4 * x / y"], [(0.5, 2.0)])
    w = [Value(0.5), Value(-0.3), Value(0.8)]

    def function(x: Any) -> Value:
        scaled = [a * b for a, b in zip(w, x, strict=True)]
        total: Value = largest(scaled) * ad.logsumexp(scaled) + largest(x[:2])
        return total

    assert_agrees(function, w, np.random.default_rng(0).uniform(0.5, 2.0, (4, 3)))


BESIDE_NAN = (-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, math.inf)
CHOOSING = {
    "larger_or_power": "larger_or_power | a, b | where(a > b, a, a ** b) | 0 ; 0 | 2..3, 1..2",
    "first_if_any": "first_if_any | c, a | where(c, c * a, 0) | a ; c | 1..2, 1..2",
    "larger_of": "larger_of | a, b | where(a > b, a, b) | 1 ; 0 | 2..3, 1..2",
    "length_or_sum": "length_or_sum | a, b | where(b > 0, hypot(a, b), a + b) | 0 ; 0 | 1..2, 1..2",
    "norm_and_bias": "norm_and_bias | x..., b | norm(x) + b | x ; 1 | 1..2, 1..2",
}


def names_that_hide_nan(row: Primitive) -> set[str]:
    """The operands that may be NaN while the row is a number, for some numbers beside it."""
    names = [o.name for o in row.operands for _ in range(2 if o.kind == "vector" else 1)]
    hiding = set()
    for k, name in enumerate(names):
        for beside in itertools.product(BESIDE_NAN, repeat=len(names) - 1):
            if not math.isnan(row.evaluate([*beside[:k], math.nan, *beside[k:]])):
                hiding.add(name)
    return hiding


@pytest.mark.parametrize("name", [*ROWS, *CHOOSING])
def test_a_nan_is_said_to_pass_only_where_it_does(name: str) -> None:
    row = parse_row(CHOOSING[name]) if name in CHOOSING else ad.PRIMITIVES[name]
    carried = carried_names(row.value_formula)
    assert not carried & names_that_hide_nan(row)
    if name in CHOOSING:
        assert carried == set(row.names) - names_that_hide_nan(row)


def test_operands_that_decide_are_no_arms() -> None:
    row = define(CHOOSING["larger_of"])
    try:
        assert chosen_operands("larger_of", "ab") == ""
        assert deciding_operands("larger_of", "ab") == ["a"]
    finally:
        del primitives._rows[row.name]


def test_a_power_hides_a_nan(register: Callable[..., Callable[..., Any]]) -> None:
    """Sums below it are not filled up: 0 times infinity to the power 0 would be 1."""
    flat = register("flat", "x", "where(x > 5, x, x ** 0)", ["where(x > 5, 1, 0)"], [(0.5, 2.0)])
    w = [Value(1.0 + k) for k in range(11)]
    rows = [w[:3], w[3:5], w[5:8], w[8:]]

    def function(x: Any) -> Value:
        total: Value = ad.sum([w[0] * flat(ad.dot(r, x[: len(r)])) for r in rows])
        return total

    assert_agrees(function, w, np.array([[1.0, 2.0, -np.inf], [1.0, 2.0, 3.0]]))


@pytest.mark.parametrize("value", ["greater(x, 0)", "where(x > 0, 1, 0)", "sign(x) * sign(x)"])
def test_a_nan_that_a_comparison_in_a_row_would_hide_is_none(
    register: Callable[..., Callable[..., Any]], value: str
) -> None:
    """Sums of different lengths are not filled up: 0 times infinity would compare false."""
    is_positive = register("is_positive", "x", value, ["0"], [(0.5, 2.0)])
    w = [Value(1.0 + k) for k in range(11)]
    rows = [w[:3], w[3:5], w[5:8], w[8:]]

    def function(x: Any) -> Value:
        sums = [ad.dot(row, x[: len(row)]) for row in rows]
        total: Value = ad.sum([w[0] * is_positive(s) for s in sums])
        return total

    assert_agrees(function, w, np.array([[1.0, 2.0, -np.inf], [1.0, 2.0, 3.0]]))


def test_a_row_of_the_users_chooses_as_where_does(
    register: Callable[..., Callable[..., Any]],
) -> None:
    """What feeds an arm that is not taken sends nothing back, infinite as its derivative is."""
    pick = register(
        "pick", "c, a, b", "where(c > 0, a, b)",
        ["0", "where(c > 0, 1, 0)", "where(c > 0, 0, 1)"], [(0.5, 2.0)] * 3,
    )  # fmt: skip
    w = [Value(0.0), Value(2.0)]

    def function(x: Any) -> Value:
        total: Value = pick(x, ad.sqrt(w[0] * x), ad.exp(w[1] * x))
        return total

    assert_agrees(function, w, np.array([-0.5, -1.5]))
    assert chosen_operands("pick", "cab") == ["a", "b"]
    assert deciding_operands("pick", "cab") == ["c"]
