"""The error signals of backpropagation, layer by layer: as arrays, and as text to follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import autograd_mini as ad
from autograd_mini import Value

from ..losses.loss_calls import call_loss, check_loss
from ..losses.loss_uses import LossUse, observed
from ..models.randomness import counting, drawn
from .backprop_text import named, title, written_out
from .layer_nodes import (
    DenseLayer,
    LayerNodes,
    activation_of,
    data_of,
    in_order,
    layers_of,
    nodes_of,
    slope_of,
)
from .layer_trace import Array, Comparison, LayerTrace

__all__ = ["BackpropTrace", "trace_backprop"]


@dataclass(frozen=True, eq=False)
class BackpropTrace:
    """One backward pass: ``print`` it, and follow the numbers from layer to layer.

    Attributes
    ----------
    layers : list of LayerTrace
        The layers, first to last.
    loss : float
        The loss of the example, or the mean over the minibatch.

    Examples
    --------
    >>> from nn import Layer, half_squared_error, vector_to_parameters
    >>> layer = Layer(2, 1, rng=0)
    >>> vector_to_parameters([0.5, -1.0, 0.25], layer)
    >>> print(trace_backprop(layer, [1.0, 2.0], 0.0, half_squared_error))
    Backpropagation: layers 2 -> 1, one example, loss C = 0.3598
    <BLANKLINE>
    W weights, one row for each neuron; b biases; z weighted inputs; a activations;
    delta = dC/dz error signals; * multiplies number by number; W^T is W with rows as columns
    <BLANKLINE>
    FORWARD
    <BLANKLINE>
    layer 1: 1 neuron, tanh
    <BLANKLINE>
            z1    =        W1         a0 = x  +    b1      a1 = tanh(z1)
        [-1.2500]   [0.5000 -1.0000] [1.0000]   [0.2500]     [-0.8483]
                                     [2.0000]
    <BLANKLINE>
    BACKWARD
    <BLANKLINE>
    layer 1
    <BLANKLINE>
      BP1: error signal of the last layer
          delta1  =   dC/da1  * tanh'(z1)
        [-0.2379]   [-0.8483]    [0.2804]
    <BLANKLINE>
      BP3: gradient of the biases
          dC/db1  =   delta1
        [-0.2379]   [-0.2379]
    <BLANKLINE>
      BP4: gradient of the weights
              dC/dW1      =   delta1        a0^T
        [-0.2379 -0.4757]   [-0.2379] [1.0000 2.0000]
    """

    layers: list[LayerTrace]
    loss: float
    _comparison: Comparison | None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {title(self.layers, self.loss)}>"

    def __str__(self) -> str:
        return written_out(self.layers, self.loss, self._comparison)


def trace_backprop(
    model: Any, x: ArrayLike, target: Any, loss: Callable[[Any, Any], Value]
) -> BackpropTrace:
    """Return what backpropagation sees in each layer, named as in the equations BP1 to BP4.

    The equations are those of Nielsen (2015), chapter 2: delta^L = dC/da^L * g'(z^L) (BP1),
    delta^l = (W^(l+1))^T delta^(l+1) * g'(z^l) (BP2), dC/db^l = delta^l (BP3) and
    dC/dW^l = delta^l (a^(l-1))^T (BP4). No number is worked out by them: all are data and gradients
    of the nodes of the graph. The parameters' `grad` stays as it is. Where a loss depends on the
    parameters themselves, too, as with `l2_penalty`, the text says what that adds to BP3 and BP4.

    Parameters
    ----------
    model : MLP, Layer, Linear or Module
        A model of layers (`Layer`, `Linear`) in a row, held wherever parameters are found. What
        stands between them, and behind the last, counts as the activation.
    x : array_like
        One example's inputs, (D,), or a minibatch, (N, D).
    target : object
        The target of the example, or a sequence of N.
    loss : callable
        Takes outputs and a target, returns the loss of that example.

    Returns
    -------
    BackpropTrace
        With one `LayerTrace` for each layer; ``print`` shows the equations with their numbers.

    Raises
    ------
    TypeError
        A model without layers, inputs that are no numbers, a loss that returns no Value.
    ValueError
        Inputs of another shape, not as many targets as examples, layers that are not used once
        each and in a row, or that share a parameter; a model that changes its inputs before the
        first layer, has other parameters (as a LayerNorm has) or drops out; `no_grad`.

    Examples
    --------
    >>> from nn import MLP, cross_entropy, vector_to_parameters
    >>> model = MLP(2, [2, 3], rng=0)
    >>> vector_to_parameters(np.linspace(-1.0, 1.0, 15), model)
    >>> trace = trace_backprop(model, [1.0, 0.5], 2, cross_entropy)
    >>> trace
    <BackpropTrace: layers 2 -> 2 -> 3, one example, loss C = 1.461>
    >>> first, last = trace.layers
    >>> last.delta.shape, first.weight_gradient.shape
    ((3,), (2, 2))
    >>> slope = 1 - np.tanh(first.z) ** 2
    >>> bool(np.allclose(first.delta, last.weights.T @ last.delta * slope))  # BP2
    True
    """
    check_loss(loss)
    layers = layers_of(model)
    if not layers:
        raise TypeError(
            "trace_backprop takes a model of layers, such as an MLP or a Module that holds some "
            f"Layer or Linear, got {type(model).__name__}"
        )
    inputs = _inputs(x)
    rows = inputs.ndim == 2
    targets = _targets(target, len(inputs)) if rows else [target]
    examples = inputs.tolist() if rows else [inputs.tolist()]
    _refuse_what_is_not_followed(model, layers, examples[0])
    layers = in_order(layers, _listed(model(examples[0])))
    with observed() as uses:
        passes = [
            _one_pass(model, layers, example, t, loss)
            for example, t in zip(examples, targets, strict=True)
        ]
    gathered = [
        _layer_trace(number, layer, [one[number - 1] for _, one in passes], rows)
        for number, layer in enumerate(layers, start=1)
    ]
    mean = float(np.mean([value for value, _ in passes]))
    return BackpropTrace(gathered, mean, _comparison(uses, gathered[-1]))


def _inputs(x: ArrayLike) -> Array:
    try:
        inputs = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"x must be an array of numbers, (D,) or (N, D): {error}") from error
    if inputs.ndim not in (1, 2) or inputs.size == 0:
        raise ValueError(
            "x must be one example's inputs, (D,), or a minibatch, (N, D), got shape "
            f"{inputs.shape}"
        )
    return inputs


def _targets(target: Any, n_examples: int) -> Sequence[Any]:
    if not hasattr(target, "__len__") or isinstance(target, (str, bytes)):
        raise TypeError(
            f"target must be a sequence of {n_examples} targets, as x is a minibatch of as many "
            f"examples; got {target!r}"
        )
    if len(target) != n_examples:
        raise ValueError(f"x holds {n_examples} examples but target {len(target)} targets")
    targets: Sequence[Any] = target.tolist() if isinstance(target, np.ndarray) else target
    return targets


def _refuse_what_is_not_followed(
    model: Any, layers: list[DenseLayer], example: list[float]
) -> None:
    """Refuse what would make the equations say something else than the model does."""
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    if len({*map(id, parameters)}) < len(parameters):
        raise ValueError(
            "trace_backprop follows layers of which each has its own parameters; here two weights "
            "or biases are one Value, whose gradient is the sum of both: trace a model that does "
            "not share them"
        )
    if drawn(1, _zeros) is not None:
        with counting() as requests:
            model(example)
        if requests:
            raise ValueError(
                "trace_backprop follows the model as it is in use, here it drops out: call it "
                "outside of nn.training_mode"
            )
    if (parameters[0] * 1.0).op == "constant":
        raise ValueError(
            "trace_backprop reads the graph, and inside ad.no_grad() none is recorded: call it "
            "outside"
        )


def _zeros(_: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape)


def _check_row(
    model: Any,
    layers: list[DenseLayer],
    found: list[LayerNodes],
    example: list[float],
    outputs: Any,
) -> None:
    """Check that x goes into the first layer, and that nothing but the layers' z has parameters."""
    first = data_of(found[0].inputs)
    if not np.array_equal(first, example, equal_nan=True):
        raise ValueError(
            f"the inputs of {layers[0].module!r}, the first layer, are not x: the model changes x "
            "before, or joins it with something else, as a recurrent cell does with its state. "
            "Trace the layers alone, as Sequential(*layers), on the inputs that they get"
        )
    own = {id(z): layer for layer, nodes in zip(layers, found, strict=True) for z in nodes.z}
    known = {id(parameter) for layer in layers for parameter in layer.parameters()}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for node in ad.topological_order(*outputs):
        if node.op == "" and id(node) not in known:
            raise ValueError(
                "trace_backprop follows parameters of Layer and Linear alone, the outputs depend "
                f"on {names.get(id(node), repr(node))!r}, too: trace a model without"
            )
        for parent in node.parents if id(node) not in own else ():
            if id(parent) in known:
                raise ValueError(
                    f"the parameter {names.get(id(parent), repr(parent))!r} is used outside of its "
                    "layer, too: its gradient is not that of the equations"
                )


def _listed(outputs: Any) -> list[Value]:
    return [outputs] if isinstance(outputs, Value) else list(outputs)


def _one_pass(
    model: Any,
    layers: list[DenseLayer],
    example: list[float],
    target: Any,
    loss: Callable[..., Any],
) -> tuple[float, list[dict[str, Any]]]:
    """The loss of an example, and for each layer the arrays that `LayerTrace` has."""
    outputs = model(example)
    value = call_loss(loss, outputs, target)
    listed = _listed(outputs)
    found = nodes_of(layers, listed)
    slopes = [slope_of(nodes) for nodes in found]
    _check_row(model, layers, found, example, listed)
    groups = [
        group
        for layer, nodes in zip(layers, found, strict=True)
        for group in (nodes.a, nodes.z, layer.biases, list(chain(*layer.weights)))
    ]
    gradients = iter(ad.gradients(value, [node for group in groups for node in group]))
    by_group = iter([np.array([next(gradients) for _ in group]) for group in groups])
    z_of_all = {id(z) for nodes in found for z in nodes.z}
    return value.data, [
        {
            "inputs": data_of(nodes.inputs),
            "z": data_of(nodes.z),
            "a": data_of(nodes.a),
            "slope": slope,
            "activation": activation_of(nodes, z_of_all),
            "a_gradient": next(by_group),
            "delta": next(by_group),
            "bias_gradient": gradient if (gradient := next(by_group)).size else None,
            "weight_gradient": next(by_group).reshape(len(layer.weights), -1),
        }
        for layer, nodes, slope in zip(layers, found, slopes, strict=True)
    ]


def _layer_trace(
    number: int, layer: DenseLayer, passes: list[dict[str, Any]], rows: bool
) -> LayerTrace:
    """One row for each example; gradients of parameters are those of the mean loss."""
    arrays: dict[str, Any] = {}
    for name in passes[0]:
        of_examples = [one[name] for one in passes]
        if name == "activation":
            arrays[name] = of_examples[0] if len({*of_examples}) == 1 else "g"
        elif any(array is None for array in of_examples):
            arrays[name] = None
        elif name in ("weight_gradient", "bias_gradient"):
            arrays[name] = sum(of_examples) / len(passes)
        else:
            arrays[name] = np.array(of_examples) if rows else of_examples[0]
    return LayerTrace(
        number=number,
        weights=np.array([data_of(row) for row in layer.weights]),
        bias=data_of(layer.biases) if layer.biases else None,
        **arrays,
    )


_PREDICTIONS: dict[str, tuple[str, Callable[[list[float]], Iterable[float]]]] = {
    "cross_entropy": ("softmax({z})", ad.softmax),
    "binary_cross_entropy_with_logits": ("sigmoid({z})", lambda logits: map(ad.sigmoid, logits)),
}
"""What a loss of logits makes of them; other losses compare the outputs themselves."""


def _comparison(uses: list[LossUse], last: LayerTrace) -> Comparison | None:
    """Prediction and target, if the error signal of the last layer is just their difference."""
    delta = np.atleast_2d(last.delta)
    if len(uses) != len(delta):
        return None
    name, predict = _PREDICTIONS.get(uses[0].loss, ("{a}", lambda outputs: outputs))
    prediction = np.array([list(predict(row)) for row in np.atleast_2d(last.a).tolist()])
    targets = [_as_numbers(use.target, use.n_outputs) for use in uses]
    if any(one is None or len(one) != delta.shape[1] for one in targets):
        return None
    target = np.array(targets)
    if not prediction.shape == target.shape == delta.shape:
        return None
    if not np.allclose(prediction - target, delta, rtol=1e-9, atol=1e-12):
        return None
    shape = last.delta.shape
    return Comparison(named(last, name), prediction.reshape(shape), target.reshape(shape))


def _as_numbers(target: Any, n_outputs: int) -> Array | None:
    """A target as one number for each output; of a class, one-hot. None for no plain numbers."""
    try:
        numbers = np.asarray(target, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):  # such as Values, or an iterator that is used up
        return None
    is_class = len(numbers) == 1 and n_outputs > 1
    return np.eye(n_outputs)[int(numbers[0])] if is_class else numbers
