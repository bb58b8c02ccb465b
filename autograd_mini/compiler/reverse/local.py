"""Formulas of error signals: the one of the output times local derivatives."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import lru_cache

from ...table.backends import EXACT_ON_ARRAYS
from ...table.primitives import PRIMITIVES
from ...table.rewrite import derivative, is_zero, simplify, spelled_out, times
from ..ir.steps import SIGNAL, KnownNumbers, Map

PASSED_ON = ast.Name("x")
"""The formula of what goes on as it is."""


@dataclass(frozen=True)
class Contribution:
    """What comes back to one operand.

    Attributes
    ----------
    formula : ast.expr
        Over the error signal, the operands and the output ``y``.
    names : frozenset of str
        Those of them that stand in it.
    """

    formula: ast.expr
    names: frozenset[str]

    @property
    def is_zero(self) -> bool:
        """Whether nothing comes back."""
        return is_zero(self.formula)

    @property
    def is_signal(self) -> bool:
        """Whether the error signal comes back as it is."""
        return isinstance(self.formula, ast.Name)


def contribution(step: Map, position: int, name: str, nan_safe: bool) -> Contribution:
    """What comes back to the operand of an elementwise step.

    The same formula gives the same object, so that what is derived from it is derived once.
    """
    if step.op:
        local = PRIMITIVES[step.op].partial_formulas[position]
    else:
        local = _derivative(step.formula, name)
    return _contribution(local, step.numbers, nan_safe)


@lru_cache(maxsize=4096)
def _derivative(formula: ast.expr, name: str) -> ast.expr:
    return derivative(formula, name)


@lru_cache(maxsize=4096)
def _contribution(local: ast.expr, numbers: KnownNumbers, nan_safe: bool) -> Contribution:
    if nan_safe:
        local = spelled_out(local, EXACT_ON_ARRAYS)
    known = {name: ast.Constant(float.fromhex(digits)) for name, digits in numbers}
    return product(simplify(local, known), nan_safe=nan_safe)


def product(*derivatives: ast.expr, nan_safe: bool) -> Contribution:
    """The error signal times local derivatives, of which numbers come first."""
    formula: ast.expr = ast.Name(SIGNAL)
    for local in derivatives:
        if nan_safe and not _is_finite_number(local):
            formula = ast.Call(ast.Name("multiply_no_nan"), [formula, local], [])
        else:
            formula = times(formula, local)
    names = [node.id for node in ast.walk(formula) if isinstance(node, ast.Name)]
    return Contribution(formula, frozenset(names))


def _is_finite_number(formula: ast.expr) -> bool:
    """Whether 0 times a formula is 0 for sure."""
    return isinstance(formula, ast.Constant) and math.isfinite(float(formula.value))  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def scaled(scale: float) -> Contribution:
    """The error signal times a number."""
    return product(ast.Constant(scale), nan_safe=False)
