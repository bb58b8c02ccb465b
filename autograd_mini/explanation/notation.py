"""How expressions are written for people: as text that Python could read, and as LaTeX."""

from __future__ import annotations

import ast
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from ..table.algebra import Product
from ..table.grammar import Dialect

ELLIPSIS = "..."
"""How a name begins that stands for terms left out."""
PARTIAL = "Partial"
"""The function that stands for ``d root / d leaf``; rows of the table begin in lower case."""
SIGNAL = "Signal"
"""The function that stands for the error signal ``delta`` of a node."""

COMPARISON, SUM, NEGATIVE, PRODUCT, FRACTION, POWER, ATOM = range(7)


class Term(str):
    """Translated text that knows how tightly its outermost operation binds."""

    __slots__ = ("rank",)
    rank: int

    def __new__(cls, text: str, rank: int = ATOM) -> Term:
        """Make the text `text` of rank `rank`."""
        term = super().__new__(cls, text)
        term.rank = rank
        return term


class Notation(Dialect, ABC):
    """A dialect for people: parentheses only where they are needed.

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

    def at_least(self, rank: int, text: str) -> str:
        """`text` as it is where it binds as tightly as `rank`, else in parentheses."""
        bound = text.rank if isinstance(text, Term) else ATOM
        return text if bound >= rank else self.parenthesized(text)

    def negative(self, operand: str) -> str:
        """A minus in front."""
        return Term(f"-{self.at_least(PRODUCT, operand)}", NEGATIVE)

    def sum(self, symbol: str, left: str, right: str) -> str:
        """A sum or difference of two."""
        right = self.at_least(PRODUCT, right)
        return Term(f"{self.at_least(SUM, left)} {symbol} {right}", SUM)

    def factors(self, expressions: Iterable[ast.expr]) -> Term:
        """A product of expressions, as long as it may be: no nesting, no recursion."""
        terms = [self.translate(expression) for expression in expressions]
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


class TextNotation(Notation):
    """Plain text in Python's syntax.

    Examples
    --------
    >>> TextNotation().translate(ast.parse("(a - b) * (c * d) ** 2", mode="eval").body)
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
            return Term(ELLIPSIS)
        plain = re.fullmatch(r"[^\W\d][\w.\[\]'#]*", name)
        return Term(name if plain else f'"{name}"')

    def joined(self, factors: list[str]) -> str:
        """Factors with an asterisk between."""
        return " * ".join(factors)

    def fraction(self, above: str, below: str) -> Term:
        """A quotient in one line."""
        return Term(f"{self.at_least(PRODUCT, above)} / {self.at_least(FRACTION, below)}", PRODUCT)

    def binary(self, symbol: str, left: str, right: str) -> str:
        """``+ - * / **`` with the parentheses that Python needs."""
        if symbol in "+-":
            return self.sum(symbol, left, right)
        if symbol == "**":
            return Term(f"{self.at_least(ATOM, left)}**{self.at_least(ATOM, right)}", POWER)
        if symbol == "/":
            return self.fraction(left, right)
        return Term(self.joined([self.at_least(PRODUCT, left), self.at_least(FRACTION, right)]), 3)

    def compare(self, symbol: str, function: str, left: str, right: str) -> str:
        """A comparison."""
        return Term(f"{left} {symbol} {right}", COMPARISON)

    def call(self, function: str, arguments: list[str]) -> str:
        """A function call; the chain rule's own two functions in their usual form."""
        if function == PARTIAL:
            root, leaf = (self.at_least(ATOM, argument) for argument in arguments)
            return Term(f"d {root} / d {leaf}")
        if function == SIGNAL:
            function = "delta"
        return Term(f"{function}({', '.join(arguments)})")


_GREEK = re.compile(
    "(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|"
    "upsilon|phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega)$"
)
_ACCENTS = {"hat": r"\hat", "bar": r"\bar", "tilde": r"\tilde"}
_PLAIN = ("sigma", "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log")
_FUNCTIONS = {
    **{name: f"\\{name}" for name in _PLAIN},
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    "log2": r"\log_{2}",
    "log10": r"\log_{10}",
    "maximum": r"\max",
    "minimum": r"\min",
    "logsigmoid": r"\log \sigma",
}
_SPECIAL = {
    "\\": r"\backslash ",
    "^": r"\hat{\ }",
    "~": r"\sim ",
    " ": r"\ ",
    "-": "{-}",
    '"': "''",
    "`": r"\grave{\ }",
    **{character: f"\\{character}" for character in "_{}$%#&"},
}
_COMPARISONS = {">=": r"\geq", "<=": r"\leq", "==": "="}


def latex_name(name: str) -> str:
    r"""A label in LaTeX: Greek, accents and subscripts where it follows the usual spelling.

    Any other label stands as it is, upright, every character escaped.

    Parameters
    ----------
    name : str
        The label.

    Returns
    -------
    str
        LaTeX for math mode.

    Examples
    --------
    >>> [latex_name(name) for name in ("w_1", "s3", "y_hat", "theta", "loss")]
    ['w_{1}', 's_{3}', '\\hat{y}', '\\theta', '\\mathrm{loss}']
    >>> latex_name("50%_{")
    '\\mathrm{50\\%\\_\\{}'
    """
    if name.startswith(ELLIPSIS):
        return r"\cdots"
    stem, _, copy = name.partition("#")
    match = re.fullmatch(r"([A-Za-z]+)(\d*)((?:_[A-Za-z0-9]+)*)", stem)
    if match is None or (copy and not copy.isdigit()) or ("#" in name and not copy):
        return _upright(name)
    base, digits, rest = match.groups()
    parts = rest.split("_")[1:]
    text = _latex_word(base)
    if parts and not digits and parts[0] in _ACCENTS:
        text = f"{_ACCENTS[parts.pop(0)]}{{{text}}}"
    subscripts = ([digits] if digits else []) + [_latex_word(part) for part in parts]
    if subscripts:
        text += f"_{{{','.join(subscripts)}}}"
    return text + (f"^{{({copy})}}" if copy else "")


def _upright(text: str) -> str:
    """Text as it is, every character escaped that LaTeX would read otherwise."""
    return rf"\mathrm{{{''.join(_SPECIAL.get(character, character) for character in text)}}}"


def _latex_word(word: str) -> str:
    if _GREEK.match(word):
        return f"\\{word}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


class LatexNotation(Notation):
    r"""LaTeX for math mode, of the kind that MathJax and matplotlib's mathtext both read.

    Examples
    --------
    >>> print(LatexNotation().translate(ast.parse("(a - b) / s3 ** 2", mode="eval").body))
    \frac{a - b}{s_{3}^{2}}
    """

    def parenthesized(self, text: str) -> str:
        """`text` in parentheses that grow with a fraction."""
        return rf"\left({text}\right)" if r"\frac" in text else f"({text})"

    def number(self, value: float) -> str:
        """Significant digits, as many as asked for, and powers of ten written out."""
        if math.isnan(value):
            return Term(r"\mathrm{nan}")
        mantissa, _, exponent = f"{value:.{self.precision}g}".partition("e")
        text = mantissa.replace("inf", r"\infty")
        if exponent:
            text += rf" \times 10^{{{int(exponent)}}}"
        return Term(text, NEGATIVE if value < 0 else FRACTION if exponent else ATOM)

    def name(self, name: str) -> str:
        """A label, as `latex_name` has it."""
        text = latex_name(name)
        return Term(text, POWER if text.endswith(")}") else ATOM)

    def joined(self, factors: list[str]) -> str:
        """Factors side by side; a dot in front of a digit."""
        text = factors[0]
        for factor in factors[1:]:
            text += rf" \cdot {factor}" if factor[0].isdigit() else rf" \, {factor}"
        return text

    def fraction(self, above: str, below: str) -> Term:
        """A fraction with a line."""
        return Term(rf"\frac{{{above}}}{{{below}}}", FRACTION)

    def binary(self, symbol: str, left: str, right: str) -> str:
        """Sums, products side by side, fractions, exponents."""
        if symbol in "+-":
            return self.sum(symbol, left, right)
        if symbol == "**":
            return Term(f"{self.at_least(ATOM, left)}^{{{right}}}", POWER)
        if symbol == "/":
            return self.fraction(left, right)
        return Term(self.joined([self.at_least(PRODUCT, left), self.at_least(FRACTION, right)]), 3)

    def compare(self, symbol: str, function: str, left: str, right: str) -> str:
        """A comparison."""
        return Term(f"{left} {_COMPARISONS.get(symbol, symbol)} {right}", COMPARISON)

    def call(self, function: str, arguments: list[str]) -> str:
        """A function under its usual sign; a case distinction as Iverson's bracket."""
        if function == PARTIAL:
            root, leaf = (self.at_least(ATOM, argument) for argument in arguments)
            return Term(rf"\frac{{\partial {root}}}{{\partial {leaf}}}", FRACTION)
        if function == SIGNAL:
            return Term(rf"\delta_{{{arguments[0]}}}")
        if function == "sqrt":
            return Term(rf"\sqrt{{{arguments[0]}}}")
        if function == "abs":
            return Term(rf"\left|{arguments[0]}\right|")
        if function == "where" and arguments[2] == "0":
            bracket = f"[{arguments[0]}]"
            if arguments[1] == "1":
                return Term(bracket)
            return Term(rf"{bracket} \, {self.at_least(FRACTION, arguments[1])}", PRODUCT)
        shown = _FUNCTIONS.get(function) or _upright(function)
        return Term(shown + self.parenthesized(", ".join(arguments)))
