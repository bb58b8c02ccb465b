"""Stage 2: the canonical form of the scalar graph.

Single-use chains of ``+``, ``-``, ``*`` and constant factors become one *sum of products*, so that
``sum(w*x for ...) + b`` written out and ``dot(w, x, b)`` are the same thing.  Constants are
folded, equal nodes are one node, and what no output needs is not there.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..core.value import Value
from ..table.grammar import parts
from ..table.interpreter import VectorInterpreter
from ..table.primitives import PRIMITIVES, Primitive
from ..table.reductions import joined_lists
from ..table.rewrite import is_moderate
from ..table.vectors import Vector as GroupOf
from .choices import deciding_operands, has_two_forms, is_written_out
from .ir.scalars import (
    Elementwise,
    Leaf,
    Literal,
    Scalar,
    ScalarProgram,
    Sum,
    Take,
    Vector,
    without_dead_code,
)
from .open_sums import OpenSum, is_power_of_two
from .trace import Trace

_SMALL = 2.0**960
"""Numbers up to here do not make a finite one overflow: they are below its rounding."""

Item = int | OpenSum
Part = tuple[float, Item]


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[Scalar] = []
        self.known: dict[Hashable, int] = {}
        self.shifted: dict[tuple[int, ...], tuple[int, int]] = {}

    def node(self, scalar: Scalar) -> int:
        key = scalar.identity
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.nodes)
            self.nodes.append(scalar)
        return found

    def literal(self, item: Item) -> float | None:
        if isinstance(item, OpenSum):
            return item.constant if len(item) == 0 else None
        node = self.nodes[item]
        return node.value if isinstance(node, Literal) else None

    def close(self, item: Item) -> int:
        """The node of an item."""
        if isinstance(item, int):
            return item
        if len(item) == 0:
            return self.node(Literal(item.constant))
        single = item.one_linear_term()
        if single is not None and single[0] == 1:
            return single[1]
        return self.node(item.finished())

    def add(self, parts: Sequence[Part]) -> OpenSum:
        """Sum of ``sign * item``; the largest open sum swallows the others."""
        parts = self._with_differences_apart(parts)
        sizes = [len(item) if isinstance(item, OpenSum) else 0 for _, item in parts]
        largest = max(sizes, default=0)
        best = sizes.index(largest) if largest else -1
        total = self.scale(parts[best][1], parts[best][0]) if largest else OpenSum()
        for sign, item in reversed(parts[: max(best, 0)]):
            self._append(total, sign, item, first=True)
        for sign, item in parts[best + 1 :]:
            self._append(total, sign, item)
        return total

    def _with_differences_apart(self, parts: Sequence[Part]) -> Sequence[Part]:
        """Close the sums whose differences are exact only before anything else is added."""
        differences = [i for _, i in parts if isinstance(i, OpenSum) and i.has_difference()]
        if not differences or (len(differences) == 1 and parts[0][1] is differences[0]):
            return parts
        apart = {id(item) for item in differences}
        return [(s, self.close(i) if id(i) in apart else i) for s, i in parts]

    def _append(self, total: OpenSum, sign: float, item: Item, first: bool = False) -> None:
        """Add ``sign * item``; an open sum comes apart."""
        if isinstance(item, OpenSum):
            item.scale(sign)
            total.swallow(item, first)
            self._add_constant(total, item.constant)
            return
        value = self.literal(item)
        if value is None:
            total.add_linear(sign, item, first)
        else:
            self._add_constant(total, sign * value)

    def _add_constant(self, total: OpenSum, number: float) -> None:
        """Add a number; after all else where two numbers in one might hide an overflow."""
        small = max(abs(total.constant), abs(number), abs(total.constant + number)) <= _SMALL
        if number and total.constant and not small:
            node = self.close(total)
            total.clear()
            total.constant = 0.0
            total.add_linear(1.0, node)
        total.constant += number

    def scale(self, item: Item, factor: float) -> OpenSum:
        """``factor * item``; an open sum takes the factor where its coefficients stay exact."""
        if isinstance(item, OpenSum):
            if item.takes(factor):
                item.scale(factor)
                return item
            item = self.close(item)
        total = OpenSum()
        value = self.literal(item)
        if value is None:
            total.add_linear(factor, item)
        else:
            total.constant += factor * value
        return total

    def rescale(self, item: Item, factor: float) -> OpenSum:
        """A factor the user wrote: kept out of a sum whose exact differences it would spoil."""
        if isinstance(item, OpenSum) and item.one_linear_term() is None:
            exact = is_power_of_two(factor) and not item.has_difference()
            if not is_moderate(factor) or (item.is_mixed() and not exact):
                item = self.close(item)
        return self.scale(item, factor)

    def multiply(self, a: Item, b: Item) -> Item:
        for item, other in ((a, b), (b, a)):
            value = self.literal(item)
            if value is not None:
                return self.rescale(other, value)
        (ca, left), (cb, right) = self._factor(a), self._factor(b)
        total = OpenSum()
        total.add_product(ca * cb, left, right)
        return total

    def _factor(self, item: Item) -> tuple[float, int]:
        """Sign and node of one factor of a product."""
        if isinstance(item, OpenSum):
            single = item.one_linear_term()
            if single is not None and abs(single[0]) == 1:
                return single
        return 1.0, self.close(item)

    def divide(self, item: Item, divisor: float) -> Item:
        """Divide by a number: multiply by its reciprocal only where that is exact."""
        if is_power_of_two(divisor) and is_moderate(divisor):
            return self.rescale(item, 1.0 / divisor)
        return self.elementwise("div", [item, self.node(Literal(divisor))])

    def elementwise(self, op: str, items: Sequence[Item]) -> int:
        values = [self.literal(item) for item in items]
        if all(value is not None for value in values):
            return self.node(Literal(PRIMITIVES[op].evaluate(values)))  # type: ignore[arg-type]
        return self.node(Elementwise(op, tuple([self.close(item) for item in items])))

    def row(self, items: Sequence[Item], op: str) -> int:
        """A row of the table as it is."""
        if not PRIMITIVES[op].has_vectors:
            return self.elementwise(op, items)
        return self.node(Vector(op, tuple([self.close(item) for item in items])))

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


def _dot(builder: _Builder, items: Sequence[Item]) -> Item:
    half = len(items) // 2
    pairs = zip(items[:half], items[half : 2 * half], strict=True)
    products = [(1.0, builder.multiply(a, b)) for a, b in pairs]
    return builder.add([*products, *[(1.0, item) for item in items[2 * half :]]])


def _power(builder: _Builder, items: Sequence[Item]) -> Item:
    exponent = builder.literal(items[1])
    if exponent == 1.0:
        return items[0]
    if exponent == 2.0:
        node = builder.close(items[0])
        return builder.multiply(node, node)
    return builder.elementwise("pow", items)


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


def _first_apart(scalar: Scalar) -> tuple[int, Sum | None]:
    """The first linear term of a sum, if it has coefficient 1, and the sum of the others."""
    if isinstance(scalar, Sum) and len(scalar.linear) > 1 and scalar.linear[0][0] == 1:
        return scalar.linear[0][1], replace(scalar, linear=scalar.linear[1:])
    return -1, None


def _take(builder: _Builder, items: Sequence[Item]) -> Item:
    """Pick first and add the rest afterwards, where all choices add the same: log_softmax."""
    index, *choices = [builder.close(item) for item in items]
    apart = [_first_apart(builder.nodes[choice]) for choice in choices]
    rest = apart[0][1]
    if (
        len(choices) == 1
        or rest is None
        or any(r is None or r.identity != rest.identity for _, r in apart)
    ):
        return builder.node(Take(index, tuple(choices)))
    total = OpenSum()
    total.add_linear(1.0, builder.node(Take(index, tuple([node for node, _ in apart]))))
    for c, a, b in rest.products:
        total.add_product(c, a, b)
    for c, a in rest.linear:
        total.add_linear(c, a)
    total.constant = rest.constant
    return total


Rule = Callable[[_Builder, Sequence[Item]], Item]
_RULES: dict[str, Rule] = {
    "add": _sum,
    "sub": lambda builder, items: builder.add([(1.0, items[0]), (-1.0, items[1])]),
    "neg": lambda builder, items: builder.scale(items[0], -1.0),
    "mul": lambda builder, items: builder.multiply(items[0], items[1]),
    "multiply_no_nan": lambda builder, items: builder.multiply(items[0], items[1]),
    "div": _divide,
    "pow": _power,
    "sum": _sum,
    "dot": _dot,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "take": _take,
}
"""Sums, products, quotients and powers, and the family of logsumexp; the rest is in the table."""


def _rule(op: str, exact: bool) -> Rule:
    """What becomes of a row: a rule, what its formula does, or a node for the row itself."""
    if not (exact and has_two_forms(op)):
        if op in _RULES:
            return _RULES[op]
        if is_written_out(PRIMITIVES[op]):
            return partial(_written_out, PRIMITIVES[op])
    return partial(_Builder.row, op=op)


def _written_out(row: Primitive, builder: _Builder, items: Sequence[Item]) -> Item:
    """What the value formula of a row does to its operands."""
    used = Counter(part.id for part in parts(row.value_formula) if isinstance(part, ast.Name))
    names = row.bind(items)
    for name, span in zip(row.names, row.spans(len(items)), strict=True):
        if used[name] > 1:  # an open sum has one user
            closed = [builder.close(item) for item in items[span]]
            names[name] = GroupOf(closed) if name in row.vectors else closed[0]
    return _Formula(builder, names).interpret(row.value_formula)  # type: ignore[no-any-return]


class _Formula(VectorInterpreter):
    """Reads the value formula of a row over the items of a builder."""

    def __init__(self, builder: _Builder, names: Mapping[str, Any]) -> None:
        super().__init__(names)
        self.builder = builder

    def number(self, value: float) -> Item:
        """A constant."""
        return self.builder.node(Literal(float(value)))

    def name(self, name: str) -> Any:
        """An operand; a number for one that is left out."""
        found = super().name(name)
        return self.number(found) if isinstance(found, float) else found

    def apply(self, op: str, operands: Sequence[Any]) -> Any:
        """Element by element; what meets every element of a vector has more than one user."""
        if any(isinstance(operand, GroupOf) for operand in operands):
            operands = [o if isinstance(o, GroupOf) else self.builder.close(o) for o in operands]
        return super().apply(op, operands)

    def scalar(self, op: str, operands: Sequence[Item]) -> Item:
        """A row without vectors, by its own rule."""
        return _rule(op, exact=False)(self.builder, operands)

    def reduction(self, op: str, groups: Sequence[Any]) -> Item:
        """A row with vectors, by its own rule."""
        return _rule(op, exact=False)(self.builder, joined_lists(groups))


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
    leaves: dict[Value, Scalar] = {p: Leaf("theta", k) for p, k in trace.parameters.items()}
    leaves |= {x: Leaf(f"input{k}", position) for x, (k, position) in trace.inputs.items()}
    uses = Counter(parent for node in trace.nodes for parent in node.parents)
    uses.update(trace.outputs)
    exact = _deciding(trace) if not nan_safe else set(trace.nodes)
    items: dict[Value, Item] = {}
    for node in trace.nodes:
        if node in leaves or not node.parents:
            items[node] = builder.node(leaves.get(node) or Literal(node.data))
            continue
        arguments = [_for_one_user(items[p], uses[p]) for p in node.parents]
        item = _rule(node.op, node in exact)(builder, arguments)
        # shift and logarithm are two terms for each user, so that x - logsumexp is exact
        shared = uses[node] > 1 and (node in exact or node.op != "logsumexp")
        items[node] = builder.close(item) if shared else item
    outputs = [builder.close(items[output]) for output in trace.outputs]
    return without_dead_code(builder.nodes, outputs)


def has_other_nan_safe_form(trace: Trace) -> bool:
    """Whether the NaN-safe form of a trace is another one."""
    return any(has_two_forms(op) for op in {node.op for node in trace.nodes})


def _deciding(trace: Trace) -> set[Value]:
    """The nodes of which a NaN might end in a number, and so would not be repaired."""
    found: set[Value] = set()
    for node in reversed(trace.nodes):
        found.update(node.parents if node in found else deciding_operands(node.op, node.parents))
    return found


def _for_one_user(item: Item, uses: int) -> Item:
    """The item, to grow in the hands of one of its users."""
    return item.copy() if uses > 1 and isinstance(item, OpenSum) else item
