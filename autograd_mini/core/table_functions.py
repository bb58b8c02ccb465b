"""The rows of the table as functions, and those of one number as methods.

What they take and give stands in ``table_functions.pyi`` and ``methods.pyi``, for type checkers.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from ..table.backends import MATH
from ..table.primitives import PRIMITIVES, Primitive
from ..table.reference import BY_HAND, docstring, is_method
from .methods import Methods
from .row_functions import function_of


def documented(row: Primitive) -> Callable[..., Any]:
    """The function of a row, with its documentation."""
    function = function_of(row)
    function.__doc__ = docstring(row)
    function.__module__ = __name__
    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: documented(row) for name, row in PRIMITIVES.items()
}
"""The functions of all rows of the start, by name."""

__all__ = [name for name in FUNCTIONS if name not in BY_HAND]
globals().update({name: FUNCTIONS[name] for name in __all__})
without_builtins = [name for name in __all__ if not hasattr(builtins, name)]
"""The names that hide no function of Python's own where they are imported."""

for _name, _row in PRIMITIVES.items():
    if is_method(_row):
        setattr(Methods, _name, FUNCTIONS[_name])
for _name in MATH:  # NumPy asks the elements of an array for a method of its own name: arcsin
    setattr(Methods, getattr(np, _name).__name__, FUNCTIONS[_name])
for _name in ("neg", "abs"):
    setattr(Methods, f"__{_name}__", FUNCTIONS[_name])
