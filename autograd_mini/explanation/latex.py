"""Formulas as LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ..textbook_names import numbered, textbook_name
from .notation import (
    ATOM,
    ELLIPSIS,
    FRACTION,
    NEGATIVE,
    PARTIAL,
    POWER,
    PRODUCT,
    RAISED,
    SIGNAL,
    Notation,
    Term,
)

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
_SIGNS = {SIGNAL: r"\delta_{{{0}}}", "sqrt": r"\sqrt{{{0}}}", "abs": r"\left|{0}\right|"}


def latex_name(name: str) -> str:
    r"""A label in LaTeX: Greek, accents and subscripts where it follows the usual spelling.

    A path to a parameter of a layer becomes the textbook's name, see :func:`textbook_name`.  Any
    other label stands as it is, upright, every character escaped.

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
    >>> latex_name("layers.0.neurons.0.weights.1")
    'w^{(1)}_{12}'
    >>> latex_name("50%_{")
    '\\mathrm{50\\%\\_\\{}'
    """
    if name.startswith(ELLIPSIS):
        return r"\cdots"
    textbook = textbook_name(name)
    if textbook is not None:
        return textbook.latex
    stem, copy = numbered(name)
    match = re.fullmatch(r"([A-Za-z]+)(\d*)((?:_[A-Za-z0-9]+)*)", stem)
    if match is None:
        return _upright(name)
    base, digits, rest = match.groups()
    parts = rest.split("_")[1:]
    text = _latex_word(base)
    if parts and not digits and parts[0] in _ACCENTS:
        text = f"{_ACCENTS[parts.pop(0)]}{{{text}}}"
    subscripts = ([digits] if digits else []) + [_latex_word(part) for part in parts]
    if subscripts:
        text += f"_{{{','.join(subscripts)}}}"
    return text + ("" if copy is None else f"^{{({copy})}}")


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
    >>> import ast
    >>> print(LatexNotation().interpret(ast.parse("(a - b) / s3 ** 2", mode="eval").body))
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
        return Term(text, RAISED if "^" in text else ATOM)

    def seen(self, name: str) -> str:
        """The LaTeX, whichever of superscript and subscript is written first."""
        return re.sub(r"(\^\{[^{}]*\})(_\{[^{}]*\})", r"\2\1", latex_name(name))

    def joined(self, factors: list[str]) -> str:
        """Factors side by side; a dot in front of a digit."""
        text = factors[0]
        for factor in factors[1:]:
            text += rf" \cdot {factor}" if factor[0].isdigit() else rf" \, {factor}"
        return text

    def fraction(self, above: str, below: str) -> Term:
        """A fraction with a line."""
        return Term(rf"\frac{{{above}}}{{{below}}}", FRACTION)

    def power(self, base: str, exponent: str) -> Term:
        """A superscript."""
        return Term(f"{self.at_least(ATOM, base)}^{{{exponent}}}", POWER)

    def relation(self, symbol: str) -> str:
        """The sign of a comparison."""
        return {">=": r"\geq", "<=": r"\leq", "==": "="}.get(symbol, symbol)

    def apply(self, op: str, operands: Sequence[str]) -> str:
        """A function under its usual sign; a case distinction as Iverson's bracket."""
        if op == PARTIAL:
            root, leaf = (self.at_least(RAISED, operand) for operand in operands)
            return Term(rf"\frac{{\partial {root}}}{{\partial {leaf}}}", FRACTION)
        if op in _SIGNS:
            return Term(_SIGNS[op].format(*operands))
        if op == "where" and operands[2] == "0":
            bracket = f"[{operands[0]}]"
            if operands[1] == "1":
                return Term(bracket)
            return Term(rf"{bracket} \, {self.at_least(FRACTION, operands[1])}", PRODUCT)
        shown = _FUNCTIONS.get(op) or _upright(op)
        return Term(shown + self.parenthesized(", ".join(operands)))
