"""Sequential: one after the other, names and functions among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import MLP, Dropout, Layer, Linear, RMSNorm, Sequential, flatten
from tests.nn.layer_checks import check_layer


def test_layers_in_a_row_are_an_mlp() -> None:
    mlp = MLP(2, [3, 4, 1], rng=0)
    model = Sequential(mlp.layers)
    assert model.parameters() == mlp.parameters()
    assert model([0.5, 1.0])[0].data == mlp([0.5, 1.0])[0].data
    x = np.random.default_rng(0).normal(size=(5, 2))
    assert model.predict(x).tolist() == mlp.predict(x).tolist()


@settings(max_examples=25)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.booleans())
def test_compiled_equals_eager_without_gathers(sizes: list[int], norm: bool) -> None:
    parts: list[Any] = []
    for n_in, n_out in zip([2, *sizes], sizes, strict=False):
        parts += [Linear(n_in, n_out, rng=0), ad.tanh]
        if norm:
            parts.append(RMSNorm(n_out))
    model = Sequential(parts)

    def loss(x: Any) -> Any:
        return ad.sum([ad.square(y) for y in model(x)])

    check_layer(loss, model.parameters(), np.random.default_rng(1).normal(size=(3, 2)))


def test_names_and_functions() -> None:
    assert [y.data for y in Sequential("relu")([-1.0, 2.0])] == [0.0, 2.0]
    assert [y.data for y in Sequential(ad.relu)([-1.0, 2.0])] == [0.0, 2.0]
    rows = Sequential(ad.relu)([[-1.0, 2.0], [3.0, -4.0]])
    assert [[y.data for y in row] for row in rows] == [[0.0, 2.0], [3.0, 0.0]]
    assert [y.data for y in Sequential(flatten, "relu")([[-1.0], [2.0]])] == [0.0, 2.0]
    assert Sequential(ad.sum)([Value(1.0), 2.0]).data == 3.0
    own = Sequential(lambda x: [a * 2 for a in x], "identity")
    assert [y.data for y in own([Value(1.0)])] == [2.0]


def test_it_is_a_sequence_of_its_modules() -> None:
    layers = Layer(2, 3, rng=0), Dropout(0.5), Layer(3, 1, rng=1)
    model = Sequential(*layers)
    assert len(model) == 3
    assert list(model) == list(layers)
    assert model[0] is layers[0]
    assert model[-1] is layers[2]
    head = model[:2]
    assert isinstance(head, Sequential)
    assert list(head) == list(layers[:2])
    labels = [p.label for p in model.parameters()]
    assert labels == [name for name, _ in model.named_parameters()]
    assert labels[0] == "modules.0.neurons.0.weights.0"
    with pytest.raises(IndexError):
        model[3]


def test_repr() -> None:
    model = Sequential(Sequential(Layer(2, 3, rng=0), ad.tanh), flatten, Layer(3, 1, rng=1))
    assert repr(model) == (
        "Sequential(\n"
        "  modules.0: Sequential(\n"
        "    modules.0: Layer(2, 3, activation='tanh')\n"
        "    modules.1: 'tanh'\n"
        "  )\n"
        "  modules.1: flatten\n"
        "  modules.2: Layer(3, 1, activation='tanh')\n"
        ")"
    )


untyped: Any = nn


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], ValueError, "at least one module, got none"),
        ([[]], ValueError, "at least one module, got none"),
        ([Layer(1, 1), Dropout], TypeError, r"modules\[1\] is the class Dropout, not an object"),
        (["tahn"], ValueError, r"unknown modules\[0\] 'tahn'.*tanh"),
        ([3], TypeError, r"modules\[0\] must be a module, the name of an activation"),
        ([None], TypeError, "got NoneType"),
        ([[Layer(1, 1)], Layer(1, 1)], TypeError, r"modules\[0\].*got list"),
    ],
)
def test_bad_parts(parts: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        untyped.Sequential(*parts)


def test_config() -> None:
    model = Sequential(Layer(2, 3, rng=0), "tanh", flatten)
    again = Sequential._from_config(model._config())
    assert list(again) == list(model)


FUNCTIONS_OF_ONE: dict[str, Callable[[Any], Any]] = {
    "twice": lambda x: x * 2,
    "two times": lambda x: 2 * x,
    "sum": lambda x: x + 1,
    "power": lambda x: x**2,
    "minus": lambda x: -x,
    "square": ad.square,
}


@pytest.mark.parametrize("name", FUNCTIONS_OF_ONE)
def test_a_function_of_one_number_says_what_to_write(name: str) -> None:
    model = Sequential(Linear(2, 2, rng=0), FUNCTIONS_OF_ONE[name])
    message = r"modules\[1\], .*a list of numbers as if it were one: write lambda numbers: \[f\(x\)"
    for call in (lambda: model([1.0, 2.0]), lambda: model.predict([[1.0, 2.0]])):
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize(
    "function",
    [
        lambda z: [2 * x for x in z],
        lambda z: 2 * np.array(z),
        lambda z: np.int64(2) * np.array(z),
        lambda z: 2.0 * np.eye(2) @ z,
        lambda z: np.multiply(z, 2),
        lambda z: [z[0] * 2, *(x * 2 for x in z[1:])],
    ],
)
def test_functions_of_the_whole_list_stay_what_they_are(function: Any) -> None:
    linear = Linear(2, 2, rng=0)
    outputs = Sequential(linear, function, lambda z: z, Linear(2, 2, rng=1))([1.0, 2.0])
    doubled = [2 * x for x in linear([1.0, 2.0])]
    expected = Linear(2, 2, rng=1)(doubled)
    assert [y.data for y in outputs] == pytest.approx([y.data for y in expected], rel=1e-12)
    assert type(Sequential(linear, lambda z: z)([1.0, 2.0])) is list


def test_flatten() -> None:
    values = [Value(k) for k in range(4)]
    assert flatten([[values[0]], [[values[1], values[2]], values[3]]]) == values
    assert flatten(values) == values
    assert [x.data for x in flatten(np.arange(4.0).reshape(2, 2))] == [0.0, 1.0, 2.0, 3.0]
    assert flatten([]) == []
    with pytest.raises(TypeError):
        flatten([["a"]])


def test_flatten_that_is_missing_is_named() -> None:
    model = Sequential(nn.Conv2D(1, 1, 2, rng=0), "relu", Linear(4, 2, rng=0))
    images = np.zeros((2, 1, 3, 3))
    message = r"modules\[2\] takes one list.*modules\[1\] returns is nested: put nn.flatten between"
    for call in (lambda: model(images[0]), lambda: model.predict(images)):
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(TypeError, match=message):
        nn.fit(
            model, images, [0, 1], loss=nn.cross_entropy, epochs=1,
            optimizer=nn.SGD(model.parameters(), 0.1),
        )  # fmt: skip
    with pytest.raises(TypeError, match=r"got a batch of 2: write model.predict\(X\)"):
        Sequential(Linear(2, 2, rng=0))([[0.0, 1.0], [1.0, 2.0]])


def test_a_slice_past_the_end_is_refused() -> None:
    with pytest.raises(IndexError, match="no module is left of the 1 in this slice"):
        Sequential(Layer(1, 1, rng=0))[2:]
