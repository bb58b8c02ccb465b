"""Copies of nodes without recursion, however deep the graph."""

from __future__ import annotations

import copy
from typing import Any

from .copied_scopes import ScopeCopies
from .graph import topological_order
from .scopes import scopes_of

_OWN = {"data", "grad", "op", "_a", "_b", "_da", "_db", "_label", "_origin"}


def copy_node(node: Any, parents: tuple[Any, ...]) -> Any:
    """Copy one node over `parents`, without what a subclass adds."""
    twin = object.__new__(_class_of(node))
    twin.data, twin.grad, twin.op = node.data, node.grad, node.op
    if hasattr(node, "_label"):
        twin._label = node._label
    twin._link(parents, node.local_derivatives)
    return twin


def _class_of(node: Any) -> Any:
    """The class of a copy: that of the node, but what it was where a trace has changed it."""
    return getattr(type(node), "untraced", type(node))


def shallow_copy(node: Any) -> Any:
    """Copy one node as ``copy.copy`` asks for it: the same operands, attributes shared."""
    twin = copy_node(node, node.parents)
    if hasattr(node, "_origin"):
        twin._origin = node._origin
    for name, attribute in _added(node).items():
        setattr(twin, name, attribute)
    return twin


def _added(node: Any) -> dict[str, Any]:
    """The attributes that a subclass gave its node, in slots or not."""
    slots = [getattr(kind, "__slots__", ()) for kind in type(node).__mro__]
    names = [name for some in slots for name in ([some] if isinstance(some, str) else some)]
    names = [name for name in names if name not in {*_OWN, "__dict__", "__weakref__"}]
    found = {name: getattr(node, name) for name in names if hasattr(node, name)}
    return found | getattr(node, "__dict__", {})


def copy_graph(root: Any, memo: dict[int, Any]) -> Any:
    """Copy every node that `root` depends on, as ``copy.deepcopy`` asks for it.

    Nodes that `memo` holds already are used again, so whatever is copied together stays connected
    as it was.  So do their scopes, which have the copies of their parameters.
    """
    order = topological_order(root)
    scopes = ScopeCopies.of(memo)
    for node, scope in zip(order, scopes_of(order), strict=True):
        if id(node) in memo:
            continue
        twin = copy_node(node, tuple([memo[id(parent)] for parent in node.parents]))
        memo[id(node)] = twin
        scopes.place(node, scope, memo)
        if type(node).__module__ != "autograd_mini.core.value":  # a subclass may have added some
            for name, attribute in _added(node).items():
                setattr(twin, name, copy.deepcopy(attribute, memo))
    return memo[id(root)]


def rebuild_leaf(kind: type[Any], data: float, grad: float, label: str, op: str) -> Any:
    """Make the leaf that :func:`reduce_leaf` took apart."""
    leaf = object.__new__(kind)
    leaf.data, leaf.grad, leaf.label, leaf.op = data, grad, label, op
    leaf._link((), ())
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
    arguments = (_class_of(node), node.data, node.grad, node.label, node.op)
    added = _added(node)
    return (rebuild_leaf, arguments, (None, added)) if added else (rebuild_leaf, arguments)
