"""What the names of formulas mean over Values: how the table's derivatives are differentiated."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..core import functions
from ..core.modes import current_modes
from ..core.recording import general
from ..core.value import Value, constant
from ..table.backends import Backend
from ..table.grammar import Operator
from ..table.primitives import PRIMITIVES
from ..table.reductions import Reductions, joined_lists
from ..table.vectors import Vector, elementwise


def number_of(value: Any) -> float:
    """The data of a Value, or the number itself.

    Examples
    --------
    >>> number_of(Value(2.0)), number_of(3.0)
    (2.0, 3.0)
    """
    number: float = value.data if isinstance(value, Value) else value
    return number


def is_traced(operand: Any) -> bool:
    """Whether the compiler is tracing the operand, so that it has no number to decide by.

    Examples
    --------
    >>> is_traced(Value(2.0))
    False
    """
    return isinstance(operand, Value) and operand._traced and current_modes().record is not None


class ValueBackend(Backend):
    """Values: a comparison looks at the data; of a choice the arm not taken makes no node."""

    always = frozenset({"equal", "where"})

    def function(self, name: str) -> Callable[..., Any]:
        """A function over Values and floats; every row of the table has one."""
        if name in self._functions:
            return self._functions[name]
        if name in _BUILT_IN:
            function: Callable[..., Any] = getattr(functions, name)
            return function
        return partial(general, name)

    def compare(self, operator: Operator, left: str, right: str) -> str:
        """A comparison of data; ``==`` between Values would be identity."""
        if operator.symbol == "==":
            return self.apply("equal", [left, right])
        return super().compare(operator, left, right)

    def where(self, condition: ast.expr, taken: ast.expr, other: ast.expr) -> str:
        """A choice between two functions without arguments."""
        arms = (taken, other)
        first, second = (f"lambda: {self.arm(arm, arms)}" for arm in arms)
        return f"where({self.interpret(condition)}, {first}, {second})"


class _IeeeValueBackend(ValueBackend):
    """Numbers as constants, whose arithmetic gives infinities and NaN instead of exceptions."""

    def number(self, value: float) -> str:
        """A constant node."""
        return f"_constant({value!r})"

    def helpers(self) -> dict[str, Any]:
        """The maker of constants too."""
        return super().helpers() | {"_constant": constant}


class _Values(Reductions):
    """Reductions over lists of Values and floats."""

    joined = staticmethod(joined_lists)
    total = staticmethod(functions.sum)

    def largest(self, elements: Sequence[Any]) -> float:
        """A number: the shift cancels, so that nothing is differentiated toward it."""
        found = max(map(number_of, elements))
        return found if math.isfinite(found) else number_of(functions.logsumexp(elements))

    def exponentials(self, elements: Sequence[Any], shift: float) -> list[Any]:
        return [functions.exp(x - shift) for x in elements]

    def if_finite(self, number: float, then: Any, otherwise: Any) -> Any:
        return then if math.isfinite(number) else otherwise

    def softmax(self, first: Any, *others: Any) -> Any:
        """One node for each element while the compiler traces: it knows no largest element."""
        elements = joined_lists((first, *others))
        if any(map(is_traced, elements)):
            return Vector(functions.softmax(elements)[: len(first)])
        return super().softmax(first, *others)

    def logsumexp(self, *groups: Any) -> Any:
        """One node."""
        return functions.logsumexp(joined_lists(groups))


def _where(condition: Any, taken: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """Pick an arm by the data of the condition; the compiler records both."""
    if is_traced(condition):
        return _selected(condition, taken(), other())
    return taken() if number_of(condition) else other()


_selected = elementwise(functions.where)


def _equal(a: Any, b: Any) -> Any:
    """Equality of numbers: a bool, or a recorded node while the compiler traces."""
    if is_traced(a) or is_traced(b):
        return functions.equal(a, b)
    return number_of(a) == number_of(b)


_BUILT_IN = frozenset(PRIMITIVES) & frozenset(vars(functions))
_REDUCTIONS = _Values()
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "equal": _equal,
    "logsumexp": _REDUCTIONS.logsumexp,
    "prod_others": _REDUCTIONS.prod_others,
    "softmax": _REDUCTIONS.softmax,
    "where": _where,
}
VALUE = ValueBackend("Values", _FUNCTIONS)
"""Values; arithmetic on plain numbers among them raises as Python's does."""
IEEE_VALUE = _IeeeValueBackend("Values in IEEE arithmetic", _FUNCTIONS)
"""Values, with infinities and NaN instead of exceptions."""
