"""Traversal of the computation graph: it knows nothing of a node but its ``parents``."""

from __future__ import annotations

from typing import Protocol, TypeVar


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
    visited: set[NodeT] = set()
    stack: list[NodeT | None] = list(reversed(roots))
    while stack:
        node = stack.pop()
        if node is None:  # marks that all parents of the node below are done
            order.append(stack.pop())  # type: ignore[arg-type]  # never a marker itself
        elif node not in visited:
            visited.add(node)
            if node.parents:
                stack += (node, None)
                stack.extend(reversed(node.parents))
            else:
                order.append(node)
    return order


def interior_order(*roots: NodeT) -> list[NodeT]:
    """The part of :func:`topological_order` that has parents: what a backward pass walks.

    Leaves, often most of a graph, cost no more than a look.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a = Value(2.0, "a")
    >>> [node.op for node in interior_order(a * a + a)]
    ['mul', 'add']
    """
    order: list[NodeT] = []
    visited: set[NodeT] = set()
    stack: list[NodeT | None] = [root for root in roots if root.parents]
    push = stack.append
    while stack:
        node = stack.pop()
        if node is None:
            order.append(stack.pop())  # type: ignore[arg-type]  # never a marker itself
        elif node not in visited:
            visited.add(node)
            push(node)
            push(None)
            for parent in node.parents:
                if parent.parents and parent not in visited:
                    push(parent)
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
