"""Neuron, Layer and MLP: one node for the weighted sum, one for the activation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from .._checks import Scalars, as_generator, one_row, positive_int
from .._nested import data_of
from ..models.module import Module
from ..models.module_scopes import ModuleScope
from .activations import (
    Activation,
    NamedActivation,
    activation_text,
    named_activation,
)
from .initialisers import Initialiser, initial_weights, initialiser

__all__ = ["MLP", "Layer", "Neuron"]


class Neuron(Module):
    """One neuron: activation(w1*x1 + ... + wn*xn + b).

    The weighted sum is one `dot` node, the activation is one more (none for "identity"). The bias
    starts at 0.

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least 1.
    activation : str or callable
        A name in `ACTIVATIONS`, or a function from a Value to a Value.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    weights : list of Value
        One weight per input.
    bias : Value
        Added to the weighted sum.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        `n_inputs` below 1, an unknown activation or initialiser, a negative seed.

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
        self,
        n_inputs: int,
        *,
        activation: Activation = "tanh",
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        n_inputs = positive_int(n_inputs, "n_inputs")
        named = named_activation(activation)
        self._set(initial_weights(init, n_inputs, 1, rng)[0], 0.0, named)
        self._label()

    @classmethod
    def from_weights(
        cls, weights: Sequence[float], bias: float = 0.0, *, activation: Activation = "tanh"
    ) -> Neuron:
        """Make a neuron with given weights, as for an example worked by hand.

        Parameters
        ----------
        weights : sequence of float
            One per input, at least one.
        bias : float
            The bias.
        activation : str or callable
            A name in `ACTIVATIONS`, or a function from a Value to a Value.

        Returns
        -------
        Neuron
            With new parameters, labelled w1, w2, ... and b.

        Raises
        ------
        TypeError
            A weight or bias that is no number, an activation that is neither name nor function.
        ValueError
            No weights, one that is not finite, an unknown activation.

        Examples
        --------
        >>> [(weight.label, weight.data) for weight in Neuron.from_weights([1.0, 2.0]).weights]
        [('w1', 1.0), ('w2', 2.0)]
        """
        named = named_activation(activation)
        if not is_ordered(weights):
            raise TypeError(f"weights must be a sequence of numbers, got {type(weights).__name__}")
        weights = list(weights)
        if not weights:
            raise ValueError("a neuron needs at least one weight, got none")
        neuron = cls._of(weights, bias, named)
        for name, parameter in neuron.named_parameters():
            if not math.isfinite(parameter.data):
                raise ValueError(f"{name} is {parameter.data}: parameters must be finite")
        neuron._label()
        return neuron

    @classmethod
    def _of(cls, weights: Sequence[float], bias: float, activation: NamedActivation) -> Neuron:
        """Make a neuron that is not labelled, for a layer to do so."""
        neuron = cls.__new__(cls)
        neuron._set(weights, bias, activation)
        return neuron

    def _set(self, weights: Sequence[float], bias: float, activation: NamedActivation) -> None:
        self.weights = [Value(weight) for weight in weights]
        self.bias = Value(bias)
        self._activation, self._function = activation

    def _label(self) -> None:
        """Label weights and bias as formulas have them."""
        for path, parameter in self.named_parameters():
            parameter.label = self._own_label(path)

    def _own_label(self, path: str) -> str:
        kind, _, index = path.partition(".")
        if kind == "weights" and index.isdigit():
            return f"w{int(index) + 1}"
        return "b" if path == "bias" else path

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
    def activation(self) -> Activation:
        """Name of the activation function, or the function itself if it has none.

        Examples
        --------
        >>> Neuron(3, activation="relu", rng=0).activation
        'relu'
        """
        return self._activation

    def __call__(self, inputs: Scalars) -> Value:
        """Return the activation for one example."""
        return self._evaluate(one_row(inputs, self.n_inputs, self))

    def _evaluate(self, inputs: list[Value]) -> Value:
        return self._function(ad.dot(self.weights, inputs, self.bias))

    def __repr__(self) -> str:
        activation = activation_text(self._activation)
        return f"{type(self).__name__}({self.n_inputs}, activation={activation})"

    def _config(self) -> dict[str, object]:
        return {"n_inputs": self.n_inputs, "activation": self._activation}


class _LayerScope(ModuleScope):
    """A call of a layer: its neurons are its parts, since a scope entered for each takes time."""

    __slots__ = ("_parts",)

    subject: Layer
    _parts: _NeuronScopes  # not there until they are asked for

    def part(self, parents: tuple[Value, ...]) -> ModuleScope | None:
        """The neuron whose weighted sum this is."""
        if not hasattr(self, "_parts"):
            self._parts = _NeuronScopes(self.subject)
        return self._parts.of(self, parents) if parents else None


class _NeuronScopes:
    """The neurons of a layer in one call; other inputs in the same call make others of them.

    A class of layers may run twice in its call, and the neurons would form a circle.  Their scopes
    hold that of the layer, which therefore does not hold them.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._neurons: dict[int, list[Neuron]] = {}  # by the bias, since every node is looked up
        for neuron in layer.neurons:
            self._neurons.setdefault(id(neuron.bias), []).append(neuron)
        self._runs: dict[tuple[int, ...], int] = {}
        self._scopes: WeakValueDictionary[tuple[int, int], ModuleScope] = WeakValueDictionary()

    def of(self, layer: _LayerScope, parents: tuple[Value, ...]) -> ModuleScope | None:
        """The one whose weighted sum is over these operands."""
        for neuron in self._neurons.get(id(parents[-1]), ()):
            if parents[-1] is neuron.bias and _begins_with(parents, neuron.weights):
                inputs = tuple(map(id, parents[neuron.n_inputs : -1]))
                key = id(neuron), self._runs.setdefault(inputs, len(self._runs))
                scope = self._scopes.get(key)
                if scope is None:
                    scope = self._scopes[key] = ModuleScope(neuron, layer)
                return scope
        return None

    def __reduce__(self) -> tuple[type, tuple[Layer]]:
        """What is looked up by ``id`` is another in a copy."""
        return type(self), (self._layer,)


def _begins_with(parents: tuple[Value, ...], weights: list[Value]) -> bool:
    return all(p is w for p, w in zip(parents, weights, strict=False))


class Layer(Module):
    """A layer: several neurons that see the same inputs.

    Plain numbers become constants once per call and are shared by all neurons. The result is
    always a list, also for a single neuron.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Number of inputs and of neurons, each at least 1.
    activation : str or callable
        A name in `ACTIVATIONS`, or a function from a Value to a Value.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    neurons : list of Neuron
        One per output.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A size below 1, an unknown activation or initialiser, a negative seed.

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
        activation: Activation = "tanh",
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        n_inputs = positive_int(n_inputs, "n_inputs")
        n_outputs = positive_int(n_outputs, "n_outputs")
        named = named_activation(activation)
        rows = initial_weights(init, n_inputs, n_outputs, rng)
        self.neurons = [Neuron._of(row, 0.0, named) for row in rows]

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
    def activation(self) -> Activation:
        """Name of the neurons' activation function, or the function itself if it has none.

        Examples
        --------
        >>> Layer(2, 3, rng=0).activation
        'tanh'
        """
        return self.neurons[0].activation

    def as_arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return copies of the weights and the biases.

        Returns
        -------
        weights, biases : numpy.ndarray
            Shapes (n_outputs, n_inputs), one row for each neuron, and (n_outputs,).

        Examples
        --------
        >>> weights, biases = Layer(2, 3, rng=0).as_arrays()
        >>> weights.shape, biases
        ((3, 2), array([0., 0., 0.]))
        """
        return (
            data_of([neuron.weights for neuron in self.neurons]),
            data_of([neuron.bias for neuron in self.neurons]),
        )

    _scope_of_calls = _LayerScope

    def __call__(self, inputs: Scalars) -> list[Value]:
        """Return the activations of one example, one per neuron."""
        values = one_row(inputs, self.n_inputs, self)
        return [neuron._evaluate(values) for neuron in self.neurons]

    def __repr__(self) -> str:
        sizes = f"{self.n_inputs}, {self.n_outputs}"
        return f"{type(self).__name__}({sizes}, activation={activation_text(self.activation)})"

    def _config(self) -> dict[str, object]:
        return {
            "n_inputs": self.n_inputs,
            "n_outputs": self.n_outputs,
            "activation": _one_or_all([neuron.activation for neuron in self.neurons]),
        }


class MLP(Module):
    """A multilayer perceptron: layers in a row, each fully connected to the one before.

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least 1.
    sizes : sequence of int
        Number of neurons of each layer, the output layer last; at least one layer.
    activation : str or callable
        Activation of the hidden layers: a name in `ACTIVATIONS`, or a function from a Value to a
        Value.
    output_activation : str or callable
        Activation of the last layer. Leave it "identity" for losses that take logits
        (`cross_entropy`, `binary_cross_entropy_with_logits`).
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    layers : list of Layer
        The layers, first to last. Each parameter's label is its path, as in `named_parameters`.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        No layer, a size below 1, an unknown activation or initialiser, a negative seed.

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
        activation: Activation = "tanh",
        output_activation: Activation = "identity",
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        widths = [positive_int(n_inputs, "n_inputs"), *_layer_sizes(sizes)]
        hidden, _ = named_activation(activation)
        output, _ = named_activation(output_activation, "output_activation")
        initialiser(init)
        generator = as_generator(rng)
        names = [hidden] * (len(widths) - 2) + [output]
        self.layers = [
            Layer(n_in, n_out, activation=name, init=init, rng=generator)
            for (n_in, n_out), name in zip(pairwise(widths), names, strict=True)
        ]

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
        values = one_row(inputs, self.n_inputs, self)
        for layer in self.layers:
            values = layer(values)
        return values

    def _config(self) -> dict[str, object]:
        if {*map(type, self.layers)} != {Layer}:  # replaced by others
            return {"layers": self.layers}
        *hidden, output = [layer._config()["activation"] for layer in self.layers]
        return {
            "n_inputs": self.n_inputs,
            "sizes": self.sizes,
            "activation": _one_or_all(hidden or ["tanh"]),
            "output_activation": output,
        }


def _one_or_all(activations: list[Any]) -> object:
    """The one activation of all; of different ones, which no constructor takes, the list."""
    first = activations[0]
    same = all(activation == first for activation in activations)
    return first if same and not isinstance(first, list) else activations


def _layer_sizes(sizes: object) -> list[int]:
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (Sequence, np.ndarray)):
        raise TypeError(
            f"sizes must be a list of ints, one per layer such as [16, 16, 1], got {sizes!r}"
        )
    if len(sizes) == 0:
        raise ValueError("sizes is empty: an MLP needs at least one layer, such as [1]")
    return [positive_int(size, f"sizes[{i}]") for i, size in enumerate(sizes)]
