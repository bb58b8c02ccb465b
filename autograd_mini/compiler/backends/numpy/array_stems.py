"""What the array that a step writes is called, as in textbooks, before it has a number.

``z`` is a weighted sum, ``a`` its activation; what else there is has the name of what it is, or of
the row of the table that it comes from.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ...ir.references import Number, Reference, View
from ...ir.spaces import THETA
from ...ir.steps import ArrayStep, Contract, LargestStep, Map, Reduce, TakeStep, VectorRow

WEIGHTED_SUM = "z"
OUTPUT = "output"
NEGATIVE = "negative"
_NOUNS = {"div": "quotient", "pow": "power", "exp": "exponential", "log": "logarithm"}
_NOUNS |= {"neg": NEGATIVE}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "total",
    ast.Sub: "difference",
    ast.Mult: "product",
    ast.Div: "quotient",
    ast.Pow: "power",
}
_POWERS = {-0.5: "inverse_root", 0.5: "root", -1.0: "reciprocal", 2.0: "square"}
NUMBER = "number"
ANYTHING = ""
_MEANINGS = {
    ("difference", ANYTHING, "largest"): "shifted",
    ("difference", ANYTHING, "mean"): "centred",
    ("quotient", "exponential", "total"): "probability",
    ("quotient", "total", NUMBER): "mean",
    ("quotient", "sum_of_squares", NUMBER): "mean_square",
    ("inverse_root", "mean_square", NUMBER): "inverse_rms",
    ("inverse_root", "variance", NUMBER): "inverse_deviation",
    ("product", "inverse_rms", ANYTHING): "normalised",
    ("product", "inverse_deviation", ANYTHING): "normalised",
    ("mean_square", "centred", "centred"): "variance",
    ("logarithm", "probability", ANYTHING): "log_probability",
}
"""What an array is called because of what it is computed from."""


WITH_MEANINGS = {kind for kind, *_ in _MEANINGS}


def meaning(kind: str, operands: Sequence[str]) -> str:
    """What an array of a kind is called that is computed from these, in order.

    Examples
    --------
    >>> meaning("quotient", ["exponential", "total"]), meaning("quotient", ["total", "exponential"])
    ('probability', 'quotient')
    """
    left, right = [*operands, ANYTHING, ANYTHING][:2]
    for key in ((kind, left, right), (kind, ANYTHING, right), (kind, left, ANYTHING)):
        if key in _MEANINGS:
            return _MEANINGS[key]
    return kind


def parameters_of(step: ArrayStep) -> list[View]:
    """The blocks of parameters that a step reads, without a copy."""
    found = []
    for reference in step.values:
        for part in reference.places:
            if part.space is THETA and isinstance(part, View):
                found.append(part)
    return found


@lru_cache(maxsize=1024)
def addends(formula: ast.expr) -> tuple[str, ...]:
    """The operands that a formula adds or subtracts as they are.

    Examples
    --------
    >>> addends(ast.parse("x * w + b", mode="eval").body)
    ('b',)
    """
    if isinstance(formula, ast.Name):
        return (formula.id,)
    if isinstance(formula, ast.UnaryOp):
        return addends(formula.operand)
    if isinstance(formula, ast.BinOp) and isinstance(formula.op, ast.Add | ast.Sub):
        return (*addends(formula.left), *addends(formula.right))
    return ()


def stem(step: ArrayStep, parameters: Sequence[View]) -> str:
    """What the array of a step is called that reads these parameters."""
    if parameters and (isinstance(step, Contract) or _is_weighted(step)):
        return WEIGHTED_SUM
    return _STEMS[type(step)](step)


def _is_weighted(step: ArrayStep) -> bool:
    """Whether parameters are multiplied or added: a difference from them is none."""
    if not isinstance(step, Map) or step.op:
        return False
    return _multiplies(step.formula) or _of_formula(step.formula) == "total"


@lru_cache(maxsize=1024)
def _multiplies(formula: ast.expr) -> bool:
    return any(isinstance(node, ast.Mult) for node in ast.walk(formula))


def operands(step: ArrayStep) -> tuple[Reference, ...]:
    """What a step that is a single operation works on, in order."""
    if isinstance(step, Map) and not step.op:
        formula = step.formula
        sides = (formula.left, formula.right) if isinstance(formula, ast.BinOp) else ()
        names = [side.id for side in sides if isinstance(side, ast.Name)]
        return tuple([step.operands[name] for name in names]) if len(names) == 2 else ()
    return step.values


def _of_contraction(step: Contract) -> str:
    if step.a != step.b:
        return "product"
    return "mean_square" if is_mean(step) else "sum_of_squares"


def _of_map(step: Map) -> str:
    if step.op == "pow":
        exponent = step.values[-1]
        return _POWERS.get(exponent.value, "power") if isinstance(exponent, Number) else "power"
    return _NOUNS.get(step.op, step.op) if step.op else _of_formula(step.formula)


def terms(step: Contract | Reduce) -> int:
    """How many numbers, or products of two, each number of one example is the sum of."""
    if isinstance(step, Reduce):
        return math.prod([step.source.shape[axis] for axis in step.axes])
    sizes = dict(zip(step.a_axes.replace("n", ""), step.a.shape, strict=True))
    sizes |= dict(zip(step.b_axes.replace("n", ""), step.b.shape, strict=True))
    return math.prod([size for axis, size in sizes.items() if axis not in step.out_axes])


def is_mean(step: Contract | Reduce) -> bool:
    """Whether a sum is divided by how many are added."""
    return step.scale * terms(step) == 1 != step.scale


@lru_cache(maxsize=1024)
def _of_formula(formula: ast.expr) -> str:
    if isinstance(formula, ast.BinOp):
        return _OPERATORS[type(formula.op)]
    if isinstance(formula, ast.UnaryOp):
        return NEGATIVE
    if isinstance(formula, ast.Call) and isinstance(formula.func, ast.Name):
        return formula.func.id
    return "term"


_STEMS: dict[type[ArrayStep], Callable[[Any], str]] = {
    Contract: _of_contraction,
    Map: _of_map,
    Reduce: lambda step: "mean" if is_mean(step) else "total",
    LargestStep: lambda _: "largest",
    TakeStep: lambda _: "picked",
    VectorRow: lambda step: step.op,
}
