"""Whose code is running: where in the user's own a node was made, or an error left it."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType, TracebackType

_STANDARD = os.path.join(sysconfig.get_path("stdlib"), "")
_INSTALLED = tuple(os.path.join(_STANDARD, name) for name in ("site-packages", "dist-packages"))


def _is_of_a_library(frame: FrameType) -> bool:
    """Whether a frame runs code of this engine, or of a package built on it.

    Such a package says ``__autograd_library__ = True``.  The file counts and not the name alone:
    a user's module may bear the name of any package.
    """
    path = frame.f_code.co_filename
    if path.startswith("<autograd_mini"):  # generated code
        return True
    package = sys.modules.get(_package(frame))
    return getattr(package, "__autograd_library__", False) and path.startswith(
        tuple(getattr(package, "__path__", ()))
    )


def _is_the_users(frame: FrameType) -> bool:
    """Whether a frame runs neither a library's code nor NumPy's nor the standard library's."""
    path = frame.f_code.co_filename
    if path.startswith("<frozen ") or _package(frame) == "numpy":
        return False
    standard = path.startswith(_STANDARD) and not path.startswith(_INSTALLED)
    return not standard and not _is_of_a_library(frame)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def source_line() -> str:
    """``file:line`` of the nearest caller outside libraries, NumPy and the standard library."""
    frame = sys._getframe(1)
    while not _is_the_users(frame) and frame.f_back is not None:
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
        if _is_the_users(frame):
            line = f"{frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line
