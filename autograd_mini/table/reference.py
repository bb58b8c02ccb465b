"""What is told of the rows: docstrings, declarations for type checkers, a page of documentation.

``python -m autograd_mini.table`` writes the declarations and the page anew; a test compares them
with the table.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from itertools import cycle

import numpy as np

from .backends import MATH
from .grammar import names_in, parts
from .parsing import Operand
from .primitives import Primitive

BY_HAND = {
    "log_softmax": "logits, index=None",
    "softmax": "logits, index=None",
    "where": "condition, a, b",
}
"""What the functions take that do more than the row says: ``core/functions.py`` has them."""

_WRITTEN = "# Written by `python -m autograd_mini.table`, from the rows of the table.\n"
_FUNCTIONS = """\
from collections.abc import Callable, Iterable
from typing import Any, overload

from ..table.primitives import Primitive
from .value import Operand, Value

def documented(row: Primitive) -> Callable[..., Any]: ...

FUNCTIONS: dict[str, Callable[..., Any]]
"""
_PAGE = """\
# Primitives

Every primitive is one row of the derivative table, [`rows.py`](../autograd_mini/table/rows.py), and
this page is written from it by `python -m autograd_mini.table`. In the formulas `y` is the output,
`n` the length of the vectors. An operand `x...` is a sequence, `slope=0.01` has a default, `bias?`
may be left out. A row of one number is a method, too: `x.tanh()`; `abs` and `neg` are `abs(x)` and
`-x`. `softmax` and `log_softmax` take all logits as one sequence and give a list, or the element at
`index`; their formulas are those of one element, `x` being its own logit and `z` the others.

| Primitive | What it is | Value | Local derivative toward each operand |
| --- | --- | --- | --- |
"""


def is_method(row: Primitive) -> bool:
    """Whether a row is a method of Value: it takes one number, and is no operator of Python.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> [name for name in ("tanh", "neg", "sum", "hypot") if is_method(PRIMITIVES[name])]
    ['tanh']
    """
    return len(row.operands) == 1 and not row.has_vectors and row.name not in {"abs", "neg"}


def method_names(row: Primitive) -> list[str]:
    """The methods of Value that a row is.

    NumPy asks the elements of an array for a method of its own name: ``arcsin``.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> [method_names(PRIMITIVES[name]) for name in ("tanh", "asin", "atan2", "add")]
    [['tanh'], ['asin', 'arcsin'], ['arctan2'], []]
    """
    names = [row.name] if is_method(row) else []
    if row.name in MATH:
        names.append(getattr(np, row.name).__name__)
    return list(dict.fromkeys(names))


def exported(rows: Iterable[Primitive]) -> list[str]:
    """The names of the rows' functions that hide no function of Python's own where imported.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> exported([PRIMITIVES["sum"], PRIMITIVES["mean"]])
    ['mean']
    """
    return [r.name for r in rows if r.name not in BY_HAND and not hasattr(builtins, r.name)]


_PARTS = ((0.6, 0.35), (0.2, 0.85), (0.45, 0.7))  # of the domains, so that order shows


def example(row: Primitive) -> str:
    """A call of the row's function, and what it gives.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> example(PRIMITIVES["dot"]).splitlines()
    ['>>> round(dot([0.6, -0.9], [-1.8, 2.1], -0.3), 12)', '-3.27']
    """
    groups = []
    for operand, (low, high), pair in zip(row.operands, row.domains, cycle(_PARTS), strict=False):
        numbers = [round(low + part * (high - low), 2) for part in pair]
        groups.append(numbers if operand.kind == "vector" else numbers[:1])
    different = _call(row, groups)
    return f"{_call(row, groups[:1] * 2)}\n{different}" if _asks_for_equality(row) else different


def _call(row: Primitive, groups: Sequence[Sequence[float]]) -> str:
    kinds = [operand.kind for operand in row.operands]
    texts = [
        repr(group) if kind == "vector" else repr(group[0])
        for group, kind in zip(groups, kinds, strict=True)
    ]
    result = round(row.evaluate([number for group in groups for number in group]), 12)
    return f">>> round({row.name}({', '.join(texts)}), 12)\n{result!r}"


def _asks_for_equality(row: Primitive) -> bool:
    """Whether two operands that are equal are a case of their own."""
    return (
        len(row.names) == 2
        and not row.has_vectors
        and any(
            isinstance(part, ast.Compare)
            and isinstance(part.ops[0], ast.Eq)
            and names_in(part) == set(row.names)
            for part in parts(row.value_formula)
        )
    )


_LEGEND = {"y": "``y`` is the output", "n": "``n`` is the length of the vectors"}


def docstring(row: Primitive) -> str:
    """The documentation of a row's function."""
    formulas = [f"{row.name}({', '.join(row.names)}) = {row.value}"]
    formulas += [
        f"    d/d{name} = {text}" for name, text in zip(row.names, row.partials, strict=True)
    ]
    parameters = "\n".join(f"{o.name} : {_kind(o)}{_as_many(row, o)}" for o in row.operands)
    indented = "\n    ".join(formulas)
    return f"""{row.description}

::

    {indented}
{_legend(row)}
Parameters
----------
{parameters}

Returns
-------
Value or float
    A Value if any operand is one{_order(row)}.

Raises
------
TypeError
    If an operand is neither a Value nor a real number.
{_refusals(row)}
Examples
--------
{example(row)}
"""


def _kind(operand: Operand) -> str:
    """What an operand is, in the words of a docstring."""
    if operand.kind == "vector":
        return "iterable of Value or float"
    if operand.default is not None:
        return f"Value or float, default {operand.default:g}"
    return "Value or float, optional" if operand.kind == "optional" else "Value or float"


def _legend(row: Primitive) -> str:
    """What the formulas speak of beside the operands."""
    used = set().union(*map(names_in, (row.value_formula, *row.partial_formulas)))
    said = [text for name, text in _LEGEND.items() if name in used]
    return f"\nHere {' and '.join(said)}.\n" if said else ""


def _as_many(row: Primitive, operand: Operand) -> str:
    """How long a vector must be."""
    is_free = operand.kind != "vector" or operand.name == row.vectors[0]
    return "" if is_free else f"\n    As many as {row.vectors[0]}."


def _order(row: Primitive) -> str:
    """In which order the elements of several vectors are parents."""
    if len(row.vectors) < 2:
        return ""
    return f"; its parents are {', then '.join(_group(operand) for operand in row.operands)}"


def _group(operand: Operand) -> str:
    text = f"all of {operand.name}" if operand.kind == "vector" else operand.name
    return f"{text} if given" if operand.kind == "optional" else text


def _refusals(row: Primitive) -> str:
    """Which lengths a row's function refuses."""
    refused = ["differ in length"] if len(row.vectors) > 1 else []
    refused += ["are empty"] if row.needs_elements else []
    if not refused:
        return ""
    return f"ValueError\n    If the vectors {' or '.join(refused)}.\n"


def methods(rows: Iterable[Primitive]) -> str:
    """The methods of Value as a stub file declares them."""
    lines = []
    for row in rows:
        others = "".join(f", {_parameter(operand)}" for operand in row.operands[1:])
        lines += [f"    def {name}(self{others}) -> Value: ...\n" for name in method_names(row)]
    return f"{_WRITTEN}from .value import Operand, Value\n\nclass Methods:\n{''.join(lines)}"


def functions(rows: Iterable[Primitive]) -> str:
    """The functions of the rows as a stub file declares them."""
    rows = [row for row in rows if row.name not in BY_HAND]
    names = "".join(f'    "{name}",\n' for name in exported(rows))
    declared = "".join(_declaration(row) for row in rows)
    return f"{_WRITTEN}{_FUNCTIONS}\n__all__ = [\n{names}]\n\n{declared}"


def _declaration(row: Primitive) -> str:
    if row.has_vectors:
        return f"def {row.name}({', '.join(map(_parameter, row.operands))}) -> Any: ...\n"
    overloads = [
        f"@overload\ndef {row.name}({parameters}) -> Value: ...\n"
        for first in range(len(row.operands))
        for parameters in _first_value(row.operands, first)
    ]
    floats = ", ".join(_parameter(operand, "float") for operand in row.operands)
    return "".join(overloads) + f"@overload\ndef {row.name}({floats}) -> float: ...\n"


def _first_value(operands: Sequence[Operand], first: int) -> list[str]:
    """The parameters of a call whose first Value is at one position, the ones before it floats.

    An earlier one that has a default is given, or the Value is by its name.
    """
    before = [f"{operand.name}: float" for operand in operands[:first]]
    value = f"{operands[first].name}: Value"
    after = [_parameter(operand) for operand in operands[first + 1 :]]
    ways = [[*before, value, *after]]
    if any(operand.default is not None for operand in operands[:first]):
        left_out = [_parameter(operand, "float") for operand in operands[:first]]
        ways.append([*left_out, "*", value, *after])
    return [", ".join(way) for way in ways]


def _parameter(operand: Operand, kind: str = "Operand") -> str:
    if operand.kind == "vector":
        return f"{operand.name}: Iterable[Operand]"
    if operand.kind == "optional":
        return f"{operand.name}: Operand | None = ..."
    return f"{operand.name}: {kind}" + ("" if operand.default is None else " = ...")


def page(rows: Iterable[Primitive]) -> str:
    """The rows as a page of documentation, in Markdown."""
    lines = []
    for row in rows:
        taken = BY_HAND.get(row.name) or ", ".join(map(str, row.operands))
        call = f"`{row.name}({taken})`"
        derivatives = "<br>".join(f"`{text}`" for text in row.partials)
        lines.append(f"| {call} | {row.description} | `{row.value}` | {derivatives} |\n")
    return _PAGE + "".join(lines)


def generated(rows: Iterable[Primitive]) -> dict[str, str]:
    """The files that are written from the rows, by their paths beside the package."""
    rows = list(rows)
    return {
        "autograd_mini/core/methods.pyi": methods(rows),
        "autograd_mini/core/table_functions.pyi": functions(rows),
        "docs/primitives.md": page(rows),
    }
