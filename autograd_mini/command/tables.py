"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    r"""Lay rows out in columns as wide as they need, the first aligned left, the others right.

    Examples
    --------
    >>> print(*table([("", "data"), ("x", "0.5"), ("y1", "-2")]), sep="\n")
        data
    x    0.5
    y1    -2
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [name.ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        )
        for name, *cells in rows
    ]
