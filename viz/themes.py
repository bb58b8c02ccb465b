"""The fonts and colours of pictures, on white and on a dark ground."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from viz.options import one_of

__all__ = ["DARK", "FONT", "LIGHT", "THEMES", "Palette", "mixed", "palette_of"]

FONT = "Helvetica,Arial,sans-serif"


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
        colours = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: mixed(self.background, c) for name, c in colours.items()})


def mixed(background: str, colour: str, share: float = 0.23) -> str:
    """So much of a colour, the rest background.

    Examples
    --------
    >>> mixed(LIGHT.background, "#0067a5", 0.5)
    '#80b3d2'
    """
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


def palette_of(theme: str) -> Palette:
    """The colours of a theme.

    Raises
    ------
    ValueError
        A theme that there is not.

    Examples
    --------
    >>> palette_of("dark") is DARK
    True
    """
    return THEMES[one_of(theme, "theme", THEMES)]
