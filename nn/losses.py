"""Losses of one example, penalties on parameters, and the mean over a minibatch.

Each loss takes the model's outputs and the example's target, and returns one `Value`. A loss that
is not called a mean is a sum over the outputs. Plain targets are checked; targets that are Values,
as in a compiled function, are taken as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from ._checks import Scalars
from .module import Module
from .parameters import parameter_list

__all__ = [
    "LossUse",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "call_loss",
    "cross_entropy",
    "half_squared_error",
    "hinge",
    "huber",
    "l1_penalty",
    "l2_penalty",
    "mean_absolute_error",
    "mean_loss",
    "mean_squared_error",
    "multi_class_hinge",
    "no_probability",
    "observed",
]

# How far from 1 the sum of a probability target may lie: that of float32 probabilities does.
_SUM_TOLERANCE = 1e-6

_Target: TypeAlias = Value | float
_ELSEWHERE = {
    **dict.fromkeys(["CrossEntropyLoss", "cross_entropy", "log_loss"], "cross_entropy"),
    **dict.fromkeys(["NLLLoss", "nll_loss"], "cross_entropy"),
    **dict.fromkeys(
        ["BCEWithLogitsLoss", "binary_cross_entropy_with_logits"],
        "binary_cross_entropy_with_logits",
    ),
    **dict.fromkeys(["BCELoss", "binary_cross_entropy"], "binary_cross_entropy"),
    **dict.fromkeys(["MSELoss", "mse_loss", "mean_squared_error"], "mean_squared_error"),
    **dict.fromkeys(["L1Loss", "l1_loss", "mean_absolute_error"], "mean_absolute_error"),
    **dict.fromkeys(["HuberLoss", "SmoothL1Loss", "huber_loss", "smooth_l1_loss"], "huber"),
    **dict.fromkeys(["MultiMarginLoss", "multi_margin_loss"], "multi_class_hinge"),
    "hinge_loss": "hinge",
}
"""Losses of other libraries, by their names there."""
_LIBRARIES = ("torch", "sklearn", "keras", "tensorflow", "jax", "optax")

_CheckOfOne: TypeAlias = Callable[[object], _Target]


@dataclass(frozen=True)
class LossUse:
    """One call of a loss of this package: what it made of outputs and target.

    Attributes
    ----------
    loss : str
        Name of the loss.
    outputs_are : str
        What the outputs mean to it: "class logits" (the largest wins), "logits" and "margins"
        (label 1 above 0), "probabilities" (label 1 above 1/2) or "numbers".
    outputs : list of Value
        The outputs, as Values.
    target : object
        The target, as it was given.
    check : callable
        Takes another example's plain target, raises TypeError or ValueError if the loss would.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> with observed() as uses:
    ...     loss = cross_entropy([Value(0.0), Value(1.0)], 1)
    >>> uses[0].loss, uses[0].outputs_are, uses[0].n_outputs, uses[0].target
    ('cross_entropy', 'class logits', 2, 1)
    >>> uses[0].check(2)
    Traceback (most recent call last):
    ...
    ValueError: a class index must lie in 0..1 for 2 logits, got 2
    """

    loss: str
    outputs_are: str
    outputs: list[Value]
    target: object
    check: Callable[[object], object]

    @property
    def probabilities(self) -> list[Value]:
        """The outputs, where they must be probabilities; otherwise none."""
        return self.outputs if self.outputs_are == "probabilities" else []

    @property
    def n_outputs(self) -> int:
        """How many outputs there were."""
        return len(self.outputs)


_observer: ContextVar[list[LossUse] | None] = ContextVar("nn_observer_of_losses", default=None)


@contextmanager
def observed() -> Iterator[list[LossUse]]:
    """Collect what the losses of this package are called with in the ``with`` block.

    So a loss that wraps one of them, or adds a penalty, tells what its targets must be.

    Yields
    ------
    list of LossUse
        One entry for each call, in order.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> def own_loss(outputs, target):
    ...     return 2.0 * half_squared_error(outputs, target)
    >>> with observed() as uses:
    ...     loss = own_loss([Value(1.0)], 3.0)
    >>> [use.loss for use in uses]
    ['half_squared_error']
    """
    uses: list[LossUse] = []
    before = _observer.get()
    try:  # Ctrl-C may come behind every line
        _observer.set(uses)
        yield uses
    finally:
        _observer.set(before)


def call_loss(loss: Callable[[Any, Any], Any], outputs: Any, target: Any) -> Value:
    """Return the loss of one example; say what is wrong with a function that is no loss of it.

    Parameters
    ----------
    loss : callable
        Takes outputs and a target, should return a Value.
    outputs : sequence of Value, or Value
        What the model returned.
    target : object
        The example's target.

    Returns
    -------
    Value
        What the loss returned.

    Raises
    ------
    TypeError
        A loss that takes the list of outputs for a number, or one number for a list; a loss of
        another library; a result that is no Value.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> call_loss(lambda output, t: (output - t) ** 2, [Value(1.0)], 3.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    TypeError: the loss computes with the list of the model's 1 output as if it were a number: ...
    """
    try:
        result = loss(outputs, target)
    except (TypeError, AttributeError, ValueError, IndexError) as error:
        hint = _hint(loss, outputs, target, str(error))
        if hint is None:
            raise
        raise TypeError(f"{hint} ({error})") from error
    if not isinstance(result, Value):
        raise TypeError(_hint(loss, outputs, target, "") or _no_value(result, outputs))
    return result


def _hint(loss: Callable[[Any, Any], Any], outputs: Any, target: Any, message: str) -> str | None:
    """What to write, if the loss is foreign, or takes a list for a number or the reverse."""
    if (library := _library(loss)) is not None:
        name = getattr(loss, "__name__", type(loss).__name__)
        return (
            f"{name} of {library} computes with arrays, not with the Values of one example: write "
            f"loss=nn.{_ELSEWHERE.get(name, 'cross_entropy, or another of nn')}"
        )
    if isinstance(outputs, Value):
        kind = type(outputs).__name__
        if not re.search(rf"'{kind}'.*(subscriptable|iterable|has no len)", message):
            return None
        return (
            "the loss takes the model's output for a list, but it is a single Value: compute with "
            "the output itself"
        )
    if not isinstance(outputs, (list, tuple)) or not _takes_for_a_number(loss, outputs, target):
        return None
    return (
        f"the loss computes with the {type(outputs).__name__} of the model's {_counted(outputs)} "
        f"as if it were a number: {_how_to_reduce(outputs)}"
    )


def _library(loss: Any) -> str | None:
    module = getattr(loss, "__module__", None) or type(loss).__module__
    root = str(module).partition(".")[0]
    return root if root in _LIBRARIES else None


class _Outputs(list[Any]):
    """Outputs in a list of a kind of its own, which an error message calls by its name.

    Any other list times an int, such as a target, repeats itself.
    """

    __array_ufunc__ = None  # NumPy's ints leave the product to us

    def __mul__(self, factor: object) -> Any:
        return NotImplemented

    __rmul__ = __imul__ = __mul__


def _takes_for_a_number(loss: Callable[[Any, Any], Any], outputs: Any, target: Any) -> bool:
    """Whether what fails is arithmetic with the list of outputs, and not, say, with the target."""
    try:
        loss(_Outputs(outputs), target)
    except Exception as error:
        return bool(re.search("_Outputs|multiply sequence", str(error)))
    return False


def _counted(outputs: Any) -> str:
    return f"{len(outputs)} output{'s' if len(outputs) != 1 else ''}"


def _how_to_reduce(outputs: Any) -> str:
    if len(outputs) == 1:
        return "write outputs[0], as in (outputs[0] - target) ** 2"
    return "write ad.sum((o - t) ** 2 for o, t in zip(outputs, target)), or the like"


def _no_value(result: object, outputs: object) -> str:
    kind = type(result).__name__
    if result is None:
        return "the loss must return a Value, got None: its `return` may be missing"
    if is_ordered(result):
        single = isinstance(outputs, Value)
        remedy = "add its elements up with ad.sum" if single else _how_to_reduce(outputs)
        return f"the loss must return one Value for the example, got {kind}: {remedy}"
    return (
        f"the loss must return a Value, got {kind} ({result!r:.40}): compute with the outputs "
        "themselves, not with their data, and with the functions of autograd_mini, not of math"
    )


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
    pairs = _paired("half_squared_error", "numbers", outputs, targets, _check_finite)
    return 0.5 * _sum([ad.square(output - target) for output, target in pairs])


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
    pairs = _paired("mean_squared_error", "numbers", outputs, targets, _check_finite)
    return _mean([ad.square(output - target) for output, target in pairs])


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
    pairs = _paired("mean_absolute_error", "numbers", outputs, targets, _check_finite)
    return _mean([ad.abs(output - target) for output, target in pairs])


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
    limit = _option("delta", delta, lambda d: 0.0 < d < math.inf, "a positive finite number")
    pairs = _paired("huber", "numbers", outputs, targets, _check_finite)
    return _sum([_huber_term(output - target, limit) for output, target in pairs])


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
    pairs = _paired(
        "binary_cross_entropy", "probabilities", probabilities, targets, _check_probability
    )
    for h in _numbers([h for h, _ in pairs]) or ():
        if h < 0.0 or h > 1.0:
            raise no_probability(h)
    return _sum([_binary_term(h, t, _minus_log, _minus_log_of_rest) for h, t in pairs])


def no_probability(number: float, of: str = "") -> ValueError:
    """Return the error about an output that is no probability; `of` says of which example."""
    return ValueError(
        f"binary_cross_entropy takes probabilities, from 0 to 1, got the output {number}{of}: put "
        'a sigmoid behind it (output_activation="sigmoid"), or use binary_cross_entropy_with_logits'
    )


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
    pairs = _paired(
        "binary_cross_entropy_with_logits", "logits", logits, targets, _check_probability
    )
    return _sum([_binary_term(z, t, _softplus_of_minus, ad.softplus) for z, t in pairs])


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
        A target that is no real number.
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
    pairs = _paired("hinge", "margins", scores, targets, _check_sign)
    return _sum([ad.relu(1.0 - target * score) for score, target in pairs])


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
        Logits that are no sequence, an index that is no int, a probability or a smoothing that is
        no number.
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
    smoothed = _option(
        "label_smoothing", label_smoothing, lambda part: 0.0 <= part <= 1.0, "a number from 0 to 1"
    )
    values = _class_outputs("cross_entropy", "logits", logits, "binary_cross_entropy_with_logits")
    checked = _class_target(len(values), target)
    _note("cross_entropy", "class logits", values, target, _class_target)
    loss = _cross_entropy(values, checked)
    if smoothed:
        even: list[_Target] = [1.0 / len(values)] * len(values)
        loss = (1.0 - smoothed) * loss + smoothed * _cross_entropy(values, even)
    return loss


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
        Scores that are no sequence, an index that is no int.
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
    values = _class_outputs("multi_class_hinge", "scores", scores, "hinge")
    index = _one_class(len(values), target)
    _note("multi_class_hinge", "class logits", values, target, _one_class)
    right = ad.take(values, index)
    terms = [ad.relu(score - right + 1.0) for score in values]
    if isinstance(index, int):
        del terms[index]
    else:  # while compiling: a class known only when the program runs
        others = [1.0 - ad.equal(index, k) for k in range(len(terms))]
        terms = [ad.multiply_no_nan(other, t) for other, t in zip(others, terms, strict=True)]
    return _sum(terms)


def l1_penalty(parameters: Module | Iterable[Value], strength: float) -> Value:
    """Return strength * the sum of abs(w) over the parameters, which drives weights to exactly 0.

    A loss of one example plus a penalty is a loss again: in the mean over a minibatch, the penalty
    counts once. The derivative at w = 0 is 0.

    Parameters
    ----------
    parameters : Module or iterable of Value
        What is kept small: all parameters of a model, biases too, or those of a list.
    strength : float
        At least 0.

    Returns
    -------
    Value
        The penalty.

    Raises
    ------
    TypeError
        Something that is neither a module nor made of leaf Values, a strength that is no number.
    ValueError
        No parameters, the same one twice, a strength below 0 or not finite.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron.from_weights([3.0, -4.0], 1.0)
    >>> l1_penalty(neuron, 0.5).data
    4.0
    >>> l1_penalty(neuron.weights, 0.5).data  # without the bias
    3.5
    """
    penalized, factor = _penalized(parameters), _strength(strength)
    return factor * _sum([ad.abs(w) for w in penalized])


def l2_penalty(parameters: Module | Iterable[Value], strength: float) -> Value:
    """Return strength / 2 * the sum of w**2 over the parameters: weight decay.

    The gradient is strength * w. So the number is that of the `weight_decay` of `SGD`, here and in
    PyTorch, which takes the biases along as well (Krogh & Hertz 1992). A loss of one example plus
    a penalty is a loss again: in the mean over a minibatch, the penalty counts once.

    Parameters
    ----------
    parameters : Module or iterable of Value
        What is kept small: all parameters of a model, biases too, or those of a list, such as
        ``[w for name, w in model.named_parameters() if not name.endswith("bias")]``.
    strength : float
        At least 0.

    Returns
    -------
    Value
        The penalty.

    Raises
    ------
    TypeError
        Something that is neither a module nor made of leaf Values, a strength that is no number.
    ValueError
        No parameters, the same one twice, a strength below 0 or not finite.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron.from_weights([3.0, -4.0], 1.0)
    >>> penalty = l2_penalty(neuron, 0.5)
    >>> penalty.data
    6.5
    >>> penalty.backward()
    >>> neuron.weights[0].grad
    1.5
    """
    penalized, factor = _penalized(parameters), _strength(strength)
    squares: Value = ad.dot(penalized, penalized)  # one node
    return (0.5 * factor) * squares


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
    losses = [call_loss(loss, model(x), t) for x, t in zip(inputs, targets, strict=True)]
    mean: Value = ad.mean(losses)
    return mean


def _binary_term(
    x: Value,
    target: _Target,
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


def _sum(terms: list[Value]) -> Value:
    """One term is its own sum: a net of one path keeps one path through its loss."""
    total: Value = terms[0] if len(terms) == 1 else ad.sum(terms)
    return total


def _note(
    loss: str,
    outputs_are: str,
    outputs: list[Value],
    target: object,
    check: Callable[..., object],
) -> None:
    """Tell whoever observes; `check` also takes the number of outputs."""
    uses = _observer.get()
    if uses is not None:
        check_one = partial(check, len(outputs))
        uses.append(LossUse(loss, outputs_are, outputs, target, check_one))


def _mean(terms: list[Value]) -> Value:
    """One term is its own mean."""
    mean: Value = terms[0] if len(terms) == 1 else ad.mean(terms)
    return mean


def _paired(
    loss: str,
    outputs_are: str,
    outputs: Scalars | Value,
    targets: Scalars | Value | float,
    check: _CheckOfOne,
) -> list[tuple[Value, _Target]]:
    """Match outputs and checked targets one to one; a single number stands for a list of one."""
    given = [outputs] if isinstance(outputs, Value) else outputs
    if not is_ordered(given):
        raise TypeError(f"outputs must be a Value or a sequence, got {type(outputs).__name__}")
    values = [ad.as_value(x) for x in given]
    check_all = partial(_checked_targets, check)
    pairs = list(zip(values, check_all(len(values), targets), strict=True))
    _note(loss, outputs_are, values, targets, check_all)
    return pairs


def _checked_targets(check: _CheckOfOne, n_outputs: int, targets: object) -> list[_Target]:
    """One checked target for each output."""
    target_list: Iterable[object] = targets if is_ordered(targets) else [targets]
    checked = [check(target) for target in target_list]
    if len(checked) != n_outputs:
        raise ValueError(f"got {n_outputs} outputs but {len(checked)} targets")
    if not checked:
        raise ValueError("a loss needs at least one output, got none")
    return checked


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


def _class_outputs(loss: str, name: str, outputs: object, of_one: str) -> list[Value]:
    """The outputs as Values, one per class; `of_one` is the loss for a single output."""
    if not is_ordered(outputs) or not hasattr(outputs, "__len__"):
        raise TypeError(f"{name} must be a sequence, one per class, got {type(outputs).__name__}")
    values = [ad.as_value(output) for output in outputs]
    if len(values) < 2:
        raise ValueError(
            f"{loss} needs at least two classes, got {len(values)} {name}; for a single "
            f"output use {of_one}"
        )
    return values


def _class_target(n_classes: int, target: object) -> int | Value | list[_Target]:
    """A class index (a Value while compiling), or one probability per class."""
    if is_ordered(target):
        return _class_probabilities(target, n_classes)
    return _class_index(
        n_classes, target, "an int class index or a sequence of probabilities, one per class"
    )


def _one_class(n_classes: int, target: object) -> int | Value:
    """A class index (a Value while compiling)."""
    return _class_index(n_classes, target, "an int class index (one-hot rows: y.argmax(axis=1))")


def _class_index(n_classes: int, target: object, expected: str) -> int | Value:
    index = _unwrapped(target)
    if isinstance(index, Value):
        return index
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
        whole = isinstance(index, float) and index.is_integer()
        remedy = "; make whole numbers ints, as by y.astype(int)" if whole else ""
        raise TypeError(
            f"target must be {expected}; got {target!r} ({type(target).__name__}){remedy}"
        )
    if not 0 <= index < n_classes:
        raise ValueError(
            f"a class index must lie in 0..{n_classes - 1} for {n_classes} logits, got {index}"
        )
    return int(index)


def _class_probabilities(target: Iterable[object], n_classes: int) -> list[_Target]:
    """Return one probability per class, checked as far as they are plain numbers."""
    probabilities = [_check_probability(p) for p in target]
    if len(probabilities) != n_classes:
        raise ValueError(f"got {n_classes} logits but {len(probabilities)} probabilities")
    plain = [p for p in probabilities if not isinstance(p, Value)]
    if len(plain) == len(probabilities) and abs(math.fsum(plain) - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"the probabilities of the classes must sum to 1, got {math.fsum(plain)}")
    return probabilities


def _check_sign(target: object) -> _Target:
    """Return a Value as it is, -1 or 1 as a float."""
    number = _check_finite(target)
    if not isinstance(number, Value) and abs(number) != 1.0:
        raise ValueError(
            f"a target of hinge must be -1 or 1, got {number}: of labels 0 and 1 make 2 * y - 1"
        )
    return number


def _option(name: str, number: object, allowed: Callable[[float], bool], expected: str) -> float:
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, Real):
        raise TypeError(f"{name} must be {expected}, got {number!r} ({type(number).__name__})")
    if not allowed(float(number)):
        raise ValueError(f"{name} must be {expected}, got {number}")
    return float(number)


def _strength(strength: object) -> float:
    return _option(
        "strength", strength, lambda s: 0.0 <= s < math.inf, "a finite number of at least 0"
    )


def _penalized(parameters: Module | Iterable[Value]) -> list[Value]:
    leaves = parameter_list(parameters)
    if not leaves:
        raise ValueError("a penalty needs at least one parameter, got none")
    return leaves


def _is_numeric(outputs: object) -> bool:
    """Whether it is an array of numbers, not of Values: then a loss is a metric."""
    return isinstance(outputs, np.ndarray) and outputs.dtype.kind in "biuf"


def _differences(outputs: object, targets: object) -> NDArray[np.float64]:
    """Outputs minus targets, entry by entry; (N, 1) against (N,) must not become (N, N)."""
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


def _huber_term(error: Value, delta: float) -> Value:
    """With h the error held between -delta and delta, both arms are h * (error - h / 2)."""
    held: Value = ad.clip(error, -delta, delta)
    return held * (error - 0.5 * held)


def _cross_entropy(logits: list[Value], target: int | Value | list[_Target]) -> Value:
    if isinstance(target, list):
        return _mean_over_classes(logits, target)
    loss: Value = -ad.log_softmax(logits, target)
    return loss


def _mean_over_classes(logits: list[Value], probabilities: list[_Target]) -> Value:
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
    numbers = _numbers(logits)
    if numbers is None:
        return None
    largest = max(range(len(logits)), key=numbers.__getitem__)
    return logits[largest] if math.isfinite(numbers[largest]) else None


def _numbers(values: list[Value]) -> list[float] | None:
    """The data of Values; None while compiling, when they are not known yet."""
    try:
        return [value.data for value in values]
    except ad.TraceError:
        return None
