"""Stage 2: the canonical form of the scalar graph.

Single-use chains of ``+``, ``-``, ``*`` and constant factors become one *sum of products*, so that
``sum(w*x for ...) + b`` written out and ``dot(w, x, b)`` are the same thing.  Constants are
folded, equal nodes are one node, and what no output needs is not there.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from ..core.value import Value
from ..table.primitives import PRIMITIVES
from ..table.rewrite import folds, is_moderate
from .trace import Trace

OperandT = TypeVar("OperandT")


@dataclass(frozen=True)
class Leaf:
    """A number from outside: ``theta`` (parameters) or ``input0``, ``input1``, ..."""

    space: str
    position: int


@dataclass(frozen=True)
class Literal:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Sum:
    """Sum of ``coefficient * a * b``, of ``coefficient * a`` and of a constant."""

    products: tuple[tuple[float, int, int], ...]
    linear: tuple[tuple[float, int], ...]
    constant: float


@dataclass(frozen=True)
class Elementwise:
    """A row of the table without vectors."""

    op: str
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Vector:
    """A row of the table with vectors; ``largest`` is the shift that keeps exp from overflowing."""

    op: str
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Take:
    """The argument that an integer input picks."""

    index: int
    arguments: tuple[int, ...]


Scalar = Leaf | Literal | Sum | Elementwise | Vector | Take


def operands(scalar: Scalar) -> tuple[int, ...]:
    """The nodes that a node is computed from."""
    if isinstance(scalar, Sum):
        factors = [i for _, a, b in scalar.products for i in (a, b)]
        return (*factors, *(a for _, a in scalar.linear))
    if isinstance(scalar, Take):
        return (scalar.index, *scalar.arguments)
    return () if isinstance(scalar, (Leaf, Literal)) else scalar.arguments


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
            if any(not 0 <= operand < i for operand in operands(node)):
                raise ValueError(f"%{i} = {node} uses a node that does not come before it")
            if _identity(node) in seen:
                raise ValueError(f"%{i} = {node} stands twice")
            seen.add(_identity(node))


def _identity(scalar: Scalar) -> Hashable:
    """What makes two nodes one: for numbers their bits, as 0.0 equals -0.0 and NaN nothing."""
    if isinstance(scalar, Literal):
        return scalar.value.hex()
    if isinstance(scalar, Sum):
        zeros = [math.copysign(1.0, c) for c, *_ in (*scalar.products, *scalar.linear) if c == 0]
        return (scalar, *zeros) if zeros else scalar
    return scalar


class _Open:
    """A sum that is still growing, because its only user may swallow it."""

    __slots__ = ("constant", "linear", "products")

    def __init__(self) -> None:
        self.products: list[tuple[float, int, int]] = []
        self.linear: list[tuple[float, int]] = []
        self.constant = 0.0

    def __len__(self) -> int:
        return len(self.products) + len(self.linear)

    def copy(self) -> _Open:
        """The same sum, to grow on its own."""
        twin = _Open()
        twin.products, twin.linear = list(self.products), list(self.linear)
        twin.constant = self.constant
        return twin

    def is_one_linear_term(self) -> bool:
        """Whether it is a coefficient times a node and nothing else."""
        return len(self) == len(self.linear) == 1 and self.constant == 0

    def has_difference(self) -> bool:
        """Whether terms of either sign may cancel, as in ``(x - shift)``: not products alone."""
        if not self.linear and not self.constant:
            return False
        coefficients = [c for c, *_ in (*self.products, *self.linear)] + [self.constant]
        return min(coefficients) < 0 < max(coefficients)

    def takes(self, factor: float) -> bool:
        """Whether its coefficients times `factor` are what the products one by one would give."""
        if abs(factor) == 1:
            return True
        coefficients = [c for c, *_ in (*self.products, *self.linear)]
        if self.constant:
            coefficients.append(self.constant)
        return all(folds(factor, c) for c in coefficients)


_SMALL = 2.0**960
"""Numbers up to here do not make a finite one overflow: they are below its rounding."""

Item = int | _Open


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[Scalar] = []
        self.known: dict[Hashable, int] = {}
        self.shifted: dict[tuple[int, ...], tuple[int, int]] = {}

    def node(self, scalar: Scalar) -> int:
        key = _identity(scalar)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.nodes)
            self.nodes.append(scalar)
        return found

    def literal(self, item: Item) -> float | None:
        if isinstance(item, _Open):
            return item.constant if len(item) == 0 else None
        node = self.nodes[item]
        return node.value if isinstance(node, Literal) else None

    def close(self, item: Item) -> int:
        """The node of an item."""
        if isinstance(item, int):
            return item
        if not item.products and not item.linear:
            return self.node(Literal(item.constant))
        if not item.products and item.constant == 0 and len(item.linear) == 1:
            coefficient, only = item.linear[0]
            if coefficient == 1:
                return only
        return self.node(Sum(tuple(item.products), tuple(item.linear), item.constant))

    def add(self, parts: Sequence[tuple[float, Item]]) -> _Open:
        """Sum of ``sign * item``; the largest open sum swallows the others."""
        parts = self._with_differences_apart(parts)
        best, total = -1, _Open()
        for i, (sign, item) in enumerate(parts):
            if isinstance(item, _Open) and sign == 1.0 and len(item) > len(total):
                best, total = i, item
        for i, (sign, item) in enumerate(parts):
            if i != best:
                self._append(total, sign, item)
        return total

    def _with_differences_apart(
        self, parts: Sequence[tuple[float, Item]]
    ) -> Sequence[tuple[float, Item]]:
        """Close the sums whose differences are exact only before anything else is added."""
        differences = [i for _, i in parts if isinstance(i, _Open) and i.has_difference()]
        if not differences or (len(differences) == 1 and parts[0][1] is differences[0]):
            return parts
        apart = {id(item) for item in differences}
        return [(s, self.close(i) if id(i) in apart else i) for s, i in parts]

    def _append(self, total: _Open, factor: float, item: Item) -> None:
        """Add ``factor * item``; an open sum comes apart where its coefficients stay exact."""
        if isinstance(item, _Open) and not item.takes(factor):
            item = self.close(item)
        if isinstance(item, _Open):
            total.products += [(factor * c, a, b) for c, a, b in item.products]
            total.linear += [(factor * c, a) for c, a in item.linear]
            self._add_constant(total, factor * item.constant if item.constant else 0.0)
            return
        node = self.nodes[item]
        if isinstance(node, Literal):
            self._add_constant(total, factor * node.value)
        else:
            total.linear.append((factor, item))

    def _add_constant(self, total: _Open, number: float) -> None:
        """Add a number; after all else where two numbers in one might hide an overflow."""
        small = max(abs(total.constant), abs(number), abs(total.constant + number)) <= _SMALL
        if number and total.constant and not small:
            total.linear = [(1.0, self.close(total))]
            total.products, total.constant = [], 0.0
        total.constant += number

    def scale(self, item: Item, factor: float) -> _Open:
        """``factor * item``, where the factor is 1 or -1 or stands alone."""
        total = _Open()
        self._append(total, factor, item)
        return total

    def rescale(self, item: Item, factor: float) -> _Open:
        """A factor the user wrote: kept out of a sum whose exact differences it would spoil."""
        if isinstance(item, _Open) and not item.is_one_linear_term():
            mixed = bool(item.linear or item.constant)
            exact = abs(math.frexp(factor)[0]) == 0.5 and not item.has_difference()
            if not is_moderate(factor) or (mixed and not exact):
                item = self.close(item)
        return self.scale(item, factor)

    def multiply(self, a: Item, b: Item) -> Item:
        for item, other in ((a, b), (b, a)):
            value = self.literal(item)
            if value is not None:
                return self.rescale(other, value)
        (ca, left), (cb, right) = self._factor(a), self._factor(b)
        total = _Open()
        total.products.append((ca * cb, left, right))
        return total

    def _factor(self, item: Item) -> tuple[float, int]:
        """Sign and node of one factor of a product."""
        if isinstance(item, _Open) and item.is_one_linear_term() and abs(item.linear[0][0]) == 1:
            return item.linear[0]
        return 1.0, self.close(item)

    def divide(self, item: Item, divisor: float) -> Item:
        """Divide by a number: multiply by its reciprocal only where that is exact."""
        if abs(math.frexp(divisor)[0]) == 0.5 and is_moderate(divisor):
            return self.rescale(item, 1.0 / divisor)
        return self.elementwise("div", [item, self.node(Literal(divisor))])

    def elementwise(self, op: str, items: Sequence[Item]) -> int:
        values = [self.literal(item) for item in items]
        if all(value is not None for value in values):
            return self.node(Literal(PRIMITIVES[op].evaluate(values)))  # type: ignore[arg-type]
        return self.node(Elementwise(op, tuple([self.close(item) for item in items])))

    def exponentials(self, members: Sequence[int]) -> tuple[int, int]:
        """The shift and the sum of shifted exponentials over a set of logits."""
        key = tuple(sorted(members))
        if key not in self.shifted:
            shift = self.node(Vector("largest", key))
            terms = [(1.0, self.shifted_exp(member, shift)) for member in key]
            # a sum even of one term: rows of causal attention stay alike whatever their length
            self.shifted[key] = shift, self.node(Sum((), tuple(terms), 0.0))
        return self.shifted[key]

    def shifted_exp(self, logit: int, shift: int) -> int:
        return self.elementwise("exp", [self.close(self.add([(1.0, logit), (-1.0, shift)]))])

    def logarithm(self, members: Sequence[int], sign: float) -> list[tuple[float, Item]]:
        """``sign * logsumexp`` of the members, as the parts of a sum."""
        shift, total = self.exponentials(members)
        return [(sign, shift), (sign, self.elementwise("log", [total]))]


def _sum(builder: _Builder, items: Sequence[Item]) -> Item:
    return builder.add([(1.0, item) for item in items])


def _mean(builder: _Builder, items: Sequence[Item]) -> Item:
    return builder.divide(_sum(builder, items), float(len(items)))


def _dot(builder: _Builder, items: Sequence[Item]) -> Item:
    half = len(items) // 2
    pairs = zip(items[:half], items[half : 2 * half], strict=True)
    products = [(1.0, builder.multiply(a, b)) for a, b in pairs]
    return builder.add([*products, *[(1.0, item) for item in items[2 * half :]]])


def _power(builder: _Builder, items: Sequence[Item]) -> Item:
    exponent = builder.literal(items[1])
    if exponent == 1.0:
        return items[0]
    return _square(builder, items[:1]) if exponent == 2.0 else builder.elementwise("pow", items)


def _square(builder: _Builder, items: Sequence[Item]) -> Item:
    node = builder.close(items[0])
    return builder.multiply(node, node)


def _divide(builder: _Builder, items: Sequence[Item]) -> Item:
    divisor = builder.literal(items[1])
    if divisor is None:
        return builder.elementwise("div", items)
    return builder.divide(items[0], divisor)


def _logsumexp(builder: _Builder, items: Sequence[Item]) -> Item:
    return builder.add(builder.logarithm([builder.close(item) for item in items], 1.0))


def _log_softmax(builder: _Builder, items: Sequence[Item]) -> Item:
    members = [builder.close(item) for item in items]
    return builder.add([(1.0, members[0]), *builder.logarithm(members, -1.0)])


def _softmax(builder: _Builder, items: Sequence[Item]) -> Item:
    members = [builder.close(item) for item in items]
    shift, total = builder.exponentials(members)
    return builder.elementwise("div", [builder.shifted_exp(members[0], shift), total])


def _variance(builder: _Builder, items: Sequence[Item]) -> Item:
    members = [builder.close(item) for item in items]
    mean = builder.close(_mean(builder, members))
    centred = [builder.close(builder.add([(1.0, x), (-1.0, mean)])) for x in members]
    return _mean(builder, [builder.multiply(d, d) for d in centred])


def _take(builder: _Builder, index: int, choices: Sequence[int]) -> Item:
    """Pick first and add the rest afterwards, where all choices add the same: log_softmax."""
    sums = [builder.nodes[choice] for choice in choices]
    first = sums[0]
    if len(sums) > 1 and isinstance(first, Sum) and len(first.linear) > 1:
        rest = replace(first, linear=first.linear[1:])
        if all(
            isinstance(s, Sum)
            and s.linear[:1]
            and s.linear[0][0] == 1.0
            and _identity(replace(s, linear=s.linear[1:])) == _identity(rest)
            for s in sums
        ):
            picked = Take(index, tuple([s.linear[0][1] for s in sums]))  # type: ignore[union-attr]
            total = _Open()
            total.products, total.linear = list(rest.products), list(rest.linear)
            total.constant = rest.constant
            total.linear.insert(0, (1.0, builder.node(picked)))
            return total
    return builder.node(Take(index, tuple(choices)))


_CANONICAL: dict[str, Callable[[_Builder, Sequence[Item]], Item]] = {
    "add": _sum,
    "sub": lambda builder, items: builder.add([(1.0, items[0]), (-1.0, items[1])]),
    "neg": lambda builder, items: builder.scale(items[0], -1.0),
    "mul": lambda builder, items: builder.multiply(items[0], items[1]),
    "multiply_no_nan": lambda builder, items: builder.multiply(items[0], items[1]),
    "div": _divide,
    "pow": _power,
    "square": _square,
    "sum": _sum,
    "mean": _mean,
    "dot": _dot,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "variance": _variance,
}


_NAN_SAFE = {"multiply_no_nan", "logsumexp", "softmax", "log_softmax", "variance"}
"""What stays as the table has it in the NaN-safe form: written out, it may give NaN instead."""
_PASSING = {"multiply_no_nan", "leaky_relu", "elu", "softmax", "log_softmax"}
"""Rows with a comparison through which a NaN passes all the same."""


def deciding_operands(op: str, operands: Sequence[OperandT]) -> Sequence[OperandT]:
    """The operands of which a NaN may vanish: a comparison takes it for false.

    Examples
    --------
    >>> deciding_operands("where", "cab"), deciding_operands("less", "ab")
    ('c', 'ab')
    """
    if op == "where":
        return operands[:1]
    return operands if op in PRIMITIVES and _compares(op) else operands[:0]


@cache
def _compares(op: str) -> bool:
    called = [ast.unparse(n) for n in ast.walk(PRIMITIVES[op].value_formula)]
    return op not in _PASSING and any(c.startswith(("where(", "sign(")) for c in called)


def _deciding(trace: Trace) -> set[Value]:
    """The nodes of which a NaN might end in a number, and so would not be repaired."""
    found: set[Value] = set()
    for node in reversed(trace.nodes):
        found.update(node.parents if node in found else deciding_operands(node.op, node.parents))
    return found


def has_other_nan_safe_form(trace: Trace) -> bool:
    """Whether the NaN-safe form of a trace is another one."""
    return any(node.op in _NAN_SAFE for node in trace.nodes)


def canonical_form(trace: Trace, nan_safe: bool = False) -> ScalarProgram:
    """Turn a traced graph into its canonical form.

    Parameters
    ----------
    trace : Trace
        The graph.
    nan_safe : bool, optional
        Keep ``multiply_no_nan``, softmax and its kin as the table has them.  Without, these are
        written out as products and sums, which become part of matrix products: right, unless a
        NaN comes out.  What a choice depends on stays as the table has it in any case.

    Returns
    -------
    ScalarProgram
        The canonical graph.
    """
    builder = _Builder()
    uses = Counter(parent for node in trace.nodes for parent in node.parents)
    uses.update(trace.outputs)
    deciding = _deciding(trace)
    items: dict[Value, Item] = {}
    for node in trace.nodes:
        exact = node.op in _NAN_SAFE and (nan_safe or node in deciding)
        arguments = [_for_one_user(items[p], uses[p]) for p in node.parents]
        item = _item(builder, node, arguments, trace, exact)
        # shift and logarithm are two terms for each user, so that x - logsumexp is exact
        shared = uses[node] > 1 and (exact or node.op != "logsumexp")
        items[node] = builder.close(item) if shared else item
    outputs = [builder.close(items[output]) for output in trace.outputs]
    return _without_dead_code(builder.nodes, outputs)


def _for_one_user(item: Item, uses: int) -> Item:
    """The item, to grow in the hands of one of its users."""
    return item.copy() if uses > 1 and isinstance(item, _Open) else item


def _item(
    builder: _Builder, node: Value, arguments: Sequence[Item], trace: Trace, exact: bool
) -> Item:
    if node in trace.parameters:
        return builder.node(Leaf("theta", trace.parameters[node]))
    if node in trace.inputs:
        argument, position = trace.inputs[node]
        return builder.node(Leaf(f"input{argument}", position))
    if not node.parents:
        return builder.node(Literal(node.data))
    if node.op in _CANONICAL and not exact:
        return _CANONICAL[node.op](builder, arguments)
    if node.op == "take":
        index, *rest = [builder.close(argument) for argument in arguments]
        return _take(builder, index, rest)
    if PRIMITIVES[node.op].has_vectors:
        return builder.node(Vector(node.op, tuple([builder.close(a) for a in arguments])))
    return builder.elementwise(node.op, arguments)


def _without_dead_code(nodes: Sequence[Scalar], outputs: Sequence[int]) -> ScalarProgram:
    needed = bytearray(len(nodes))
    for output in outputs:
        needed[output] = 1
    for i in range(len(nodes) - 1, -1, -1):
        if needed[i]:
            for operand in operands(nodes[i]):
                needed[operand] = 1
    if all(needed):
        return ScalarProgram(tuple(nodes), tuple(outputs))
    renamed: dict[int, int] = {}
    kept: list[Scalar] = []
    for i, node in enumerate(nodes):
        if needed[i]:
            renamed[i] = len(kept)
            kept.append(_renamed(node, renamed))
    return ScalarProgram(tuple(kept), tuple([renamed[output] for output in outputs]))


def _renamed(node: Scalar, new: dict[int, int]) -> Scalar:
    if isinstance(node, Sum):
        products = tuple([(c, new[a], new[b]) for c, a, b in node.products])
        return Sum(products, tuple([(c, new[a]) for c, a in node.linear]), node.constant)
    if isinstance(node, Take):
        return Take(new[node.index], tuple([new[a] for a in node.arguments]))
    if isinstance(node, (Elementwise, Vector)):
        return type(node)(node.op, tuple([new[a] for a in node.arguments]))
    return node
