"""Ctrl-C ends the command without a traceback, from its first import to its last line.

Python imports the whole package before it runs the first line of the command.  So this is the first
module that the package imports, and it does nothing where the package is used as a library.
"""

import os
import signal
import sys
from itertools import pairwise

STATUS = 130  # 128 + SIGINT, as shells have it


def is_command() -> bool:
    """Whether this process is ``autograd-mini`` or ``python -m autograd_mini``."""
    program = sys.argv[0] if getattr(sys, "argv", None) else ""  # empty in an embedded Python
    if program == "-m":  # as it is while Python looks for the module that it shall run
        return ("-m", "autograd_mini") in pairwise(sys.orig_argv)
    return os.path.splitext(os.path.basename(program))[0] == "autograd-mini"


def end(*_: object) -> None:
    """End the process, as a signal would: nothing is being written that must be finished."""
    try:
        os.write(2, b"autograd-mini: interrupted\n")
    finally:
        os._exit(STATUS)


class Raised:
    """Within it, Ctrl-C in the command is a KeyboardInterrupt, which can be answered."""

    def __enter__(self) -> None:
        self._active = signal.getsignal(signal.SIGINT) is end
        if self._active:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        if self._active:
            signal.signal(signal.SIGINT, end)


def _on_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """Of a KeyboardInterrupt in a destructor or callback, Python would only print the traceback."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        end()
    sys.__unraisablehook__(unraisable)


if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, end)
    sys.unraisablehook = _on_unraisable
