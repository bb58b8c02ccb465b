"""Replay: a graph as a function of one leaf, against the whole of it evaluated anew."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.derivatives.replay import Replay
from autograd_mini.table.primitives import Primitive
from tests.random_graphs import FUNCTIONS, Program, programs


@given(programs(), st.floats(-1e-3, 1e-3))
def test_a_moved_leaf_gives_what_the_program_gives_there(program: Program, step: float) -> None:
    leaves = [Value(x) for x in program.leaves]
    replay = Replay(program.run(leaves, FUNCTIONS))
    for i, leaf in enumerate(leaves):
        moved = [x + step * (k == i) for k, x in enumerate(program.leaves)]
        expected = program.run([Value(x) for x in moved], FUNCTIONS).data
        found = replay.along(leaf)(moved[i])
        assert found == expected or (math.isnan(found) and math.isnan(expected))


Link = Callable[[Any, Any], Any]
SUMS: list[Link] = [operator.add, operator.sub, lambda a, b: b + a, lambda a, b: b - a]
PRODUCTS: list[Link] = [operator.mul, operator.truediv, lambda a, b: b * a, lambda a, b: b / a]


@given(
    st.sampled_from([SUMS, PRODUCTS]),
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.5, 2.0)), min_size=1, max_size=40),
)
def test_long_chains_are_those_of_exact_arithmetic(
    links: list[Link], parts: list[tuple[int, float]]
) -> None:
    def chain(numbers: Iterable[Any]) -> Any:
        first, *others = numbers
        pairs = zip(parts[1:], others, strict=True)
        return functools.reduce(lambda a, part: links[part[0][0]](a, part[1]), pairs, first)

    leaves = [Value(number) for _, number in parts]
    replay = Replay(chain(leaves))
    for i, leaf in enumerate(leaves):
        moved = [number + (k == i) / 8 for k, (_, number) in enumerate(parts)]
        exact = chain(map(Fraction, moved))
        size = sum(moved) if links is SUMS else exact  # terms may cancel
        assert abs(Fraction(replay.along(leaf)(moved[i])) - exact) <= 1e-12 * size


def test_the_order_of_terms_counts_where_they_cancel() -> None:
    numbers = [1e20, 1.0, -1e20, 1.0, 5.0, 7.0]
    leaves = [Value(number) for number in numbers]
    root = leaves[0]
    for leaf in leaves[1:]:
        root = root + leaf
    for leaf in leaves:
        assert Replay(root).along(leaf)(leaf.data) == root.data == 13.0


def test_a_leaf_that_is_the_root_and_one_that_is_not_there() -> None:
    x, w = Value(2.0), Value(3.0)
    assert Replay(x).along(x)(5.0) == 5.0
    with pytest.raises(KeyError):
        Replay(x).along(w)


def test_only_what_depends_on_the_leaf_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluations(monkeypatch, lambda a, b: ad.sin(a) + ad.exp(ad.exp(b)), 2) == [2, 3]


LONG: dict[str, Callable[..., Any]] = {
    "sum": lambda *x: sum(x[1:], x[0]),
    "product": lambda *x: math.prod(x[1:], start=x[0]),
    "alternating": lambda *x: sum((-b if i % 2 else b for i, b in enumerate(x[1:])), x[0]),
    "products of two": lambda *x: sum(map(lambda a, b: a * b, x[1:], x), x[0]),
}


@pytest.mark.parametrize("name", LONG)
def test_work_grows_with_the_number_of_terms_and_hardly_faster(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = (sum(evaluations(monkeypatch, LONG[name], n)) for n in (200, 400))
    assert large <= 2.3 * small  # n log n


def evaluations(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], n: int) -> list[int]:
    """How many primitives are evaluated when each leaf in turn is moved once."""
    leaves = [Value(1 + 1 / (k + 2)) for k in range(n)]
    replay = Replay(function(*leaves))
    evaluate, count = Primitive.evaluate, 0

    def counted(row: Primitive, operands: Sequence[float]) -> float:
        nonlocal count
        count += 1
        return evaluate(row, operands)

    counts = []
    with monkeypatch.context() as patch:
        patch.setattr(Primitive, "evaluate", counted)
        for leaf in leaves:
            count = 0
            replay.along(leaf)(leaf.data + 0.125)
            counts.append(count)
    return counts
