"""The rows of the table as PyTorch has them, over tensors grouped as the row names its operands.

PyTorch is optional: where it is not installed, importing this module skips the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional
Tensor = Any


def tensor(number: float, requires_grad: bool = False) -> Tensor:
    return torch.tensor(number, dtype=torch.float64, requires_grad=requires_grad)


def _stack(elements: Sequence[Any]) -> Tensor:
    return torch.stack([_tensor(element) for element in elements])


def _tensor(operand: Any) -> Tensor:
    return operand if isinstance(operand, torch.Tensor) else tensor(float(operand))


def _number(operand: Any) -> float:
    """PyTorch takes slope and alpha as plain numbers; their derivatives are checked elsewhere."""
    return float(operand.item() if isinstance(operand, torch.Tensor) else operand)


def _elementwise(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *operands: function(*map(_tensor, operands))


def _condition(compare: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda a, b: compare(_tensor(a), _tensor(b)).to(torch.float64)


def _dot(a: Sequence[Any], b: Sequence[Any], c: Any = 0.0) -> Tensor:
    return (_stack(a) * _stack(b)).sum() + c


def _multiply_no_nan(a: Tensor, b: Tensor) -> Tensor:
    """The product where zero carries nothing; PyTorch has none of its own."""
    factor = torch.where((b == 0) & ~torch.isfinite(a), 0.0, a)
    product = factor * torch.where((a == 0) & ~torch.isfinite(b), 0.0, b)
    return torch.where((a == 0) | (b == 0), product + 0.0, product)  # 0.0, never -0.0


_SAME_NAME = """add sub mul div neg pow abs exp expm1 log log1p log2 log10 sqrt square reciprocal
sign sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh hypot erf erfc
sigmoid relu maximum minimum"""

WITHOUT_DERIVATIVE = {"leaky_relu": {1}, "elu": {1}, "where": {0}}
"""Operands toward which PyTorch gives no derivative."""

TORCH: dict[str, Callable[..., Tensor]] = {
    **{name: _elementwise(getattr(torch, name)) for name in _SAME_NAME.split()},
    "logsigmoid": _elementwise(F.logsigmoid),
    "softplus": _elementwise(F.softplus),
    "leaky_relu": lambda x, slope=0.01: F.leaky_relu(_tensor(x), _number(slope)),
    "elu": lambda x, alpha=1.0: F.elu(_tensor(x), _number(alpha)),
    "gelu": _elementwise(F.gelu),
    "silu": _elementwise(F.silu),
    "softsign": _elementwise(F.softsign),
    "multiply_no_nan": _elementwise(_multiply_no_nan),
    "clip": _elementwise(torch.clamp),
    "where": _elementwise(lambda condition, a, b: torch.where(condition != 0, a, b)),
    "greater": _condition(torch.gt),
    "greater_equal": _condition(torch.ge),
    "less": _condition(torch.lt),
    "less_equal": _condition(torch.le),
    "equal": _condition(torch.eq),
    "sum": lambda x: _stack(x).sum(),
    "mean": lambda x: _stack(x).mean(),
    "prod": lambda x: _stack(x).prod(),
    "dot": _dot,
    "logsumexp": lambda x: _stack(x).logsumexp(0),
    "softmax": lambda x, z: _stack([x, *z]).softmax(0)[0],
    "log_softmax": lambda x, z: _stack([x, *z]).log_softmax(0)[0],
    "variance": lambda x: _stack(x).var(correction=0),
    "norm": lambda x: torch.linalg.vector_norm(_stack(x)),
}
