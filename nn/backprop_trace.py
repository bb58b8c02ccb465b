"""The error signals of backpropagation, layer by layer: as arrays, and as text to follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd_mini as ad
from autograd_mini import Value

from .equations import equation
from .linear import Linear
from .losses import LossUse, call_loss, observed
from .module import Module
from .neuron import Layer
from .randomness import counting, drawn

__all__ = ["BackpropTrace", "LayerTrace", "trace_backprop"]

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """What backpropagation saw in layer l, of n_l neurons with n_(l-1) inputs each.

    Of a minibatch of N examples, what belongs to an example has one row for each.

    Attributes
    ----------
    number : int
        l, from 1.
    activation : str
        Name of the activation function g; "g" where it is more than one operation, "" where a^l
        depends on more than z^l, as where a connection leads around the layer.
    weights, bias : numpy.ndarray
        W^l, (n_l, n_(l-1)), with one row for each neuron, and b^l, (n_l,). The bias, and its
        gradient, is None for a `Linear` without.
    inputs : numpy.ndarray
        a^(l-1), (n_(l-1),) or (N, n_(l-1)).
    z, a : numpy.ndarray
        Weighted inputs z^l = W^l a^(l-1) + b^l and activations a^l = g(z^l), (n_l,) or (N, n_l).
    a_gradient : numpy.ndarray
        dC/da^l, shaped as a.
    slope : numpy.ndarray or None
        g'(z^l), shaped as z; None where an activation depends on more than its own z, as behind a
        normalization.
    delta : numpy.ndarray
        The error signal dC/dz^l, shaped as z. In a minibatch C is each example's own loss here and
        in `a_gradient`.
    weight_gradient, bias_gradient : numpy.ndarray
        dC/dW^l, shaped as W^l, and dC/db^l. In a minibatch C is the mean loss. What the loss adds
        for the parameters themselves, as `l2_penalty` does, is part of them.
    """

    number: int
    activation: str
    weights: Array
    bias: Array | None
    inputs: Array
    z: Array
    a: Array
    a_gradient: Array
    slope: Array | None
    delta: Array
    weight_gradient: Array
    bias_gradient: Array | None


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
    _comparison: _Comparison | None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {_title(self)}>"

    def __str__(self) -> str:
        lines = [f"Backpropagation: {_title(self)}", "", *_legend(self), "", "FORWARD"]
        for layer in self.layers:
            lines += _forward(layer)
        lines += ["", "BACKWARD"]
        after: LayerTrace | None = None
        for layer in reversed(self.layers):
            lines += _backward(layer, after, None if after else self._comparison)
            after = layer
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class _Comparison:
    """What the loss compares: softmax(z), sigmoid(z) or a of the last layer, and the target."""

    name: str
    prediction: Array
    target: Array


@dataclass(frozen=True, eq=False)
class _Dense:
    """A fully connected layer: its module, one row of weights for each neuron, and the biases."""

    module: Module
    weights: list[list[Value]]
    biases: list[Value]

    def parameters(self) -> list[Value]:
        return [*chain(*self.weights), *self.biases]


@dataclass(frozen=True)
class _Nodes:
    """The nodes of one layer in the graph of one example."""

    inputs: list[Value]
    z: list[Value]
    a: list[Value]


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
        A model of layers (`Layer`, `Linear`) in a row; one of your own creates them in that order.
        What stands between them, and behind the last, counts as the activation.
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
    layers = list(_layers_of(model))
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


def _layers_of(model: Any) -> Iterator[_Dense]:
    """The layers among a model's attributes, at any depth, each once, in order of creation."""
    seen, stack = {id(model): model}, [model]
    while stack:
        part = stack.pop()
        if isinstance(part, Layer):
            rows, biases = zip(*((n.weights, n.bias) for n in part.neurons), strict=True)
            yield _Dense(part, list(rows), list(biases))
            continue
        if isinstance(part, Linear):
            yield _Dense(part, part.weights, part.biases or [])
            continue
        children: Iterable[Any] = vars(part).values() if isinstance(part, Module) else ()
        if isinstance(part, (list, tuple)):
            children = part
        new = {id(child): child for child in children if id(child) not in seen}
        seen.update(new)
        stack.extend(reversed(new.values()))


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


# What is refused.


def _refuse_what_is_not_followed(model: Any, layers: list[_Dense], example: list[float]) -> None:
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
    model: Any, layers: list[_Dense], found: list[_Nodes], example: list[float], outputs: Any
) -> None:
    """Check that x goes into the first layer, and that nothing but the layers' z has parameters."""
    first = _data(found[0].inputs)
    if not np.array_equal(first, example, equal_nan=True):
        raise ValueError(
            f"the inputs of {layers[0].module!r}, the first layer, are not x: the model changes x "
            "before. Trace the layers alone, as Sequential(*layers), on the changed inputs"
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


# One example: nodes of the graph, their data and their gradients.


def _one_pass(
    model: Any, layers: list[_Dense], example: list[float], target: Any, loss: Callable[..., Any]
) -> tuple[float, list[dict[str, Any]]]:
    """The loss of an example, and for each layer the arrays that `LayerTrace` has."""
    outputs = model(example)
    value = call_loss(loss, outputs, target)
    listed = [outputs] if isinstance(outputs, Value) else list(outputs)
    found = _find(layers, listed)
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
            "inputs": _data(nodes.inputs),
            "z": _data(nodes.z),
            "a": _data(nodes.a),
            "slope": _slope(nodes),
            "activation": _activation(nodes, z_of_all),
            "a_gradient": next(by_group),
            "delta": next(by_group),
            "bias_gradient": gradient if (gradient := next(by_group)).size else None,
            "weight_gradient": next(by_group).reshape(len(layer.weights), -1),
        }
        for layer, nodes in zip(layers, found, strict=True)
    ]


def _find(layers: list[_Dense], outputs: list[Value]) -> list[_Nodes]:
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
    return [_Nodes(*nodes) for nodes in zip(inputs, sums, [*inputs[1:], outputs], strict=True)]


def _weighted_inputs(layer: _Dense, products: dict[int, list[Value]]) -> list[Value]:
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


def _data(nodes: Iterable[Value]) -> Array:
    return np.array([node.data for node in nodes])


def _activation(nodes: _Nodes, z_of_all: set[int]) -> str:
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


def _slope(nodes: _Nodes) -> Array | None:
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


# All examples.


def _layer_trace(
    number: int, layer: _Dense, passes: list[dict[str, Any]], rows: bool
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
        weights=np.array([_data(row) for row in layer.weights]),
        bias=_data(layer.biases) if layer.biases else None,
        **arrays,
    )


_PREDICTIONS: dict[str, tuple[str, Callable[[list[float]], Iterable[float]]]] = {
    "cross_entropy": ("softmax({z})", ad.softmax),
    "binary_cross_entropy_with_logits": ("sigmoid({z})", lambda logits: map(ad.sigmoid, logits)),
}
"""What a loss of logits makes of them; other losses compare the outputs themselves."""


def _comparison(uses: list[LossUse], last: LayerTrace) -> _Comparison | None:
    """Prediction and target, if the error signal of the last layer is just their difference."""
    delta = np.atleast_2d(last.delta)
    if len(uses) != len(delta):
        return None
    name, predict = _PREDICTIONS.get(uses[0].loss, ("{a}", lambda outputs: outputs))
    prediction = np.array([list(predict(row)) for row in np.atleast_2d(last.a).tolist()])
    target = np.array([_as_numbers(use.target, use.n_outputs) for use in uses])
    if not prediction.shape == target.shape == delta.shape:
        return None
    if not np.allclose(prediction - target, delta, rtol=1e-9, atol=1e-12):
        return None
    shape = last.delta.shape
    return _Comparison(_named(last, name), prediction.reshape(shape), target.reshape(shape))


def _as_numbers(target: Any, n_outputs: int) -> Array:
    """A target as one number for each output; of a class, one-hot."""
    numbers = np.asarray(target, dtype=np.float64).reshape(-1)
    is_class = len(numbers) == 1 and n_outputs > 1
    return np.eye(n_outputs)[int(numbers[0])] if is_class else numbers


# Text. One example stands in columns, as in the equations; a minibatch has one row an example.


def _title(trace: BackpropTrace) -> str:
    first = trace.layers[0]
    widths = [first.inputs.shape[-1], *(len(layer.weights) for layer in trace.layers)]
    batch = first.z.ndim == 2
    examples = f"minibatch of {len(first.z)} examples, mean loss" if batch else "one example, loss"
    return f"layers {' -> '.join(map(str, widths))}, {examples} C = {trace.loss:.4g}"


def _legend(trace: BackpropTrace) -> list[str]:
    lines = [
        "W weights, one row for each neuron; b biases; z weighted inputs; a activations;",
        "delta = dC/dz error signals; * multiplies number by number; W^T is W with rows as columns",
    ]
    if trace.layers[0].z.ndim == 2:
        lines += [
            "Z, A and Delta have one row for each example: its own dC/dz; the gradients of weights",
            "and biases are those of the mean loss",
        ]
    return lines


def _named(layer: LayerTrace, text: str) -> str:
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
            _named(layer, part) if isinstance(part, str) else (_named(layer, part[0]), part[1])
            for part in parts
        )
    )
    heading = [f"  {_named(layer, caption)}"] if caption else []
    return ["", *heading, *(f"    {line}" for line in lines)]


def _forward(layer: LayerTrace) -> list[str]:
    n, batch = len(layer.weights), layer.z.ndim == 2
    name = "{before} = x" if layer.number == 1 else "{before}"
    function = {"identity": "{a} = {z}", "": "{a}"}.get(layer.activation, "{a} = {g}({z})")
    what = layer.activation or f"activations of more than {_named(layer, '{z}')}"
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
    layer: LayerTrace, after: LayerTrace | None, comparison: _Comparison | None
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
    return _gradient(layer, "BP3: gradient of the biases", "{b}", shape, parts, rest)


def _weight_gradient(layer: LayerTrace) -> list[str]:
    """BP4, and what the loss adds for the weights themselves."""
    deltas, inputs = np.atleast_2d(layer.delta), np.atleast_2d(layer.inputs)
    rest = _rest(layer.weight_gradient, deltas.T / len(deltas), inputs)
    parts: list[Any] = ["=", ("{delta}", layer.delta), ("{before}^T", layer.inputs[None, :])]
    if layer.z.ndim == 2:
        parts = ["=", (f"1/{len(layer.z)} {{delta}}^T", layer.delta.T), ("{before}", layer.inputs)]
    shape = layer.weight_gradient.shape
    return _gradient(layer, "BP4: gradient of the weights", "{W}", shape, parts, rest)


def _gradient(
    layer: LayerTrace,
    caption: str,
    name: str,
    shape: tuple[int, ...],
    parts: list[Any],
    rest: Array | None,
) -> list[str]:
    gradient = layer.weight_gradient if name == "{W}" else layer.bias_gradient
    assert gradient is not None
    if rest is not None:
        caption += ", with that of the penalty P in the loss"
        parts = [*parts, "+", (f"dP/d{name}", rest.reshape(shape))]
    return _written(layer, caption, (f"dC/d{name}", gradient.reshape(shape)), *parts)


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
