"""Which rows are written out as what their formulas do, and which stay as the table has them.

Written out, a row becomes part of sums of products, and its derivative follows from its parts.
That is the same number, unless an infinity or NaN is on the way: then the row counts, as the table
has it.  So in the NaN-safe form, and wherever a choice depends on it, less is written out.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cache
from typing import TypeVar

from ..table.grammar import (
    REDUCTIONS,
    VECTOR_FUNCTIONS,
    Operator,
    functions_in,
    names_in,
    operation,
    parts,
)
from ..table.primitives import PRIMITIVES, Primitive
from ..table.rewrite import opened

OperandT = TypeVar("OperandT")
_CLOSED = REDUCTIONS | {"where"}
_LOSING = frozenset({"pow", "hypot", "norm"})
"""Functions that may be a number although an operand is NaN, as ``NaN ** 0``."""
_SHORTENED = frozenset({"multiply_no_nan", "logsumexp", "softmax", "log_softmax"})
"""Rows that are written out by a rule of their own, which is not for infinities and NaN."""


@cache
def is_written_out(row: Primitive) -> bool:
    """Whether a row becomes what its formula does, as long as all is finite.

    It does if it is one operator over its operands, or has vectors and no function in it has a
    kink, where the row might have a derivative of its own.

    Examples
    --------
    >>> rows = "mul", "square", "variance", "sigmoid", "norm"
    >>> [name for name in rows if is_written_out(PRIMITIVES[name])]
    ['mul', 'square', 'variance']
    """
    if not row.has_vectors:
        what, operands = operation(row.value_formula)
        return isinstance(what, Operator) and all(map(_is_name, operands))
    called = functions_in(row.value_formula)
    return row.name not in called and _are_smooth(called)


@cache
def is_exact(row: Primitive) -> bool:
    """Whether what a row is written out as has its derivatives at infinities and NaN, too.

    It has them if it does one thing after the other, so that nothing is added up that cancels.

    Examples
    --------
    >>> [name for name in ("mean", "square", "variance") if is_exact(PRIMITIVES[name])]
    ['mean', 'square']
    """
    if row.name in _SHORTENED or not row.has_vectors:
        return row.name not in _SHORTENED
    inner = list(parts(row.value_formula))
    reductions = [operands for what, operands in map(operation, inner) if isinstance(what, str)]
    names = Counter(part.id for part in inner if isinstance(part, ast.Name))
    return (
        functions_in(row.value_formula) <= {"sum", "dot"}
        and all(_is_name(operand) for operands in reductions for operand in operands)
        and all(count == 1 for count in names.values())
    )


def has_two_forms(op: str) -> bool:
    """Whether a row is written out only as long as all is finite.

    Examples
    --------
    >>> [op for op in ("mean", "variance", "softmax", "tanh", "take") if has_two_forms(op)]
    ['variance', 'softmax']
    """
    row = PRIMITIVES.get(op)
    return row is not None and (op in _SHORTENED or (is_written_out(row) and not is_exact(row)))


def chosen_operands(op: str, operands: Sequence[OperandT]) -> Sequence[OperandT]:
    """The operands of which a row takes one and leaves the others.

    Examples
    --------
    >>> chosen_operands("where", "cab"), chosen_operands("maximum", "ab")
    (['a', 'b'], '')
    """
    return _operands_of(op, operands, _arms)


def deciding_operands(op: str, operands: Sequence[OperandT]) -> Sequence[OperandT]:
    """The operands of which a NaN may vanish: a comparison takes it for false.

    Examples
    --------
    >>> deciding_operands("where", "cab"), deciding_operands("less", "ab")
    (['c'], ['a', 'b'])
    """
    return _operands_of(op, operands, _deciding)


def decides(op: str) -> bool:
    """Whether a row has such operands.

    Examples
    --------
    >>> [op for op in ("where", "clip", "leaky_relu", "sign", "softmax", "take") if decides(op)]
    ['where', 'sign']
    """
    row = PRIMITIVES.get(op)
    return row is not None and bool(_deciding(row))


def _operands_of(
    op: str, operands: Sequence[OperandT], which: Callable[[Primitive], Set[str]]
) -> Sequence[OperandT]:
    row = PRIMITIVES.get(op)
    if row is None or not (names := which(row)):
        return operands[:0]
    spans = zip(row.names, row.spans(len(operands)), strict=True)
    return [operand for name, span in spans if name in names for operand in operands[span]]


@cache
def _arms(row: Primitive) -> Set[str]:
    what, operands = operation(row.value_formula)
    if what != "where":
        return frozenset()
    condition, *arms = operands
    return {arm.id for arm in arms if isinstance(arm, ast.Name)} - names_in(condition)


@cache
def _deciding(row: Primitive) -> Set[str]:
    if row.name in _SHORTENED:
        return frozenset()  # then a NaN passes
    return _asked(row.value_formula) - carried_names(row.value_formula)


def _asked(formula: ast.expr) -> set[str]:
    """The names that a choice hangs on."""
    what, operands = operation(opened(formula, _CLOSED))
    asked = set[str]().union(*map(_asked, operands))
    return asked | names_in(operands[0]) if what == "where" else asked


def carried_names(formula: ast.expr) -> set[str]:
    """The names of which a NaN makes the formula NaN, whatever the others are.

    Examples
    --------
    >>> sorted(carried_names(ast.parse("where(a > b, a * a, sin(a) + b)", mode="eval").body))
    ['a', 'b']
    """
    if isinstance(formula, ast.Name):
        return {formula.id}
    what, operands = operation(opened(formula, _CLOSED))
    if (what.row if isinstance(what, Operator) else what) in _LOSING:
        return set()
    carried = list(map(carried_names, operands))
    if what != "where":
        return set[str]().union(*carried)
    condition, taken, other = carried
    if not isinstance(operands[0], ast.Compare):  # a NaN is not 0, but compares false
        taken, other = other, taken
    return other & (condition | taken)


def _are_smooth(functions: Iterable[str]) -> bool:
    """Whether neither functions nor their derivatives choose, through all rows that they call."""
    waiting, seen = set(functions) - (REDUCTIONS - VECTOR_FUNCTIONS), set[str]()
    while waiting:
        function = waiting.pop()
        row = PRIMITIVES.get(function)
        if function == "where" or row is None or row.has_vectors:
            return False
        seen.add(function)
        for formula in (row.value_formula, *row.partial_formulas):
            waiting |= functions_in(formula) - seen
    return True


def _is_name(formula: ast.expr) -> bool:
    return isinstance(formula, ast.Name)
