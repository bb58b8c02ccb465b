"""Equations between matrices as text: the names on one line, the numbers aligned below them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["equation"]

Named: TypeAlias = tuple[str, NDArray[Any]]
"""A matrix, or a vector that stands upright, under its name."""

_SHOWN = 6  # rows and columns; of more, the first ones and the last


def equation(*parts: str | Named) -> list[str]:
    r"""Lay named matrices and the signs between them out side by side.

    Parameters
    ----------
    *parts : str or (str, numpy.ndarray)
        A sign, or a name and its numbers: (rows, columns), or (rows,) for a column. Large ones
        are shown in part, with their shape.

    Returns
    -------
    list of str
        The line of names, then lines of numbers.

    Examples
    --------
    >>> print(*equation(("z", np.array([5.0])), "=", ("W", np.array([[1.0, -2.0]])),
    ...                 ("a", np.array([1.0, -2.0]))), sep="\n")
       z     =        W             a
    [5.0000]   [1.0000 -2.0000] [ 1.0000]
                                [-2.0000]
    """
    blocks = [[part] if isinstance(part, str) else _block(*part) for part in parts]
    height = max(map(len, blocks))
    widths = [max(map(len, block)) for block in blocks]
    rows = [[block[i] if i < len(block) else "" for block in blocks] for i in range(height)]
    return [
        " ".join(text.center(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _block(name: str, numbers: NDArray[Any]) -> list[str]:
    """The name, then one line for each row that is shown."""
    matrix = numbers if numbers.ndim == 2 else numbers[:, None]
    rows, columns = _shown(matrix.shape[0], 3), _shown(matrix.shape[1], 2)
    if None in rows + columns:
        name = f"{name} ({' x '.join(map(str, numbers.shape))})"
    form = _form(matrix)
    cells = [
        ["..." if i is None or j is None else format(matrix[i, j], form) for j in columns]
        for i in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        " ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]
    return [name, *(f"[{line}]" for line in lines)]


def _shown(count: int, first: int) -> list[int | None]:
    """Which of so many rows or columns are shown; None stands for those between."""
    return [*range(count)] if count <= _SHOWN else [*range(first), None, count - 1]


def _form(matrix: NDArray[Any]) -> str:
    """One form for all numbers of a matrix, so that they can be compared."""
    sizes = np.abs(matrix[np.isfinite(matrix)])
    largest = float(sizes.max(initial=0.0))
    return ".4f" if largest == 0.0 or 1e-2 <= largest < 1e5 else ".2e"
