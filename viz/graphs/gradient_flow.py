"""What backpropagation carries along the edges, and the paths between two values."""

from __future__ import annotations

import math
from collections.abc import Iterable

from viz.graphs.collapsing import Use
from viz.graphs.graph_nodes import Graph, Node

__all__ = ["contribution", "largest", "on_paths"]


def contribution(use: Use) -> float:
    """Local derivative times the gradient of the result; as in `backward`, zero carries nothing.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a = Value(3.0)
    >>> y = a * a
    >>> y.backward()
    >>> contribution(Use(a, y, y.local_derivatives[0]))
    3.0
    """
    if use.derivative == 0 or use.result.grad == 0:
        return 0.0
    return use.derivative * use.result.grad


def largest(contributions: Iterable[float]) -> float:
    """The largest finite magnitude among them, 0 if there is none."""
    return max((abs(each) for each in contributions if math.isfinite(each)), default=0.0)


def on_paths(graph: Graph, leaf: Node, root: Node) -> set[int]:
    """The ``id`` of every value on a path from `leaf` to `root`, both included.

    Raises
    ------
    ValueError
        If one of them is not in the graph, or no path leads from the one to the other.
    """
    present = {id(node) for node in graph.nodes}
    for name, node in (("leaf", leaf), ("root", root)):
        if id(node) not in present:
            raise ValueError(f"highlight: the {name} {_called(node)} is not in the graph")
    reached = {id(leaf)}
    for node in graph.nodes:
        if any(id(operand) in reached for operand in graph.operands(node)):
            reached.add(id(node))
    needed = {id(root)}
    for node in reversed(graph.nodes):
        if id(node) in needed:
            needed.update(map(id, graph.operands(node)))
    if id(root) not in reached:
        raise ValueError(
            f"highlight=(leaf, root): no path leads from {_called(leaf)} to {_called(root)}"
        )
    return reached & needed


def _called(node: Node) -> str:
    return repr(node.label) if node.label else f"value (data {node.data!r})"
