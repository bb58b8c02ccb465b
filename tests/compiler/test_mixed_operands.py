"""Operands from different places: sums of many kinds, mixed tables, bounds of indices."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from tests.compiler.agreement import assert_agrees

FUNCTIONS = (ad.tanh, ad.sin, ad.cos, ad.exp, ad.sigmoid, ad.softplus, ad.atan, ad.asinh)
X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])


def parameters(count: int) -> list[Value]:
    return [Value(0.3 * k - 0.5) for k in range(1, count + 1)]


# Sums of products


def test_a_sum_of_more_than_8_products_from_different_places() -> None:
    w = Value(0.7)
    assert_agrees(lambda x: ad.sum([w * ad.relu(x), *[x * g(x) for g in FUNCTIONS]]), [w], X[:, 0])
    assert_agrees(
        lambda x: ad.sum([*[x * g(w) for g in FUNCTIONS], w * w, ad.relu(w) * w]), [w], X[:, 0]
    )


@pytest.mark.parametrize("seed", range(25))
def test_random_sums_of_many_kinds(seed: int) -> None:
    rng = random.Random(seed)
    w = parameters(3)

    def function(x: Any) -> Any:
        draw = random.Random(rng.random())
        places = [*w, *x, 0.5, -2.0, *[g(v) for g in FUNCTIONS for v in (w[0], x[0])]]
        sums = []
        for _ in range(draw.randint(1, 3)):
            terms = [
                draw.choice([1.0, -1.0, 0.5, 3.0]) * draw.choice(places) * draw.choice(places)
                for _ in range(draw.randint(6, 16))
            ]
            terms += [draw.choice(places) for _ in range(draw.randint(0, 12))]
            sums.append(ad.sum(terms))
        return ad.sum([s * s for s in sums])

    # every call draws the same program
    state = rng.getstate()

    def same(x: Any) -> Any:
        rng.setstate(state)
        return function(x)

    assert_agrees(same, w, X)


# Picks


@pytest.mark.parametrize(
    "table",
    [
        lambda w, x: [w[0], x[0]],
        lambda w, x: [0.0, x[0]],
        lambda w, x: [x[0], w[0], 1.5],
        lambda w, x: [w[0], 2.0],
        lambda w, x: [0.5, 0.5],
        lambda w, x: [-0.0, -0.0, -0.0],
        lambda w, x: [w[0], w[0]],
        lambda w, x: [x[1], x[1], x[1]],
        lambda w, x: [ad.tanh(w[0]), ad.tanh(x[0])],
        lambda w, x: [w[0] * x[0], w[1]],
        lambda w, x: ad.log_softmax([w[0], x[0], 1.0]),
        lambda w, x: [x[0]],
    ],
)
def test_a_pick_from_a_table_of_any_kind(table: Callable[..., list[Any]]) -> None:
    w = parameters(2)
    indices = np.array([0, 1, 1]) % len(table(w, [Value(1.0), Value(2.0)]))
    assert_agrees(lambda x, i: w[1] * ad.take(table(w, x), i) + x[0], w, X, indices)
    assert_agrees(
        lambda x, i: ad.sum([ad.take(table(w, x), i), w[0] * ad.take(table(w, x[::-1]), i)]),
        w,
        X,
        indices,
    )


def test_picks_from_tables_that_depend_on_the_example_and_from_others() -> None:
    w = parameters(4)
    indices = np.array([[0, 1, 2], [2, 2, 0], [1, 0, 1]])

    def f(x: list[Value], i: list[Any]) -> list[Value]:
        fixed, other, mixed = [w[0], w[1], w[0]], [w[3], w[1], w[1]], [w[0], w[1], x[0]]
        first = ad.take(fixed, i[0]) + ad.take(other, i[0])
        return [first, ad.take(mixed, i[1]) * first]

    assert_agrees(f, w, X, indices, gradient=False)
    assert_agrees(lambda x, i: ad.dot(f(x, i), w[:2]), w, X, indices)


def test_vector_rows_of_equal_operands() -> None:
    w, v = Value(0.7), Value(-0.4)
    for row in (ad.norm, ad.prod, ad.variance, ad.logsumexp, ad.mean):
        assert_agrees(lambda x, row=row: row([w, w]) * x, [w], X[:, 0])
        assert_agrees(lambda x, row=row: row([x, x, x]) * w, [w], X[:, 0])
        assert_agrees(lambda x, row=row: row([2.0, 2.0, w]) * x, [w], X[:, 0])
        assert_agrees(lambda x, row=row: row([w, x, w]) * row([v, v, v]), [w, v], X[:, 0])


# Bounds


def two_tables(a: Sequence[Value], b: Sequence[Value]) -> Callable[[Any], Any]:
    return lambda index: ad.take(a, index[0]) + ad.take(b, index[1]) * index[2]


def test_each_position_of_an_argument_has_its_own_bound() -> None:
    w = parameters(10)
    a, b = w[:3], w[3:]
    batch = np.array([[2, 6, 100], [0, 0, -3], [1, 5, 0]])
    program = assert_agrees(two_tables(a, b), w, batch)
    assert_agrees(lambda i: ad.take(b, i[0]) * i[1], w, batch[:, 1:])
    for row, position, size in (([3, 0, 0], 0, 3), ([-1, 0, 0], 0, 3), ([0, 7, 0], 1, 7)):
        message = rf"argument 0, position {position}, picks one of {size}: .* 0 to {size - 1}, got"
        with pytest.raises(IndexError, match=message):
            program(None, np.array([[0, 0, 0], row]))
    one = ad.compile(two_tables(a, b), w, batched=False)
    assert one(None, [2, 6, 100]) == program(None, batch[:1])
    with pytest.raises(IndexError, match="position 1, picks one of 7"):
        one(None, [2, 9, 0])


def test_one_bound_for_a_whole_argument() -> None:
    w = parameters(4)
    program = ad.compile(lambda i: ad.sum([ad.take(w, k) for k in i]), w)
    with pytest.raises(IndexError, match=r"argument 0 picks one of 4: .* 0 to 3, got -1 to 2"):
        program(None, [[0, -1], [2, 1]])


def test_a_position_with_two_tables_has_the_smaller_bound() -> None:
    w = parameters(5)
    program = ad.compile(lambda i: ad.take(w, i) * ad.take(w[:2], i), w)
    with pytest.raises(IndexError, match="picks one of 2"):
        program(None, [2])


# Rows of a user


def test_registered_vector_rows_with_functions_of_scipy(
    register: Callable[..., Callable[..., Any]],
) -> None:
    bell = "2 / sqrt(pi) * exp(-x * x)"
    areas = register(
        "areas",
        "x...",
        "sum(erf(x)) + erfc(sum(x))",
        [f"{bell} - 2 / sqrt(pi) * exp(-sum(x) * sum(x))"],
        [(-1.0, 1.0)],
    )
    slope = "erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi)"
    gated = register("gated", "x...", "sum(gelu(x))", [slope], [(-1.0, 1.0)])
    w = parameters(3)
    for row in (areas, gated):
        assert_agrees(lambda x, row=row: row([*w, *x]), w, X)
        ad.check_local_derivatives(row([*w]))
