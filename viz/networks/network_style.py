"""Colours, lines and lengths of neuron diagrams.

Nothing is told by colour alone: a weight below zero is dashed, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from viz._node_text import html_text
from viz.themes import FONT, Palette, mixed

__all__ = ["TEXT", "Look", "Sizes", "position"]

TEXT = {
    "shape": "plaintext",
    "width": "0",
    "height": "0",
    "margin": "0.03,0.01",
    "fixedsize": "false",
}
"""Words that stand where there is no unit."""
_SHAPES = {"input": "box", "neuron": "circle"}
_MOST_TINT = 0.5  # of the colour of an error signal's sign, for the largest one
_LARGE_COLUMN = 6  # units that have room for several numbers


@dataclass(frozen=True)
class Sizes:
    """Lengths of a diagram, in inches.

    Attributes
    ----------
    unit : float
        The diameter of a neuron.
    row, column : float
        From one unit to the next, downwards and to the right.
    widest_line : float
        In points.
    large : bool
        Whether units have room for several numbers.

    Examples
    --------
    >>> Sizes.of(tallest=3, numbers=True).column > Sizes.of(tallest=3, numbers=False).column
    True
    """

    unit: float
    row: float
    column: float
    widest_line: float
    large: bool

    @classmethod
    def of(cls, tallest: int, numbers: bool) -> Sizes:
        """Those of a diagram with so many units in its tallest column."""
        large = tallest <= _LARGE_COLUMN
        unit, row = (0.86, 1.1) if large else (0.42, 0.52)
        column = max(2.0, 0.38 * row * tallest)
        if numbers:  # so that those nearest to a unit stand beside it
            column = max(column, 0.9 * unit * (tallest + 1))
        return cls(unit, row, column, 4.0 if large else 2.5, large)


@dataclass(frozen=True)
class Look:
    """How units and lines look in a theme.

    Attributes
    ----------
    palette : Palette
        The colours.
    sizes : Sizes
        The lengths.
    """

    palette: Palette
    sizes: Sizes

    def graph(self) -> dict[str, str]:
        """What holds for the whole picture: lines end behind the units."""
        style = {"bgcolor": self.palette.background, "pad": "0.15", "splines": "line"}
        return style | {"outputorder": "edgesfirst"}

    def nodes(self) -> dict[str, str]:
        """What holds for all units and words."""
        style = {"fontname": FONT, "fontsize": "10", "fontcolor": self.palette.ink}
        return style | {"fixedsize": "true"}

    def unit(self, kind: str, delta: float | None, largest: float) -> dict[str, str]:
        """An input or a neuron, tinted by its error signal against the largest one."""
        palette, width = self.palette, self.sizes.unit
        is_input = kind == "input"
        fill = palette.operation if is_input else palette.interior
        if delta is not None and math.isfinite(delta):
            sign = palette.positive if delta > 0 else palette.negative
            fill = mixed(palette.background, sign, _MOST_TINT * abs(delta) / largest)
        return {
            "shape": _SHAPES[kind],
            "style": "filled",
            "fillcolor": fill,
            "color": palette.quiet if is_input else palette.ink,
            "class": kind,
            "width": f"{0.7 * width if is_input else width:.3f}",
            "height": f"{width:.3f}",
            "penwidth": "1.2",
        }

    def unit_label(self, lines: Sequence[str]) -> str:
        """A name, and numbers below it in small type."""
        large, small = ("11", "9") if self.sizes.large else ("9", "7")
        name, *others = map(html_text, lines)
        rows = [f'<font point-size="{large}"><b>{name}</b></font>']
        rows += [f'<font point-size="{small}">{line}</font>' for line in others]
        return f"<{'<br/>'.join(rows)}>"

    def line(self, number: float, largest: float) -> dict[str, str]:
        """A weight: sign by colour and dashes, size by width and strength."""
        palette = self.palette
        if not math.isfinite(number):
            return {"color": palette.alarm, "penwidth": "4", "class": "weight not_finite"}
        if number == 0.0:
            style = {"color": palette.scope_line, "penwidth": "0.5", "style": "dotted"}
            return style | {"class": "weight zero"}
        size = abs(number) / largest
        strength = f"{round(80 + 175 * size):02x}"
        width = f"{0.4 + (self.sizes.widest_line - 0.4) * size:.2f}"
        if number > 0:
            colour = palette.positive + strength
            return {"color": colour, "penwidth": width, "class": "weight positive"}
        look = {"color": palette.negative + strength, "penwidth": width, "style": "dashed"}
        return look | {"class": "weight negative"}

    def number(self) -> dict[str, str]:
        """The number of a weight, on its line."""
        style = {"style": "filled", "fillcolor": self.palette.background, "fontsize": "9"}
        return TEXT | style | {"class": "number"}

    def dots(self) -> dict[str, str]:
        """What stands for units that are left out."""
        return TEXT | {"fontsize": "18", "fontcolor": self.palette.quiet, "class": "left_out"}


def position(x: float, y: float) -> str:
    """A fixed place, in inches.

    Examples
    --------
    >>> position(1.0, -0.25)
    '1.0000,-0.2500!'
    """
    return f"{x:.4f},{y:.4f}!"
