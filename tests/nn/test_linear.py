"""Linear: weighted sums without an activation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from nn import Layer, Linear, parameters_to_vector
from tests.nn.layer_checks import check_layer

RNG = np.random.default_rng


@given(st.integers(1, 5), st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_it_is_a_matrix_times_a_vector(n_in: int, n_out: int, bias: bool, seed: int) -> None:
    linear = Linear(n_in, n_out, bias=bias, rng=seed)
    rng = RNG(seed)
    shift = rng.normal(size=n_out) if bias else np.zeros(n_out)
    for b, number in zip(linear.biases or [], shift, strict=False):
        b.data = float(number)
    x = rng.normal(size=n_in)
    weights = np.array([[w.data for w in row] for row in linear.weights])
    outputs = [y.data for y in linear(x)]
    np.testing.assert_allclose(outputs, weights @ x + shift, rtol=1e-12, atol=1e-14)
    assert len(linear.parameters()) == n_out * (n_in + bias)
    assert [(linear.n_inputs, linear.n_outputs)] == [(n_in, n_out)]


@given(st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_compiled_equals_eager_without_gathers(n_in: int, n_out: int, bias: bool) -> None:
    linear = Linear(n_in, n_out, bias=bias, rng=0)

    def loss(x: Any) -> Any:
        return ad.sum([ad.tanh(y) for y in linear(x)])

    check_layer(loss, linear.parameters(), RNG(1).normal(size=(3, n_in)))


def test_it_starts_as_a_layer_does() -> None:
    weights = parameters_to_vector(Linear(3, 4, bias=False, rng=0))
    layer = Layer(3, 4, rng=0)
    assert weights.tolist() == [w.data for neuron in layer.neurons for w in neuron.weights]
    assert [b.data for b in Linear(3, 2, rng=0).biases or []] == [0.0, 0.0]
    assert (
        parameters_to_vector(Linear(3, 4)).tolist() != parameters_to_vector(Linear(3, 4)).tolist()
    )


def test_labels_repr_and_config() -> None:
    linear = Linear(2, 1, rng=0)
    assert [p.label for p in linear.parameters()] == ["weights.0.0", "weights.0.1", "biases.0"]
    assert repr(linear) == "Linear(2, 1)"
    assert repr(Linear(2, 1, bias=False)) == "Linear(2, 1, bias=False)"
    for made in (linear, Linear(3, 2, bias=False)):
        again = Linear(**made._config())
        assert repr(again) == repr(made)


untyped: Any = nn


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 1), {}, ValueError, "n_inputs must be at least 1, got 0"),
        ((1, 1.5), {}, TypeError, "n_outputs must be an int, got 1.5"),
        ((1, 1), {"bias": 1}, TypeError, "bias must be True or False, got 1"),
        ((1, 1), {"rng": "0"}, TypeError, "rng must be"),
        ((1, 1), {"init": "gloro_uniform"}, ValueError, "unknown.*gloro_uniform.*glorot"),
        ((1, 1), {"init": 3}, TypeError, "init"),
    ],
)
def test_bad_arguments(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        untyped.Linear(*arguments, **options)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([1.0], ValueError, "2"),
        (np.zeros((7, 2)), (TypeError, ValueError), "batch"),
        ([[1.0, 2.0], [3.0, 4.0]], TypeError, "batch|rows"),
        (1.0, TypeError, "one example"),
        ("ab", TypeError, "one example"),
        ([1.0, None], TypeError, "None"),
    ],
)
def test_bad_inputs(inputs: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Linear(2, 3)(inputs)
