"""Colours, shapes and lines of drawn graphs.

Nothing is told by colour alone: kinds of node differ in shape and border, the sign of a
contribution in the arrowhead, a number that is not finite in a sign beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

__all__ = [
    "DARK",
    "FONT",
    "LIGHT",
    "THEMES",
    "Palette",
    "edge_defaults",
    "graph_defaults",
    "node_defaults",
    "node_style",
    "scope_style",
]

FONT = "Helvetica,Arial,sans-serif"

_BOX = {"shape": "box", "margin": "0.06,0.03", "width": "0", "height": "0"}


@dataclass(frozen=True)
class Palette:
    """The colours of a picture, as ``#rrggbb``.

    Examples
    --------
    >>> LIGHT.ink, LIGHT.faded().ink
    ('#24292f', '#cdcecf')
    """

    background: str
    ink: str
    quiet: str
    leaf: str
    leaf_line: str
    interior: str
    interior_line: str
    operation: str
    root: str
    root_line: str
    box: str
    box_line: str
    scope: str
    scope_inside: str
    scope_line: str
    positive: str
    negative: str
    alarm: str

    def faded(self) -> Palette:
        """The same colours, near the background: what is there, but not spoken of."""
        mixed = {
            each.name: _mix(self.background, getattr(self, each.name)) for each in fields(self)
        }
        return replace(self, **mixed)


def _mix(background: str, colour: str, share: float = 0.23) -> str:
    pairs = [(int(background[i : i + 2], 16), int(colour[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(b + share * (c - b)):02x}" for b, c in pairs)


# Blue and orange of Okabe and Ito's palette, darker, so that text in them can be read.
LIGHT = Palette(
    background="#ffffff",
    ink="#24292f",
    quiet="#5c646d",
    leaf="#e8f0f8",
    leaf_line="#33587d",
    interior="#fafafa",
    interior_line="#8b939c",
    operation="#e9e9ec",
    root="#fcf3e0",
    root_line="#8a5a00",
    box="#eef3ee",
    box_line="#4d6b57",
    scope="#f5f7f9",
    scope_inside="#eaeef2",
    scope_line="#b9c2cb",
    positive="#0067a5",
    negative="#a84400",
    alarm="#c01c28",
)
DARK = Palette(
    background="#14181d",
    ink="#e6eaee",
    quiet="#a3adb8",
    leaf="#1d3247",
    leaf_line="#86b3de",
    interior="#20262d",
    interior_line="#76818c",
    operation="#333b44",
    root="#3d3013",
    root_line="#e3b04b",
    box="#20332a",
    box_line="#8fbfa2",
    scope="#191f25",
    scope_inside="#1f262e",
    scope_line="#46515c",
    positive="#5fb4f0",
    negative="#f59a4c",
    alarm="#ff7b72",
)
THEMES = {"light": LIGHT, "dark": DARK}


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
