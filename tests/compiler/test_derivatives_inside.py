"""Compiled functions that hold derivatives, against the scalar engine: every row, all orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from tests.compiler.agreement import assert_agrees
from tests.compiler.test_primitives import applied, sampled
from tests.edges import ROWS

RNG = np.random.default_rng
KINKED = {"abs", "relu", "leaky_relu", "elu", "maximum", "minimum", "clip", "where"}
COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal"}  # flat everywhere
LOGITS = {"softmax": ad.softmax, "log_softmax": ad.log_softmax}
Function = Callable[[Sequence[Any]], Any]


def weighted_slope(function: Function, order: int) -> Function:
    """A number that holds the derivatives of `function` of this order, all with other weights."""
    if order == 0:
        return function
    inner = ad.grad(weighted_slope(function, order - 1))

    def slope(x: Sequence[Any]) -> Any:
        return ad.sum([(1.0 + 0.3 * i + order) * g for i, g in enumerate(inner(list(x)))])

    return slope


def assert_derivatives_agree(
    function: Callable[..., Any], operands: Any, orders: Sequence[int] = (1, 2)
) -> None:
    """Of scaled operands, so that the parameters stand inside the derivative."""
    scales = [Value(1.0 + 0.1 * i) for i in range(operands.shape[1])]

    def scaled(x: Sequence[Any]) -> Any:
        return function([s * a for s, a in zip(scales, x, strict=True)])

    for order in orders:
        slope = weighted_slope(scaled, order)
        assert_agrees(lambda x, f=slope: f(x) + ad.sum(scales), scales, operands)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in COMPARISONS])
def test_every_row(row: str) -> None:
    assert_derivatives_agree(lambda x: applied(row, x), sampled(row, 4))


@pytest.mark.parametrize("row", sorted(KINKED))
def test_both_sides_of_a_kink(row: str) -> None:
    count = sampled(row, 1).shape[1]
    operands = RNG(1).uniform(-2.0, 2.0, (12, count))
    assert_derivatives_agree(lambda x: applied(row, x) * x[0], operands)


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("name", ["logsumexp", "norm", "variance", "prod", "mean", "sum"])
def test_vectors_of_every_length(name: str, length: int) -> None:
    operands = RNG(length).normal(size=(3, length))
    assert_derivatives_agree(lambda x: getattr(ad, name)(x) ** 3, operands)


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("name", LOGITS)
def test_logits_of_every_length(name: str, length: int) -> None:
    weights = [0.5 * i - 1 for i in range(length)]
    operands = RNG(length).normal(size=(3, length))
    assert_derivatives_agree(lambda x: ad.dot(weights, LOGITS[name](x)) ** 2, operands)


@pytest.mark.parametrize("name", LOGITS)
def test_third_order(name: str) -> None:
    operands = RNG(0).normal(size=(3, 3))
    assert_derivatives_agree(lambda x: LOGITS[name](x)[1] * x[0], operands, orders=[3])


@pytest.mark.parametrize(
    ("operands", "value", "partials"),
    [
        ("x...", "sum(log(x) * x)", ["log(x) + 1"]),
        ("m, x...", "where(m > 1, m * sum(x), norm(x))", [
            "where(m > 1, sum(x), 0)", "where(m > 1, m + 0 * x, x / norm(x))"]),
        ("x..., c", "c * logsumexp(x)", ["c * exp(x - logsumexp(x))", "logsumexp(x)"]),
    ],
)  # fmt: skip
def test_registered_rows_of_vectors(
    register: Callable[..., Any], operands: str, value: str, partials: list[str]
) -> None:
    function = register("my_row", operands, value, partials, [(0.5, 2.0)] * len(partials))
    split = ad.PRIMITIVES["my_row"].split
    points = RNG(3).uniform(0.5, 2.0, (5, 4))
    assert_derivatives_agree(lambda x: function(*split(x)), points)


# Losses with a penalty on their gradient


def network() -> tuple[nn.MLP, Any, Any]:
    return nn.MLP(3, [4, 3], rng=0), RNG(0).normal(size=(5, 3)), np.array([0, 1, 2, 1, 0])


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "cross_entropy": nn.cross_entropy,
    "take of log_softmax": lambda logits, k: -ad.take(ad.log_softmax(logits), k),
    "take of softmax": lambda logits, k: -ad.log(ad.take(ad.softmax(logits), k)),
    "norm": lambda logits, k: ad.norm(logits) * ad.take(logits, k),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_penalty_toward_the_inputs(loss: str) -> None:
    model, x, labels = network()

    def penalised(x: Any, k: Any) -> Any:
        value, slopes = ad.value_and_grad(lambda x: LOSSES[loss](model(x), k))(x)
        return value + 0.1 * ad.sum([ad.square(slope) for slope in slopes])

    assert_agrees(penalised, model.parameters(), x, labels)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_penalty_toward_the_parameters(loss: str) -> None:
    model, x, labels = network()
    parameters = model.parameters()

    def penalised(x: Any, k: Any) -> Any:
        value = LOSSES[loss](model(x), k)
        slopes = ad.gradients(value, parameters, create_graph=True)
        return value + ad.sum([ad.square(slope) for slope in slopes])

    assert_agrees(penalised, parameters, x, labels)


def test_third_order_of_cross_entropy() -> None:
    model, x, labels = network()

    def third(x: Any, k: Any) -> Any:
        return weighted_slope(lambda x: nn.cross_entropy(model(x), k), 2)(x)

    assert_agrees(third, model.parameters(), x, labels)


def test_derivative_of_take_is_1_toward_what_is_picked() -> None:
    table = [[Value(a) for a in row] for row in RNG(4).normal(size=(4, 2)).tolist()]
    parameters = [w for row in table for w in row]

    def embedded(k: Any, x: Any) -> Any:
        value = ad.logsumexp([a * b for a, b in zip(ad.take(table, k), x, strict=True)]) ** 2
        slopes = ad.gradients(value, parameters, create_graph=True)
        return ad.sum([(i + 1.0) * ad.square(slope) for i, slope in enumerate(slopes)])

    assert_agrees(embedded, parameters, np.array([0, 3, 1, 1]), RNG(5).normal(size=(4, 2)))


def test_derivatives_toward_one_choice_that_stands_twice() -> None:
    w, v = Value(2.0), Value(3.0)

    def function(k: Any) -> Any:
        slope = ad.gradients(ad.take([w, v, w], k) ** 3, w, create_graph=True)
        return slope * (k + 1)

    program = assert_agrees(function, [w, v], np.array([0, 1, 2]))
    assert program(None, [0, 1, 2]).tolist() == [12.0, 0.0, 36.0]
