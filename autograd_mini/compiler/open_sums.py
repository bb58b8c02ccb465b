"""Sums that grow while the graph is read: each term is touched a bounded number of times.

Factors that are a power of two, or minus one, are put off until the sum is finished: a chain such
as ``t = x - t`` or ``t = 0.5 * (t + x)`` costs as much as its terms.
"""

from __future__ import annotations

import math
from collections import deque

from ..table.rewrite import folds, is_moderate
from .ir.scalars import Sum


def is_power_of_two(number: float) -> bool:
    """Whether a number is 2**k or -(2**k): a product with it has no rounding.

    Examples
    --------
    >>> [is_power_of_two(x) for x in (0.5, -1.0, 3.0, 0.0)]
    [True, True, False, False]
    """
    return abs(math.frexp(number)[0]) == 0.5


class OpenSum:
    """A sum that is still growing, because its only user may swallow it.

    Examples
    --------
    >>> total = OpenSum()
    >>> total.add_product(3.0, 0, 1)
    >>> total.scale(-0.5)
    >>> total.add_linear(1.0, 2)
    >>> total.finished()
    Sum(products=((-1.5, 0, 1),), linear=((1.0, 2),), constant=0.0)
    """

    __slots__ = (
        "_falling",
        "_largest",
        "_pending",
        "_rising",
        "_smallest",
        "constant",
        "linear",
        "products",
    )

    def __init__(self) -> None:
        self.constant = 0.0
        self.clear()

    def clear(self) -> None:
        """Forget the terms."""
        self.products: deque[tuple[float, int, int]] = deque()
        self.linear: deque[tuple[float, int]] = deque()
        self._pending = 1.0  # what all coefficients are still to be multiplied by
        self._smallest, self._largest = math.inf, 0.0
        self._rising = self._falling = False  # whether there is a coefficient of either sign

    def __len__(self) -> int:
        return len(self.products) + len(self.linear)

    def add_product(self, coefficient: float, a: int, b: int, first: bool = False) -> None:
        """Add ``coefficient * a * b``, before or after the other products."""
        term = self._stored(coefficient), a, b
        self.products.appendleft(term) if first else self.products.append(term)

    def add_linear(self, coefficient: float, a: int, first: bool = False) -> None:
        """Add ``coefficient * a``, before or after the other linear terms."""
        term = self._stored(coefficient), a
        self.linear.appendleft(term) if first else self.linear.append(term)

    def _stored(self, coefficient: float) -> float:
        """A coefficient without the factor that it will be multiplied by."""
        if self._pending != 1:
            if abs(self._pending) != 1 and not is_moderate(coefficient):
                self._multiply(1.0)
            coefficient /= self._pending
        self._note(coefficient)
        return coefficient

    def _note(self, coefficient: float) -> None:
        size = abs(coefficient)
        self._smallest = min(self._smallest, size) if size == size else 0.0
        self._largest = max(self._largest, size)
        self._rising = self._rising or coefficient > 0
        self._falling = self._falling or coefficient < 0

    def swallow(self, other: OpenSum, first: bool = False) -> None:
        """Add the terms of another sum, before or after its own; not the constant."""
        pending = other._pending
        for c, a, b in reversed(other.products) if first else other.products:
            self.add_product(pending * c, a, b, first)
        for c, a in reversed(other.linear) if first else other.linear:
            self.add_linear(pending * c, a, first)

    def copy(self) -> OpenSum:
        """The same sum, to grow on its own."""
        twin = OpenSum()
        twin.swallow(self)
        twin.constant = self.constant
        return twin

    def one_linear_term(self) -> tuple[float, int] | None:
        """The coefficient and the node of a sum that is nothing else."""
        if self.products or len(self.linear) != 1 or self.constant:
            return None
        ((coefficient, node),) = self.linear
        return self._pending * coefficient, node

    def has_difference(self) -> bool:
        """Whether terms of either sign may cancel, as in ``(x - shift)``: not products alone."""
        if not self.linear and not self.constant:
            return False
        rising, falling = self._rising, self._falling
        if self._pending < 0:
            rising, falling = falling, rising
        return (rising or self.constant > 0) and (falling or self.constant < 0)

    def is_mixed(self) -> bool:
        """Whether it is more than products."""
        return bool(self.linear) or bool(self.constant)

    def takes(self, factor: float) -> bool:
        """Whether its coefficients times `factor` are what the products one by one would give."""
        if abs(factor) == 1:
            return True
        if self.constant and not folds(factor, self.constant):
            return False
        if is_power_of_two(factor) and is_moderate(factor) and len(self):
            ends = abs(self._pending) * self._smallest, abs(self._pending) * self._largest
            return all(is_moderate(end) and is_moderate(factor * end) for end in ends)
        coefficients = {self._pending * c for c, *_ in (*self.products, *self.linear)}
        return all(folds(factor, c) for c in coefficients)

    def scale(self, factor: float) -> None:
        """Multiply everything by a factor that it takes."""
        if self.constant:
            self.constant *= factor
        if abs(factor) == 1 or (is_power_of_two(factor) and is_moderate(factor)):
            self._pending *= factor
        else:
            self._multiply(factor)

    def _multiply(self, factor: float) -> None:
        """Multiply each coefficient now."""
        before = self.copy()
        self.clear()
        for c, a, b in before.products:
            self.add_product(factor * c, a, b)
        for c, a in before.linear:
            self.add_linear(factor * c, a)

    def finished(self) -> Sum:
        """The sum as a node."""
        pending = self._pending
        products = [(pending * c, a, b) for c, a, b in self.products]
        return Sum(
            tuple(products), tuple([(pending * c, a) for c, a in self.linear]), self.constant
        )
