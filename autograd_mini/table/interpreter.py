"""What the parts of a formula mean: one walk over formulas, and a class for each way to read them.

A :class:`Writer` makes source text of a formula: Python over floats, Values and arrays, notations
for people.  A :class:`VectorInterpreter` computes with vectors of anything.  Rewriting a formula
is a way of reading it, too.
"""

from __future__ import annotations

import ast
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from .grammar import REDUCTIONS, Operator, operation
from .vectors import elementwise

T = TypeVar("T")


class Interpreter(ABC, Generic[T]):
    """Reads a checked formula; a subclass says what numbers, names and operations mean.

    Operators mean the rows that they are, unless a subclass says otherwise.

    Examples
    --------
    >>> class Height(Interpreter[int]):
    ...     def number(self, value):
    ...         return 0
    ...
    ...     def name(self, name):
    ...         return 0
    ...
    ...     def apply(self, op, operands):
    ...         return 1 + max(operands)
    >>> Height().interpret(ast.parse("a * exp(b + 1)", mode="eval").body)
    3
    """

    def interpret(self, formula: ast.expr) -> T:
        """What `formula` means."""
        if isinstance(formula, ast.Constant):
            return self.number(float(formula.value))  # type: ignore[arg-type]  # as checked
        if isinstance(formula, ast.Name):
            return self.name(formula.id)
        what, operands = operation(formula)
        if isinstance(what, str):
            if what == "where":
                return self.where(*operands)
            if what in REDUCTIONS:
                return self.reduce(what, operands)
            return self.apply(what, [self.interpret(operand) for operand in operands])
        if isinstance(formula, ast.Compare):
            return self.compare(what, *map(self.interpret, operands))
        return self.operate(what, [self.interpret(operand) for operand in operands])

    @abstractmethod
    def number(self, value: float) -> T:
        """A number."""

    @abstractmethod
    def name(self, name: str) -> T:
        """An operand, ``y``, ``n`` or ``pi``."""

    @abstractmethod
    def apply(self, op: str, operands: Sequence[T]) -> T:
        """A row of the table, or another function, over its operands."""

    def operate(self, operator: Operator, operands: Sequence[T]) -> T:
        """An operator of arithmetic."""
        return self.apply(operator.row, operands)

    def compare(self, operator: Operator, left: T, right: T) -> T:
        """A comparison: the condition of a ``where``."""
        return self.apply(operator.row, [left, right])

    def where(self, condition: ast.expr, taken: ast.expr, other: ast.expr) -> T:
        """A choice between two formulas."""
        return self.apply("where", [self.interpret(part) for part in (condition, taken, other)])

    def reduce(self, op: str, groups: Sequence[ast.expr]) -> T:
        """A function of whole vectors, each given by a formula."""
        return self.apply(op, [self.interpret(group) for group in groups])


class VectorInterpreter(Interpreter[Any]):
    """Computes with anything: operations work element by element, reductions on whole vectors.

    Parameters
    ----------
    names : mapping of str to object
        What the operands are, each one thing or a :class:`Vector` of them, and ``n``, as
        :meth:`Primitive.bind` has them.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> class Text(VectorInterpreter):
    ...     def number(self, value):
    ...         return f"{value:g}"
    ...
    ...     def scalar(self, op, operands):
    ...         return f"{op}({', '.join(operands)})"
    ...
    ...     def reduction(self, op, groups):
    ...         return f"{op}[{'; '.join(map(', '.join, groups))}]"
    >>> row = PRIMITIVES["norm"]
    >>> text = Text(row.bind(["a", "b"]) | {"y": "y"})
    >>> text.interpret(row.value_formula)
    'norm[a, b]'
    >>> text.interpret(row.partial_formulas[0])
    ['where(equal(y, 0), 0, div(a, y))', 'where(equal(y, 0), 0, div(b, y))']
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    @abstractmethod
    def scalar(self, op: str, operands: Sequence[Any]) -> Any:
        """A row of the table without vectors, over one thing for each operand."""

    @abstractmethod
    def reduction(self, op: str, groups: Sequence[Any]) -> Any:
        """A function of whole vectors: one of :data:`REDUCTIONS`."""

    def name(self, name: str) -> Any:
        """What is given for the name."""
        if name == "pi":
            return self.number(math.pi)
        return self.number(self.names[name]) if name == "n" else self.names[name]

    def apply(self, op: str, operands: Sequence[Any]) -> Any:
        """Element by element."""
        return elementwise(partial(self._scalar, op))(*operands)

    def _scalar(self, op: str, *operands: Any) -> Any:
        return self.scalar(op, operands)

    def reduce(self, op: str, groups: Sequence[ast.expr]) -> Any:
        """A function of whole vectors, whose elements are known."""
        return self.reduction(op, [self.interpret(group) for group in groups])


class Writer(Interpreter[str]):
    """Writes a formula as source text; a subclass changes what is different."""

    def number(self, value: float) -> str:
        """A number, so that it is read back as the same."""
        return repr(value)

    def name(self, name: str) -> str:
        """A name as it is."""
        return name

    def apply(self, op: str, operands: Sequence[str]) -> str:
        """A call."""
        return f"{op}({', '.join(operands)})"

    def operate(self, operator: Operator, operands: Sequence[str]) -> str:
        """An operator between its operands, or before the only one."""
        if len(operands) == 1:
            return f"({operator.symbol}{operands[0]})"
        return f"({operands[0]} {operator.symbol} {operands[1]})"

    def compare(self, operator: Operator, left: str, right: str) -> str:
        """A comparison."""
        return f"({left} {operator.symbol} {right})"
