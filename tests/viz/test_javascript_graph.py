"""The two passes over a graph in JavaScript: the engine's numbers, in the engine's order."""

from __future__ import annotations

import math
import random
from itertools import islice
from typing import Any

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core.graph import topological_order
from autograd_mini.core.value import Constant
from autograd_mini.explanation.paths import edge_paths
from tests.random_graphs import FUNCTIONS, random_program
from tests.viz import node

pytestmark = node.needs_node

IMPORTS = """\
import * as G from "./graph.js";
import { countPaths, paths } from "./paths.js";
"""


def drawn(count: int) -> list[tuple[Value, list[Value]]]:
    """Random graphs: the root, and all nodes in order."""
    rng = random.Random(0)
    roots: list[tuple[Value, list[Value]]] = []
    while len(roots) < count:
        program = random_program(rng, max_steps=10)
        root = program.run([Value(x) for x in program.leaves], FUNCTIONS)
        if isinstance(root, Value):  # and no number, from a program that reaches no leaf
            roots.append((root, topological_order(root)))
    return roots


GRAPHS = drawn(150)
CANCELS = 1e-3  # sums of terms near 1 may come out smaller than their rounding's share of 1e-12


def are_the_same(found: Any, expected: Any) -> bool:
    """Bit by bit, NaN for NaN."""
    return repr(found) == repr(expected)


def test_values_and_gradients_are_the_engines() -> None:
    function = """(json) => {
      const blank = (n) => ({ ...n, local: undefined, data: n.parents.length ? NaN : n.data });
      const graph = G.evaluate(G.readGraph({ ...json, nodes: json.nodes.map(blank) }));
      return graph.nodes.map((n, i) => [n.data, G.gradients(graph)[i], ...n.local]);
    }"""
    results = node.run(IMPORTS, function, [[node.graph_json(root)] for root, _ in GRAPHS])
    for (root, order), nodes in zip(GRAPHS, results, strict=True):
        root.backward()
        for (data, gradient, *local), each in zip(nodes, order, strict=True):
            assert node.agree([data], [each.data], CANCELS)
            assert node.agree(local, each.local_derivatives, CANCELS)
            if isinstance(each, Constant):  # not asked for
                assert gradient is None
            else:
                assert node.agree([gradient], [each.grad], CANCELS)


def test_additions_come_in_the_engines_order() -> None:
    """With the engine's own local derivatives every gradient is the same to the last bit."""
    function = "(json) => G.gradients(G.readGraph(json)).map((x) => x ?? 0)"
    results = node.run(IMPORTS, function, [[node.graph_json(root)] for root, _ in GRAPHS])
    for (root, order), found in zip(GRAPHS, results, strict=True):
        for each in order:
            each.grad = 0.0
        root.backward()
        assert are_the_same(found, [each.grad for each in order])


def test_several_roots_are_differentiated_together() -> None:
    a, b = Value(3.0, "a"), Value(0.1, "b")
    shared = a * b
    roots = [shared * shared, shared + a, shared]
    function = """(json) => {
      const graph = G.evaluate(G.readGraph(json));
      return [G.gradients(graph), G.steps(graph).map((step) => step.phase)];
    }"""
    [[found, phases]] = node.run(IMPORTS, function, [[node.graph_json(*roots)]])
    ad.backward(roots)
    assert are_the_same(found, [each.grad for each in topological_order(*roots)])
    assert phases == ["forward"] * 3 + ["seed"] * 3 + ["backward"] * 3


def test_the_ledger_is_that_of_explain() -> None:
    function = """(json) => {
      const graph = G.readGraph(json), walked = G.steps(graph);
      return graph.nodes.map((n) => {
        const { uses, seed, sum } = G.ledger(graph, n.id, walked);
        const kept = uses.map((u) => [u.child, u.operand, u.local, u.upstream, u.contribution]);
        return [kept, seed, sum ?? 0, uses.map((u) => [u.edge, u.parent, u.before, u.after])];
      });
    }"""
    results = node.run(IMPORTS, function, [[node.graph_json(root)] for root, _ in GRAPHS])
    for (root, order), nodes in zip(GRAPHS, results, strict=True):
        place = {each: position for position, each in enumerate(order)}
        for each, (uses, seed, total, edges) in zip(order, nodes, strict=True):
            if isinstance(each, Constant):
                assert (uses, seed) == ([], 0)
                continue
            derivation = ad.explain(root, each)
            expected = [
                [float(place[u.node]), float(u.operand), u.local, u.upstream, u.contribution]
                for u in derivation.uses
            ]
            assert are_the_same(uses, expected)
            assert seed == (each is root)
            assert total == derivation.gradient
            running = float(seed)
            for (_, parent, before, after), use in zip(edges, derivation.uses, strict=True):
                assert (order[int(parent)], before) == (each, running)
                running += use.contribution
                assert after == running


def test_stepping_gives_every_state() -> None:
    """Each step's `before` is the state it finds, and its `after` the one it leaves."""
    function = """(json) => {
      const graph = G.readGraph(json), walked = G.steps(graph);
      const state = (k) => G.gradients(graph, walked.slice(0, k + 1)).map((x) => x ?? 0);
      const used = (step) => step.uses.map((u) => [u.parent, u.before, u.after, u.carries]);
      return [state(-1), walked.map((_, k) => state(k)),
        walked.map((step) => [step.phase, step.node, used(step)])];
    }"""
    results = node.run(IMPORTS, function, [[node.graph_json(root)] for root, _ in GRAPHS[:40]])
    for state, states, walked in results:
        assert not any(state)
        forward = [n for phase, n, _ in walked if phase == "forward"]
        assert forward == sorted(forward)
        assert [n for phase, n, _ in walked if phase == "backward"] != []
        for (_, root, uses), after in zip(walked, states, strict=True):
            for parent, before, then, carries in uses:
                assert state[int(parent)] == before
                assert carries or then == before
                state[int(parent)] = then
            if not uses and after != state:
                state[int(root)] += 1.0  # the seed
            assert after == state


def test_zero_carries_nothing() -> None:
    x = Value(0.0, "x")
    root = ad.where(x > 0, ad.log(x), 0.0) + ad.sqrt(x) * 0.0
    root = root + Value(0.0, "z") * Value(math.inf, "i")
    function = "(json) => G.gradients(G.evaluate(G.readGraph(json))).map((x) => x ?? 0)"
    [found] = node.run(IMPORTS, function, [[node.graph_json(root)]])
    root.backward()
    assert are_the_same(found, [each.grad for each in topological_order(root)])


def test_a_node_of_an_unknown_operation_keeps_its_numbers() -> None:
    leaf = {"id": 0, "op": "", "label": "a", "parents": [], "data": 2.0}
    made = {"id": 1, "op": "my own", "label": "", "parents": [0], "data": "inf", "local": ["nan"]}
    graph = {"roots": [1], "nodes": [leaf, made]}
    function = """(json) => {
      const graph = G.readGraph(json);
      graph.nodes[0].data = 5;
      G.evaluate(graph);
      return [graph.nodes[1].data, G.gradients(graph)];
    }"""
    [[data, gradients]] = node.run(IMPORTS, function, [[graph]])
    assert data == math.inf
    assert are_the_same(gradients, [math.nan, 1.0])


def test_paths_are_the_engines() -> None:
    function = """(json) => {
      const graph = G.readGraph(json);
      return graph.nodes.map((n) => [countPaths(graph, n.id),
        paths(graph, n.id, 30).map((p) => [p.product, p.edges.map((e) => [e.child, e.operand])])]);
    }"""
    results = node.run(IMPORTS, function, [[node.graph_json(root)] for root, _ in GRAPHS])
    for (root, order), nodes in zip(GRAPHS, results, strict=True):
        for each, (count, walked) in zip(order, nodes, strict=True):
            assert count == ad.count_paths(root, each)
            expected = [
                [product, [[float(order.index(n)), float(i)] for n, i in edges]]
                for edges, product in islice(edge_paths(root, each, 10**9), 30)
            ]
            assert repr(walked) == repr(expected)


def test_paths_are_counted_without_walking_them() -> None:
    root = leaf = Value(1.0, "x")
    for _ in range(100):
        root = root + root
    function = "(json) => [countPaths(G.readGraph(json), 0), paths(G.readGraph(json), 0, 3).length]"
    [[count, walked]] = node.run(IMPORTS, function, [[node.graph_json(root)]])
    assert (count, walked) == (2**100, 3)
    assert ad.count_paths(root, leaf) == count


def test_a_deep_graph_overflows_no_stack() -> None:
    root = leaf = Value(1.0, "x")
    for _ in range(20_000):
        root = root + leaf
    function = "(json) => G.gradients(G.evaluate(G.readGraph(json)))[0]"
    assert node.run(IMPORTS, function, [[node.graph_json(root)]]) == [20_001.0]


def test_a_leaf_that_is_used_everywhere_costs_no_more_than_its_edges() -> None:
    """On every layer that an edge crosses the layout makes a place for it."""
    x = Value(0.5, "x")
    horner = used = x
    for _ in range(65):
        horner = horner * x + 1.0
        used = ad.tanh(used + x)
    imports = 'import { shortEdges } from "./layout.js";\n'
    function = """(json) => {
      const edges = shortEdges(json);
      return [edges.reduce((total, { span }) => total + span, 0), edges.length,
        new Set(edges.map(({ from }) => from)).size];
    }"""
    graphs = [node.graph_json(root) for root in (horner, used)]
    for json, (span, kept, nodes) in zip(
        graphs, node.run(imports, function, [[each] for each in graphs]), strict=True
    ):
        assert span < 2 * kept
        assert nodes == len(json["nodes"]) - 1  # all but the root have an edge to stand by
