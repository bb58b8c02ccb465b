"""Nested arguments and results: numbers in lists, tuples, dicts and NumPy arrays.

A *block* is a number, a Value or an array; containers hold blocks or containers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..core.coerce import to_float
from ..core.value import Value


def flatten(structure: Any, what: str = "an argument") -> list[Any]:
    """The numbers and Values of a structure, in order; numbers as floats.

    Parameters
    ----------
    structure : number, Value, array, or list, tuple or dict of such
        What to flatten.
    what : str, optional
        Name of the structure in the error message.

    Raises
    ------
    TypeError
        If it holds anything else.

    Examples
    --------
    >>> flatten([1, (2.5, np.array([[3.0], [4.0]]))])
    [1.0, 2.5, 3.0, 4.0]
    """
    if isinstance(structure, np.ndarray):
        return [_leaf(element, what) for element in structure.ravel().tolist()]
    children = _children(structure)
    if children is None:
        return [_leaf(structure, what)]
    return [leaf for _, child in children for leaf in flatten(child, what)]


def _leaf(element: Any, what: str) -> Any:
    if isinstance(element, Value):
        return element
    try:
        return to_float(element)
    except TypeError:
        raise TypeError(
            f"{what} must be a number, a Value, or a list, tuple, dict or NumPy array of them, "
            f"got {type(element).__name__}: {element!r:.80}"
        ) from None


def _children(structure: Any) -> list[tuple[str, Any]] | None:
    """The parts of a container with the text that picks each; None for a leaf."""
    if isinstance(structure, dict):
        return [(f"[{key!r}]", child) for key, child in structure.items()]
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return [(f".{name}", getattr(structure, name)) for name in structure._fields]
    if isinstance(structure, (list, tuple)):
        return [(f"[{i}]", child) for i, child in enumerate(structure)]
    return None


def map_blocks(structure: Any, function: Callable[[Any], Any]) -> Any:
    """Replace every block, in order; containers keep their kind.

    Examples
    --------
    >>> map_blocks([1.0, {"a": (2.0,)}], lambda block: -block)
    [-1.0, {'a': (-2.0,)}]
    """
    children = _children(structure)
    if children is None:
        return function(structure)
    parts = [map_blocks(child, function) for _, child in children]
    if isinstance(structure, dict):
        return dict(zip(structure, parts, strict=True))
    if hasattr(structure, "_fields"):
        return type(structure)(*parts)
    return tuple(parts) if isinstance(structure, tuple) else parts


def rebuild(structure: Any, leaves: Iterable[Any]) -> Any:
    """The structure with other leaves: the opposite of :func:`flatten`.

    Examples
    --------
    >>> rebuild([1, (2.5, np.array([3.0]))], [10.0, 20.0, 30.0])
    [10.0, (20.0, array([30.]))]
    """
    supply = iter(leaves)
    return map_blocks(structure, lambda block: _take_block(block, supply))


def _take_block(block: Any, supply: Iterator[Any]) -> Any:
    if isinstance(block, np.ndarray):
        return array_of(list(islice(supply, block.size)), block.shape)
    return next(supply)


def array_of(elements: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """An array of float64, or of objects where Values are among the elements.

    Examples
    --------
    >>> array_of([1.0, 2.0], (2, 1)).dtype, array_of([Value(1.0)], (1,)).dtype
    (dtype('float64'), dtype('O'))
    """
    kind = object if any(isinstance(element, Value) for element in elements) else np.float64
    array = np.empty(len(elements), dtype=kind)
    array[:] = elements
    return array.reshape(shape)


def block_shape(block: Any) -> tuple[int, ...]:
    """The shape of an array; ``()`` for a number."""
    return block.shape if isinstance(block, np.ndarray) else ()


def block_size(block: Any) -> int:
    """How many numbers a block holds."""
    return math.prod(block_shape(block))


def outline(structure: Any) -> Any:
    """Nested tuples without the numbers, dicts with their keys: equal for one shape.

    Examples
    --------
    >>> outline([1.0, 2.0]) == outline(np.zeros(2)) != outline([[1.0, 2.0]])
    True
    """
    if isinstance(structure, np.ndarray):
        structure = structure.tolist()
    children = _children(structure)
    if children is None:
        return None
    keys = tuple(structure) if isinstance(structure, dict) else ()
    return *keys, *(outline(child) for _, child in children)


def path(structure: Any, index: int) -> str:
    """The text that picks leaf `index` out of a structure, for messages.

    Examples
    --------
    >>> path([1.0, {"a": np.zeros((2, 2))}], 3)
    "[1]['a'][1, 0]"
    """
    if isinstance(structure, np.ndarray):
        where = np.unravel_index(index, structure.shape)
        return f"[{', '.join(str(int(i)) for i in where)}]" if where else ""
    for key, child in _children(structure) or []:
        size = len(flatten(child))
        if index < size:
            return key + path(child, index)
        index -= size
    return ""
