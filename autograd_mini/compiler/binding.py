"""Checks of the arrays that a compiled program is called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def checked_indices(indices: Array, size: int, argument: int) -> Array:
    """The integers of an argument that picks one of `size`, as NumPy's index type."""
    if indices.dtype.kind == "f":
        raise TypeError(f"argument {argument} picks one of {size}: expected integers, got floats")
    places = indices.astype(np.intp, copy=False)
    # as unsigned numbers negative ones are huge: one comparison does for both ends
    if places.size and np.maximum.reduce(places.view(np.uintp), axis=None) >= size:
        raise IndexError(
            f"argument {argument} picks one of {size}: expected integers from 0 to {size - 1}, "
            f"got {places.min()} to {places.max()}"
        )
    return places
