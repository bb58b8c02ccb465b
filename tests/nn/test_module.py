"""Module: finding parameters, their names, and how a model shows itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from nn import MLP, Layer, Module, Neuron


class Box(Module):
    """A module with whatever attributes it is given."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


def names(module: Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def test_names_of_a_model_are_paths() -> None:
    model = MLP(2, [4, 1], rng=0)
    found = names(model)
    assert found[:4] == [
        "layers.0.neurons.0.weights.0",
        "layers.0.neurons.0.weights.1",
        "layers.0.neurons.0.bias",
        "layers.0.neurons.1.weights.0",
    ]
    assert found[-1] == "layers.1.neurons.0.bias"
    assert "layers.0.neurons.3.weights.1" in found
    assert len(found) == len(set(found)) == 4 * 3 + 5
    by_name = dict(model.named_parameters())
    assert by_name["layers.0.neurons.3.weights.1"] is model.layers[0].neurons[3].weights[1]


def test_parameters_are_in_the_order_of_their_names() -> None:
    model = MLP(3, [2, 2], rng=0)
    assert model.parameters() == [parameter for _, parameter in model.named_parameters()]
    assert isinstance(model.parameters(), list)


def test_finds_parameters_in_every_container() -> None:
    box = Box(
        first=Value(0.0),
        listed=[Value(1.0), (Value(2.0), {"a": Value(3.0), 7: [Value(4.0)]})],
        array=np.array([[Value(5.0), Value(6.0)]], dtype=object),
        module=Box(inner=Value(7.0)),
        modules={"m": Neuron.from_weights([8.0], 9.0)},
    )
    assert names(box) == [
        "first", "listed.0", "listed.1.0", "listed.1.1.a", "listed.1.1.7.0",
        "array.0.0", "array.0.1", "module.inner", "modules.m.weights.0", "modules.m.bias",
    ]  # fmt: skip
    assert [parameter.data for parameter in box.parameters()] == [float(i) for i in range(10)]


def test_only_leaves_are_parameters() -> None:
    w = Value(2.0)
    box = Box(
        w=w, result=w * 3.0, constant=ad.as_value(1.0), number=4.0, text="w", none=None,
        data=np.zeros(3), function=ad.tanh, nothing=[],
    )  # fmt: skip
    assert names(box) == ["w"]


def test_a_shared_parameter_is_listed_once_under_its_first_name() -> None:
    w = Value(1.0)
    neuron = Neuron.from_weights([1.0, 2.0])
    box = Box(a=w, b=[w, w], n1=neuron, n2=neuron, weights=neuron.weights, last=Value(5.0))
    assert names(box) == ["a", "n1.weights.0", "n1.weights.1", "n1.bias", "last"]


def test_equal_data_does_not_make_parameters_the_same() -> None:
    assert len(Box(a=Value(1.0), b=Value(1.0)).parameters()) == 2


def test_cycles_and_depth_are_no_trouble() -> None:
    parent, child = Box(w=Value(1.0)), Box(w=Value(2.0))
    vars(parent)["child"], vars(child)["parent"] = child, parent
    assert names(parent) == ["w", "child.w"]
    assert "..." in repr(parent)

    nested: list[Any] = [Value(1.0)]
    for _ in range(20_000):
        nested = [nested]
    deep = Box(nested=nested)
    assert len(deep.parameters()) == 1
    while nested and isinstance(nested[0], list):  # let go of it link by link
        nested = nested[0]
    chain = Box(w=Value(1.0))
    for _ in range(300):
        chain = Box(inner=chain)
    assert names(chain) == ["inner." * 300 + "w"]


def test_temporary_containers_do_not_hide_parameters() -> None:
    # Rows of an object array are made while walking; an id of theirs must not be taken for seen.
    arrays = [np.array([[Value(float(i))] for i in range(50)], dtype=object) for _ in range(20)]
    assert len(Box(arrays=arrays).parameters()) == 1000


def test_zero_grad() -> None:
    model = MLP(2, [3, 1], rng=0)
    model([1.0, 2.0])[0].backward()
    assert any(parameter.grad for parameter in model.parameters())
    data = [parameter.data for parameter in model.parameters()]
    model.zero_grad()
    assert all(parameter.grad == 0.0 for parameter in model.parameters())
    assert data == [parameter.data for parameter in model.parameters()]


def test_parameters_added_later_are_found() -> None:
    box = Box()
    assert box.parameters() == []
    vars(box)["w"] = Value(1.0)
    assert names(box) == ["w"]


def test_repr_of_a_model() -> None:
    assert repr(MLP(2, [16, 1], output_activation="sigmoid", rng=0)) == (
        "MLP(\n"
        "  layers.0: Layer(2, 16, activation='tanh')\n"
        "  layers.1: Layer(16, 1, activation='sigmoid')\n"
        ")"
    )
    assert repr(Layer(2, 3, activation="relu", rng=0)) == "Layer(2, 3, activation='relu')"
    assert repr(Neuron(4, rng=0)) == "Neuron(4, activation='tanh')"


def test_repr_nests() -> None:
    box = Box(
        w=Value(1.0),
        many=[Value(1.0), [Value(2.0)]],
        net=MLP(1, [1], rng=0),
        parts={"a": Neuron(2, rng=0), "b": [Box()]},
        number=3,
    )
    assert repr(box) == (
        "Box(\n"
        "  w: 1 parameter\n"
        "  many: 2 parameters\n"
        "  net: MLP(\n"
        "    layers.0: Layer(1, 1, activation='identity')\n"
        "  )\n"
        "  parts.a: Neuron(2, activation='tanh')\n"
        "  parts.b.0: Box()\n"
        ")"
    )


@pytest.mark.parametrize("module", [Module(), Box(), Box(x=1, y=[])])
def test_a_module_may_be_empty(module: Module) -> None:
    assert module.parameters() == []
    module.zero_grad()
    assert repr(module) == f"{type(module).__name__}()"
