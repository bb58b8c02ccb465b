"""What is known of expressions that users type: tokens, precedence, hints.

The command reads it, and the page that reads expressions in a browser is given it.
"""

from __future__ import annotations

import keyword
from typing import Any

from .grammar import ARITHMETIC, NEGATIVE
from .primitives import BUILT_IN, PRIMITIVES, Primitive

MAX_CHARACTERS = 10_000
"""The longest expression that is read; beyond it a program is the better place."""
MAX_NESTING = 1_000
"""How many parentheses, signs and operators may wait for what follows them."""
WINDOW = 72
"""How many characters of a long expression an error shows."""
ALLOWED = "names, numbers, + - * / **, parentheses, and functions of the derivative table"
"""What an expression holds, for errors."""

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}
OPERATORS = {each.symbol: (each.row, _PRECEDENCE[each.symbol]) for each in ARITHMETIC}
"""Primitive and precedence; minus as a sign comes between ``*`` and ``**``, so -x**2 is -(x**2)."""
SIGN = (NEGATIVE.row, 3)
"""Primitive and precedence of minus as a sign."""
FROM_THE_RIGHT = "**"
"""The operator that binds from right to left."""

TOKENS = {
    "number": r"0[xXoObB][0-9a-fA-F_]*|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?",
    "string": r"""[A-Za-z]{0,2}(?:'(?:\\.|[^'])*'?|"(?:\\.|[^"])*"?)""",
    "word": r"(?:[A-Za-z_]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*",
    "sign": r"\.\.\.|\*\*|//|<<|>>|[<>=!:]=|[!-/:-@\[-^`{-~]",
    "space": r"[ ]",
    "other": r".",
}
"""Kinds of tokens and their patterns, of which the first that fits counts.

``\\d`` and ``\\w`` are ASCII's, a dot is any character: Python and JavaScript read them alike.
"""
CLOSING = {"(": ")", "[": "]", "{": "}"}
"""What closes each bracket."""

_CONDITION = "a condition is written greater(a, b), less(a, b) or equal(a, b)"
HINTS = {
    "^": "a power is written **",
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), _CONDITION),
    "if": "a choice is written where(greater(x, 0), a, b)",
    "lambda": "lambda is a keyword of Python",
}
"""How to write what was meant by a sign or word that is no part of expressions."""
LOOKALIKES = {
    "\N{SUPERSCRIPT TWO}": "**2",
    "\N{SUPERSCRIPT THREE}": "**3",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{DOT OPERATOR}": "*",
    "\N{MIDDLE DOT}": "*",  # which Python takes as a letter
    "\N{GREEK ANO TELEIA}": "*",
    "\N{DIVISION SIGN}": "/",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{SQUARE ROOT}": "sqrt",
}
"""Characters of print, and how they are typed."""
OTHER_NAMES = {"ln": "log"}
"""What else functions are called."""

FORBIDDEN_OPERATORS = frozenset(
    {*HINTS, "//", "%", "@", "<<", ">>", "&", "|", ":=", "and", "or", "in", "is", "not", "for"}
)
"""What Python has between operands, and an expression has not."""
FORBIDDEN_PREFIXES = frozenset({"~", "not", "lambda"})
"""The same before an operand."""
UNPACKING = frozenset({"*", "**"})
"""The same before the operands of a function."""
FORBIDDEN_OPERANDS = frozenset({"True", "False", "None", "..."})
"""The same as an operand."""


def takes_numbers(row: Primitive) -> bool:
    """Whether a plain list of numbers says which operand is which.

    Examples
    --------
    >>> takes_numbers(PRIMITIVES["mean"]), takes_numbers(PRIMITIVES["dot"])
    (True, False)
    """
    kinds = [operand.kind for operand in row.operands]
    return kinds.count("vector") <= 1 and "optional" not in kinds


def facts() -> dict[str, Any]:
    """All of it as data for JSON, with the built-in functions that an expression may call.

    Examples
    --------
    >>> facts()["operators"]["**"]
    ('pow', 4)
    """
    return {
        "maxCharacters": MAX_CHARACTERS,
        "maxNesting": MAX_NESTING,
        "window": WINDOW,
        "allowed": ALLOWED,
        "operators": OPERATORS,
        "sign": SIGN,
        "fromTheRight": FROM_THE_RIGHT,
        "tokens": TOKENS,
        "closing": CLOSING,
        "hints": HINTS,
        "lookalikes": LOOKALIKES,
        "otherNames": OTHER_NAMES,
        "forbiddenOperators": sorted(FORBIDDEN_OPERATORS),
        "forbiddenPrefixes": sorted(FORBIDDEN_PREFIXES),
        "unpacking": sorted(UNPACKING),
        "forbiddenOperands": sorted(FORBIDDEN_OPERANDS),
        "keywords": keyword.kwlist,
        "functions": [
            name for name, row in PRIMITIVES.items() if name in BUILT_IN and takes_numbers(row)
        ],
    }
