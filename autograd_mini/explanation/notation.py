"""How formulas are written for people, whatever the notation: parentheses only where needed."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from ..table.grammar import Operator
from ..table.interpreter import Writer
from .algebra import Product

ELLIPSIS = "\0..."
"""How a name begins that stands for terms left out; no label is written with a NUL."""
PARTIAL = "Partial"
"""The function that stands for ``d root / d leaf``; rows of the table begin in lower case."""
SIGNAL = "Signal"
"""The function that stands for the error signal ``delta`` of a node."""

COMPARISON, SUM, NEGATIVE, PRODUCT, FRACTION, POWER, RAISED, ATOM = range(8)
"""How tightly a text binds; a raised one is a name with a superscript, of which there is no power.
"""


class Term(str):
    """Translated text that knows how tightly its outermost operation binds."""

    __slots__ = ("rank",)
    rank: int

    def __new__(cls, text: str, rank: int = ATOM) -> Term:
        """Make the text `text` of rank `rank`."""
        term = super().__new__(cls, text)
        term.rank = rank
        return term


class Notation(Writer, ABC):
    """Formulas for people: parentheses only where they are needed.

    Parameters
    ----------
    precision : int, optional
        Significant digits of numbers; 17 tell every float64 exactly.
    """

    def __init__(self, precision: int = 6) -> None:
        self.precision = precision

    @abstractmethod
    def parenthesized(self, text: str) -> str:
        """`text` in parentheses."""

    @abstractmethod
    def fraction(self, above: str, below: str) -> Term:
        """A quotient of two translated products."""

    @abstractmethod
    def joined(self, factors: list[str]) -> str:
        """A product of translated factors."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> Term:
        """A power of two translated parts."""

    def seen(self, name: str) -> str:
        """What a reader sees of a name, to tell two names apart."""
        return name

    def at_least(self, rank: int, text: str) -> str:
        """`text` as it is where it binds as tightly as `rank`, else in parentheses."""
        bound = text.rank if isinstance(text, Term) else ATOM
        return text if bound >= rank else self.parenthesized(text)

    def operate(self, operator: Operator, operands: Sequence[str]) -> str:
        """A sum, a product, a fraction, a power, or a minus in front."""
        if len(operands) == 1:
            return Term(f"-{self.at_least(PRODUCT, operands[0])}", NEGATIVE)
        left, right = operands
        if operator.symbol in "+-":
            return self.sum(operator.symbol, left, right)
        if operator.symbol == "*":
            factors = [self.at_least(PRODUCT, left), self.at_least(FRACTION, right)]
            return Term(self.joined(factors), PRODUCT)
        return self.fraction(left, right) if operator.symbol == "/" else self.power(left, right)

    def compare(self, operator: Operator, left: str, right: str) -> str:
        """A comparison."""
        return Term(f"{left} {self.relation(operator.symbol)} {right}", COMPARISON)

    def relation(self, symbol: str) -> str:
        """The sign of a comparison."""
        return symbol

    def sum(self, symbol: str, left: str, right: str) -> str:
        """A sum or difference of two."""
        right = self.at_least(PRODUCT, right)
        return Term(f"{self.at_least(SUM, left)} {symbol} {right}", SUM)

    def factors(self, expressions: Iterable[ast.expr]) -> Term:
        """A product of expressions, as long as it may be: no nesting, no recursion."""
        terms = [self.interpret(expression) for expression in expressions]
        if len(terms) == 1:
            return terms[0] if isinstance(terms[0], Term) else Term(terms[0])
        return Term(self.joined([self.at_least(FRACTION, term) for term in terms]), PRODUCT)

    def magnitude(self, product: Product) -> str:
        """A product without its sign, its factors in order."""
        if product.is_zero:
            return self.number(0.0)
        above, below = (self.factors(part) if part else None for part in product.parts())
        assert above is not None, "parts() puts at least a 1 above the line"
        return above if below is None else self.fraction(above, below)

    def signed(self, term: Product | None, first: bool) -> str:
        """A term of a longer sum with its sign in front; None stands for terms left out."""
        negative = term is not None and term.negative
        text = self.name(ELLIPSIS) if term is None else self.at_least(PRODUCT, self.magnitude(term))
        if first:
            return f"-{text}" if negative else text
        return f"- {text}" if negative else f"+ {text}"

    def total(self, terms: Sequence[Product | None]) -> str:
        """A sum of products, as long as it may be."""
        if len(terms) == 1 and terms[0] is not None and not terms[0].negative:
            return self.magnitude(terms[0])
        return " ".join(self.signed(term, first=i == 0) for i, term in enumerate(terms))
