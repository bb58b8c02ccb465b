"""Losses: closed forms, numbers of any size, targets of every kind, and bad targets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import (
    Neuron,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    mean_loss,
)
from nn.training import Loss

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
    assert value.grad == pytest.approx((h - t) / (h * (1 - h)), rel=1e-9, abs=1e-9)


@given(st.floats(-30, 30), probability)
def test_logits_give_the_same_loss_as_their_probability(z: float, t: float) -> None:
    logit, other = Value(z), Value(z)
    loss = binary_cross_entropy_with_logits([logit], t)
    same = binary_cross_entropy([ad.sigmoid(other)], t)
    loss.backward()
    same.backward()
    assert logit.grad == pytest.approx(1 / (1 + math.exp(-z)) - t, rel=1e-9, abs=1e-15)
    if abs(z) < 15:  # further out, 1 - h has lost its digits
        assert loss.data == pytest.approx(same.data, rel=1e-8)
        assert logit.grad == pytest.approx(other.grad, rel=1e-8, abs=1e-9)


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
    assert grads(logits) == pytest.approx([0.0, -0.5, 0.5])


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
        ([math.inf, 0.0], [1, 0], 0.0),
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
    assert cross_entropy([0.0, 0.0], 1).data == pytest.approx(math.log(2))
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


# Mean over a minibatch.


def test_mean_loss() -> None:
    neuron = Neuron.from_weights([2.0], 1.0, activation="identity")
    loss = mean_loss(neuron, np.array([[1.0], [2.0], [4.0]]), [3.0, 4.0, 5.0], half_squared_error)
    loss.backward()
    assert loss.data == pytest.approx((0 + 0.5 + 8) / 3, rel=1e-15)
    assert neuron.weights[0].grad == pytest.approx((0 * 1 + 1 * 2 + 4 * 4) / 3, rel=1e-15)
    assert neuron.bias.grad == pytest.approx((0 + 1 + 4) / 3, rel=1e-15)


# Bad targets.

untyped: Any = nn  # arguments of wrong types are what is tested

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
