"""Packs of sums of products: matrix products, reductions, elementwise formulas."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...table.rewrite import is_moderate
from ..ir.references import HOLE, Indices, Reference, Table, View
from ..ir.scalars import ScalarProgram, Sum
from ..ir.steps import Contract, Map, Reduce
from .borders import without_holes
from .grids import blocks, layout, nested_loops
from .placement import Placement
from .terms import (
    MOST_GROUPS,
    Numbers,
    Term,
    TermGroup,
    arranged,
    common_order,
    constant_term,
    extend_rows,
    formula_of,
    merged_groups,
    named,
    positions_of,
    sum_formula,
    without_constant_axes,
)

LETTERS = "abcdefgh"
SUMMED = "mpqrst"
RAGGED = 2.5
"""A pack is split by length where padding would more than so multiply the work."""

Factors = list[tuple[float, int, int]]
"""Coefficient and two factors of each term; a linear term has no second factor."""
Terms = dict[tuple[Any, ...], Factors]
_FORMULA = ast.BinOp(ast.Name("c"), ast.Mult(), ast.Name("x"))


class Sums:
    """Lowers packs of sums.

    With `exact`, sums of different lengths stay apart; else shorter ones may be filled up with
    zeros (`has_padding`), which give NaN where they meet an infinity.
    """

    def __init__(self, program: ScalarProgram, placement: Placement) -> None:
        self.program = program
        self.placement = placement
        self.steps = placement.steps
        self.has_padding = False
        self._terms: dict[int, Terms] = {}

    def _sum(self, i: int) -> Sum:
        node = self.program.nodes[i]
        assert isinstance(node, Sum)
        return node

    def terms(self, i: int) -> Terms:
        """The terms of a sum by where their factors are."""
        found = self._terms.get(i)
        if found is None:
            found = self._terms[i] = self._grouped(self._sum(i))
        return found

    def _grouped(self, node: Sum) -> Terms:
        placement, home_of = self.placement, self.placement.home_of
        groups: Terms = defaultdict(list)
        for c, a, b in node.products:
            if (placement.rank(a), -home_of(a)) > (placement.rank(b), -home_of(b)):
                a, b = b, a
            groups["product", home_of(a), home_of(b)].append((c, a, b))
        linear: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for c, a in node.linear:
            linear[home_of(a)].append((c, a))
        for place, parts in linear.items():
            if len(parts) > 1 and not _have_few_numbers(parts):  # a product with constants
                key = ("product", placement.constants, place)
                groups[key] += [(1.0, placement.constant_node(c), a) for c, a in parts]
            else:
                for c, a in parts:
                    groups["linear", place, c.hex()].append((c, a, HOLE))
        return groups

    def lower(self, nodes: Sequence[int], exact: bool) -> None:
        """Add the steps of a pack."""
        terms = {i: self.terms(i) for i in nodes}
        kinds = terms[nodes[0]]
        if len(nodes) == 1 and self._is_plain(nodes[0], kinds):
            self._one_sum(nodes[0], kinds)
            return
        lengths = {i: tuple([len(terms[i][kind]) for kind in kinds]) for i in nodes}
        longest = [max(length) for length in lengths.values()]
        padding = max(longest) * len(nodes) > RAGGED * sum(longest)
        if padding or exact:  # a sum filled up with zeros has NaN where these meet inf
            by_length: dict[Any, list[int]] = defaultdict(list)
            for i in nodes:
                by_length[lengths[i] if exact else max(lengths[i])].append(i)
            for members in by_length.values():
                self._pack(members, terms)
        else:
            self._pack(nodes, terms)

    def _is_plain(self, i: int, kinds: Terms) -> bool:
        """Whether a sum is a formula of a few single terms, with numbers as coefficients."""
        if len(kinds) > MOST_GROUPS or any(len(parts) > 1 for parts in kinds.values()):
            return False
        numbers = [self._sum(i).constant, *[c for ((c, _, _),) in kinds.values()]]
        return not any(number != number for number in numbers)

    def _one_sum(self, i: int, kinds: Terms) -> None:
        """A single sum of single terms from different places."""
        operands: list[Reference] = []
        terms: list[Term] = []
        for ((coefficient, a, b),) in kinds.values():
            factors = [a] if b in (a, HOLE) else [a, b]
            operands += map(self.placement.single, factors)
            terms.append(Term.of(len(factors), coefficient, a == b))
        terms += constant_term(self._sum(i).constant)
        formula = formula_of(tuple(terms))
        out = self.placement.allot(self.placement.space_of(i), np.array(i))
        assert formula is not None, "a sum has terms"
        self.steps.append(Map(out, formula, named(operands)))

    def _pack(self, nodes: Sequence[int], terms: dict[int, Terms]) -> None:
        groups = [self._group(key, [terms[i][key] for i in nodes]) for key in terms[nodes[0]]]
        groups = merged_groups(groups)
        constant = np.array([self._sum(i).constant for i in nodes])
        wide = [g for g in groups if g.product and g.a.shape[1] > 1]
        if not wide:
            self._narrow_sum(nodes, groups, constant)
            return
        main = max(wide, key=lambda g: g.a.shape[1])
        assert main.b is not None
        for order in blocks(self.placement, main.a, main.b):
            self._wide_sum(nodes, groups, constant, order, main)

    def _group(self, key: tuple[Any, ...], rows: Sequence[Factors]) -> TermGroup:
        width = max(map(len, rows))
        shape = (len(rows), width)
        a, b = np.full(shape, HOLE, dtype=np.int64), np.full(shape, HOLE, dtype=np.int64)
        coefficients = np.ones(shape)
        for r, row in enumerate(rows):
            for t, (c, left, right) in enumerate(row):
                a[r, t], b[r, t], coefficients[r, t] = left, right, c
        product = key[0] == "product"
        order = self._order(a, b, product) if width > 1 else None
        if order is not None:
            a, b = np.take_along_axis(a, order, 1), np.take_along_axis(b, order, 1)
            coefficients = np.take_along_axis(coefficients, order, 1)
        if width > min(map(len, rows)):
            self.has_padding = True
            if product:
                extend_rows(a, b, coefficients)
                a, b = self._bordered(a, b)
        return TermGroup(product, a, b if product else None, coefficients)

    def _bordered(self, a: Indices, b: Indices) -> tuple[Indices, Indices]:
        """A factor with holes as windows of a bordered copy, if it is that; weights come first."""
        windows = without_holes(self.placement, a)
        if windows is a or (b == HOLE).any():
            return windows, b
        rank = self.placement.rank
        return (b, windows) if rank(b[0, 0]) < rank(windows[0, 0]) else (windows, b)

    def _order(self, a: Indices, b: Indices, product: bool) -> Indices | None:
        """The order of the terms of each row, in which it does not count how they were written."""
        place = self.placement.places(a)
        if product:
            return common_order(a, b, place, self.placement.places(b))
        return np.argsort(place, kind="stable")

    def _narrow_sum(
        self, nodes: Sequence[int], groups: Sequence[TermGroup], constant: Numbers
    ) -> None:
        """Sums of single terms: one elementwise step; longer linear parts are reduced and added."""
        single = [g for g in groups if g.a.shape[1] == 1]
        long = [g for g in groups if g.a.shape[1] > 1]
        columns = [c[:, 0] for g in single for c in ((g.a, g.b) if g.b is not None else (g.a,))]
        if not columns:
            columns = [g.a[:, k] for g in long for k in (0, -1)]
        grid, references = layout(self.placement, nodes, columns)
        order = positions_of(grid, nodes)
        out = self.placement.allot(self.placement.space_of(nodes[0]), grid)
        for k, group in enumerate(long):
            self._reduce(out, group, order, add=k > 0)
        self._elementwise(out, sum_formula(single, references, constant, order), add=bool(long))

    def _elementwise(
        self, out: View, terms: tuple[ast.expr | None, dict[str, Reference]], add: bool
    ) -> None:
        """Add up single terms, if there are any."""
        formula, operands = terms
        if formula is not None:
            once = {name: self.placement.interned(operand) for name, operand in operands.items()}
            self.steps.append(Map(out, formula, once, add=add))

    def _reduce(self, out: View, group: TermGroup, order: Indices, add: bool) -> None:
        """Add up linear terms with one coefficient."""
        source = self.placement.resolve(arranged(group.a, order), zeros=True)
        scale = float(group.coefficients[0, 0])
        self.steps.append(Reduce(out, source, (order.ndim,), scale=scale, add=add))

    def _wide_sum(
        self,
        nodes: Sequence[int],
        groups: Sequence[TermGroup],
        constant: Numbers,
        order: Indices,
        main: TermGroup,
    ) -> None:
        """Sums of products in a grid that makes the widest of them, `main`, a matrix product."""
        order, loops = nested_loops(self.placement, main, order)
        out = self.placement.allot(
            self.placement.space_of(nodes[0]), arranged(np.asarray(nodes), order)
        )
        bias = next((g for g in groups if g.is_bias()), None)
        for k, group in enumerate([g for g in groups if g.product]):
            terms = loops if group is main else group.a.shape[1:]
            fused = self._contract(out, group, order, terms, bias if k == 0 else None, add=k > 0)
            if fused:
                groups = [g for g in groups if g is not bias]
        for group in groups:
            if not group.product and group.a.shape[1] > 1:
                self._reduce(out, group, order, add=True)
        single = [g for g in groups if not g.product and g.a.shape[1] == 1]
        references = [self.placement.resolve(arranged(g.a[:, 0], order)) for g in single]
        self._elementwise(out, sum_formula(single, references, constant, order), add=True)

    def _contract(
        self,
        out: View,
        group: TermGroup,
        order: Indices,
        terms: tuple[int, ...],
        bias: TermGroup | None,
        add: bool,
    ) -> bool:
        """A sum of products as one contraction; tells whether it took the bias in.

        The terms are in nested loops, of which each is an axis that is summed.
        """
        assert group.b is not None
        placement, known, letters = self.placement, order != HOLE, LETTERS[: order.ndim]
        a_ids, b_ids = arranged(group.a, order), arranged(group.b, order)
        uniform = group.is_uniform()
        if uniform:
            a_ids, a_axes = without_constant_axes(a_ids, known, letters)
            a = placement.resolve(in_loops(a_ids, terms), zeros=True)
        else:
            a, a_axes = self._weighted(a_ids, arranged(group.coefficients, order), out), letters
        b_ids, b_axes = without_constant_axes(b_ids, known, letters)
        b = placement.resolve(in_loops(b_ids, terms))
        summed = SUMMED[: len(terms)]
        ones = False
        if bias is not None and uniform and group.coefficients[0, 0] == 1 and not b_axes:
            wider = self._with_bias(a_ids, a_axes, b, bias, order)
            if wider is not None:
                a, b = wider
                ones = True
        rows = self.placement.batched and out.space.has_rows
        a_rows = placement.has_rows(a_ids) or (not uniform and rows)
        self.steps.append(
            Contract(
                out,
                letters + "n" * rows,
                a,
                a_axes + summed + "n" * a_rows,
                b,
                b_axes + summed + "n" * placement.has_rows(b_ids),
                float(group.coefficients[0, 0]) if uniform else 1.0,
                ones,
                add=add,
            )
        )
        return ones

    def _weighted(self, ids: Indices, coefficients: Numbers, out: View) -> View:
        """A copy of one factor, times coefficients that differ from term to term."""
        scratch = self.placement.allot(out.space, np.full(ids.shape, HOLE, dtype=np.int64))
        weights = self.placement.interned(Table(np.where(ids == HOLE, 0.0, coefficients)))
        operands = {"c": weights, "x": self.placement.resolve(ids)}
        self.steps.append(Map(scratch, _FORMULA, operands))
        return scratch

    def _with_bias(
        self, a_ids: Indices, a_axes: str, b: Reference, bias: TermGroup, order: Indices
    ) -> tuple[View, View] | None:
        """The factors with the bias as one more column, if both stay views."""
        if not isinstance(b, View) or not self.placement.arrays.has_one_after(b):
            return None
        letters = LETTERS[: order.ndim]
        bias_ids, bias_axes = without_constant_axes(arranged(bias.a, order), order != HOLE, letters)
        if bias_axes != a_axes or self.placement.has_rows(bias_ids):
            return None
        a = self.placement.resolve(np.concatenate([a_ids, bias_ids], axis=-1))
        if not isinstance(a, View):
            return None
        return a, self.placement.interned(b._replace(shape=(b.shape[0] + 1,)))


def in_loops(ids: Indices, terms: tuple[int, ...]) -> Indices:
    """Rows of terms as nested loops."""
    return ids.reshape(*ids.shape[:-1], *terms)


def _have_few_numbers(parts: Sequence[tuple[float, int]]) -> bool:
    """Whether linear terms can be added up for each of at most two moderate coefficients."""
    coefficients = {c for c, _ in parts}
    return len(coefficients) <= 2 and all(map(is_moderate, coefficients))
