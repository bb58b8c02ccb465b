"""Error signals that go on to an operand as they are: shared, lent or copied."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from ..ir.references import Reference, View
from ..ir.spaces import COMPUTED
from ..ir.steps import Mask
from .signals import Signals


class Upstream(NamedTuple):
    """The error signal of what a step has written.

    Attributes
    ----------
    view : View
        Where it is; repeated along further axes where a step reads it so.
    array : View
        The array whose error signal it is.
    alone : bool
        Whether no other step has written a part of the array that depends on parameters.
    guarded : bool
        Whether 0 must carry nothing, because the array feeds an arm of a ``where``.
    """

    view: View
    array: View
    alone: bool
    guarded: bool


class Passing:
    """What waits to go on, until all steps that have written an array have been seen."""

    def __init__(self, signals: Signals) -> None:
        self.program = signals.program
        self.signals = signals
        self.storage = signals.storage
        self._waiting: dict[View, list[tuple[View, Reference]]] = defaultdict(list)
        masked = {step.out for step in self.program.forward if isinstance(step, Mask)}
        self._arrays = {step.out for step in self.program.forward} - masked

    def pass_on(self, upstream: Upstream, target: Reference) -> None:
        """Hand an error signal to an operand as it is, once the whole array has been seen."""
        self._waiting[upstream.array].append((upstream.view, target))

    def hand_over(self, array: View) -> None:
        """Pass on the error signals of an array that go to operands as they are.

        An operand that nothing else feeds from shares them; else one operand may go on adding to
        them in their place; the rest get copies.
        """
        waiting = self._waiting.pop(array, [])
        rest = [(source, target) for source, target in waiting if not self.share(source, target)]
        for source, target in rest[1:]:
            self.signals.deliver(source, target)
        for source, target in rest[:1]:
            if self.lend(source, target) is None:
                self.signals.deliver(source, target)

    def share(self, source: View, target: Reference) -> bool:
        """Let an array with one reader have its error signal where the reader's is."""
        if not isinstance(target, View) or not self._is_untouched_array(source, target):
            return False
        if not self.signals.flow.is_read_once(target):
            return False
        self.signals.written.set(target)
        self.storage.share(target, source)
        return True

    def lend(self, source: View, target: Reference) -> View | None:
        """Where an array may keep its error signal: in the place of one that is finished."""
        if not isinstance(target, View) or not self._is_untouched_array(source, target):
            return None
        if not self.storage.is_free(source) or source.strides != target.strides:
            return None
        if source.space is not target.space.adjoint or source.shape != target.shape:
            return None
        self.signals.written.set(target)
        self.storage.lend(source, target)
        return source

    def _is_untouched_array(self, source: View, target: View) -> bool:
        return (
            target.space in COMPUTED
            and source.space.is_adjoint
            and target in self._arrays
            and not self.signals.written.any(target)
            and self.program.has_rows(source.space) == self.program.has_rows(target.space)
        )
