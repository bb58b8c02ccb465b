"""Names of the arrays in emitted source: no two are the same.

Of labels and names of arguments only those that are plain identifiers get in.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...ir.array_program import ArrayProgram
from ...ir.references import Reference, View
from ...ir.spaces import PRIMAL, THETA, Space, index_space
from ...ir.steps import ArrayStep, Contract, Map, VectorRow
from .array_stems import MEANINGS, OUTPUT, WEIGHTED_SUM, addends, parameters_of, stem
from .block_names import block_name, is_name
from .view_names import ending

_RESERVED = """
theta gradient seed buffers partial examples np special strided huge outputs value_and_grad
"""
_LETTER = re.compile(r"(wb|[A-Za-z])(\d|_|$)")


class Names:
    """Every name of the source is drawn from here.

    Parameters are ``w`` and ``b``, or ``wb`` with the biases as last column, and have the numbers
    of their layers; so have the weighted sums ``z`` and activations ``a`` that they lead to.  An
    error signal is ``delta`` for a weighted sum, else ``d_`` and what it is of.
    """

    def __init__(
        self, program: ArrayProgram, labels: Sequence[str], arguments: Sequence[str] = ()
    ) -> None:
        self._program = program
        self._labels = labels
        self._arguments = arguments
        self._taken = {*_RESERVED.split(), *(space.name for space in program.sizes)}
        self._taken |= {index_space(k).name for k in range(len(program.inputs))}
        self._counts: dict[str, int] = defaultdict(int)
        self._arrays: dict[tuple[Space, int], tuple[str, View]] = {}
        self._starts: dict[Space, list[int]] = defaultdict(list)
        self._stems: dict[str, str] = {}
        self._parameters_of: dict[ArrayStep, list[View]] = {}
        self._unclaimed: set[str] = set()
        self._blocks: dict[View, str] = {}
        self._layers: dict[View, str] = {}
        self._name_parameters(program.forward)
        self._name_arrays(program.forward)
        self._deltas = _deltas(program)

    # Parameters

    def _name_parameters(self, steps: Sequence[ArrayStep]) -> None:
        for step in steps:
            views = self._parameters_of[step] = parameters_of(step)
            if views:
                kind = "wb" if isinstance(step, Contract) and step.ones else "w"
                biases = _biases(step)
                for view in views:
                    block = _block(view)
                    is_bias = view in biases and len(block.shape) == 1
                    self._parameter(block, "b" if is_bias else kind)

    def _parameter(self, block: View, kind: str = "w") -> str:
        """A name for parameters: w1, wb2 or b_attention, or their label if they are only one."""
        if block not in self._blocks:
            index = np.sort(block.indices(), axis=None).tolist()
            labels = [self._labels[i] for i in index] if self._labels else []
            layer = block_name(labels)
            if len(labels) == 1 and is_name(labels[0]):
                name, layer = self.fresh(labels[0]), ""
            elif layer:
                name = self.fresh(f"{kind}{layer}" if layer[0].isdigit() else f"{kind}_{layer}")
            else:
                name = self.numbered(kind)
            self._blocks[block] = name
            self._unclaimed.add(name)
            self._layers[block] = name.removeprefix(kind) if layer or not labels else ""
        return self._blocks[block]

    # Arrays

    def _name_arrays(self, steps: Sequence[ArrayStep]) -> None:
        for step in steps:
            key = step.out.space, step.out.offset
            if key not in self._arrays:
                name = self._array_name(step)
                self._unclaimed.add(name)
                self._arrays[key] = name, step.out
        for space, offset in sorted(self._arrays, key=lambda key: key[1]):
            self._starts[space].append(offset)

    def _array_name(self, step: ArrayStep) -> str:
        if self._is_output(step.out):
            kind, name = OUTPUT, self.fresh(OUTPUT)
        else:
            kind, name = self._named(step)
        self._stems[name] = kind
        return name

    def _is_output(self, view: View) -> bool:
        outputs = self._program.outputs
        if not isinstance(outputs, View) or outputs[:2] != view[:2]:
            return False
        return outputs.size == view.size == 1

    def _named(self, step: ArrayStep) -> tuple[str, str]:
        """What the array of a step is, and its name."""
        parameters = self._parameters_of[step]
        kind = stem(step, parameters)
        if kind == WEIGHTED_SUM:
            layers = [self._layers[_block(view)] for view in parameters]
            layer = next(filter(None, layers), "")
            return kind, self.fresh(kind + layer) if layer else self.numbered(kind)
        read = self._arrays_read(step)
        if isinstance(step, Map | VectorRow) and step.op == kind:
            if len(step.values) == 1 and [self._stems[name] for name in read] == [WEIGHTED_SUM]:
                return "a", self.fresh("a" + read[0].removeprefix(WEIGHTED_SUM))
            return kind, self.numbered(kind)
        for name in read:
            kind = MEANINGS.get((kind, self._stems[name]), kind)
        return kind, self.fresh(kind)

    def _arrays_read(self, step: ArrayStep) -> list[str]:
        """The names of the arrays that a step reads the whole of, in any order or repeated."""
        found = []
        for view in step.values:
            if isinstance(view, View) and view[:2] in self._arrays:
                name, whole = self._arrays[view[:2]]
                if view is whole or view.without_repeats.run == whole.run:
                    found.append(name)
        return found

    # Views

    def of_view(self, view: View, column: bool = False) -> str:
        """A new name that says which array a view, or a column of it, belongs to."""
        name = self._name_of(view)
        if name in self._unclaimed:
            self._unclaimed.remove(name)
            return name
        return self.fresh(name + "_column" * (column and name in self._taken))

    def _name_of(self, view: View) -> str:
        is_signal = view.space.is_adjoint
        space = PRIMAL[view.space] if is_signal else view.space
        primal = view._replace(space=space) if is_signal else view
        if space.argument is not None:
            return self._argument(primal, space.argument)
        if space is THETA:
            block = _block(primal)
            name = self._parameter(block) + "_repeated" * bool(view.repeated_axes)
            return _signal(name) if is_signal else name
        name, whole = self._array_at(primal)
        if is_signal:
            name = self._signal_of(view, name)
        return name if primal is whole else name + ending(primal, whole)

    def _argument(self, view: View, argument: int) -> str:
        """The name that the function has for an argument, or x."""
        known = argument < len(self._arguments) and is_name(self._arguments[argument])
        name = self._arguments[argument] if known else "x"
        size = self._program.sizes[self._program.inputs[argument]]
        if view.run == (0, size):
            return name
        return name + ending(view, View(view.space, 0, (size,), (1,)))

    def _array_at(self, view: View) -> tuple[str, View]:
        """The array that a view begins in."""
        at = bisect.bisect_right(self._starts[view.space], view.offset) - 1
        if at < 0:
            return (
                "contributions" if view.space.is_scratch else f"{view.space}s",
                view.without_repeats,
            )
        return self._arrays[view.space, self._starts[view.space][at]]

    def _signal_of(self, view: View, name: str) -> str:
        """The name of an error signal: delta of a weighted sum."""
        of = self.array_of_signal(view)
        if of is not None:
            name, _ = self._arrays[of.space, of.offset]
        if self._stems.get(name) == WEIGHTED_SUM:
            return "delta" + name.removeprefix(WEIGHTED_SUM)
        return _signal(name)

    def array_of_signal(self, view: View) -> View | None:
        """The weighted sum that an error signal is of, where that lies in the place of another."""
        return self._deltas.get(view[:2])

    # Names

    def fresh(self, stem: str) -> str:
        """A name nobody has: the stem, or with a number if that is taken."""
        if stem in self._taken:
            self._counts[stem] = max(self._counts[stem], 1)
            return self.numbered(stem)
        self._taken.add(stem)
        return stem

    def numbered(self, stem: str) -> str:
        """A name nobody has: the stem with a number."""
        name = stem
        gap = "_" * stem[-1].isdigit()
        while name == stem or name in self._taken:
            self._counts[stem] += 1
            name = f"{stem}{gap}{self._counts[stem]}"
        self._taken.add(name)
        return name


def _signal(name: str) -> str:
    return f"d{name}" if _LETTER.match(name) else f"d_{name}"


def _block(view: View) -> View:
    """The parameters that a view reads, each once; one is the same in any shape."""
    return View(view.space, view.offset, (), ()) if view.size == 1 else view.without_repeats


def _biases(step: ArrayStep) -> list[View]:
    """What a weighted sum adds as it is."""
    if not isinstance(step, Map) or step.op:
        return []
    added = [step.operands[name] for name in addends(step.formula) if name in step.operands]
    return [view for view in added if isinstance(view, View)]


def _deltas(program: ArrayProgram) -> dict[tuple[Space, int], View]:
    """The weighted sums that error signals are of, where a gradient of weights says so.

    An error signal may be in the place of an activation's: there it is worked out of that.
    """
    sums: dict[tuple[Reference, Reference], View] = {}
    for product in program.forward:
        if isinstance(product, Contract):
            sums.setdefault((product.a, product.b), product.out)
            sums.setdefault((product.b, product.a), product.out)
    found: dict[tuple[Space, int], View] = {}
    for step in program.backward:
        if isinstance(step, Contract) and step.out.space is THETA.adjoint:
            of = sums.get((step.out._replace(space=THETA), step.b))
            if of is not None and isinstance(step.a, View):
                found.setdefault(step.a[:2], of)
    return found
