"""Compiled training equals that with the scalar engine: models and examples of other shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import MLP, Module, fit, parameters_to_vector

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
NUMBERS = RNG.normal(size=(12, 2))


def adam(parameters: Any) -> nn.Adam:
    return nn.Adam(parameters, 0.01)


def trained(model: Module, y: Any, make: Any, X: Any = X, **options: Any) -> tuple[Any, Any]:
    """The parameters after an epoch, and what was recorded."""
    arguments = {"epochs": 1, "batch_size": 5, "rng": 3} | options
    history = fit(model, X, y, optimizer=make(model.parameters()), **arguments)
    return parameters_to_vector(model), np.array(list(history.values()))


class Recurrent(Module):
    """A sum over a sequence of vectors: examples of shape (T, 2)."""

    def __init__(self) -> None:
        self.cell = MLP(3, [1], rng=0)

    def __call__(self, sequence: Any) -> list[Value]:
        state: Any = 0.0
        for x in sequence:
            [state] = self.cell([*x, state])
        return [state]


class Table(Module):
    """Picks rows by integers: a tiny embedding."""

    def __init__(self) -> None:
        self.rows = [Value(number) for number in (0.5, -1.0, 0.25, 2.0, -0.5)]

    def __call__(self, indices: Any) -> list[Value]:
        return [ad.sum([ad.take(self.rows, index) for index in indices])]


class Dropping(Module):
    """A net that draws for every example."""

    def __init__(self) -> None:
        self.first, self.last = MLP(3, [6], rng=0), MLP(6, [2], rng=1)
        self.dropout = nn.Dropout(0.5)

    def __call__(self, x: Any) -> Any:
        return self.last(self.dropout(self.first(x)))


@pytest.mark.parametrize(
    ("model", "X", "y", "batch_size"),
    [
        (Recurrent, RNG.normal(size=(12, 4, 2)), NUMBERS[:, 0], 5),
        (Recurrent, [RNG.normal(size=(n, 2)).tolist() for n in (1, 2, 3) * 4], NUMBERS[:, 0], 1),
        (Table, RNG.integers(0, 5, size=(12, 3)), NUMBERS[:, 0], 5),
        (Table, RNG.integers(0, 5, size=(12, 3)).tolist(), NUMBERS[:, :1], 5),
        (Dropping, X, NUMBERS, 5),
        (lambda: nn.Neuron(3, rng=0), X, NUMBERS[:, 0], 5),
    ],
)
def test_other_models(model: Any, X: Any, y: Any, batch_size: int) -> None:
    results = [
        trained(
            model(), y, adam, X, loss=nn.half_squared_error, compiled=compiled,
            batch_size=batch_size, epochs=2, validation=(X, y),
        )
        for compiled in (True, False)
    ]  # fmt: skip
    for compiled, eager in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-12)


def test_dropout_is_drawn_for_every_minibatch_and_not_for_validation() -> None:
    def still(parameters: Any) -> Any:
        return nn.SGD(parameters, learning_rate=0.0)

    model = Dropping()
    _, rows = trained(
        model, NUMBERS, still, loss=nn.half_squared_error, validation=(X, NUMBERS), epochs=3,
        metrics=None,
    )  # fmt: skip
    training, validation = rows
    assert len(set(training)) == 3
    assert len(set(validation)) == 1
    mean = nn.mean_loss(model, X, NUMBERS, nn.half_squared_error).data
    assert validation[0] == pytest.approx(mean, rel=1e-12)


def test_ragged_examples_are_refused_where_they_would_meet_in_a_minibatch() -> None:
    ragged = [[[1.0, 2.0]] * n for n in (1, 2, 3)]
    model = Recurrent()
    options: dict[str, Any] = {"loss": nn.half_squared_error, "epochs": 1}
    optimizer = nn.SGD(model.parameters(), learning_rate=0.1)
    with pytest.raises(ValueError, match=r"shapes \(1, 2\) and \(2, 2\).*batch_size=1"):
        fit(model, ragged, [0.0] * 3, optimizer=optimizer, **options)
    results = []
    for compiled in (True, False):
        model = Recurrent()
        optimizer = nn.SGD(model.parameters(), learning_rate=0.1)
        fit(
            model, ragged, [0.0] * 3, optimizer=optimizer, compiled=compiled, rng=0,
            batch_size=1, **options,
        )  # fmt: skip
        results.append(parameters_to_vector(model))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)
    fit(model, ragged, [0.0] * 3, optimizer=optimizer, compiled=False, **options)


def test_outputs_of_different_lengths_have_no_metrics() -> None:
    scale = Value(2.0)
    X = [[1.0], [1.0, 2.0]]
    options: dict[str, Any] = {
        "loss": nn.half_squared_error,
        "optimizer": nn.SGD([scale], learning_rate=0.1),
        "epochs": 1,
        "batch_size": 1,
    }
    history = fit(lambda xs: [scale * x for x in xs], X, X, **options)
    assert list(history) == ["loss"]
    with pytest.raises(ValueError, match="pass metrics=None"):
        fit(lambda xs: [scale * x for x in xs], X, X, metrics=[nn.r_squared], **options)


def test_nested_outputs_reach_metrics_in_their_shape() -> None:
    scale = Value(2.0)
    shapes = []

    def total(outputs: Any, target: Any) -> Any:
        return ad.sum([output * output for row in outputs for output in row]) * target

    def note(outputs: Any, targets: Any) -> float:
        shapes.append(outputs.shape)
        return 0.0

    for compiled in (True, False):
        fit(
            lambda x: [[scale * x, scale, x * x], [scale, scale, scale]], [1.0, 2.0], [1.0, 1.0],
            loss=total, optimizer=nn.SGD([scale], learning_rate=0.1), epochs=1, metrics=[note],
            compiled=compiled,
        )  # fmt: skip
    assert shapes == [(2, 2, 3)] * 2


class Tokens(Module):
    """One output, or one for each number."""

    def __init__(self, each: bool, drops: bool = False) -> None:
        self.cell, self.head = nn.RNNCell(1, 2, rng=0), nn.Linear(2, 1, rng=1)
        self.dropout, self.each, self.drops = nn.Dropout(0.5), each, drops

    def __call__(self, xs: Any) -> Any:
        state: Any = [0.0, 0.0]
        outputs = []
        for x in xs:
            state = self.cell([x], state)
            seen = self.dropout(state) if self.drops else state
            outputs.append(ad.sigmoid(self.head(seen)[0]))
        return outputs if self.each else outputs[-1:]


RAGGED: Any = [[1.0, 2.0], [1.0, 2.0, 3.0], [0.5, 1.0], [1.0, 1.0, 1.0]]
LABELS: Any = [0, 1, 0, 1]
EACH: Any = [[0, 1], [0, 1, 1], [1, 1], [0, 0, 0]]


@pytest.mark.parametrize(("each", "drops"), [(False, False), (True, False), (False, True)])
def test_ragged_examples_train_and_validate_both_ways(each: bool, drops: bool) -> None:
    y, found = EACH if each else LABELS, []
    for compiled in (True, False):
        model = Tokens(each, drops)
        arguments: dict[str, Any] = {"loss": nn.binary_cross_entropy, "compiled": compiled}
        history = nn.fit(
            model, RAGGED, y, optimizer=nn.SGD(model.parameters(), 0.1), epochs=2, batch_size=1,
            rng=0, validation=(RAGGED, y), **arguments,
        )  # fmt: skip
        after = nn.evaluate(model, RAGGED, y, **arguments)
        assert after["loss"] == history.validation_loss[-1]
        assert ("accuracy" in history) is not each
        found.append([number for curve in history.values() for number in curve])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_ragged_minibatches_drop_in_the_scalar_engine() -> None:
    model = Tokens(False, drops=True)
    history = nn.fit(
        model, RAGGED, LABELS, loss=nn.binary_cross_entropy, epochs=1, batch_size=4, rng=0,
        optimizer=nn.SGD(model.parameters(), 0.1), compiled=False,
    )  # fmt: skip
    assert history.epochs == 1


@pytest.mark.parametrize("compiled", [True, False])
def test_outputs_of_different_lengths_in_validation_have_no_metrics(compiled: bool) -> None:
    model = Tokens(True)
    arguments: dict[str, Any] = {
        "loss": nn.binary_cross_entropy,
        "optimizer": nn.SGD(model.parameters(), 0.1),
        "validation": (RAGGED, EACH),
        "compiled": compiled,
    }
    history = nn.fit(model, RAGGED[::2], EACH[::2], epochs=1, **arguments)
    assert list(history) == ["loss", "validation_loss"]
    with pytest.raises(ValueError, match="different numbers of outputs"):
        nn.fit(model, RAGGED[::2], EACH[::2], epochs=1, metrics=[nn.accuracy], **arguments)
