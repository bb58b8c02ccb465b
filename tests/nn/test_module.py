"""Module: finding parameters, their names, and how a model shows itself."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import re
import warnings
from abc import ABC, abstractmethod
from collections import UserList, deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pytest

import autograd_mini as ad
import nn as typed_nn
from autograd_mini import Value
from nn import MLP, Layer, Module, Neuron

nn: Any = typed_nn  # called as it should not be
T = TypeVar("T")


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
        w=w, constant=ad.as_value(1.0), number=4.0, text="w", none=None,
        data=np.zeros(3), function=ad.tanh, nothing=[],
    )  # fmt: skip
    vars(box)["result"] = w * 3.0
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


# Calling.


class Pendulum(Module):
    def __init__(self) -> None:
        self.friction = Value(0.1)


def test_a_module_without_call_says_what_to_define() -> None:
    for arguments in ([[1.0]], [], [1, 2]):
        with pytest.raises(NotImplementedError, match=r"define __call__\(self, inputs\) in"):
            Pendulum()(*arguments)


def test_forward_is_what_a_call_does() -> None:
    class Net(Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = Layer(2, 3)

        def forward(self, x: Any, scale: float = 1.0) -> list[Value]:
            return [h * scale for h in self.hidden(x)]

    net = Net()
    assert [v.data for v in net([1.0, 2.0], scale=2.0)] == [
        2.0 * v.data for v in net.hidden([1.0, 2.0])
    ]
    assert net.predict([[1.0, 2.0]]).shape == (1, 3)


HABITS = {
    "train": "fit trains with dropout",
    "eval": "predict and calls go without",
    "to": "on the CPU",
    "cuda": "on the CPU",
    "fit": r"nn\.fit\(model, X, y",
    "forward": r"model\(x\)",
    "modules": "named_parameters",
    "weight": r"neurons\[0\]\.weights|write weights, made of Values",
    "score": r"accuracy\(model\.predict\(X\), y\)",
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("module", [MLP(1, [1]), Layer(1, 1), Neuron(1), Pendulum()], ids=repr)
def test_habits_from_elsewhere_are_told_what_to_write(module: Module, habit: str) -> None:
    message = f"'{type(module).__name__}' object has no attribute '{habit}': .*{HABITS[habit]}"
    with pytest.raises(AttributeError, match=message):
        getattr(module, habit)
    assert not hasattr(module, habit)
    assert not hasattr(type(module), habit)
    assert habit not in dir(module)


def test_other_missing_attributes_are_as_ever() -> None:
    class Failing(Module):
        @property
        def width(self) -> int:
            return len(self.neurons)  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match=r"^'Failing' object has no attribute 'depth'$") as got:
        Failing().depth  # type: ignore[attr-defined]  # noqa: B018
    assert got.value.name == "depth"
    with pytest.raises(AttributeError, match="'Failing' object has no attribute 'neurons'"):
        Failing().width  # noqa: B018


def test_an_attribute_of_a_users_own_comes_before_the_habit() -> None:
    box = Box(weight=Value(3.0), train=True)
    assert vars(box)["weight"] is box.weight  # type: ignore[attr-defined]
    assert box.train  # type: ignore[attr-defined]
    assert {"weight", "train", "parameters"} <= set(dir(box))

    @dataclass
    class Linear(Module):
        weight: Value

        def train(self) -> str:
            return "all aboard"

    assert names(Linear(Value(1.0))) == ["weight"]
    assert Linear(Value(1.0)).train() == "all aboard"


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies(copied: Any) -> None:
    model = MLP(2, [3, 1], rng=0)
    twin = copied(model)
    assert repr(twin) == repr(model)
    assert [p.data for p in twin.parameters()] == [p.data for p in model.parameters()]
    assert [p.label for p in twin.parameters()] == [p.label for p in model.parameters()]


def test_signatures_are_those_of_init() -> None:
    assert list(inspect.signature(MLP).parameters) == [
        "n_inputs", "sizes", "activation", "output_activation", "init", "rng",
    ]  # fmt: skip
    assert str(inspect.signature(Pendulum)) == "()"
    assert list(inspect.signature(MLP(1, [1])).parameters) == ["inputs"]


def test_modules_may_be_abstract_or_dataclasses_or_generic() -> None:
    class Abstract(Module, ABC):
        @abstractmethod
        def __call__(self, inputs: Any) -> Any: ...

    with pytest.raises(TypeError, match="abstract"):
        Abstract()  # type: ignore[abstract]

    @dataclass
    class Linear(Module):
        layer: Layer
        shift: Value

    linear = Linear(Layer(1, 1), Value(0.0))
    assert [p.label for p in linear.parameters()][-1] == "shift"

    class Holder(Module, Generic[T]):
        def __init__(self, item: T) -> None:
            self.item = item

    assert names(Holder[Value](Value(1.0))) == ["item"]


def test_a_class_may_make_something_else() -> None:
    class Three(Module):
        def __new__(cls) -> Any:
            return 3

    three: Any = Three()
    assert three == 3


def test_a_users_model_has_no_configuration() -> None:
    assert Pendulum()._config() is None
    assert repr(Layer._from_config({"n_inputs": 2, "n_outputs": 1})) == repr(Layer(2, 1))


# Labels.


class Network(Module):
    def __init__(self) -> None:
        self.hidden = Layer(2, 2)
        self.rest = [MLP(2, [2, 1])]
        self.scale = Value(1.0)
        self.mine = Value(2.0, "gamma")


def labels(module: Module) -> list[str]:
    return [parameter.label for parameter in module.parameters()]


def test_what_is_built_from_layers_is_labelled_by_path() -> None:
    network = Network()
    assert labels(network)[0] == "hidden.neurons.0.weights.0"
    assert [*names(network)[:-1], "gamma"] == labels(network)
    outer = Box(inner=network)
    assert labels(outer)[:-1] == [f"inner.{name}" for name in names(network)[:-1]]
    assert labels(outer)[-1] == "gamma"


def test_labels_of_a_users_own_stay() -> None:
    layer = Layer(2, 1)
    layer.neurons[0].weights[0].label = "w"
    layer.neurons[0].weights[1].label = "weights.1"  # as the neuron would call it
    neuron = Neuron.from_weights([1.0])  # which has labelled its own by itself
    neuron.bias.label = "shift"
    box = Box(layer=layer, neuron=neuron)
    rest = ["layer.neurons.0.weights.1", "layer.neurons.0.bias", "neuron.weights.0"]
    assert labels(box) == ["w", *rest, "shift"]


def test_parts_of_another_model_are_labelled_anew() -> None:
    old = nn.Sequential(Layer(1, 1), nn.Linear(1, 1, rng=0), Box(inner=Neuron.from_weights([1.0])))
    new = nn.Sequential(Layer(1, 1), *old.modules)
    assert labels(new) == names(new)
    front = nn.Sequential(*new.modules[1:])
    assert labels(front) == names(front)
    assert new.modules[1].neurons[0].weights[0].label == "modules.0.neurons.0.weights.0"
    inner = nn.Sequential(Box(many={"a": [Value(1.0)]}), Layer(1, 1))
    assert labels(Box(a=Box(inner=inner), b=Value(2.0))) == [
        "a.inner.modules.0.many.a.0", "a.inner.modules.1.neurons.0.weights.0",
        "a.inner.modules.1.neurons.0.bias", "b",
    ]  # fmt: skip


@pytest.mark.parametrize("label", ["s.0", "ights.0", "weights", "my weights.0", "0", "weights.0.x"])
def test_labels_that_only_look_like_paths_stay(label: str) -> None:
    layer = Layer(1, 1)
    layer.neurons[0].weights[0].label = label
    assert labels(nn.Sequential(layer))[0] == label


def test_a_module_without_parts_is_labelled_on_request() -> None:
    box = Box(first=Value(1.0), mine=Value(2.0, "gamma"), many=[Value(3.0)])
    assert labels(box) == ["", "gamma", ""]
    box.label_parameters()
    assert labels(box) == names(box) == ["first", "mine", "many.0"]


# What is no parameter and looks like one.


def user_line() -> int:
    return inspect.currentframe().f_back.f_lineno  # type: ignore[union-attr]


class Lost(Module):
    def __init__(self) -> None:
        self.scale = Value(1.0) * 0.1
        self.deep = {"rows": [[Value(1.0), -Value(2.0)]]}
        self.gates = {Value(1.0)}
        self.parts = frozenset({Box()})
        self.fine: list[Any] = [Value(1.0), Value(2.0).detach(), {"a", "b"}, {1.0}]


def test_values_that_are_no_parameters_are_warned_of_once_at_the_users_line() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lost, line = Lost(), user_line()
        outer = Box(lost=lost)
        outer.parameters()
        copy.deepcopy(outer).zero_grad()
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 4
    for message, start, advice in zip(
        messages,
        ("Lost.scale is the result of 'mul'", "Lost.deep.rows.0.1 is the result of 'neg'",
         "Lost.gates is a set", "Lost.parts is a set"),
        ("Value((...).data)", "(...).detach()", "use a list", "use a list"),
        strict=True,
    ):  # fmt: skip
        assert message.startswith(start)
        assert advice in message
    assert {(warning.filename, warning.lineno) for warning in caught} == {(__file__, line)}
    assert {warning.category for warning in caught} == {UserWarning}
    assert names(lost) == ["deep.rows.0.0", "fine.0"]


def test_activations_that_a_call_puts_away_are_no_reason_to_warn() -> None:
    class Remembering(Module):
        def __init__(self) -> None:
            self.layer = Layer(1, 1)

        def __call__(self, inputs: Any) -> Any:
            self.last = self.layer(inputs)
            return self.last

    model = Remembering()
    model([1.0])[0].backward()
    model.zero_grad()
    assert len(model.parameters()) == 2


@dataclass(slots=True)
class Line(Module):
    slope: Value
    offset: Value
    scale: float = 1.0

    def __call__(self, inputs: Any) -> Any:
        return self.slope * inputs[0] + self.offset


class Hidden(Module):
    """Its slot is named as Python names those that begin with two underscores."""

    __slots__ = ("__inner", "unset")

    def __init__(self) -> None:
        self.__inner = [Value(1.0)]
        self.outer = Value(2.0)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_parameters_in_slots_are_found(copied: Any) -> None:
    line = Line(Value(2.0), Value(1.0))
    assert names(line) == names(copied(line)) == ["slope", "offset"]
    assert names(Hidden()) == ["_Hidden__inner.0", "outer"]
    assert line.predict([[3.0]]).tolist() == [7.0]
    assert "_Hidden__inner: 1 parameter" in repr(Hidden())
    line.slope = Value(5.0)
    assert copied(line).predict([[3.0]]).tolist() == [16.0]


class Wrapped:
    def __init__(self, held: Any) -> None:
        self.held = held

    def __call__(self) -> Any:
        return self.held


@dataclass
class Pair:
    first: Any
    second: Any = None


@dataclass(slots=True)
class Slotted:
    first: Any


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (SimpleNamespace(w=Value(1.0)), "Box.held is of SimpleNamespace"),
        (SimpleNamespace(part=Pendulum()), "Box.held is of SimpleNamespace"),
        (deque([Value(1.0)]), "Box.held is of deque"),
        ({Value(1.0): 2.0}, "Box.held has keys"),
        ({(Value(1.0), "a")}, "Box.held is a set"),
        (Pair(Value(1.0)), "Box.held is of Pair"),
        (Wrapped(Value(1.0)), "Box.held is of Wrapped"),
        ([{"deep": Pair(0.0, Value(1.0))}], "Box.held.0.deep is of Pair"),
        (Wrapped([Value(1.0)]), "Box.held is of Wrapped"),
        (Wrapped({"a": (Value(1.0),)}), "Box.held is of Wrapped"),
        ([Wrapped([Value(1.0)])], "Box.held.0 is of Wrapped"),
        (Wrapped(Wrapped([Value(1.0)])), "Box.held is of Wrapped"),
        (SimpleNamespace(layers=[Layer(1, 1)]), "Box.held is of SimpleNamespace"),
        (UserList([Value(1.0)]), "Box.held is of UserList"),
        (MappingProxyType({"a": Value(1.0)}), "Box.held is of mappingproxy"),
        (partial(max, Value(1.0)), "Box.held is of partial"),
        (partial(max, key=[Layer(1, 1)]), "Box.held is of partial"),
        (np.array(Value(1.0), dtype=object), "Box.held is of ndarray"),
        (Slotted([Value(1.0)]), "Box.held is of Slotted"),
        ({((Value(1.0),),): 2.0}, "Box.held has keys"),
        ({frozenset([Value(1.0)])}, "Box.held is a set"),
        (deque([deque([Pendulum()])]), "Box.held is of deque"),
    ],
)
def test_values_in_objects_of_other_kinds_are_warned_of(held: Any, message: str) -> None:
    with pytest.warns(UserWarning, match=message) as caught:
        Box(held=held)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_module_that_is_a_list_itself_is_warned_of() -> None:
    class Many(list[Any], Module):
        pass

    with pytest.warns(UserWarning, match="Many has items of its own, in which no") as caught:
        many = Many([Value(1.0), Layer(1, 1)])
    assert len(caught) == 1
    assert many.parameters() == []
    assert len(Many()) == 0


@pytest.mark.filterwarnings("error")
def test_nothing_is_warned_of_that_is_a_parameter_elsewhere_or_none_at_all() -> None:
    w = Value(1.0)
    inner: Any = Wrapped([w, None])
    inner.held[1] = inner  # a ring
    assert names(Box(w=w, ring=inner, bound=partial(max, w, 1.0), rows=np.array([w]))) == ["w"]
    Box(w=w, also=SimpleNamespace(w=w), optimizer=Wrapped([w]))
    Box(held=SimpleNamespace(n=1.0, c=Value(1.0).detach()), words=deque("ab"), module=math)
    box = Box(kind=Wrapped, function=lambda: w, again=deque([1.0]), path=Path())
    assert box.parameters() == []


def test_values_of_the_class_are_warned_of() -> None:
    class Shared(Module):
        w = Value(1.0)
        parts: ClassVar[list[Any]] = [Pendulum()]
        numbers: ClassVar[list[float]] = [1.0]

        def __init__(self, own: bool) -> None:
            if own:
                self.w, self.parts = Value(2.0), []  # type: ignore[misc]

    Shared(True)
    with pytest.warns(UserWarning, match=r"Shared\.\w+ is an attribute of the class") as caught:
        Shared(False)
    assert [str(warning.message).split()[0] for warning in caught] == ["Shared.w", "Shared.parts"]


untyped_pendulum: Any = Pendulum

CALLS: dict[str, tuple[Any, str]] = {
    "Dropout": (lambda: nn.Dropout(p=0.5), "Dropout takes no argument 'p'; did you mean rate?"),
    "LayerNorm": (lambda: nn.LayerNorm(4, eps=1e-5), "'eps'; did you mean epsilon?"),
    "normalized_shape": (lambda: nn.RMSNorm(normalized_shape=4), "did you mean width?"),
    "dilation": (lambda: nn.Conv2D(1, 2, 3, dilation=2), "'dilation': there is none; take a larg"),
    "groups": (lambda: nn.Conv2D(2, 2, 3, groups=2), "'groups': there are none; give each group"),
    "padding_mode": (lambda: nn.Conv2D(2, 2, 3, padding_mode="reflect"), "pad the image yourself"),
    "device": (lambda: nn.Linear(2, 2, device="cpu"), "'device': the numbers are Python floats"),
    "padding": (
        lambda: nn.Conv2D(2, 2, 3, padding="same"), "kernel_size // 2 keeps the size of the image",
    ),
    "Linear": (lambda: nn.Linear(in_features=2, out_features=3), "did you mean n_inputs?"),
    "GRUCell": (lambda: nn.GRUCell(input_size=2, hidden_size=3), "did you mean n_inputs?"),
    "RNNCell": (lambda: nn.RNNCell(2, hidden_size=3), "did you mean n_hidden?"),
    "Embedding": (lambda: nn.Embedding(num_embeddings=2), "did you mean n_tokens?"),
    "embedding_dim": (lambda: nn.Embedding(2, embedding_dim=2), "did you mean width?"),
    "MLP": (lambda: nn.MLP(2, [1], nonlin="relu"), "did you mean activation?"),
    "seed": (lambda: nn.MLP(2, [1], seed=0), "did you mean rng?"),
    "Conv2D": (lambda: nn.Conv2D(1, 2, 3, strides=2), "did you mean stride?"),
    "filters": (lambda: nn.Conv2D(1, filters=2, kernel_size=3), "did you mean n_outputs?"),
    "Attention": (lambda: nn.Attention(4, num_heads=2), "did you mean heads?"),
    "spelling": (lambda: nn.Layer(2, 3, activtion="relu"), "did you mean activation?"),
    "Layer by position": (lambda: nn.Layer(2, 3, "relu"), "write activation='relu'"),
    "MLP by position": (lambda: nn.MLP(2, [3], "relu", "sigmoid"),
        "write activation='relu', output_activation='sigmoid'"),
    "RNNCell by position": (lambda: nn.RNNCell(2, 3, "relu"), "write activation='relu'"),
    "Conv2D by position": (lambda: nn.Conv2D(1, 2, 3, 2), "write stride=2"),
    "Dropout by position": (lambda: nn.Dropout(0.5, True), "takes rate by position and got 2"),
    "a user's": (lambda: untyped_pendulum(w=1), "Pendulum takes no argument 'w'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_constructors_say_what_to_write(case: str) -> None:
    make, message = CALLS[case]
    with pytest.raises(TypeError, match=re.escape(message)):
        make()


def test_a_class_with_its_own_new_takes_what_it_likes() -> None:
    class Made(Module):
        def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
            return arguments, keywords

    assert Made(1, p=2) == ((1,), {"p": 2})


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        (nn.Linear(1, 1), "weight", "write weights, made of Values"),
        (nn.Linear(1, 1), "bias", "write biases, made of Values"),
        (nn.Embedding(2, 1), "weight", "write weights"),
        (nn.Conv2D(1, 1, 1), "weight", "write weights"),
        (nn.LayerNorm(2), "weight", "write gain"),
        (Neuron(1), "w", "write weights"),
        (Neuron(1), "b", "write bias,"),
        (Layer(1, 1), "weights", r"layer\.neurons\[0\]\.weights"),
        (Layer(1, 1), "biases", r"layer\.neurons\[0\]\.weights"),
    ],
    ids=repr,
)
def test_weights_go_by_the_name_that_they_have(module: Any, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        getattr(module, name)
