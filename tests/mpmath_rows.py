"""The rows of the table in mpmath: values to any number of digits, written without the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp


def _logsumexp(elements: Sequence[Any]) -> Any:
    largest = max(elements)
    return largest + mp.log(mp.fsum(mp.exp(x - largest) for x in elements))


def _dot(a: Sequence[Any], b: Sequence[Any], c: Any = 0) -> Any:
    return mp.fdot(a, b) + c


def _variance(x: Sequence[Any]) -> Any:
    return mp.fsum(a * a for a in x) / len(x) - (mp.fsum(x) / len(x)) ** 2


def _condition(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    return lambda a, b: mp.mpf(compare(a, b))


_SAME_NAME = """exp expm1 log log1p log10 sqrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh
acosh atanh hypot erf erfc"""

MPMATH: dict[str, Callable[..., Any]] = {
    **{name: getattr(mp, name) for name in _SAME_NAME.split()},
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "multiply_no_nan": lambda a, b: a * b if a and b else mp.mpf(0),
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "pow": mp.power,
    "abs": abs,
    "sign": mp.sign,
    "log2": lambda x: mp.log(x, 2),
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "sigmoid": lambda x: (1 + mp.tanh(x / 2)) / 2,
    "logsigmoid": lambda x: -mp.log(1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x, slope=0.01: max(x, 0) + slope * min(x, 0),
    "elu": lambda x, alpha=1: max(x, 0) + alpha * (mp.exp(min(x, 0)) - 1),
    "gelu": lambda x: x * mp.ncdf(x),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "maximum": max,
    "minimum": min,
    "clip": lambda x, low, high: min(max(x, low), high),
    "where": lambda condition, a, b: a if condition else b,
    "greater": _condition(lambda a, b: a > b),
    "greater_equal": _condition(lambda a, b: a >= b),
    "less": _condition(lambda a, b: a < b),
    "less_equal": _condition(lambda a, b: a <= b),
    "equal": _condition(lambda a, b: a == b),
    "sum": mp.fsum,
    "mean": lambda x: mp.fsum(x) / len(x),
    "prod": mp.fprod,
    "dot": _dot,
    "logsumexp": _logsumexp,
    "softmax": lambda x, z: mp.exp(x - _logsumexp([x, *z])),
    "log_softmax": lambda x, z: x - _logsumexp([x, *z]),
    "variance": _variance,
    "norm": lambda x: mp.norm(x),
}
