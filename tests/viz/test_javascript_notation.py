"""Formulas for people in JavaScript: they say the numbers, and read like a textbook."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core.graph import topological_order
from tests.viz import node
from tests.viz.test_javascript_numbers import sampled
from viz._node_text import label_lines

pytestmark = node.needs_node

IMPORTS = """\
import { evaluate, readGraph } from "./graph.js";
import { nameNodes, numberText } from "./names.js";
import { chainTerm, definition } from "./notation.js";
import { parse } from "./parse.js";
"""
# The operation of a root, and the chain rule over each of its operands.
FORMULAS = """(json) => {
  const graph = nameNodes(evaluate(readGraph(json))), root = graph.nodes[graph.roots[0]];
  return [definition(graph, root.id), ...root.operands.map((edge) => chainTerm(graph, edge))];
}"""
TYPED = f"(text, values) => ({FORMULAS})(parse(text, values).graph)"
PRIME = "\N{PRIME}"
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


def local_of(term: str, output: str) -> str:
    """The local derivative in the chain rule over one edge to the root."""
    local, times, upstream = term.rpartition(" · ")
    assert upstream == f"∂{output}/∂{output}"
    assert bool(times) == bool(local)
    return local or "1"


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
    for root, (value, *terms) in zip(nodes, node.run(IMPORTS, FORMULAS, graphs), strict=True):
        names = {leaf.label: leaf.data for leaf in root.parents} | {"output": root.data}
        assert node.agree([evaluated(value, names)], [root.data], scale=1.0), value
        for term, expected in zip(terms, root.local_derivatives, strict=True):
            formula = local_of(term, "output")
            assert node.agree([evaluated(formula, names)], [expected], scale=1.0), formula


# Expression -> its last operation, and the local derivative toward each operand, as a factor.
TEXTBOOK = [
    ("tanh(s)", "tanh(s)", ["(1 − tanh(s)²)"]),
    ("h = tanh(s)", "tanh(s)", ["(1 − h²)"]),
    ("w*x + b", "v1 + b", ["1", "1"]),
    ("(x - y)**2", "v1²", ["2·v1", "output·log(v1)"]),
    ("x**-1", "x⁻¹", ["(−x⁻²)", "output·log(x)"]),
    ("a/b", "a / b", ["(1 / b)", "(−output / b)"]),
    ("-x", "−x", ["(−1)"]),
    ("a - b", "a − b", ["1", "(−1)"]),
    ("x*x", "x²", ["x", "x"]),
    ("x*2", "2·x", ["2", "x"]),
    ("exp(x)", "exp(x)", ["exp(x)"]),
    ("relu(x)", "relu(x)", ["where(x > 0, 1, 0)"]),
    ("gelu(x)", "gelu(x)", ["(erfc(−x / sqrt(2)) / 2 + x·exp(−x² / 2) / sqrt(2·π))"]),
    ("greater(a, b)", "a > b", ["0", "0"]),
    ("mean(a, b, c)", "(a + b + c) / 3", ["(1 / 3)"] * 3),
    ("mean(a,b,c,d,e,f,g)", "(a + b + … + g) / 7", ["(1 / 7)"] * 7),
    ("x + 0.1234567", "x + 0.123457", ["1", "1"]),
    ("1e30*x", "1e30·x", ["x", "1e30"]),
    ("w1*-2.5", "−2.5·w1", ["(−2.5)", "w1"]),
]


def test_formulas_read_like_a_textbook() -> None:
    names = {name: 0.5 + i for i, name in enumerate("ybcdefghswxa")}
    results = node.run(IMPORTS, TYPED, [(text, names) for text, *_ in TEXTBOOK])
    for (text, operation, factors), (definition, *terms) in zip(TEXTBOOK, results, strict=True):
        output = "h" if text.startswith("h =") else "output"
        found = [local_of(term, output) for term in terms]
        assert [definition, found] == [operation, factors], text


def test_the_chain_rule_is_of_the_sum_of_several_roots() -> None:
    function = """(text) => {
      const graph = nameNodes(evaluate(readGraph(parse(text).graph)));
      return graph.edges.map((edge) => chainTerm(graph, edge));
    }"""
    [terms] = node.run(IMPORTS, function, [["p = x*y; q = sin(x)"]])
    assert terms == ["y · ∂Σ/∂p", "x · ∂Σ/∂p", "cos(x) · ∂Σ/∂q"]


NAMES = """(json) => {
  const graph = nameNodes(readGraph(json));
  return [graph.nodes.map((n) => n.name), graph.nodes.map((n) => n.symbol)];
}"""


def test_names_of_nodes() -> None:
    x, other, unnamed, taken = (Value(1.0, label) for label in ("x", "x", "", "v1"))
    strange, indexed, long = (Value(4.0, label) for label in ("my <b>\n weight", "w", "n" * 30))
    root = ad.sum([x, other, unnamed, taken, strange, indexed, long]) * 2
    json = node.graph_json(root)
    for each in json["nodes"]:
        if each["label"] == "w":
            each["name"] = "w¹₁₂"
    [[names, symbols]] = node.run(IMPORTS, NAMES, [[json]])
    place = {each: position for position, each in enumerate(topological_order(root))}
    expected = {
        **{x: "x", other: "x#2", unnamed: "v2", taken: "v1", strange: "my <b> weight"},
        **{indexed: "w¹₁₂", long: "nnnnnnnnnnn…nnnnnn", root: "output"},
    }
    assert {each: names[place[each]] for each in expected} == expected
    assert symbols[place[strange]] == '"my <b> weight"'
    assert symbols[place[indexed]] == "w¹₁₂"
    [constant] = [each for each in place if each.op == "constant"]
    assert names[place[constant]] == symbols[place[constant]] == ""


def test_names_of_the_textbook_stand_as_they_are() -> None:
    given = [f"w{PRIME}₁₁", "out w₁₂", "encoder b¹₁"]
    root = Value(2.0, f"w{PRIME}") * Value(3.0, "out w")
    for name in given:
        root = root * Value(1.5, name) ** 2
    json = node.graph_json(root)
    for each in json["nodes"]:
        if each["label"] in given:
            each |= {"name": each["label"], "label": "the path"}
    [[_, symbols]] = node.run(IMPORTS, NAMES, [[json]])
    assert {f"w{PRIME}", '"out w"', *given} <= {*symbols}
    squares = """(json) => {
      const graph = nameNodes(evaluate(readGraph(json)));
      return graph.nodes.filter((n) => n.op === "pow").map((n) => definition(graph, n.id));
    }"""
    assert node.run(IMPORTS, squares, [[json]]) == [
        [f"(w{PRIME}₁₁)²", "(out w₁₂)²", "(encoder b¹₁)²"]
    ]


def test_the_work_of_naming_grows_with_the_nodes_alone() -> None:
    function = f"""(json) => {{
      let asked = 0;
      for (const [kind, method] of [[Set, "has"], [Map, "get"], [Map, "has"]]) {{
        const original = kind.prototype[method];
        kind.prototype[method] = function (key) {{
          asked += 1;
          return original.call(this, key);
        }};
      }}
      return [({NAMES})(json)[0], asked];
    }}"""
    count = 2000
    json = node.graph_json(*[Value(1.0, "w") for _ in range(count)], Value(1.0, "w#2"))
    [[names, asked]] = node.run(IMPORTS, function, [[json]])
    assert len({*names}) == count + 1
    assert {"w", f"w#{count}"} <= {*names}
    assert asked < 10 * count


ACTING = [
    *(chr(code) for code in [*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0)]),
    *"\xad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2064\ufff9\ufffb\U0001d173\U000e0001\U000e0020",
    *(chr(code) for code in [*range(0x2028, 0x202F), *range(0x2066, 0x2070), 0xFEFF, 0xD800]),
]
STANDING = [*"\u200c\u200d\u0301\ufe0fשو𞤀é\u2032🧠\u3000\xb7"]


def test_pictures_and_the_page_show_the_same_characters_as_they_are() -> None:
    texts = [f"a{character}b" for character in (*ACTING, *STANDING)]
    labelled = [[node.graph_json(Value(1.0, text))] for text in texts]
    names = [name.strip("\u2068\u2069") for [[name], _] in node.run(IMPORTS, NAMES, labelled)]
    tooltips = node.run(
        'import { tooltipText } from "./names.js";', "tooltipText", [[text] for text in texts]
    )
    for text, name, tooltip in zip(texts, names, tooltips, strict=True):
        [line] = label_lines(text)
        kept = text[1] in STANDING
        assert (line == text) == (tooltip == text) == kept, ascii(text)
        assert (text[1] in name) == (kept and text[1] != "\u3000"), ascii(text)
        assert not {line, name, tooltip} & {"ab"}


def test_names_from_right_to_left_stand_apart_from_what_is_beside_them() -> None:
    labels = ["שלום", "وزن", "my שלום", "w", "𞤀", "ärger", "a\u202eb", "نیم\u200cخط"]
    values = [Value(1.0, label) for label in labels]
    root = ad.sum(values)
    [[names, symbols]] = node.run(IMPORTS, NAMES, [[node.graph_json(root)]])
    place = topological_order(root)
    shown = {each.label: names[position] for position, each in enumerate(place) if each.label}
    isolated = {"שלום", "وزن", "my שלום", "𞤀", "نیم\u200cخط"}
    for label in labels:
        visible = label.replace("\u202e", "\ufffd")
        wanted = f"\u2068{visible}\u2069" if label in isolated else visible
        assert shown[label] == wanted
    assert '\u2068"my שלום"\u2069' in symbols


def test_numbers() -> None:
    texts = {
        1.0: "1",
        -0.5: "−0.5",
        1 / 3: "0.333333",
        1e-7: "1e−7",
        1.5e300: "1.5e300",
        float("nan"): "NaN",
        float("-inf"): "−∞",
        123456789.0: "1.23457e8",
    }
    found = node.run(IMPORTS, "(x) => numberText(x, 6)", [[x] for x in texts])
    assert found == [*texts.values()]
    assert node.run(IMPORTS, "(x) => numberText(x)", [[1 / 3]]) == ["0.3333"]
