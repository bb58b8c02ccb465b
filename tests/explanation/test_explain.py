"""Explanations: the textbook's formula, formulas that evaluate to the gradient, valid LaTeX."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.explanation.latex import LatexNotation, latex_name
from autograd_mini.explanation.names import Symbols
from tests.random_graphs import FUNCTIONS, Program, programs


def named(label: str, node: Value) -> Value:
    node.label = label
    return node


def section(text: str, heading: str) -> list[str]:
    """The lines of a text's section, the heading left out."""
    [found] = [part for part in text.split("\n\n") if part.startswith(heading)]
    return [line.strip() for line in found.split("\n")[1:]]


@dataclasses.dataclass
class Net:
    """The one-path net: x -> s1 -> sigma -> s2 -> sigma -> y_hat, with half squared error."""

    x: Value
    y: Value
    w: list[Value]
    b: list[Value]
    y_hat: Value
    loss: Value


def one_path_net(square: Callable[[Value], Value] = lambda e: e**2) -> Net:
    x, y = Value(0.5, "x"), Value(1.0, "y")
    w = [Value(0.3 * i, f"w{i}") for i in (1, 2, 3)]
    b = [Value(0.1 * i, f"b{i}") for i in (1, 2, 3)]
    s1 = named("s1", w[0] * x + b[0])
    s2 = named("s2", w[1] * ad.sigmoid(s1) + b[1])
    y_hat = named("y_hat", w[2] * ad.sigmoid(s2) + b[2])
    return Net(x, y, w, b, y_hat, named("L", 0.5 * square(y_hat - y)))


# The textbook.


@pytest.mark.parametrize("square", [lambda e: e**2, lambda e: e**2.0, ad.square, lambda e: e * e])
def test_one_path_net_as_the_textbook_has_it(square: Callable[[Value], Value]) -> None:
    net = one_path_net(square)
    derivation = ad.explain(net.loss, net.y_hat)
    if len(derivation.terms()) == 2:  # e * e: two uses of e, half of the error each
        assert [term.formula for term in derivation.terms()] == ["0.5 * (y_hat - y)"] * 2
        return
    assert [term.formula for term in derivation.terms()] == ["y_hat - y"]
    expected = {
        net.w[2]: "(y_hat - y) * sigma(s2)",
        net.b[2]: "y_hat - y",
        net.w[1]: "(y_hat - y) * w3 * sigma(s2) * (1 - sigma(s2)) * sigma(s1)",
        net.b[1]: "(y_hat - y) * w3 * sigma(s2) * (1 - sigma(s2))",
        net.w[0]: "(y_hat - y) * w3 * sigma(s2) * (1 - sigma(s2)) * w2"
        " * sigma(s1) * (1 - sigma(s1)) * x",
        net.b[0]: "(y_hat - y) * w3 * sigma(s2) * (1 - sigma(s2)) * w2"
        " * sigma(s1) * (1 - sigma(s1))",
    }
    for leaf, formula in expected.items():
        assert [term.formula for term in ad.explain(net.loss, leaf).terms()] == [formula]


def test_one_path_net_with_activations_that_have_names_too() -> None:
    s = named("s", Value(0.5, "w") * Value(2.0, "x"))
    h = named("h", ad.sigmoid(s))
    [term] = ad.explain(named("L", h * 3), s).terms()
    assert term.formula == "3 * sigma(s) * (1 - sigma(s))"


def test_one_path_net_as_text() -> None:
    net = one_path_net()
    text = str(ad.explain(net.loss, net.w[0]))
    assert text == (
        "gradient of L toward w1: -0.00204105\n"
        "\n"
        "uses of w1\n"
        "  used by w1 * x: local 0.5 × upstream -0.00408211 = -0.00204105\n"
        "  sum = -0.00204105\n"
        "\n"
        "chain rule\n"
        "  d L / d w1 = (y_hat - y) * w3 * sigma(s2) * (1 - sigma(s2)) * w2 * sigma(s1)"
        " * (1 - sigma(s1)) * x = -0.00204105\n"
        "\n"
        "where\n"
        "  L = 0.5 * (y_hat - y)**2 = 0.00870317\n"
        "  w1 = 0.3\n"
        "  x = 0.5\n"
        "  y_hat = w3 * sigma(s2) + b3 = 0.868067\n"
        "  y = 1\n"
        "  w3 = 0.9\n"
        "  s2 = w2 * sigma(s1) + b2 = 0.537306\n"
        "  w2 = 0.6\n"
        "  s1 = w1 * x + b1 = 0.25\n"
        "  b3 = 0.3\n"
        "  b2 = 0.2\n"
        "  b1 = 0.1\n"
        "  sigma = sigmoid"
    )


def test_error_signals_of_the_one_path_net() -> None:
    net = one_path_net()
    text = ad.explain(net.loss, net.w[0]).text("delta")
    assert section(text, "chain rule, with delta(v) = d L / d v") == [
        "delta(y_hat) = y_hat - y = -0.131933",
        "delta(s2) = delta(y_hat) * w3 * sigma(s2) * (1 - sigma(s2)) = -0.0276415",
        "delta(s1) = delta(s2) * w2 * sigma(s1) * (1 - sigma(s1)) = -0.00408211",
        "d L / d w1 = delta(s1) * x = -0.00204105",
    ]


def test_latex_of_the_one_path_net() -> None:
    net = one_path_net()
    derivation = ad.explain(net.loss, net.w[0])
    assert derivation.latex() == (
        r"\begin{aligned}\frac{\partial L}{\partial w_{1}} &= (\hat{y} - y) \, w_{3} \, "
        r"\sigma(s_{2}) \, (1 - \sigma(s_{2})) \, w_{2} \, \sigma(s_{1}) \, (1 - \sigma(s_{1}))"
        r" \, x \\ &= -0.00204105\end{aligned}"
    )
    assert derivation._repr_latex_() == rf"$\displaystyle {derivation.latex()}$"
    assert r"\delta_{s_{1}} &= \delta_{s_{2}} \, w_{2}" in derivation.latex("delta")


def test_sum_over_two_paths() -> None:
    x = Value(0.5, "x")
    left, right = named("a", ad.sin(x)), named("b", x * x)
    text = str(ad.explain(named("y", left * right), x))
    assert section(text, "chain rule, a sum over 3 paths") == [
        "path 1, y <- a <- x: b * cos(x) = 0.219396",
        "path 2, y <- b <- x: a * x = 0.239713",
        "path 3, y <- b <- x: a * x = 0.239713",
        "d y / d x = b * cos(x) + a * x + a * x = 0.698821",
    ]


def derivative(root: Value, leaf: Value) -> str:
    [term] = ad.explain(root, leaf).terms()
    return term.formula


def test_constants_fold_and_the_rest_stays() -> None:
    x, z = Value(0.5, "x"), Value(3.0, "z")
    y = named("y", Value(2.0, "u") + 1)
    assert derivative(0.5 * x**2, x) == "x"
    assert derivative(x**3, x) == "3 * x**2"
    assert derivative(x**0, x) == "0"
    assert derivative(2 * (3 * x), x) == "6"
    assert derivative(x / 3, x) == "1 / 3"
    assert derivative(ad.mean([x, z, z]) * 6, x) == "2"
    assert derivative(-x * z, x) == "-z"
    assert derivative(ad.sqrt(x), x) == "1 / (2 * sqrt(x))"
    assert derivative(1 / x, x) == "-1 / x**2"
    assert derivative(ad.reciprocal(x), x) == "-1 / x**2"
    assert derivative(z / y, y) == "-z / y**2"
    assert derivative(ad.tanh(x), x) == "1 - tanh(x)**2"
    assert derivative(ad.exp(-x), x) == "-exp(-x)"
    assert derivative(x**z, x) == "z * x**(z - 1)"
    assert derivative(z**x, x) == "z**x * log(z)"
    assert derivative(x - 2, x) == "1"
    assert derivative(ad.relu(x), x) == "where(x > 0, 1, 0)"
    assert derivative(ad.leaky_relu(x), x) == "where(x > 0, 1, 0.01)"
    assert derivative(ad.maximum(x, z), x) == "where(x >= z, 1, 0)"
    assert derivative(ad.where(ad.greater(y, z), x * 2, z), x) == "2 * where(y > z, 1, 0)"
    assert derivative(ad.dot([x, z], [z, y]), y) == "z"
    assert derivative(ad.prod([x, z, y]), z) == "x * y"
    assert derivative(ad.hypot(x, z), x) == "x / hypot(x, z)"


# Formulas evaluate to the gradient.


def joined(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda *operands: function(list(operands))


FORMULA_NAMES: dict[str, Any] = {
    **{row: getattr(ad, row) for row in ad.PRIMITIVES},
    **{row: joined(getattr(ad, row)) for row in ("logsumexp", "mean", "variance", "norm", "sum")},
    "softmax": lambda *logits: ad.softmax(logits)[0],
    "log_softmax": lambda *logits: ad.log_softmax(logits)[0],
    "sigma": ad.sigmoid,
    "sign": np.sign,
    "pi": math.pi,
}


def evaluated(formula: str, names: Mapping[str, float]) -> float:
    """The value of a formula in Python's syntax, by Python."""
    numbers = {name: np.float64(number) for name, number in names.items()}
    with np.errstate(all="ignore"):
        return float(eval(formula, {"__builtins__": {}}, FORMULA_NAMES | numbers))


def labelled_run(program: Program, label_steps: bool) -> tuple[Value, list[Value], list[Value]]:
    leaves = [Value(x, f"x{i}") for i, x in enumerate(program.leaves)]
    results = program.run_all(leaves, FUNCTIONS)
    for i, node in enumerate(results[len(leaves) :]):
        if label_steps and isinstance(node, Value):
            node.label = f"s{i}"
    return results[-1], leaves, [node for node in results if isinstance(node, Value)]


@given(programs())
def test_every_path_formula_is_its_product(program: Program) -> None:
    root, leaves, nodes = labelled_run(program, label_steps=True)
    numbers = {node.label: node.data for node in nodes}
    for leaf in leaves:
        derivation = ad.explain(root, leaf)
        if derivation.paths > 50:
            continue
        for term in derivation.terms(limit=50, precision=17):
            expected = pytest.approx(term.value, rel=1e-10, abs=1e-13)
            assert math.prod(evaluated(factor, numbers) for factor in term.factors) == expected
            assert evaluated(term.formula, numbers) == expected


@given(programs(max_steps=6))
def test_the_written_sum_and_the_legend_give_the_gradient(program: Program) -> None:
    root, leaves, _ = labelled_run(program, label_steps=False)
    for leaf in leaves:
        derivation = ad.explain(root, leaf)
        if not 1 <= derivation.paths <= 60 or leaf is root:
            continue
        text = derivation.text("paths", limit=200, precision=17)
        numbers = {leaf.label: leaf.data for leaf in leaves}
        definitions = dict(line.split(" = ")[:2] for line in section(text, "where"))
        formula = section(text, "chain rule")[-1].split(" = ")[1]
        value = resolved(formula, definitions, numbers)
        scale = sum(abs(product) for _, product in ad.path_derivatives(root, leaf))
        assert value == pytest.approx(derivation.gradient, rel=1e-9, abs=1e-9 * scale + 1e-12)


def resolved(formula: str, definitions: Mapping[str, str], numbers: dict[str, float]) -> float:
    """Evaluate a formula whose automatic names the legend defines."""
    for name in re.findall(r"\b(?:v\d+|output)\b", formula):
        if name not in numbers:
            numbers[name] = resolved(definitions[name], definitions, numbers)
    return evaluated(formula, numbers)


@given(programs())
def test_error_signals_are_the_gradients(program: Program) -> None:
    root, leaves, nodes = labelled_run(program, label_steps=True)
    numbers = {node.label: node.data for node in nodes}
    for leaf in leaves:
        derivation = ad.explain(root, leaf)
        if not derivation.uses:
            continue
        known: dict[str, float] = dict(numbers)
        lines = section(derivation.text("delta", limit=200, precision=17), "chain rule, with delta")
        for line in lines:
            left, formula, *_ = re.sub(r"delta\((\w+)\)", r"delta_\1", line).split(" = ")
            known[left] = evaluated(formula, known)
        assert known[left] == pytest.approx(derivation.gradient, rel=1e-9, abs=1e-9)
        for line in lines[:-1]:
            label = re.match(r"delta\((\w+)\)", line)
            assert label is not None
            [node] = [node for node in nodes if node.label == label[1]]
            expected = derivation.gradients.get(node, 0.0)
            assert known[f"delta_{label[1]}"] == pytest.approx(expected, rel=1e-9, abs=1e-9)


# The ledger.


def test_the_ledger_of_a_leaf_used_twice() -> None:
    a, b = Value(0.5, "a"), Value(3.0, "b")
    c = named("c", a * b)
    loss = named("L", 0.5 * c + a * a)
    derivation = ad.explain(loss, a)
    uses = [(u.node.op, u.operand, u.local, u.upstream, u.contribution) for u in derivation.uses]
    assert uses == [
        ("mul", 0, 3.0, 0.5, 1.5),
        ("mul", 0, 0.5, 1.0, 0.5),
        ("mul", 1, 0.5, 1.0, 0.5),
    ]
    assert derivation.gradient == 2.5
    assert section(str(derivation), "uses of a") == [
        "used by c = a * b: local 3 × upstream 0.5 = 1.5",
        "used by a**2 (operand 1): local 0.5 × upstream 1 = 0.5",
        "used by a**2 (operand 2): local 0.5 × upstream 1 = 0.5",
        "sum = 2.5",
    ]


def test_an_operation_that_changes_nothing_is_still_named() -> None:
    x = Value(2.0, "x")
    assert section(str(ad.explain(x * 1.0 + 0.0, x)), "uses of x")[0].startswith(
        "used by mul(x, 1): local 1"
    )


@given(programs())
def test_contributions_add_up_to_the_gradient_exactly(program: Program) -> None:
    root, leaves, _ = labelled_run(program, label_steps=False)
    derivations = [ad.explain(root, leaf) for leaf in leaves]
    assert [leaf.grad for leaf in leaves] == [0.0] * len(leaves)
    root.backward()
    for leaf, derivation in zip(leaves, derivations, strict=True):
        if leaf is root:
            continue
        assert derivation.gradient == leaf.grad
        assert sum(use.contribution for use in derivation.uses) == leaf.grad
        for use in derivation.uses:
            assert use.node.parents[use.operand] is leaf
            assert use.upstream == use.node.grad


def test_explain_changes_nothing() -> None:
    net = one_path_net()
    net.loss.backward()
    nodes = ad.topological_order(net.loss)
    before = [(node.data, node.grad, node.label) for node in nodes]
    derivation = ad.explain(net.loss, net.w[0])
    _ = str(derivation), derivation.latex(), derivation.terms()
    assert [(node.data, node.grad, node.label) for node in nodes] == before


def test_same_words_every_time() -> None:
    def words() -> list[str]:
        net = one_path_net()
        model = nn.MLP(2, [3, 1], rng=0)
        [output] = model([0.5, -1.0])
        derivations = [ad.explain(net.loss, net.x), ad.explain(output, model.parameters()[0])]
        return [d.text(form) + d.latex(form) for d in derivations for form in ("paths", "delta")]

    assert words() == words()


def test_a_derivation_is_frozen() -> None:
    derivation = ad.explain(Value(1.0) * 2, Value(1.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        derivation.gradient = 2.0  # type: ignore[misc]


# The formulas are the table's.


def test_a_row_of_ones_own_is_explained_by_its_formula(register: Callable[..., Any]) -> None:
    partials = ["exp(-k * x) - k * y", "-x * y"]
    ricker = register("ricker", "x, k=1", "x * exp(-k * x)", partials, [(0.1, 2.0), (0.5, 2.0)])
    x = Value(0.5, "x")
    node = ricker(x, 2.0)
    assert derivative(node, x) == "exp(-2 * x) - 2 * ricker(x, 2)"
    assert "used by ricker(x, 2): local" in str(ad.explain(node, x))


def test_a_wrong_row_is_explained_by_its_wrong_formula(
    register_unchecked: Callable[..., Any],
) -> None:
    wrong = register_unchecked("wrong_sine", "x", "sin(x)", ["42 * x"], [(-1.0, 1.0)])
    x = Value(0.5, "x")
    assert derivative(wrong(x), x) == "42 * x"


# Names.


def test_short_nodes_are_written_out_and_long_ones_named() -> None:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.0, "b")
    hidden = ad.tanh(w * x + b)
    output = ad.dot([hidden, hidden, x], [w, b, x])
    text = str(ad.explain(output, b))
    assert "where\n  output = tanh(w * x + b) * w" in text
    deep = x
    for _ in range(6):
        deep = ad.sin(deep)
    deep_text = str(ad.explain(deep, x))
    assert section(deep_text, "chain rule")[0].startswith(
        "d output / d x = cos(sin(v1)) * cos(v1) * cos(sin(sin(sin(x)))) * cos(sin(sin(x))) *"
    )
    assert "v1 = sin(sin(sin(sin(x)))) = 0.651606" in deep_text


def test_automatic_names_keep_clear_of_labels() -> None:
    v1, output = Value(2.0, "v1"), Value(3.0, "output")
    unnamed = Value(5.0)
    text = str(ad.explain(v1 * output * unnamed * v1 + output * unnamed, unnamed))
    assert text.startswith("gradient of v2 toward v3: 15\n")
    assert section(text, "where") == [
        "v2 = v1**2 * output * v3 + output * v3 = 75",
        "v3 = 5",
        "v1 = 2",
        "output = 3",
    ]


def test_equal_labels_are_told_apart() -> None:
    first, second = Value(2.0, "w"), Value(3.0, "w")
    derivation = ad.explain(named("y", first * second), first)
    assert "d y / d w = w#2 = 3" in str(derivation)
    assert r"w^{(2)}" in derivation.latex()


def test_a_node_called_sigma_leaves_the_function_its_full_name() -> None:
    sigma = Value(0.5, "sigma")
    assert derivative(ad.sigmoid(sigma), sigma) == "sigmoid(sigma) * (1 - sigmoid(sigma))"


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("a + b", '"a + b"'),
        ("two\nlines", '"two lines"'),
        ("3", '"3"'),
        ("\x1b[31m", '"\ufffd[31m"'),
        ("layers.0.weights[1]", "layers.0.weights[1]"),
        ("ŷ", "ŷ"),
        ("...x", '"...x"'),
    ],
)
def test_labels_that_read_as_something_else_are_quoted(label: str, written: str) -> None:
    assert derivative(Value(2.0, label) * (x := Value(3.0, "x")), x) == written


def test_a_blank_label_is_none() -> None:
    x = Value(1.0, " ")
    assert str(ad.explain(2 * x, x)).startswith("gradient of output toward v1: 2\n")


@pytest.mark.parametrize(
    ("label", "latex"),
    [
        ("w_1", "w_{1}"),
        ("s3", "s_{3}"),
        ("w12", "w_{12}"),
        ("x_i_j", "x_{i,j}"),
        ("W1_2", "W_{1,2}"),
        ("sigma", r"\sigma"),
        ("theta_0", r"\theta_{0}"),
        ("delta3", r"\delta_{3}"),
        ("y_hat", r"\hat{y}"),
        ("y_hat_2", r"\hat{y}_{2}"),
        ("w_out", r"w_{\mathrm{out}}"),
        ("loss", r"\mathrm{loss}"),
        ("a^b", r"\mathrm{a\hat{\ }b}"),
        (r"\frac", r"\mathrm{\backslash frac}"),
        ("{x}$", r"\mathrm{\{x\}\$}"),
        ("_x", r"\mathrm{\_x}"),
        ("a.b_c", r"\mathrm{a.b\_c}"),
        ("...x", r"\mathrm{...x}"),
        ("w#2", "w^{(2)}"),
        ("w#²", r"\mathrm{w\#²}"),
        ("w#0", r"\mathrm{w\#0}"),
        ("weights.0.0#²", r"\mathrm{weights.0.0\#²}"),
        ("weights.0.0#2", "{w'}_{11}"),
    ],
)
def test_labels_in_latex(label: str, latex: str) -> None:
    assert latex_name(label) == latex


# LaTeX is valid.


def rows(latex: str) -> list[str]:
    inner = latex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
    return [row.replace("&", "", 1) for row in inner.split(r" \\ ")]


@pytest.fixture(scope="module")
def compiles() -> Callable[[str], object]:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("agg")
    return lambda latex: [parser.parse(f"${row}$") for row in rows(latex)]


@settings(max_examples=25)
@given(program=programs(max_steps=5))
def test_latex_of_random_graphs_is_valid(
    compiles: Callable[[str], object], program: Program
) -> None:
    root, leaves, _ = labelled_run(program, label_steps=False)
    derivation = ad.explain(root, leaves[0])
    compiles(derivation.latex())
    compiles(derivation.latex("delta", limit=5))


@pytest.mark.parametrize("row", list(ad.PRIMITIVES))
def test_every_row_is_written(row: str, compiles: Callable[[str], object]) -> None:
    primitive = ad.PRIMITIVES[row]
    operands: list[Any] = []
    for operand, (low, high) in zip(primitive.operands, primitive.domains, strict=True):
        middle = 0.6 * low + 0.4 * high
        group = [Value(middle + 0.01 * i, f"{operand.name}_{i}") for i in (1, 2, 3)]
        operands.append(group if operand.kind == "vector" else group[0])
    root = named("y", FUNCTIONS[row](*operands))
    leaves = [leaf for o in operands for leaf in (o if isinstance(o, list) else [o])]
    numbers = {node.label: node.data for node in [root, *leaves]}
    for leaf in leaves:
        derivation = ad.explain(root, leaf)
        [term] = derivation.terms()
        expected = pytest.approx(derivation.gradient, rel=1e-12, abs=1e-15)
        assert evaluated(term.formula, numbers) == expected
        compiles(derivation.latex())
        compiles(derivation.latex("delta"))


HOSTILE = ["a_b^c", r"\input{x}", "}{", "$$", "100%", "#1", "it's", 'say "x"', "`", "~", "w#2"]
HOSTILE += ["neurons.0.weights.1", "layers.0.neurons.0.weights.1", "layers.0.neurons.0.bias#7"]
HOSTILE += ["layers.0.neurons.0.weights.1#12"]


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_valid_latex(label: str, compiles: Callable[[str], object]) -> None:
    x, z = Value(2.0, label), Value(3.0, label)
    derivation = ad.explain(named("L", x**2 / z**2 + ad.sqrt(x) * z), x)
    compiles(derivation.latex())
    compiles(derivation.latex("delta"))


def test_parameters_of_layers_have_the_names_of_textbooks() -> None:
    w, x = Value(0.5, "layers.0.neurons.0.weights.1"), Value(2.0, "x")
    b = Value(0.0, "layers.0.neurons.0.bias")
    derivation = ad.explain(named("a", ad.tanh(w * x + b) ** 2 * w), w)
    latex = derivation.latex("delta")
    assert r"\frac{\partial a}{\partial w^{(1)}_{12}} &= " in latex
    assert r"w^{(1)}_{12} \, x + b^{(1)}_{1}" in latex
    assert "layers" not in latex
    assert str(derivation).startswith("gradient of a toward layers.0.neurons.0.weights.1:")


def test_two_models_have_two_names() -> None:
    path = "layers.0.neurons.0.weights.1"
    first, second, third = (Value(2.0, path) for _ in range(3))
    latex = ad.explain(named("y", first * second * third), third).latex()
    assert r"\partial {w''}^{(1)}_{12}}" in latex
    assert r"w^{(1)}_{12} \, {w'}^{(1)}_{12}" in latex


ALIKE = ["w12", "w_12", "w12#2", "neurons.0.weights.1", "neurons.0.weights.1#2"]
ALIKE += ["layers.1.neurons.0.weights.1", "modules.1.weights.0.1", "weight.0.1", "w"]


@given(st.lists(st.sampled_from(ALIKE), min_size=2, max_size=12))
def test_no_two_nodes_look_alike(labels: list[str]) -> None:
    leaves = [Value(1.0, label) for label in labels]
    total = ad.sum(leaves)
    symbols = Symbols(total, leaves[0], LatexNotation().seen)
    names = [LatexNotation().interpret(symbols.of(leaf)) for leaf in leaves]
    seen = [re.sub(r"(_\{[^{}]*\})(\^\{[^{}]*\})", r"\2\1", name) for name in names]
    assert len({*seen}) == len(leaves)


def test_a_power_of_a_raised_name_has_parentheses() -> None:
    w = Value(0.5, "layers.0.neurons.0.weights.1")
    assert r"(w^{(1)}_{12})^{2}" in ad.explain(named("y", w**3), w).latex()


def test_ampersand_is_escaped() -> None:
    assert latex_name("a&b") == r"\mathrm{a\&b}"  # mathtext, unlike LaTeX, cannot write it


# Special cases.


def test_the_root_itself() -> None:
    x = Value(2.0, "x")
    derivation = ad.explain(x, x)
    assert (derivation.gradient, derivation.uses, derivation.paths) == (1.0, (), 1)
    assert str(derivation).startswith("gradient of x toward x: 1 (x is the output itself)")
    assert derivation.latex() == r"\begin{aligned}\frac{\partial x}{\partial x} &= 1\end{aligned}"


def test_a_leaf_that_is_not_reached() -> None:
    x, z = Value(2.0, "x"), Value(3.0, "z")
    derivation = ad.explain(named("y", x * 2), z)
    assert (derivation.gradient, derivation.uses, derivation.paths) == (0.0, (), 0)
    assert derivation.terms() == ()
    assert str(derivation).startswith("gradient of y toward z: 0 (y does not depend on z)")


def test_a_constant() -> None:
    x = Value(2.0, "x")
    y = named("y", x * 5)
    derivation = ad.explain(y, y.parents[1])
    assert derivation.gradient == 0.0
    assert "(5 is a constant: no gradient flows toward it)" in str(derivation)
    assert str(ad.explain(x.detach(), x)).startswith("gradient of x toward x#2: 0 (x does not")


def test_an_interior_node() -> None:
    net = one_path_net()
    derivation = ad.explain(net.loss, net.y_hat)
    assert derivation.gradient == pytest.approx(net.y_hat.data - 1.0, rel=1e-15)
    assert derivation.uses[0].node.op == "sub"


@pytest.mark.parametrize("data", [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-320, 1e308])
@pytest.mark.parametrize("form", ["auto", "paths", "delta"])
def test_numbers_of_any_size(data: float, form: Any, compiles: Callable[[str], object]) -> None:
    x = Value(data, "x")
    y = x**2 * 1e308 / x + ad.log(x) * ad.relu(x) + ad.exp(x) * data + 1e-320 * x / data
    derivation = ad.explain(y, x)
    assert f"x = {data:.6g}" in derivation.text(form)
    compiles(derivation.latex(form))


def test_the_arm_not_taken_contributes_zero() -> None:
    x = Value(0.0, "x")
    derivation = ad.explain(ad.where(x > 0, ad.log(x), 2 * x), x)
    assert derivation.gradient == 2.0
    assert [use.contribution for use in derivation.uses] == [0.0, 2.0]
    assert [term.formula for term in derivation.terms()] == ["0", "2"]


# Large graphs.


def test_too_many_paths_fall_back_to_error_signals() -> None:
    x = Value(1.0, "x")
    y = x
    for i in range(30):
        y = named(f"y{i}", y + y)
    derivation = ad.explain(y, x)
    assert derivation.paths == 2**30
    lines = section(str(derivation), "chain rule, with delta(v) = d y29 / d v")
    assert lines[0] == "(1,073,741,824 paths, more than limit=20: written recursively instead)"
    assert lines[1] == "delta(y28) = 1 + 1 = 2"
    assert lines[2] == "delta(y27) = delta(y28) + delta(y28) = 4"
    assert lines[-2:] == [
        "... (10 more)",
        "d y29 / d x = delta(y0) + delta(y0) = 1.07374e+09",
    ]
    assert len(section(derivation.text(limit=100), "chain rule")) == 31
    for write in (derivation.text, derivation.latex):
        with pytest.raises(ValueError, match="1,073,741,824 paths, more than limit=20"):
            write("paths")
    with pytest.raises(ValueError, match="raise limit"):
        derivation.terms()


def test_a_path_too_long_to_read_falls_back_too() -> None:
    x = y = Value(0.5, "x")
    for _ in range(100):
        y = ad.sin(y)
    derivation = ad.explain(y, x)
    assert "(a path has more than 60 steps: written recursively instead)" in str(derivation)
    assert str(derivation.text("paths")).count("cos(") >= 100


def test_error_signals_of_a_multilayer_perceptron() -> None:
    model = nn.MLP(2, [4, 4, 1], rng=0)
    loss = nn.half_squared_error(model([0.5, -1.0]), [0.25])
    weight = model.layers[0].neurons[1].weights[0]
    derivation = ad.explain(loss, weight)
    loss.backward()
    assert derivation.paths == 4
    assert derivation.gradient == weight.grad
    text = derivation.text("delta")
    assert "d output / d layers.0.neurons.1.weights.0 = 0.5 * delta(v" in text
    assert sum(term.value for term in derivation.terms()) == pytest.approx(weight.grad, rel=1e-12)


def test_the_ledger_of_a_chain_of_a_hundred_thousand_operations() -> None:
    length = 100_000
    assert sys.getrecursionlimit() < length
    x = Value(0.5, "x")
    y = x
    for _ in range(length):
        y = y * 1.0
    derivation = ad.explain(y, x)
    assert (derivation.gradient, len(derivation.uses)) == (1.0, 1)


def test_the_ledger_of_a_sum_of_two_hundred_thousand_operands() -> None:
    x, z = Value(0.5, "x"), Value(2.0, "z")
    derivation = ad.explain(named("y", ad.sum([x, z] * 100_000)), x)
    assert (derivation.gradient, len(derivation.uses)) == (100_000.0, 100_000)
    text = derivation.text(limit=2)
    assert section(text, "uses of x")[1:] == [
        "used by y = x + z + x + ... + z (operand 3): local 1 × upstream 1 = 1",
        "and 99,998 more uses, together 99998",
        "sum = 100000",
    ]
    assert "d y / d x = 1 + 1 + ... + 1 = 100000" in text


def test_text_of_a_deep_graph_is_short_and_needs_no_recursion() -> None:
    length = 5_000
    assert sys.getrecursionlimit() < length
    x = y = Value(0.5, "x")
    for i in range(length):
        y = y * 1.0 + 0.0
        if i % 3 == 0:
            y = ad.tanh(y)
    derivation = ad.explain(y, x)
    assert len(str(derivation).splitlines()) < 60
    assert len(derivation.latex()) < 20_000
    assert derivation.text("paths").count("tanh(") > length // 4


# Bad input.


def test_only_values_are_explained() -> None:
    with pytest.raises(TypeError, match="root must be a Value, got float"):
        ad.explain(1.0, Value(1.0))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="leaf must be a Value, got NoneType"):
        ad.explain(Value(1.0), None)  # type: ignore[arg-type]


def test_bad_form_and_limit() -> None:
    derivation = ad.explain(x := Value(1.0, "x"), x)
    writers: list[Callable[..., str]] = [derivation.text, derivation.latex]
    for write in writers:
        with pytest.raises(ValueError, match="form must be 'auto', 'paths' or 'delta', got 'tree'"):
            write("tree")
        with pytest.raises(ValueError, match="limit must be 0 or more, got -1"):
            write(limit=-1)
        with pytest.raises(TypeError, match="limit must be an int, got float"):
            write(limit=2.0)
        with pytest.raises(ValueError, match="precision must be 1 to 17 digits, got 18"):
            write(precision=18)
        with pytest.raises(TypeError, match="precision must be an int, got float"):
            write(precision=2.0)
        assert write("delta", limit=0)


def test_derivatives_over_logits_are_written_with_softmax() -> None:
    z = [Value(0.1 * i, f"z{i}") for i in range(9)]
    cases = [
        (ad.logsumexp(z[:3]), z[1], "softmax(z1, z0, z2)"),
        (ad.log_softmax(z[:3])[0], z[2], "-softmax(z2, z1, z0)"),
        (ad.softmax(z[:3])[0], z[1], "-softmax(z0, z1, z2) * softmax(z1, z2, z0)"),
        (ad.logsumexp(z), z[5], "softmax(z5, z0, z1, ..., z8)"),
        (ad.logsumexp(z), z[1], "softmax(z1, z0, ..., z8)"),
        (ad.norm(z[:3]), z[1], "z1 / norm(z0, z1, z2)"),
    ]
    for root, leaf, formula in cases:
        assert [term.formula for term in ad.explain(root, leaf).terms()] == [formula]


def test_the_repr_says_what_is_derived() -> None:
    w, x = Value(0.5, "w"), Value(2.0)
    derivation = ad.explain(named("L", w * x + w), w)
    assert repr(derivation) == "<Derivation: d L / d w = 3.0, from 2 uses>"
    assert repr(ad.explain(w * x, x)) == "<Derivation: d mul / d leaf = 0.5, from 1 use>"
