"""Vectors of a step: gradients made shorter, numbers that are finite, what the next step needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..models.parameters import float_vector

__all__ = [
    "Memory",
    "Vector",
    "checked_entry",
    "copied",
    "first_infinite",
    "is_finite",
    "shortened",
]

Vector: TypeAlias = NDArray[np.float64]
Memory: TypeAlias = Mapping[str, Any]
"""What one step leaves to the next: ints and vectors (P,) by name. Replaced, never changed."""
_LARGEST_COUNT = 2**63 - 1
_NOT_NEGATIVE = frozenset(["steps", "mean_square", "sum_of_squares"])


def copied(entry: Any) -> Any:
    """Return an entry that nobody else changes."""
    return entry.copy() if isinstance(entry, np.ndarray) else entry


def checked_entry(entry: Any, fresh: Any, name: str) -> Any:
    """An entry of a loaded memory, checked to be of the kind of a fresh one."""
    if not isinstance(fresh, np.ndarray):
        if isinstance(entry, (bool, np.bool_)) or not isinstance(entry, (int, np.integer)):
            raise TypeError(f"{name} must be an int, got {entry!r}")
        entry = int(entry)
        smallest = entry
    else:
        entry = float_vector(entry, len(fresh), name).copy()
        if not is_finite(entry):
            raise ValueError(f"{name} must be finite, got {entry[first_infinite(entry)]}")
        smallest = entry.min()
    if name in _NOT_NEGATIVE and smallest < 0:
        raise ValueError(f"{name} must be at least 0, got {smallest}")
    if name == "steps" and smallest > _LARGEST_COUNT:
        raise ValueError(f"{name} is out of range: it must be at most {_LARGEST_COUNT}")
    return entry


def is_finite(vector: Vector) -> bool:
    """Whether all numbers are: the sum of their squares tells at once, unless it overflows."""
    return math.isfinite(vector.dot(vector)) or bool(np.isfinite(vector).all())


def first_infinite(vector: Vector) -> int:
    """Return the place of the first number that is not finite."""
    return int(np.flatnonzero(~np.isfinite(vector))[0])


def shortened(gradient: Vector, longest: float) -> Vector:
    """The gradient, made as short as `longest` where it is longer."""
    length = math.sqrt(gradient.dot(gradient))
    if math.isfinite(length):
        factor = longest / (length + 1e-6)
        return factor * gradient if factor < 1 else gradient
    largest = float(np.abs(gradient).max())  # the squares overflow: find the direction first
    direction = gradient / largest
    factor = longest / math.sqrt(direction.dot(direction))
    return direction * min(factor, largest)
