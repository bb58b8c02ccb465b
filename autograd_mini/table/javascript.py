"""The table as JavaScript, for pages that compute and explain in a browser.

Each formula becomes a function of an algebra ``A`` that says what numbers and functions mean: over
floats it computes, over terms with names it writes the formula for people.  So a page has no
formula of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from .backends import FLOAT
from .grammar import functions_in
from .interpreter import Interpreter
from .primitives import BUILT_IN, PRIMITIVES, Primitive
from .syntax import facts

__all__ = ["BUILT_IN", "PRIMITIVES", "JavaScript", "grammar_module", "table_module"]

_KEYWORDS = """arguments await break case catch class const continue debugger default delete do
else enum eval export extends false finally for function if implements import in instanceof
interface let new null package private protected public return static super switch this throw true
try typeof var void while with yield"""
_RESERVED = frozenset(_KEYWORDS.split())


class JavaScript(Interpreter[str]):
    """Formulas as JavaScript over an algebra ``A``; a vector is an array.

    Examples
    --------
    >>> JavaScript().interpret(PRIMITIVES["tanh"].partial_formulas[0])
    'A.sub(1, A.mul(y, y))'
    >>> JavaScript(["values"]).interpret(PRIMITIVES["mean"].value_formula)
    'A.div(A.sum(values), values.length)'
    """

    def __init__(self, vectors: Sequence[str] = ()) -> None:
        self._vectors = vectors

    def number(self, value: float) -> str:
        """A number as it is: every algebra takes numbers."""
        return repr(value).removesuffix(".0")

    def name(self, name: str) -> str:
        """A parameter of the function, the length of a vector, or pi as the algebra has it."""
        if name == "pi":
            return "A.pi"
        return f"{_parameter(self._vectors[0])}.length" if name == "n" else _parameter(name)

    def apply(self, op: str, operands: Sequence[str]) -> str:
        """A function of the algebra."""
        function = f"A.{op}" if op.isascii() else f"A[{_literal(op)}]"
        return f"{function}({', '.join(operands)})"


def _parameter(name: str) -> str:
    """A name of Python as one of JavaScript; no name of Python has a ``$``."""
    return f"{name}$" if name in _RESERVED else name


def _literal(data: Any) -> str:
    """Data as JavaScript that may stand in a page: nothing in it ends a script."""
    return json.dumps(data).replace("<", "\\u003c")


def table_module(names: Collection[str] | None = None) -> str:
    """The source of a JavaScript module with rows of the table: ``export const TABLE``.

    Parameters
    ----------
    names : collection of str, optional
        The rows that are wanted; the rows that their formulas call come along.  By default all.

    Returns
    -------
    str
        The module.  A row has its ``operands``, ``description`` and ``remedy``, ``value`` as a
        function of an algebra and the operands (a vector as an array, the default of one left
        out in its place), and ``partials``, which take the output after the operands.

    Raises
    ------
    KeyError
        If there is no such row.

    Examples
    --------
    >>> print(table_module(["silu"]))
    export const TABLE = {
      __proto__: null,
      "sigmoid": {
        operands: [{"name": "x", "kind": "scalar", "default": null}],
        description: "Logistic function.",
        remedy: "",
        value: (A, x) => A.div(1, A.add(1, A.exp(A.neg(x)))),
        partials: [(A, x, y) => A.mul(y, A.sub(1, y))],
      },
      "silu": {
        operands: [{"name": "x", "kind": "scalar", "default": null}],
        description: "Sigmoid linear unit, x times sigmoid(x).",
        remedy: "",
        value: (A, x) => A.mul(x, A.sigmoid(x)),
        partials: [(A, x, y) => A.add(A.sigmoid(x), A.mul(y, A.sigmoid(A.neg(x))))],
      },
    };
    <BLANKLINE>
    """
    wanted = set(PRIMITIVES) if names is None else _with_called(names)
    rows = [_row(row) for name, row in PRIMITIVES.items() if name in wanted]
    return "\n".join(["export const TABLE = {", "  __proto__: null,", *rows, "};", ""])


def grammar_module() -> str:
    """The source of a JavaScript module with what is known of typed expressions.

    Examples
    --------
    >>> grammar_module().startswith('export const GRAMMAR = {"maxCharacters": 10000,')
    True
    """
    return f"export const GRAMMAR = {_literal(facts())};\n"


def _with_called(names: Iterable[str]) -> set[str]:
    """The rows of these names, and all that their formulas call."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            row = PRIMITIVES[name]
            called = set().union(*map(functions_in, (row.value_formula, *row.partial_formulas)))
            waiting += [each for each in called - {"where"} if FLOAT.function(each) is None]
    return found


def _row(row: Primitive) -> str:
    """One row as a property of the table."""
    operands = [{"name": o.name, "kind": o.kind, "default": o.default} for o in row.operands]
    writer = JavaScript(row.vectors)
    parameters = ", ".join(["A", *map(_parameter, row.names)])
    partials = [
        f"({parameters}, y) => {writer.interpret(formula)}" for formula in row.partial_formulas
    ]
    written = partials[0] if len(partials) == 1 else "\n      " + ",\n      ".join(partials)
    return f"""\
  {_literal(row.name)}: {{
    operands: {_literal(operands)},
    description: {_literal(row.description)},
    remedy: {_literal(row.remedy)},
    value: ({parameters}) => {writer.interpret(row.value_formula)},
    partials: [{written}],
  }},"""
