"""The terms of a pack of sums as index tables, and what their rows have in common."""

from __future__ import annotations

import ast
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..ir.references import HOLE, Indices, Reference, Table

Numbers = npt.NDArray[np.float64]


@dataclass
class TermGroup:
    """Terms of a pack that draw on the same places: a row for each node, a column for each term."""

    product: bool
    a: Indices
    b: Indices | None
    coefficients: Numbers

    def is_uniform(self) -> bool:
        """Whether all coefficients are one number, bit for bit."""
        return are_alike(self.coefficients)

    def is_bias(self) -> bool:
        """Whether it is one linear term with coefficient 1."""
        return not self.product and self.a.shape[1] == 1 and bool((self.coefficients == 1).all())


def are_alike(numbers: Numbers) -> bool:
    """Whether all numbers are the same, bit for bit: 0.0 and -0.0 differ, NaN is itself."""
    bits = np.ascontiguousarray(numbers).view(np.int64)
    return bool((bits == bits.flat[0]).all())


MOST_GROUPS = 8
"""Groups of single terms that one formula adds up; more are added as one longer group."""


def merged_groups(groups: Sequence[TermGroup]) -> list[TermGroup]:
    """Put many single terms from many places together, so that a formula stays short."""
    result = list(groups)
    for product in (False, True):
        single = [g for g in result if g.product == product and g.a.shape[1] == 1]
        by_coefficient: dict[bytes, list[TermGroup]] = defaultdict(list)
        for group in single:
            by_coefficient[b"" if product else group.coefficients.tobytes()].append(group)
        for same in by_coefficient.values():
            if len(single) > MOST_GROUPS and len(same) > 1:
                result = [g for g in result if all(g is not s for s in same)]
                a = np.concatenate([g.a for g in same], axis=1)
                factors = [g.b for g in same if g.b is not None]
                b = np.concatenate(factors, axis=1) if factors else None
                coefficients = np.concatenate([g.coefficients for g in same], axis=1)
                result.append(TermGroup(product, a, b, coefficients))
    return result


def positions_of(grid: Indices, nodes: Sequence[int]) -> Indices:
    """The position in the pack of every node of a grid."""
    place = {node: k for k, node in enumerate(nodes)}
    flat = [HOLE if i == HOLE else place[i] for i in grid.ravel().tolist()]
    return np.array(flat, dtype=np.int64).reshape(grid.shape)


def arranged(rows: Any, order: Indices) -> Any:
    """Rows of a pack in a grid; -1 (or 0 for numbers) in the holes."""
    missing = HOLE if rows.dtype.kind == "i" else 0.0
    result = np.full((*order.shape, *rows.shape[1:]), missing, dtype=rows.dtype)
    known = order != HOLE
    result[known] = rows[order[known]]
    return result


def without_constant_axes(
    ids: Indices, known: npt.NDArray[np.bool_], letters: str
) -> tuple[Indices, str]:
    """Drop the grid axes along which the rows do not change."""
    kept = ""
    axis = 0
    for letter in letters:
        representative = ids.max(axis=axis, keepdims=True)  # a hole is below every node
        spread = np.broadcast_to(representative, ids.shape)
        if ids.shape[axis] == 1 or (spread[known] == ids[known]).all():
            ids = representative.squeeze(axis)
            known = np.asarray(known.any(axis=axis))
        else:
            kept += letter
            axis += 1
    return ids, kept


def extend_rows(a: Indices, b: Indices, coefficients: Numbers) -> None:
    """Fill up short rows of one factor from a longer row; the other reads zeros there."""
    for fill_up in (_align_rows, _continue_rows):
        if fill_up(b, a, coefficients):
            return
        if fill_up(a, b, coefficients):  # the factor with zeros comes first
            a[:], b[:] = b.copy(), a.copy()
            return


def _continue_rows(side: Indices, other: Indices, coefficients: Numbers) -> bool:
    """Continue short rows like a longer row that begins so, if all have one."""
    longest: dict[int, Indices] = {}
    for row in side[np.argsort((side == HOLE).sum(axis=1), kind="stable")]:
        longest.setdefault(int(row[0]), row)
    fits = all(
        (longest[int(row[0])][: (row != HOLE).sum()] == row[row != HOLE]).all() for row in side
    )
    if fits:
        for r in range(len(side)):
            side[r] = longest[int(side[r, 0])]
    return fits


def _align_rows(side: Indices, other: Indices, coefficients: Numbers) -> bool:
    """Move the terms of short rows to where a full row of one factor has them, if one has all.

    So at the border of an image, where the kernel of a convolution sticks out.
    """
    rows = np.unique(side[(side != HOLE).all(axis=1)], axis=0)
    if np.unique(rows).size < rows.size:
        return False
    place = {element: divmod(k, rows.shape[1]) for k, element in enumerate(rows.ravel().tolist())}
    owners: list[int] = []
    moves: list[list[int]] = []
    for row in side:
        found = [place.get(element, (HOLE, HOLE)) for element in row[row != HOLE].tolist()]
        owner, positions = {k for k, _ in found}, [position for _, position in found]
        if len(owner) > 1 or HOLE in owner or len({*positions}) < len(positions):
            return False
        owners += owner
        moves.append(positions)
    for r, positions in enumerate(moves):
        known = side[r] != HOLE
        for table, missing in ((other, HOLE), (coefficients, 1.0)):
            kept = table[r, known]
            table[r] = missing
            table[r, positions] = kept
    side[:] = rows[owners]
    return True


def common_order(a: Indices, b: Indices, place_a: Indices, place_b: Indices) -> Indices | None:
    """An order for the terms of every row that does not depend on how they were written.

    As one of the factors lies: such that the rows have most in common, which may be blocks of a
    matrix product.  Holes are behind everything.  None if the terms are in such an order.
    """
    if (np.diff(place_a) >= 0).all() and (np.diff(place_b) >= 0).all():
        return None
    by_b = np.lexsort((place_a, place_b))
    if (a != HOLE).all():
        by_b = by_b[:, np.argsort(place_a[0, by_b[0]], kind="stable")]
    written = np.broadcast_to(np.arange(a.shape[1]), a.shape)
    orders = by_b, np.lexsort((place_b, place_a)), written
    return min(orders, key=lambda order: _different_rows(a, order) + _different_rows(b, order))


def _different_rows(ids: Indices, order: Indices) -> int:
    return len(set(row_numbers(np.take_along_axis(ids, order, 1))))


def row_numbers(rows: Indices) -> list[int]:
    """Equal rows get equal numbers, in order of appearance."""
    numbers: dict[bytes, int] = {}
    return [numbers.setdefault(row.tobytes(), len(numbers)) for row in rows]


def connected_components(row_a: Sequence[int], row_b: Sequence[int]) -> list[list[int]]:
    """Positions by connected component of the graph of which row meets which."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def find(x: tuple[str, int]) -> tuple[str, int]:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for i, j in zip(row_a, row_b, strict=True):
        parent[find(("a", i))] = find(("b", j))
    members: dict[tuple[str, int], list[int]] = defaultdict(list)
    for k, i in enumerate(row_a):
        members[find(("a", i))].append(k)
    return list(members.values())


class Term(NamedTuple):
    """A term of a formula: how many factors it has, and its coefficient with all bits.

    A coefficient that differs from node to node is a factor too; the last may be squared.
    """

    factors: int
    bits: str  # 0.0 and -0.0 are two
    square: bool

    @classmethod
    def of(cls, factors: int, coefficient: float, square: bool = False) -> Term:
        """A term with a coefficient."""
        return cls(factors, coefficient.hex(), square)

    @property
    def coefficient(self) -> float:
        """The number that it is multiplied by."""
        return float.fromhex(self.bits)


def constant_term(number: float) -> tuple[Term, ...]:
    """The constant of a sum, which is left out if it is 0."""
    return (Term.of(0, number),) if number else ()


@lru_cache(maxsize=4096)
def formula_of(terms: tuple[Term, ...]) -> ast.expr | None:
    """``c * x0 * x1 + c * square(x2) + ... + c``; the same terms give the same object.

    Examples
    --------
    >>> formula = formula_of((Term.of(2, 1.0), Term.of(1, -0.5), Term.of(0, 3.0)))
    >>> ast.unparse(formula)
    'x0 * x1 - 0.5 * x2 + 3.0'
    """
    named = (ast.Name(f"x{k}") for k in itertools.count())
    signed = [(_product(term, named), term.coefficient) for term in terms]
    if len(signed) > 1 and signed[0][1] < 0 < signed[1][1]:  # b - a, not -a + b
        signed[:2] = signed[1::-1]
    total: ast.expr | None = None
    for product, coefficient in signed:
        total = _plus(total, product, coefficient)
    return total


def _product(term: Term, named: Iterator[ast.expr]) -> ast.expr | None:
    """The factors of a term without its coefficient; None for a constant."""
    factors = list(itertools.islice(named, term.factors))
    if term.square:
        factors[-1] = ast.Call(ast.Name("square"), factors[-1:], [])
    return reduce(lambda a, b: ast.BinOp(a, ast.Mult(), b), factors) if factors else None


def _plus(total: ast.expr | None, term: ast.expr | None, coefficient: float) -> ast.expr:
    """``total + coefficient * term``, written as one would by hand."""
    positive = math.copysign(1.0, coefficient) > 0
    if term is None:
        term = ast.Constant(abs(coefficient))
    elif abs(coefficient) != 1.0:
        term = ast.BinOp(ast.Constant(abs(coefficient)), ast.Mult(), term)
    if total is None:
        return term if positive else ast.UnaryOp(ast.USub(), term)
    return ast.BinOp(total, ast.Add() if positive else ast.Sub(), term)


def sum_formula(
    groups: Sequence[TermGroup], references: Sequence[Reference], constant: Numbers, order: Indices
) -> tuple[ast.expr | None, dict[str, Reference]]:
    """``c*a*b + c*a + ... + constant`` over single terms, and its operands by name."""
    operands: list[Reference] = []
    remaining = iter(references)
    terms: list[Term] = []
    for group in groups:
        factors = [next(remaining) for _ in range(1 + group.product)]
        square = group.product and factors[0] == factors[1]
        if square:
            factors.pop()
        coefficients = group.coefficients[:, 0]
        coefficient = float(coefficients[0])
        if not are_alike(coefficients) or coefficient != coefficient:
            factors.insert(0, Table(arranged(coefficients, order)))
            coefficient = 1.0
        operands += factors
        terms.append(Term.of(len(factors), coefficient, square))
    if (constant == constant[0]).all():
        terms += constant_term(float(constant[0]))
    else:
        operands.append(Table(arranged(constant, order)))
        terms.append(Term.of(1, 1.0))
    return formula_of(tuple(terms)), named(operands)


def named(operands: Sequence[Reference]) -> dict[str, Reference]:
    """Operands by the names they have in formulas of sums."""
    return {f"x{k}": operand for k, operand in enumerate(operands)}
