"""Two ways to evaluate a formula over floats: ``math``, and IEEE arithmetic where it raises."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .grammar import REDUCTIONS, Vector, elementwise, prod_others, repeated


def _maximum(a: float, b: float) -> float:
    """The larger; NaN if either is (a comparison with NaN is false)."""
    return a if a >= b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a <= b or a != a else b


def _sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(map(operator.mul, a, b), 0.0)


def _joined(groups: tuple[Any, ...]) -> list[float]:
    """The elements of several groups, of which one may be a single number."""
    elements: list[float] = []
    for group in groups:
        if isinstance(group, list):
            elements.extend(group)
        else:
            elements.append(group)
    return elements


def _logsumexp(*groups: Any) -> float:
    elements = _joined(groups)
    largest = max(elements)
    if not math.isfinite(largest):
        return math.nan if any(x != x for x in elements) else largest
    elements.remove(largest)
    return largest + math.log1p(math.fsum([math.exp(x - largest) for x in elements]))


def _softmax(first: Sequence[float], *others: Any) -> Vector:
    """Of the elements of the first group, among those of all groups.

    A largest element of infinity takes all; its own share is NaN.
    """
    elements = _joined((first, *others))
    largest = max(elements)
    if not math.isfinite(largest):
        largest = _logsumexp(elements)
        return Vector([math.exp(x - largest) for x in first])
    weights = [math.exp(x - largest) for x in elements]
    total = math.fsum(weights)
    return Vector([weight / total for weight in weights[: len(first)]])


def _norm(elements: Sequence[float]) -> float:
    return math.hypot(*elements)  # scaled, so that squares neither overflow nor vanish


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": lambda x: sum(x, 0.0),
    "mean": lambda x: sum(x, 0.0) / len(x),
    "prod": lambda x: math.prod(x, start=1.0),
    "dot": _dot,
    "logsumexp": _logsumexp,
    "norm": _norm,
    "prod_others": prod_others,
    "softmax": _softmax,
}
_MATH = """exp expm1 log log1p log2 log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh
atanh atan2 hypot pow"""
_SHARED: dict[str, Any] = {
    "pi": math.pi,
    "abs": abs,
    "sign": _sign,
    "erf": math.erf,
    "erfc": math.erfc,
    "maximum": _maximum,
    "minimum": _minimum,
}


def _ieee(ufunc: np.ufunc) -> Callable[..., Any]:
    return lambda *operands: ufunc(*map(np.float64, operands))


FAST: dict[str, Any] = _SHARED | {name: getattr(math, name) for name in _MATH.split()}
"""Names of scalar formulas over floats; an operation outside its domain raises."""

IEEE: dict[str, Any] = _SHARED | {name: _ieee(getattr(np, name)) for name in _MATH.split()}
"""The same names in IEEE arithmetic: infinities and NaN instead of exceptions."""

BACKEND_FUNCTIONS = (frozenset(FAST) | frozenset(REDUCTIONS)) - {"pi", "pow"}
"""Functions that need no row of the table to be evaluated."""


def vector_names(scalar_names: Mapping[str, Any]) -> dict[str, Any]:
    """Names of vector formulas: the scalar functions map, the reductions reduce."""
    mapped = {name: elementwise(f) for name, f in scalar_names.items() if callable(f)}
    return {"pi": math.pi, **mapped, **_REDUCTIONS, "_repeated": repeated}
