"""Text and numbers as Graphviz shows them: nothing in a label acts as markup."""

from __future__ import annotations

import html
import math
import unicodedata
from dataclasses import dataclass

from autograd_mini.operation_signs import SIGNS

__all__ = [
    "NumberFormat",
    "html_text",
    "label_lines",
    "operation_sign",
    "tooltip_text",
]

MAX_LABEL_CHARACTERS = 32
_MOST_DIGITS = 17
MAX_LABEL_LINES = 3
MAX_TOOLTIP_CHARACTERS = 1000

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

_ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories: controls, also of direction, and the like
_JOINERS = "\u200c\u200d"  # which shape letters
_NOT_XML = "\ufffe\uffff"


def _visible(character: str) -> str:
    r"""Give what shows a character: itself, or ``\t``, ``\u202e``, ... as Python writes it.

    Controls, line separators and what turns the direction act on the text, and XML cannot hold
    lone surrogates and the like.
    """
    acts = unicodedata.category(character) in _ACTING and character not in _JOINERS
    hidden = acts or character in _NOT_XML
    return character.encode("unicode_escape").decode("ascii") if hidden else character


def _visible_lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return ["".join(map(_visible, line)) for line in lines]


def _shorten(line: str, most: int) -> str:
    """Cut the middle out of a long line: in ``layers.0.neurons.3.weights.1`` both ends matter."""
    if len(line) <= most:
        return line
    tail = most // 3
    head = most - tail - 1
    return line[:head] + _ELLIPSIS + line[-tail:]


def label_lines(text: str, most: int = MAX_LABEL_CHARACTERS) -> list[str]:
    r"""Split a label into the lines that are shown, shortened to what a picture bears.

    A newline starts a new line; every other character that acts on the text, such as one that turns
    its direction, and what XML cannot hold, is shown as Python would escape it.  A line keeps at
    most 32 characters and a label at most 3 lines; an ellipsis stands where something was left out.

    Parameters
    ----------
    text : str
        The label as the user gave it.
    most : int, default 32
        How many characters of a line are kept.

    Returns
    -------
    list of str
        At least one line of plain text, not yet escaped.

    Examples
    --------
    >>> label_lines("weight\nof layer 1")
    ['weight', 'of layer 1']
    >>> label_lines("tab\tstop")
    ['tab\\tstop']
    >>> label_lines("layers.0.attention.heads.3.query.weights.12")
    ['layers.0.attention.he…weights.12']
    """
    lines = [_shorten(line, most) for line in _visible_lines(text)]
    if len(lines) > MAX_LABEL_LINES:
        lines = [*lines[: MAX_LABEL_LINES - 1], _ELLIPSIS]
    return lines


def html_text(text: str) -> str:
    r"""Escape one line of text for a Graphviz HTML-like label.

    Graphviz substitutes ``\N`` and its kin inside HTML-like labels too, hence the backslashes.

    Parameters
    ----------
    text : str
        One line, without control characters.

    Returns
    -------
    str
        The text with ``&``, ``<``, ``>``, quotes and backslashes escaped.

    Examples
    --------
    >>> print(html_text(r"\N <b>"))
    \\N &lt;b&gt;
    """
    return html.escape(text).replace("\\", "\\\\")


def tooltip_text(*paragraphs: str) -> str:
    r"""Escape text of any number of lines for a Graphviz ``tooltip`` attribute.

    Parameters
    ----------
    *paragraphs : str
        Any texts, to be shown below each other; each keeps at most 1,000 characters, the last an
        ellipsis where more was given.

    Returns
    -------
    str
        The texts with ``\n`` between lines and everything special to Graphviz escaped.

    Examples
    --------
    >>> print(tooltip_text("a < b", "c & d"))
    a &lt; b\nc &amp; d
    """
    lines: list[str] = []
    for paragraph in paragraphs:
        if len(paragraph) > MAX_TOOLTIP_CHARACTERS:
            paragraph = paragraph[: MAX_TOOLTIP_CHARACTERS - 1] + _ELLIPSIS
        lines += map(html.escape, _visible_lines(paragraph))
    # Graphviz unescapes a tooltip twice, so that a backslash has to be written four times.
    return r"\n".join(line.replace("\\", "\\" * 4) for line in lines)


def operation_sign(op: str) -> str:
    """The sign of an operation, or its name where it has none.

    Parameters
    ----------
    op : str
        The name in the derivative table.

    Returns
    -------
    str
        One line, not yet escaped.

    Examples
    --------
    >>> operation_sign("add"), operation_sign("tanh")
    ('+', 'tanh')
    """
    return SIGNS.get(op) or " ".join(label_lines(op))


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written: significant digits, or a format of Python's.

    Parameters
    ----------
    precision : int, default 4
        Significant digits.
    spec : str, optional
        A format specification such as ``".3f"``, which then holds instead.

    Raises
    ------
    TypeError, ValueError
        If `spec` is no text, or does not format a float.

    Examples
    --------
    >>> NumberFormat()(1 / 3), NumberFormat(spec=".2f")(1 / 3), NumberFormat()(-0.0)
    ('0.3333', '0.33', '0')
    """

    precision: int = 4
    spec: str | None = None

    def __post_init__(self) -> None:
        if self.precision > _MOST_DIGITS:
            raise ValueError(
                f"precision must be at most {_MOST_DIGITS}, which tell every float64 exactly, got "
                f"{self.precision:.3g}"
            )
        if self.spec is None:
            return
        wanted = "number_format must be a format of a float such as '.3f' or '+.2e'"
        if not isinstance(self.spec, str):
            raise TypeError(f"{wanted}, got {type(self.spec).__name__}")
        try:
            text = format(1.5, self.spec)
        except ValueError as error:
            raise ValueError(f"{wanted}, got {self.spec!r}: {error}") from None
        if len(text) > MAX_LABEL_CHARACTERS:
            raise ValueError(f"{wanted}, got {self.spec!r}, which makes {len(text)} characters")

    def __call__(self, value: float) -> str:
        """Write a number, with no sign on a zero."""
        if self.spec is None:
            return f"{value + 0.0:.{self.precision}g}"  # -0.0 + 0.0 is 0.0
        text = format(value, self.spec)
        is_zero = math.isfinite(value) and not any(digit in text for digit in "123456789")
        return text.replace("-", "", 1) if is_zero else text
