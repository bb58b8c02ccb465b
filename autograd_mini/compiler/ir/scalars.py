"""The scalar program: the canonical form of a graph, node by node.

Nodes stand in topological order and name their operands by position.  Each kind of node says here
what it reads, how its operands are renamed, and what makes two of them one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Names = Callable[[int], int]
NodeT = TypeVar("NodeT", bound="_Node")


class _Node:
    """A node; as it stands here, one that reads no other."""

    @property
    def operands(self) -> tuple[int, ...]:
        """The nodes that it is computed from."""
        return ()

    @property
    def identity(self) -> Hashable:
        """What makes two nodes one."""
        return self

    @property
    def place(self) -> str:
        """Where its number stands before anything is computed; empty if it is computed."""
        return ""

    def kind(self, places: Sequence[str]) -> tuple[Hashable, ...]:
        """What agrees for nodes that are computed together, by the places of their operands."""
        return ()

    def renamed(self: NodeT, names: Names) -> NodeT:
        """The same over nodes of other names."""
        return self


@dataclass(frozen=True)
class Leaf(_Node):
    """A number from outside: ``theta`` (parameters) or ``input0``, ``input1``, ..."""

    space: str
    position: int

    @property
    def place(self) -> str:
        """The space."""
        return self.space


@dataclass(frozen=True)
class Literal(_Node):
    """A constant."""

    value: float

    @property
    def identity(self) -> Hashable:
        """The bits of the number, as 0.0 equals -0.0 and NaN nothing."""
        return self.value.hex()

    @property
    def place(self) -> str:
        """In the program itself."""
        return "literal"


@dataclass(frozen=True)
class Sum(_Node):
    """Sum of ``coefficient * a * b``, of ``coefficient * a`` and of a constant."""

    products: tuple[tuple[float, int, int], ...]
    linear: tuple[tuple[float, int], ...]
    constant: float

    @property
    def operands(self) -> tuple[int, ...]:
        """The factors of the products, then the nodes of the linear terms."""
        factors = [i for _, a, b in self.products for i in (a, b)]
        return (*factors, *[a for _, a in self.linear])

    @property
    def identity(self) -> Hashable:
        """The sum, and the signs of coefficients that are 0."""
        zeros = [math.copysign(1.0, c) for c, *_ in (*self.products, *self.linear) if c == 0]
        return (self, *zeros) if zeros else self

    def kind(self, places: Sequence[str]) -> tuple[Hashable, ...]:
        """Where the factors of its products are, and whether it is more than products."""
        return "sum", *[(places[a], places[b]) for _, a, b in self.products[:1]], bool(self.linear)

    def renamed(self, names: Names) -> Sum:
        """The same over nodes of other names."""
        products = [(c, names(a), names(b)) for c, a, b in self.products]
        return Sum(tuple(products), tuple([(c, names(a)) for c, a in self.linear]), self.constant)


@dataclass(frozen=True)
class _Row(_Node):
    op: str
    arguments: tuple[int, ...]

    @property
    def operands(self) -> tuple[int, ...]:
        """The nodes that it is computed from."""
        return self.arguments


@dataclass(frozen=True)
class Elementwise(_Row):
    """A row of the table without vectors."""

    def kind(self, places: Sequence[str]) -> tuple[Hashable, ...]:
        """The row, and where its arguments are."""
        return self.op, *[places[a] for a in self.arguments]

    def renamed(self, names: Names) -> Elementwise:
        """The same over nodes of other names."""
        return Elementwise(self.op, tuple(map(names, self.arguments)))


@dataclass(frozen=True)
class Vector(_Row):
    """A row of the table with vectors; ``largest`` is the shift that keeps exp from overflowing."""

    def kind(self, places: Sequence[str]) -> tuple[Hashable, ...]:
        """The row."""
        return (self.op,)

    def renamed(self, names: Names) -> Vector:
        """The same over nodes of other names."""
        return Vector(self.op, tuple(map(names, self.arguments)))


@dataclass(frozen=True)
class Take(_Node):
    """The argument that an integer input picks."""

    index: int
    arguments: tuple[int, ...]

    @property
    def operands(self) -> tuple[int, ...]:
        """The index, then what it picks from."""
        return (self.index, *self.arguments)

    def kind(self, places: Sequence[str]) -> tuple[Hashable, ...]:
        """A pick."""
        return ("take",)

    def renamed(self, names: Names) -> Take:
        """The same over nodes of other names."""
        return Take(names(self.index), tuple(map(names, self.arguments)))


Scalar = Leaf | Literal | Sum | Elementwise | Vector | Take


@dataclass(frozen=True)
class ScalarProgram:
    """The canonical graph: nodes in topological order, and which of them are the outputs."""

    nodes: tuple[Scalar, ...]
    outputs: tuple[int, ...]

    def __str__(self) -> str:
        lines = [f"%{i} = {node}" for i, node in enumerate(self.nodes)]
        return "\n".join([*lines, f"return {', '.join(f'%{i}' for i in self.outputs)}"])

    def verify(self) -> None:
        """Check that operands come before their users and that no node stands twice.

        Raises
        ------
        ValueError
            If a stage has made a graph that is not well formed.
        """
        seen: set[Hashable] = set()
        for i, node in enumerate(self.nodes):
            if any(not 0 <= operand < i for operand in node.operands):
                raise ValueError(f"%{i} = {node} uses a node that does not come before it")
            if node.identity in seen:
                raise ValueError(f"%{i} = {node} stands twice")
            seen.add(node.identity)


def without_dead_code(nodes: Sequence[Scalar], outputs: Sequence[int]) -> ScalarProgram:
    """The program of the nodes that the outputs need.

    Examples
    --------
    >>> nodes = Leaf("theta", 0), Elementwise("cosh", (0,)), Elementwise("sin", (0,))
    >>> print(without_dead_code(nodes, [2]))
    %0 = Leaf(space='theta', position=0)
    %1 = Elementwise(op='sin', arguments=(0,))
    return %1
    """
    needed = bytearray(len(nodes))
    for output in outputs:
        needed[output] = 1
    for i in range(len(nodes) - 1, -1, -1):
        if needed[i]:
            for operand in nodes[i].operands:
                needed[operand] = 1
    if all(needed):
        return ScalarProgram(tuple(nodes), tuple(outputs))
    names: dict[int, int] = {}
    kept: list[Scalar] = []
    for i, node in enumerate(nodes):
        if needed[i]:
            names[i] = len(kept)
            kept.append(node.renamed(names.__getitem__))
    return ScalarProgram(tuple(kept), tuple([names[output] for output in outputs]))
