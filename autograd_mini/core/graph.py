"""Traversal of the computation graph: it knows nothing of a node but its ``parents``."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar


class Node(Protocol):
    """Anything that names the nodes it was computed from."""

    @property
    def parents(self: NodeT) -> tuple[NodeT, ...]:
        """The operands, in order."""


NodeT = TypeVar("NodeT", bound=Node)


def topological_order(*roots: NodeT) -> list[NodeT]:
    """Every node the roots depend on, each once, parents before children.

    Depth-first post-order with an explicit stack, so the depth of the graph is not limited by
    Python's recursion limit.

    Parameters
    ----------
    *roots : Node
        Where to start; they come last.

    Returns
    -------
    list of Node
        Leaves first.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a = Value(2.0, "a")
    >>> square = a * a
    >>> [node.op for node in topological_order(square + a)]
    ['', 'mul', 'add']
    """
    order: list[NodeT] = []
    visited: set[int] = set()  # by id: a hash may look like a look-up, which a trace refuses
    stack: list[NodeT | None] = list(reversed(roots))
    push = stack.append
    while stack:
        node = stack.pop()
        if node is None:  # marks that all parents of the node below are done
            order.append(stack.pop())  # type: ignore[arg-type]  # never a marker itself
        elif id(node) not in visited:
            visited.add(id(node))
            parents = node.parents
            if parents:
                push(node)
                push(None)
                stack += parents[::-1]
            else:
                order.append(node)
    return order


def interior_order(*roots: Any) -> list[Any]:
    """The part of :func:`topological_order` that has parents: what a backward pass walks.

    It takes Values only, and reads the slots in which they keep their operands.  Leaves, often
    most of a graph, cost no more than a look.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a = Value(2.0, "a")
    >>> [node.op for node in interior_order(a * a + a)]
    ['mul', 'add']
    """
    order: list[Any] = []
    visited: set[Any] = set()
    stack: list[Any] = [root for root in roots if root._a is not None]
    push = stack.append
    while stack:
        node = stack.pop()
        if node is None:
            order.append(stack.pop())
        elif node not in visited:
            visited.add(node)
            push(node)
            push(None)
            a, b = node._a, node._b
            if b is None:
                stack += [p for p in (a if type(a) is tuple else (a,)) if p._a is not None]
                continue
            if a._a is not None:
                push(a)
            if b._a is not None:
                push(b)
    return order


def leaves(*roots: NodeT) -> list[NodeT]:
    """The nodes without parents that the roots depend on, in the order they are met.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a, b = Value(1.0, "a"), Value(2.0, "b")
    >>> [leaf.label for leaf in leaves(a * b + a)]
    ['a', 'b']
    """
    return [node for node in topological_order(*roots) if not node.parents]
