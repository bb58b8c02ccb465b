"""What training records: one number per finished epoch for each curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from .._calls import did_you_mean
from .._other_libraries import CURVES

__all__ = ["History"]

_FEW = 10
"""Epochs that are shown one by one."""


class History(Mapping[str, list[float]]):
    """What `fit` records: a mapping of names to lists, one number per finished epoch.

    The curves are attributes, too. ``loss`` and the metrics are means over the epoch's examples,
    each as it was when its minibatch was seen, before the step; what begins with ``validation_`` is
    that of the validation examples, after the epoch. The lists are copies.

    Parameters
    ----------
    names : sequence of str
        Of the curves.

    Attributes
    ----------
    epochs : int
        How many epochs are finished.
    stopped : str or None
        Why training ended before its last epoch: "interrupted" (by Ctrl-C) or the reason that a
        callback gave; None if it did not.

    Examples
    --------
    >>> history = History(["loss", "accuracy"])
    >>> history.append({"loss": 0.7, "accuracy": 0.5})
    >>> history.append({"loss": 0.2, "accuracy": 0.75})
    >>> history.loss, history["accuracy"]
    ([0.7, 0.2], [0.5, 0.75])
    >>> history
    History(2 epochs, loss 0.7 -> 0.2, accuracy 0.5 -> 0.75)
    >>> print(history)
    epoch        loss    accuracy
        1         0.7         0.5
        2         0.2        0.75  best
    """

    def __init__(self, names: Sequence[str] = ("loss",)) -> None:
        self._names = tuple(names)
        self._rows: list[tuple[float, ...]] = []
        self.stopped: str | None = None

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self._rows)

    def append(self, row: Mapping[str, float]) -> None:
        """Record one epoch: a number for each curve.

        Parameters
        ----------
        row : mapping of str to float
            One number for each name.
        """
        self._rows.append(tuple([float(row[name]) for name in self._names]))

    def replace(self, rows: Iterable[Sequence[float]]) -> None:
        """Put other epochs in place of those recorded.

        Parameters
        ----------
        rows : iterable of sequence of float
            For each epoch, one number for each curve in their order.
        """
        self._rows = [tuple(map(float, row)) for row in rows]

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._names:
            raise KeyError(f"no curve {name!r}{self._recorded(name)}")
        column = self._names.index(name)
        return [row[column] for row in self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getattr__(self, name: str) -> list[float]:
        if name.startswith("_") or name not in self._names:
            end = "" if name.startswith("_") else self._recorded(name)
            raise AttributeError(f"this history has no {name!r}{end}")
        return self[name]

    def _recorded(self, name: str) -> str:
        meant = did_you_mean(name, self._names, CURVES)
        recorded = f": recorded are {', '.join(self._names)}"
        return recorded + meant if "did you mean" in meant else recorded

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]

    def __repr__(self) -> str:
        parts = [f"{self.epochs} epoch{'s' if self.epochs != 1 else ''}"]
        if self.epochs:
            parts += [f"{name} {x[0]:.4g} -> {x[-1]:.4g}" for name, x in self.items()]
        if self.stopped is not None:
            parts.append(f"stopped: {self.stopped}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __str__(self) -> str:
        """All epochs if they are few, else the first, the best and the last."""
        if not self.epochs:
            return repr(self)
        header, *rows = self._table()
        widths = [5, *[max(10, len(name)) for name in self._names]]
        lines = []
        for *cells, mark in (header, *rows):
            shown = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
            lines.append("  ".join([*shown, mark]))
        ending = [] if self.stopped is None else [f"stopped: {self.stopped}"]
        return "\n".join([*[line.rstrip() for line in lines], *ending])

    def _repr_html_(self) -> str:
        if not self.epochs:
            return f"<p>{escape(repr(self))}</p>"
        header, *rows = self._table()
        lines = ["".join(f"<th>{escape(cell)}</th>" for cell in header)]
        lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
        table = "".join(f"<tr>{line}</tr>" for line in lines)
        ending = "" if self.stopped is None else f"<p>stopped: {escape(self.stopped)}</p>"
        return f"<table>{table}</table>{ending}"

    def _table(self) -> list[list[str]]:
        """Names, and a row for each epoch shown; the last column says which is the best."""
        best, last = self._best(), self.epochs - 1
        few = range(self.epochs) if self.epochs <= _FEW else sorted({0, best or 0, last})
        rows, before = [["epoch", *self._names, ""]], -1
        for i in few:
            if i > before + 1:
                rows.append([*["..."] * (1 + len(self)), ""])
            numbers = [f"{number:.4g}" for number in self._rows[i]]
            rows.append([str(i + 1), *numbers, "best" if i == best else ""])
            before = i
        return rows

    def _best(self) -> int | None:
        """The epoch of the lowest loss, that of the validation examples where there are some."""
        loss = self.get("validation_loss") or self.get("loss") or []
        numbers = [(number, i) for i, number in enumerate(loss) if not math.isnan(number)]
        return min(numbers)[1] if numbers else None
