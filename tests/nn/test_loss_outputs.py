"""Outputs that a loss refuses: probabilities for logits, a target in their place, a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 2))
LABELS = (X[:, 0] > 0).astype(int)
ONE_HOT = np.eye(2)[LABELS]
OF_CLASSES = [nn.cross_entropy, nn.multi_class_hinge]
OF_ONE = [
    nn.half_squared_error,
    nn.mean_squared_error,
    nn.mean_absolute_error,
    nn.huber,
    nn.binary_cross_entropy,
    nn.binary_cross_entropy_with_logits,
    nn.hinge,
]
Loss = Callable[[Any, Any], Any]


def mlp(n_outputs: int, output_activation: str = "identity") -> nn.MLP:
    return nn.MLP(2, [3, n_outputs], output_activation=output_activation, rng=0)


def train(model: Any, loss: Loss, y: Any, compiled: bool) -> nn.History:
    optimizer = nn.SGD(model.parameters(), learning_rate=0.1)
    return nn.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=1, compiled=compiled)


# Probabilities for logits.


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("model", "loss", "y", "message"),
    [
        (mlp(1, "sigmoid"), nn.binary_cross_entropy_with_logits, LABELS, "use binary_cross_ent"),
        (mlp(1, "sigmoid"), nn.hinge, 2 * LABELS - 1, "hinge takes margins: drop the output_act"),
        (mlp(2, "sigmoid"), nn.cross_entropy, LABELS, "drop the output_activation or the sigmoid"),
        (nn.Sequential(mlp(2), ad.softmax), nn.cross_entropy, LABELS, "or the softmax$"),
        (nn.Sequential(mlp(2), ad.softmax), nn.multi_class_hinge, LABELS, "takes scores"),
    ],
)
def test_probabilities_are_no_logits(
    model: Any, loss: Loss, y: Any, message: str, compiled: bool
) -> None:
    before = nn.parameters_to_vector(model)
    with pytest.raises(TypeError, match=f"^the outputs are probabilities already.*{message}"):
        train(model, loss, y, compiled)
    assert (nn.parameters_to_vector(model) == before).all()


def test_probabilities_are_no_logits_of_a_compiled_function_either() -> None:
    model = mlp(2)
    program = ad.compile(lambda x, t: nn.cross_entropy(ad.softmax(model(x)), t), model.parameters())
    with pytest.raises(TypeError, match="the outputs are probabilities already"):
        program(None, X, LABELS)


def test_what_is_computed_of_probabilities_is_none() -> None:
    p, q = ad.softmax([Value(0.5), Value(-1.0)])
    assert nn.cross_entropy([p, 2.0 * q], 0).data > 0.0
    assert nn.binary_cross_entropy([p, q], [1, 0]).data > 0.0
    assert nn.half_squared_error([p, q], [1, 0]).data > 0.0


# The target in the outputs' place.


SWAPPED = "^outputs are plain numbers and the target is computed: if .*, outputs come first: "


@pytest.mark.parametrize("loss", OF_ONE[4:])
@pytest.mark.parametrize("swapped", [([1.0], [Value(0.5)]), (1.0, Value(0.5)), (1, mlp(1)([0, 1]))])
def test_a_target_is_not_what_was_computed(loss: Loss, swapped: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match=rf"{SWAPPED}{loss.__name__}\(outputs, target\)$"):
        loss(*swapped)


@pytest.mark.parametrize("loss", OF_CLASSES)
@pytest.mark.parametrize("target", [[0.0, 1.0], 1])
def test_a_target_of_classes_is_not_what_was_computed(loss: Loss, target: Any) -> None:
    with pytest.raises(TypeError, match=SWAPPED):
        loss(target, mlp(2)([0.5, 1.0]))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("y", [LABELS, ONE_HOT])
def test_a_loss_that_swaps_its_arguments_trains_nothing(y: Any, compiled: bool) -> None:
    with pytest.raises(TypeError, match=f"{SWAPPED}cross_entropy"):
        train(mlp(2), lambda outputs, target: nn.cross_entropy(target, outputs), y, compiled)


def test_a_compiled_function_that_swaps_its_arguments() -> None:
    model = mlp(2)
    program = ad.compile(lambda x, t: nn.cross_entropy(t, model(x)), model.parameters())
    with pytest.raises(TypeError, match="outputs come first"):
        program(None, X, ONE_HOT)


@pytest.mark.parametrize("loss", OF_ONE[:4])
def test_numbers_may_stand_on_either_side(loss: Loss) -> None:
    learned = Value(3.0)
    with pytest.raises(TypeError, match=SWAPPED):  # a single one is a Value
        loss(2.5, learned * 1.0)
    loss([2.5], [learned * 1.0]).backward()
    grad = learned.grad
    learned.grad = 0.0
    loss([learned * 1.0], [2.5]).backward()
    assert learned.grad == grad == 0.5 * (1.0 + (loss in OF_ONE[1:3]))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_target_may_be_learned(compiled: bool) -> None:
    scale = Value(0.5)
    history = nn.fit(
        lambda x: [x[0]], X, X[:, 0], rng=0, epochs=30, compiled=compiled, batch_size=5,
        loss=lambda outputs, target: nn.half_squared_error(outputs, [scale * target]),
        optimizer=nn.SGD([scale], learning_rate=0.5),
    )  # fmt: skip
    assert history.loss[-1] < 1e-6 < history.loss[0]


def test_values_may_be_targets() -> None:
    outputs, taught = mlp(2)([0.5, 1.0]), ad.softmax([Value(0.5), Value(1.0)])
    assert nn.cross_entropy(outputs, taught).data > 0.0  # of a teacher
    assert nn.half_squared_error([Value(1.0)], [Value(3.0)]).data == 2.0
    assert nn.half_squared_error([1.0], 3.0).data == 2.0
    with ad.no_grad():  # where all that is computed is a constant
        outputs = mlp(2)([0.5, 1.0])
    assert nn.cross_entropy(outputs, taught).data > 0.0


# A batch.


@pytest.mark.parametrize("loss", [*OF_ONE, *OF_CLASSES])
@pytest.mark.parametrize(
    "outputs",
    [[[Value(0.5), Value(0.2)]] * 3, [[0.5, 0.2]] * 3, np.array([[Value(0.5), Value(0.2)]] * 3)],
)
def test_a_batch_is_told_of_the_mean_loss(loss: Loss, outputs: Any) -> None:
    remedy = rf"write nn.mean_loss\(model, X, y, nn.{loss.__name__}\)"
    with pytest.raises(TypeError, match=f"takes one example's outputs, got a batch of 3.*{remedy}"):
        loss(outputs, [0, 1, 0])
