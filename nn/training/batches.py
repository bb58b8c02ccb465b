"""Examples as arrays, and their minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._checks import as_generator, positive_int, refuse_masks

__all__ = ["Column", "as_column", "as_examples", "as_rows", "minibatches", "select"]

Column: TypeAlias = NDArray[Any] | list[NDArray[Any]]
"""One entry per example: rows of an array or, where their shapes differ, a list of arrays."""


def as_examples(X: object, y: object, names: tuple[str, str] = ("X", "y")) -> tuple[Column, Column]:
    """Return inputs and targets as arrays of finite numbers, equally many and at least one.

    Integers stay integers, so that they may pick from a table; everything else is float64. Targets
    that are integers are int64: whoever computes with small unsigned ones would wrap around.

    Parameters
    ----------
    X, y : array, sequence or table
        One entry per example.
    names : pair of str
        What messages call them.

    Returns
    -------
    tuple
        Each an array or, where the entries' shapes differ, a list of arrays.

    Raises
    ------
    TypeError
        What is no array, sequence or table, or holds something other than real numbers.
    ValueError
        No examples, not as many targets as inputs, a number that is not finite.

    Examples
    --------
    >>> inputs, targets = as_examples([[1, 2], [3, 4]], [True, False])
    >>> inputs.tolist(), targets.tolist()
    ([[1, 2], [3, 4]], [1, 0])
    """
    inputs, targets = as_column(X, names[0]), as_column(y, names[1])
    if len(inputs) != len(targets):
        raise ValueError(
            f"{names[0]} holds {len(inputs)} examples but {names[1]} {len(targets)} targets"
        )
    if isinstance(targets, np.ndarray):
        return inputs, _widened(targets)
    return inputs, [_widened(target) for target in targets]


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """Integers as int64, where they fit."""
    if array.dtype.kind not in "iu" or array.max(initial=0) > np.iinfo(np.int64).max:
        return array
    return array.astype(np.int64, copy=False)


def as_column(data: Any, name: str) -> Column:
    """Return one argument as `as_examples` does."""
    _check_kind(data, name)
    try:
        entries = np.asarray(data)
    except ValueError:  # entries of different shapes
        entries = data
    if len(entries) == 0:
        raise ValueError(f"{name} is empty: at least one example is needed")
    if isinstance(entries, np.ndarray) and entries.dtype != object:
        return _numbers(entries, name)
    column = [_entry(entry, f"{name}[{index}]") for index, entry in enumerate(entries)]
    if len({entry.shape for entry in column}) > 1:
        return column
    return np.stack(column)


def _check_kind(data: Any, name: str) -> None:
    refuse_masks(data, name)
    if hasattr(data, "toarray"):
        raise TypeError(f"{name} is a sparse matrix: write {name}.toarray()")
    table = hasattr(data, "__array__")
    unordered = isinstance(data, (str, bytes, bytearray, Mapping, AbstractSet))
    if not table and (unordered or not isinstance(data, Sequence)):
        raise TypeError(
            f"{name} must be an array, a list or a table with one entry per example, got "
            f"{type(data).__name__}"
        )
    if table and np.ndim(data) == 0:
        raise TypeError(f"{name} must hold one entry per example, got a single number")


def _entry(entry: Any, name: str) -> NDArray[Any]:
    """One example of a column that is no array as it stands."""
    try:
        array = np.asarray(entry)
        if array.dtype == object:  # as the cells of a table of mixed columns are
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} is {entry!r:.40}: expected a number, or lists (of lists) of numbers that are "
            "equally long"
        ) from None
    return _numbers(array, name)


def _numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Finite float64, or integers."""
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold real numbers, got {array.dtype}: encode text, dates and categories "
            "as numbers first (classes as 0, 1, 2, ...)"
        )
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind in "iu":
        return array
    numbers = array.astype(np.float64, copy=False)
    finite = np.isfinite(numbers)
    if not finite.all():
        at = np.argwhere(~finite)[0].tolist()
        raise ValueError(
            f"{name}{at if at else ''} is {numbers[tuple(at)]}: all numbers must be finite; leave "
            "that example out, or fill the gap"
        )
    return numbers


def as_rows(column: Column) -> list[Any]:
    """Entries as plain numbers and lists of them, which the engine takes fastest."""
    if isinstance(column, np.ndarray):
        rows: list[Any] = column.tolist()
        return rows
    return [entry.tolist() for entry in column]


def select(column: Column, batch: NDArray[np.int64]) -> Column:
    """Some entries, in the order asked for."""
    if isinstance(column, np.ndarray):
        return column.take(batch, axis=0)
    return [column[i] for i in batch]


def minibatches(
    n_examples: int,
    batch_size: int,
    *,
    shuffle: bool = True,
    rng: np.random.Generator | int | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of one epoch's minibatches: all examples once, in random order.

    Parameters
    ----------
    n_examples, batch_size : int
        At least 1 each. The last minibatch may be smaller.
    shuffle : bool
        Whether the order is random; otherwise it is that of the examples.
    rng : numpy.random.Generator or int, optional
        The source of the order, or a seed for a new one; None is fresh entropy.

    Yields
    ------
    numpy.ndarray
        Indices of one minibatch.

    Raises
    ------
    TypeError
        A number that is no int, an `rng` that is none of these.
    ValueError
        A number below 1, a negative seed.

    Examples
    --------
    >>> batches = list(minibatches(5, 2, rng=0))
    >>> [len(batch) for batch in batches]
    [2, 2, 1]
    >>> sorted(int(i) for batch in batches for i in batch)
    [0, 1, 2, 3, 4]
    """
    n_examples = positive_int(n_examples, "n_examples")
    batch_size = positive_int(batch_size, "batch_size")
    generator = as_generator(rng)
    order = generator.permutation(n_examples) if shuffle else np.arange(n_examples)
    return (order[start : start + batch_size] for start in range(0, n_examples, batch_size))
