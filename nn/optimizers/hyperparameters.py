"""The numbers that optimizers are made with: declared once, checked whenever they are set."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

import numpy as np

from .._checks import above_zero, not_negative

__all__ = [
    "ClippingOptions",
    "Hyperparameter",
    "SharedOptions",
    "checked_limit",
    "checked_rate",
    "hyperparameters_of",
    "own_settings",
    "plain",
]

T = TypeVar("T")
_PLAIN = (Real, np.bool_, str, type(None))


class ClippingOptions(TypedDict, total=False):
    """Limits of the gradient, by keyword."""

    clip_value: float | None
    clip_norm: float | None


class SharedOptions(ClippingOptions, total=False):
    """What all optimizers take by keyword."""

    weight_decay: float


class Hyperparameter(Generic[T]):
    """A number that an optimizer is made with: checked when it is set, read as a plain attribute.

    A descriptor without `__get__` leaves reading to the optimizer's own dict, where it costs least.
    """

    def __init__(self, check: Callable[[object, str], T]) -> None:
        self.check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, optimizer: Any, number: T) -> None:
        checked = self.check(number, self.name)
        optimizer.check_together({**vars(optimizer), self.name: checked})
        vars(optimizer)[self.name] = checked

    if TYPE_CHECKING:

        def __get__(self, optimizer: Any, owner: type) -> T: ...


def checked_rate(rate: object, name: str) -> float:
    """Return a learning rate as a float; of a schedule, say where it goes."""
    if callable(rate):
        raise TypeError(
            f"{name} must be a real number, got {rate!r}: give fit the schedule, by "
            f"callbacks=[LearningRateSchedule(schedule)], or set optimizer.{name} = "
            "schedule(count) in a loop of your own"
        )
    return not_negative(rate, name)


def checked_limit(limit: object, name: str) -> float | None:
    """Return a limit of the gradient as a float, or None for none."""
    return None if limit is None else above_zero(limit, name)


def hyperparameters_of(optimizer: type) -> dict[str, Hyperparameter[Any]]:
    """Return what a class of optimizers declares, by name, what it inherits first."""
    return {
        name: entry
        for base in reversed(optimizer.__mro__)
        for name, entry in vars(base).items()
        if isinstance(entry, Hyperparameter)
    }


def own_settings(optimizer: object) -> list[str]:
    """Names of the plain attributes that an optimizer of one's own is made with."""
    given = [vars(base) for base in reversed(type(optimizer).__mro__)] + [vars(optimizer)]
    taken = {*hyperparameters_of(type(optimizer)), *vars(optimizer).get("_memory", ())}
    return list(
        dict.fromkeys(
            name
            for attributes in given
            for name, content in attributes.items()
            if name[0] != "_" and name not in taken and isinstance(content, _PLAIN)
        )
    )


def plain(content: object, name: str) -> object:
    """Return what a state may hold as it is; refuse anything else."""
    if not isinstance(content, _PLAIN):
        raise TypeError(
            f"{name} must be a number, a text, True, False or None, got {content!r:.40}"
        )
    return content
