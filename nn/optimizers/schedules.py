"""Learning-rate schedules: functions of a count, of epochs or steps, from 0 to a learning rate.

``optimizer.learning_rate = schedule(count)`` in a loop of your own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._calls import Aliases, KeywordsChecked
from .._checks import not_negative, positive_int

__all__ = [
    "ConstantSchedule",
    "CosineSchedule",
    "LinearSchedule",
    "StepSchedule",
    "WarmUp",
]

_ZERO_FROM = 2**63  # any factor below 1, so often multiplied, is 0


class Schedule(KeywordsChecked, ABC):
    """A function from a count to the learning rate: what the schedules here have in common.

    Examples
    --------
    >>> schedule = WarmUp(CosineSchedule(0.1, length=90), length=10)
    >>> [round(schedule(epoch), 3) for epoch in (0, 5, 10, 55, 100)]
    [0.009, 0.055, 0.1, 0.05, 0.0]
    """

    _ALIASES: ClassVar[Aliases] = {
        **dict.fromkeys(["lr", "learning_rate", "base_lr", "initial_learning_rate"], "rate start"),
        **dict.fromkeys(["T_max", "total_iters", "steps", "epochs", "decay_steps"], "length every"),
        **dict.fromkeys(["warmup", "warmup_steps", "num_warmup_steps"], "length"),
        **dict.fromkeys(["eta_min", "end_factor", "alpha"], "end"),
        **dict.fromkeys(["step_size", "milestones"], "every"),
        **dict.fromkeys(["gamma", "decay", "decay_rate"], "factor"),
        **dict.fromkeys(["after", "scheduler"], "schedule"),
    }

    @abstractmethod
    def _rate(self, count: int) -> float:
        """Return the rate at a count of at least 0."""

    def __call__(self, count: int) -> float:
        """Return the learning rate.

        Parameters
        ----------
        count : int
            How many epochs, or steps, have gone before: at least 0.

        Returns
        -------
        float
            Finite and at least 0.

        Raises
        ------
        TypeError
            A count that is no int.
        ValueError
            A count below 0.
        """
        if isinstance(count, (bool, np.bool_)) or not isinstance(count, (int, np.integer)):
            raise TypeError(f"count must be an int, got {count!r} ({type(count).__name__})")
        if count < 0:
            raise ValueError(f"count must be at least 0, got {count}")
        return self._rate(int(count))


@dataclass(frozen=True)
class ConstantSchedule(Schedule):
    """The same rate for ever, such as `WarmUp` leads up to.

    Parameters
    ----------
    rate : float
        The learning rate, finite and at least 0.

    Raises
    ------
    TypeError, ValueError
        A rate that is no real number, or out of range.

    Examples
    --------
    >>> ConstantSchedule(0.1)(7)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        _check(self, rate=not_negative)

    def _rate(self, count: int) -> float:
        return self.rate


@dataclass(frozen=True)
class LinearSchedule(Schedule):
    """From one rate to another in equal steps, then constant.

    Parameters
    ----------
    start : float
        The rate at count 0, finite and at least 0.
    length : int
        The count, at least 1, from which on the rate is `end`.
    end : float
        The last rate, finite and at least 0.

    Raises
    ------
    TypeError, ValueError
        A number of the wrong type, or out of range.

    Examples
    --------
    >>> schedule = LinearSchedule(0.5, length=4)
    >>> [schedule(count) for count in range(6)]
    [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]
    """

    start: float
    length: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _check(self, start=not_negative, length=positive_int, end=not_negative)

    def _rate(self, count: int) -> float:
        share = min(count, self.length) / self.length
        return (1.0 - share) * self.start + share * self.end


@dataclass(frozen=True)
class CosineSchedule(Schedule):
    """Half a wave of the cosine from one rate to another, then constant.

    It is equation 5 of Loshchilov & Hutter 2017 ("SGDR") without their restarts.

    Parameters
    ----------
    start : float
        The rate at count 0, finite and at least 0.
    length : int
        The count, at least 1, from which on the rate is `end`.
    end : float
        The last rate, finite and at least 0.

    Raises
    ------
    TypeError, ValueError
        A number of the wrong type, or out of range.

    Examples
    --------
    >>> schedule = CosineSchedule(0.5, length=4, end=0.1)
    >>> [round(schedule(count), 3) for count in range(6)]
    [0.5, 0.441, 0.3, 0.159, 0.1, 0.1]
    """

    start: float
    length: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _check(self, start=not_negative, length=positive_int, end=not_negative)

    def _rate(self, count: int) -> float:
        wave = (1.0 + math.cos(math.pi * (min(count, self.length) / self.length))) / 2
        return wave * self.start + (1.0 - wave) * self.end


@dataclass(frozen=True)
class StepSchedule(Schedule):
    """A rate that is multiplied by a factor every so many counts.

    Parameters
    ----------
    start : float
        The rate at count 0, finite and at least 0.
    every : int
        After how many counts the rate changes, at least 1.
    factor : float
        What it is multiplied by, from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        A number of the wrong type, or out of range.

    Examples
    --------
    >>> schedule = StepSchedule(0.5, every=2, factor=0.5)
    >>> [schedule(count) for count in range(5)]
    [0.5, 0.5, 0.25, 0.25, 0.125]
    """

    start: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check(self, start=not_negative, every=positive_int, factor=not_negative)
        if self.factor > 1:
            raise ValueError(f"factor must be at most 1, got {self.factor}")

    def _rate(self, count: int) -> float:
        return float(self.start * self.factor ** min(count // self.every, _ZERO_FROM))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A rise in equal steps to the first rate of a schedule, which then runs from its beginning.

    Goyal et al. 2017 ("Accurate, Large Minibatch SGD") train so where the full rate would be too
    much for weights just drawn. The first rate is one step high, not 0.

    Parameters
    ----------
    schedule : callable
        What follows: a function from a count to a rate, such as ``CosineSchedule(0.1, 100)``.
    length : int
        How many counts the rise takes, at least 1.

    Raises
    ------
    TypeError, ValueError
        Something that is no function, a length that is no int of at least 1.

    Examples
    --------
    >>> schedule = WarmUp(ConstantSchedule(0.5), length=3)
    >>> [schedule(count) for count in range(5)]
    [0.125, 0.25, 0.375, 0.5, 0.5]
    """

    schedule: Callable[[int], float]
    length: int

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            raise TypeError(
                "schedule must be a function from a count to a rate, such as "
                f"ConstantSchedule(0.1), got {self.schedule!r}"
            )
        _check(self, length=positive_int)

    def _rate(self, count: int) -> float:
        if count >= self.length:
            return self.schedule(count - self.length)
        return self.schedule(0) * ((count + 1) / (self.length + 1))


def _check(schedule: Schedule, **checks: Callable[[object, str], float]) -> None:
    """Put the checked number in the place of each field that is named."""
    for name, check in checks.items():
        object.__setattr__(schedule, name, check(getattr(schedule, name), name))
