"""What a picture reads of a value: its public attributes, and nothing of how it was made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
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
    expected = "root must be a Value or a sequence of Values"
    if isinstance(root, type):  # which has all the attributes
        raise TypeError(f"{expected}, got the class {root.__name__}")
    if isinstance(root, Node):
        return [root]
    if isinstance(root, str) or not isinstance(root, Iterable) or getattr(root, "ndim", 1) == 0:
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

    Raises
    ------
    TypeError
        If an operand is no value, or data, gradient or a local derivative no number.
    ValueError
        If a value has another number of local derivatives than of operands.
    """
    order = _in_order(roots)
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


def _in_order(roots: Sequence[Node]) -> list[Node]:
    """All values, operands before results; say what is none."""
    try:
        nodes = cast("list[Node]", topological_order(*roots))
    except (AttributeError, TypeError) as error:  # it asks for nothing but the operands
        raise TypeError(
            f"the operands of each value must be a tuple of Values, the graph has others: {error}"
        ) from None
    known: set[type] = set()
    for node in nodes:
        if type(node) not in known:
            if not isinstance(node, Node):
                raise TypeError(
                    f"every operand in the graph must be a Value, got {type(node).__name__}"
                )
            known.add(type(node))
        _check_texts(node)
        _check_numbers(node, known)
    return nodes


def _check_texts(node: Node) -> None:
    for name, text in (("op", node.op), ("label", node.label)):
        if not isinstance(text, str):
            raise TypeError(f"the {name} of a value must be text, got {type(text).__name__}")


def _check_numbers(node: Node, known: set[type]) -> None:
    """Refuse what is no number; a type is looked at once."""
    local, operands = node.local_derivatives or (), node.parents
    if not isinstance(operands, (tuple, list)):
        raise TypeError(
            f"the operands of {_called(node)} must be a tuple, got {type(operands).__name__}"
        )
    if len(local) != len(operands):
        raise ValueError(
            f"{_called(node)} has {len(local)} local derivatives for {len(operands)} operands"
        )
    for number in (node.data, node.grad, *local):
        if type(number) not in known:
            if not isinstance(number, Real):
                raise TypeError(
                    f"data, grad and local derivatives of {_called(node)} must be real numbers, "
                    f"got {type(number).__name__}"
                )
            known.add(type(number))


def _called(node: Node) -> str:
    return f"the value {node.label!r}" if node.label else f"a value (op {node.op!r})"


def _starts_a_sum(node: Node) -> bool:
    if len(node.parents) != 2 or node.label:
        return False
    zero = node.parents[0]
    return zero.op == "constant" and zero.data == 0 and not zero.label
