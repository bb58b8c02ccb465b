"""Losses: closed forms, numbers of any size, targets of every kind, and bad targets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value, gradcheck
from nn import (
    Neuron,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    hinge,
    huber,
    l1_penalty,
    l2_penalty,
    mean_absolute_error,
    mean_loss,
    mean_squared_error,
    multi_class_hinge,
    vector_to_parameters,
)
from nn.losses.loss_calls import call_loss
from nn.losses.loss_uses import observed
from nn.training.differentiation import Loss

untyped: Any = nn
finite = st.floats(-50, 50)
probability = st.floats(0, 1)


def grads(values: list[Value]) -> list[float]:
    return [value.grad for value in values]


# Half squared error.


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=5))
def test_half_squared_error(pairs: list[tuple[float, float]]) -> None:
    outputs = [Value(output) for output, _ in pairs]
    loss = half_squared_error(outputs, [target for _, target in pairs])
    loss.backward()
    assert loss.data == pytest.approx(0.5 * sum((o - t) ** 2 for o, t in pairs), rel=1e-13)
    assert grads(outputs) == [o - t for o, t in pairs]


def test_half_squared_error_has_one_path_for_one_output() -> None:
    y = Value(3.0)
    loss = half_squared_error([y], 1.0)
    uses = [p for node in ad.topological_order(loss) for p in node.parents if p is y]
    assert len(uses) == 1
    assert all(
        sum(parent.op != "constant" for parent in node.parents) <= 1
        for node in ad.topological_order(loss)
    )


@pytest.mark.parametrize(
    "targets", [2.0, 2, [2.0], (2,), np.array([2.0]), np.float32(2.0), np.array(2)]
)
@pytest.mark.parametrize("wrap", [lambda y: y, lambda y: [y]])
def test_one_output_takes_a_number_or_a_sequence(
    wrap: Callable[[Value], Value | list[Value]], targets: Any
) -> None:
    assert half_squared_error(wrap(Value(5.0)), targets).data == 4.5


def test_targets_may_be_values() -> None:
    y, t = Value(5.0), Value(2.0)
    half_squared_error([y], [t]).backward()
    assert (y.grad, t.grad) == (3.0, -3.0)
    half_squared_error(y, t).backward()
    assert (y.grad, t.grad) == (6.0, -6.0)


# Binary cross-entropy.


@given(st.floats(0.001, 0.999), probability)
def test_binary_cross_entropy(h: float, t: float) -> None:
    value = Value(h)
    loss = binary_cross_entropy([value], t)
    loss.backward()
    assert loss.data == pytest.approx(-(t * math.log(h) + (1 - t) * math.log1p(-h)), rel=1e-13)
    of_1, of_0 = t / h, (1 - t) / (1 - h)  # which may cancel
    assert value.grad == pytest.approx(of_0 - of_1, rel=1e-12, abs=1e-15 * (of_0 + of_1))


@given(st.floats(-30, 30), probability)
def test_logits_give_the_same_loss_as_their_probability(z: float, t: float) -> None:
    logit, other = Value(z), Value(z)
    loss = binary_cross_entropy_with_logits([logit], t)
    same = binary_cross_entropy([ad.sigmoid(other)], t)
    loss.backward()
    same.backward()
    assert logit.grad == pytest.approx(1 / (1 + math.exp(-z)) - t, rel=1e-12, abs=1e-15)
    if abs(z) < 15:  # further out, 1 - h has lost its digits; here it has lost some
        lost = max(1e-12, 1e-15 * math.exp(abs(z)))
        assert loss.data == pytest.approx(same.data, rel=lost)
        assert logit.grad == pytest.approx(other.grad, rel=lost, abs=lost)


@pytest.mark.parametrize(
    ("z", "target", "loss", "grad"),
    [
        (0.0, 1, math.log(2), -0.5),
        (40.0, 1, math.exp(-40), -math.exp(-40)),
        (-40.0, 0, math.exp(-40), math.exp(-40)),
        (800.0, 1, 0.0, 0.0),
        (800.0, 0, 800.0, 1.0),
        (-800.0, 1, 800.0, -1.0),
        (1e308, 0, 1e308, 1.0),
        (math.inf, 1, 0.0, 0.0),
        (800.0, 0.25, 600.0, 0.75),
    ],
)
def test_logits_of_any_size(z: float, target: float, loss: float, grad: float) -> None:
    logit = Value(z)
    result = binary_cross_entropy_with_logits([logit], target)
    result.backward()
    assert result.data == pytest.approx(loss, rel=1e-13, abs=0)
    assert logit.grad == pytest.approx(grad, rel=1e-13, abs=0)


@pytest.mark.parametrize(
    ("h", "target", "loss"),
    [(0.0, 0, 0.0), (1.0, 1, 0.0), (0.0, 1, math.inf), (1.0, 0, math.inf), (1e-20, 0, 1e-20)],
)
def test_probabilities_at_their_ends(h: float, target: int, loss: float) -> None:
    assert binary_cross_entropy([Value(h)], target).data == pytest.approx(loss, rel=1e-15, abs=0)


@pytest.mark.parametrize(
    "target", [True, np.True_, 1, np.int64(1), 1.0, np.float32(1), [1], Value(1.0)]
)
@pytest.mark.parametrize("loss", [binary_cross_entropy, binary_cross_entropy_with_logits])
def test_binary_labels_of_every_type(loss: Loss, target: Any) -> None:
    assert loss([Value(0.3)], target).data == pytest.approx(loss(Value(0.3), 1.0).data, rel=1e-15)


def test_several_labels_are_summed() -> None:
    z = [Value(0.3), Value(-1.0)]
    single = [binary_cross_entropy_with_logits([v], t).data for v, t in zip(z, (1, 0), strict=True)]
    assert binary_cross_entropy_with_logits(z, [1, 0]).data == pytest.approx(sum(single), rel=1e-15)


# Cross-entropy.


def softmax(z: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    exps = np.exp(np.array(z) - max(z))
    y: NDArray[np.float64] = exps / exps.sum()
    return y


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=6), st.data())
def test_cross_entropy_of_a_class(z: list[float], data: st.DataObject) -> None:
    target = data.draw(st.integers(0, len(z) - 1))
    logits = [Value(number) for number in z]
    loss = cross_entropy(logits, target)
    loss.backward()
    y = softmax(z)
    expected = y.copy()
    expected[target] -= 1
    assert loss.data == pytest.approx(-math.log(y[target]), rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(grads(logits), expected, rtol=1e-12, atol=1e-14)


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(0.01, 1)), min_size=2, max_size=6))
def test_cross_entropy_of_probabilities(pairs: list[tuple[float, float]]) -> None:
    z, weights = zip(*pairs, strict=True)
    p = np.array(weights) / sum(weights)
    logits = [Value(number) for number in z]
    loss = cross_entropy(logits, p)
    loss.backward()
    y = softmax(z)
    assert loss.data == pytest.approx(-(p * np.log(y)).sum(), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(grads(logits), y - p, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "target", [1, np.int64(1), np.uint8(1), np.array(1), [0, 1, 0], (0.0, 1.0, 0.0), np.eye(3)[1],
               [False, True, False], [Value(0.0), Value(1.0), Value(0.0)]],
)  # fmt: skip
def test_targets_of_every_type(target: Any) -> None:
    logits = [Value(0.5), Value(-1.0), Value(2.0)]
    expected = math.log(math.exp(0.5) + math.exp(-1) + math.exp(2)) + 1
    assert cross_entropy(logits, target).data == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("target", [0, [1, 0, 0]])
def test_cross_entropy_of_huge_logits(target: int | list[float]) -> None:
    logits = [Value(-1e300), Value(0.0), Value(1e300)]
    loss = cross_entropy(logits, target)
    loss.backward()
    assert loss.data == 2e300
    assert grads(logits) == [-1.0, 0.0, 1.0]


@pytest.mark.parametrize("target", [1, [0, 1, 0]])
def test_a_class_ruled_out_by_an_infinite_logit(target: int | list[float]) -> None:
    logits = [Value(-math.inf), Value(0.0), Value(0.0)]
    loss = cross_entropy(logits, target)
    loss.backward()
    assert loss.data == pytest.approx(math.log(2), rel=1e-15)
    assert grads(logits) == [0.0, -0.5, 0.5]


INFINITE_LOGITS = [
    [-math.inf, 0.0, 1.0],
    [0.0, 1.0, -math.inf],
    [-math.inf, -math.inf, 1.0],
    [-math.inf, -math.inf, -math.inf],
    [math.inf, 0.0, 1.0],
    [0.0, math.inf, -1.0],
    [math.inf, math.inf, 0.0],
    [math.inf, -math.inf, 0.0],
]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("target", [0, 2, [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.2, 0.3, 0.5]])
@pytest.mark.parametrize("logits", INFINITE_LOGITS)
def test_infinite_logits_compile_to_the_same(
    logits: list[float], target: int | list[float], smoothing: float
) -> None:
    loss = partial(cross_entropy, label_smoothing=smoothing)
    value, gradient = value_and_gradient(loss, logits, target)
    parameters = [Value(logit) for logit in logits]
    program = ad.compile(lambda t: loss(parameters, t), parameters)
    compiled, slopes = program.value_and_grad(None, np.array([target]))
    as_inputs = ad.compile(lambda z, t: loss(z, t), [])(
        None, np.array([logits]), np.array([target])
    )
    np.testing.assert_allclose([compiled, *as_inputs], value, rtol=1e-14, atol=0)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-14, atol=1e-16)
    if not any(map(math.isnan, [value, *gradient])):
        ruled_out = [logit == -math.inf for logit in logits]
        p = np.eye(3)[target] if isinstance(target, int) else np.array(target)
        p = (1 - smoothing) * p + smoothing / 3
        assert (value == math.inf) == bool(p[ruled_out].any() or math.inf in logits)


TARGETS: list[int | list[float]] = [
    1,
    [0, 1, 0],
    [0.45, 0.2, 0.35],
    [0.0, 0.75, 0.25],
    [0.5, 0.25, 0.25],
]


@pytest.mark.parametrize("shift", [1e10, -1e10, 1e16, -1e16, 1e300])
@pytest.mark.parametrize("target", TARGETS)
def test_a_common_shift_of_the_logits_does_not_matter(
    shift: float, target: int | list[float]
) -> None:
    z = np.zeros(3) if abs(shift) == 1e300 else np.array([0.0, 2.0, -4.0])
    p = np.eye(3)[target] if isinstance(target, int) else np.array(target)
    y = softmax(z)
    logits = [Value(shift + number) for number in z]
    loss = cross_entropy(logits, target)
    loss.backward()
    assert loss.data == pytest.approx(-(p * np.log(y)).sum(), rel=1e-14)
    np.testing.assert_allclose(grads(logits), y - p, rtol=1e-14, atol=1e-16)
    parameters = [Value(0.0) for _ in z]
    kinds: list[Callable[..., Value]] = [lambda x, t: cross_entropy(parameters, t) * x]
    if not isinstance(target, int):
        kinds.append(lambda x: cross_entropy(parameters, target) * x)
    for function in kinds:
        batch = [np.ones(2), np.array([target, target])][: function.__code__.co_argcount]
        program = ad.compile(function, parameters)
        compiled, gradient = program.value_and_grad(shift + z, *batch)
        assert compiled == pytest.approx(loss.data, rel=1e-14)
        np.testing.assert_allclose(gradient, y - p, rtol=1e-13, atol=1e-15)


def test_probabilities_that_are_values() -> None:
    z, p = [Value(1e16 + x) for x in (0.0, 2.0, -4.0)], [Value(x) for x in (0.5, 0.125, 0.375)]
    loss = cross_entropy(z, p)
    loss.backward()
    logs = np.log(softmax([0.0, 2.0, -4.0]))
    np.testing.assert_allclose(grads(p), -logs, rtol=1e-14)
    np.testing.assert_allclose(grads(z), np.exp(logs) - [0.5, 0.125, 0.375], rtol=1e-14)


@pytest.mark.parametrize(
    ("z", "p", "loss"),
    [
        ([-math.inf, 0.0], [0.75, 0.25], math.inf),
        ([math.inf, 0.0], [1, 0], math.nan),  # infinity less infinity, as in PyTorch
        ([math.inf, 0.0], [0, 1], math.inf),
        ([math.nan, 0.0], [0.5, 0.5], math.nan),
        ([-1e9, 1.0, 1.0], [0.0, 0.25, 0.75], math.log(2)),
        ([-1e9, 1.0, 1.0], [1e-9, 0.25, 0.75 - 1e-9], math.log(2) + 1 + 1e-9),
        ([1e308, -1e308], [0.5, 0.5], math.inf),  # a difference of logits is
    ],
)
def test_probabilities_at_the_edges(z: list[float], p: list[float], loss: float) -> None:
    values = [Value(number) for number in z]
    assert cross_entropy(values, p).data == pytest.approx(loss, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("target", [2, np.int64(2), [0, 0, 1]])
def test_a_class_makes_one_node_over_the_logits(target: Any) -> None:
    logits = [Value(0.5), Value(-1.0), Value(2.0)]
    loss = cross_entropy(logits, target)
    assert [node.op for node in ad.topological_order(loss)] == ["", "", "", "log_softmax", "neg"]


def test_probabilities_make_a_graph_of_a_size_linear_in_the_classes() -> None:
    logits = [Value(0.1 * k) for k in range(100)]
    loss = cross_entropy(logits, np.full(100, 0.01))
    assert sum(len(node.parents) for node in ad.topological_order(loss)) < 600


def test_a_recorded_loss_of_probabilities_is_recomputed() -> None:
    logits = [Value(1.0), Value(2.0)]
    loss = cross_entropy(logits, [0.25, 0.75])
    for logit, number in zip(logits, (-800.0, 800.0), strict=True):
        logit.data = number
    ad.recompute(loss)
    assert loss.data == cross_entropy(logits, [0.25, 0.75]).data == 400.0


@pytest.mark.parametrize("target", [1, [0.25, 0.5, 0.25]])
def test_a_gradient_penalty_on_cross_entropy_compiles(target: int | list[float]) -> None:
    weights = [Value(0.3), Value(-0.2), Value(0.5)]

    def penalty(z: Any) -> Value:
        def loss(z: Sequence[Value]) -> Value:
            return cross_entropy([w * x for w, x in zip(weights, z, strict=True)], target)

        slopes: list[Value] = ad.grad(loss)(z)
        total: Value = ad.sum([slope * slope for slope in slopes])
        return total

    z = [0.4, 0.7, -1.0]
    value, gradient = ad.compile(penalty, weights).value_and_grad(
        np.array([w.data for w in weights]), np.array([z])
    )
    expected = penalty(z)
    assert value == pytest.approx(expected.data, rel=1e-13)
    np.testing.assert_allclose(gradient, ad.gradients(expected, weights), rtol=1e-12)


def test_plain_logits_are_fine() -> None:
    assert cross_entropy([0.0, 0.0], 1).data == pytest.approx(math.log(2), rel=1e-15)
    assert half_squared_error([1.0], [3.0]).data == 2.0


@pytest.mark.parametrize(
    "given", [{0: 0.5, 1: 0.5}, {0.25, 0.75}, {0.25: 1, 0.75: 2}.keys(), "01", b"01", bytearray(2)]
)
def test_what_has_no_order_is_no_sequence(given: Any) -> None:
    two = [Value(0.5), Value(0.5)]
    for loss in (half_squared_error, binary_cross_entropy, binary_cross_entropy_with_logits):
        with pytest.raises(TypeError, match="outputs must be a Value or a sequence, got"):
            loss(given, [0.0, 1.0])
        with pytest.raises(TypeError, match="a target must be a real number, got"):
            loss(two, given)
    with pytest.raises(TypeError, match="logits must be a sequence"):
        cross_entropy(given, 0)
    with pytest.raises(TypeError, match="target must be an int class index or a sequence"):
        cross_entropy(two, given)
    with pytest.raises(TypeError, match="inputs must be a sequence, one entry per example"):
        mean_loss(lambda x: two, given, [0, 1], cross_entropy)
    with pytest.raises(TypeError, match="targets must be a sequence, one entry per example"):
        mean_loss(lambda x: two, [0, 1], given, cross_entropy)


# Every loss: against formulas in NumPy, differences, PyTorch and its compiled form.


@dataclass(frozen=True)
class Case:
    """A loss, what it is tried on, and what it is in NumPy and in PyTorch.

    `targets` makes targets for K outputs of integers that decide, one for each output; `kinks` are
    0 where the loss is not smooth.
    """

    loss: Callable[..., Value]
    targets: Callable[[NDArray[np.int64]], Any]
    formula: Callable[[NDArray[np.float64], Any], float]
    in_torch: Callable[[Any, Any, Any, Any], Any]  # torch, its functional, outputs, targets
    kinks: Callable[[NDArray[np.float64], Any], Any] = lambda o, t: np.ones(1)
    domain: tuple[float, float] = (-5.0, 5.0)


def normal_targets(choice: NDArray[np.int64]) -> Any:
    return np.array([-2.0, -0.5, 0.25, 3.0])[choice % 4]


def one_class(choice: NDArray[np.int64]) -> Any:
    return np.int64(choice.sum() % len(choice))


def class_probabilities(choice: NDArray[np.int64]) -> Any:
    weights = 1.0 + choice
    return weights / weights.sum()


def log_softmax_of(z: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = z - np.logaddexp.reduce(z)
    return logs


def smoothed(z: NDArray[np.float64], p: Any, part: float) -> float:
    p = np.eye(len(z))[p] if np.ndim(p) == 0 else p
    logs = log_softmax_of(z)
    return float(-sum(((1 - part) * p + part / len(z)) * logs))


def huber_formula(r: NDArray[np.float64], delta: float) -> float:
    size = abs(r)
    return float(np.where(size <= delta, r**2 / 2, delta * (size - delta / 2)).sum())


CASES: dict[str, Case] = {
    "half_squared_error": Case(
        half_squared_error, normal_targets,
        lambda o, t: float(((o - t) ** 2).sum() / 2),
        lambda torch, F, o, t: F.mse_loss(o, t, reduction="sum") / 2,
    ),
    "mean_squared_error": Case(
        mean_squared_error, normal_targets,
        lambda o, t: float(((o - t) ** 2).mean()),
        lambda torch, F, o, t: torch.nn.MSELoss()(o, t),
    ),
    "mean_absolute_error": Case(
        mean_absolute_error, normal_targets,
        lambda o, t: float(abs(o - t).mean()),
        lambda torch, F, o, t: torch.nn.L1Loss()(o, t),
        kinks=lambda o, t: o - t,
    ),
    "huber": Case(
        huber, normal_targets,
        lambda o, t: huber_formula(o - t, 1.0),
        lambda torch, F, o, t: torch.nn.HuberLoss(reduction="sum")(o, t),
        kinks=lambda o, t: abs(o - t) - 1.0,
    ),
    "huber with a small delta": Case(
        partial(huber, delta=0.3), normal_targets,
        lambda o, t: huber_formula(o - t, 0.3),
        lambda torch, F, o, t: torch.nn.HuberLoss(reduction="sum", delta=0.3)(o, t),
        kinks=lambda o, t: abs(o - t) - 0.3,
    ),
    "binary_cross_entropy": Case(
        binary_cross_entropy, lambda choice: choice % 2,
        lambda h, t: float(-(t * np.log(h) + (1 - t) * np.log1p(-h)).sum()),
        lambda torch, F, h, t: torch.nn.BCELoss(reduction="sum")(h, t.double()),
        domain=(0.01, 0.99),
    ),
    "binary_cross_entropy of probabilities": Case(
        binary_cross_entropy, lambda choice: choice / 3,
        lambda h, t: float(-(t * np.log(h) + (1 - t) * np.log1p(-h)).sum()),
        lambda torch, F, h, t: torch.nn.BCELoss(reduction="sum")(h, t),
        domain=(0.01, 0.99),
    ),
    "binary_cross_entropy_with_logits": Case(
        binary_cross_entropy_with_logits, lambda choice: choice % 2,
        lambda z, t: float(np.logaddexp(0, (1 - 2 * t) * z).sum()),
        lambda torch, F, z, t: torch.nn.BCEWithLogitsLoss(reduction="sum")(z, t.double()),
    ),
    "binary_cross_entropy_with_logits of probabilities": Case(
        binary_cross_entropy_with_logits, lambda choice: choice / 3,
        lambda z, t: float((t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z)).sum()),
        lambda torch, F, z, t: torch.nn.BCEWithLogitsLoss(reduction="sum")(z, t),
    ),
    "cross_entropy": Case(
        cross_entropy, one_class,
        lambda z, t: smoothed(z, t, 0.0),
        lambda torch, F, z, t: torch.nn.CrossEntropyLoss()(z, t),
    ),
    "cross_entropy, one-hot": Case(
        cross_entropy, lambda choice: np.eye(len(choice), dtype=int)[one_class(choice)],
        lambda z, t: smoothed(z, t, 0.0),
        lambda torch, F, z, t: torch.nn.CrossEntropyLoss()(z, t.double()),
    ),
    "cross_entropy of probabilities": Case(
        cross_entropy, class_probabilities,
        lambda z, t: smoothed(z, t, 0.0),
        lambda torch, F, z, t: torch.nn.CrossEntropyLoss()(z, t),
    ),
    "cross_entropy, smoothed": Case(
        partial(cross_entropy, label_smoothing=0.1), one_class,
        lambda z, t: smoothed(z, t, 0.1),
        lambda torch, F, z, t: torch.nn.CrossEntropyLoss(label_smoothing=0.1)(z, t),
    ),
    "cross_entropy of probabilities, smoothed": Case(
        partial(cross_entropy, label_smoothing=0.3), class_probabilities,
        lambda z, t: smoothed(z, t, 0.3),
        lambda torch, F, z, t: torch.nn.CrossEntropyLoss(label_smoothing=0.3)(z, t),
    ),
    "hinge": Case(
        hinge, lambda choice: 2 * (choice % 2) - 1,
        lambda s, t: float(np.maximum(0, 1 - t * s).sum()),
        lambda torch, F, s, t: torch.relu(1 - t * s).sum(),
        kinks=lambda s, t: 1 - t * s,
    ),
    "multi_class_hinge": Case(
        multi_class_hinge, one_class,
        lambda s, t: float(np.maximum(0, 1 + np.delete(s, t) - s[t]).sum()),
        lambda torch, F, s, t: len(s) * torch.nn.MultiMarginLoss()(s, t),
        kinks=lambda s, t: 1 + np.delete(s, t) - s[t],
    ),
}  # fmt: skip


@st.composite
def examples(draw: st.DrawFn, case: Case, count: int = 1) -> tuple[NDArray[np.float64], Any]:
    """Outputs (count, K) away from kinks, and their targets."""
    k = draw(st.integers(2, 5))
    numbers = st.floats(*case.domain)
    outputs = np.array(draw(st.lists(numbers, min_size=k * count, max_size=k * count)))
    choices = draw(st.lists(st.integers(0, 3), min_size=k * count, max_size=k * count))
    outputs = outputs.reshape(count, k)
    targets = np.array([case.targets(row) for row in np.array(choices).reshape(count, k)])
    assume(all(np.all(abs(case.kinks(*row)) > 1e-3) for row in zip(outputs, targets, strict=True)))
    return outputs, targets


def value_and_gradient(
    loss: Callable[..., Value], outputs: Sequence[float] | NDArray[np.float64], target: Any
) -> tuple[float, list[float]]:
    values = [Value(number) for number in outputs]
    result = loss(values, target)
    result.backward()
    return result.data, grads(values)


def compiled_gradient_of(
    case: Case, outputs: NDArray[np.float64], targets: Any
) -> tuple[float, NDArray[np.float64]]:
    """Mean loss of a batch and its gradient toward numbers that are added to the outputs."""
    shifts = [Value(0.0) for _ in outputs[0]]

    def loss(row: list[Value], target: Any) -> Value:
        return case.loss([x + w for x, w in zip(row, shifts, strict=True)], target)

    value, gradient = ad.compile(loss, shifts).value_and_grad(None, outputs, targets)
    return value, gradient


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=30)
@given(data=st.data())
def test_a_loss_is_its_formula(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    (outputs,), (target,) = data.draw(examples(case))
    value, _ = value_and_gradient(case.loss, outputs, target)
    assert value == pytest.approx(case.formula(outputs, target), rel=1e-12, abs=1e-15)
    assert gradcheck(lambda o: case.loss(o, target), outputs.tolist(), atol=1e-9)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=30)
@given(data=st.data())
def test_a_loss_is_that_of_pytorch(name: str, data: st.DataObject) -> None:
    torch = pytest.importorskip("torch")
    case = CASES[name]
    (outputs,), (target,) = data.draw(examples(case))
    value, gradient = value_and_gradient(case.loss, outputs, target)
    tensor = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    same = case.in_torch(torch, torch.nn.functional, tensor, torch.as_tensor(target))
    same.backward()
    assert value == pytest.approx(same.item(), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=15)
@given(data=st.data())
def test_a_compiled_loss_is_the_loss(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    outputs, targets = data.draw(examples(case, count=3))
    rows = [value_and_gradient(case.loss, o, t) for o, t in zip(outputs, targets, strict=True)]
    value, gradient = compiled_gradient_of(case, outputs, targets)
    assert value == pytest.approx(np.mean([row[0] for row in rows]), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(
        gradient, np.mean([row[1] for row in rows], axis=0), rtol=1e-12, atol=1e-14
    )


HUGE = np.array(list(itertools.product([-1000.0, 0.0, 1000.0], repeat=3)))


def minus_smoothed(p: Any, part: float) -> NDArray[np.float64]:
    probabilities = np.eye(3)[p] if np.ndim(p) == 0 else p
    minus: NDArray[np.float64] = -((1 - part) * probabilities + part / 3)
    return minus


def multi_class_hinge_gradient(s: NDArray[np.float64], t: int) -> NDArray[np.float64]:
    active = (1 + s > s[t]).astype(float)
    gradient: NDArray[np.float64] = active - active.sum() * np.eye(3)[t]
    return gradient


# Gradients at logits that are equal or far apart.
GRADIENTS: dict[str, Callable[[NDArray[np.float64], Any], NDArray[np.float64]]] = {
    "binary_cross_entropy_with_logits": lambda z, t: np.heaviside(z, 0.5) - t,
    "binary_cross_entropy_with_logits of probabilities": lambda z, t: np.heaviside(z, 0.5) - t,
    "cross_entropy": lambda z, t: softmax(z) + minus_smoothed(t, 0.0),
    "cross_entropy, one-hot": lambda z, t: softmax(z) + minus_smoothed(t, 0.0),
    "cross_entropy of probabilities": lambda z, t: softmax(z) + minus_smoothed(t, 0.0),
    "cross_entropy, smoothed": lambda z, t: softmax(z) + minus_smoothed(t, 0.1),
    "cross_entropy of probabilities, smoothed": lambda z, t: softmax(z) + minus_smoothed(t, 0.3),
    "hinge": lambda s, t: np.where(t * s < 1, -t, 0.0),
    "multi_class_hinge": multi_class_hinge_gradient,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_logits_of_a_thousand(name: str) -> None:
    case = CASES[name]
    targets = np.array([case.targets(np.array([i % 2, i % 3, i % 4])) for i in range(27)])
    gradients = [GRADIENTS[name](z, t) for z, t in zip(HUGE, targets, strict=True)]
    values = [case.formula(z, t) for z, t in zip(HUGE, targets, strict=True)]
    for z, target, expected, slopes in zip(HUGE, targets, values, gradients, strict=True):
        value, gradient = value_and_gradient(case.loss, z, target)
        assert value == pytest.approx(expected, rel=1e-12, abs=0)
        np.testing.assert_allclose(gradient, slopes, rtol=0, atol=4e-16)
    value, mean = compiled_gradient_of(case, HUGE, targets)
    assert value == pytest.approx(np.mean(values), rel=1e-12, abs=0)
    np.testing.assert_allclose(mean, np.mean(gradients, axis=0), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("z", [-1000.0, -40.0, 40.0, 1000.0])
def test_a_probability_that_is_rounded_to_its_label_costs_nothing(z: float, label: int) -> None:
    weight = Value(z)

    def loss(x: Value, target: Value | int) -> Value:
        return binary_cross_entropy(ad.sigmoid(weight * x), target)

    expected = loss(Value(1.0), label)
    program = ad.compile(loss, [weight])
    value, gradient = program.value_and_grad(None, np.ones(2), np.full(2, label))
    assert value == pytest.approx(expected.data, rel=1e-13)
    np.testing.assert_allclose(gradient, ad.gradients(expected, [weight]), rtol=1e-13)
    assert value == math.inf or value < 41


@pytest.mark.parametrize(
    ("loss", "outputs", "target", "value", "gradient"),
    [
        (binary_cross_entropy_with_logits, [math.inf, -math.inf], [1, 0], 0.0, [0.0, 0.0]),
        (binary_cross_entropy_with_logits, [math.inf, -math.inf], [0, 1], math.inf, [1.0, -1.0]),
        (hinge, [math.inf, -math.inf], [1, -1], 0.0, [0.0, 0.0]),
        (hinge, [math.inf, -math.inf], [-1, 1], math.inf, [1.0, -1.0]),
        (multi_class_hinge, [math.inf, 0.0], 0, 0.0, [0.0, 0.0]),
        (multi_class_hinge, [-math.inf, 0.0], 0, math.inf, [-1.0, 1.0]),
        (huber, [math.inf, -math.inf], [0, 0], math.inf, [1.0, -1.0]),
        (mean_absolute_error, [math.inf, 0.0], [0, 0], math.inf, [0.5, 0.0]),
    ],
)
def test_infinite_outputs(
    loss: Loss, outputs: list[float], target: Any, value: float, gradient: list[float]
) -> None:
    assert value_and_gradient(loss, outputs, target) == (value, gradient)
    case = Case(loss, one_class, lambda o, t: 0.0, lambda *given: None)
    compiled, slopes = compiled_gradient_of(case, np.array([outputs]), np.array([target]))
    assert compiled == value
    assert slopes.tolist() == gradient


@pytest.mark.parametrize(
    ("loss", "outputs", "target", "gradient"),
    [
        (mean_absolute_error, [1.0, 2.0], [1.0, 2.0], [0.0, 0.0]),
        (huber, [1.0, -1.0], [0.0, 0.0], [1.0, -1.0]),
        (hinge, [1.0, -1.0], [1, -1], [0.0, 0.0]),
        (multi_class_hinge, [1.0, 0.0, 0.0], 0, [0.0, 0.0, 0.0]),
    ],
)
def test_derivatives_at_kinks(
    loss: Loss, outputs: list[float], target: Any, gradient: list[float]
) -> None:
    assert value_and_gradient(loss, outputs, target)[1] == gradient


@given(st.lists(finite, min_size=1, max_size=4), finite)
def test_huber_is_half_the_squared_error_within_delta(outputs: list[float], t: float) -> None:
    targets = [t] * len(outputs)
    wide = value_and_gradient(partial(huber, delta=1000.0), outputs, targets)
    half = value_and_gradient(half_squared_error, outputs, targets)
    assert wide[0] == pytest.approx(half[0], rel=1e-14)
    assert wide[1] == pytest.approx(half[1], rel=1e-14)


@pytest.mark.parametrize("loss", [mean_squared_error, mean_absolute_error, huber, hinge])
def test_a_loss_of_one_output_has_no_sum(loss: Loss) -> None:
    for outputs in (Value(3.0), [Value(3.0)]):
        ops = {node.op for node in ad.topological_order(loss(outputs, 1))}
        assert ops.isdisjoint({"sum", "mean"})


def test_all_of_the_target_may_be_shared() -> None:
    logits = [Value(0.5), Value(-1.0)]
    even = cross_entropy(logits, [0.5, 0.5])
    assert cross_entropy(logits, 0, label_smoothing=1.0).data == even.data
    assert cross_entropy(logits, 0, label_smoothing=0).data == cross_entropy(logits, 0).data


# Two errors are metrics as well.

METRICS = [mean_squared_error, mean_absolute_error]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("shape", "other"), [((7,), (7,)), ((7, 1), (7,)), ((7,), (7, 1)), ((7, 3), (7, 3))]
)
def test_errors_of_arrays_are_those_of_scikit_learn(
    metric: Callable[..., Any], shape: tuple[int, ...], other: tuple[int, ...]
) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=shape), rng.integers(0, 255, size=other).astype(np.uint8)
    error = metric(outputs, targets)
    assert type(error) is float
    same = getattr(metrics, metric.__name__)(targets, outputs)
    assert error == pytest.approx(same, rel=1e-13)
    assert metric(outputs, targets.tolist()) == error


@pytest.mark.parametrize("metric", METRICS)
def test_arrays_that_do_not_agree(metric: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(3,\) and \(4,\)"):
        metric(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match=r"got \(1, 3\) and \(3,\)"):
        metric(np.zeros((1, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="at least one output"):
        metric(np.zeros(0), np.zeros(0))
    with pytest.raises(TypeError, match="real numbers, got one of <U1"):
        metric(np.zeros(2), ["a", "b"])


@pytest.mark.parametrize("metric", METRICS)
def test_an_array_of_values_is_one_example(metric: Callable[..., Any]) -> None:
    outputs = np.array([Value(1.0), Value(3.0)])
    assert isinstance(metric(outputs, np.array([0.0, 0.0])), Value)


# Penalties.


@given(st.lists(finite, min_size=1, max_size=6), st.floats(0, 10))
def test_penalties_are_their_formulas(numbers: list[float], strength: float) -> None:
    weights = [Value(number) for number in numbers]
    w = np.array(numbers)
    l1_penalty(weights, strength).backward()
    assert l1_penalty(weights, strength).data == pytest.approx(strength * abs(w).sum(), rel=1e-12)
    assert grads(weights) == [strength * float(sign) for sign in np.sign(w)]
    for weight in weights:
        weight.grad = 0.0
    penalty = l2_penalty(weights, strength)
    penalty.backward()
    assert penalty.data == pytest.approx(strength / 2 * (w**2).sum(), rel=1e-12, abs=1e-300)
    np.testing.assert_allclose(grads(weights), strength * w, rtol=1e-14, atol=1e-300)


def test_a_penalty_takes_a_model_biases_too() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    vector_to_parameters(np.arange(1.0, 14.0), model)
    assert l1_penalty(model, 2.0).data == 2.0 * 91
    assert l2_penalty(model, 2.0).data == 819.0
    weights = [w for name, w in model.named_parameters() if not name.endswith("bias")]
    assert l1_penalty(weights, 1.0).data == 91 - (3 + 6 + 9 + 13)
    assert l1_penalty(iter(weights), 1.0).data == l1_penalty(tuple(weights), 1.0).data


@pytest.mark.parametrize("penalty", [l1_penalty, l2_penalty])
def test_a_penalty_counts_once_in_a_minibatch(penalty: Callable[..., Value]) -> None:
    model = nn.MLP(2, [3, 1], rng=0)

    def loss(x: Any, target: Any) -> Value:
        return half_squared_error(model(x), target) + penalty(model, 0.1)

    X, y = np.random.default_rng(0).normal(size=(5, 2)), np.arange(5.0)
    program = ad.compile(loss, model.parameters())
    value, gradient = program.value_and_grad(None, X, y)
    whole = mean_loss(model, X, y, half_squared_error) + penalty(model, 0.1)
    assert value == pytest.approx(whole.data, rel=1e-12)
    expected = ad.gradients(whole, model.parameters())
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)
    assert program.stats.gathers == 0


def test_the_l2_penalty_is_weight_decay() -> None:
    torch = pytest.importorskip("torch")
    w = torch.tensor([0.5, -2.0], dtype=torch.float64, requires_grad=True)
    (3.0 * w.sum()).backward()
    torch.optim.SGD([w], lr=0.1, weight_decay=0.3).step()
    weights = [Value(0.5), Value(-2.0)]
    gradient = ad.gradients(3.0 * ad.sum(weights) + l2_penalty(weights, 0.3), weights)
    np.testing.assert_allclose(
        np.array([0.5, -2.0]) - 0.1 * np.array(gradient), w.detach().numpy(), rtol=1e-14
    )


# Mean over a minibatch.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: untyped.huber([Value(1.0)], 1, beta=1), "did you mean delta"),
        (lambda: untyped.cross_entropy([Value(1.0)] * 2, 1, reduction="mean"), "of one example"),
        (lambda: untyped.hinge([Value(1.0)], 1, reduction="sum"), "nn.mean_loss"),
        (lambda: untyped.cross_entropy([Value(1.0)] * 2, 1, weight=[1, 2]), r"ad\.take\(weights"),
        (lambda: untyped.mean_squared_error(y_true=[1.0], y_pred=[1.0]), "did you mean targets"),
        (lambda: untyped.l2_penalty([Value(1.0)]), "needs strength: write l2_penalty"),
        (lambda: untyped.l1_penalty([Value(1.0)], alpha=0.1), "did you mean strength"),
        (lambda: untyped.mean_loss(Neuron(1), [[1.0]], [1.0], "mse"), "nn.mean_squared_error"),
    ],
)
def test_other_libraries_calls_are_told_what_to_write(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_mean_loss() -> None:
    neuron = Neuron.from_weights([2.0], 1.0, activation="identity")
    loss = mean_loss(neuron, np.array([[1.0], [2.0], [4.0]]), [3.0, 4.0, 5.0], half_squared_error)
    loss.backward()
    assert loss.data == pytest.approx((0 + 0.5 + 8) / 3, rel=1e-15)
    assert neuron.weights[0].grad == pytest.approx((0 * 1 + 1 * 2 + 4 * 4) / 3, rel=1e-15)
    assert neuron.bias.grad == pytest.approx((0 + 1 + 4) / 3, rel=1e-15)


# Bad targets.


TWO = [Value(0.5), Value(-0.5)]
ONE = TWO[:1]
BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "mse count": (lambda: half_squared_error(TWO, [1.0]), ValueError, "2 outputs but 1 target"),
    "mse number": (lambda: half_squared_error(TWO, 1.0), ValueError, "2 outputs but 1 target"),
    "mse none": (lambda: half_squared_error([], []), ValueError, "at least one"),
    "mse nan": (lambda: half_squared_error(TWO, [1.0, math.nan]), ValueError, "nan"),
    "mse inf": (lambda: half_squared_error(TWO, [1.0, math.inf]), ValueError, "inf"),
    "mse text": (lambda: untyped.half_squared_error(TWO, "ab"), TypeError, "ab"),
    "mse text inside": (lambda: untyped.half_squared_error(TWO, [1.0, "b"]), TypeError, "'b'"),
    "mse None": (lambda: untyped.half_squared_error(TWO, None), TypeError, "None"),
    "mse complex": (lambda: untyped.half_squared_error(TWO, [1j, 0]), TypeError, "1j"),
    "mse rows": (lambda: untyped.half_squared_error(TWO, [[1.0], [2.0]]), TypeError, r"\[1.0\]"),
    "bce above": (lambda: binary_cross_entropy(TWO[0], 1.5), ValueError, r"\[0, 1\], got 1.5"),
    "bce below": (lambda: binary_cross_entropy(TWO[0], -1), ValueError, "not -1 and 1"),
    "bce nan": (lambda: binary_cross_entropy(TWO[0], math.nan), ValueError, "nan"),
    "bce text": (lambda: untyped.binary_cross_entropy(TWO[0], "1"), TypeError, "'1'"),
    "bce count": (lambda: binary_cross_entropy(TWO, [1]), ValueError, "2 outputs"),
    "logits above": (lambda: binary_cross_entropy_with_logits(TWO[0], 2), ValueError, "got 2"),
    "logits below": (lambda: binary_cross_entropy_with_logits(TWO[0], -0.1), ValueError, "-0.1"),
    "class above": (lambda: cross_entropy(TWO, 2), ValueError, r"0\.\.1 for 2 logits, got 2"),
    "class below": (lambda: cross_entropy(TWO, -1), ValueError, "-1"),
    "class float": (lambda: untyped.cross_entropy(TWO, 1.0), TypeError, "int class index.*1.0"),
    "class bool": (lambda: cross_entropy(TWO, True), TypeError, "int class index.*True"),
    "class text": (lambda: untyped.cross_entropy(TWO, "1"), TypeError, "int class index"),
    "class None": (lambda: untyped.cross_entropy(TWO, None), TypeError, "int class index.*None"),
    "one class": (lambda: cross_entropy(ONE, 0), ValueError, "binary_cross_entropy_with"),
    "no sequence": (lambda: untyped.cross_entropy(TWO[0], 0), TypeError, "one per class"),
    "p count": (lambda: cross_entropy(TWO, [1, 0, 0]), ValueError, "2 logits but 3"),
    "p sum": (lambda: cross_entropy(TWO, [0.5, 0.6]), ValueError, "sum to 1, got 1.1"),
    "p zero": (lambda: cross_entropy(TWO, [0, 0]), ValueError, "sum to 1"),
    "p range": (lambda: cross_entropy(TWO, [1.5, -0.5]), ValueError, r"\[0, 1\]"),
    "p text": (lambda: untyped.cross_entropy(TWO, ["1", 0]), TypeError, "'1'"),
    "p smoothing": (
        lambda: cross_entropy(TWO, 0, label_smoothing=1.1),
        ValueError,
        "from 0 to 1, got 1.1",
    ),
    "smoothing text": (
        lambda: cross_entropy(TWO, 0, label_smoothing=untyped),
        TypeError,
        "label_smoothing must be a real number, got <mod",
    ),
    "class whole": (lambda: untyped.cross_entropy(TWO, 1.0), TypeError, r"y\.astype\(int\)"),
    "mean squared": (lambda: mean_squared_error(TWO, [1.0]), ValueError, "2 outputs but 1"),
    "mean absolute": (lambda: mean_absolute_error(TWO, [1.0, math.nan]), ValueError, "nan"),
    "mean nothing": (lambda: mean_absolute_error([], []), ValueError, "at least one"),
    "huge": (
        lambda: mean_squared_error(TWO, [10**400, 1]),
        ValueError,
        "finite as a float, got 1000",
    ),
    "masked": (
        lambda: half_squared_error(TWO, np.ma.masked_array([1.0, 2.0], mask=[False, True])),
        TypeError,
        r"targets is a masked array.*targets.filled",
    ),
    "masked p": (
        lambda: cross_entropy(TWO, np.ma.masked_array([1.0, 0.0], mask=[False, True])),
        TypeError,
        "target is a masked array",
    ),
    "masked metric": (
        lambda: mean_squared_error(np.ones(2), np.ma.masked_array([1.0, 2.0], mask=[False, True])),
        TypeError,
        "targets is a masked array",
    ),
    "huber target": (lambda: huber(ONE, [math.inf]), ValueError, "finite, got inf"),
    "delta 0": (
        lambda: huber(ONE, 1.0, delta=0),
        ValueError,
        "delta must be finite and above 0, got 0",
    ),
    "delta inf": (
        lambda: huber(ONE, 1.0, delta=math.inf),
        ValueError,
        "delta must be finite and above 0",
    ),
    "delta bool": (lambda: huber(ONE, 1.0, delta=True), TypeError, r"got True \(bool\)"),
    "hinge 0": (lambda: hinge(ONE, 0), ValueError, r"-1 or 1, got 0.0.*2 \* y - 1"),
    "hinge count": (lambda: hinge(TWO, 1), ValueError, "2 outputs but 1"),
    "bce output": (
        lambda: binary_cross_entropy([Value(1.5)], 1),
        ValueError,
        "output 1.5: put.*_with_logits",
    ),
    "bce negative": (lambda: binary_cross_entropy([Value(-0.5)], 1), ValueError, "output -0.5"),
    "scores class": (lambda: multi_class_hinge(TWO, 2), ValueError, r"0\.\.1"),
    "scores one": (lambda: multi_class_hinge(ONE, 0), ValueError, "single output use hinge"),
    "scores value": (lambda: untyped.multi_class_hinge(ONE[0], 0), TypeError, "one per class"),
    "scores one-hot": (
        lambda: untyped.multi_class_hinge(TWO, [0, 1]),
        TypeError,
        r"argmax\(axis=1\)",
    ),
    "strength": (lambda: l1_penalty(ONE, -1.0), ValueError, "strength.*at least 0, got -1.0"),
    "strength nan": (lambda: l2_penalty(ONE, math.nan), ValueError, "strength.*got nan"),
    "strength text": (lambda: untyped.l2_penalty(ONE, "1"), TypeError, "strength.*got '1'"),
    "penalty order": (lambda: untyped.l2_penalty(0.1, ONE), TypeError, "list of its.*got float"),
    "penalty none": (lambda: l1_penalty([], 1.0), ValueError, "at least one parameter"),
    "penalty result": (lambda: l1_penalty([-ONE[0]], 1.0), TypeError, "must be a leaf"),
    "penalty twice": (lambda: l2_penalty(ONE * 2, 1.0), ValueError, "twice"),
    "mean count": (lambda: mean_loss(abs, [1.0], [], half_squared_error), ValueError, "1 inputs"),
    "mean none": (lambda: mean_loss(abs, [], [], half_squared_error), ValueError, "at least one"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_targets(case: str) -> None:
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()
    assert grads(TWO) == [0.0, 0.0]


def test_recompute_takes_the_shift_of_the_logits_along() -> None:
    logits = [Value(0.0), Value(2.0), Value(-4.0)]
    loss = cross_entropy(logits, [0.5, 0.25, 0.25])
    before = loss.data
    for shift in (1e16, -1e16):
        for logit, z in zip(logits, (0.0, 2.0, -4.0), strict=True):
            logit.data = shift + z
        ad.recompute(loss)
        assert loss.data == pytest.approx(before, rel=1e-14)


@pytest.mark.parametrize("soft", [False, True])
def test_a_compiled_loss_grows_with_the_number_of_classes_and_not_faster(soft: bool) -> None:
    def nodes(count: int) -> tuple[int, int, int]:
        weights = [Value(0.1 * k) for k in range(count)]
        target = [1 / count] * count
        if soft:
            program = ad.compile(lambda x: cross_entropy([w * x for w in weights], target), weights)
            program(None, [1.0])
        else:
            program = ad.compile(lambda x, t: cross_entropy([w * x for w in weights], t), weights)
            program(None, [1.0], [0])
        return program.stats.nodes, program.stats.packs, program.stats.elementwise_steps

    (small, *steps), (large, *same) = nodes(8), nodes(64)
    assert large <= 9 * small
    assert steps == same


# Who observes, and losses that are none.


@pytest.mark.parametrize(
    ("loss", "outputs_are", "good", "bad", "message"),
    [
        (half_squared_error, "numbers", 1.5, math.nan, "finite"),
        (mean_squared_error, "numbers", 1.5, math.inf, "finite"),
        (mean_absolute_error, "numbers", 1.5, math.nan, "finite"),
        (huber, "numbers", 1.5, math.nan, "finite"),
        (hinge, "margins", 1, 0, "must be -1 or 1"),
        (binary_cross_entropy, "probabilities", 1, 2, r"\[0, 1\]"),
        (binary_cross_entropy_with_logits, "logits", 0, -1, "not -1 and 1"),
    ],
)
def test_an_observed_loss_says_what_its_targets_must_be(
    loss: Loss, outputs_are: str, good: Any, bad: Any, message: str
) -> None:
    target = [good]
    with observed() as uses:
        value = 2.0 * loss([Value(0.5)], target)
        loss(Value(0.5), good)
    loss([Value(0.5)], target)
    assert value.data > 0
    (use, other) = uses
    assert (use.loss, use.outputs_are, use.n_outputs) == (loss.__name__, outputs_are, 1)
    assert use.target is target
    assert other.target is good
    use.check([good])
    use.check(np.array([good]))
    with pytest.raises(ValueError, match=message):
        use.check([bad])
    with pytest.raises(ValueError, match="1 outputs but 2 targets"):
        use.check([good, good])
    with pytest.raises(TypeError, match="real number, got 'a'"):
        use.check("a")


def test_an_observed_cross_entropy_says_what_its_targets_must_be() -> None:
    with observed() as uses:
        cross_entropy([Value(0.5), Value(1.0)], np.int64(1))
    assert (uses[0].loss, uses[0].outputs_are, uses[0].n_outputs) == (
        "cross_entropy", "class logits", 2,
    )  # fmt: skip
    uses[0].check(0)
    uses[0].check([0.25, 0.75])
    with pytest.raises(ValueError, match=r"0\.\.1 for 2 logits, got 2"):
        uses[0].check(2)
    with pytest.raises(TypeError, match="int class index"):
        uses[0].check(1.0)


def test_an_observed_multi_class_hinge_takes_classes_alone() -> None:
    with observed() as uses:
        multi_class_hinge([Value(0.5), Value(1.0)], 1)
    assert (uses[0].loss, uses[0].outputs_are) == ("multi_class_hinge", "class logits")
    uses[0].check(0)
    with pytest.raises(TypeError, match="int class index"):
        uses[0].check([0.0, 1.0])


def test_observers_nest_and_end() -> None:
    with observed() as outer:
        with observed() as inner:
            half_squared_error(Value(1.0), 0.0)
        with pytest.raises(ValueError, match="finite"), observed():
            half_squared_error(Value(1.0), math.inf)
        cross_entropy([Value(1.0), Value(0.0)], 0)
    half_squared_error(Value(1.0), 0.0)
    assert [use.loss for use in outer] == ["cross_entropy"]
    assert [use.loss for use in inner] == ["half_squared_error"]


LISTS_FOR_NUMBERS: list[Callable[[Any, Any], Any]] = [
    lambda out, t: (out - t) ** 2,
    lambda out, t: (t - out) ** 2,
    lambda out, t: -out * t,
    lambda out, t: abs(out),
    lambda out, t: ad.log(out) * t,
    lambda out, t: ad.square(out),
    lambda out, t: Value(2.0) * out,
    lambda out, t: out * Value(2.0),
    lambda out, t: Value(2.0) - out,
    lambda out, t: ad.maximum(0.0, out),
    lambda out, t: out.data - t,
    lambda out, t: half_squared_error([out], t),
    lambda out, t: out * 2,  # a list twice as long
    lambda out, t: (out - np.float64(t)) ** 2,  # an array of Values
]


@pytest.mark.parametrize("case", range(len(LISTS_FOR_NUMBERS)))
def test_a_loss_that_takes_the_list_for_a_number_says_so(case: int) -> None:
    loss = LISTS_FOR_NUMBERS[case]
    with pytest.raises(TypeError, match=r"outputs\[0\]"):
        call_loss(loss, [Value(0.5)], 3.0)
    with pytest.raises(TypeError, match=r"ad\.sum\("):
        call_loss(loss, [Value(0.5), Value(1.0)], 3.0)


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, t: (1 - t * out).relu(),
        lambda out, t: (t * out).relu(),
        lambda out, t: ad.maximum(0.0, 1 - out * t),
        lambda out, t: t * out,
    ],
)
@pytest.mark.parametrize("target", [-1, 0, 1, 2, np.int64(-1), np.int64(1)])
def test_an_integer_target_times_the_list_of_outputs(loss: Callable[..., Any], target: Any) -> None:
    with pytest.raises(TypeError, match=r"1 output as if it were a number: write outputs\[0\]"):
        call_loss(loss, [Value(0.5)], target)


def test_a_sum_over_a_list_times_a_negative_integer() -> None:
    with pytest.raises(TypeError, match=r"write outputs\[0\]"):
        call_loss(lambda out, t: ad.sum(t * out), [Value(0.5)], -1)
    with pytest.raises(TypeError, match=r"write outputs\[0\].*out of range"):
        call_loss(lambda out, t: (t * out)[0], [Value(0.5)], -1)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("CrossEntropyLoss", "cross_entropy"),
        ("MSELoss", "mean_squared_error"),
        ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits"),
        ("PoissonNLLLoss", "cross_entropy, or another of nn"),
    ],
)
def test_a_loss_of_pytorch_is_told_what_to_write(name: str, ours: str) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=f"{name} of torch computes with arrays.*loss=nn.{ours}"):
        call_loss(getattr(torch.nn, name)(), [Value(0.5), Value(1.0)], 1)


def test_a_function_of_another_library_is_told_what_to_write() -> None:
    functional = pytest.importorskip("torch").nn.functional
    with pytest.raises(TypeError, match=r"mse_loss of torch.*loss=nn.mean_squared_error \("):
        call_loss(functional.mse_loss, [Value(0.5)], 1.0)
    metrics = pytest.importorskip("sklearn.metrics")
    with pytest.raises(TypeError, match=r"log_loss of sklearn.*loss=nn.cross_entropy"):
        call_loss(metrics.log_loss, [Value(0.5), Value(1.0)], 1)


def test_the_cause_of_a_hint_is_kept() -> None:
    with pytest.raises(TypeError, match="model's 2 outputs as if it were a number") as caught:
        call_loss(lambda out, t: (out - t) ** 2, [Value(0.5), Value(1.0)], 3.0)
    assert "unsupported operand" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "loss", [lambda out, t: (out[0] - t) ** 2, lambda out, t: sum(out), lambda out, t: len(out)]
)
def test_a_loss_that_takes_a_number_for_the_list_says_so(loss: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="single Value: compute with the output itself"):
        call_loss(loss, Value(0.5), 3.0)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda out, t: None, "got None: its `return` may be missing"),
        (lambda out, t: 1.5, r"got float \(1.5\): compute with the outputs themselves"),
        (lambda out, t: np.float64(2), "got float64"),
        (lambda out, t: "text", "got str"),
        (lambda out, t: [out[0]], r"one Value for the example, got list: write outputs\[0\]"),
        (lambda out, t: (out[0], 1), r"one Value for the example, got tuple"),
    ],
)
def test_a_loss_returns_a_value(loss: Callable[..., Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call_loss(loss, [Value(0.5)], 3.0)
    with pytest.raises(TypeError, match=r"got list: add its elements up with ad\.sum"):
        call_loss(lambda out, t: [out], Value(0.5), 3.0)


def test_other_errors_of_a_loss_stay_as_they_are() -> None:
    def typo(outputs: Any, target: Any) -> Value:
        raise AttributeError("no such thing")

    with pytest.raises(AttributeError, match=r"^no such thing$"):
        call_loss(typo, [Value(0.5)], 3.0)
    with pytest.raises(TypeError, match=r"^unsupported operand.*'Value' and 'NoneType'"):
        call_loss(lambda out, t: out + None, Value(0.5), 3.0)
    assert call_loss(half_squared_error, [Value(5.0)], 3.0).data == 2.0


def test_an_error_that_does_not_come_again_stays_as_it_is() -> None:
    answers: list[Any] = [None, 1.0]
    with pytest.raises(TypeError, match="unsupported operand"):
        call_loss(lambda out, t: out[0] - answers.pop(0), [Value(0.5)], 3.0)
    assert answers == []


@pytest.mark.parametrize(
    ("loss", "outputs", "target", "message"),
    [
        (lambda out, t: out[0] - t, [Value(0.5)], [1.0], "got a list"),
        (lambda out, t: out[0] - t[0], [Value(0.5)], 1.0, "'float' object is not subscriptable"),
        (lambda out, t: out - t[0], Value(0.5), 1.0, "'float' object is not subscriptable"),
        (lambda out, t: [1] - t, [Value(0.5)], 1.0, "unsupported operand"),
        (multi_class_hinge, TWO, [0, 1], "target must be an int class index"),
        (half_squared_error, ONE, [[1.0]], "a target must be a real number"),
    ],
)
def test_a_target_that_is_a_list_is_not_the_outputs(
    loss: Loss, outputs: Any, target: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^(?!the loss).*{message}"):
        call_loss(loss, outputs, target)


@pytest.mark.parametrize("loss", [half_squared_error, nn.mean_squared_error, nn.huber])
@pytest.mark.parametrize("name", ["weight", "sample_weight"])
def test_weights_of_losses_of_numbers_go_into_the_targets(loss: Any, name: str) -> None:
    message = rf"^{loss.__name__} takes no argument '{name}': make it a column of the targets, "
    with pytest.raises(TypeError, match=message):
        loss([Value(1.0)], [2.0], **{name: 0.5})
    with pytest.raises(TypeError, match=r"'weight': multiply the loss: .*cross_entropy"):
        untyped.cross_entropy([Value(1.0)] * 2, 1, weight=0.5)
