"""Where error signals are kept: in places of their own, or in those of others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..ir.marks import Marks
from ..ir.references import Indices, Interned, View
from ..ir.spaces import DIFFERENTIATED, Space


class Storage:
    """The places of the error signals of a program."""

    def __init__(self, sizes: Mapping[Space, int], interned: Interned) -> None:
        self.interned = interned
        self._sizes = sizes
        self._shared: dict[View, View] = {}
        self._taken: set[tuple[Space, int]] = set()
        self._lent = Marks(sizes, DIFFERENTIATED)
        self._shift: dict[Space, Indices] = {}

    def share(self, array: View, signal: View) -> None:
        """Let an array have its error signal where another has its own."""
        self._shared[array] = signal
        self._taken.add((signal.space, signal.offset))

    def shared(self, array: View) -> View | None:
        """The error signal of an array that shares one."""
        return self._shared.get(array)

    def is_free(self, signal: View) -> bool:
        """Whether no other array's error signal is kept in the same place."""
        return (signal.space, signal.offset) not in self._taken and 0 not in signal.strides

    def lend(self, signal: View, array: View) -> None:
        """Keep the error signals of an array from now on where `signal` is, which is done."""
        if signal.offset != array.offset:
            size = self._sizes[array.space]
            shift = self._shift.setdefault(array.space, np.zeros(size, dtype=np.int64))
            start, stop = array.offset, array.offset + array.size  # an array has no gaps
            shift[start:stop] = signal.offset - array.offset
            self._lent.set(array)

    def of(self, view: View) -> View:
        """The error signals of these elements, kept beside each other."""
        shift = 0
        if self._shift and self._lent.any(view):
            shift = int(self._shift[view.space][view.offset])
        place = View(view.space.signals, view.offset + shift, view.shape, view.strides)
        return self.interned(place)

    def keeps_apart(self, view: View) -> bool:
        """Whether the error signals of these elements are not kept beside each other."""
        if not (view.shape and self._shift and self._lent.any(view)):
            return False
        shifts = self._shift[view.space][view.indices()]
        return bool((shifts != shifts.flat[0]).any())

    def indices(self, space: Space, index: Indices) -> Indices:
        """Where the error signals of single elements are."""
        shift = self._shift.get(space)
        return index if shift is None else index + shift[index]
