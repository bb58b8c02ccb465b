"""Dropout: off in use, inverted in training, masks as inputs of compiled programs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import MLP, Dropout, Layer, Sequential, counting, draw, feeding, training_mode
from tests.compiler.agreement import assert_agrees


def test_in_use_nothing_is_dropped_and_values_stay_themselves() -> None:
    x = [Value(1.0), Value(2.0)]
    assert Dropout(0.9)(x) == x
    assert [y.data for y in Dropout(0.9)([1.0, 2])] == [1.0, 2.0]
    with training_mode(0):
        assert Dropout(0.0)(x) == x


@given(st.floats(0.05, 0.95), st.integers(0, 9))
def test_inverted_dropout(rate: float, seed: int) -> None:
    n = 400
    with training_mode(seed):
        outputs = np.array([y.data for y in Dropout(rate)([1.0] * n)])
    kept = outputs != 0
    np.testing.assert_allclose(outputs[kept], 1 / (1 - rate), rtol=1e-15)
    assert abs(kept.mean() - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / n)
    expected = (np.random.default_rng(seed).random(n) >= rate) / (1 - rate)
    assert outputs.tolist() == expected.tolist()


def test_every_call_has_its_own_mask() -> None:
    dropout = Dropout(0.5)
    with training_mode(0):
        masks = {tuple(y.data for y in dropout([1.0] * 20)) for _ in range(5)}
    assert len(masks) == 5


@pytest.mark.parametrize("x", [[], [1.0], [[1.0, 2.0], [3.0]], np.ones((2, 3, 2))])
def test_shapes_stay(x: Any) -> None:
    def shape(nested: Any) -> Any:
        return [shape(part) for part in nested] if isinstance(nested, list) else None

    expected = shape(x.tolist() if isinstance(x, np.ndarray) else x)
    assert shape(Dropout(0.5)(x)) == expected
    with training_mode(0):
        assert shape(Dropout(0.5)(x)) == expected


def test_the_gradient_goes_through_what_is_kept() -> None:
    x = [Value(1.0) for _ in range(6)]
    with training_mode(0):
        outputs = Dropout(0.5)(x)
    ad.sum(outputs).backward()
    assert [v.grad for v in x] == [y.data for y in outputs]
    assert {v.grad for v in x} == {0.0, 2.0}


@given(st.integers(1, 6), st.integers(1, 4), st.sampled_from([0.2, 0.5]), st.integers(0, 9))
def test_compiled_training_equals_eager_without_gathers(
    n_hidden: int, n_examples: int, rate: float, seed: int
) -> None:
    model = Sequential(
        Layer(2, n_hidden, rng=seed), Dropout(rate), Layer(n_hidden, 3, rng=seed), Dropout(rate)
    )
    with counting() as requests:
        model([0.0, 0.0])
    assert [request.n for request in requests] == [n_hidden, 3]

    def loss(x: Any, t: Any, numbers: Any) -> Value:
        with feeding(numbers):
            return nn.half_squared_error(model(x), t)

    rng = np.random.default_rng(seed)
    batch = rng.normal(size=(n_examples, 2)), rng.normal(size=(n_examples, 3))
    numbers = draw(requests, rng, n_examples)
    program = assert_agrees(loss, model.parameters(), *batch, numbers)
    assert program.stats.gathers == 0
    new = draw(requests, rng, n_examples)
    assert_agrees(loss, model.parameters(), *batch, new, program=program)
    assert len(program.traces) == 1


def test_a_model_with_dropout_compiles_for_use() -> None:
    layers = Layer(2, 3, rng=0), Layer(3, 1, rng=1)
    x = np.random.default_rng(0).normal(size=(4, 2))
    with_dropout = ad.compile(Sequential(layers[0], Dropout(0.5), layers[1]), [])
    without = ad.compile(Sequential(*layers), [])
    assert with_dropout(None, x).tolist() == without(None, x).tolist()


def test_predictions_are_without_dropout_in_training_too() -> None:
    model = Sequential(Layer(2, 3, rng=0), Dropout(0.5), Layer(3, 1, rng=1))
    x = np.random.default_rng(0).normal(size=(4, 2))
    with training_mode(0):
        inside = model.predict(x)
    assert inside.tolist() == model.predict(x).tolist()


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (1.0, ValueError, "at least 0 and below 1, got 1.0"),
        (-0.1, ValueError, "got -0.1"),
        (math.nan, ValueError, "got nan"),
        ("0.5", TypeError, "rate must be a real number, got '0.5'"),
        (True, TypeError, "got True"),
        (None, TypeError, "got None"),
    ],
)
def test_bad_rates(rate: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Dropout(rate)


def test_bad_inputs_repr_and_config() -> None:
    with pytest.raises(TypeError, match=r"Dropout\(0.5\) takes a sequence of numbers, got float"):
        Dropout(0.5)(1.0)
    assert repr(Dropout(0.25)) == "Dropout(0.25)"
    assert Dropout(**Dropout(0.25)._config()).rate == 0.25
    assert MLP(2, [1], rng=0).parameters() != Dropout(0.5).parameters() == []
