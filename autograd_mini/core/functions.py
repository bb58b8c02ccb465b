"""Functions over Values and floats alike: those of the table, and what takes more than a row."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any, overload

import numpy as np

from ..errors import TraceError
from ..table.registration import register
from .coerce import is_ordered, to_float
from .frames import source_line
from .modes import ACTIVE, current_modes
from .recording import apply, general
from .row_functions import sequence
from .table_functions import *
from .table_functions import FUNCTIONS, documented
from .table_functions import abs as abs
from .table_functions import pow as pow
from .table_functions import sum as sum
from .value import Operand, Value, as_value


def where(condition: Operand | bool, a: Operand, b: Operand) -> Any:
    """`a` where the condition holds, else `b`; the arm not taken contributes nothing.

    No infinity or NaN leaks out of the arm not taken, neither into the value nor into a gradient.

    Parameters
    ----------
    condition : bool, float or Value
        Holds if it is not 0.  A bool is fixed in the graph; ``greater(x, 0)`` and its kin stay
        in it and are looked at again by ``recompute`` and by compiled programs.
    a, b : Value or float
        The two arms.

    Returns
    -------
    Value or float
        A Value if any argument is one.

    Examples
    --------
    >>> x = Value(0.0)
    >>> y = where(x > 0, log(x), 0.0)
    >>> y.backward()
    >>> y.data, x.grad
    (0.0, 0.0)
    """
    return general("where", condition, a, b)


@overload
def softmax(logits: Iterable[Operand]) -> list[Any]: ...


@overload
def softmax(logits: Iterable[Operand], index: int | Value) -> Any: ...


def softmax(logits: Iterable[Operand], index: int | Value | None = None) -> Any:
    """Probabilities proportional to the exponentials, without overflow.

    Each output is one node over all logits: its own first, then the others in order.

    Parameters
    ----------
    logits : iterable of Value or float
        At least one.
    index : int or Value, optional
        Makes the node of this element alone, which :func:`take` would pick from the list.

    Returns
    -------
    list of Value or float
        As long as the logits; they add up to 1.  With an index, one element.

    Raises
    ------
    ValueError
        If there are no logits.
    TypeError, IndexError
        If the index is none, as in :func:`take`.

    Examples
    --------
    >>> [round(p, 12) for p in softmax([1.0, 2.0])]
    [0.26894142137, 0.73105857863]
    """
    return _each_first("softmax", logits, index)


@overload
def log_softmax(logits: Iterable[Operand]) -> list[Any]: ...


@overload
def log_softmax(logits: Iterable[Operand], index: int | Value) -> Any: ...


def log_softmax(logits: Iterable[Operand], index: int | Value | None = None) -> Any:
    """Logarithms of :func:`softmax`, exact where the probabilities round to 0.

    Parameters
    ----------
    logits : iterable of Value or float
        At least one.
    index : int or Value, optional
        Makes the node of this element alone, which :func:`take` would pick from the list.

    Returns
    -------
    list of Value or float
        As long as the logits.  With an index, one element.

    Raises
    ------
    ValueError
        If there are no logits.
    TypeError, IndexError
        If the index is none, as in :func:`take`.

    Examples
    --------
    >>> [round(p, 12) for p in log_softmax([1.0, 2.0])]
    [-1.313261687518, -0.313261687518]
    >>> log_softmax([1e16, 1e16 + 2], 1) == log_softmax([0.0, 2.0])[1]
    True
    """
    return _each_first("log_softmax", logits, index)


def _each_first(op: str, logits: Iterable[Operand], index: int | Value | None) -> Any:
    operands = sequence(op, logits)
    if not operands:
        raise ValueError(f"{op} needs at least 1 value, got none")
    kinds = set(map(type, operands))
    if kinds != {Value} and any(issubclass(kind, Value) for kind in kinds):
        operands = tuple(map(as_value, operands))  # shared by all outputs
    function = FUNCTIONS[op]
    position = None if index is None else _position(index, len(operands))
    chosen = range(len(operands)) if position is None else [position]
    if index is not None and position is None:  # one node for each element would be a table
        picked = take(operands, index) - logsumexp(operands)
        return picked if op == "log_softmax" else exp(picked)
    elements = [function(operands[i], operands[:i] + operands[i + 1 :]) for i in chosen]
    return elements if index is None else elements[0]


def take(values: Sequence[Any], index: int | Value) -> Any:
    """The element that an integer picks, as an embedding or a class label does.

    With a plain integer this is indexing.  In a compiled function it also works with an integer
    input, whose number is known only when the program runs.

    Parameters
    ----------
    values : sequence or array
        Values or numbers, or (nested) lists, tuples or arrays of them; in a compiled function all
        of one length.
    index : int or Value
        From 0 to ``len(values) - 1``; in a compiled function an integer or an integer input.

    Returns
    -------
    Value, float, list, tuple or array
        The element.

    Raises
    ------
    TypeError
        If the index is not a whole number, or the values are no sequence.
    IndexError
        If it is out of range.
    TraceError
        In a compiled function, if the elements are rows of different lengths, or the index is
        computed.

    Examples
    --------
    >>> take([10.0, 20.0, 30.0], 1)
    20.0
    >>> take([[1.0, 2.0], [3.0, 4.0]], 0)
    [1.0, 2.0]
    """
    if not is_ordered(values):
        raise TypeError(f"take picks from a sequence of values, got one {type(values).__name__}")
    position = _position(index, len(values))
    return _recorded_take(values, index) if position is None else values[position]


def _position(index: Any, count: int) -> int | None:
    """An index as a position; None for an integer that is known only when the program runs."""
    tracing = bool(ACTIVE) and current_modes().record is not None
    if tracing and isinstance(index, Value):
        if index.op == "integer_input":
            return None
        if index.op == "input":
            raise TypeError("take needs an integer as index: give that argument an integer dtype")
    try:
        position = _whole_number(index)
    except TraceError:
        if not tracing:
            raise
        raise TraceError(
            f"{source_line()}: in a compiled function take picks by an integer input itself, got "
            f"{index!r}; tabulate what is computed from one: "
            "take([values[...] for k in range(n)], k)"
        ) from None
    if not 0 <= position < count:
        raise IndexError(f"index {position!r} is out of range for {count} values")
    return position


def _whole_number(index: Any) -> int:
    given = index.data if isinstance(index, Value) else index
    if isinstance(given, Integral) and not isinstance(given, bool):
        return int(given)
    try:
        number = math.nan if isinstance(given, (bool, np.bool_)) else to_float(given)
    except TypeError:
        number = math.nan
    if not number.is_integer():  # infinity and NaN are none either
        raise TypeError(f"take needs a whole number as index, got {given!r:.80}")
    return int(number)


def _recorded_take(values: Sequence[Any], index: Operand) -> Any:
    """A node that picks when the program runs; one for each element of nested lists and arrays."""
    choices = [values[position] for position in range(len(values))]
    if not choices:
        raise IndexError("take has no values to pick from")
    lengths = {_length(choice) for choice in choices}
    if lengths == {None}:
        return apply("take", *map(as_value, (index, *choices)))
    if len(lengths) > 1:
        lengths_met = " and ".join(sorted("1 number" if n is None else str(n) for n in lengths))
        raise TraceError(
            f"{source_line()}: take picks among rows of lengths {lengths_met}, but in a compiled "
            "function the result has one shape for all examples: pad the rows to one length"
        )
    row = [_recorded_take(column, index) for column in zip(*choices, strict=True)]
    if isinstance(choices[0], np.ndarray):
        return np.array(row, dtype=object)
    return tuple(row) if isinstance(choices[0], tuple) else row


def _length(choice: Any) -> int | None:
    """The length of a row; None for a single number."""
    is_row = isinstance(choice, (list, tuple)) or (isinstance(choice, np.ndarray) and choice.ndim)
    return len(choice) if is_row else None


def register_primitive(
    name: str,
    operands: str,
    value: str,
    partials: Sequence[str],
    domains: Sequence[tuple[float, float]],
    description: str = "",
    remedy: str = "",
) -> Callable[..., Any]:
    """Add a row of your own to the derivative table.

    The row is checked as the built-in ones are, and its partial derivatives against two-sided
    differences of its value at points of the domains.  Registering the same row again, as
    running a notebook cell twice does, gives its function again; blanks do not count, and a changed
    description or remedy takes the place of the old one.

    Parameters
    ----------
    name : str
        A new name.
    operands : str
        ``"x"``, ``"a, b"``, with a default ``"x, slope=0.1"``, or a vector ``"x..."``, which the
        function takes as a sequence.
    value : str
        Formula of the output over the operands.
    partials : sequence of str
        For each operand the formula of the local derivative, over operands and the output ``y``.
    domains : sequence of (float, float)
        For each operand an interval inside the domain, from which the check and tests sample.
    description : str, optional
        What it is, in one line.
    remedy : str, optional
        What to do if it gives infinity or NaN, in one line: :func:`detect_anomaly` shows it.

    Returns
    -------
    callable
        The function, over Values and floats.

    Raises
    ------
    TypeError
        If an argument is of another type: one text as `partials`, say.
    ValueError
        If the name belongs to another row (the message says what differs), the row is not well
        formed, or a partial derivative is wrong.

    Examples
    --------
    >>> cube = register_primitive("cube", "x", "x * x * x", ["3 * x * x"], [(-2.0, 2.0)])
    >>> x = Value(2.0)
    >>> cube(x).backward()
    >>> x.grad
    12.0
    """
    if isinstance(partials, str):
        raise TypeError(f"partials must be a list with one formula an operand, got {partials!r}")
    for what, text in (("name", name), ("operands", operands), ("value", value)):
        _check_text(name, what, text, "|;\n")
    for text in partials:
        _check_text(name, "local derivative", text, "|;\n")
    for what, text in (("description", description), ("remedy", remedy)):
        _check_text(name, what, text, "|\n")
    try:
        intervals = ", ".join(f"{float(low)!r}..{float(high)!r}" for low, high in domains)
    except (TypeError, ValueError):
        raise TypeError(
            f"primitive {name!r}: domains must be a list of pairs of numbers, got {domains!r:.80}"
        ) from None
    columns = (name, operands, value, " ; ".join(partials), intervals, description, remedy)
    function = documented(register(" | ".join(columns)))
    function.__module__ = sys._getframe(1).f_globals.get("__name__", "__main__")  # for pickle
    return function


def _check_text(name: str, what: str, text: Any, separators: str) -> None:
    """Refuse what cannot stand in one column of the table."""
    if not isinstance(text, str):
        raise TypeError(f"primitive {name!r}, {what}: expected text, got {text!r:.80}")
    for separator in separators:
        if separator in text:
            raise ValueError(
                f"primitive {name!r}: its {what}, {text!r:.80}, holds {separator!r}, a separator "
                "of the table; give each formula and each text as a string of one line"
            )
