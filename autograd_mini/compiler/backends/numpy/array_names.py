"""Names of the arrays in emitted source: no two are the same.

Of labels and names of arguments only those that are plain identifiers get in.
"""

from __future__ import annotations

import bisect
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...ir.array_program import ArrayProgram
from ...ir.references import Gather, Number, Reference, View
from ...ir.spaces import PRIMAL, THETA, Space, index_space
from ...ir.steps import ArrayStep, Contract, Map, TakeStep, VectorRow
from .array_stems import (
    ANYTHING,
    NEGATIVE,
    NUMBER,
    OUTPUT,
    WEIGHTED_SUM,
    WITH_MEANINGS,
    addends,
    meaning,
    operands,
    parameters_of,
    stem,
)
from .block_names import BlockName, block_name, is_name, safe_name
from .view_names import ending

_RESERVED = """
theta gradient seed buffers partial examples np special strided huge outputs value_and_grad
"""
ACTIVATION = "a"
_PART = re.compile(r"_part|_\d+(_\d+)?")
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
        self._products: dict[str, Contract] = {}
        self._times: dict[str, str] = {}
        self._within: dict[tuple[View, tuple[int, ...], str, View, str], str] = {}
        self._said: dict[View, BlockName] = {}
        self._parameters_of: dict[ArrayStep, list[View]] = {}
        self._unclaimed: set[str] = set()
        self._blocks: dict[View, str] = {}
        self._layers: dict[View, str] = {}
        self._name_parameters(program.forward)
        self._name_arrays(program.forward)
        self._deltas = _deltas(program)

    # Parameters

    def _name_parameters(self, steps: Sequence[ArrayStep]) -> None:
        kinds: dict[View, str] = {}
        factors: dict[View, str] = {}
        for step in steps:
            views = self._parameters_of[step] = parameters_of(step)
            if views:
                kind = "wb" if isinstance(step, Contract) and step.ones else "w"
                biases = _biases(step)
                for view in views:
                    block = _block(view)
                    if block not in kinds:
                        is_bias = view in biases and len(block.shape) == 1
                        kinds[block] = "b" if is_bias else kind
                        factors[block] = self._other_factor(step, view)
        alike = Counter(map(self._said_of, kinds))
        for block, kind in kinds.items():
            said = self._said_of(block)
            self._parameter(block, kind, factors[block] * (bool(said.letter) and alike[said] > 1))

    def _said_of(self, block: View) -> BlockName:
        """What labels say of a block of parameters."""
        if not self._labels:
            return BlockName()
        if block not in self._said:
            index = np.sort(block.indices(), axis=None).tolist()
            self._said[block] = block_name([self._labels[i] for i in index])
        return self._said[block]

    def _other_factor(self, step: ArrayStep, view: View) -> str:
        """What weights are multiplied by, in a word: an argument's name, or hidden."""
        if not isinstance(step, Contract):
            return ""
        other = step.b if view is step.a else step.a
        spaces = {place.space for place in other.places}
        if len(spaces) != 1:
            return ""
        argument = spaces.pop().argument
        return "hidden" if argument is None else self._argument_name(argument)

    def _parameter(self, block: View, kind: str = "w", factor: str = "") -> str:
        """A name for parameters: w1, wb2, b_attention or gain, or their label if they are one."""
        if block not in self._blocks:
            said = self._said_of(block)
            label = self._labels[block.offset] if self._labels and block.size == 1 else ""
            if is_name(label):
                name, said = self.fresh(label), BlockName()
            else:
                name = said.written(kind)
                if factor:
                    name = f"{name or said.letter}_{factor}"
                name = self.fresh(name) if name else self.numbered(said.letter or kind)
            self._blocks[block] = name
            self._unclaimed.add(name)
            self._layers[block] = _layer(said.place) if self._labels else name.removeprefix(kind)
        return self._blocks[block]

    # Arrays

    def _name_arrays(self, steps: Sequence[ArrayStep]) -> None:
        firsts: dict[tuple[Space, int], ArrayStep] = {}
        for step in steps:
            firsts.setdefault(step.out[:2], step)
        kinds = {step: stem(step, self._parameters_of[step]) for step in firsts.values()}
        layers = {s: self._layer_of(s) for s, kind in kinds.items() if kind == WEIGHTED_SUM}
        uses = Counter(layers.values())
        for key, step in firsts.items():
            kind = kinds[step]
            if self._is_output(step.out):
                kind, name = OUTPUT, self.fresh(OUTPUT)
            elif kind == WEIGHTED_SUM:
                name = self._weighted_sum(step, layers[step], uses[layers[step]] > 1)
            else:
                kind, name = self._named(step, kind)
            self._stems[name] = kind
            self._unclaimed.add(name)
            self._arrays[key] = name, step.out
            bisect.insort(self._starts[step.out.space], step.out.offset)

    def _layer_of(self, step: ArrayStep) -> str:
        """The first layer whose parameters a weighted sum has."""
        for view in self._parameters_of[step]:
            layer = self._layers[_block(view)]
            if layer:
                return layer
        return ""

    def _is_output(self, view: View) -> bool:
        outputs = self._program.outputs
        if not isinstance(outputs, View) or outputs[:2] != view[:2]:
            return False
        return outputs.size == view.size == 1

    def _named(self, step: ArrayStep, kind: str) -> tuple[str, str]:
        """What the array of a step is, and its name."""
        if isinstance(step, Map | VectorRow) and step.op == kind:
            read = self._arrays_read(step)
            if len(step.values) == 1 and [self._stems[name] for name in read] == [WEIGHTED_SUM]:
                name = self.fresh(ACTIVATION + read[0].removeprefix(WEIGHTED_SUM))
                if read[0] in self._products:
                    self._products[name] = self._products[read[0]]
                    self._times[name] = self._times[read[0]]
                return ACTIVATION, name
            return kind, self.numbered(kind)
        if isinstance(step, TakeStep):
            layer = self._layer_of(step)
            return kind, self.fresh(kind + layer * layer.startswith("_"))
        if kind == NEGATIVE and len(step.values) == 1 and isinstance(step.values[0], View):
            return kind, self.fresh(f"minus_{self._name_of(step.values[0])}")
        if kind in WITH_MEANINGS:
            kind = meaning(kind, [self._kind_of(operand) for operand in operands(step)])
        return kind, self.fresh(kind)

    def _weighted_sum(self, step: ArrayStep, layer: str, is_repeated: bool) -> str:
        """z1, z_attention; z_cell_1, z_cell_2 where the same layer is used at several times."""
        stem = WEIGHTED_SUM + layer
        if layer and not is_repeated:
            name = self.fresh(stem)
        else:
            name = self.numbered(f"{stem}_" if layer else stem)
        if isinstance(step, Contract):
            self._products[name] = step
            self._times[name] = "_" + name.removeprefix(f"{stem}_" if layer else stem)
            self._times[name] *= is_repeated
        return name

    def _kind_of(self, operand: Reference) -> str:
        """What the array is that an operand, or a part of it, is read from."""
        if isinstance(operand, Number):
            return NUMBER
        place = next(iter(operand.places), None)
        if place is None or not self._starts.get(place.space):
            return ANYTHING
        first = place.offset if isinstance(place, View) else int(place.indices().min())
        at = bisect.bisect_right(self._starts[place.space], first) - 1
        if at < 0:
            return ANYTHING
        return self._stems[self._arrays[place.space, self._starts[place.space][at]][0]]

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
            if is_signal and block not in self._blocks and not self._is_read[block.indices()].any():
                name = self._said_of(block).written("w")
                return _signal(f"{name}_unused" if name else "unused")
            name = self._parameter(block) + "_repeated" * bool(view.repeated_axes)
            return _signal(name) if is_signal else name
        name, whole = self._array_at(primal)
        end = "" if primal is whole else ending(primal, whole)
        part = _PART.match(end)
        if part:
            layer = self._layer_within(name, whole, primal)
            if layer:
                kind = self._stems[name]
                name = kind + layer + self._times[name] + end[part.end() :]
                return _signal(name, kind) if is_signal else name
        if is_signal:
            name = self._signal_of(view, name)
        return name + end

    def _layer_within(self, name: str, whole: View, part: View) -> str:
        """The layer whose weights made a part of what several layers make at once."""
        product = self._products.get(name)
        if product is None or not self._labels or not whole.is_row_major:
            return ""
        for factor, axes in ((product.a, product.a_axes), (product.b, product.b_axes)):
            if isinstance(factor, View) and factor.space is THETA:
                moved = part._replace(space=THETA, offset=part.offset - whole.offset)
                key = moved, whole.shape, product.out_axes, factor, axes
                if key not in self._within:
                    layer = self._layer_of_rows(*key)
                    is_other = layer != self._layers[_block(factor)]
                    self._within[key] = layer if is_other else ""
                return self._within[key]
        return ""

    def _layer_of_rows(
        self, part: View, shape: tuple[int, ...], out_axes: str, weights: View, axes: str
    ) -> str:
        """The layer of the weights that are multiplied to a part of a product."""
        positions = part.indices()
        if positions.min() < 0 or positions.max() >= math.prod(shape):
            return ""
        along = np.unravel_index(positions, shape)
        at = dict(zip(out_axes.replace("n", ""), along, strict=True))
        ends = np.array([weights.offset, weights.offset])
        for axis, size, stride in zip(axes.replace("n", ""), *weights[2:], strict=True):
            rows = at.get(axis, np.array([0, size - 1]))
            ends += stride * np.array([rows.min(), rows.max()])
        return _layer(block_name([self._labels[k] for k in ends]).place)

    def _argument(self, view: View, argument: int) -> str:
        name = self._argument_name(argument)
        size = self._program.sizes[self._program.inputs[argument]]
        if view.run == (0, size) and (size > 1 or not view.shape):
            return name
        axes = (size,)[: size != 1], (1,)[: size != 1]
        return name + ending(view, View(view.space, 0, *axes))

    def _argument_name(self, argument: int) -> str:
        """The name that the function has for an argument, or x."""
        known = argument < len(self._arguments) and is_name(self._arguments[argument])
        return self._arguments[argument] if known else "x"

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
        return _signal(name, self._stems.get(name, ""))

    @cached_property
    def _is_read(self) -> npt.NDArray[np.bool_]:
        """Which parameters the program reads."""
        read = np.zeros(self._program.sizes[THETA], dtype=bool)
        for step in self._program.forward:
            for place in [place for value in step.values for place in value.places]:
                if place.space is THETA:
                    read[place.indices()] = True
        return read

    def gathered(self, gather: Gather) -> str:
        """A new name for a copy of elements that lie here and there."""
        space, found = gather.space, gather.index[gather.index >= 0]
        ends = (int(found.min()), int(found.max())) if found.size else ()
        if space.argument is not None:
            name = self._argument_name(space.argument)
        elif space is THETA:
            name = block_name([self._labels[k] for k in ends if self._labels]).written("w")
        else:
            arrays = {self._array_at(View(space, k, (), ()))[0] for k in ends}
            name = arrays.pop() if len(arrays) == 1 else ""
        return self.fresh(f"{name}_gathered" if name else "gathered")

    def array_of_signal(self, view: View) -> View | None:
        """The weighted sum that an error signal is of, where that lies in the place of another."""
        return self._deltas.get(view[:2])

    # Names

    def fresh(self, stem: str) -> str:
        """A name nobody has: the stem, or with a number if that is taken."""
        stem = safe_name(stem)
        if stem in self._taken:
            self._counts[stem] = max(self._counts[stem], 1)
            return self.numbered(stem)
        self._taken.add(stem)
        return stem

    def numbered(self, stem: str) -> str:
        """A name nobody has: the stem with a number."""
        name = stem = safe_name(stem)
        gap = "_" * stem[-1].isdigit()
        while name == stem or name in self._taken:
            self._counts[stem] += 1
            name = f"{stem}{gap}{self._counts[stem]}"
        self._taken.add(name)
        return name


def _signal(name: str, kind: str = "") -> str:
    if kind == WEIGHTED_SUM:
        return "delta" + name.removeprefix(WEIGHTED_SUM)
    return f"d{name}" if _LETTER.match(name) else f"d_{name}"


def _layer(place: str) -> str:
    """How the name of a weighted sum goes on: 1, or _attention."""
    return place if not place or place[0].isdigit() else f"_{place}"


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
