"""What the names of formulas mean where a formula is computed: over floats, and over arrays.

One small object says it for each kind of numbers: how operators, numbers and choices are written in
Python, and which functions there are.  A function that a backend does not have is the formula of
the row of that name.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from .grammar import REDUCTIONS, Operator, is_vector
from .interpreter import Writer
from .reductions import ARRAY_REDUCTIONS, FLOAT_REDUCTIONS, NumberReductions
from .vectors import repeated

BackendT = TypeVar("BackendT", bound="Backend")


class Backend(Writer):
    """Formulas as Python over one kind of numbers.

    Parameters
    ----------
    title : str
        What the numbers are, for tracebacks.
    functions : mapping of str to callable
        The functions that formulas call.

    Attributes
    ----------
    always : frozenset of str
        Functions that written formulas call without naming them.
    maps : bool
        Whether a scalar function has to be mapped over the elements of a :class:`Vector`.
    vectors : collection of str
        The names of vectors in the formulas to be written.
    """

    always: frozenset[str] = frozenset()
    maps = True
    vectors: Collection[str] = ()

    def __init__(self, title: str, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.title = title
        self._functions = functions

    def __repr__(self) -> str:
        return f"<backend {self.title}>"

    def over(self: BackendT, vectors: Collection[str]) -> BackendT:
        """The same backend for the formulas of a row with these vectors."""
        backend = copy.copy(self)
        backend.vectors = vectors
        return backend

    def function(self, name: str) -> Callable[..., Any] | None:
        """The function of that name, or None where the row's formula has to do."""
        return self._functions.get(name)

    def helpers(self) -> dict[str, Any]:
        """What written formulas need besides functions."""
        return {"pi": math.pi, "_len": len, "_repeated": repeated}

    def arm(self, formula: ast.expr, choice: Sequence[ast.expr]) -> str:
        """An arm of a choice; a number where the other arm is a vector becomes one too."""
        text = self.interpret(formula)
        spread = not is_vector(formula, self.vectors)
        if spread and any(is_vector(part, self.vectors) for part in choice):
            return f"_repeated({text}, n)"
        return text


class FloatBackend(Backend):
    """Python floats: of a choice only the arm taken is computed, a power is never complex."""

    always = frozenset({"pow"})

    def operate(self, operator: Operator, operands: Sequence[str]) -> str:
        """An operator; a power as a function."""
        if operator.row == "pow":
            return self.apply("pow", operands)
        return super().operate(operator, operands)

    def where(self, condition: ast.expr, taken: ast.expr, other: ast.expr) -> str:
        """A conditional expression."""
        test, arms = self.interpret(condition), (taken, other)
        return f"({self.arm(taken, arms)} if {test} else {self.arm(other, arms)})"


class IeeeBackend(FloatBackend):
    """Numbers as ``numpy.float64``: infinities and NaN where Python raises."""

    def number(self, value: float) -> str:
        """A number whose division by zero is no error."""
        return f"_float64({value!r})"

    def helpers(self) -> dict[str, Any]:
        """``numpy.float64`` too."""
        return super().helpers() | {"_float64": np.float64}


class ArrayBackend(Backend):
    """Arrays, whose functions work element by element by themselves; vectors on the first axis."""

    always = frozenset({"where"})
    maps = False


def _maximum(a: float, b: float) -> float:
    """The larger; NaN if either is (a comparison with NaN is false)."""
    return a if a >= b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a <= b or a != a else b


def _ieee(ufunc: np.ufunc) -> Callable[..., Any]:
    return lambda *operands: ufunc(*map(np.float64, operands))


def special_functions() -> Any:
    """SciPy's special functions.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """
    try:
        from scipy import special
    except ImportError:
        raise ImportError(
            "erf, erfc and gelu in a compiled program need SciPy: pip install scipy"
        ) from None
    return special


def _special(name: str) -> Callable[[Any], Any]:
    """A function of SciPy, which is looked for only when it is called."""
    return lambda x: getattr(special_functions(), name)(x)


def _reductions(reductions: NumberReductions) -> dict[str, Callable[..., Any]]:
    """All reductions but those that are rows with a formula of their own, as ``mean``."""
    return {name: getattr(reductions, name) for name in REDUCTIONS if hasattr(reductions, name)}


_NAMES = """exp expm1 log log1p log2 log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh
acosh atanh atan2 hypot"""
MATH = _NAMES.split()
"""The rows that are functions of ``math``, and of NumPy."""
_SHARED: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "erf": math.erf,
    "erfc": math.erfc,
    "maximum": _maximum,
    "minimum": _minimum,
    **_reductions(FLOAT_REDUCTIONS),
}
FUNCTIONS = frozenset(_SHARED) | frozenset(MATH) | REDUCTIONS
"""The functions of formulas that need no row of the table."""

FLOAT = FloatBackend("floats", _SHARED | {name: getattr(math, name) for name in [*MATH, "pow"]})
"""``math``; an operation outside its domain raises."""

IEEE = IeeeBackend(
    "IEEE floats", _SHARED | {name: _ieee(getattr(np, name)) for name in [*MATH, "pow"]}
)
"""IEEE arithmetic: infinities and NaN instead of exceptions."""

NUMPY_NAMES = {
    **{name: f"np.{name}" for name in [*MATH, "square", "reciprocal", "maximum", "minimum"]},
    "abs": "np.absolute",
    "erf": "special.erf",
    "erfc": "special.erfc",
}
"""The rows that NumPy and SciPy have, as they call them."""
EXACT_ON_ARRAYS = frozenset(NUMPY_NAMES) | {"where"}
"""Functions that give on arrays what they give in the table, also of NaN."""


def _array_function(dotted: str) -> Callable[..., Any]:
    package, _, name = dotted.partition(".")
    function: Callable[..., Any] = _special(name) if package == "special" else getattr(np, name)
    return function


ARRAY = ArrayBackend(
    "arrays",
    {
        **{row: _array_function(dotted) for row, dotted in NUMPY_NAMES.items()},
        **_reductions(ARRAY_REDUCTIONS),
        "where": np.where,
    },
)
"""NumPy arrays."""
