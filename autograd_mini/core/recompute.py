"""Replay of a recorded graph at new data."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from .anomaly import check_value
from .coerce import nodes_of, to_float
from .graph import interior_order
from .modes import SWITCHED, current_modes
from .recording import linearize
from .value import Value


def recompute(roots: Value | Sequence[Value]) -> None:
    """Bring a graph up to date after the ``data`` of its leaves has changed.

    Replays every recorded operation, parents first, and sets data and local derivatives of the
    nodes in place: no new node is made, no ``grad`` changes, constants stay.  The graph is the
    recorded one: a Python ``if`` or a ``where`` on a bool took its decision for good, while
    ``where(greater(x, 0), ...)`` is looked at again.  If it raises, all nodes are as they were.

    Parameters
    ----------
    roots : Value or sequence of Value
        The outputs to bring up to date, with all they depend on.

    Raises
    ------
    TypeError
        If a root is not a Value, or the data of a leaf is not a real number.
    AnomalyError
        Inside ``detect_anomaly()``, at the first value that is infinite or NaN.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = x * x
    >>> x.data = 5.0
    >>> recompute(y)
    >>> y.data, y.local_derivatives
    (25.0, (5.0, 5.0))
    """
    outputs = nodes_of(roots, "roots")
    order = interior_order(*outputs)
    operands = list(map(attrgetter("parents"), order))
    _coerce_leaves(outputs, *operands)
    before = list(map(attrgetter("data", "_a", "_b", "_da", "_db"), order))
    check = bool(SWITCHED) and current_modes().anomaly
    try:
        for node, parents in zip(order, operands, strict=True):
            node.data, derivatives = linearize(node.op, parents)
            if node._b is not None:  # as the setter has it, which most nodes need not call
                node._da, node._db = derivatives
            else:
                node.local_derivatives = derivatives
            if check:
                check_value(node)
    except BaseException:
        for node, state in zip(order, before, strict=True):
            node.data, node._a, node._b, node._da, node._db = state
        raise


def _coerce_leaves(*groups: Sequence[Value]) -> None:
    """Turn the numbers assigned to leaves into floats: all of them, or none if one is no number."""
    assigned = [node for group in groups for node in group if type(node.data) is not float]
    numbers: list[tuple[Value, float]] = []
    for node in assigned:
        if node.parents:
            continue
        try:
            numbers.append((node, to_float(node.data)))
        except (TypeError, ValueError) as error:
            name = f"leaf {node.label!r}" if node.label else "a leaf without label"
            raise type(error)(f"data of {name}: {error}") from None
    for node, number in numbers:
        node.data = number
