"""Traversal: parents before children, each node once, however deep."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core.graph import interior_order
from tests.random_graphs import FUNCTIONS, Program, programs


@given(programs())
def test_the_order_is_topological_and_complete(program: Program) -> None:
    nodes = program.run_all([Value(x) for x in program.leaves], FUNCTIONS)
    root = nodes[-1]
    order = ad.topological_order(root)
    position = {node: i for i, node in enumerate(order)}
    assert len(position) == len(order)
    assert order[-1] is root
    for node in order:
        assert all(position[parent] < position[node] for parent in node.parents)
    reached, frontier = set(), {root}
    while frontier:
        reached |= frontier
        frontier = {p for node in frontier for p in node.parents} - reached
    assert set(order) == reached
    assert set(interior_order(root)) == {node for node in order if node.parents}
    assert set(ad.leaves(root)) == {node for node in order if not node.parents}


@given(programs())
def test_the_interior_order_is_topological(program: Program) -> None:
    root = program.run([Value(x) for x in program.leaves], FUNCTIONS)
    seen: set[Value] = set()
    for node in interior_order(root):
        assert all(parent in seen for parent in node.parents if parent.parents)
        seen.add(node)


def test_leaves_come_in_the_order_in_which_they_are_met() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    assert [leaf.label for leaf in ad.leaves((a * b + c) * a)] == ["a", "b", "c"]


def test_several_roots_and_none() -> None:
    a, b = Value(1.0), Value(2.0)
    p, q = a + b, a * b
    order = ad.topological_order(p, q, p, a)
    assert len(order) == 4
    assert set(order) == {a, b, p, q}
    assert ad.topological_order() == []
    assert ad.topological_order(a) == [a]
    assert interior_order(a) == []


@dataclass(eq=False)
class Task:
    """Not a Value: the traversal asks for ``parents`` only."""

    parents: tuple[Task, ...] = field(default=())


def test_it_knows_nothing_of_a_node_but_its_parents() -> None:
    first = Task()
    second = Task((first,))
    assert ad.topological_order(Task((second, first)))[:2] == [first, second]


def test_deep_graphs_need_no_recursion() -> None:
    task = Task()
    chain = [task]
    for _ in range(200_000):
        task = Task((task,))
        chain.append(task)
    assert ad.topological_order(task) == chain
    while chain:  # plain dataclasses: let go from the end, so that nothing nests
        chain.pop()


def test_deep_graphs_of_values_need_no_recursion() -> None:
    node = Value(1.0)
    chain = [node]
    for _ in range(200_000):
        node = -node
        chain.append(node)
    assert ad.topological_order(node) == chain
    assert interior_order(node) == chain[1:]
