"""The demonstration: a network written in scalars learns to read handwritten digits."""

from __future__ import annotations

import copy
import importlib.util
import io
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nn
from viz import draw_graph, plot_history, render
from viz.files import write_whole

from ..compiler import compile
from ..core.value import Value

EPOCHS = 15
_BATCH_SIZE = 32
_LEARNING_RATE = 0.5
_N_CHECKED = 50  # weights whose gradient is compared with a two-sided difference
_STEP = 1e-5  # of that difference: near the cube root of the rounding error

Matrix = NDArray[np.float64]
Gradient = Callable[[Matrix, NDArray[np.int64]], tuple[float, int | None]]
"""What `nn.fit` differentiates a minibatch with; adds to the parameters' ``grad``."""


@dataclass(frozen=True)
class Digits:
    """The digits, split once: inputs (N, 64) in [0, 1], and the classes 0 to 9."""

    train_x: Matrix
    train_y: NDArray[np.int64]
    test_x: Matrix
    test_y: NDArray[np.int64]


def run(out: Path, epochs: int, seed: int, *, eager: bool = False) -> int:
    """Check the gradient, train, test, and write the pictures and the weights.

    Parameters
    ----------
    out : Path
        The directory to write to; made if it is not there.
    epochs : int
        How often to go through the training digits.
    seed : int
        Of the split, the initial weights and the minibatches.
    eager : bool, optional
        Train with the scalar engine instead of the compiled program.

    Returns
    -------
    int
        Exit status: 0, or 130 if Ctrl-C has ended the training early.

    Raises
    ------
    ImportError
        If an extra is missing.
    OSError
        If the directory cannot be written to.
    """
    _require_extras()
    _require_writable(out)
    split_rng, weights_rng, order_rng, check_rng = np.random.default_rng(seed).spawn(4)
    digits = load_digits(split_rng)
    model = nn.MLP(64, [32, 10], activation="tanh", rng=weights_rng)
    n_train, n_test = len(digits.train_y), len(digits.test_y)
    print(f"{n_train + n_test:,} digits of 8x8 pixels: {n_train:,} to train, {n_test} to test")
    print(f"MLP 64-32-10 in scalars: {len(model.parameters()):,} parameters\n")
    first = next(nn.minibatches(n_train, _BATCH_SIZE, rng=copy.deepcopy(order_rng)))
    _check_gradient(model, digits.train_x[first], digits.train_y[first], check_rng)

    gradient = nn.eager_gradient(model, nn.cross_entropy)
    if not eager:
        gradient = _compiled(model, gradient, digits.train_x[first], digits.train_y[first])
    history, interrupted = _train(model, digits, epochs, order_rng, gradient)
    share = nn.accuracy(model, digits.test_x, digits.test_y)
    print(f"test accuracy: {share:.2%} ({round(share * n_test)} of {n_test})")
    _write(out, model, history)
    return 130 if interrupted else 0


def _require_extras() -> None:
    modules = ["sklearn", "tqdm", "matplotlib"]
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if shutil.which("dot") is None and importlib.util.find_spec("pygraphviz") is None:
        missing.append("pygraphviz")
    if missing:
        packages = " ".join(missing).replace("sklearn", "scikit-learn")
        raise ImportError(
            f"the demo needs {', '.join(missing)}; install what is missing with "
            f"pip install {packages}"
        )


def _require_writable(directory: Path) -> None:
    """Fail before the training, not after it."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass


def load_digits(rng: np.random.Generator) -> Digits:
    """Load the digits of scikit-learn (UCI, Alpaydin & Kaynak 1998), split 80/20 at random."""
    from sklearn import datasets

    x, y = datasets.load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    train, test = np.split(order, [len(y) * 4 // 5])
    x = x / 16.0  # pixels are counts from 0 to 16
    return Digits(x[train], y[train], x[test], y[test])


def matrix_gradient(model: nn.MLP, x: Matrix, y: NDArray[np.int64]) -> Matrix:
    """Gradient of the minibatch's mean cross-entropy by backpropagation in matrices.

    For tanh layers and a softmax output, in the order of ``model.parameters()``.  A row of each
    matrix belongs to one example; ``delta`` is the error signal, the derivative of one example's
    loss toward the layer's weighted inputs.
    """
    weights, biases = zip(*map(_layer_matrices, model.layers), strict=True)
    activations = [x]
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        activations.append(np.tanh(activations[-1] @ w.T + b))
    logits = activations[-1] @ weights[-1].T + biases[-1]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax = exponentials / exponentials.sum(axis=1, keepdims=True)

    delta = softmax - np.eye(len(biases[-1]))[y]  # BP1a
    gradients: list[Matrix] = []
    for layer in reversed(range(len(weights))):
        db = delta.mean(axis=0)  # BP3
        dw = delta.T @ activations[layer] / len(x)  # BP4
        gradients.insert(0, np.column_stack([dw, db]).ravel())
        if layer > 0:
            delta = (delta @ weights[layer]) * (1.0 - activations[layer] ** 2)  # BP2a
    return np.concatenate(gradients)


def _layer_matrices(layer: nn.Layer) -> tuple[Matrix, Matrix]:
    weights = [[weight.data for weight in neuron.weights] for neuron in layer.neurons]
    return np.array(weights), np.array([neuron.bias.data for neuron in layer.neurons])


def _check_gradient(
    model: nn.MLP, x: Matrix, y: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """Compare the first minibatch's gradient with two others, and print the largest differences."""
    parameters = model.parameters()
    model.zero_grad()
    nn.eager_gradient(model, nn.cross_entropy)(x, y)
    gradient = np.array([parameter.grad for parameter in parameters])
    model.zero_grad()

    matrix_difference = np.abs(gradient - matrix_gradient(model, x, y)).max()
    chosen = rng.choice(len(parameters), size=_N_CHECKED, replace=False)
    quotients = [_two_sided_difference(model, parameters[i], x, y) for i in chosen]
    quotient_difference = np.abs(gradient[chosen] - quotients).max()
    print(
        f"gradient of the first minibatch, {len(parameters):,} entries up to "
        f"{np.abs(gradient).max():.2g}; backpropagation differs at most by\n"
        f"  {matrix_difference:.1e} from NumPy matrix backpropagation\n"
        f"  {quotient_difference:.1e} from two-sided differences, on {_N_CHECKED} random weights\n"
    )


def _two_sided_difference(
    model: nn.MLP, parameter: Value, x: Matrix, y: NDArray[np.int64]
) -> float:
    before, losses = parameter.data, []
    for moved in (before - _STEP, before + _STEP):
        parameter.data = moved
        losses.append(nn.evaluate(model, x, y, loss=nn.cross_entropy)[0])
    parameter.data = before
    return (losses[1] - losses[0]) / (2 * _STEP)


def _compiled(model: nn.MLP, eager: Gradient, x: Matrix, y: NDArray[np.int64]) -> Gradient:
    """Compile the loss, print what became of the scalar graph, and how much faster it is."""
    parameters = model.parameters()
    program = compile(lambda pixels, digit: nn.cross_entropy(model(pixels), digit), parameters)
    theta = nn.parameters_to_vector(model)
    program.value_and_grad(theta, x, y)
    stats = program.stats
    print(
        f"compiled: {stats.nodes:,} scalar nodes became {stats.matrix_products} matrix products "
        f"and {stats.elementwise_steps} elementwise steps,\n"
        f"  traced and lifted in {stats.trace_seconds + stats.lift_seconds:.2f} s"
    )
    slow = _median_seconds(lambda: eager(x, y), 3)
    fast = _median_seconds(lambda: program.value_and_grad(theta, x, y), 50)
    model.zero_grad()
    print(
        f"  a minibatch's gradient takes {slow * 1e3:.1f} ms with the scalar engine, "
        f"{fast * 1e3:.3f} ms compiled: {slow / fast:,.0f} times as fast\n"
    )
    return nn.compiled_gradient(model, nn.cross_entropy)


def _median_seconds(function: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _train(
    model: nn.MLP,
    digits: Digits,
    epochs: int,
    rng: np.random.Generator,
    gradient: Gradient,
) -> tuple[nn.History, bool]:
    """Train by minibatch SGD; also say whether Ctrl-C has ended it, after a whole step."""
    history, interrupted = nn.History(), False
    start = time.perf_counter()
    try:
        nn.fit(
            model,
            digits.train_x,
            digits.train_y,
            loss=nn.cross_entropy,
            optimizer=nn.SGD(model.parameters(), learning_rate=_LEARNING_RATE),
            epochs=epochs,
            batch_size=_BATCH_SIZE,
            rng=rng,
            progress=True,
            gradient=gradient,
            history=history,
        )
    except KeyboardInterrupt:
        interrupted = True
        print("stopped: the weights are those of the last whole step")
    seconds = time.perf_counter() - start
    print(f"whole epochs trained: {len(history.loss)}, in {seconds:.1f} s")
    return history, interrupted


def _write(out: Path, model: nn.MLP, history: nn.History) -> None:
    written = [_draw_neuron(out / "neuron.svg")]
    if history.loss:
        written.append(plot_history(history, out / "history.svg"))
    written.append(_save_weights(out / "weights.npz", model))
    print(f"written: {', '.join(map(str, written))}")


def _draw_neuron(path: Path) -> Path:
    """Draw the graph of a neuron of two inputs, with every gradient on it."""
    neuron = nn.Neuron.from_weights([0.5, -0.25], bias=0.1, activation="tanh")
    output = neuron([Value(2.0, "x1"), Value(3.0, "x2")])
    output.label = "output"
    output.backward()
    return render(draw_graph(output), path)


def _save_weights(path: Path, model: nn.MLP) -> Path:
    """Save a matrix of weights and a vector of biases for each layer; whole or not at all."""
    arrays: dict[str, Matrix] = {}
    for index, layer in enumerate(model.layers):
        weights, biases = _layer_matrices(layer)
        arrays |= {f"layers.{index}.weights": weights, f"layers.{index}.biases": biases}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())
    return path
