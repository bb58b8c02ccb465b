"""The demonstration: a network written in scalars learns to read handwritten digits."""

from __future__ import annotations

import copy
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nn

from ..compiler import compile
from ..core.collector import paused_collector
from ..core.value import Value
from . import demo_report, interrupts
from .demo_pictures import GradientCheck
from .digits import Digits, load_digits
from .opinions import Opinions

EPOCHS = 15
_BATCH_SIZE = 32
_LEARNING_RATE, _MOMENTUM = 0.1, 0.9
_N_CHECKED = 50  # weights whose gradient is compared with a two-sided difference
_STEP = 1e-5  # of that difference: near the cube root of the rounding error

Matrix = NDArray[np.float64]


def run(out: Path, epochs: int, seed: int, *, eager: bool = False) -> int:
    """Check the gradient, train, test, and write the pictures and the model.

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
    check, numbers = _check_gradient(model, digits.train_x[first], digits.train_y[first], check_rng)

    if not eager:
        numbers |= _compile(model, digits.train_x[first], digits.train_y[first])
    history = _train(model, digits, epochs, order_rng, eager)
    opinions = Opinions(digits.test_x, digits.test_y, model.predict_proba(digits.test_x))
    demo_report.tell(opinions)
    numbers = {"Test accuracy": opinions.accuracy} | _losses(history) | numbers
    demo_report.write(out, model, history, opinions, check, numbers)
    return interrupts.STATUS if history.stopped else 0


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


def matrix_gradient(model: nn.MLP, x: Matrix, y: NDArray[np.int64]) -> Matrix:
    """Gradient of the minibatch's mean cross-entropy by backpropagation in matrices.

    For tanh layers and a softmax output, in the order of ``model.parameters()``.  A row of each
    matrix belongs to one example; ``delta`` is the error signal, the derivative of one example's
    loss toward the layer's weighted inputs.
    """
    weights, biases = zip(*(layer.as_arrays() for layer in model.layers), strict=True)
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


def _check_gradient(
    model: nn.MLP, x: Matrix, y: NDArray[np.int64], rng: np.random.Generator
) -> tuple[GradientCheck, dict[str, str]]:
    """Compare the first minibatch's gradient with two others, and print the largest differences."""
    parameters = model.parameters()
    model.zero_grad()
    _eager_gradient(model, x, y)
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
    names = [name for name, _ in model.named_parameters()]
    check = GradientCheck([names[i] for i in chosen], gradient[chosen], np.array(quotients))
    return check, {
        "Gradient, largest difference from matrix backpropagation": f"{matrix_difference:.1e}",
        "Gradient, largest difference from two-sided differences": f"{quotient_difference:.1e}",
    }


def _eager_gradient(model: nn.MLP, x: Matrix, y: NDArray[np.int64]) -> None:
    """Add the gradient of the mean loss to the parameters' ``grad``, with the scalar engine."""
    with paused_collector():
        for pixels, digit in zip(x.tolist(), y.tolist(), strict=True):
            nn.cross_entropy(model(pixels), digit).backward(1.0 / len(x))


def _two_sided_difference(
    model: nn.MLP, parameter: Value, x: Matrix, y: NDArray[np.int64]
) -> float:
    before, losses = parameter.data, []
    for moved in (before - _STEP, before + _STEP):
        parameter.data = moved
        losses.append(nn.evaluate(model, x, y, loss=nn.cross_entropy, compiled=False)["loss"])
    parameter.data = before
    return (losses[1] - losses[0]) / (2 * _STEP)


def _compile(model: nn.MLP, x: Matrix, y: NDArray[np.int64]) -> dict[str, str]:
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
    slow = _median_seconds(lambda: _eager_gradient(model, x, y), 3)
    fast = _median_seconds(lambda: program.value_and_grad(theta, x, y), 50)
    model.zero_grad()
    print(
        f"  a minibatch's gradient takes {slow * 1e3:.1f} ms with the scalar engine, "
        f"{fast * 1e3:.3f} ms compiled: {slow / fast:,.0f} times as fast\n"
    )
    became = f"{stats.matrix_products} matrix products, {stats.elementwise_steps} elementwise steps"
    return {f"{stats.nodes:,} scalar nodes of the loss, compiled": became}


def _losses(history: nn.History) -> dict[str, str]:
    """The mean loss before and after training, for the gallery."""
    told = {"Training loss": "loss", "Test loss": "validation_loss"}
    return {
        f"{name}, first and last of {history.epochs} epochs": f"{x[0]:.3f} and {x[-1]:.3f}"
        for name, x in ((name, history[curve]) for name, curve in told.items())
        if x
    }


def _median_seconds(function: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _train(
    model: nn.MLP, digits: Digits, epochs: int, rng: np.random.Generator, eager: bool
) -> nn.History:
    """Train by minibatch SGD with momentum; Ctrl-C ends it after a whole step."""
    start = time.perf_counter()
    history = nn.fit(
        model,
        digits.train_x,
        digits.train_y,
        loss=nn.cross_entropy,
        optimizer=nn.SGD(model.parameters(), _LEARNING_RATE, momentum=_MOMENTUM),
        epochs=epochs,
        batch_size=_BATCH_SIZE,
        validation=(digits.test_x, digits.test_y),  # to look at: nothing is decided by them
        rng=rng,
        compiled=not eager,
    )
    if history.stopped:
        print("stopped: the weights are those of the last whole step")
    seconds = time.perf_counter() - start
    print(f"whole epochs trained: {history.epochs}, in {seconds:.1f} s")
    return history
