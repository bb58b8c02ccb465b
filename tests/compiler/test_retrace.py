"""Tracing again: a program never stays that of a graph which its function no longer makes."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler.compiled import compiled_trace

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.fixture
def lifted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each graph that is turned into a program."""
    made: list[Any] = []

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return compiled_trace(*arguments)

    monkeypatch.setattr("autograd_mini.compiler.running.compiled_trace", counted)
    return made


W = [Value(0.5), Value(-1.5), Value(2.0)]
OTHER = Value(0.25)


def tied(x: Any) -> Any:
    shared = ad.exp(W[0] * x[0])
    return shared * shared + W[1]


def untied(x: Any) -> Any:
    return ad.exp(W[0] * x[0]) * ad.exp(W[0] * x[0]) + W[1]


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "dot": lambda x: ad.dot(W, x),
    "dot in another order": lambda x: ad.dot(W[::-1], x),
    "dot with bias": lambda x: ad.dot(W, x, W[0]),
    "shorter dot": lambda x: ad.dot(W[:2], x[:2]),
    "sum": lambda x: ad.sum([a * b for a, b in zip(W, x, strict=True)]),
    "maximum": lambda x: ad.maximum(W[0] * x[0], x[1]),
    "operands exchanged": lambda x: ad.maximum(x[1], W[0] * x[0]),
    "minimum": lambda x: ad.minimum(W[0] * x[0], x[1]),
    "shared": tied,
    "not shared": untied,
    "minus zero": lambda x: W[0] * x[0] / (x[1] * 0.0 + math.inf) + -0.0,
    "plus zero": lambda x: W[0] * x[0] / (x[1] * 0.0 + math.inf) + 0.0,
    "one": lambda x: W[0] * x[0] + 1.0,
    "nan": lambda x: W[0] * x[0] + math.nan,
    "infinity": lambda x: W[0] * x[0] + math.inf,
    "not a parameter": lambda x: OTHER * x[0] + W[0],
    "list": lambda x: [W[0] * x[0]],
    "one of the list": lambda x: W[0] * x[0],
    "two": lambda x: [W[0] * x[0], W[1]],
    "two exchanged": lambda x: [W[1], W[0] * x[0]],
    "the same twice": lambda x: [W[1] * x[0]] * 2,
    "an input": lambda x: x[1],
    "another input": lambda x: x[2],
    "a parameter": lambda x: [W[1], x[0]],
    "another parameter": lambda x: [W[2], x[0]],
}


class Changing:
    """A function that is one of several."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, x: Any) -> Any:
        return FUNCTIONS[self.name](x)


def fresh(name: str) -> Any:
    return ad.compile(FUNCTIONS[name], W)(None, X)


@pytest.mark.parametrize("before", FUNCTIONS)
def test_every_other_graph_is_seen_and_no_equal_one(before: str, lifted: list[Any]) -> None:
    for after in FUNCTIONS:
        function = Changing(before)
        program = ad.compile(function, W)
        program(None, X)
        lifted.clear()
        function.name = after
        assert program.retrace(X) == (before == after)
        again = program(None, X)
        assert len(lifted) == (before != after)
        np.testing.assert_array_equal(again, fresh(after))


@given(st.lists(st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.booleans()), max_size=6))
def test_a_program_that_traces_again_is_as_a_fresh_one(steps: list[tuple[str, bool]]) -> None:
    function = Changing("dot")
    program = ad.compile(function, W)
    for name, with_gradient in steps:
        function.name = name
        program.retrace(X)
        np.testing.assert_array_equal(program(None, X), fresh(name))
        if with_gradient and program(None, X).ndim == 1:
            expected = ad.compile(FUNCTIONS[name], W).value_and_grad(None, X)
            value, gradient = program.value_and_grad(None, X)
            np.testing.assert_array_equal([value, *gradient], [expected[0], *expected[1]])


NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-324, math.inf, -math.inf, math.nan])


@given(NUMBERS, NUMBERS, st.booleans())
def test_numbers_count_bit_by_bit(first: float, second: float, in_a_leaf: bool) -> None:
    frozen = Value(first)
    given_number: dict[str, Any] = {"c": frozen if in_a_leaf else first}
    program = ad.compile(lambda x: ad.sum([W[0], x, given_number["c"]]), W)
    program(None, [1.0])
    if in_a_leaf:
        frozen.data = second
    else:
        given_number["c"] = second
    assert program.retrace([1.0]) == (first.hex() == second.hex())


def test_new_numbers_in_parameters_and_arguments_are_no_change() -> None:
    w = Value(2.0)
    program = ad.compile(lambda x: w * x, [w])
    program(None, [1.0])
    w.data = 5.0
    assert program.retrace([7.0])
    assert program(None, [7.0]).tolist() == [35.0]


def test_a_parameter_in_the_place_of_another_is_seen() -> None:
    w, v = Value(2.0), Value(2.0)
    held = {"w": w}
    program = ad.compile(lambda x: held["w"] * x, [w, v])
    program(None, [1.0])
    held["w"] = v
    assert not program.retrace([1.0])
    assert program.value_and_grad(None, [1.0])[1].tolist() == [0.0, 1.0]
    held["w"] = Value(2.0)  # no parameter
    assert not program.retrace([1.0])
    assert program.value_and_grad(None, [1.0])[1].tolist() == [0.0, 0.0]


def test_only_the_trace_for_these_arguments_is_looked_at(lifted: list[Any]) -> None:
    scale = {"s": 1.0}
    w = Value(2.0)
    program = ad.compile(
        lambda x, power: w * ad.sum(x) ** power * scale["s"], [w], static_argnums=1
    )
    for width in (2, 3):
        for power in (1, 2):
            program(None, np.ones((4, width)), power)
    assert len(lifted) == 4
    scale["s"] = 10.0
    assert not program.retrace(np.ones((4, 2)), 2)
    assert len(program.traces) == 3
    assert program(None, np.ones((1, 2)), 2).tolist() == [80.0]
    assert program(None, np.ones((1, 3)), 2).tolist() == [18.0]  # as nobody asked
    assert program.retrace(np.ones((4, 5)), 2), "nothing is kept for these"
    with pytest.raises(TypeError, match="argument 1 is static and must be hashable"):
        program.retrace(np.ones((4, 2)), [])


def test_integer_inputs_are_another_trace() -> None:
    table = [Value(1.0), Value(2.0)]
    program = ad.compile(lambda k: ad.take(table, k), table)
    assert program(None, [0, 1]).tolist() == [1.0, 2.0]
    assert program.retrace([1, 1, 0])
    table.reverse()
    assert not program.retrace([0, 1])
    assert program(None, [0, 1]).tolist() == [2.0, 1.0]


def test_aux_is_compared_too(lifted: list[Any]) -> None:
    w = Value(2.0)
    beside: dict[str, Any] = {"aux": lambda y: y}
    program = ad.compile(lambda x: (w * x, beside["aux"](w + x)), [w], has_aux=True)
    program(None, [1.0])
    assert program.retrace([1.0])
    for change in (lambda y: [y], lambda y: [y, y], lambda y: -y):
        beside["aux"] = change
        assert not program.retrace([1.0])
        expected = ad.compile(lambda x: (w * x, change(w + x)), [w], has_aux=True)  # noqa: B023
        for part, same in zip(program(None, [1.0]), expected(None, [1.0]), strict=True):
            np.testing.assert_array_equal(part, same)


def test_a_function_that_fails_now_says_so_and_keeps_its_trace() -> None:
    w = Value(2.0)
    broken = {"is": False}

    def function(x: Any) -> Any:
        if broken["is"]:
            raise KeyError("broken")
        return w * x

    program = ad.compile(function, [w])
    program(None, [1.0])
    broken["is"] = True
    with pytest.raises(KeyError, match="broken"):
        program.retrace([1.0])
    broken["is"] = False
    assert program.retrace([1.0])
    assert program(None, [1.0]).tolist() == [2.0]


def test_a_long_chain_needs_no_recursion() -> None:
    w, length = Value(1.0), {"n": 20_000}

    def function(x: Any) -> Any:
        for _ in range(length["n"]):
            x = x + w
        return x

    program = ad.compile(function, [w])
    assert program(None, [0.0]).tolist() == [20_000.0]
    assert program.retrace([0.0])
    length["n"] = 10
    assert not program.retrace([0.0])
    assert program(None, [0.0]).tolist() == [10.0]


def test_an_unchanged_function_is_run_once_and_lifted_never(lifted: list[Any]) -> None:
    calls: list[Any] = []
    w = Value(2.0)

    def function(x: Any) -> Any:
        calls.append(x)
        return w * x

    program = ad.compile(function, [w])
    program(None, [1.0])
    for k in range(3):
        assert len(calls) == k + 1
        assert program.retrace([1.0])
    assert len(lifted) == 1


def test_threads_may_trace_again_at_once() -> None:
    function = Changing("dot")
    program = ad.compile(function, W)
    program(None, X)
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20):
            if not program.retrace(X) or not np.array_equal(program(None, X), expected):
                wrong.append(None)

    expected = fresh("dot")
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
