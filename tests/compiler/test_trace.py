"""Tracing: what it refuses, with the line and the remedy, and that it leaves no trace."""

from __future__ import annotations

import gc
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import TraceError, Value

W = Value(0.5, "w")
TABLE = [Value(1.0), Value(2.0), Value(3.0)]


def doubled_until_large(x: Any) -> Any:
    while x < 3:
        x = x * 2
    return x * W


def assigned(x: Any) -> Any:
    W.data = 1.0
    return W * x


def in_no_grad(x: Any) -> Any:
    with ad.no_grad():
        fixed = W * W
    return x * W + fixed


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "data of an input": (lambda x: W * x.data, "data.*compute with the Value itself"),
    "data of an intermediate": (lambda x: W * (W * x).data, "data.*the Value itself"),
    "data of a parameter": (lambda x: x * W.data, "data.*the Value itself"),
    "detach": (lambda x: x * W.detach() + W, "known only when the program runs"),
    "setting data": (assigned, "data"),
    "if": (lambda x: W * x if x > 0 else W, "where, maximum"),
    "if of a parameter": (lambda x: x if W else -x, "where, maximum"),
    "while": (doubled_until_large, "where, maximum"),
    "and": (lambda x: W * x and W, "where, maximum"),
    "max": (lambda x: max(x, W), "maximum"),
    "sorted": (lambda x: sorted([x, W])[0], "maximum"),
    "float": (lambda x: W * float(x), "functions of autograd_mini"),
    "float of a parameter": (lambda x: x * float(W), "functions of autograd_mini"),
    "math": (lambda x: W * math.exp(x), "functions of autograd_mini in place of those of math"),
    "int": (lambda x: W * int(x), "take"),
    "index": (lambda x: W * TABLE[x], r"take\(values, index\)"),
    "range": (lambda x: ad.sum([W for _ in range(x)]), "take"),
    "computed index": (lambda x: W * ad.take(TABLE, x + 1), "data"),
    "backward": (lambda x: ((W * x).backward(), W * x)[1], "gradients"),
    "no_grad": (in_no_grad, "no_grad"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("batched", [True, False])
def test_what_needs_a_number_is_refused(case: str, batched: bool) -> None:
    function, remedy = REFUSED[case]
    program = ad.compile(function, [W, *TABLE], batched=batched)
    with pytest.raises(TraceError, match=remedy) as caught:
        program(None, [1, 2] if batched else 1)
    lines, first = inspect.getsourcelines(function)
    file, _, line = str(caught.value).split(": ")[0].rpartition(":")
    assert file == __file__
    assert first <= int(line) < first + len(lines)
    assert program.traces == ()
    assert_untouched([W, *TABLE], [0.5, 1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "NoneType"),
        ("loss", "str"),
        ({"loss": W}, "dict"),
        ([W, None], "NoneType"),
        (3.0, "depends on no parameter and no input.*lost"),
        ([1.0, 2.0], "depends on no parameter"),
        ([], "depends on no parameter"),
        (ad.as_value(2.0), "depends on no parameter"),
    ],
)
def test_what_is_no_function_of_anything_is_refused(result: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        ad.compile(lambda x: result, [W])(None, [1.0])
    assert_untouched([W], [0.5])


def test_a_comparison_is_a_condition_of_where() -> None:
    program = ad.compile(lambda x: ad.where(x > W, x, W * x), [W])
    assert program(None, [0.25, 1.0]).tolist() == [0.125, 1.0]
    conditions = ad.compile(lambda x: [x < W, x <= W, x > W, x >= W], [W])
    assert conditions(None, [0.5, 1.0]).tolist() == [[0, 1, 0, 1], [0, 0, 1, 1]]


def test_numpy_functions_over_values_are_traced() -> None:
    program = ad.compile(lambda x: np.exp(np.array(x)) @ np.array([W, 2.0]), [W])
    expected = 0.5 * np.e + 2 * np.e**2
    assert math.isclose(program(None, [[1.0, 2.0]])[0], expected, rel_tol=1e-15)


def test_derivatives_inside_the_function() -> None:
    """A loss that holds a derivative, as physics-informed models do."""

    def loss(x: Any) -> Any:
        y = ad.sin(W * x) * x
        (slope,) = ad.gradients(y, [x], create_graph=True)
        return (slope - 1.0) ** 2

    x = np.array([0.3, 1.7])
    w = W.data
    value, gradient = ad.compile(loss, [W]).value_and_grad(None, x)
    residual = np.sin(w * x) + x * w * np.cos(w * x) - 1
    slope = x * np.cos(w * x) * 2 - x * x * w * np.sin(w * x)
    assert math.isclose(value, np.mean(residual**2), rel_tol=1e-13)
    assert math.isclose(gradient[0], np.mean(2 * residual * slope), rel_tol=1e-13)


# What is left behind


def assert_untouched(values: list[Value], data: list[float]) -> None:
    assert {type(value) for value in values} == {Value}
    assert [value.data for value in values] == data
    assert [value.grad for value in values] == [0.0] * len(values)
    assert all(value.parents == () for value in values)
    assert (values[0] * 2).data == 2 * data[0]  # and no mode is left on


def test_parameters_are_as_before() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    a.grad = 7.0
    ad.compile(lambda x: a * b * x, [a, b]).value_and_grad(None, [1.0, 2.0])
    assert (type(a), type(b)) == (Value, Value)
    assert (a.data, b.data, a.grad, b.grad, a.label, b.label) == (2.0, 3.0, 7.0, 0.0, "a", "b")
    assert (a * 2).data == 4.0


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_parameters_are_as_before_after_an_exception(error: type[BaseException]) -> None:
    w = Value(2.0)

    def function(x: Any) -> Any:
        if fails:
            raise error
        return w * x

    program, fails = ad.compile(function, [w]), True
    with pytest.raises(error):
        program(None, [1.0])
    assert_untouched([w], [2.0])
    fails = False
    assert program(None, [1.0]).tolist() == [2.0]


def test_nested_traces() -> None:
    w, inner_weight = Value(2.0), Value(3.0)
    inner = ad.compile(lambda y: inner_weight * y + w.label.count("w"), [inner_weight])

    def function(x: Any) -> Any:
        constant = float(inner(None, [2.0])[0])
        return w * x * constant

    assert ad.compile(function, [w])(None, [1.0]).tolist() == [12.0]
    assert_untouched([w, inner_weight], [2.0, 3.0])

    def tangled(x: Any) -> Any:
        return w * x + float(ad.compile(lambda y: w * y, [w])(None, [2.0])[0])

    with pytest.raises((TraceError, TypeError)):
        ad.compile(tangled, [w])(None, [1.0])
    assert_untouched([w], [2.0])


def test_modes_around_a_program() -> None:
    w = Value(2.0)
    with ad.no_grad():
        value, gradient = ad.compile(lambda x: w * x, [w]).value_and_grad(None, [3.0])
        assert type(w * 2) is ad.Constant
    assert (value, gradient.tolist()) == (6.0, [3.0])
    with ad.detect_anomaly():
        ad.compile(lambda x: ad.log(w * x), [w])(None, [3.0])
        with pytest.raises(ad.AnomalyError):
            ad.log(w * 0)
    assert type(w * 2) is Value


@contextmanager
def collector(enabled: bool) -> Iterator[None]:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_cyclic_collector_is_as_before(enabled: bool) -> None:
    w = Value(2.0)
    with collector(enabled):
        ad.compile(lambda x: w * x, [w])(None, [1.0])
        assert gc.isenabled() is enabled
        with pytest.raises(TraceError):
            ad.compile(lambda x: w * float(x), [w])(None, [1.0])
        assert gc.isenabled() is enabled


def test_a_graph_from_before_is_traced_through() -> None:
    """Nodes made outside the function over parameters belong to it."""
    w, other = Value(2.0), Value(3.0)
    before = other * other
    program = ad.compile(lambda x: w * x * before, [w, other])
    value, gradient = program.value_and_grad([2.0, 5.0], [1.0])
    assert (value, gradient.tolist()) == (50.0, [25.0, 20.0])
    assert before.data == 9.0


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: w if x == 0 else x,
        lambda x, w: w if x != 1 else x,
        lambda x, w: w * x if x in [0, 1] else x,
        lambda x, w: ad.where(w * x == 0.0, w, x),
    ],
)
def test_equality_with_a_number_is_refused(function: Any) -> None:
    w = Value(2.0)
    with pytest.raises(TraceError, match=r"equal\(x, 0\)"):
        ad.compile(lambda x: function(x, w), [w])(None, [0.0, 1.0])
    program = ad.compile(lambda x: ad.where(ad.equal(x, 0), w, x), [w])
    assert program(None, [0.0, 1.0]).tolist() == [2.0, 1.0]
