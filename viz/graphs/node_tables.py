"""The inside of a node: label and numbers laid out as a small table of Graphviz's own HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from viz._node_text import NumberFormat, html_text, label_lines, operation_sign, tooltip_text
from viz.graphs.collapsing import Box
from viz.graphs.graph_nodes import Node
from viz.themes import Palette

__all__ = [
    "ALARM",
    "box_table",
    "box_tooltip",
    "is_alarming",
    "number_html",
    "value_table",
    "value_tooltip",
]

ALARM = "\N{WARNING SIGN}"
"""Stands beside a number that is not finite."""

_TABLE = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'


def number_html(value: float, number: NumberFormat, palette: Palette) -> str:
    """A number; one that is not finite stands out by colour, weight and sign."""
    text = html_text(number(value))
    if math.isfinite(value):
        return text
    coloured = f'<font color="{palette.alarm}">'
    return f"{coloured}<b>{text}</b></font>{coloured} {ALARM}</font>"


def _row(name: str, html: str, palette: Palette) -> str:
    return (
        f'<tr><td align="left"><font point-size="10" color="{palette.quiet}">{name}</font></td>'
        f'<td width="5"></td><td align="right"><font point-size="10">{html}</font></td></tr>'
    )


def _title(line: str) -> str:
    return f'<tr><td colspan="3"><b>{html_text(line)}</b></td></tr>'


def value_table(
    node: Node,
    title: str,
    formula: str,
    show: frozenset[str],
    number: NumberFormat,
    palette: Palette,
    place: str = "",
) -> str:
    """Lay out what is shown of a value; a constant is only its number, with its label above.

    Below it stands its place among the inputs of what it goes into, if that is known.
    """
    lines = [line for line in label_lines(title) if line] if title else []
    data = number_html(node.data, number, palette)
    if node.op == "constant":
        below = [f'<font point-size="8">{html_text(place)}</font>'] if place else []
        return "<" + "<br/>".join([*map(html_text, lines), data, *below]) + ">"
    rows = [_title(line) for line in lines]
    if formula:
        shortened = html_text(label_lines(formula, 44)[0])
        rows.append(f'<tr><td colspan="3"><font point-size="10">= {shortened}</font></td></tr>')
    if "op" in show and node.parents:
        rows.append(_row("op", html_text(operation_sign(node.op)), palette))
    if "data" in show:
        rows.append(_row("data", data, palette))
    if "grad" in show:
        rows.append(_row("grad", number_html(node.grad, number, palette), palette))
    return f"<{_TABLE}{''.join(rows)}</table>>" if rows else ""


def value_tooltip(node: Node, formula: str = "") -> str:
    """What a value is, to the last digit, with its whole label."""
    lines = [node.label] if node.label else []
    if formula:
        lines.append(f"= {formula}")
    lines.append(f"data {node.data!r}")
    if node.op == "constant":
        lines.append("a constant: no gradient flows to it")
    else:
        lines.append(f"grad {node.grad!r}")
    return tooltip_text(*lines)


def is_alarming(*nodes: Node) -> bool:
    """Whether data or gradient of one of them is infinite or NaN."""
    return any(not (math.isfinite(node.data) and math.isfinite(node.grad)) for node in nodes)


def _counts(box: Box) -> Sequence[tuple[str, int]]:
    return (
        ("inputs", len(box.inputs)),
        ("outputs", len(box.outputs)),
        ("parameters", len(box.parameters)),
        ("values", len(box.members)),
    )


def box_table(box: Box, number: NumberFormat, palette: Palette) -> str:
    """What is in a scope that is drawn as one box: its name, and how much goes in and out.

    A box with one output shows its data and gradient, as the value would.
    """
    rows = [_title(line) for line in label_lines(box.scope.name) if line]
    rows += [_row(name, f"{count:,}", palette) for name, count in _counts(box) if count]
    if len(box.outputs) == 1:
        [output] = [node for node in box.members if id(node) in box.outputs]
        rows.append(_row("data", number_html(output.data, number, palette), palette))
        rows.append(_row("grad", number_html(output.grad, number, palette), palette))
    strange = sum(is_alarming(node) for node in box.members)
    if strange:
        alarm = f'<font color="{palette.alarm}"><b>{strange:,}</b> {ALARM}</font>'
        rows.append(_row("not finite", alarm, palette))
    return f"<{_TABLE}{''.join(rows)}</table>>"


def box_tooltip(box: Box) -> str:
    """The whole path of a scope, and what is in it."""
    counts = ", ".join(f"{count:,} {name}" for name, count in _counts(box))
    return tooltip_text(box.scope.path, counts)
