"""Copies and pickles stay connected as they were."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import pytest
from hypothesis import given

import autograd_mini as ad
from autograd_mini import Constant, Value
from tests.random_graphs import FUNCTIONS, Program, programs


def test_a_copied_graph_backpropagates_into_the_copied_leaves() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    loss = ad.tanh(a * b + 1) * a
    twin_loss, [twin_a, twin_b] = copy.deepcopy((loss, [a, b]))
    twin_loss.backward()
    assert (a.grad, b.grad, loss.grad) == (0.0, 0.0, 0.0)
    loss.backward()
    assert (twin_a.grad, twin_b.grad) == (a.grad, b.grad) != (0.0, 0.0)
    assert (twin_a.label, twin_b.label) == ("a", "b")
    assert twin_a is not a


@given(programs())
def test_a_copied_graph_is_the_same_graph(program: Program) -> None:
    leaves = [Value(x) for x in program.leaves]
    root = program.run(leaves, FUNCTIONS)
    root.backward()
    twin, twin_leaves = copy.deepcopy((root, leaves))
    nodes, twins = ad.topological_order(root), ad.topological_order(twin)
    number = {node: i for i, node in enumerate(nodes)}
    twin_number = {node: i for i, node in enumerate(twins)}
    assert len(nodes) == len(twins)
    assert not set(nodes) & set(twins)
    for node, other in zip(nodes, twins, strict=True):
        assert type(node) is type(other)
        assert (node.data, node.grad, node.op) == (other.data, other.grad, other.op)
        assert node.local_derivatives == other.local_derivatives
        assert [number[p] for p in node.parents] == [twin_number[p] for p in other.parents]
    for leaf, other in zip(leaves, twin_leaves, strict=True):
        assert twin_number.get(other) == number.get(leaf)


def test_shared_leaves_stay_shared_and_separate_roots_stay_connected() -> None:
    x = Value(2.0)
    first, second, leaf = copy.deepcopy([x * 3, x * 5, x])
    assert first.parents[0] is second.parents[0] is leaf


def test_a_deep_graph_is_copied_without_recursion() -> None:
    length = 50_000
    assert sys.getrecursionlimit() < length
    x = node = Value(1.0)
    for _ in range(length):
        node = node + x
    twin, twin_x = copy.deepcopy((node, x))
    twin.backward()
    assert (twin.data, twin_x.grad, x.grad) == (length + 1, length + 1, 0.0)


def test_a_copy_remembers_the_source_line() -> None:
    with ad.detect_anomaly():
        y = Value(1.0) * 2
    assert copy.deepcopy(y).source == y.source


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_leaves_and_constants_are_pickled(protocol: int) -> None:
    leaf, constant = Value(2.5, "w"), ad.as_value(4)
    leaf.grad = -1.5
    model = {"weights": [leaf, leaf], "constant": constant}
    again = pickle.loads(pickle.dumps(model, protocol))
    assert again["weights"][0] is again["weights"][1]
    restored = again["weights"][0]
    assert (restored.data, restored.grad, restored.label) == (2.5, -1.5, "w")
    assert (restored.op, restored.parents, restored.local_derivatives) == ("", (), ())
    assert type(again["constant"]) is Constant
    (restored * again["constant"]).backward()
    assert restored.grad == 2.5


def test_a_copied_leaf_is_a_leaf_of_its_own() -> None:
    leaf = Value(2.5, "w")
    twin = copy.copy(leaf)
    twin.data = 1.0
    assert (leaf.data, twin.label) == (2.5, "w")


def test_a_result_is_not_pickled_and_the_error_says_what_to_do() -> None:
    y = Value(1.0) * 2
    with pytest.raises(TypeError, match=r"result of 'mul'.*copy\.deepcopy.*v\.detach\(\)"):
        pickle.dumps(y)
    assert pickle.loads(pickle.dumps(y.detach())).data == 2.0


class Tagged(Value):
    """A subclass with an attribute in a slot and one in the dict."""

    __slots__ = ("__dict__", "tag")
    tag: dict[str, float]
    notes: list[int]


def tagged() -> Tagged:
    x = Tagged(3.0, "x")
    x.tag, x.notes = {"lr": 0.1}, [1, 2]
    return x


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_what_a_subclass_adds_is_copied(copied: Any) -> None:
    x = tagged()
    twin = copied(x)
    assert type(twin) is Tagged
    assert (twin.data, twin.label, twin.tag, twin.notes) == (3.0, "x", {"lr": 0.1}, [1, 2])
    assert (twin.notes is x.notes) == (copied is copy.copy)


def test_a_shallow_copy_of_a_node_has_the_same_operands() -> None:
    x = Value(3.0)
    y = x * x
    twin = copy.copy(y)
    assert twin is not y
    assert (twin.data, twin.op, twin.parents, twin.local_derivatives) == (
        9.0,
        "mul",
        (x, x),
        (3, 3),
    )
    twin.backward()
    assert (x.grad, y.grad) == (6.0, 0.0)
