"""What holds of every loss, activation, layer and optimizer, whatever is put together.

Each has a right gradient, trains alike compiled and eager, ends in the same bits for the same seed,
and refuses a bad argument. A new name in `nn` fails here until it stands in the tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value

RNG = np.random.default_rng(0)
N = 12
X = RNG.normal(size=(N, 3))
NUMBERS = RNG.normal(size=(N, 2))
CLASSES = RNG.integers(0, 3, size=N)
ONE_HOT = np.eye(3)[CLASSES]
SIGNS = np.sign(RNG.normal(size=N)).astype(int)
LABELS = (SIGNS + 1) // 2
untyped: Any = nn


class Case(NamedTuple):
    """A model, what it learns, and from what."""

    model: Callable[[], nn.Module]  # the same one each time
    loss: Callable[[nn.Module], Any]  # of that model, as a penalty looks at its weights
    X: NDArray[Any]
    y: NDArray[Any]


# Losses: number of outputs, output activation, targets, and the loss of a model.


def penalised(name: str) -> Callable[[nn.Module], Any]:
    """A loss of numbers with a penalty on the parameters."""

    def of(model: nn.Module) -> Any:
        penalty = getattr(nn, name)
        return lambda outputs, t: nn.half_squared_error(outputs, t) + penalty(model, 0.1)

    return of


def smoothed(outputs: Any, target: Any) -> Value:
    return nn.cross_entropy(outputs, target, label_smoothing=0.1)


LOSSES: dict[tuple[str, str], tuple[int, str, Any, Callable[[nn.Module], Any]]] = {
    ("half_squared_error", ""): (2, "identity", NUMBERS, lambda _: nn.half_squared_error),
    ("mean_squared_error", ""): (2, "tanh", NUMBERS, lambda _: nn.mean_squared_error),
    ("mean_absolute_error", ""): (2, "identity", NUMBERS, lambda _: nn.mean_absolute_error),
    ("huber", ""): (2, "identity", NUMBERS, lambda _: nn.huber),
    ("binary_cross_entropy", "labels"): (1, "sigmoid", LABELS, lambda _: nn.binary_cross_entropy),
    ("binary_cross_entropy", "soft"): (
        1, "sigmoid", 0.2 + 0.5 * LABELS, lambda _: nn.binary_cross_entropy,
    ),
    ("binary_cross_entropy_with_logits", "one"): (
        1, "identity", LABELS, lambda _: nn.binary_cross_entropy_with_logits,
    ),
    ("binary_cross_entropy_with_logits", "several"): (
        3, "identity", ONE_HOT, lambda _: nn.binary_cross_entropy_with_logits,
    ),
    ("cross_entropy", "classes"): (3, "identity", CLASSES, lambda _: nn.cross_entropy),
    ("cross_entropy", "one-hot"): (3, "identity", ONE_HOT, lambda _: nn.cross_entropy),
    ("cross_entropy", "smoothed"): (3, "identity", CLASSES, lambda _: smoothed),
    ("hinge", ""): (1, "identity", SIGNS, lambda _: nn.hinge),
    ("multi_class_hinge", ""): (3, "identity", CLASSES, lambda _: nn.multi_class_hinge),
    ("l1_penalty", ""): (2, "identity", NUMBERS, penalised("l1_penalty")),
    ("l2_penalty", ""): (2, "identity", NUMBERS, penalised("l2_penalty")),
}  # fmt: skip
OPTIMIZERS: dict[tuple[str, str], Any] = {
    ("SGD", ""): lambda p: nn.SGD(p, 0.05),
    ("SGD", "momentum"): lambda p: nn.SGD(p, 0.05, momentum=0.9, weight_decay=0.01, clip_norm=1.0),
    ("SGD", "Nesterov"): lambda p: nn.SGD(p, 0.05, momentum=0.9, nesterov=True, clip_value=0.1),
    ("AdaGrad", ""): lambda p: nn.AdaGrad(p, 0.05),
    ("RMSProp", ""): lambda p: nn.RMSProp(p, 0.01),
    ("Adam", ""): lambda p: nn.Adam(p, 0.01),
    ("AdamW", ""): lambda p: nn.AdamW(p, 0.01),
}
ACTIVATIONS = sorted(nn.ACTIVATIONS)


def network(loss: tuple[str, str], activation: str) -> Case:
    """A network 3-3-k with this activation, and this loss."""
    n_outputs, last, y, make_loss = LOSSES[loss]

    def model() -> nn.Module:
        return nn.MLP(3, [3, n_outputs], activation=activation, output_activation=last, rng=1)

    return Case(model, make_loss, X, y)


# Layers, each in a small model of its own.


class Model(nn.Module):
    """Parts, and what to make of them."""

    def __init__(self, call: Callable[..., Any], *parts: nn.Module) -> None:
        self.call, self.parts = call, list(parts)

    def __call__(self, x: Any) -> Any:
        return self.call(x, *self.parts)


def layer(*parts: Callable[[], nn.Module], call: Callable[..., Any], X: Any) -> Case:
    """Numbers learned by a model of these parts."""
    return Case(
        lambda: Model(call, *(part() for part in parts)),
        lambda _: nn.half_squared_error,
        X,
        NUMBERS,
    )


def flat(nested: Any) -> list[Any]:
    return [x for part in nested for x in flat(part)] if isinstance(nested, list) else [nested]


def readout(n_inputs: int) -> Callable[[], nn.Module]:
    return lambda: nn.Linear(n_inputs, 2, rng=5)


SEQUENCES = RNG.normal(size=(N, 4, 2))
IMAGES = RNG.normal(size=(N, 1, 4, 4))
TOKENS = RNG.integers(0, 5, size=(N, 3))
LAYERS: dict[str, Case] = {
    "Neuron": layer(
        lambda: nn.Neuron(3, rng=0), lambda: nn.Neuron(3, activation="sigmoid", rng=1),
        call=lambda x, a, b: [a(x), b(x)], X=X,
    ),
    "Layer": layer(lambda: nn.Layer(3, 2, rng=0), call=lambda x, a: a(x), X=X),
    "MLP": layer(lambda: nn.MLP(3, [4, 3, 2], rng=0), call=lambda x, a: a(x), X=X),
    "Linear": layer(
        lambda: nn.Linear(3, 3, bias=False, rng=0), readout(3), call=lambda x, a, b: b(a(x)), X=X
    ),
    "Sequential": layer(
        lambda: nn.Sequential(nn.Linear(3, 4, rng=0), ad.tanh, nn.Layer(4, 2, rng=1)),
        call=lambda x, a: a(x), X=X,
    ),
    "Dropout": layer(
        lambda: nn.Sequential(nn.Dropout(0.2), nn.Layer(3, 4, rng=0), nn.Dropout(0.5)), readout(4),
        call=lambda x, a, b: b(a(x)), X=X,
    ),
    "RNNCell": layer(
        lambda: nn.RNNCell(2, 3, rng=0), readout(3), call=lambda x, a, b: b(a.unroll(x)[-1]),
        X=SEQUENCES,
    ),
    "GRUCell": layer(
        lambda: nn.GRUCell(2, 2, rng=0), readout(2), call=lambda x, a, b: b(a.unroll(x)[-1]),
        X=SEQUENCES,
    ),
    "Embedding": layer(
        lambda: nn.Embedding(5, 2, rng=0), readout(6),
        call=lambda x, a, b: b(flat([a(token) for token in x])), X=TOKENS,
    ),
    "LayerNorm": layer(lambda: nn.LayerNorm(3), readout(3), call=lambda x, a, b: b(a(x)), X=X),
    "RMSNorm": layer(lambda: nn.RMSNorm(3), readout(3), call=lambda x, a, b: b(a(x)), X=X),
    "Conv2D": layer(
        lambda: nn.Conv2D(1, 2, 3, stride=2, padding=1, activation="tanh", rng=0), readout(8),
        call=lambda x, a, b: b(flat(a(x))), X=IMAGES,
    ),
    "Attention": layer(
        lambda: nn.Attention(2, 2, causal=True, rng=0), readout(8),
        call=lambda x, a, b: b(flat(a(x))), X=SEQUENCES,
    ),
}  # fmt: skip

# Bad arguments: what is called, the error, and what was given, what was expected or what to do.

TWO = [Value(0.3), Value(-1.2)]
WEIGHT = [Value(0.5)]
BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "half_squared_error": (
        lambda: nn.half_squared_error(TWO, [1.0]), ValueError, "2 outputs but 1 target",
    ),
    "mean_squared_error": (
        lambda: nn.mean_squared_error(TWO, [1.0]), ValueError, "2 outputs but 1 target",
    ),
    "mean_absolute_error": (
        lambda: nn.mean_absolute_error(TWO, [1.0]), ValueError, "2 outputs but 1 target",
    ),
    "huber": (lambda: nn.huber(TWO, [0, 0], delta=-1.0), ValueError, "delta.*-1"),
    "binary_cross_entropy": (
        lambda: nn.binary_cross_entropy(TWO[0], 1.5), ValueError, r"\[0, 1\], got 1.5",
    ),
    "binary_cross_entropy_with_logits": (
        lambda: nn.binary_cross_entropy_with_logits(TWO[0], -1), ValueError, "not -1 and 1",
    ),
    "cross_entropy": (lambda: nn.cross_entropy(TWO, 2), ValueError, "2"),
    "hinge": (lambda: nn.hinge(TWO[0], 0), ValueError, "-1.*1.*0"),
    "multi_class_hinge": (lambda: nn.multi_class_hinge(TWO, 2), ValueError, "2"),
    "l1_penalty": (lambda: nn.l1_penalty(WEIGHT, -0.1), ValueError, "strength.*-0.1"),
    "l2_penalty": (lambda: nn.l2_penalty(WEIGHT, -0.1), ValueError, "strength.*-0.1"),
    "Neuron": (lambda: nn.Neuron(0), ValueError, "0"),
    "Layer": (lambda: nn.Layer(3, 0), ValueError, "0"),
    "MLP": (lambda: untyped.MLP(3, 2), TypeError, "2"),
    "Linear": (lambda: untyped.Linear(3.5, 2), TypeError, "3.5"),
    "Sequential": (
        lambda: untyped.Sequential(3), TypeError, "must be a module.*or a function, got int",
    ),
    "Dropout": (lambda: nn.Dropout(1.0), ValueError, "1.0"),
    "RNNCell": (lambda: nn.RNNCell(2, -1), ValueError, "-1"),
    "GRUCell": (lambda: nn.GRUCell(2, 3)([1.0]), ValueError, "2.*1"),
    "Embedding": (lambda: nn.Embedding(3, 2)(3), IndexError, "0 to 2, got 3"),
    "LayerNorm": (lambda: nn.LayerNorm(3, epsilon=0.0), ValueError, "above 0, got 0"),
    "RMSNorm": (lambda: nn.RMSNorm(3)([1.0]), ValueError, "3.*1"),
    "Conv2D": (lambda: nn.Conv2D(1, 1, 3)([[[0.0]]]), ValueError, "at least as large"),
    "Attention": (lambda: nn.Attention(4, 3), ValueError, "4.*3|3.*4"),
    **{
        name: (
            partial(getattr(untyped, name), WEIGHT, lr=0.1), TypeError,
            "'lr'; did you mean learning_rate",
        )
        for name, _ in OPTIMIZERS
    },
    **{
        f"activation {name}": (
            partial(nn.Layer, 2, 1, activation=f"{name}s"), ValueError, f"{name}s.*{name}",
        )
        for name in ACTIVATIONS
    },
}  # fmt: skip


def test_nothing_is_missing_in_the_tables() -> None:
    public = {name: getattr(nn, name) for name in nn.__all__}
    losses = {
        name
        for name, thing in public.items()
        if getattr(thing, "__module__", "").startswith("nn.losses.")
        and not thing.__module__.endswith(".metrics")
    }
    classes = {name: thing for name, thing in public.items() if isinstance(thing, type)}
    layers = {name for name, thing in classes.items() if issubclass(thing, nn.Module)}
    optimizers = {name for name, thing in classes.items() if issubclass(thing, nn.Optimizer)}
    assert {name for name, _ in LOSSES} == losses - {"mean_loss"}
    assert LAYERS.keys() == layers - {"Module"}
    assert {name for name, _ in OPTIMIZERS} == optimizers - {"Optimizer"}
    activations = {f"activation {name}" for name in nn.ACTIVATIONS}
    tables = {name for name, _ in (*LOSSES, *OPTIMIZERS)} | LAYERS.keys() | activations
    assert BAD.keys() == tables


# Each loss with each activation, the optimizers in turn; each layer with an optimizer.

ORDER = list(OPTIMIZERS)
NETWORKS = [
    (loss, activation, ORDER[(i + k) % len(ORDER)])
    for (i, loss), (k, activation) in itertools.product(enumerate(LOSSES), enumerate(ACTIVATIONS))
]
CASES = {
    " ".join((*loss, activation, *optimizer)): (network(loss, activation), optimizer)
    for loss, activation, optimizer in NETWORKS
} | {
    f"{name} {' '.join(optimizer)}": (LAYERS[name], optimizer)
    for name, optimizer in zip(LAYERS, itertools.cycle(ORDER))
}


def test_every_loss_meets_every_optimizer() -> None:
    met = {(loss, optimizer) for loss, _, optimizer in NETWORKS}
    assert met == set(itertools.product(LOSSES, OPTIMIZERS))


def trained(case: Case, optimizer: tuple[str, str], **options: Any) -> tuple[Any, Any]:
    """The parameters after an epoch, and what was recorded."""
    model = case.model()
    arguments: dict[str, Any] = {"validation": (case.X[:4], case.y[:4]), "rng": 3} | options
    history = nn.fit(
        model, case.X, case.y, loss=case.loss(model), epochs=1, batch_size=5,
        optimizer=OPTIMIZERS[optimizer](model.parameters()), **arguments,
    )  # fmt: skip
    return nn.parameters_to_vector(model), np.array(list(history.values()))


@pytest.mark.parametrize("name", CASES)
def test_an_epoch_is_the_same_compiled_and_eager_and_for_the_same_seed(name: str) -> None:
    case, optimizer = CASES[name]
    theta, rows = trained(case, optimizer)
    assert np.abs(theta - nn.parameters_to_vector(case.model())).max() > 1e-4
    eager_theta, eager_rows = trained(case, optimizer, compiled=False)
    np.testing.assert_allclose(theta, eager_theta, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(rows, eager_rows, rtol=1e-12)
    theta_again, rows_again = trained(case, optimizer)
    assert theta.tolist() == theta_again.tolist()
    assert rows.tolist() == rows_again.tolist()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=" ".join)
def test_another_seed_trains_otherwise(optimizer: tuple[str, str]) -> None:
    case = LAYERS["Dropout"]
    first, second = (trained(case, optimizer, rng=rng)[0] for rng in (3, 4))
    assert first.tolist() != second.tolist()


STEP = 1e-4


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_differences(name: str) -> None:
    case, _ = CASES[name]
    model = case.model()
    loss, theta = case.loss(model), nn.parameters_to_vector(model)

    def evaluate() -> Value:
        with nn.training_mode(0):  # masks drawn anew, the same ones
            value: Value = loss(model(case.X[0].tolist()), case.y[0].tolist())
        return value

    def at(numbers: Any) -> float:
        nn.vector_to_parameters(numbers, model)
        return evaluate().data

    evaluate().backward()
    gradient = [parameter.grad for parameter in model.parameters()]
    # of fourth order: truncated by about STEP**4, rounded by about 1e-16 / STEP
    differences = [
        (8 * (at(theta + step) - at(theta - step)) - at(theta + 2 * step) + at(theta - 2 * step))
        / (12 * STEP)
        for step in STEP * np.eye(len(theta))
    ]
    np.testing.assert_allclose(gradient, differences, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
