"""The models written out in single numbers, over whatever scalars there are: Values, CasADi, JAX.

Only + - * / and ** are used, and the functions handed in.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Scalar = Any


@dataclass(frozen=True)
class Functions:
    """The functions of one kind of scalar."""

    exp: Callable[[Scalar], Scalar]
    log: Callable[[Scalar], Scalar]
    tanh: Callable[[Scalar], Scalar]
    relu: Callable[[Scalar], Scalar]


def total(terms: Iterable[Scalar]) -> Scalar:
    """The sum, without the 0 that ``sum`` begins with."""
    return functools.reduce(operator.add, terms)


def dot(a: Iterable[Scalar], b: Iterable[Scalar]) -> Scalar:
    return total(x * y for x, y in zip(a, b, strict=True))


def shaped(theta: Sequence[Scalar], shapes: Sequence[tuple[int, int]]) -> list[list[list[Scalar]]]:
    """Matrices as lists of rows, from consecutive parts of theta."""
    supply = iter(theta)
    return [
        [list(itertools.islice(supply, columns)) for _ in range(rows)] for rows, columns in shapes
    ]


# --- multilayer perceptrons ---------------------------------------------------------------------


def mlp(
    theta: Sequence[Scalar],
    sizes: Sequence[int],
    activation: str,
    x: Sequence[Scalar],
    f: Functions,
) -> list[Scalar]:
    """What the last layer's neurons add up; each row of a layer is w_1, ..., w_n, b."""
    shapes = [(n_out, n_in + 1) for n_in, n_out in itertools.pairwise(sizes)]
    outputs = list(x)
    for depth, rows in enumerate(shaped(theta, shapes)):
        if depth:
            outputs = [activate(z, activation, f) for z in outputs]
        outputs = [dot(row[:-1], outputs) + row[-1] for row in rows]
    return outputs


def activate(z: Scalar, activation: str, f: Functions) -> Scalar:
    return f.tanh(z) if activation == "tanh" else 1.0 / (1.0 + f.exp(-z))


def identity_half_squared_error(z: Sequence[Scalar], t: Sequence[Scalar], f: Functions) -> Scalar:
    return 0.5 * total((a - b) * (a - b) for a, b in zip(z, t, strict=True))


def sigmoid_half_squared_error(z: Sequence[Scalar], t: Sequence[Scalar], f: Functions) -> Scalar:
    return identity_half_squared_error([activate(a, "sigmoid", f) for a in z], t, f)


def softmax_cross_entropy(z: Sequence[Scalar], t: Sequence[Scalar], f: Functions) -> Scalar:
    return f.log(total(f.exp(a) for a in z)) - dot(z, t)


# --- character GPT ------------------------------------------------------------------------------


def linear(rows: Sequence[Sequence[Scalar]], x: Sequence[Scalar]) -> list[Scalar]:
    return [dot(row, x) for row in rows]


def rms_norm(x: Sequence[Scalar]) -> list[Scalar]:
    scale = (dot(x, x) * (1.0 / len(x)) + 1e-5) ** -0.5
    return [a * scale for a in x]


def add(x: Sequence[Scalar], y: Sequence[Scalar]) -> list[Scalar]:
    return [a + b for a, b in zip(x, y, strict=True)]


def softmax(scores: Sequence[Scalar], f: Functions) -> list[Scalar]:
    powers = [f.exp(score) for score in scores]
    scale = 1.0 / total(powers)
    return [power * scale for power in powers]


def gpt(
    theta: Sequence[Scalar],
    shapes: Sequence[tuple[int, int]],
    heads: int,
    tokens: Sequence[int],
    targets: Sequence[int],
    f: Functions,
) -> Scalar:
    """Mean cross-entropy of the next token."""
    embedding, position, query, key, value, project, expand, contract, unembed = shaped(
        theta, shapes
    )
    x = [rms_norm(add(embedding[token], p)) for token, p in zip(tokens, position, strict=False)]
    inner = [rms_norm(row) for row in x]
    q, k, v = ([linear(rows, row) for row in inner] for rows in (query, key, value))
    losses = []
    for t, target in enumerate(targets):
        mixed = attend(q[t], k[: t + 1], v[: t + 1], heads, f)
        y = add(x[t], linear(project, mixed))
        hidden = [f.relu(h) for h in linear(expand, rms_norm(y))]
        logits = linear(unembed, add(y, linear(contract, hidden)))
        losses.append(f.log(total(f.exp(a) for a in logits)) - logits[target])
    return total(losses) * (1.0 / len(losses))


def attend(
    q: Sequence[Scalar],
    keys: Sequence[Sequence[Scalar]],
    values: Sequence[Sequence[Scalar]],
    heads: int,
    f: Functions,
) -> list[Scalar]:
    """What one position takes from those up to itself."""
    size = len(q) // heads
    mixed: list[Scalar] = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        weights = softmax([dot(q[part], k[part]) * size**-0.5 for k in keys], f)
        mixed += [dot(weights, column) for column in zip(*(v[part] for v in values), strict=True)]
    return mixed
