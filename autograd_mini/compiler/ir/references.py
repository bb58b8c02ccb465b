"""Index patterns: which elements an operand reads, as a strided view where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
HOLE = -1
"""An index that may read anything, because nothing reads the result."""


@dataclass(frozen=True)
class View:
    """Elements ``offset + sum(stride * position)`` of a space: no copy."""

    space: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def indices(self) -> Indices:
        """The index of every element, in the shape of the view."""
        grid = np.full(self.shape, self.offset, dtype=np.int64)
        for axis, (size, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            along = np.arange(size, dtype=np.int64) * stride
            grid += along.reshape([-1 if a == axis else 1 for a in range(len(self.shape))])
        return grid


@dataclass(frozen=True, eq=False)
class Gather:
    """Elements of one space by a table of indices: a copy."""

    space: str
    index: Indices

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the copy."""
        return self.index.shape

    def indices(self) -> Indices:
        """The index of every element, in the shape of the copy."""
        return self.index


@dataclass(frozen=True, eq=False)
class Mixed:
    """Elements from several spaces: a copy, piece by piece.

    Each piece is a flat array of positions in the copy and a reference of as many elements.
    """

    shape: tuple[int, ...]
    pieces: tuple[tuple[Indices, View | Gather | Table], ...]


@dataclass(frozen=True)
class Number:
    """One constant for every position."""

    value: float
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """A constant for each position."""

    values: npt.NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the table."""
        return self.values.shape


Reference = View | Gather | Mixed | Number | Table


def as_table(reference: Reference) -> Reference:
    """The reference with one constant for every position spelled out, for what picks or reduces."""
    if isinstance(reference, Number):
        return Table(np.full(reference.shape, reference.value))
    return reference


def affine_view(space: str, index: Indices) -> View | None:
    """The strided view that reads these indices, or None.

    Holes (-1) are free; a stride nobody fixes is 0.

    Examples
    --------
    >>> affine_view("theta", np.array([[0, 1], [3, 4]]))
    View(space='theta', offset=0, shape=(2, 2), strides=(3, 1))
    >>> affine_view("theta", np.array([0, 1, 3])) is None
    True
    """
    known = index != HOLE
    if not known.any():
        return None
    strides = []
    for axis in range(index.ndim):
        steps = np.diff(index, axis=axis)
        both = known.take(range(1, index.shape[axis]), axis) & known.take(
            range(index.shape[axis] - 1), axis
        )
        found = steps[both]
        if found.size and (found != found[0]).any():
            return None
        strides.append(int(found[0]) if found.size else 0)
    first = tuple(int(i) for i in np.argwhere(known)[0])
    offset = int(index[first]) - sum(s * i for s, i in zip(strides, first, strict=True))
    view = View(space, offset, index.shape, tuple(strides))
    full = view.indices()
    if (full[known] != index[known]).any() or full.min() < 0:
        return None
    return view


def is_distinct(reference: View | Gather) -> bool:
    """Whether no element is read twice."""
    flat = reference.indices().ravel()
    return np.unique(flat).size == flat.size


def common_shape(columns: Sequence[Indices]) -> tuple[int, ...]:
    """Nested loops in which all of these index vectors may be affine.

    Looks for the longest run of constant steps that all columns share, then at the starts of the
    runs in the same way.

    Examples
    --------
    >>> common_shape([np.arange(6), np.array([0, 0, 0, 1, 1, 1])])
    (2, 3)
    """
    length = len(columns[0])
    if length == 1:
        return ()
    run = length
    for column in columns:
        steps = np.diff(column)
        change = np.flatnonzero(steps != steps[0])
        if change.size:
            run = min(run, int(change[0]) + 1)
    if run in (1, length) or length % run:
        return (length,)
    return (*common_shape([column[::run] for column in columns]), run)
