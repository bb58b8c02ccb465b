"""Error signals as they are written: added up from several readers, completed with zeros."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from ..ir.marks import Marks
from ..ir.references import Gather, Indices, Place, Reference, View, row_major
from ..ir.spaces import DIFFERENTIATED, SCRATCH, SCRATCH_FIXED, Space
from ..ir.steps import Fill, Map, Mask, Reduce, Scatter, Step
from .flow import Flow
from .local import PASSED_ON
from .storage import Storage

Maker = Callable[[View, bool], Step]
"""Makes the step that writes into an error signal, or adds to it."""


LEAST_PART = 64
"""Elements, each a row in a batch, that a step of its own is worth."""


class Signals:
    """What has an error signal by now, and the steps that have written it."""

    def __init__(self, flow: Flow, storage: Storage) -> None:
        self.program = flow.program
        self.flow = flow
        self.storage = storage
        self.steps: list[Step] = []
        self.written = Marks(self.program.sizes, DIFFERENTIATED)
        self.scratch = {SCRATCH: 0, SCRATCH_FIXED: 0}
        self._to_mask: dict[View, Mask] = {}

    # What is finished

    def of_array(self, array: View) -> View:
        """The finished error signal of an array, with 0 where no node is."""
        shared = self.storage.shared(array)
        if shared is not None:
            return shared
        signal = self.storage.of(array)
        mask = self._to_mask.pop(array, None)
        if mask is not None:
            self.steps.append(Mask(signal, mask.holes))
        return signal

    def mask_later(self, step: Mask) -> None:
        """Remember that no node has these elements."""
        self._to_mask[step.out] = step

    # Where contributions go: to operands of which something is needed

    def write(self, target: Reference, rows: bool, make: Maker, batch_summed: bool = False) -> None:
        """Let a step write into the error signal of `target` itself where that can be done.

        `rows` says whether it reads rows of N numbers, which `batch_summed` ones may add up.
        """
        target_rows = self.program.reads_rows(target)
        fits = target_rows == rows or batch_summed
        if (
            fits
            and isinstance(target, View)
            and target.is_distinct
            and not self.storage.keeps_apart(target)
        ):
            add = self._claim(target)
            self.steps.append(make(self.storage.of(target), add))
        else:
            self.write_apart(target, target_rows if batch_summed else rows, make)

    def write_apart(self, target: Reference, rows: bool, make: Maker) -> None:
        """Let a step write into scratch, and add that to the error signal of `target`."""
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
        return self.storage.interned(out)

    def deliver(self, source: Place, target: Reference) -> None:
        """Add finished contributions to the error signal of what was read."""
        for part, place in target.paired(source):
            if self.flow.needed.any(place):
                self._deliver(self.storage.interned(part), place)

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
            if self._deliver_in_parts(source, target):
                return
            moved = Gather(target.space.signals, self.storage.indices(target.space, index))
            self.steps.append(Scatter(self.storage.interned(moved), source))
        else:
            narrow, axes = target.without_repeats, target.repeated_axes
            add = self._claim(narrow)
            out = self.storage.of(narrow)
            self.steps.append(
                Reduce(out, source, axes, add=add)
                if axes
                else Map(out, PASSED_ON, {"x": source}, add=add)
            )

    def _deliver_in_parts(self, source: Place, target: Place) -> bool:
        """Add to a few views in each of which no element stands twice, if there are such.

        As the windows of a convolution overlap, but not what one weight sees in all of them.
        """
        if not (isinstance(source, View) and isinstance(target, View)):
            return False
        if self.storage.keeps_apart(target):
            return False
        axes = _overlapping_axes(target)
        if axes is None:
            return False
        for at in itertools.product(*[range(target.shape[axis]) for axis in axes]):
            read, out = (view.fixed(axes, at) for view in (source, target))
            part = {"x": self.storage.interned(read)}
            self.steps.append(Map(self.storage.of(out), PASSED_ON, part, add=True))
        return True

    def _is_scattered(self, target: View) -> bool:
        """Whether error signals must be added one by one."""
        return self.storage.keeps_apart(target) or not target.without_repeats.is_distinct

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
        index = np.sort(self.storage.indices(space, index).ravel())
        contiguous = index[-1] - index[0] + 1 == index.size
        out: Place = Gather(space.signals, index)
        if contiguous:
            out = View(space.signals, int(index[0]), index.shape, (1,))
        self.steps.append(Fill(self.storage.interned(out)))


def _overlapping_axes(view: View) -> tuple[int, ...] | None:
    """The axes to go over step by step, so that no element stands twice in what remains."""
    if view.repeated_axes:
        return None
    axes = range(len(view.shape))
    choices = [some for count in axes for some in itertools.combinations(axes, count)]
    steps = {some: math.prod([view.shape[axis] for axis in some]) for some in choices}
    for some in sorted(choices, key=lambda some: steps[some]):
        if steps[some] * LEAST_PART > view.size:
            return None
        if view.fixed(some, (0,) * len(some)).is_distinct:
            return some
    return None
