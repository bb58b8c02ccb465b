"""An oracle for gradients: the sum over all paths, by plain recursion, with formulas of its own.

It reads nothing of the derivative table and walks every path from the output to a leaf by itself,
at a cost that grows with the number of paths.  The formulas hold for complex numbers, so that a
step along the imaginary axis differentiates a gradient once more without any cancellation (Squire
& Trapp 1998): with leaves ``x + i h v`` the imaginary part of the gradient is ``h`` times the
Hessian times ``v``, exact to rounding for ``h = 1e-30``.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

STEP = 1e-30
JITTER = 1e-8


class Program(Protocol):
    """What the oracle needs of a program: steps in order, each over leaves and earlier steps."""

    @property
    def steps(self) -> Sequence[Any]: ...

    def resolve(self, operand: Any, values: Sequence[Any]) -> Any: ...

    def references(self, step: Any) -> list[Any]: ...


@dataclass(frozen=True)
class Rule:
    """A primitive and its derivatives, over operands grouped as the row names them."""

    value: Callable[..., complex]
    derivatives: Callable[..., list[complex]]  # one for each operand, groups written out


def _lifted(f: Callable[[float], float], df: Callable[[float], float]) -> Callable[[complex], Any]:
    """A real function on complex numbers with a vanishing imaginary part."""
    return lambda z: complex(f(z.real), df(z.real) * z.imag)


def _unary(f: Callable[[Any], Any], df: Callable[[Any], Any]) -> Rule:
    return Rule(f, lambda z: [df(z)])


def _sign(z: complex) -> float:
    return math.copysign(1.0, z.real) if z.real else 0.0


def _bell(x: Any) -> Any:
    return 2 / math.sqrt(math.pi) * cmath.exp(-(x**2))


_erf = _lifted(math.erf, lambda x: _bell(x).real)
_erfc = _lifted(math.erfc, lambda x: -_bell(x).real)


def _logistic(z: complex) -> complex:
    return cmath.exp(z) / (1 + cmath.exp(z))


def _power(a: complex, b: complex) -> complex:
    if b == int(b.real):
        return a ** int(b.real)
    return cmath.exp(b * cmath.log(a))


def _power_derivatives(a: complex, b: complex) -> list[complex]:
    toward_exponent = _power(a, b) * cmath.log(a) if a.real > 0 else 0.0
    return [b * _power(a, b - 1) if b else 0.0, toward_exponent]


def _atan2(a: complex, b: complex) -> complex:
    x, y = b.real, a.real
    return complex(math.atan2(y, x), (x * a.imag - y * b.imag) / (x * x + y * y))


def _select(chosen: int, count: int) -> list[complex]:
    return [1.0 if i == chosen else 0.0 for i in range(count)]


def _larger(a: complex, b: complex) -> list[complex]:
    return [0.5, 0.5] if a == b else _select(0 if a.real > b.real else 1, 2)


def _clip(x: complex, low: complex, high: complex) -> complex:
    return sorted([x, low, high], key=lambda z: z.real)[1] if low.real < high.real else high


def _clip_derivatives(x: complex, low: complex, high: complex) -> list[complex]:
    if low.real >= high.real:
        return _select(2, 3)
    return _select(1 if x.real < low.real else 2 if x.real > high.real else 0, 3)


def _comparison(compare: Callable[[float, float], bool]) -> Rule:
    return Rule(lambda a, b: 1.0 if compare(a.real, b.real) else 0.0, lambda a, b: [0.0, 0.0])


def _product(x: Sequence[complex]) -> complex:
    return math.prod(x, start=1.0 + 0j)


def _exponentials(x: Sequence[complex]) -> complex:
    return sum(map(cmath.exp, x))


def _softmax(x: complex, z: Sequence[complex]) -> complex:
    return cmath.exp(x) / _exponentials([x, *z])


def _variance(x: Sequence[complex]) -> complex:
    return sum((a - b) ** 2 for a in x for b in x) / (2 * len(x) ** 2)  # mean of pairs


def _norm(x: Sequence[complex]) -> complex:
    return cmath.sqrt(sum(a * a for a in x))


RULES: dict[str, Rule] = {
    "neg": _unary(lambda z: 0 - z, lambda z: -1.0),
    "abs": _unary(lambda z: z * _sign(z), _sign),
    "exp": _unary(cmath.exp, cmath.exp),
    "expm1": _unary(_lifted(math.expm1, math.exp), cmath.exp),
    "log": _unary(cmath.log, lambda z: z**-1),
    "log1p": _unary(_lifted(math.log1p, lambda x: 1 / (1 + x)), lambda z: (1 + z) ** -1),
    "log2": _unary(lambda z: cmath.log(z) / math.log(2), lambda z: 1 / math.log(2) / z),
    "log10": _unary(cmath.log10, lambda z: 1 / math.log(10) / z),
    "sqrt": _unary(cmath.sqrt, lambda z: cmath.sqrt(z) / z / 2),
    "square": _unary(lambda z: z**2, lambda z: z + z),
    "reciprocal": _unary(lambda z: z**-1, lambda z: -(z**-2)),
    "sin": _unary(cmath.sin, cmath.cos),
    "cos": _unary(cmath.cos, lambda z: -cmath.sin(z)),
    "tan": _unary(cmath.tan, lambda z: cmath.cos(z) ** -2),
    "asin": _unary(cmath.asin, lambda z: 1 / cmath.cos(cmath.asin(z))),
    "acos": _unary(cmath.acos, lambda z: -1 / cmath.sin(cmath.acos(z))),
    "atan": _unary(cmath.atan, lambda z: cmath.cos(cmath.atan(z)) ** 2),
    "sinh": _unary(cmath.sinh, cmath.cosh),
    "cosh": _unary(cmath.cosh, cmath.sinh),
    "tanh": _unary(cmath.tanh, lambda z: cmath.cosh(z) ** -2),
    "asinh": _unary(cmath.asinh, lambda z: 1 / cmath.cosh(cmath.asinh(z))),
    "acosh": _unary(cmath.acosh, lambda z: 1 / cmath.sinh(cmath.acosh(z))),
    "atanh": _unary(cmath.atanh, lambda z: 1 / (1 - z**2)),
    "erf": _unary(_erf, _bell),
    "erfc": _unary(_erfc, lambda z: -_bell(z)),
    "sigmoid": _unary(_logistic, lambda z: (cmath.exp(z / 2) + cmath.exp(-z / 2)) ** -2),
    "logsigmoid": _unary(lambda z: cmath.log(_logistic(z)), lambda z: 1 / (1 + cmath.exp(z))),
    "softplus": _unary(lambda z: cmath.log(1 + cmath.exp(z)), _logistic),
    "sign": _unary(_sign, lambda z: 0.0),
    "relu": _unary(lambda z: z * (z.real > 0), lambda z: 1.0 * (z.real > 0)),
    "gelu": _unary(
        lambda z: z * (1 + _erf(z / math.sqrt(2))) / 2,
        lambda z: (1 + _erf(z / math.sqrt(2))) / 2 + z * _bell(z / math.sqrt(2)) / math.sqrt(8),
    ),
    "silu": _unary(
        lambda z: z * _logistic(z), lambda z: _logistic(z) * (1 + z / (1 + cmath.exp(z)))
    ),
    "softsign": _unary(lambda z: z / (1 + z * _sign(z)), lambda z: (1 + z * _sign(z)) ** -2),
    "add": Rule(lambda a, b: a + b, lambda a, b: [1.0, 1.0]),
    "sub": Rule(lambda a, b: a - b, lambda a, b: [1.0, -1.0]),
    "mul": Rule(lambda a, b: a * b, lambda a, b: [b, a]),
    "multiply_no_nan": Rule(lambda a, b: a * b, lambda a, b: [b, a]),
    "div": Rule(lambda a, b: a / b, lambda a, b: [b**-1, -a * b**-2]),
    "pow": Rule(_power, _power_derivatives),
    "hypot": Rule(lambda a, b: _norm([a, b]), lambda a, b: [a / _norm([a, b]), b / _norm([a, b])]),
    "atan2": Rule(_atan2, lambda a, b: [b / (a * a + b * b), -a / (a * a + b * b)]),
    "leaky_relu": Rule(
        lambda z, slope=0.01: z if z.real > 0 else slope * z,
        lambda z, slope=0.01: [1.0, 0.0] if z.real > 0 else [slope, z],
    ),
    "elu": Rule(
        lambda z, alpha=1.0: z if z.real > 0 else alpha * (cmath.exp(z) - 1),
        lambda z, alpha=1.0: [1.0, 0.0] if z.real > 0 else [alpha * cmath.exp(z), cmath.exp(z) - 1],
    ),
    "maximum": Rule(lambda a, b: a if a.real >= b.real else b, _larger),
    "minimum": Rule(lambda a, b: b if a.real >= b.real else a, lambda a, b: _larger(a, b)[::-1]),
    "clip": Rule(_clip, _clip_derivatives),
    "where": Rule(lambda c, a, b: a if c else b, lambda c, a, b: _select(1 if c else 2, 3)),
    "greater": _comparison(lambda a, b: a > b),
    "greater_equal": _comparison(lambda a, b: a >= b),
    "less": _comparison(lambda a, b: a < b),
    "less_equal": _comparison(lambda a, b: a <= b),
    "equal": _comparison(lambda a, b: a == b),
    "sum": Rule(lambda x: sum(x), lambda x: [1.0] * len(x)),
    "mean": Rule(lambda x: sum(x) / len(x), lambda x: [1 / len(x)] * len(x)),
    "prod": Rule(_product, lambda x: [_product(x[:i] + x[i + 1 :]) for i in range(len(x))]),
    "dot": Rule(
        lambda a, b, c=0.0: sum(x * y for x, y in zip(a, b, strict=True)) + c,
        lambda a, b, *c: [*b, *a, *([1.0] * len(c))],
    ),
    "logsumexp": Rule(
        lambda x: cmath.log(_exponentials(x)),
        lambda x: [cmath.exp(a) / _exponentials(x) for a in x],
    ),
    "softmax": Rule(
        _softmax,
        lambda x, z: [
            _softmax(x, z) * _exponentials(z) / _exponentials([x, *z]),
            *[-_softmax(x, z) * cmath.exp(a) / _exponentials([x, *z]) for a in z],
        ],
    ),
    "log_softmax": Rule(
        lambda x, z: -cmath.log(_exponentials([0, *(a - x for a in z)])),
        lambda x, z: [
            _exponentials(z) / _exponentials([x, *z]),
            *[-cmath.exp(a) / _exponentials([x, *z]) for a in z],
        ],
    ),
    "variance": Rule(_variance, lambda x: [2 * sum(a - b for b in x) / len(x) ** 2 for a in x]),
    "norm": Rule(_norm, lambda x: [a / _norm(x) for a in x]),
}


_KINKED = """abs sign relu leaky_relu elu softsign maximum minimum clip where greater greater_equal
less less_equal equal"""
KINKED = frozenset(_KINKED.split())
"""Rules that look at a sign or compare."""


class _Jitter:
    """Moves a number by 1e-8 of itself, up or down by chance; without a seed not at all."""

    def __init__(self, seed: int | None) -> None:
        self.rng = None if seed is None else random.Random(seed)

    def __call__(self, x: Any) -> Any:
        if self.rng is None:
            return x
        if isinstance(x, list):
            return [self(element) for element in x]
        return x * (1 + self.rng.choice([-JITTER, JITTER]))


def evaluate(
    program: Program, leaves: Sequence[complex], jitter: int | None = None
) -> tuple[list[Any], list[list[Any]]]:
    """Every node's value, and for each step its operands.

    With a jitter every result moves, and every operand at each of its uses; only a tie between
    operands of a rule with a kink stays a tie.
    """
    moved = _Jitter(jitter)
    values: list[Any] = list(map(moved, leaves))
    operands: list[list[Any]] = []
    for step in program.steps:
        groups = [program.resolve(operand, values) for operand in step.operands]
        operands.append(groups if step.op in KINKED else list(map(moved, groups)))
        values.append(moved(RULES[step.op].value(*operands[-1])))
    return values, operands


def path_products(
    program: Program, leaves: Sequence[complex], jitter: int | None = None
) -> list[list[complex]]:
    """For each leaf, the product of local derivatives along every path from the last step to it."""
    values, operands = evaluate(program, leaves, jitter)
    edges: list[list[tuple[int, complex]]] = [[] for _ in leaves]
    for step, groups in zip(program.steps, operands, strict=True):
        local = RULES[step.op].derivatives(*groups)
        pairs = zip(program.references(step), local, strict=False)  # a default has no reference
        edges.append([(target, d) for target, d in pairs if target is not None])
    products: list[list[complex]] = [[] for _ in leaves]

    def walk(node: int, product: complex) -> None:
        if node < len(leaves):
            products[node].append(product)
        for target, derivative in edges[node]:
            walk(target, product * derivative)

    walk(len(values) - 1, 1.0)
    return products


def gradient(program: Program, leaves: Sequence[float]) -> list[float]:
    """The gradient of the last step toward every leaf."""
    return [sum(p.real for p in paths) for paths in path_products(program, leaves)]


def _imaginary_step(leaves: Sequence[float], vector: Sequence[float]) -> list[complex]:
    return [complex(x, STEP * v) for x, v in zip(leaves, vector, strict=True)]


def hessian_vector_product(
    program: Program, leaves: Sequence[float], vector: Sequence[float]
) -> list[float]:
    """The derivative of the gradient along `vector`, by a step along the imaginary axis."""
    products = path_products(program, _imaginary_step(leaves, vector))
    return [sum(p.imag / STEP for p in paths) for paths in products]


def condition(
    program: Program, leaves: Sequence[float], vector: Sequence[float] | None = None
) -> list[float]:
    """How large rounding errors of the gradient may be, in rounding units, entry by entry.

    The sum, over all paths, of the size of the product and of how much it moves when every number
    along it moves, per relative jitter.  With a vector, that of the Hessian-vector product.
    """
    at = list(leaves) if vector is None else _imaginary_step(leaves, vector)

    def part(p: complex) -> float:
        return p.real if vector is None else p.imag / STEP

    exact = path_products(program, at)
    sizes = [sum(abs(part(p)) for p in paths) for paths in exact]
    for seed in range(3):
        jittered = path_products(program, at, seed)
        for i, (paths, moved) in enumerate(zip(exact, jittered, strict=True)):
            moves = [abs(part(p) - part(q)) for p, q in zip(paths, moved, strict=True)]
            sizes[i] += sum(moves) / JITTER
    return sizes
