"""Losses of numbers: squared and absolute errors, and what lies between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value

from .._calls import call_checked
from .._checks import Scalars, above_zero, refuse_masks
from .._other_libraries import LOSS_ARGUMENTS, NUMBER_LOSS_HINTS
from .loss_targets import finite_target, mean_of, paired, total_of

__all__ = ["half_squared_error", "huber", "mean_absolute_error", "mean_squared_error"]


@call_checked(LOSS_ARGUMENTS, NUMBER_LOSS_HINTS)
@ad.scope("half squared error")
def half_squared_error(outputs: Scalars | Value, targets: Scalars | Value | float) -> Value:
    """Return half the squared error, 1/2 * sum over k of (output_k - target_k)**2.

    Its error signal at an identity output is output - target, without a factor 2.

    Parameters
    ----------
    outputs : sequence of Value, or Value
        What the model returned.
    targets : sequence of numbers or Values; for one output also a number or Value
        As many as there are outputs, finite.

    Returns
    -------
    Value
        The loss.

    Raises
    ------
    TypeError
        A target that is no real number.
    ValueError
        Not as many targets as outputs, no outputs, a target that is not finite.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> outputs = [Value(3.0), Value(1.0)]
    >>> loss = half_squared_error(outputs, [1.0, 2.0])
    >>> loss.data
    2.5
    >>> loss.backward()
    >>> [output.grad for output in outputs]
    [2.0, -1.0]
    """
    pairs = paired("half_squared_error", "numbers", outputs, targets, finite_target)
    return 0.5 * total_of([ad.square(output - target) for output, target in pairs])


@call_checked(LOSS_ARGUMENTS, NUMBER_LOSS_HINTS)
@ad.scope("mean squared error")
def mean_squared_error(outputs: Scalars | Value, targets: Scalars | Value | float) -> Any:
    """Return the mean over k of (output_k - target_k)**2.

    As PyTorch's `MSELoss` has it. Of NumPy arrays of numbers it is a metric, a float.

    Parameters
    ----------
    outputs : sequence of Value, or Value
        What the model returned for one example. For the metric an array of numbers, (N,) or
        (N, k), one example per row.
    targets : sequence of numbers or Values; for one output also a number or Value
        As many as there are outputs, finite. For the metric an array of the same shape.

    Returns
    -------
    Value or float
        The loss of one example; the mean over all entries of the arrays.

    Raises
    ------
    TypeError
        A target that is no real number.
    ValueError
        Not as many targets as outputs, no outputs, a target that is not finite; arrays of
        different shapes, but that (N, 1) and (N,) agree.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Value
    >>> outputs = [Value(3.0), Value(1.0)]
    >>> loss = mean_squared_error(outputs, [1.0, 2.0])
    >>> loss.data
    2.5
    >>> loss.backward()
    >>> [output.grad for output in outputs]
    [2.0, -1.0]
    >>> mean_squared_error(np.array([[1.0], [3.0]]), np.array([1.0, 1.0]))
    2.0
    """
    if _is_numeric(outputs):
        return float(np.mean(np.square(_differences(outputs, targets))))
    pairs = paired("mean_squared_error", "numbers", outputs, targets, finite_target)
    return mean_of([ad.square(output - target) for output, target in pairs])


@call_checked(LOSS_ARGUMENTS, NUMBER_LOSS_HINTS)
@ad.scope("mean absolute error")
def mean_absolute_error(outputs: Scalars | Value, targets: Scalars | Value | float) -> Any:
    """Return the mean over k of abs(output_k - target_k).

    As PyTorch's `L1Loss` has it; the derivative at output = target is 0. Of NumPy arrays of
    numbers it is a metric, a float.

    Parameters
    ----------
    outputs : sequence of Value, or Value
        What the model returned for one example. For the metric an array of numbers, (N,) or
        (N, k), one example per row.
    targets : sequence of numbers or Values; for one output also a number or Value
        As many as there are outputs, finite. For the metric an array of the same shape.

    Returns
    -------
    Value or float
        The loss of one example; the mean over all entries of the arrays.

    Raises
    ------
    TypeError
        A target that is no real number.
    ValueError
        Not as many targets as outputs, no outputs, a target that is not finite; arrays of
        different shapes, but that (N, 1) and (N,) agree.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Value
    >>> outputs = [Value(3.0), Value(1.0)]
    >>> loss = mean_absolute_error(outputs, [1.0, 2.0])
    >>> loss.data
    1.5
    >>> loss.backward()
    >>> [output.grad for output in outputs]
    [0.5, -0.5]
    >>> mean_absolute_error(np.array([[1.0], [3.0]]), np.array([1.0, 2.0]))
    0.5
    """
    if _is_numeric(outputs):
        return float(np.mean(np.abs(_differences(outputs, targets))))
    pairs = paired("mean_absolute_error", "numbers", outputs, targets, finite_target)
    return mean_of([ad.abs(output - target) for output, target in pairs])


@call_checked(LOSS_ARGUMENTS, NUMBER_LOSS_HINTS)
@ad.scope("huber")
def huber(
    outputs: Scalars | Value, targets: Scalars | Value | float, *, delta: float = 1.0
) -> Value:
    """Return the sum over k of r**2 / 2, but delta * (abs(r) - delta / 2) where abs(r) > delta.

    Here r = output_k - target_k. The error signal at an identity output is r, held between -delta
    and delta, so that no outlier pulls harder than that (Huber 1964). PyTorch's `HuberLoss` is the
    mean over the outputs in place of the sum; its `SmoothL1Loss` is the same at delta = 1.

    Parameters
    ----------
    outputs : sequence of Value, or Value
        What the model returned.
    targets : sequence of numbers or Values; for one output also a number or Value
        As many as there are outputs, finite.
    delta : float
        The size of error from which on the loss grows linearly, above 0.

    Returns
    -------
    Value
        The loss, summed over the outputs.

    Raises
    ------
    TypeError
        A target or `delta` that is no real number.
    ValueError
        Not as many targets as outputs, no outputs, a target that is not finite, `delta` not a
        positive finite number.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> outputs = [Value(0.5), Value(10.0)]
    >>> loss = huber(outputs, [0.0, 0.0])
    >>> loss.data
    9.625
    >>> loss.backward()
    >>> [output.grad for output in outputs]
    [0.5, 1.0]
    """
    limit = above_zero(delta, "delta")
    pairs = paired("huber", "numbers", outputs, targets, finite_target)
    return total_of([_huber_term(output - target, limit) for output, target in pairs])


def _huber_term(error: Value, delta: float) -> Value:
    """With h the error held between -delta and delta, both arms are h * (error - h / 2)."""
    held: Value = ad.clip(error, -delta, delta)
    return held * (error - 0.5 * held)


def _is_numeric(outputs: object) -> bool:
    """Whether it is an array of numbers, not of Values: then a loss is a metric."""
    return isinstance(outputs, np.ndarray) and outputs.dtype.kind in "biuf"


def _differences(outputs: object, targets: object) -> NDArray[np.float64]:
    """Outputs minus targets, entry by entry; (N, 1) against (N,) must not become (N, N)."""
    refuse_masks(outputs, "outputs")
    refuse_masks(targets, "targets")
    given, wanted = np.asarray(outputs), np.asarray(targets)
    if wanted.dtype.kind not in "biuf":
        raise TypeError(f"targets must be an array of real numbers, got one of {wanted.dtype}")
    shapes = [
        array.shape[:1] if array.shape[1:] == (1,) else array.shape for array in (given, wanted)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"outputs and targets must be of one shape, got {given.shape} and {wanted.shape}"
        )
    if given.size == 0:
        raise ValueError("a mean needs at least one output, got none")
    difference: NDArray[np.float64] = given.astype(np.float64).reshape(shapes[0]) - wanted.astype(
        np.float64
    ).reshape(shapes[0])
    return difference
