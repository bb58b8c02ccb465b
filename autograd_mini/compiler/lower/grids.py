"""Grids for the nodes of a pack: such that operands are views, and sums are matrix products."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from ..ir.references import HOLE, Indices, Reference, affine_view, common_shape
from ..ir.spaces import THETA
from .placement import Placement
from .terms import TermGroup, arranged, connected_components, row_numbers

MOST_AXES = 6
"""A product has at most so many axes beside that of the batch."""
DENSE = 0.45
"""A product is done whole, with entries that nobody reads, if at least so many are read."""


def layout(
    placement: Placement, nodes: Sequence[int], columns: Sequence[Indices]
) -> tuple[Indices, list[Reference]]:
    """The grid in which most operands are views, and the operands in it."""
    if len(nodes) == 1:
        return np.array(nodes[0]), [placement.single(column.item()) for column in columns]
    best: tuple[int, Indices, list[Reference]] | None = None
    for order in _orders(placement, len(nodes), columns):
        references = [placement.resolve(arranged(column, order)) for column in columns]
        copies = sum([r.is_copied for r in references])
        if best is None or copies < best[0]:
            best = copies, arranged(np.asarray(nodes), order), references
        if copies == 0:
            break
    assert best is not None
    return best[1], best[2]


def _orders(placement: Placement, count: int, columns: Sequence[Indices]) -> Iterator[Indices]:
    """Grids of positions in a pack: as an operand lies, sorted by operands, as written."""
    moving = [c for c in columns if (placement.home[c] != placement.constants).any()]
    for column in moving:
        array = placement.array_of(column)
        if array is not None:
            grid, at = array.grid, placement.offset[column] - array.start
            if count >= DENSE * grid.size and np.unique(at).size == count:
                order = np.full(grid.size, HOLE, dtype=np.int64)
                order[at] = np.arange(count)
                yield as_read(order.reshape(grid.shape))
    keys = [placement.offset[c] + (placement.home[c] << 40) for c in moving]
    for by in _priorities(keys):
        by_operand = np.lexsort(by)
        columns = [key[by_operand] for key in keys]
        turned = as_read(by_operand.reshape(common_shape([*columns, by_operand])))
        yield turned if _ascends(turned) else by_operand.reshape(common_shape(columns))
    written = np.arange(count)
    yield written.reshape(common_shape(keys) if keys else (count,))


def _priorities(keys: list[Indices]) -> tuple[list[Indices], ...]:
    """By which operand to sort: by the first or by the last before all others."""
    return (keys[::-1], keys)[: len(keys)]  # of one key both are the same


def blocks(placement: Placement, a: Indices, b: Indices, least: int = 2) -> Iterator[Indices]:
    """Grids of positions: rows of `b` change along one axis, rows of `a` along the next.

    A block in which (nearly) every row of `a` meets every row of `b` is a matrix product; equal
    blocks are stacked along a first axis.
    """
    row_a, row_b = row_numbers(a), row_numbers(b)
    same_size: dict[tuple[int, int], list[Indices]] = defaultdict(list)
    loose: list[int] = []
    for members in connected_components(row_a, row_b):
        seen_a = _by_place(placement, {row_a[k]: a[k, 0] for k in members})
        seen_b = _by_place(placement, {row_b[k]: b[k, 0] for k in members})
        pairs = {(row_a[k], row_b[k]) for k in members}
        full = len(seen_a) * len(seen_b)
        if len(pairs) == len(members) >= DENSE * full and full >= least:
            block = np.full((len(seen_b), len(seen_a)), HOLE, dtype=np.int64)
            place_a = {row: k for k, row in enumerate(seen_a)}
            place_b = {row: k for k, row in enumerate(seen_b)}
            for k in members:
                block[place_b[row_b[k]], place_a[row_a[k]]] = k
            same_size[block.shape].append(block)
        else:
            loose += members
    for same in same_size.values():
        order = as_read(same[0]) if len(same) == 1 else np.stack(same)
        yield order.reshape([size for size in order.shape if size > 1])
    if loose:
        single = np.array(sorted(loose), dtype=np.int64)
        yield single if len(loose) > 1 else single.reshape(())


def nested_loops(
    placement: Placement, group: TermGroup, order: Indices
) -> tuple[Indices, tuple[int, ...]]:
    """The grid, and the shape of the terms, in which both factors of a product are views.

    A convolution needs it: the places of its kernel go along two axes, the terms along three.
    Where it does not help, both stay as they are.
    """
    plain = order, group.a.shape[1:]
    factors = [f for f in (group.a, group.b) if f is not None]
    if not group.is_uniform():
        return plain
    if (order == HOLE).any() or any((f == HOLE).any() for f in factors):
        return plain
    if any(np.unique(placement.home[f]).size > 1 for f in factors):
        return plain
    places = [arranged(placement.offset[f], order) for f in factors]
    if all(affine_view(THETA, p) is not None for p in places):
        return plain
    shapes = []
    for axis in range(order.ndim + 1):
        lines = [np.moveaxis(p, axis, -1).reshape(-1, p.shape[axis])[0] for p in places]
        shapes.append(common_shape(lines))
    grid, terms = sum(shapes[:-1], ()), shapes[-1]
    if len(grid) + len(terms) > MOST_AXES:
        return plain
    if any(affine_view(THETA, p.reshape(*grid, *terms)) is None for p in places):
        return plain
    return order.reshape(grid), terms


def as_read(grid: Indices) -> Indices:
    """A full grid with its axes in the order in which its nodes are read, if there is one."""
    if grid.ndim < 2 or (grid == HOLE).any():
        return grid
    corner = grid[(slice(0, 2),) * grid.ndim]  # one step along each axis, longer further out
    steps = [np.diff(corner, axis=axis).ravel()[:1].sum() for axis in range(grid.ndim)]
    turned = grid.transpose(np.argsort(steps, kind="stable")[::-1])
    return turned if _ascends(turned) else grid


def _ascends(grid: Indices) -> bool:
    flat = grid.ravel()
    return bool((flat[1:] > flat[:-1]).all())


def _by_place(placement: Placement, firsts: dict[int, int]) -> list[int]:
    """Row numbers by where their first element lies, so that rows in order stay views."""
    home, offset = placement.home, placement.offset
    return sorted(firsts, key=lambda row: (home[firsts[row]], offset[firsts[row]]))
