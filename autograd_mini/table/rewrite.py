"""Formulas rewritten: put in place, simplified, folded to numbers, and differentiated by the table.

What is rewritten gives the same floats as before, to the last bit but for the order of exact
factors: a choice stays a choice, and 0 times a formula is 0 only where a derivative vanishes.  How
formulas are tidied for people, who want them short, is a matter of explanations.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import reduce

from .grammar import REDUCTIONS, Operator, names_in, operation
from .interpreter import Interpreter
from .primitives import PRIMITIVES


def with_operands(formula: ast.expr, operands: Sequence[ast.expr]) -> ast.expr:
    """The same operation over other operands.

    Examples
    --------
    >>> product, new = ast.parse("a * b", mode="eval").body, ast.Name("x")
    >>> ast.unparse(with_operands(product, [new, new]))
    'x * x'
    """
    if isinstance(formula, ast.BinOp):
        return ast.BinOp(operands[0], formula.op, operands[1])
    if isinstance(formula, ast.UnaryOp):
        return ast.UnaryOp(formula.op, operands[0])
    if isinstance(formula, ast.Compare):
        return ast.Compare(operands[0], formula.ops, [operands[1]])
    if isinstance(formula, ast.Call):
        return ast.Call(formula.func, list(operands), [])
    return formula


def substitute(formula: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """Put formulas in place of names, all at once.

    Examples
    --------
    >>> product = ast.parse("a * b", mode="eval").body
    >>> ast.unparse(substitute(product, {"a": ast.Name("b"), "b": ast.Name("a")}))
    'b * a'
    """
    if isinstance(formula, ast.Name):
        return names.get(formula.id, formula)
    return with_operands(formula, [substitute(part, names) for part in operation(formula)[1]])


def simplify(formula: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """Put formulas in place of names, and take the arm of a choice that numbers decide.

    Examples
    --------
    >>> power = ast.parse("where(b == 0, 1, b * a)", mode="eval").body
    >>> ast.unparse(simplify(power, {"b": ast.Constant(2.0)}))
    '2.0 * a'
    """
    if isinstance(formula, ast.Name):
        return names.get(formula.id, formula)
    what, operands = operation(formula)
    operands = [simplify(operand, names) for operand in operands]
    if what == "where":
        condition, taken, other = operands
        truth = _truth(condition)
        if truth is not None:
            return taken if truth else other
        if same(taken, other):
            return taken
    return with_operands(formula, operands)


def _truth(condition: ast.expr) -> bool | None:
    """Whether a condition over numbers alone holds."""
    if isinstance(condition, ast.Constant):
        return bool(condition.value)
    what, operands = operation(condition)
    numbers = [operand.value for operand in operands if isinstance(operand, ast.Constant)]
    if not isinstance(condition, ast.Compare) or len(numbers) < 2:
        return None
    assert isinstance(what, Operator)
    return bool(what.function(*numbers))


def same(a: ast.expr, b: ast.expr) -> bool:
    """Whether two formulas are written alike."""
    return ast.dump(a) == ast.dump(b)


def fold(formula: ast.expr) -> float | None:
    """The number that a formula without names is, in IEEE arithmetic; None if it has names.

    Examples
    --------
    >>> fold(ast.parse("2 / sqrt(4)", mode="eval").body)
    1.0
    >>> fold(ast.parse("2 * x", mode="eval").body) is None
    True
    """
    return _Folding().interpret(formula)


class _Folding(Interpreter["float | None"]):
    def number(self, value: float) -> float | None:
        return value

    def name(self, name: str) -> float | None:
        return math.pi if name == "pi" else None

    def apply(self, op: str, operands: Sequence[float | None]) -> float | None:
        numbers = [operand for operand in operands if operand is not None]
        if len(numbers) < len(operands) or op not in PRIMITIVES:
            return None
        return PRIMITIVES[op].evaluate(numbers)


def opened(formula: ast.expr, closed: Collection[str]) -> ast.expr:
    """A call of a row becomes that row's formula, unless it is one of those that stay closed.

    Examples
    --------
    >>> ast.unparse(opened(ast.parse("silu(a)", mode="eval").body, closed={"exp"}))
    'a * sigmoid(a)'
    """
    what, operands = operation(formula)
    if not isinstance(formula, ast.Call) or what in closed or what not in PRIMITIVES:
        return formula
    row = PRIMITIVES[str(what)]
    return substitute(row.value_formula, dict(zip(row.names, operands, strict=True)))


def spelled_out(formula: ast.expr, closed: Collection[str]) -> ast.expr:
    """As :func:`opened`, and so is what comes to light by that.

    Examples
    --------
    >>> silu = ast.parse("2 * silu(a)", mode="eval").body
    >>> ast.unparse(spelled_out(silu, closed={"exp"}))
    '2 * (a * (1 / (1 + exp(-a))))'
    """
    formula = opened(formula, closed)
    _, operands = operation(formula)
    return with_operands(formula, [spelled_out(operand, closed) for operand in operands])


# Derivatives.


def derivative(formula: ast.expr, name: str) -> ast.expr:
    """Derivative of a scalar formula toward a name: the chain rule, and the table's derivatives.

    Raises
    ------
    ValueError
        If the name stands in a function of whole vectors.

    Examples
    --------
    >>> [ast.unparse(derivative(ast.parse(text, mode="eval").body, "x"))
    ...  for text in ("sin(x) * 2", "exp(-x)", "x * x")]
    ['2.0 * cos(x)', '-exp(-x)', 'x + x']
    """
    if isinstance(formula, ast.Name) and formula.id == name:
        return ast.Constant(1.0)
    what, operands = operation(formula)
    if isinstance(formula, ast.Compare) or name not in names_in(formula):
        return ast.Constant(0.0)
    op = what.row if isinstance(what, Operator) else what
    if op in REDUCTIONS:
        raise ValueError(
            f"{ast.unparse(formula)!r} is a function of vectors, not of {name!r} alone"
        )
    row = PRIMITIVES[op]
    bound = dict(zip(row.names, operands, strict=True)) | {"y": formula}
    terms = []
    for operand, partial in zip(operands, row.partial_formulas, strict=True):
        inner = derivative(operand, name)
        if not is_zero(inner):
            terms.append(times(simplify(partial, bound), inner))
    terms = [term for term in terms if not is_zero(term)] or [ast.Constant(0.0)]
    return reduce(lambda a, b: ast.BinOp(a, ast.Add(), b), terms)


_MODERATE = 2.0**64


def is_moderate(factor: float) -> bool:
    """Whether a factor is so far from 0 and infinity that the order of products does not matter.

    Not exactly: it does where an operand lies within as much of the largest or smallest number.
    """
    return 1 / _MODERATE <= abs(factor) <= _MODERATE


def folds(a: float, b: float) -> bool:
    """Whether ``a * (b * x)`` may be written ``(a * b) * x``: the product of the two is exact.

    Examples
    --------
    >>> folds(0.5, 3.0), folds(1 / 49, 49.0), folds(1e200, 1e200)
    (True, False, False)
    """
    if abs(a) == 1 or abs(b) == 1:
        return True
    product = a * b
    moderate = is_moderate(a) and is_moderate(b) and is_moderate(product)
    return moderate and Fraction(a) * Fraction(b) == Fraction(product)


def is_zero(formula: ast.expr) -> bool:
    """Whether a formula is the number 0, or minus that."""
    if isinstance(formula, ast.UnaryOp):
        return is_zero(formula.operand)
    return isinstance(formula, ast.Constant) and formula.value == 0


def _leading_number(formula: ast.expr) -> tuple[float, ast.expr | None]:
    """The number that a product begins with, also a minus, and the rest; None if there is none."""
    if isinstance(formula, ast.Constant):
        return float(formula.value), None  # type: ignore[arg-type]  # a number
    if isinstance(formula, ast.UnaryOp):
        number, rest = _leading_number(formula.operand)
        return -number, rest
    if isinstance(formula, ast.BinOp) and isinstance(formula.op, ast.Mult):
        number, rest = _leading_number(formula.left)
        if rest is None:
            return number, formula.right
    return 1.0, formula


def _scaled(number: float, formula: ast.expr) -> ast.expr:
    """``number * formula``, with the numbers of both as one."""
    if not number:
        return ast.Constant(0.0)
    inner, rest = _leading_number(formula)
    if rest is None or not folds(number, inner):
        inner, rest = 1.0, formula
    if abs(number * inner) == 1:
        return rest if number * inner > 0 else ast.UnaryOp(ast.USub(), rest)
    return ast.BinOp(ast.Constant(number * inner), ast.Mult(), rest)


def times(factor: ast.expr, partial: ast.expr) -> ast.expr:
    """``factor * partial``, with the trivial cases simplified; ``where`` selects, so 0 stays 0.

    Examples
    --------
    >>> choice = ast.parse("where(x > 0, 2 * x, 0)", mode="eval").body
    >>> ast.unparse(times(ast.Name("d"), choice))
    'where(x > 0, 2.0 * (d * x), 0.0)'
    """
    for given, other in ((partial, factor), (factor, partial)):
        number, rest = _leading_number(given)
        if rest is None:
            return _scaled(number, other)
    what, operands = operation(partial)
    if what == "where":
        condition, *arms = operands
        arms = [times(factor, arm) for arm in arms]
        return (
            ast.Constant(0.0)
            if all(map(is_zero, arms))
            else with_operands(partial, [condition, *arms])
        )
    number, rest = _leading_number(partial)
    if rest is not None and rest is not partial:
        return _scaled(number, times(factor, rest))
    if isinstance(partial, ast.BinOp) and isinstance(partial.op, ast.Div):
        numerator = times(factor, partial.left)
        if not is_zero(numerator):  # 0 / x may be NaN
            return _quotient(numerator, partial.right)
    return ast.BinOp(factor, ast.Mult(), partial)


def _quotient(above: ast.expr, below: ast.expr) -> ast.expr:
    """A quotient, a minus in front of the whole."""
    if isinstance(above, ast.UnaryOp):
        return ast.UnaryOp(above.op, ast.BinOp(above.operand, ast.Div(), below))
    return ast.BinOp(above, ast.Div(), below)
