"""Vectors of anything that can be computed with: the operands of a vector row."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import repeat
from typing import Any


class Vector(list[Any]):
    """The operands of a vector row: a list whose arithmetic works element by element.

    Examples
    --------
    >>> 2 * (Vector([1.0, 2.0]) - 0.5)
    [1.0, 3.0]
    """

    __array_ufunc__ = None  # so that ``numpy.float64 * Vector`` asks the Vector

    def __add__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.add, self, other))
        return Vector([element + other for element in self])

    def __sub__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.sub, self, other))
        return Vector([element - other for element in self])

    def __mul__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.mul, self, other))
        return Vector([element * other for element in self])

    def __truediv__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.truediv, self, other))
        return Vector([element / other for element in self])

    def __pow__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.pow, self, other))
        return Vector([element**other for element in self])

    def __neg__(self) -> Vector:
        return Vector([-element for element in self])

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Vector:
        return Vector([other - element for element in self])

    def __rtruediv__(self, other: Any) -> Vector:
        return Vector([other / element for element in self])

    def __rpow__(self, other: Any) -> Vector:
        return Vector([other**element for element in self])


def repeated(number: Any, n: int) -> Vector:
    """A number as a vector of `n` elements.

    Examples
    --------
    >>> repeated(0.5, 2)
    [0.5, 0.5]
    """
    return Vector([number] * n)


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a scalar function also map over :class:`Vector` arguments.

    Examples
    --------
    >>> elementwise(max)(Vector([1.0, 4.0]), 2.0)
    [2.0, 4.0]
    """

    def mapped(*arguments: Any) -> Any:
        lengths = [len(argument) for argument in arguments if isinstance(argument, Vector)]
        if not lengths:
            return function(*arguments)
        columns = [a if isinstance(a, Vector) else repeat(a, lengths[0]) for a in arguments]
        return Vector(map(function, *columns))

    return mapped
