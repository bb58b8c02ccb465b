"""Modes: contexts that change what an operation records, for the current thread or task only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
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


_PACKAGES = frozenset({"autograd_mini", "nn", "viz"})
_LIBRARIES = _PACKAGES | {"numpy"} | sys.stdlib_module_names  # no line of the user's


def _package(frame: FrameType) -> str:
    if frame.f_code.co_filename.startswith("<autograd_mini"):  # generated code
        return "autograd_mini"
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def is_of_the_packages(frame: FrameType) -> bool:
    """Whether a frame runs code of this project, generated code included."""
    return _package(frame) in _PACKAGES


def source_line() -> str:
    """``file:line`` of the nearest caller outside this project, NumPy and the standard library."""
    frame = sys._getframe(1)
    while _package(frame) in _LIBRARIES and frame.f_back is not None:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def user_line(traceback: TracebackType | None) -> str | None:
    """``file:line`` where an error left the user's code, as of :func:`source_line`; None if never.

    Examples
    --------
    >>> user_line(None) is None
    True
    """
    line = None
    while traceback is not None:
        frame = traceback.tb_frame
        if _package(frame) not in _LIBRARIES:
            line = f"{frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line
