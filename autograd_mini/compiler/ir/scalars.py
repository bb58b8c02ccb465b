"""The scalar program: the canonical form of a graph, node by node.

Nodes stand in topological order and name their operands by position.  Each kind of node says here
what it reads, how its operands are renamed, and what makes two of them one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from .spaces import Space

Names = Callable[[int], int]
NodeT = TypeVar("NodeT", bound="_Node")
_NOWHERE = 2**62


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
    def place(self) -> Hashable:
        """Where its number stands before anything is computed; None if it is computed."""
        return None

    def kind(self, places: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """What agrees for nodes that are computed together, by the places of their operands."""
        return ()

    def read(self, places: Sequence[int]) -> Sequence[int]:
        """Its operands in the order in which they are read."""
        return self.operands

    def renamed(self: NodeT, names: Names) -> NodeT:
        """The same over nodes of other names."""
        return self


@dataclass(frozen=True)
class Leaf(_Node):
    """A number from outside: a parameter, in ``theta``, or an element of an argument."""

    space: Space
    position: int

    @property
    def place(self) -> Hashable:
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
    def place(self) -> Hashable:
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
        """The terms in any order, and the signs of coefficients that are 0."""
        terms = tuple(sorted(self.products)), tuple(sorted(self.linear)), self.constant
        coefficients = [term[0] for term in (*self.products, *self.linear)]
        if 0.0 not in coefficients:
            return terms
        return (*terms, *[math.copysign(1.0, c) for c in coefficients if c == 0])

    def kind(self, places: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """Where the factors of its products are, and whether it is more than products."""
        factors = {frozenset((places[a], places[b])) for _, a, b in self.products}
        return "sum", frozenset(factors), bool(self.linear)

    def read(self, places: Sequence[int]) -> Sequence[int]:
        """First what leaves are multiplied by, as these lie, in whatever order it is written."""
        keys = [min(places[a], places[b]) for _, a, b in self.products]
        if keys == sorted(keys):
            return self.operands
        order = sorted(range(len(keys)), key=keys.__getitem__)
        factors = [i for k in order for i in self.products[k][1:]]
        return (*factors, *self.operands[2 * len(keys) :])

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

    def kind(self, places: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """The row, and where its arguments are."""
        return self.op, *[places[a] for a in self.arguments]

    def renamed(self, names: Names) -> Elementwise:
        """The same over nodes of other names."""
        return Elementwise(self.op, tuple(map(names, self.arguments)))


@dataclass(frozen=True)
class Vector(_Row):
    """A row of the table with vectors."""

    def kind(self, places: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """The row."""
        return (self.op,)

    def renamed(self, names: Names) -> Vector:
        """The same over nodes of other names."""
        return Vector(self.op, tuple(map(names, self.arguments)))


@dataclass(frozen=True)
class Largest(_Node):
    """The largest of its arguments: the shift that keeps exp from overflowing."""

    arguments: tuple[int, ...]

    @property
    def operands(self) -> tuple[int, ...]:
        """The nodes that it is computed from."""
        return self.arguments

    def kind(self, places: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """A shift, over however many."""
        return (Largest,)

    def renamed(self, names: Names) -> Largest:
        """The same over nodes of other names."""
        return Largest(tuple(map(names, self.arguments)))


@dataclass(frozen=True)
class Take(_Node):
    """The argument that an integer input picks."""

    index: int
    arguments: tuple[int, ...]

    @property
    def operands(self) -> tuple[int, ...]:
        """The index, then what it picks from."""
        return (self.index, *self.arguments)

    def kind(self, places: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """A pick."""
        return ("take",)

    def renamed(self, names: Names) -> Take:
        """The same over nodes of other names."""
        return Take(names(self.index), tuple(map(names, self.arguments)))


Scalar = Leaf | Literal | Sum | Elementwise | Vector | Largest | Take


@dataclass(frozen=True)
class ScalarProgram:
    """The canonical graph: nodes in topological order, and which of them are the outputs.

    `aux` are those that are read beside the outputs, and have no error signal.
    """

    nodes: tuple[Scalar, ...]
    outputs: tuple[int, ...]
    aux: tuple[int, ...] = ()

    @cached_property
    def operands(self) -> list[tuple[int, ...]]:
        """What each node is computed from."""
        return [node.operands for node in self.nodes]

    @cached_property
    def leads_to_outputs(self) -> list[bool]:
        """Which nodes the outputs are computed from; the others are there for `aux` alone."""
        found = [not self.aux] * len(self.nodes)
        for output in self.outputs:
            found[output] = True
        for i in range(len(found) - 1, -1, -1):
            if found[i] and self.aux:
                for j in self.operands[i]:
                    found[j] = True
        return found

    def __str__(self) -> str:
        lines = [f"%{i} = {node}" for i, node in enumerate(self.nodes)]
        lines.append(f"return {', '.join(f'%{i}' for i in self.outputs)}")
        if self.aux:
            lines.append(f"aux {', '.join(f'%{i}' for i in self.aux)}")
        return "\n".join(lines)

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
        for output in (*self.outputs, *self.aux):
            if not 0 <= output < len(self.nodes):
                raise ValueError(f"%{output} is returned, and there is no such node")


def in_reading_order(
    nodes: Sequence[Scalar], outputs: Sequence[int], aux: Sequence[int] = ()
) -> ScalarProgram:
    """The program of the nodes that outputs and aux need, in the order in which they are read.

    Examples
    --------
    >>> from autograd_mini.compiler.ir.spaces import THETA
    >>> product = Sum(((1.0, 1, 0),), (), 0.0)
    >>> nodes = Leaf(THETA, 1), Leaf(THETA, 0), Elementwise("cosh", (0,)), product
    >>> print(in_reading_order(nodes, [3]))
    %0 = Leaf(space=theta, position=0)
    %1 = Leaf(space=theta, position=1)
    %2 = Sum(products=((1.0, 0, 1),), linear=(), constant=0.0)
    return %2
    """
    names: dict[int, int] = {}
    kept: list[Scalar] = []
    stack = list(reversed((*outputs, *aux)))
    places = [node.position if isinstance(node, Leaf) else _NOWHERE for node in nodes]
    while stack:
        i = stack.pop()
        if i < 0:  # what ~i reads has names now
            names[~i] = len(kept)
            kept.append(nodes[~i].renamed(names.__getitem__))
        elif i not in names:
            stack.append(~i)
            stack += [j for j in reversed(nodes[i].read(places)) if j not in names]
    named = [tuple([names[node] for node in read]) for read in (outputs, aux)]
    return ScalarProgram(tuple(kept), *named)
