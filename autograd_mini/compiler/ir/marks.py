"""A mark for each element of each space: what depends on a parameter, what is written, ..."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from .references import Place, Reference, View
from .spaces import Space


class Marks:
    """Flags for the elements of some spaces; others have none.

    Bytes of Python, which are quick for the few elements of one scalar, and an array over the same
    memory for the many of a matrix.

    Examples
    --------
    >>> from autograd_mini.compiler.ir.references import View
    >>> from autograd_mini.compiler.ir.spaces import THETA
    >>> marks, row = Marks({THETA: 6}), View(THETA, 2, (3,), (1,))
    >>> marks.set(row)
    >>> marks.all(row), marks.any(View(THETA, 0, (2,), (1,))), marks.array(THETA).tolist()
    (True, False, [False, False, True, True, True, False])
    """

    def __init__(self, sizes: Mapping[Space, int], spaces: Iterable[Space] | None = None) -> None:
        chosen = sizes if spaces is None else spaces
        self._bytes = {space: bytearray(sizes[space]) for space in chosen}
        self._arrays = {s: np.frombuffer(b, dtype=np.bool_) for s, b in self._bytes.items()}

    def array(self, space: Space) -> npt.NDArray[np.bool_]:
        """The flags of a space, to read and to write."""
        return self._arrays[space]

    def any(self, reference: Reference) -> bool:
        """Whether one of the elements that are read is marked."""
        if isinstance(reference, View):  # most are, of one element
            flags = self._bytes.get(reference.space)
            if flags is None:
                return False
            run = reference.run
            if run is not None:
                return flags.find(1, *run) >= 0
            return bool(self._arrays[reference.space][reference.indices()].any())
        return any(
            bool(self._arrays[part.space][part.indices()].any())
            for part in reference.places
            if part.space in self._bytes
        )

    def all(self, reference: Reference) -> bool:
        """Whether all elements that are read are marked."""
        return all(self._all(part) for part in reference.places)

    def _all(self, part: Place) -> bool:
        if part.run is not None:
            return self._bytes[part.space].find(0, *part.run) < 0
        return bool(self._arrays[part.space][part.indices()].all())

    def set(self, reference: Reference) -> None:
        """Mark what is read."""
        for place in reference.places:
            if place.space not in self._bytes:
                continue
            at = place.indices() if place.run is None else slice(*place.run)
            self._arrays[place.space][at] = True
