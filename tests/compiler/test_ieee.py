"""Compiled programs beside infinities, NaN, zeros, ties and the ends of the range of float64.

What the scalar engine gives there, the compiled program gives: to the last bit where it decides a
branch, and with infinities and NaN in the same places.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from tests.compiler.agreement import eager

INF, NAN = math.inf, math.nan
CLOSE: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-300}  # subnormal numbers have fewer digits
EDGES = (-INF, -1e308, -1e200, -1.0, -1e-310, -0.0, 0.0, 5e-324, 1e-200, 1.0, 3.0, 1e300, INF, NAN)


def assert_same(
    function: Callable[..., Any], parameters: Sequence[Value], *batch: npt.ArrayLike
) -> ad.Program:
    """Outputs, value and gradient of the scalar engine, example by example and as a batch."""
    program = ad.compile(function, parameters)
    one = ad.compile(function, parameters, batched=False)
    arrays = [np.asarray(argument) for argument in batch]
    for k in range(len(arrays[0])):
        example = [array[k] for array in arrays]
        with np.errstate(all="ignore"):
            expected = eager(function, parameters, *[array[k : k + 1] for array in arrays])
        np.testing.assert_allclose(
            one(None, *example), expected.outputs.reshape(-1)[0], **CLOSE, err_msg=f"{example}"
        )
        for value, gradient in (
            one.value_and_grad(None, *example),
            program.value_and_grad(None, *[array[k : k + 1] for array in arrays]),
        ):
            np.testing.assert_allclose(value, expected.value, **CLOSE, err_msg=f"{example}")
            np.testing.assert_allclose(gradient, expected.gradient, **CLOSE, err_msg=f"{example}")
    with np.errstate(all="ignore"):
        expected = eager(function, parameters, *arrays)
    outputs = program(None, *arrays).reshape(expected.outputs.shape)
    np.testing.assert_allclose(outputs, expected.outputs, **CLOSE)
    if np.max(np.abs(expected.gradient)) < 1e250:  # else the order of the sum may overflow
        gradient = program.value_and_grad(None, *arrays)[1]
        np.testing.assert_allclose(gradient, expected.gradient, **CLOSE)
    return program


# Numbers folded


def recurrence(w: Value) -> Callable[[Sequence[Any]], Any]:
    def function(xs: Sequence[Any]) -> Any:
        y: Any = 0.0
        for x in xs:
            y = 2 * y + x
        return w * y

    return function


W = Value(2.0)
CHAINS: dict[str, Callable[[Any], Any]] = {
    "up and up": lambda x: W * (x * 1e200 * 1e200),
    "down and down": lambda x: W * (x / 1e200 / 1e200),
    "up and down": lambda x: W * (x * 1e200 * 1e-200),
    "down and up": lambda x: W * (x * 1e-200 / 1e-200),
    "product of scaled": lambda x: (1e-200 * W * x) * (1e-200 * x),
    "scaled sum": lambda x: 1e200 * (W * x + x),
    "scaled sum of products": lambda x: 1e200 * (W * x - x * x),
    "sum of scaled": lambda x: 1e200 * x - 1e200 * W + 1e200 * ad.sin(x),
    "infinity times a sum": lambda x: INF * ad.sum([x, W]),
    "0 times a product": lambda x: 0.0 * (W * x),
    "-0 times a sum": lambda x: -0.0 * (W + x),
    "constants added": lambda x: (W * x + 1e308) + 1e308,
    "constants taken off": lambda x: ((W * x - 1e308) - 1e308) + 1e308,
    "infinite constants": lambda x: (W * x + INF) - INF,
    "zeros with signs": lambda x: 1 / (W * 0.0) + 0.5 / (x * -0.0),
    "one over -0": lambda x: 1 / (W * -0.0),
    "one over 0": lambda x: 1 / (W * 0.0) + 0 * x,
    "mean of large": lambda x: ad.mean([W, x, x]),
    "variance": lambda x: ad.variance([W, x * 1e-3]),
    "sum minus itself": lambda x: (W * 1e308 * 10) - x,
    "divided by the smallest": lambda x: W * x / 5e-324,
    "half and half": lambda x: 0.5 * (0.5 * (W * x)),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_folding_keeps_the_range(chain: str) -> None:
    assert_same(CHAINS[chain], [W], EDGES)


def test_a_recurrence_of_constant_factors_keeps_the_range() -> None:
    for x in (0.0, 1.0, -1e-300):
        assert_same(recurrence(W), [W], np.full((1, 1100), x))


def test_zeros_of_both_signs_are_two_nodes() -> None:
    program = ad.compile(lambda x: [1 / (W * c * x) for c in (0.0, -0.0, 0.0)], [W])
    assert program(None, [1.0]).tolist() == [[INF, -INF, INF]]
    assert program(None, [-1.0]).tolist() == [[-INF, INF, -INF]]


def test_random_chains_of_constants() -> None:
    rng = random.Random(0)
    constants = [0.0, -0.0, 1e-300, 1e-200, 0.1, 1 / 49, 3.0, 49.0, 1e100, 1e200, 1e308]

    def chain(x: Any, steps: Sequence[tuple[str, float]]) -> Any:
        y = x
        for kind, c in steps:
            y = y * c if kind == "*" else y / c if kind == "/" else W * y if kind == "+" else -y
        return W * y

    for _ in range(150):
        steps = [(rng.choice("**//+-"), rng.choice(constants)) for _ in range(rng.randint(1, 6))]
        steps = [(kind, c or 1.0) if kind == "/" else (kind, c) for kind, c in steps]
        points = rng.sample([x for x in EDGES if x == 0 or abs(x) > 1e-300 or x != x], 4)
        try:
            assert_same(lambda x, s=tuple(steps): chain(x, s), [W], points)
        except AssertionError as error:
            raise AssertionError(f"{steps} at {points}") from error


# Branches at ties


@pytest.mark.parametrize(
    "scaled",
    [
        lambda x: x / 49,
        lambda x: x / 49 * 3,
        lambda x: ad.mean([x] * 49) / 49,
        lambda x: ad.sum([x / 98, x / 98]),
        lambda x: x * 0.1 * 10 / 49,
        lambda x: (x + 0.0) / 7 / 7,
        lambda x: ad.variance([x / 7, -x / 7]) / 49 * 7,
    ],
)
def test_a_division_decides_branches_as_the_engine_does(scaled: Callable[[Any], Any]) -> None:
    w = Value(1.5)
    for level in (1.0, 1 / 49, 3.0, 49.0, 0.1):
        assert_same(
            lambda x, c=level: ad.where(ad.greater_equal(scaled(x), c), w * x, w),
            [w],
            np.arange(1.0, 150.0, 4.0),
        )


def test_division_by_a_power_of_two_is_a_factor() -> None:
    w = [Value(1.0), Value(2.0)]
    program = ad.compile(lambda x: (w[0] * x[0] + w[1] * x[1]) / 8, w)
    program(None, np.ones((2, 2)))
    assert program.stats.packs == 1


# Zero carries nothing


def embedded(index: Any) -> Any:
    return ad.take([ad.log(W * index), ad.sqrt(W - 2), W], index)


RISKY: dict[str, Callable[[Any], Any]] = {
    "log in where, differentiated": lambda x: (
        W * ad.grad(lambda z: ad.where(z > 0, ad.log(z), 0.0))(x)
    ),
    "sqrt of maximum, differentiated": lambda x: (
        W * ad.grad(lambda z: ad.sqrt(ad.maximum(z, 0)))(x)
    ),
    "power, differentiated twice": lambda x: (
        W * ad.grad(ad.grad(lambda z: ad.where(z > 0, z**1.5, 0.0)))(x)
    ),
    "sqrt of a square": lambda x: ad.sqrt(W * x * x),
    "norm by hand": lambda x: ad.sqrt((W * x) ** 2 + (x * W) ** 2),
    "sqrt of relu": lambda x: ad.sqrt(ad.relu(W * x)),
    "log of clip": lambda x: ad.log(ad.clip(W * x, 0, 1)) * ad.relu(-x),
    "division in where": lambda x: ad.where(ad.greater(x, 0), W / x, W),
    "product with a zero": lambda x: (W - 2.0) * x * ad.exp(x * W),
    "reciprocal of a square": lambda x: 1 / (W * x * x),
    "picked": lambda x: ad.sum(ad.softmax([W * x, x, 0.0])) * ad.sqrt(abs(W * x)),
    "power": lambda x: (W * x * x) ** 0.5,
    "matrix product": lambda x: ad.sum(
        [ad.sqrt(ad.dot([W, W * 0.5], [x * k, x])) for k in range(3)]
    ),
    "norm": lambda x: ad.sqrt(ad.norm([W * x, x])),
    "prod": lambda x: ad.sqrt(ad.prod([W, x, x])),
}


@pytest.mark.parametrize("risk", RISKY)
def test_zero_carries_nothing(risk: str) -> None:
    points = (-1.0, 0.0, 1.0, 2.0, INF, -INF, NAN)  # the sign of a zero is not kept
    assert_same(RISKY[risk], [W], points)


def test_what_take_does_not_pick_carries_nothing() -> None:
    assert_same(embedded, [W], np.array([2, 1, 2, 0]))
    w = [Value(0.0), Value(1.0), Value(4.0)]
    assert_same(lambda i: ad.take([ad.sqrt(v) for v in w], i), w, np.array([1, 2, 0]))


def test_sums_of_different_lengths_do_not_meet() -> None:
    w = [Value(float(k + 1)) for k in range(5)]

    def function(xs: Any) -> Any:  # causal: the first sums do not see the last inputs
        sums = [ad.dot(w[: k + 1], xs[: k + 1]) for k in range(5)]
        return ad.sum([ad.where(ad.less(s, 100.0), ad.exp(-s), s * 0.0) for s in sums[:4]])

    batch = np.ones((4, 5))
    batch[1, 4], batch[2, 3], batch[3, 1] = INF, NAN, -INF
    assert_same(function, w, batch)
    program = ad.compile(lambda xs: [ad.dot(w[: k + 1], xs[: k + 1]) for k in range(5)], w)
    sums = program(None, batch)
    assert np.isfinite(sums[1, :4]).all()
    assert sums[1, 4] == INF
    assert np.isfinite(sums[2, :3]).all()
    assert np.isnan(sums[2, 3:]).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_bad_example_spoils_no_other(dtype: Any) -> None:
    w = Value(1.0)
    program = ad.compile(lambda x: ad.sqrt(w * x * x), [w], dtype=dtype, reduction="sum")
    x = np.arange(200_000.0) % 5
    value, gradient = program.value_and_grad(None, x)
    assert value == x.sum()
    assert gradient == pytest.approx(x.sum() / 2, rel=1e-6)
    assert program(None, x).tolist() == x.tolist()


def test_a_nan_that_the_engine_has_stays() -> None:
    w = Value(1.0)
    program = ad.compile(lambda x: w * x + ad.log(x), [w])
    value, gradient = program.value_and_grad(None, [1.0, NAN, 2.0])
    assert math.isnan(value)
    assert np.isnan(gradient).all()


def test_infinite_outputs_of_both_signs_are_added_without_a_warning() -> None:
    program = ad.compile(lambda x: W * x, [W])
    value, _ = program.value_and_grad(None, [INF, -INF])
    assert math.isnan(value)


def test_gradients_that_overflow_when_squared_are_no_nan() -> None:
    w = [Value(1.0), Value(2.0)]
    _, gradient = ad.compile(lambda x: w[0] * x - w[1] * x, w).value_and_grad(None, [1e300])
    assert gradient.tolist() == [1e300, -1e300]


# Random programs at the edges


def random_expression(rng: random.Random, x: Sequence[Any], w: Sequence[Value]) -> Any:
    """A few operations of which zeros and infinities come back."""
    known: list[Any] = [*x, *w]

    def pick() -> Any:
        return rng.choice(known[-6:] if rng.random() < 0.5 else known)

    choices: list[Callable[[], Any]] = [
        lambda: pick() * pick(),
        lambda: pick() + pick(),
        lambda: pick() - pick(),
        lambda: pick() / pick(),
        lambda: ad.sqrt(pick()),
        lambda: ad.log(pick()),
        lambda: ad.exp(pick()),
        lambda: abs(ad.relu(pick())),  # relu(-0.0) may be a zero of either sign
        lambda: abs(ad.maximum(pick(), pick())),
        lambda: abs(pick()),
        lambda: ad.where(ad.greater(pick(), 0.0), pick(), pick()),
        lambda: pick() * rng.choice([0.0, 0.5, 3.0, 1e200, -1e-200]),
        lambda: ad.dot([pick(), pick()], [pick(), pick()]),
    ]
    for _ in range(rng.randint(3, 9)):
        known.append(rng.choice(choices)())
    return ad.sum(known[-3:])


def test_random_programs_at_the_edges() -> None:
    numbers = (-1.0, -0.0, 0.0, 0.5, 1.0, 2.0, INF)
    for seed in range(150):
        rng = random.Random(seed)
        w = [Value(rng.choice(numbers)) for _ in range(2)]
        points = list(
            itertools.islice(zip(*[iter(rng.choices(numbers, k=8))] * 2, strict=False), 4)
        )

        def function(x: Any, seed: int = seed, w: Sequence[Value] = tuple(w)) -> Any:
            return random_expression(random.Random(-seed - 1), x, w)

        program = ad.compile(function, w, batched=False)
        for point in points:
            with np.errstate(all="ignore"):
                expected = eager(function, w, np.array([point]))
            value, gradient = program.value_and_grad(None, point)
            for ours, engine in (
                (value, expected.value),
                *zip(gradient, expected.gradient, strict=True),
            ):
                # a sum of products with a common factor may be inf where the engine has NaN
                same = ours == pytest.approx(
                    engine, rel=1e-12, abs=1e-13
                )  # numbers of size 1 may cancel
                both = not math.isfinite(ours) and not math.isfinite(engine)
                assert same or both, f"seed {seed}, at {point}, w = {w}: {ours} for {engine}"


def test_a_row_with_where_selects(register: Callable[..., Callable[..., Any]]) -> None:
    positive = register("positive", "x", "where(x > 0, x, 0)", ["where(x > 0, 1, 0)"], [(1, 2)])
    assert_same(lambda x: W * positive(x), [W], (-INF, -1.0, 2.0, NAN))
    turned = register("turned", "x", "x * sign(x)", ["sign(x)"], [(1, 2)])
    assert_same(lambda x: W * turned(x), [W], (-INF, -1.0, 0.0, NAN))


def test_a_derivative_of_nan_that_is_not_asked_for() -> None:
    a, w = Value(-1.0), Value(0.0)

    def slope(x: Any) -> Any:
        return ad.gradients(ad.pow(a * x, 1.612) * w, a, create_graph=True)

    assert_same(slope, [a, w], [1.0, 2.0])


def test_constants_are_those_of_the_trace_also_where_it_is_repaired() -> None:
    w, c = Value(0.0), Value(3.0)
    program = ad.compile(lambda x: ad.sqrt(w * w) + c * x, [w])
    assert program.value_and_grad(None, [1.0])[0] == 3.0
    c.data = 5.0
    program = ad.compile(lambda x: ad.sqrt(w * w * x) + c * x, [w])
    program(None, [1.0])
    c.data = 7.0
    value, gradient = program.value_and_grad(None, [1.0])
    assert (value, gradient.tolist()) == (5.0, [0.0])


@pytest.mark.parametrize("shift", [0.0, 1e10, 1e16])
def test_differences_are_taken_before_they_are_added_up(shift: float) -> None:
    z = [Value(shift + x) for x in (2.0, -4.0, 10.0)]
    assert_same(lambda x: (x * z[0] - z[1]) + (z[1] - x * z[2]) + (z[0] - z[2]), z, [1.0])
    assert_same(lambda x: 0.5 * (x * z[0] - z[1]) + 0.25 * (z[2] - z[1]) - (z[0] - z[2]), z, [1.0])
    assert_same(lambda x: ad.mean([(v - z[0]) * 2 - (z[0] - v) for v in z]) * x, z, [1.0])
    assert_same(lambda x: (x * z[0] - shift) + (x * z[1] - shift), z, [1.0])


# Choices


def slope_of_root(x: Any) -> Any:
    """0 at 0, as zero carries nothing; infinity times 0 otherwise."""
    return ad.grad(lambda z: ad.sqrt(z * z) * 3)(x)


CHOICES: dict[str, Callable[[Any], Any]] = {
    "derivative, compared": lambda x: ad.where(ad.greater_equal(slope_of_root(x), 0.0), 5.0, 7.0),
    "derivative, equal": lambda x: ad.where(ad.equal(slope_of_root(x), 0.0), 5.0, 7.0),
    "derivative as condition": lambda x: ad.where(slope_of_root(x), 5.0, 7.0),
    "clipped derivative": lambda x: ad.where(
        abs(slope_of_root(x)) <= 1, slope_of_root(x) + 1, 10.0
    ),
    "softmax": lambda x: ad.where(ad.softmax([x, 0.0])[0] >= 0.5, 5.0, 7.0),
    "log_softmax": lambda x: ad.where(ad.log_softmax([x, 0.0])[0] >= -1.0, 5.0, 7.0),
    "logsumexp, later": lambda x: ad.where(ad.sin(ad.logsumexp([x, 1.0])) < 0.1, 5.0, 7.0),
    "variance": lambda x: ad.where(ad.variance([x, 1.0, 2.0]) < 100.0, 5.0, 7.0),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_does_not_hang_on_a_nan_that_the_engine_has_not(choice: str) -> None:
    points = (-2.0, 0.0, 0.5, 1.0, INF, -INF, NAN)
    assert_same(lambda x: W * CHOICES[choice](x), [W], points)


def test_a_choice_by_a_sum_beside_longer_ones() -> None:
    w = [Value(float(k + 1)) for k in range(4)]

    def function(xs: Any) -> Any:
        sums = [ad.dot(w[: k + 1], xs[: k + 1]) for k in range(4)]
        return ad.sum([ad.where(s < 1e3, s, 0.0) for s in sums])

    batch = np.arange(8.0).reshape(2, 4)
    batch[1, 3] = INF
    assert_same(function, w, batch)


def test_a_registered_row_with_a_choice(register: Callable[..., Callable[..., Any]]) -> None:
    step = register("step", "x", "where(x > 0, 1, 2)", ["0"], [(1, 2)])
    turn = register("turn", "x", "sign(x) + 3", ["0"], [(1, 2)])
    about = register("about", "x", "turn(x) * 1", ["0"], [(1, 2)])  # a sign in a row in a row
    for row in (step, turn, about):
        assert_same(lambda x, row=row: W * row(slope_of_root(x)), [W], (-1.0, 0.0, 1.0))
        assert_same(lambda x, row=row: W * row(x), [W], (-1.0, 0.0, NAN))


@pytest.mark.parametrize("position", [0, 57, 99])
def test_one_infinite_input_among_many_weights(position: int) -> None:
    """tanh is flat there: no weight has a gradient, though 0 meets infinity at one of them."""
    model = nn.MLP(100, [90, 1], activation="tanh", rng=0)
    x = np.zeros((1, 100))
    x[0, position] = INF
    program = ad.compile(lambda x: model(x)[0], model)
    _, gradient = program.value_and_grad(None, x)
    for parameter in model.parameters():
        parameter.grad = 0.0
    model(x[0].tolist())[0].backward()
    np.testing.assert_allclose(gradient, [p.grad for p in model.parameters()], **CLOSE)
    assert np.isfinite(gradient).all()


def test_an_infinite_coefficient_behind_a_zero() -> None:
    def function(x: Any) -> Any:
        product = ad.grad(lambda z: ad.prod(z) * x)([INF * W, 1.0])
        return product[1] + 1.5 * W

    assert_same(function, [W], (0.0, 1.0))
