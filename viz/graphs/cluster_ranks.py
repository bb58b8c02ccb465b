"""Clusters beside each other: a scope stands after what comes into it.

Graphviz puts a leaf on the rank before its first use.  So the weights of a layer would stand beside
the outputs of the layer before, and the boxes around the two layers below each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from viz.graphs.collapsing import Collapsed, Edge
from viz.graphs.edge_spans import ranks
from viz.graphs.graph_nodes import Scope

__all__ = ["scopes_after"]

_HEAVY = 20
_LIGHT = 1


def scopes_after(drawn: Collapsed, edges: list[Edge]) -> Iterator[tuple[str, str, int]]:
    """Name what comes into a scope from outside, and the scope, which shall stand after it.

    Graphviz ranks a cluster as a whole.  Of the results that come in the last is named, and the
    leaves that are used first, so that inputs stand before the network, and those of later steps
    beside their steps.

    Parameters
    ----------
    drawn : Collapsed
        What is drawn.
    edges : list of Edge
        All edges of the picture.

    Returns
    -------
    iterator of (str, str, int)
        Names of an end outside of a scope, and of the scope, and how much this weighs: much, since
        it is but a wish, or little for a leaf, which shall stand beside the middle of the scope and
        not beside its corner.
    """
    rank = ranks([*drawn.values, *drawn.boxes], edges)
    entering: dict[str, dict[str, int]] = defaultdict(dict)
    for edge in edges:
        scope = _entered(drawn, edge)
        if scope is not None and drawn.box_at(scope) is None:
            uses = entering[drawn.tree.names[id(scope)]]
            uses[edge.tail] = min(rank[edge.head], uses.get(edge.tail, rank[edge.head]))
    for name, uses in entering.items():
        results = [tail for tail in uses if rank[tail]]
        if results:
            yield max(results, key=rank.__getitem__), name, _HEAVY
        first = min(uses.values())
        yield from ((tail, name, _LIGHT) for tail in uses if not rank[tail] and uses[tail] == first)


def _entered(drawn: Collapsed, edge: Edge) -> Scope | None:
    """The outermost scope that an edge comes into from outside."""
    tree, use = drawn.tree, edge.uses[0]
    left = {id(scope) for scope in tree.chain(tree.home[id(use.operand)])}
    reached = tree.chain(tree.home[id(use.result)])
    return next((scope for scope in reached if id(scope) not in left), None)
