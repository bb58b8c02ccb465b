"""The rows of the table as functions, and those of one number as methods.

What they take and give stands in ``table_functions.pyi`` and ``methods.pyi``, for type checkers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..table.primitives import PRIMITIVES, Primitive
from ..table.reference import BY_HAND, docstring, exported, method_names
from .methods import Methods
from .row_functions import function_of
from .value import Value

_ANNOTATIONS = {
    "scalar": Value | float,
    "vector": Iterable[Value | float],
    "optional": Value | float | None,
}


def documented(row: Primitive) -> Callable[..., Any]:
    """The function of a row, with its documentation."""
    function = function_of(row)
    function.__doc__ = docstring(row)
    function.__annotations__ = {o.name: _ANNOTATIONS[o.kind] for o in row.operands}
    function.__annotations__["return"] = Any
    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: documented(row) for name, row in PRIMITIVES.items()
}
"""The functions of all rows of the start, by name."""

for _function in FUNCTIONS.values():
    _function.__module__ = __name__
globals().update({name: FUNCTIONS[name] for name in FUNCTIONS if name not in BY_HAND})
__all__ = exported(PRIMITIVES.values())

for _name, _row in PRIMITIVES.items():
    for _method in method_names(_row):
        setattr(Methods, _method, FUNCTIONS[_name])
for _name in ("neg", "abs"):
    setattr(Methods, f"__{_name}__", FUNCTIONS[_name])
