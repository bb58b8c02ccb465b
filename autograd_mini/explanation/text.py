"""Formulas as plain text that Python could read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .notation import (
    ATOM,
    ELLIPSIS,
    FRACTION,
    NEGATIVE,
    PARTIAL,
    POWER,
    PRODUCT,
    SIGNAL,
    Notation,
    Term,
)


class TextNotation(Notation):
    """Plain text in Python's syntax.

    Examples
    --------
    >>> import ast
    >>> TextNotation().interpret(ast.parse("(a - b) * (c * d) ** 2", mode="eval").body)
    '(a - b) * (c * d)**2'
    """

    def parenthesized(self, text: str) -> str:
        """`text` in parentheses."""
        return f"({text})"

    def number(self, value: float) -> str:
        """Significant digits, as many as asked for."""
        return Term(f"{value:.{self.precision}g}", NEGATIVE if value < 0 else ATOM)

    def name(self, name: str) -> str:
        """A label, in quotes where it could be read as something else."""
        if name.startswith(ELLIPSIS):
            return Term("...")
        plain = re.fullmatch(r"[^\W\d][\w.\[\]'#]*", name)
        return Term(name if plain else f'"{name}"')

    def joined(self, factors: list[str]) -> str:
        """Factors with an asterisk between."""
        return " * ".join(factors)

    def fraction(self, above: str, below: str) -> Term:
        """A quotient in one line."""
        return Term(f"{self.at_least(PRODUCT, above)} / {self.at_least(FRACTION, below)}", PRODUCT)

    def power(self, base: str, exponent: str) -> Term:
        """Two asterisks."""
        return Term(f"{self.at_least(ATOM, base)}**{self.at_least(ATOM, exponent)}", POWER)

    def apply(self, op: str, operands: Sequence[str]) -> str:
        """A function call; the chain rule's own two functions in their usual form."""
        if op == PARTIAL:
            root, leaf = (self.at_least(ATOM, operand) for operand in operands)
            return Term(f"d {root} / d {leaf}")
        return Term(super().apply("delta" if op == SIGNAL else op, operands))
