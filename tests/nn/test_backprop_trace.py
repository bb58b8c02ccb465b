"""The traced error signals against backpropagation in matrices, and their printed form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import (
    MLP,
    Dropout,
    Layer,
    LayerNorm,
    Linear,
    Module,
    Neuron,
    Sequential,
    binary_cross_entropy,
    cross_entropy,
    half_squared_error,
    hinge,
    l2_penalty,
    mean_loss,
    trace_backprop,
    vector_to_parameters,
)
from nn.backprop.backprop_trace import BackpropTrace
from tests.matrix_backprop import backpropagate, error_signals, forward, mean_cost
from tests.nn.test_matrix_backprop import PAIRS, assert_equal_entry_by_entry, random_case


@settings(max_examples=60)
@given(
    widths=st.lists(st.integers(1, 4), min_size=2, max_size=5),
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "identity"]),
    pair=st.sampled_from(sorted(PAIRS)),
    n=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_a_trace_is_matrix_backpropagation(
    widths: list[int], activation: str, pair: str, n: int, seed: int
) -> None:
    if pair == "softmax, cross-entropy":
        widths[-1] += 1  # softmax over one class is the constant 1
    model, network, X, T, cost, loss = random_case(widths, activation, pair, n, seed)
    trace = trace_backprop(model, X, T, loss)
    Zs, As = forward(network, X)
    _, dWs, dbs = backpropagate(network, X, T, cost)
    if cost != "half_squared_error" and model.layers[-1].activation == "identity":
        As[-1] = Zs[-1]  # sigmoid and softmax are part of the loss
    Deltas = error_signals(network, X, T, cost)
    assert trace.loss == pytest.approx(mean_cost(network, X, T, cost), rel=1e-12)
    assert [layer.number for layer in trace.layers] == list(range(1, len(widths)))
    for i, layer in enumerate(trace.layers):
        assert layer.bias is not None
        assert layer.bias_gradient is not None
        assert_equal_entry_by_entry(layer.weights, network.weights[i])
        assert_equal_entry_by_entry(layer.bias, network.biases[i])
        assert_equal_entry_by_entry(layer.inputs, As[i])
        assert_equal_entry_by_entry(layer.z, Zs[i])
        assert_equal_entry_by_entry(layer.a, As[i + 1])
        for actual, expected in (
            (layer.delta, Deltas[i]),
            (layer.weight_gradient, dWs[i]),
            (layer.bias_gradient, dbs[i]),
        ):
            assert actual.shape == expected.shape
            # a seed may bring h close to its label, where h - y has few digits left in either
            np.testing.assert_allclose(
                actual, expected, rtol=1e-12, atol=1e-12 * (1 + abs(Deltas[-1]).max())
            )
    for row in range(n):
        one = trace_backprop(model, X[row], T[row], loss)
        for layer, whole in zip(one.layers, trace.layers, strict=True):
            for name in ("inputs", "z", "a", "a_gradient", "slope", "delta"):
                assert getattr(layer, name).tolist() == getattr(whole, name)[row].tolist()
            assert_equal_entry_by_entry(layer.weight_gradient, np.outer(layer.delta, layer.inputs))
            assert layer.bias_gradient is not None
            assert layer.bias_gradient.tolist() == layer.delta.tolist()


@pytest.mark.parametrize("activation", [name for name in nn.ACTIVATIONS if name != "identity"])
def test_the_equations_hold_for_every_activation(activation: str) -> None:
    model = MLP(3, [4, 4, 2], activation=activation, output_activation="softplus", rng=0)
    X, y = np.random.default_rng(0).normal(size=(5, 3)), [[1.0, 2.0]] * 5
    first, second, last = trace_backprop(model, X, y, half_squared_error).layers
    names = [layer.activation for layer in (first, second, last)]
    assert names == [activation, activation, "softplus"]
    for layer, after in ((first, second), (second, last)):
        assert_equal_entry_by_entry(layer.a_gradient, after.delta @ after.weights)
    for layer in (first, second, last):
        assert layer.slope is not None
        assert_equal_entry_by_entry(layer.delta, layer.a_gradient * layer.slope)
        function = nn.ACTIVATIONS[layer.activation]
        slopes = [ad.gradients(function(z), [z])[0] for z in map(Value, layer.z.ravel().tolist())]
        np.testing.assert_allclose(layer.slope.ravel(), slopes, rtol=1e-12)


def test_gradients_of_parameters_are_those_of_backward_and_stay_as_they_are() -> None:
    model = MLP(2, [3, 2], rng=0)
    X, y = np.random.default_rng(0).normal(size=(4, 2)), np.array([0, 1, 1, 0])

    def loss(outputs: Any, target: Any) -> Value:
        return cross_entropy(outputs, target) + l2_penalty(model, 0.1)

    for i, parameter in enumerate(model.parameters()):
        parameter.grad = float(i)
    trace = trace_backprop(model, X, y, loss)
    assert [parameter.grad for parameter in model.parameters()] == list(range(17))
    model.zero_grad()
    mean_loss(model, X, y, loss).backward()
    for layer, traced in zip(model.layers, trace.layers, strict=True):
        gradient = [[weight.grad for weight in neuron.weights] for neuron in layer.neurons]
        assert_equal_entry_by_entry(traced.weight_gradient, np.array(gradient))
        bias_gradient = np.array([neuron.bias.grad for neuron in layer.neurons])
        assert traced.bias_gradient is not None
        assert_equal_entry_by_entry(traced.bias_gradient, bias_gradient)


# Models of one's own.


class Row(Module):
    """Parts in a row: modules, and functions of a list."""

    def __init__(self, *modules: Any) -> None:
        self.modules = list(modules)

    def __call__(self, values: Any) -> Any:
        for module in self.modules:
            values = module(values)
        return values


def test_a_layer_alone_is_a_model() -> None:
    layer = Layer(2, 3, rng=0)
    (traced,) = trace_backprop(layer, [1.0, -1.0], [0.0, 0.0, 0.0], half_squared_error).layers
    assert_equal_entry_by_entry(traced.a, np.array([a.data for a in layer([1.0, -1.0])]))


def test_a_module_may_name_its_layers_as_it_likes() -> None:
    class Net(Module):
        def __init__(self) -> None:
            self.itself = self
            self.hidden = Layer(2, 3, rng=0)
            self.again = [self.hidden]
            self.output = Layer(3, 1, rng=1)

        def __call__(self, x: Any) -> list[Value]:
            return self.output(self.hidden(x))

    net = Net()
    trace = trace_backprop(net, [1.0, 2.0], 0.0, half_squared_error)
    row = trace_backprop(Row(net.hidden, net.output), [1.0, 2.0], 0.0, half_squared_error)
    assert str(trace) == str(row)
    assert "BP2" in str(trace)


class Held(Module):
    """Two layers, kept as one likes, the second one first."""

    __slots__ = ("kept",)

    def __init__(self, keep: Callable[[Layer, Layer], Any], get: Callable[[Any], Any]) -> None:
        self.first_made = Layer(3, 1, rng=1)
        first = Layer(2, 3, rng=0)
        self.kept, self.get = keep(first, self.first_made), get
        del self.first_made

    def __call__(self, x: Any) -> list[Value]:
        first, last = self.get(self.kept)
        outputs: list[Value] = last(first(x))
        return outputs


@pytest.mark.parametrize(
    ("keep", "get"),
    [
        (lambda first, last: [last, first], lambda kept: kept[::-1]),
        (lambda first, last: {"z": last, "a": first}, lambda kept: (kept["a"], kept["z"])),
        (lambda first, last: np.array([last, first]), lambda kept: kept[::-1]),
        (
            lambda first, last: [{"deep": (last,)}, first],
            lambda kept: (kept[1], kept[0]["deep"][0]),
        ),
    ],
)
def test_layers_are_found_wherever_parameters_are_and_in_any_order(keep: Any, get: Any) -> None:
    model = Held(keep, get)
    trace = trace_backprop(model, [1.0, 2.0], 0.0, half_squared_error)
    row = Row(*get(model.kept))
    assert str(trace) == str(trace_backprop(row, [1.0, 2.0], 0.0, half_squared_error))
    assert "layers 2 -> 3 -> 1" in repr(trace)


@pytest.mark.parametrize(
    "target",
    [
        lambda: [Value(0.5), Value(1.0)],
        lambda: (number for number in (0.5, 1.0)),
        lambda: [np.float32(0.5), True],
        lambda: np.array([0.5, 1.0]),
    ],
)
def test_targets_of_every_kind_that_losses_take(target: Callable[[], Any]) -> None:
    model, x = MLP(2, [2], rng=0), [1.0, -1.0]
    trace = trace_backprop(model, x, target(), half_squared_error)
    same = trace_backprop(model, x, [0.5, 1.0], half_squared_error)
    assert trace.layers[0].delta.tolist() == same.layers[0].delta.tolist()
    assert "prediction minus the target" in str(same)
    batch = trace_backprop(model, [x, x], [target(), target()], half_squared_error)
    np.testing.assert_array_equal(batch.layers[0].delta[1], same.layers[0].delta)


def test_a_class_that_is_a_value() -> None:
    model, target = MLP(2, [3], rng=0), Value(2.0).detach()
    trace = trace_backprop(model, [1.0, -1.0], target, cross_entropy)
    same = trace_backprop(model, [1.0, -1.0], 2, cross_entropy)
    np.testing.assert_allclose(trace.layers[0].delta, same.layers[0].delta, rtol=1e-12)


def test_functions_between_layers_make_activations() -> None:
    linear = Layer(2, 3, activation="identity", rng=0)
    last = Layer(3, 1, activation="identity", rng=1)
    model = Row(linear, lambda z: [ad.tanh(x) for x in z], Row(last))
    same = MLP(2, [3, 1], rng=0)
    vector_to_parameters([p.data for p in (*linear.parameters(), *last.parameters())], same)
    trace = trace_backprop(model, [0.5, 2.0], 1.0, half_squared_error)
    assert str(trace) == str(trace_backprop(same, [0.5, 2.0], 1.0, half_squared_error))
    swish = Row(linear, lambda z: [x * ad.sigmoid(2.0 * x) for x in z], last)
    trace = trace_backprop(swish, [0.5, 2.0], 1.0, half_squared_error)
    first = trace.layers[0]
    assert first.activation == "g"
    assert first.slope is not None
    assert_equal_entry_by_entry(first.delta, first.a_gradient * first.slope)
    assert "a1 = g(z1)" in str(trace)


def test_an_activation_of_all_neurons_has_no_slope() -> None:
    first, last = Layer(2, 3, rng=0), Layer(3, 1, rng=1)
    model = Row(first, ad.softmax, last)
    trace = trace_backprop(model, [0.5, 2.0], 1.0, half_squared_error)
    value = half_squared_error(model([0.5, 2.0]), 1.0)
    gradient = ad.gradients(value, [neuron.bias for neuron in first.neurons])
    assert trace.layers[0].slope is None
    assert trace.layers[0].delta.tolist() == gradient
    assert "error signal, each from several activations" in str(trace)
    assert "BP2" not in str(trace)


def test_a_way_around_a_layer_is_no_bp2() -> None:
    class Residual(Module):
        def __init__(self) -> None:
            self.layers = [Layer(2, 2, rng=0), Layer(2, 2, rng=1)]

        def __call__(self, x: Any) -> list[Value]:
            hidden = self.layers[0](x)
            outputs = self.layers[1](hidden)
            return [h + output for h, output in zip(hidden, outputs, strict=True)]

    model = Residual()
    trace = trace_backprop(model, [1.0, -1.0], [0.0, 0.0], half_squared_error)
    value = half_squared_error(model([1.0, -1.0]), [0.0, 0.0])
    gradient = ad.gradients(value, [neuron.bias for neuron in model.layers[0].neurons])
    assert_equal_entry_by_entry(trace.layers[0].delta, np.array(gradient))
    assert "BP2" not in str(trace)
    assert [layer.activation for layer in trace.layers] == ["tanh", ""]
    assert "layer 2: 2 neurons, activations of more than z2" in str(trace)
    assert "* da2/dz2" in str(trace)
    assert "a2 =" not in str(trace)


class Watched(Module):
    """A model that lets a loss see what is inside."""

    def __init__(self) -> None:
        self.layers = [Layer(2, 2, activation="identity", rng=0), Layer(2, 1, rng=1)]

    def __call__(self, x: Any) -> list[Value]:
        self.z = self.layers[0](x)
        self.a = [ad.tanh(z) for z in self.z]
        return self.layers[1](self.a)


def test_what_a_loss_sees_inside_of_the_model() -> None:
    model = Watched()

    def sum_of_squares(values: list[Value]) -> Any:
        return ad.sum([value * value for value in values])

    def penalised(name: str) -> str:
        def loss(outputs: Any, target: Any) -> Any:
            return half_squared_error(outputs, target) + sum_of_squares(getattr(model, name))

        return str(trace_backprop(model, [1.0, -1.0], 0.5, loss))

    assert "BP2" in str(trace_backprop(model, [1.0, -1.0], 0.5, half_squared_error))
    assert "\n  error signal\n      delta1  =   dC/da1  * tanh'(z1)\n" in penalised("a")
    assert "error signal, of which a part comes from the loss itself" in penalised("z")
    assert "BP2" not in penalised("a") + penalised("z")


def test_layers_that_are_not_in_a_row() -> None:
    class Branches(Module):
        def __init__(self) -> None:
            self.layers = [Layer(2, 2, rng=0), Layer(2, 2, rng=1)]

        def __call__(self, x: Any) -> list[Value]:
            return [*self.layers[0](x), *self.layers[1](x)]

    with pytest.raises(ValueError, match="in a row, each fed by the one before"):
        trace_backprop(Branches(), [1.0, 2.0], [0.0] * 4, half_squared_error)
    shared = Layer(2, 2, rng=0)
    with pytest.raises(ValueError, match="is used 2 times for one example"):
        trace_backprop(Row(shared, shared), [1.0, 2.0], [0.0] * 2, half_squared_error)


def assert_is_what_the_model_does(model: Any, x: list[float], trace: BackpropTrace) -> None:
    """Each layer takes what the one before gave, and its z is W a + b."""
    before = np.array(x)
    for layer in trace.layers:
        assert layer.inputs.tolist() == before.tolist()
        bias = 0.0 if layer.bias is None else layer.bias
        np.testing.assert_allclose(layer.z, layer.weights @ before + bias, rtol=1e-12, atol=1e-15)
        assert layer.a.shape == layer.z.shape == layer.delta.shape
        before = layer.a
    assert before.tolist() == [output.data for output in model(x)]


@pytest.mark.parametrize(
    ("model", "activations"),
    [
        (Sequential(Linear(2, 3, rng=0), "tanh", Layer(3, 1, rng=1)), ["tanh", "tanh"]),
        (Sequential(Layer(2, 3, rng=0), Linear(3, 1, rng=1)), ["tanh", "identity"]),
        (Sequential(Linear(2, 3, rng=0), "relu", Linear(3, 2, rng=1)), ["relu", "identity"]),
        (Sequential(Linear(2, 3, bias=False, rng=0), Linear(3, 1, rng=1)), ["identity"] * 2),
        (Sequential(Linear(2, 2, rng=0), lambda z: [x * ad.tanh(x) for x in z]), ["g"]),
        (Linear(2, 2, bias=False, rng=0), ["identity"]),
    ],
)
def test_linear_is_a_layer(model: Any, activations: list[str]) -> None:
    x, target = [1.0, 2.0], 0.5
    n_out = len(model(x))
    trace = trace_backprop(model, x, [target] * n_out, half_squared_error)
    assert [layer.activation for layer in trace.layers] == activations
    assert_is_what_the_model_does(model, x, trace)
    assert str(trace_backprop(model, [x, x], [[target] * n_out] * 2, half_squared_error))
    for layer in trace.layers:
        assert_equal_entry_by_entry(layer.weight_gradient, np.outer(layer.delta, layer.inputs))
        assert (layer.bias is None) == (layer.bias_gradient is None)
    without = sum(layer.bias is None for layer in trace.layers)
    assert str(trace).count("BP3") == len(trace.layers) - without


def test_linear_without_biases_and_a_layer_say_the_same_but_for_the_biases() -> None:
    linear = Linear(2, 3, bias=False, rng=0)
    layer = Layer(2, 3, rng=0)
    for row, neuron in zip(linear.weights, layer.neurons, strict=True):
        for weight, other in zip(row, neuron.weights, strict=True):
            other.data = weight.data
    ours = trace_backprop(Sequential(linear, "tanh"), [1.0, -2.0], [0.0] * 3, half_squared_error)
    theirs = trace_backprop(layer, [1.0, -2.0], [0.0] * 3, half_squared_error)
    assert ours.layers[0].delta.tolist() == theirs.layers[0].delta.tolist()
    (forward_ours,) = (line for line in str(ours).splitlines() if " z1 " in line)
    assert re.fullmatch(r" +z1 += +W1 +a0 = x +a1 = tanh\(z1\)", forward_ours)


class Scaled(Module):
    """A parameter besides the layers."""

    def __init__(self) -> None:
        self.layer = Layer(2, 1, rng=0)
        self.scale = Value(2.0)

    def __call__(self, x: Any) -> list[Value]:
        return [self.scale * y for y in self.layer(x)]


class Twice(Module):
    """A weight that also counts outside of its layer."""

    def __init__(self) -> None:
        self.layer = Layer(2, 1, rng=0)

    def __call__(self, x: Any) -> list[Value]:
        return [self.layer.neurons[0].weights[1] * y for y in self.layer(x)]


def tied() -> MLP:
    model = MLP(2, [2, 1], rng=0)
    model.layers[0].neurons[0].weights[0] = model.layers[1].neurons[0].weights[1]
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Sequential(LayerNorm(2), Layer(2, 1, rng=0)), r"the inputs of Layer\(2, 1.* are not x"),
        (Sequential(lambda x: [2 * y for y in x], Linear(2, 1)), "the inputs of Linear.* not x"),
        (Sequential(Layer(2, 2, rng=0), LayerNorm(2)), r"depend on 'modules\.1\.gain\.0', too"),
        (Scaled(), "outputs depend on 'scale', too"),
        (Twice(), r"'layer\.neurons\.0\.weights\.1' is used outside of its layer"),
        (tied(), "two weights or biases are one Value"),
        (nn.RNNCell(2, 3, rng=0), r"inputs of Layer\(5, 3.* are not x.*a recurrent cell"),
        (nn.GRUCell(2, 3, rng=0), "layers in a row, each fed by the one before"),
    ],
)
def test_models_whose_equations_would_be_false(model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trace_backprop(model, [1.0, 3.0], [0.0] * len(model([1.0, 3.0])), half_squared_error)


def test_dropout_is_followed_where_it_does_nothing() -> None:
    model = Sequential(Layer(2, 3, rng=0), Dropout(0.5), Layer(3, 1, rng=1))
    assert_is_what_the_model_does(
        model, [1.0, 2.0], trace_backprop(model, [1.0, 2.0], 0.0, half_squared_error)
    )
    with nn.training_mode(0):
        with pytest.raises(ValueError, match="it drops out: call it outside"):
            trace_backprop(model, [1.0, 2.0], 0.0, half_squared_error)
        assert trace_backprop(MLP(2, [1], rng=0), [1.0, 2.0], 0.0, half_squared_error).layers


def test_where_no_graph_is_recorded() -> None:
    with ad.no_grad(), pytest.raises(ValueError, match=r"inside ad\.no_grad\(\) none is recorded"):
        trace_backprop(MLP(2, [1], rng=0), [1.0, 2.0], 0.0, half_squared_error)


@pytest.mark.parametrize("batch", [False, True])
def test_what_a_penalty_adds_is_printed(batch: bool) -> None:
    model = MLP(2, [2, 1], rng=0)
    for i, parameter in enumerate(model.parameters()):
        parameter.data = 1.0 + i

    def loss(outputs: Any, target: Any) -> Value:
        return half_squared_error(outputs, target) + l2_penalty(model.layers[1].parameters(), 0.3)

    x: Any = [[1.0, 2.0], [0.0, 1.0]] if batch else [1.0, 2.0]
    target: Any = [0.5, 1.0] if batch else 0.5
    trace = trace_backprop(model, x, target, loss)
    plain = trace_backprop(model, x, target, half_squared_error)
    lines = str(trace).splitlines()
    captions = [line for line in lines if "BP3" in line or "BP4" in line]
    assert ["penalty P" in caption for caption in captions] == [True, True, False, False]
    at = next(i for i, line in enumerate(lines) if "BP4" in line and "penalty" in line)
    added = trace.layers[1].weight_gradient - plain.layers[1].weight_gradient
    np.testing.assert_allclose(added, 0.3 * trace.layers[1].weights, rtol=1e-12)
    assert "dP/dW2" in lines[at + 1]
    shown = re.findall(r"\[([^]]*)\]", lines[at + 2])[-1]
    # shown with four decimals
    np.testing.assert_allclose([float(x) for x in shown.split()], added[0], atol=6e-5)
    assert "penalty" not in str(plain)


# Text.


def test_the_text_of_a_small_net() -> None:
    model = MLP(1, [2, 2], rng=0)
    vector_to_parameters([0.5, 0.25, -1.0, 0.0, 1.0, 2.0, -0.5, 0.0, 0.5, 0.125], model)
    text = str(trace_backprop(model, [2.0], 1, cross_entropy))
    assert (
        text
        == """\
Backpropagation: layers 1 -> 2 -> 2, one example, loss C = 0.2581

W weights, one row for each neuron; b biases; z weighted inputs; a activations;
delta = dC/dz error signals; * multiplies number by number; W^T is W with rows as columns

FORWARD

layer 1: 2 neurons, tanh

        z1    =     W1     a0 = x  +    b1      a1 = tanh(z1)
    [ 1.2500]   [ 0.5000] [2.0000]   [0.2500]     [ 0.8483]
    [-2.0000]   [-1.0000]            [0.0000]     [-0.9640]

layer 2: 2 neurons, identity

        z2    =        W2           a1    +     b2       a2 = z2
    [-1.5798]   [1.0000 2.0000] [ 0.8483]   [-0.5000]   [-1.5798]
    [-0.3570]   [0.0000 0.5000] [-0.9640]   [ 0.1250]   [-0.3570]

BACKWARD

layer 2

  BP1: error signal of the last layer
      delta2  =   dC/da2  * identity'(z2)
    [ 0.2275]   [ 0.2275]      [1.0000]
    [-0.2275]   [-0.2275]      [1.0000]

  which is the prediction minus the target
      delta2  = softmax(z2) -    t
    [ 0.2275]     [0.2275]    [0.0000]
    [-0.2275]     [0.7725]    [1.0000]

  BP3: gradient of the biases
      dC/db2  =   delta2
    [ 0.2275]   [ 0.2275]
    [-0.2275]   [-0.2275]

  BP4: gradient of the weights
          dC/dW2      =   delta2        a1^T
    [ 0.1929 -0.2193]   [ 0.2275] [0.8483 -0.9640]
    [-0.1929  0.2193]   [-0.2275]

layer 1

  BP2: error signal, back through W2
     delta1  = (       W2^T        delta2  ) * tanh'(z1)
    [0.0638]     [1.0000 0.0000] [ 0.2275]      [0.2804]
    [0.0241]     [2.0000 0.5000] [-0.2275]      [0.0707]

  BP3: gradient of the biases
     dC/db1  =  delta1
    [0.0638]   [0.0638]
    [0.0241]   [0.0241]

  BP4: gradient of the weights
     dC/dW1  =  delta1    a0^T
    [0.1276]   [0.0638] [2.0000]
    [0.0482]   [0.0241]"""
    )


@pytest.mark.parametrize(
    ("loss", "output", "target", "prediction"),
    [
        (half_squared_error, "identity", [1.0, 2.0], "a2"),
        (binary_cross_entropy, "sigmoid", [0, 1], "a2"),
        (nn.binary_cross_entropy_with_logits, "identity", [0, 1], "sigmoid(z2)"),
        (cross_entropy, "identity", [0.25, 0.75], "softmax(z2)"),
        (cross_entropy, "identity", 1, "softmax(z2)"),
        (half_squared_error, "sigmoid", [1.0, 2.0], None),
        (hinge, "identity", [1, -1], None),
        (lambda o, t: 2.0 * half_squared_error(o, t), "identity", [1.0, 2.0], None),
        (lambda o, t: half_squared_error(o, t) + hinge(o, t), "identity", [1, -1], None),
        (lambda o, t: ad.square(o[0] - t), "identity", 1.0, None),
        (lambda o, t: half_squared_error(o[:1], t), "identity", 1.0, None),
    ],
)  # fmt: skip
def test_an_error_signal_that_is_prediction_minus_target_says_so(
    loss: Any, output: str, target: Any, prediction: str | None
) -> None:
    model = MLP(2, [3, 2], output_activation=output, rng=0)
    trace = trace_backprop(model, [0.5, -0.5], target, loss)
    batch = trace_backprop(model, [[0.5, -0.5]] * 2, [target] * 2, loss)
    if prediction is None:
        assert "prediction minus the target" not in f"{trace}{batch}"
    else:
        name = re.escape(prediction)
        assert re.search(rf"minus the target\n +delta2 += +{name} +- +t\n", str(trace))
        name = re.escape(prediction.replace("z", "Z").replace("a2", "A2"))
        assert re.search(rf"minus the target\n +Delta2 += +{name} +- +t\n", str(batch))


def test_the_text_of_a_large_net_shows_a_part_with_shapes() -> None:
    model = MLP(64, [32, 10], rng=0)
    X = np.random.default_rng(0).random((32, 64))
    for trace in (
        trace_backprop(model, X[0], 3, cross_entropy),
        trace_backprop(model, X, np.arange(32) % 10, cross_entropy),
    ):
        text = str(trace)
        assert len(text) < 10_000
        assert max(map(len, text.splitlines())) < 140
        for shape in ("(32 x 64)", "(10 x 32)", "..."):
            assert shape in text
        assert "Z1 (32 x 32)" in text or "z1 (32)" in text


def test_small_numbers_keep_their_digits() -> None:
    layer = Layer(1, 2, activation="identity", rng=0)
    vector_to_parameters([1e-5, 0.0, 2e-7, 0.0], layer)
    text = str(trace_backprop(layer, [1.0], [0.0, 0.0], half_squared_error))
    assert "[1.00e-05]" in text
    assert "[2.00e-07]" in text


def test_repr_is_short() -> None:
    trace = trace_backprop(MLP(2, [3, 1], rng=0), np.ones((4, 2)), [0.0] * 4, half_squared_error)
    assert isinstance(trace, BackpropTrace)
    assert repr(trace).startswith("<BackpropTrace: layers 2 -> 3 -> 1, minibatch of 4 examples, ")
    assert len(repr(trace).splitlines()) == 1


# Bad arguments.

BAD: list[tuple[Any, Any, Any, Any, type[Exception], str]] = [
    (Neuron(2, rng=0), [1, 2], 0, half_squared_error, TypeError, "model of layers.*got Neuron"),
    (abs, [1, 2], 0, half_squared_error, TypeError, "model of layers"),
    (MLP(2, [1], rng=0), [1, "a"], 0, half_squared_error, TypeError, "x must be an array of num"),
    (MLP(2, [1], rng=0), [[[1.0]]], 0, half_squared_error, ValueError, r"shape \(1, 1, 1\)"),
    (MLP(2, [1], rng=0), [], 0, half_squared_error, ValueError, r"shape \(0,\)"),
    (MLP(2, [1], rng=0), [1.0], 0, half_squared_error, ValueError, "takes 2 inputs"),
    (MLP(2, [1], rng=0), [[1, 2]], 0, half_squared_error, TypeError, "sequence of 1 targets"),
    (MLP(2, [1], rng=0), [[1, 2]], [0, 1], half_squared_error, ValueError, "1 examples but tar"),
    (MLP(2, [1], rng=0), [1, 2], 0, lambda o, t: (o - t) ** 2, TypeError, r"outputs\[0\]"),
    (MLP(2, [1], rng=0), [1, 2], 0, lambda o, t: None, TypeError, "must return a Value, got None"),
    (MLP(2, [2], rng=0), [1, 2], 2, cross_entropy, ValueError, r"0\.\.1 for 2 logits"),
    (MLP(2, [2], rng=0), [1, 2], 1, "ce", TypeError, "got 'ce' .*write loss=nn.cross_entropy"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_arguments(case: int) -> None:
    model, x, target, loss, error, message = BAD[case]
    with pytest.raises(error, match=message):
        trace_backprop(model, x, target, loss)


def test_one_example_and_a_minibatch_of_one_are_told_apart() -> None:
    model = MLP(2, [1], rng=0)
    shapes: list[Sequence[int]] = [
        trace_backprop(model, x, t, half_squared_error).layers[0].delta.shape
        for x, t in (([1.0, 2.0], 0.0), ([[1.0, 2.0]], [0.0]), (((1, 2), (3, 4)), np.zeros((2, 1))))
    ]
    assert shapes == [(1,), (1, 1), (2, 1)]
