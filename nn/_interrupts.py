"""Ctrl-C that waits until something is done as a whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_interrupts() -> Iterator[list[object]]:
    """Let Ctrl-C wait until the block is done; the list that it yields says whether one came.

    Where Ctrl-C does something else than to raise KeyboardInterrupt, or in another thread than the
    main one, nothing is held.

    Examples
    --------
    >>> with held_interrupts() as came:
    ...     print("all of it")
    all of it
    >>> bool(came)
    False
    """
    came: list[object] = []
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield came
        return
    try:
        signal.signal(signal.SIGINT, lambda *_: came.append(True))
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
