"""How people write operations: signs for the rows of the table that have one."""

from __future__ import annotations

__all__ = ["BETWEEN", "SIGNS"]

SIGNS = {
    "add": "+",
    "sub": "\N{MINUS SIGN}",
    "neg": "\N{MINUS SIGN}",
    "mul": "\N{MULTIPLICATION SIGN}",
    "div": "\N{DIVISION SIGN}",
    "pow": "^",
    "sigmoid": "\N{GREEK SMALL LETTER SIGMA}",
    "greater": ">",
    "greater_equal": "\N{GREATER-THAN OR EQUAL TO}",
    "less": "<",
    "less_equal": "\N{LESS-THAN OR EQUAL TO}",
    "equal": "=",
}
"""Of an operation that stands alone, as a node of a picture; others are called by their names."""

BETWEEN = {op: SIGNS[op] for op in ("add", "sub", "mul")} | {"div": "/", "pow": "**"}
"""Between two operands in a line of text, as derivations and Python write them: a division sign
means a range or a subtraction to some readers, and a caret is another operator of Python's.  Alone
in a node neither can be mistaken, and a slash or two stars would hardly be seen.
"""
