"""Examples as arrays, and their minibatches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn import minibatches
from nn.training.batches import as_column, as_examples, as_rows, select


@pytest.mark.parametrize(("n", "size"), [(1, 1), (10, 3), (10, 10), (10, 99), (7, 1)])
def test_minibatches_hold_each_example_once(n: int, size: int) -> None:
    batches = list(minibatches(n, size, rng=0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert [len(batch) for batch in batches] == [size] * (n // size) + [n % size] * (n % size > 0)


def test_each_epoch_has_a_new_order() -> None:
    generator = np.random.default_rng(0)
    orders = [np.concatenate(list(minibatches(20, 6, rng=generator))).tolist() for _ in range(2)]
    assert orders[0] != orders[1]


@given(n=st.integers(1, 40), size=st.integers(1, 50), shuffle=st.booleans(), seed=st.integers(0, 9))
def test_minibatches_are_a_partition(n: int, size: int, shuffle: bool, seed: int) -> None:
    order = np.concatenate(list(minibatches(n, size, shuffle=shuffle, rng=seed))).tolist()
    assert sorted(order) == list(range(n))
    assert shuffle or order == list(range(n))


class Table:
    """Stands for a data frame: no length and no rows at table[i], but it turns into an array."""

    def __init__(self, data: Any) -> None:
        self.data = np.asarray(data)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([1, 2], np.array([1, 2])),
        ([1, 2.5], np.array([1.0, 2.5])),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        ((True, False), np.array([1, 0])),
        (np.array([1.0, 2.0], dtype=np.float32), np.array([1.0, 2.0])),
        (np.array([3, 4], dtype=np.uint8), np.array([3, 4], dtype=np.uint8)),
        (Table([[1.0], [2.0]]), np.array([[1.0], [2.0]])),
        (Table(np.array([[1, 2.5], [3, 4]], dtype=object)), np.array([[1.0, 2.5], [3.0, 4.0]])),
        (np.zeros((2, 3, 4)), np.zeros((2, 3, 4))),
        (range(3), np.arange(3)),
    ],
)
def test_what_becomes_an_array(data: Any, expected: Any) -> None:
    column = as_column(data, "X")
    assert isinstance(column, np.ndarray)
    assert column.dtype == expected.dtype
    assert column.tolist() == expected.tolist()


def test_entries_of_different_shapes_stay_a_list() -> None:
    for data in ([[1.0], [1.0, 2.0]], np.array([[1.0], [1.0, 2.0]], dtype=object)):
        column = as_column(data, "X")
        assert isinstance(column, list)
        assert as_rows(column) == [[1.0], [1.0, 2.0]]
        assert as_rows(select(column, np.array([1, 0]))) == [[1.0, 2.0], [1.0]]


class Sparse:
    def toarray(self) -> Any:
        return np.zeros((2, 2))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (1.0, TypeError, "X must be an array, a list or a table .* got float"),
        (None, TypeError, "X must be .* got NoneType"),
        ("ab", TypeError, "X must be .* got str"),
        ({0: 1.0, 1: 2.0}, TypeError, "X must be .* got dict"),
        ({1.0, 2.0}, TypeError, "X must be .* got set"),
        (Sparse(), TypeError, r"write X\.toarray\(\)"),
        (np.array(1.0), TypeError, "X must hold one entry per example, got a single number"),
        ([], ValueError, "X is empty: at least one example"),
        (["a", "b"], TypeError, "X must hold real numbers, got <U1: encode"),
        ([1j, 2.0], TypeError, "X must hold real numbers, got complex128"),
        ([1.0, None], ValueError, r"X\[1\] is nan"),
        (np.array([[1.0, "red"], [2.0, "x"]], dtype=object), TypeError, r"X\[0\] is .*red"),
        ([1.0, np.nan], ValueError, r"X\[1\] is nan: all numbers must be finite"),
        ([[1.0, 2.0], [3.0, -np.inf]], ValueError, r"X\[1, 1\] is -inf"),
        ([[1.0], [1.0, np.nan]], ValueError, r"X\[1\]\[1\] is nan"),
        ([1.0], ValueError, "X holds 1 examples but y 2 targets"),
    ],
)
def test_what_is_refused(X: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_examples(X, [0, 1])
    with pytest.raises(error, match=message.replace("X holds 1 examples but y 2", ".*")):
        as_examples([0, 1], X, ("", "X"))


def test_targets_do_not_wrap_around() -> None:
    ragged = [np.zeros(2, np.uint8), np.zeros(1, np.int8)]
    for y in (np.array([0, 255], dtype=np.uint8), ragged):
        targets = as_examples([[1.0], [2.0]], y)[1]
        assert {target.dtype for target in targets} == {np.dtype(np.int64)}
    large = as_examples([[1.0]], np.array([2**64 - 1], dtype=np.uint64))[1]
    assert large[0] == 2**64 - 1
