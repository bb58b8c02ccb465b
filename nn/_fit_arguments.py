"""The arguments of `fit` that are no examples: checked, with what to write in place of others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextvars import copy_context
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from autograd_mini import TraceError, is_ordered

from ._checks import did_you_mean, named_tokens
from .checkpoint import Checkpoint
from .module import Module
from .optim import Optimizer
from .schedules import Schedule

__all__ = ["callback_list", "check_functions", "check_optimizer", "explained", "pair"]

P = ParamSpec("P")
R = TypeVar("R")

_KEYWORDS = {
    **dict.fromkeys(
        ["lr", "learning_rate", "eta", "momentum", "weight_decay"],
        "it belongs to the optimizer: optimizer=nn.SGD(model.parameters(), learning_rate=0.1)",
    ),
    **dict.fromkeys(
        ["gradient", "backend", "jit"],
        "fit compiles model and loss by itself; compiled=False trains with the scalar engine",
    ),
    **dict.fromkeys(
        ["correct", "scoring", "metric"],
        "pass metrics=[function of outputs and targets], such as metrics=[nn.accuracy]",
    ),
    **dict.fromkeys(
        ["validation_data", "validation_set", "eval_set", "val", "valid"],
        "write validation=(X, y)",
    ),
    **dict.fromkeys(
        ["validation_split", "validation_fraction"],
        "split the examples yourself and pass validation=(X, y)",
    ),
    **dict.fromkeys(["verbose", "disp", "bar"], "write progress=True or progress=False"),
    **dict.fromkeys(["seed", "random_state", "generator"], "write rng=0, or a Generator"),
    **dict.fromkeys(["n_epochs", "max_iter", "num_epochs", "iterations"], "write epochs="),
    **dict.fromkeys(["criterion", "loss_fn", "objective"], "write loss="),
    **dict.fromkeys(["opt", "optim", "solver"], "write optimizer="),
    **dict.fromkeys(["bs", "minibatch_size", "batchsize"], "write batch_size="),
    **dict.fromkeys(
        ["early_stopping", "patience"], "pass callbacks=[nn.EarlyStopping(patience=10)]"
    ),
    **dict.fromkeys(
        ["sample_weight", "class_weight"],
        "write it into the loss: loss=lambda outputs, target: ad.take(weights, target) * "
        "nn.cross_entropy(outputs, target)",
    ),
    "eager": "write compiled=False",
    "initial_epoch": "pass callbacks=[nn.Checkpoint(path, resume=True)]",
    "history": "fit returns the history, also after Ctrl-C",
}
"""What to write in place of others' keywords."""


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function say of an unknown keyword, and of what cannot be compiled, what to write.

    It runs in a context of its own: where Ctrl-C cuts off a layer or a loss in the middle of a
    mode, such as that in which dropout drops, the caller is in none.
    """
    known = list(signature(function).parameters)

    @functools.wraps(function)
    def checked(*arguments: P.args, **keywords: P.kwargs) -> R:
        for name in keywords:
            if name not in known:
                end = did_you_mean(name, known)
                end = f": {_KEYWORDS[name]}" if name in _KEYWORDS else end
                raise TypeError(f"{function.__name__} takes no argument {name!r}{end}")
        try:
            return copy_context().run(function, *arguments, **keywords)
        except TraceError as error:
            if keywords.get("compiled", True):
                error.args = (f"{error}; or pass compiled=False, which is slow",)
            raise
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
        raise TypeError(f"model must be callable, got {_described(model)}{end}")
    if isinstance(loss, type) or not callable(loss):
        name = loss if isinstance(loss, str) else "cross_entropy"
        raise TypeError(
            "loss must be callable, a function of outputs and target, got "
            f"{_described(loss)}: write loss=nn.{name}"
        )


def check_optimizer(optimizer: object, model: object) -> None:
    """Refuse what is no optimizer, and one that was made for another model."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be an optimizer of nn, got {_described(optimizer)}: write "
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


def _described(thing: object) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return f"{thing!r:.40} ({type(thing).__name__})"


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
            f"callbacks must be a list of functions, got {_described(callbacks)}: write "
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
                f"EarlyStopping(patience=10), got {_described(callback)}"
            )
    return sorted(given, key=lambda callback: isinstance(callback, Checkpoint))
