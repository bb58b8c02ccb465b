"""Copies of nodes without recursion, however deep the graph."""

from __future__ import annotations

from typing import Any

from .graph import topological_order


def copy_graph(root: Any, memo: dict[int, Any]) -> Any:
    """Copy every node that `root` depends on, as ``copy.deepcopy`` asks for it.

    Nodes that `memo` holds already are used again, so whatever is copied together stays connected
    as it was.
    """
    for node in topological_order(root):
        if id(node) in memo:
            continue
        twin = object.__new__(type(node))
        for name in ("data", "grad", "label", "local_derivatives", "op", "source"):
            if hasattr(node, name):
                setattr(twin, name, getattr(node, name))
        twin.parents = tuple([memo[id(parent)] for parent in node.parents])
        memo[id(node)] = twin
    return memo[id(root)]


def rebuild_leaf(kind: type[Any], data: float, grad: float, label: str, op: str) -> Any:
    """Make the leaf that :func:`reduce_leaf` took apart."""
    leaf = object.__new__(kind)
    leaf.data, leaf.grad, leaf.label, leaf.op = data, grad, label, op
    leaf.local_derivatives = leaf.parents = ()
    return leaf


def reduce_leaf(node: Any) -> tuple[Any, ...]:
    """What pickle needs of a leaf.

    Raises
    ------
    TypeError
        If the node has parents.
    """
    if node.parents:
        raise TypeError(
            f"cannot pickle the result of {node.op!r}: pickle leaves or models; copy a graph with "
            "copy.deepcopy, or keep the number alone with v.detach()"
        )
    return rebuild_leaf, (type(node), node.data, node.grad, node.label, node.op)
