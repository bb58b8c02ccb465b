"""The neuron diagram: units in columns, weights as lines between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeAlias

import graphviz

from viz._node_text import NumberFormat, html_text, tooltip_text
from viz.networks.network_layers import NetworkLayer, layers_of
from viz.networks.network_names import NetworkNames
from viz.networks.network_signals import Signals, largest
from viz.networks.network_style import TEXT, Look, Sizes, position
from viz.options import one_of, true_or_false, whole_number
from viz.rendering import Picture
from viz.themes import Palette, palette_of

__all__ = ["draw_network"]

_MOST_NUMBERED = 3  # units in a column beyond which weights have no room for theirs
_MOST_WITH_NUMBERS = 6  # units in a column whose numbers are asked for
_MOST_LINES = 5_000  # nobody could tell more from each other

Cell: TypeAlias = "int | None"
"""The number of a unit from 0, or None for those that are left out."""


def draw_network(
    model: Any,
    *,
    trace: Any = None,
    show: str = "weights",
    max_units: int = 10,
    numbers: bool | None = None,
    precision: int = 3,
    theme: str = "light",
) -> graphviz.Digraph:
    """Draw a network as textbooks do: units in columns, from the inputs on the left to the right.

    A line is a weight: blue and solid where it is positive, orange and dashed where it is negative,
    and the thicker the larger it is. Each neuron shows its bias b, and after a backward pass its
    error signal delta, the derivative of the loss toward its weighted input, whose colour it takes
    on. Names are those of Nielsen (2015): the line from unit k of the layer before to neuron j of
    layer l is the weight w^l_jk. Tooltips hold all numbers to the last digit.

    Parameters
    ----------
    model : MLP, Layer, Linear, Neuron, Sequential, or list of layers
        Fully connected layers in a row, and what stands between them without parameters, such as
        activations.
    trace : BackpropTrace, optional
        What ``nn.trace_backprop(model, x, target, loss)`` returns for one example: error signals
        and activations are taken from it. Without it, error signals are the gradients of the
        biases (BP3), if there are any: those of one example if one backward pass was made since
        ``zero_grad``, and the sum over all if several were. What a penalty adds for the biases
        themselves is part of these.
    show : {"weights", "gradients"}
        Whether lines are weights or their gradients.
    max_units : int
        Of a layer with more units, the first and the last are drawn, that many in all, with dots
        between them.
    numbers : bool, optional
        Whether lines have numbers; by default where there is room, with up to three units in each
        layer.
    precision : int
        Significant digits of the numbers.
    theme : {"light", "dark"}
        The colours of ``draw_graph``, on white or on a dark ground.

    Returns
    -------
    graphviz.Digraph
        The picture; ``viz.render`` writes it to a file and notebooks show it. Units are named
        ``u0_0``, ``u0_1``, ... for the inputs, ``u1_0``, ... for the neurons of layer 1.

    Raises
    ------
    TypeError
        A model that is no stack of fully connected layers, a trace that is none, options of another
        type.
    ValueError
        Layers that do not fit each other, a trace of another model or of a minibatch, gradients
        where there was no backward pass, options out of range.

    Examples
    --------
    >>> from nn import MLP
    >>> picture = draw_network(MLP(2, [3, 1], rng=0))
    >>> picture.source.count("->")  # the weights, and two lines of the legend
    11
    >>> picture.engine
    'neato'
    """
    show = one_of(show, "show", ("weights", "gradients"))
    max_units = whole_number(max_units, "max_units", least=2)
    numbers = None if numbers is None else true_or_false(numbers, "numbers")
    number_text = NumberFormat(whole_number(precision, "precision"))
    palette = palette_of(theme)
    layers = layers_of(model)
    signals = Signals.of(layers, trace, show)
    widths = [layers[0].n_inputs, *(len(layer.weights) for layer in layers)]
    columns = [_cells(width, max_units) for width in widths]
    _check_lines([len(column) for column in columns])
    if numbers is None:
        numbers = max(widths) <= _MOST_NUMBERED
    elif numbers and max(map(len, columns)) > _MOST_WITH_NUMBERS:
        raise ValueError(
            f"numbers on the lines of more than {_MOST_WITH_NUMBERS} units of a layer cover each "
            f"other: pass max_units={_MOST_WITH_NUMBERS - 1}, or read them in the tooltips"
        )
    drawing = _Drawing(layers, signals, columns, show, numbers, number_text, palette)
    return drawing.picture(widths)


class _Drawing:
    """Places and looks of all that is drawn."""

    def __init__(
        self,
        layers: list[NetworkLayer],
        signals: Signals,
        columns: list[list[Cell]],
        show: str,
        numbers: bool,
        number_text: NumberFormat,
        palette: Palette,
    ) -> None:
        self.layers, self.signals, self.columns = layers, signals, columns
        self.names = NetworkNames(layers)
        self.of, self.numbers, self.number_text = show, numbers, number_text
        tallest = max(map(len, columns))
        self.look = Look(palette, Sizes.of(tallest, numbers))
        self.sizes = self.look.sizes
        self.half = self.sizes.row * (tallest - 1) / 2  # from the middle to the last row
        self.largest_weight = largest(
            self._shown(value) for layer in layers for row in layer.weights for value in row
        )
        self.largest_delta = signals.largest_delta()

    def picture(self, widths: list[int]) -> graphviz.Digraph:
        """All of it."""
        name = "-".join(map(str, widths))
        style = self.look.graph() | {"tooltip": f"network {name}"}
        drawn = Picture("network", engine="neato", graph_attr=style, node_attr=self.look.nodes())
        drawn.attr("edge", arrowhead="none")
        for column, width in enumerate(widths):
            self._draw_title(drawn, column, width)
            for place, cell in enumerate(self.columns[column]):
                self._draw_unit(drawn, column, place, cell, width)
        for layer in range(1, len(widths)):
            for edge in self._edges(layer):
                self._draw_weight(drawn, layer, *edge)
        self._draw_legend(drawn)
        return drawn

    def _shown(self, value: Any) -> float:
        return float(value.data if self.of == "weights" else value.grad)

    def _place(self, column: int, place: int) -> tuple[float, float]:
        """Of a unit: columns from left to right, units from top to bottom, in the middle."""
        middle = (len(self.columns[column]) - 1) / 2
        return column * self.sizes.column, (middle - place) * self.sizes.row

    def _draw_title(self, drawn: graphviz.Digraph, column: int, width: int) -> None:
        title, words = "inputs", [f"{width:,}"]
        if column:
            title = self.names.title(column)
            words = [_counted(width, "neuron"), *self.layers[column - 1].functions]
        text = "<br/>".join([f"<b>{html_text(title)}</b>", html_text(", ".join(words))])
        top = self.half + self.sizes.unit / 2 + 0.35
        style = TEXT | {"class": "title", "tooltip": title}
        place = position(column * self.sizes.column, top)
        drawn.node(f"t{column}", label=f"<{text}>", pos=place, **style)

    def _draw_unit(
        self, drawn: graphviz.Digraph, column: int, place: int, cell: Cell, width: int
    ) -> None:
        where = position(*self._place(column, place))
        if cell is None:
            left_out = width - len(self.columns[column]) + 1
            style = self.look.dots() | {"tooltip": f"{left_out} more"}
            drawn.node(f"u{column}_more", label="⋮", pos=where, **style)
            return
        texts, tooltip = self._texts(column, cell)
        delta = self.signals.delta(column, cell) if column else None
        style = self.look.unit("neuron" if column else "input", delta, self.largest_delta)
        style |= {"pos": where, "tooltip": tooltip_text(*tooltip)}
        drawn.node(f"u{column}_{cell}", label=self.look.unit_label(texts), **style)

    def _texts(self, column: int, cell: int) -> tuple[list[str], list[str]]:
        """What stands in a unit, name first, and what its tooltip says."""
        name = self.names.unit(column, cell)
        numbers: list[tuple[str, float]] = []
        if self.signals.activations is not None:
            numbers.append(("a" if column else "", self.signals.activations[column][cell]))
        biases = self.layers[column - 1].biases if column else None
        if biases is not None and self.of == "weights":
            numbers.append(("b", float(biases[cell].data)))
        delta = self.signals.delta(column, cell) if column else None
        if delta is not None:
            numbers.append(("δ", delta))
        shown = [f"{what} {self.number_text(x)}".strip() for what, x in numbers]
        tooltip = [name, *(f"{what or name} = {x!r}" for what, x in numbers)]
        if biases is not None:
            tooltip.append(f"dC/db = {biases[cell].grad!r}")
        return [name, *(shown if self.sizes.large else shown[:1])], tooltip

    def _edges(self, layer: int) -> Iterator[tuple[int, int, int, int]]:
        """Place and number of the unit where a line starts, and of the one where it ends."""
        for start, k in enumerate(self.columns[layer - 1]):
            for end, j in enumerate(self.columns[layer]):
                if k is not None and j is not None:
                    yield start, k, end, j

    def _draw_weight(
        self, drawn: graphviz.Digraph, layer: int, start: int, k: int, end: int, j: int
    ) -> None:
        weight = self.layers[layer - 1].weights[j][k]
        number = self._shown(weight)
        name = self.names.weight(layer, j, k)
        tooltip = tooltip_text(
            f"{name} = {weight.data!r}", f"dC/d{name} = {weight.grad!r}", str(weight.label or "")
        )
        style = self.look.line(number, self.largest_weight) | {"tooltip": tooltip}
        drawn.edge(f"u{layer - 1}_{k}", f"u{layer}_{j}", **style)
        if self.numbers:
            x, y = self._number_place(layer, start, end)
            style = self.look.number() | {"pos": position(x, y), "tooltip": tooltip}
            text = self.number_text(number)
            drawn.node(f"w{layer}_{j}_{k}", label=text, **style)

    def _number_place(self, layer: int, start: int, end: int) -> tuple[float, float]:
        """Where all numbers of a layer stand below each other, evenly: nearer to where it fans out.

        With m units in the next column, 1 / (m + 1) of the way, lines from each unit are as far
        apart as those of neighbouring units.
        """
        (x, y), (to_x, to_y) = self._place(layer - 1, start), self._place(layer, end)
        way = 1.0 / (len(self.columns[layer]) + 1)
        return x + way * (to_x - x), y + way * (to_y - y)

    def _draw_legend(self, drawn: graphviz.Digraph) -> None:
        """Below the network, line by line."""
        what = "weight" if self.of == "weights" else "gradient dC/dw"
        top = -self.half - self.sizes.unit / 2 - 0.4
        most = self.number_text(self.largest_weight)
        left = -self.sizes.unit / 2
        for row, (name, text, number) in enumerate(
            (
                ("positive", f"positive {what}; the thickest line is {most}", 1.0),
                ("negative", f"negative {what}", -1.0),
            )
        ):
            y = top - 0.22 * row
            for end, x in (("from", left), ("to", left + 0.5)):
                style = {"shape": "point", "style": "invis", "width": "0.01", "class": "legend"}
                drawn.node(f"{name}_{end}", label="", pos=position(x, y), **style)
            style = self.look.line(0.6 * number, 1.0) | {"class": "legend"}
            drawn.edge(f"{name}_from", f"{name}_to", tooltip=text, **style)
            self._write(drawn, f"{name}_text", text, left + 0.6, y)
        for row, text in enumerate(self._notes(), start=2):
            self._write(drawn, f"note_{row}", text, left, top - 0.22 * row)

    def _notes(self) -> list[str]:
        notes = []
        if self.signals.activations is not None:
            notes.append("a: activation")
        biased = self.of == "weights" and any(layer.biases for layer in self.layers)
        if biased and (self.sizes.large or not notes):
            notes.append("b: bias")
        if self.signals.deltas is not None:
            note = "δ: error signal dC/dz, blue where positive, orange where negative"
            notes.append(note if self.signals.traced else f"{note} (gradient of the bias)")
        return notes

    def _write(self, drawn: graphviz.Digraph, name: str, text: str, left: float, y: float) -> None:
        """A line of text that begins at a place."""
        width = 0.075 * len(text) + 0.2  # about; where it ends does not matter
        style = {"shape": "plaintext", "fontsize": "9", "class": "legend"}
        style |= {"width": f"{width:.2f}", "height": "0.2", "margin": "0"}
        place = position(left + width / 2, y)
        drawn.node(name, label=text + r"\l", pos=place, tooltip=text, **style)


def _cells(width: int, most: int) -> list[Cell]:
    """The units of a column that are drawn: all, or the first and the last ones."""
    if width <= most:
        return [*range(width)]
    first = -(-most // 2)
    return [*range(first), None, *range(width - (most - first), width)]


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' if n != 1 else ''}"


def _check_lines(sizes: list[int]) -> None:
    lines = sum(before * after for before, after in pairwise(sizes))
    if lines > _MOST_LINES:
        raise ValueError(
            f"the network has {lines:,} lines to draw, more than {_MOST_LINES:,}: take fewer units "
            "of each layer with max_units"
        )
