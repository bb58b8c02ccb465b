"""The legend of a drawn graph: what is in it, and nothing else."""

from __future__ import annotations

from collections.abc import Collection

from viz._node_text import html_text
from viz.graphs.graph_style import Palette
from viz.graphs.node_tables import ALARM

__all__ = ["legend_table"]

# For each kind of thing that may be drawn: how it looks, in a cell or as a sign, and what it is.
_CELLS = {
    "leaf": ("leaf", "leaf_line", "2", "a leaf: a parameter or an input"),
    "interior": ("interior", "interior_line", "1", "an intermediate value"),
    "root": ("root", "root_line", "3", "what was asked for"),
    "box": ("box", "box_line", "1", "a collapsed scope"),
}
_SIGNS = {
    "constant": ("quiet", "2.5", "a constant, which has no gradient"),
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
    "alarm": ("alarm", ALARM, "infinite or not a number"),
}


def legend_table(kinds: Collection[str], palette: Palette) -> str:
    """The legend as an HTML-like label, with a row for each kind that is drawn."""
    rows = []
    for kind, (fill, line, border, text) in _CELLS.items():
        if kind in kinds:
            colours = f'bgcolor="{getattr(palette, fill)}" color="{getattr(palette, line)}"'
            cell = f'<td width="26" height="12" fixedsize="true" border="{border}" {colours}></td>'
            rows.append(_row(cell, text, palette))
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
