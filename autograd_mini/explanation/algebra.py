"""Formulas put together and tidied: what a written-out chain rule needs of algebra, and no more.

Expressions are those of :mod:`autograd_mini.table.grammar`, as ``ast`` nodes; a name may be any
text.  Numbers fold, factors 1 and terms 0 vanish, signs move to the front, equal factors of one
formula become a power.  Nothing here knows a derivative.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass, field


def number(value: float) -> ast.expr:
    """A number as an expression."""
    return ast.Constant(float(value))


def symbol(text: str) -> ast.expr:
    """A name as an expression."""
    return ast.Name(text, ast.Load())


def call(function: str, arguments: Iterable[ast.expr]) -> ast.expr:
    """A function call as an expression."""
    return ast.Call(symbol(function), list(arguments), [])


def number_in(expression: ast.expr) -> float | None:
    """The number that an expression is, or None."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, float):
        return expression.value
    return None


@dataclass
class Product:
    """A product in the making: numbers apart, the other factors in the order they came.

    Examples
    --------
    >>> half = Product().times(number(0.5)).times(symbol("x")).times(number(2))
    >>> ast.unparse(half.expression())
    'x'
    """

    scale: float = 1.0
    divisor: float = 1.0
    factors: list[ast.expr] = field(default_factory=list)
    divisors: list[ast.expr] = field(default_factory=list)

    def times(self, expression: ast.expr) -> Product:
        """Multiply by an expression, taking products and quotients apart."""
        self._collect(expression, inverse=False)
        return self

    def over(self, expression: ast.expr) -> Product:
        """Divide by an expression."""
        self._collect(expression, inverse=True)
        return self

    def _collect(self, expression: ast.expr, inverse: bool) -> None:
        value = number_in(expression)
        if value is not None:
            self._scale(value, inverse)
        elif isinstance(expression, ast.UnaryOp):
            self.scale = -self.scale
            self._collect(expression.operand, inverse)
        elif isinstance(expression, ast.BinOp) and isinstance(expression.op, (ast.Mult, ast.Div)):
            self._collect(expression.left, inverse)
            self._collect(expression.right, inverse ^ isinstance(expression.op, ast.Div))
        else:
            (self.divisors if inverse else self.factors).append(expression)

    def _scale(self, value: float, inverse: bool) -> None:
        """Fold a number in, unless that would overflow, vanish or divide by 0."""
        if inverse:
            result = self.divisor * value
            if value and math.isfinite(result) and result:
                self.divisor = result
            else:
                self.divisors.append(number(value))
            return
        result = self.scale * value
        if not value or not self.scale:
            self.scale = 0.0  # zero carries nothing, as in backward
        elif (math.isfinite(result) and result) or not all(map(math.isfinite, (self.scale, value))):
            self.scale = result
        else:
            self.factors.append(number(value))

    @property
    def is_zero(self) -> bool:
        """Whether the product is the number 0."""
        return not self.scale

    @property
    def negative(self) -> bool:
        """Whether the sign in front is a minus."""
        return not self.is_zero and (self.scale < 0) != (self.divisor < 0)

    def parts(self) -> tuple[list[ast.expr], list[ast.expr]]:
        """Factors above and below the line without the sign, 1s left out, numbers first."""
        top, bottom = _reduced(abs(self.scale), abs(self.divisor))
        above = self.factors if top == 1 else [number(top), *self.factors]
        below = self.divisors if bottom == 1 else [number(bottom), *self.divisors]
        return list(above) or [number(1)], list(below)

    def expression(self) -> ast.expr:
        """The product as one expression, equal factors as powers."""
        if self.is_zero:
            return number(0)
        above, below = (_powers(part) for part in self.parts())
        result = _chained(above)
        if below:
            result = ast.BinOp(result, ast.Div(), _chained(below))
        if not self.negative:
            return result
        value = number_in(result)
        return ast.UnaryOp(ast.USub(), result) if value is None else number(-value)


def _reduced(top: float, bottom: float) -> tuple[float, float]:
    """A fraction of whole numbers in lowest terms, another one as a number if that is short."""
    if top.is_integer() and bottom.is_integer():
        divisor = math.gcd(int(top), int(bottom))
        return top / divisor, bottom / divisor
    quotient = top / bottom
    if float(f"{quotient:.6g}") == quotient and quotient * bottom == top:
        return quotient, 1.0
    return top, bottom


def _powers(factors: list[ast.expr]) -> list[ast.expr]:
    """Equal factors put together, each where it first stood."""
    if len(factors) < 2:
        return factors
    bases: dict[str, tuple[ast.expr, float]] = {}
    for factor in factors:
        base, exponent = _base_and_exponent(factor)
        _, count = bases.get(ast.dump(base), (base, 0.0))
        bases[ast.dump(base)] = base, count + exponent
    return [power(base, number(exponent)) for base, exponent in bases.values()]


def _base_and_exponent(factor: ast.expr) -> tuple[ast.expr, float]:
    if isinstance(factor, ast.BinOp) and isinstance(factor.op, ast.Pow):
        exponent = number_in(factor.right)
        if exponent is not None and exponent > 0 and exponent.is_integer():
            return factor.left, exponent
    return factor, 1.0


def _chained(factors: list[ast.expr]) -> ast.expr:
    result = factors[0]
    for factor in factors[1:]:
        result = ast.BinOp(result, ast.Mult(), factor)
    return result


def times(a: ast.expr, b: ast.expr) -> ast.expr:
    """The product of two expressions.

    Examples
    --------
    >>> ast.unparse(times(symbol("y"), symbol("y")))
    'y ** 2.0'
    """
    return Product().times(a).times(b).expression()


def over(a: ast.expr, b: ast.expr) -> ast.expr:
    """The quotient of two expressions."""
    return Product().times(a).over(b).expression()


def negated(a: ast.expr) -> ast.expr:
    """The negative of an expression."""
    return times(number(-1), a)


def plus(a: ast.expr, b: ast.expr) -> ast.expr:
    """The sum of two expressions.

    Examples
    --------
    >>> ast.unparse(plus(symbol("a"), negated(symbol("b"))))
    'a - b'
    """
    left, right = number_in(a), number_in(b)
    if left is not None and right is not None:
        return number(left + right)
    if left == 0:
        return b
    if right == 0:
        return a
    if isinstance(b, ast.UnaryOp) or (right is not None and right < 0):
        return ast.BinOp(a, ast.Sub(), negated(b))
    return ast.BinOp(a, ast.Add(), b)


def minus(a: ast.expr, b: ast.expr) -> ast.expr:
    """The difference of two expressions."""
    return plus(a, negated(b))


def power(a: ast.expr, b: ast.expr) -> ast.expr:
    """A power of an expression; exponents 0 and 1 vanish.

    Examples
    --------
    >>> ast.unparse(power(symbol("x"), minus(number(3), number(1))))
    'x ** 2.0'
    """
    base, exponent = number_in(a), number_in(b)
    if exponent == 1:
        return a
    if exponent == 0:
        return number(1)
    if base is not None and exponent is not None and base > 0 and abs(exponent) <= 64:
        try:
            return number(base**exponent)
        except OverflowError:
            pass
    return ast.BinOp(a, ast.Pow(), b)
