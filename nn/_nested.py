"""Numbers in lists in lists, such as the channels, rows and columns of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value, as_value, is_ordered

__all__ = ["OutputList", "as_outputs", "flatten"]

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


def as_outputs(returned: Any) -> Any:
    """Return a model's outputs as a Value or (nested) lists of Values.

    Raises
    ------
    TypeError
        Something else.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> first, [second] = as_outputs((Value(1.0), [Value(2.0)]))
    >>> second.data
    2.0
    """
    if is_nested(returned):
        return [as_outputs(part) for part in returned]
    try:
        return as_value(returned)
    except TypeError:
        raise TypeError(
            f"the model must return a Value or a list of Values, got {type(returned).__name__}"
            + (": its `return` may be missing" if returned is None else "")
        ) from None


class OutputList(list[Any]):
    """Outputs in a list of a kind of its own, which an error message calls by its name.

    Any other list times an int repeats itself.
    """

    def __mul__(self, factor: object) -> Any:
        return NotImplemented

    __rmul__ = __imul__ = __mul__


def mapped(function: Callable[[Value], Any], values: Nested) -> Nested:
    """Return what a function makes of each Value, in lists as they were."""
    if is_nested(values):
        return [mapped(function, part) for part in values]
    return function(as_value(values))


def data_of(values: Nested) -> NDArray[np.float64]:
    """Return the numbers of Values, in an array of the shape of the lists.

    Examples
    --------
    >>> data_of([[Value(1.0), Value(2.0)]])
    array([[1., 2.]])
    """
    return np.array(mapped(lambda value: value.data, values), dtype=np.float64)


def is_nested(values: Nested) -> bool:
    """Whether these are several."""
    return not isinstance(values, Value) and is_ordered(values)
