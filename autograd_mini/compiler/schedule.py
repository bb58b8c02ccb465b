"""Which nodes are computed together: a level for every node, such that equal nodes meet.

As early as possible puts a row of causal attention that needs one step less than the others one
level before them, and all that follows from it too.  So nodes that can wait do, if nodes of their
kind come later.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from .ir.scalars import ScalarProgram

Operands = Sequence[tuple[int, ...]]
_FOREVER = 2**62
_LOOKS = 64
"""How often an operand is looked at in search of what will be ready when; then nothing waits."""


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
    below = program.operands
    kinds = _kinds(program, rowed)
    early = earliest(below)
    latest = _latest(below, early)
    if not _any_can_wait(kinds, early, latest):
        return early
    late = _Sweep(below, kinds, early, latest).run()
    return min(late, early, key=lambda levels: len(set(zip(kinds, levels, strict=True))))


def earliest(below: Operands) -> list[int]:
    """One level above the highest operand."""
    levels: list[int] = []
    for needed in below:
        levels.append(1 + max([levels[j] for j in needed]) if needed else 0)
    return levels


def _latest(below: Operands, levels: Sequence[int]) -> list[int]:
    """The last level at which each node would not hold up the outputs."""
    latest = [max(levels)] * len(below)
    for i in range(len(below) - 1, -1, -1):
        for j in below[i]:
            latest[j] = min(latest[j], latest[i] - 1)
    return latest


def _any_can_wait(kinds: Sequence[int], levels: Sequence[int], latest: Sequence[int]) -> bool:
    """Whether nodes of one kind and level all can wait for a later level of their kind."""
    deadlines: dict[tuple[int, int], int] = {}
    for key, deadline in zip(zip(kinds, levels, strict=True), latest, strict=True):
        deadlines[key] = min(deadline, deadlines.get(key, deadline))
    return any(
        kind == following and level and deadlines[kind, level] >= later
        for (kind, level), (following, later) in itertools.pairwise(sorted(deadlines))
    )


def _kinds(program: ScalarProgram, rowed: Sequence[bool]) -> list[int]:
    """A number for what must agree, as far as it is known before there are arrays."""
    places = [
        node.place or ("rows" if r else "plain")
        for node, r in zip(program.nodes, rowed, strict=True)
    ]
    numbers: dict[object, int] = {}
    return [
        numbers.setdefault((node.kind(places), r, leads), len(numbers))
        for node, r, leads in zip(program.nodes, rowed, program.leads_to_outputs, strict=True)
    ]


@dataclass
class _Group:
    """The nodes of one kind whose operands are done, and the level that they are to be done at."""

    deadline: int = _FOREVER
    level: int = 0
    members: list[int] = field(default_factory=list)


class _Sweep:
    """Level by level, of the nodes whose operands are done, each kind is done too, or waits.

    It waits if all its nodes can until the next level at which there will be more of the kind.
    When that is depends on what else waits, so it is worked out where it is asked for; what was
    found before is a lower bound.
    """

    def __init__(
        self,
        below: Operands,
        kinds: Sequence[int],
        early: Sequence[int],
        latest: Sequence[int],
    ) -> None:
        self.below = below
        self.kinds = kinds
        self.latest = latest
        self.levels = list(early)  # of nodes that are not done: lower bounds
        self.known = [0] * len(below)  # after how many decisions the bound was right
        self.decisions = 1
        self.looks = _LOOKS * sum(map(len, below))
        self.ready: dict[int, _Group] = {}
        self.group: dict[int, _Group] = {}
        self.arriving: list[int] = []
        self.agenda: dict[int, set[int]] = defaultdict(set)
        self.above: list[list[int]] = [[] for _ in below]
        self.missing = [len(set(needed)) for needed in below]
        self.coming: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for i, needed in enumerate(below):
            for j in set(needed):
                self.above[j].append(i)
            if needed:
                self.coming[kinds[i]].append((early[i], i))
        for heap in self.coming.values():
            heapq.heapify(heap)

    def run(self) -> list[int]:
        """The level of each node."""
        self._finish([i for i, needed in enumerate(self.below) if not needed], 0)
        for level in range(1, max(self.levels, default=0) + 1):
            self._gather(level)
            for kind in sorted(self.agenda.pop(level)):
                group = self.ready[kind]
                following = self._following(kind, level, group.deadline)
                if following is None:
                    del self.ready[kind]
                    self._finish(group.members, level)
                else:
                    group.level = following
                    self.agenda[following].add(kind)
                    self.decisions += 1
        return self.levels

    def _gather(self, level: int) -> None:
        """Put the nodes that became ready into the groups of their kinds."""
        for node in self.arriving:
            kind = self.kinds[node]
            group = self.group[node] = self.ready.setdefault(kind, _Group())
            group.members.append(node)
            group.deadline = min(group.deadline, self.latest[node])
            group.level = level
            self.agenda[level].add(kind)
        self.arriving = []

    def _finish(self, nodes: Sequence[int], level: int) -> None:
        """Do these nodes at this level; their users may be ready for the next."""
        for i in nodes:
            self.levels[i] = level
            self.known[i] = _FOREVER
        for i in nodes:
            for user in self.above[i]:
                self.missing[user] -= 1
                if not self.missing[user]:
                    self.levels[user] = level + 1
                    self.arriving.append(user)

    def _following(self, kind: int, level: int, deadline: int) -> int | None:
        """The level at which the next node of this kind will be ready, if in time."""
        heap = self.coming[kind] if level < deadline else []
        while heap and heap[0][0] <= deadline and self.looks > 0:
            bound, node = heap[0]
            if node in self.group:
                heapq.heappop(heap)
            elif self._expected(node) == bound:
                return bound
            else:
                heapq.heapreplace(heap, (self.levels[node], node))
        return None

    def _expected(self, node: int) -> int:
        """The level at which a node will be ready, by the decisions up to now."""
        stack = [] if self._is_known(node) else [node]
        levels, known, now = self.levels, self.known, self.decisions
        while stack:
            i = stack[-1]
            below = self.below[i]
            unknown = [j for j in below if known[j] < now and not self._is_known(j)]
            if unknown:
                stack += unknown
                continue
            stack.pop()
            self.looks -= len(below)
            levels[i] = 1 + max([levels[j] for j in below])
            known[i] = now
        return levels[node]

    def _is_known(self, node: int) -> bool:
        """Whether the level of a node is right by the decisions up to now."""
        if self.known[node] >= self.decisions or self.levels[node] == self.latest[node]:
            return True
        if self.missing[node]:
            return False
        if node in self.group:
            self.levels[node] = self.group[node].level
        return True
