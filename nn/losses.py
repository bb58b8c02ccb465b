"""Losses of one example, and their mean over a minibatch.

Each takes the model's outputs and the example's target, and returns one `Value`. Plain targets are
checked; targets that are Values are taken as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from ._checks import Scalars

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "half_squared_error",
    "mean_loss",
]

# How far from 1 the sum of a probability target may lie: that of float32 probabilities does.
_SUM_TOLERANCE = 1e-6


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
    pairs = _paired(outputs, targets, _check_finite)
    return 0.5 * _sum([ad.square(output - target) for output, target in pairs])


def binary_cross_entropy(probabilities: Scalars | Value, targets: Scalars | Value | float) -> Value:
    """Return -sum over k of target_k * log(h_k) + (1 - target_k) * log(1 - h_k).

    After a sigmoid output, the error signal is h - target. Where the probability has been rounded
    to 0 or 1 the loss of the other label is infinite, and from about 1 - 1e-8 on, 1 - h has lost
    half its digits; `binary_cross_entropy_with_logits` has neither trouble.

    Parameters
    ----------
    probabilities : sequence of Value, or Value
        The probabilities h of label 1, such as outputs of a sigmoid; outside [0, 1] the loss is
        nan.
    targets : sequence of numbers or Values; for one output also a number or Value
        Labels 0 and 1, or probabilities between them.

    Returns
    -------
    Value
        The loss, summed over the outputs.

    Raises
    ------
    TypeError
        A target that is no real number.
    ValueError
        A target outside [0, 1], not as many targets as outputs, no outputs.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> h = Value(0.25)
    >>> loss = binary_cross_entropy([h], 1)
    >>> round(loss.data, 12)
    1.38629436112
    >>> loss.backward()
    >>> h.grad
    -4.0
    """
    pairs = _paired(probabilities, targets, _check_probability)
    return _sum([_binary_term(h, t, _minus_log, _minus_log_of_rest) for h, t in pairs])


def binary_cross_entropy_with_logits(
    logits: Scalars | Value, targets: Scalars | Value | float
) -> Value:
    """Return the binary cross-entropy of sigmoid(logit), accurate for logits of any size.

    With -log(sigmoid(z)) = softplus(-z) and -log(1 - sigmoid(z)) = softplus(z), nothing is
    rounded to 0 or 1 on the way.

    Parameters
    ----------
    logits : sequence of Value, or Value
        Outputs of the model before any sigmoid.
    targets : sequence of numbers or Values; for one output also a number or Value
        Labels 0 and 1, or probabilities between them.

    Returns
    -------
    Value
        The loss, summed over the outputs.

    Raises
    ------
    TypeError
        A target that is no real number.
    ValueError
        A target outside [0, 1], not as many targets as outputs, no outputs.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> z = Value(-800.0)
    >>> loss = binary_cross_entropy_with_logits([z], 1)
    >>> loss.data
    800.0
    >>> loss.backward()
    >>> z.grad
    -1.0
    """
    pairs = _paired(logits, targets, _check_probability)
    return _sum([_binary_term(z, t, _softplus_of_minus, ad.softplus) for z, t in pairs])


def cross_entropy(logits: Scalars, target: int | Scalars) -> Value:
    """Return the cross-entropy of softmax(logits), with the softmax inside.

    For class t it is -log_softmax(logits)[t]; for probabilities p, the mean of these under p. The
    error signal at the logits is softmax(logits) - p. Only differences of logits count: those of
    any size do not overflow, and a number that is added to all of them does not matter.

    Parameters
    ----------
    logits : sequence of Value
        One output per class, at least two, before any softmax.
    target : int, Value or sequence
        The index of the class (a Value in a compiled function), or one probability per class
        (one-hot, for instance).

    Returns
    -------
    Value
        The loss.

    Raises
    ------
    TypeError
        Logits that are no sequence, an index that is no int, a probability that is no number.
    ValueError
        An index or a probability out of range, probabilities whose sum is not 1, not one
        probability per class, fewer than two classes.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> logits = [Value(0.0), Value(0.0), Value(1000.0)]
    >>> loss = cross_entropy(logits, 0)
    >>> loss.data
    1000.0
    >>> loss.backward()
    >>> [logit.grad for logit in logits]
    [-1.0, 0.0, 1.0]
    >>> cross_entropy(logits, [1, 0, 0]).data
    1000.0
    """
    if not is_ordered(logits) or not hasattr(logits, "__len__"):
        raise TypeError(f"logits must be a sequence, one per class, got {type(logits).__name__}")
    if len(logits) < 2:
        raise ValueError(
            f"cross_entropy needs at least two classes, got {len(logits)} logits; for a single "
            "output use binary_cross_entropy_with_logits"
        )
    values = [ad.as_value(logit) for logit in logits]
    index = _unwrapped(target)
    loss: Value
    if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        loss = -ad.log_softmax(values, _class_index(index, len(values)))
    elif isinstance(index, Value):  # while compiling: a class known only when the program runs
        loss = -ad.log_softmax(values, index)
    else:
        loss = _mean_over_classes(values, _class_probabilities(target, len(values)))
    return loss


def mean_loss(
    model: Callable[[Any], Any],
    inputs: Sequence[Any] | NDArray[Any],
    targets: Sequence[Any] | NDArray[Any],
    loss: Callable[[Any, Any], Value],
) -> Value:
    """Return the mean loss of a minibatch, as one graph.

    Training computes the same gradient example by example, which keeps one graph at a time; this
    is for looking at, drawing or checking a whole minibatch.

    Parameters
    ----------
    model : callable
        Takes one example's inputs, returns outputs.
    inputs, targets : sequence
        One entry per example, equally many and at least one.
    loss : callable
        Takes outputs and a target, returns the loss of that example.

    Returns
    -------
    Value
        The mean of the losses.

    Raises
    ------
    ValueError
        No examples, or not as many targets as inputs.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> mean_loss(neuron, [[1.0], [2.0]], [0.0, 0.0], half_squared_error).data
    5.0
    """
    for name, examples in (("inputs", inputs), ("targets", targets)):
        if not is_ordered(examples) or not hasattr(examples, "__len__"):
            raise TypeError(
                f"{name} must be a sequence, one entry per example, got {type(examples).__name__}"
            )
    if len(inputs) != len(targets):
        raise ValueError(f"got {len(inputs)} inputs but {len(targets)} targets")
    if len(inputs) == 0:
        raise ValueError("a minibatch needs at least one example, got none")
    losses = [loss(model(x), t) for x, t in zip(inputs, targets, strict=True)]
    mean: Value = ad.mean(losses)
    return mean


def _binary_term(
    x: Value,
    target: Value | float,
    loss_of_1: Callable[[Value], Value],
    loss_of_0: Callable[[Value], Value],
) -> Value:
    """Mean of the two labels' losses under the target; a sure label leaves the other's loss out.

    Left in with weight 0, an infinite loss of the other label would make the sum nan.
    """
    if not isinstance(target, Value):
        if target == 1.0:
            return loss_of_1(x)
        if target == 0.0:
            return loss_of_0(x)
    return target * loss_of_1(x) + (1.0 - target) * loss_of_0(x)


def _minus_log(h: Value) -> Value:
    return -ad.log(h)


def _minus_log_of_rest(h: Value) -> Value:
    return -ad.log1p(-h)


def _softplus_of_minus(z: Value) -> Value:
    return ad.softplus(-z)


def _sum(terms: list[Value]) -> Value:
    """One term is its own sum: a net of one path keeps one path through its loss."""
    total: Value = terms[0] if len(terms) == 1 else ad.sum(terms)
    return total


def _paired(
    outputs: Scalars | Value,
    targets: Scalars | Value | float,
    check: Callable[[object], Value | float],
) -> list[tuple[Value, Value | float]]:
    """Match outputs and checked targets one to one; a single number stands for a list of one."""
    given = [outputs] if isinstance(outputs, Value) else outputs
    if not is_ordered(given):
        raise TypeError(f"outputs must be a Value or a sequence, got {type(outputs).__name__}")
    output_list = [ad.as_value(x) for x in given]
    target_list: Iterable[object] = targets if is_ordered(targets) else [targets]
    checked = [check(target) for target in target_list]
    if len(checked) != len(output_list):
        raise ValueError(f"got {len(output_list)} outputs but {len(checked)} targets")
    if not output_list:
        raise ValueError("a loss needs at least one output, got none")
    return list(zip(output_list, checked, strict=True))


def _unwrapped(target: object) -> object:
    """Return the number in a 0-d array, as a row of a vector of targets may be."""
    return target.item() if isinstance(target, np.ndarray) and target.ndim == 0 else target


def _check_finite(target: object) -> Value | float:
    """Return a Value as it is, a finite real number as a float."""
    if isinstance(target, Value):
        return target
    target = _unwrapped(target)
    if not isinstance(target, (Real, np.bool_)):
        raise TypeError(f"a target must be a real number, got {target!r}")
    number = float(target)
    if not math.isfinite(number):
        raise ValueError(f"a target must be finite, got {number}")
    return number


def _check_probability(target: object) -> Value | float:
    """Return a Value as it is, a number in [0, 1] as a float."""
    number = _check_finite(target)
    if not isinstance(number, Value) and not 0.0 <= number <= 1.0:
        raise ValueError(
            f"a target must lie in [0, 1], got {number}: labels are 0 and 1 (not -1 and 1)"
        )
    return number


def _class_index(target: int | np.integer[Any], n_classes: int) -> int:
    if not 0 <= target < n_classes:
        raise ValueError(
            f"a class index must lie in 0..{n_classes - 1} for {n_classes} logits, got {target}"
        )
    return int(target)


def _class_probabilities(target: object, n_classes: int) -> list[Value | float]:
    """Return one probability per class, checked as far as they are plain numbers."""
    if not is_ordered(target):
        raise TypeError(
            "target must be an int class index or a sequence of probabilities, one per class; "
            f"got {target!r} ({type(target).__name__})"
        )
    probabilities = [_check_probability(p) for p in target]
    if len(probabilities) != n_classes:
        raise ValueError(f"got {n_classes} logits but {len(probabilities)} probabilities")
    plain = [p for p in probabilities if not isinstance(p, Value)]
    if len(plain) == len(probabilities) and abs(math.fsum(plain) - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"the probabilities of the classes must sum to 1, got {math.fsum(plain)}")
    return probabilities


def _mean_over_classes(logits: list[Value], probabilities: list[Value | float]) -> Value:
    """Mean of -log_softmax under probabilities; classes of probability 0 do not take part."""
    kept = [k for k, p in enumerate(probabilities) if isinstance(p, Value) or p != 0.0]
    weights = [probabilities[k] for k in kept]
    mean: Value
    largest = _largest(logits)
    if len(weights) == 1 and not isinstance(weights[0], Value) and weights[0] == 1.0:
        mean = -ad.log_softmax(logits, kept[0])
    elif largest is None:
        whole = ad.logsumexp(logits)
        mean = -ad.dot(weights, [logits[k] - whole for k in kept])
    else:  # differences alone count, so that no digits are lost; the largest cancels
        shifted = [logit - largest for logit in logits]
        whole, total = ad.logsumexp(shifted), ad.sum(weights)
        weighted = whole if total == 1.0 else total * whole
        mean = weighted - ad.dot(weights, [shifted[k] for k in kept])
    return mean


def _largest(logits: list[Value]) -> Value | None:
    """The largest logit, as a node that ``recompute`` takes along.

    None if it is not finite, or not known yet: a compiled program takes differences by itself.
    """
    try:
        largest = max(logits, key=lambda logit: logit.data)
    except ad.TraceError:
        return None
    return largest if math.isfinite(largest.data) else None
