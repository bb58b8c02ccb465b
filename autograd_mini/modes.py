"""Modes: contexts that change what an operation records, for the current thread or task only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Modes:
    """What is switched on here and now.

    ``record`` replaces the making of a node; the compiler traces with it.
    """

    recording: bool = True
    anomaly: bool = False
    record: Callable[[str, tuple[Any, ...]], Any] | None = None


_NONE = Modes()
_modes: ContextVar[Modes] = ContextVar("autograd_mini_modes", default=_NONE)

ACTIVE: list[None] = []
"""Not empty while any thread is in any mode: all that the hot path looks at."""


def current_modes() -> Modes:
    """Return the modes of the current thread or task."""
    return _modes.get()


@contextmanager
def switched(**changes: Any) -> Iterator[None]:
    """Change modes for the duration of a ``with`` block."""
    token = _modes.set(replace(_modes.get(), **changes))
    ACTIVE.append(None)
    try:
        yield
    finally:
        ACTIVE.pop()
        _modes.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Record no graph: results inside are constants.

    Works as a decorator too, nests, and holds for the current thread or task only.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> w = ad.Value(2.0)
    >>> with ad.no_grad():
    ...     y = w * 3
    >>> y.data, y.parents
    (6.0, ())
    """
    with switched(recording=False):
        yield


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise at the first value or gradient that is infinite or NaN.

    Each node made inside remembers the source line that made it.  A backward pass that meets a
    non-finite gradient raises before any ``grad`` has changed.

    Raises
    ------
    AnomalyError
        Names the operation, its operands, the source line and the usual remedy.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> with ad.detect_anomaly():
    ...     ad.log(ad.Value(0.0, "p"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    autograd_mini.errors.AnomalyError: log gave -inf ...
    """
    with switched(anomaly=True):
        yield


def source_line() -> str:
    """``file:line`` of the nearest caller outside this project's own packages."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        generated = frame.f_code.co_filename.startswith("<autograd_mini")
        if package not in {"autograd_mini", "nn", "viz", "contextlib"} and not generated:
            break
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
