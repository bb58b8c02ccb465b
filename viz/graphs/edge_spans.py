"""How far the edges of a picture reach."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from viz.graphs.collapsing import Edge

__all__ = ["ranks", "total_span"]


def ranks(names: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """The longest way to each from where nothing comes in; 0 where edges run in a circle."""
    found = dict.fromkeys(names, 0)
    waiting: Counter[str] = Counter()
    heads = defaultdict(list)
    for edge in edges:
        waiting[edge.head] += 1
        heads[edge.tail].append(edge.head)
    free = [name for name in found if not waiting[name]]
    while free:
        tail = free.pop()
        for head in heads[tail]:
            found[head] = max(found[head], found[tail] + 1)
            waiting[head] -= 1
            if not waiting[head]:
                free.append(head)
    return found


def total_span(names: Iterable[str], edges: list[Edge]) -> int:
    """How many ranks of the picture all edges span together; a leaf is beside its first use."""
    found = ranks(names, edges)
    first_use: dict[str, int] = {}
    results = {edge.head for edge in edges}
    for edge in edges:
        if edge.tail not in results:
            first_use[edge.tail] = min(first_use.get(edge.tail, len(found)), found[edge.head] - 1)
    found |= first_use
    return sum(found[edge.head] - found[edge.tail] for edge in edges)
