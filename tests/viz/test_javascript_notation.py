"""Formulas for people in JavaScript: they say the numbers, and read like a textbook."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value
from tests.viz import node
from tests.viz.test_javascript_numbers import sampled

pytestmark = node.needs_node

IMPORTS = """\
import { evaluate, readGraph } from "./graph.js";
import * as N from "./notation.js";
import { parse } from "./parse.js";
"""
FORMULAS = """(text, values) => {
  const { graph } = parse(text, values), read = evaluate(readGraph(graph));
  const rules = read.nodes.filter((n) => n.op === "").map((n) => {
    const { left, right, value } = N.chainRule(read, n.id);
    return [`${left} = ${right}`, value];
  });
  const root = read.nodes[read.roots[0]];
  const local = root.parents.map((_, i) => N.localFormula(read, root.id, i));
  return [N.definition(read, root.id), local, rules];
}"""
LOCAL = """(json) => {
  const read = evaluate(readGraph(json)), [root] = read.roots;
  const local = read.nodes[root].parents.map((_, i) => N.localFormula(read, root, i));
  return [N.definition(read, root), ...local];
}"""
SUPERSCRIPTS = {**dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)), "⁻": "-"}
SIGNS = {"·": "*", "−": "-", "^": "**", " = ": " == ", "≥": ">=", "≤": "<=", "π": "pi"}


def as_python(formula: str) -> str:
    """A formula in print as Python reads it."""
    raised = re.compile(f"[{''.join(SUPERSCRIPTS)}]+")
    text = raised.sub(lambda m: f"**({''.join(SUPERSCRIPTS[c] for c in m[0])})", formula)
    for sign, typed in SIGNS.items():
        text = text.replace(sign, typed)
    return text


def evaluated(formula: str, names: dict[str, float]) -> float:
    """The number that a formula says, with the table's functions."""

    def function(op: str) -> Any:
        return lambda *operands: ad.PRIMITIVES[op].evaluate([float(x) for x in operands])

    scope: dict[str, Any] = {op: function(op) for op in ad.PRIMITIVES}
    scope |= {"where": lambda c, a, b: a if c else b, "pi": np.pi, **names}
    return float(eval(as_python(formula), scope))


def test_formulas_of_every_row_say_its_numbers() -> None:
    generator = np.random.default_rng(4)
    graphs, nodes = [], []
    for row in ad.PRIMITIVES:
        for point in sampled(row, generator, 8):
            if len(point) > 6:  # then some terms are left out
                continue
            leaves = [Value(x, f"v{i}") for i, x in enumerate(point)]
            nodes.append(ad.core.recording.apply(row, *leaves))
            graphs.append([node.graph_json(nodes[-1])])
    for root, (value, *local) in zip(nodes, node.run(IMPORTS, LOCAL, graphs), strict=True):
        names = {leaf.label: leaf.data for leaf in root.parents} | {"output": root.data}
        assert node.agree([evaluated(value, names)], [root.data], scale=1.0), value
        for formula, expected in zip(local, root.local_derivatives, strict=True):
            assert node.agree([evaluated(formula, names)], [expected], scale=1.0), formula


# Expression -> its last operation, and the local derivative toward each operand.
TEXTBOOK = [
    ("tanh(s)", "tanh(s)", ["1 − tanh(s)²"]),
    ("h = tanh(s)", "tanh(s)", ["1 − h²"]),
    ("w*x + b", "w·x + b", ["1", "1"]),
    ("(x - y)**2", "(x − y)²", ["2·(x − y)", "(x − y)²·log(x − y)"]),
    ("x**-1", "x⁻¹", ["−x⁻²", "x⁻¹·log(x)"]),
    ("a/b", "a / b", ["1 / b", "−a / b²"]),
    ("a/(b*c)", "a / (b·c)", ["1 / (b·c)", "−a / (b²·c²)"]),
    ("-x**2", "−x²", ["−1"]),
    ("a - (b - c)", "a − (b − c)", ["1", "−1"]),
    ("a*(b + c)", "a·(b + c)", ["b + c", "a"]),
    ("exp(-x*x)", "exp(−x²)", ["exp(−x²)"]),
    ("relu(x)", "relu(x)", ["where(x > 0, 1, 0)"]),
    ("gelu(x)", "gelu(x)", ["erfc(−x / sqrt(2)) / 2 + x·exp(−x² / 2) / sqrt(2·π)"]),
    ("greater(a, b)", "a > b", ["0", "0"]),
    ("mean(a, b, c)", "(a + b + c) / 3", ["1 / 3"] * 3),
    ("mean(a,b,c,d,e,f,g)", "(a + b + … + g) / 7", ["1 / 7"] * 7),
    ("2*x + 0.1234567", "2·x + 0.123457", ["1", "1"]),
    ("1e30*x", "1e30·x", ["x", "1e30"]),
    ("s = x*x; u = s*s", "s²", ["s", "s"]),
]


def test_formulas_read_like_a_textbook() -> None:
    names = {name: 0.5 + i for i, name in enumerate("ybcdefghswxa")}
    results = node.run(IMPORTS, FORMULAS, [(text, names) for text, _, _ in TEXTBOOK])
    for (text, *expected), (definition, local, _) in zip(TEXTBOOK, results, strict=True):
        assert [definition, local] == expected, text


CHAIN_RULES = [
    (
        "s = w*x + b\nh = tanh(s)\nL = (h - t)**2",
        [
            "∂L/∂w = 2·(h − t)·(1 − h²)·x",
            "∂L/∂x = 2·(h − t)·(1 − h²)·w",
            "∂L/∂b = 2·(h − t)·(1 − h²)",
            "∂L/∂t = −2·(h − t)",
        ],
    ),
    ("a + a", ["∂(a + a)/∂a = 1 + 1"]),
    ("L = 1 / x", ["∂L/∂x = −L / x"]),
    ("p = x*y; q = sin(x)", ["∂p/∂x + ∂q/∂x = y + cos(x)", "∂p/∂y + ∂q/∂y = x"]),
    ("a = x; b = a + a; c = b + b; d = c + c; e = d + d; f = e + e", ["∂f/∂x = ∂f/∂b + ∂f/∂b"]),
    (
        "L = where(greater(x, 0), x*y, y)",
        [
            "∂L/∂x = where(x > 0, 1, 0)·y",
            "∂L/∂y = where(x > 0, 1, 0)·x + where(x ≤ 0, 1, 0)",
        ],
    ),
]


def test_the_chain_rule_is_written_with_the_users_names() -> None:
    names = dict.fromkeys("wxybta", 2.0)
    results = node.run(IMPORTS, FORMULAS, [(text, names) for text, _ in CHAIN_RULES])
    for (_, rules), (_, _, found) in zip(CHAIN_RULES, results, strict=True):
        assert [rule for rule, _ in found] == rules


def test_names_of_nodes() -> None:
    x, other, unnamed = Value(1.0, "x"), Value(2.0, "x"), Value(3.0)
    strange, indexed = Value(4.0, "my <b>\n weight"), Value(5.0, "w")
    root = x * other + unnamed * strange + (indexed * indexed * x + x * x * x) * 2
    json = node.graph_json(root)
    for each in json["nodes"]:
        if each["label"] == "w":
            each["name"] = "w¹₁₂"
    function = """(json) => {
      const read = evaluate(readGraph(json));
      return [N.namesOf(read), read.nodes.map((n) => N.nodeText(read, n.id)),
        N.definition(read, read.roots[0]), N.localFormula(read, read.roots[0], 0)];
    }"""
    [[names, texts, _, _]] = node.run(IMPORTS, function, [[json]])
    assert {"x", "x#2", "v1", '"my <b> weight"', "w¹₁₂", "output"} <= set(names)
    assert "(w¹₁₂)²" in texts
    assert all(text for text in texts)


def test_numbers() -> None:
    texts = {
        1.0: "1",
        -0.5: "−0.5",
        1 / 3: "0.333333",
        1e-7: "1e−7",
        1.5e300: "1.5e300",
        float("nan"): "NaN",
        float("-inf"): "−∞",
        123456789.0: "123457000",
    }
    assert node.run(IMPORTS, "(x) => N.numberText(x)", [[x] for x in texts]) == [*texts.values()]
