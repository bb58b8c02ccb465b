"""The neuron diagram, read back from its SVG: every unit and weight in its place and look."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

import nn
from nn.sklearn import MLPClassifier
from tests.viz.picture import SVG, Drawn, Picture
from viz import draw_network, render

Place = tuple[float, float]


def drawn(model: Any, folder: Path, **options: Any) -> tuple[Picture, dict[str, Place]]:
    """The picture, and where each unit stands in it, counted from the top."""
    svg = render(draw_network(model, **options), folder / "network.svg").read_bytes()
    places = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if {"neuron", "input"} & set(group.get("class", "").split()):
            [shape] = [*group.iter(f"{SVG}ellipse"), *group.iter(f"{SVG}polygon")]
            if shape.tag == f"{SVG}ellipse":
                place = float(shape.get("cx", "")), float(shape.get("cy", ""))
            else:
                corners = [*map(eval, shape.get("points", "").split())][:4]
                x, y = np.mean(corners, axis=0).tolist()
                place = x, y
            places[group.findtext(f"{SVG}title") or ""] = place
    return Picture(svg), places


def weights(picture: Picture) -> dict[str, Drawn]:
    return {
        edge.name: edge
        for edge in picture.edges
        if "weight" in edge.kinds - {"legend"} and "legend" not in edge.kinds
    }


def trained() -> tuple[nn.MLP, Any]:
    """A network 2-3-1 after a backward pass, and what the trace of it says."""
    model = nn.MLP(2, [3, 1], rng=1)
    nn.vector_to_parameters(np.linspace(-1.0, 1.4, 13), model)
    example = [0.5, -1.0], [0.25], nn.half_squared_error
    nn.half_squared_error(model(example[0]), example[1]).backward()
    return model, nn.trace_backprop(model, *example)


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 14), min_size=2, max_size=4), max_units=st.integers(2, 12))
def test_units_stand_in_order_and_meet_every_unit_of_the_next_layer(
    sizes: list[int], max_units: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = nn.MLP(sizes[0], sizes[1:], rng=0)
    picture, places = drawn(model, tmp_path_factory.mktemp("network"), max_units=max_units)
    columns: dict[int, list[tuple[int, Place]]] = {}
    for name, place in places.items():
        column, cell = map(int, name[1:].split("_"))
        columns.setdefault(column, []).append((cell, place))
    assert sorted(columns) == [*range(len(sizes))]
    across = [column[0][1][0] for _, column in sorted(columns.items())]
    assert across == sorted(set(across))
    for number, units in columns.items():
        assert len({x for _, (x, _) in units}) == 1
        by_height = [cell for cell, _ in sorted(units, key=lambda unit: unit[1][1])]
        assert by_height == sorted(by_height)
        size = sizes[number]
        assert len(units) == min(size, max_units)
        assert {by_height[0], by_height[-1]} == {0, size - 1}
        left_out = [node for name, node in picture.nodes.items() if name == f"u{number}_more"]
        told = [node.tooltip for node in left_out]
        assert told == ([f"{size - max_units} more"] if size > max_units else [])
    expected = {
        f"u{number}_{k}->u{number + 1}_{j}"
        for number in range(len(sizes) - 1)
        for k, _ in columns[number]
        for j, _ in columns[number + 1]
    }
    assert {*weights(picture)} == expected


def test_a_weight_shows_its_sign_and_size_twice_over(tmp_path: Path) -> None:
    numbers = [1.0, -1.0, 0.5, 0.0, math.nan, math.inf]
    model = nn.Neuron(6, rng=0)
    for weight, number in zip(model.weights, numbers, strict=True):
        weight.data = number
    svg = render(draw_network(model), tmp_path / "network.svg").read_bytes()
    edges = weights(Picture(svg))
    looks = [edges[f"u0_{k}->u1_0"] for k in range(6)]
    kinds = [next(iter(look.kinds - {"edge", "weight"})) for look in looks]
    assert kinds == ["positive", "negative", "positive", "zero", "not_finite", "not_finite"]
    dashes = [look.outline[0][3] != "solid" for look in looks]
    assert dashes == [False, True, False, True, False, False]
    widths = [float(look.outline[0][2]) for look in looks]
    assert widths[0] == widths[1] == 4.0 > widths[2] > widths[3] > 0
    colours = {
        group.findtext(f"{SVG}title"): path.get("stroke")
        for group in ElementTree.fromstring(svg).iter(f"{SVG}g")
        for path in group.findall(f".//{SVG}path")
    }
    assert len({colours[f"u0_{k}->u1_0"] for k in (0, 1, 3, 4)}) == 4
    assert colours["u0_0->u1_0"] == colours["u0_2->u1_0"]


def test_names_and_numbers_are_those_of_textbooks(tmp_path: Path) -> None:
    model, _ = trained()
    picture, _ = drawn(model, tmp_path)
    hidden, output = model.layers
    for j, neuron in enumerate(hidden.neurons):
        bias = neuron.bias
        texts = (f"a¹{'₁₂₃'[j]}", f"b {bias.data:.3g}", f"δ {bias.grad:.3g}")
        assert picture.nodes[f"u1_{j}"].texts == texts
        tooltip = picture.nodes[f"u1_{j}"].tooltip.splitlines()
        assert tooltip == [
            texts[0],
            f"b = {bias.data!r}",
            f"δ = {bias.grad!r}",
            f"dC/db = {bias.grad!r}",
        ]
        for k, weight in enumerate(neuron.weights):
            name = f"w¹{'₁₂₃'[j]}{'₁₂'[k]}"
            told = weights(picture)[f"u0_{k}->u1_{j}"].tooltip.splitlines()
            assert told == [
                f"{name} = {weight.data!r}",
                f"dC/d{name} = {weight.grad!r}",
                weight.label,
            ]
            assert picture.nodes[f"w1_{j}_{k}"].texts == (f"{weight.data:.3g}",)
    assert picture.nodes["u0_1"].texts == ("x₂",)
    assert picture.nodes["u2_0"].texts[0] == "a²₁"
    assert picture.nodes["t1"].texts == ("layer 1", "3 neurons, tanh")
    assert output.neurons[0].bias.grad != 0


def test_numbers_of_weights_are_apart(tmp_path: Path) -> None:
    drawing = draw_network(nn.MLP(4, [4, 3], rng=0), numbers=True)
    svg = render(drawing, tmp_path / "network.svg").read_bytes()
    heights: dict[str, list[float]] = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if "number" in group.get("class", "").split():
            [text] = group.iter(f"{SVG}text")
            heights.setdefault(text.get("x", ""), []).append(float(text.get("y", "")))
    assert sorted(map(len, heights.values())) == [12, 16]
    for column in heights.values():
        assert min(np.diff(sorted(column))) > 9.0  # the size of the type


def test_without_a_backward_pass_there_are_no_error_signals(tmp_path: Path) -> None:
    picture, _ = drawn(nn.MLP(2, [3, 1], rng=0), tmp_path)
    assert not any("δ" in text for node in picture.nodes.values() for text in node.texts)


def test_error_signals_of_a_trace_are_those_of_one_example(tmp_path: Path) -> None:
    model, trace = trained()
    by_bias, _ = drawn(model, tmp_path)
    model.zero_grad()
    traced, _ = drawn(model, tmp_path, trace=trace, precision=5)
    for number, layer in enumerate(trace.layers, start=1):
        for j, (a, delta) in enumerate(zip(layer.a, layer.delta, strict=True)):
            node = traced.nodes[f"u{number}_{j}"]
            assert node.texts[1] == f"a {a:.5g}"
            assert node.texts[-1] == f"δ {delta:.5g}"
            [told] = [line for line in node.tooltip.splitlines() if line.startswith("δ")]
            assert told == f"δ = {float(delta)!r}"
            assert by_bias.nodes[f"u{number}_{j}"].texts[-1] == f"δ {delta:.3g}"
    assert traced.nodes["u0_0"].texts == ("x₁", "0.5")


def test_gradients_in_place_of_weights(tmp_path: Path) -> None:
    model, _ = trained()
    picture, _ = drawn(model, tmp_path, show="gradients")
    weight = model.layers[0].neurons[2].weights[1]
    assert picture.nodes["w1_2_1"].texts == (f"{weight.grad:.3g}",)
    sign = "positive" if weight.grad > 0 else "negative"
    assert sign in weights(picture)["u0_1->u1_2"].kinds
    assert "b" not in {text.split()[0] for text in picture.nodes["u1_0"].texts}


def test_any_stack_of_fully_connected_layers(tmp_path: Path) -> None:
    hidden, output = nn.Linear(3, 4, bias=False, rng=0), nn.Layer(4, 2, rng=1)
    row = nn.Sequential(hidden, "relu", nn.Dropout(0.5), output)
    model: Any
    for model in (row, nn.Sequential(nn.Sequential(hidden, "relu"), nn.Dropout(0.5), output)):
        picture, _ = drawn(model, tmp_path)
        assert picture.nodes["t1"].texts == ("layer 1", "4 neurons, relu, dropout")
        assert picture.nodes["t2"].texts == ("layer 2", "2 neurons, tanh")
        assert picture.nodes["u1_0"].texts == ("a¹₁",)
        assert len(weights(picture)) == 3 * 4 + 4 * 2
    assert draw_network([hidden, output]).source != draw_network(row).source  # no relu
    for model in (output, nn.Neuron(3, rng=0), nn.Linear(2, 2, rng=0), nn.MLP(2, [1], rng=0)):
        assert len(weights(drawn(model, tmp_path)[0])) == len(model.parameters()) - len(
            [name for name, _ in model.named_parameters() if "bias" in name]
        )


def test_the_network_of_a_fitted_estimator() -> None:
    estimator = MLPClassifier(hidden_layer_sizes=(3,), max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        estimator.fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"])
    assert draw_network(estimator).source == draw_network(estimator.model_).source


def test_the_same_network_gives_the_same_source_and_is_left_as_it_was() -> None:
    model, trace = trained()
    before = [(value.data, value.grad, value.label) for value in model.parameters()]
    assert draw_network(model, trace=trace).source == draw_network(model, trace=trace).source
    assert [(value.data, value.grad, value.label) for value in model.parameters()] == before


def test_labels_of_users_are_text(tmp_path: Path) -> None:
    model = nn.Neuron.from_weights([1.0, 2.0])
    model.weights[0].label = '\\N <b>&"evil"'
    picture, _ = drawn(model, tmp_path)
    assert weights(picture)["u0_0->u1_0"].tooltip.splitlines()[-1] == '\\N <b>&"evil"'


class Net(nn.Module):
    def __init__(self, *parts: nn.Module) -> None:
        self.hidden, self.out = parts or (nn.Layer(2, 3, rng=0), nn.Layer(3, 1, rng=0))

    def __call__(self, x: Any) -> Any:
        return self.out(self.hidden(x))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "draw_network draws an MLP.*; got int$"),
        (nn.LayerNorm(3), r"; got LayerNorm\(3\)$"),
        (Net(), r"or a list of such layers; got Net\("),
        (nn.Conv2D(1, 2, kernel_size=2, rng=0), "; got Conv2D"),
        (nn.Attention(4, 2, rng=0), "; got Attention"),
        (nn.Embedding(3, 2, rng=0), "; got Embedding"),
        (nn.Sequential(nn.Layer(2, 3, rng=0), nn.LayerNorm(3)), r"; modules\[1\] is LayerNorm"),
        (nn.Sequential(nn.flatten, nn.Layer(2, 3)), r"; modules\[0\] is .* before the first layer"),
        ([], "; got list without a layer"),
        (["relu"], r"; \[0\] is str before the first layer"),
    ],
)
def test_other_models_are_refused(model: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        draw_network(model)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"show": "grad"}, ValueError, "show must be 'weights' or 'gradients', got 'grad'"),
        ({"show": "gradients"}, ValueError, "needs a backward pass.*call loss.backward"),
        ({"max_units": 1}, ValueError, "max_units must be at least 2, got 1"),
        ({"max_units": 2.0}, TypeError, "max_units must be an int, got 2.0"),
        ({"precision": True}, TypeError, "precision must be an int, got True"),
        ({"numbers": "yes"}, TypeError, "numbers must be True or False, got 'yes'"),
        ({"trace": 3}, TypeError, "trace must be what nn.trace_backprop.* returns, got int"),
        ({"trace": trained()[1]}, ValueError, "trace is of another model"),
        ({"theme": "night"}, ValueError, "theme must be 'light' or 'dark', got 'night'"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw_network(nn.MLP(2, [2], rng=0), **options)


def test_a_trace_of_a_minibatch_is_refused() -> None:
    model = nn.MLP(2, [2], rng=0)
    trace = nn.trace_backprop(model, np.ones((3, 2)), [0, 1, 1], nn.cross_entropy)
    with pytest.raises(ValueError, match=r"minibatch of 3 examples.*X\[0\], y\[0\]"):
        draw_network(model, trace=trace)


def test_a_trace_of_weights_that_are_gone_is_refused() -> None:
    model, trace = trained()
    model.parameters()[0].data += 1.0
    with pytest.raises(ValueError, match="other weights than the model has now: trace it again"):
        draw_network(model, trace=trace)


def test_layers_that_do_not_fit_are_refused() -> None:
    layers = [nn.Layer(2, 3, rng=0), nn.Layer(4, 1, rng=0)]
    with pytest.raises(ValueError, match=r"\[1\] has 4 inputs, the one before it 3 neurons"):
        draw_network(layers)


def test_the_numbers_of_layers_are_those_of_the_names_of_their_weights() -> None:
    model = nn.Sequential(nn.Linear(2, 2, rng=0), "tanh", nn.Linear(2, 1, rng=0))
    source = draw_network(model).source
    assert "layer 3" in source
    assert "w³₁₂" in source
    assert "w²" not in source
    shared = nn.Linear(2, 2, rng=0)
    assert "a²₁" in draw_network([shared, shared]).source


def test_paths_that_say_the_same_of_two_layers_give_way_to_places() -> None:
    layers = [nn.Linear(2, 2, rng=0), nn.Linear(2, 1, rng=0)]  # of no model
    source = draw_network(layers).source
    assert "w¹₁₂" in source
    assert "w²₁₂" in source


@pytest.mark.parametrize(
    ("model", "titles", "weight"),
    [
        (
            nn.Sequential(nn.MLP(2, [2], rng=0), nn.Linear(2, 1, rng=0)),
            ["layer 1", "layer 2"],
            "module 1 w¹₁₂",
        ),
        (Net(), ["hidden", "out"], "hidden w₁₂"),
        (
            Net(nn.MLP(2, [2], rng=0), nn.MLP(2, [2], rng=0)),
            ["hidden layer 1", "out layer 1"],
            "out w¹₂₁",
        ),
    ],
)
def test_layers_in_parts(model: Any, titles: list[str], weight: str, tmp_path: Path) -> None:
    layers = [model.hidden, model.out] if isinstance(model, Net) else model
    picture, _ = drawn(layers, tmp_path)
    assert [picture.nodes[f"t{i}"].texts[0] for i in (1, 2)] == titles
    assert weight in {line.tooltip.split(" = ")[0] for line in weights(picture).values()}
    assert [picture.nodes[f"u{i}_0"].texts[0] for i in (1, 2)] == ["a¹₁", "a²₁"]


def test_neurons_with_different_activations_are_said_to_have_them() -> None:
    layer = nn.Layer(2, 2, rng=0)
    layer.neurons[1] = nn.Neuron(2, activation="relu", rng=0)
    assert "2 neurons, tanh and relu" in draw_network(layer).source


def test_neurons_of_different_sizes_are_refused() -> None:
    layer = nn.Layer(2, 2, rng=0)
    layer.neurons[1] = nn.Neuron(3, rng=0)
    with pytest.raises(ValueError, match="different numbers of inputs"):
        draw_network(layer)


def test_a_model_with_parts_that_are_not_in_the_row_is_refused() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Linear(2, 2, rng=0)]
            self.extra = nn.Linear(2, 5, rng=0)

    with pytest.raises(TypeError, match=r"Model has extra\.weights\.0\.0 besides"):
        draw_network(Model())


def test_a_layer_used_twice_has_no_error_signal_of_its_own() -> None:
    shared = nn.Layer(2, 2, rng=0)
    for output in shared(shared([0.5, -1.0])):
        output.backward()
    assert "δ" not in draw_network([shared, shared]).source
    assert "δ" in draw_network([shared]).source


def test_more_lines_than_anybody_can_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match=r"40,000 lines to draw, more than 5,000: .* max_units"):
        draw_network(nn.Layer(200, 200, rng=0), max_units=200)


@pytest.mark.parametrize("numbers", [1, np.array([True, False]), "yes"])
def test_numbers_are_wanted_or_not(numbers: Any) -> None:
    with pytest.raises(TypeError, match="numbers must be True or False, got "):
        draw_network(nn.Layer(2, 2, rng=0), numbers=numbers)


def test_numbers_that_would_cover_each_other_are_refused() -> None:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    with pytest.raises(ValueError, match="cover each other: pass max_units=5"):
        draw_network(model, numbers=True, max_units=16)
    assert "number" in draw_network(model, numbers=True, max_units=5).source


COLOUR = re.compile("#([0-9a-f]{6})([0-9a-f]{2})?")


@pytest.mark.parametrize("show", ["weights", "gradients"])
def test_themes_differ_in_their_colours_alone(show: str) -> None:
    model, _ = trained()
    model.layers[0].neurons[0].weights[0].data = 0.0
    model.layers[0].neurons[0].weights[1].data = math.inf
    light, dark = (
        draw_network(model, show=show, max_units=2, theme=theme).source
        for theme in ("light", "dark")
    )
    assert COLOUR.sub("#", light) == COLOUR.sub("#", dark)
    assert 'bgcolor="#14181d"' in dark
    pairs = [*zip(COLOUR.findall(light), COLOUR.findall(dark), strict=True)]
    assert {alpha for (_, alpha), (_, other) in pairs if alpha != other} == set()
    assert all(colour != other for (colour, _), (other, _) in pairs)


def luminance(colour: str) -> float:
    """WCAG's, of 0 to 1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_in_units_can_be_read(theme: str) -> None:
    model, trace = trained()
    source = draw_network(model, trace=trace, theme=theme).source
    [ink] = {*re.findall('fontcolor="#([0-9a-f]{6})"', source)}
    fills = {*re.findall('fillcolor="#([0-9a-f]{6})"', source)}
    assert len(fills) > 4  # inputs, numbers, and neurons by their error signals
    for fill in fills:
        darker, lighter = sorted(map(luminance, (ink, fill)))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5
