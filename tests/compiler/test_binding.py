"""Programs bound to their arguments: parts of the examples give what a call with them gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from tests.work import instructions

RNG = np.random.default_rng(0)
X, CLASSES = RNG.normal(size=(20, 3)), RNG.integers(0, 4, size=20)
WEIGHTS = [[Value(float(w)) for w in row] for row in RNG.normal(size=(4, 3))]
PARAMETERS = [w for row in WEIGHTS for w in row]
THETA = RNG.normal(size=12)


def loss(x: Any, t: Any) -> Value:
    result: Value = -ad.log_softmax([ad.dot(row, x) for row in WEIGHTS], t)
    return result


def with_outputs(x: Any, t: Any) -> tuple[Value, list[Value]]:
    return loss(x, t), [ad.dot(row, x) for row in WEIGHTS]


@given(st.integers(0, 19), st.integers(1, 20), st.sampled_from(["mean", "sum"]))
def test_a_part_gives_what_a_call_with_it_gives(start: int, count: int, reduction: Any) -> None:
    rows = slice(start, start + count)
    program = ad.compile(loss, PARAMETERS, reduction=reduction)
    value, gradient = program.bind(X, CLASSES).value_and_grad(THETA, rows)
    expected, other = program.value_and_grad(THETA, X[rows], CLASSES[rows])
    assert value == expected
    np.testing.assert_array_equal(gradient, other)


def test_aux_comes_along() -> None:
    program = ad.compile(with_outputs, PARAMETERS, has_aux=True)
    bound = program.bind(X, CLASSES)
    for rows in (slice(0, 7), slice(7, 20), slice(None, None)):
        (value, outputs), gradient = bound.value_and_grad(THETA, rows)
        (expected, others), other = program.value_and_grad(THETA, X[rows], CLASSES[rows])
        assert value == expected
        np.testing.assert_array_equal(outputs, others)
        np.testing.assert_array_equal(gradient, other)


def test_all_examples_by_default_and_current_parameters_for_none() -> None:
    program = ad.compile(loss, PARAMETERS)
    value, gradient = program.bind(X, CLASSES).value_and_grad(None)
    expected, other = program.value_and_grad([p.data for p in PARAMETERS], X, CLASSES)
    assert value == expected
    np.testing.assert_array_equal(gradient, other)


def test_images_lists_and_integers_are_converted_once() -> None:
    def brightness(image: Any, w: Any) -> Value:
        total: Value = ad.sum([ad.sum(row) for row in image]) * w * scale
        return total

    scale = Value(2.0)
    images = RNG.integers(0, 9, size=(6, 2, 3))
    program = ad.compile(brightness, [scale])
    bound = program.bind(images.tolist(), [1, 2, 3, 4, 5, 6])
    value, gradient = bound.value_and_grad(None, slice(2, 5))
    sums = images[2:5].sum(axis=(1, 2)) * np.array([3, 4, 5])
    assert value == pytest.approx(2.0 * sums.mean(), rel=1e-12)
    assert gradient.tolist() == pytest.approx([sums.mean()], rel=1e-12)


def test_static_arguments_and_single_examples() -> None:
    w = Value(3.0)
    powers = ad.compile(lambda x, k: w * x**k, [w], static_argnums=1)
    assert powers.bind([1.0, 2.0], 3).value_and_grad(None, slice(1, 2))[0] == 24.0
    one = ad.compile(lambda x: w * x, [w], batched=False)
    assert one.bind(2.0).value_and_grad([5.0])[0] == 10.0


def test_who_changes_the_classes_later_changes_nothing_numbers_are_read_anew() -> None:
    x, classes = X.copy(), CLASSES.copy()
    program = ad.compile(loss, PARAMETERS)
    bound = program.bind(x, classes)
    classes[:] = 1_000_000
    x[:] = X[::-1]
    value, _ = bound.value_and_grad(THETA)
    assert value == program.value_and_grad(THETA, X[::-1].copy(), CLASSES)[0]


def test_what_is_refused() -> None:
    program = ad.compile(loss, PARAMETERS)
    bound = program.bind(X, CLASSES)
    for rows in (slice(0, 0), slice(20, 25), slice(0, 20, 2), slice(None, None, -1)):
        with pytest.raises(ValueError, match="20 examples without gaps, got slice"):
            bound.value_and_grad(THETA, rows)
    untyped: Any = bound
    for wrong in (3, np.arange(5), [0, 1]):
        with pytest.raises(TypeError, match=r"must be a slice, got .*slice\(0, 32\)"):
            untyped.value_and_grad(THETA, wrong)
    with pytest.raises(ValueError, match=r"theta has shape \(3,\)"):
        bound.value_and_grad(THETA[:3])
    with pytest.raises(IndexError, match="picks one of 4"):
        program.bind(X, CLASSES + 1)
    with pytest.raises(ValueError, match="no common leading batch size"):
        program.bind(X, CLASSES[:5])
    several = ad.compile(lambda x: [x, x], [])
    with pytest.raises(ValueError, match="returns one Value"):
        several.bind([1.0])


def test_checks_are_made_once() -> None:
    program = ad.compile(loss, PARAMETERS)
    bound = program.bind(X, CLASSES)
    rows = slice(0, 5)
    part = X[rows], CLASSES[rows]
    bound.value_and_grad(THETA, rows)
    program.value_and_grad(THETA, *part)
    kept = instructions(lambda: bound.value_and_grad(THETA, rows))
    called = instructions(lambda: program.value_and_grad(THETA, *part))
    assert kept < 0.8 * called


def test_who_has_found_out_that_the_graph_is_another_binds_anew() -> None:
    w, factor = Value(2.0), {"factor": 1.0}
    program = ad.compile(lambda x: w * x * factor["factor"], [w])
    bound = program.bind([1.0])
    assert program.retrace([1.0])
    assert bound.value_and_grad(None)[0] == 2.0
    factor["factor"] = 10.0
    assert not program.retrace([1.0])
    with pytest.raises(ValueError, match="makes another graph than when this was bound: bind anew"):
        bound.value_and_grad(None)
    assert program.bind([1.0]).value_and_grad(None)[0] == 20.0
