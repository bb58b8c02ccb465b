"""The same model written in other ways becomes the same matrices.

Permuting the terms of sums, splitting them, another order of loops and other labels change neither
the results nor the number of matrix products and of gathers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler.canonical import canonical_form
from autograd_mini.compiler.ir.scalars import Elementwise
from autograd_mini.compiler.trace import InputSpec, trace

Array = npt.NDArray[np.float64]


@dataclass
class Hand:
    """A way of writing: what becomes of the terms of each sum."""

    seed: int | None = None
    splits: bool = False
    rows: bool = False
    swaps: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def order(self, items: Sequence[Any]) -> list[Any]:
        """The items, or another order of them."""
        return list(items) if self.seed is None else self.rng.sample(list(items), len(items))

    def total(self, terms: Sequence[Any]) -> Any:
        terms = self.order(terms)
        if self.rows:
            return ad.sum(terms)
        if self.splits and len(terms) > 2:
            cut = self.rng.randrange(1, len(terms))
            return self.total(terms[:cut]) + self.total(terms[cut:])
        total: Any = 0.0
        for term in terms:
            total = total + term
        return total

    def dot(self, a: Sequence[Any], b: Sequence[Any], bias: Any = None) -> Any:
        pairs = self.order(list(zip(a, b, strict=True)))
        if self.rows:
            return ad.dot([p for p, _ in pairs], [q for _, q in pairs], bias)
        products = [q * p if self.swaps and self.rng.random() < 0.5 else p * q for p, q in pairs]
        return self.total(products if bias is None else [*products, bias])


HANDS = {
    "n-ary rows": Hand(rows=True),
    "permuted": Hand(seed=0),
    "permuted rows": Hand(seed=1, rows=True),
    "split": Hand(seed=2, splits=True),
    "split otherwise": Hand(seed=3, splits=True),
}
ANY_HAND = st.builds(Hand, st.integers(0, 999), splits=st.booleans(), rows=st.booleans())


class Weights:
    """Parameters by name, in the order in which they are made."""

    def __init__(self, label: str = "") -> None:
        self.rng = np.random.default_rng(5)
        self.flat: list[Value] = []
        self.label = label

    def row(self, size: int) -> list[Value]:
        made = [Value(float(w), self.label) for w in self.rng.normal(size=size) / size**0.5]
        self.flat += made
        return made

    def rows(self, count: int, size: int) -> list[list[Value]]:
        return [self.row(size) for _ in range(count)]


Model = Callable[[Hand, Weights], tuple[Callable[..., Any], Array]]


def perceptron(hand: Hand, weights: Weights) -> tuple[Callable[..., Any], Array]:
    first, second = weights.rows(6, 5), weights.rows(3, 7)

    def loss(x: Sequence[Any]) -> Any:
        hidden = [ad.tanh(hand.dot(row[:-1], x, row[-1])) for row in first]
        outputs = [hand.dot(row[:-1], hidden, row[-1]) for row in second]
        return hand.total([y * y for y in outputs])

    return loss, np.random.default_rng(0).normal(size=(3, 4))


def convolution(hand: Hand, weights: Weights) -> tuple[Callable[..., Any], Array]:
    """Three filters over an image, then a layer that reads feature by feature."""
    return _convolution(hand, weights, pixels_first=False)


def convolution_by_pixel(hand: Hand, weights: Weights) -> tuple[Callable[..., Any], Array]:
    """The same, but the layer reads pixel by pixel."""
    return _convolution(hand, weights, pixels_first=True)


def _convolution(
    hand: Hand, weights: Weights, pixels_first: bool
) -> tuple[Callable[..., Any], Array]:
    filters, pixels = weights.rows(3, 5), [(i, j) for i in range(4) for j in range(4)]
    last = weights.rows(2, 3 * 16)

    def loss(image: Sequence[Sequence[Any]]) -> Any:
        def feature(f: Sequence[Any], i: int, j: int) -> Any:
            patch = [image[i + p][j + q] for p in range(2) for q in range(2)]
            return ad.tanh(hand.dot(f[:4], patch, f[4]))

        places = [(k, p) for k in range(3) for p in range(16)]
        made = {(k, p): feature(filters[k], *pixels[p]) for k, p in hand.order(places)}
        keys = [(k, p) for p in range(16) for k in range(3)] if pixels_first else places
        outputs = [hand.dot(row, [made[key] for key in keys]) for row in last]
        return hand.total([ad.sin(y) for y in outputs])

    return loss, np.random.default_rng(1).normal(size=(2, 5, 5))


def _means(hand: Hand, window: Sequence[Any]) -> Any:
    return 0.25 * hand.total(window)


def _largest(hand: Hand, window: Sequence[Any]) -> Any:
    a, b, c, d = window
    return ad.maximum(ad.maximum(a, b), ad.maximum(c, d))


def _pooled(
    pool: Callable[[Hand, Sequence[Any]], Any], pixels_first: bool, hand: Hand, weights: Weights
) -> tuple[Callable[..., Any], Array]:
    """Three filters over an image, pooled by twos, then a layer that reads them in some order."""
    filters, halves = weights.rows(3, 4), range(2)
    pixels = [(k, i, j) for i in halves for j in halves for k in range(3)]
    keys = pixels if pixels_first else sorted(pixels)
    last = weights.rows(2, len(keys))

    def loss(image: Sequence[Sequence[Any]]) -> Any:
        def feature(f: Sequence[Any], i: int, j: int) -> Any:
            return ad.tanh(hand.dot(f, [image[i + p][j + q] for p in halves for q in halves]))

        places = [(k, i, j) for k in range(3) for i in range(4) for j in range(4)]
        made = {(k, i, j): feature(filters[k], i, j) for k, i, j in hand.order(places)}
        pooled = {
            (k, i, j): pool(hand, [made[k, 2 * i + p, 2 * j + q] for p in halves for q in halves])
            for k, i, j in hand.order(keys)
        }
        outputs = [hand.dot(row, [pooled[key] for key in keys]) for row in last]
        return hand.total([ad.sin(y) for y in outputs])

    return loss, np.random.default_rng(4).normal(size=(2, 5, 5))


def attention(hand: Hand, weights: Weights) -> tuple[Callable[..., Any], Array]:
    """One causal head over four positions."""
    query, key, value = (weights.rows(3, 3) for _ in range(3))

    def loss(x: Sequence[Sequence[Any]]) -> Any:
        q, k, v = ([[hand.dot(row, p) for row in m] for p in x] for m in (query, key, value))
        mixed = []
        for t in range(len(x)):
            shares = ad.softmax([0.5 * hand.dot(q[t], k[s]) for s in range(t + 1)])
            mixed += [hand.dot(shares, [v[s][d] for s in range(t + 1)]) for d in range(3)]
        return hand.total([y * y for y in mixed])

    return loss, np.random.default_rng(2).normal(size=(2, 4, 3))


def recurrence(hand: Hand, weights: Weights) -> tuple[Callable[..., Any], Array]:
    inner, outer = weights.rows(3, 4), weights.rows(3, 2)

    def loss(x: Sequence[Sequence[Any]]) -> Any:
        state: list[Any] = [0.0, 0.0, 0.0]
        for step in x:
            state = [
                ad.tanh(hand.dot([*a[:3], *b], [*state, *step], a[3]))
                for a, b in zip(inner, outer, strict=True)
            ]
        return hand.total([y * y for y in state])

    return loss, np.random.default_rng(3).normal(size=(2, 4, 2))


MODELS: dict[str, Model] = {
    "perceptron": perceptron,
    "convolution": convolution,
    "convolution by pixel": convolution_by_pixel,
    "means": partial(_pooled, _means, False),
    "means by pixel": partial(_pooled, _means, True),
    "largest": partial(_pooled, _largest, False),
    "largest by pixel": partial(_pooled, _largest, True),
    "attention": attention,
    "recurrence": recurrence,
}
Result = tuple[float, Array, tuple[int, int, int]]


def result(model: str, hand: Hand, label: str = "") -> Result:
    weights = Weights(label)
    loss, batch = MODELS[model](replace(hand), weights)  # its random choices anew
    program = ad.compile(loss, weights.flat)
    value, gradient = program.value_and_grad(None, batch)
    stats = program.stats
    return value, gradient, (stats.packs, stats.matrix_products, stats.gathers)


PLAIN: dict[str, Result] = {}


def assert_same(model: str, hand: Hand, label: str = "") -> None:
    if model not in PLAIN:
        PLAIN[model] = result(model, Hand())
    value, gradient, counts = PLAIN[model]
    other = result(model, hand, label)
    assert other[2] == counts
    assert other[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(other[1], gradient, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("model", MODELS)
def test_another_way_of_writing_gives_the_same_matrices(model: str, hand: str) -> None:
    assert_same(model, HANDS[hand])


@settings(max_examples=25)
@given(st.sampled_from(sorted(MODELS)), ANY_HAND)
def test_any_way_of_writing_gives_the_same_matrices(model: str, hand: Hand) -> None:
    assert_same(model, hand)


@pytest.mark.parametrize("model", ["perceptron", "convolution"])
def test_factors_from_two_places_may_be_swapped(model: str) -> None:
    for seed in range(3):
        assert_same(model, Hand(seed, swaps=True))


@pytest.mark.parametrize("model", MODELS)
def test_labels_make_no_difference(model: str) -> None:
    assert_same(model, Hand(), label="x = 1; import os #")


@pytest.mark.parametrize("model", ["convolution", "means", "largest"])
def test_the_order_in_which_features_are_read_makes_no_difference(model: str) -> None:
    """A later layer reads where the earlier ones are, through what is elementwise and pooling."""
    counts = [result(name, Hand())[2] for name in (model, f"{model} by pixel")]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("message", [lambda x, w: ad.maximum(x, w), lambda x, w: w / x])
def test_edges_are_written_in_any_order(message: Callable[[Any, Any], Any]) -> None:
    """Their weights are read where they lie, whether they are the first operand or the last."""
    rng = np.random.default_rng(0)
    w = [Value(v) for v in rng.normal(size=60)]
    ends, order = rng.integers(0, 20, 60), rng.permutation(60)

    def loss(x: Sequence[Value]) -> Value:
        total: Value = ad.sum([ad.square(message(x[ends[k]], w[k])) for k in order])
        return total

    program = ad.compile(loss, w)
    program(None, rng.normal(size=(2, 20)))
    assert program.stats.gathers == 1  # the ends


def test_equal_sums_in_another_order_are_one() -> None:
    w = [Value(0.5), Value(1.5), Value(-1.0)]

    def function(x: Sequence[Any]) -> Any:
        there = w[0] * x[0] + w[1] * x[1] + w[2]
        back = w[2] + w[1] * x[1] + w[0] * x[0]
        return ad.sin(there) * ad.sin(back)

    graph = trace(function, w, [InputSpec((2,), integer=False)], lambda arguments: arguments)
    rows = [node.op for node in canonical_form(graph).nodes if isinstance(node, Elementwise)]
    assert rows == ["sin"]
