"""Pictures that fit: as much of a graph as is readable, or words about why it is too large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viz.graphs.collapsing import (
    DEEPEST,
    Collapse,
    Collapsed,
    Edge,
    collapsed_at,
    scopes_to_collapse,
)
from viz.graphs.scope_tree import ScopeTree

__all__ = ["AUTO", "MAX_NODES", "fitting"]

MAX_NODES = 500
"""The largest number of values that is drawn, if no other is asked for."""
AUTO = "auto"
"""Collapse what does not fit, and as little as that takes."""

_READABLE_NODES = 40
_READABLE_EDGES = 80
_EDGES_PER_NODE = 4
_EDGES = _EDGES_PER_NODE * MAX_NODES  # for which Graphviz takes seconds


def fitting(tree: ScopeTree, collapse: Collapse, max_nodes: int) -> tuple[Collapsed, list[Edge]]:
    """The graph with what is asked for collapsed, or with as little as makes it fit, and its edges.

    Raises
    ------
    ValueError
        If it does not fit, or a scope that is asked for is not there.
    """
    most = max_nodes, max(_EDGES, max_nodes * _EDGES_PER_NODE)
    if collapse not in (AUTO, None):
        levels: Sequence[Collapsed] = [Collapsed(tree, scopes_to_collapse(tree, collapse))]
        found = _last_that_fits(levels, *most)
    else:
        levels = _Levels(tree)
        found = None
        if collapse == AUTO and tree.scopes:
            found = _last_that_fits(levels, min(max_nodes, _READABLE_NODES), _READABLE_EDGES)
        found = found or _last_that_fits(levels, *most)
    if found is None:
        raise ValueError(_too_large(tree, len(levels[0]), collapse, max_nodes))
    return found


class _Levels(Sequence[Collapsed]):
    """A graph with the scopes of each depth collapsed, from the outermost ones to none."""

    def __init__(self, tree: ScopeTree) -> None:
        self._tree = tree
        self._made: dict[int, Collapsed] = {}

    def __len__(self) -> int:
        return min(self._tree.deepest, DEEPEST) + 1

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError(index)
        if index not in self._made:  # each takes a look at all values
            self._made[index] = Collapsed(self._tree, collapsed_at(self._tree, index + 1))
        return self._made[index]


def _last_that_fits(
    levels: Sequence[Collapsed], most_nodes: int, most_edges: int
) -> tuple[Collapsed, list[Edge]] | None:
    """The last level before one that does not fit, with its edges."""
    found = None
    for drawn in levels:
        if len(drawn) > most_nodes:
            break
        edges = drawn.edges()
        if len(edges) > most_edges:
            break
        found = drawn, edges
    return found


def _too_large(tree: ScopeTree, left: int, collapse: Collapse, max_nodes: int) -> str:
    size = len(tree.graph.nodes)
    if left <= max_nodes:
        uses = sum(len(node.parents) for node in tree.graph.nodes)
        return (
            f"the graph has {uses:,} edges between its {size:,} values, more than can be laid out: "
            "draw a smaller part of it"
        )
    larger = f"or raise the limit with draw_graph(root, max_nodes={left})"
    if not tree.scopes:
        return (
            f"the graph has {size:,} values, more than max_nodes={max_nodes:,}: draw a smaller "
            f'part of it, build parts of it inside "with autograd_mini.scope(name):" so that they '
            f"can be drawn as one box each, {larger}"
        )
    whole = "all its scopes" if collapse in (AUTO, None) else f"collapse={collapse!r}"
    done = f"with {whole} collapsed" if collapse in (AUTO, None) else f"with {whole}"
    return (
        f"the graph has {size:,} values and {done} still {left:,} values and boxes, more than "
        f"max_nodes={max_nodes:,}: draw a smaller part of it, such as the loss of fewer examples, "
        f"{larger}"
    )
