"""What training records: one number per finished epoch for each curve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .._calls import did_you_mean
from .._other_libraries import CURVES

__all__ = ["History"]


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
