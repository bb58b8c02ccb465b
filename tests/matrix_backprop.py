"""Backpropagation in matrices, as a lecture derives it: the reference for the scalar engine.

Notation. A network has layers l = 1..L. A minibatch of N examples has one example per row.

    A[0] = X                  (N, n_0)        the inputs
    Z[l] = A[l-1] W[l]^T + b  (N, n_l)        weighted inputs of layer l
    A[l] = g_l(Z[l])          (N, n_l)        activations of layer l
    Delta[l] = dC/dZ[l]       (N, n_l)        error signals: row n belongs to example n

W[l] has one row per neuron and one column per input, shape (n_l, n_{l-1}); b[l] has shape (n_l,).
By components, for one example, the four equations are

    BP1   delta^L_j   = dC/da^L_j g'(z^L_j)
    BP2   delta^l_j   = g'(z^l_j) sum_k w^{l+1}_kj delta^{l+1}_k
    BP3   dC/db^l_j   = delta^l_j
    BP4   dC/dw^l_jk  = delta^l_j a^{l-1}_k

and in matrices, for a minibatch,

    BP1a  Delta^L     = dC/dA^L * g'(Z^L)
    BP2a  Delta^l     = (Delta^{l+1} W^{l+1}) * g'(Z^l)
    BP3   dC/db^l     = sum of the rows of Delta^l / N
    BP4   dC/dW^l     = (Delta^l)^T A^{l-1} / N

where * is elementwise and the minibatch's cost is the mean over its examples. Two pairs of output
and cost cancel so well that BP1a needs no g':

    sigmoid with binary cross-entropy:   Delta^L = H - Y     (h is the output, y the label)
    softmax with cross-entropy:          Delta^L = Y - T     (y is the output, t the target)

Nothing here knows the scalar engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def sigmoid(Z: Matrix) -> Matrix:
    """1 / (1 + exp(-z)), with an exponent that is never positive."""
    E = np.exp(-np.abs(Z))
    H: Matrix = np.where(Z >= 0, 1 / (1 + E), E / (1 + E))
    return H


def softmax(Z: Matrix) -> Matrix:
    """exp(z_k) / sum_j exp(z_j) along each row; a common shift cancels and prevents overflow."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    Y: Matrix = E / E.sum(axis=1, keepdims=True)
    return Y


# Name -> (activation g(Z), derivative g'(Z) from the weighted inputs Z and the activations A).
ACTIVATIONS: dict[str, tuple[Callable[[Matrix], Matrix], Callable[[Matrix, Matrix], Matrix]]] = {
    "identity": (lambda Z: Z, lambda Z, A: np.ones_like(Z)),
    "sigmoid": (sigmoid, lambda Z, A: A * (1 - A)),
    "tanh": (np.tanh, lambda Z, A: 1 - A**2),
    "relu": (lambda Z: np.maximum(Z, 0), lambda Z, A: (Z > 0).astype(float)),
}


@dataclass(frozen=True)
class Network:
    """Weights and biases of each layer, the activation of the hidden layers and of the last."""

    weights: Sequence[Matrix]
    biases: Sequence[Matrix]
    activation: str
    output_activation: str

    @staticmethod
    def from_vector(
        vector: Matrix,
        widths: Sequence[int],
        activation: str,
        output_activation: str,
    ) -> Network:
        """Read the layers from one vector: neuron by neuron its weights, then its bias."""
        weights, biases, start = [], [], 0
        for n_in, n_out in pairwise(widths):
            stop = start + n_out * (n_in + 1)
            rows = vector[start:stop].reshape(n_out, n_in + 1)
            weights.append(rows[:, :-1])
            biases.append(rows[:, -1])
            start = stop
        assert start == len(vector), "the vector holds more than these layers"
        return Network(weights, biases, activation, output_activation)


def to_vector(weights: Sequence[Matrix], biases: Sequence[Matrix]) -> Matrix:
    """Inverse of `Network.from_vector`, for parameters and for gradients alike."""
    return np.concatenate([np.c_[W, b].ravel() for W, b in zip(weights, biases, strict=True)])


def forward(network: Network, X: Matrix) -> tuple[list[Matrix], list[Matrix]]:
    """Weighted inputs Z[1..L] and activations A[0..L]."""
    Zs, As = [], [X]
    last = len(network.weights) - 1
    for i, (W, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        name = network.activation if i < last else network.output_activation
        Z = As[-1] @ W.T + b
        Zs.append(Z)
        As.append(softmax(Z) if name == "softmax" else ACTIVATIONS[name][0](Z))
    return Zs, As


def mean_cost(network: Network, X: Matrix, T: Matrix, cost: str) -> float:
    """Cost of the minibatch: the mean over its examples."""
    _, As = forward(network, X)
    Y = As[-1]
    if cost == "half_squared_error":
        per_example = 0.5 * ((Y - T) ** 2).sum(axis=1)
    elif cost == "binary_cross_entropy":
        per_example = -(T * np.log(Y) + (1 - T) * np.log(1 - Y)).sum(axis=1)
    elif cost == "cross_entropy":
        per_example = -(T * np.log(Y)).sum(axis=1)
    else:
        raise ValueError(cost)
    return float(per_example.mean())


def output_error(network: Network, Z: Matrix, Y: Matrix, T: Matrix, cost: str) -> Matrix:
    """BP1a: the error signal of the output layer."""
    if cost == "half_squared_error":
        dC_dY = Y - T
        return dC_dY * ACTIVATIONS[network.output_activation][1](Z, Y)
    if (network.output_activation, cost) in (
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "cross_entropy"),
    ):
        return Y - T
    raise ValueError(f"{cost} after {network.output_activation}")


def error_signals(network: Network, X: Matrix, T: Matrix, cost: str) -> list[Matrix]:
    """Delta[1..L]: row n is dC/dZ[l] of example n's own cost."""
    Zs, As = forward(network, X)
    derivative = ACTIVATIONS[network.activation][1]
    Deltas = [output_error(network, Zs[-1], As[-1], T, cost)]  # BP1a
    for i in reversed(range(1, len(Zs))):
        W = network.weights[i]
        Deltas.insert(0, (Deltas[0] @ W) * derivative(Zs[i - 1], As[i]))  # BP2a
    return Deltas


def backpropagate(
    network: Network, X: Matrix, T: Matrix, cost: str
) -> tuple[float, list[Matrix], list[Matrix]]:
    """Mean cost of the minibatch, dC/dW[l] and dC/db[l] of every layer."""
    N = len(X)
    _, As = forward(network, X)
    Deltas = error_signals(network, X, T, cost)
    dWs: list[Matrix] = [Delta.T @ A / N for Delta, A in zip(Deltas, As[:-1], strict=True)]  # BP4
    dbs: list[Matrix] = [Delta.mean(axis=0) for Delta in Deltas]  # BP3
    return mean_cost(network, X, T, cost), dWs, dbs
