"""Backpropagation as one writes it by hand in NumPy: what compiled programs have to keep up with.

Parameters and gradient are one vector in the order of the scalar model's `parameters()`; the
matrices are views of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def matrices(vector: Array, shapes: Sequence[tuple[int, int]]) -> list[Array]:
    """Views of consecutive parts of the vector."""
    parts, start = [], 0
    for rows, columns in shapes:
        stop = start + rows * columns
        parts.append(vector[start:stop].reshape(rows, columns))
        start = stop
    return parts


# --- multilayer perceptrons ---------------------------------------------------------------------

# Examples are columns, which NumPy is faster with than with rows in these sizes.
# (what the output layer adds up, targets) -> mean loss of the batch and its gradient toward that.
Head = Callable[[Array, Array], tuple[float, Array]]


def identity_half_squared_error(z: Array, t: Array) -> tuple[float, Array]:
    delta = z
    delta -= t
    loss = 0.5 * np.vdot(delta, delta) / len(t)
    delta /= len(t)
    return float(loss), delta


def sigmoid_half_squared_error(z: Array, t: Array) -> tuple[float, Array]:
    y = sigmoid(z)
    delta = y - t.T
    loss = 0.5 * np.vdot(delta, delta) / len(t)
    delta *= sigmoid_derivative(y)
    delta /= len(t)
    return float(loss), delta


def softmax_cross_entropy(z: Array, t: Array) -> tuple[float, Array]:
    columns = np.arange(len(t))
    z -= z.max(axis=0)
    delta = np.exp(z)
    total = delta.sum(axis=0)
    loss = (np.log(total).sum() - z[t, columns].sum()) / len(t)
    delta /= total
    delta[t, columns] -= 1.0
    delta /= len(t)
    return float(loss), delta


def tanh(z: Array) -> Array:
    return np.tanh(z, out=z)


def tanh_derivative(h: Array) -> Array:
    return 1.0 - h * h


def sigmoid(z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_derivative(h: Array) -> Array:
    return h * (1.0 - h)


ACTIVATIONS = {"tanh": (tanh, tanh_derivative), "sigmoid": (sigmoid, sigmoid_derivative)}


def mlp(
    sizes: Sequence[int], activation: str, head: Head
) -> Callable[[Array, Array, Array], tuple[float, Array]]:
    """Mean loss and gradient of a batch; each row of a layer's block is w_1, ..., w_n, b."""
    function, derivative = ACTIVATIONS[activation]
    shapes = [(n_out, n_in + 1) for n_in, n_out in itertools.pairwise(sizes)]

    def value_and_grad(theta: Array, x: Array, t: Array) -> tuple[float, Array]:
        gradient = np.empty_like(theta)
        blocks, d_blocks = matrices(theta, shapes), matrices(gradient, shapes)
        inputs, z = [], x.T
        for layer, block in enumerate(blocks):
            inputs.append(function(z) if layer else z)
            z = block[:, :-1] @ inputs[layer]
            z += block[:, -1:]
        loss, delta = head(z, t)
        for layer in reversed(range(len(blocks))):
            np.matmul(delta, inputs[layer].T, out=d_blocks[layer][:, :-1])
            d_blocks[layer][:, -1] = delta.sum(axis=1)
            if layer:
                delta = blocks[layer][:, :-1].T @ delta
                delta *= derivative(inputs[layer])
        return loss, gradient

    return value_and_grad


# --- character GPT ------------------------------------------------------------------------------


def rms_norm(x: Array) -> tuple[Array, Array]:
    """Rows scaled to mean square 1, and the scale of each."""
    scale: Array = (np.vecdot(x, x)[:, None] / x.shape[1] + 1e-5) ** -0.5
    return x * scale, scale


def rms_norm_backward(d_y: Array, y: Array, scale: Array) -> Array:
    d_x: Array = scale * (d_y - y * (np.vecdot(d_y, y)[:, None] / y.shape[1]))
    return d_x


def gpt(
    vocabulary: int, width: int, heads: int, hidden: int, block: int
) -> Callable[[Array, Array, Array], tuple[float, Array]]:
    """Mean cross-entropy of the next token and its gradient, for the tokens of one name.

    Query, key and value weights follow one another, so that one product makes all three.
    """
    shapes = [
        (vocabulary, width),
        (block, width),
        (3 * width, width),
        (width, width),
        (hidden, width),
        (width, hidden),
        (vocabulary, width),
    ]
    size = width // heads
    factor = size**-0.5

    def value_and_grad(theta: Array, tokens: Array, targets: Array) -> tuple[float, Array]:
        gradient = np.zeros_like(theta)
        embedding, position, attend, project, expand, contract, unembed = matrices(theta, shapes)
        d_embedding, d_position, d_attend, d_project, d_expand, d_contract, d_unembed = matrices(
            gradient, shapes
        )
        n = len(tokens)
        positions = np.arange(n)
        future = positions[:, None] < positions

        x, x_scale = rms_norm(embedding[tokens] + position[:n])
        a, a_scale = rms_norm(x)
        q, k, v = (a @ attend.T).reshape(n, 3, heads, size).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1)
        scores *= factor
        scores[:, future] = -np.inf
        scores -= scores.max(axis=2, keepdims=True)
        weights = np.exp(scores, out=scores)
        weights /= weights.sum(axis=2, keepdims=True)
        mixed = (weights @ v).transpose(1, 0, 2).reshape(n, width)
        y = x + mixed @ project.T
        b, b_scale = rms_norm(y)
        h = b @ expand.T
        np.maximum(h, 0.0, out=h)
        z = y + h @ contract.T
        loss, d_logits = softmax_cross_entropy(unembed @ z.T, targets)

        np.matmul(d_logits, z, out=d_unembed)
        d_z = d_logits.T @ unembed
        np.matmul(d_z.T, h, out=d_contract)
        d_h = d_z @ contract
        d_h *= h > 0
        np.matmul(d_h.T, b, out=d_expand)
        d_y = d_z + rms_norm_backward(d_h @ expand, b, b_scale)
        np.matmul(d_y.T, mixed, out=d_project)
        d_mixed = (d_y @ project).reshape(n, heads, size).transpose(1, 0, 2)
        d_weights = d_mixed @ v.transpose(0, 2, 1)
        d_scores = weights * (d_weights - np.vecdot(d_weights, weights)[:, :, None])
        d_scores *= factor
        d_qkv: Array = np.empty((n, 3, heads, size))
        d_q, d_k, d_v = d_qkv.transpose(1, 2, 0, 3)
        np.matmul(d_scores, k, out=d_q)
        np.matmul(d_scores.transpose(0, 2, 1), q, out=d_k)
        np.matmul(weights.transpose(0, 2, 1), d_mixed, out=d_v)
        d_qkv = d_qkv.reshape(n, 3 * width)
        np.matmul(d_qkv.T, a, out=d_attend)
        d_x = d_y + rms_norm_backward(d_qkv @ attend, a, a_scale)
        d_x = rms_norm_backward(d_x, x, x_scale)
        d_position[:n] = d_x
        np.add.at(d_embedding, tokens, d_x)
        return loss, gradient

    return value_and_grad
