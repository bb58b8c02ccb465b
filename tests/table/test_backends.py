"""What the names of formulas mean: every row on every backend, and the reductions alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.derivatives.value_backend import IEEE_VALUE, VALUE
from autograd_mini.table.backends import ARRAY, FLOAT, IEEE, Backend
from autograd_mini.table.grammar import REDUCTIONS
from autograd_mini.table.primitives import PRIMITIVES, Primitive
from autograd_mini.table.vectors import Vector
from tests.random_graphs import ROWS
from tests.table.test_table import samples

# What a backend computes with, of floats, and the floats of what it gives.
MAKE: dict[Backend, Callable[[Any], Any]] = {
    FLOAT: float,
    IEEE: np.float64,
    VALUE: Value,
    IEEE_VALUE: Value,
}


def made(backend: Backend, groups: Sequence[Any]) -> list[Any]:
    if backend is ARRAY:  # three examples at once, of which the first is looked at
        return [np.multiply.outer(np.array(group), [1.0, 0.9, 1.1]) for group in groups]
    make = MAKE[backend]
    return [
        Vector(map(make, group)) if isinstance(group, Vector) else make(group) for group in groups
    ]


def floats(result: Any, size: int) -> list[float]:
    if isinstance(result, np.ndarray):
        result = result[..., 0]
    elements = list(result) if np.ndim(result) or isinstance(result, Vector) else [result] * size
    return [float(e.data if isinstance(e, Value) else e) for e in elements]


@pytest.mark.parametrize("backend", [IEEE, ARRAY, VALUE, IEEE_VALUE], ids=repr)
@pytest.mark.parametrize("name", ROWS)
def test_every_backend_has_every_row(name: str, backend: Backend) -> None:
    row = PRIMITIVES[name]
    value, *partials = row.on(backend)
    for point in samples(name)[:5]:
        y, derivatives = row.linearize(point)
        groups = made(backend, row.split(point))
        output = np.full(3, y) if backend is ARRAY else MAKE[backend](y)
        if backend in (IEEE, ARRAY):  # the values of Values are nodes, made by the functions
            assert floats(value(*groups), 1) == pytest.approx([y], rel=1e-13)
        for partial, span in zip(partials, row.spans(len(point)), strict=True):
            found = floats(partial(*groups, output), span.stop - span.start)
            assert found == pytest.approx(derivatives[span], rel=1e-13)


def test_a_row_is_compiled_once_for_a_backend() -> None:
    assert PRIMITIVES["tanh"].on(ARRAY) is PRIMITIVES["tanh"].on(ARRAY)


logits = st.floats(-1e3, 1e3) | st.sampled_from([-math.inf, math.inf, math.nan, 0.0, 1e308, -1e308])


@given(st.lists(logits, min_size=1, max_size=5))
def test_reductions_over_floats_and_over_arrays_are_the_same(numbers: list[float]) -> None:
    array = np.array(numbers)[:, None]
    for name in sorted(REDUCTIONS - {"dot", "mean"}):
        over_floats, over_arrays = FLOAT.function(name), ARRAY.function(name)
        assert over_floats is not None
        assert over_arrays is not None
        with np.errstate(all="ignore"):
            ours = over_floats(Vector(numbers))
            theirs = np.atleast_2d(over_arrays(array)).ravel()
        expected = list(ours) if isinstance(ours, Vector) else [ours]
        np.testing.assert_allclose(theirs, expected, rtol=1e-13, atol=1e-300, err_msg=name)


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=5), st.floats(-700, 700))
def test_softmax_of_groups_is_that_of_all_together(group: list[float], other: float) -> None:
    together = [p.data for p in ad.softmax([Value(x) for x in (*group, other)])][:-1]
    for backend in (FLOAT, VALUE):
        softmax = backend.function("softmax")
        assert softmax is not None
        values = Vector(map(MAKE[backend], group))
        found = [ad.as_value(p).data for p in softmax(values, MAKE[backend](other))]
        assert found == pytest.approx(together, rel=1e-12, abs=1e-300)
    arrays = ARRAY.function("softmax")
    assert arrays is not None
    found = arrays(np.array(group), np.float64(other))
    np.testing.assert_allclose(found, together, rtol=1e-12, atol=1e-300)


@given(st.integers(0, 3), st.integers(0, 1))
def test_operands_are_grouped_in_one_place(length: int, spare: int) -> None:
    row = PRIMITIVES["dot"]
    count = 2 * length + spare
    spans = row.spans(count)
    flat = [position for span in spans for position in range(count)[span]]
    assert flat == list(range(count))
    for position in flat:
        index, element = row.locate(position, count)
        assert spans[index].start + element == position
    groups: list[Any] = row.split(list(range(count)))
    assert groups[0] == list(range(length))
    assert groups[2] == (count - 1 if spare else 0.0)
    assert row.bind(list(range(count)))["n"] == length
    with pytest.raises(IndexError, match="no operand at position"):
        row.locate(count, count)


def test_a_row_that_a_backend_lacks_is_its_formula(register: Callable[..., Any]) -> None:
    register("third", "x", "x / 3", ["1 / 3"], [(0, 1)])
    register("thirds", "x...", "sum(third(x))", ["third(1)"], [(0, 1)])
    row: Primitive = PRIMITIVES["thirds"]
    total = row.on(ARRAY)[0](np.array([[3.0, 6.0], [9.0, 0.0]]))
    assert total.tolist() == [4.0, 2.0]
    assert row.on(FLOAT)[0](Vector([3.0, 9.0])) == 4.0
