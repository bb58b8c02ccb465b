"""A backward pass as text to follow: each equation under its name, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .equations import equation
from .layer_trace import Array, Comparison, LayerTrace

__all__ = ["named", "title", "written_out"]


def title(layers: Sequence[LayerTrace], loss: float) -> str:
    """Say how wide the layers are, and what the loss is."""
    first = layers[0]
    widths = [first.inputs.shape[-1], *(len(layer.weights) for layer in layers)]
    batch = first.z.ndim == 2
    examples = f"minibatch of {len(first.z)} examples, mean loss" if batch else "one example, loss"
    return f"layers {' -> '.join(map(str, widths))}, {examples} C = {loss:.4g}"


def written_out(layers: Sequence[LayerTrace], loss: float, comparison: Comparison | None) -> str:
    """Return the whole pass: forward through the layers, and backward.

    One example stands in columns, as in the equations; a minibatch has one row an example.
    """
    batch = layers[0].z.ndim == 2
    lines = [f"Backpropagation: {title(layers, loss)}", "", *_legend(batch), "", "FORWARD"]
    for layer in layers:
        lines += _forward(layer)
    lines += ["", "BACKWARD"]
    after: LayerTrace | None = None
    for layer in reversed(layers):
        lines += _backward(layer, after, None if after else comparison)
        after = layer
    return "\n".join(lines)


def _legend(batch: bool) -> list[str]:
    lines = [
        "W weights, one row for each neuron; b biases; z weighted inputs; a activations;",
        "delta = dC/dz error signals; * multiplies number by number; W^T is W with rows as columns",
    ]
    if batch:
        lines += [
            "Z, A and Delta have one row for each example: its own dC/dz; the gradients of weights",
            "and biases are those of the mean loss",
        ]
    return lines


def named(layer: LayerTrace, text: str) -> str:
    """Put in the names of a layer's arrays, capital for those with a row for each example."""
    number, capital = layer.number, layer.z.ndim == 2
    z, a, delta = ("Z", "A", "Delta") if capital else ("z", "a", "delta")
    return text.format(
        z=f"{z}{number}", a=f"{a}{number}", delta=f"{delta}{number}", before=f"{a}{number - 1}",
        W=f"W{number}", b=f"b{number}", next_W=f"W{number + 1}",
        next_delta=f"{delta}{number + 1}", g=layer.activation,
    )  # fmt: skip


def _written(layer: LayerTrace, caption: str, *parts: str | tuple[str, Array]) -> list[str]:
    """An equation of a layer below its caption."""
    lines = equation(
        *(
            named(layer, part) if isinstance(part, str) else (named(layer, part[0]), part[1])
            for part in parts
        )
    )
    heading = [f"  {named(layer, caption)}"] if caption else []
    return ["", *heading, *(f"    {line}" for line in lines)]


def _forward(layer: LayerTrace) -> list[str]:
    n, batch = len(layer.weights), layer.z.ndim == 2
    name = "{before} = x" if layer.number == 1 else "{before}"
    function = {"identity": "{a} = {z}", "": "{a}"}.get(layer.activation, "{a} = {g}({z})")
    what = layer.activation or f"activations of more than {named(layer, '{z}')}"
    lines = ["", f"layer {layer.number}: {n} neuron{'s' if n > 1 else ''}, {what}"]
    z, inputs, activations = ("{z}", layer.z), (name, layer.inputs), (function, layer.a)
    weights: list[Any] = [("{W}", layer.weights), inputs]
    bias: list[Any] = []
    if batch:
        weights = [inputs, ("{W}^T", layer.weights.T)]
    if layer.bias is not None:
        bias = ["+", ("{b}", layer.bias[None, :] if batch else layer.bias)]
    if not batch:
        return lines + _written(layer, "", z, "=", *weights, *bias, " ", activations)
    lines += _written(layer, "", z, "=", *weights, *bias)
    same = layer.activation == "identity"  # then they need not be shown again
    return lines + _written(layer, "", function if same else activations)


def _backward(
    layer: LayerTrace, after: LayerTrace | None, comparison: Comparison | None
) -> list[str]:
    lines = ["", f"layer {layer.number}", *_error_signal(layer, after)]
    delta = ("{delta}", layer.delta)
    if comparison is not None:
        prediction, target = (comparison.name, comparison.prediction), ("t", comparison.target)
        caption = "which is the prediction minus the target"
        lines += _written(layer, caption, delta, "=", prediction, "-", target)
    return lines + _bias_gradient(layer) + _weight_gradient(layer)


def _bias_gradient(layer: LayerTrace) -> list[str]:
    """BP3, and what the loss adds for the biases themselves."""
    if layer.bias_gradient is None:
        return []
    mean = layer.z.ndim == 2
    shape = (1, -1) if mean else (-1,)
    deltas = np.atleast_2d(layer.delta)
    rest = _rest(layer.bias_gradient, np.full((1, len(deltas)), 1 / len(deltas)), deltas)
    parts: list[Any] = (
        ["= mean of the rows of {delta}"] if mean else ["=", ("{delta}", layer.delta)]
    )
    gradient = ("{b}", layer.bias_gradient.reshape(shape))
    return _gradient(layer, "BP3: gradient of the biases", gradient, parts, rest)


def _weight_gradient(layer: LayerTrace) -> list[str]:
    """BP4, and what the loss adds for the weights themselves."""
    deltas, inputs = np.atleast_2d(layer.delta), np.atleast_2d(layer.inputs)
    rest = _rest(layer.weight_gradient, deltas.T / len(deltas), inputs)
    parts: list[Any] = ["=", ("{delta}", layer.delta), ("{before}^T", layer.inputs[None, :])]
    if layer.z.ndim == 2:
        parts = ["=", (f"1/{len(layer.z)} {{delta}}^T", layer.delta.T), ("{before}", layer.inputs)]
    gradient = ("{W}", layer.weight_gradient)
    return _gradient(layer, "BP4: gradient of the weights", gradient, parts, rest)


def _gradient(
    layer: LayerTrace,
    caption: str,
    of: tuple[str, Array],
    parts: list[Any],
    rest: Array | None,
) -> list[str]:
    """The gradient `of` what is named, its parts and, if there is one, the rest."""
    name, gradient = of
    if rest is not None:
        caption += ", with that of the penalty P in the loss"
        parts = [*parts, "+", (f"dP/d{name}", rest.reshape(gradient.shape))]
    return _written(layer, caption, (f"dC/d{name}", gradient), *parts)


def _rest(total: Array, left: Array, right: Array) -> Array | None:
    """What a total has beyond the product of two matrices, or None where that is all."""
    with np.errstate(invalid="ignore", over="ignore"):
        product = (left @ right).reshape(total.shape)
        terms = (np.abs(left) @ np.abs(right)).reshape(total.shape)  # some may cancel
        equal = np.abs(total - product) <= 1e-9 * np.abs(product) + 1e-12 * terms
        equal |= ~np.isfinite(product) & ~np.isfinite(total)
        return None if equal.all() else np.where(equal, 0.0, total - product)


def _error_signal(layer: LayerTrace, after: LayerTrace | None) -> list[str]:
    """BP1 for the last layer, BP2 where the error signal comes through weights alone."""
    delta, upstream = ("{delta}", layer.delta), ("dC/d{a}", layer.a_gradient)
    if layer.slope is None:
        return _written(layer, "error signal, each from several activations", delta)
    with np.errstate(invalid="ignore", over="ignore"):
        through_a = layer.a_gradient * layer.slope
    if not np.allclose(layer.delta, through_a, rtol=1e-9, atol=1e-12, equal_nan=True):
        return _written(layer, "error signal, of which a part comes from the loss itself", delta)
    slope = ("{g}'({z})" if layer.activation else "d{a}/d{z}", layer.slope)
    if after is None:
        caption = "BP1: error signal of the last layer"
        return _written(layer, caption, delta, "=", upstream, "*", slope)
    if _rest(layer.a_gradient, after.delta, after.weights) is not None:
        return _written(layer, "error signal", delta, "=", upstream, "*", slope)
    product: list[Any] = [("{next_W}^T", after.weights.T), ("{next_delta}", after.delta)]
    if layer.z.ndim == 2:
        product = [("{next_delta}", after.delta), ("{next_W}", after.weights)]
    caption = "BP2: error signal, back through {next_W}"
    return _written(layer, caption, delta, "=", "(", *product, ")", "*", slope)
