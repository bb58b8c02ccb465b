"""Algebra on formulas: numbers folded, rows written out, derivatives by the table."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..table.grammar import COMPARISONS
from ..table.primitives import PRIMITIVES

NUMPY_NAMES = {"abs": "np.absolute", "erf": "special.erf", "erfc": "special.erfc"}
_BUILT_IN = frozenset(PRIMITIVES)
_BINARY_ROWS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}


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


def _leading_number(formula: ast.expr) -> tuple[float, ast.expr]:
    """The number that a product begins with, and the rest of it."""
    product = isinstance(formula, ast.BinOp) and isinstance(formula.op, ast.Mult)
    if isinstance(formula, ast.BinOp) and product and isinstance(formula.left, ast.Constant):
        return float(formula.left.value), formula.right  # type: ignore[arg-type]  # a number
    return 1.0, formula


def _scaled(number: float, formula: ast.expr) -> ast.expr:
    """``number * formula``, with the numbers of both as one."""
    inner, rest = _leading_number(formula)
    if not folds(number, inner):
        inner, rest = 1.0, formula
    if number * inner == 1:
        return rest
    return ast.BinOp(ast.Constant(number * inner), ast.Mult(), rest)


def times(factor: ast.expr, partial: ast.expr) -> ast.expr:
    """``factor * partial``, with the trivial cases simplified; ``where`` selects, so 0 stays 0."""
    if isinstance(partial, ast.Constant):
        if partial.value == 0:
            return ast.Constant(0.0)
        return _scaled(float(partial.value), factor)  # type: ignore[arg-type]  # a number
    if isinstance(partial, ast.BinOp) and isinstance(partial.op, ast.Mult):
        number, rest = _leading_number(partial)
        if rest is not partial:
            return _scaled(number, times(factor, rest))
    if isinstance(partial, ast.UnaryOp):
        return ast.UnaryOp(ast.USub(), times(factor, partial.operand))
    if isinstance(partial, ast.BinOp) and isinstance(partial.op, ast.Div):
        numerator = times(factor, partial.left)
        if not is_zero(numerator):  # 0 / x may be NaN
            negative = isinstance(numerator, ast.UnaryOp)
            top = numerator.operand if isinstance(numerator, ast.UnaryOp) else numerator
            quotient = ast.BinOp(top, ast.Div(), partial.right)
            return ast.UnaryOp(ast.USub(), quotient) if negative else quotient
    if isinstance(partial, ast.Call) and ast.unparse(partial.func) == "where":
        condition, taken, other = partial.args
        arms = [times(factor, taken), times(factor, other)]
        if all(map(is_zero, arms)):
            return ast.Constant(0.0)
        return ast.Call(partial.func, [condition, *arms], [])
    return ast.BinOp(factor, ast.Mult(), partial)


def derivative(formula: ast.expr, name: str) -> ast.expr:
    """Derivative toward a name that stands in the formula once: the chain rule and the table."""
    if isinstance(formula, ast.Name):
        return ast.Constant(1.0 if formula.id == name else 0.0)
    if isinstance(formula, ast.UnaryOp):
        row, children = PRIMITIVES["neg"], [formula.operand]
    elif isinstance(formula, ast.Call):
        assert isinstance(formula.func, ast.Name)
        row, children = PRIMITIVES[formula.func.id], list(formula.args)
    elif isinstance(formula, ast.BinOp):
        row = PRIMITIVES[_BINARY_ROWS[type(formula.op)]]
        children = [formula.left, formula.right]
    else:
        return ast.Constant(0.0)
    for child, partial in zip(children, row.partial_formulas, strict=True):
        inner = derivative(child, name)
        if not is_zero(inner):
            names = dict(zip([o.name for o in row.operands], children, strict=True))
            return times(_substituted(partial, names), inner)
    return ast.Constant(0.0)


def _substituted(formula: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    if isinstance(formula, ast.Name):
        return names.get(formula.id, formula)
    if isinstance(formula, ast.UnaryOp):
        return ast.UnaryOp(formula.op, _substituted(formula.operand, names))
    if isinstance(formula, ast.BinOp):
        left, right = _substituted(formula.left, names), _substituted(formula.right, names)
        return ast.BinOp(left, formula.op, right)
    if isinstance(formula, ast.Compare):
        right = _substituted(formula.comparators[0], names)
        return ast.Compare(_substituted(formula.left, names), formula.ops, [right])
    if isinstance(formula, ast.Call):
        return ast.Call(formula.func, [_substituted(a, names) for a in formula.args], [])
    return formula


def simplified(formula: ast.expr, numbers: Mapping[str, ast.Constant]) -> ast.expr:
    """Put numbers in place of names and take the arm of a ``where`` that they decide."""
    if isinstance(formula, ast.Name):
        return numbers.get(formula.id, formula)
    if isinstance(formula, ast.UnaryOp):
        return ast.UnaryOp(formula.op, simplified(formula.operand, numbers))
    if isinstance(formula, ast.BinOp):
        left, right = simplified(formula.left, numbers), simplified(formula.right, numbers)
        return ast.BinOp(left, formula.op, right)
    if isinstance(formula, ast.Compare):
        left = simplified(formula.left, numbers)
        return ast.Compare(left, formula.ops, [simplified(formula.comparators[0], numbers)])
    if isinstance(formula, ast.Call):
        arguments = [simplified(argument, numbers) for argument in formula.args]
        if isinstance(formula.func, ast.Name) and formula.func.id == "where":
            truth = _decided(arguments[0])
            if truth is not None:
                return arguments[1] if truth else arguments[2]
            if ast.dump(arguments[1]) == ast.dump(arguments[2]):
                return arguments[1]
        return ast.Call(formula.func, arguments, [])
    return formula


def _decided(condition: ast.expr) -> bool | None:
    """Whether a condition over numbers alone holds."""
    if isinstance(condition, ast.Constant):
        return bool(condition.value)
    if not isinstance(condition, ast.Compare):
        return None
    left, right = condition.left, condition.comparators[0]
    if not (isinstance(left, ast.Constant) and isinstance(right, ast.Constant)):
        return None
    row = PRIMITIVES[COMPARISONS[type(condition.ops[0])][1]]
    return bool(row.evaluate([float(left.value), float(right.value)]))  # type: ignore[arg-type]


def expanded(node: ast.expr) -> ast.expr:
    """A call of a row that NumPy does not have becomes that row's formula."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return node
    name = node.func.id
    if name == "where" or name not in PRIMITIVES or is_numpy(name):
        return node
    row = PRIMITIVES[name]
    given = dict(zip([operand.name for operand in row.operands], node.args, strict=False))
    for operand in row.operands:
        if operand.name not in given and operand.default is not None:
            given[operand.name] = ast.Constant(operand.default)
    return _substituted(with_signs_written_out(row.value_formula), given)


_SIGN = ast.parse("where(x > 0, 1, where(x < 0, -1, 0))", mode="eval").body


class _Signs(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "sign":
            return _substituted(_SIGN, {"x": node.args[0]})
        return node


def with_signs_written_out(formula: ast.expr) -> ast.expr:
    """The formula with comparisons for ``sign``: NumPy's gives NaN for NaN, the engine's 0."""
    return _Signs().visit(_copied(formula))  # type: ignore[no-any-return]


def _copied(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


def is_numpy(name: str) -> bool:
    """Whether NumPy (or SciPy) has a row of the table; a user's row may only share its name."""
    return name in _BUILT_IN and (
        name in NUMPY_NAMES or isinstance(getattr(np, name, None), np.ufunc)
    )


def folded(node: ast.expr) -> float | None:
    """The number a formula without names is."""
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return math.pi if node.id == "pi" else None
    if isinstance(node, ast.UnaryOp):
        inner = folded(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp):
        left, right = folded(node.left), folded(node.right)
        if left is None or right is None:
            return None
        operations: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
            ast.Add: lambda a, b: a + b,
            ast.Sub: lambda a, b: a - b,
            ast.Mult: lambda a, b: a * b,
            ast.Div: lambda a, b: a / b,
            ast.Pow: lambda a, b: a**b,
        }
        with np.errstate(all="ignore"):
            return float(operations[type(node.op)](np.float64(left), np.float64(right)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id != "where":
        values = [folded(argument) for argument in node.args]
        if all(value is not None for value in values) and is_numpy(node.func.id):
            return PRIMITIVES[node.func.id].evaluate(values)  # type: ignore[arg-type]
    return None
