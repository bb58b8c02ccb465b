"""Neuron, Layer, MLP: the graph they build, their initial weights, and bad input."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import ACTIVATIONS, MLP, Layer, Neuron, Sequential, glorot_uniform, parameters_to_vector

ELEMENTWISE = [name for name in ACTIVATIONS if name != "identity"]


# The graph.


@pytest.mark.parametrize(
    ("part", "name", "given"),
    [
        (Layer(1, 1, rng=0), "activation", "relu"),
        (Neuron(1, rng=0), "activation", "relu"),
        (MLP(1, [1], rng=0), "sizes", [2]),
        (nn.Dropout(0.5), "rate", 0.1),
    ],
)
def test_what_a_part_was_made_with_stays(part: Any, name: str, given: Any) -> None:
    kind, before = type(part).__name__, getattr(part, name)
    with pytest.raises(AttributeError, match=f"{kind}.{name} follows from .*: make a new one"):
        setattr(part, name, given)
    assert getattr(part, name) == before


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


def cube(x: Value) -> Value:
    return x * x * x


def test_own_activation_as_a_function() -> None:
    for neuron in (
        Neuron.from_weights([2.0], activation=cube),
        Layer(1, 1, activation=cube, init=nn.constant(2.0)).neurons[0],
        MLP(1, [1, 1], activation=cube, init=nn.constant(2.0)).layers[0].neurons[0],
        MLP(1, [1], output_activation=cube, init=nn.constant(2.0)).layers[0].neurons[0],
        Neuron(1, activation=cube, init=nn.constant(2.0)),
    ):
        output = neuron([1.5])
        assert output.data == 27.0
        output.backward()
        assert neuron.weights[0].grad == 3 * 3.0**2 * 1.5
        assert neuron.activation is cube
    model = MLP(2, [3, 1], activation=cube, output_activation=lambda x: x + 1.0, rng=0)
    assert repr(model) == (
        "MLP(\n"
        "  layers.0: Layer(2, 3, activation=cube)\n"
        "  layers.1: Layer(3, 1, activation=<lambda>)\n"
        ")"
    )
    assert model.predict([[0.5, 1.0]])[0, 0] == pytest.approx(model([0.5, 1.0])[0].data, rel=1e-12)


def test_functions_that_have_a_name_go_by_it() -> None:
    assert Neuron(2, activation=ad.relu).activation == "relu"
    assert repr(Layer(2, 3, activation=ad.tanh)) == "Layer(2, 3, activation='tanh')"


def test_an_activation_may_hold_parameters() -> None:
    class Sloped(nn.Module):
        def __init__(self) -> None:
            self.slope = Value(0.5, "alpha")

        def __call__(self, x: Value) -> Any:
            return ad.where(x > 0, x, self.slope * x)

    model = MLP(2, [3, 1], activation=Sloped(), rng=0)
    assert [p.label for p in model.parameters()].count("alpha") == 1
    assert len(model.parameters()) == 3 * 3 + 4 + 1
    X = np.random.default_rng(0).normal(size=(5, 2))
    expected = [[output.data for output in model(x)] for x in X]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        Neuron(3, activation="relu"),
        Layer(2, 3, activation=ad.sin),
        MLP(2, [4, 3, 1], activation="relu", output_activation="sigmoid"),
        MLP(2, [1], output_activation="sin"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_configuration_makes_such_a_model(model: Any) -> None:
    config = json.loads(json.dumps(model._config()))
    twin = type(model)(**config)
    assert repr(twin) == repr(model)
    nn.vector_to_parameters(parameters_to_vector(model), twin)
    x = [0.5, -1.0, 2.0][: model.n_inputs]
    assert repr(twin(x)) == repr(model(x))


def test_a_configuration_tells_every_activation() -> None:
    for model in (Neuron(2, activation=cube), Layer(2, 2, activation=cube)):
        assert model._config()["activation"] is cube
    config = MLP(2, [2, 1], activation=cube, output_activation="relu")._config()
    assert (config["activation"], config["output_activation"]) == (cube, "relu")
    mixed = MLP(2, [2, 2, 1])
    mixed.layers[0] = Layer(2, 2, activation="relu")
    assert mixed._config()["activation"] == ["relu", "tanh"]
    mixed = MLP(2, [2, 2, 1])
    for layer in mixed.layers[:2]:
        layer.neurons[0] = Neuron(2, activation="relu")
    assert mixed._config()["activation"] == [["relu", "tanh"]] * 2
    mixed.layers[1] = Sequential("tanh")  # type: ignore[call-overload]
    assert mixed._config() == {"layers": mixed.layers}


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
    "sizes alone": (
        lambda: untyped.MLP([2, 3, 1]), TypeError, r"needs sizes: write MLP\(n_inputs, sizes\)",
    ),
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
        lambda: MLP(2, [1], activation="tahn", rng=0), ValueError, "'tahn'; did you mean tanh",
    ),
    "output activation": (
        lambda: MLP(2, [1], output_activation="x", rng=0), ValueError, "output_activation 'x'.*relu"
    ),
    "softmax": (
        lambda: MLP(2, [3], output_activation="softmax", rng=0), ValueError, "cross_entropy",
    ),
    "activation None": (
        lambda: untyped.MLP(2, [1], activation=None), TypeError, "function.*None.*names are.*tanh",
    ),
    "activation of floats": (
        lambda: untyped.Layer(2, 1, activation=lambda x: math.tanh(x.data)), TypeError,
        "activation must return a Value, <lambda> returned float",
    ),
    "a class as activation": (
        lambda: untyped.Neuron(2, activation=Value), TypeError, "a function of one Value",
    ),
    "init": (
        lambda: MLP(2, [1], init="xavier_uniform"), ValueError, "did you mean glorot_uniform",
    ),
    "init misspelled": (lambda: Layer(2, 1, init="zero"), ValueError, "did you mean zeros"),
    "init unknown": (lambda: Neuron(2, init="?"), ValueError, "there are glorot_uniform, .*zeros"),
    "init without limit": (lambda: Neuron(2, init="uniform"), ValueError, r"nn.uniform\(0.1\)"),
    "init number": (lambda: untyped.Neuron(2, init=0.1), TypeError, "name or a function, got 0.1"),
    "init signature": (
        lambda: untyped.MLP(2, [1], init=np.zeros), TypeError, r"\(n_in, n_out, \*, rng\)",
    ),
    "init shape": (
        lambda: Layer(2, 3, init=lambda n_in, n_out, *, rng=None: np.zeros((n_in, n_out))),
        ValueError, r"\(n_out, n_in\) = \(3, 2\), got one of shape \(2, 3\)",
    ),
    "init text": (
        lambda: Neuron(1, init=lambda n_in, n_out, *, rng=None: np.array([["1"]])),
        TypeError, "real numbers",
    ),
    "init nan": (lambda: Neuron(1, init=lambda n_in, n_out, *, rng=None: np.array([[np.nan]])),
        ValueError, "not finite",
    ),
    "rng float": (lambda: untyped.MLP(2, [1], rng=0.5), TypeError, "0.5"),
    "rng bool": (lambda: MLP(2, [1], rng=True), TypeError, "True"),
    "rng legacy": (
        lambda: untyped.MLP(2, [1], rng=np.random.RandomState(0)), TypeError, "RandomState",
    ),
    "rng negative": (lambda: MLP(2, [1], rng=-1), ValueError, "-1"),
    "layer size": (lambda: Layer(2, 0, rng=0), ValueError, "n_outputs"),
    "layer activation": (lambda: Layer(2, 1, activation="?", rng=0), ValueError, "there are"),
    "layer rng": (lambda: untyped.Layer(2, 1, rng="0"), TypeError, "rng"),
    "neuron size": (lambda: Neuron(0, rng=0), ValueError, "n_inputs"),
    "neuron activation": (lambda: Neuron(1, activation="?", rng=0), ValueError, "there are"),
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
        with pytest.raises(ValueError, match=r"got 0|there are"):
            call()
    assert generator.random() == np.random.default_rng(0).random()


BAD_INPUTS: dict[str, tuple[Any, type[Exception], str]] = {
    "too few": ([1.0], ValueError, "takes 2 inputs, got 1"),
    "too many": ([1.0, 2.0, 3.0], ValueError, "got 3"),
    "none": ([], ValueError, "got 0"),
    "a number": (1.0, TypeError, "one example.*float"),
    "a Value": (Value(1.0), TypeError, "one example"),
    "a batch": (np.zeros((100, 2)), TypeError, r"batch of 100: write model.predict\(X\), or \["),
    "a batch of 2": (np.zeros((2, 2)), TypeError, r"batch of 2: write model.predict\(X\), or \["),
    "lists": ([[1.0, 2.0]] * 3, TypeError, r"batch of 3: write model.predict\(X\), or \["),
    "Values": ([[Value(1.0), Value(2.0)]] * 2, TypeError, "batch of 2: write model.predict"),
    "text": ("ab", TypeError, "a"),
    "text inside": ([1.0, "2"], TypeError, "2"),
    "None inside": ([1.0, None], TypeError, "None"),
    "complex": ([1.0, 1j], TypeError, "1j|complex"),
    "None": (None, TypeError, "NoneType"),
}


@pytest.mark.parametrize("model", [MLP(2, [1], rng=0), Layer(2, 1, rng=0), Neuron(2, rng=0)])
def test_a_tensor_is_no_batch(model: Any) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"got a Tensor: write x\.tolist\(\)$"):
        model(torch.tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match=r"got a batch of 3: write model\.predict\(X\)"):
        model(torch.zeros(3, 2))


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


@pytest.mark.parametrize(
    "losing", [lambda z: Value(np.tanh(z.data)), lambda z: Value(1.0), lambda z: z.detach()]
)
def test_an_activation_that_loses_the_gradient_is_refused(losing: Any) -> None:
    for make in (lambda: Layer(1, 1, activation=losing), lambda: Neuron(1, activation=losing)):
        with pytest.raises(TypeError, match="must depend on its argument"):
            make()
    Neuron(1, activation=lambda z: z)
    Neuron(1, activation=lambda z: z * z.detach())


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match=r"weights\.1 is -?(nan|inf): parameters must be finite"):
        Neuron.from_weights([1.0, number])
    with pytest.raises(ValueError, match=r"bias is -?(nan|inf): parameters must be finite"):
        Neuron.from_weights([1.0], number)
