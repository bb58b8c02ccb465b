"""Stages 3 and 4: packs of equal nodes, and the array step that each pack is.

Level by level, nodes of one kind form a pack: the scalar graph's layers appear by themselves.  Of a
pack of sums of products the rows of operand indices, and which row meets which, show what it is:
all rows with all rows is a matrix product, equal blocks of that are a batched one, one row with one
row is elementwise.
"""

from __future__ import annotations

import ast
import bisect
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...table.primitives import PRIMITIVES
from ...table.rewrite import is_moderate, with_signs_written_out
from ..choices import deciding_operands
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
    as_table,
    common_shape,
)
from ..ir.scalars import Elementwise, Leaf, Literal, ScalarProgram, Sum, Take, Vector
from ..ir.steps import (
    FIRST_FREE,
    ZERO,
    ArrayProgram,
    Contract,
    Map,
    Mask,
    Reduce,
    Step,
    TakeStep,
    VectorRow,
)
from ..schedule import schedule
from .terms import (
    Numbers,
    TermGroup,
    arranged,
    common_order,
    connected_components,
    extend_rows,
    has_inner_holes,
    merged_groups,
    positions_of,
    row_numbers,
    sum_formula,
    without_constant_axes,
)

Flags = npt.NDArray[np.bool_]
_CONSTANT = "constant"
_LETTERS = "abcdefgh"
_RAGGED = 2.5
"""A pack is split by length where padding would more than so multiply the work."""
_DENSE = 0.45
"""A product is done whole, with entries that nobody reads, if at least so many are read."""


@dataclass
class Pack:
    """Nodes that become one array step, and where they may not be split apart."""

    key: tuple[Any, ...]
    nodes: list[int]


class Lowering:
    """From the canonical graph to array steps; `lower` is the way in."""

    def __init__(
        self, program: ScalarProgram, sizes: dict[str, int], batched: bool, nan_safe: bool
    ) -> None:
        self.program = program
        self.batched = batched
        self.nan_safe = nan_safe
        self.has_padding = False
        self.sizes = {**sizes, "value": FIRST_FREE, "fixed": FIRST_FREE}
        self.steps: list[Step] = []
        self.packs = 0
        self.ones_after: set[int] = set()
        count = len(program.nodes)
        self.spaces = [*sizes, "value", "fixed", _CONSTANT]
        self.space_code = np.full(count, -1, dtype=np.int64)
        self.offset = np.zeros(count, dtype=np.int64)
        self.home = np.zeros(count, dtype=np.int64)
        self.arrays: dict[int, tuple[int, Indices]] = {}
        self.starts: dict[str, list[tuple[int, int]]] = {"value": [], "fixed": []}
        self.masked: set[int] = set()
        self.constants: list[float] = []
        self.constant_ids: dict[str, int] = {}
        self.rowed = [False] * count
        self.deciding = _deciding(program)
        self._place_leaves()
        self.level = schedule(program, self.rowed)

    # Where nodes are

    def _place_leaves(self) -> None:
        for i, node in enumerate(self.program.nodes):
            if isinstance(node, Leaf):
                self._place(i, node.space, node.position, self.spaces.index(node.space))
                self.rowed[i] = self.batched and node.space != "theta"
            elif isinstance(node, Literal):
                self._place(i, _CONSTANT, self._constant(node.value), len(self.spaces))
            else:
                self.rowed[i] = any(self.rowed[j] for j in node.operands)

    def _place(self, i: int, space: str, offset: int, home: int) -> None:
        self.space_code[i] = self.spaces.index(space)
        self.offset[i] = offset
        self.home[i] = home

    def _constant(self, value: float) -> int:
        self.constants.append(value)
        return len(self.constants) - 1

    def constant_node(self, value: float) -> int:
        """A node number that stands for a coefficient."""
        bits = value.hex()  # 0.0 and -0.0 are two
        found = self.constant_ids.get(bits)
        if found is None:
            found = self.constant_ids[bits] = len(self.offset)
            for name in ("space_code", "offset", "home"):
                setattr(self, name, np.append(getattr(self, name), 0))
            self._place(found, _CONSTANT, self._constant(value), len(self.spaces))
            self.rowed.append(False)
        return found

    def space_of(self, i: int) -> str:
        """The pool of a computed node."""
        return "value" if self.rowed[i] or not self.batched else "fixed"

    def allot(self, space: str, grid: Indices) -> View:
        """Give the nodes of a grid (holes are -1) consecutive elements of a pool."""
        start = self.sizes[space]
        known = grid != HOLE
        nodes = grid[known]
        home = len(self.spaces) + 1 + len(self.arrays)
        self.arrays[home] = (start, grid)
        self.starts[space].append((start, home))
        self.space_code[nodes] = self.spaces.index(space)
        self.offset[nodes] = start + np.flatnonzero(known.ravel())
        self.home[nodes] = home
        self.sizes[space] = start + grid.size
        if space == "value" and self.batched:  # a row of ones, so that a bias is one more column
            self.ones_after.add(self.sizes[space])
            self.sizes[space] += 1
        return View(space, start, grid.shape, _row_major(grid.shape))

    def resolve(self, nodes: Indices, zeros: bool = False) -> Reference:
        """How to read these nodes; holes read 0 if `zeros`, else anything."""
        known = nodes != HOLE
        holes = not known.all()
        codes = np.unique(self.space_code[nodes[known]])
        if len(codes) != 1:
            return self._mixed(nodes, known, codes)
        space = self.spaces[codes[0]]
        index = np.full(nodes.shape, HOLE, dtype=np.int64)
        index[known] = self.offset[nodes[known]]
        if space == _CONSTANT:
            return self._table(index, known, zeros)
        view = affine_view(space, index)
        if view is not None and holes and not self._stays_inside(view, nodes[known]):
            view = None
        fits = view is not None and view.indices().max() < self.sizes[space]
        if view is not None and fits and (not (holes and zeros) or self._zeroed(view, known)):
            return view
        if holes and zeros and space not in ("value", "fixed"):
            return self._mixed(nodes, known, codes)
        index[~known] = ZERO if zeros else index[known][0]
        return Gather(space, index)

    def _home_at(self, space: str, offset: int) -> int:
        """The array that has an element of a pool."""
        starts = self.starts[space]
        return starts[bisect.bisect_right(starts, (offset, math.inf)) - 1][1]

    def _stays_inside(self, view: View, nodes: Indices) -> bool:
        """Whether a view reads nothing but arguments, or elements of the nodes' own array."""
        if view.space not in ("value", "fixed"):
            return True
        homes = np.unique(self.home[nodes])
        if len(homes) != 1:
            return False
        start, grid = self.arrays[int(homes[0])]
        read = view.indices()
        return bool(start <= read.min() and read.max() < start + grid.size)

    def _zeroed(self, view: View, known: Indices) -> bool:
        """Set the holes of an array to 0, if just they are where the view has holes."""
        if view.space not in ("value", "fixed"):
            return False
        read = view.indices()
        home = self._home_at(view.space, int(read[known].min()))
        start, grid = self.arrays[home]
        if (grid.ravel()[read[~known] - start] != HOLE).any():
            return False
        if home not in self.masked:
            self.masked.add(home)
            whole = View(view.space, start, grid.shape, _row_major(grid.shape))
            self.steps.append(Mask(whole, grid == HOLE))
        return True

    def _table(self, index: Indices, known: Indices, zeros: bool) -> Reference:
        values = np.array(self.constants)[np.where(known, index, 0)]
        bits = values[known].view(np.int64)  # so that 0.0 and -0.0 differ, and NaN is itself
        first = values[known][0]
        if (bits == bits[0]).all() and not (zeros and not known.all()):
            return Number(float(first), index.shape)
        values[~known] = 0.0
        return Table(values)

    def _mixed(self, nodes: Indices, known: Indices, codes: Indices) -> Mixed:
        flat, pieces = nodes.ravel(), []
        for code in codes:
            positions = np.flatnonzero(known.ravel() & (self.space_code[flat] == code))
            piece = self.resolve(flat[positions])
            piece = as_table(piece)
            assert not isinstance(piece, (Mixed, Number))
            pieces.append((positions, piece))
        return Mixed(nodes.shape, tuple(pieces))

    def holes(self) -> tuple[dict[str, Flags], dict[str, Flags]]:
        """Which elements of the pools belong to no node, and which of them are not set to 0."""
        holes = {space: np.zeros(self.sizes[space], dtype=bool) for space in self.starts}
        garbage = {space: flags.copy() for space, flags in holes.items()}
        for space, starts in self.starts.items():
            for start, home in starts:
                grid = self.arrays[home][1].ravel()
                if (grid != HOLE).any():  # else it is scratch, all of which is computed
                    holes[space][start : start + grid.size] = grid == HOLE
                    garbage[space][start : start + grid.size] = (grid == HOLE) & (
                        home not in self.masked
                    )
        return holes, garbage

    # Packs

    def run(self) -> None:
        """Lower level by level."""
        levels: dict[int, list[int]] = defaultdict(list)
        for i, level in enumerate(self.level):
            if level:
                levels[level].append(i)
        for level in sorted(levels):
            for pack in self._packs(levels[level]):
                self.packs += 1
                self._lower(pack)

    def _packs(self, nodes: Sequence[int]) -> Iterator[Pack]:
        groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for i in nodes:
            groups[self._key(i)].append(i)
        for key, members in groups.items():
            yield Pack(key, members)

    def _key(self, i: int) -> tuple[Any, ...]:
        node = self.program.nodes[i]
        space = self.space_of(i)
        if isinstance(node, Sum):
            terms = self.terms(i)
            return ("sum", space, frozenset(terms), self.deciding[i])
        if isinstance(node, Elementwise):
            kinds = tuple(self._kind(j) for j in node.arguments)
            return (node.op, space, kinds)
        if isinstance(node, Take):
            kind = self._kind(node.arguments[0])
            return ("take", space, len(node.arguments), int(self.home[node.index]), kind)
        assert isinstance(node, Vector)
        length = 0 if node.op == "largest" else len(node.arguments)
        return ("vector", node.op, space, length)

    def _kind(self, i: int) -> str:
        if isinstance(self.program.nodes[i], Literal):
            return "literal"
        return "rows" if self.rowed[i] else "plain"

    def terms(self, i: int) -> dict[tuple[Any, ...], list[tuple[float, int, int]]]:
        """The terms of a sum by where their factors are; a linear term has no second factor."""
        node = self.program.nodes[i]
        assert isinstance(node, Sum)
        groups: dict[tuple[Any, ...], list[tuple[float, int, int]]] = defaultdict(list)
        for c, a, b in node.products:
            if (self._rank(a), -self.home[a]) > (self._rank(b), -self.home[b]):
                a, b = b, a
            groups["product", int(self.home[a]), int(self.home[b])].append((c, a, b))
        linear: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for c, a in node.linear:
            linear[int(self.home[a])].append((c, a))
        for home, parts in linear.items():
            several = len({c for c, _ in parts}) > 2
            extreme = len(parts) > 1 and not all(is_moderate(c) for c, _ in parts)
            if several or extreme:  # a product with constants
                for c, a in parts:
                    key = ("product", len(self.spaces), home)
                    groups[key].append((1.0, self.constant_node(c), a))
            else:
                for c, a in parts:
                    groups["linear", home, c.hex()].append((c, a, HOLE))
        return groups

    def _rank(self, i: int) -> int:
        """Constants before parameters, those before inputs, those before computed values."""
        home = int(self.home[i])
        if home == len(self.spaces):
            return 0
        if home < len(self.spaces):
            return 1 if self.spaces[home] == "theta" else 3
        return 4 if self.rowed[i] or not self.batched else 2

    def _lower(self, pack: Pack) -> None:
        kind = pack.key[0]
        if kind == "sum":
            self._lower_sums(pack.nodes)
        elif kind == "take":
            self._lower_take(pack.nodes)
        elif kind == "vector":
            self._lower_vector(pack.key[1], pack.nodes)
        else:
            self._lower_elementwise(kind, pack.nodes)

    # Elementwise packs

    def layout(
        self, nodes: Sequence[int], columns: Sequence[Indices]
    ) -> tuple[Indices, list[Reference]]:
        """The grid in which most operands are views, and the operands in it."""
        best: tuple[int, Indices, list[Reference]] | None = None
        for order in self._orders(len(nodes), columns):
            known = order != HOLE
            references = []
            for column in columns:
                ids = np.full(order.shape, HOLE, dtype=np.int64)
                ids[known] = column[order[known]]
                references.append(self.resolve(ids))
            copies = sum(isinstance(r, (Gather, Mixed)) for r in references)
            if best is None or copies < best[0]:
                grid = np.full(order.shape, HOLE, dtype=np.int64)
                grid[known] = np.asarray(nodes)[order[known]]
                best = copies, grid, references
            if copies == 0:
                break
        assert best is not None
        return best[1], best[2]

    def _orders(self, count: int, columns: Sequence[Indices]) -> Iterator[Indices]:
        """Grids of positions in a pack: as an operand lies, sorted by operands, as written."""
        moving = [c for c in columns if (self.home[c] != len(self.spaces)).any()]
        for column in moving:
            homes = np.unique(self.home[column])
            if len(homes) == 1 and int(homes[0]) in self.arrays:
                start, grid = self.arrays[int(homes[0])]
                at = self.offset[column] - start
                if count >= _DENSE * grid.size and np.unique(at).size == count:
                    order = np.full(grid.size, HOLE, dtype=np.int64)
                    order[at] = np.arange(count)
                    yield order.reshape(grid.shape)
        keys = [self.offset[c] + (self.home[c] << 40) for c in moving]
        for by in (keys[::-1], keys) if keys else ():
            by_operand = np.lexsort(by)
            yield by_operand.reshape(common_shape([key[by_operand] for key in keys]))
        written = np.arange(count)
        yield written.reshape(common_shape(keys) if keys else (count,))

    def _lower_elementwise(self, op: str, nodes: Sequence[int]) -> None:
        row = PRIMITIVES[op]
        table = np.array([self.program.nodes[i].arguments for i in nodes])  # type: ignore[union-attr]
        columns = [table[:, k] for k in range(table.shape[1])]
        grid, references = self.layout(nodes, columns)
        out = self.allot(self.space_of(nodes[0]), grid)
        names = [operand.name for operand in row.operands]
        formula = with_signs_written_out(row.value_formula)
        self.steps.append(Map(out, formula, dict(zip(names, references, strict=True)), op=op))

    # Sums of products

    def _lower_sums(self, nodes: Sequence[int]) -> None:
        terms = {i: self.terms(i) for i in nodes}
        kinds = terms[nodes[0]]
        lengths = {i: tuple([len(terms[i][kind]) for kind in kinds]) for i in nodes}
        longest = [max(length) for length in lengths.values()]
        padding = max(longest) * len(nodes) > _RAGGED * sum(longest)
        exact = self.nan_safe or self.deciding[nodes[0]]
        if padding or exact:  # a sum filled up with zeros has NaN where these meet inf
            by_length: dict[Any, list[int]] = defaultdict(list)
            for i in nodes:
                by_length[lengths[i] if exact else max(lengths[i])].append(i)
            for members in by_length.values():
                self._sum_pack(members, terms)
        else:
            self._sum_pack(nodes, terms)

    def _sum_pack(
        self,
        nodes: Sequence[int],
        terms: dict[int, dict[tuple[Any, ...], list[tuple[float, int, int]]]],
    ) -> None:
        groups = [self._group(key, [terms[i][key] for i in nodes]) for key in terms[nodes[0]]]
        groups = merged_groups(groups)
        constant = np.array([self.program.nodes[i].constant for i in nodes])  # type: ignore[union-attr]
        wide = [g for g in groups if g.product and g.a.shape[1] > 1]
        if not wide:
            self._narrow_sum(nodes, groups, constant)
            return
        main = max(wide, key=lambda g: g.a.shape[1])
        assert main.b is not None
        for order in self._blocks(main.a, main.b):
            self._wide_sum(nodes, groups, constant, order)

    def _group(
        self, key: tuple[Any, ...], rows: Sequence[list[tuple[float, int, int]]]
    ) -> TermGroup:
        width = max(map(len, rows))
        shape = (len(rows), width)
        a, b = np.full(shape, HOLE, dtype=np.int64), np.full(shape, HOLE, dtype=np.int64)
        coefficients = np.ones(shape)
        for r, row in enumerate(rows):
            for t, (c, left, right) in enumerate(row):
                a[r, t], b[r, t], coefficients[r, t] = left, right, c
        product = key[0] == "product"
        if width > 1:
            place_a = self._places(a)
            order = (
                common_order(a, b, place_a, self._places(b))
                if product
                else np.argsort(place_a, kind="stable")
            )
            if order is not None:
                a, b = np.take_along_axis(a, order, 1), np.take_along_axis(b, order, 1)
                coefficients = np.take_along_axis(coefficients, order, 1)
        if width > min(map(len, rows)):
            self.has_padding = True
            if product:
                extend_rows(a, b)
        return TermGroup(product, a, b if product else None, coefficients)

    def _places(self, ids: Indices) -> Indices:
        """Where nodes are, as numbers; holes are behind everything."""
        places = self.offset[ids] + (self.home[ids] << 40)
        return np.where(ids == HOLE, np.iinfo(np.int64).max, places)

    def _narrow_sum(
        self, nodes: Sequence[int], groups: Sequence[TermGroup], constant: Numbers
    ) -> None:
        """Sums of single terms: one elementwise step; longer linear parts are reduced and added."""
        single = [g for g in groups if g.a.shape[1] == 1]
        long = [g for g in groups if g.a.shape[1] > 1]
        columns = [c[:, 0] for g in single for c in ((g.a, g.b) if g.b is not None else (g.a,))]
        if not columns:
            columns = [g.a[:, k] for g in long for k in (0, -1)]
        grid, references = self.layout(nodes, columns)
        order = positions_of(grid, nodes)
        out = self.allot(self.space_of(nodes[0]), grid)
        for k, group in enumerate(long):
            scale = float(group.coefficients[0, 0])
            source = self.resolve(arranged(group.a, order), zeros=True)
            self.steps.append(Reduce(out, source, (grid.ndim,), scale=scale, add=k > 0))
        formula, named = sum_formula(single, references, constant, order)
        if formula is not None:
            self.steps.append(Map(out, formula, named, add=bool(long)))

    def _wide_sum(
        self, nodes: Sequence[int], groups: Sequence[TermGroup], constant: Numbers, order: Indices
    ) -> None:
        """Sums of products in a grid that makes the widest of them a matrix product."""
        grid = arranged(np.asarray(nodes), order)
        out = self.allot(self.space_of(nodes[0]), grid)
        started = False
        bias = next((g for g in groups if g.is_bias()), None)
        for group in groups:
            if group.product:
                fused = bias if not started else None
                bias_used = self._contract(out, group, order, fused, add=started)
                if bias_used:
                    bias = None
                    groups = [g for g in groups if g is not fused]
                started = True
        for group in groups:
            if not group.product and group.a.shape[1] > 1:
                source = self.resolve(arranged(group.a, order), zeros=True)
                scale = float(group.coefficients[0, 0])
                axes = (order.ndim,)
                self.steps.append(Reduce(out, source, axes, scale=scale, add=True))
        single = [g for g in groups if not g.product and g.a.shape[1] == 1]
        references = [self.resolve(arranged(g.a[:, 0], order)) for g in single]
        formula, named = sum_formula(single, references, constant, order)
        if formula is not None:
            self.steps.append(Map(out, formula, named, add=True))

    def _contract(
        self, out: View, group: TermGroup, order: Indices, bias: TermGroup | None, add: bool
    ) -> bool:
        """A sum of products as one contraction; tells whether it took the bias in."""
        assert group.b is not None
        letters = _LETTERS[: order.ndim]
        a_ids, b_ids = arranged(group.a, order), arranged(group.b, order)
        uniform = group.is_uniform()
        if uniform:
            a_ids, a_axes = without_constant_axes(a_ids, order != HOLE, letters)
            a = self.resolve(a_ids, zeros=bool(has_inner_holes(a_ids)))
        else:
            a, a_axes = self._weighted(a_ids, arranged(group.coefficients, order), out), letters
        b_ids, b_axes = without_constant_axes(b_ids, order != HOLE, letters)
        b = self.resolve(b_ids)
        ones = False
        if bias is not None and uniform and group.coefficients[0, 0] == 1:
            wider = self._with_bias(a_ids, a_axes, b, b_axes, bias, order)
            if wider is not None:
                a, b = wider
                ones = True
        a_rows = "n" if self._has_rows(a_ids) or (not uniform and out.space == "value") else ""
        rows = "n" if out.space == "value" and self.batched else ""
        scale = float(group.coefficients[0, 0]) if uniform else 1.0
        self.steps.append(
            Contract(
                out,
                letters + rows,
                a,
                a_axes + "m" + (a_rows if self.batched else ""),
                b,
                b_axes + "m" + ("n" if self._has_rows(b_ids) else ""),
                scale,
                add,
                ones,
            )
        )
        return ones

    def _has_rows(self, ids: Indices) -> bool:
        return self.batched and any(self.rowed[i] for i in np.unique(ids[ids != HOLE]).tolist())

    def _weighted(self, ids: Indices, coefficients: Numbers, out: View) -> View:
        """A copy of one factor, times coefficients that differ from term to term."""
        shape = ids.shape
        scratch = self.allot(out.space, np.full(shape, HOLE, dtype=np.int64))
        formula = ast.BinOp(ast.Name("c"), ast.Mult(), ast.Name("x"))
        operands_ = {"c": Table(np.where(ids == HOLE, 0.0, coefficients)), "x": self.resolve(ids)}
        self.steps.append(Map(scratch, formula, operands_))
        return scratch

    def _with_bias(
        self,
        a_ids: Indices,
        a_axes: str,
        b: Reference,
        b_axes: str,
        bias: TermGroup,
        order: Indices,
    ) -> tuple[View, View] | None:
        """The factors with the bias as one more column, if both stay views."""
        if b_axes or not isinstance(b, View) or b.space != "value" or b.strides[-1] != 1:
            return None
        if b.offset + b.shape[-1] not in self.ones_after:
            return None
        letters = _LETTERS[: order.ndim]
        bias_ids, bias_axes = without_constant_axes(arranged(bias.a, order), order != HOLE, letters)
        if bias_axes != a_axes or self._has_rows(bias_ids):
            return None
        a = self.resolve(np.concatenate([a_ids, bias_ids], axis=-1))
        if not isinstance(a, View):
            return None
        return a, replace(b, shape=(b.shape[0] + 1,))

    # Vectors and takes

    def _lower_vector(self, op: str, nodes: Sequence[int]) -> None:
        rows = [self.program.nodes[i].operands for i in nodes]
        if op == "largest":  # of any order
            rows = [tuple(np.array(row)[np.argsort(self._places(np.array(row)))]) for row in rows]
        width = max(map(len, rows))
        members = np.array([[*row, *row[:1] * (width - len(row))] for row in rows])
        grid, _ = self.layout(nodes, [members[:, 0]])
        ids = arranged(members, positions_of(grid, nodes))
        out = self.allot(self.space_of(nodes[0]), grid)
        if op == "largest":
            source = self.resolve(ids)
            self.steps.append(Reduce(out, source, (grid.ndim,), function="largest"))
        else:
            self.steps.append(VectorRow(out, op, as_table(self.resolve(ids))))

    def _lower_take(self, nodes: Sequence[int]) -> None:
        takes = [self.program.nodes[i] for i in nodes]
        tables = np.array([take.arguments for take in takes])  # type: ignore[union-attr]
        indices = np.array([[take.index] for take in takes])  # type: ignore[union-attr]
        for order in self._blocks(indices, tables, least=1):
            grid = arranged(np.asarray(nodes), order)
            letters = _LETTERS[: order.ndim]
            known = order != HOLE
            table, table_axes = without_constant_axes(arranged(tables, order), known, letters)
            index, index_axes = without_constant_axes(arranged(indices, order), known, letters)
            out = self.allot(self.space_of(nodes[0]), grid)
            rows = "n" if out.space == "value" and self.batched else ""
            self.steps.append(
                TakeStep(
                    out,
                    letters + rows,
                    as_table(self.resolve(table)),
                    table_axes + "k" + ("n" if self._has_rows(table) else ""),
                    self.resolve(index[..., 0]),
                    index_axes + ("n" if self._has_rows(index) else ""),
                )
            )

    def _blocks(self, a: Indices, b: Indices, least: int = 2) -> Iterator[Indices]:
        """Grids of positions: rows of `b` change along one axis, rows of `a` along the next.

        A block in which (nearly) every row of `a` meets every row of `b` is a matrix product; equal
        blocks are stacked along a first axis.
        """
        row_a, row_b = row_numbers(a), row_numbers(b)
        blocks: dict[tuple[int, int], list[tuple[list[int], list[int], list[int]]]] = defaultdict(
            list
        )
        loose: list[int] = []
        for members in connected_components(row_a, row_b):
            seen_a = self._by_place({row_a[k]: a[k, 0] for k in members})
            seen_b = self._by_place({row_b[k]: b[k, 0] for k in members})
            pairs = {(row_a[k], row_b[k]) for k in members}
            full = len(seen_a) * len(seen_b)
            if len(pairs) == len(members) >= _DENSE * full and full >= least:
                blocks[len(seen_b), len(seen_a)].append((members, seen_a, seen_b))
            else:
                loose += members
        for (height, width), same in blocks.items():
            order = np.full((len(same), height, width), HOLE, dtype=np.int64)
            for g, (members, seen_a, seen_b) in enumerate(same):
                place_a = {row: k for k, row in enumerate(seen_a)}
                place_b = {row: k for k, row in enumerate(seen_b)}
                for k in members:
                    order[g, place_b[row_b[k]], place_a[row_a[k]]] = k
            if len(same) == 1 and _is_read_down(order[0]):
                order = order.swapaxes(1, 2)
            squeezed = order.reshape([size for size in order.shape if size > 1])
            yield squeezed
        if loose:
            single = np.array(sorted(loose), dtype=np.int64)
            yield single if len(loose) > 1 else single.reshape(())

    def _by_place(self, firsts: dict[int, int]) -> list[int]:
        """Row numbers by where their first element lies, so that rows in order stay views."""
        return sorted(firsts, key=lambda row: (self.home[firsts[row]], self.offset[firsts[row]]))


def _is_read_down(block: Indices) -> bool:
    """Whether the nodes of a full block are read column by column."""
    return bool((block != HOLE).all() and (np.diff(block.T.ravel()) > 0).all())


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))


def _deciding(program: ScalarProgram) -> list[bool]:
    """The nodes that a choice depends on: a NaN of theirs might end in a number."""
    found = [False] * len(program.nodes)
    for i in range(len(found) - 1, -1, -1):
        node = program.nodes[i]
        below: Sequence[int] = node.operands
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
) -> tuple[ArrayProgram, Lowering]:
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
    ArrayProgram
        The forward steps.
    Lowering
        Where each node is, for the reverse pass.
    """
    sizes = {"theta": parameters} | {f"input{k}": size for k, size in enumerate(inputs)}
    lowering = Lowering(program, sizes, batched, nan_safe)
    lowering.run()
    outputs = lowering.resolve(np.array(program.outputs, dtype=np.int64))
    ones = tuple(sorted(lowering.ones_after)) if batched else ()
    holes, garbage = lowering.holes()
    result = ArrayProgram(
        lowering.sizes,
        batched,
        tuple(lowering.steps),
        outputs,
        ones=ones,
        holes=holes,
        garbage=garbage,
    )
    return result, lowering
