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
from ..table.algebra import (
    call,
    minus,
    negated,
    number,
    number_in,
    over,
    plus,
    power,
    same,
    symbol,
    times,
)
from ..table.grammar import REDUCTIONS
from ..table.primitives import PRIMITIVES, Primitive
from .notation import ELLIPSIS

_TERMS = 6
"""The most elements of a vector that are written out."""
_EXPANDED = frozenset({"sum", "dot", "prod"})

_OPERATIONS: dict[type[ast.operator], Callable[[ast.expr, ast.expr], ast.expr]] = {
    ast.Add: plus,
    ast.Sub: minus,
    ast.Mult: times,
    ast.Div: over,
    ast.Pow: power,
}


class Naming(Protocol):
    """How the nodes of a graph are written."""

    def of(self, node: Value) -> ast.expr:
        """A node as it stands in a formula."""

    def output(self, node: Value) -> ast.expr:
        """What ``y`` stands for in a local derivative of the node."""

    def apply(self, function: str, arguments: Sequence[ast.expr | None]) -> ast.expr:
        """A call; None stands for arguments left out."""


class BoundRow:
    """One row of the table with the operands of one node in place of its own."""

    def __init__(self, symbols: Naming, node: Value, row: Primitive) -> None:
        self._symbols = symbols
        self._node = node
        self._groups = row.split(node.parents)
        self._operands = dict(zip((o.name for o in row.operands), self._groups, strict=True))
        lengths = [len(group) for group in self._groups if isinstance(group, list)]
        self._length = lengths[0] if lengths else 1

    def locate(self, index: int) -> tuple[int, int]:
        """Which operand of the row the parent at `index` belongs to, and which element it is."""
        for operand, group in enumerate(self._groups):
            size = len(group) if isinstance(group, list) else 1
            if index < size:
                return operand, index
            index -= size
        raise IndexError(f"{self._node.op} has no operand at position {index}")

    def expand(self, formula: ast.expr, element: int) -> ast.expr:
        """The formula over the node's operands, at one element where it speaks of vectors."""
        if isinstance(formula, ast.Constant):
            return number(formula.value)  # type: ignore[arg-type]  # checked by parse_formula
        if isinstance(formula, ast.Name):
            return self._name(formula.id, element)
        if isinstance(formula, ast.UnaryOp):
            return negated(self.expand(formula.operand, element))
        if isinstance(formula, ast.BinOp):
            combine = _OPERATIONS[type(formula.op)]
            left, right = self.expand(formula.left, element), self.expand(formula.right, element)
            return combine(left, right)
        assert isinstance(formula, ast.Call), "comparisons stand only inside where"
        assert isinstance(formula.func, ast.Name)
        function, arguments = formula.func.id, formula.args
        if function == "where":
            return self._where(arguments, element)
        if function in REDUCTIONS:
            return self._reduction(function, arguments, element)
        return self._symbols.apply(function, [self.expand(a, element) for a in arguments])

    def _name(self, name: str, element: int) -> ast.expr:
        if name == "pi":
            return symbol(name)
        if name == "n":
            return number(self._length)
        if name == "y":
            return self._symbols.output(self._node)
        operand = self._element(name, element)
        return self._symbols.of(operand) if isinstance(operand, Value) else number(operand)

    def _element(self, name: str, element: int) -> Any:
        """The operand of that name: a Value, or the number that stands for one left out."""
        operand = self._operands[name]
        return operand[element] if isinstance(operand, list) else operand

    def _reduction(self, function: str, arguments: Sequence[ast.expr], element: int) -> ast.expr:
        """Sums and products written out, the other reductions as calls over the elements."""
        if function == "prod_others":
            others = [i for i in shown_elements(self._length, element) if i != element]
            return _joined(times, self._elements(arguments[0], others), number(1))
        shown = shown_elements(self._length, element)
        if function == "dot":
            a, b = (self._elements(argument, shown) for argument in arguments)
            terms = [
                None if left is None or right is None else times(left, right)
                for left, right in zip(a, b, strict=True)
            ]
            return _joined(plus, terms, number(0))
        if function in _EXPANDED:
            combine, start = (plus, 0) if function == "sum" else (times, 1)
            return _joined(combine, self._elements(arguments[0], shown), number(start))
        if function == "softmax":  # its own logit first, as the row has it
            shown = _with_first(shown, element)
        elements: list[ast.expr | None] = []
        for argument in arguments:
            vector = self._is_vector(argument)
            elements += self._elements(argument, shown if vector else [0])
        return self._symbols.apply(function, elements)

    def _elements(self, formula: ast.expr, shown: Sequence[int | None]) -> list[ast.expr | None]:
        return [None if i is None else self.expand(formula, i) for i in shown]

    def _is_vector(self, formula: ast.expr) -> bool:
        names = (node.id for node in ast.walk(formula) if isinstance(node, ast.Name))
        return any(isinstance(self._operands.get(name), list) for name in names)

    def _where(self, arguments: Sequence[ast.expr], element: int) -> ast.expr:
        """A case distinction, resolved where numbers or an exceptional case decide it."""
        condition, *arms = arguments
        decided = self._decide(condition, element)
        if decided is not None:
            return self.expand(arms[0] if decided else arms[1], element)
        test = self._condition(condition, element)
        value = number_in(test)
        if value is not None:
            return self.expand(arms[0] if value else arms[1], element)
        taken, other = (self.expand(arm, element) for arm in arms)
        if same(taken, other):
            return taken
        if number_in(taken) == 0 and (opposite := self._opposite(test)) is not None:
            return call("where", [opposite, other, taken])
        return call("where", [test, taken, other])

    def _opposite(self, test: ast.expr) -> ast.expr | None:
        """The comparison that holds where `test` does not; with NaN in the data there is none."""
        if not isinstance(test, ast.Compare) or type(test.ops[0]) not in _OPPOSITE:
            return None
        if any(parent.data != parent.data for parent in self._node.parents):
            return None
        return ast.Compare(test.left, [_OPPOSITE[type(test.ops[0])]()], test.comparators)

    def _decide(self, condition: ast.expr, element: int) -> bool | None:
        """Whether a comparison holds, if that is known.

        It is between numbers; ``==`` guards exceptional cases and is decided by the data, so that
        the power rule reads as usual.
        """
        if not isinstance(condition, ast.Compare):
            return None
        by_data = isinstance(condition.ops[0], ast.Eq)
        left = self._known(condition.left, element, by_data)
        right = self._known(condition.comparators[0], element, by_data)
        if left is None or right is None:
            return None
        return _COMPARE[type(condition.ops[0])](left, right)

    def _known(self, side: ast.expr, element: int, by_data: bool) -> float | None:
        """One side of a comparison as a number, taken from the data if that is allowed."""
        if not by_data:
            return number_in(self.expand(side, element))
        if isinstance(side, ast.Constant):
            return float(side.value)  # type: ignore[arg-type]  # checked by parse_formula
        if isinstance(side, ast.Name) and side.id in self._operands:
            operand = self._element(side.id, element)
            return operand.data if isinstance(operand, Value) else float(operand)
        if isinstance(side, ast.Call) and isinstance(side.func, ast.Name):
            operands = [self._known(argument, element, by_data) for argument in side.args]
            row = PRIMITIVES.get(side.func.id)
            if row is not None and not row.has_vectors and None not in operands:
                return row.evaluate([x for x in operands if x is not None])
        return self._node.data if isinstance(side, ast.Name) and side.id == "y" else None

    def _condition(self, condition: ast.expr, element: int) -> ast.expr:
        if not isinstance(condition, ast.Compare):
            test = self.expand(condition, element)
            return _indicated(test) or test
        left = self.expand(condition.left, element)
        right = self.expand(condition.comparators[0], element)
        return ast.Compare(left, condition.ops, [right])


_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: float.__gt__,
    ast.GtE: float.__ge__,
    ast.Lt: float.__lt__,
    ast.LtE: float.__le__,
    ast.Eq: float.__eq__,
}


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
    functions = (node.func for node in ast.walk(row.value_formula) if isinstance(node, ast.Call))
    return all(isinstance(f, ast.Name) and f.id in _EXPANDED for f in functions)


def _indicated(formula: ast.expr) -> ast.expr | None:
    """The comparison of which a formula is the indicator: 1 where it holds, else 0."""
    if not (isinstance(formula, ast.Call) and isinstance(formula.func, ast.Name)):
        return None
    arms = [arm.value for arm in formula.args[1:] if isinstance(arm, ast.Constant)]
    comparison = formula.func.id == "where" and isinstance(formula.args[0], ast.Compare)
    return formula.args[0] if comparison and arms == [1, 0] else None


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
