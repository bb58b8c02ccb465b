"""What the layers, units and weights of a network are called, as in graphs of the same model."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_mini.textbook_names import ParameterPath, parameter_path, textbook_name, written
from viz.networks.network_layers import NetworkLayer

__all__ = ["NetworkNames"]


class NetworkNames:
    """Names that no two layers, units or weights of a network share.

    A weight has the name of its path in the model, as in other pictures.  Where paths are missing
    or say the same of several layers, the layers are counted from 1.

    Parameters
    ----------
    layers : sequence of NetworkLayer
        First to last.

    Examples
    --------
    >>> from nn import MLP
    >>> from viz.networks.network_layers import layers_of
    >>> names = NetworkNames(layers_of(MLP(2, [3, 1], rng=0)))
    >>> names.title(2), names.unit(0, 1), names.unit(2, 0), names.weight(1, 0, 1)
    ('layer 2', 'x₂', 'a²₁', 'w¹₁₂')
    """

    def __init__(self, layers: Sequence[NetworkLayer]) -> None:
        self._labels = [
            [[str(weight.label) for weight in row] for row in layer.weights] for layer in layers
        ]
        paths = [parameter_path(labels[0][0]) for labels in self._labels]
        owners = [path.owner if path else "" for path in paths]
        numbers = [path.layer for path in paths if path and path.layer]
        if len({*owners}) > 1 or len({*numbers}) < len(layers):
            numbers = [*range(1, len(layers) + 1)]
        self._numbers = numbers
        self._titles = [f"layer {number}" for number in numbers]
        places = [place_of(path) for path in paths if path]
        if all(owners) and len({*owners}) > 1 and len({*places}) == len(layers):
            self._titles = places
        self._are_named = self._have_names()

    def _have_names(self) -> bool:
        """Whether each weight has a name of its own."""
        labels = [label for layer in self._labels for row in layer for label in row]
        names = {name.text for name in map(textbook_name, labels) if name}
        return len(names) == len(labels)

    def title(self, column: int) -> str:
        """Of a layer, from 1."""
        return self._titles[column - 1]

    def unit(self, column: int, cell: int) -> str:
        """Of an input, in column 0, or a neuron; cells are counted from 0."""
        if not column:
            return written("x", None, cell + 1).text
        return written("a", self._numbers[column - 1], cell + 1).text

    def weight(self, column: int, j: int, k: int) -> str:
        """Of the line to neuron j of a layer from unit k before it, from 0."""
        known = textbook_name(self._labels[column - 1][j][k]) if self._are_named else None
        return known.text if known else written("w", self._numbers[column - 1], j + 1, k + 1).text


def place_of(path: ParameterPath) -> str:
    """Where a layer is in its model, in words; nothing if it is on its own.

    Examples
    --------
    >>> place_of(parameter_path("encoder.layers.0.weights.0.0"))
    'encoder layer 1'
    """
    layer = f"layer {path.layer}" if path.layer else ""
    return f"{path.owner} {layer}".strip()
