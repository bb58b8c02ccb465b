"""Typed expressions in JavaScript: what the command makes of them, in numbers and in words."""

from __future__ import annotations

import random
from typing import Any

from autograd_mini import Value
from autograd_mini.command.expression import ExpressionError, parse_expression
from autograd_mini.core.value import Constant
from tests.command.test_cli import FLAT_SUM, FORBIDDEN
from tests.command.test_cli import typed as random_text
from tests.random_graphs import Program
from tests.viz import node, typed

pytestmark = node.needs_node

IMPORTS = """\
import { EXAMPLES } from "./examples.js";
import { definition } from "./notation.js";
import { evaluate, gradients, readGraph } from "./graph.js";
import { countPaths } from "./paths.js";
import { parse } from "./parse.js";
"""
RESULT = """(text, values) => {
  try {
    const { graph, names, starts } = parse(text, values);
    const read = evaluate(readGraph(graph)), found = gradients(read);
    const inputs = names.map((name) => read.nodes.find((n) => n.op === "" && n.label === name).id);
    return { names, starts, outputs: read.roots.map((id) => read.nodes[id].data),
      labels: read.roots.map((id) => read.nodes[id].label),
      written: read.roots.map((id) => definition(read, id)),
      gradients: inputs.map((id) => found[id]), nodes: read.nodes.length, message: "" };
  } catch (error) {
    if (error.name !== "ExpressionError") throw error;
    return { message: error.message, start: error.start, stop: error.stop };
  }
}"""


def read(*texts: str, values: dict[str, float] | None = None) -> list[Any]:
    return node.run(IMPORTS, RESULT, [(text, values or {}) for text in texts])


def refusal(text: str) -> str:
    """What the command says of a text; empty if it takes it."""
    try:
        parse_expression(text)
    except ExpressionError as error:
        return str(error)
    return ""


def test_random_expressions_are_the_engines() -> None:
    rng = random.Random(1)
    programs: list[tuple[Program, str]] = []
    while len(programs) < 300:
        program = typed.draw(rng)
        text = typed.as_expression(program, rng)
        if len(text) < 3_000:
            programs.append((program, text))
    cases = [(text, typed.leaves_of(program)) for program, text in programs]
    for (text, given), found in zip(cases, node.run(IMPORTS, RESULT, cases), strict=True):
        expression = parse_expression(text)
        values = {name: Value(number, name) for name, number in given.items()}
        root = expression(values)
        if not isinstance(root, Constant):
            root.backward()
        assert found["names"] == list(expression.names), text
        assert node.agree(found["outputs"], [root.data], scale=1e-3), text
        expected = [values[name].grad for name in expression.names]
        assert node.agree(found["gradients"], expected, scale=1e-3), text


def test_precedence_is_the_commands() -> None:
    rng = random.Random(4)
    texts = ["x**yy**2", "-x**2", "2**-x**2", "x - yy - 2", "x/yy/2", "x/yy*2", "-x*yy", "- -x"]
    while len(texts) < 300:
        try:
            texts.append(random_text(rng, depth=5).text)
        except (ArithmeticError, ValueError, TypeError):  # Python's arithmetic is not IEEE's
            continue
    given = {"x": 0.7, "yy": -1.3}
    for text, found in zip(texts, read(*texts, values=given), strict=True):
        assert node.agree(found["outputs"], [parse_expression(text)(given).data]), text


def test_named_expressions_make_the_graph_of_the_program() -> None:
    rng = random.Random(2)
    programs = [typed.draw(rng) for _ in range(100)]
    cases = [(typed.as_statements(p, rng), typed.leaves_of(p)) for p in programs]
    one = [(typed.as_expression(p, rng), typed.leaves_of(p)) for p in programs]
    results = node.run(IMPORTS, RESULT, cases)
    for (text, _), found, (inline, given) in zip(cases, results, one, strict=True):
        if len(inline) > 10_000:
            continue
        values = {name: Value(number, name) for name, number in given.items()}
        root = parse_expression(inline)(values)
        if isinstance(root, Constant):
            continue
        root.backward()
        assert found["message"] == "", text
        assert node.agree(found["outputs"], [root.data], scale=1e-3), text
        gradients = dict(zip(found["names"], found["gradients"], strict=True))
        for name, value in values.items():  # what is given a number has a gradient, too
            assert node.agree([gradients.get(name, 0.0)], [value.grad], scale=1e-3), text


REFUSED = [
    *FORBIDDEN,
    *("(x", "x +", "x y", "x)", "@", "import os", "", "   ", "\n", "x" * 100_000, "x # y"),
    *("x*" * 50 + "y.z" + "*x" * 50, "2x", "x(x+1)", "1 + sin(", "arctan(x)", "max(x, 1)"),
    *("x\N{MULTIPLICATION SIGN}2", "\N{SQUARE ROOT}x", "x + \N{GREEK SMALL LETTER PI}\u0301$"),
    *("x\N{MIDDLE DOT}y", "w \N{MIDDLE DOT} x", "2\N{MIDDLE DOT}x", "x\N{GREEK ANO TELEIA}y"),
    *("cosinus(x)", "sigmod(x)", "qqqqq(x)", "so(x)", "soft(x)", "logit(x)", "Tanh(x)", "f(x)"),
    *("sin()", "sin(,x)", "(,)", "f(x).y", "sin(x).y", "x.y(z)", "(x)[0]", "x if y"),
    *("1__0", "1_", "0x", "0b12", "0o8", "0x" + "f" * 300, "1e999 + 9" + "9" * 400, "x 'a\\'", "'"),
    *("x\x00y", "\x07", "x\ufeff", "\U0001d4b3 y", "\u00b2x", "x\u2044y", "\ud800", "a\u200bb"),
    *('"it\'s"', "x + 'it\"s'", "x + '\\'", "for x", "None", "x.5.y", "*x", "sum(**x)", "not", "~"),
    *("(" * 4999 + "x" + ")" * 4999, "-" * 9000 + "x", "sin(" * 2000, "[" * 10_000, "x*(" * 3333),
]


def test_what_is_refused_is_refused_in_the_same_words() -> None:
    assert all(map(refusal, REFUSED))
    for text, found in zip(REFUSED, read(*REFUSED), strict=True):
        assert found["message"] == refusal(text)


def test_random_texts_are_taken_or_refused_alike() -> None:
    rng = random.Random(3)
    letters = "xy01 .+-*/()[]{},:<>'\"\\@^~!%&|_λsinexp\x00²\U0001d4b3"
    texts = ["".join(rng.choices(letters, k=rng.randint(1, 30))) for _ in range(1500)]
    for _ in range(1500):  # nearly right
        characters = [*typed.as_expression(typed.draw(rng, max_steps=2), rng)][:200]
        for _ in range(rng.randint(1, 3)):
            characters[rng.randrange(len(characters))] = rng.choice(["", *letters])
        texts.append("".join(characters))
    results = read(*texts, values={"x": 0.5})
    assert 100 < sum(result["message"] == "" for result in results) < 2_000
    for text, found in zip(texts, results, strict=True):
        assert found["message"] == refusal(text), repr(text)


def test_a_refusal_says_where_in_the_whole_text() -> None:
    text = "a = x\n\n b = a + )c ; d"
    [found] = read(text)
    assert text[int(found["start"]) : int(found["stop"])] == ")"
    assert found["message"].splitlines()[1:] == ["  a + )c", "      ^"]


SEVERAL = {
    "x\n+ y": [5.0],  # as the command reads it
    "x +\ny": [5.0],
    "(x\n*\ny)": [6.0],
    "sin\n(0*x)": [0.0],
    "x*y\ny*y": [6.0, 9.0],
    "x*y; y*y;": [6.0, 9.0],
    "s = x*y\ns + 1": [7.0],
    "s = x*y\nt = s + 1; u = s - 1": [7.0, 5.0],
    "s = x*y; s; s + 1": [6.0, 7.0],
    "z = 1/2\nz*y": [1.5],
    "a = x; a + a": [4.0],
    "ﬁ = x; fi*3": [6.0],
    "3": [3.0],
    "z = 4": [4.0],
    "x": [2.0],
}


def test_several_expressions() -> None:
    for outputs, found in zip(
        SEVERAL.values(), read(*SEVERAL, values={"x": 2.0, "y": 3.0}), strict=True
    ):
        assert (found["message"], found["outputs"]) == ("", outputs)


REFUSED_OF_SEVERAL = {
    "x = x + 1": "'x' is used before it is given",
    "y = x; x = 2": "'x' is used before it is given",
    "s = x; s = y": "'s' is given twice",
    "pi = 3": "'pi' is a number already",
    "s =": "something is missing at its end",
    "if = 3": "'if' is a keyword of Python",
    "x; ; y)": "unexpected ')'",
    " ; \n ;": "the expression is empty",
    "s == 3": "a condition is written",
    "(s = 3)": "unexpected '='",
}


def test_several_expressions_are_refused_clearly() -> None:
    for message, found in zip(REFUSED_OF_SEVERAL.values(), read(*REFUSED_OF_SEVERAL), strict=True):
        assert message in found["message"]


def test_a_number_with_a_name_is_an_input_that_starts_there() -> None:
    text = "x = 2; x*x*constructor"
    [without] = read(text)
    [moved] = read(text, values={"x": 5.0})
    assert (without["starts"], without["names"]) == ({"x": 2.0}, ["x", "constructor"])
    assert (without["outputs"], without["gradients"]) == ([4.0], [4.0, 4.0])
    assert (moved["outputs"], moved["gradients"]) == ([25.0], [10.0, 25.0])


def test_a_long_sum_and_a_deep_expression_are_read() -> None:
    [flat, deep] = read(FLAT_SUM, "-" * 900 + "x", values={"a": 2.0, "x": 3.0})
    assert flat["gradients"] == [parse_gradient(FLAT_SUM, "a", 2.0)]
    assert deep["gradients"] == [1.0]


def parse_gradient(text: str, name: str, at: float) -> float:
    value = Value(at)
    parse_expression(text)({name: value}).backward()
    return value.grad


def test_examples_are_what_they_say() -> None:
    function = """() => EXAMPLES.map(({ title, text, values }) => {
      const { graph, names } = parse(text, values), read = evaluate(readGraph(graph));
      return { title, given: Object.keys(values), names, roots: graph.roots.length,
        edges: read.edges.length, nodes: read.nodes.length,
        paths: read.nodes.filter((n) => n.op === "").map((n) => countPaths(read, n.id)) };
    })"""
    [found] = node.run(IMPORTS, function, [[]])
    by_title = {each["title"]: each for each in found}
    for each in found:
        assert each["names"] == each["given"]
        assert each["nodes"] < 60
    assert by_title["One path"]["paths"] == [1]
    assert len(by_title["Several inputs"]["names"]) > 1
    assert by_title["Several outputs"]["roots"] == 2
    assert by_title["a + a"]["paths"] == [2]
    assert by_title["A graph with 2²⁰ paths"]["paths"] == [2**20]
    assert by_title["A graph with 2²⁰ paths"]["edges"] == 40
    assert {"A neuron", "Softmax with cross-entropy"} <= set(by_title)
