"""Windows that stick out of an image: copies of arrays with zeros around them.

Where the kernel of a convolution sees beyond the border, terms of its sums are missing.  In a copy
of the image with zeros around it no window sticks out: all are one strided view.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..ir.references import HOLE, Gather, Indices, View, common_shape
from ..ir.steps import Map
from .placement import Placement
from .terms import row_numbers

MOST_SPARE = 4
"""A copy with zeros around it has at most so many elements for each term of a window."""
_COPIED = ast.Name("x")
Known = npt.NDArray[np.bool_]


def without_holes(placement: Placement, table: Indices) -> Indices:
    """A table of nodes of one home; in its holes the zeros of a bordered copy, if there can be one.

    That is where the rows are windows of one image, each cut off at the border.
    """
    nodes = table[table != HOLE]
    home, array = placement.home_of(int(nodes[0])), placement.array_of(nodes)
    if nodes.size == table.size or home == placement.constants:
        return table
    if array is not None and (array.grid == HOLE).any():
        return table  # the holes of an array are set to 0 where they are
    numbers = np.array(row_numbers(table))
    rows = table[np.unique(numbers, return_index=True)[1]]
    known = rows != HOLE
    places = np.where(known, placement.offset[rows], 0)
    start = int(places[known].min())
    space = placement.spaces[home] if array is None else array.space
    for strides in _image_strides(places, known):
        cells = _cells(places - start, known, strides)
        if cells is None:
            continue
        low, size = -cells.min(axis=(0, 1)), np.ptp(cells, axis=(0, 1)) + 1
        image = View(space, start, tuple((cells[known].max(axis=0) + 1).tolist()), strides)
        if size.prod() <= MOST_SPARE * rows.size and placement.is_inside(image, nodes):
            bordered = _bordered(placement, image, low.tolist(), tuple(size.tolist()))
            windows: Indices = bordered[tuple(np.moveaxis(cells + low, -1, 0))][numbers]
            return windows
    return table


def _bordered(
    placement: Placement, image: View, low: Sequence[int], shape: tuple[int, ...]
) -> Indices:
    """The nodes of a copy of an image with zeros around it, `low` of them before each axis."""
    rowed = placement.batched and image.space.has_rows
    nodes = placement.further_nodes(shape, rowed)
    whole = placement.allot(placement.space_of(int(nodes.flat[0])), nodes)
    offset = whole.offset + sum(n * s for n, s in zip(low, whole.strides, strict=True))
    inside = placement.interned(View(whole.space, offset, image.shape, whole.strides))
    border = np.setdiff1d(whole.indices(), inside.indices())
    placement.arrays.zeros.append(Gather(whole.space, border))
    placement.steps.append(Map(inside, _COPIED, {"x": placement.interned(image)}))
    return nodes


def _image_strides(places: Indices, known: Known) -> Iterator[tuple[int, ...]]:
    """What the strides of an image may be: as the terms of a window move, and as windows do."""
    most = int(known.sum(axis=1).argmax())
    tried = set()
    for row, column in itertools.product((0, -1, most), (0, -1)):
        across = _steps(places[row], known[row])
        down = _steps(places[:, column], known[:, column])
        further = (), *[(step,) for step in down], down
        for more, least in itertools.product(further, ((), (1,))):
            strides = tuple(sorted({*across, *more, *least}, reverse=True))
            if strides and strides not in tried:
                tried.add(strides)
                yield strides


def _steps(places: Indices, known: Known) -> tuple[int, ...]:
    """By how much places change along nested loops."""
    at = np.flatnonzero(known)
    if at.size == 0:
        return ()
    found = places[at]
    steps, period = [], at.size
    for size in common_shape([at, found]):
        period //= size
        steps.append(abs(int(found[period] - found[0])))
    return tuple([step for step in steps if step])


def _cells(places: Indices, known: Known, strides: tuple[int, ...]) -> Indices | None:
    """The cell of an image for each term of each window, if these are all of one form.

    What is inside of the image must be known, and what is outside must not.
    """
    digits, rest = [], places
    for stride in strides:
        digit, rest = np.divmod(rest, stride)
        digits.append(digit)
    if rest[known].any():
        return None
    cells = np.stack(digits, axis=-1)
    window = _origins(cells, known)
    if window is None:
        return None
    whole = window[0][:, None] + window[1]
    inside = ((whole >= 0) & (whole <= cells[known].max(axis=0))).all(axis=-1)
    if (inside != known).any() or (whole[known] != cells[known]).any():
        return None
    return whole


def _origins(cells: Indices, known: Known) -> tuple[Indices, Indices] | None:
    """Where each window is, and each term in a window, if this follows from what is known."""
    n_rows, n_terms, n_axes = cells.shape
    rows, terms = np.zeros((n_rows, n_axes), np.int64), np.zeros((n_terms, n_axes), np.int64)
    has_row, has_term = np.zeros(n_rows, np.bool_), np.zeros(n_terms, np.bool_)
    has_row[0] = True
    found = 1
    while found:
        seen = known & has_row[:, None]
        new = np.flatnonzero(seen.any(axis=0) & ~has_term)
        by = seen[:, new].argmax(axis=0)
        terms[new] = cells[by, new] - rows[by]
        has_term[new] = True
        seen = known & has_term
        new = np.flatnonzero(seen.any(axis=1) & ~has_row)
        by = seen[new].argmax(axis=1)
        rows[new] = cells[new, by] - terms[by]
        has_row[new] = True
        found = new.size
    return (rows, terms) if has_row.all() and has_term.all() else None
