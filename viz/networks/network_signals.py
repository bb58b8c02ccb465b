"""What a backward pass has left for the neurons of a network to show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from viz.networks.network_layers import NetworkLayer

__all__ = ["Signals", "largest"]


@dataclass(frozen=True)
class Signals:
    """Error signals and activations of the neurons, where they are known.

    Attributes
    ----------
    deltas : list of list of float or None
        For each layer one for each neuron, or none if they are not known.
    activations : list of list of float or None
        The same, those of the inputs first.
    traced : bool
        Whether they are of a trace, and not the gradients of the biases.
    """

    deltas: list[list[float]] | None
    activations: list[list[float]] | None
    traced: bool

    @classmethod
    def of(cls, layers: list[NetworkLayer], trace: Any, show: str) -> Signals:
        """Those of a trace, or the gradients of the biases."""
        passed = any(parameter.grad for layer in layers for parameter in layer.parameters())
        if show == "gradients" and not passed:
            raise ValueError(
                "show='gradients' needs a backward pass, and all gradients are 0: call "
                "loss.backward() first"
            )
        if trace is None:
            biases = [id(bias) for layer in layers for bias in layer.biases or ()]
            passed = passed and len(biases) == len(set(biases))  # a sum over uses is of neither
            deltas = [[bias.grad for bias in layer.biases or ()] for layer in layers]
            return cls(deltas if passed else None, None, False)
        traced = _traced_layers(trace, layers)
        inputs = [[*map(float, traced[0].inputs)]]
        activations = inputs + [[*map(float, layer.a)] for layer in traced]
        return cls([[*map(float, layer.delta)] for layer in traced], activations, True)

    def delta(self, layer: int, j: int) -> float | None:
        """The error signal of neuron j, from 0, of a layer, from 1."""
        if self.deltas is None or j >= len(self.deltas[layer - 1]):
            return None
        return self.deltas[layer - 1][j]

    def largest_delta(self) -> float:
        """The size of the largest, 1 if there is none."""
        return largest(delta for layer in self.deltas or () for delta in layer)


def _traced_layers(trace: Any, layers: list[NetworkLayer]) -> list[Any]:
    traced = getattr(trace, "layers", None)
    if not isinstance(traced, list) or not all(hasattr(layer, "delta") for layer in traced):
        raise TypeError(
            "trace must be what nn.trace_backprop(model, x, target, loss) returns, got "
            f"{type(trace).__name__}"
        )
    shapes = [(len(layer.weights), layer.n_inputs) for layer in layers]
    if [layer.weights.shape for layer in traced] != shapes:
        raise ValueError("trace is of another model: its layers have other sizes")
    rows = [[[weight.data for weight in row] for row in layer.weights] for layer in layers]
    if [layer.weights.tolist() for layer in traced] != rows:
        raise ValueError("trace is of other weights than the model has now: trace it again")
    if traced[0].delta.ndim != 1:
        raise ValueError(
            f"trace is of a minibatch of {len(traced[0].delta)} examples, a picture shows one: "
            "nn.trace_backprop(model, X[0], y[0], loss)"
        )
    return traced


def largest(numbers: Iterable[float]) -> float:
    """Return the size of the largest finite number; 1 if all are 0.

    Examples
    --------
    >>> largest([1.0, -3.0, math.nan]), largest([])
    (3.0, 1.0)
    """
    return max((abs(x) for x in numbers if math.isfinite(x)), default=0.0) or 1.0
