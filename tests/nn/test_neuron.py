"""Neuron, Layer, MLP: the graph they build, their initial weights, and bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import ACTIVATIONS, MLP, Layer, Neuron, glorot_uniform, parameters_to_vector

ELEMENTWISE = [name for name in ACTIVATIONS if name != "identity"]


# The graph.


@pytest.mark.parametrize("make", [list, tuple, np.array, lambda xs: [Value(x) for x in xs]])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_neuron_is_one_dot_and_one_activation(
    name: str, make: Callable[[list[float]], Any]
) -> None:
    neuron = Neuron(3, activation=name, rng=0)
    output = neuron(make([0.5, -1.0, 2.0]))
    assert output.op == name
    dot = output.parents[0]
    assert dot.op == "dot"
    assert len(dot.parents) == 3 + 3 + 1
    assert list(dot.parents[:3]) == neuron.weights
    assert dot.parents[6] is neuron.bias
    assert all(parent.op in ("", "constant") for parent in dot.parents)
    nodes = [node for node in ad.topological_order(output) if node.op not in ("", "constant")]
    assert nodes == [dot, output]


def test_identity_adds_no_node() -> None:
    output = Neuron(2, activation="identity", rng=0)([1.0, 2.0])
    assert output.op == "dot"


def test_values_given_stay_the_same_values() -> None:
    inputs = [Value(1.0), Value(2.0)]
    first, second = Layer(2, 2, rng=0)(inputs)
    assert list(first.parents[0].parents[2:4]) == inputs
    assert list(second.parents[0].parents[2:4]) == inputs


def test_plain_numbers_become_constants_once_per_layer_call() -> None:
    numbers: list[Any] = [1, np.float32(2.5)]
    first, second = Layer(2, 2, rng=0)(numbers)
    constants = first.parents[0].parents[2:4]
    assert [c.data for c in constants] == [1.0, 2.5]
    assert all(c.op == "constant" for c in constants)
    assert list(second.parents[0].parents[2:4]) == list(constants)


def test_values_and_numbers_may_be_mixed() -> None:
    x = Value(2.0)
    neuron = Neuron.from_weights([3.0, 5.0], 1.0, activation="identity")
    output = neuron([x, 4.0])
    output.backward()
    assert (output.data, x.grad, neuron.weights[1].grad) == (27.0, 3.0, 4.0)


@pytest.mark.parametrize("sizes", [[1], [3], [2, 1], [4, 3, 2]])
def test_layers_always_return_a_list(sizes: list[int]) -> None:
    model = MLP(2, sizes, rng=0)
    values: Any = [0.5, 1.0]
    for layer, size in zip(model.layers, sizes, strict=True):
        values = layer(values)
        assert type(values) is list
        assert len(values) == size
    outputs = model([0.5, 1.0])
    assert type(outputs) is list
    assert [output.data for output in outputs] == [value.data for value in values]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_of_a_neuron(name: str) -> None:
    inputs = [0.3, -0.7]
    neuron = Neuron.from_weights([1.5, 2.0], -0.25, activation=name)
    s = Value(1.5 * 0.3 + 2.0 * -0.7 - 0.25)
    expected = s if name == "identity" else getattr(ad, name)(s)
    assert neuron(inputs).data == pytest.approx(expected.data, rel=1e-15)


def test_activation_of_hidden_and_output_layers() -> None:
    model = MLP(2, [3, 4, 1], activation="relu", output_activation="sigmoid", rng=0)
    assert [layer.activation for layer in model.layers] == ["relu", "relu", "sigmoid"]
    assert model.sizes == [3, 4, 1]
    assert (model.n_inputs, model.layers[1].n_inputs, model.layers[1].n_outputs) == (2, 3, 4)


def test_infinite_and_nan_inputs_are_ieee() -> None:
    neuron = Neuron.from_weights([1.0], activation="identity")
    assert neuron([math.inf]).data == math.inf
    assert math.isnan(neuron([math.nan]).data)


def test_own_activation_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "cube", lambda x: x * x * x)
    neuron = Neuron.from_weights([2.0], activation="cube")
    assert neuron([1.0]).data == 8.0


def test_labels_are_names() -> None:
    neuron = Neuron(2, rng=0)
    assert [parameter.label for parameter in neuron.parameters()] == ["w1", "w2", "b"]
    for module in (Layer(2, 2, rng=0), MLP(2, [2, 1], rng=0)):
        assert all(parameter.label == name for name, parameter in module.named_parameters())


# Initial weights.


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (2, 16), (64, 32)])
def test_glorot_bounds(n_in: int, n_out: int) -> None:
    limit = math.sqrt(6) / math.sqrt(n_in + n_out)
    weights = np.stack([glorot_uniform(n_in, n_out, rng=seed) for seed in range(200)])
    assert weights.shape == (200, n_out, n_in)
    assert abs(weights).max() <= limit
    # Uniform: the moments are those of the uniform distribution, within 5 standard errors.
    n = weights.size
    assert abs(weights.mean()) < 5 * limit / math.sqrt(3 * n)
    assert abs((weights**2).mean() - limit**2 / 3) < 5 * limit**2 * math.sqrt(4 / 45 / n)
    assert abs(weights).max() > limit * (1 - 20 / n)


def test_layers_draw_glorot_by_their_own_sizes_and_biases_are_0() -> None:
    model = MLP(5, [7, 3], rng=1)
    generator = np.random.default_rng(1)
    for layer in model.layers:
        expected = glorot_uniform(layer.n_inputs, layer.n_outputs, rng=generator)
        drawn = [[w.data for w in neuron.weights] for neuron in layer.neurons]
        assert drawn == expected.tolist()
        assert [neuron.bias.data for neuron in layer.neurons] == [0.0] * layer.n_outputs


def test_seeds() -> None:
    def vector(rng: Any) -> object:
        return parameters_to_vector(MLP(2, [3, 1], rng=rng)).tolist()

    assert vector(0) == vector(0) == vector(np.random.default_rng(0)) == vector(np.int64(0))
    assert vector(0) != vector(1)
    generator = np.random.default_rng(0)
    assert vector(generator) == vector(0) != vector(generator)


# Bad input. Each entry: the call, the error, what its message must say.

untyped: Any = nn  # arguments of wrong types are what is tested

BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "no layers": (lambda: MLP(2, [], rng=0), ValueError, "at least one layer"),
    "no inputs": (lambda: MLP(0, [1], rng=0), ValueError, "n_inputs must be at least 1, got 0"),
    "negative": (lambda: MLP(-3, [1], rng=0), ValueError, "-3"),
    "empty layer": (lambda: MLP(2, [3, 0], rng=0), ValueError, r"sizes\[1\].*got 0"),
    "bool": (lambda: MLP(True, [1], rng=0), TypeError, "True"),
    "bool size": (lambda: MLP(2, [True], rng=0), TypeError, r"sizes\[0\].*True"),
    "numpy bool size": (lambda: untyped.MLP(2, [np.True_], rng=0), TypeError, r"sizes\[0\]"),
    "float": (lambda: untyped.MLP(2.0, [1], rng=0), TypeError, "2.0"),
    "float size": (lambda: untyped.MLP(2, [1.5], rng=0), TypeError, "1.5"),
    "text size": (lambda: untyped.MLP(2, ["3"], rng=0), TypeError, "'3'"),
    "int for sizes": (lambda: untyped.MLP(2, 3, rng=0), TypeError, "one per layer"),
    "text for sizes": (lambda: untyped.MLP(2, "31", rng=0), TypeError, "one per layer"),
    "None": (lambda: untyped.MLP(None, [1], rng=0), TypeError, "None"),
    "activation": (
        lambda: MLP(2, [1], activation="tahn", rng=0), ValueError, "'tahn'.*known.*tanh",
    ),
    "output activation": (
        lambda: MLP(2, [1], output_activation="x", rng=0), ValueError, "output_activation 'x'.*relu"
    ),
    "softmax": (
        lambda: MLP(2, [3], output_activation="softmax", rng=0), ValueError, "cross_entropy",
    ),
    "function": (lambda: untyped.MLP(2, [1], activation=ad.tanh, rng=0), TypeError, "name.*known"),
    "no rng": (lambda: untyped.MLP(2, [1]), TypeError, "rng"),
    "rng None": (
        lambda: untyped.MLP(2, [1], rng=None), TypeError, "seed or a numpy.random.Generator",
    ),
    "rng float": (lambda: untyped.MLP(2, [1], rng=0.5), TypeError, "0.5"),
    "rng bool": (lambda: MLP(2, [1], rng=True), TypeError, "True"),
    "rng legacy": (
        lambda: untyped.MLP(2, [1], rng=np.random.RandomState(0)), TypeError, "RandomState",
    ),
    "rng negative": (lambda: MLP(2, [1], rng=-1), ValueError, "-1"),
    "layer size": (lambda: Layer(2, 0, rng=0), ValueError, "n_outputs"),
    "layer activation": (lambda: Layer(2, 1, activation="?", rng=0), ValueError, "known"),
    "layer rng": (lambda: untyped.Layer(2, 1, rng="0"), TypeError, "rng"),
    "neuron size": (lambda: Neuron(0, rng=0), ValueError, "n_inputs"),
    "neuron activation": (lambda: Neuron(1, activation="?", rng=0), ValueError, "known"),
    "neuron no weights": (lambda: Neuron.from_weights([]), ValueError, "at least one weight"),
    "neuron text weight": (lambda: untyped.Neuron.from_weights(["1"]), TypeError, "1"),
    "neuron text bias": (lambda: untyped.Neuron.from_weights([1.0], "0"), TypeError, "0"),
    "glorot size": (lambda: glorot_uniform(0, 1, rng=0), ValueError, "n_in"),
    "glorot size type": (lambda: untyped.glorot_uniform(1, 1.0, rng=0), TypeError, "n_out"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case: str) -> None:
    call, error, message = BAD[case]
    with pytest.raises(error, match=f"(?s){message}"):
        call()


def test_bad_arguments_draw_nothing() -> None:
    generator = np.random.default_rng(0)
    for call in (
        lambda: MLP(2, [3, 0], rng=generator),
        lambda: MLP(2, [3], output_activation="?", rng=generator),
        lambda: Layer(2, 3, activation="?", rng=generator),
    ):
        with pytest.raises(ValueError, match=r"got 0|known"):
            call()
    assert generator.random() == np.random.default_rng(0).random()


BAD_INPUTS: dict[str, tuple[Any, type[Exception], str]] = {
    "too few": ([1.0], ValueError, "takes 2 inputs, got 1"),
    "too many": ([1.0, 2.0, 3.0], ValueError, "got 3"),
    "none": ([], ValueError, "got 0"),
    "a number": (1.0, TypeError, "one example.*float"),
    "a Value": (Value(1.0), TypeError, "one example"),
    "a batch": (np.zeros((100, 2)), ValueError, "not a batch"),
    "a batch of 2": (np.zeros((2, 2)), TypeError, ""),
    "text": ("ab", TypeError, "a"),
    "text inside": ([1.0, "2"], TypeError, "2"),
    "None inside": ([1.0, None], TypeError, "None"),
    "complex": ([1.0, 1j], TypeError, "1j|complex"),
    "None": (None, TypeError, "NoneType"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
@pytest.mark.parametrize(
    "model", [MLP(2, [3, 1], rng=0), Layer(2, 3, rng=0), Neuron(2, rng=0)], ids=repr
)
def test_bad_inputs_leave_the_model_as_it_was(model: MLP | Layer | Neuron, case: str) -> None:
    inputs, error, message = BAD_INPUTS[case]
    before = [(p.data, p.grad, p.label) for p in model.parameters()]
    with pytest.raises(error, match=f"(?s){message}"):
        model(inputs)
    assert [(p.data, p.grad, p.label) for p in model.parameters()] == before


@pytest.mark.parametrize(
    "given",
    [
        {0: 1, 1: 2},
        {0.5, 1.0},
        frozenset({0.5, 1.0}),
        {1: 0, 2: 0}.keys(),
        "12",
        b"12",
        iter([1, 2]),
    ],
    ids=lambda given: type(given).__name__,
)
@pytest.mark.parametrize("make", [Neuron, lambda n, rng: Layer(n, 2, rng=rng),
                                  lambda n, rng: MLP(n, [2], rng=rng)])  # fmt: skip
def test_an_example_is_a_sequence(make: Callable[..., Any], given: Any) -> None:
    with pytest.raises(
        TypeError, match=f"a sequence of 2 numbers or Values; got {type(given).__name__}"
    ):
        make(2, rng=0)(given)


@pytest.mark.parametrize("given", [{0: 1.0, 1: 2.0}, {0.5, 1.0}, "12", b"12", None, 3.0])
def test_weights_are_a_sequence(given: Any) -> None:
    with pytest.raises(TypeError, match="weights must be a sequence of numbers, got"):
        Neuron.from_weights(given)
    weights: Any = (w for w in (1.0, 2.0))
    assert Neuron.from_weights(weights).n_inputs == 2
