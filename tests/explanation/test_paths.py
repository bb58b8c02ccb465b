"""Paths: counted against a plain recursion, walked lazily, their products adding up."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

import autograd_mini as ad
from autograd_mini import Value
from tests.random_graphs import FUNCTIONS, Program, programs


def doublings(x: Value, times: int) -> Value:
    for _ in range(times):
        x = x + x
    return x


def walk(root: Value, leaf: Value) -> list[tuple[tuple[Value, ...], float]]:
    """All paths, by recursion: the oracle."""
    if root is leaf:
        return [((leaf,), 1.0)]
    return [
        ((root, *path), derivative * product)
        for parent, derivative in zip(root.parents, root.local_derivatives, strict=True)
        for path, product in walk(parent, leaf)
    ]


def run(program: Program) -> tuple[Value, list[Value]]:
    leaves = [Value(x) for x in program.leaves]
    return program.run(leaves, FUNCTIONS), leaves


# Counting.


@pytest.mark.parametrize("times", [0, 1, 2, 60, 3000])
def test_each_doubling_doubles_the_paths(times: int) -> None:
    x = Value(1.0)
    assert ad.count_paths(doublings(x, times), x) == 2**times


def test_both_edges_of_a_sum_with_itself_count() -> None:
    a = Value(2.0)
    assert ad.count_paths(a + a, a) == 2
    assert ad.count_paths(a * a * a, a) == 3


def test_no_path_to_a_leaf_that_does_not_reach() -> None:
    a, b = Value(2.0), Value(3.0)
    assert ad.count_paths(a * a, b) == 0
    assert ad.count_paths(a, a * b) == 0


def test_a_node_reaches_itself_by_one_path() -> None:
    a = Value(2.0)
    assert ad.count_paths(a, a) == 1
    assert ad.count_paths(a * a, a) == 2


def test_paths_to_an_interior_node() -> None:
    a = Value(2.0)
    b = a * a
    assert ad.count_paths(b * b + b, b) == 3


@given(programs())
def test_count_is_that_of_the_recursion(program: Program) -> None:
    root, leaves = run(program)
    for leaf in leaves:
        assert ad.count_paths(root, leaf) == len(walk(root, leaf))


# Walking.


@given(programs())
def test_walk_is_that_of_the_recursion(program: Program) -> None:
    root, leaves = run(program)
    for leaf in leaves:
        expected = walk(root, leaf)
        found = list(ad.path_derivatives(root, leaf))
        assert [path for path, _ in found] == [path for path, _ in expected]
        for (_, product), (_, oracle) in zip(found, expected, strict=True):
            assert product == pytest.approx(oracle, rel=1e-12)


@given(programs())
def test_products_add_up_to_the_gradient(program: Program) -> None:
    root, leaves = run(program)
    root.backward()
    for leaf in leaves:
        products = [product for _, product in ad.path_derivatives(root, leaf)]
        scale = math.fsum(map(abs, products))
        assert math.fsum(products) == pytest.approx(leaf.grad, rel=1e-12, abs=1e-12 * scale)


def test_a_path_runs_from_the_root_to_the_leaf() -> None:
    a, b = Value(2.0), Value(-3.0)
    product = a * b
    total = product + a
    assert list(ad.path_derivatives(total, a)) == [((total, product, a), -3.0), ((total, a), 1.0)]


def test_equal_edges_are_two_paths() -> None:
    a = Value(2.0)
    double = a + a
    assert list(ad.path_derivatives(double, a)) == [((double, a), 1.0)] * 2


def test_the_path_from_a_node_to_itself_has_no_step() -> None:
    a = Value(2.0)
    assert list(ad.path_derivatives(a, a)) == [((a,), 1.0)]


def test_no_paths_at_all() -> None:
    assert list(ad.path_derivatives(Value(1.0), Value(2.0))) == []


def test_next_path_is_made_when_asked_for() -> None:
    x = Value(1.0)
    paths = ad.path_derivatives(doublings(x, 60), x, limit=2**60)
    assert [product for _, product in itertools.islice(paths, 3)] == [1.0] * 3


def test_zero_carries_nothing_along_a_path() -> None:
    x = Value(0.0)
    y = ad.where(x > 0, ad.log(x), 0.0)
    assert [product for _, product in ad.path_derivatives(y, x)] == [0.0]


def test_too_many_paths_are_refused_before_the_first() -> None:
    x = Value(1.0)
    root = doublings(x, 20)
    with pytest.raises(ValueError, match=r"1,048,576 paths, more than limit=10000: raise limit"):
        ad.path_derivatives(root, x)
    assert sum(1 for _ in ad.path_derivatives(doublings(x, 4), x, limit=16)) == 16
    with pytest.raises(ValueError, match=r"16 paths, more than limit=15"):
        ad.path_derivatives(doublings(x, 4), x, limit=15)


def test_a_count_beyond_all_digits_is_refused_too() -> None:
    x = Value(1.0)
    with pytest.raises(ValueError, match=r"more than 2\*\*19999 paths"):
        ad.path_derivatives(doublings(x, 20_000), x)


def test_a_deep_chain_needs_no_recursion() -> None:
    length = 50_000
    assert sys.getrecursionlimit() < length
    x = y = Value(1.0)
    for _ in range(length):
        y = y + 1.0
    assert ad.count_paths(y, x) == 1
    [(path, product)] = ad.path_derivatives(y, x)
    assert (len(path), path[0] is y, path[-1] is x, product) == (length + 1, True, True, 1.0)


# Bad input.


@pytest.mark.parametrize("function", [ad.count_paths, ad.path_derivatives])
def test_only_values_have_paths(function: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match=r"root must be a Value, got float: 1\.0"):
        function(1.0, Value(1.0))
    with pytest.raises(TypeError, match="leaf must be a Value, got str: 'x'"):
        function(Value(1.0), "x")


@pytest.mark.parametrize(
    ("limit", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError), (None, TypeError)]
)
def test_limit_is_a_whole_number(limit: Any, error: type[Exception]) -> None:
    x = Value(1.0)
    with pytest.raises(error, match="limit must be"):
        ad.path_derivatives(x, x, limit=limit)
