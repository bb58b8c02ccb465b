"""The arrays that the spaces of computed nodes consist of."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from ..ir.array_program import FIRST_FREE
from ..ir.marks import Marks
from ..ir.references import HOLE, Gather, Indices, View, row_major
from ..ir.spaces import COMPUTED, FIXED, VALUE, Space


@dataclass(eq=False)
class Array:
    """Consecutive elements of a space.

    Attributes
    ----------
    space, start : Space, int
        Where the first of them is.
    grid : array of int
        Their nodes, row by row; holes are -1.
    is_masked : bool
        Whether the holes are 0.
    """

    space: Space
    start: int
    grid: Indices
    is_masked: bool = False

    @property
    def view(self) -> View:
        """All of it."""
        return View(self.space, self.start, self.grid.shape, row_major(self.grid.shape))

    def holds(self, view: View) -> bool:
        """Whether a view of the same space reads nothing else."""
        read = view.indices()
        return bool(self.start <= read.min() and read.max() < self.start + self.grid.size)


class Arrays:
    """The sizes of all spaces, and the arrays of those that are computed.

    With `batched`, a row of `ones` comes after each array of rows: so a bias is one more column.
    `zeros` are elements that no step writes.
    """

    def __init__(self, given: Mapping[Space, int], batched: bool) -> None:
        self.sizes: dict[Space, int] = {**given, VALUE: FIRST_FREE, FIXED: FIRST_FREE}
        self.ones: list[int] = []
        self.zeros: list[Gather] = []
        self.allotted: list[Array] = []
        self._batched = batched
        self._of: dict[Space, list[Array]] = {space: [] for space in COMPUTED}

    def allot(self, space: Space, grid: Indices) -> Array:
        """The next elements of a space, as many as a grid has."""
        array = Array(space, self.sizes[space], grid)
        self.allotted.append(array)
        self._of[space].append(array)
        self.sizes[space] += grid.size
        if space is VALUE and self._batched:
            self.ones.append(self.sizes[space])
            self.sizes[space] += 1
        return array

    def at(self, space: Space, offset: int) -> Array:
        """The array that an element belongs to."""
        arrays = self._of[space]
        return arrays[bisect.bisect_right(arrays, offset, key=attrgetter("start")) - 1]

    def has_one_after(self, view: View) -> bool:
        """Whether the element behind a vector is always 1."""
        if view.space is not VALUE or view.strides[-1] != 1:
            return False
        behind = view.offset + view.shape[-1]
        at = bisect.bisect_left(self.ones, behind)
        return at < len(self.ones) and self.ones[at] == behind

    def holes(self) -> tuple[Marks, Marks]:
        """Which elements of the arrays belong to no node, and which of them are not set to 0."""
        holes, garbage = Marks(self.sizes, COMPUTED), Marks(self.sizes, COMPUTED)
        for array in self.allotted:
            if array.grid.size == 1:
                continue
            flat = array.grid.ravel() == HOLE
            if flat.all():  # scratch, all of which is computed
                continue
            elements = slice(array.start, array.start + flat.size)
            holes.array(array.space)[elements] = flat
            garbage.array(array.space)[elements] = flat & (not array.is_masked)
        return holes, garbage
