"""The compiled program as users call it: shapes, types, errors, chunks, threads, buffers."""

from __future__ import annotations

import dataclasses
import enum
import math
import sys
import threading
import tracemalloc
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.compiler import compiled as compiled_module
from autograd_mini.compiler import running as running_module
from tests.compiler.agreement import Array, assert_agrees, assert_close, eager

RNG = np.random.default_rng


def linear() -> tuple[Value, Value, Callable[[Any], Value]]:
    w, b = Value(2.0), Value(1.0)
    return w, b, lambda x: w * x + b


def small_net(rng: int = 0) -> tuple[nn.MLP, Callable[[Any, Any], Value]]:
    model = nn.MLP(2, [8, 8, 1], rng=rng)
    return model, lambda x, t: nn.half_squared_error(model(x), t)


# Results


def test_shapes_of_outputs() -> None:
    w, _, line = linear()
    x = np.array([1.0, 2.0, 4.0])
    assert ad.compile(line, [w])(None, x).shape == (3,)
    assert ad.compile(lambda x: [line(x)], [w])(None, x).shape == (3, 1)
    assert ad.compile(lambda x: [x, w, x * w], [w])(None, x).shape == (3, 3)
    assert ad.compile(lambda x: [[x, [w]], (x * w,)], [w])(None, x).shape == (3, 3)
    assert np.shape(ad.compile(line, [w], batched=False)(None, 2.0)) == ()
    assert ad.compile(lambda x: [x, w], [w], batched=False)(None, 2.0).shape == (2,)


def test_outputs_that_are_inputs_parameters_constants_and_twins() -> None:
    w = Value(0.5)

    def function(x: Any) -> list[Any]:
        shared = ad.sin(x[1]) * w
        return [x[0], w, 3.0, shared, x[0], shared, ad.sin(x[1]) * w, -x[2], w * w, x[0] * 1.0]

    x = RNG(0).normal(size=(4, 3))
    outputs = ad.compile(function, [w])(None, x)
    assert_close(outputs, eager(function, [w], x).outputs, 0.0)
    reversed_inputs = ad.compile(lambda x: list(x)[::-1], [w])(None, x)
    np.testing.assert_array_equal(reversed_inputs, x[:, ::-1])
    parameters = [Value(1.0), Value(2.0), Value(3.0)]
    rows = ad.compile(lambda x: [parameters[2], parameters[0]], parameters)([7.0, 8.0, 9.0], x)
    np.testing.assert_array_equal(rows, [[9.0, 7.0]] * 4)


@pytest.mark.parametrize("batched", [True, False])
def test_a_loss_that_is_a_parameter_or_an_input(batched: bool) -> None:
    w, unused = Value(0.5), Value(1.0)
    x: Any = [1.0, 3.0] if batched else 2.0
    for parameters in ([w], [unused, w]):
        program = ad.compile(lambda x: w, parameters, batched=batched)
        value, gradient = program.value_and_grad(None, x)
        assert value == 0.5
        assert gradient.tolist() == [float(p is w) for p in parameters]
    value, gradient = ad.compile(lambda x: x, [w], batched=batched).value_and_grad(None, x)
    assert value == 2.0
    assert gradient.tolist() == [0.0]
    value, gradient = ad.compile(lambda x: x * x, [], batched=batched).value_and_grad(None, x)
    assert value == (5.0 if batched else 4.0)
    assert gradient.shape == (0,)


def test_parameter_only_and_batch_outputs_together() -> None:
    w, b, line = linear()

    def function(x: Any) -> list[Value]:
        return [w * w, line(x), ad.exp(b) * w, x * x, ad.sum([w, b, x])]

    x = np.array([1.0, -2.0, 3.0])
    expected = eager(function, [w, b], x)
    assert_close(ad.compile(function, [w, b])(None, x), expected.outputs, expected.output_sizes)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("rows", [True, False])
def test_reductions(reduction: str, rows: bool) -> None:
    w, b, line = linear()

    def loss(x: Any) -> Value:
        return line(x) ** 2 if rows else w * b

    x = np.array([1.0, -2.0, 3.0])
    expected = eager(loss, [w, b], x, mean=reduction == "mean")
    program = ad.compile(loss, [w, b], reduction=reduction)
    value, gradient = program.value_and_grad(None, x)
    assert_close(value, expected.value, expected.value_size)
    assert_close(gradient, expected.gradient, expected.gradient_sizes)


def test_parameters_that_no_output_needs_have_gradient_0() -> None:
    parameters = [Value(float(k)) for k in range(5)]
    program = ad.compile(lambda x: parameters[1] * x + parameters[3], parameters)
    assert program.value_and_grad(None, [2.0])[1].tolist() == [0.0, 2.0, 0.0, 1.0, 0.0]


def test_leaves_that_are_no_parameters_are_constants_of_the_trace() -> None:
    w, other = Value(2.0), Value(7.0)
    program = ad.compile(lambda x: w * x * other, [w])
    value, gradient = program.value_and_grad(None, [1.0])
    assert (value, gradient.tolist()) == (14.0, [7.0])


def test_theta_none_reads_the_current_data() -> None:
    w, b, line = linear()
    program = ad.compile(line, [w, b])
    assert program(None, [3.0]).tolist() == [7.0]
    w.data, b.data = 5.0, -1.0
    assert program(None, [3.0]).tolist() == [14.0]
    assert program([1.0, 2.0], [3.0]).tolist() == [5.0]
    assert program.value_and_grad(np.array([1, 2]), [3.0])[0] == 5.0
    assert (w.data, b.data, w.grad, b.grad) == (5.0, -1.0, 0.0, 0.0)
    assert len(program.traces) == 1


def test_results_are_not_overwritten_by_the_next_call() -> None:
    model, loss = small_net()
    rng = RNG(1)
    program = ad.compile(loss, model.parameters())
    outputs = ad.compile(model, model.parameters())
    twin = ad.compile(lambda x: x[0], model.parameters())
    x, t = rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
    theta = nn.parameters_to_vector(model)
    first = [program(theta, x, t), outputs(theta, x), program.value_and_grad(theta, x, t)[1]]
    first.append(twin(theta, x))
    copies = [array.copy() for array in first]
    program(2 * theta, 3 * x, t)
    outputs(2 * theta, 3 * x)
    twin(theta, 3 * x)
    program.value_and_grad(2 * theta, 3 * x, t)
    for array, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
        array[...] = 0.0
    np.testing.assert_array_equal(outputs(theta, x), copies[1])


def test_arguments_are_left_as_they_are() -> None:
    model, loss = small_net()
    rng = RNG(2)
    x, t, theta = rng.normal(size=(5, 2)), rng.normal(size=(5, 1)), rng.normal(size=105)
    copies = x.copy(), t.copy(), theta.copy()
    for array in (x, t, theta):
        array.flags.writeable = False
    program = ad.compile(loss, model.parameters())
    program.value_and_grad(theta, x, t)
    program(theta, x, t)
    for array, copy in zip((x, t, theta), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1][::-1],
        lambda a: a.astype(">f8"),
        lambda a: a.tolist(),
        lambda a: np.concatenate([a, a], axis=1)[:, : a.shape[1]],
    ],
)
def test_layouts_of_arguments(layout: Callable[[Array], Any]) -> None:
    model, loss = small_net()
    rng = RNG(3)
    x, t = rng.normal(size=(6, 2)), rng.normal(size=(6, 1))
    program = ad.compile(loss, model.parameters())
    value, gradient = program.value_and_grad(None, x, t)
    other, other_gradient = program.value_and_grad(None, layout(x), layout(t))
    assert_close(other, value, 1.0)
    assert_close(other_gradient, gradient, 1.0)


def test_nested_lists_have_the_shape_of_one_example() -> None:
    w = Value(1.5)
    seen = []

    def function(scalar: Any, row: Any, block: Any) -> Any:
        seen.append((type(scalar), len(row), [[len(b) for b in a] for a in block]))
        total = ad.sum([a for rows in block for row in rows for a in row])
        return scalar * w + row[1] * total

    batch = RNG(4).normal(size=3), RNG(5).normal(size=(3, 2)), RNG(6).normal(size=(3, 2, 1, 4))
    assert_agrees(function, [w], *batch)
    assert seen[-1][1:] == (2, [[4], [4]])


def test_float32() -> None:
    model, loss = small_net()
    rng = RNG(7)
    x, t = rng.normal(size=(9, 2)), rng.normal(size=(9, 1))
    value, gradient = ad.compile(loss, model.parameters()).value_and_grad(None, x, t)
    program = ad.compile(loss, model.parameters(), dtype=np.float32)
    single, single_gradient = program.value_and_grad(None, x, t)
    assert single_gradient.dtype == program(None, x, t).dtype == np.float32
    assert 0 < abs(single - value) < 1e-5 * value
    np.testing.assert_allclose(single_gradient, gradient, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(single_gradient, gradient)
    as_text = ad.compile(loss, model.parameters(), dtype="float32")
    np.testing.assert_array_equal(as_text.value_and_grad(None, x, t)[1], single_gradient)


def test_nan_and_infinity_in_inputs_give_the_ieee_result() -> None:
    w, b, line = linear()
    program = ad.compile(lambda x: [line(x), ad.exp(x), 1 / x, ad.log(x), ad.tanh(x * w)], [w, b])
    x = np.array([np.nan, np.inf, -np.inf, 0.0, 1e308])
    with np.errstate(all="ignore"):
        expected = np.stack([2 * x + 1, np.exp(x), 1 / x, np.log(x), np.tanh(2 * x)], axis=1)
    np.testing.assert_allclose(program(None, x), expected, rtol=1e-15)
    summed = ad.compile(line, [w, b])
    value, gradient = summed.value_and_grad(None, [np.nan, 1.0])
    assert np.isnan(value)
    assert np.isnan(gradient[0])
    assert gradient[1] == 1.0
    assert summed.value_and_grad([np.inf, 1.0], [1.0])[0] == np.inf


# Integers


def test_take_picks_rows_of_an_embedding() -> None:
    table = [[Value(a) for a in row] for row in RNG(8).normal(size=(6, 3)).tolist()]
    parameters = [w for row in table for w in row]

    def function(tokens: Any, x: Any) -> Any:
        rows = [ad.take(table, token) for token in tokens]
        return ad.sum([ad.tanh(ad.dot(row, x)) for row in rows])

    tokens = np.array([[0, 5], [3, 3], [5, 1], [2, 0]])
    assert_agrees(function, parameters, tokens, RNG(9).normal(size=(4, 3)))
    for dtype in (np.int8, np.uint8, np.uint64, np.intp):
        assert_agrees(function, parameters, tokens.astype(dtype), RNG(9).normal(size=(4, 3)))


def test_take_from_values_of_all_kinds() -> None:
    w = [Value(0.5), Value(-1.5)]

    def function(x: Any, k: Any) -> Any:
        choices = [x[0], w[0], 3.0, x[1] * w[1], w[0] * w[1]]
        return ad.take(choices, k) * w[0] + ad.take([1.0, 2.0, 4.0, 8.0, 16.0], k) * x[0]

    assert_agrees(function, w, RNG(10).normal(size=(7, 2)), np.array([0, 1, 2, 3, 4, 4, 0]))


def test_an_integer_may_pick_and_count() -> None:
    """Arithmetic on a small integer type does not wrap around."""
    w = [Value(float(k)) for k in range(300)]

    def function(k: Any) -> Any:
        return ad.take(w, k) * (k * k) + w[1] * (k + 1) ** -1

    assert_agrees(function, w, np.array([200, 250], dtype=np.uint8))
    picks_nothing = ad.compile(lambda k: w[1] * k * k, w)
    assert picks_nothing(None, np.array([200], dtype=np.uint8)).tolist() == [40000.0]
    assert picks_nothing(None, np.array([True, False])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("bad", [[-1, 0], [0, 3], [2**40, 0]])
def test_an_index_out_of_range(bad: list[int]) -> None:
    w = [Value(1.0), Value(2.0), Value(3.0)]
    program = ad.compile(lambda k: ad.take(w, k), w)
    with pytest.raises(
        IndexError, match="argument 0 picks one of 3: expected integers from 0 to 2"
    ):
        program(None, bad)
    with pytest.raises(IndexError, match="argument 0"):
        program.value_and_grad(None, bad)
    assert program(None, [2, 0]).tolist() == [3.0, 1.0]


def test_a_float_is_no_index() -> None:
    w = [Value(1.0), Value(2.0)]
    with pytest.raises(TypeError, match="integer"):
        ad.compile(lambda k: ad.take(w, k), w)(None, [0.0, 1.0])


TABLES: dict[str, Any] = {
    "array": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    "array of ints": np.array([[1, 2], [3, 4], [5, 6]]),
    "vector": np.array([1.0, 2.0, 3.0]),
    "cube": np.arange(12.0).reshape(3, 2, 2),
    "lists": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    "tuples": ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
    "list of arrays": [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])],
    "list of cubes": [[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]],
    "single numbers in rows": [[1.0], [3.0], [5.0]],
    "NumPy numbers": [np.float64(1.0), np.int64(2), np.array(3.0)],
}


def with_values(table: Any, parameters: list[Value]) -> Any:
    """The same table with new parameters in place of its numbers."""
    if isinstance(table, (list, tuple)):
        return type(table)([with_values(row, parameters) for row in table])
    if isinstance(table, np.ndarray) and table.ndim:
        rows = with_values(table.tolist(), parameters)
        return np.array(rows, dtype=object)
    parameters.append(Value(float(table)))
    return parameters[-1]


def structure(picked: Any) -> Any:
    """The kinds and lengths of containers; of an array its shape."""
    if isinstance(picked, np.ndarray) and picked.ndim:
        return picked.shape
    if isinstance(picked, (list, tuple)):
        return (type(picked), [structure(part) for part in picked])
    return None


@pytest.mark.parametrize("own", [False, True], ids=["numbers", "Values"])
@pytest.mark.parametrize("table", TABLES)
def test_take_from_tables_of_all_kinds(table: str, own: bool) -> None:
    """What it picks is of the kind that it is in the scalar engine, and can be computed with."""
    parameters = [Value(2.0)]
    choices = with_values(TABLES[table], parameters) if own else TABLES[table]
    picked = []

    def function(k: Any, x: Any) -> Any:
        row = ad.take(choices, k)
        picked.append(structure(row))
        if isinstance(row, np.ndarray) and row.ndim:
            row = row * 2 - 1
        elements = np.ravel(np.array(row, dtype=object)).tolist()
        return parameters[0] * ad.dot(elements, [x * (i + 1) for i in range(len(elements))])

    assert_agrees(function, parameters, [0, 2, 1], RNG(2).normal(size=3))
    assert all(found == picked[0] for found in picked)


@pytest.mark.parametrize(
    ("choices", "lengths"),
    [
        ([[1.0, 2.0], [3.0]], "1 and 2"),
        ([[Value(1.0)], []], "0 and 1"),
        ([1.0, [2.0]], "1 and 1 number"),
        ([np.zeros(2), np.zeros(3)], "2 and 3"),
        ([[[1.0], [2.0]], [[1.0, 2.0], [3.0]]], "1 and 2"),
    ],
)
def test_take_from_rows_of_different_lengths(choices: Any, lengths: str) -> None:
    w = Value(2.0)

    def function(k: Any) -> Any:
        picked = ad.take(choices, k)
        return w * len(picked)

    with pytest.raises(ad.TraceError, match=f"rows of lengths {lengths}.*pad the rows") as caught:
        ad.compile(function, [w])(None, [0, 1])
    assert str(caught.value).startswith(f"{__file__}:")
    assert ad.take(choices, 1) is choices[1]  # the engine gives the row, whatever its length


def test_take_from_nothing() -> None:
    with pytest.raises(IndexError):
        ad.take([], 0)
    with pytest.raises(IndexError, match="no values"):
        ad.compile(lambda k: ad.take([], k), [Value(2.0)])(None, [0])


# Static arguments and traces


def test_static_arguments() -> None:
    w, calls = Value(2.0), []

    def function(x: Any, power: int, name: str, y: Any) -> Any:
        calls.append((power, name))
        result = w * y
        for _ in range(power):
            result = result * x
        return result if name == "plain" else ad.sin(result)

    program = ad.compile(function, [w], static_argnums=(1, 2))
    x, y = np.array([1.0, 2.0]), np.array([3.0, 1.0])
    for power, name in ((3, "plain"), (2, "sine"), (3, "plain"), (2, "sine")):
        expected = w.data * y * x**power
        expected = expected if name == "plain" else np.sin(expected)
        np.testing.assert_allclose(program(None, x, power, name, y), expected, rtol=1e-15)
    assert calls == [(3, "plain"), (2, "sine")]
    assert len(program.traces) == 2
    assert ad.compile(lambda k, x: x * k, [w], static_argnums=0)(None, 4, [2.0]).tolist() == [8.0]


class Activation(enum.Enum):
    TANH = 0
    SINE = 1


@dataclasses.dataclass(frozen=True)
class Config:
    rate: float
    shape: tuple[Any, ...] = ()


class Name(str):
    pass


class Pair(NamedTuple):
    first: float
    second: float


NAN = float("nan")
APART: list[tuple[Any, ...]] = [
    (0.0, -0.0, 0, False, np.float64(0.0), np.float32(-0.0), np.int64(0), 0j, -0j, Decimal(0)),
    (complex(0.0, 0.0), complex(0.0, -0.0), complex(-0.0, 0.0)),
    (1, 1.0, True, np.bool_(True), Fraction(1), Decimal(1), Decimal("1.0"), (1,)),
    ((1,), (True,), (1.0,), (np.float64(1.0),), frozenset({1}), frozenset({True})),
    ((0.0,), (-0.0,), ((0.0,),), ((-0.0,),), (0.0, ()), Pair(0.0, 0.0), (0.0, 0.0)),
    (Pair(0.0, 0.0), Pair(-0.0, 0.0), Pair(0, 0.0)),
    (frozenset({0.0, 2}), frozenset({-0.0, 2}), frozenset({0.0, 2.0})),
    (frozenset({(0.0,)}), frozenset({(-0.0,)}), frozenset({(0,)})),
    (NAN, (NAN,), np.float64(NAN), Decimal("nan"), complex(NAN, 0.0)),
    ("a", Name("a"), b"a", ("a",)),
    (Activation.TANH, Activation.SINE, "TANH", 0),
    (Config(0.0), Config(-0.0), Config(0), Config(0.0, (1,)), Config(0.0, (True,))),
    (range(3), range(0, 3, 1), range(0), range(1, 1), (0, 1, 2)),
    (None, (), "", (None,)),
]


@pytest.mark.parametrize("arguments", APART, ids=[repr(a[0])[:30] for a in APART])
def test_static_arguments_that_compare_equal_are_told_apart(arguments: tuple[Any, ...]) -> None:
    w, met = Value(2.0), []

    def function(x: Any, given: Any) -> Any:
        met.append(given)
        return w * x * len(met)

    program = ad.compile(function, [w], static_argnums=1)
    first = [program(None, [1.0], argument)[0] for argument in arguments]
    kinds = list(dict.fromkeys(repr((type(a), a)) for a in arguments))
    assert [repr((type(a), a)) for a in met] == kinds
    again = [program(None, [3.0], deepcopy(argument))[0] for argument in arguments]
    assert again == [3.0 * value for value in first]
    assert len(met) == len(program.traces) == len(kinds)
    assert [repr(info.static) for info in program.traces] == [repr((given,)) for given in met]


def test_the_sign_of_a_static_zero() -> None:
    w = Value(2.0)
    program = ad.compile(lambda x, c: w * x / c, [w], static_argnums=1)
    assert program(None, [1.0], 0.0).tolist() == [math.inf]
    assert program(None, [1.0], -0.0).tolist() == [-math.inf]
    nested = ad.compile(lambda x, c: w * x * repr(c).count("True"), [w], static_argnums=1)
    assert nested(None, [1.0], ((True,), 1)).tolist() == [2.0]
    assert nested(None, [1.0], ((1,), True)).tolist() == [2.0]
    assert nested(None, [1.0], ((1,), 1)).tolist() == [0.0]


@pytest.mark.parametrize("bad", [[2], {}, ([],), np.zeros(2), (1, {2}), Config(0.0, ([],))])
def test_static_arguments_without_a_hash(bad: Any) -> None:
    program = ad.compile(lambda x, k: x * 2.0, [Value(2.0)], static_argnums=1)
    with pytest.raises(TypeError, match="hashable"):
        program(None, [1.0], bad)


def test_a_static_argument_that_may_change_is_refused() -> None:
    @dataclasses.dataclass
    class Changing:
        rate: float

    program = ad.compile(lambda x, k: x * k.rate, [Value(2.0)], static_argnums=1)
    with pytest.raises(TypeError, match="hashable"):
        program(None, [1.0], Changing(1.0))


def test_bad_static_arguments() -> None:
    w = Value(2.0)
    program = ad.compile(lambda x, k: x * w, [w], static_argnums=1)
    with pytest.raises(TypeError, match=r"argument 1 is static and must be hashable.*'list'"):
        program(None, [1.0], [2])
    for bad in (-1, "1", (0, -2), 1.5, True, 2, (0, 7)):
        with pytest.raises((TypeError, ValueError)):
            ad.compile(lambda x, k: x * w, [w], static_argnums=bad)  # type: ignore[arg-type]


def test_static_arguments_of_a_function_that_takes_any_number() -> None:
    w = Value(2.0)
    assert (
        ad.compile(lambda *a: a[0] * w * a[2], [w], static_argnums=2)(None, [3.0], [0], 5.0) == 30
    )


def test_a_ragged_argument_is_named() -> None:
    program = ad.compile(lambda x, t: x[0] * t[0], [Value(2.0)])
    with pytest.raises(ValueError, match=r"argument 1 is no array: .* equally long"):
        program(None, [[1.0], [1.0]], [[1.0], [1.0, 2.0]])


def test_one_trace_for_each_shape() -> None:
    w, shapes = Value(2.0), []

    def function(x: Any) -> Any:
        shapes.append(len(x))
        return ad.sum([w * a for a in x])

    program = ad.compile(function, [w])
    assert not program.traces
    for n, width in ((2, 3), (5, 3), (2, 4), (1, 3), (2, 4)):
        program(None, np.ones((n, width)))
    assert shapes == [3, 4]
    assert {info.shapes for info in program.traces} == {((3,),), ((4,),)}
    assert program.stats.nodes == max(info.stats.nodes for info in program.traces)
    program(None, np.ones((7, 3)))
    assert program.stats.nodes == min(info.stats.nodes for info in program.traces)


def test_traces_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_module, "_CACHED_TRACES", 3)
    w = Value(2.0)
    program = ad.compile(lambda x: ad.sum([w * a for a in x]), [w])
    for width in range(1, 8):
        assert program(None, np.ones((2, width))).tolist() == [2.0 * width] * 2
        assert len(program.traces) <= 3
    assert ((7,),) in {info.shapes for info in program.traces}
    assert program(None, np.ones((1, 1))).tolist() == [2.0]


def test_of_too_many_traces_those_go_that_were_not_used_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running_module, "_CACHED_TRACES", 3)
    w, traced = Value(2.0), []

    def function(x: Any) -> Any:
        traced.append(len(x))
        return ad.sum([w * a for a in x])

    program = ad.compile(function, [w])
    for width in (1, 2, 1, 3, 1, 4, 1, 5, 1, 4, 2):
        program(None, np.ones((2, width)))
    assert traced == [1, 2, 3, 4, 5, 2]
    assert [info.shapes for info in program.traces] == [((1,),), ((4,),), ((2,),)]


def test_many_shapes_are_traced_once() -> None:
    w, traced = Value(2.0), []

    def function(x: Any) -> Any:
        traced.append(len(x))
        return w * x[-1]

    program = ad.compile(function, [w])
    for width in [*range(1, 101)] * 2:
        program(None, np.ones((1, width)))
    assert traced == [*range(1, 101)]


def test_many_batch_sizes_keep_few_workspaces() -> None:
    model, loss = small_net()
    program = ad.compile(loss, model.parameters())
    x, t = RNG(11).normal(size=(60, 2)), RNG(12).normal(size=(60, 1))
    program.value_and_grad(None, x, t)
    tracemalloc.start()
    for n in range(1, 60):
        program.value_and_grad(None, x[:n], t[:n])
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 2e6


# Large batches


@pytest.mark.parametrize("n", [64, 65, 128, 200])
def test_chunks_give_the_same_result(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.MLP(2, [5, 3], rng=1)
    parameters = model.parameters()

    def loss(x: Any, k: Any) -> Any:
        decay = 0.01 * ad.sum([p * p for p in parameters])
        return decay - ad.take(ad.log_softmax(model(x)), k)

    x, k = RNG(13).normal(size=(n, 2)), RNG(14).integers(0, 3, n)
    for reduction in ("mean", "sum"):
        whole = ad.compile(loss, parameters, reduction=reduction)
        value, gradient = whole.value_and_grad(None, x, k)
        with monkeypatch.context() as patch:
            patch.setattr(compiled_module, "_CHUNK_BYTES", 1)
            chunked = ad.compile(loss, parameters, reduction=reduction)
            other, other_gradient = chunked.value_and_grad(None, x, k)
            outputs = chunked(None, x, k)
            fixed = ad.compile(lambda x, k: parameters[0], parameters, reduction=reduction)
            expected = parameters[0].data * (1 if reduction == "mean" else n)
            only, only_gradient = fixed.value_and_grad(None, x, k)
        assert_close(other, value, n)
        assert_close(other_gradient, gradient, n)
        assert_close(outputs, whole(None, x, k), 10.0)
        assert_close(only, expected, n)
        assert_close(only_gradient[0], 1.0 if reduction == "mean" else n, n)


def test_memory_does_not_grow_with_the_batch() -> None:
    model = nn.MLP(2, [16, 16, 1], rng=0)

    def loss(x: Any, t: Any) -> Value:
        return nn.half_squared_error(model(x), t)

    program = ad.compile(loss, model.parameters())
    x = RNG(15).normal(size=(100_000, 2))
    t = x[:, :1] ** 2
    program.value_and_grad(None, x[:10], t[:10])
    tracemalloc.start()
    value, gradient = program.value_and_grad(None, x, t)
    program(None, x, t)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6  # whole, the hidden layers and their error signals are 60 MB
    parts = [program.value_and_grad(None, x[a : a + 100], t[a : a + 100]) for a in (0, 100)]
    two, two_gradient = program.value_and_grad(None, x[:200], t[:200])
    assert_close((parts[0][0] + parts[1][0]) / 2, two, 1.0)
    assert_close((parts[0][1] + parts[1][1]) / 2, two_gradient, 10.0)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


# Threads


def run_together(tasks: list[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def test_threads_share_a_program() -> None:
    model, loss = small_net()
    rng = RNG(16)
    program = ad.compile(loss, model.parameters())
    batches = [(rng.normal(size=(n, 2)), rng.normal(size=(n, 1))) for n in (1, 3, 8, 20, 3, 8)]
    reference = ad.compile(loss, model.parameters())
    expected = [reference.value_and_grad(None, *batch) for batch in batches]

    def task(k: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(60):
                value, gradient = program.value_and_grad(None, *batches[k])
                assert value == expected[k][0]
                np.testing.assert_array_equal(gradient, expected[k][1])

        return run

    run_together([task(k) for k in range(len(batches))])
    assert len(program.traces) == 1


def test_threads_compute_with_parameters_while_one_traces() -> None:
    """Tracing in one thread is not seen in others: numbers, graphs and other programs work on."""
    model, loss = small_net()
    parameters = model.parameters()
    x, t = [0.3, -0.7], [0.5]
    expected = loss(x, t)
    expected.backward()
    gradient = [p.grad for p in parameters]
    stop = threading.Event()

    def trace() -> None:
        try:
            for _ in range(12):
                program = ad.compile(loss, parameters)
                found = program.value_and_grad(None, [x], [t])[1]
                np.testing.assert_allclose(found, gradient, rtol=1e-10, atol=1e-15)
        finally:
            stop.set()

    def compute() -> None:
        while not stop.is_set():
            result = loss(x, t)
            assert result.data == expected.data
            slopes = ad.gradients(result, parameters)
            assert [float(s) for s in slopes] == gradient

    run_together([trace, compute])
    assert {type(p) for p in parameters} == {Value}


def test_threads_look_at_parameters_while_one_traces() -> None:
    """Whatever is asked of a parameter, its class may be exchanged on the way to the answer."""
    w, one = Value(2.0, "w"), Value(1.0)
    stop = threading.Event()

    def trace() -> None:
        try:
            for _ in range(100):
                ad.compile(lambda x: w * x + one, [w, one])(None, [1.0])
        finally:
            stop.set()

    def look() -> None:
        while not stop.is_set():
            assert w.data == 2.0
            assert w > one
            assert w >= 2.0
            assert not w < 2.0
            assert w <= 2.0
            assert w == w
            assert w != one
            assert bool(w)
            assert "2.0" in repr(w)
            w.grad = 3.0
            assert w.grad == 3.0

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        run_together([trace, look, look])
    finally:
        sys.setswitchinterval(interval)


def test_threads_trace_different_shapes_at_once() -> None:
    w = Value(2.0)
    program = ad.compile(lambda x: ad.sum([ad.sin(w * a) for a in x]), [w])

    def task(width: int) -> Callable[[], None]:
        def run() -> None:
            x = np.full((2, width), 0.25)
            np.testing.assert_allclose(program(None, x), width * np.sin(0.5), rtol=1e-12)

        return run

    run_together([task(width) for width in range(1, 13)])
    assert len(program.traces) == 12


def test_two_programs_interleaved() -> None:
    model, loss = small_net(1)
    other_model, other_loss = small_net(2)
    x, t = RNG(17).normal(size=(5, 2)), RNG(18).normal(size=(5, 1))
    first = ad.compile(loss, model.parameters())
    second = ad.compile(other_loss, other_model.parameters())
    expected = first.value_and_grad(None, x, t), second.value_and_grad(None, x, t)
    for _ in range(3):
        for program, (value, gradient) in zip((first, second), expected, strict=True):
            again, again_gradient = program.value_and_grad(None, x, t)
            assert again == value
            np.testing.assert_array_equal(again_gradient, gradient)
    assert expected[0][0] != expected[1][0]


# Bad input


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (([],), ValueError, "empty"),
        ((np.zeros((0, 3)),), ValueError, "empty"),
        ((3.0,), ValueError, "leading batch size"),
        ((), ValueError, "batched=False"),
        ((["a", "b"],), TypeError, "argument 0 holds <U1, expected real numbers"),
        (([None, 1.0],), TypeError, "argument 0 holds object"),
        (([1j],), TypeError, "argument 0 holds complex128"),
        (([Value(1.0)],), TypeError, "argument 0 holds object"),
        (([[1.0], [2.0, 3.0]],), ValueError, "inhomogeneous"),
    ],
)
def test_bad_batches(batch: tuple[Any, ...], error: type[Exception], message: str) -> None:
    w, b, line = linear()
    program = ad.compile(line, [w, b])
    for call in (program, program.value_and_grad):
        with pytest.raises(error, match=message):
            call(None, *batch)
    assert program.traces == ()
    assert program(None, [1.0]).tolist() == [3.0]
    with pytest.raises(error, match=message):
        program(None, *batch)
    with pytest.raises(error, match=message):
        program.retrace(*batch)


def test_batch_sizes_that_differ() -> None:
    w = Value(2.0)
    program = ad.compile(lambda x, y: w * x * y, [w])
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\)"):
        program(None, [1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\)"):
        program.retrace([1.0, 2.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", ["has_aux", "batched"])
@pytest.mark.parametrize("given", ["yes", 1, None, []])
def test_what_is_to_be_true_or_false(name: str, given: Any) -> None:
    w = Value(2.0)
    with pytest.raises(TypeError, match=f"{name} must be True or False, got "):
        ad.compile(lambda x: w * x, [w], **{name: given})
    ad.compile(lambda x: w * x, [w], **{name: np.True_})  # type: ignore[call-overload]


def test_an_example_of_the_wrong_shape() -> None:
    model = nn.MLP(3, [2], rng=0)
    program = ad.compile(model, model.parameters())
    with pytest.raises(ValueError, match="3 inputs, got 2"):
        program(None, np.ones((4, 2)))
    assert {type(p) for p in model.parameters()} == {Value}
    assert program(None, np.ones((4, 3))).shape == (4, 2)


@pytest.mark.parametrize(
    ("theta", "error", "message"),
    [
        ([1.0], ValueError, r"theta has shape \(1,\), expected \(2,\)"),
        ([1.0, 2.0, 3.0], ValueError, r"\(3,\), expected \(2,\)"),
        ([[1.0, 2.0]], ValueError, r"\(1, 2\)"),
        (1.0, ValueError, r"\(\)"),
        ([1.0, None], TypeError, "theta holds object"),
        (["a", "b"], TypeError, "theta holds <U1"),
        ([1j, 2.0], TypeError, "theta holds complex128"),
        ([Value(1.0), Value(2.0)], TypeError, "theta holds object"),
    ],
)
def test_bad_theta(theta: Any, error: type[Exception], message: str) -> None:
    w, b, line = linear()
    program = ad.compile(line, [w, b])
    for call in (program, program.value_and_grad):
        with pytest.raises(error, match=message):
            call(theta, [1.0])


def test_bad_parameters() -> None:
    w, _, line = linear()
    for bad in (w * 2, ad.as_value(2.0), 2.0, None, "w"):
        with pytest.raises(TypeError, match=r"parameter 1 is .*, expected a leaf Value"):
            ad.compile(line, [w, bad])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="twice"):
        ad.compile(line, [w, w])
    with pytest.raises(TypeError):
        ad.compile(line, w)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="function"):
        ad.compile(3, [w])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "options",
    [
        {"reduction": "max"},
        {"reduction": None},
        {"dtype": np.float16},
        {"dtype": int},
        {"dtype": "decimal"},
        {"backend": "cuda"},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    w, _, line = linear()
    with pytest.raises((TypeError, ValueError)):
        ad.compile(line, [w], **options)


def test_value_and_grad_needs_one_number() -> None:
    w = Value(2.0)
    for function, count in ((lambda x: [x * w, x], 2), (lambda x: [x * w], 1)):
        program = ad.compile(function, [w])
        with pytest.raises(ValueError, match=f"returns one Value, .* list of {count}"):
            program.value_and_grad(None, [1.0])
        assert program(None, [1.0]).shape == (1, count)


def test_source_and_stats_need_a_trace() -> None:
    w, _, line = linear()
    program = ad.compile(line, [w])
    for attribute in ("source", "stats"):
        with pytest.raises(ValueError, match="nothing is traced yet"):
            getattr(program, attribute)


def test_too_few_arguments() -> None:
    w = Value(2.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        ad.compile(lambda x, y: x * y * w, [w])(None, [1.0])
    assert type(w) is Value


def test_the_repr_says_what_came_of_what() -> None:
    w = [Value(0.5) for _ in range(1200)]

    def model(x: Any) -> Any:
        return [ad.dot(w[:600], x), ad.dot(w[600:], x)]

    program = ad.compile(model, w)
    assert repr(program) == "Program(model, 1,200 parameters, not traced yet)"
    program(None, np.zeros((1, 600)))
    assert repr(program) == (
        "Program(model, 1,200 parameters, inputs (600,): 1,802 scalars -> 1 array step, "
        "1 matrix product)"
    )
