"""Neuron, Layer and MLP: one node for the weighted sum, one for the activation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from ._checks import Scalars, as_generator, positive_int
from .init import glorot_uniform
from .module import Module

__all__ = ["ACTIVATIONS", "MLP", "Layer", "Neuron"]


def _identity(x: Value) -> Value:
    return x


ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "identity": _identity,
    "tanh": ad.tanh,
    "sigmoid": ad.sigmoid,
    "relu": ad.relu,
    "leaky_relu": ad.leaky_relu,
    "elu": ad.elu,
    "gelu": ad.gelu,
    "silu": ad.silu,
    "softplus": ad.softplus,
    "softsign": ad.softsign,
    "sin": ad.sin,
}
"""The activation functions that a neuron knows by name; add your own under a new name."""


class Neuron(Module):
    """One neuron: activation(w1*x1 + ... + wn*xn + b).

    The weighted sum is one `dot` node, the activation is one more (none for "identity"). Weights
    start as `glorot_uniform` draws them, the bias at 0.

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least 1.
    activation : str
        A name in `ACTIVATIONS`.
    rng : numpy.random.Generator or int
        The source of the initial weights, or a seed for a new one.

    Attributes
    ----------
    weights : list of Value
        One weight per input.
    bias : Value
        Added to the weighted sum.

    Raises
    ------
    TypeError
        `n_inputs`, `activation` or `rng` of the wrong type.
    ValueError
        `n_inputs` below 1, an unknown activation, a negative seed.

    Examples
    --------
    >>> neuron = Neuron.from_weights([0.5, -1.0], 0.25, activation="identity")
    >>> neuron([2.0, 3.0]).data
    -1.75
    >>> len(Neuron(2, rng=0).parameters())
    3
    """

    weights: list[Value]
    bias: Value

    def __init__(
        self, n_inputs: int, *, activation: str = "tanh", rng: np.random.Generator | int
    ) -> None:
        n_inputs = positive_int(n_inputs, "n_inputs")
        function = _activation_function(activation)
        weights = glorot_uniform(n_inputs, 1, rng=rng)[0].tolist()
        self._set(weights, 0.0, activation, function)

    @classmethod
    def from_weights(
        cls, weights: Sequence[float], bias: float = 0.0, *, activation: str = "tanh"
    ) -> Neuron:
        """Make a neuron with given weights, as for an example worked by hand.

        Parameters
        ----------
        weights : sequence of float
            One per input, at least one.
        bias : float
            The bias.
        activation : str
            A name in `ACTIVATIONS`.

        Returns
        -------
        Neuron
            With new parameters, labelled w1, w2, ... and b.

        Raises
        ------
        TypeError
            A weight or bias that is no number, an activation that is no name.
        ValueError
            No weights, an unknown activation.

        Examples
        --------
        >>> [(weight.label, weight.data) for weight in Neuron.from_weights([1.0, 2.0]).weights]
        [('w1', 1.0), ('w2', 2.0)]
        """
        function = _activation_function(activation)
        if not is_ordered(weights):
            raise TypeError(f"weights must be a sequence of numbers, got {type(weights).__name__}")
        weights = list(weights)
        if not weights:
            raise ValueError("a neuron needs at least one weight, got none")
        neuron = cls.__new__(cls)
        neuron._set(weights, bias, activation, function)
        return neuron

    def _set(
        self,
        weights: Sequence[float],
        bias: float,
        activation: str,
        function: Callable[[Value], Value],
    ) -> None:
        self.weights = [Value(weight, f"w{i}") for i, weight in enumerate(weights, start=1)]
        self.bias = Value(bias, "b")
        self._activation = activation
        self._function = function

    @property
    def n_inputs(self) -> int:
        """Number of inputs.

        Examples
        --------
        >>> Neuron(3, rng=0).n_inputs
        3
        """
        return len(self.weights)

    @property
    def activation(self) -> str:
        """Name of the activation function.

        Examples
        --------
        >>> Neuron(3, activation="relu", rng=0).activation
        'relu'
        """
        return self._activation

    def __call__(self, inputs: Scalars) -> Value:
        """Return the activation for one example."""
        return self._evaluate(_input_values(inputs, self.n_inputs, self))

    def _evaluate(self, inputs: list[Value]) -> Value:
        return self._function(ad.dot(self.weights, inputs, self.bias))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_inputs}, activation={self._activation!r})"


class Layer(Module):
    """A layer: several neurons that see the same inputs.

    Plain numbers become constants once per call and are shared by all neurons. The result is
    always a list, also for a single neuron.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Number of inputs and of neurons, each at least 1.
    activation : str
        A name in `ACTIVATIONS`.
    rng : numpy.random.Generator or int
        The source of the initial weights, or a seed for a new one.

    Attributes
    ----------
    neurons : list of Neuron
        One per output.

    Raises
    ------
    TypeError
        A size, `activation` or `rng` of the wrong type.
    ValueError
        A size below 1, an unknown activation, a negative seed.

    Examples
    --------
    >>> layer = Layer(2, 3, activation="relu", rng=0)
    >>> len(layer([1.0, -1.0])), len(layer.parameters())
    (3, 9)
    >>> layer
    Layer(2, 3, activation='relu')
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        activation: str = "tanh",
        rng: np.random.Generator | int,
    ) -> None:
        n_inputs = positive_int(n_inputs, "n_inputs")
        n_outputs = positive_int(n_outputs, "n_outputs")
        _activation_function(activation)
        rows = glorot_uniform(n_inputs, n_outputs, rng=rng).tolist()
        self.neurons = [Neuron.from_weights(row, activation=activation) for row in rows]
        _label_by_path(self)

    @property
    def n_inputs(self) -> int:
        """Number of inputs.

        Examples
        --------
        >>> Layer(2, 3, rng=0).n_inputs
        2
        """
        return self.neurons[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of neurons.

        Examples
        --------
        >>> Layer(2, 3, rng=0).n_outputs
        3
        """
        return len(self.neurons)

    @property
    def activation(self) -> str:
        """Name of the neurons' activation function.

        Examples
        --------
        >>> Layer(2, 3, rng=0).activation
        'tanh'
        """
        return self.neurons[0].activation

    def __call__(self, inputs: Scalars) -> list[Value]:
        """Return the activations of one example, one per neuron."""
        values = _input_values(inputs, self.n_inputs, self)
        return [neuron._evaluate(values) for neuron in self.neurons]

    def __repr__(self) -> str:
        sizes = f"{self.n_inputs}, {self.n_outputs}"
        return f"{type(self).__name__}({sizes}, activation={self.activation!r})"


class MLP(Module):
    """A multilayer perceptron: layers in a row, each fully connected to the one before.

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least 1.
    sizes : sequence of int
        Number of neurons of each layer, the output layer last; at least one layer.
    activation : str
        Activation of the hidden layers, a name in `ACTIVATIONS`.
    output_activation : str
        Activation of the last layer. Leave it "identity" for losses that take logits
        (`cross_entropy`, `binary_cross_entropy_with_logits`).
    rng : numpy.random.Generator or int
        The source of the initial weights, or a seed for a new one.

    Attributes
    ----------
    layers : list of Layer
        The layers, first to last. Each parameter's label is its path, as in `named_parameters`.

    Raises
    ------
    TypeError
        A size, activation or `rng` of the wrong type.
    ValueError
        No layer, a size below 1, an unknown activation, a negative seed.

    Examples
    --------
    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> model
    MLP(
      layers.0: Layer(2, 16, activation='tanh')
      layers.1: Layer(16, 16, activation='tanh')
      layers.2: Layer(16, 1, activation='identity')
    )
    >>> len(model.parameters())
    337
    >>> len(model([0.5, -0.5]))
    1
    """

    def __init__(
        self,
        n_inputs: int,
        sizes: Sequence[int],
        *,
        activation: str = "tanh",
        output_activation: str = "identity",
        rng: np.random.Generator | int,
    ) -> None:
        widths = [positive_int(n_inputs, "n_inputs"), *_layer_sizes(sizes)]
        _activation_function(activation)
        _activation_function(output_activation, "output_activation")
        generator = as_generator(rng)
        names = [activation] * (len(widths) - 2) + [output_activation]
        self.layers = [
            Layer(n_in, n_out, activation=name, rng=generator)
            for (n_in, n_out), name in zip(pairwise(widths), names, strict=True)
        ]
        _label_by_path(self)

    @property
    def n_inputs(self) -> int:
        """Number of inputs.

        Examples
        --------
        >>> MLP(4, [5, 3], rng=0).n_inputs
        4
        """
        return self.layers[0].n_inputs

    @property
    def sizes(self) -> list[int]:
        """Number of neurons of each layer.

        Examples
        --------
        >>> MLP(4, [5, 3], rng=0).sizes
        [5, 3]
        """
        return [layer.n_outputs for layer in self.layers]

    def __call__(self, inputs: Scalars) -> list[Value]:
        """Return the outputs of one example, one per neuron of the last layer."""
        values = _input_values(inputs, self.n_inputs, self)
        for layer in self.layers:
            values = layer(values)
        return values


def _activation_function(name: object, argument: str = "activation") -> Callable[[Value], Value]:
    if not isinstance(name, str):
        raise TypeError(f"{argument} must be a name, got {name!r}; known: {_known_activations()}")
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    hint = ""
    if name in ("softmax", "log_softmax"):
        hint = "; softmax is part of the loss: use cross_entropy on outputs of 'identity'"
    raise ValueError(f"unknown {argument} {name!r}; known: {_known_activations()}{hint}")


def _known_activations() -> str:
    return ", ".join(ACTIVATIONS)


def _layer_sizes(sizes: object) -> list[int]:
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (Sequence, np.ndarray)):
        raise TypeError(
            f"sizes must be a list of ints, one per layer such as [16, 16, 1], got {sizes!r}"
        )
    if len(sizes) == 0:
        raise ValueError("sizes is empty: an MLP needs at least one layer, such as [1]")
    return [positive_int(size, f"sizes[{i}]") for i, size in enumerate(sizes)]


def _input_values(inputs: Scalars, n_inputs: int, owner: Module) -> list[Value]:
    """Turn plain numbers into constants, once for all neurons of a layer."""
    if type(inputs) is not list and not (is_ordered(inputs) and hasattr(inputs, "__len__")):
        raise TypeError(
            f"{owner!r} takes one example, a sequence of {n_inputs} numbers or Values; "
            f"got {type(inputs).__name__}"
        )
    n_given = len(inputs)
    if n_given != n_inputs:
        raise ValueError(
            f"{owner!r} takes {n_inputs} input{'s' if n_inputs > 1 else ''}, got {n_given} "
            "(one example at a time, not a batch)"
        )
    return [ad.as_value(x) for x in inputs]


def _label_by_path(module: Module) -> None:
    """Label parameters as `named_parameters` calls them, so that pictures can be looked up."""
    for name, parameter in module.named_parameters():
        parameter.label = name
