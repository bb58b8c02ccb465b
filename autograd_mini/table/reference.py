"""What is told of the rows: docstrings, declarations for type checkers, a page of documentation.

``python -m autograd_mini.table`` writes the declarations and the page anew; a test compares them
with the table.
"""

from __future__ import annotations

from collections.abc import Iterable

from .parsing import Operand
from .primitives import Primitive

_PROTOCOLS_BY_OPERANDS = {1: "Unary", 2: "Binary", 3: "Ternary"}
BY_HAND = frozenset({"log_softmax", "softmax", "where"})
"""The rows whose functions do more than the row says: they are written in ``core/functions.py``."""

_WRITTEN = "# Written by `python -m autograd_mini.table`, from the rows of the table.\n"
_PROTOCOLS = """\
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, overload

from ..table.primitives import Primitive
from .value import Operand, Value

OperandT = TypeVar("OperandT", Value, float)

class Unary(Protocol):
    def __call__(self, x: OperandT, /) -> OperandT: ...

class Binary(Protocol):
    @overload
    def __call__(self, a: Value, b: Operand = ..., /) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float = ..., /) -> float: ...

class Ternary(Protocol):
    @overload
    def __call__(self, a: Value, b: Operand, c: Operand, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, c: Operand, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float, c: Value, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float, c: float, /) -> float: ...

def documented(row: Primitive) -> Callable[..., Any]: ...

FUNCTIONS: dict[str, Callable[..., Any]]
without_builtins: list[str]
"""
_PAGE = """\
# Primitives

Every primitive is one row of the derivative table, [`rows.py`](../autograd_mini/table/rows.py), and
this page is written from it by `python -m autograd_mini.table`. In the formulas `y` is the output,
`n` the length of the vectors. An operand `x...` is a sequence, `slope=0.01` has a default, `bias?`
may be left out. A row of one number is a method, too: `x.tanh()`.

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


def example(row: Primitive) -> str:
    """A call of the row's function, and what it gives.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> example(PRIMITIVES["dot"]).splitlines()
    ['>>> round(dot([0.6, -0.9], [0.6, -0.9], 0.6), 12)', '1.77']
    """
    texts: list[str] = []
    point: list[float] = []
    for operand, (low, high) in zip(row.operands, row.domains, strict=True):
        numbers = [round(low + part * (high - low), 2) for part in (0.6, 0.35)]
        numbers = numbers if operand.kind == "vector" else numbers[:1]
        texts.append(repr(numbers) if operand.kind == "vector" else repr(numbers[0]))
        point += numbers
    call = f"{row.name}({', '.join(texts)})"
    return f">>> round({call}, 12)\n{round(row.evaluate(point), 12)!r}"


def docstring(row: Primitive) -> str:
    """The documentation of a row's function."""
    formulas = [f"{row.name}({', '.join(row.names)}) = {row.value}"]
    formulas += [
        f"    d/d{name} = {text}" for name, text in zip(row.names, row.partials, strict=True)
    ]
    parameters = "\n".join(f"{operand.name} : {_kind(operand)}" for operand in row.operands)
    empty = (
        "ValueError\n    If vectors differ in length, or are empty where that means nothing.\n"
        if row.vectors
        else ""
    )
    indented = "\n    ".join(formulas)
    return f"""{row.description}

::

    {indented}

Parameters
----------
{parameters}

Returns
-------
Value or float
    A Value if any operand is one.

Raises
------
TypeError
    If an operand is neither a Value nor a real number.
{empty}
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


def methods(rows: Iterable[Primitive]) -> str:
    """The methods of Value as a stub file declares them."""
    lines = [f"    def {row.name}(self) -> Value: ...\n" for row in rows if is_method(row)]
    return f"{_WRITTEN}from .value import Value\n\nclass Methods:\n{''.join(lines)}"


def functions(rows: Iterable[Primitive]) -> str:
    """The functions of the rows as a stub file declares them."""
    rows = [row for row in rows if row.name not in BY_HAND]
    names = "".join(f'    "{row.name}",\n' for row in rows)
    simple = "".join(_declaration(row) for row in rows if _protocol(row))
    others = "".join(_declaration(row) for row in rows if not _protocol(row))
    return f"{_WRITTEN}{_PROTOCOLS}\n__all__ = [\n{names}]\n\n{simple}\n{others}"


def _protocol(row: Primitive) -> str | None:
    """The protocol of a row's function, if there is one for it."""
    return None if row.has_vectors else _PROTOCOLS_BY_OPERANDS.get(len(row.operands))


def _declaration(row: Primitive) -> str:
    if protocol := _protocol(row):
        return f"{row.name}: {protocol}\n"
    return f"def {row.name}({', '.join(map(_parameter, row.operands))}) -> Any: ...\n"


def _parameter(operand: Operand) -> str:
    if operand.kind == "vector":
        return f"{operand.name}: Iterable[Operand]"
    if operand.kind == "optional":
        return f"{operand.name}: Operand | None = ..."
    return f"{operand.name}: Operand" + ("" if operand.default is None else " = ...")


def page(rows: Iterable[Primitive]) -> str:
    """The rows as a page of documentation, in Markdown."""
    lines = []
    for row in rows:
        call = f"`{row.name}({', '.join(map(str, row.operands))})`"
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
