"""Initial weights: their distribution, where they come from, and what equal ones do."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from nn import MLP, Layer, Neuron
from nn.layers.initialisers import INITIALISERS

untyped: Any = nn  # arguments of wrong types are what is tested

# Name, the variance for (n_in, n_out) as the papers have it, and the kurtosis of the distribution.
DRAWN: dict[str, tuple[Callable[..., Any], Callable[[int, int], float], float]] = {
    "glorot_uniform": (nn.glorot_uniform, lambda n, m: 2 / (n + m), 1.8),
    "glorot_normal": (nn.glorot_normal, lambda n, m: 2 / (n + m), 3.0),
    "he_uniform": (nn.he_uniform, lambda n, m: 2 / n, 1.8),
    "he_normal": (nn.he_normal, lambda n, m: 2 / n, 3.0),
    "lecun_normal": (nn.lecun_normal, lambda n, m: 1 / n, 3.0),
    "uniform": (nn.uniform(0.3), lambda n, m: 0.3**2 / 3, 1.8),
}
SIGMAS = 6.0  # the seeds are fixed, so that nothing flakes; a wrong variance is hundreds away


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (3, 200), (200, 3), (64, 32)])
@pytest.mark.parametrize("name", DRAWN)
def test_moments(name: str, n_in: int, n_out: int) -> None:
    draw, variance_of, kurtosis = DRAWN[name]
    n_matrices = max(1, 200_000 // (n_in * n_out))
    generator = np.random.default_rng(0)
    weights = np.stack([draw(n_in, n_out, rng=generator) for _ in range(n_matrices)])
    assert weights.shape == (n_matrices, n_out, n_in)
    variance, n = variance_of(n_in, n_out), weights.size
    # standard errors of the sample moments of independent draws
    assert abs(weights.mean()) < SIGMAS * math.sqrt(variance / n)
    spread = abs((weights**2).mean() / variance - 1)
    assert spread < SIGMAS * math.sqrt((kurtosis - 1) / n) < 0.025
    fourth = (weights**4).mean() / variance**2
    assert abs(fourth - kurtosis) < 0.1  # tells uniform (1.8) from normal (3)
    if kurtosis == 1.8:
        limit = math.sqrt(3 * variance)
        assert limit * (1 - 1e-3) < abs(weights).max() <= limit * (1 + 1e-15)


@pytest.mark.parametrize("name", DRAWN)
def test_neighbours_are_independent(name: str) -> None:
    weights = DRAWN[name][0](300, 300, rng=1)
    for one, other in ((weights[1:], weights[:-1]), (weights[:, 1:], weights[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < SIGMAS / 299
    assert len(np.unique(weights)) == weights.size


def test_without_randomness() -> None:
    assert nn.zeros(3, 2).tolist() == [[0.0] * 3] * 2
    assert nn.constant(-0.5)(3, 2).tolist() == [[-0.5] * 3] * 2
    assert nn.uniform(0.0)(3, 2).tolist() == [[0.0] * 3] * 2


ALL = {**{name: row[0] for name, row in DRAWN.items()}, "zeros": nn.zeros, "c": nn.constant(2)}


@pytest.mark.parametrize("name", ALL)
def test_sources_of_randomness(name: str) -> None:
    draw: Any = ALL[name]
    seeded = draw(2, 3, rng=5)
    assert seeded.dtype == np.float64
    assert (seeded == draw(2, 3, rng=np.random.default_rng(5))).all()
    assert (seeded == draw(2, 3, rng=np.int64(5))).all()
    if name in DRAWN:
        generator = np.random.default_rng(5)
        assert (draw(2, 3, rng=generator) != draw(2, 3, rng=generator)).all()
        assert (draw(2, 3) != draw(2, 3)).all()  # fresh entropy
        assert (draw(2, 3) != draw(2, 3, rng=None)).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_in": 0}, ValueError, "n_in must be at least 1, got 0"),
        ({"n_out": -1}, ValueError, "n_out must be at least 1, got -1"),
        ({"n_in": 1.0}, TypeError, "n_in must be an int, got 1.0"),
        ({"rng": "0"}, TypeError, "rng must be an int seed, .*or None, got '0'"),
        ({"rng": -1}, ValueError, "-1"),
    ],
)
def test_bad_arguments(
    name: str, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ALL[name](**{"n_in": 2, "n_out": 3, **arguments})


@pytest.mark.parametrize("make", [nn.uniform, nn.constant])
@pytest.mark.parametrize(
    ("number", "error"),
    [(math.nan, ValueError), (math.inf, ValueError), ("1", TypeError), (True, TypeError)],
)
def test_bad_numbers(make: Any, number: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"(limit|number) must be"):
        make(number)


@pytest.mark.parametrize("make", [nn.uniform, nn.constant])
def test_an_initialiser_without_its_number(make: Any) -> None:
    with pytest.raises(TypeError, match=rf"write init=nn\.{make.__name__}\(0\.1\)"):
        nn.MLP(2, [3, 1], init=make)


def test_bounds_on_both_sides() -> None:
    make: Any = nn.uniform
    with pytest.raises(TypeError, match=r"between -limit and limit: write uniform\(1\.0\)"):
        make(-1.0, 1.0)


def test_a_limit_is_not_negative() -> None:
    with pytest.raises(ValueError, match=r"limit must be at least 0, got -0\.1"):
        nn.uniform(-0.1)


# In models.


def weights_of(model: MLP) -> list[Any]:
    return [[[w.data for w in n.weights] for n in layer.neurons] for layer in model.layers]


@pytest.mark.parametrize("init", [*INITIALISERS, nn.uniform(0.1), nn.constant(0.5)])
def test_layers_draw_by_their_own_sizes_in_order(init: Any) -> None:
    model = MLP(5, [7, 3], init=init, rng=1)
    generator, draw = np.random.default_rng(1), INITIALISERS.get(init, init)
    sizes = pairwise([5, 7, 3])
    assert weights_of(model) == [draw(n, m, rng=generator).tolist() for n, m in sizes]
    assert all(neuron.bias.data == 0.0 for layer in model.layers for neuron in layer.neurons)
    layer, neuron = Layer(5, 7, init=init, rng=1), Neuron(5, init=init, rng=1)
    assert [[w.data for w in n.weights] for n in layer.neurons] == weights_of(model)[0]
    assert [[w.data for w in neuron.weights]] == draw(5, 1, rng=1).tolist()


def test_glorot_uniform_is_the_default() -> None:
    assert weights_of(MLP(2, [3, 1], rng=4)) == weights_of(
        MLP(2, [3, 1], init="glorot_uniform", rng=4)
    )


def test_without_a_seed_models_differ() -> None:
    assert weights_of(MLP(2, [16, 16, 1])) != weights_of(MLP(2, [16, 16, 1]))
    assert Layer(2, 2)([1.0, 2.0])[0].data != Neuron(2)([1.0, 2.0]).data
    model = MLP(2, [16, 16, 1], rng=None)
    assert len({w for layer in weights_of(model) for row in layer for w in row}) == 16 * 19


def test_own_initialisers() -> None:
    def identity(n_in: int, n_out: int, *, rng: Any = None) -> Any:
        return np.eye(n_out, n_in, dtype=int)

    assert weights_of(MLP(2, [2], init=identity)) == [[[1.0, 0.0], [0.0, 1.0]]]


# Symmetry: what starts equal stays equal.

INPUTS = [[0.0, 0.1], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
TARGETS = [0, 1, 1, 0]


def hidden(model: MLP) -> list[tuple[float, ...]]:
    """For each hidden neuron its weights, its bias and its outgoing weights."""
    first, second = model.layers
    return [
        (*[p.data for p in neuron.parameters()], *[n.weights[j].data for n in second.neurons])
        for j, neuron in enumerate(first.neurons)
    ]


def descend(model: MLP, steps: int, *, compiled: bool) -> None:
    """Gradient descent on the mean loss of all examples, written out."""

    def loss(x: Any, target: Any) -> Any:
        return nn.binary_cross_entropy_with_logits(model(x), target)

    parameters = model.parameters()
    program = ad.compile(loss, parameters)  # traced when it is called
    for _ in range(steps):
        if compiled:
            gradient = program.value_and_grad(None, INPUTS, TARGETS)[1].tolist()
        else:
            mean = ad.mean([loss(x, t) for x, t in zip(INPUTS, TARGETS, strict=True)])
            gradient = ad.gradients(mean, parameters)
        for parameter, slope in zip(parameters, gradient, strict=True):
            parameter.data -= 0.5 * slope


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "gelu"])
@pytest.mark.parametrize(
    ("init", "moves"), [(nn.constant(0.5), True), (nn.constant(0.01), True), ("zeros", False)]
)
def test_hidden_neurons_that_start_equal_stay_equal_for_ever(
    init: Any, moves: bool, activation: str
) -> None:
    model = MLP(2, [5, 1], activation=activation, init=init)
    start = hidden(model)
    descend(model, 40, compiled=False)
    assert len(set(hidden(model))) == 1  # to the last bit
    assert (hidden(model) != start) == moves


def test_with_zeros_and_tanh_only_the_output_bias_moves() -> None:
    model = MLP(2, [5, 1], init="zeros")
    for parameter in model.parameters():
        parameter.data = 0.0
    model.layers[1].neurons[0].bias.data = 0.5
    descend(model, 20, compiled=False)
    assert set(hidden(model)) == {(0.0, 0.0, 0.0, 0.0)}
    assert abs(model.layers[1].neurons[0].bias.data) < 0.1


@pytest.mark.parametrize("init", [nn.constant(0.5), "zeros"])
def test_hidden_neurons_that_start_equal_stay_equal_compiled(init: Any) -> None:
    # The columns of a matrix product may be added up in different orders, so bits are not promised;
    # what rounding parts, training would have to blow up.
    model = MLP(2, [5, 1], init=init)
    descend(model, 60, compiled=True)
    first, *others = hidden(model)
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("init", ["glorot_uniform", nn.uniform(1e-3)])
def test_hidden_neurons_that_start_different_part(init: Any, compiled: bool) -> None:
    model = MLP(2, [5, 1], init=init, rng=0)
    before = np.ptp(hidden(model), axis=0).max()
    descend(model, 300, compiled=compiled)
    assert len(set(hidden(model))) == 5
    assert np.ptp(hidden(model), axis=0).max() > before
