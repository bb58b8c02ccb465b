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
            if not reference.shape:
                return flags[reference.offset] == 1
            if reference.run is not None:
                return flags.find(1, *reference.run) >= 0
            return bool(self._arrays[reference.space][reference.indices()].any())
        return any(
            bool(self._arrays[part.space][part.indices()].any())
            for part in reference.places
            if part.space in self._bytes
        )

    def all(self, reference: Reference) -> bool:
        """Whether all elements that are read are marked."""
        if isinstance(reference, View):
            return self._all(reference)
        return all(map(self._all, reference.places))

    def _all(self, part: Place) -> bool:
        flags = self._bytes[part.space]
        if isinstance(part, View) and not part.shape:
            return flags[part.offset] == 1
        if part.run is not None:
            return flags.find(0, *part.run) < 0
        return bool(self._arrays[part.space][part.indices()].all())

    def set(self, reference: Reference) -> None:
        """Mark what is read."""
        for part in reference.places:
            flags = self._bytes.get(part.space)
            if flags is None:
                continue
            if isinstance(part, View) and not part.shape:
                flags[part.offset] = 1
            else:
                at = part.indices() if part.run is None else slice(*part.run)
                self._arrays[part.space][at] = True
