"""A loss called: of one example, or of a minibatch; with what to write where it is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from .. import _other_libraries
from .._calls import described
from .._nested import OutputList

__all__ = ["call_loss", "check_loss", "mean_loss"]

_LIBRARIES = ("torch", "sklearn", "keras", "tensorflow", "jax", "optax")


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


def check_loss(loss: object) -> None:
    """Refuse a loss that cannot be called, or is a class or a name.

    Examples
    --------
    >>> check_loss("mse")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    TypeError: loss must be callable, ... got 'mse' (str): write loss=nn.mean_squared_error
    """
    if isinstance(loss, type) or not callable(loss):
        name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
        raise TypeError(
            f"loss must be callable, a function of outputs and target, got {described(loss)}: "
            f"write loss=nn.{_counterpart(name)}"
        )


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
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> mean_loss(neuron, [[1.0], [2.0]], [0.0, 0.0], half_squared_error).data
    5.0
    """
    check_loss(loss)
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


def _hint(loss: Callable[[Any, Any], Any], outputs: Any, target: Any, message: str) -> str | None:
    """What to write, if the loss is foreign, or takes a list for a number or the reverse."""
    if (library := _library(loss)) is not None:
        name = getattr(loss, "__name__", type(loss).__name__)
        return (
            f"{name} of {library} computes with arrays, not with the Values of one example: write "
            f"loss=nn.{_counterpart(name)}"
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


def _counterpart(name: str) -> str:
    """What a foreign loss is called here."""
    if name in _other_libraries.LOSSES.values():
        return name
    return _other_libraries.LOSSES.get(name, "cross_entropy, or another of nn")


def _library(loss: Any) -> str | None:
    module = getattr(loss, "__module__", None) or type(loss).__module__
    root = str(module).partition(".")[0]
    return root if root in _LIBRARIES else None


class _Outputs(OutputList):
    """Outputs with which NumPy's numbers, too, leave the product to us."""

    __array_ufunc__ = None


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
