"""recompute(): the recorded graph replayed at new data is the graph built anew."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from tests.random_graphs import FUNCTIONS, Program, programs


def snapshot(root: Value) -> list[tuple[Any, ...]]:
    """All there is to a graph, node by node; NaN equals itself as text."""
    return [
        (node.op, repr(node.data), repr(node.local_derivatives), len(node.parents))
        for node in ad.topological_order(root)
    ]


@given(programs(), st.lists(st.floats(-3, 3), min_size=20, max_size=20))
def test_equal_to_building_anew(program: Program, data: list[float]) -> None:
    """Bit by bit, outside the domains too."""
    leaves = [Value(x) for x in program.leaves]
    y = program.run(leaves, FUNCTIONS)
    nodes = ad.topological_order(y)
    for leaf, x in zip(leaves, data, strict=False):
        leaf.data = x
    anew = program.run([Value(x) for x in data[: len(leaves)]], FUNCTIONS)
    ad.recompute(y)
    assert snapshot(y) == snapshot(anew)
    again = ad.topological_order(y)
    assert len(again) == len(nodes)
    assert all(a is b for a, b in zip(nodes, again, strict=True))


def test_gradients_follow() -> None:
    a, b = Value(2.0), Value(3.0)
    y = ad.tanh(a * b) + ad.dot([a, b], [b, 2.0], a)
    a.data, b.data = -0.5, 0.25
    ad.recompute(y)
    y.backward()
    c, d = Value(-0.5), Value(0.25)
    (ad.tanh(c * d) + ad.dot([c, d], [d, 2.0], c)).backward()
    assert (a.grad, b.grad) == (c.grad, d.grad)


def test_gradients_as_values_are_replayed_too() -> None:
    x = Value(2.0)
    y = x**3
    slope = ad.gradients(y, x, create_graph=True)
    x.data = 5.0
    ad.recompute([y, slope])
    assert (y.data, slope.data) == (125.0, 75.0)


def test_several_roots_share_their_nodes() -> None:
    x = Value(2.0)
    shared = x * x
    outputs = [shared + 1, shared * 3, x]
    x.data = 3.0
    ad.recompute(outputs)
    assert [output.data for output in outputs] == [10.0, 27.0, 3.0]


def test_constants_stay_and_get_no_derivative() -> None:
    x = Value(2.0)
    y = x ** x.detach()
    x.data = 3.0
    ad.recompute(y)
    assert y.data == 9.0
    assert y.local_derivatives == (6.0, 0.0)


def test_grad_and_labels_stay() -> None:
    x = Value(2.0)
    y = x * x
    y.label, y.grad, x.grad = "y", 5.0, 7.0
    x.data = 4.0
    ad.recompute(y)
    assert (y.label, y.grad, x.grad) == ("y", 5.0, 7.0)


def test_a_recorded_condition_is_looked_at_again_and_a_bool_is_not() -> None:
    x = Value(2.0)
    recorded = ad.where(ad.greater(x, 0), x, -3 * x)
    decided = ad.where(x > 0, x, -3 * x)
    x.data = -2.0
    ad.recompute([recorded, decided])
    assert (recorded.data, decided.data) == (6.0, -2.0)
    assert ad.gradients(recorded, x) == -3.0


def test_edges_of_the_domain() -> None:
    x = Value(1.0)
    y = ad.log(x) + 1 / x
    x.data = 0.0
    ad.recompute(y)
    assert math.isnan(y.data)  # -inf + inf
    x.data = 1.0
    ad.recompute(y)
    assert y.data == 1.0


def test_inside_detect_anomaly_it_raises_and_changes_no_node() -> None:
    x = Value(1.0, "x")
    first = x * 2
    y = ad.log(first)
    before = snapshot(y)
    x.data = 0.0
    with ad.detect_anomaly(), pytest.raises(ad.AnomalyError, match="log gave -inf"):
        ad.recompute(y)
    x.data = 1.0
    assert snapshot(y) == before


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("row", ["sum", "mean", "logsumexp", "prod", "norm"])
def test_a_vector_row_is_as_it_was_after_an_anomaly(row: str, count: int) -> None:
    x = [Value(0.5 + k) for k in range(count)]
    y = ad.log(getattr(ad, row)(x) - x[0].data)
    before = snapshot(y)
    x[0].data = math.nan
    with ad.detect_anomaly(), pytest.raises(ad.AnomalyError):
        ad.recompute(y)
    x[0].data = 0.5
    assert snapshot(y) == before
    gradients = ad.gradients(y, x)
    y.backward()
    assert [leaf.grad for leaf in x] == gradients


@pytest.mark.parametrize("roots", [1.0, [Value(1.0), 2.0], ["y"]])
def test_only_values_are_recomputed(roots: Any) -> None:
    with pytest.raises(TypeError):
        ad.recompute(roots)


def test_a_hundred_thousand_nodes_in_a_row() -> None:
    length = 100_000
    assert sys.getrecursionlimit() < length
    x = Value(0.0)
    y = x
    for _ in range(length):
        y = y + x
    x.data = 1.0
    ad.recompute(y)
    assert y.data == length + 1


def test_a_sum_of_a_hundred_thousand_operands() -> None:
    leaves = [Value(0.0) for _ in range(100_000)]
    y = ad.sum(leaves)
    for leaf in leaves:
        leaf.data = 0.5
    ad.recompute(y)
    assert y.data == 50_000.0


def test_threads_replay_their_own_graphs() -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> list[float]:
        x = Value(0.0)
        y = ad.sin(x) * ad.exp(x)
        start.wait()
        results = []
        for i in range(200):
            x.data = seed + i / 100
            ad.recompute(y)
            results.append(y.data)
        return results

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    f: Callable[[float], float] = lambda x: ad.sin(x) * ad.exp(x)  # noqa: E731 - shorter here
    assert found == [[f(seed + i / 100) for i in range(200)] for seed in range(4)]


def test_numbers_of_any_kind_become_floats() -> None:
    x, z = Value(3.0), Value(1.0)
    y = x * z
    number: Any = np.float32(0.5)
    x.data, z.data = 5, number
    ad.recompute([y, z])
    assert [type(node.data) for node in (x, y, z)] == [float] * 3
    assert (y.data, y.local_derivatives) == (2.5, (0.5, 5.0))


@pytest.mark.parametrize("data", [Value(1.0), np.ones(2), "5", None])
def test_data_that_is_no_number_is_refused_by_the_name_of_its_leaf(data: Any) -> None:
    x, w = Value(3.0, "x"), Value(2.0, "w")
    y = x * w
    x.data, w.data = 7, data
    with pytest.raises(TypeError, match="data of leaf 'w': expected a"):
        ad.recompute(y)
    assert (y.data, x.data, w.data) == (6.0, 7, data)
    assert type(x.data) is int
