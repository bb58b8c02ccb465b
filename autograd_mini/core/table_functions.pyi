# Written by `python -m autograd_mini.table`, from the rows of the table.
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, overload

from ..table.primitives import Primitive
from .value import Operand, Value

OperandT = TypeVar("OperandT", Value, float)

class Unary(Protocol):
    def __call__(self, x: OperandT, /) -> OperandT: ...

class Binary(Protocol):
    @overload
    def __call__(self, a: Value, b: Operand = ..., /) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float = ..., /) -> float: ...

class Ternary(Protocol):
    @overload
    def __call__(self, a: Value, b: Operand, c: Operand, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, c: Operand, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float, c: Value, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float, c: float, /) -> float: ...

def documented(row: Primitive) -> Callable[..., Any]: ...

FUNCTIONS: dict[str, Callable[..., Any]]
without_builtins: list[str]

__all__ = [
    "add",
    "sub",
    "mul",
    "multiply_no_nan",
    "div",
    "neg",
    "pow",
    "abs",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sqrt",
    "square",
    "reciprocal",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "hypot",
    "erf",
    "erfc",
    "sigmoid",
    "logsigmoid",
    "softplus",
    "relu",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "softsign",
    "maximum",
    "minimum",
    "clip",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "sum",
    "mean",
    "prod",
    "dot",
    "logsumexp",
    "variance",
    "norm",
]

add: Binary
sub: Binary
mul: Binary
multiply_no_nan: Binary
div: Binary
neg: Unary
pow: Binary
abs: Unary
exp: Unary
expm1: Unary
log: Unary
log1p: Unary
log2: Unary
log10: Unary
sqrt: Unary
square: Unary
reciprocal: Unary
sin: Unary
cos: Unary
tan: Unary
asin: Unary
acos: Unary
atan: Unary
atan2: Binary
sinh: Unary
cosh: Unary
tanh: Unary
asinh: Unary
acosh: Unary
atanh: Unary
hypot: Binary
erf: Unary
erfc: Unary
sigmoid: Unary
logsigmoid: Unary
softplus: Unary
relu: Unary
leaky_relu: Binary
elu: Binary
gelu: Unary
silu: Unary
softsign: Unary
maximum: Binary
minimum: Binary
clip: Ternary
greater: Binary
greater_equal: Binary
less: Binary
less_equal: Binary
equal: Binary

def sum(values: Iterable[Operand]) -> Any: ...
def mean(values: Iterable[Operand]) -> Any: ...
def prod(values: Iterable[Operand]) -> Any: ...
def dot(a: Iterable[Operand], b: Iterable[Operand], bias: Operand | None = ...) -> Any: ...
def logsumexp(values: Iterable[Operand]) -> Any: ...
def variance(values: Iterable[Operand]) -> Any: ...
def norm(values: Iterable[Operand]) -> Any: ...
