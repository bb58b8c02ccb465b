"""What backpropagation sees in one layer, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Comparison", "LayerTrace"]

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
class Comparison:
    """What the loss compares: softmax(z), sigmoid(z) or a of the last layer, and the target."""

    name: str
    prediction: Array
    target: Array
