"""Checks of the arrays that a compiled program is called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def check_numbers(array: Array, name: str) -> None:
    """Refuse an array that does not hold real numbers."""
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} holds {array.dtype}, expected real numbers")


def batch_size(arrays: Sequence[Array]) -> int:
    """The common leading size of all arguments."""
    if not arrays:
        raise ValueError(
            "a batched program needs a batch; compile with batched=False if the function has no "
            "arguments"
        )
    sizes = {array.shape[0] if array.ndim else None for array in arrays}
    if len(sizes) != 1 or None in sizes:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(
            f"arguments of shapes {shapes} have no common leading batch size; for one example "
            "compile with batched=False"
        )
    n = sizes.pop()
    if not n:
        raise ValueError("the batch is empty; give at least one example")
    return int(n)


def checked_indices(indices: Array, last: int | Array, argument: int) -> Array:
    """The integers of an argument that picks, as NumPy's index type.

    `last` is the largest index allowed: one for the whole argument, or one for each position.
    """
    if indices.dtype.kind == "f":
        size = int(np.min(last)) + 1
        raise TypeError(f"argument {argument} picks one of {size}: expected integers, got floats")
    places = indices.astype(np.intp, copy=False)
    # as unsigned numbers negative ones are huge: one comparison does for both ends
    unsigned = places.view(np.uintp)
    if isinstance(last, int):
        if places.size and np.maximum.reduce(unsigned, axis=None) > last:
            _refuse_indices(places, last, f"argument {argument}")
    else:
        wrong = (last < unsigned.T).reshape(-1, len(last)).any(axis=0)
        if wrong.any():
            at = int(np.argmax(wrong))
            _refuse_indices(places[at], int(last[at]), f"argument {argument}, position {at},")
    return places


def _refuse_indices(places: Array, last: int, where: str) -> NoReturn:
    raise IndexError(
        f"{where} picks one of {last + 1}: expected integers from 0 to {last}, "
        f"got {places.min()} to {places.max()}"
    )
