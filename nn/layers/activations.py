"""Activation functions: by name, or any function from a Value to a Value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import autograd_mini as ad
from autograd_mini import Value

from .. import _other_libraries
from .._calls import did_you_mean

__all__ = ["ACTIVATIONS", "Activation"]

Activation: TypeAlias = str | Callable[[Value], Value]
"""A name in `ACTIVATIONS`, or a function from a Value to a Value."""
NamedActivation: TypeAlias = tuple[Activation, Callable[[Value], Value]]
"""An activation as models keep it, and its function."""


def _identity(x: Value) -> Value:
    return x


ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "identity": _identity,
    "tanh": ad.tanh,
    "sigmoid": ad.sigmoid,
    "relu": ad.relu,
    "leaky_relu": ad.leaky_relu,
    "elu": ad.elu,
    "gelu": ad.gelu,
    "silu": ad.silu,
    "softplus": ad.softplus,
    "softsign": ad.softsign,
    "sin": ad.sin,
}
"""The activation functions that a neuron knows by name; add your own under a new name."""

_PROBE = 0.5


def named_activation(activation: object, argument: str = "activation") -> NamedActivation:
    """Return an activation as models keep it, and its function.

    A function that has a name in `ACTIVATIONS` goes by that name. Any other is tried on one Value,
    so that one which loses the gradient (``math.tanh(x.data)``) is refused before it trains.

    Raises
    ------
    TypeError
        What is neither a name nor a function from a Value to a Value.
    ValueError
        An unknown name.

    Examples
    --------
    >>> named_activation(ad.tanh)[0]
    'tanh'
    """
    if isinstance(activation, str):
        return activation, _by_name(activation, argument)
    for name, function in ACTIVATIONS.items():
        if activation is function:
            return name, function
    if not callable(activation) or isinstance(activation, type):
        raise TypeError(
            f"{argument} must be a name or a function of one Value, got {activation!r}; "
            f"names are {', '.join(ACTIVATIONS)}"
        )
    probe = Value(_PROBE)
    result, name = activation(probe), activation_text(activation)
    if not isinstance(result, Value):
        raise TypeError(
            f"{argument} must return a Value, {name} returned {type(result).__name__}: compute "
            "with the functions of autograd_mini, such as ad.tanh"
        )
    if not any(node is probe for node in ad.topological_order(result)):
        raise TypeError(
            f"{argument} must depend on its argument, {name} returned a Value without a way back "
            "to it: compute with the Value itself, by the functions of autograd_mini such as "
            "ad.tanh, not with its data"
        )
    return activation, activation


def activation_text(activation: Activation) -> str:
    """What a repr says of an activation.

    Examples
    --------
    >>> activation_text("tanh"), activation_text(ad.square)
    ("'tanh'", 'square')
    """
    if isinstance(activation, str):
        return repr(activation)
    return getattr(activation, "__name__", None) or repr(activation)


def _by_name(name: str, argument: str) -> Callable[[Value], Value]:
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    hint = did_you_mean(name.lower(), ACTIVATIONS, _other_libraries.ACTIVATIONS)
    if name in ("softmax", "log_softmax"):
        hint = "; softmax is part of the loss: use cross_entropy on outputs of 'identity'"
    raise ValueError(f"unknown {argument} {name!r}{hint}")
