"""The layers of a model, and their nodes in the graph of one example."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value

from ..layers.linear import Linear
from ..layers.neuron import Layer
from ..models.module import Module
from ..models.parameter_search import walk
from .layer_trace import Array

__all__ = [
    "DenseLayer",
    "LayerNodes",
    "activation_of",
    "data_of",
    "in_order",
    "layers_of",
    "nodes_of",
    "slope_of",
]


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A fully connected layer: its module, one row of weights for each neuron, and the biases."""

    module: Module
    weights: list[list[Value]]
    biases: list[Value]

    def parameters(self) -> list[Value]:
        """All weights, then all biases."""
        return [*chain(*self.weights), *self.biases]


@dataclass(frozen=True)
class LayerNodes:
    """The nodes of one layer in the graph of one example."""

    inputs: list[Value]
    z: list[Value]
    a: list[Value]


def layers_of(model: Any) -> list[DenseLayer]:
    """The layers of a model: itself, or those found where its parameters are, each once."""
    own = isinstance(model, (Layer, Linear))
    parts = [model] if own else [part for _, part in walk(model)]
    return [_dense(part) for part in parts if isinstance(part, (Layer, Linear))]


def _dense(part: Layer | Linear) -> DenseLayer:
    if isinstance(part, Linear):
        return DenseLayer(part, part.weights, part.biases or [])
    rows, biases = zip(*((n.weights, n.bias) for n in part.neurons), strict=True)
    return DenseLayer(part, list(rows), list(biases))


def in_order(layers: list[DenseLayer], outputs: list[Value]) -> list[DenseLayer]:
    """The layers as one example goes through them, by their z in its graph."""
    places: dict[int, int] = {}
    for place, node in enumerate(ad.topological_order(*outputs)):
        if node.op == "dot":
            places.setdefault(id(node.parents[0]), place)
    return sorted(layers, key=lambda layer: places.get(id(layer.weights[0][0]), -1))


def nodes_of(layers: list[DenseLayer], outputs: list[Value]) -> list[LayerNodes]:
    """The nodes of each layer: z are the products with its weights, a what the next layer takes."""
    products: dict[int, list[Value]] = {}
    for node in ad.topological_order(*outputs):
        if node.op == "dot":
            products.setdefault(id(node.parents[0]), []).append(node)
    sums = [_weighted_inputs(layer, products) for layer in layers]
    inputs = []
    for layer, z in zip(layers, sums, strict=True):
        n = len(layer.weights[0])
        inputs.append(list(z[0].parents[n : 2 * n]))
    return [LayerNodes(*nodes) for nodes in zip(inputs, sums, [*inputs[1:], outputs], strict=True)]


def _weighted_inputs(layer: DenseLayer, products: dict[int, list[Value]]) -> list[Value]:
    found = []
    for row in layer.weights:
        uses = products.get(id(row[0]), [])
        if len(uses) != 1:
            raise ValueError(
                f"{layer.module!r} is used {len(uses)} times for one example; trace_backprop "
                "follows layers in a row, each used once"
            )
        found += uses
    return found


def data_of(nodes: Iterable[Value]) -> Array:
    """The numbers of some nodes."""
    return np.array([node.data for node in nodes])


def activation_of(nodes: LayerNodes, z_of_all: set[int]) -> str:
    """The operation that makes the activations, each of its own z; "g" if there are several."""
    own = {id(z) for z in nodes.z}
    if any(not _reached(a, z_of_all) <= own for a in nodes.a):
        return ""
    pairs = list(zip(nodes.a, nodes.z, strict=False))
    if all(a is z for a, z in pairs):
        return "identity"
    ops = {
        a.op if all(parent is z or parent.op == "constant" for parent in a.parents) else "g"
        for a, z in pairs
    }
    return ops.pop() if len(ops) == 1 else "g"


def slope_of(nodes: LayerNodes) -> Array | None:
    """g'(z) where each activation depends on its own z alone, else None."""
    own = {id(z): {id(z)} for z in nodes.z}
    reached = [_reached(a, set(own)) for a in nodes.a]
    if not any(reached):
        raise ValueError("trace_backprop follows layers in a row, each fed by the one before")
    if reached != list(own.values()):
        return None
    return np.array(ad.gradients(nodes.a, nodes.z))


def _reached(root: Value, ends: set[int]) -> set[int]:
    """Which of the ends the root depends on, those behind others left out."""
    seen, stack = {id(root)}, [root]
    while stack:
        node = stack.pop()
        for parent in node.parents if id(node) not in ends else ():
            if id(parent) not in seen:
                seen.add(id(parent))
                stack.append(parent)
    return seen & ends
