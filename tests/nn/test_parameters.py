"""Parameters as a vector and back; SGD."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Value
from nn import MLP, SGD, parameters_to_vector, vector_to_parameters
from nn._assignment import assign_data

TraceFunction: TypeAlias = Callable[[FrameType, str, object], Any]


def model_with_gradients() -> MLP:
    model = MLP(2, [3, 1], rng=0)
    for i, parameter in enumerate(model.parameters()):
        parameter.grad = 0.1 * i - 0.5
    return model


def state(model: MLP) -> list[tuple[float, float]]:
    return [(parameter.data, parameter.grad) for parameter in model.parameters()]


def interrupt_at(number: int, files: tuple[str, ...], what: str = "line") -> TraceFunction:
    """Trace function that raises KeyboardInterrupt before the n-th line, or other event, there."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        nonlocal count
        if not frame.f_code.co_filename.endswith(files):
            return None
        frame.f_trace_opcodes = what == "opcode"
        if event == what:
            count += 1
            if count == number:
                raise KeyboardInterrupt
        return trace

    return trace


def interrupted(
    call: Callable[[], object], number: int, files: tuple[str, ...], what: str = "line"
) -> bool:
    previous = sys.gettrace()
    with np.errstate():  # whose own end may be where it is interrupted
        sys.settrace(interrupt_at(number, files, what))
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(previous)
    return False


# Vector.


def test_vector_is_the_data_in_order() -> None:
    model = MLP(2, [3, 1], rng=0)
    vector = parameters_to_vector(model)
    assert vector.shape == (13,)
    assert vector.dtype == np.float64
    assert vector.tolist() == [parameter.data for parameter in model.parameters()]
    assert parameters_to_vector(model.parameters()[:2]).tolist() == vector.tolist()[:2]
    vector[:] = 0.0  # a copy
    assert model.parameters()[0].data != 0.0


@given(st.lists(st.floats(-1e300, 1e300), min_size=13, max_size=13))
def test_round_trip(numbers: list[float]) -> None:
    model = model_with_gradients()
    gradients = [parameter.grad for parameter in model.parameters()]
    vector_to_parameters(numbers, model)
    assert parameters_to_vector(model).tolist() == numbers
    assert all(type(parameter.data) is float for parameter in model.parameters())
    assert [parameter.grad for parameter in model.parameters()] == gradients


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_other_real_dtypes(dtype: type[np.number[Any]]) -> None:
    w = [Value(0.0), Value(0.0)]
    vector_to_parameters(np.array([1, 2], dtype=dtype), w)
    assert [v.data for v in w] == [1.0, 2.0]


BAD_VECTORS: dict[str, tuple[Any, type[Exception], str]] = {
    "short": (np.zeros(12), ValueError, r"\(13,\).*\(12,\)"),
    "long": (np.zeros(14), ValueError, r"\(14,\)"),
    "matrix": (np.zeros((13, 1)), ValueError, r"\(13, 1\)"),
    "number": (1.0, ValueError, r"\(\)"),
    "nan": ([0.0] * 12 + [math.nan], ValueError, r"vector\[12\] is nan"),
    "inf": ([math.inf] + [0.0] * 12, ValueError, r"vector\[0\] is inf"),
    "complex": (np.zeros(13, dtype=complex), TypeError, "complex"),
    "bool": (np.zeros(13, dtype=bool), TypeError, "bool"),
    "text": (["0"] * 13, TypeError, "real numbers"),
    "objects": ([Value(0.0)] * 13, TypeError, "object"),
    "None": (None, TypeError, "object"),
}


@pytest.mark.parametrize("case", BAD_VECTORS)
def test_bad_vectors_change_nothing(case: str) -> None:
    vector, error, message = BAD_VECTORS[case]
    model = model_with_gradients()
    before = state(model)
    with pytest.raises(error, match=message):
        vector_to_parameters(vector, model)
    assert state(model) == before


W = Value(1.0, label="w")
BAD_PARAMETERS: dict[str, tuple[Any, type[Exception], str]] = {
    "a Value": (W, TypeError, "list of"),
    "numbers": ([1.0], TypeError, r"parameters\[0\].*float"),
    "an operation": ([W, W * 2.0], TypeError, r"parameters\[1\].*leaf.*'mul'"),
    "twice": ([W, W], ValueError, "twice"),
    "None": (None, TypeError, "NoneType"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters(case: str) -> None:
    parameters, error, message = BAD_PARAMETERS[case]
    with pytest.raises(error, match=message):
        parameters_to_vector(parameters)
    with pytest.raises(error, match=message):
        vector_to_parameters([1.0], parameters)
    with pytest.raises(error, match=message):
        SGD(parameters, learning_rate=0.1)


@pytest.mark.parametrize("line", range(1, 200))
def test_an_interrupted_write_is_whole(line: int) -> None:
    model = model_with_gradients()
    before = parameters_to_vector(model).tolist()
    after = [number + 1.0 for number in before]
    stopped = interrupted(
        lambda: vector_to_parameters(after, model),
        line,
        ("nn/models/parameters.py", "nn/_assignment.py"),
    )
    assert parameters_to_vector(model).tolist() in (before, after)
    if not stopped:
        assert parameters_to_vector(model).tolist() == after


def test_an_error_in_between_undoes_what_was_written() -> None:
    def numbers() -> Iterator[float]:
        yield 5.0
        raise KeyboardInterrupt

    model = model_with_gradients()
    before = state(model)
    given: Any = numbers()
    with pytest.raises(KeyboardInterrupt):
        assign_data(model.parameters(), given)
    assert state(model) == before


# SGD.


@given(st.floats(0, 10), st.lists(st.floats(-1e6, 1e6), min_size=13, max_size=13))
def test_step(rate: float, gradients: list[float]) -> None:
    model = MLP(2, [3, 1], rng=0)
    optimizer = SGD(model.parameters(), learning_rate=rate)
    expected = [p.data - rate * g for p, g in zip(model.parameters(), gradients, strict=True)]
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    assert parameters_to_vector(model).tolist() == expected
    assert [parameter.grad for parameter in model.parameters()] == gradients
    optimizer.zero_grad()
    assert [parameter.grad for parameter in model.parameters()] == [0.0] * 13
    assert parameters_to_vector(model).tolist() == expected


def test_learning_rate_may_change() -> None:
    w = Value(1.0)
    w.grad = 1.0
    optimizer = SGD([w], learning_rate=0.5)
    optimizer.step()
    optimizer.learning_rate = np.float64(0.25)
    optimizer.step()
    assert w.data == 0.25
    assert repr(optimizer) == "SGD(1 parameters, learning_rate=0.25)"


def test_iterators_are_read_once() -> None:
    w = Value(1.0)
    optimizer = SGD(iter([w]), learning_rate=1)
    w.grad = 1.0
    optimizer.step()
    optimizer.step()
    assert w.data == -1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rate", [0.1, 0.0])
@pytest.mark.parametrize("position", [0, 5, 12])
def test_a_gradient_that_is_not_finite_changes_nothing(
    bad: float, rate: float, position: int
) -> None:
    model = model_with_gradients()
    model.parameters()[position].grad = bad
    before = repr(state(model))
    name = model.named_parameters()[position][0]
    with pytest.raises(ValueError, match=f"gradient of '{name}' is {bad}.*learning rate"):
        SGD(model.parameters(), learning_rate=rate).step()
    assert repr(state(model)) == before


def test_a_step_out_of_range_changes_nothing() -> None:
    w, v = Value(1.0), Value(1e308)
    w.grad, v.grad = 1.0, -1e308
    with pytest.raises(ValueError, match=r"parameters\[1\] from 1e\+308 to inf"):
        SGD([w, v], learning_rate=10.0).step()
    assert (w.data, v.data) == (1.0, 1e308)


BAD_RATES: dict[str, tuple[Any, type[Exception]]] = {
    "negative": (-0.1, ValueError),
    "nan": (math.nan, ValueError),
    "inf": (math.inf, ValueError),
    "text": ("0.1", TypeError),
    "None": (None, TypeError),
    "bool": (True, TypeError),
    "Value": (Value(0.1), TypeError),
    "complex": (1j, TypeError),
}


@pytest.mark.parametrize("case", BAD_RATES)
def test_bad_learning_rates(case: str) -> None:
    rate, error = BAD_RATES[case]
    with pytest.raises(error, match="learning_rate"):
        SGD([Value(1.0)], learning_rate=rate)
    optimizer = SGD([Value(1.0)], learning_rate=0.5)
    with pytest.raises(error, match="learning_rate"):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == 0.5


def test_sgd_needs_parameters() -> None:
    with pytest.raises(ValueError, match="no parameters"):
        SGD([], learning_rate=0.1)
    with pytest.raises(TypeError, match=r"model\.parameters\(\)"):
        SGD(MLP(1, [1], rng=0), learning_rate=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", range(1, 120))
def test_an_interrupted_step_is_whole(line: int) -> None:
    model = model_with_gradients()
    optimizer = SGD(model.parameters(), learning_rate=0.1)
    before = parameters_to_vector(model).tolist()
    after = [p.data - 0.1 * p.grad for p in model.parameters()]
    stopped = interrupted(
        optimizer.step,
        line,
        ("nn/models/parameters.py", "nn/_assignment.py", "nn/optimizers/optimizer.py"),
    )
    assert parameters_to_vector(model).tolist() in (before, after)
    if not stopped:
        assert parameters_to_vector(model).tolist() == after


@pytest.mark.parametrize("kind", [set, frozenset, lambda values: dict.fromkeys(values)])
def test_parameters_come_in_an_order(kind: Callable[[list[Value]], Any]) -> None:
    parameters = kind([Value(1.0), Value(2.0)])
    for call in (parameters_to_vector, lambda p: SGD(p, learning_rate=0.1)):
        with pytest.raises(TypeError, match="list of its parameters, got"):
            call(parameters)
