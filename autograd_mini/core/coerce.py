"""What users hand in, checked: numbers, groups of them, and Values."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, TypeGuard

import numpy as np

_REPEATED = frozenset({list, tuple, str, bytes, bytearray})


def is_value(given: Any) -> bool:
    """Whether something is a Value; of these this file knows no more than this.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> is_value(Value(1.0)), is_value(1.0)
    (True, False)
    """
    return hasattr(type(given), "local_derivatives")


def is_number(given: Any) -> bool:
    """Whether something is one real number: an int, a float, a NumPy scalar, a 0-d array.

    Examples
    --------
    >>> is_number(2), is_number(np.array(2.0)), is_number(2j)
    (True, True, False)
    """
    if isinstance(given, np.ndarray):
        return given.ndim == 0 and given.dtype.kind in "biuf"
    return isinstance(given, (numbers.Real, np.bool_))


def is_ordered(given: object) -> TypeGuard[Iterable[Any]]:
    """Whether something holds elements in an order: a list or the like, no dict, set or text.

    Examples
    --------
    >>> is_ordered([1.0]), is_ordered({0: 1.0}), is_ordered("12")
    (True, False, False)
    """
    if isinstance(given, np.ndarray):
        return given.ndim > 0
    return isinstance(given, Iterable) and not isinstance(
        given, (str, bytes, bytearray, Mapping, Set)
    )


def to_float(data: Any) -> float:
    """Return `data` as a float.

    Raises
    ------
    TypeError
        If it is not a real number.
    ValueError
        If it is an int beyond the range of float64.

    Examples
    --------
    >>> to_float(3)
    3.0
    """
    if isinstance(data, np.ndarray) and data.ndim == 0:
        data = data[()]
    if isinstance(data, (numbers.Real, np.bool_)):
        try:
            return float(data)
        except OverflowError:
            raise ValueError("the int is beyond the range of float64 (about 1.8e308)") from None
    if is_value(data):
        raise TypeError("expected a number, got a Value; use it as it is, or take its .data")
    raise TypeError(
        f"expected a real number (int, float, NumPy scalar), got {type(data).__name__}: "
        f"{data!r:.80}"
    )


def nodes_of(given: Any, what: str) -> list[Any]:
    """One Value or several as a list.

    Raises
    ------
    TypeError
        If there is anything else; the message calls it `what`.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> len(nodes_of(Value(1.0), "roots"))
    1
    """
    if is_value(given):
        return [given]
    if not is_ordered(given):
        raise TypeError(
            f"{what} must be a Value or a sequence of Values, got {type(given).__name__}: "
            f"{given!r:.80}"
        )
    nodes = list(given)
    for node in nodes:
        if not is_value(node):
            raise TypeError(
                f"{what} must hold Values only, got {type(node).__name__}: {node!r:.80}"
            )
    return nodes


def seeds_of(seeds: float | Sequence[float] | None, count: int) -> list[float]:
    """One seed for each of `count` outputs: 1 each unless given.

    Raises
    ------
    ValueError
        If there are not as many.

    Examples
    --------
    >>> seeds_of(None, 2), seeds_of(3, 1)
    ([1.0, 1.0], [3.0])
    """
    if seeds is None:
        return [1.0] * count
    if type(seeds) is float and count == 1:  # most calls
        return [seeds]
    given: Any = seeds if is_ordered(seeds) else [seeds]
    weights = list(map(to_float, given))
    if len(weights) != count:
        raise ValueError(f"got {len(weights)} seeds for {count} outputs, expected one each")
    return weights


def refuse_sequence(op: str, operand: Any) -> None:
    """Refuse what an operator would repeat or join; other kinds may answer for themselves."""
    if type(operand) in _REPEATED:
        raise TypeError(f"{op} takes a Value and a number, got {_described(operand)}")


def _described(operand: Any) -> str:
    """What a sequence is, and what to write for one of numbers."""
    kind = type(operand).__name__
    if not isinstance(operand, (list, tuple)):
        return f"{kind}: {operand!r:.80}"
    return (
        f"a {kind}: write [w * x for x in xs] to have it for each element, xs[0] for one of them, "
        "dot(ws, xs) for a sum of products, or make the sequence a NumPy array"
    )
