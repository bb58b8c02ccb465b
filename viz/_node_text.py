"""Text and numbers as Graphviz shows them: nothing in a label acts as markup."""

from __future__ import annotations

import html

__all__ = ["format_number", "html_text", "label_lines", "tooltip_text"]

MAX_LABEL_CHARACTERS = 32
MAX_LABEL_LINES = 3
MAX_TOOLTIP_CHARACTERS = 1000

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def _visible(character: str) -> str:
    r"""Give what shows a character: itself, or ``\t``, ``\x1b``, ... as Python writes it.

    Controls and line separators act on the text, and XML cannot hold lone surrogates and the like.
    """
    code = ord(character)
    acts = code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029)
    not_xml = 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF)
    return character.encode("unicode_escape").decode("ascii") if acts or not_xml else character


def _visible_lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return ["".join(map(_visible, line)) for line in lines]


def _shorten(line: str) -> str:
    """Cut the middle out of a long line: in ``layers.0.neurons.3.weights.1`` both ends matter."""
    if len(line) <= MAX_LABEL_CHARACTERS:
        return line
    tail = MAX_LABEL_CHARACTERS // 3
    head = MAX_LABEL_CHARACTERS - tail - 1
    return line[:head] + _ELLIPSIS + line[-tail:]


def label_lines(text: str) -> list[str]:
    r"""Split a label into the lines that are shown, shortened to what a picture bears.

    A newline starts a new line; every other control character, and what XML cannot hold, is shown
    as Python would escape it.  A line keeps at most 32 characters and a label at most 3 lines; an
    ellipsis stands where something was left out.

    Parameters
    ----------
    text : str
        The label as the user gave it.

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
    lines = [_shorten(line) for line in _visible_lines(text)]
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


def format_number(value: float, precision: int = 4) -> str:
    """Format a number compactly, as ``%.4g`` does, with no sign on a zero.

    Parameters
    ----------
    value : float
        The number.
    precision : int, default 4
        Significant digits.

    Returns
    -------
    str
        The formatted number.

    Examples
    --------
    >>> format_number(1 / 3), format_number(-0.0), format_number(float("nan"))
    ('0.3333', '0', 'nan')
    """
    return f"{value + 0.0:.{precision}g}"  # -0.0 + 0.0 is 0.0
