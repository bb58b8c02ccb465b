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


def scopes_after(drawn: Collapsed, edges: list[Edge]) -> Iterator[tuple[str, str]]:
    """Name what comes into a scope from outside, and the scope, which shall stand after it.

    Graphviz ranks a cluster as a whole.  Of the results that come in the last is named, and all
    leaves, so that inputs stand before the network.

    Parameters
    ----------
    drawn : Collapsed
        What is drawn.
    edges : list of Edge
        All edges of the picture.

    Returns
    -------
    iterator of (str, str)
        Names of an end outside of a scope, and of the scope.
    """
    rank = ranks([*drawn.values, *drawn.boxes], edges)
    entering: dict[str, dict[str, int]] = defaultdict(dict)
    for edge in edges:
        scope = _entered(drawn, edge)
        if scope is not None and (name := drawn.tree.names[id(scope)]) not in drawn.boxes:
            entering[name][edge.tail] = rank[edge.tail]
    for name, tails in entering.items():
        results = [tail for tail in tails if tails[tail]]
        if results:
            yield max(results, key=tails.__getitem__), name
        yield from ((tail, name) for tail in tails if not tails[tail])


def _entered(drawn: Collapsed, edge: Edge) -> Scope | None:
    """The outermost scope that an edge comes into from outside."""
    tree, use = drawn.tree, edge.uses[0]
    left = {id(scope) for scope in tree.chain(tree.home[id(use.operand)])}
    reached = tree.chain(tree.home[id(use.result)])
    return next((scope for scope in reached if id(scope) not in left), None)
