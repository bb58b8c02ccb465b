"""Targets are checked once, before the first step, for compiled and eager training alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import (
    MLP,
    SGD,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    evaluate,
    fit,
    half_squared_error,
    hinge,
    l2_penalty,
    mean_absolute_error,
    multi_class_hinge,
    parameters_to_vector,
)
from nn.training.examination import examine

X = np.random.default_rng(0).normal(size=(6, 2))
LABELS = np.array([0, 1, 1, 0, 1, 0])


def at(index: Any, number: Any, y: Any = LABELS) -> Any:
    changed = np.array(y, dtype=np.result_type(y, type(number)))
    changed[index] = number
    return changed


def refused(loss: Any, n: int, y: Any, *, compiled: bool, X: Any = X) -> Any:
    """The error of training, after which nothing has changed."""
    model = MLP(2, [3, n], rng=0)
    before = parameters_to_vector(model).tolist()
    optimizer = SGD(model.parameters(), learning_rate=0.1)
    with pytest.raises((TypeError, ValueError)) as caught:
        fit(model, X, y, loss=loss, optimizer=optimizer, epochs=1, compiled=compiled, rng=0)
    assert parameters_to_vector(model).tolist() == before
    return caught.value


logits = binary_cross_entropy_with_logits


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("loss", "n", "y", "message"),
    [
        (logits, 1, 2 * LABELS - 1, r"y\[0\] is -1: .*\[0, 1\].* 0 and 1 \(not -1 and 1\)"),
        (logits, 1, at(4, 1.5), r"y\[4\] is 1.5: .*\[0, 1\]"),
        (logits, 1, at(3, np.nan), r"y\[3\] is nan: all numbers must be finite"),
        (logits, 2, LABELS, r"y\[0\] is 0: got 2 outputs but 1 target"),
        (logits, 1, np.eye(2)[LABELS], r"y\[0\] is \[1.0, 0.0\]: got 1 outputs but 2 targets"),
        (binary_cross_entropy, 1, at(2, -1), r"y\[2\] is -1: .*\[0, 1\]"),
        (cross_entropy, 2, at(5, 2), r"y\[5\] is 2: .*0..1 for 2 logits"),
        (cross_entropy, 2, at(1, -1), r"y\[1\] is -1"),
        (cross_entropy, 2, LABELS.astype(float), r"y\[0\] is 0.0: .*ints, as by y.astype\(int\)$"),
        (cross_entropy, 3, LABELS[:, None], r"y\[0\] is \[0\]: .*write y.ravel\(\)"),
        (cross_entropy, 2, at((3, 0), 0.5, np.eye(2)[LABELS]), r"y\[3\] is \[0.5, 0.0\]: .*sum"),
        (cross_entropy, 1, LABELS, "at least two classes, got 1"),
        (hinge, 1, LABELS, r"y\[0\] is 0: .*-1"),
        (multi_class_hinge, 2, at(5, 7), r"y\[5\] is 7"),
        (half_squared_error, 2, LABELS, "got 2 outputs but 1 target"),
    ],
)
def test_what_a_loss_refuses(loss: Any, n: int, y: Any, message: str, compiled: bool) -> None:
    error = refused(loss, n, y, compiled=compiled)
    with pytest.raises(type(error), match=message):
        raise error


def picking(outputs: Any, target: Any) -> Any:
    return half_squared_error(outputs, [0.0, 1.0][target]) + 0.0 * outputs[0]


@pytest.mark.parametrize("compiled", [True, False])
def test_floats_that_should_pick_are_told_so(compiled: bool) -> None:
    error = refused(picking, 1, LABELS.astype(float), compiled=compiled)
    assert str(error).count("astype(int)") == 1


def wrapped(outputs: Any, target: Any) -> Any:
    return 2.0 * logits(outputs, target) + 0.01 * outputs[0] ** 2


def shifted(outputs: Any, target: Any) -> Value:
    return logits(outputs, (target + 1) / 2)


def of_two(outputs: Any, target: Any) -> Any:
    return logits([outputs[0]], target[0]) + half_squared_error([outputs[1]], target[1])


def class_first(outputs: Any, target: Any) -> Value:
    return cross_entropy(outputs, target[0])


def penalised(outputs: Any, target: Any) -> Value:
    return cross_entropy(outputs, target) + l2_penalty(outputs, 0.1)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("loss", "n", "y", "message"),
    [
        (wrapped, 1, at(3, -1), r"y\[3\] is -1: .*\(not -1 and 1\)"),
        (lambda o, t: logits(o, t), 1, at(3, -1), r"y\[3\] is -1"),
        (shifted, 1, at(3, 2), r"y\[3\] is 2: .*got 1.5"),
        (of_two, 2, [[0, 5.0], [1, -7.0], [1, 0.5], [2, 0.0], [0, 0], [1, 1]], r"y\[3\] is \[2"),
        (lambda o, t: cross_entropy(o, t), 2, at(5, 2), r"y\[5\] is 2"),
    ],
)
def test_what_a_wrapped_loss_refuses(
    loss: Any, n: int, y: Any, message: str, compiled: bool
) -> None:
    error = refused(loss, n, y, compiled=compiled)
    with pytest.raises(type(error), match=message):
        raise error


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("loss", "n", "y"),
    [
        (shifted, 1, 2 * LABELS - 1),
        (logits, 1, LABELS[:, None]),
        (logits, 1, LABELS == 1),
        (logits, 1, LABELS * 0.5),
        (cross_entropy, 2, LABELS.astype(np.uint8)),
        (cross_entropy, 2, np.eye(2)[LABELS]),
        (of_two, 2, np.column_stack([LABELS, 7.0 * LABELS])),
        (lambda o, t: (o[0] - t) ** 2, 1, LABELS * 100.0),
    ],
)
def test_what_is_taken(loss: Any, n: int, y: Any, compiled: bool) -> None:
    """And learned as it is: the first loss is that of the model as it was drawn."""
    model = MLP(2, [3, n], rng=0)
    targets = (1 * np.asarray(y)).tolist()
    losses = [loss(model(x), target).data for x, target in zip(X, targets, strict=True)]
    optimizer = SGD(model.parameters(), learning_rate=0.1)
    before = nn.parameters_to_vector(model)
    history = fit(model, X, y, loss=loss, optimizer=optimizer, epochs=1, compiled=compiled)
    assert history.loss == pytest.approx([np.mean(losses)], rel=1e-12)
    assert (nn.parameters_to_vector(model) != before).any()


@pytest.mark.parametrize(
    ("loss", "n", "y"),
    [
        (lambda o, t: logits(o, (t + 1) // 2), 1, 2 * LABELS - 1),
        (lambda o, t: cross_entropy(o, t - 1), 2, LABELS + 1),
    ],
)
def test_what_the_scalar_engine_alone_takes(loss: Any, n: int, y: Any) -> None:
    test_what_is_taken(loss, n, y, compiled=False)
    model = MLP(2, [3, n], rng=0)
    optimizer = SGD(model.parameters(), learning_rate=0.1)
    with pytest.raises((ad.TraceError, TypeError)):
        fit(model, X, y, loss=loss, optimizer=optimizer, epochs=1)


@pytest.mark.parametrize("compiled", [True, False])
def test_outputs_that_are_no_probabilities_are_refused(compiled: bool) -> None:
    for y in (LABELS, np.ones(6, dtype=int)):
        error = refused(binary_cross_entropy, 1, y, compiled=compiled)
        for text in ("binary_cross_entropy_with_logits", "sigmoid", "the output"):
            assert text in str(error)
    # the smallest number outside of [0, 1], and both ends
    scale = Value(1.0)

    def train(number: float) -> None:
        optimizer = SGD([scale], learning_rate=0.0)
        fit(
            lambda x: scale * x, [0.5, number], [1, 1], loss=binary_cross_entropy, epochs=1,
            optimizer=optimizer, compiled=compiled,
        )  # fmt: skip

    train(1.0)
    with pytest.raises(ValueError, match=r"1\.0000000000000002"):
        train(np.nextafter(1.0, 2.0))


def test_validation_outputs_must_be_probabilities() -> None:
    scale = Value(1.0)
    with pytest.raises(ValueError, match=r"1.5 for validation X\[1\]"):
        fit(
            lambda x: scale * x, [0.5], [1], loss=binary_cross_entropy, epochs=1,
            optimizer=SGD([scale], learning_rate=0.0), validation=([0.5, 1.5], [1, 1]),
        )  # fmt: skip


def test_a_sigmoid_in_the_loss_makes_probabilities() -> None:
    def loss(outputs: Any, target: Any) -> Value:
        return binary_cross_entropy([ad.sigmoid(output) for output in outputs], target)

    model = MLP(2, [1], rng=0)
    history = fit(model, X, LABELS, loss=loss, optimizer=SGD(model.parameters(), 0.1), epochs=1)
    assert list(history) == ["loss"]  # it does not say what the model's outputs are


def test_each_different_target_is_checked_once() -> None:
    calls = 0

    def loss(outputs: Any, target: Any) -> Value:
        nonlocal calls
        calls += 1
        return logits(outputs, 1 - target)

    model = MLP(2, [1], rng=0)
    many = np.tile(LABELS, 100)
    fit(
        model, np.tile(X, (100, 1)), many, loss=loss, epochs=1, optimizer=SGD(model.parameters(), 0)
    )
    assert calls == 2 + 2 + 1  # the first example twice, two labels, the trace


def test_an_examination_says_what_happened() -> None:
    shown = examine(lambda x: [[Value(0.0)] * 3] * 2, total, np.zeros(2), np.zeros(()), "y[0]")
    assert (shown.shape, shown.outputs_are, shown.loss_names) == ((2, 3), None, [])


total: Callable[[Any, Any], Value] = lambda outputs, target: ad.sum(outputs[0])  # noqa: E731


def test_penalties_are_not_worked_out_for_every_target() -> None:
    model, calls = MLP(2, [1], rng=0), 0

    def loss(outputs: Any, target: Any) -> Value:
        nonlocal calls
        calls += 1
        return half_squared_error(outputs, [2 * target[0]]) + l2_penalty(model, 0.1)

    y = np.random.default_rng(0).normal(size=(300, 1))
    optimizer = SGD(model.parameters(), 0)
    fit(model, np.ones((300, 2)), y, loss=loss, epochs=1, optimizer=optimizer)
    assert calls == 2 + 1 + 1  # the first example twice, the trace of the targets, of the loss


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("loss", "n", "y", "message"),
    [
        (class_first, 3, [[k % 3, k] for k in range(40)], None),
        (class_first, 3, [[k // 13, k] for k in range(40)], r"y\[39\] is \[3"),
        (shifted, 1, np.linspace(-1, 1, 40), None),
        (shifted, 1, np.append(np.linspace(-1, 1, 39), 1.1), r"y\[39\] is 1.1: .*got 1.05"),
        (of_two, 2, [[k / 30, k] for k in range(40)], r"y\[31\] is \[1\.03"),
        (lambda o, t: logits(o, [0.0, 1.0, 2.0][t // 20]), 1, np.arange(50), r"y\[40\] is 40"),
    ],
)
def test_many_targets_are_checked_alike(
    loss: Any, n: int, y: Any, message: str | None, compiled: bool
) -> None:
    model = MLP(2, [3, n], rng=0)
    arguments: dict[str, Any] = {"loss": loss, "epochs": 1, "compiled": compiled}
    arguments["optimizer"] = SGD(model.parameters(), learning_rate=0.1)
    if message is None:
        fit(model, np.ones((len(y), 2)), y, **arguments)
        return
    with pytest.raises(ValueError, match=message):
        fit(model, np.ones((len(y), 2)), y, **arguments)


def test_among_whole_numbers_others_are_found() -> None:
    model = MLP(2, [3], rng=0)
    y = [*([1, k] for k in range(20)), [0.5, 0], [1, 0, 0]]
    with pytest.raises(TypeError, match=r"y\[20\] is \[0.5"):
        fit(
            model, np.ones((22, 2)), y, loss=class_first, epochs=1, batch_size=1,
            optimizer=SGD(model.parameters(), learning_rate=0.1),
        )  # fmt: skip


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "loss",
    [
        lambda o, t: binary_cross_entropy(o[:1], t[:1]) + half_squared_error(o[1:], t[1:]),
        lambda o, t: binary_cross_entropy([o[0] * 1.0], t[0]),
        lambda o, t: binary_cross_entropy(o[:1], t[:1]) + mean_absolute_error(o, t),
        lambda o, t: binary_cross_entropy([ad.sigmoid(o[1]), o[0]], t),
    ],
)
def test_probabilities_inside_of_a_loss_are_checked(loss: Any, compiled: bool) -> None:
    scale = Value(1.0)
    x, y = np.array([[0.5], [0.75], [1.5]]), np.ones((3, 2))

    def train(x: Any, y: Any, **more: Any) -> Any:
        return fit(
            lambda x: [scale * x[0], scale], x, y, loss=loss, epochs=1, compiled=compiled,
            optimizer=SGD([scale], 0.0), shuffle=False, **more,
        )  # fmt: skip

    train(x[:2], y[:2])
    message = "takes probabilities, from 0 to 1, got the output 1.5"
    with pytest.raises(ValueError, match=message + (r" for X\[2\]" if compiled else "")):
        train(x, y)
    with pytest.raises(ValueError, match=message):
        train(x[:2], y[:2], validation=(x, y))
    with pytest.raises(ValueError, match=message):
        evaluate(lambda x: [scale * x[0], scale], x, y, loss=loss, compiled=compiled)
