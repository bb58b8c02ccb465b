"""Where error signals are kept: claimed, shared, lent, added up from several readers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..ir.marks import Marks
from ..ir.references import (
    Gather,
    Indices,
    Place,
    Reference,
    View,
    row_major,
)
from ..ir.spaces import COMPUTED, DIFFERENTIATED, SCRATCH, SCRATCH_FIXED, Space
from ..ir.steps import Fill, Map, Mask, Reduce, Scatter, Step
from .flow import Flow
from .local import PASSED_ON

Maker = Callable[[View, bool], Step]
"""Makes the step that writes into an error signal, or adds to it."""


@dataclass(frozen=True)
class Upstream:
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


class Signals:
    """The error signals of one program, and the steps that write them."""

    def __init__(self, flow: Flow) -> None:
        self.program = flow.program
        self.flow = flow
        self.steps: list[Step] = []
        self.written = Marks(self.program.sizes, DIFFERENTIATED)
        self.scratch = {SCRATCH: 0, SCRATCH_FIXED: 0}
        self._arrays = {step.out for step in self.program.forward}
        self._masked = {step.out for step in self.program.forward if isinstance(step, Mask)}
        self._to_mask: dict[View, Mask] = {}
        self._alias: dict[View, View] = {}
        self._aliased: set[tuple[Space, int]] = set()
        self._waiting: dict[View, list[tuple[View, Reference]]] = defaultdict(list)
        self._lent = Marks(self.program.sizes, DIFFERENTIATED)
        self._shift: dict[Space, Indices] = {}

    # Where the error signals of elements are

    def of_array(self, array: View) -> View:
        """The finished error signal of an array, with 0 where no node is."""
        alias = self._alias.get(array)
        if alias is not None:
            return alias
        signal = self.place(array)
        mask = self._to_mask.pop(array, None)
        if mask is not None:
            self.steps.append(Mask(signal, mask.holes))
        return signal

    def mask_later(self, step: Mask) -> None:
        """Remember that no node has these elements."""
        self._to_mask[step.out] = step

    def place(self, view: View) -> View:
        """Where the error signal of these elements is kept."""
        shift = 0
        if self._shift and self._lent.any(view):
            shift = int(self._shift[view.space][view.offset])
        return View(view.space.signals, view.offset + shift, view.shape, view.strides)

    def _is_moved(self, view: View) -> bool:
        """Whether the error signals of these elements are kept apart from each other."""
        if not (self._shift and self._lent.any(view)):
            return False
        shifts = self._shift[view.space][view.indices()]
        return bool((shifts != shifts.flat[0]).any())

    def _moved(self, space: Space, index: Indices) -> Indices:
        shift = self._shift.get(space)
        return index if shift is None else index + shift[index]

    def is_free(self, signal: View) -> bool:
        """Whether no other array's error signal is kept in the same place."""
        return (signal.space, signal.offset) not in self._aliased and 0 not in signal.strides

    def _is_untouched_array(self, source: View, target: View) -> bool:
        return (
            target.space in COMPUTED
            and source.space.is_adjoint
            and target in self._arrays
            and target not in self._masked
            and not self.written.any(target)
            and self.program.has_rows(source.space) == self.program.has_rows(target.space)
        )

    def _share(self, source: View, target: Reference) -> bool:
        """Let an array with one reader have its error signal where the reader's is."""
        if not isinstance(target, View) or not self._is_untouched_array(source, target):
            return False
        if not self.flow.is_read_once(target):
            return False
        self.written.set(target)
        self._alias[target] = source
        self._aliased.add((source.space, source.offset))
        return True

    def lend(self, source: View, target: Reference) -> bool:
        """Let an array keep its error signal in the place of one that is finished."""
        if not isinstance(target, View) or not self._is_untouched_array(source, target):
            return False
        if not self.is_free(source) or source.strides != target.strides:
            return False
        if source.space is not target.space.adjoint or source.shape != target.shape:
            return False
        self.written.set(target)
        if source.offset != target.offset:
            size = self.program.sizes[target.space]
            shift = self._shift.setdefault(target.space, np.zeros(size, dtype=np.int64))
            start, stop = target.offset, target.offset + target.size  # an array has no gaps
            shift[start:stop] = source.offset - target.offset
            self._lent.set(target)
        return True

    def pass_on(self, upstream: Upstream, target: Reference) -> None:
        """Hand an error signal to an operand as it is, once the whole array has been seen."""
        if self.flow.needed.any(target):
            self._waiting[upstream.array].append((upstream.view, target))

    def hand_over(self, array: View) -> None:
        """Pass on the error signals of an array that go to operands as they are.

        An operand that nothing else feeds from shares them; else one operand may go on adding to
        them in their place; the rest get copies.
        """
        waiting = self._waiting.pop(array, [])
        rest = [(source, target) for source, target in waiting if not self._share(source, target)]
        for source, target in rest[1:]:
            self.deliver(source, target)
        for source, target in rest[:1]:
            if not self.lend(source, target):
                self.deliver(source, target)

    # Where contributions go

    def write(self, target: Reference, rows: bool, make: Maker, batch_summed: bool = False) -> None:
        """Let a step write into the error signal of `target` itself where that can be done.

        `rows` says whether it reads rows of N numbers, which `batch_summed` ones may add up.
        """
        if not self.flow.needed.any(target):
            return
        target_rows = self.program.reads_rows(target)
        fits = target_rows == rows or batch_summed
        if fits and isinstance(target, View) and target.is_distinct and not self._is_moved(target):
            add = self._claim(target)
            self.steps.append(make(self.place(target), add))
        else:
            self.write_apart(target, target_rows if batch_summed else rows, make)

    def write_apart(self, target: Reference, rows: bool, make: Maker) -> None:
        """Let a step write into scratch, and add that to the error signal of `target`."""
        if self.flow.needed.any(target):
            out = self._scratch(rows, target.shape)
            self.steps.append(make(out, False))
            self.deliver(out, target)

    def _scratch(self, rows: bool, shape: tuple[int, ...]) -> View:
        out = View(
            SCRATCH if rows or not self.program.batched else SCRATCH_FIXED,
            0,
            shape,
            row_major(shape),
        )
        self.scratch[out.space] = max(self.scratch[out.space], out.size)
        return out

    def deliver(self, source: Place, target: Reference) -> None:
        """Add finished contributions to the error signal of what was read."""
        for part, place in target.paired(source):
            if self.flow.needed.any(place):
                self._deliver(part, place)

    def _deliver(self, source: Place, target: Place) -> None:
        if self.program.has_rows(source.space) and not self.program.has_rows(target.space):
            self.write(
                target,
                rows=False,
                make=lambda out, add: Reduce(out, source, (), batch=True, add=add),
            )
        elif isinstance(target, Gather) or self._is_scattered(target):
            index = target.indices()
            unwritten = ~self.written.array(target.space)[index]
            self.fill(target.space, np.unique(index[unwritten]))
            moved = Gather(target.space.signals, self._moved(target.space, index))
            self.steps.append(Scatter(moved, source))
        else:
            narrow, axes = target.without_repeats, target.repeated_axes
            add = self._claim(narrow)
            out = self.place(narrow)
            self.steps.append(
                Reduce(out, source, axes, add=add)
                if axes
                else Map(out, PASSED_ON, {"x": source}, add=add)
            )

    def _is_scattered(self, target: View) -> bool:
        """Whether error signals must be added one by one."""
        return self._is_moved(target) or not target.without_repeats.is_distinct

    def _claim(self, target: View) -> bool:
        """Whether `target` holds error signals already; what does not is set to 0 if some do."""
        if not self.written.any(target):
            self.written.set(target)
            return False
        self.complete(target)
        return True

    def complete(self, view: View) -> None:
        """Set what has no error signal yet to 0."""
        if not self.written.all(view):
            index = view.indices()
            self.fill(view.space, index[~self.written.array(view.space)[index]])

    def fill(self, space: Space, index: Indices) -> None:
        """Set error signals to 0."""
        if index.size == 0:
            return
        self.written.array(space)[index] = True
        index = np.sort(self._moved(space, index).ravel())
        contiguous = index[-1] - index[0] + 1 == index.size
        out: Place = Gather(space.signals, index)
        if contiguous:
            out = View(space.signals, int(index[0]), index.shape, (1,))
        self.steps.append(Fill(out))
