"""Predictions of a compiled model: equal to the model's own, and never those of a former one."""

from __future__ import annotations

import copy
import gc
import math
import os
import pickle
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import MLP, Layer, Module, Neuron
from nn.models import kept_attributes, predicting

X = np.random.default_rng(0).normal(size=(7, 2))
untyped: Any = nn


def eager(model: Any, examples: Any = X) -> Any:
    """What the model itself says, example by example."""

    def numbers(outputs: Any) -> Any:
        if ad.is_ordered(outputs):
            return [numbers(output) for output in outputs]
        return outputs.data if isinstance(outputs, Value) else outputs

    return np.array([numbers(model(x)) for x in np.asarray(examples).tolist()])


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each program that is made."""
    made: list[Any] = []
    compile_as_before = ad.compile

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(arguments)
        return compile_as_before(*arguments, **options)

    monkeypatch.setattr(ad, "compile", counted)
    return made


class Gated(Module):
    """A model that depends on attributes of many kinds."""

    def __init__(self) -> None:
        self.hidden = Layer(2, 3, rng=1)
        self.scale = 2.0
        self.powers = [1.0, 2.0, 3.0]
        self.squash: Callable[[Value], Value] = ad.tanh
        self.options: dict[str, Any] = {"shift": 0.5, "parts": [np.array([1.0, -1.0, 2.0])]}
        self.trainable = Value(0.3)
        self.settings = Settings()

    def __call__(self, inputs: Any) -> list[Value]:
        rows = self.hidden(inputs)
        weights = self.options["parts"][0]
        return [
            self.squash(h * self.scale + p * self.trainable) * float(w)
            + self.options["shift"]
            + self.settings.offset
            for h, p, w in zip(rows, self.powers, weights, strict=True)
        ]


@dataclass
class Settings:
    offset: float = 0.25
    history: list[float] = field(default_factory=list)


@pytest.mark.parametrize(
    "model",
    [
        MLP(2, [5, 3], rng=0),
        MLP(2, [4, 1], activation="relu", output_activation="sigmoid", rng=0),
        Layer(2, 2, rng=0),
        Neuron(2, rng=0),
        Gated(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_predictions_are_the_models_own(model: Any) -> None:
    expected = eager(model)
    predicted = model.predict(X)
    assert predicted.shape == expected.shape
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.predict(X.tolist()), expected, rtol=1e-12, atol=1e-14)
    for i in range(len(X)):
        np.testing.assert_allclose(model.predict(X[i : i + 1])[0], expected[i], rtol=1e-12)


def test_integers_and_tables_are_numbers() -> None:
    model = MLP(2, [3, 1], rng=0)
    corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    np.testing.assert_allclose(model.predict(corners), eager(model, corners), rtol=1e-12)
    np.testing.assert_allclose(
        model.predict(np.array(corners, dtype=bool)), eager(model, corners), rtol=1e-12
    )


def test_new_numbers_in_parameters_need_no_new_program(compilations: list[Any]) -> None:
    model = MLP(2, [5, 3], rng=0)
    before = model.predict(X)
    for parameter in model.parameters():
        parameter.data *= -0.5
        parameter.grad = 3.0
    np.testing.assert_allclose(model.predict(X), eager(model), rtol=1e-12)
    nn.vector_to_parameters(np.linspace(-1, 1, len(model.parameters())), model)
    np.testing.assert_allclose(model.predict(X[:3]), eager(model, X[:3]), rtol=1e-12)
    assert not np.allclose(before, model.predict(X))
    assert len(compilations) == 1


def slope_of(slope: float) -> Callable[[Value], Value]:
    return lambda x: x * slope


def scaled(x: Value, slope: float) -> Value:
    return x * slope


def swap(model: Gated) -> None:
    weights = model.hidden.neurons[0].weights
    weights[0], weights[1] = weights[1], weights[0]


CHANGES: dict[str, Callable[[Gated], object]] = {
    "float": lambda m: setattr(m, "scale", 2.5),
    "sign": lambda m: setattr(m, "scale", -2.0),
    "int for float": lambda m: setattr(m, "scale", 3),
    "list in place": lambda m: m.powers.__setitem__(1, 5.0),
    "list replaced": lambda m: setattr(m, "powers", [3.0, 2.0, 1.0]),
    "dict in place": lambda m: m.options.__setitem__("shift", -1.0),
    "array in place": lambda m: m.options["parts"][0].__setitem__(2, 7.0),
    "array replaced": lambda m: m.options["parts"].__setitem__(0, np.ones(3)),
    "activation": lambda m: setattr(m, "squash", ad.sin),
    "closure": lambda m: setattr(m, "squash", slope_of(2.0)),
    "partial": lambda m: setattr(m, "squash", partial(scaled, slope=0.1)),
    "object in place": lambda m: setattr(m.settings, "offset", 4.0),
    "parameter replaced": lambda m: setattr(m, "trainable", Value(-0.7)),
    "parameter made a constant": lambda m: setattr(m, "trainable", ad.as_value(0.9)),
    "parameter made a float": lambda m: setattr(m, "trainable", 0.9),
    "deep parameter replaced": lambda m: setattr(m.hidden.neurons[1], "bias", Value(1.0)),
    "parameters swapped": swap,
    "layer replaced": lambda m: setattr(m, "hidden", Layer(2, 3, activation="relu", rng=3)),
    "neuron replaced": lambda m: m.hidden.neurons.__setitem__(0, Neuron(2, rng=9)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_model_is_compiled_anew(change: str, compilations: list[Any]) -> None:
    model = Gated()
    before = model.predict(X)
    CHANGES[change](model)
    after = model.predict(X)
    np.testing.assert_allclose(after, eager(model), rtol=1e-12, atol=1e-14)
    assert not np.allclose(before, after)
    model.predict(X)
    assert len(compilations) == 2


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.booleans()), max_size=5))
def test_predictions_are_never_those_of_a_former_model(steps: list[tuple[str, bool]]) -> None:
    model = Gated()
    for change, asks in steps:
        CHANGES[change](model)
        if asks:
            np.testing.assert_allclose(model.predict(X), eager(model), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.predict(X), eager(model), rtol=1e-12, atol=1e-14)


def test_changed_arguments_of_closures_are_seen() -> None:
    slopes = [2.0]
    model = Neuron.from_weights([1.0, 1.0], activation=lambda x: x * slopes[0])
    assert model.predict([[1.0, 2.0]]).tolist() == [6.0]
    slopes[0] = 3.0
    assert model.predict([[1.0, 2.0]]).tolist() == [9.0]


class Slope:
    def __init__(self, slope: float) -> None:
        self.slope = slope

    def of(self, x: Value) -> Value:
        return x * self.slope


def test_changed_objects_of_bound_methods_are_seen() -> None:
    slope = Slope(2.0)
    model = Neuron.from_weights([1.0, 1.0], activation=slope.of)
    assert model.predict([[1.0, 2.0]]).tolist() == [6.0]
    slope.slope = 3.0
    assert model.predict([[1.0, 2.0]]).tolist() == [9.0]


def test_changed_attributes_of_the_class_are_seen() -> None:
    class Sloped(Module):
        slope = 2.0
        table: ClassVar[list[float]] = [1.0]

        def __init__(self) -> None:
            self.w = Value(3.0)

        def __call__(self, inputs: Any) -> Any:
            return self.w * inputs[0] * self.slope * self.table[0]

    model = Sloped()
    assert model.predict([[1.0]]).tolist() == [6.0]
    Sloped.slope = 5.0
    assert model.predict([[1.0]]).tolist() == [15.0]
    Sloped.table[0] = 2.0
    assert model.predict([[1.0]]).tolist() == [30.0]


class Slotted:
    __slots__ = ("number",)

    def __init__(self, number: float) -> None:
        self.number = number


class Holding(Module):
    def __init__(self, held: Any) -> None:
        self.w = Value(2.0)
        self.held = held

    def __call__(self, inputs: Any) -> Any:
        held = self.held
        number = held.number if isinstance(held, Slotted) else sum(held)
        return self.w * inputs[0] + number


@pytest.mark.parametrize(
    ("held", "change"),
    [
        (Slotted(1.0), lambda held: setattr(held, "number", 3.0)),
        (deque([1.0, 2.0]), lambda held: held.append(3.0)),
        ({1.0}, lambda held: held.add(2.0)),
        (np.array([1.0, 2.0]), lambda held: held.__setitem__(0, 9.0)),
        (np.array([Value(1.0), 2.0], dtype=object), lambda held: held.__setitem__(1, 9.0)),
        ([-0.0, np.float64(1.0)], lambda held: held.__setitem__(1, np.float64(2.0))),
        (range(3), None),
        ([range(3)[1], 2, True], lambda held: held.__setitem__(1, 7)),
    ],
    ids=lambda given: type(given).__name__,
)
def test_attributes_of_many_kinds(held: Any, change: Any, compilations: list[Any]) -> None:
    model = Holding(held)
    for _ in range(2):
        np.testing.assert_allclose(model.predict([[1.0]]), eager(model, [[1.0]]), rtol=1e-12)
    assert len(compilations) == 1
    if change is not None:
        change(held)
        np.testing.assert_allclose(model.predict([[1.0]]), eager(model, [[1.0]]), rtol=1e-12)
        assert len(compilations) == 2


class Counting(Module):
    """A model that remembers something of every call."""

    def __init__(self) -> None:
        self.w = Value(2.0)
        self.calls = 0
        self.last: Value | None = None

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        self.last = self.w * inputs[0]
        return self.last


def test_what_a_call_leaves_behind_is_no_change(compilations: list[Any]) -> None:
    model = Counting()
    for n in (1, 2, 3):
        assert model.predict([[3.0]] * n).tolist() == [6.0] * n
    assert len(compilations) == 1


class Plain:
    """Not a module, and hides a Value from it."""

    def __init__(self, number: float) -> None:
        self.hidden = Value(number)


class Hiding(Module):
    def __init__(self) -> None:
        self.w = Value(2.0)
        self.plain = Plain(3.0)

    def __call__(self, inputs: Any) -> Any:
        return self.w * inputs[0] + self.plain.hidden


def test_values_that_are_no_parameters_are_constants_with_their_current_numbers() -> None:
    with pytest.warns(UserWarning, match=r"Hiding\.plain is of Plain"):
        model = Hiding()
    assert model.predict([[1.0]]).tolist() == [5.0]
    model.plain.hidden.data = 10.0
    assert model.predict([[1.0]]).tolist() == [12.0]


# Whatever a model reads: each case is a model and a change of what it reads.

GLOBALS: dict[str, Any] = {"scale": 2.0}


def doubled(x: Any) -> Any:
    return x * 2.0


def tripled(x: Any) -> Any:
    return x * 3.0


class Words(list[float]):
    """A list with an attribute."""

    factor = 2.0


class Reading(Module):
    """What it returns is made by a function that may look anywhere."""

    _scale = 2.0

    def __init__(self) -> None:
        self.w = Value(3.0)
        self.words = Words([1.0, 2.0])
        self.table = bytearray([1, 2])
        self.view = memoryview(self.table)
        self.counts = Counter("aab")
        self.slotted = Slotted(2.0)
        self.look: Callable[[Reading], float] = lambda model: 2.0

    def factor(self) -> float:
        return 2.0

    @property
    def shift(self) -> float:
        return 2.0

    def __call__(self, inputs: Any) -> Any:
        return self.w * inputs[0] * self.look(self)


def replaced(kind: type, name: str, new: Any) -> Callable[[Any, pytest.MonkeyPatch], None]:
    return lambda model, patch: patch.setattr(kind, name, new)


READ: dict[str, tuple[Callable[[Any], float], Callable[[Any, pytest.MonkeyPatch], object]]] = {
    "hidden attribute of the class": (lambda m: m._scale, replaced(Reading, "_scale", 5.0)),
    "method of the class": (lambda m: m.factor(), replaced(Reading, "factor", lambda self: 5.0)),
    "property of the class": (
        lambda m: m.shift,
        replaced(Reading, "shift", property(lambda self: 5.0)),
    ),
    "code of a function": (
        lambda m: doubled(1.0),
        lambda m, patch: patch.setattr(doubled, "__code__", tripled.__code__),
    ),
    "slot": (lambda m: m.slotted.number, lambda m, patch: setattr(m.slotted, "number", 5.0)),
    "entry of a subclass of list": (
        lambda m: m.words[1],
        lambda m, patch: m.words.__setitem__(1, 5.0),
    ),
    "attribute of a subclass of list": (
        lambda m: m.words.factor,
        lambda m, patch: setattr(m.words, "factor", 5.0),
    ),
    "bytearray": (lambda m: m.table[1], lambda m, patch: m.table.__setitem__(1, 5)),
    "memoryview": (lambda m: m.view[1], lambda m, patch: m.view.__setitem__(1, 5)),
    "counter": (lambda m: m.counts["a"], lambda m, patch: m.counts.update("aa")),
    "global variable": (
        lambda m: GLOBALS["scale"],
        lambda m, patch: patch.setitem(GLOBALS, "scale", 5.0),
    ),
    "global function": (
        lambda m: doubled(1.0),
        lambda m, patch: patch.setitem(globals(), "doubled", tripled),
    ),
    "attribute of a module": (lambda m: math.tau, lambda m, patch: patch.setattr(math, "tau", 5.0)),
    "environment": (
        lambda m: float(os.environ.get("NN_SCALE", "2")),
        lambda m, patch: patch.setenv("NN_SCALE", "5"),
    ),
}


@pytest.mark.parametrize("case", READ)
def test_predictions_are_of_what_the_model_reads_now(
    case: str, monkeypatch: pytest.MonkeyPatch, compilations: list[Any]
) -> None:
    model = Reading()
    model.look, change = READ[case]
    before = model.predict([[1.0]]).tolist()
    assert model.predict([[1.0]]).tolist() == before == eager(model, [[1.0]]).tolist()
    assert len(compilations) == 1
    change(model, monkeypatch)
    assert model.predict([[1.0]]).tolist() == eager(model, [[1.0]]).tolist() != before
    assert len(compilations) == 2


def test_another_call_of_the_class_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Reading()
    assert model.predict([[1.0]]).tolist() == [6.0]
    monkeypatch.setattr(Reading, "__call__", lambda self, inputs: self.w + inputs[0])
    assert model.predict([[1.0]]).tolist() == [4.0]
    model.__class__ = Negative
    assert model.predict([[1.0]]).tolist() == [-3.0]


class Negative(Reading):
    def __call__(self, inputs: Any) -> Any:
        return -self.w * inputs[0]


def test_random_draws_are_drawn_for_every_call() -> None:
    generator = np.random.default_rng(0)
    model = Reading()
    model.look = lambda model: generator.normal()
    predicted = [model.predict([[1.0]])[0] for _ in range(5)]
    assert len(set(predicted)) == 5


def test_a_replaced_parameter_is_trained_on() -> None:
    model = Reading()
    model.predict([[1.0]])
    model.w = Value(3.0)  # the number of the old one
    assert model.predict([[1.0]]).tolist() == [6.0]
    model.w.data = 4.0
    assert model.predict([[1.0]]).tolist() == [8.0]


# Copies, life and death, threads.


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "pickle"],
)
def test_copies_have_programs_of_their_own(copied: Callable[[MLP], MLP]) -> None:
    model = MLP(2, [3, 1], rng=0)
    before = model.predict(X)
    twin = copied(model)
    assert vars(twin).keys() == vars(model).keys() == {"layers"}
    for parameter in twin.parameters():
        parameter.data += 1.0
    np.testing.assert_allclose(twin.predict(X), eager(twin), rtol=1e-12)
    assert model.predict(X).tolist() == before.tolist()


def test_a_shallow_copy_shares_parameters_and_not_its_attributes() -> None:
    model = Gated()
    model.predict(X)
    twin = copy.copy(model)
    twin.scale = -1.0
    np.testing.assert_allclose(twin.predict(X), eager(twin), rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), eager(model), rtol=1e-12)


class Cyclic(Module):
    def __init__(self) -> None:
        self.child = Child(self)

    def __call__(self, inputs: Any) -> Any:
        return self.child.squash(self.child.w * inputs[0])


class Child(Module):
    def __init__(self, parent: Cyclic) -> None:
        self.parent = parent
        self.w = Value(2.0)
        self.squash: Callable[[Any], Any] = lambda x: x * float(len(vars(parent)))


@pytest.mark.parametrize("make", [lambda: MLP(2, [3, 1], rng=0), Gated])
def test_programs_go_with_their_model_and_make_no_cycles(make: Callable[[], Any]) -> None:
    model = make()
    model.predict(X)
    model.predict_classes(X)
    key, reference = id(model), weakref.ref(model)
    program = weakref.ref(predicting._kept[key])
    gc.collect()
    gc.disable()
    try:
        del model
        assert (reference(), program()) == (None, None)
        assert key not in predicting._kept
    finally:
        gc.enable()


def test_a_model_in_a_cycle_of_its_own_is_found_by_the_collector() -> None:
    model = Cyclic()
    assert model.predict([[3.0]]).tolist() == [6.0]
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


@dataclass
class Data(Module):
    """A dataclass has ``==`` and so no hash."""

    slope: float
    w: Value

    def __call__(self, inputs: Any) -> Any:
        return self.w * inputs[0] * self.slope


def test_dataclasses_are_models() -> None:
    one, other = Data(2.0, Value(1.0)), Data(3.0, Value(1.0))
    assert one.predict([[1.0]]).tolist() == [2.0]
    assert other.predict([[1.0]]).tolist() == [3.0]


def test_several_threads_may_ask_at_once() -> None:
    model = MLP(2, [4, 2], rng=0)
    results: list[Any] = []
    errors: list[BaseException] = []

    def predict() -> None:
        try:
            results.extend(model.predict(X) for _ in range(20))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=predict) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(results) == 120
    for result in results:
        np.testing.assert_allclose(result, eager(model), rtol=1e-12)


# Probabilities and classes.


def fixed(*biases: float, activation: Any = "identity") -> Layer:
    """A layer of one input that it does not look at."""
    layer = Layer(1, len(biases), activation=activation, init="zeros")
    for neuron, bias in zip(layer.neurons, biases, strict=True):
        neuron.bias.data = bias
    return layer


def test_softmax_of_several_outputs() -> None:
    model = MLP(2, [4, 3], rng=0)
    logits = eager(model)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert model.predict_classes(X).tolist() == logits.argmax(axis=1).tolist()
    assert model.predict_classes(X).dtype == np.int64


def test_sigmoid_of_one_output() -> None:
    for model in (MLP(2, [4, 1], rng=0), Neuron(2, activation="identity", rng=0)):
        logits = eager(model)
        proba = model.predict_proba(X)
        assert proba.shape == logits.shape
        np.testing.assert_allclose(proba, 1 / (1 + np.exp(-logits)), rtol=1e-12)
        classes = model.predict_classes(X)
        assert classes.shape == (7,)
        assert classes.tolist() == (logits.ravel() > 0).astype(int).tolist()


@pytest.mark.parametrize("sizes", [[4, 1], [4, 3]])
def test_probabilities_stay_as_they_are(sizes: list[int]) -> None:
    model = MLP(2, sizes, output_activation="sigmoid", rng=0)
    outputs = eager(model)
    np.testing.assert_allclose(model.predict_proba(X), outputs, rtol=1e-12)
    expected = outputs[:, 0] > 0.5 if sizes[-1] == 1 else outputs.argmax(axis=1)
    assert model.predict_classes(X).tolist() == expected.astype(int).tolist()


class Softmax(Module):
    def __init__(self, *logits: float) -> None:
        self.logits = [Value(logit) for logit in logits]

    def __call__(self, inputs: Any) -> Any:
        return ad.softmax([logit * inputs[0] for logit in self.logits])


def test_a_softmax_of_the_model_itself_is_not_repeated() -> None:
    model = Softmax(0.5, -1.0, 2.0)
    np.testing.assert_allclose(model.predict_proba([[1.0]]), eager(model, [[1.0]]), rtol=1e-12)


def test_huge_logits() -> None:
    with np.errstate(all="raise"):
        proba = fixed(1000.0, -1000.0, 0.0).predict_proba([[1.0]])
        assert proba.tolist() == [[1.0, 0.0, 0.0]]
        assert fixed(1000.0).predict_proba([[1.0]]).tolist() == [[1.0]]
        assert fixed(-1000.0).predict_proba([[1.0]]).tolist() == [[0.0]]
    small = fixed(-700.0, 0.0).predict_proba([[1.0]])[0, 0]
    assert small == pytest.approx(np.exp(-700.0), rel=1e-12)
    assert fixed(-700.0).predict_proba([[1.0]])[0, 0] == pytest.approx(np.exp(-700.0), rel=1e-12)
    assert fixed(1000.0, 1000.5).predict_classes([[1.0]]).tolist() == [1]


def test_ties() -> None:
    assert fixed(0.5, 0.7, 0.7).predict_classes([[1.0]]).tolist() == [1]
    assert fixed(0.0).predict_classes([[1.0]]).tolist() == [0]
    assert fixed(0.0, activation="sigmoid").predict_classes([[1.0]]).tolist() == [0]
    assert fixed(1e-9, activation="sigmoid").predict_classes([[1.0]]).tolist() == [1]


class Returning(Module):
    """Whatever a function of its parameters and its inputs says."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.w = Value(2.0)
        self.function = function

    def __call__(self, inputs: Any) -> Any:
        return self.function(self.w * inputs[0])


ONE_OUTPUT: dict[str, Callable[[Value], Any]] = {
    "a logit": lambda y: y,
    "a logit in a list": lambda y: [y],
    "sigmoid": ad.sigmoid,
    "sigmoid in a list": lambda y: [ad.sigmoid(y)],
    "softmax of one": lambda y: ad.softmax([y]),
    "one of a softmax": lambda y: ad.softmax([y, -y])[0],
    "tanh": ad.tanh,
}


@pytest.mark.parametrize("name", ONE_OUTPUT)
@given(numbers=st.lists(st.floats(-3, 3) | st.sampled_from([1e-20, -1e-20, 0.0]), min_size=1))
@settings(max_examples=20)
def test_the_class_of_one_output_is_that_of_its_probability(
    name: str, numbers: list[float]
) -> None:
    model, examples = Returning(ONE_OUTPUT[name]), np.reshape(numbers, (-1, 1))
    proba = model.predict_proba(examples)
    expected = (proba > 0.5).astype(int).ravel().tolist()
    assert model.predict_classes(examples).tolist() == expected


@pytest.mark.parametrize(
    "outputs",
    [
        lambda y: np.array([y, -y]),
        lambda y: np.array([[1.0], [-1.0]], dtype=object) @ np.array([y]),
        lambda y: (y, -y),
        lambda y: [y, 0.0],
        lambda y: [y, np.float64(0.0)],
    ],
)
def test_outputs_of_every_form(outputs: Any) -> None:
    model, examples = Returning(outputs), [[1.0], [-1.0]]
    expected = eager(model, examples)
    assert model.predict(examples).tolist() == expected.tolist()
    assert model.predict_classes(examples).tolist() == [0, 1]
    proba = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(examples), proba, rtol=1e-12)


# What the outputs mean.

HALVES = np.linspace(-2.0, 2.0, 40)[:, None]
LABELS = (HALVES[:, 0] > 0.5).astype(int)


def by_hand(z: Value) -> Value:
    return 1 / (1 + ad.exp(-z))


def softmax_by_hand(z: Sequence[Value]) -> list[Value]:
    powers = [ad.exp(x) for x in z]
    return [power / ad.sum(powers) for power in powers]


class Ending(Module):
    """Two numbers, and what a function makes of them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.layer, self.function = nn.Linear(1, 2, rng=0), function

    def __call__(self, inputs: Any) -> Any:
        return self.function(self.layer(inputs))


PROBABILITIES: dict[str, Callable[[list[Value]], Any]] = {
    "sigmoid": lambda z: [ad.sigmoid(z[0])],
    "clipped": lambda z: [ad.clip(ad.sigmoid(z[0]), 1e-7, 1 - 1e-7)],
    "written out": lambda z: [by_hand(z[0])],
    "a single one": lambda z: by_hand(z[0]),
    "complement": lambda z: [1 - ad.sigmoid(z[0])],
    "both": lambda z: [ad.sigmoid(z[0]), 1 - ad.sigmoid(z[0])],
    "one and the rest": lambda z: [by_hand(z[0]), 1 - by_hand(z[0])],
    "softmax": ad.softmax,
    "softmax written out": softmax_by_hand,
    "independent": lambda z: [by_hand(x) for x in z],
    "powers": lambda z: [0.5 ** ad.square(z[0])],
}


def trained(model: Module, loss: Any, targets: Any, **options: Any) -> nn.History:
    optimizer = nn.Adam(model.parameters(), learning_rate=0.05)
    return nn.fit(
        model, HALVES, targets, loss=loss, optimizer=optimizer, epochs=4, rng=0, progress=False,
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("name", PROBABILITIES)
def test_classes_and_accuracy_of_probabilities_agree(name: str) -> None:
    model = Ending(PROBABILITIES[name])
    single = np.size(eager(model, HALVES[:1])) == 1
    targets = LABELS if single else np.eye(2)[LABELS]
    trained(model, nn.binary_cross_entropy, targets)
    outputs = eager(model, HALVES)
    np.testing.assert_allclose(model.predict_proba(HALVES), outputs, rtol=1e-12)
    found = nn.evaluate(model, HALVES, targets, loss=nn.binary_cross_entropy)["accuracy"]
    if name != "independent":  # which may have none or both of two labels
        assert nn.accuracy(model.predict_classes(HALVES), LABELS) == found
    assert 0 < found < 1 or name == "powers"


@pytest.mark.parametrize("name", sorted({*PROBABILITIES} - {"powers", "softmax written out"}))
def test_probabilities_of_a_model_that_was_not_trained_are_seen_in_its_graph(name: str) -> None:
    model = Ending(PROBABILITIES[name])
    outputs = eager(model, HALVES)
    np.testing.assert_allclose(model.predict_proba(HALVES), outputs, rtol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda z: [ad.clip(z[0], -1.0, 1.0)],
        lambda z: [2 - ad.sigmoid(z[0])],
        lambda z: [2 / (1 + ad.exp(-z[0]))],
        lambda z: [1 / (2 + ad.exp(-z[0]))],
        lambda z: [ad.sigmoid(z[0]) - 1],
        lambda z: [1 / ad.exp(z[0])],
    ],
)
def test_what_only_looks_like_a_probability(function: Any) -> None:
    model = Ending(function)
    expected = 1 / (1 + np.exp(-eager(model, HALVES)))
    np.testing.assert_allclose(model.predict_proba(HALVES), expected, rtol=1e-12)


def softmax_of(z: Any) -> Any:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def sigmoid_of(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def test_what_the_loss_said_of_the_outputs_decides() -> None:
    model, rows = Ending(lambda z: z), np.eye(2)[LABELS]
    np.testing.assert_allclose(model.predict_proba(HALVES), softmax_of(eager(model, HALVES)))
    both = nn.binary_cross_entropy_with_logits
    for loss, targets, expected in (
        (both, rows, sigmoid_of),
        (nn.cross_entropy, LABELS, softmax_of),
        (lambda o, t: 2.0 * both(o, t), rows, sigmoid_of),
        (nn.hinge, 2 * rows - 1, softmax_of),
        (both, rows, sigmoid_of),
        (nn.mean_squared_error, rows, softmax_of),
        (both, rows, sigmoid_of),
        (lambda o, t: both([-x for x in o], t), rows, softmax_of),  # of others it says nothing
    ):
        trained(model, loss, targets)
        outputs = eager(model, HALVES)
        np.testing.assert_allclose(model.predict_proba(HALVES), expected(outputs), rtol=1e-12)
        assert model.predict_classes(HALVES).tolist() == outputs.argmax(axis=1).tolist()


def test_what_the_outputs_are_is_kept(tmp_path: Path) -> None:
    model = MLP(1, [2], rng=0)
    model.save(tmp_path / "new.npz")
    before = repr(model), model.state_dict().keys(), pickle.dumps(MLP(1, [2], rng=0))
    trained(model, nn.binary_cross_entropy_with_logits, np.eye(2)[LABELS])
    expected = sigmoid_of(eager(model, HALVES))
    assert (repr(model), model.state_dict().keys()) == before[:2]
    model.save(tmp_path / "m.npz")
    into = nn.load(tmp_path / "m.npz", into=MLP(1, [2], rng=1))
    others = [
        copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model)),
        nn.load(tmp_path / "m.npz"), into,
    ]  # fmt: skip
    for other in others:
        np.testing.assert_allclose(other.predict_proba(HALVES), expected, rtol=1e-12)
    unknown = nn.load(tmp_path / "new.npz", into=into)
    outputs = eager(unknown, HALVES)
    np.testing.assert_allclose(unknown.predict_proba(HALVES), softmax_of(outputs), rtol=1e-12)


def test_a_meaning_that_is_not_known_counts_as_none(tmp_path: Path) -> None:
    model = MLP(1, [2], rng=0)
    for meaning in ("margins", "of tomorrow"):
        model._outputs_are = meaning
        model.save(tmp_path / "m.npz")
        expected = softmax_of(eager(model, HALVES))
        same = nn.load(tmp_path / "m.npz")
        np.testing.assert_allclose(same.predict_proba(HALVES), expected, rtol=1e-12)


# The model's own attributes.


class Remembering(Module):
    """Keeps what it computes, in an attribute and in a slot, and starts from a state."""

    __slots__ = ("last", "unset")

    def __init__(self) -> None:
        self.layer, self.state = nn.Linear(2, 1, rng=0), Value(0.5).detach()
        self.last: Any = "before"

    def __call__(self, inputs: Any) -> Any:
        self.hidden = self.layer(inputs)
        self.last = self.unset = self.hidden
        self.state = ad.tanh(self.hidden[0] + self.state)
        del self.__dict__["hidden"]
        self.hidden = [self.state]
        return [self.state]


@pytest.mark.parametrize("name", ["predict", "predict_proba", "predict_classes"])
def test_predicting_leaves_the_model_as_it_was(name: str) -> None:
    model = Remembering()
    before = dict(vars(model))
    first = getattr(model, name)(X)
    assert vars(model) == before
    assert model.last == "before"
    assert not hasattr(model, "unset")
    assert copy.deepcopy(model).state.data == 0.5
    assert getattr(model, name)(X).tolist() == first.tolist()
    fresh = [Remembering()([x, y])[0].data for x, y in X.tolist()]
    np.testing.assert_allclose(model.predict(X)[:, 0], fresh, rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_training_leaves_attributes_as_they_were(compiled: bool) -> None:
    model = Remembering()
    before = dict(vars(model))
    optimizer = nn.SGD(model.parameters(), learning_rate=0.1)
    history = nn.fit(
        model, X, X[:, 0], loss=nn.half_squared_error, optimizer=optimizer, epochs=3, rng=0,
        batch_size=3, compiled=compiled,
    )  # fmt: skip
    found = {name: held for name, held in vars(model).items() if name != "_outputs_are"}
    assert found == before
    assert model.last == "before"
    model.predict(X)
    other = Remembering()
    again = nn.fit(
        other, X, X[:, 0], loss=nn.half_squared_error, epochs=3, rng=0, batch_size=3,
        optimizer=nn.SGD(other.parameters(), learning_rate=0.1),
    )  # fmt: skip
    np.testing.assert_allclose(history.loss, again.loss, rtol=1e-12)


class Caching(Module):
    """Keeps what it computes in ways that no `__setattr__` of a module sees."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.w, self.seen, self.by_name = Value(2.0), [], {"before": [1]}  # type: ignore[var-annotated]
        self.nested: Any = ({"set": {0}}, [[]])
        self.me = self

    @cached_property
    def doubled(self) -> Value:
        return 2.0 * self.w

    def __call__(self, inputs: Any) -> Any:
        hidden = self.doubled * inputs[0]
        vars(self).update(hidden=hidden)
        object.__setattr__(self, "past", hidden)
        object.__setattr__(self, "last", hidden)
        self.seen.append(hidden)
        self.by_name["hidden"] = hidden
        self.by_name.pop("before", None)
        self.nested[0]["set"].add(hidden)
        self.nested[1][0].append(hidden)
        return [hidden]


class Calling:
    """No module."""

    def __init__(self, part: Caching) -> None:
        self.part, self.w = part, part.w

    def __call__(self, inputs: Any) -> Any:
        self.hidden = self.part(inputs)
        return self.hidden

    def parameters(self) -> list[Value]:
        return [self.w]


def held_by(caching: Caching) -> str:
    """All that it holds, Values by their ids."""
    assert not hasattr(caching, "last")
    held = {name: part for name, part in vars(caching).items() if name != "me"}
    held.pop("_outputs_are", None)
    return repr({name: id(part) if name == "w" else part for name, part in held.items()})


@pytest.mark.parametrize(
    "around",
    [
        lambda part: part,
        lambda part: nn.Sequential(nn.Sequential(part)),
        lambda part: Listing([(part,)]),
        lambda part: Listing({"part": np.array([None, part], dtype=object)}),
    ],
    ids=["itself", "Sequential", "list", "array"],
)
def test_what_is_kept_past_setattr_goes_as_well(around: Callable[[Any], Any]) -> None:
    part = Caching()
    model, before = around(part), held_by(part)
    for numbers in ([[1.0], [3.0]], [[5.0]]):
        assert model.predict(numbers)[:, 0].tolist() == [4.0 * x for (x,) in numbers]
        assert held_by(part) == before
    assert copy.deepcopy(model)([1.0])[0].data == 4.0
    assert model([1.0])[0].data == 4.0
    assert model.predict([[1.0]]).tolist() == [[4.0]]


class Listing(Module):
    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def __call__(self, inputs: Any) -> Any:
        parts = self.parts
        part = parts[0][0] if isinstance(parts, list) else parts["part"][1]
        return part(inputs)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("method", [False, True])
def test_training_a_callable_object_leaves_it_as_it_was(method: bool, compiled: bool) -> None:
    part = Caching()
    model = Calling(part)
    before, own = held_by(part), list(vars(model))
    function = model.__call__ if method else model
    losses = Remarking()
    nn.fit(
        function, X, X[:, 0], loss=losses, epochs=2, rng=0, compiled=compiled,
        optimizer=nn.SGD([part.w], learning_rate=0.1),
    )  # fmt: skip
    assert (held_by(part), list(vars(model)), vars(losses)) == (before, own, {})
    assert part.w.data != 2.0


class Remarking:
    def __call__(self, outputs: Any, target: Any) -> Value:
        self.loss = nn.half_squared_error(outputs, target)
        return self.loss


def test_what_modules_of_the_package_hold_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    model, parts = nn.Sequential(MLP(2, [3, 1], rng=0), Layer(1, 1)), kept_attributes._parts

    def noted(node: Any, before: Any) -> Any:
        looked.append(node)
        return parts(node, before)

    monkeypatch.setattr(kept_attributes, "_parts", noted)
    model.predict(X)
    assert sorted(type(node).__name__ for node in looked) == ["Layer", "MLP", "Sequential"]


@dataclass(frozen=True)
class Frozen(Module):
    """Sets attributes past its own `__setattr__`, as a frozen dataclass must."""

    w: Value = field(default_factory=lambda: Value(2.0))

    def __call__(self, inputs: Any) -> Any:
        return self.w * inputs[0]


def test_a_frozen_dataclass_is_trained_and_predicts() -> None:
    model = Frozen()
    trained(model, nn.binary_cross_entropy_with_logits, LABELS)
    expected = sigmoid_of(eager(model, HALVES))
    np.testing.assert_allclose(model.predict_proba(HALVES), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("outputs", "error", "message"),
    [
        (lambda y: [[y, y], [y, y]], TypeError, r"lists in a list.*nn\.flatten"),
        (lambda y: np.array([[y, y], [y, y]]), TypeError, r"lists in a list.*nn\.flatten"),
        (lambda y: [], ValueError, "got none"),
        (lambda y: [y, "a"], TypeError, "Value or a list of Values, got str"),
        (lambda y: None, TypeError, "got NoneType: its `return` may be missing"),
        (lambda y: {"a": y}, TypeError, "got dict"),
    ],
)
@pytest.mark.parametrize("name", ["predict_proba", "predict_classes"])
def test_outputs_without_classes(outputs: Any, error: Any, message: str, name: str) -> None:
    with pytest.raises(error, match=message):
        getattr(Returning(outputs), name)([[1.0]])


def test_nested_outputs_come_flat_or_need_flatten() -> None:
    conv = nn.Conv2D(1, 2, 2, rng=0)
    images = np.random.default_rng(0).normal(size=(3, 1, 3, 3))
    np.testing.assert_allclose(
        conv.predict(images), eager(conv, images).reshape(3, -1), rtol=1e-12, atol=1e-14
    )
    for name in ("predict_proba", "predict_classes"):
        with pytest.raises(TypeError, match=r"nn\.Sequential\(model, nn\.flatten\)"):
            getattr(conv, name)(images)
    assert nn.Sequential(conv, nn.flatten).predict_proba(images).shape == (3, 8)


@pytest.mark.parametrize("outputs", [lambda y: y, lambda y: [y], lambda y: [y, -y]])
def test_what_is_not_a_number_has_no_class(outputs: Any) -> None:
    model = Returning(outputs)
    with pytest.raises(ValueError, match=r"X\[1\] has no class: its outputs are .*nan"):
        model.predict_classes([[1.0], [np.nan], [2.0]])
    first_class = int(model.predict([[1.0]]).size == 1)
    assert model.predict_classes([[np.inf]]).tolist() == [first_class]


# What is refused.

MODEL = MLP(2, [3, 1], rng=0)


class OneNumber(Module):
    def __init__(self) -> None:
        self.w = Value(2.0)

    def __call__(self, x: Any) -> Any:
        return self.w * x


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "one example": ([0.5, -0.5], ValueError, r"shape \(2,\): for one example write .*\[x\]\)\[0\]"),
    "a number": (0.5, TypeError, "array or a list of examples, one per row, got float"),
    "a number as array": (np.array(0.5), ValueError, "one example per row, got a single number"),
    "too wide": (np.zeros((4, 3)), ValueError, "takes 2 inputs, got 3"),
    "pictures": (
        np.zeros((4, 2, 1)),
        TypeError,
        r"MLP takes one example, .* of 2 numbers.*X is 2 rows.*X\.reshape\(len\(X\), -1\)",
    ),
    "empty": (np.zeros((0, 2)), ValueError, r"X is empty, of shape \(0, 2\)"),
    "empty list": ([], ValueError, "X is empty"),
    "text": ("ab", TypeError, "array or a list of examples, one per row, got str"),
    "texts": ([["a", "b"]], TypeError, r"numbers, got an array of <U1: .*astype\(float\)"),
    "objects": (
        np.zeros((2, 2), dtype=object),
        TypeError,
        r"an array of object: .*astype\(float\)",
    ),
    "a generator": ((row for row in [[1.0, 2.0]]), TypeError, r"got generator: write list\(X\)"),
    "generators": ([map(float, "12")], TypeError, r"got generators: write list\(X\), of lists"),
    "ragged": ([[1.0, 2.0], [3.0]], ValueError, "equally many numbers"),
    "Values": (
        [[Value(1.0), Value(2.0)]],
        TypeError,
        r"array of Values.*\[model\(x\) for x in X\]",
    ),
    "a Value": (Value(1.0), TypeError, "got Value"),
    "masked": (
        np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]),
        TypeError,
        r"masked array.*X\.filled",
    ),
    "complex": ([[1j, 0]], TypeError, "complex"),
    "None": (None, TypeError, "NoneType"),
    "a dict": ({0: [1.0, 2.0]}, TypeError, "dict"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["predict", "predict_proba", "predict_classes"])
def test_what_is_refused(case: str, name: str) -> None:
    examples, error, message = BAD[case]
    with pytest.raises(error, match=f"(?s){message}"):
        getattr(MODEL, name)(examples)
    assert MODEL.predict(X).shape == (7, 1)


def test_training_with_examples_of_rows_says_what_to_write() -> None:
    optimizer = nn.SGD(MODEL.parameters(), learning_rate=0.1)
    given: Any = {"loss": nn.half_squared_error, "optimizer": optimizer, "epochs": 1}
    with pytest.raises(
        TypeError, match=r"each example of X is 2 rows: .*X\.reshape\(len\(X\), -1\)"
    ):
        nn.fit(MODEL, np.zeros((4, 2, 1)), np.zeros(4), **given)


def test_a_model_of_one_number_takes_a_vector() -> None:
    assert OneNumber().predict([1.0, 2.0]).tolist() == [2.0, 4.0]


def test_errors_of_a_model_are_its_own() -> None:
    with pytest.raises(IndexError, match="picks one of 4: expected integers from 0 to 3"):
        nn.Embedding(4, 3, rng=0).predict([4, 1])

    class Broken(OneNumber):
        def __call__(self, x: Any) -> Any:
            return self.w * [1.0, 2.0][self.index]

        index = 2

    with pytest.raises(IndexError, match="list index out of range"):
        Broken().predict([1.0, 2.0])
    with pytest.raises(ValueError, match=r"takes a batch.*got shape \(3,\)"):
        Layer(3, 2, rng=0).predict([1.0, 2.0, 3.0])


def test_a_model_that_looks_at_numbers_is_refused() -> None:
    class Branching(Module):
        def __init__(self) -> None:
            self.w = Value(1.0)

        def __call__(self, inputs: Any) -> Any:
            return self.w if inputs[0] > 0 else -self.w

    with pytest.raises(ad.TraceError, match="where"):
        Branching().predict([[1.0]])

    class BranchingOneNumber(OneNumber):
        def __call__(self, x: Any) -> Any:
            return self.w if x > 0 else -self.w

    with pytest.raises(ad.TraceError, match="where"):
        BranchingOneNumber().predict([1.0])


def test_what_is_switched_on_does_not_matter() -> None:
    expected = eager(MODEL)
    for context in (ad.no_grad, ad.detect_anomaly):
        with context():
            np.testing.assert_allclose(copy.deepcopy(MODEL).predict(X), expected, rtol=1e-12)


def test_predictions_in_a_function_that_is_compiled_are_refused() -> None:
    with pytest.raises(ad.TraceError, match="cannot take the data"):
        ad.compile(lambda x: x * MODEL.predict(X)[0, 0], MODEL)(None, [1.0])


def test_a_model_without_call_says_so() -> None:
    with pytest.raises(NotImplementedError, match="define __call__"):
        Module().predict([[1.0]])
