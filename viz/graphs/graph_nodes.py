"""What a picture reads of a value: its public attributes, and nothing of how it was made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from autograd_mini.core.graph import topological_order

__all__ = ["Graph", "Node", "Scope", "graph_of", "roots_of"]


@runtime_checkable
class Node(Protocol):
    """The public attributes of a value that a picture shows."""

    @property
    def data(self) -> float:
        """The number."""

    @property
    def grad(self) -> float:
        """The gradient of the output toward it."""

    @property
    def op(self) -> str:
        """What made it: a name of the derivative table, or nothing."""

    @property
    def parents(self) -> tuple[Node, ...]:
        """The operands, one entry for each use."""

    @property
    def local_derivatives(self) -> Sequence[float]:
        """The derivative toward each operand."""

    @property
    def label(self) -> str:
        """The name given to it."""


class Scope(Protocol):
    """A named part of a graph, in which values were made."""

    @property
    def name(self) -> str:
        """The text that is shown."""

    @property
    def kind(self) -> str:
        """What it is, in lower case, such as "layer"."""

    @property
    def parent(self) -> Scope | None:
        """The scope around it."""

    @property
    def path(self) -> str:
        """The whole path, for tooltips."""

    @property
    def parameters(self) -> Sequence[Any]:
        """Leaves that belong into it though they were made elsewhere."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The values that are drawn, operands before results.

    Attributes
    ----------
    roots : list of Node
        What was asked for.
    nodes : list of Node
        All that the roots depend on, but for the starts of sums.
    passed : dict
        For the ``id`` of each start of a sum the value that stands in for it.
    """

    roots: list[Node]
    nodes: list[Node]
    passed: dict[int, Node]

    def operands(self, node: Node) -> Sequence[Node]:
        """The operands of a node as they are drawn."""
        if not self.passed:
            return node.parents
        return [self.passed.get(id(operand), operand) for operand in node.parents]


def roots_of(root: object) -> list[Node]:
    """Take one value or several; say what was given if it is neither."""
    if isinstance(root, Node):
        return [root]
    expected = "root must be a Value or a sequence of Values"
    if isinstance(root, str) or not isinstance(root, Iterable):
        raise TypeError(f"{expected}, got {type(root).__name__}")
    roots = list(root)
    if not roots:
        raise ValueError(f"{expected}, got an empty {type(root).__name__}: nothing to draw")
    for position, item in enumerate(roots):
        if not isinstance(item, Node):
            raise TypeError(f"{expected}, got {type(item).__name__} at position {position}")
    return roots


def graph_of(roots: Sequence[Node], kept: Collection[Node] = ()) -> Graph:
    """Find all that the roots depend on, and pass through the starts of sums.

    Python's ``sum`` adds its first value to 0, which is no part of what its caller has in mind.
    Where ``0 + x`` has no label and is not asked for by itself, `x` stands in for it: the
    derivative toward `x` is 1, so that every gradient stays what it is.

    Parameters
    ----------
    roots : sequence of Node
        Where to start.
    kept : collection of Node
        What is drawn even if it is the start of a sum, or the 0 that one starts with.
    """
    order = cast("list[Node]", topological_order(*roots))
    shown = {id(node) for node in (*roots, *kept)}
    passed: dict[int, Node] = {}
    for node in order:
        if node.op != "add" or id(node) in shown or not _starts_a_sum(node):
            continue
        zero, first = node.parents
        if id(zero) not in shown:
            passed[id(node)] = passed.get(id(first), first)
    graph = Graph(list(roots), order, passed)
    if not passed:
        return graph
    left = [node for node in order if id(node) not in passed]
    used = shown.union(id(operand) for node in left for operand in graph.operands(node))
    return Graph(graph.roots, [node for node in left if id(node) in used], passed)


def _starts_a_sum(node: Node) -> bool:
    if len(node.parents) != 2 or node.label:
        return False
    zero = node.parents[0]
    return zero.op == "constant" and zero.data == 0 and not zero.label
