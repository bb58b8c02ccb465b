"""Numbers in lists in lists, such as the channels, rows and columns of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from autograd_mini import Value, as_value, is_ordered

__all__ = ["flatten"]

Nested: TypeAlias = Any
"""A Value or number, or a sequence or an array of such, at any depth."""


def flatten(values: Nested) -> list[Value]:
    """Return the Values of nested lists in one list, in order.

    Stands between layers whose outputs are rows or images and those that take one list.

    Parameters
    ----------
    values : (nested) sequence or array of Value or float
        Such as the outputs of `Conv2D`.

    Returns
    -------
    list of Value
        All of them; plain numbers become constants.

    Examples
    --------
    >>> [x.data for x in flatten([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])]
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """
    if not is_nested(values):
        return [as_value(values)]
    return [x for part in values for x in (flatten(part) if is_nested(part) else [as_value(part)])]


def mapped(function: Callable[[Value], Value], values: Nested) -> Nested:
    """Return what a function makes of each Value, in lists as they were."""
    if is_nested(values):
        return [mapped(function, part) for part in values]
    return function(as_value(values))


def is_nested(values: Nested) -> bool:
    """Whether these are several."""
    return not isinstance(values, Value) and is_ordered(values)
