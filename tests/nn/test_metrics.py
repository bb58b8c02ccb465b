"""Metrics of arrays, by hand and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from nn import MLP, accuracy, confusion_matrix, r_squared

untyped: Any = nn


# Accuracy.

RIGHT: dict[str, tuple[Any, Any, dict[str, float], float]] = {
    "argmax": ([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0], {}, 2 / 3),
    "integer scores": ([[1, 5], [7, 2]], [1, 1], {}, 1 / 2),
    "one-hot": ([[0.1, 0.9], [0.8, 0.2]], [[0, 1], [0.0, 1.0]], {}, 1 / 2),
    "probabilities": ([[0.1, 0.9], [0.8, 0.2]], [[0.4, 0.6], [0.9, 0.1]], {}, 1.0),
    "float classes": ([[0.1, 0.9], [0.8, 0.2]], [1.0, 0.0], {}, 1.0),
    "a column of classes": ([[0.1, 0.9], [0.8, 0.2]], [[1], [1]], {}, 1 / 2),
    "tie": ([[0.5, 0.5], [0.5, 0.5]], [0, 1], {}, 1 / 2),
    "classes": ([2, 0, 1, 1], [2, 0, 0, 1], {}, 3 / 4),
    "classes, float targets": ([2, 0], [2.0, 1.0], {}, 1 / 2),
    "bools": ([True, False], [1, 1], {}, 1 / 2),
    "texts": (["a", "b", "b"], ["a", "b", "c"], {}, 2 / 3),
    "logits": ([[-2.0], [3.0], [0.1]], [0, 1, 0], {"threshold": 0.0}, 2 / 3),
    "logits in a row": ([-2.0, 3.0], [0, 1], {"threshold": 0}, 1.0),
    "margins": ([-0.2, 0.3, 0.9], [-1, 1, -1], {"threshold": 0.0}, 2 / 3),
    "probability": ([0.2, 0.7, 0.4], [0, 1, 1], {"threshold": 0.5}, 2 / 3),
    "at the threshold": ([0.5, 0.0], [0, 0], {"threshold": 0.5}, 1.0),
    "soft labels": ([0.2, 0.7], [0.1, 0.9], {"threshold": 0.5}, 1.0),
    "soft labels at 1/2": ([0.2, 0.7], [0.5, 0.5], {"threshold": 0.5}, 1 / 2),
    "all of label 1": ([-0.2, 0.7], [1, 1], {"threshold": 0.0}, 1 / 2),
    "all of label -1": ([-0.2, 0.7], [-1.0, -1.0], {"threshold": 0.0}, 1 / 2),
    "several labels": (
        [[0.2, 0.7], [0.8, 0.7], [0.1, 0.1]], [[0, 1], [1, 0], [0, 0]], {"threshold": 0.5}, 2 / 3,
    ),
    "infinite": ([[-np.inf, np.inf]], [1], {}, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_accuracy_by_hand(case: str) -> None:
    outputs, targets, options, expected = RIGHT[case]
    assert accuracy(outputs, targets, **options) == expected
    assert accuracy(np.array(outputs), np.array(targets), **options) == expected
    assert type(accuracy(outputs, targets, **options)) is float


MODEL = MLP(2, [1], rng=0)
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a model": (
        lambda: untyped.accuracy(MODEL, [[0.0, 0.0]], [0]), TypeError,
        r"write accuracy\(model.predict\(X\), y\)",
    ),
    "a model alone": (lambda: untyped.accuracy(MODEL, [0]), TypeError, "not a model"),
    "real column": (
        lambda: accuracy(MODEL.predict([[0.0, 1.0]]), [0]), ValueError,
        r"threshold=0 for logits, threshold=0.5 for probabilities.*predict_classes\(X\)",
    ),
    "lengths": (lambda: accuracy([[0.1, 0.2]], [0, 1]), ValueError, "1 examples .* 2"),
    "empty": (lambda: accuracy(np.zeros((0, 2)), []), ValueError, "outputs is empty"),
    "class too large": (
        lambda: accuracy([[0.1, 0.2]], [2]), ValueError, r"classes in 0\.\.1, got 2",
    ),
    "class negative": (lambda: accuracy([[0.1, 0.2]], [-1]), ValueError, "got -1"),
    "real target": (lambda: accuracy([[0.1, 0.2]], [0.5]), ValueError, "such as 0.5"),
    "text target": (lambda: accuracy([[0.1, 0.2]], ["a"]), TypeError, "must hold numbers"),
    "text and number": (lambda: accuracy([1], ["a"]), TypeError, "no class is both"),
    "columns": (lambda: accuracy([[0.1, 0.2]], [[0, 0, 1]]), ValueError, "2 outputs but 3"),
    "several labels": (
        lambda: accuracy([[2.0, 1.0, -1.0]] * 2, [[0, 1, 0], [1, 1, 0]]), ValueError,
        r"targets\[1\] is \[1.*neither one-hot.*threshold=0 for logits, threshold=0.5 for prob",
    ),
    "no label": (lambda: accuracy([[2.0, 1.0]], [[0, 0]]), ValueError, "neither one-hot"),
    "signs": (lambda: accuracy([0, 1], [-1, 1]), ValueError, "classes from 0.*write y > 0"),
    "signs of columns": (lambda: accuracy([[1.0, 2.0]], [-1]), ValueError, "write y > 0"),
    "confusion signs": (
        lambda: confusion_matrix(targets=[-1, 1], predicted=[0, 1]), ValueError,
        "got -1: write y > 0",
    ),
    "confusion labels": (
        lambda: confusion_matrix(targets=[[1, 1, 0]], predicted=[0]), ValueError,
        r"targets must have shape \(N,\).*write targets.argmax\(axis=1\)",
    ),
    "columns of labels": (
        lambda: accuracy([[0.1, 0.2]], [[1]], threshold=0.5), ValueError, "shape",
    ),
    "a class and a threshold": (
        lambda: accuracy([0.3], [2], threshold=0.5), ValueError, "labels 0 and 1.*got 2.*y == 1",
    ),
    "classes and a column": (
        lambda: accuracy([[0.3], [0.2], [0.9]], [0, 1, 2], threshold=0.5), ValueError, "got 2",
    ),
    "signs and 0": (
        lambda: accuracy([0.3, 0.4], [-1, 0], threshold=0), ValueError, "got 0 among negative",
    ),
    "no sign": (lambda: accuracy([0.3], [-2.0], threshold=0), ValueError, "got -2.0"),
    "masked": (
        lambda: accuracy([0.3, 0.2], np.ma.masked_array([0, 1], mask=[False, True]), threshold=0),
        TypeError, r"targets is a masked array.*targets.filled",
    ),
    "confusion of a huge class": (
        lambda: confusion_matrix(targets=[10**9], predicted=[0]), ValueError,
        "1000000001 by 1000000001 classes.*without gaps",
    ),
    "confusion of an infinite class": (
        lambda: confusion_matrix(targets=[np.inf], predicted=[0]), ValueError, "classes, got inf",
    ),
    "nan": (lambda: accuracy([[np.nan, 0.2]], [1]), ValueError, "outputs holds NaN"),
    "nan target": (lambda: accuracy([0.1], [np.nan], threshold=0), ValueError, "targets holds"),
    "three axes": (lambda: accuracy(np.zeros((1, 2, 2)), [1]), ValueError, r"\(N, k\)"),
    "a number": (lambda: accuracy(0.5, 1), ValueError, r"\(N,\)"),
    "objects": (lambda: untyped.accuracy([None], [1]), TypeError, "object"),
    "threshold": (lambda: untyped.accuracy([0.1], [1], threshold="0"), TypeError, "threshold"),
    "confusion lengths": (
        lambda: confusion_matrix(targets=[0], predicted=[0, 1]), ValueError, "1 targets but 2",
    ),
    "confusion order": (
        lambda: untyped.confusion_matrix([0], [1]), TypeError,
        r"got 2 arguments: write targets=\[0\], predicted=\[1\]$",
    ),
    "confusion names": (
        lambda: untyped.confusion_matrix(y_true=[0], y_pred=[1]), TypeError, "did you mean targets",
    ),
    "accuracy names": (
        lambda: untyped.accuracy(y_pred=[0], targets=[1]), TypeError, "did you mean outputs",
    ),
    "confusion scores": (
        lambda: confusion_matrix(targets=[0], predicted=[[0.1, 0.9]]), ValueError,
        r"predicted must have shape \(N,\)",
    ),
    "confusion reals": (
        lambda: confusion_matrix(targets=[0], predicted=[0.7]), ValueError, "predicted must be cl",
    ),
    "confusion text": (
        lambda: confusion_matrix(targets=["a"], predicted=[0]), TypeError, "targets must hold num",
    ),
    "confusion negative": (
        lambda: confusion_matrix(targets=[-1], predicted=[0]), ValueError, "counted from 0, got -1",
    ),
    "confusion too large": (
        lambda: confusion_matrix(targets=[0], predicted=[3], n_classes=3), ValueError, "got 3",
    ),
    "confusion no class": (
        lambda: confusion_matrix(targets=[0], predicted=[0], n_classes=0), ValueError, "n_classes",
    ),
    "r one": (lambda: r_squared([1.0], [1.0]), ValueError, "at least two examples"),
    "r shapes": (lambda: r_squared([1.0, 2.0], [[1.0, 2.0]] * 2), ValueError, "shape"),
    "r text": (lambda: r_squared(["a", "b"], [1.0, 2.0]), TypeError, "numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case: str) -> None:
    call, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        call()


def test_confusion_matrix_by_hand() -> None:
    matrix = confusion_matrix(targets=[0, 0, 1, 2, 2, 2], predicted=[0, 1, 1, 2, 0, 2])
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert matrix.dtype == np.int64
    wide = confusion_matrix(targets=[0], predicted=[1], n_classes=3)
    assert wide.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert confusion_matrix(targets=[False, True], predicted=[1.0, 1.0]).tolist() == [
        [0, 1],
        [0, 1],
    ]


def test_r_squared_by_hand() -> None:
    assert r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) == 1.0
    assert r_squared([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]) == 0.0
    assert r_squared([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]) == -3.0
    assert r_squared([[1.0], [2.0]], [1, 2]) == 1.0
    assert r_squared([5.0, 5.0], [5.0, 5.0]) == 1.0
    assert r_squared([5.0, 6.0], [5.0, 5.0]) == 0.0


@pytest.mark.parametrize("size", [2.0**1020, 2.0**-1020])
def test_r_squared_of_numbers_whose_squares_are_not(size: float) -> None:
    outputs, targets = np.array([1.0, 2.0, -3.0]), np.array([1.0, 2.0, -4.0])
    assert r_squared(size * outputs, size * targets) == r_squared(outputs, targets)


CLASSES = st.integers(1, 5).flatmap(
    lambda k: st.integers(1, 30).flatmap(
        lambda n: st.tuples(*[st.lists(st.integers(0, k - 1), min_size=n, max_size=n)] * 2)
    )
)


@given(CLASSES)
def test_classes_as_scikit_learn_has_them(classes: tuple[list[int], list[int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    targets, predicted = classes
    assert accuracy(predicted, targets) == pytest.approx(
        metrics.accuracy_score(targets, predicted), rel=1e-12
    )
    k = max(*targets, *predicted) + 1
    expected = metrics.confusion_matrix(
        targets, predicted, labels=range(k + 1)
    )  # k: it warns of 1 class
    ours = confusion_matrix(targets=targets, predicted=predicted)
    assert ours.tolist() == expected[:k, :k].tolist()
    assert np.trace(ours) / len(targets) == pytest.approx(accuracy(predicted, targets), rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 3))
def test_r_squared_as_scikit_learn_has_it(seed: int, n: int, k: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(seed)
    outputs, targets = generator.normal(size=(2, n, k))
    targets[:, 0] = generator.choice([0.0, 1.0], size=n)  # now and then all equal
    expected = metrics.r2_score(targets, outputs)
    assert r_squared(outputs, targets) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_labels_of_minus_one_and_one_may_be_compared_with_their_like() -> None:
    assert accuracy([-1, 1, 1], [-1, 1, -1]) == 2 / 3
    assert accuracy([1, 1], [-1, 1]) == 0.5
    assert accuracy([0, 1], np.array([-1, 1]) > 0) == 1.0
    assert accuracy([-0.5, 2.0], [-1, 1], threshold=0) == 1.0
    assert confusion_matrix(targets=np.array([-1, 1]) > 0, predicted=[0, 1]).tolist() == [
        [1, 0], [0, 1],
    ]  # fmt: skip


def test_rows_that_mark_one_class() -> None:
    outputs = [[0.1, 0.9, 0.0], [0.8, 0.1, 0.1]]
    third = np.float32(1) / np.float32(3)
    marks: list[Any] = [
        [[0, 1, 0], [1, 0, 0]],
        [[-1, 1, -1], [1, -1, -1]],
        [[False, True, False], [True, False, False]],
        [[third, third + np.float32(1e-7), third], [0.5, 0.2, 0.3]],
    ]
    for rows in marks:
        assert accuracy(outputs, rows) == 1.0


def test_several_labels_per_example_with_a_threshold() -> None:
    logits, labels = [[1.0, 2.0, -1.0], [-1.0, -2.0, 3.0]], [[1, 1, 0], [0, 1, 1]]
    assert accuracy(logits, labels, threshold=0) == 0.5
    assert accuracy(np.array(logits) > 0, labels, threshold=0.5) == 0.5
