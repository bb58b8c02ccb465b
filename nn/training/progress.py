"""The progress of training on stderr: a tqdm bar, or a line per epoch."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

__all__ = ["Progress"]

_INTERVAL = 0.1  # seconds between two drawings of the bar
_BAR = "{desc}|{bar}| {remaining}{postfix}"  # short, so that 80 columns have room for the numbers


class Progress:
    """A bar over all steps where tqdm is there, a line per epoch where it is not.

    Parameters
    ----------
    epochs, n_steps : int
        How many epochs there are, and steps in each.
    finished : int
        How many of the epochs are behind us already.
    shown : bool or None
        Whether to show anything; None: a bar if stderr is a terminal or this is a notebook.

    Examples
    --------
    >>> with Progress(2, 10, 0, shown=False) as progress:
    ...     progress.step(0.7)
    ...     progress.epoch({"loss": 0.7})
    """

    def __init__(self, epochs: int, n_steps: int, finished: int, *, shown: bool | None) -> None:
        self._epochs, self._n_steps, self._finished = epochs, n_steps, finished
        self._steps, self._drawn, self._next = 0, 0, 0.0
        wanted = _is_watched() if shown is None else shown and _can_be_seen()
        make = _tqdm() if wanted else None
        self._row: Mapping[str, float] = {}
        self._bar: Any = None
        self._lines = bool(shown) and wanted and make is None
        if make is not None:
            with self._while_it_works():
                self._bar = make(
                    total=epochs * n_steps,
                    initial=finished * n_steps,
                    bar_format=_BAR,
                    dynamic_ncols=True,
                    mininterval=0.0,
                )

    @contextmanager
    def _while_it_works(self) -> Iterator[None]:
        """Show nothing more where stderr fails: training goes on."""
        try:
            yield
        except (OSError, ValueError):  # a broken pipe, a full disk; a file that is closed
            self._lines = False
            if self._bar is not None:
                self._bar.disable = True  # or it would try again when it is deleted
                self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None and self._drawn < self._steps:
            begun = self._steps % self._n_steps > 0
            self._draw(self._finished + begun, self._row)
        if self._bar is not None:
            with self._while_it_works():
                self._bar.close()

    def step(self, loss: float) -> None:
        """Count a step; draw the bar if it is time to."""
        self._steps += 1
        if self._bar is not None and time.monotonic() >= self._next:
            self._draw(self._finished + 1, self._row or {"loss": loss})

    def epoch(self, row: Mapping[str, float]) -> None:
        """Count an epoch, and show what was recorded."""
        self._finished += 1
        self._row = row
        last = self._finished == self._epochs
        if self._bar is not None and (last or time.monotonic() >= self._next):
            self._draw(self._finished, row)
        elif self._lines:
            with self._while_it_works():
                print(f"epoch {self._finished}/{self._epochs}: {_text(row)}", file=sys.stderr)

    def _draw(self, epoch: int, row: Mapping[str, float]) -> None:
        self._next = time.monotonic() + _INTERVAL
        new, self._drawn = self._steps - self._drawn, self._steps
        with self._while_it_works():
            self._bar.set_description_str(f"epoch {epoch}/{self._epochs}", refresh=False)
            self._bar.set_postfix_str(_text(row), refresh=False)
            self._bar.update(new)


def _text(row: Mapping[str, float]) -> str:
    """Each curve's number, with that of the validation examples in parentheses."""
    parts: list[str] = []
    for name, number in row.items():
        if name.startswith("validation_"):
            continue
        held_out = row.get(f"validation_{name}")
        word = "" if parts else "validation "
        end = "" if held_out is None else f" ({word}{held_out:.4g})"
        parts.append(f"{name.replace('_', ' ')} {number:.4g}{end}")
    return ", ".join(parts)


def _is_watched() -> bool:
    """Whether somebody sees a bar; without tqdm nobody who did not ask sees lines."""
    return _can_be_seen() and (_in_notebook() or sys.stderr.isatty())


def _can_be_seen() -> bool:
    """Whether there is anything to write on: stderr may be missing, or closed."""
    return _in_notebook() or (sys.stderr is not None and not getattr(sys.stderr, "closed", False))


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", ())


def _tqdm() -> Callable[..., Any] | None:
    """The bar of the notebook or of the terminal; None without tqdm."""
    try:
        if not _in_notebook():
            from tqdm import tqdm

            return tqdm
        with warnings.catch_warnings():  # of widgets that are not installed: then it is text
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm as automatic

            return automatic
    except ImportError:
        return None
