"""Formulas as sequences of ufunc calls that write into given arrays."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ....table.backends import EXACT_ON_ARRAYS, NUMPY_NAMES
from ....table.grammar import Operator, operation
from ....table.rewrite import fold, opened

_CLOSED = EXACT_ON_ARRAYS | {"sign"}  # np.sign differs of NaN: where that counts, none is left


def _function(what: Operator | str) -> str:
    """NumPy's function for an operator, or a function of the same name as the row's."""
    if isinstance(what, Operator):
        return f"np.{what.ufunc}"
    return NUMPY_NAMES.get(what, f"np.{what}")


class Writer(Protocol):
    """Where lines go and temporary arrays come from."""

    def line(self, text: str) -> None:
        """Add a line."""

    def call(self, function: str, arguments: str) -> None:
        """Add a line that calls a function of NumPy or SciPy."""

    def temp(self, dtype: str = "real") -> str:
        """Name an array for a moment."""


def number_text(value: float) -> str:
    """A number as NumPy source."""
    if math.isnan(value):
        return "np.nan"
    if math.isinf(value):
        return "np.inf" if value > 0 else "-np.inf"
    return repr(value)


@dataclass
class Expression:
    """A formula as a sequence of ufunc calls that write into given arrays."""

    emitter: Writer
    names: Mapping[str, str]
    known: dict[str, str] = field(default_factory=dict)

    def value(self, node: ast.expr) -> str:
        """The text of a value; anything but a name or a number is computed into an array."""
        node = opened(node, _CLOSED)
        number = fold(node)
        if number is not None:
            return number_text(number)
        if isinstance(node, ast.Name):
            return self.names[node.id]
        key = ast.dump(node)
        if key not in self.known:
            target = self.emitter.temp()
            self.into(node, target)
            self.known[key] = target
        return self.known[key]

    def into(self, node: ast.expr, out: str) -> None:
        """Compute a formula into an array."""
        node = opened(node, _CLOSED)
        what, operands = operation(node)
        if fold(node) is not None or not what:
            if self.value(node) != out:
                self.emitter.line(f"{out}[...] = {self.value(node)}")
        elif what == "where":
            self._where(operands, out)
        else:
            function = _function(what)
            arguments = ", ".join(self.value(operand) for operand in operands)
            self.emitter.call(function, f"{arguments}, out={out}")

    def _where(self, operands: Sequence[ast.expr], out: str) -> None:
        condition, taken, other = operands
        mask = self._mask(condition)
        call = self.emitter.call
        first = self.value(taken)
        if first == out:  # in place: keep what is taken, overwrite the rest
            rest = self.value(other)
            call("np.logical_not", f"{mask}, out={mask}")
            call("np.copyto", f"{out}, {rest}, where={mask}")
            return
        self.into(other, out)
        call("np.copyto", f"{out}, {first}, where={mask}")

    def _mask(self, condition: ast.expr) -> str:
        mask = self.emitter.temp("bool")
        if isinstance(condition, ast.Compare):
            comparison, operands = operation(condition)
            left, right = map(self.value, operands)
            self.emitter.call(_function(comparison), f"{left}, {right}, out={mask}")
        else:
            self.emitter.call("np.not_equal", f"{self.value(condition)}, 0, out={mask}")
        return mask
