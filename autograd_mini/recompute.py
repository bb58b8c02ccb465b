"""Replay of a recorded graph at new data."""

from __future__ import annotations

from collections.abc import Sequence

from .anomaly import check_value
from .graph import interior_order
from .modes import ACTIVE, current_modes
from .primitives import PRIMITIVES
from .value import Constant, Value


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
        If a root is not a Value.
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
    outputs = [roots] if isinstance(roots, Value) else list(roots)
    for output in outputs:
        if not isinstance(output, Value):
            raise TypeError(f"expected Values to recompute, got {type(output).__name__}")
    order = interior_order(*outputs)
    before = [(node.data, node.local_derivatives) for node in order]
    check = bool(ACTIVE) and current_modes().anomaly
    try:
        for node in order:
            _replay(node)
            if check:
                check_value(node)
    except BaseException:
        for node, (data, derivatives) in zip(order, before, strict=True):
            node.data, node.local_derivatives = data, derivatives
        raise


def _replay(node: Value) -> None:
    parents = node.parents
    kinds = set(map(type, parents))
    fixed = [type(parent) is Constant for parent in parents] if Constant in kinds else []
    node.data, node.local_derivatives = PRIMITIVES[node.op].linearize(
        [parent.data for parent in parents], fixed
    )
