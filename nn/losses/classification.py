"""Losses of labels and classes: cross-entropies, and margins."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value

from .._calls import call_checked
from .._checks import Scalars, fraction
from .._other_libraries import LOSS_ARGUMENTS, LOSS_HINTS
from .loss_outputs import class_outputs
from .loss_targets import (
    Target,
    class_target,
    known_numbers,
    one_class,
    paired,
    probability_target,
    sign_target,
    total_of,
)
from .loss_uses import note

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "multi_class_hinge",
    "no_probability",
]


@call_checked(LOSS_ARGUMENTS, LOSS_HINTS)
@ad.scope("binary cross entropy")
def binary_cross_entropy(probabilities: Scalars | Value, targets: Scalars | Value | float) -> Value:
    """Return -sum over k of target_k * log(h_k) + (1 - target_k) * log(1 - h_k).

    After a sigmoid output, the error signal is h - target. Where the probability has been rounded
    to 0 or 1 the loss of the other label is infinite, and from about 1 - 1e-8 on, 1 - h has lost
    half its digits; `binary_cross_entropy_with_logits` has neither trouble.

    Parameters
    ----------
    probabilities : sequence of Value, or Value
        The probabilities h of label 1, such as outputs of a sigmoid. Outside [0, 1] they are
        refused, by `fit` and `evaluate` also where they compile it; a program of your own looks at
        no numbers, and takes them as they come.
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
        A target or an output outside [0, 1], not as many targets as outputs, no outputs.

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
    pairs = paired(
        "binary_cross_entropy", "probabilities", probabilities, targets, probability_target
    )
    for h in known_numbers([h for h, _ in pairs]) or ():
        if h < 0.0 or h > 1.0:
            raise no_probability(h)
    return total_of([_binary_term(h, t, _minus_log, _minus_log_of_rest) for h, t in pairs])


def no_probability(number: float, of: str = "") -> ValueError:
    """Return the error about an output that is no probability; `of` says of which example."""
    return ValueError(
        f"binary_cross_entropy takes probabilities, from 0 to 1, got the output {number}{of}: put "
        'a sigmoid behind it (output_activation="sigmoid"), or use binary_cross_entropy_with_logits'
    )


@call_checked(LOSS_ARGUMENTS, LOSS_HINTS)
@ad.scope("binary cross entropy with logits")
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
        A target that is no real number, outputs that come from a sigmoid or a softmax.
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
    pairs = paired(
        "binary_cross_entropy_with_logits", "logits", logits, targets, probability_target
    )
    return total_of([_binary_term(z, t, _softplus_of_minus, ad.softplus) for z, t in pairs])


@call_checked(LOSS_ARGUMENTS, LOSS_HINTS)
@ad.scope("hinge")
def hinge(scores: Scalars | Value, targets: Scalars | Value | float) -> Value:
    """Return the sum over k of max(0, 1 - target_k * score_k), the loss of an SVM.

    It is 0 for an example on the right side of the margin (Cortes & Vapnik 1995); the derivative
    on the margin itself is 0.

    Parameters
    ----------
    scores : sequence of Value, or Value
        Outputs of the model, without an activation; above 0 means label 1.
    targets : sequence of numbers or Values; for one output also a number or Value
        Labels -1 and 1.

    Returns
    -------
    Value
        The loss, summed over the outputs.

    Raises
    ------
    TypeError
        A target that is no real number, outputs that come from a sigmoid or a softmax.
    ValueError
        A target other than -1 and 1, not as many targets as outputs, no outputs.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> score = Value(0.25)
    >>> loss = hinge([score], -1)
    >>> loss.data
    1.25
    >>> loss.backward()
    >>> score.grad
    1.0
    """
    pairs = paired("hinge", "margins", scores, targets, sign_target)
    return total_of([ad.relu(1.0 - target * score) for score, target in pairs])


@call_checked(LOSS_ARGUMENTS, LOSS_HINTS)
@ad.scope("cross entropy")
def cross_entropy(
    logits: Scalars,
    target: int | np.integer[Any] | Value | Scalars,
    *,
    label_smoothing: float = 0.0,
) -> Value:
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
    label_smoothing : float
        The part, from 0 to 1, of the target that is shared evenly among all classes, so that no
        logit need grow for ever (Szegedy et al. 2016); as PyTorch has it.

    Returns
    -------
    Value
        The loss.

    Raises
    ------
    TypeError
        Logits that are no sequence or come from a sigmoid or a softmax, an index that is no int, a
        probability or a smoothing that is no number.
    ValueError
        An index, a probability or a smoothing out of range, probabilities whose sum is not 1, not
        one probability per class, fewer than two classes.

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
    >>> round(cross_entropy(logits, 2, label_smoothing=0.3).data, 12)  # 0.1, 0.1 and 0.8
    200.0
    """
    smoothed = fraction(label_smoothing, "label_smoothing")
    values = class_outputs(
        "cross_entropy", "logits", logits, target, of_one="binary_cross_entropy_with_logits"
    )
    checked = class_target(len(values), target)
    note("cross_entropy", "class logits", values, target, class_target)
    loss = _cross_entropy(values, checked)
    if smoothed:
        even: list[Target] = [1.0 / len(values)] * len(values)
        loss = (1.0 - smoothed) * loss + smoothed * _cross_entropy(values, even)
    return loss


@call_checked(LOSS_ARGUMENTS, LOSS_HINTS)
@ad.scope("multi class hinge")
def multi_class_hinge(scores: Scalars, target: int | np.integer[Any] | Value) -> Value:
    """Return the sum over k != t of max(0, 1 + score_k - score_t), for the class t.

    The multi-class SVM of Weston & Watkins (1999): every other class is to stay one below the
    right one. PyTorch's `MultiMarginLoss` is this over the number of classes.

    Parameters
    ----------
    scores : sequence of Value
        One output per class, at least two, without an activation.
    target : int or Value
        The index of the class (a Value in a compiled function).

    Returns
    -------
    Value
        The loss.

    Raises
    ------
    TypeError
        Scores that are no sequence or come from a sigmoid or a softmax, an index that is no int.
    ValueError
        An index out of range, fewer than two classes.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> scores = [Value(3.0), Value(2.5), Value(-1.0)]
    >>> loss = multi_class_hinge(scores, 0)
    >>> loss.data
    0.5
    >>> loss.backward()
    >>> [score.grad for score in scores]
    [-1.0, 1.0, 0.0]
    """
    values = class_outputs("multi_class_hinge", "scores", scores, target, of_one="hinge")
    index = one_class(len(values), target)
    note("multi_class_hinge", "class logits", values, target, one_class)
    right = ad.take(values, index)
    terms = [ad.relu(score - right + 1.0) for score in values]
    if isinstance(index, int):
        del terms[index]
    else:  # while compiling: a class known only when the program runs
        others = [1.0 - ad.equal(index, k) for k in range(len(terms))]
        terms = [ad.multiply_no_nan(other, t) for other, t in zip(others, terms, strict=True)]
    return total_of(terms)


def _binary_term(
    x: Value,
    target: Target,
    loss_of_1: Callable[[Value], Value],
    loss_of_0: Callable[[Value], Value],
) -> Value:
    """Mean of the two labels' losses under the target; one of weight 0 may be infinite."""
    if not isinstance(target, Value):
        if target == 1.0:
            return loss_of_1(x)
        if target == 0.0:
            return loss_of_0(x)
        return target * loss_of_1(x) + (1.0 - target) * loss_of_0(x)
    term: Value = ad.multiply_no_nan(target, loss_of_1(x))
    return term + ad.multiply_no_nan(1.0 - target, loss_of_0(x))


def _minus_log(h: Value) -> Value:
    return -ad.log(h)


def _minus_log_of_rest(h: Value) -> Value:
    return -ad.log1p(-h)


def _softplus_of_minus(z: Value) -> Value:
    return ad.softplus(-z)


def _cross_entropy(logits: list[Value], target: int | Value | list[Target]) -> Value:
    if isinstance(target, list):
        return _mean_over_classes(logits, target)
    return _minus_log_softmax(logits, target)


def _minus_log_softmax(logits: list[Value], target: int | Value) -> Value:
    """NaN for the class of an infinite logit, as where it is compiled: infinity less infinity."""
    numbers = known_numbers(logits)
    if numbers is not None and math.inf in numbers:
        infinite: Value = ad.logsumexp(logits) - ad.take(logits, target)
        return infinite
    loss: Value = -ad.log_softmax(logits, target)
    return loss


def _mean_over_classes(logits: list[Value], probabilities: list[Target]) -> Value:
    """Mean of -log_softmax under probabilities; classes of probability 0 do not take part."""
    kept = [k for k, p in enumerate(probabilities) if isinstance(p, Value) or p != 0.0]
    weights = [probabilities[k] for k in kept]
    mean: Value
    largest = _largest(logits)
    if len(weights) == 1 and not isinstance(weights[0], Value) and weights[0] == 1.0:
        mean = _minus_log_softmax(logits, kept[0])
    elif largest is None:
        whole = ad.logsumexp(logits)
        mean = -_weighted_sum(weights, [logits[k] - whole for k in kept])
    else:  # differences alone count, so that no digits are lost; the largest cancels
        shifted = [logit - largest for logit in logits]
        whole, total = ad.logsumexp(shifted), ad.sum(weights)
        weighted = whole if total == 1.0 else total * whole
        mean = weighted - _weighted_sum(weights, [shifted[k] for k in kept])
    return mean


def _weighted_sum(weights: list[Target], logits: list[Value]) -> Value:
    """A class of weight 0, known only later, may have a logit of minus infinity."""
    if not any(isinstance(weight, Value) for weight in weights):
        dot: Value = ad.dot(weights, logits)
        return dot
    return total_of([ad.multiply_no_nan(w, z) for w, z in zip(weights, logits, strict=True)])


def _largest(logits: list[Value]) -> Value | None:
    """The largest logit, as a node that ``recompute`` takes along.

    None if it is not finite, or not known yet: a compiled program takes differences by itself.
    """
    numbers = known_numbers(logits)
    if numbers is None:
        return None
    largest = max(range(len(logits)), key=numbers.__getitem__)
    return logits[largest] if math.isfinite(numbers[largest]) else None
