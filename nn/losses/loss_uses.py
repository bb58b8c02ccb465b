"""What losses of this package were called with: told to whoever observes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from autograd_mini import Value

__all__ = ["LossUse", "note", "observed"]


@dataclass(frozen=True)
class LossUse:
    """One call of a loss of this package: what it made of outputs and target.

    Attributes
    ----------
    loss : str
        Name of the loss.
    outputs_are : str
        What the outputs mean to it: "class logits" (the largest wins), "logits" and "margins"
        (label 1 above 0), "probabilities" (label 1 above 1/2) or "numbers".
    outputs : list of Value
        The outputs, as Values.
    target : object
        The target, as it was given.
    check : callable
        Takes another example's plain target, raises TypeError or ValueError if the loss would.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> from nn import cross_entropy
    >>> with observed() as uses:
    ...     loss = cross_entropy([Value(0.0), Value(1.0)], 1)
    >>> uses[0].loss, uses[0].outputs_are, uses[0].n_outputs, uses[0].target
    ('cross_entropy', 'class logits', 2, 1)
    >>> uses[0].check(2)
    Traceback (most recent call last):
    ...
    ValueError: a class index must lie in 0..1 for 2 logits, got 2
    """

    loss: str
    outputs_are: str
    outputs: list[Value]
    target: object
    check: Callable[[object], object]

    @property
    def probabilities(self) -> list[Value]:
        """The outputs, where they must be probabilities; otherwise none."""
        return self.outputs if self.outputs_are == "probabilities" else []

    @property
    def n_outputs(self) -> int:
        """How many outputs there were."""
        return len(self.outputs)


_observer: ContextVar[list[LossUse] | None] = ContextVar("nn_observer_of_losses", default=None)


@contextmanager
def observed() -> Iterator[list[LossUse]]:
    """Collect what the losses of this package are called with in the ``with`` block.

    So a loss that wraps one of them, or adds a penalty, tells what its targets must be.

    Yields
    ------
    list of LossUse
        One entry for each call, in order.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> from nn import half_squared_error
    >>> def own_loss(outputs, target):
    ...     return 2.0 * half_squared_error(outputs, target)
    >>> with observed() as uses:
    ...     loss = own_loss([Value(1.0)], 3.0)
    >>> [use.loss for use in uses]
    ['half_squared_error']
    """
    uses: list[LossUse] = []
    before = _observer.get()
    try:  # Ctrl-C may come behind every line
        _observer.set(uses)
        yield uses
    finally:
        _observer.set(before)


def note(
    loss: str,
    outputs_are: str,
    outputs: list[Value],
    target: object,
    check: Callable[..., object],
) -> None:
    """Tell whoever observes; `check` also takes the number of outputs."""
    uses = _observer.get()
    if uses is not None:
        check_one = partial(check, len(outputs))
        uses.append(LossUse(loss, outputs_are, outputs, target, check_one))
