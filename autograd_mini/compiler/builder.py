"""What the canonical form is built of: nodes, each once, and sums that are still open."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..table.primitives import PRIMITIVES
from ..table.rewrite import is_moderate
from .ir.scalars import Elementwise, Largest, Literal, Scalar, Sum, Vector
from .open_sums import OpenSum, is_power_of_two

_SMALL = 2.0**960
"""Numbers up to here do not make a finite one overflow: they are below its rounding."""

Item = int | OpenSum
Part = tuple[float, Item]


class Builder:
    """Makes nodes of items: a node, or a sum that the only user of it may swallow."""

    def __init__(self) -> None:
        self.nodes: list[Scalar] = []
        self.known: dict[Hashable, int] = {}
        self.numbers: dict[int, float] = {}
        self.shifted: dict[tuple[int, ...], tuple[int, int]] = {}

    def node(self, scalar: Scalar) -> int:
        """The number of a node, made if there is none like it."""
        key = scalar.identity
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.nodes)
            self.nodes.append(scalar)
            if isinstance(scalar, Literal):
                self.numbers[found] = scalar.value
        return found

    def literal(self, item: Item) -> float | None:
        """The number that an item is, if it is one."""
        if isinstance(item, int):
            return self.numbers.get(item)
        return None if len(item) else item.constant

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
        best, size = -1, 0
        for i, (_, item) in enumerate(parts):
            if isinstance(item, OpenSum) and len(item) > size:
                best, size = i, len(item)
        total = self.scale(parts[best][1], parts[best][0]) if size else OpenSum()
        for i in range(best - 1, -1, -1):
            self._append(total, *parts[i], first=True)
        for sign, item in parts[best + 1 :]:
            self._append(total, sign, item)
        return total

    def _with_differences_apart(self, parts: Sequence[Part]) -> Sequence[Part]:
        """Close the sums whose differences are exact only before anything else is added."""
        differences = [i for _, i in parts if not isinstance(i, int) and i.has_difference()]
        if not differences or (len(differences) == 1 and parts[0][1] is differences[0]):
            return parts
        apart = {id(item) for item in differences}
        return [(s, self.close(i) if id(i) in apart else i) for s, i in parts]

    def _append(self, total: OpenSum, sign: float, item: Item, first: bool = False) -> None:
        """Add ``sign * item``; an open sum comes apart."""
        if isinstance(item, OpenSum):
            item.scale(sign)
            total.swallow(item, first)
            if item.constant:
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
        """The product of two items."""
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
        """A row without vectors over items."""
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
            shift = self.node(Largest(key))
            terms = [(1.0, self.shifted_exp(member, shift)) for member in key]
            # a sum even of one term: rows of causal attention stay alike whatever their length
            self.shifted[key] = shift, self.node(Sum((), tuple(terms), 0.0))
        return self.shifted[key]

    def shifted_exp(self, logit: int, shift: int) -> int:
        """``exp(logit - shift)``."""
        return self.elementwise("exp", [self.close(self.add([(1.0, logit), (-1.0, shift)]))])

    def logarithm(self, members: Sequence[int], sign: float) -> list[tuple[float, Item]]:
        """``sign * logsumexp`` of the members, as the parts of a sum."""
        shift, total = self.exponentials(members)
        return [(sign, shift), (sign, self.elementwise("log", [total]))]
