"""Where the pages put nodes and edges, in Node with the layout library of the pages."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from tests.viz import node
from viz.explorer.build import LIBRARY

pytestmark = node.needs_node

IMPORTS = f"""\
import {{ runInThisContext }} from "node:vm";
import {{ layOut }} from "./layout.js";
runInThisContext(readFileSync({str(LIBRARY)!r}, "utf8"));
const empty = () => new dagre.graphlib.Graph({{ multigraph: true }});
"""
# Edges of which a point lies before the one before it, by how far; and how often it was laid out.
BACKWARD = """(json, direction) => {
  const graph = { ...json, nodes: json.nodes.map((n) => ({ ...n, uses: [] })) };
  const sizes = graph.nodes.map((n) => n.op === "constant"
    ? { width: 20, height: 20 } : { width: 70 + 7 * (n.id % 9), height: 59 });
  let count = 0;
  const arrange = (...given) => { count += 1; dagre.layout(...given); };
  const { wires } = layOut(graph, sizes, direction, empty, arrange);
  const axis = direction === "LR" ? "x" : "y";
  const back = ({ points }) =>
    Math.max(...points.slice(1).map((point, i) => points[i][axis] - point[axis]));
  return [count, wires.size, [...wires.values()].map(back).filter((far) => far > 1e-9)];
}"""


def chained(length: int, early: int) -> Value:
    """A chain, and beside it what is made of an early part of it."""
    y = Value(0.5, "x")
    for step in range(length):
        y = ad.tanh(y)
        if step == early:
            branch = ad.tanh(y)
    return y + ad.tanh(branch)


def drawn(rng: random.Random) -> dict[str, Any]:
    """A graph whose operands are mostly recent nodes and at times any."""
    count, far = rng.randint(2, 60), rng.choice([0.0, 0.1, 0.3])
    nodes: list[dict[str, Any]] = []
    for position in range(count):
        width = 0 if position < 2 or rng.random() < 0.15 else rng.choice([1, 2, 2, 3])
        recent = range(max(0, position - 3), position)
        parents = [
            rng.randrange(position) if rng.random() < far else rng.choice(recent)
            for _ in range(width)
        ]
        op = "sum" if parents else rng.choice(["", "", "constant"])
        nodes.append({"id": position, "op": op, "label": "", "parents": parents})
    used = {parent for each in nodes for parent in each["parents"]}
    roots = [each["id"] for each in nodes if each["id"] not in used]
    return {"roots": roots, "nodes": nodes}


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_every_edge_goes_forward(direction: str) -> None:
    rng = random.Random(3)
    graphs = [drawn(rng) for _ in range(60)]
    graphs += [node.graph_json(chained(22, early)) for early in (8, 10, 12, 16)]
    cases: list[list[Any]] = [[graph, direction] for graph in graphs]
    for (graph, _), (count, wires, back) in zip(
        cases, node.run(IMPORTS, BACKWARD, cases), strict=True
    ):
        assert wires == sum(len(each["parents"]) for each in graph["nodes"])
        assert back == []
        assert count <= 2  # layouts


def test_edges_side_by_side_do_not_cross_for_the_sake_of_their_numbers() -> None:
    rng = random.Random(3)
    graphs = [[drawn(rng)] for _ in range(60)]
    function = """(json) => {
      const sizes = json.nodes.map(() => ({ width: 110, height: 59 }));
      const { nodes, wires } = layOut(json, sizes, "TB", empty, dagre.layout);
      const labelled = [...wires.values()].filter(({ from, points }) =>
        points.length === 3 && json.nodes[from].op !== "constant");
      return labelled.map(({ from, to, points }) =>
        [points[1].y, nodes[from].x, points[1].x, nodes[to].x]);
    }"""
    for wires in node.run(IMPORTS, function, graphs):
        for gap, start, middle, stop in wires:
            for other, begin, between, end in wires:
                if gap == other and start < begin and stop <= end:
                    assert middle < between


def test_no_two_numbers_stand_between_edges_that_are_near() -> None:
    model = nn.MLP(2, [8, 8, 1], rng=0)
    json = node.graph_json(*model([Value(0.5, "x1"), Value(-1.0, "x2")]))
    function = """(json, direction) => {
      const sizes = json.nodes.map(() => ({ width: 110, height: 59 }));
      const { wires } = layOut(json, sizes, direction, empty, dagre.layout);
      return [...wires.values()].filter(({ from }) => json.nodes[from].op !== "constant")
        .map(({ label, bends }) => [label.x, label.y, bends]);
    }"""
    across, down = node.run(IMPORTS, function, [[json, "LR"], [json, "TB"]])
    # The room that a number gets is 48 wide and 12 high, and this far on one side of its edge.
    lines = [[x, y + (10 if bends else -9), 12] for x, y, bends in across]
    starts = [[y, x + (7 if bends else -7 - 48), 48] for x, y, bends in down]
    for marks in (lines, starts):
        for (gap, place, size), (other, beside, _) in itertools.combinations(marks, 2):
            assert gap != other or abs(place - beside) >= size
