"""References: which elements an operand reads, as a strided view where that is possible.

References are compared by what they read, and so are the same key wherever they are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from .spaces import Space

Indices = npt.NDArray[np.int64]
HOLE = -1
"""An index that may read anything, because nothing reads the result."""
Axes = Sequence[int | None]
"""For each axis of a result which axis of an array it is; None for one to repeat it along."""


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array without gaps.

    Examples
    --------
    >>> row_major((2, 3, 4))
    (12, 4, 1)
    """
    strides = [1] * len(shape)
    for axis in range(len(shape) - 1, 0, -1):
        strides[axis - 1] = strides[axis] * shape[axis]
    return tuple(strides)


def _spread(array: npt.NDArray[Any], axes: Axes, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    ordered = array.transpose([axis for axis in axes if axis is not None])
    index = tuple([None if axis is None else slice(None) for axis in axes])
    return np.broadcast_to(ordered[index], shape).copy()


class _Reference:
    """What an operand reads; as it stands here, constants.

    Attributes
    ----------
    is_copied : bool
        Whether its elements are put together in an array of their own to be read.
    """

    is_copied: ClassVar[bool] = False

    @property
    def places(self) -> tuple[Place, ...]:
        """The parts of it that lie in spaces."""
        return ()

    def paired(self, source: Place) -> list[tuple[Place, Place]]:
        """The parts of an array of its shape, each beside the place that it belongs to."""
        return []

    def spread(self, axes: Axes, shape: tuple[int, ...]) -> Reference:
        """It with its axes in another order, and repeated along others."""
        raise NotImplementedError


class _Strided(NamedTuple):
    space: Space
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class View(_Strided, _Reference):
    """Elements ``offset + sum(stride * position)`` of a space: no copy.

    A tuple, because programs of small packs make, compare and look up a great many.
    """

    def __str__(self) -> str:
        return f"{self.space}[{self.offset}, shape {self.shape}, strides {self.strides}]"

    @property
    def places(self) -> tuple[View]:
        """Itself."""
        return (self,)

    def paired(self, source: Place) -> list[tuple[Place, Place]]:
        """All elements, beside itself."""
        return [(source, self)]

    def picked(self, positions: Indices) -> Gather:
        """The elements at some positions, counted row by row."""
        return Gather(self.space, self._index.ravel()[positions])

    def spread(self, axes: Axes, shape: tuple[int, ...]) -> View:
        """It with its axes in another order, and repeated along others: still no copy."""
        strides = tuple([0 if axis is None else self.strides[axis] for axis in axes])
        return View(self.space, self.offset, shape, strides)

    @property
    def size(self) -> int:
        """How many positions it has."""
        return math.prod(self.shape)

    @cached_property
    def _index(self) -> Indices:
        grid = np.full(self.shape, self.offset, dtype=np.int64)
        for axis, (size, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            along = np.arange(size, dtype=np.int64) * stride
            grid += along.reshape([-1 if a == axis else 1 for a in range(len(self.shape))])
        grid.flags.writeable = False
        return grid

    def indices(self) -> Indices:
        """The index of every element, in the shape of the view."""
        return self._index

    @cached_property
    def _steps(self) -> list[tuple[int, int]]:
        """Size and stride of each axis that has a second position, largest stride first."""
        axes = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n > 1]
        return sorted(axes, key=lambda axis: -abs(axis[1]))

    @property
    def run(self) -> tuple[int, int] | None:
        """Start and end, if it reads consecutive elements, each once, in any order."""
        return self._run if self.shape else (self.offset, self.offset + 1)

    @cached_property
    def _run(self) -> tuple[int, int] | None:
        expected = self.size
        for size, stride in self._steps:
            expected //= size
            if stride != expected:
                return None
        return self.offset, self.offset + self.size

    @property
    def is_distinct(self) -> bool:
        """Whether no element is read twice."""
        return self._is_distinct if self.shape else True

    @cached_property
    def _is_distinct(self) -> bool:
        steps = self._steps
        nested = all(abs(outer[1]) >= inner[0] * abs(inner[1]) for outer, inner in pairwise(steps))
        if not steps or (nested and steps[-1][1]):
            return True
        if any(stride == 0 for _, stride in steps):
            return False
        return bool(np.unique(self._index).size == self.size)

    @property
    def is_row_major(self) -> bool:
        """Whether its elements lie one after the other, in order."""
        return self.strides == row_major(self.shape)

    @property
    def without_repeats(self) -> View:
        """The view without the axes along which it reads the same again and again."""
        if 0 not in self.strides:
            return self
        kept = [axis for axis, (n, s) in enumerate(self._axes) if s or n <= 1]
        return self._replace(
            shape=tuple([self.shape[axis] for axis in kept]),
            strides=tuple([self.strides[axis] for axis in kept]),
        )

    @property
    def _axes(self) -> list[tuple[int, int]]:
        return list(zip(self.shape, self.strides, strict=True))

    @property
    def repeated_axes(self) -> tuple[int, ...]:
        """The axes along which it reads the same again and again."""
        return tuple([axis for axis, (n, s) in enumerate(self._axes) if n > 1 and not s])

    def fixed(self, axes: Sequence[int], at: Sequence[int]) -> View:
        """What it reads at one position along some axes."""
        offset = self.offset + sum(self.strides[axis] * k for axis, k in zip(axes, at, strict=True))
        kept = [axis for axis in range(len(self.shape)) if axis not in axes]
        shape, strides = (tuple([sizes[axis] for axis in kept]) for sizes in self[2:])
        return View(self.space, offset, shape, strides)

    def widened(self, shape: tuple[int, ...]) -> View:
        """The view repeated along further last axes."""
        extra = len(shape) - len(self.shape)
        return self._replace(shape=shape, strides=(*self.strides, *[0] * extra))


class _ByContent(_Reference):
    """Equal and one key if the contents are."""

    @property
    def _content(self) -> Any:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


@dataclass(frozen=True, eq=False)
class Gather(_ByContent):
    """Elements of one space by a table of indices: a copy."""

    space: Space
    index: Indices
    is_copied = True

    @cached_property
    def _content(self) -> Any:
        return self.space, self.shape, self.index.tobytes()

    def __str__(self) -> str:
        return f"{self.space}[gather {self.shape}]"

    @property
    def places(self) -> tuple[Gather]:
        """Itself."""
        return (self,)

    def paired(self, source: Place) -> list[tuple[Place, Place]]:
        """All elements, beside itself."""
        return [(source, self)]

    def picked(self, positions: Indices) -> Gather:
        """The elements at some positions, counted row by row."""
        return Gather(self.space, self.index.ravel()[positions])

    def spread(self, axes: Axes, shape: tuple[int, ...]) -> Gather:
        """It with its axes in another order, and repeated along others."""
        return Gather(self.space, _spread(self.index, axes, shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the copy."""
        return self.index.shape

    @property
    def size(self) -> int:
        """How many positions it has."""
        return self.index.size

    def indices(self) -> Indices:
        """The index of every element, in the shape of the copy."""
        return self.index

    @property
    def run(self) -> None:
        """Not known: only views tell."""

    @cached_property
    def is_distinct(self) -> bool:
        """Whether no element is read twice."""
        return bool(np.unique(self.index).size == self.index.size)


@dataclass(frozen=True, eq=False)
class Mixed(_ByContent):
    """A table of constants with elements of spaces in it: a copy, piece by piece.

    Each piece is a flat array of positions in the table, where the constants do not count, and a
    reference of as many elements.
    """

    values: npt.NDArray[np.float64]
    pieces: tuple[tuple[Indices, Place], ...]
    is_copied = True

    @cached_property
    def _content(self) -> Any:
        pieces = tuple([(where.tobytes(), piece) for where, piece in self.pieces])
        return self.shape, self.values.tobytes(), pieces

    def __str__(self) -> str:
        return f"mixed{self.shape}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the table."""
        return self.values.shape

    @property
    def places(self) -> tuple[Place, ...]:
        """The pieces."""
        return tuple([piece for _, piece in self.pieces])

    def paired(self, source: Place) -> list[tuple[Place, Place]]:
        """The elements for each piece, beside it."""
        return [(source.picked(where.reshape(piece.shape)), piece) for where, piece in self.pieces]

    def spread(self, axes: Axes, shape: tuple[int, ...]) -> Mixed:
        """It with its axes in another order, and repeated along others.

        So are the positions in it, and then it is looked up which piece has them.
        """
        size = self.values.size
        wide = _spread(np.arange(size).reshape(self.shape), axes, shape).ravel()
        pieces: list[tuple[Indices, Place]] = []
        for where, piece in self.pieces:
            lookup = np.full(size, -1, dtype=np.int64)
            lookup[where] = np.arange(len(where))
            here = np.flatnonzero(lookup[wide] >= 0)
            pieces.append((here, piece.picked(lookup[wide[here]])))
        return Mixed(_spread(self.values, axes, shape), tuple(pieces))


@dataclass(frozen=True, eq=False)
class Number(_ByContent):
    """One constant for every position; told apart by its bits, as 0.0 equals -0.0."""

    value: float
    shape: tuple[int, ...] = ()

    @cached_property
    def _content(self) -> Any:
        return self.value.hex(), self.shape

    def __str__(self) -> str:
        return f"{self.value:g}"

    def spread(self, axes: Axes, shape: tuple[int, ...]) -> Number:
        """The same in another shape."""
        return Number(self.value, shape)


@dataclass(frozen=True, eq=False)
class Table(_ByContent):
    """A constant for each position."""

    values: npt.NDArray[np.float64]

    @cached_property
    def _content(self) -> Any:
        return self.shape, self.values.tobytes()

    def __str__(self) -> str:
        return f"table{self.shape}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the table."""
        return self.values.shape

    def spread(self, axes: Axes, shape: tuple[int, ...]) -> Table:
        """It with its axes in another order, and repeated along others."""
        return Table(_spread(self.values, axes, shape))


Place = View | Gather
"""A reference to elements of one space, which can be written too."""
Reference = View | Gather | Mixed | Number | Table


ReferenceT = TypeVar("ReferenceT", bound=Reference)


class Interned:
    """One object for equal references, so that what it has found out of itself is found once.

    Examples
    --------
    >>> from autograd_mini.compiler.ir.spaces import THETA
    >>> one = Interned()
    >>> one(View(THETA, 0, (), ())) is one(View(THETA, 0, (), ()))
    True
    """

    def __init__(self, known: Iterable[Reference] = ()) -> None:
        self._known: dict[Any, Any] = {reference: reference for reference in known}

    def __call__(self, reference: ReferenceT) -> ReferenceT:
        """The first of its equals that was asked for."""
        known: ReferenceT = self._known.setdefault(reference, reference)
        return known


def as_table(reference: Reference) -> Reference:
    """The reference with one constant for every position spelled out, for what picks or reduces."""
    if isinstance(reference, Number):
        return Table(np.full(reference.shape, reference.value))
    return reference


def affine_view(space: Space, index: Indices) -> View | None:
    """The strided view that reads these indices, or None.

    Holes (-1) are free; a stride nobody fixes is 0.

    Examples
    --------
    >>> from autograd_mini.compiler.ir.spaces import THETA
    >>> affine_view(THETA, np.array([[0, 1], [3, 4]]))
    View(space=theta, offset=0, shape=(2, 2), strides=(3, 1))
    >>> affine_view(THETA, np.array([0, 1, 3])) is None
    True
    """
    known = index != HOLE
    if not known.any():
        return None
    strides = []
    for axis in range(index.ndim):
        ahead = (slice(None),) * axis + (slice(1, None),)
        behind = (slice(None),) * axis + (slice(None, -1),)
        found = (index[ahead] - index[behind])[known[ahead] & known[behind]]
        if found.size and (found != found[0]).any():
            return None
        strides.append(int(found[0]) if found.size else 0)
    first = np.unravel_index(int(known.argmax()), index.shape)
    offset = int(index[first]) - sum(s * int(i) for s, i in zip(strides, first, strict=True))
    view = View(space, offset, index.shape, tuple(strides))
    full = view.indices()
    if (full[known] != index[known]).any() or full.min() < 0:
        return None
    return view


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
        steps = column[1:] - column[:-1]
        change = np.flatnonzero(steps != steps[0])
        if change.size:
            run = min(run, int(change[0]) + 1)
    if run in (1, length) or length % run:
        return (length,)
    return (*common_shape([column[::run] for column in columns]), run)
