"""Penalties on parameters, to be added to a loss."""

from __future__ import annotations

from collections.abc import Iterable

import autograd_mini as ad
from autograd_mini import Value

from .._calls import call_checked
from .._checks import not_negative
from ..models.module import Module
from ..models.parameters import parameter_list
from .loss_targets import total_of

__all__ = ["l1_penalty", "l2_penalty"]

_ALIASES = {"model": "parameters", "alpha": "strength", "weight_decay": "strength"}


@call_checked(_ALIASES)
@ad.scope("l1 penalty")
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
    penalized, factor = _penalized(parameters), not_negative(strength, "strength")
    return factor * total_of([ad.abs(w) for w in penalized])


@call_checked(_ALIASES)
@ad.scope("l2 penalty")
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
    penalized, factor = _penalized(parameters), not_negative(strength, "strength")
    squares: Value = ad.dot(penalized, penalized)  # one node
    return (0.5 * factor) * squares


def _penalized(parameters: Module | Iterable[Value]) -> list[Value]:
    leaves = parameter_list(parameters)
    if not leaves:
        raise ValueError("a penalty needs at least one parameter, got none")
    return leaves
