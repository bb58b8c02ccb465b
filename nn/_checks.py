"""Checks of arguments that several files of the package share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value

Scalars: TypeAlias = Sequence[Value | float] | Sequence[Value] | Sequence[float] | NDArray[Any]
"""One example's numbers: a list, a tuple or a one-dimensional array of Values or numbers."""


def positive_int(number: object, name: str) -> int:
    """Return `number` as an int; refuse what is no whole number of at least 1."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {number!r} ({type(number).__name__})")
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {number}")
    return int(number)


def as_generator(rng: object) -> np.random.Generator:
    """Return the generator itself, or a new one seeded by an int of at least 0.

    There is no default seed and no global state: whoever draws says from where.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        raise TypeError(
            "rng must be an int seed or a numpy.random.Generator (such as "
            f"numpy.random.default_rng(0)), got {rng!r} ({type(rng).__name__})"
        )
    if rng < 0:
        raise ValueError(f"rng: a seed must be at least 0, got {rng}")
    return np.random.default_rng(int(rng))
