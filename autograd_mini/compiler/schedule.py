"""Which nodes are computed together: a level for every node, such that equal nodes meet.

As early as possible puts a row of causal attention that needs one step less than the others one
level before them, and all that follows from it too.  So nodes that can wait do, if nodes of their
kind come later.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Sequence

from .canonical import Elementwise, Leaf, Literal, ScalarProgram, Sum, Vector, operands

_MOST_DELAYS = 100


def schedule(program: ScalarProgram, rowed: Sequence[bool]) -> list[int]:
    """Give every node a level above those of its operands; leaves have level 0.

    Parameters
    ----------
    program : ScalarProgram
        The canonical graph.
    rowed : sequence of bool
        Which nodes depend on the example of a batch.

    Returns
    -------
    list of int
        The level of each node.
    """
    below = [operands(node) for node in program.nodes]
    kinds = [_kind(program, i, rowed) for i in range(len(below))]
    floor = [0] * len(below)
    levels = _earliest(below, floor)
    for _ in range(_MOST_DELAYS):
        latest = _latest(below, levels)
        waiting = _delayed(kinds, levels, latest)
        if waiting is None:
            break
        nodes, level = waiting
        for i in nodes:
            floor[i] = level
        levels = _earliest(below, floor)
    return levels


def _earliest(below: Sequence[tuple[int, ...]], floor: Sequence[int]) -> list[int]:
    levels: list[int] = []
    for needed, least in zip(below, floor, strict=True):
        levels.append(max(least, 1 + max([levels[j] for j in needed])) if needed else 0)
    return levels


def _latest(below: Sequence[tuple[int, ...]], levels: Sequence[int]) -> list[int]:
    """The last level at which each node would not hold up the outputs."""
    latest = [max(levels)] * len(below)
    for i in range(len(below) - 1, -1, -1):
        for j in below[i]:
            latest[j] = min(latest[j], latest[i] - 1)
    return latest


def _delayed(
    kinds: Sequence[Hashable], levels: Sequence[int], latest: Sequence[int]
) -> tuple[list[int], int] | None:
    """The first nodes of one kind and level that all can wait for a later level of that kind."""
    members: dict[Hashable, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, level in enumerate(levels):
        if level:
            members[kinds[i]][level].append(i)
    found: tuple[list[int], int] | None = None
    first = max(levels) + 1
    for by_level in members.values():
        ordered = sorted(by_level)
        for level, later in itertools.pairwise(ordered):
            if level < first and all(latest[i] >= later for i in by_level[level]):
                found, first = (by_level[level], later), level
    return found


def _kind(program: ScalarProgram, i: int, rowed: Sequence[bool]) -> Hashable:
    """What must agree for nodes to be one pack, as far as it is known before there are arrays."""
    node = program.nodes[i]

    def place(j: int) -> str:
        operand = program.nodes[j]
        if isinstance(operand, Leaf):
            return operand.space
        return "literal" if isinstance(operand, Literal) else "rows" if rowed[j] else "plain"

    if isinstance(node, Sum):
        factors = [(place(a), place(b)) for _, a, b in node.products[:1]]
        return "sum", *factors, bool(node.linear), rowed[i]
    if isinstance(node, Elementwise):
        return node.op, *map(place, node.arguments), rowed[i]
    return (node.op if isinstance(node, Vector) else type(node).__name__), rowed[i]
