"""Where the numbers of nodes are, and how an operand reads those of several nodes."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.array_program import FIRST_FREE, ZERO
from ..ir.marks import Marks
from ..ir.references import (
    HOLE,
    Gather,
    Indices,
    Mixed,
    Number,
    Reference,
    Table,
    View,
    affine_view,
    row_major,
)
from ..ir.scalars import Leaf, Literal, ScalarProgram
from ..ir.spaces import COMPUTED, FIXED, THETA, VALUE, Space, input_space
from ..ir.steps import ArrayStep, Mask


class _Column:
    """A column of integers that grows at its end; its memory doubles when it is full."""

    def __init__(self, values: Indices) -> None:
        self.length = len(values)
        self.memory = values

    def append(self, value: int) -> None:
        if self.length == len(self.memory):
            self.memory = np.concatenate([self.memory, np.zeros(self.length + 8, dtype=np.int64)])
        self.memory[self.length] = value
        self.length += 1


class Placement:
    """The place of every node: a space, an offset, and the array it belongs to (its *home*).

    Homes up to `constants` are the spaces themselves; later ones are arrays.  The numbers of nodes
    go on after those of the graph: coefficients become nodes when they are factors of a product.
    `steps` are those so far: to read an array whose holes must be 0 may take one more.
    """

    def __init__(self, program: ScalarProgram, sizes: Sequence[int], batched: bool) -> None:
        self.steps: list[ArrayStep] = []
        parameters, *inputs = sizes
        given = {THETA: parameters} | {input_space(k): n for k, n in enumerate(inputs)}
        self.batched = batched
        self.sizes: dict[Space, int] = {**given, VALUE: FIRST_FREE, FIXED: FIRST_FREE}
        self.spaces = list(self.sizes)
        self.constants = len(self.spaces)
        self.ones: list[int] = []
        count = len(program.nodes)
        self._code = _Column(np.full(count, -1, dtype=np.int64))
        self._offset = _Column(np.zeros(count, dtype=np.int64))
        self._home = _Column(np.zeros(count, dtype=np.int64))
        self._arrays: dict[int, tuple[int, Indices]] = {}
        self._starts: dict[Space, list[int]] = {space: [] for space in COMPUTED}
        self._homes: dict[Space, list[int]] = {space: [] for space in COMPUTED}
        self._masked: set[int] = set()
        self._numbers: list[float] = []
        self._constant_nodes: dict[str, int] = {}
        self.rowed = [False] * count
        self._place_leaves(program)

    def _place_leaves(self, program: ScalarProgram) -> None:
        codes = {space: code for code, space in enumerate(self.spaces)}
        for i, node in enumerate(program.nodes):
            if isinstance(node, Leaf):
                code = codes[node.space]
                self._put(i, code, node.position, code)
                self.rowed[i] = self.batched and self.spaces[code].has_rows
            elif isinstance(node, Literal):
                self._put(i, self.constants, self._number(node.value), self.constants)
            else:
                self.rowed[i] = any(self.rowed[j] for j in node.operands)

    def _put(self, i: int, code: int, offset: int, home: int) -> None:
        self._code.memory[i] = code
        self._offset.memory[i] = offset
        self._home.memory[i] = home

    def _number(self, value: float) -> int:
        self._numbers.append(value)
        return len(self._numbers) - 1

    @property
    def offset(self) -> Indices:
        """Where each node is in its space."""
        return self._offset.memory

    @property
    def home(self) -> Indices:
        """The array that each node belongs to."""
        return self._home.memory

    def constant_node(self, value: float) -> int:
        """A node number that stands for a coefficient."""
        bits = value.hex()  # 0.0 and -0.0 are two
        found = self._constant_nodes.get(bits)
        if found is None:
            found = self._constant_nodes[bits] = self._code.length
            self._code.append(self.constants)
            self._offset.append(self._number(value))
            self._home.append(self.constants)
            self.rowed.append(False)
        return found

    def places(self, nodes: Indices) -> Indices:
        """Where nodes are, as numbers to compare; holes are behind everything."""
        places = self.offset[nodes] + (self.home[nodes] << 40)
        return np.where(nodes == HOLE, np.iinfo(np.int64).max, places)

    def in_place(self, nodes: Sequence[int]) -> list[int]:
        """Nodes in the order in which they lie."""
        ids = np.array(nodes)
        ordered: list[int] = ids[np.argsort(self.places(ids), kind="stable")].tolist()
        return ordered

    def rank(self, i: int) -> int:
        """Constants before parameters, those before inputs, those before computed values."""
        home = int(self.home[i])
        if home == self.constants:
            return 0
        if home < self.constants:
            return 1 if self.spaces[home] is THETA else 3
        return 4 if self.rowed[i] or not self.batched else 2

    def space_of(self, i: int) -> Space:
        """The pool of a computed node."""
        return VALUE if self.rowed[i] or not self.batched else FIXED

    def has_rows(self, nodes: Indices) -> bool:
        """Whether one of these nodes is a row of N numbers."""
        return self.batched and any(self.rowed[i] for i in nodes[nodes != HOLE].tolist())

    def array_of(self, nodes: Indices) -> tuple[int, Indices] | None:
        """Start and grid of the array that all these nodes belong to, if it is one."""
        first = self.home[nodes.flat[0]]
        one = nodes.size == 1 or bool((self.home[nodes] == first).all())
        return self._arrays.get(int(first)) if one else None

    def allot(self, space: Space, grid: Indices) -> View:
        """Give the nodes of a grid (holes are -1) consecutive elements of a pool."""
        start = self.sizes[space]
        home = self.constants + 1 + len(self._arrays)
        self._arrays[home] = (start, grid)
        self._starts[space].append(start)
        self._homes[space].append(home)
        code = self.spaces.index(space)
        if grid.size == 1:
            if grid.item() != HOLE:
                self._put(grid.item(), code, start, home)
        else:
            known = grid != HOLE
            nodes = grid[known]
            self._code.memory[nodes] = code
            self.offset[nodes] = start + np.flatnonzero(known.ravel())
            self.home[nodes] = home
        self.sizes[space] = start + grid.size
        if space is VALUE and self.batched:  # a row of ones, so that a bias is one more column
            self.ones.append(self.sizes[space])
            self.sizes[space] += 1
        return View(space, start, grid.shape, row_major(grid.shape))

    def has_one_after(self, view: View) -> bool:
        """Whether the element behind a vector is always 1."""
        if view.space is not VALUE or view.strides[-1] != 1:
            return False
        behind = view.offset + view.shape[-1]
        at = bisect.bisect_left(self.ones, behind)
        return at < len(self.ones) and self.ones[at] == behind

    def resolve(self, nodes: Indices, zeros: bool = False) -> Reference:
        """How to read these nodes; holes read 0 if `zeros`, else anything."""
        if nodes.size == 1 and nodes.item() != HOLE:
            return self._single(nodes.item(), nodes.shape)
        known = nodes != HOLE
        codes = self._codes_of(nodes[known])
        if len(codes) != 1:
            return self._mixed(nodes, known, codes)
        code = int(codes[0])
        index = np.full(nodes.shape, HOLE, dtype=np.int64)
        index[known] = self.offset[nodes[known]]
        if code == self.constants:
            return self._table(index, known, zeros)
        space, holes = self.spaces[code], not known.all()
        view = self._view(space, index, nodes[known] if holes else None)
        if view is not None and (not (holes and zeros) or self._zeroed(view, known)):
            return view
        if holes and zeros and space not in COMPUTED:
            return self._mixed(nodes, known, codes)
        index[~known] = ZERO if zeros else index[known][0]
        return Gather(space, index)

    def _codes_of(self, nodes: Indices) -> Indices:
        codes = self._code.memory[nodes]
        return codes[:1] if (codes == codes[0]).all() else np.unique(codes)

    def _single(self, i: int, shape: tuple[int, ...]) -> Reference:
        code, offset = int(self._code.memory[i]), int(self.offset[i])
        if code == self.constants:
            return Number(self._numbers[offset], shape)
        return View(self.spaces[code], offset, shape, (0,) * len(shape))

    def _view(self, space: Space, index: Indices, nodes: Indices | None) -> View | None:
        """The view of these elements; with holes it must not leave the `nodes`' own array."""
        view = affine_view(space, index)
        if view is None or nodes is None:
            return view
        if not self._stays_inside(view, nodes) or view.indices().max() >= self.sizes[space]:
            return None
        return view

    def _stays_inside(self, view: View, nodes: Indices) -> bool:
        """Whether a view reads nothing but arguments, or elements of the nodes' own array."""
        if view.space not in COMPUTED:
            return True
        array = self.array_of(nodes)
        if array is None:
            return False
        start, grid = array
        read = view.indices()
        return bool(start <= read.min() and read.max() < start + grid.size)

    def _zeroed(self, view: View, known: npt.NDArray[np.bool_]) -> bool:
        """Set the holes of an array to 0, if just they are where the view has holes."""
        if view.space not in COMPUTED:
            return False
        read = view.indices()
        starts = self._starts[view.space]
        home = self._homes[view.space][bisect.bisect_right(starts, int(read[known].min())) - 1]
        start, grid = self._arrays[home]
        if (grid.ravel()[read[~known] - start] != HOLE).any():
            return False
        if home not in self._masked:
            self._masked.add(home)
            whole = View(view.space, start, grid.shape, row_major(grid.shape))
            self.steps.append(Mask(whole, grid == HOLE))
        return True

    def _table(self, index: Indices, known: Any, zeros: bool) -> Reference:
        chosen = np.where(known, index, 0)
        values = self._values(chosen)
        bits = values[known].view(np.int64)  # so that 0.0 and -0.0 differ, and NaN is itself
        first = values[known][0]
        if (bits == bits[0]).all() and not (zeros and not known.all()):
            return Number(float(first), index.shape)
        values[~known] = 0.0
        return Table(values)

    def _values(self, index: Indices) -> npt.NDArray[np.float64]:
        numbers = [self._numbers[k] for k in index.ravel().tolist()]
        return np.array(numbers).reshape(index.shape)

    def _mixed(self, nodes: Indices, known: Any, codes: Indices) -> Mixed:
        flat, values, pieces = nodes.ravel(), np.zeros(nodes.size), []
        for code in codes:
            positions = np.flatnonzero(known.ravel() & (self._code.memory[flat] == code))
            if code == self.constants:
                values[positions] = self._values(self.offset[flat[positions]])
            else:
                pieces += [(positions, place) for place in self.resolve(flat[positions]).places]
        return Mixed(values.reshape(nodes.shape), tuple(pieces))

    def holes(self) -> tuple[Marks, Marks]:
        """Which elements of the pools belong to no node, and which of them are not set to 0."""
        holes, garbage = Marks(self.sizes, COMPUTED), Marks(self.sizes, COMPUTED)
        for space, homes in self._homes.items():
            for home in homes:
                start, grid = self._arrays[home]
                flat = grid.ravel() == HOLE
                if grid.size == 1 or flat.all():  # scratch, all of which is computed
                    continue
                holes.array(space)[start : start + flat.size] = flat
                garbage.array(space)[start : start + flat.size] = flat & (home not in self._masked)
        return holes, garbage
