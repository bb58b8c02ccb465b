"""Stages 3 and 4: packs of equal nodes, and the array step that each pack is.

Level by level, nodes of one kind form a pack: the scalar graph's layers appear by themselves.  Of a
pack of sums of products the rows of operand indices, and which row meets which, show what it is:
all rows with all rows is a matrix product, equal blocks of that are a batched one, one row with one
row is elementwise.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ...table.backends import EXACT_ON_ARRAYS
from ...table.primitives import PRIMITIVES
from ...table.rewrite import spelled_out
from ..choices import chosen_operands, deciding_operands
from ..ir.array_program import ArrayProgram
from ..ir.references import HOLE, Indices, View, as_table
from ..ir.scalars import Elementwise, Largest, Literal, Scalar, ScalarProgram, Sum, Take, Vector
from ..ir.spaces import Space
from ..ir.steps import LargestStep, Map, TakeStep, VectorRow
from ..schedule import schedule
from .grids import blocks, layout
from .placement import Placement
from .sums import LETTERS, Sums
from .terms import arranged, positions_of, without_constant_axes


@dataclass(frozen=True)
class Lowered:
    """The forward steps of a program, and how they came about.

    Attributes
    ----------
    program : ArrayProgram
        The forward steps.
    packs : int
        How many packs of equal nodes there are.
    has_padding : bool
        Whether sums were filled up with zeros, which give NaN where they meet an infinity.
    places : sequence of (Space, int) or None
        Where the number of each node is, None for a constant; empty if there are more than a few.
    """

    program: ArrayProgram
    packs: int
    has_padding: bool
    places: Sequence[tuple[Space, int] | None] = ()


FEW_NODES = 64
"""Nodes up to which it is kept what became of each of them, for people to look at."""


class _Lowering:
    def __init__(
        self, program: ScalarProgram, sizes: Sequence[int], batched: bool, nan_safe: bool
    ) -> None:
        self.program = program
        self.nan_safe = nan_safe
        self.placement = Placement(program, sizes, batched)
        self.steps = self.placement.steps
        self.sums = Sums(program, self.placement)
        self.deciding = _deciding(program)
        self.packs = 0

    def run(self) -> Lowered:
        """Lower level by level."""
        levels: dict[int, list[int]] = defaultdict(list)
        leads = self.program.leads_to_outputs  # what else there is has no error signal
        for i, level in enumerate(schedule(self.program, self.placement.rowed)):
            if level:
                levels[level].append(i)
        for level in sorted(levels):
            packs: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for i in levels[level]:
                node = self.program.nodes[i]
                packs[type(node), leads[i], _KEYS[type(node)](self, i, node)].append(i)
            for (kind, *_), nodes in packs.items():
                self.packs += 1
                _LOWER[kind](self, nodes)
        count = len(self.program.nodes)
        places = [self.placement.place_of(i) for i in range(count if count <= FEW_NODES else 0)]
        return Lowered(self._program(), self.packs, self.sums.has_padding, places)

    def _program(self) -> ArrayProgram:
        placement = self.placement
        outputs, aux = (
            placement.resolve(np.array(nodes, dtype=np.int64)) if nodes else None
            for nodes in (self.program.outputs, self.program.aux)
        )
        assert outputs is not None, "a program has outputs"
        holes, garbage = placement.arrays.holes()
        return ArrayProgram(
            placement.arrays.sizes,
            placement.batched,
            tuple(self.steps),
            outputs,
            aux=aux,
            ones=tuple(placement.arrays.ones),
            zeros=tuple(placement.arrays.zeros),
            holes=holes,
            garbage=garbage,
        )

    # What must agree for nodes to be one pack

    def _sum_key(self, i: int, node: Sum) -> tuple[Any, ...]:
        kinds = frozenset(self.sums.terms(i))
        return self.placement.space_of(i), kinds, self.deciding[i]

    def _elementwise_key(self, i: int, node: Elementwise) -> tuple[Any, ...]:
        kinds = tuple([self._kind(j) for j in node.arguments])
        return node.op, self.placement.space_of(i), kinds

    def _take_key(self, i: int, node: Take) -> tuple[Any, ...]:
        home, kind = self.placement.home_of(node.index), self._kind(node.arguments[0])
        return self.placement.space_of(i), len(node.arguments), home, kind

    def _vector_key(self, i: int, node: Vector) -> tuple[Any, ...]:
        return node.op, self.placement.space_of(i), len(node.arguments)

    def _largest_key(self, i: int, node: Largest) -> tuple[Any, ...]:
        return (self.placement.space_of(i),)

    def _kind(self, i: int) -> str:
        if isinstance(self.program.nodes[i], Literal):
            return "literal"
        return "rows" if self.placement.rowed[i] else "plain"

    # The steps of a pack

    def _sums(self, nodes: Sequence[int]) -> None:
        self.sums.lower(nodes, exact=self.nan_safe or self.deciding[nodes[0]])

    def _elementwise(self, nodes: Sequence[int]) -> None:
        members = self._members(nodes, Elementwise)
        op = members[0].op
        table = np.array([node.arguments for node in members])
        grid, references = layout(self.placement, nodes, list(table.T))
        out = self.placement.allot(self.placement.space_of(nodes[0]), grid)
        row = PRIMITIVES[op]
        names = [operand.name for operand in row.operands]
        read = dict(zip(names, references, strict=True))
        formula, chosen = _over_arrays(row.value_formula), chosen_operands(op, names)
        self.steps.append(Map(out, formula, read, op=op, chosen=chosen))

    def _vector(self, nodes: Sequence[int]) -> None:
        members = self._members(nodes, Vector)
        out, ids = self._over_rows(nodes, np.array([node.arguments for node in members]))
        source = as_table(self.placement.resolve(ids))
        self.steps.append(VectorRow(out, members[0].op, source))

    def _largest(self, nodes: Sequence[int]) -> None:
        """Of arguments in any order; what a shorter row reads beyond its end does not count.

        In a copy nothing is beyond: there a shorter row reads its first argument again.
        """
        rows = [np.array(node.arguments) for node in self._members(nodes, Largest)]
        table = np.full((len(rows), max(map(len, rows))), HOLE)
        for line, row in zip(table, rows, strict=True):
            line[: len(row)] = row[np.argsort(self.placement.places(row))]
        out, ids = self._over_rows(nodes, table)
        first = ids[..., :1]
        counts = (ids != HOLE) | (first == HOLE)
        source = self.placement.resolve(ids)
        if source.is_copied and not counts.all():
            source = self.placement.resolve(np.where(counts, ids, first))
            counts[...] = True
        self.steps.append(LargestStep(out, source, None if counts.all() else counts))

    def _over_rows(self, nodes: Sequence[int], table: Indices) -> tuple[View, Indices]:
        """The output of a pack, and the nodes it reads: a row of the table for each of its own."""
        grid, _ = layout(self.placement, nodes, [table[:, 0]])
        out = self.placement.allot(self.placement.space_of(nodes[0]), grid)
        return out, arranged(table, positions_of(grid, nodes))

    def _take(self, nodes: Sequence[int]) -> None:
        placement, members = self.placement, self._members(nodes, Take)
        tables = np.array([take.arguments for take in members])
        indices = np.array([[take.index] for take in members])
        for order in blocks(placement, indices, tables, least=1):
            letters = LETTERS[: order.ndim]
            known = order != HOLE
            table, table_axes = without_constant_axes(arranged(tables, order), known, letters)
            index, index_axes = without_constant_axes(arranged(indices, order), known, letters)
            space = placement.space_of(nodes[0])
            out = placement.allot(space, arranged(np.asarray(nodes), order))
            self.steps.append(
                TakeStep(
                    out,
                    letters + "n" * (placement.batched and space.has_rows),
                    as_table(placement.resolve(table)),
                    table_axes + "k" + "n" * placement.has_rows(table),
                    placement.resolve(index[..., 0]),
                    index_axes + "n" * placement.has_rows(index),
                )
            )

    def _members(self, nodes: Sequence[int], kind: type[Any]) -> list[Any]:
        """The nodes of a pack, which are of one kind."""
        members = [self.program.nodes[i] for i in nodes]
        assert all(type(member) is kind for member in members)
        return members


_KEYS: dict[type[Scalar], Callable[[_Lowering, int, Any], tuple[Any, ...]]] = {
    Sum: _Lowering._sum_key,
    Elementwise: _Lowering._elementwise_key,
    Take: _Lowering._take_key,
    Vector: _Lowering._vector_key,
    Largest: _Lowering._largest_key,
}
_LOWER: dict[type[Scalar], Callable[[_Lowering, Sequence[int]], None]] = {
    Sum: _Lowering._sums,
    Elementwise: _Lowering._elementwise,
    Take: _Lowering._take,
    Vector: _Lowering._vector,
    Largest: _Lowering._largest,
}


@lru_cache(maxsize=1024)
def _over_arrays(value: ast.expr) -> ast.expr:
    """A row's value over arrays; the same row gives the same object."""
    return spelled_out(value, EXACT_ON_ARRAYS)


def _deciding(program: ScalarProgram) -> list[bool]:
    """The nodes that a choice depends on: a NaN of theirs might end in a number."""
    found = [False] * len(program.nodes)
    for i in range(len(found) - 1, -1, -1):
        node = program.nodes[i]
        below: Sequence[int] = program.operands[i]
        if not found[i]:
            op = node.op if isinstance(node, (Elementwise, Vector)) else ""
            below = deciding_operands(op, below)
        for j in below:
            found[j] = True
    return found


def lower(
    program: ScalarProgram,
    parameters: int,
    inputs: Sequence[int],
    batched: bool,
    nan_safe: bool = False,
) -> Lowered:
    """Lower the canonical graph to array steps.

    Parameters
    ----------
    program : ScalarProgram
        The canonical graph.
    parameters : int
        Length of the parameter vector.
    inputs : sequence of int
        Length of each flattened argument.
    batched : bool
        Whether arguments have a leading N.
    nan_safe : bool, optional
        Keep sums of different lengths apart.  Without, shorter ones are filled up with zeros,
        which give NaN where they meet an infinity.

    Returns
    -------
    Lowered
        The forward steps.
    """
    return _Lowering(program, (parameters, *inputs), batched, nan_safe).run()
