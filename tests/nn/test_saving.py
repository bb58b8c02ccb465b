"""State by name, saved models and loaded ones."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from unittest.mock import ANY

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import (
    ACTIVATIONS,
    MLP,
    ArchiveError,
    Attention,
    Conv2D,
    Dropout,
    Embedding,
    GRUCell,
    Layer,
    LayerNorm,
    Linear,
    Module,
    Neuron,
    RMSNorm,
    RNNCell,
    Sequential,
    parameters_to_vector,
    vector_to_parameters,
)
from nn.files import saving
from nn.layers import initialisers
from nn.models.archive import read_archive, write_archive

from .test_parameters import interrupted, model_with_gradients, state


class Box(Module):
    """A module with whatever attributes it is given."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


# State by name.


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=13, max_size=13))
def test_state_goes_from_model_to_model(numbers: list[float]) -> None:
    model, other = MLP(2, [3, 1], rng=0), model_with_gradients()
    gradients = [parameter.grad for parameter in other.parameters()]
    vector_to_parameters(numbers, model)
    given_state = model.state_dict()
    assert list(given_state) == [name for name, _ in model.named_parameters()]
    reverse = dict(reversed(given_state.items()))  # the order does not matter
    assert repr(other.load_state_dict(reverse)) == "<All keys matched successfully>"
    assert parameters_to_vector(other).tobytes() == np.array(numbers).tobytes()
    assert [parameter.grad for parameter in other.parameters()] == gradients


def test_state_is_a_copy() -> None:
    model = MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    model.parameters()[0].data += 1.0
    assert before["layers.0.neurons.0.weights.0"] == model.parameters()[0].data - 1.0


def test_a_shared_parameter_has_one_name() -> None:
    w = Value(1.0)
    assert Box(a=w, b=[w]).state_dict() == {"a": 1.0}


@pytest.mark.parametrize("number", [2, np.float32(2.0), np.array(2.0), np.int64(2), True])
def test_any_real_number_is_taken(number: Any) -> None:
    box = Box(w=Value(0.0))
    box.load_state_dict({"w": number})
    assert box.state_dict() == {"w": float(number)}
    assert type(box.state_dict()["w"]) is float


def test_keys_that_do_not_match_are_pytorch_s_error() -> None:
    torch = pytest.importorskip("torch")
    box, peer = Box(a=Value(1.0), b=Value(2.0), c=Value(3.0)), torch.nn.Module()
    for name in "abc":
        peer.register_parameter(name, torch.nn.Parameter(torch.zeros(())))
    peer.__class__ = type("Box", (torch.nn.Module,), {})
    for names in ("a", "abcd", "ax", "", "xyz"):
        ours, theirs = dict.fromkeys(names, 5.0), dict.fromkeys(names, torch.tensor(5.0))
        with pytest.raises(RuntimeError) as caught:
            box.load_state_dict(ours)
        with pytest.raises(RuntimeError) as expected:
            peer.load_state_dict(theirs)
        assert str(caught.value) == str(expected.value)
    assert [p.data for p in box.parameters()] == [1.0, 2.0, 3.0]


def test_keys_that_do_not_match() -> None:
    box = Box(a=Value(1.0), b=Value(2.0))
    with pytest.raises(RuntimeError) as caught:
        box.load_state_dict({"a": 5.0, "x": 6.0})
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Box:\n"
        '\tMissing key(s) in state_dict: "b". \n'
        '\tUnexpected key(s) in state_dict: "x". '
    )
    assert box.state_dict() == {"a": 1.0, "b": 2.0}


def test_long_lists_of_keys_are_cut_short() -> None:
    with pytest.raises(RuntimeError, match=r'weights\.0", .* and 327 more\. $'):
        MLP(2, [16, 16, 1], rng=0).load_state_dict({})


def test_without_strict_what_matches_is_written() -> None:
    box = Box(a=Value(1.0), b=Value(2.0))
    keys = box.load_state_dict({"a": 5.0, "x": 6.0}, strict=False)
    assert keys == (["b"], ["x"])
    assert repr(keys) == "MatchedKeys(missing_keys=['b'], unexpected_keys=['x'])"
    assert box.state_dict() == {"a": 5.0, "b": 2.0}


@pytest.mark.parametrize(
    ("given_state", "error", "message"),
    [
        ({"a": 5.0, "b": math.nan}, ValueError, "'b' is nan: parameters must be finite"),
        ({"a": 5.0, "b": -math.inf}, ValueError, "'b' is -inf"),
        ({"a": 5.0, "b": "2"}, TypeError, "'b': expected a real number.*str"),
        ({"a": 5.0, "b": [2.0]}, TypeError, "expected a real number.*list"),
        ({"a": 5.0, "b": Value(2.0)}, TypeError, r"got a Value; .*\.data"),
        ({"a": 5.0, "b": 10**400}, ValueError, "beyond the range"),
        ([("a", 5.0), ("b", 2.0)], TypeError, "expected a state_dict, a dict.*got list"),
    ],
)
def test_states_that_are_refused(given_state: Any, error: type[Exception], message: str) -> None:
    box = Box(a=Value(1.0), b=Value(2.0))
    with pytest.raises(error, match=message):
        box.load_state_dict(given_state)
    assert box.state_dict() == {"a": 1.0, "b": 2.0}


def test_two_parameters_of_one_name_are_refused(tmp_path: Path) -> None:
    box = Box(d={1: Value(1.0), "1": Value(2.0)})
    for call in (box.state_dict, lambda: box.load_state_dict({}), lambda: box.save("m.npz")):
        with pytest.raises(ValueError, match=r"two parameters of Box are called 'd\.1'"):
            call()


@pytest.mark.parametrize("line", range(1, 150))
def test_an_interrupted_load_is_whole(line: int) -> None:
    model = model_with_gradients()
    before, after = state(model), [(data + 1.0, grad) for data, grad in state(model)]
    new = {name: p.data + 1.0 for name, p in model.named_parameters()}
    stopped = interrupted(
        lambda: model.load_state_dict(new), line, ("nn/models/states.py", "nn/_assignment.py")
    )
    assert state(model) in (before, after)
    if not stopped:
        assert state(model) == after


# Saved models and loaded ones.


def test_a_function_as_activation_is_loaded_into_a_model(tmp_path: Path) -> None:
    model = MLP(2, [3, 1], activation=ad.square, rng=0)
    model.save(tmp_path / "m.npz")
    with pytest.raises(ArchiveError, match=r"the function autograd_mini\.square, .*into=model"):
        nn.load(tmp_path / "m.npz")
    other = nn.load(tmp_path / "m.npz", into=MLP(2, [3, 1], activation=ad.square, rng=1))
    assert outputs(other, [1.0, 2.0]) == outputs(model, [1.0, 2.0])


IMAGE = np.random.default_rng(0).normal(size=(2, 5, 6)).tolist()
ROW = [0.5, -1.0, 0.25, 2.0]
ROWS = [ROW, ROW[::-1], ROW]


def known_models() -> dict[str, tuple[Module, Any]]:
    """Models, each with an example."""
    models: dict[str, tuple[Module, Any]] = {
        "one layer": (MLP(4, [1], rng=0), ROW),
        "two": (MLP(4, [4, 2], activation="relu", output_activation="sigmoid", rng=1), ROW),
        "deep": (MLP(4, [2, 2, 2, 1], activation="sin", rng=2), ROW),
        "linear": (Linear(4, 3, rng=0), ROW),
        "linear without bias": (Linear(4, 3, bias=False, rng=0), ROW),
        "dropout": (Dropout(0.25), ROW),
        "embedding": (Embedding(5, 3, rng=0), 4),
        "rnn": (RNNCell(4, 3, activation="relu", rng=0), ROW),
        "gru": (GRUCell(4, 3, rng=0), ROW),
        "layer norm": (LayerNorm(4, epsilon=0.1), ROW),
        "rms norm": (RMSNorm(4, gain=False), ROW),
        "convolution": (
            Conv2D(2, 3, (3, 2), stride=2, padding=(0, 1), activation="relu", bias=False), IMAGE
        ),
        "attention": (Attention(4, 2, causal=True, rng=0), ROWS),
        "sequential": (
            Sequential(
                Conv2D(2, 3, 3, rng=0),
                nn.flatten,
                Sequential(Linear(36, 3), Dropout(0.5)),
                "tanh",
                LayerNorm(3),
                ad.tanh,
                ad.softmax,
            ),
            IMAGE,
        ),
    }  # fmt: skip
    for name in ACTIVATIONS:
        models[f"layer {name}"] = Layer(4, 3, activation=name, rng=3), ROW
        models[f"neuron {name}"] = Neuron(4, activation=name, rng=4), ROW
    return models


def outputs(model: Any, example: Any) -> list[float]:
    found: list[float] = []

    def collect(result: Any) -> None:
        if isinstance(result, list):
            for part in result:
                collect(part)
        else:
            found.append(result.data)

    collect(model(example))
    return found


@pytest.mark.parametrize("name", known_models())
def test_a_loaded_model_is_the_same(tmp_path: Path, name: str) -> None:
    model, example = known_models()[name]
    for i, parameter in enumerate(model.parameters()):
        parameter.data = math.sin(i + 1) / 3
    model.save(tmp_path / "m.npz")
    loaded = nn.load(str(tmp_path / "m.npz"))
    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)
    assert loaded.state_dict() == model.state_dict()
    assert [p.label for p in loaded.parameters()] == [p.label for p in model.parameters()]
    assert outputs(loaded, example) == outputs(model, example)
    assert nn.load(tmp_path / "m.npz", into=model) is model


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=13, max_size=13))
def test_bits_are_exact(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "bits.npz"
    model = MLP(2, [3, 1], rng=0)
    vector_to_parameters(numbers, model)
    model.save(path)
    loaded = nn.load(path)
    assert parameters_to_vector(loaded).tobytes() == np.array(numbers).tobytes()
    assert np.load(path)["parameters"].tobytes() == np.array(numbers).tobytes()


def test_every_class_of_nn_can_be_loaded() -> None:
    public = [vars(nn)[name] for name in nn.__all__]
    modules = {x for x in public if isinstance(x, type) and issubclass(x, Module)} - {Module}
    assert {f"nn.{kind.__name__}": kind for kind in modules} == saving.CLASSES


def test_the_header_tells_what_it_is(tmp_path: Path) -> None:
    MLP(1, [1], rng=0).save(tmp_path / "m.npz")
    contents, _ = read_archive(tmp_path / "m.npz", "model")
    assert contents == {
        "class": "nn.MLP",
        "config": {
            "n_inputs": 1, "sizes": [1], "activation": ANY, "output_activation": "identity",
        },
        "names": ["layers.0.neurons.0.weights.0", "layers.0.neurons.0.bias"],
    }  # fmt: skip


class Residual(MLP):
    """Another model than the class whose configuration it inherits."""

    def __call__(self, inputs: Any) -> list[Value]:
        return [x + y for x, y in zip(inputs, super().__call__(inputs), strict=True)]


class Nest(Module):
    """Modules in its configuration, made in another way than by keywords."""

    def __init__(self, *modules: Any) -> None:
        self.modules = modules

    def _config(self) -> dict[str, Any]:
        return {"modules": self.modules, "options": {"depth": [len(self.modules)]}}

    @classmethod
    def _from_config(cls, config: dict[str, Any]) -> Nest:
        assert config["options"] == {"depth": [len(config["modules"])]}
        return cls(*config["modules"])


def test_modules_of_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(saving.CLASSES, "tests.Nest", Nest)
    nest = Nest(Layer(2, 3, rng=0), Nest(), Nest(Neuron(2, activation="relu", rng=1)))
    nest.save(tmp_path / "m.npz")
    loaded = nn.load(tmp_path / "m.npz")
    assert repr(loaded) == repr(nest)
    assert loaded.state_dict() == nest.state_dict()

    Nest(Layer(2, 3, rng=0), Box(w=Value(1.0))).save(tmp_path / "m.npz")
    with pytest.raises(ArchiveError, match=r"holds a tests\.Box, a class that nn does not know"):
        nn.load(tmp_path / "m.npz")


def test_functions_among_the_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(saving.CLASSES, "tests.Nest", Nest)
    path = tmp_path / "m.npz"
    parts: Any
    Nest(Layer(1, 1, rng=0), parts := ad.softmax).save(path)
    assert nn.load(path).modules[1] is parts
    for parts, message in (
        (lambda x: x, "holds a function of one's own"),
        (math.sin, "holds the function math.sin, which nn does not know"),
    ):
        nest = Nest(Layer(1, 1, rng=0), parts)
        nest.save(path)
        with pytest.raises(ArchiveError, match=rf"{message}.*into=model"):
            nn.load(path)
        other = Nest(Layer(1, 1, rng=1), lambda x: -x) if parts is not math.sin else nest
        assert nn.load(path, into=other).state_dict() == nest.state_dict()
    with pytest.raises(
        ArchiveError, match=r"modules\[0\]\.activation is 'tanh' there, 'relu' here"
    ):
        nn.load(path, into=Nest(Layer(1, 1, activation="relu", rng=0), math.sin))
    with pytest.raises(ArchiveError, match=r"modules\[1\] is the function math\.sin there"):
        nn.load(path, into=Nest(Layer(1, 1, rng=0), ad.softmax))


@pytest.mark.parametrize(
    "make",
    [lambda x: Residual(2, [3, 2], rng=x), lambda x: Box(w=Value(x), net=MLP(1, [1], rng=x))],
)
def test_classes_of_users_are_loaded_into_a_model(tmp_path: Path, make: Any) -> None:
    model, other = make(1), make(2)
    model.save(tmp_path / "m.npz")
    with pytest.raises(ArchiveError, match=r"m\.npz' holds a tests.*nn\.load\(path, into=model\)"):
        nn.load(tmp_path / "m.npz")
    for parameter in other.parameters():
        parameter.grad = 3.0
    assert nn.load(tmp_path / "m.npz", into=other) is other
    assert other.state_dict() == model.state_dict()
    assert {parameter.grad for parameter in other.parameters()} == {3.0}


def test_a_class_of_the_same_name_is_another(tmp_path: Path) -> None:
    def config(self: Any) -> dict[str, Any]:
        return {"n_inputs": 1, "sizes": [1]}

    kind = type("MLP", (Box,), {"_config": config, "__module__": "tests.models"})
    kind(w=Value(1.0)).save(tmp_path / "m.npz")
    with pytest.raises(ArchiveError, match=r"holds a tests\.MLP"):
        nn.load(tmp_path / "m.npz")


def test_names_may_come_in_another_order(tmp_path: Path) -> None:
    Box(a=Value(1.0), b=Value(2.0)).save(tmp_path / "m.npz")
    box = nn.load(tmp_path / "m.npz", into=Box(b=Value(0.0), a=Value(0.0)))
    assert box.state_dict() == {"b": 2.0, "a": 1.0}


# What is refused: the file, or the model for it; the model given is as it was.


def test_an_activation_that_is_not_known_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(ACTIVATIONS, "cube", lambda x: x**3)
        model = MLP(2, [3, 1], activation="cube", rng=0)
        model.save(tmp_path / "m.npz")
        loaded = nn.load(tmp_path / "m.npz")
        assert outputs(loaded, [1.0, 2.0]) == outputs(model, [1.0, 2.0])
    with pytest.raises(ArchiveError, match=r"nn\.MLP that cannot be made here.*'cube'"):
        nn.load(tmp_path / "m.npz")


def test_neurons_of_different_activations_are_not_made_equal(tmp_path: Path) -> None:
    model = MLP(1, [2, 2, 1], activation="tanh", rng=0)
    model.layers[1] = Layer(2, 2, activation="relu", rng=0)
    layer = Layer(1, 2, rng=0)
    layer.neurons[1] = Neuron(1, activation="relu", rng=0)
    for changed in (model, layer):
        changed.save(tmp_path / "m.npz")
        with pytest.raises(ArchiveError, match=r"that cannot be made here.*into=model"):
            nn.load(tmp_path / "m.npz")
        assert nn.load(tmp_path / "m.npz", into=changed) is changed
    with pytest.raises(ArchiveError, match=r"activation is \['tanh', 'relu'\] there, 'tanh' here"):
        nn.load(tmp_path / "m.npz", into=Layer(1, 2, rng=0))


def test_layers_of_an_mlp_that_are_others_are_not_made_equal(tmp_path: Path) -> None:
    def changed(activation: str) -> MLP:
        model = MLP(1, [2, 1], rng=0)
        model.layers[0] = Sequential(Linear(1, 2), activation)  # type: ignore[call-overload]
        return model

    changed("sin").save(tmp_path / "m.npz")
    with pytest.raises(ArchiveError, match=r"nn\.MLP that cannot be made here.*into=model"):
        nn.load(tmp_path / "m.npz")
    nn.load(tmp_path / "m.npz", into=changed("sin"))
    with pytest.raises(ArchiveError, match=r"layers\[0\]\.modules\[1\] is 'sin' there, 'relu' h"):
        nn.load(tmp_path / "m.npz", into=changed("relu"))


def twice(seed: int) -> Sequential:
    layer = Layer(2, 2, rng=seed)
    inner = Sequential(Dropout(0.5), layer)
    return Sequential(layer, "relu", inner, Layer(2, 2, rng=seed + 1), inner, layer)


def test_a_module_that_comes_twice_is_one_again(tmp_path: Path) -> None:
    model = twice(0)
    model.save(tmp_path / "m.npz")
    for loaded in (nn.load(tmp_path / "m.npz"), nn.load(tmp_path / "m.npz", into=twice(5))):
        first, _, inner, other, again, last = cast("list[Any]", loaded.modules)
        assert first is last is inner[1]
        assert again is inner
        assert other is not first
        assert loaded.state_dict() == model.state_dict()
        assert loaded.predict([[0.5, -1.0]]).tolist() == model.predict([[0.5, -1.0]]).tolist()


def test_a_model_that_shares_other_modules_is_another(tmp_path: Path) -> None:
    layer = Layer(2, 2, rng=0)
    Sequential(layer, layer).save(tmp_path / "m.npz")
    message = r"modules\[1\] is a module that came before there, a nn\.Layer of its own here"
    with pytest.raises(ArchiveError, match=message):
        nn.load(tmp_path / "m.npz", into=Sequential(layer, Layer(2, 2, rng=0)))


@pytest.mark.parametrize("place", [0, 2, -1, True, "1", None, [1]])
def test_a_module_that_comes_again_must_have_come(tmp_path: Path, place: Any) -> None:
    layer = {"class": "nn.Dropout", "config": {"rate": 0.5}}
    config = {"modules": [layer, {"same_as": place}]}  # number 0 is the Sequential itself
    contents = {"class": "nn.Sequential", "config": config, "names": []}
    write_archive(tmp_path / "m.npz", "model", contents, {"parameters": np.zeros(0)})
    with pytest.raises(ArchiveError, match=r"refers to a module, number .*that it does not hold"):
        nn.load(tmp_path / "m.npz")


def test_a_model_that_was_changed_is_not_made_anew(tmp_path: Path) -> None:
    model = MLP(2, [3, 1], rng=0)
    vars(model)["scale"] = Value(2.0)
    model.save(tmp_path / "m.npz")
    with pytest.raises(ArchiveError, match=r"a changed nn\.MLP.*into=model"):
        nn.load(tmp_path / "m.npz")
    other = MLP(2, [3, 1], rng=1)
    vars(other)["scale"] = Value(0.0)
    nn.load(tmp_path / "m.npz", into=other)
    assert other.state_dict() == model.state_dict()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_diverged_model_is_not_saved(tmp_path: Path, number: float) -> None:
    model = MLP(2, [3, 1], rng=0)
    model.save(tmp_path / "m.npz")
    before = (tmp_path / "m.npz").read_bytes()
    model.parameters()[4].data = number
    with pytest.raises(ValueError, match=r"'layers\.0\.neurons\.1\.weights\.1' is -?(nan|inf)"):
        model.save(tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() == before


OTHERS = {
    "width": (MLP(2, [2, 1], rng=1), r"the MLP given: sizes\[0\] is 3 there, 2 here"),
    "depth": (MLP(2, [3, 1, 1], rng=1), r"sizes is \[3, 1\] there, \[3, 1, 1\] here"),
    "class": (Layer(2, 3, rng=1), r"class is 'nn\.MLP' there, 'nn\.Layer' here"),
    "subclass": (Residual(2, [3, 1], rng=1), r"class is 'nn\.MLP' there, 'tests\.Residual' here"),
    "parts": (
        Sequential(MLP(2, [3, 1], rng=1)),
        r"class is 'nn\.MLP' there, 'nn\.Sequential' here",
    ),
    "user": (Box(w=Value(1.0)), r"class is 'nn\.MLP' there, 'tests\.Box' here; .*load_state_dict"),
    "activation": (MLP(2, [3, 1], activation="relu", rng=1), "activation is 'tanh' there, 'relu'"),
    "output": (MLP(2, [3, 1], output_activation="tanh", rng=1), "output_activation is 'identity'"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_models_are_refused(tmp_path: Path, case: str) -> None:
    model, message = OTHERS[case]
    MLP(2, [3, 1], activation="tanh", rng=0).save(tmp_path / "m.npz")
    before = model.state_dict()
    with pytest.raises(ArchiveError, match=message) as caught:
        nn.load(tmp_path / "m.npz", into=model)
    assert "m.npz" in str(caught.value)
    assert model.state_dict() == before


NAMES = {
    "smaller": (Residual(2, [2, 1], rng=1), "holds 13 parameters, .* given has 9.*only in the fi"),
    "larger": (Residual(2, [4, 1], rng=1), r"17 \(only in the model: layers\.0\.neurons\.3"),
    "empty": (Box(), r"the Box given has 0 \(only in the file: .*\.\.\.\)"),
    "other": (
        Box(w=Value(1.0)),
        r"given has 1 \(only in the file: layers.*; only in the model: w\)",
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_models_with_other_names_are_refused(tmp_path: Path, case: str) -> None:
    model, message = NAMES[case]
    saved = Residual(2, [3, 1], rng=0)
    whole = saved if isinstance(model, Residual) else Box(**vars(saved))
    whole.save(tmp_path / "m.npz")
    before = model.state_dict()
    with pytest.raises(ArchiveError, match=message):
        nn.load(tmp_path / "m.npz", into=model)
    assert model.state_dict() == before


def cube(x: Value) -> Value:
    return x**3


class Line(Module):
    """A class with parameters of the same names as Cube."""

    def __init__(self) -> None:
        self.slope = Value(2.0)


class Cube(Line):
    """Another one."""


ONE_UNTOLD: list[tuple[Module, Module, str]] = [
    (
        MLP(2, [3, 1], activation=cube, output_activation="sigmoid"),
        MLP(2, [3, 1], activation=cube),
        "output_activation is 'sigmoid' there, 'identity' here",
    ),
    (
        Conv2D(1, 1, 2, stride=2, activation=cube),
        Conv2D(1, 1, 2, stride=1, activation=cube),
        r"stride\[0\] is 2 there, 1 here",
    ),
    (RNNCell(2, 3, activation=cube), RNNCell(3, 2, activation=cube), "n_inputs is 2 there, 3 here"),
    (Neuron(2, activation=cube), Neuron(2), "activation is a function of one's own there, 'tanh'"),
    (Neuron(2), Neuron(2, activation=cube), "'tanh' there, a function of one's own here"),
    (
        Neuron(2, activation=ad.square), Neuron(2, activation=cube),
        r"is the function autograd_mini\.square there, a function of",
    ),
    (Line(), Cube(), r"class is 'tests\.Line' there, 'tests\.Cube' here"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ONE_UNTOLD)))
def test_what_is_told_is_compared_beside_what_is_not(tmp_path: Path, case: int) -> None:
    model, other, message = ONE_UNTOLD[case]
    model.save(tmp_path / "m.npz")
    before = other.state_dict()
    assert nn.load(tmp_path / "m.npz", into=model) is model
    with pytest.raises(ArchiveError, match=rf"{message}.*load_state_dict"):
        nn.load(tmp_path / "m.npz", into=other)
    assert other.state_dict() == before


def test_a_class_of_a_script_may_have_moved(tmp_path: Path) -> None:
    moved = type("Line", (Line,), {"__module__": "__main__", "__qualname__": "Line"})
    moved().save(tmp_path / "m.npz")
    assert nn.load(tmp_path / "m.npz", into=Line())


def test_a_user_s_class_called_as_one_of_nn_is_another(tmp_path: Path) -> None:
    MLP(2, [1], rng=0).save(tmp_path / "m.npz")
    other = type("MLP", (MLP,), {"__module__": "tests.models", "__qualname__": "MLP"})
    with pytest.raises(ArchiveError, match=r"class is 'nn\.MLP' there, 'tests\.MLP' here"):
        nn.load(tmp_path / "m.npz", into=other(2, [1], rng=0))


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("nn.MLP", {"n_inputs": 20_000, "sizes": [2_000, 2_000]}),
        ("nn.MLP", {"n_inputs": 10**12, "sizes": [1]}),
        ("nn.LayerNorm", {"width": 10**12}),
        ("nn.Embedding", {"n_tokens": 10**6, "width": 10**6}),
        ("nn.Conv2D", {"n_inputs": 1, "n_outputs": 1, "kernel_size": [10**6, 10**6]}),
        ("nn.GRUCell", {"n_inputs": 10**9, "n_hidden": 1}),
        ("nn.Attention", {"width": 10**6, "heads": 1, "causal": False}),
    ],
)
def test_nothing_larger_is_built_than_the_file_has_numbers_for(
    tmp_path: Path, name: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(initialisers, "_uniform", lambda *arguments: drawn.append(arguments))
    contents = {"class": name, "config": config, "names": ["a", "b", "c"]}
    write_archive(tmp_path / "m.npz", "model", contents, {"parameters": [1.0, 2.0, 3.0]})
    with pytest.raises(ArchiveError, match="with other parameters than its constructor makes"):
        nn.load(tmp_path / "m.npz")
    assert drawn == []


def test_numbers_alone_go_to_a_model_with_other_activations(tmp_path: Path) -> None:
    MLP(2, [3, 1], activation="tanh", rng=0).save(tmp_path / "m.npz")
    model = MLP(2, [3, 1], activation="relu", rng=1)
    model.load_state_dict(nn.load(tmp_path / "m.npz").state_dict())
    assert model.state_dict() == MLP(2, [3, 1], rng=0).state_dict()


GOOD: dict[str, Any] = {"class": "nn.Neuron", "config": {"n_inputs": 1}, "names": ["a", "b"]}
FORGED: dict[str, tuple[Any, Any, str]] = {
    "nothing": (None, [1.0, 2.0], "no whole model"),
    "no names": ({"class": "nn.Neuron", "config": None}, [1.0, 2.0], "no whole model"),
    "names": ({**GOOD, "names": "ab"}, [1.0, 2.0], "list of different names"),
    "numbers as names": ({**GOOD, "names": [1, "1"]}, [1.0, 2.0], "list of different names"),
    "lists as names": ({**GOOD, "names": [[], {}]}, [1.0, 2.0], "list of different names"),
    "twice": ({**GOOD, "names": ["a", "a"]}, [1.0, 2.0], "list of different names"),
    "fewer": (GOOD, [1.0], r"2 names for parameters of shape \(1,\)"),
    "more": (GOOD, [1.0, 2.0, 3.0], r"2 names for parameters of shape \(3,\)"),
    "matrix": (GOOD, [[1.0, 2.0]], r"shape \(1, 2\)"),
    "ints": (GOOD, [1, 2], "type int64"),
    "nan": (GOOD, [1.0, math.nan], "diverged: 'b' is nan"),
    "inf": (GOOD, [-math.inf, 1.0], "diverged: 'a' is -inf"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_files_are_refused(tmp_path: Path, case: str) -> None:
    contents, numbers, message = FORGED[case]
    write_archive(tmp_path / "m.npz", "model", contents, {"parameters": numbers})
    box = Box(a=Value(5.0), b=Value(6.0))
    with pytest.raises(ArchiveError, match=message):
        nn.load(tmp_path / "m.npz", into=box)
    with pytest.raises(ArchiveError, match=message):
        nn.load(tmp_path / "m.npz")
    assert box.state_dict() == {"a": 5.0, "b": 6.0}


NESTED: list[Any] = []
for _ in range(400):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class": "os.system"}, r"os\.system, a class that nn does not know"),
        ({"class": ["nn.MLP"]}, "a class that nn does not know"),
        ({"config": None}, "parts that a file cannot describe"),
        ({"config": {"n_inputs": 0}}, "cannot be made here.*at least 1"),
        ({"config": {"n_inputs": "two"}}, "cannot be made here.*must be an int"),
        ({"config": {"outputs": 3}}, "cannot be made here.*takes no argument"),
        ({"config": {"n_inputs": 10**30}}, "with other parameters than its constructor makes"),
        ({"class": "nn.Sequential", "config": {}}, "cannot be made here.*'modules'"),
        ({"class": "nn.Sequential", "config": {"modules": NESTED}}, "cannot be made here"),
        ({"config": {"n_inputs": {"class": "x", "config": {}}}}, "holds a x, a class"),
    ],
)
def test_forged_descriptions_are_refused(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    write_archive(tmp_path / "m.npz", "model", {**GOOD, **fields}, {"parameters": [1.0, 2.0]})
    with pytest.raises(ArchiveError, match=message):
        nn.load(tmp_path / "m.npz")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    MLP(1, [1], rng=0).save(tmp_path / "m.npz")
    with pytest.raises(TypeError, match="into must be a Module, got list"):
        nn.load(tmp_path / "m.npz", into=[])  # type: ignore[call-overload]
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "other.npz")
    write_archive(tmp_path / "c.npz", "checkpoint", {}, {})
    with pytest.raises(ArchiveError, match=r"checkpoint, not a model.*nn\.Checkpoint"):
        nn.load(tmp_path / "c.npz")
    with pytest.raises(TypeError, match="path must be a str or a Path, got MLP"):
        nn.load(MLP(1, [1], rng=0))  # type: ignore[call-overload]


@given(st.data())
@settings(max_examples=150)
def test_a_changed_file_gives_the_model_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed model.npz"
    model, other = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    before = other.state_dict()
    model.save(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.none() | st.integers(0, len(content)))])
    try:
        loaded = nn.load(path)
    except ArchiveError:
        with pytest.raises(ArchiveError):
            nn.load(path, into=other)
        assert other.state_dict() == before
        return
    assert repr(loaded) == repr(model)
    assert loaded.state_dict() == model.state_dict()


def test_a_killed_process_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    script = """
import itertools, sys, nn
model = nn.MLP(2, [30, 1], rng=0)
for number in itertools.count():
    nn.vector_to_parameters([float(number)] * 121, model)
    model.save(sys.argv[1])
    print(flush=True)
"""
    path = tmp_path / "m.npz"
    for saves in range(1, 4):
        command = [sys.executable, "-c", script, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(saves):
                process.stdout.readline()
            process.kill()
        found = set(parameters_to_vector(nn.load(path)).tolist())
        assert len(found) == 1
        assert found.pop() >= saves - 1
