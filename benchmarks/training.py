"""Training the digits, 64-32-10, batch 32: ``python -m benchmarks.training [SECTION ...]``.

Sections: epoch (an epoch of `nn.fit` against the same loop in NumPy by hand, and in PyTorch where
it is installed), accuracy (test accuracy and time per epoch beside scikit-learn's MLPClassifier of
the same size).  An epoch of `fit` records loss and accuracy and draws the progress bar, into a
buffer.  Two contestants take turns, epoch by epoch; a ratio is the median of the ratios of
neighbouring epochs, so that x2.0 means twice the time of the loop by hand.
"""

from __future__ import annotations

import argparse
import io
import math
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from autograd_mini.command.digits import Digits, load_digits
from benchmarks import by_hand
from benchmarks.timing import collector, peer

Array = NDArray[Any]
Pairs = list[tuple[float, float]]
"""Seconds of an epoch, and of one of the loop by hand."""
SIZES = [64, 32, 10]
BATCH_SIZE = 32
LEARNING_RATE = 0.5
HAND = "NumPy by hand"
OURS = "autograd-mini, nn.fit"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--epochs", type=int, default=20, help="measured (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="averaged over (default: %(default)s)")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown or min(arguments.epochs, arguments.seeds) < 1:
        parser.error(f"unknown section {unknown}" if unknown else "numbers must be at least 1")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    for name in arguments.sections or SECTIONS:
        SECTIONS[name](arguments.epochs, arguments.seeds)


# --- an epoch -----------------------------------------------------------------------------------


def by_hand_epochs(data: Digits, theta: Array, seed: int) -> Iterator[Array]:
    """Train by a loop in NumPy; yield the parameters after each epoch."""
    value_and_grad = by_hand.mlp(SIZES, "tanh", by_hand.softmax_cross_entropy)
    generator, n = np.random.default_rng(seed), len(data.train_y)
    theta = theta.copy()
    while True:
        total, order = 0.0, generator.permutation(n)
        for start in range(0, n, BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            loss, gradient = value_and_grad(theta, data.train_x[batch], data.train_y[batch])
            gradient *= LEARNING_RATE
            theta -= gradient
            total += loss * len(batch)
        yield theta


def torch_epochs(torch: Any, data: Digits, seed: int) -> Iterator[None]:
    """Train by a loop in PyTorch, in double precision and one thread, with its fused optimizer."""
    torch.set_num_threads(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10)
    ).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    x, y = torch.tensor(data.train_x), torch.tensor(data.train_y)
    generator = torch.Generator().manual_seed(seed)
    while True:
        for batch in torch.randperm(len(y), generator=generator).split(BATCH_SIZE):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
        yield None


def measure_epoch(epochs: int, seeds: int) -> None:
    """Time epochs of `fit` and of PyTorch, each in turns with the loop by hand.

    In pairs, and not all in one round: who comes after a third finds the caches full of its things.
    """
    print(f"\nan epoch of {'-'.join(map(str, SIZES))} on 1,437 digits, batch {BATCH_SIZE}, SGD")
    data, torch = load_digits(np.random.default_rng(0)), peer("torch")
    ours: Pairs = []
    peers: Pairs = []
    for seed in range(seeds):
        model = nn.MLP(64, [32, 10], activation="tanh", rng=seed)
        hand = by_hand_epochs(data, nn.parameters_to_vector(model), seed)
        theta = take_turns(data, model, hand, ours, epochs, seed)
        error = np.abs(nn.parameters_to_vector(model) - theta).max()
        if not error < 1e-12:
            raise RuntimeError(f"fit and the loop by hand are off by {error:.1e}")
        if torch is not None:
            other = torch_epochs(torch, data, seed)
            timed(other)
            peers += [(timed(other)[0], timed(hand)[0]) for _ in range(epochs)]
    print(f"    {HAND:34}{1e3 * median(by_hand for _, by_hand in ours):9.2f} ms   x1")
    for name, pairs in {OURS: ours, "PyTorch, eager": peers}.items():
        if pairs:
            times = median(other / by_hand for other, by_hand in pairs)
            print(
                f"    {name:34}{1e3 * median(other for other, _ in pairs):9.2f} ms   x{times:.3g}"
            )


def timed(epochs: Iterator[Any]) -> tuple[float, Any]:
    """Seconds and result of one epoch more."""
    start = time.perf_counter()
    result = next(epochs)
    return time.perf_counter() - start, result


def take_turns(
    data: Digits, model: nn.MLP, hand: Iterator[Array], pairs: Pairs, epochs: int, seed: int
) -> Array:
    """Train the model, with an epoch of the loop by hand after each of its epochs.

    A metric runs that, once it has done its work. The first epoch, which compiles, does not count.
    """
    theta: Any = None
    before = math.nan

    def accuracy(outputs: Array, targets: Array) -> float:
        nonlocal before, theta
        share = nn.accuracy(outputs, targets)
        seconds = time.perf_counter() - before
        seconds_by_hand, theta = timed(hand)
        if not math.isnan(seconds):
            pairs.append((seconds, seconds_by_hand))
        before = time.perf_counter()
        return share

    with collector(running=False), redirect_stderr(io.StringIO()):
        nn.fit(
            model,
            data.train_x,
            data.train_y,
            loss=nn.cross_entropy,
            optimizer=nn.SGD(model.parameters(), learning_rate=LEARNING_RATE),
            epochs=epochs + 1,
            batch_size=BATCH_SIZE,
            metrics=[accuracy],
            rng=seed,
            progress=True,
        )
    return np.asarray(theta)


# --- accuracy -----------------------------------------------------------------------------------


def measure_accuracy(epochs: int, seeds: int) -> None:
    """Test accuracy after so many epochs of Adam, and how long one takes, averaged over seeds."""
    print(f"\ntest accuracy after {epochs} epochs of Adam, mean of {seeds} splits")
    for name, train in {OURS: train_ours, "scikit-learn, MLPClassifier": train_sklearn}.items():
        splits = [load_digits(np.random.default_rng(seed)) for seed in range(seeds)]
        found = [train(digits, epochs, seed) for seed, digits in enumerate(splits)]
        share, seconds = (mean(column) for column in zip(*found, strict=True))
        print(f"    {name:34}{share:9.2%}   {1e3 * seconds / epochs:8.2f} ms an epoch")


def train_ours(data: Digits, epochs: int, seed: int) -> tuple[float, float]:
    """Test accuracy and seconds, compiling included."""
    model = nn.MLP(64, [32, 10], activation="relu", rng=seed)
    start = time.perf_counter()
    nn.fit(
        model,
        data.train_x,
        data.train_y,
        loss=nn.cross_entropy,
        optimizer=nn.Adam(model.parameters(), learning_rate=0.001),
        epochs=epochs,
        batch_size=BATCH_SIZE,
        rng=seed,
        progress=False,
    )
    seconds = time.perf_counter() - start
    found = nn.evaluate(model, data.test_x, data.test_y, loss=nn.cross_entropy)
    return found["accuracy"], seconds


def train_sklearn(data: Digits, epochs: int, seed: int) -> tuple[float, float]:
    """Test accuracy and seconds of the classifier with the same layers, minibatches and rate."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        (32,),
        activation="relu",
        alpha=0.0,
        batch_size=BATCH_SIZE,
        learning_rate_init=0.001,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=seed,
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data.train_x, data.train_y)
    seconds = time.perf_counter() - start
    return float(model.score(data.test_x, data.test_y)), seconds


SECTIONS: dict[str, Callable[[int, int], None]] = {
    "epoch": measure_epoch,
    "accuracy": measure_accuracy,
}

if __name__ == "__main__":
    main()
