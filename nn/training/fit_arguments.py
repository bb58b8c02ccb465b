"""The arguments of `fit` that are no examples: checked, with what to write in place of others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from autograd_mini import is_ordered

from .._calls import call_checked, described
from .._checks import named_tokens
from .._other_libraries import FIT_ARGUMENTS
from ..losses.loss_calls import check_loss
from ..models.module import Module
from ..optimizers.optimizer import Optimizer
from ..optimizers.schedules import Schedule
from .checkpoint import Checkpoint

__all__ = ["callback_list", "check_functions", "check_optimizer", "explained", "pair"]

P = ParamSpec("P")
R = TypeVar("R")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function say of an unknown keyword, and of integers that pick, what to write.

    It runs in a context of its own: where Ctrl-C cuts off a layer or a loss in the middle of a
    mode, such as that in which dropout drops, the caller is in none.
    """
    fitting = call_checked({}, FIT_ARGUMENTS)(function)

    @functools.wraps(function)
    def checked(*arguments: P.args, **keywords: P.kwargs) -> R:
        try:
            return copy_context().run(fitting, *arguments, **keywords)
        except (IndexError, TypeError) as error:
            named = named_tokens(error, ["X", "y"])
            if named is None:
                raise
            raise named from error

    return checked


def check_functions(model: object, loss: object) -> None:
    """Refuse a model or a loss that cannot be called, or is a class or a name."""
    if isinstance(model, type) or not callable(model):
        end = ""
        if isinstance(model, type):
            end = f": write model={model.__name__}(...)"
        elif isinstance(model, Module):
            end = ": give it a method __call__(self, inputs)"
        raise TypeError(f"model must be callable, got {described(model)}{end}")
    check_loss(loss)


def check_optimizer(optimizer: object, model: object) -> None:
    """Refuse what is no optimizer, and one that was made for another model."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be an optimizer of nn, got {described(optimizer)}: write "
            "optimizer=nn.SGD(model.parameters(), learning_rate=0.1), or Adam, or another"
        )
    if isinstance(model, Module):
        own = {id(parameter) for parameter in model.parameters()}
        if own.isdisjoint(map(id, optimizer.parameters)):
            raise ValueError(
                "the optimizer holds none of the model's parameters: make it from this model, as "
                "in SGD(model.parameters(), learning_rate=0.1)"
            )
    for name in ("step", "update"):
        if getattr(type(optimizer), name) is not getattr(Optimizer, name):
            raise TypeError(
                f"{type(optimizer).__name__} has a method {name} of its own, which fit does not "
                "call: write what it does into rule(self, theta, gradient, memory)"
            )


def pair(validation: object) -> tuple[Any, Any]:
    """Return validation examples as (X, y)."""
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        length = f" of {len(validation)}" if isinstance(validation, (tuple, list)) else ""
        raise TypeError(
            f"validation must be a pair (X, y), got {type(validation).__name__}{length}"
        )
    return validation[0], validation[1]


def callback_list(callbacks: object) -> list[Callable[..., object]]:
    """Return the callbacks in the order in which they are called: checkpoints after all others."""
    if not is_ordered(callbacks):
        raise TypeError(
            f"callbacks must be a list of functions, got {described(callbacks)}: write "
            "callbacks=[...]"
        )
    given: Sequence[Any] = list(callbacks)
    for callback in given:
        if isinstance(callback, Schedule):
            raise TypeError(
                f"{type(callback).__name__} is a function from a count to a learning rate: write "
                "callbacks=[nn.LearningRateSchedule(schedule)]"
            )
        if isinstance(callback, type) or not callable(callback):
            raise TypeError(
                "a callback must be a function of a record, or a Callback such as "
                f"EarlyStopping(patience=10), got {described(callback)}"
            )
    return sorted(given, key=lambda callback: isinstance(callback, Checkpoint))
