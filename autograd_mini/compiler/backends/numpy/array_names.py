"""Names of the arrays in emitted source: no two are the same, and none is a user's text."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ir.array_program import ArrayProgram
from ...ir.references import View
from ...ir.spaces import PRIMAL, THETA, Space, index_space
from ...ir.steps import ArrayStep, LargestStep, Map, TakeStep, VectorRow
from .block_names import block_name

_RESERVED = """
theta gradient seed buffers partial examples np special strided huge outputs value_and_grad
"""


class Names:
    """Every name of the source is drawn from here."""

    def __init__(self, program: ArrayProgram, labels: Sequence[str]) -> None:
        self.labels = labels
        self._taken = {*_RESERVED.split(), *(space.name for space in program.sizes)}
        self._taken |= {index_space(k).name for k in range(len(program.inputs))}
        self._counts: dict[str, int] = defaultdict(int)
        self._arrays: dict[tuple[Space, int], tuple[str, View]] = {}
        self._starts: dict[Space, list[int]] = defaultdict(list)
        self._unclaimed: set[str] = set()
        self._blocks: dict[tuple[str, int], str] = {}
        self._blocks_of: dict[str, set[str]] = defaultdict(set)
        self._name_arrays(program.forward)

    def _name_arrays(self, steps: Sequence[ArrayStep]) -> None:
        for step in steps:
            key = step.out.space, step.out.offset
            if key not in self._arrays:
                name = self.numbered(_row_of(step))
                self._unclaimed.add(name)
                self._arrays[key] = name, step.out
        for space, offset in sorted(self._arrays, key=lambda key: key[1]):
            self._starts[space].append(offset)

    def of_view(self, view: View) -> str:
        """A new name that says which array a view belongs to."""
        array, is_part = self._array_of(view)
        if is_part:
            return self.numbered(f"{array}_part")
        if array in self._unclaimed:
            self._unclaimed.remove(array)
            return array
        return self.fresh(array)

    def _array_of(self, view: View) -> tuple[str, bool]:
        """The name of an array, with d_ before it for error signals, and whether it has more."""
        space = PRIMAL.get(view.space, view.space)
        prefix = "d_" if view.space.is_adjoint else ""
        if space is THETA:
            name = prefix + self._block(view)
            return name, name in self._taken
        starts = self._starts[space]
        at = bisect.bisect_right(starts, view.offset) - 1
        if at < 0:
            return f"{prefix}{space}", True
        name, whole = self._arrays[space, starts[at]]
        same = (view.shape, view.strides, view.offset) == (whole.shape, whole.strides, starts[at])
        return prefix + name, not same

    def _block(self, view: View) -> str:
        """A name for parameters: W_layers_0, w1 or b1."""
        kind = "W" if len(view.shape) > 1 else "w" if view.strides in ((), (1,)) else "b"
        name = self._blocks.get((kind, view.offset))
        if name is None:
            index = np.sort(view.indices(), axis=None).tolist()
            label = block_name([self.labels[i] for i in index] if self.labels else [])
            known = self._blocks_of[kind]
            numbered = f"{kind}{len(known) + 1}"
            name = f"{kind}_{label}" if label else numbered
            if name in known:
                name = numbered
            known.add(name)
            self._blocks[kind, view.offset] = name
        return name

    def fresh(self, stem: str) -> str:
        """A name nobody has: the stem, or with a number if that is taken."""
        if stem in self._taken:
            return self.numbered(stem)
        self._taken.add(stem)
        return stem

    def numbered(self, stem: str) -> str:
        """A name nobody has: the stem with a number."""
        name = stem
        while name == stem or name in self._taken:
            self._counts[stem] += 1
            name = f"{stem}{self._counts[stem]}"
        self._taken.add(name)
        return name


_ROWS: dict[type[ArrayStep], Callable[[Any], str]] = {
    Map: lambda step: step.op,
    VectorRow: lambda step: step.op,
    TakeStep: lambda _: "take",
    LargestStep: lambda _: "largest",
}


def _row_of(step: ArrayStep) -> str:
    """What the array of a step is called: the row of the table it comes from, or z."""
    row = _ROWS.get(type(step))
    return (row and row(step)) or "z"
