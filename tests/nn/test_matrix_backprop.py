"""The scalar engine against backpropagation in matrices, and that against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_mini import Value
from nn import (
    MLP,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    mean_loss,
    parameters_to_vector,
    vector_to_parameters,
)
from nn.training.differentiation import Eager, Loss
from tests.matrix_backprop import Matrix, Network, backpropagate, forward, mean_cost, to_vector

# Widths of the layers, inputs first.
SHAPES = {
    "one path 1-1-1-1": [1, 1, 1, 1],
    "several inputs": [3, 1, 1],
    "several outputs": [1, 1, 3],
    "D=2 M=2 K=3": [2, 2, 3],
    "deep 4-5-3-2": [4, 5, 3, 2],
    "single layer": [3, 2],
}
# The reference's cost and output, the scalar model's loss and output.
PAIRS: dict[str, tuple[tuple[str, str], tuple[Loss, str]]] = {
    "half squared error, identity": (
        ("half_squared_error", "identity"), (half_squared_error, "identity"),
    ),
    "half squared error, sigmoid": (
        ("half_squared_error", "sigmoid"), (half_squared_error, "sigmoid"),
    ),
    "half squared error, tanh": (
        ("half_squared_error", "tanh"), (half_squared_error, "tanh"),
    ),
    "half squared error, relu": (
        ("half_squared_error", "relu"), (half_squared_error, "relu"),
    ),
    "sigmoid, binary cross-entropy": (
        ("binary_cross_entropy", "sigmoid"), (binary_cross_entropy, "sigmoid"),
    ),
    "binary cross-entropy of logits": (
        ("binary_cross_entropy", "sigmoid"), (binary_cross_entropy_with_logits, "identity"),
    ),
    "softmax, cross-entropy": (
        ("cross_entropy", "softmax"), (cross_entropy, "identity"),
    ),
}  # fmt: skip


def targets_for(cost: str, n: int, k: int, rng: np.random.Generator) -> Matrix:
    if cost == "half_squared_error":
        return rng.normal(size=(n, k))
    if cost == "binary_cross_entropy":
        return rng.integers(0, 2, size=(n, k)).astype(float)
    return np.eye(k)[rng.integers(0, k, size=n)]


def assert_equal_entry_by_entry(actual: Matrix, expected: Matrix) -> None:
    # 1e-12 relative for each entry. The absolute term, a few rounding errors of the largest entry,
    # is for entries whose terms cancel, where no two orders of summation agree better.
    np.testing.assert_allclose(
        actual, expected, rtol=1e-12, atol=8 * np.finfo(float).eps * abs(expected).max()
    )


def eager_gradient(model: MLP, loss: Loss, X: Matrix, T: Matrix) -> tuple[float, Matrix]:
    """The gradient of the mean loss as `fit` gets it from the scalar engine."""
    eager = Eager(model, loss, model.parameters())
    run = eager.prepared(X, T, None)
    mean, gradient, _ = run(parameters_to_vector(model), slice(0, len(X)))
    return mean, gradient


def gradient_vector(model: MLP) -> Matrix:
    return np.array([parameter.grad for parameter in model.parameters()])


def random_case(
    widths: list[int], activation: str, pair: str, n: int, seed: int
) -> tuple[MLP, Network, Matrix, Matrix, str, Loss]:
    (cost, reference_output), (loss, output) = PAIRS[pair]
    rng = np.random.default_rng(seed)
    model = MLP(widths[0], widths[1:], activation=activation, output_activation=output, rng=rng)
    theta = rng.normal(scale=0.8, size=len(model.parameters()))  # biases too
    vector_to_parameters(theta, model)
    network = Network.from_vector(theta, widths, activation, reference_output)
    X, T = rng.normal(size=(n, widths[0])), targets_for(cost, n, widths[-1], rng)
    return model, network, X, T, cost, loss


@pytest.mark.parametrize("n", [1, 7, 32])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_weight_and_bias_agrees_with_matrix_backpropagation(
    shape: str, activation: str, pair: str, n: int
) -> None:
    widths = SHAPES[shape]
    if pair == "softmax, cross-entropy" and widths[-1] == 1:
        widths = [*widths[:-1], 2]  # softmax over one class is the constant 1
    model, network, X, T, cost, loss = random_case(widths, activation, pair, n, seed=n)
    value, dWs, dbs = backpropagate(network, X, T, cost)
    expected = to_vector(dWs, dbs)

    mean, gradient = eager_gradient(model, loss, X, T)
    assert mean == pytest.approx(value, rel=1e-12)
    assert_equal_entry_by_entry(gradient, expected)

    graph = mean_loss(model, X, T, loss)
    graph.backward()
    assert graph.data == pytest.approx(value, rel=1e-12)
    assert_equal_entry_by_entry(gradient_vector(model), expected)


@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.integers(1, 4), min_size=2, max_size=5),
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "identity"]),
    pair=st.sampled_from(sorted(set(PAIRS) - {"softmax, cross-entropy"})),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_depth_agrees_with_matrix_backpropagation(
    widths: list[int], activation: str, pair: str, n: int, seed: int
) -> None:
    model, network, X, T, cost, loss = random_case(widths, activation, pair, n, seed)
    _, dWs, dbs = backpropagate(network, X, T, cost)
    _, gradient = eager_gradient(model, loss, X, T)
    expected = to_vector(dWs, dbs)
    # Any seed may make h close to its label, where h - y has few digits left in either engine.
    np.testing.assert_allclose(
        gradient, expected, rtol=1e-12, atol=1e-12 * (1 + abs(expected).max())
    )


def test_integer_classes_are_one_hot_targets() -> None:
    model, network, X, T, cost, loss = random_case(
        [4, 5, 3], "tanh", "softmax, cross-entropy", 7, seed=3
    )
    _, gradient = eager_gradient(model, loss, X, T.argmax(axis=1))
    _, dWs, dbs = backpropagate(network, X, T, cost)
    assert_equal_entry_by_entry(gradient, to_vector(dWs, dbs))


# The reference itself.


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
def test_reference_agrees_with_two_sided_differences(activation: str, pair: str) -> None:
    widths = [4, 5, 3, 2]
    _, network, X, T, cost, _ = random_case(widths, activation, pair, 7, seed=5)
    theta = to_vector(network.weights, network.biases)

    def cost_at(vector: Matrix) -> float:
        moved = Network.from_vector(vector, widths, activation, network.output_activation)
        return mean_cost(moved, X, T, cost)

    step = 1e-5 * np.eye(len(theta))
    differences = [(cost_at(theta + h) - cost_at(theta - h)) / 2e-5 for h in step]
    _, dWs, dbs = backpropagate(network, X, T, cost)
    # two-sided differences: truncated by about step**2, rounded by about 1e-16 / step
    np.testing.assert_allclose(to_vector(dWs, dbs), differences, rtol=1e-8, atol=1e-9)


def test_vector_order_is_that_of_the_model() -> None:
    model = MLP(2, [2, 3], rng=0)
    theta = parameters_to_vector(model)
    network = Network.from_vector(theta, [2, 2, 3], "tanh", "identity")
    for layer, W, b in zip(model.layers, network.weights, network.biases, strict=True):
        assert [[w.data for w in neuron.weights] for neuron in layer.neurons] == W.tolist()
        assert [neuron.bias.data for neuron in layer.neurons] == b.tolist()
    assert to_vector(network.weights, network.biases).tolist() == theta.tolist()


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
def test_outputs_agree(activation: str) -> None:
    model, network, X, *_ = random_case(
        [4, 5, 3, 2], activation, "half squared error, identity", 7, seed=1
    )
    outputs = [[output.data for output in model(x)] for x in X]
    np.testing.assert_allclose(outputs, forward(network, X)[1][-1], rtol=1e-13, atol=1e-15)


# Update formulas worked by hand.


def logistic(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def test_one_path_net_by_hand() -> None:
    # x -> s_i -> z_i -> s_j -> z_j -> y_hat: sigmoid twice, then a weighted sum;
    # E = (y_hat - y)^2 / 2.
    x, y = 0.7, -0.4
    model = MLP(1, [1, 1, 1], activation="sigmoid", rng=0)
    vector_to_parameters([0.3, 0.1, -0.8, 0.2, 1.5, -0.6], model)  # w1 b1 w2 b2 w3 b3
    s_i = 0.3 * x + 0.1
    z_i = logistic(s_i)
    s_j = -0.8 * z_i + 0.2
    z_j = logistic(s_j)
    y_hat = 1.5 * z_j - 0.6

    d3 = y_hat - y
    d2 = (y_hat - y) * 1.5 * logistic(s_j) * (1 - logistic(s_j))
    d1 = (
        (y_hat - y)
        * 1.5
        * logistic(s_j)
        * (1 - logistic(s_j))
        * -0.8
        * logistic(s_i)
        * (1 - logistic(s_i))
    )
    half_squared_error(model([x]), y).backward()
    expected = [d1 * x, d1, d2 * z_i, d2, d3 * z_j, d3]
    np.testing.assert_allclose(gradient_vector(model), expected, rtol=1e-12)


def test_several_inputs_by_hand() -> None:
    # Each input weight gets the one error signal of its neuron times its own input.
    x, y = [0.5, -1.0, 2.0], 0.3
    model = MLP(3, [1, 1], activation="tanh", rng=0)
    vector_to_parameters([0.1, -0.2, 0.3, 0.05, 0.9, -0.1], model)
    s = 0.1 * 0.5 + 0.2 * 1.0 + 0.3 * 2.0 + 0.05
    y_hat = 0.9 * math.tanh(s) - 0.1
    delta = (y_hat - y) * 0.9 * (1 - math.tanh(s) ** 2)
    half_squared_error(model(x), y).backward()
    expected = [delta * 0.5, delta * -1.0, delta * 2.0, delta]
    expected += [(y_hat - y) * math.tanh(s), y_hat - y]
    np.testing.assert_allclose(gradient_vector(model), expected, rtol=1e-12)


def test_several_outputs_by_hand() -> None:
    # The hidden weight reaches the loss along two paths, one per output: their sum is its gradient.
    x, y = 0.7, [0.2, -0.5]
    model = MLP(1, [1, 2], activation="sigmoid", rng=0)
    vector_to_parameters([0.4, 0.1, 1.2, 0.0, -0.7, 0.3], model)
    s = 0.4 * x + 0.1
    z = logistic(s)
    e1, e2 = 1.2 * z - y[0], -0.7 * z + 0.3 - y[1]
    through_1 = e1 * 1.2 * z * (1 - z) * x
    through_2 = e2 * -0.7 * z * (1 - z) * x
    half_squared_error(model([x]), y).backward()
    expected = [through_1 + through_2, (through_1 + through_2) / x, e1 * z, e1, e2 * z, e2]
    np.testing.assert_allclose(gradient_vector(model), expected, rtol=1e-12)


def test_update_moves_each_weight_by_the_learning_rate_times_delta_times_input() -> None:
    from nn import SGD

    x, y, rate = 2.0, 1.0, 0.1
    model = MLP(1, [1], rng=0)
    vector_to_parameters([0.5, 0.25], model)
    optimizer = SGD(model.parameters(), learning_rate=rate)
    half_squared_error(model([x]), y).backward()
    optimizer.step()
    delta = 0.5 * x + 0.25 - y
    assert parameters_to_vector(model) == pytest.approx(
        [0.5 - rate * delta * x, 0.25 - rate * delta], rel=1e-15
    )


def test_gradient_toward_an_input_value() -> None:
    model = MLP(2, [3, 1], rng=0)
    inputs = [Value(0.3), Value(-0.6)]
    (output,) = model(inputs)
    output.backward()
    hidden, last = model.layers
    slopes = [1 - value.data**2 for value in hidden(inputs)]
    for i, x in enumerate(inputs):
        expected = sum(
            v.data * slope * neuron.weights[i].data
            for v, slope, neuron in zip(
                last.neurons[0].weights, slopes, hidden.neurons, strict=True
            )
        )
        assert x.grad == pytest.approx(expected, rel=1e-12)
