"""The table's formulas over the operands of one node, put in place of the row's own.

Whatever is differentiated here was differentiated in the table; this module only looks up, puts in
place, and tidies.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

from ..core.value import Constant, Value
from ..table.grammar import Operator, functions_in, names_in, operation
from ..table.interpreter import Interpreter
from ..table.primitives import PRIMITIVES, Primitive
from ..table.rewrite import same, with_operands
from .algebra import (
    call,
    minus,
    negated,
    number,
    number_in,
    over,
    plus,
    power,
    symbol,
    times,
)
from .notation import ELLIPSIS

_TERMS = 6
"""The most elements of a vector that are written out."""
_EXPANDED = frozenset({"sum", "dot", "prod"})

_OPERATIONS: dict[str, Callable[..., ast.expr]] = {
    "add": plus,
    "sub": minus,
    "mul": times,
    "div": over,
    "pow": power,
    "neg": negated,
}


class Naming(Protocol):
    """How the nodes of a graph are written."""

    def of(self, node: Value) -> ast.expr:
        """A node as it stands in a formula."""

    def output(self, node: Value) -> ast.expr:
        """What ``y`` stands for in a local derivative of the node."""

    def apply(self, function: str, arguments: Sequence[ast.expr | None]) -> ast.expr:
        """A call; None stands for arguments left out."""


class BoundRow(Interpreter[ast.expr]):
    """One row of the table with the operands of one node in place of its own.

    Parameters
    ----------
    symbols : Naming
        How nodes are written.
    node : Value
        What the row has made.
    row : Primitive
        The row.
    element : int, optional
        The element of which formulas speak where they speak of vectors.
    """

    def __init__(self, symbols: Naming, node: Value, row: Primitive, element: int = 0) -> None:
        self._symbols = symbols
        self._node = node
        self._bound = row.bind(node.parents)
        self._element = element

    def at(self, element: int) -> BoundRow:
        """The same row at another element."""
        twin = object.__new__(BoundRow)
        twin.__dict__.update(self.__dict__, _element=element)
        return twin

    def number(self, value: float) -> ast.expr:
        """A number."""
        return number(value)

    def name(self, name: str) -> ast.expr:
        """An operand as its node is written, or the number that stands for one left out."""
        if name == "pi":
            return symbol(name)
        if name == "n":
            return number(self._bound[name])
        if name == "y":
            return self._symbols.output(self._node)
        operand = self._operand(name)
        return self._symbols.of(operand) if isinstance(operand, Value) else number(operand)

    def apply(self, op: str, operands: Sequence[ast.expr]) -> ast.expr:
        """A call."""
        return self._symbols.apply(op, operands)

    def operate(self, operator: Operator, operands: Sequence[ast.expr]) -> ast.expr:
        """Arithmetic, tidied."""
        return _OPERATIONS[operator.row](*operands)

    def reduce(self, op: str, groups: Sequence[ast.expr]) -> ast.expr:
        """Sums and products written out, the other reductions as calls over the elements."""
        length = self._bound.get("n", 1)
        shown = shown_elements(length, self._element)
        if op == "prod_others":
            others = [i for i in shown_elements(length, self._element) if i != self._element]
            return _joined(times, self._elements(groups[0], others), number(1))
        if op == "dot":
            a, b = (self._elements(group, shown) for group in groups)
            terms = [
                None if left is None or right is None else times(left, right)
                for left, right in zip(a, b, strict=True)
            ]
            return _joined(plus, terms, number(0))
        if op in _EXPANDED:
            combine, start = (plus, 0) if op == "sum" else (times, 1)
            return _joined(combine, self._elements(groups[0], shown), number(start))
        if op == "softmax":  # its own logit first, as the row has it
            shown = _with_first(shown, self._element)
        elements: list[ast.expr | None] = []
        for group in groups:
            elements += self._elements(group, shown if self._is_vector(group) else [0])
        return self._symbols.apply(op, elements)

    def where(self, condition: ast.expr, taken: ast.expr, other: ast.expr) -> ast.expr:
        """A case distinction, resolved where numbers or an exceptional case decide it."""
        decided = self._decide(condition)
        if decided is not None:
            return self.interpret(taken if decided else other)
        test = self._condition(condition)
        value = number_in(test)
        if value is not None:
            return self.interpret(taken if value else other)
        arms = self.interpret(taken), self.interpret(other)
        if same(*arms):
            return arms[0]
        if number_in(arms[0]) == 0 and (opposite := self._opposite(test)) is not None:
            return call("where", [opposite, arms[1], arms[0]])
        return call("where", [test, *arms])

    def _operand(self, name: str) -> Any:
        """The operand of that name: a Value, or the number that stands for one left out."""
        operand = self._bound[name]
        return operand[self._element] if isinstance(operand, list) else operand

    def _elements(self, formula: ast.expr, shown: Sequence[int | None]) -> list[ast.expr | None]:
        return [None if i is None else self.at(i).interpret(formula) for i in shown]

    def _is_vector(self, formula: ast.expr) -> bool:
        return any(isinstance(self._bound.get(name), list) for name in names_in(formula))

    def _opposite(self, test: ast.expr) -> ast.expr | None:
        """The comparison that holds where `test` does not; with NaN in the data there is none."""
        comparison, sides = operation(test)
        opposite = comparison.opposite if isinstance(comparison, Operator) else None
        if opposite is None or any(parent.data != parent.data for parent in self._node.parents):
            return None
        return ast.Compare(sides[0], [opposite()], [sides[1]])

    def _decide(self, condition: ast.expr) -> bool | None:
        """Whether a comparison holds, if that is known.

        It is between numbers; ``==`` guards exceptional cases and is decided by the data, so that
        the power rule reads as usual.
        """
        if not isinstance(condition, ast.Compare):
            return None
        comparison, sides = operation(condition)
        assert isinstance(comparison, Operator)
        by_data = comparison.symbol == "=="
        known = [
            self._known(side) if by_data else number_in(self.interpret(side)) for side in sides
        ]
        return None if None in known else bool(comparison.function(*known))

    def _known(self, side: ast.expr) -> float | None:
        """One side of a comparison as a number, taken from the data."""
        if isinstance(side, ast.Constant):
            return float(side.value)  # type: ignore[arg-type]  # checked by parse_formula
        if isinstance(side, ast.Name):
            operand = self._node if side.id == "y" else self._operand(side.id)
            return operand.data if isinstance(operand, Value) else float(operand)
        function, arguments = operation(side)
        row = PRIMITIVES.get(function) if isinstance(function, str) else None
        if row is None or row.has_vectors:
            return None
        known = [self._known(argument) for argument in arguments]
        return None if None in known else row.evaluate([x for x in known if x is not None])

    def _condition(self, condition: ast.expr) -> ast.expr:
        if isinstance(condition, ast.Compare):
            return with_operands(condition, [*map(self.interpret, operation(condition)[1])])
        test = self.interpret(condition)
        return _indicated(test) or test


def is_number(node: Value) -> bool:
    """Whether the node is a constant that is written as its number."""
    return type(node) is Constant and not node.label.strip()


@cache
def is_plain(row: Primitive) -> bool:
    """Whether a row's value is best written as its formula: arithmetic, or a comparison.

    Examples
    --------
    >>> [name for name in ("mul", "dot", "tanh", "greater") if is_plain(PRIMITIVES[name])]
    ['mul', 'dot', 'greater']
    """
    if _indicated(row.value_formula) is not None:
        return True
    return functions_in(row.value_formula) <= _EXPANDED


def _indicated(formula: ast.expr) -> ast.expr | None:
    """The comparison of which a formula is the indicator: 1 where it holds, else 0."""
    what, operands = operation(formula)
    if what != "where" or not isinstance(operands[0], ast.Compare):
        return None
    arms = [arm.value for arm in operands[1:] if isinstance(arm, ast.Constant)]
    return operands[0] if arms == [1, 0] else None


def shown_elements(length: int, focus: int = 0, most: int = _TERMS) -> list[int | None]:
    """Which of many elements to write out; None stands for those left out in between.

    Examples
    --------
    >>> shown_elements(3), shown_elements(9, focus=5)
    ([0, 1, 2], [0, 1, None, 5, None, 8])
    """
    if length <= most:
        return list(range(length))
    shown: list[int | None] = []
    for index in sorted({0, 1, focus, length - 1}):
        if shown and shown[-1] != index - 1:
            shown.append(None)
        shown.append(index)
    return shown


def _with_first(shown: Sequence[int | None], first: int) -> list[int | None]:
    """The same elements in another order, and no two gaps side by side."""
    order = [first, *(index for index in shown if index != first)]
    pairs = pairwise(order)
    return [first, *(after for before, after in pairs if before is not None or after is not None)]


def _joined(
    combine: Callable[[ast.expr, ast.expr], ast.expr],
    elements: Sequence[ast.expr | None],
    start: ast.expr,
) -> ast.expr:
    result = start
    for position, element in enumerate(elements):
        # Each gap is a symbol of its own, so that two of them do not become a power.
        gap = symbol(ELLIPSIS + str(position))
        result = combine(result, gap if element is None else element)
    return result
