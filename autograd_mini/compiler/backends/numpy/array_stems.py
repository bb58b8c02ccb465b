"""What the array that a step writes is called, as in textbooks, before it has a number.

``z`` is a weighted sum, ``a`` its activation; what else there is has the name of what it is, or of
the row of the table that it comes from.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ...ir.references import View
from ...ir.spaces import THETA
from ...ir.steps import ArrayStep, Contract, LargestStep, Map, Reduce, TakeStep, VectorRow

WEIGHTED_SUM = "z"
OUTPUT = "output"
_NOUNS = {"div": "quotient", "pow": "power", "exp": "exponential", "log": "logarithm"}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "total",
    ast.Sub: "difference",
    ast.Mult: "product",
    ast.Div: "quotient",
    ast.Pow: "power",
}
MEANINGS = {
    ("difference", "largest"): "shifted",
    ("difference", "mean"): "centred",
    ("quotient", "exponential"): "probability",
    ("quotient", "total"): "mean",
    ("quotient", "sum_of_squares"): "mean_square",
}
"""What an array is called because of what it is computed from."""


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
    if parameters and (isinstance(step, Contract) or (isinstance(step, Map) and not step.op)):
        return WEIGHTED_SUM
    return _STEMS[type(step)](step)


def _of_contraction(step: Contract) -> str:
    return "sum_of_squares" if step.a == step.b else "product"


def _of_map(step: Map) -> str:
    return _NOUNS.get(step.op, step.op) if step.op else _of_formula(step.formula)


@lru_cache(maxsize=1024)
def _of_formula(formula: ast.expr) -> str:
    if isinstance(formula, ast.BinOp):
        return _OPERATORS[type(formula.op)]
    if isinstance(formula, ast.Call) and isinstance(formula.func, ast.Name):
        return formula.func.id
    return "term"


_STEMS: dict[type[ArrayStep], Callable[[Any], str]] = {
    Contract: _of_contraction,
    Map: _of_map,
    Reduce: lambda _: "total",
    LargestStep: lambda _: "largest",
    TakeStep: lambda _: "picked",
    VectorRow: lambda step: step.op,
}
