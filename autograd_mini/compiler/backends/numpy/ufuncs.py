"""Formulas as sequences of ufunc calls that write into given arrays."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ....table.grammar import COMPARISONS, OPERATORS
from ...formulas import NUMPY_NAMES, expanded, folded
from ...ir.steps import SIGNAL

_UFUNCS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "**": "power"}
_COMPARE = {
    ">": "np.greater",
    ">=": "np.greater_equal",
    "<": "np.less",
    "<=": "np.less_equal",
    "==": "np.equal",
}


class Writer(Protocol):
    """Where lines go and temporary arrays come from."""

    def line(self, text: str) -> None:
        """Add a line."""

    def temp(self, shape: tuple[int, ...], rows: bool, dtype: str = "real") -> str:
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
    shape: tuple[int, ...]
    rows: bool
    select: bool
    depth: int = 0
    known: dict[str, str] = field(default_factory=dict)

    def value(self, node: ast.expr) -> str:
        """The text of a value; anything but a name or a number is computed into an array."""
        node = expanded(node)
        number = folded(node)
        if number is not None:
            return number_text(number)
        if isinstance(node, ast.Name):
            return self.names[node.id]
        key = ast.dump(node)
        if key not in self.known:
            target = self.emitter.temp(self.shape, self.rows)
            self.into(node, target)
            self.known[key] = target
        return self.known[key]

    def into(self, node: ast.expr, out: str) -> None:
        """Compute a formula into an array."""
        node = expanded(node)
        line = self.emitter.line
        number = folded(node)
        if number is not None or isinstance(node, ast.Name):
            if self.value(node) != out:
                line(f"{out}[...] = {self.value(node)}")
        elif isinstance(node, ast.UnaryOp):
            line(f"np.negative({self.value(node.operand)}, out={out})")
        elif isinstance(node, ast.BinOp):
            ufunc = _UFUNCS[OPERATORS[type(node.op)]]
            left, right = self.value(node.left), self.value(node.right)
            line(f"np.{ufunc}({left}, {right}, out={out})")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "where":
                self._where(node, out)
            else:
                function = NUMPY_NAMES.get(node.func.id, f"np.{node.func.id}")
                arguments = ", ".join(self.value(argument) for argument in node.args)
                line(f"{function}({arguments}, out={out})")

    def _where(self, node: ast.Call, out: str) -> None:
        condition, taken, other = node.args
        mask = self._mask(condition)
        line = self.emitter.line
        zero = folded(other) == 0
        signal = isinstance(taken, ast.Name) and taken.id == SIGNAL
        if zero and signal and not self.select:  # 0 * inf gives NaN, and NaN is looked at again
            line(f"np.multiply({self.value(taken)}, {mask}, out={out})")
            return
        first = self.value(taken)
        if first == out:  # in place: keep what is taken, overwrite the rest
            rest = self.value(other)
            line(f"np.logical_not({mask}, out={mask})")
            line(f"np.copyto({out}, {rest}, where={mask})")
            return
        self.into(other, out)
        line(f"np.copyto({out}, {first}, where={mask})")

    def _mask(self, condition: ast.expr) -> str:
        mask = self.emitter.temp(self.shape, self.rows, "bool")
        if isinstance(condition, ast.Compare):
            symbol = COMPARISONS[type(condition.ops[0])][0]
            left, right = self.value(condition.left), self.value(condition.comparators[0])
            self.emitter.line(f"{_COMPARE[symbol]}({left}, {right}, out={mask})")
        else:
            self.emitter.line(f"np.not_equal({self.value(condition)}, 0, out={mask})")
        return mask
