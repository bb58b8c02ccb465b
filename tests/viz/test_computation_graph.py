"""What a drawn graph shows, read back from its SVG."""

from __future__ import annotations

import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import graphviz
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from tests.viz.picture import Picture, plain, read, read_here
from viz import draw_graph

TIMES = "\N{MULTIPLICATION SIGN}"
SIGNS = {"mul": TIMES, "add": "+"}


def neuron() -> tuple[Value, dict[str, Value]]:
    """tanh(w1*x1 + w2*x2 + b), differentiated."""
    data = {"w1": -3.0, "x1": 2.0, "w2": 1.0, "x2": 0.0, "b": 6.8813735870195432}
    leaves = {name: Value(number, label=name) for name, number in data.items()}
    y = ad.tanh(
        leaves["w1"] * leaves["x1"] + leaves["w2"] * leaves["x2"] + leaves["b"],
    )
    y.label = "y"
    y.backward()
    return y, leaves


class TestWhatIsShown:
    def test_returns_a_left_to_right_digraph(self) -> None:
        picture = draw_graph(Value(1.0))
        assert isinstance(picture, graphviz.Digraph)
        assert picture.graph_attr["rankdir"] == "LR"

    def test_every_value_shows_label_data_and_grad(self, tmp_path: Path) -> None:
        y, leaves = neuron()
        picture = read(draw_graph(y), tmp_path)
        for value in (y, *leaves.values()):
            expected = (value.label, "data", f"{value.data:.4g}", "grad", f"{value.grad:.4g}")
            assert picture.labelled(value.label).texts == expected

    def test_a_value_without_label_shows_data_and_grad(self, tmp_path: Path) -> None:
        picture = read(draw_graph(Value(0.25)), tmp_path)
        assert picture.nodes["n0"].texts == ("data", "0.25", "grad", "0")

    def test_the_tooltip_has_every_digit(self, tmp_path: Path) -> None:
        y, leaves = neuron()
        tooltip = read(draw_graph(y), tmp_path).labelled("b").tooltip
        assert tooltip == f"b\ndata {leaves['b'].data!r}\ngrad {leaves['b'].grad!r}"

    def test_operations_show_their_names(self, tmp_path: Path) -> None:
        y, _ = neuron()
        operations = read(draw_graph(y), tmp_path).of_kind("operation")
        names = Counter(operation.texts for operation in operations)
        assert names == {(TIMES,): 2, ("+",): 2, ("tanh",): 1}

    @pytest.mark.parametrize(
        ("operate", "sign"),
        [
            (lambda a, b: a + b, "+"),
            (lambda a, b: a - b, "\N{MINUS SIGN}"),
            (lambda a, b: a * b, TIMES),
            (lambda a, b: a / b, "\N{DIVISION SIGN}"),
            (lambda a, b: a**b, "^"),
            (lambda a, _: -a, "\N{MINUS SIGN}"),
            (lambda a, _: ad.sigmoid(a), "σ"),  # noqa: RUF001 - as textbooks write it
            (ad.maximum, "maximum"),
        ],
    )
    def test_an_operation_is_a_sign_and_its_tooltip_the_name(
        self, operate: Callable[[Value, Value], Value], sign: str, tmp_path: Path
    ) -> None:
        result = operate(Value(2.0), Value(3.0))
        [operation] = read(draw_graph(result), tmp_path).of_kind("operation")
        assert (operation.texts, operation.tooltip) == ((sign,), result.op)

    def test_edges_show_the_local_derivatives(self, tmp_path: Path) -> None:
        y, leaves = neuron()
        picture = read(draw_graph(y), tmp_path)
        by_tail = {edge.tail: edge for edge in picture.operand_edges()}
        expected = {"w1": "2", "x1": "-3", "w2": "0", "x2": "1", "b": "1"}
        for label in leaves:
            assert by_tail[picture.labelled(label).name].texts == (expected[label],)
        tanh = next(node for node in picture.of_kind("operation") if node.texts == ("tanh",))
        [before_tanh] = [edge for edge in picture.operand_edges() if edge.head == tanh.name]
        assert before_tanh.texts == ("0.5",)
        assert float(before_tanh.tooltip.split()[-1]) == y.local_derivatives[0]

    def test_a_derivative_is_exact_in_the_tooltip(self, tmp_path: Path) -> None:
        x = Value(1.0 / 3.0, label="x")
        y = ad.exp(x)
        [edge] = read(draw_graph(y), tmp_path).operand_edges()
        assert edge.texts == ("1.396",)
        assert edge.tooltip == f"local derivative {math.exp(1.0 / 3.0)!r}"

    def test_a_plus_a_has_two_edges(self, tmp_path: Path) -> None:
        a = Value(3.0, label="a")
        edges = read(draw_graph(a + a), tmp_path).operand_edges()
        assert [(edge.name, edge.texts) for edge in edges] == [("n0->n1_op", ("1",))] * 2

    def test_a_times_a_has_the_derivative_of_either_use(self, tmp_path: Path) -> None:
        a = Value(3.0, label="a")
        edges = read(draw_graph(a * a), tmp_path).operand_edges()
        assert [edge.texts for edge in edges] == [("3",), ("3",)]

    def test_n_ary_operation_is_one_node(self, tmp_path: Path) -> None:
        weights = [Value(float(i), label=f"w{i}") for i in range(4)]
        inputs = [Value(10.0 + i, label=f"x{i}") for i in range(4)]
        picture = read(draw_graph(ad.dot(weights, inputs)), tmp_path)
        [operation] = picture.of_kind("operation")
        assert operation.texts == ("dot",)
        texts = {edge.tail: edge.texts[0] for edge in picture.operand_edges()}
        for i in range(4):
            assert texts[picture.labelled(f"w{i}").name] == f"{10 + i}"
            assert texts[picture.labelled(f"x{i}").name] == f"{i}"

    def test_constants_are_bare_numbers(self, tmp_path: Path) -> None:
        x = Value(3.0, label="x")
        picture = read(draw_graph(x * 2.5), tmp_path)
        [constant] = picture.of_kind("constant")
        assert constant.texts == ("2.5",)
        assert "no gradient" in constant.tooltip
        assert "grad 0" not in constant.tooltip

    def test_several_roots_share_their_graph(self, tmp_path: Path) -> None:
        x = Value(2.0, label="x")
        outputs = [x * x, ad.exp(x)]
        picture = read(draw_graph(outputs), tmp_path)
        assert len(picture.of_kind("leaf")) == 1
        assert len(picture.of_kind("root")) == 2
        assert len(picture.operand_edges()) == 3

    @pytest.mark.parametrize("container", [tuple, list, iter, np.array])
    def test_any_collection_of_roots(self, container: type) -> None:
        a, b = Value(1.0, label="a"), Value(2.0, label="b")
        assert draw_graph(container([a, b])).source == draw_graph([a, b]).source

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (-0.0, "0"),
            (1.0, "1"),
            (1 / 3, "0.3333"),
            (-123456.789, "-1.235e+05"),
            (1e-300, "1e-300"),
            (math.inf, "inf"),
            (-math.inf, "-inf"),
            (math.nan, "nan"),
        ],
    )
    def test_numbers_are_compact(self, number: float, text: str, tmp_path: Path) -> None:
        assert read(draw_graph(Value(number)), tmp_path).nodes["n0"].texts[1] == text

    def test_precision(self, tmp_path: Path) -> None:
        x = Value(math.pi)
        picture = read(draw_graph(ad.sin(x), precision=2), tmp_path)
        assert picture.nodes["n0"].texts[1] == "3.1"
        assert picture.operand_edges()[0].texts == ("-1",)

    def test_the_graph_is_left_as_it_was(self) -> None:
        y, leaves = neuron()
        before = [(value.data, value.grad, value.label) for value in (y, *leaves.values())]
        draw_graph(y)
        assert [(value.data, value.grad, value.label) for value in (y, *leaves.values())] == before

    def test_names_are_deterministic(self) -> None:
        assert draw_graph(neuron()[0]).source == draw_graph(neuron()[0]).source


class TestKindsOfNode:
    @pytest.fixture
    def picture(self, tmp_path: Path) -> Picture:
        x = Value(3.0, label="x")
        y = ad.tanh(x * 2.0)
        y.label = "y"
        return read(draw_graph(y), tmp_path)

    def test_kinds(self, picture: Picture) -> None:
        kinds = {name: node.kinds - {"node"} for name, node in picture.nodes.items()}
        assert kinds == {
            "n0": {"leaf"},
            "n1": {"constant"},
            "n2": {"interior"},
            "n2_op": {"operation"},
            "n3": {"interior", "root"},
            "n3_op": {"operation"},
        }

    def test_kinds_differ_without_colour(self, picture: Picture) -> None:
        outlines = [picture.nodes[name].outline for name in ("n0", "n1", "n2", "n3", "n3_op")]
        assert len(set(outlines)) == 5

    def test_leaf_has_sharp_corners_and_a_heavy_border(self, picture: Picture) -> None:
        assert picture.nodes["n0"].outline == (("polygon", "visible", "1.6", "solid"),)

    def test_interior_has_round_corners_and_a_thin_border(self, picture: Picture) -> None:
        assert picture.nodes["n2"].outline == (("path", "visible", "0.8", "solid"),)

    def test_root_has_a_double_border(self, picture: Picture) -> None:
        assert [shape for shape, *_ in picture.nodes["n3"].outline] == ["path", "path"]

    def test_constant_has_no_border(self, picture: Picture) -> None:
        assert all(visible == "none" for _, visible, *_ in picture.nodes["n1"].outline)

    def test_edges_from_constants_are_dashed(self, picture: Picture) -> None:
        dashed = {edge.tail: edge.outline[0][3] != "solid" for edge in picture.operand_edges()}
        assert dashed == {"n0": False, "n1": True, "n2": False}

    def test_an_edge_from_a_constant_carries_no_number(self, picture: Picture) -> None:
        """The derivative toward it is not 0, it is not asked for."""
        texts = {edge.tail: edge.texts for edge in picture.operand_edges()}
        assert texts["n1"] == ()
        assert texts["n0"] == ("2",)
        [edge] = [edge for edge in picture.operand_edges() if edge.tail == "n1"]
        assert "0" not in edge.tooltip

    @pytest.mark.parametrize("root", [Value(2.0), ad.as_value(2.0)], ids=["leaf", "constant"])
    def test_a_root_without_operands_has_a_double_border(self, root: Value, tmp_path: Path) -> None:
        outline = read(draw_graph(root), tmp_path).nodes["n0"].outline
        assert [(shape, visible) for shape, visible, *_ in outline] == [("polygon", "visible")] * 2


ADVERSARIAL = [
    'say "yes"',
    "it's",
    "<b>bold</b>",
    "<>",
    "<",
    "\\N",
    "\\",
    "a\\",
    "\\\\",
    '\\"',
    "\\n \\l \\r \\G \\E \\T \\H \\L",
    "{a|b}",
    "{|}",
    "&amp;",
    "&lt;b&gt;",
    "&#65;",
    "%s %d",
    "label=evil]; x -> y",
    "-->",
    "]]>",
    "/* comment */ // # x",
    " ",
    "  two  spaces ",
    "Δθ_ŷ 重み 🧠",
    "n0:port",
    "strict",
    "None",
]


class TestLabels:
    @pytest.mark.parametrize("label", ADVERSARIAL)
    def test_comes_out_as_text(self, label: str, tmp_path: Path) -> None:
        x = Value(1.0, label=label)
        picture = read(draw_graph(x + Value(2.0)), tmp_path)
        assert picture.nodes["n0"].texts == (label, "data", "1", "grad", "0")
        assert picture.nodes["n0"].tooltip == f"{label}\ndata 1.0\ngrad 0.0"
        assert len(picture.nodes) == 4
        assert len(picture.operand_edges()) == 2

    def test_a_newline_starts_a_line(self, tmp_path: Path) -> None:
        picture = read(draw_graph(Value(1.0, label="first\nsecond\r\nthird")), tmp_path)
        assert picture.nodes["n0"].texts[:3] == ("first", "second", "third")

    def test_control_characters_are_shown_escaped(self, tmp_path: Path) -> None:
        node = read(draw_graph(Value(1.0, label="a\tb\0c\x1b[31m\ud800")), tmp_path).nodes["n0"]
        assert node.texts[0] == r"a\tb\x00c\x1b[31m\ud800"

    def test_what_turns_the_direction_is_shown_escaped(self, tmp_path: Path) -> None:
        graph = draw_graph(Value(1.0, label="x\u202e1\U000e0001"))
        node = read(graph, tmp_path).nodes["n0"]
        assert node.texts[0] == r"x\u202e1\U000e0001"
        assert node.tooltip.startswith(node.texts[0])
        assert graph.source.isascii()

    def test_more_lines_than_three_are_left_to_the_tooltip(self, tmp_path: Path) -> None:
        picture = read(draw_graph(Value(1.0, label="1\n2\n3\n4")), tmp_path)
        assert picture.nodes["n0"].texts == ("1", "2", "…", "data", "1", "grad", "0")
        assert picture.nodes["n0"].tooltip.startswith("1\n2\n3\n4\n")

    def test_a_parameter_name_is_shown_whole(self, tmp_path: Path) -> None:
        name = "encoder.heads.3.query.scale.1"
        assert read(draw_graph(Value(1.0, label=name)), tmp_path).nodes["n0"].texts[0] == name

    @pytest.mark.parametrize(
        ("path", "shown"),
        [
            ("layers.0.neurons.3.weights.1", "w¹₄₂"),
            ("layers.1.neurons.0.bias", "b²₁"),
            ("encoder.heads.3.query.weights.0.1", "encoder head 4 query w₁₂"),
        ],
    )
    def test_a_parameter_of_a_layer_has_its_textbook_name(
        self, path: str, shown: str, tmp_path: Path
    ) -> None:
        node = read(draw_graph(Value(1.0, label=path)), tmp_path).nodes["n0"]
        assert node.texts[0] == shown
        assert node.tooltip.startswith(f"{path}\n")

    def test_a_long_name_keeps_both_ends(self, tmp_path: Path) -> None:
        name = "".join(chr(ord("a") + i % 26) for i in range(200))
        node = read(draw_graph(Value(1.0, label=name)), tmp_path).nodes["n0"]
        head, tail = node.texts[0].split("…")
        assert len(node.texts[0]) == 32
        assert name.startswith(head)
        assert name.endswith(tail)
        assert node.tooltip.startswith(f"{name}\n")

    def test_a_label_of_a_megabyte_draws(self, tmp_path: Path) -> None:
        node = read(draw_graph(Value(1.0, label="x" * 1_000_000)), tmp_path).nodes["n0"]
        assert len(node.texts[0]) == 32
        assert node.tooltip == "x" * 999 + "…\ndata 1.0\ngrad 0.0"

    def test_a_labelled_constant_shows_its_label(self, tmp_path: Path) -> None:
        rate = ad.as_value(0.5)
        rate.label = "rate <b>"
        picture = read(draw_graph(Value(1.0) * rate), tmp_path)
        assert picture.of_kind("constant")[0].texts == ("rate <b>", "0.5")


UNSEEN = [
    code
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) == "Cf" and code not in (0x200C, 0x200D)
]


def shown(text: str) -> str:
    """The documented replacement of what a picture cannot hold, written another way."""
    named = {9: "\\t", 10: "\\n", 13: "\\r"}
    bytes_ = {code: f"\\x{code:02x}" for code in [*range(32), *range(0x7F, 0xA0)]}
    others = [*UNSEEN, 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
    escapes = {code: f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}" for code in others}
    escapes |= {code: f"\\U{code:08x}" for code in others if code > 0xFFFF}
    return plain(text.translate(bytes_ | escapes | named))


def shortened(line: str) -> str:
    return line if len(line) <= 32 else f"{line[:21]}…{line[-10:]}"


ANY_CHARACTER = st.one_of(
    st.characters(exclude_categories=()),
    st.sampled_from("\xad\u200d\u202e\U000e0001"),
    st.sampled_from("\0\t\n\r\x1b\x7f\x85\u2028\ufffe\ud800\\\"'<>&{|}[];#%NlrnGE \xa0"),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(ANY_CHARACTER, max_size=32), min_size=1, max_size=24))
def test_any_labels_round_trip(labels: list[str]) -> None:
    picture = read_here(draw_graph([Value(1.0, label=label) for label in labels]))
    assert len(picture.nodes) == len(labels)
    for i, label in enumerate(labels):
        node = picture.nodes[f"n{i}"]
        lines = [shown(line) for line in label.replace("\r\n", "\n").split("\n")]
        titles = [shortened(line) for line in (lines if len(lines) <= 3 else [*lines[:2], "…"])]
        assert node.texts == (*filter(None, titles), "data", "1", "grad", "0")
        expected = [*(lines if label else []), "data 1.0", "grad 0.0"]
        assert node.tooltip == "\n".join(expected)


@st.composite
def random_graphs(draw: st.DrawFn) -> list[Value]:
    """All values of a small graph with shared operands and constants, in order of making."""
    values = [Value(draw(st.floats(-2, 2)), label=f"x{i}") for i in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 8))):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        recipes = [lambda a, b: a * b, lambda a, b: a + b, lambda a, _: ad.tanh(a)]
        recipes += [lambda a, _: a * 0.5, lambda a, b: ad.dot([a, b], [b, a], a)]
        values.append(draw(st.sampled_from(recipes))(a, b))
    return values


def reachable(root: Value) -> list[Value]:
    found: dict[int, Value] = {}

    def visit(value: Value) -> None:
        if id(value) not in found:
            found[id(value)] = value
            for parent in value.parents:
                visit(parent)

    visit(root)
    return list(found.values())


@settings(max_examples=50, deadline=None)
@given(random_graphs())
def test_random_graphs_are_drawn_whole(values: list[Value]) -> None:
    root = values[-1]
    root.backward()
    nodes = reachable(root)
    picture = read_here(draw_graph(root))
    operations = Counter(SIGNS.get(value.op, value.op) for value in nodes if value.parents)
    assert Counter(node.texts[0] for node in picture.of_kind("operation")) == operations
    assert len(picture.nodes) == len(nodes) + operations.total()
    numbered = [edge for edge in picture.operand_edges() if "constant" not in edge.tooltip]
    drawn = Counter(float(edge.tooltip.split()[-1]) for edge in numbered)
    uses = [use for node in nodes for use in zip(node.parents, node.local_derivatives, strict=True)]
    assert drawn == Counter(d for operand, d in uses if operand.op != "constant")
    assert len(picture.operand_edges()) == len(uses)
    # Edges read backwards from the root must spell the same tree of operations.
    assert _spelled(picture, next(iter(picture.of_kind("root"))).name) == _spelling(root)


def _spelling(value: Value) -> tuple[object, ...]:
    operands = sorted((_spelling(parent) for parent in value.parents), key=repr)
    op = SIGNS.get(value.op, value.op) if value.parents else ""
    return (f"{value.data + 0.0:.4g}", op, *operands)


def _spelled(picture: Picture, name: str) -> tuple[object, ...]:
    node = picture.nodes[name]
    data = node.texts[0] if "constant" in node.kinds else node.texts[node.texts.index("data") + 1]
    operation = f"{name}_op"
    tails = [edge.tail for edge in picture.operand_edges() if edge.head == operation]
    operands = sorted((_spelled(picture, tail) for tail in tails), key=repr)
    op = picture.nodes[operation].texts[0] if operation in picture.nodes else ""
    return (data, op, *operands)


@dataclass(eq=False)
class Like:
    """What is drawn needs not be a Value, but has to have what one has."""

    data: object = 1.0
    grad: object = 0.0
    op: object = ""
    parents: object = ()
    local_derivatives: object = ()
    label: object = "x"


class TestRefusals:
    def test_more_values_than_the_limit(self) -> None:
        value = Value(1.0)
        for _ in range(600):
            value = ad.tanh(value)
        with pytest.raises(ValueError, match=r"601 values.*max_nodes=500.*max_nodes=601"):
            draw_graph(value)
        assert draw_graph(value, max_nodes=601).source.count("class=operation") == 600

    def test_the_limit_itself_is_drawn(self) -> None:
        value = Value(1.0) + Value(2.0)
        assert draw_graph(value, max_nodes=3).source
        with pytest.raises(ValueError, match="3 values"):
            draw_graph(value, max_nodes=2)

    def test_a_huge_graph_is_refused_at_once(self) -> None:
        value = Value(1.0)
        for _ in range(100_000):
            value = value + 1.0
        with pytest.raises(ValueError, match="200,001 values") as error:
            draw_graph(value)
        assert "max_nodes=200001" not in str(error.value)  # which would come to no end

    def test_a_raised_limit_takes_a_deep_graph(self) -> None:
        value = Value(1.0)
        for _ in range(1_200):
            value = ad.tanh(value)
        source = draw_graph(value, max_nodes=1_201).source
        assert source.count(" -> ") == 2 * 1_200

    @pytest.mark.parametrize(
        "root", [3.0, None, "root", b"root", {"a": 1.0}, [1.0], [[Value(1.0)]]]
    )
    def test_not_a_value(self, root: object) -> None:
        with pytest.raises(TypeError, match="root must be a Value or a sequence of Values, got"):
            draw_graph(root)  # type: ignore[arg-type]  # what is tested

    def test_a_class_or_an_array_without_axes(self) -> None:
        with pytest.raises(TypeError, match=r"root must be a Value .*, got the class Value"):
            draw_graph(Value)  # type: ignore[arg-type]  # what is tested
        with pytest.raises(TypeError, match=r"root must be a Value .*, got ndarray"):
            draw_graph(np.array(Value(1.0)))

    @pytest.mark.parametrize("show", ["label", "formula"])
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"data": "3"}, "of the value 'x' must be real numbers, got str"),
            ({"data": None}, "of the value 'x' must be real numbers, got NoneType"),
            ({"data": 1j}, "of the value 'x' must be real numbers, got complex"),
            ({"grad": "1"}, "of the value 'x' must be real numbers, got str"),
            ({"label": 3}, "label of a value must be text, got int"),
            ({"label": None}, "label of a value must be text, got NoneType"),
            ({"parents": None}, "operands of the value 'x' must be a tuple, got NoneType"),
            ({"op": None}, "op of a value must be text, got NoneType"),
            ({"parents": ("y",), "local_derivatives": (1.0,)}, "must be a tuple of Values"),
            ({"parents": (None,), "local_derivatives": (1.0,)}, "must be a Value, got NoneType"),
            ({"parents": (Like(),), "local_derivatives": ("1",)}, "real numbers, got str"),
            ({"parents": (Like(),)}, "has 0 local derivatives for 1 operands"),
        ],
    )
    def test_what_is_like_a_value_but_wrong(
        self, wrong: dict[str, object], message: str, show: str
    ) -> None:
        error = ValueError if "for 1 operands" in message else TypeError
        for root in (Like(**wrong), Like(parents=(Like(**wrong),), local_derivatives=(1.0,))):
            with pytest.raises(error, match=message):
                draw_graph(root, show=show)  # type: ignore[arg-type]  # what is tested

    def test_what_is_like_a_value(self) -> None:
        leaf = Like(data=np.float32(0.5), label="x")
        root = Like(op="neg", data=-0.5, parents=(leaf,), local_derivatives=(-1.0,), label="y")
        assert draw_graph(root).source.count("class=operation") == 1  # type: ignore[arg-type]

    def test_the_offending_item_is_named(self) -> None:
        with pytest.raises(TypeError, match="got float at position 1"):
            draw_graph([Value(1.0), 2.0])  # type: ignore[list-item]  # what is tested

    @pytest.mark.parametrize("root", [[], (), iter([])])
    def test_nothing_to_draw(self, root: list[Value]) -> None:
        with pytest.raises(ValueError, match="nothing to draw"):
            draw_graph(root)

    def test_edges_along_a_chain_are_not_bent(self, tmp_path: Path) -> None:
        """Which would take Graphviz minutes."""
        leaf = Value(2.0, "a")
        value = leaf
        for _ in range(80):
            value = value + leaf
        drawing = draw_graph(value)
        assert drawing.graph_attr["splines"] == "line"
        assert len(read(drawing, tmp_path).operand_edges()) == 160

    @pytest.mark.parametrize("option", ["max_nodes", "precision"])
    def test_options(self, option: str) -> None:
        with pytest.raises(ValueError, match=f"{option} must be at least 1, got 0"):
            draw_graph(Value(1.0), **{option: 0})  # type: ignore[arg-type]  # what is tested
        for wrong in (2.5, "3", None, True):
            with pytest.raises(TypeError, match=f"{option} must be an int, got"):
                draw_graph(Value(1.0), **{option: wrong})  # type: ignore[arg-type]  # what is tested
