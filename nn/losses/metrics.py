"""How good predictions are: functions of arrays, ``metric(outputs, targets) -> float``."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._calls import call_checked
from .._checks import finite_number, positive_int, refuse_masks
from .._other_libraries import METRIC_ARGUMENTS
from .loss_targets import SUM_TOLERANCE

__all__ = ["accuracy", "confusion_matrix", "r_squared"]

_MANY_CLASSES = 10_000  # of more, the matrix is hundreds of megabytes
_WRITE_CLASSES = "write y > 0 for labels y of -1 and 1"


@call_checked(METRIC_ARGUMENTS)
def accuracy(
    outputs: ArrayLike, targets: ArrayLike, *more: object, threshold: float | None = None
) -> float:
    """Return the share of examples that are classified right.

    Parameters
    ----------
    outputs : array_like
        Shape (N, k), k >= 2: one column per class, the largest of a row says which, the first of
        equal ones. Shape (N,), integers, bools or text: the classes themselves. Real outputs in
        one column, or more of them with a `threshold`: label 1 where above it.
    targets : array_like
        Shape (N,): the classes; for outputs of one column with a threshold, labels 1 against 0 or
        -1, or probabilities of label 1. Shape (N, k): one-hot rows or probabilities of the classes,
        the largest marks it; with a threshold, one label per output, any number of which may be 1.
    threshold : float, optional
        0 for logits and margins, 0.5 for probabilities. Of several outputs all must be on the right
        side for the example to count.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    TypeError
        A model in place of its outputs; outputs or targets that are no numbers or classes.
    ValueError
        No examples, shapes that do not fit, a class out of range, NaN, real outputs in one column
        without a threshold; with one, targets that are neither labels nor probabilities; without
        one, rows of targets with several labels each; classes 0 and 1 against labels -1 and 1.

    Examples
    --------
    >>> accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    0.6666666666666666
    >>> accuracy([1, 0, 1], [1, 0, 0])
    0.6666666666666666
    >>> accuracy([[-2.0], [3.0]], [0, 1], threshold=0.0)
    1.0
    """
    if more or callable(outputs):
        _refuse_model()
    given = _table(outputs, "outputs")
    expected = _table(targets, "targets")
    if len(given) != len(expected):
        raise ValueError(f"got outputs of {len(given)} examples but targets of {len(expected)}")
    if threshold is not None:
        right = _right_sides(given, expected, finite_number(threshold, "threshold"))
    elif given.ndim == 2 and given.shape[1] > 1:
        right = _numbers(given, "outputs").argmax(axis=1) == _classes_of(expected, given.shape[1])
    else:
        right = _agree(_predicted(given), _column(expected, "targets"))
    return int(np.count_nonzero(right)) / len(right)


@call_checked(METRIC_ARGUMENTS)
def confusion_matrix(
    *, targets: ArrayLike, predicted: ArrayLike, n_classes: int | None = None
) -> NDArray[np.int64]:
    """Count how often each class was taken for each.

    The arguments go by name, as libraries disagree about their order.

    Parameters
    ----------
    targets, predicted : array_like
        Shape (N,), integers from 0: the right classes, and those predicted.
    n_classes : int, optional
        Number of classes K; by default the largest class that occurs, plus 1.

    Returns
    -------
    numpy.ndarray
        Shape (K, K): in row i, column j the number of examples of class i that were predicted as j.
        Right ones are on the diagonal.

    Raises
    ------
    TypeError
        Classes that are no integers.
    ValueError
        No examples, shapes that do not fit, a class that is negative or not below `n_classes`; more
        than ten thousand classes.

    Examples
    --------
    >>> confusion_matrix(targets=[0, 0, 1, 2], predicted=[0, 1, 1, 2])
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    rows, columns = _class_column(targets, "targets"), _class_column(predicted, "predicted")
    if len(rows) != len(columns):
        raise ValueError(f"got {len(rows)} targets but {len(columns)} predicted classes")
    largest = int(max(rows.max(), columns.max()))
    k = largest + 1 if n_classes is None else positive_int(n_classes, "n_classes")
    if largest >= k:
        raise ValueError(f"a class must lie in 0..{k - 1} for n_classes={k}, got {largest}")
    if k > _MANY_CLASSES:
        raise ValueError(
            f"a matrix of {k} by {k} classes is not made: number them from 0 without gaps, as "
            "np.unique(y, return_inverse=True) does"
        )
    counts = np.bincount(rows * k + columns, minlength=k * k)
    return counts.reshape(k, k).astype(np.int64)


@call_checked(METRIC_ARGUMENTS)
def r_squared(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the coefficient of determination, 1 - sum of squared errors / sum of squares.

    The sum of squares is about the mean of the targets: 1 is perfect, 0 as good as always saying
    the mean. With several columns, the mean over them. Where all targets are equal, a column
    counts as 1 if the outputs are exactly right, else as 0, as in scikit-learn.

    Parameters
    ----------
    outputs, targets : array_like
        Shape (N,) or (N, k), N >= 2.

    Returns
    -------
    float
        At most 1.

    Raises
    ------
    TypeError
        What is no number.
    ValueError
        Fewer than two examples, shapes that do not fit, NaN.

    Examples
    --------
    >>> r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.7857142857142857
    """
    given = _columns(_numbers(_table(outputs, "outputs"), "outputs"))
    expected = _columns(_numbers(_table(targets, "targets"), "targets"))
    if given.shape != expected.shape:
        raise ValueError(f"got outputs of shape {given.shape} but targets of {expected.shape}")
    if len(given) < 2:
        raise ValueError("r_squared needs at least two examples, got one")
    given, expected = _of_one_size(given, expected)
    errors = np.square(given - expected).sum(axis=0)
    spread = np.square(expected - expected.mean(axis=0)).sum(axis=0)
    ratios = np.divide(errors, spread, out=(errors > 0).astype(np.float64), where=spread > 0)
    return float(np.mean(1.0 - ratios))


def _of_one_size(
    given: NDArray[Any], expected: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Divide both by one power of two per column, so that no square overflows or is lost."""
    largest = np.maximum(np.abs(given).max(axis=0), np.abs(expected).max(axis=0))
    exponents = -np.frexp(np.where(np.isfinite(largest), largest, 1.0))[1]
    return np.ldexp(given, exponents), np.ldexp(expected, exponents)


def _refuse_model() -> NoReturn:
    raise TypeError(
        "accuracy takes outputs and targets, not a model: write accuracy(model.predict(X), y) or, "
        "for a single output, accuracy(model.predict_classes(X), y)"
    )


def _table(data: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array of one or two axes, one row per example."""
    refuse_masks(data, name)
    array = np.asarray(data)
    if array.dtype.kind not in "fiubUS":
        raise TypeError(f"{name} must hold numbers or classes, got an array of {array.dtype}")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have shape (N,) or (N, k), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} is empty, of shape {array.shape}: no example, no metric")
    if array.dtype.kind == "f" and np.isnan(array.min()):
        raise ValueError(f"{name} holds NaN")
    return array


def _numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind in "US":
        raise TypeError(f"{name} must hold numbers, got text")
    return array.astype(np.float64, copy=False) if array.dtype.kind in "fb" else array


def _columns(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(len(array), -1)


def _column(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return classes as one column."""
    if array.ndim == 2 and array.shape[1] > 1:
        raise ValueError(
            f"{name} must have shape (N,), one class per example, got {array.shape}: of one-hot "
            f"rows or outputs write {name}.argmax(axis=1)"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be classes, got {array[~np.isfinite(array)].flat[0]}")
    if array.dtype.kind == "f" and (array != np.rint(array)).any():
        raise ValueError(f"{name} must be classes, got real numbers such as {array.flat[0]}")
    return array.reshape(-1)


def _agree(predicted: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
    if (predicted.dtype.kind in "US") != (targets.dtype.kind in "US"):
        raise TypeError(f"outputs are {predicted.dtype}, targets {targets.dtype}: no class is both")
    if predicted.dtype.kind not in "US" and _are_signs(targets) and (predicted == 0).any():
        raise ValueError(f"outputs are classes from 0, targets labels -1 and 1: {_WRITE_CLASSES}")
    return np.asarray(predicted == targets)


def _predicted(outputs: NDArray[Any]) -> NDArray[Any]:
    """Return outputs that are classes: real ones say nothing of a class by themselves."""
    if outputs.dtype.kind == "f":
        raise ValueError(
            f"outputs of shape {outputs.shape} are real numbers: give threshold=0 for logits, "
            "threshold=0.5 for probabilities (to fit metrics=[functools.partial(nn.accuracy, "
            "threshold=0.5)]), or classes, as model.predict_classes(X) returns them"
        )
    return _column(outputs, "outputs")


def _classes_of(targets: NDArray[Any], n_classes: int) -> NDArray[Any]:
    """Return the class of each example, from classes or from one number per class."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        if targets.shape[1] != n_classes:
            raise ValueError(f"got {n_classes} outputs but {targets.shape[1]} targets per example")
        marks = _numbers(targets, "targets")
        _check_one_class_each(marks)
        return np.asarray(marks.argmax(axis=1))
    return _class_column(targets, "targets", n_classes)


def _check_one_class_each(marks: NDArray[Any]) -> None:
    """Refuse rows that are neither one-hot nor the classes' probabilities."""
    fit = ((marks > 0).sum(axis=1) == 1) | (np.abs(marks.sum(axis=1) - 1.0) <= SUM_TOLERANCE)
    if not fit.all():
        index = int(np.argmin(fit))
        raise ValueError(
            f"targets[{index}] is {marks[index].tolist()!r:.60}, neither one-hot nor probabilities "
            "of classes: for several labels per example write threshold=0 for logits, "
            "threshold=0.5 for probabilities"
        )


def _are_signs(labels: NDArray[Any]) -> bool:
    return bool((np.abs(labels) == 1).all() and (labels == -1).any())


def _class_column(data: ArrayLike, name: str, n_classes: int | None = None) -> NDArray[np.int64]:
    """Return classes as integers, checked to count from 0."""
    classes = _numbers(_column(_table(data, name), name), name).astype(np.int64)
    allowed = "counted from 0" if n_classes is None else f"in 0..{n_classes - 1}"
    for extreme in (classes.min(), classes.max()):
        if extreme < 0 or (n_classes is not None and extreme >= n_classes):
            end = f": {_WRITE_CLASSES}" if _are_signs(classes) else ""
            raise ValueError(f"{name} must be classes {allowed}, got {extreme}{end}")
    return classes


def _right_sides(
    outputs: NDArray[Any], targets: NDArray[Any], threshold: float
) -> NDArray[np.bool_]:
    """Tell of each example whether all outputs are above the threshold just where labels are 1."""
    given = _columns(_numbers(outputs, "outputs"))
    labels = _columns(_numbers(targets, "targets"))
    if given.shape != labels.shape:
        raise ValueError(f"got outputs of shape {outputs.shape} but targets of {targets.shape}")
    agree = (given > threshold) == _are_ones(labels)
    return np.asarray(agree.all(axis=1))


def _are_ones(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels are 1: those of 0 and 1, also as probabilities, or of -1 and 1."""
    is_label = (labels >= 0) & (labels <= 1)
    if is_label.all():
        return np.asarray(labels > 0.5)
    if (np.abs(labels) == 1).all():
        return np.asarray(labels > 0)
    found = labels[~is_label & (labels != -1)].tolist() or labels[is_label & (labels < 1)].tolist()
    raise ValueError(
        "with a threshold, targets must be labels 0 and 1 (or probabilities between them), or -1 "
        f"and 1, got {found[0]}{'' if (labels >= 0).all() else ' among negative ones'}: of classes "
        "make labels, as in y == 1"
    )
