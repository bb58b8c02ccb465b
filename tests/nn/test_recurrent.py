"""RNNCell and GRUCell: their definition, PyTorch's, and that they learn from sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import Adam, GRUCell, Layer, Module, RNNCell, parameters_to_vector, vector_to_parameters
from tests.nn.layer_checks import check_layer

CELLS: list[Any] = [
    RNNCell,
    GRUCell,
    lambda n_in, n_hidden, rng: RNNCell(n_in, n_hidden, activation="sigmoid", rng=rng),
]


def randomised(cell: Any, rng: np.random.Generator) -> Any:
    vector_to_parameters(rng.normal(size=len(cell.parameters())), cell)
    return cell


def numbers(values: list[Value]) -> list[float]:
    return [value.data for value in values]


def matrix_and_bias(layer: Layer) -> Any:
    weights = np.array([numbers(neuron.weights) for neuron in layer.neurons])
    return weights, np.array([neuron.bias.data for neuron in layer.neurons])


# What they compute.


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_rnn_cell(n_inputs: int, n_hidden: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = randomised(RNNCell(n_inputs, n_hidden), rng)
    weights, bias = matrix_and_bias(cell.layer)
    x, h = rng.normal(size=n_inputs), rng.normal(size=n_hidden)
    expected = np.tanh(weights[:, :n_inputs] @ x + weights[:, n_inputs:] @ h + bias)
    np.testing.assert_allclose(numbers(cell(x, h)), expected, rtol=1e-12, atol=1e-14)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_gru_cell(n_inputs: int, n_hidden: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = randomised(GRUCell(n_inputs, n_hidden), rng)
    x, h = rng.normal(size=n_inputs), rng.normal(size=n_hidden)

    def weighted(layer: Layer, inputs: Any) -> Any:
        weights, bias = matrix_and_bias(layer)
        return weights @ inputs + bias

    both = np.concatenate([x, h])
    r, z = (1 / (1 + np.exp(-weighted(gate, both))) for gate in (cell.reset, cell.update))
    n = np.tanh(weighted(cell.candidate, x) + r * weighted(cell.recall, h))
    expected = (1 - z) * n + z * h
    np.testing.assert_allclose(numbers(cell(x, h)), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", CELLS)
def test_unrolled_is_one_call_after_another(make: Any) -> None:
    rng = np.random.default_rng(0)
    cell, xs, start = make(2, 3, rng=0), rng.normal(size=(4, 2)), rng.normal(size=3)
    for state in (None, start, [Value(a) for a in start]):
        h, states = state, []
        for x in xs:
            h = cell(x, h)
            states.append(numbers(h))
        assert [numbers(h) for h in cell.unroll(xs, state)] == states
    zeros = [numbers(h) for h in cell.unroll(xs, [0.0] * 3)]
    assert [numbers(h) for h in cell.unroll(xs)] == zeros


@settings(max_examples=25)
@given(
    st.sampled_from(CELLS), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.booleans()
)
def test_compiled_equals_eager_without_gathers(
    make: Any, n_inputs: int, n_hidden: int, length: int, starts: bool
) -> None:
    rng = np.random.default_rng(n_hidden)
    cell = randomised(make(n_inputs, n_hidden, rng=0), rng)
    weights = rng.normal(size=n_hidden).tolist()

    def loss(xs: Any, h: Any) -> Any:
        return ad.dot(cell.unroll(xs, h if starts else None)[-1], weights)

    batch = rng.normal(size=(3, length, n_inputs)), rng.normal(size=(3, n_hidden))
    check_layer(loss, cell.parameters(), *batch)


# PyTorch.


def in_torch(cell: Any, torch: Any) -> Any:
    """PyTorch's cell with the same weights."""
    n, h = cell.n_inputs, cell.n_hidden
    zeros = np.zeros(h)
    if isinstance(cell, RNNCell):
        theirs = torch.nn.RNNCell(n, h, dtype=torch.float64)
        weights, bias = matrix_and_bias(cell.layer)
        tensors = weights[:, :n], weights[:, n:], bias, zeros
    else:
        theirs = torch.nn.GRUCell(n, h, dtype=torch.float64)
        (reset, b_r), (update, b_z) = matrix_and_bias(cell.reset), matrix_and_bias(cell.update)
        (candidate, b_n), (recall, c_n) = map(matrix_and_bias, (cell.candidate, cell.recall))
        tensors = (
            np.vstack([reset[:, :n], update[:, :n], candidate]),
            np.vstack([reset[:, n:], update[:, n:], recall]),
            np.concatenate([b_r, b_z, b_n]),
            np.concatenate([zeros, zeros, c_n]),
        )
    names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    theirs.load_state_dict(
        {name: torch.tensor(array) for name, array in zip(names, tensors, strict=True)}
    )
    return theirs


@pytest.mark.parametrize("make", CELLS[:2])
def test_pytorch(make: Any) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    cell = randomised(make(3, 4, rng=0), rng)
    theirs, xs = in_torch(cell, torch), rng.normal(size=(5, 3))
    h = torch.zeros(4, dtype=torch.float64)
    given_xs = torch.tensor(xs, requires_grad=True)
    for x in given_xs:
        h = theirs(x, h)
    leaves = [[Value(a) for a in x] for x in xs]
    state = cell.unroll(leaves)[-1]
    np.testing.assert_allclose(numbers(state), h.detach(), rtol=1e-12)
    (h * torch.arange(4)).sum().backward()
    ad.dot(state, range(4)).backward()
    slopes = [[a.grad for a in x] for x in leaves]
    np.testing.assert_allclose(slopes, given_xs.grad, rtol=1e-12, atol=1e-15)


# Learning.


class Reader(Module):
    """The logit of a sequence, from the last state."""

    def __init__(self, cell: Any, seed: int) -> None:
        self.cell = cell
        self.head = Layer(cell.n_hidden, 1, activation="identity", rng=seed)

    def __call__(self, xs: Any) -> list[Value]:
        return self.head(self.cell.unroll(xs)[-1])


def trained(model: Module, program: ad.Program, steps: int, rate: float, *batch: Any) -> float:
    optimizer = Adam(model.parameters(), rate)
    theta, value = parameters_to_vector(model), 0.0
    for _ in range(steps):
        value, gradient = program.value_and_grad(theta, *batch)
        theta = optimizer.update(theta, gradient)
    vector_to_parameters(theta, model)
    return float(value)


@pytest.mark.parametrize("make", CELLS[:2])
def test_parity_of_bits(make: Any) -> None:
    bits = np.array([[k >> i & 1 for i in range(4)] for k in range(16)])
    parity = bits.sum(1) % 2
    model = Reader(make(1, 8, rng=0), seed=1)
    program = ad.compile(
        lambda xs, t: nn.binary_cross_entropy_with_logits(model(xs), t), model.parameters()
    )
    xs = 2.0 * bits[..., None] - 1.0
    before = program.value_and_grad(None, xs, parity)[0]
    assert trained(model, program, 500, 0.03, xs, parity) < 0.05 < before
    answers = [model(x)[0].data > 0 for x in xs]
    assert answers == parity.astype(bool).tolist()


def test_echo_of_three_steps_ago() -> None:
    rng = np.random.default_rng(0)
    xs = rng.choice([-1.0, 1.0], size=(40, 6, 1))
    cell = RNNCell(1, 8, rng=0)
    model = Reader(cell, seed=1)

    def loss(x: Any) -> Any:
        outputs = [model.head(state) for state in cell.unroll(x)]
        return ad.mean(
            [nn.half_squared_error(outputs[t], [x[t - 3][0]]) for t in range(3, len(outputs))]
        )

    program = ad.compile(loss, model.parameters())
    before = program.value_and_grad(None, xs)[0]
    assert trained(model, program, 300, 0.02, xs) < before / 50
    assert program.stats.gathers == 0


# Bad arguments, and what a cell says of itself.

untyped: Any = nn


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell"])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 1), {}, ValueError, "n_inputs must be at least 1"),
        ((1, 2.0), {}, TypeError, "n_hidden must be an int"),
        ((1, 1), {"rng": "0"}, TypeError, "rng"),
        ((1, 1), {"init": "glorot"}, ValueError, "glorot"),
    ],
)
def test_bad_arguments(
    name: str, arguments: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(nn, name)(*arguments, **options)


def test_bad_activation() -> None:
    with pytest.raises(ValueError, match="unknown activation 'tahn'"):
        RNNCell(1, 1, activation="tahn")


@pytest.mark.parametrize("cell", [RNNCell(2, 3, rng=0), GRUCell(2, 3, rng=0)], ids=repr)
@pytest.mark.parametrize(
    ("inputs", "state", "error", "message"),
    [
        ([1.0], None, ValueError, "2"),
        (np.zeros((7, 2)), None, (TypeError, ValueError), "batch"),
        ([[1.0, 2.0], [3.0, 4.0]], None, TypeError, "rows|batch"),
        (1.0, None, TypeError, "one example"),
        ([1.0, 2.0], [1.0], ValueError, "state of .*3 numbers, got 1"),
        ([1.0, 2.0], [[0.0]] * 3, TypeError, r"state of \w+Cell\(2, 3.* is 3 numbers.*got list"),
        ([1.0, 2.0], ["a"] * 3, TypeError, r"state of \w+Cell\(2, 3.* is 3 numbers.*got str"),
        ([1.0, 2.0], 1.0, TypeError, "state of .* is a sequence, got float"),
        ([1.0, 2.0], Value(1.0), TypeError, "got Value"),
    ],
)
def test_bad_inputs(cell: Any, inputs: Any, state: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        cell(inputs, state)


@pytest.mark.parametrize("cell", [RNNCell(2, 3, rng=0), GRUCell(2, 3, rng=0)], ids=repr)
@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([1.0, 2.0], TypeError, "sequence of rows of 2"),
        ([], ValueError, "at least one row"),
        ([[1.0]], ValueError, "2"),
        (np.zeros((4, 3, 2)), (TypeError, ValueError), "batch|rows"),
        (None, TypeError, "sequence of rows"),
    ],
)
def test_bad_sequences(cell: Any, inputs: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        cell.unroll(inputs)


def test_labels_repr_and_config() -> None:
    cell = RNNCell(1, 1, activation="relu", rng=0)
    assert [p.label for p in cell.parameters()] == [
        "layer.neurons.0.weights.0",
        "layer.neurons.0.weights.1",
        "layer.neurons.0.bias",
    ]
    labels = [p.label for p in GRUCell(1, 1).parameters()]
    assert labels[0] == "reset.neurons.0.weights.0"
    assert {label.split(".")[0] for label in labels} == {"reset", "update", "candidate", "recall"}
    assert repr(cell) == "RNNCell(1, 1, activation='relu')"
    assert repr(GRUCell(2, 3)) == "GRUCell(2, 3)"
    cells: list[Any] = [cell, GRUCell(2, 3)]
    for made in cells:
        assert repr(type(made)(**made._config())) == repr(made)


@pytest.mark.parametrize("kind", [RNNCell, GRUCell])
def test_sizes_may_be_small_integers_of_numpy(kind: Any) -> None:
    cell = kind(np.uint8(200), np.uint8(100), init="zeros")
    assert (cell.n_inputs, cell.n_hidden) == (200, 100)
    assert len(cell([0.0] * 200)) == 100


@pytest.mark.parametrize("state", [{0: 1.0, 1: 2.0}, {1.0, 2.0}])
def test_a_state_has_an_order(state: Any) -> None:
    for cell in (RNNCell(1, 2, rng=0), GRUCell(1, 2, rng=0)):
        with pytest.raises(TypeError, match="is a sequence, got"):
            cell([1.0], state)
