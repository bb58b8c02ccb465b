"""How an operation is recorded in general: in all modes, for subclasses and numbers of any kind."""

from __future__ import annotations

from typing import Any, cast

from ..table.primitives import PRIMITIVES
from .anomaly import check_value
from .coerce import is_number, refuse_sequence, to_float
from .frames import source_line
from .modes import ACTIVE, SWITCHED, current_modes
from .scopes import Origin, innermost
from .value import Constant, Operand, Value, as_value, constant


def apply(op: str, *parents: Value) -> Value:
    """Make the node of primitive `op` over `parents`.

    Constants yield a constant.

    Examples
    --------
    >>> apply("mul", Value(2.0), Value(3.0)).local_derivatives
    (3.0, 2.0)
    """
    if SWITCHED:
        modes = current_modes()
        if modes.record is not None:
            return cast(Value, modes.record(op, parents))
        if not (modes.recording or modes.anomaly):
            return constant(PRIMITIVES[op].evaluate([parent.data for parent in parents]))
    y, derivatives = linearize(op, parents)
    result = node(op, y, parents, derivatives)
    return constant(y) if set(map(type, parents)) <= {Constant} else result


def linearize(op: str, parents: tuple[Value, ...]) -> tuple[float, tuple[float, ...]]:
    """Value and local derivatives of `op` at the data of its parents: 0 toward constants.

    Examples
    --------
    >>> linearize("mul", (Value(2.0), as_value(3.0)))
    (6.0, (3.0, 0.0))
    """
    fixed = [type(parent) is Constant for parent in parents]
    return PRIMITIVES[op].linearize(
        [parent.data for parent in parents], fixed if True in fixed else ()
    )


def node(
    op: str, y: float, parents: tuple[Value, ...], local_derivatives: tuple[float, ...]
) -> Value:
    """Make an interior node, as the modes of this thread have it."""
    result = Value.__new__(Value)
    result.data = y
    result.grad = 0.0
    result.op = op
    result._link(parents, local_derivatives)
    return observe(result) if ACTIVE else result


def observe(result: Value) -> Value:
    """What the modes and the scopes of this thread make of a new node."""
    scope = innermost()
    if scope is not None:
        result._origin = scope
    if not SWITCHED:
        return result
    modes = current_modes()
    if modes.anomaly:
        result._origin = Origin(source_line(), scope)
        check_value(result)
    return result if modes.recording else constant(result.data)


def operate(op: str, *operands: Operand) -> Value:
    """Apply a primitive for an operator: NotImplemented for an operand of another kind.

    So that Python asks the other operand, as NumPy arrays of Values need it.
    """
    for operand in operands:
        if not isinstance(operand, (Value, float, int)) and not is_number(operand):
            refuse_sequence(op, operand)
            return cast(Value, NotImplemented)
    return apply(op, *map(as_value, operands))


def general(op: str, *operands: Any) -> Any:
    """Apply primitive `op` to Values and numbers; numbers alone give a number."""
    if operands and set(map(type, operands)) <= {Value, Constant}:  # as most operands are
        return apply(op, *operands)
    if any(isinstance(operand, Value) for operand in operands):
        return apply(op, *map(as_value, operands))
    return apply(op, *[constant(to_float(operand)) for operand in operands]).data
