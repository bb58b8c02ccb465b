"""Random programs over whole lists: packs, ragged sums, slices, sharing, picks.

Where the random graphs of single nodes make small packs, these make the patterns that become matrix
products and views, and those that nearly do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from tests.compiler.agreement import assert_close, eager

UNARY: Sequence[Callable[[Any], Any]] = (
    ad.tanh,
    ad.sin,
    ad.sigmoid,
    ad.softplus,
    ad.square,
    lambda v: -v,
    lambda v: 0.5 * v + 1.0,
    lambda v: ad.exp(-v * v),
    lambda v: v / (1 + v * v),
    lambda v: ad.where(v > 0, ad.sqrt(v), 0.25 * v),
)
BINARY: Sequence[Callable[[Any, Any], Any]] = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a * b + a,
    lambda a, b: 2 * a * b - 0.5 * b + 3,
    lambda a, b: a / (2 + ad.cos(b)),
    ad.maximum,
    ad.minimum,
)


class Layers:
    """A random function of an example: lists grow out of lists."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = random.Random(seed)
        self.width, self.steps = rng.randint(1, 5), rng.randint(1, 6)
        self.has_index = rng.random() < 0.4
        self.classes = rng.randint(1, 4)
        self.table = [Value(rng.uniform(-1, 1)) for _ in range(rng.choice([7, 20, 60]))]

    def __call__(self, x: Sequence[Any], *index: Any) -> Any:
        return self.lists_and_loss(x, *index)[1]

    def lists_and_loss(self, x: Sequence[Any], *index: Any) -> tuple[list[list[Any]], Any]:
        """All lists that were made, and a sum over most of what is in them."""
        rng = random.Random(self.seed + 1)
        self.rng, self.next_weight = rng, 0
        lists: list[list[Any]] = [list(x), self.weights(rng.randint(1, 4))]
        for _ in range(self.steps):
            step = rng.choice([self.unary, self.binary, self.layer, self.select, self.mix])
            lists.append(step(lists, index))
        loose = [v for values in lists[2:] for v in values]
        picked = [v for v in loose if rng.random() < 0.8] or loose
        return lists, ad.sum([v * 0.1 for v in picked])

    def weights(self, count: int) -> list[Any]:
        """The next parameters; from the start again when there are no more."""
        at = self.next_weight
        self.next_weight += count + self.rng.choice([0, 0, 0, 1])
        return [self.table[(at + k) % len(self.table)] for k in range(count)]

    def one(self, lists: Sequence[list[Any]]) -> list[Any]:
        return self.rng.choice(lists[-3:]) if self.rng.random() < 0.7 else self.rng.choice(lists)

    def unary(self, lists: Sequence[list[Any]], index: Any) -> list[Any]:
        f = self.rng.choice(UNARY)
        return [f(v) for v in self.one(lists)]

    def binary(self, lists: Sequence[list[Any]], index: Any) -> list[Any]:
        a, b, f = self.one(lists), self.one(lists), self.rng.choice(BINARY)
        if self.rng.random() < 0.2 and len(a) * len(b) <= 30:
            return [f(p, q) for p in a for q in b]
        return [f(a[k % len(a)], b[k % len(b)]) for k in range(max(len(a), len(b)))]

    def layer(self, lists: Sequence[list[Any]], index: Any) -> list[Any]:
        """Weighted sums: full, with or without bias, banded, triangular or with holes."""
        rng, inputs = self.rng, self.one(lists)[:8]
        kind = rng.choice(["full", "full", "band", "triangle", "holes", "tied"])
        tied = self.weights(len(inputs))
        bias = rng.choice([None, "own", "shared", 0.5])
        shared = self.weights(1)[0]
        outputs = []
        for j in range(rng.randint(1, 6)):
            part = inputs
            if kind == "band":
                part = inputs[j % len(inputs) :][:3]
            elif kind == "triangle":
                part = inputs[: 1 + j % len(inputs)]
            elif kind == "holes":
                part = [v for v in inputs if rng.random() < 0.7] or inputs
            row = tied[: len(part)] if kind == "tied" else self.weights(len(part))
            own: Any = self.weights(1)[0] if bias == "own" else bias
            if bias == "shared":
                own = shared
            outputs.append(self.weighted_sum(row, part, own))
        return outputs

    def weighted_sum(self, row: Sequence[Any], part: Sequence[Any], bias: Any) -> Any:
        if self.rng.random() < 0.7:
            return ad.dot(row, part, bias)
        total = 0.0 if bias is None else bias
        for a, b in zip(row, part, strict=True):
            total = total + a * b
        return total

    def select(self, lists: Sequence[list[Any]], index: Any) -> list[Any]:
        rng, values = self.rng, self.one(lists)
        choice = rng.choice(["slice", "reverse", "shuffle", "concatenate", "repeat", "take"])
        if choice == "slice":
            return values[rng.randrange(len(values)) :: rng.randint(1, 2)]
        if choice == "reverse":
            return values[::-1]
        if choice == "shuffle":
            return rng.sample(values, len(values))
        if choice == "concatenate":
            return [*values, *self.one(lists)][:12]
        if choice == "repeat":
            return [v for v in values for _ in range(2)][:12]
        if not index:
            return values
        rows = [self.weights(rng.randint(1, 3)) for _ in range(self.classes)]
        if rng.random() < 0.5:
            source = [values[k % len(values)] for k in range(self.classes)]
            return [ad.take(source, index[0])]
        shortest = min(map(len, rows))
        return list(ad.take([row[:shortest] for row in rows], index[0]))

    def mix(self, lists: Sequence[list[Any]], index: Any) -> list[Any]:
        """Softmax, causal averages, norms, products, variances."""
        rng, values = self.rng, self.one(lists)[:6]
        choice = rng.choice(["softmax", "causal", "log_softmax", "norm", "reduce", "attention"])
        if choice == "softmax":
            return list(ad.softmax(values))
        if choice == "log_softmax":
            return list(ad.log_softmax(values))
        if choice == "causal":
            return [ad.mean(values[: t + 1]) for t in range(len(values))]
        if choice == "norm":
            scale = (ad.dot(values, values) / len(values) + 0.1) ** -0.5
            return [v * scale for v in values]
        if choice == "reduce":
            return [ad.variance(values), ad.logsumexp(values), ad.prod(values), ad.sum(values)]
        keys = [self.weighted_sum(self.weights(1), [v], None) for v in values]
        mixed = []
        for t in range(len(values)):
            weights = ad.softmax([values[t] * k for k in keys[: t + 1]])
            mixed.append(ad.dot(weights, values[: t + 1]))
        return mixed


def check(seed: int) -> ad.Stats:
    layers = Layers(seed)
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    batch: list[Any] = [rng.uniform(-1.5, 1.5, size=(n, layers.width))]
    if layers.has_index:
        batch.append(rng.integers(0, layers.classes, n))
    expected = eager(layers, layers.table, *batch)
    program = ad.compile(layers, layers.table)
    outputs = program(None, *batch)
    assert_close(outputs, expected.outputs[:, 0], 4 * expected.output_sizes[:, 0], seed)
    value, gradient = program.value_and_grad(None, *batch)
    assert_close(value, expected.value, 4 * expected.value_size, seed)
    # local derivatives carry the rounding of the values they are taken at
    size = 4 * expected.gradient_sizes + expected.output_sizes.mean()
    assert_close(gradient, expected.gradient, size, seed)
    first = [argument[0] for argument in batch]
    expected = eager(layers, layers.table, *[argument[:1] for argument in batch])
    one = ad.compile(layers, layers.table, batched=False)
    value, gradient = one.value_and_grad(None, *first)
    size = 4 * expected.gradient_sizes + expected.output_sizes.mean()
    assert_close(value, expected.value, 4 * expected.value_size, seed)
    assert_close(gradient, expected.gradient, size, seed)
    return program.stats


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_random_layers_agree_with_the_scalar_engine(start: int) -> None:
    stats = [check(seed) for seed in range(start, start + 50)]
    assert any(s.matrix_products > 1 for s in stats)
    assert any(s.gathers for s in stats)
    assert any(s.packs > 10 for s in stats)
