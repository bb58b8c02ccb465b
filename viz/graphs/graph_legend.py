"""The legend of a drawn graph: what is in it, and nothing else."""

from __future__ import annotations

from collections.abc import Collection

from viz._node_text import html_text
from viz.graphs.node_tables import ALARM
from viz.themes import Palette

__all__ = ["legend_table"]


def _sample(width: int, border: int, style: str = "solid", rows: str = "") -> str:
    """A small table with a border, and perhaps something in it."""
    size = f'width="{width}" height="{width - 14}" fixedsize="true"'
    shape = f'border="{border}" cellborder="0" cellspacing="0" cellpadding="0" style="{style}"'
    return f"<table {size} {shape} {{colours}}>{rows or '<tr><td></td></tr>'}</table>"


_TWICE = f'<tr><td cellpadding="3">{_sample(20, 1, "rounded")}</td></tr>'
_BLOCK = (
    '<tr><td height="3" colspan="2"></td></tr><tr>'
    '<td width="22" height="9" border="1" sides="TR" {colours}></td><td width="3"></td></tr>'
)

# For each kind of thing that may be drawn: how it looks, in a cell or as a sign, and what it is.
_CELLS = {
    "leaf": ("leaf", "leaf_line", _sample(26, 2), "a leaf: a parameter or an input"),
    "interior": (
        "interior",
        "interior_line",
        _sample(26, 1, "rounded"),
        "an intermediate value",
    ),
    "root": (
        "root",
        "root_line",
        _sample(28, 1, "rounded", _TWICE),
        "what was asked for",
    ),
    "box": (
        "box",
        "box_line",
        _sample(26, 1, rows=_BLOCK),
        "a collapsed scope, or many equal values",
    ),
    "scope": (
        "scope",
        "scope_line",
        _sample(26, 1, "rounded"),
        "a scope: what belongs together",
    ),
}
_SIGNS = {
    "constant": (
        "quiet",
        "2.5 \N{BOX DRAWINGS LIGHT TRIPLE DASH HORIZONTAL}",
        "a constant, which has no gradient, and its dashed edge",
    ),
    "operation": ("ink", "\N{MULTIPLICATION SIGN} tanh", "an operation"),
    "local": ("ink", "0.5", "local derivative"),
    "contribution": (
        "ink",
        "0.5",
        "contribution: local derivative \N{MULTIPLICATION SIGN} upstream",
    ),
    "both": (
        "ink",
        "0.5 \N{MULTIPLICATION SIGN} 2 = 1",
        "local derivative \N{MULTIPLICATION SIGN} upstream gradient = contribution",
    ),
    "positive": (
        "positive",
        "\N{BLACK RIGHT-POINTING TRIANGLE}",
        "positive contribution; the thicker the larger",
    ),
    "negative": (
        "negative",
        "\N{LEFT TACK}",
        "negative contribution; the thicker the larger",
    ),
    "mixed": (
        "quiet",
        "\N{BLACK RECTANGLE}",
        "contributions of both signs; the thicker the larger",
    ),
    "alarm": ("alarm", ALARM, "infinite or not a number"),
    "nothing": (
        "ink",
        "\N{INFINITY} \N{MULTIPLICATION SIGN} 0 = 0",
        "zero carries nothing, as in backward()",
    ),
}


def legend_table(kinds: Collection[str], palette: Palette) -> str:
    """The legend as an HTML-like label, with a row for each kind that is drawn."""
    rows = []
    for kind, (fill, line, shape, text) in _CELLS.items():
        if kind in kinds:
            colours = f'bgcolor="{getattr(palette, fill)}" color="{getattr(palette, line)}"'
            rows.append(_row(f"<td>{shape.format(colours=colours)}</td>", text, palette))
    for kind, (colour, sign, text) in _SIGNS.items():
        if kind in kinds:
            sign = f'<font color="{getattr(palette, colour)}">{html_text(sign)}</font>'
            rows.append(_row(f"<td>{sign}</td>", text, palette))
    return (
        '<<table border="0" cellborder="0" cellspacing="4" cellpadding="0">'
        f"{''.join(rows)}</table>>"
    )


def _row(cell: str, text: str, palette: Palette) -> str:
    described = f'<font color="{palette.quiet}">{html_text(text)}</font>'
    return f'<tr>{cell}<td width="4"></td><td align="left">{described}</td></tr>'
