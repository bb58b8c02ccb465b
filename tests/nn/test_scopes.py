"""Scopes of modules and losses: each call is one, named after its place in the model."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Scope, Value, topological_order
from autograd_mini.core import scopes
from nn.models import module_scopes, parameter_search


def chain(node: Value) -> list[Scope]:
    """The scopes around a node, the outermost first."""
    return around(node.scope)


def around(scope: Scope | None) -> list[Scope]:
    """A scope and those around it, the outermost first."""
    found = []
    while scope is not None:
        found.append(scope)
        scope = scope.parent
    return found[::-1]


def names(node: Value) -> list[str]:
    return [scope.name for scope in chain(node)]


def inner(*roots: Value) -> list[Value]:
    return [node for node in topological_order(*roots) if node.parents]


def test_layers_and_neurons_are_counted_from_1() -> None:
    model = nn.MLP(2, [3, 2], rng=0)
    outputs = model([0.5, -0.5])
    nodes = inner(*outputs)
    hidden = [f"neuron {j}" for j in (1, 1, 2, 2, 3, 3)]
    assert [names(node) for node in nodes] == [
        *(["MLP", "layer 1", neuron] for neuron in hidden),
        *(["MLP", "layer 2", neuron] for neuron in ("neuron 1", "neuron 2")),
    ]
    assert [scope.kind for scope in chain(nodes[0])] == ["mlp", "layer", "neuron"]
    assert [scope.path for scope in chain(nodes[-1])] == [
        "MLP",
        "MLP.layers.1",
        "MLP.layers.1.neurons.1",
    ]
    by_neuron = {node.scope for node in nodes}
    assert len(by_neuron) == 5
    assert len({id(chain(node)[0]) for node in nodes}) == 1


def test_parameters_are_those_of_the_module_itself() -> None:
    model = nn.Sequential(nn.MLP(2, [3, 2], rng=0), nn.LayerNorm(2), nn.Linear(2, 1, rng=0))
    scopes = {scope for node in inner(*model([0.5, -0.5])) for scope in chain(node)}
    held = [parameter for scope in scopes for parameter in scope.parameters]
    assert len(held) == len(set(held))
    assert set(held) == set(model.parameters())
    neuron = inner(*model([0.5, -0.5]))[0].scope
    assert neuron is not None
    assert list(neuron.parameters) == model.modules[0].layers[0].neurons[0].parameters()  # type: ignore[union-attr]


class Encoder(nn.Module):
    def __init__(self) -> None:
        self.encoder = nn.Linear(2, 3, rng=0)
        self.blocks = [[nn.Layer(3, 3, rng=0)], [nn.Layer(3, 3, rng=0)]]
        self.heads = {"left": nn.Neuron(3, rng=0), "a 2": nn.Neuron(3, rng=0)}
        self.classes = (nn.Sequential(nn.Layer(2, 2, rng=0), "tanh"),)

    def forward(self, inputs: Any) -> Any:
        h = self.blocks[1][0](self.blocks[0][0](self.encoder(inputs)))
        return self.classes[0]([head(h) for head in self.heads.values()])


def test_names_follow_the_attributes() -> None:
    found = {tuple(names(node)[1:]): chain(node)[-1] for node in inner(*Encoder()([1.0, 2.0]))}
    assert list(found) == [  # in topological order
        ("encoder",),
        *(("block 1 1", f"neuron {j}") for j in (1, 2, 3)),
        *(("block 2 1", f"neuron {j}") for j in (1, 2, 3)),
        *(("left",), ("a 2",)),
        ("class 1", "layer 1", "neuron 1"),
        ("class 1", "tanh 2"),
        ("class 1", "layer 1", "neuron 2"),
    ]
    assert [scope.path for scope in found.values()][:2] == [
        "Encoder.encoder",
        "Encoder.blocks.0.0.neurons.0",
    ]
    assert found["left",].kind == "neuron"


def test_a_module_that_its_caller_does_not_hold_has_its_class_for_a_name() -> None:
    helper = nn.Linear(2, 2, rng=0)

    class Caller(nn.Module):
        def __call__(self, inputs: Any) -> Any:
            return helper(inputs)

    node = Caller()([1.0, 2.0])[0]
    assert names(node) == ["Caller", "Linear"]
    assert [scope.path for scope in chain(node)] == ["Caller", "Linear"]


def test_scopes_of_users_stand_between() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Linear(2, 2, rng=0)]

        def __call__(self, inputs: Any) -> Any:
            with ad.scope("first half"):
                return self.layers[0](inputs)

    with ad.scope("step 1"):
        node = Model()([1.0, 2.0])[0]
    assert names(node) == ["step 1", "Model", "first half", "layer 1"]
    assert chain(node)[-1].path == "Model.layers.0"
    assert chain(node)[-1].kind == "linear"


def test_a_call_of_the_base_class_is_the_same_scope() -> None:
    class Doubled(nn.Linear):
        def __call__(self, inputs: Any) -> Any:
            return [2.0 * output for output in super().__call__(inputs)]

    node = Doubled(2, 1, rng=0)([1.0, 2.0])[0]
    assert names(node) == names(node.parents[1]) == ["Doubled"]
    assert node.scope is node.parents[1].scope


def test_dataclasses_and_aliases_of_call() -> None:
    @dataclass(eq=False)
    class Line(nn.Module):
        slope: Value

        def forward(self, x: Value) -> Value:
            return self.slope * x

        __call__ = forward

    assert names(Line(Value(2.0))(Value(1.0))) == ["Line"]


def test_a_call_from_a_class_that_is_no_module() -> None:
    class Doubling:
        def __call__(self, x: Value, *, subject: float = 2.0) -> Value:
            return subject * x

    class Doubled(Doubling, nn.Module):
        pass

    assert names(Doubled()(Value(1.0), subject=3.0)) == ["Doubled"]
    assert Doubling()(Value(1.0)).scope is None


def test_every_call_is_a_scope_of_its_own() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    loss = nn.mean_loss(model, [[0.0, 1.0], [1.0, 0.0]], [1.0, 0.0], nn.half_squared_error)
    outermost = [chain(node)[0] for node in inner(loss) if chain(node)]
    assert [scope.name for scope in dict.fromkeys(outermost)] == [
        *("MLP", "half squared error"),
        *("MLP", "half squared error"),
    ]


def test_activations_with_several_nodes_belong_to_their_neurons() -> None:
    model = nn.Layer(2, 2, activation=lambda x: x * ad.sigmoid(2.0 * x), rng=0)
    assert [names(node)[-1] for node in inner(*model([1.0, 2.0]))] == [
        *["neuron 1"] * 4,
        *["neuron 2"] * 4,
    ]


def test_activations_that_are_modules() -> None:
    class Slope(nn.Module):
        def __init__(self) -> None:
            self.slope = Value(0.25)

        def __call__(self, x: Value) -> Any:
            return ad.where(x, x, self.slope * x)

    slope = Slope()
    model = nn.Layer(2, 1, activation=lambda x: x * slope(x), rng=0)
    found = [names(node) for node in inner(*model([1.0, 2.0]))]
    assert found[0] == ["Layer", "neuron 1"]
    assert found[1] == ["Layer", "Slope"]
    assert found[-1] == ["Layer"]  # a circle of boxes if it were the neuron's


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (lambda: nn.cross_entropy([Value(0.0), Value(1.0)], 1), "cross entropy"),
        (lambda: nn.half_squared_error(Value(0.0), 1.0), "half squared error"),
        (lambda: nn.mean_squared_error([Value(0.0)], [1.0]), "mean squared error"),
        (lambda: nn.hinge([Value(0.5)], [1]), "hinge"),
        (lambda: nn.binary_cross_entropy([Value(0.5)], [1]), "binary cross entropy"),
        (
            lambda: nn.binary_cross_entropy_with_logits([Value(0.5)], [1]),
            "binary cross entropy with logits",
        ),
        (lambda: nn.l2_penalty([Value(0.5)], 0.1), "l2 penalty"),
        (lambda: nn.l1_penalty([Value(0.5)], 0.1), "l1 penalty"),
    ],
)
def test_losses_and_penalties(loss: Callable[[], Value], name: str) -> None:
    assert {tuple(names(node)) for node in inner(loss())} == {(name,)}


def test_copies_have_scopes_of_their_own() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    outputs = model([1.0, 2.0])
    twins, twin_model = copy.deepcopy((outputs, model))
    alone = copy.deepcopy(outputs)
    for copied in (twins, alone, copy.deepcopy(twins)):
        leaves = {n for n in topological_order(*copied) if n.label}
        for node, twin in zip(inner(*outputs), inner(*copied), strict=True):
            assert names(node) == names(twin)
            assert not {*chain(node)} & {*chain(twin)}
            paths = [[s.path for s in chain(n)] for n in (node, twin)]
            assert paths[0] == paths[1]
            assert twin.scope is not None
            assert len(twin.scope.parameters) == 3
            assert {*twin.scope.parameters} <= leaves
    assert {*twin_model.parameters()} == {n for n in topological_order(*twins) if n.label}


def test_a_copy_is_about_the_copied_module() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    twin_model, twins = copy.deepcopy((model, model([1.0, 2.0])))
    assert [scope.subject for scope in chain(twins[0])][:2] == [twin_model, twin_model.layers[1]]


def test_a_shared_scope_gets_parameters_that_are_copied_later() -> None:
    model = nn.Linear(2, 2, rng=0)
    twins = copy.deepcopy(model([1.0, 2.0]))  # the outputs one after the other
    assert twins[0].scope is twins[1].scope
    found = {n for n in topological_order(*twins) if n.op == ""}
    assert {*chain(twins[0])[-1].parameters} == found
    assert len(found) == 6


def test_a_layer_that_runs_twice_in_its_call() -> None:
    class Twice(nn.Layer):
        def __call__(self, inputs: Any) -> Any:
            return super().__call__(super().__call__(inputs))

    outputs = Twice(2, 2, rng=0)([1.0, 2.0])
    assert {tuple(names(n)) for n in inner(*outputs)} == {
        ("Twice", "neuron 1"),
        ("Twice", "neuron 2"),
    }
    assert len({n.scope for n in inner(*outputs)}) == 4
    assert_no_circle(inner(*outputs), 2)


def test_names_take_one_search_for_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = nn.MLP(2, [40, 3], rng=0)([1.0, 2.0])
    searched = []

    def walk(root: Any, **options: Any) -> Any:
        searched.append(root)
        return parameter_search.walk(root, **options)

    monkeypatch.setattr(module_scopes, "walk", walk)
    assert len({tuple(names(node)) for node in inner(*outputs)}) == 43
    assert len(searched) <= 1


def test_nothing_is_stored_in_modules() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    before = [dict(vars(module)) for module in (model, *model.layers, model.layers[0].neurons[0])]
    [names(node) for node in inner(*model([1.0, 2.0]))]
    after = [dict(vars(module)) for module in (model, *model.layers, model.layers[0].neurons[0])]
    assert before == after


def test_a_graph_is_freed_with_its_last_reference() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    gc.collect()
    gc.disable()
    try:
        before = sum(issubclass(type(thing), Value) for thing in gc.get_objects())
        outputs = model([1.0, 2.0])
        [names(node) for node in inner(*outputs)]
        del outputs
        assert sum(issubclass(type(thing), Value) for thing in gc.get_objects()) == before
    finally:
        gc.enable()


def test_scopes_that_were_asked_for_are_freed_too() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    outputs = model([1.0, 2.0])
    gc.collect()
    gc.disable()
    try:
        found = [weakref.ref(scope) for node in inner(*outputs) for scope in chain(node)]
        kept = outputs[0].scope
        assert kept is outputs[0].scope
        assert kept is not None
        assert (kept.name, kept.path) == ("neuron 1", "MLP.layers.1.neurons.0")
        del outputs
        assert [scope.name for scope in around(kept)] == ["MLP", "layer 2", "neuron 1"]
        layer = weakref.ref(model.layers[0])
        del model, kept
        assert layer() is None
        assert {scope() for scope in found} == {None}
    finally:
        gc.enable()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda scope: pickle.loads(pickle.dumps(scope))])
def test_a_scope_can_be_copied_once_asked_for(twin: Callable[[Scope], Scope]) -> None:
    node = nn.MLP(2, [2, 1], rng=0)([1.0, 2.0])[0]
    kept = node.scope
    assert kept is not None
    assert [type(scope) for scope in around(twin(kept))] == [type(s) for s in around(kept)]
    assert twin(kept).kind == "neuron"


SIZES = st.lists(st.integers(1, 3), min_size=1, max_size=3)


@given(SIZES, st.integers(1, 3), st.booleans())
def test_boxes_form_no_circle(sizes: list[int], examples: int, linear: bool) -> None:
    """At any depth: a box, shrunk to one node, is in no circle of nodes and boxes."""
    mlp = nn.MLP(2, sizes, rng=0)
    model = nn.Sequential(mlp, nn.Linear(sizes[-1], 2, rng=0), "tanh") if linear else mlp
    outputs = [model([float(i), 1.0]) for i in range(examples)]
    loss = ad.sum([nn.half_squared_error(row, [0.0] * len(row)) for row in outputs])
    nodes = inner(loss)
    for depth in range(1, 5):
        assert_no_circle(nodes, depth)


def assert_no_circle(nodes: list[Value], depth: int) -> None:
    box: dict[object, object] = {
        node: chain(node)[depth - 1] if len(chain(node)) >= depth else node for node in nodes
    }
    before: dict[object, set[object]] = {thing: set() for thing in box.values()}
    for node in nodes:
        before[box[node]] |= {box[p] for p in node.parents if p in box} - {box[node]}
    while before:
        free = [thing for thing, needed in before.items() if not needed & before.keys()]
        assert free
        for thing in free:
            del before[thing]


def test_compiled_models_are_the_same() -> None:
    model = nn.MLP(2, [4, 3], rng=0)

    def written_out(inputs: Any) -> Any:
        for layer in model.layers:
            inputs = [n._function(ad.dot(n.weights, inputs, n.bias)) for n in layer.neurons]
        return inputs

    X = np.random.default_rng(0).normal(size=(5, 2))
    theta = nn.parameters_to_vector(model)
    programs = [ad.compile(f, model.parameters()) for f in (model, written_out)]
    outputs = [program(theta, X) for program in programs]
    assert programs[0].source == programs[1].source
    assert np.array_equal(outputs[0], outputs[1])


def calls_of_scopes(function: Callable[[], object]) -> int:
    calls = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename == scopes.__file__

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("width", [1, 30])
def test_scopes_cost_a_call_for_each_layer_and_none_for_a_neuron(width: int) -> None:
    model = nn.MLP(2, [width, 1], rng=0)
    assert calls_of_scopes(lambda: model([1.0, 2.0])) == 3  # the model and its layers


def test_scopes_cost_a_call_for_each_linear() -> None:
    model = nn.Sequential(*[nn.Linear(1, 1, rng=0) for _ in range(3)])
    assert calls_of_scopes(lambda: model([1.0])) == 4


def test_a_linear_in_another_module_is_a_scope() -> None:
    outputs = nn.Attention(2, rng=0)([[1.0, 2.0], [0.5, 1.0]])
    found = {name for row in outputs for node in inner(*row) for name in names(node)}
    assert {"query", "key", "value", "projection"} <= found


def outline(*roots: Value) -> list[str]:
    """The scopes that values stand in, each once, in order, with those around them."""
    return [*dict.fromkeys(" > ".join(names(node)) for node in inner(*roots))]


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        (nn.RNNCell(2, 1, rng=0), ["layer > neuron 1"]),
        (
            nn.GRUCell(1, 1, rng=0),
            ["update > neuron 1", "candidate > neuron 1", "reset > neuron 1"],
        ),
    ],
)
def test_an_unrolled_cell_goes_in_steps(cell: Any, parts: list[str]) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            self.cell = cell

        def __call__(self, rows: Any) -> Any:
            return self.cell.unroll(rows)[-1]

    rows = [[0.5] * cell.n_inputs] * 3
    for roots, around in (
        (cell.unroll(rows)[-1], type(cell).__name__),
        (Reader()(rows), "Reader > cell"),
    ):
        expected = {f"{around} > step {t} > {part}" for t in (1, 2, 3) for part in parts}
        found = {*outline(*roots)}
        assert expected <= found
        assert {line.split(" > neuron")[0].split(" > step ")[0] for line in found} == {around}
        steps = {scope for node in inner(*roots) for scope in chain(node) if scope.kind == "step"}
        assert sorted(step.name for step in steps) == ["step 1", "step 2", "step 3"]
        for depth in (2, 3, 4):
            assert_no_circle(inner(*roots), depth)


def test_attention_has_heads_and_positions() -> None:
    rows = [[Value(1.0), Value(2.0)], [Value(0.5), Value(1.0)]]
    outputs = nn.Attention(2, 2, causal=True, rng=0)(rows)
    roots = [x for row in outputs for x in row]
    assert sorted(outline(*roots)) == sorted([
        *(f"Attention > {part}" for part in ("query", "key", "value", "projection")),
        *(f"Attention > head {h} > position {t}" for h in (1, 2) for t in (1, 2)),
    ])  # fmt: skip
    calls = {scope for node in inner(*roots) for scope in chain(node)}
    assert len(calls) == 1 + 4 + 2 + 4  # each matrix is one, of all positions
    for depth in (1, 2, 3):
        assert_no_circle(inner(*roots), depth)


@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_has_channels_with_their_kernels(bias: bool) -> None:
    conv = nn.Conv2D(1, 2, 2, activation="relu", bias=bias, rng=0)
    roots = nn.flatten(conv([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    assert outline(*roots) == ["Conv2D > channel 1", "Conv2D > channel 2"]
    channels = [*{id(node.scope): node.scope for node in inner(*roots)}.values()]
    assert len(channels) == 2
    for o, channel in enumerate(channels):
        assert channel is not None
        assert (channel.kind, channel.path) == ("channel", f"Conv2D / channel {o + 1}")
        biases = [conv.biases[o]] if conv.biases else []
        assert [*channel.parameters] == [*nn.flatten(conv.weights[o]), *biases]
    assert_no_circle(inner(*roots), 2)


def test_activations_between_modules_are_counted_with_them() -> None:
    model = nn.Sequential(nn.Linear(1, 2, rng=0), "relu", nn.Linear(2, 1, rng=0), "tanh")
    parts = ["linear 1", "relu 2", "linear 3", "tanh 4"]
    assert sorted(outline(*model([1.0]))) == sorted(f"Sequential > {part}" for part in parts)
    relu = next(chain(n)[-1] for n in inner(*model([1.0])) if names(n)[-1] == "relu 2")
    assert (relu.kind, relu.path) == ("relu", "Sequential / relu 2")


def test_a_module_is_called_by_keyword_too() -> None:
    linear: Any = nn.Linear(2, 1, rng=0)
    [output] = linear(inputs=[1.0, 2.0])
    assert names(output) == ["Linear"]
    with pytest.raises(TypeError, match=r"Linear\.__call__\(\) .*'rows'"):
        linear(rows=[1.0, 2.0])
    with pytest.raises(TypeError, match=r"Linear\.__call__\(\) missing .*'inputs'"):
        linear()
