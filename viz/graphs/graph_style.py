"""Shapes and lines of drawn graphs, in the colours of a theme.

Nothing is told by colour alone: kinds of node differ in shape and border, the sign of a
contribution in the arrowhead, a number that is not finite in a sign beside it.
"""

from __future__ import annotations

from viz.themes import FONT, Palette

__all__ = [
    "edge_defaults",
    "graph_defaults",
    "node_defaults",
    "node_style",
    "scope_style",
]

_BOX = {"shape": "box", "margin": "0.06,0.03", "width": "0", "height": "0"}


def graph_defaults(palette: Palette, rankdir: str) -> dict[str, str]:
    """What holds for the whole picture."""
    return {
        "rankdir": rankdir,
        "bgcolor": palette.background,
        "pad": "0.15",
        "nodesep": "0.22",
        "ranksep": "0.4",
        "fontname": FONT,
        "fontcolor": palette.ink,
        "tooltip": "computation graph",
    }


def node_defaults(palette: Palette) -> dict[str, str]:
    """What holds for every node."""
    return {"fontname": FONT, "fontsize": "12", "fontcolor": palette.ink}


def edge_defaults(palette: Palette) -> dict[str, str]:
    """What holds for every edge."""
    return {
        "fontname": FONT,
        "fontsize": "10",
        "fontcolor": palette.ink,
        "color": palette.quiet,
        "arrowsize": "0.6",
    }


def node_style(kind: str, palette: Palette, is_root: bool = False) -> dict[str, str]:
    """Shape, border and colours of a kind of node: leaf, interior, constant, operation or box."""
    style = {"fontcolor": palette.ink} | _NODE_STYLES[kind](palette)
    if is_root:
        style |= {"peripheries": "2", "penwidth": "1.6"}
        style |= {"color": palette.root_line, "fillcolor": palette.root}
        if kind == "constant":
            style |= {"shape": "box", "style": "filled", "margin": "0.08,0.04"}
    return style


def _leaf(palette: Palette) -> dict[str, str]:
    colours = {"fillcolor": palette.leaf, "color": palette.leaf_line}
    return _BOX | colours | {"style": "filled", "penwidth": "1.6"}


def _interior(palette: Palette) -> dict[str, str]:
    colours = {"fillcolor": palette.interior, "color": palette.interior_line}
    return _BOX | colours | {"style": "rounded,filled", "penwidth": "0.8"}


def _constant(palette: Palette) -> dict[str, str]:
    shape = {"shape": "plaintext", "margin": "0.04,0.02", "width": "0", "height": "0"}
    return shape | {"fontsize": "10", "fontcolor": palette.quiet}


def _operation(palette: Palette) -> dict[str, str]:
    shape = {"shape": "ellipse", "margin": "0.05,0.02", "width": "0.42", "height": "0.3"}
    colours = {"fillcolor": palette.operation, "color": palette.operation}
    return shape | colours | {"style": "filled", "fontsize": "11"}


def _box(palette: Palette) -> dict[str, str]:
    colours = {"fillcolor": palette.box, "color": palette.box_line}
    return _BOX | colours | {"shape": "box3d", "style": "filled", "margin": "0.12,0.06"}


_NODE_STYLES = {
    "leaf": _leaf,
    "interior": _interior,
    "constant": _constant,
    "operation": _operation,
    "box": _box,
}


def scope_style(palette: Palette, depth: int) -> dict[str, str]:
    """Border and tint of a scope: every other one is darker, so that inner ones stand out."""
    return {
        "style": "rounded,filled",
        "color": palette.scope_line,
        "fillcolor": palette.scope if depth % 2 else palette.scope_inside,
        "penwidth": "0.8",
        # Edges come in from the left, mostly.
        "labeljust": "r",
        "fontname": FONT,
        "fontsize": "10",
        "fontcolor": palette.quiet,
        "margin": "9",
    }
