"""What a caller of an array program asks of it: indices, numbers, entries to look at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .array_program import ArrayProgram
from .spaces import THETA
from .steps import Contract, TakeStep


def last_indices(program: ArrayProgram) -> dict[int, int | npt.NDArray[np.uintp]]:
    """For each integer argument that picks: the largest index, or that of each position.

    Any number may stand where nothing is picked.
    """
    last: dict[int, npt.NDArray[np.uintp]] = {}
    for step in program.forward:
        if isinstance(step, TakeStep):
            for part in step.index.places:
                assert part.space.argument is not None, "an input picks"
                unbounded = np.full(program.sizes[part.space], np.iinfo(np.uintp).max, np.uintp)
                own = last.setdefault(part.space.argument, unbounded)
                at = part.indices()
                own[at] = np.minimum(own[at], step.choices - 1)
    return {k: int(own[0]) if (own == own[0]).all() else own for k, own in sorted(last.items())}


def number_inputs(program: ArrayProgram) -> set[int]:
    """The arguments that are read as numbers, and not only to pick.

    The reverse pass reads what the forward steps read.
    """
    read = [*program.results, *(value for step in program.forward for value in step.values)]
    spaces = {part.space for reference in read for part in reference.places}
    return {space.argument for space in spaces if space.argument is not None}


_LESS_WORK = 8
"""Picking entries takes about so many times as long as going through all of them."""


def witnesses(program: ArrayProgram) -> npt.NDArray[np.int64] | None:
    """Entries of the gradient of which one is not finite if any is; None for nearly all of them.

    In the gradient of a matrix of weights, the product of error signals and inputs (BP4), one
    infinite or NaN signal spoils a row, one such input a column: the first of each will do.
    """
    gradient = THETA.signals
    written = np.zeros(program.sizes[gradient], dtype=np.int64)
    into = [step for step in program.backward if step.out.space is gradient]
    for step in into:
        written[step.out.indices()] += 1
    needed = np.ones(len(written), dtype=bool)
    for step in into:
        if isinstance(step, Contract) and _is_outer(step):
            index = step.out.indices()
            if (written[index] == 1).all():
                needed[index[1:, 1:]] = False
    entries = np.flatnonzero(needed)
    return entries if _LESS_WORK * len(entries) < len(written) else None


def _is_outer(step: Contract) -> bool:
    """Whether rows come from one factor alone and columns from the other."""
    if len(step.out_axes) != 2:
        return False
    row, column = ((axis in step.a_axes, axis in step.b_axes) for axis in step.out_axes)
    return row != column and sum(row) == sum(column) == 1
