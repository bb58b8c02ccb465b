"""Where the numbers of nodes are, and how an operand reads those of several nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.array_program import ZERO
from ..ir.references import (
    HOLE,
    Gather,
    Indices,
    Interned,
    Mixed,
    Number,
    Reference,
    Table,
    View,
    affine_view,
)
from ..ir.scalars import Leaf, Literal, Scalar, ScalarProgram
from ..ir.spaces import COMPUTED, FIXED, THETA, VALUE, Space, input_space
from ..ir.steps import ArrayStep, Mask
from .arrays import Array, Arrays


class _Places:
    """The code of the space, the offset in it and the home of each node.

    Columns that grow at their ends; their memory doubles when it is full.  Their elements can be
    read and set one by one too, in `code_at` and so on, quicker than in arrays.
    """

    def __init__(self, count: int) -> None:
        self.length = count
        zeros = np.zeros(count, dtype=np.int64)
        self._keep_in(zeros - 1, zeros, zeros.copy())

    def _keep_in(self, code: Indices, offset: Indices, home: Indices) -> None:
        self.code, self.offset, self.home = code, offset, home
        self.code_at, self.offset_at, self.home_at = code.data, offset.data, home.data

    def put(self, i: int, code: int, offset: int, home: int) -> None:
        self.code_at[i] = code
        self.offset_at[i] = offset
        self.home_at[i] = home

    def append(self, code: int, offset: int, home: int) -> int:
        i = self.length
        if i == len(self.code):
            more = np.zeros(i + 8, dtype=np.int64)
            columns = self.code, self.offset, self.home
            self._keep_in(*[np.concatenate([column, more]) for column in columns])
        self.put(i, code, offset, home)
        self.length += 1
        return i


class Placement:
    """The place of every node: a space, an offset, and the array it belongs to (its *home*).

    Homes up to `constants` are the spaces themselves; later ones are arrays.  The numbers of nodes
    go on after those of the graph: coefficients become nodes when they are factors of a product.
    `steps` are those so far: to read an array whose holes must be 0 may take one more.
    """

    def __init__(self, program: ScalarProgram, sizes: Sequence[int], batched: bool) -> None:
        self.steps: list[ArrayStep] = []
        self.interned = Interned()
        parameters, *inputs = sizes
        given = {THETA: parameters} | {input_space(k): n for k, n in enumerate(inputs)}
        self.batched = batched
        self.arrays = Arrays(given, batched)
        self.spaces = list(self.arrays.sizes)
        self.constants = len(self.spaces)
        self._places = _Places(len(program.nodes))
        self._numbers: list[float] = []
        self._constant_nodes: dict[str, int] = {}
        self.rowed = [False] * len(program.nodes)
        for i, node in enumerate(program.nodes):
            place = _LEAVES.get(type(node))
            if place is None:
                self.rowed[i] = any(self.rowed[j] for j in program.operands[i])
            else:
                place(self, i, node)

    def _place_leaf(self, i: int, leaf: Leaf) -> None:
        code = self.spaces.index(leaf.space)
        self._places.put(i, code, leaf.position, code)
        self.rowed[i] = self.batched and leaf.space.has_rows

    def _place_literal(self, i: int, literal: Literal) -> None:
        self._places.put(i, self.constants, self._number(literal.value), self.constants)

    def _number(self, value: float) -> int:
        self._numbers.append(value)
        return len(self._numbers) - 1

    def place_of(self, i: int) -> tuple[Space, int] | None:
        """Where the number of a node is; None if the node is a constant."""
        code = self._places.code_at[i]
        return None if code == self.constants else (self.spaces[code], self._places.offset_at[i])

    @property
    def offset(self) -> Indices:
        """Where each node is in its space."""
        return self._places.offset

    @property
    def home(self) -> Indices:
        """The array that each node belongs to."""
        return self._places.home

    def home_of(self, i: int) -> int:
        """The array that one node belongs to."""
        return self._places.home_at[i]

    def constant_node(self, value: float) -> int:
        """A node number that stands for a coefficient."""
        bits = value.hex()  # 0.0 and -0.0 are two
        found = self._constant_nodes.get(bits)
        if found is None:
            found = self._places.append(self.constants, self._number(value), self.constants)
            self._constant_nodes[bits] = found
            self.rowed.append(False)
        return found

    def further_nodes(self, shape: tuple[int, ...], rowed: bool) -> Indices:
        """Numbers of nodes that the graph has not; they get their places with their array."""
        numbers = [self._places.append(HOLE, 0, 0) for _ in range(math.prod(shape))]
        self.rowed += [rowed] * len(numbers)
        return np.array(numbers, dtype=np.int64).reshape(shape)

    def places(self, nodes: Indices) -> Indices:
        """Where nodes are, as numbers to compare; holes are behind everything."""
        places = self.offset[nodes] + (self.home[nodes] << 40)
        return np.where(nodes == HOLE, np.iinfo(np.int64).max, places)

    def rank(self, i: int) -> int:
        """Constants before parameters, those before inputs, those before computed values."""
        home = self.home_of(i)
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

    def array_of(self, nodes: Indices) -> Array | None:
        """The array that all these nodes belong to, if it is one."""
        homes = self.home[nodes]
        first = int(homes.flat[0])
        if first <= self.constants or not (nodes.size == 1 or (homes == first).all()):
            return None
        return self.arrays.allotted[first - self.constants - 1]

    def allot(self, space: Space, grid: Indices) -> View:
        """Give the nodes of a grid (holes are -1) consecutive elements of a pool."""
        array = self.arrays.allot(space, grid)
        code, home = self.spaces.index(space), self.constants + len(self.arrays.allotted)
        if grid.size == 1:
            if grid.item() != HOLE:
                self._places.put(grid.item(), code, array.start, home)
        else:
            known = grid != HOLE
            nodes = grid[known]
            self._places.code[nodes] = code
            self._places.offset[nodes] = array.start + np.flatnonzero(known.ravel())
            self._places.home[nodes] = home
        return self.interned(array.view)

    def resolve(self, nodes: Indices, zeros: bool = False) -> Reference:
        """How to read these nodes.

        Holes read anything; but with `zeros`, those beside nodes along the last axis read 0.
        """
        if nodes.size == 1 and nodes.item() != HOLE:
            return self.single(nodes.item(), nodes.shape)
        return self.interned(self._together(nodes, zeros))

    def _together(self, nodes: Indices, zeros: bool) -> Reference:
        known = nodes != HOLE
        to_zero = ~known
        if zeros:
            to_zero &= known.any(axis=-1, keepdims=True)
            zeros = bool(to_zero.any())
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
        if view is not None and (not zeros or self._zeroed(view, to_zero)):
            return view
        if zeros and space not in COMPUTED:
            return self._mixed(nodes, known, codes)
        index[~known] = ZERO if zeros else index[known][0]
        return Gather(space, index)

    def _codes_of(self, nodes: Indices) -> Indices:
        codes = self._places.code[nodes]
        return codes[:1] if (codes == codes[0]).all() else np.unique(codes)

    def single(self, i: int, shape: tuple[int, ...] = ()) -> View | Number:
        """How to read one node."""
        code, offset = self._places.code_at[i], self._places.offset_at[i]
        if code == self.constants:
            return self.interned(Number(self._numbers[offset], shape))
        return self.interned(View(self.spaces[code], offset, shape, (0,) * len(shape)))

    def _view(self, space: Space, index: Indices, nodes: Indices | None) -> View | None:
        """The view of these elements; with holes it must not leave the `nodes`' own array."""
        view = affine_view(space, index)
        inside = view is None or nodes is None or self.is_inside(view, nodes)
        return view if inside else None

    def is_inside(self, view: View, nodes: Indices) -> bool:
        """Whether a view ends in its space, or reads nothing but the array of computed nodes."""
        if view.space not in COMPUTED:
            return bool(view.indices().max() < self.arrays.sizes[view.space])
        array = self.array_of(nodes)
        return array is not None and array.holds(view)

    def _zeroed(self, view: View, holes: npt.NDArray[np.bool_]) -> bool:
        """Set the holes of an array to 0, if just they are where the view has holes."""
        if view.space not in COMPUTED:
            return False
        read = view.indices()
        array = self.arrays.at(view.space, int(read[~holes].min()))
        if (array.grid.ravel()[read[holes] - array.start] != HOLE).any():
            return False
        if not array.is_masked:
            array.is_masked = True
            self.steps.append(Mask(self.interned(array.view), array.grid == HOLE))
        return True

    def _table(self, index: Indices, known: Any, zeros: bool) -> Reference:
        chosen = np.where(known, index, 0)
        values = self._values(chosen)
        bits = values[known].view(np.int64)  # so that 0.0 and -0.0 differ, and NaN is itself
        first = values[known][0]
        if (bits == bits[0]).all() and not (zeros):
            return Number(float(first), index.shape)
        values[~known] = 0.0
        return Table(values)

    def _values(self, index: Indices) -> npt.NDArray[np.float64]:
        numbers = [self._numbers[k] for k in index.ravel().tolist()]
        return np.array(numbers).reshape(index.shape)

    def _mixed(self, nodes: Indices, known: Any, codes: Indices) -> Mixed:
        flat, values, pieces = nodes.ravel(), np.zeros(nodes.size), []
        for code in codes:
            positions = np.flatnonzero(known.ravel() & (self._places.code[flat] == code))
            if code == self.constants:
                values[positions] = self._values(self.offset[flat[positions]])
            else:
                pieces += [(positions, place) for place in self.resolve(flat[positions]).places]
        return Mixed(values.reshape(nodes.shape), tuple(pieces))


_LEAVES: dict[type[Scalar], Callable[[Placement, int, Any], None]] = {
    Leaf: Placement._place_leaf,
    Literal: Placement._place_literal,
}
