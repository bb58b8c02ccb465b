"""Scopes as clusters and as boxes: what stands where, what is counted, what fits."""

from __future__ import annotations

import contextlib
import copy
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.core.graph import topological_order
from tests.viz.picture import Drawn, Picture, read, read_here
from viz import draw_graph
from viz.graphs.collapsing import DEEPEST


def network_loss(n_inputs: int = 2, sizes: tuple[int, ...] = (3, 1), examples: int = 1) -> Value:
    """A loss of a network, of one example with labelled inputs or the mean over several."""
    model = nn.MLP(n_inputs, list(sizes), rng=0)
    losses = []
    for i in range(examples):
        inputs = [Value(0.1 * i + 0.5 * k, f"x{k + 1}") for k in range(n_inputs)]
        losses.append(nn.half_squared_error(model(inputs), [1.0] * sizes[-1]))
    loss = losses[0] if examples == 1 else sum(losses) / examples
    assert isinstance(loss, Value)
    loss.label = "L"
    loss.backward()
    return loss


def in_order(drawn: list[Drawn], axis: int = 1) -> list[str]:
    """From top to bottom, or from left to right."""
    return [each.texts[0] for each in sorted(drawn, key=lambda each: each.centre[axis])]


class TestClusters:
    @pytest.fixture
    def picture(self, tmp_path: Path) -> Picture:
        return read(draw_graph(network_loss(), collapse=None), tmp_path)

    def test_they_nest(self, picture: Picture) -> None:
        model, layer = picture.cluster("MLP"), picture.cluster("layer 1")
        assert model.holds(layer)
        assert layer.holds(picture.cluster("neuron 3"))
        assert not model.holds(picture.cluster("half squared error"))
        assert "scope" in model.kinds

    def test_the_tooltip_is_the_path(self, picture: Picture) -> None:
        assert picture.cluster("neuron 3").tooltip == "MLP.layers.0.neurons.2"

    def test_values_stand_where_they_were_made(self, picture: Picture) -> None:
        loss = picture.cluster("half squared error")
        assert loss.holds(picture.labelled("L"))
        neuron = picture.cluster("neuron 2")
        operations = [node for node in picture.of_kind("operation") if neuron.holds(node)]
        assert {node.texts for node in operations} == {("dot",), ("tanh",)}

    def test_parameters_stand_in_their_neuron(self, picture: Picture) -> None:
        inside = [
            node for node in picture.of_kind("leaf") if picture.cluster("neuron 2").holds(node)
        ]
        assert {node.texts[0] for node in inside} == {"w¹₂₁", "w¹₂₂", "b¹₂"}
        assert not picture.cluster("MLP").holds(picture.labelled("x1"))

    def test_a_parameter_has_its_path_in_the_tooltip(self, picture: Picture) -> None:
        assert picture.labelled("w¹₂₁").tooltip.startswith("layers.0.neurons.1.weights.0\n")

    @pytest.mark.parametrize("edges", ["local", "both", None])
    @pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
    def test_neurons_and_weights_stand_in_order(self, rankdir: str, edges: str | None) -> None:
        drawing = draw_graph(network_loss(), collapse=None, rankdir=rankdir, edges=edges)
        picture = read_here(drawing)
        across = 1 if rankdir in ("LR", "RL") else 0
        layer = picture.cluster("layer 1")
        neurons = [each for each in picture.clusters if layer.holds(each) and each is not layer]
        assert in_order(neurons, across) == ["neuron 1", "neuron 2", "neuron 3"]
        for title, names in (
            ("neuron 2", ["w¹₂₁", "w¹₂₂", "b¹₂"]),
            ("layer 2", ["w²₁₁", "w²₁₂", "w²₁₃", "b²₁"]),
        ):
            cluster = picture.cluster(title)
            inside = [node for node in picture.of_kind("leaf") if cluster.holds(node)]
            assert in_order(inside, across) == names

    def test_a_layer_of_which_the_last_is_used_first(self, tmp_path: Path) -> None:
        model = nn.MLP(2, [3, 3], rng=0)
        loss = nn.cross_entropy(model([Value(1.0), Value(2.0)]), 2)
        picture = read(draw_graph(loss, collapse=None), tmp_path)
        inside = [each for each in picture.clusters if picture.cluster("layer 2").holds(each)]
        names = in_order([each for each in inside if "neuron" in each.texts[0]])
        assert names == ["neuron 1", "neuron 2", "neuron 3"]

    def test_shared_parameters_stand_around_all_that_share_them(self, tmp_path: Path) -> None:
        model = nn.Neuron(1, rng=0)
        with ad.scope("both"):
            y = model([Value(1.0)]) * model([Value(2.0)])
        picture = read(draw_graph(y), tmp_path)
        weight = picture.labelled("w1")
        assert picture.cluster("both").holds(weight)
        assert not any(each.holds(weight) for each in picture.clusters if "both" not in each.texts)

    @pytest.mark.parametrize("name", ["<b>", "a\\nb", 'say "x"', "]; x -> y", "&amp;"])
    def test_names_are_text(self, name: str, tmp_path: Path) -> None:
        with ad.scope(name):
            y = Value(1.0) * 2
        picture = read(draw_graph(y), tmp_path)
        assert picture.cluster(name).tooltip == name
        [box] = read(draw_graph(y, collapse=1), tmp_path).of_kind("box")
        assert box.texts[0] == name

    def test_without_scopes_there_are_no_clusters(self, tmp_path: Path) -> None:
        assert read(draw_graph(Value(1.0) * 2), tmp_path).clusters == []


class TestBoxes:
    def test_the_network_of_three_layers(self, tmp_path: Path) -> None:
        picture = read(draw_graph(network_loss(2, (16, 16, 1)), collapse="layer"), tmp_path)
        texts = {box.texts[0]: box.texts[1:] for box in picture.of_kind("box")}
        assert texts == {
            "layer 1": ("inputs", "2", "outputs", "16", "parameters", "48", "values", "80"),
            "layer 2": ("inputs", "16", "outputs", "16", "parameters", "272", "values", "304"),
            "layer 3": (
                *("inputs", "16", "outputs", "1", "parameters", "17", "values", "18"),
                *("data", texts["layer 3"][-3], "grad", texts["layer 3"][-1]),
            ),
        }
        assert len(picture.of_kind("leaf")) == 2  # the inputs
        boxes = sorted(picture.of_kind("box"), key=lambda box: box.centre)
        assert [box.texts[0] for box in boxes] == ["layer 1", "layer 2", "layer 3"]
        names = [box.name for box in boxes]
        for tail, head in itertools.pairwise(names):
            [edge] = picture.edges_between(tail, head)
            assert edge.texts == ("16 values",)
        assert picture.edges_between(picture.labelled("x1").name, names[0])[0].texts == ("16 uses",)

    def test_that_is_what_comes_by_itself(self) -> None:
        loss = network_loss(2, (16, 16, 1))
        assert draw_graph(loss).source == draw_graph(loss, collapse="layer").source

    def test_a_small_network_stays_open(self) -> None:
        loss = network_loss()
        assert draw_graph(loss).source == draw_graph(loss, collapse=None).source

    def test_an_edge_into_a_box_tells_nothing_of_the_inside(self, tmp_path: Path) -> None:
        x = Value(3.0, "x")
        with ad.scope("square"):
            y = x**2
        z = y * Value(5.0, "w")
        z.backward()
        picture = read(draw_graph(z, collapse="square"), tmp_path)
        [box] = picture.of_kind("box")
        into = picture.edges_between(picture.labelled("x").name, box.name)
        out = [edge for edge in picture.operand_edges() if edge.tail == box.name]
        assert [edge.texts for edge in (*into, *out)] == [(), ("5",)]
        carried = read(draw_graph(z, collapse="square", edges="contribution"), tmp_path)
        [edge] = carried.edges_between(carried.labelled("x").name, box.name)
        assert edge.texts == ("30",)  # all of the gradient of x

    def test_a_box_with_one_output_shows_its_numbers(self, tmp_path: Path) -> None:
        x = Value(3.0, "x")
        with ad.scope("square"):
            y = x**2
        y.backward()
        [box] = read(draw_graph(y, collapse=1), tmp_path).of_kind("box")
        assert box.texts[-4:] == ("data", "9", "grad", "1")

    @pytest.mark.parametrize("sizes", [[3, 1], [4, 2], [5, 1], [4, 3, 2]])
    def test_collapsed_neurons_stand_in_order(self, sizes: list[int], tmp_path: Path) -> None:
        model = nn.MLP(2, sizes, rng=0)
        loss = nn.half_squared_error(model([Value(0.5), Value(-1.0)]), [1.0] * sizes[-1])
        boxes = read(draw_graph(loss, collapse="neuron"), tmp_path).of_kind("box")
        columns: dict[int, list[Drawn]] = {}
        for box in boxes:
            columns.setdefault(round(box.centre[0] / 40), []).append(box)
        for column in columns.values():
            names = in_order(column)
            assert names == [f"neuron {j + 1}" for j in range(len(names))]

    def test_inputs_stand_beside_the_middle_of_collapsed_neurons(self) -> None:
        picture = read_here(draw_graph(network_loss(), collapse="neuron"))
        layer = picture.cluster("layer 1")
        heights = [picture.labelled(name).centre[1] for name in ("x1", "x2")]
        third = (layer.box[3] - layer.box[1]) / 3
        assert abs(sum(heights) / 2 - layer.centre[1]) < third / 2

    @pytest.mark.parametrize("n", [2, 4, 6])
    def test_examples_of_a_batch_stand_in_order(self, n: int, tmp_path: Path) -> None:
        model = nn.MLP(2, [16, 16, 1], rng=0)
        batch = [([float(10 * i + 1), float(10 * i + 2)], 0.5) for i in range(n)]
        losses = [nn.half_squared_error(model(inputs)[0], target) for inputs, target in batch]
        with ad.scope("mean"):
            loss = ad.mean(losses)
        picture = read(draw_graph(loss, collapse=1), tmp_path)
        inputs = [node for node in picture.of_kind("constant") if float(node.texts[0]) >= 1]
        assert [float(text) for text in in_order(inputs)] == [x for xs, _ in batch for x in xs]

    def test_bare_numbers_say_which_input_they_are(self) -> None:
        model = nn.MLP(3, [16, 16, 1], rng=0)
        [output] = model([0.25, Value(0.5, "x"), 0.75])
        picture = read_here(draw_graph(output, collapse="layer"))
        texts = sorted(node.texts for node in picture.of_kind("constant"))
        assert texts == [("0.25", "input 1"), ("0.75", "input 3")]
        assert "input 2" not in picture.labelled("x").texts
        opened = read_here(draw_graph(nn.Neuron(2, rng=0)([0.25, 0.75]), collapse=None))
        assert all(len(node.texts) == 1 for node in opened.of_kind("constant"))

    def test_where_no_operation_takes_all_inputs_they_do_not(self) -> None:
        a, b, x = ad.as_value(0.25), ad.as_value(0.75), Value(2.0, "x")
        with ad.scope("part"):
            y = (x * a + a) * (x - b + b)
        picture = read_here(draw_graph(y * 1.5, collapse="part"))
        assert len(picture.of_kind("constant")) == 3
        assert all(len(node.texts) == 1 for node in picture.of_kind("constant"))

    def test_two_uses_between_values_stay_two_edges(self, tmp_path: Path) -> None:
        a = Value(3.0, "a")
        with ad.scope("elsewhere"):
            b = a * 1.5
        picture = read(draw_graph((a + a) * b, collapse=1), tmp_path)
        assert edge_counts(picture)["n0->n1_op"] == 2

    @pytest.mark.parametrize(
        ("collapse", "boxes"),
        [
            (1, {"MLP", "half squared error"}),
            (2, {"layer 1", "layer 2"}),
            (3, {"neuron 1", "neuron 2", "neuron 3"}),
            ("Layer", {"layer 1", "layer 2"}),
            ("layer 2", {"layer 2"}),
            (("layer 1", "half squared error"), {"layer 1", "half squared error"}),
            (("neuron", "mlp"), {"MLP"}),  # the outermost ones
            (["neuron 3"], {"neuron 3"}),
        ],
    )
    def test_what_is_asked_for(
        self, collapse: str | int | list[str], boxes: set[str], tmp_path: Path
    ) -> None:
        picture = read(draw_graph(network_loss(), collapse=collapse), tmp_path)
        assert {box.texts[0] for box in picture.of_kind("box")} == boxes

    def test_a_name_that_is_not_there(self) -> None:
        with pytest.raises(ValueError, match=r"no scope .* called 'layr': it has 'mlp', 'layer'"):
            draw_graph(network_loss(), collapse=["layer", "layr"])
        with pytest.raises(ValueError, match=r"finds nothing to collapse: no value .* in a scope"):
            draw_graph(Value(1.0), collapse="layer")

    def test_a_batch_shares_its_parameters(self, tmp_path: Path) -> None:
        picture = read(draw_graph(network_loss(examples=4), collapse="layer"), tmp_path)
        boxes = [box.texts for box in picture.of_kind("box")]
        assert [texts[0] for texts in boxes].count("layer 1") == 4
        assert all(texts[5:7] in (("parameters", "9"), ("parameters", "4")) for texts in boxes)
        leaves = [node.texts[0][0] for node in picture.of_kind("leaf")]
        assert leaves == ["x"] * 8

    def test_a_batch_collapses_by_itself(self, tmp_path: Path) -> None:
        picture = read(draw_graph(network_loss(2, (16, 16, 1), examples=4)), tmp_path)
        assert len(picture.of_kind("box")) == 8
        assert len(picture.nodes) < 40
        width, height = picture.size
        assert width < 2_000  # points: it fits a screen
        assert height < 1_000

    def test_a_parameter_that_others_use_too_comes_out_of_its_box(self, tmp_path: Path) -> None:
        neuron = nn.Neuron(1, rng=0)
        y = neuron([Value(1.0, "x")]) + neuron.weights[0] * neuron.weights[0]
        picture = read(draw_graph(y, collapse=1), tmp_path)
        [box] = picture.of_kind("box")
        assert box.texts[box.texts.index("outputs") + 1] == "2"
        assert "w1" not in {node.texts[0] for node in picture.of_kind("leaf")}

    def test_many_inputs_of_one_box_are_one_box(self, tmp_path: Path) -> None:
        model = nn.MLP(20, [3, 1], rng=0)
        for inputs in ([float(i) for i in range(20)], [Value(float(i)) for i in range(20)]):
            [output] = model(inputs)
            picture = read(draw_graph(output, collapse="layer"), tmp_path)
            texts = {box.texts[0]: box.texts[1:] for box in picture.of_kind("box")}
            assert texts["inputs"] == ("outputs", "20", "values", "20")
            assert texts["layer 1"][:2] == ("inputs", "20")
            assert len(picture.nodes) == 3
            [one, two] = picture.operand_edges()
            assert one.texts == (() if isinstance(inputs[0], float) else ("20 values",))
            assert two.texts == ("3 values",)
        few = read(draw_graph(nn.MLP(8, [2, 1], rng=0)([Value(1.0)] * 8), collapse=1), tmp_path)
        assert "inputs" not in {box.texts[0] for box in few.of_kind("box")}

    def test_a_root_in_a_box(self, tmp_path: Path) -> None:
        with ad.scope("all"):
            y = ad.tanh(Value(1.0) * 2)
        [box] = read(draw_graph(y, collapse=1), tmp_path).of_kind("box")
        assert "root" in box.kinds
        counts = ("outputs", "1", "values", "4")
        assert box.texts == ("all", *counts, "data", "0.964", "grad", "0")

    def test_what_is_not_finite_shows_on_the_box(self, tmp_path: Path) -> None:
        with ad.scope("log"):
            y = ad.log(Value(0.0)) * 0.0
        [box] = read(draw_graph(y + 1, collapse=1), tmp_path).of_kind("box")
        assert "not finite" in box.texts

    def test_highlight_reaches_into_boxes(self, tmp_path: Path) -> None:
        loss = network_loss()
        leaf = next(n for n in topological_order(loss) if n.label == "layers.0.neurons.1.weights.0")
        picture = read(draw_graph(loss, collapse="neuron", highlight=(leaf, loss)), tmp_path)
        kinds = {
            box.texts[0] if box.texts[6] != "4" else "output": box.kinds
            for box in picture.of_kind("box")
        }
        assert "highlighted" in kinds["neuron 2"]
        assert "faded" in kinds["neuron 3"]


class TestOrder:
    """What is collapsed stands in the order in which it is listed, as what is not does."""

    @pytest.mark.parametrize("sizes", [(3, 1), (4, 2), (5, 1), (4, 3, 2), (2, 2, 2, 2)])
    @pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
    def test_collapsed_neurons(self, rankdir: str, sizes: tuple[int, ...]) -> None:
        picture = read_here(draw_graph(network_loss(2, sizes), collapse="neuron", rankdir=rankdir))
        axis = 1 if rankdir in ("LR", "RL") else 0
        for number, size in enumerate(sizes, 1):
            layer = picture.cluster(f"layer {number}")
            neurons = [box for box in picture.of_kind("box") if layer.holds(box)]
            assert in_order(neurons, axis) == [f"neuron {i + 1}" for i in range(size)]

    @pytest.mark.parametrize("examples", [4, 6])
    @pytest.mark.parametrize("collapse", ["layer", 1])
    @pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
    @pytest.mark.parametrize("sizes", [(3, 1), (16, 16, 1)])
    def test_a_batch(
        self, sizes: tuple[int, ...], rankdir: str, collapse: str | int, examples: int
    ) -> None:
        model = nn.MLP(2, list(sizes), rng=0)
        inputs = [[Value(10.0 * i + k, f"x{i}{k}") for k in range(2)] for i in range(examples)]
        losses = [nn.half_squared_error(model(each), [1.0]) for each in inputs]
        with ad.scope("mean"):
            loss = sum(losses) / examples
        assert isinstance(loss, Value)
        picture = read_here(draw_graph(loss, collapse=collapse, rankdir=rankdir))
        axis = 1 if rankdir in ("LR", "RL") else 0
        leaves = in_order(picture.of_kind("leaf"), axis)
        for alike in (*inputs, *zip(*inputs, strict=True)):  # of an example, and over examples
            labels = [x.label for x in alike]
            assert [label for label in leaves if label in labels] == labels
        names = {box.texts[0] for box in picture.of_kind("box")} - {"mean"}
        for name in names:
            boxes = [box for box in picture.of_kind("box") if box.texts[0] == name]
            boxes.sort(key=lambda box: box.centre[axis])
            numbers = [int(box.name.removeprefix("s")) for box in boxes]
            assert len(numbers) == examples
            assert numbers == sorted(numbers)

    @pytest.mark.parametrize("channels", [2, 3])
    @pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
    @pytest.mark.parametrize("collapse", ["auto", "channel"])
    def test_channels(self, channels: int, rankdir: str, collapse: str) -> None:
        convolution, linear = nn.Conv2D(1, channels, 3, rng=0), nn.Linear(16 * channels, 3, rng=1)
        image = [[[0.1 * (i + j) for j in range(6)] for i in range(6)]]
        features = [value.relu() for rows in convolution(image) for row in rows for value in row]
        loss = nn.cross_entropy(linear(features), 1)
        picture = read_here(draw_graph(loss, collapse=collapse, rankdir=rankdir))
        axis = 1 if rankdir in ("LR", "RL") else 0
        names = [f"channel {i + 1}" for i in range(channels)]
        if collapse == "channel":
            boxes = [box for box in picture.of_kind("box") if box.texts[0] in names]
            assert in_order(boxes, axis) == names
        else:
            places = [picture.cluster(name).centre[axis] for name in names]
            assert places == sorted(places)

    @pytest.mark.parametrize("collapse", ["step", "neuron"])
    def test_inputs_of_steps(self, collapse: str) -> None:
        cell = nn.RNNCell(1, 2, rng=0)
        inputs = [Value(0.1 * t, f"x{t + 1}") for t in range(4)]
        hidden = cell.unroll([[x] for x in inputs])[-1]
        picture = read_here(draw_graph(hidden[0] * hidden[1], collapse=collapse))
        places = [picture.labelled(x.label).centre[0] for x in inputs]
        assert all(b - a > 50 for a, b in itertools.pairwise(places))  # each beside its step


def edge_counts(picture: Picture) -> dict[str, int]:
    names = [edge.name for edge in picture.edges]
    return {name: names.count(name) for name in names}


@st.composite
def scoped_graphs(draw: st.DrawFn) -> Value:
    """Values made in scopes that nest at random."""
    values = [Value(draw(st.floats(-2, 2)), f"x{i}") for i in range(draw(st.integers(1, 3)))]

    def grow(depth: int) -> None:
        for _ in range(draw(st.integers(1, 3))):
            if depth < 3 and draw(st.booleans()):
                with ad.scope(draw(st.sampled_from(["layer", "block 1", "block 2"]))):
                    grow(depth + 1)
            a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
            values.append(draw(st.sampled_from([a * b, a + b, ad.tanh(a), a * 0.5])))

    grow(0)
    return values[-1]


@settings(max_examples=30, deadline=None)
@given(scoped_graphs(), st.sampled_from([None, 1, 2, 3]))
def test_any_scopes_keep_every_value_and_use(root: Value, collapse: int | None) -> None:
    nodes = topological_order(root)
    if all(node.scope is None for node in nodes):
        collapse = None
    picture = read_here(draw_graph(root, collapse=collapse))
    hidden = sum(int(box.texts[box.texts.index("values") + 1]) for box in picture.of_kind("box"))
    shown = [node for node in picture.nodes.values() if not node.kinds & {"operation", "box"}]
    assert hidden + len(shown) == len(nodes)
    if collapse is None:
        assert len(picture.operand_edges()) == sum(len(node.parents) for node in nodes)
    pairs = [(e.tail, e.head) for e in picture.operand_edges()]
    names = {box.name for box in picture.of_kind("box")}
    joined = [pair for pair in pairs if names & {*pair}]
    assert len(joined) == len(set(joined))  # one line for each pair


def test_parameters_of_one_textbook_name_are_told_apart() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.modules = [nn.Linear(1, 1, rng=0)]
            self.layers = [nn.Linear(1, 1, rng=0)]

        def __call__(self, inputs: Any) -> Any:
            return self.layers[0](self.modules[0](inputs))

    outputs = Net()([Value(1.0, "x")])
    for show in (("label",), ("label", "formula")):
        picture = read_here(draw_graph(outputs, collapse=None, show=show))
        titles = sorted(node.texts[0] for node in picture.of_kind("leaf"))
        assert titles == ["b¹₁", "b\N{PRIME}¹₁", "w¹₁₁", "w\N{PRIME}¹₁₁", "x"]
    formulas = [text for node in picture.of_kind("interior") for text in node.texts]
    assert any("w\N{PRIME}¹₁₁" in text and "b\N{PRIME}¹₁" in text for text in formulas)


def nested(depth: int, values: int = 1) -> Value:
    """A chain whose last values are made in scopes of their own, each in that before."""
    y = Value(1.0)
    with contextlib.ExitStack() as blocks:
        for i in range(depth):
            blocks.enter_context(ad.scope(f"s {i + 1}"))
            y = ad.tanh(y) if i >= depth - values else y
    return y


class TestManyScopes:
    @pytest.mark.parametrize("collapse", ["auto", None, 3000, "s 3000"])
    def test_what_is_very_deep_is_a_box(self, collapse: Any) -> None:
        picture = read_here(draw_graph(nested(3000, 2), collapse=collapse))
        [box] = picture.of_kind("box")
        assert box.texts[0] == f"s {DEEPEST + 1}"
        assert len(picture.clusters) == DEEPEST

    def test_what_is_less_deep_is_none(self) -> None:
        picture = read_here(draw_graph(nested(DEEPEST), collapse=None))
        assert picture.of_kind("box") == []
        assert len(picture.clusters) == DEEPEST

    @pytest.mark.parametrize("collapse", ["part", None])
    def test_each_scope_and_value_is_looked_at_a_few_times(self, collapse: str | None) -> None:
        """Steps of Python grow as the number of scopes, and not with its square."""

        def steps(scopes: int) -> int:
            y = Value(1.0)
            for i in range(scopes):
                with ad.scope(f"part {i}"):
                    y = ad.tanh(y)
            return steps_of(lambda: draw_graph(y, collapse=collapse, max_nodes=1000))

        assert steps(300) < 3.5 * steps(100)

    def test_names_of_neurons_take_one_search_each_call(self) -> None:
        def steps(width: int) -> int:
            outputs = nn.MLP(2, [width], rng=0)([1.0, 2.0])
            return steps_of(lambda: draw_graph(outputs, collapse="neuron", max_nodes=1000))

        assert steps(120) < 2.5 * steps(60)

    def test_a_long_activation_takes_one_step_for_each_node(self) -> None:
        def steps(length: int) -> int:
            def activation(z: Value) -> Value:
                for _ in range(length):
                    z = ad.tanh(z)
                return z

            [y] = nn.Layer(1, 1, activation=activation, rng=0)([1.0])
            return steps_of(lambda: draw_graph(y))

        assert steps(600) < 2.5 * steps(300)


def steps_of(function: Callable[[], object]) -> int:
    """How many instructions of Python a call runs."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


class TestCopies:
    @pytest.mark.parametrize("collapse", [None, "auto", "layer", "neuron", 1])
    def test_a_copy_looks_the_same(self, collapse: Any) -> None:
        model = nn.MLP(2, [3, 2], rng=0)
        loss = nn.half_squared_error(model([1.0, 2.0]), [1.0, 0.0])
        loss.backward()
        expected = draw_graph(loss, collapse=collapse).source
        _, after = copy.deepcopy((model, loss))
        before, _ = copy.deepcopy((loss, model))
        for twin in (after, before, copy.deepcopy(loss), copy.deepcopy(after)):
            assert draw_graph(twin, collapse=collapse).source == expected

    def test_copies_beside_each_other(self) -> None:
        loss = network_loss()
        twins = [copy.deepcopy(loss) for _ in range(2)]
        picture = read_here(draw_graph([loss, *twins], collapse="layer"))
        boxes = [box.texts for box in picture.of_kind("box")]
        assert len(boxes) == 6
        assert {texts[5:7] for texts in boxes} == {("parameters", "9"), ("parameters", "4")}


def test_a_layer_that_runs_twice_in_its_call_makes_no_circle() -> None:
    class Twice(nn.Layer):
        def __call__(self, inputs: Any) -> Any:
            return super().__call__(super().__call__(inputs))

    outputs = Twice(2, 2, rng=0)([Value(1.0, "x"), Value(2.0, "y")])
    picture = read_here(draw_graph(outputs, collapse="neuron"))
    boxes = [box.texts[0] for box in picture.of_kind("box")]
    assert sorted(boxes) == ["neuron 1", "neuron 1", "neuron 2", "neuron 2"]
    pairs = {(edge.tail, edge.head) for edge in picture.operand_edges()}
    assert not {(head, tail) for tail, head in pairs} & pairs


class TestStartsOfSums:
    def test_the_zero_of_sum_is_not_drawn(self, tmp_path: Path) -> None:
        values = [Value(float(i), f"x{i}") for i in range(3)]
        total = sum(values)
        assert isinstance(total, Value)
        total.backward()
        picture = read(draw_graph(total), tmp_path)
        assert picture.of_kind("constant") == []
        assert len(picture.of_kind("operation")) == 2
        assert picture.nodes.keys() == {"n0", "n1", "n2", "n2_op", "n3", "n4", "n4_op"}
        first = picture.labelled("x0").name
        assert [edge.texts for edge in picture.edges if edge.tail == first] == [("1",)]

    def test_a_zero_that_is_asked_for_is_drawn(self) -> None:
        x = Value(2.0, "x")
        start = 0 + x
        zero, y = start.parents[0], start * 3
        picture = read_here(draw_graph(y, highlight=(zero, y)))
        assert len(picture.of_kind("operation")) == 2
        assert len([n for n in picture.of_kind("constant") if "highlighted" in n.kinds]) == 1
        assert len(read_here(draw_graph([y, zero])).of_kind("operation")) == 2

    def test_what_the_user_asks_for_is(self, tmp_path: Path) -> None:
        x = Value(2.0, "x")
        picture = read(draw_graph(0 + x), tmp_path)
        assert len(picture.of_kind("constant")) == len(picture.of_kind("operation")) == 1
        named = 0 + x
        named.label = "start"
        assert len(read(draw_graph(named * 2), tmp_path).of_kind("operation")) == 2
        inner = 0 + x
        assert len(read(draw_graph([inner, inner * x]), tmp_path).of_kind("operation")) == 2

    def test_sums_of_sums_and_shared_ones(self, tmp_path: Path) -> None:
        x = Value(3.0, "x")
        inner = sum([sum([x])])
        assert isinstance(inner, Value)
        y = inner * inner
        y.backward()
        picture = read(draw_graph(y), tmp_path)
        assert [edge.name for edge in picture.operand_edges()] == ["n0->n1_op"] * 2
        assert sum(float(edge.texts[0]) for edge in picture.operand_edges()) == x.grad == 6.0

    def test_a_zero_that_others_use_stays(self, tmp_path: Path) -> None:
        zero, x = ad.as_value(0.0), Value(2.0, "x")
        picture = read(draw_graph((zero + x) * (x - zero)), tmp_path)
        assert len(picture.of_kind("constant")) == 1
        assert len(picture.of_kind("operation")) == 2


class TestSize:
    def test_it_collapses_as_little_as_fits(self, tmp_path: Path) -> None:
        loss = network_loss(2, (16, 16, 1))
        depths = {}
        for most in (20, 60, 450):
            picture = read(draw_graph(loss, collapse=None, max_nodes=most), tmp_path)
            depths[most] = {box.texts[0].split()[0] for box in picture.of_kind("box")}
            drawn = [node for node in picture.nodes.values() if "operation" not in node.kinds]
            assert len(drawn) <= most
        assert depths == {20: {"layer"}, 60: {"neuron"}, 450: set()}

    def test_refusals_name_what_helps(self) -> None:
        y = Value(1.0)
        for k in range(30):
            with ad.scope(f"part {k}"):
                y = ad.tanh(y) * y
        with pytest.raises(ValueError, match=r"with all its scopes collapsed still .*fewer"):
            draw_graph(y, max_nodes=20)
        with pytest.raises(ValueError, match=r"with collapse='part' still .*max_nodes=20"):
            draw_graph(y, collapse="part", max_nodes=20)
        x = Value(1.0)
        with pytest.raises(ValueError, match=r"values, more than max_nodes=2: .*scope\(name\)"):
            draw_graph(ad.tanh(ad.tanh(x)), max_nodes=2)

    def test_edges_count_too(self) -> None:
        x = Value(1.0)
        with pytest.raises(ValueError, match="20,000 edges between its 2 values"):
            draw_graph(ad.dot([x] * 10_000, [x] * 10_000))

    @pytest.mark.parametrize("examples", [1, 60])
    def test_large_networks_ask_each_value_a_few_times(
        self, examples: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of 100,000 values the answer takes seconds; here the work is counted, not timed."""
        loss = network_loss(2, (16, 16, 1), examples)
        size = len(topological_order(loss))
        asked = 0
        parents: Any = Value.__dict__["parents"]

        def counted(value: Value) -> tuple[Value, ...]:
            nonlocal asked
            asked += 1
            return cast("tuple[Value, ...]", parents.__get__(value))

        monkeypatch.setattr(Value, "parents", property(counted, parents.__set__))
        draw_graph(loss)
        assert asked < 30 * size
