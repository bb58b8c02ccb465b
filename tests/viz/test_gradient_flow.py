"""What edges show of backpropagation, paths that are highlighted, numbers that stand out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings

import autograd_mini as ad
import nn
from autograd_mini import Value
from tests.viz.picture import Picture, read, read_here
from tests.viz.test_computation_graph import TIMES, neuron, random_graphs, reachable
from viz import draw_graph


def two_paths() -> tuple[Value, Value, Value]:
    """a reaches y by two of three branches; b by the third."""
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    product = a * a
    product.label = "square"
    y = product + ad.tanh(b) + ad.exp(a)
    y.label = "y"
    y.backward()
    return a, b, y


class TestContributions:
    def test_local_times_upstream(self, tmp_path: Path) -> None:
        x = Value(0.5, "x")
        y = ad.exp(x) * 3.0
        y.backward(2.0)
        edges = read(draw_graph(y, edges="contribution"), tmp_path).operand_edges()
        texts = {edge.tail: edge.texts for edge in edges}
        assert texts["n0"] == (f"{math.exp(0.5) * 6:.4g}",)
        assert texts["n1"] == ("6",)  # 3 * 2
        assert texts["n2"] == ()  # the constant

    def test_both_is_the_whole_product(self, tmp_path: Path) -> None:
        x = Value(2.0, "x")
        y = x * Value(3.0, "w")
        y.backward(0.5)
        picture = read(draw_graph(y, edges="both"), tmp_path)
        texts = {edge.tail: edge.texts for edge in picture.operand_edges()}
        assert texts == {"n0": (f"3 {TIMES} 0.5 = 1.5",), "n1": (f"2 {TIMES} 0.5 = 1",)}

    def test_a_negative_second_factor_has_brackets(self) -> None:
        x = Value(0.5, "x")
        ad.exp(-x).backward()
        y = ad.exp(x * 2.0)
        y.backward(-1.0)
        texts = [edge.texts for edge in read_here(draw_graph(y, edges="both")).operand_edges()]
        assert (f"{math.exp(1.0):.4g} {TIMES} (-1) = {-math.exp(1.0):.4g}",) in texts

    def test_nothing(self, tmp_path: Path) -> None:
        y, _ = neuron()
        assert all(not e.texts for e in read(draw_graph(y, edges=None), tmp_path).operand_edges())

    def test_tooltips_have_every_digit(self, tmp_path: Path) -> None:
        x = Value(1 / 3, "x")
        y = ad.tanh(x) * Value(1.7, "w")
        y.backward()
        edges = read(draw_graph(y, edges="contribution"), tmp_path).operand_edges()
        [edge] = [edge for edge in edges if edge.tail == "n0"]
        local = y.parents[0].local_derivatives[0]
        assert edge.tooltip.split("\n") == [
            f"local derivative {local!r}",
            "upstream gradient 1.7",
            f"contribution {local * 1.7!r}",
        ]

    @settings(max_examples=25, deadline=None)
    @given(random_graphs())
    def test_they_add_up_to_the_gradient(self, values: list[Value]) -> None:
        root = values[-1]
        root.backward()
        source = draw_graph(root, edges="contribution").source
        sums: dict[int, float] = {}
        for line in source.splitlines():
            if "contribution" in line:
                tail = int(line.split("->")[0].strip().removeprefix("n"))
                contribution = float(line.split("contribution ")[1].split('"')[0].split("\\")[0])
                sums[tail] = sums.get(tail, 0.0) + contribution
        for index, total in sums.items():
            node = ad_order(root)[index]
            if node is not root:
                assert total == pytest.approx(node.grad, rel=1e-12, abs=1e-12)
        assert len(sums) == sum(node.op != "constant" for node in reachable(root)) - 1

    def test_zero_carries_nothing(self, tmp_path: Path) -> None:
        x = Value(0.0, "x")
        y = ad.where(x > 0, ad.log(x), 1.0 * x)
        y.backward()
        picture = read(draw_graph(y, edges="contribution"), tmp_path)
        [edge] = [
            e for e in picture.operand_edges() if e.tooltip.startswith("local derivative inf")
        ]
        assert edge.texts == ("0",)


def ad_order(root: Value) -> list[Value]:
    """Operands before results, as the names of the nodes count: written another way."""
    order: list[Value] = []

    def visit(value: Value) -> None:
        if all(value is not each for each in order):
            for parent in value.parents:
                visit(parent)
            if all(value is not each for each in order):
                order.append(value)

    visit(root)
    return order


class TestFlow:
    def picture(self, folder: Path) -> Picture:
        x = Value(1.0, "x")
        y = 4.0 * (x * 0.25) - (x * 1.0) * 9.0
        y.backward()
        return read(draw_graph(y, edges=None, flow=True), folder)

    def test_the_sign_is_told_by_colour_and_head(self, tmp_path: Path) -> None:
        picture = self.picture(tmp_path)
        positive = [edge for edge in picture.operand_edges() if "positive" in edge.kinds]
        negative = [edge for edge in picture.operand_edges() if "negative" in edge.kinds]
        assert positive
        assert negative
        assert {edge.colours for edge in positive}.isdisjoint({edge.colours for edge in negative})
        assert {edge.outline[-1][0] for edge in positive} == {"polygon"}  # an arrow
        heads = {tuple(shape for shape, *_ in edge.outline[1:]) for edge in (*positive, *negative)}
        assert len(heads) == 2

    def test_a_larger_one_is_thicker(self, tmp_path: Path) -> None:
        x, y = Value(1.0, "x"), Value(1.0, "y")
        loss = 10.0 * x + 1.0 * y
        loss.backward()
        picture = read(draw_graph(loss, flow=True), tmp_path)
        widths = {edge.tail: edge.width for edge in picture.operand_edges()}
        x_name, y_name = picture.labelled("x").name, picture.labelled("y").name
        assert widths[x_name] > 2 * widths[y_name]

    def test_a_line_with_both_signs_is_explained(self) -> None:
        x = Value(1.0, "x")
        with ad.scope("difference"):
            y = 2.0 * x - x
        y.backward()
        for factor, explained in ((y, True), (x * 2.0, False)):
            factor.backward()
            drawing = draw_graph(factor, collapse=1 if explained else None, flow=True, legend=True)
            assert ("contributions of both signs" in drawing.source) == explained

    def test_a_count_stands_clear_of_a_thick_line(self) -> None:
        x = Value(1.0, "x")
        with ad.scope("square"):
            y = x * x
        y.backward()
        plain, thick = (
            read_here(draw_graph(y, collapse=1, flow=flow)).edges for flow in (False, True)
        )
        assert [edge.texts for edge in (*plain, *thick)] == [("2 uses",), ("2 uses",)]
        heights = [edge.box[3] - edge.box[1] for edge in (*plain, *thick)]
        assert heights[1] > heights[0] + 2

    def test_it_comes_with_contributions_unless_told_otherwise(self) -> None:
        y, _ = neuron()
        assert "positive" in draw_graph(y, edges="both").source
        assert "positive" in draw_graph(y, flow=True).source
        assert "positive" not in draw_graph(y, edges="both", flow=False).source
        assert "positive" not in draw_graph(y).source

    def test_before_a_backward_pass_nothing_flows(self) -> None:
        assert "positive" not in draw_graph(Value(2.0) * Value(3.0), flow=True).source


class TestHighlight:
    def test_paths_stay_and_the_rest_fades(self, tmp_path: Path) -> None:
        a, b, y = two_paths()
        picture = read(draw_graph(y, highlight=(a, y)), tmp_path)
        assert "highlighted" in picture.labelled("a").kinds
        assert "highlighted" in picture.labelled("y").kinds
        assert "faded" in picture.labelled(b.label).kinds
        strong = [edge.tail for edge in picture.operand_edges() if "highlighted" in edge.kinds]
        a_name = picture.labelled("a").name
        assert strong.count(a_name) == 3  # twice into the square, once into exp
        assert picture.labelled("b").name not in strong
        weights = {"highlighted" in edge.kinds: edge.width for edge in picture.operand_edges()}
        assert weights[True] > weights[False]

    @settings(max_examples=25, deadline=None)
    @given(random_graphs())
    def test_just_what_is_on_a_path(self, values: list[Value]) -> None:
        leaf, root = values[0], values[-1]
        nodes = ad_order(root)
        if all(leaf is not node for node in nodes):
            with pytest.raises(ValueError, match=r"the leaf 'x0' is not in the graph"):
                draw_graph(root, highlight=(leaf, root))
            return
        lines = draw_graph(root, highlight=(leaf, root)).source.splitlines()
        for index, node in enumerate(nodes):
            [line] = [line for line in lines if line.strip().startswith(f"n{index} [")]
            on_path = any(leaf is each for each in ad_order(node))
            assert ("highlighted" in line) == on_path
            assert ("faded" in line) != on_path

    def test_a_leaf_of_a_collapsed_layer_is_drawn_by_itself(self) -> None:
        model = nn.MLP(2, [16, 16, 1], rng=0)
        loss = nn.half_squared_error(model([0.5, -1.0]), [1.0])
        leaf = model.layers[0].parameters()[0]
        picture = read_here(draw_graph(loss, highlight=(leaf, loss), collapse="layer"))
        assert "highlighted" in picture.labelled("w¹₁₁").kinds
        [layer] = [box for box in picture.of_kind("box") if box.texts[0] == "layer 1"]
        assert "47" in layer.texts  # the parameters that are left in it
        assert picture.edges_between(picture.labelled("w¹₁₁").name, layer.name)

    def test_no_path(self) -> None:
        a, _, y = two_paths()
        inner = y.parents[0].parents[1]  # tanh(b)
        with pytest.raises(ValueError, match=r"no path leads from 'a' to value \(data -0.99"):
            draw_graph(y, highlight=(a, inner))
        with pytest.raises(ValueError, match="the leaf 'c' is not in the graph"):
            draw_graph(y, highlight=(Value(1.0, "c"), y))

    @pytest.mark.parametrize(
        ("pair", "error", "message"),
        [
            ("ab", TypeError, "got str"),
            (3, TypeError, "got int"),
            ((Value(1.0),), ValueError, "got 1 of them"),
            ((Value(1.0), 2.0), TypeError, "got float in it"),
        ],
    )
    def test_not_a_pair(self, pair: object, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=f"a pair of Values of the graph, .*{message}"):
            draw_graph(Value(1.0), highlight=pair)  # type: ignore[arg-type]  # what is tested


class TestNotFinite:
    @pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
    def test_stands_out_by_border_and_sign(self, number: float, tmp_path: Path) -> None:
        x = Value(1.0, "x")
        picture = read(draw_graph(x * Value(number, "w")), tmp_path)
        fine, strange = picture.labelled("x"), picture.labelled("w")
        assert "nonfinite" in strange.kinds
        assert "nonfinite" not in fine.kinds
        assert " \N{WARNING SIGN}" in strange.texts
        assert strange.width > fine.width
        assert strange.colours != fine.colours

    def test_a_gradient_too(self, tmp_path: Path) -> None:
        x = Value(0.0, "x")
        ad.sqrt(x).backward()
        assert "nonfinite" in read(draw_graph(x), tmp_path).labelled("x").kinds

    def test_the_sign_of_an_infinite_contribution_is_told_by_its_head(self) -> None:
        heads = []
        for sign in (1.0, -1.0):
            x = Value(0.0, "x")
            y = ad.log(x) * sign
            y.backward()
            source = draw_graph(y, edges="contribution").source
            heads.append(source.count("arrowhead=tee"))
        assert heads == [0, 2]  # to the logarithm and to the product

    def test_a_local_derivative_too(self, tmp_path: Path) -> None:
        [edge] = read(draw_graph(ad.sqrt(Value(0.0))), tmp_path).operand_edges()
        assert edge.texts == ("inf", " \N{WARNING SIGN}")
