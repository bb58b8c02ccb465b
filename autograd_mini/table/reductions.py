"""The functions of whole vectors, each defined once: over lists of floats, Values, and arrays."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .vectors import Vector

Array = npt.NDArray[Any]


class Reductions(ABC):
    """The functions that give one number for each element; a subclass says how to compute.

    Several groups of elements count as one vector; one of them may be a single number.  The
    largest element is subtracted before exponentials are taken, so that none overflows.
    """

    @abstractmethod
    def joined(self, groups: Sequence[Any]) -> Any:
        """The elements of several groups as one vector."""

    @abstractmethod
    def largest(self, elements: Any) -> Any:
        """The largest element; NaN where that is infinite and another is NaN."""

    @abstractmethod
    def exponentials(self, elements: Any, shift: Any) -> Any:
        """``exp(x - shift)`` of every element."""

    @abstractmethod
    def total(self, elements: Any, /) -> Any:
        """The sum of the elements."""

    def vector(self, elements: Any) -> Any:
        """Elements as a vector to compute with."""
        return Vector(elements)

    @abstractmethod
    def if_finite(self, number: Any, then: Any, otherwise: Any) -> Any:
        """A choice between two numbers by whether another is finite."""

    def softmax(self, first: Any, *others: Any) -> Any:
        """Probabilities of the elements of the first group, among those of all groups.

        A largest element of infinity takes all; its own share is NaN.

        Examples
        --------
        >>> FLOAT_REDUCTIONS.softmax([0.0], [0.0, 1e4])
        [0.0]
        """
        elements = self.joined((first, *others))
        largest = self.largest(elements)
        weights = self.exponentials(elements, largest)
        total = self.if_finite(largest, self.total(weights), 1.0)
        return self.vector(weights[: len(first)]) / total

    def prod_others(self, x: Any) -> Any:
        """Products that leave one element out, without a division: right at zeros.

        Examples
        --------
        >>> FLOAT_REDUCTIONS.prod_others([2.0, 0.0, 5.0])
        [0.0, 10.0, 0.0]
        """
        products: list[Any] = []
        before: Any = 1.0
        for element in x:
            products.append(before)
            before = before * element
        after: Any = 1.0
        for i in range(len(products) - 1, -1, -1):
            products[i] = products[i] * after
            after = after * x[i]
        return Vector(products)


class NumberReductions(Reductions):
    """The functions that give one number, too."""

    @abstractmethod
    def total_of_others(self, weights: Any, /) -> Any:
        """The sum of exponentials without the largest, which is 1, as accurate as if it was not."""

    @abstractmethod
    def log1p(self, x: Any, /) -> Any:
        """Logarithm of 1 + x."""

    @abstractmethod
    def prod(self, x: Any) -> Any:
        """The product of the elements; 1 of none."""

    @abstractmethod
    def norm(self, x: Any) -> Any:
        """The Euclidean length, without overflow."""

    @abstractmethod
    def sum(self, x: Any, /) -> Any:
        """The sum of the elements in order; 0 of none."""

    @abstractmethod
    def dot(self, a: Any, b: Any) -> Any:
        """The sum of products."""

    def logsumexp(self, *groups: Any) -> Any:
        """Logarithm of the sum of exponentials, accurate where one of them is nearly all.

        Examples
        --------
        >>> FLOAT_REDUCTIONS.logsumexp([1e-20, -800.0])
        1e-20
        """
        elements = self.joined(groups)
        largest = self.largest(elements)
        weights = self.exponentials(elements, largest)
        finite = largest + self.log1p(self.total_of_others(weights))
        return self.if_finite(largest, finite, largest)


def joined_lists(groups: Sequence[Any]) -> list[Any]:
    """The elements of several lists, of which one may be a single element.

    Examples
    --------
    >>> joined_lists(([1.0, 2.0], 3.0))
    [1.0, 2.0, 3.0]
    """
    elements: list[Any] = []
    for group in groups:
        if isinstance(group, list):
            elements.extend(group)
        else:
            elements.append(group)
    return elements


class _Floats(NumberReductions):
    """Over lists of floats."""

    joined = staticmethod(joined_lists)
    total = staticmethod(math.fsum)
    log1p = staticmethod(math.log1p)

    def largest(self, elements: list[float]) -> float:
        found = max(elements)
        return math.nan if math.isinf(found) and any(x != x for x in elements) else found

    def exponentials(self, elements: list[float], shift: float) -> list[float]:
        return [math.exp(x - shift) for x in elements]

    def if_finite(self, number: float, then: float, otherwise: float) -> float:
        return then if math.isfinite(number) else otherwise

    def total_of_others(self, weights: list[float], /) -> float:
        return math.fsum([*weights, -1.0])  # rounded once

    def sum(self, x: list[float]) -> float:
        return sum(x, 0.0)

    def prod(self, x: list[float]) -> float:
        return math.prod(x, start=1.0)

    def dot(self, a: list[float], b: list[float]) -> float:
        return sum(map(operator.mul, a, b), 0.0)

    def norm(self, x: list[float]) -> float:
        return math.hypot(*x)  # scaled, so that squares neither overflow nor vanish


class _Arrays(NumberReductions):
    """Over the first axis of arrays, for all positions of the other axes at once."""

    def joined(self, groups: Sequence[Any]) -> Array:
        like = max(groups, key=np.ndim)
        one: tuple[int, ...] = like.shape[1:]
        columns = [g if np.ndim(g) == like.ndim else np.broadcast_to(g, one)[None] for g in groups]
        return np.concatenate(columns)

    def largest(self, elements: Array) -> Array:
        found: Array = np.max(elements, axis=0)
        return found

    def exponentials(self, elements: Array, shift: Array) -> Array:
        weights: Array = np.exp(elements - shift)
        return weights

    def total(self, elements: Array, /) -> Array:
        total: Array = np.sum(elements, axis=0)
        return total

    sum = total

    def vector(self, elements: Array) -> Array:
        return elements

    def if_finite(self, number: Array, then: Any, otherwise: Any) -> Array:
        chosen: Array = np.where(np.isfinite(number), then, otherwise)
        return chosen

    def total_of_others(self, weights: Array, /) -> Array:
        np.put_along_axis(weights, np.argmax(weights, axis=0)[None], 0.0, axis=0)
        return self.total(weights)

    def log1p(self, x: Array) -> Array:
        logarithm: Array = np.log1p(x)
        return logarithm

    def prod(self, x: Array) -> Array:
        product: Array = np.prod(x, axis=0)
        return product

    def prod_others(self, x: Array) -> Array:
        products = np.empty_like(x)
        for i, product in enumerate(super().prod_others(x)):
            products[i] = product
        return products

    def dot(self, a: Array, b: Array) -> Array:
        total: Array = self.total(a * b)
        return total

    def norm(self, x: Array) -> Array:
        length: Array = np.hypot.reduce(x, axis=0)
        return length


FLOAT_REDUCTIONS = _Floats()
ARRAY_REDUCTIONS = _Arrays()
