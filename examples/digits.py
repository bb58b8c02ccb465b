"""Handwritten digits: a plain network, and the same one with dropout and moved images.

The data are 1,797 images of 8x8 pixels (scikit-learn's, from UCI).  A network 64-128-10 with ReLU
has more weights than it needs, so that after some thousand steps of Adam it knows all training
digits by heart, and is wrong about two in a hundred of the others.  Two things help:

    dropout        in each step 30% of the hidden activations are set to 0, others each time, and
                   the rest enlarged to make up for it: no neuron can rely on another one;
    moved images   each training image four times more, moved by half a pixel up, down, left and
                   right: where a digit sits says nothing of which one it is.

Both networks start from the same weights and make about as many steps, with a learning rate that
falls along a cosine.  Dropout is on while ``fit`` trains, and off for validation and ``predict``.

What to see: the plain network's training loss goes towards 0 while its test loss stays where it was
early on; with dropout and moved images the training loss is the larger one, and the test loss goes
on falling.  The table has one line for each seed, which draws the split, the weights and the order
anew: how many of 360 test digits are misread depends on which ones they are, so that one line alone
says little.  One picture is of misread digits; of some of them people would not be sure either.

The test curve is watched, nothing is chosen by it: training ends after a fixed number of epochs.
Sizes and rates were chosen on other splits of the same images, which flatters all of them a little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import nn
from examples import _common
from viz import plot_confusion, plot_images

BATCH_SIZE, LEARNING_RATE = 32, 0.003
HIDDEN, DROPOUT = 128, 0.3
MOST_SHOWN = 16  # misread digits
Array = NDArray[np.float64]
Classes = NDArray[np.int64]
Digits = tuple[Array, Classes]


@dataclass
class Run:
    """A trained network, and what became of it."""

    model: nn.Sequential
    history: nn.History
    steps: list[int]  # made after each epoch


@dataclass
class Seed:
    """What one seed gave: its test digits, and both networks."""

    test: Digits
    plain: Run
    regularised: Run


def split(rng: np.random.Generator) -> tuple[Digits, Digits]:
    """1,437 digits to train on and 360 to test, pixels from 0 to 1."""
    X, y = load_digits(return_X_y=True)
    training, test = np.split(rng.permutation(len(y)), [1437])
    return (X[training] / 16, y[training]), (X[test] / 16, y[test])


def with_moved(X: Array, y: Classes) -> Digits:
    """The images, and each moved by half a pixel up, down, left and right."""
    images = X.reshape(-1, 8, 8)
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    neighbours = [
        framed[:, :-2, 1:-1],
        framed[:, 2:, 1:-1],
        framed[:, 1:-1, :-2],
        framed[:, 1:-1, 2:],
    ]
    moved = [(images + neighbour) / 2 for neighbour in neighbours]
    return np.concatenate([images, *moved]).reshape(-1, 64), np.tile(y, 5)


def train(digits: Digits, test: Digits, dropout: float, epochs: int, seed: int) -> Run:
    """A network 64-128-10 after so many epochs."""
    weights, order = np.random.default_rng(seed).spawn(2)
    hidden = nn.Layer(64, HIDDEN, activation="relu", init="he_normal", rng=weights)
    output = nn.Layer(HIDDEN, 10, activation="identity", rng=weights)
    model = nn.Sequential(hidden, nn.Dropout(dropout), output)
    X, y = digits
    n_steps = math.ceil(len(y) / BATCH_SIZE)
    falling = nn.CosineSchedule(LEARNING_RATE, length=epochs * n_steps)
    history = nn.fit(
        model,
        X,
        y,
        loss=nn.cross_entropy,
        optimizer=nn.Adam(model.parameters(), learning_rate=LEARNING_RATE),
        epochs=epochs,
        batch_size=BATCH_SIZE,
        validation=test,
        callbacks=[nn.LearningRateSchedule(falling, every="step")],
        rng=order,
    )
    return Run(model, history, [n_steps * epoch for epoch in range(1, epochs + 1)])


def run(seed: int, epochs: int) -> Seed:
    """Both networks, of one split."""
    training, test = split(np.random.default_rng(seed))
    plain = train(training, test, 0.0, 5 * epochs, seed)
    regularised = train(with_moved(*training), test, DROPOUT, epochs, seed)
    return Seed(test, plain, regularised)


def confusion(of: Seed) -> Classes:
    """What the test digits are, and what the better network reads."""
    X, y = of.test
    read = of.regularised.model.predict_classes(X)
    return nn.confusion_matrix(targets=y, predicted=read, n_classes=10)


def print_results(results: dict[int, Seed]) -> None:
    """Test accuracy of both networks, seed by seed."""
    shares = [
        [
            nn.accuracy(one.model.predict(of.test[0]), of.test[1])
            for one in (of.plain, of.regularised)
        ]
        for of in results.values()
    ]
    lines = dict(zip(map(str, results), shares, strict=True))
    lines |= {"mean": np.mean(shares, axis=0).tolist(), "least": np.min(shares, axis=0).tolist()}
    rows = [(name, *(f"{share:.2%}" for share in line)) for name, line in lines.items()]
    _common.print_table(("seed", "plain network", "dropout and moved images"), rows)


def draw(results: dict[int, Seed]) -> Figure:
    """Mean loss curves of all seeds."""
    figure, (curves,) = _common.new_figure(1, 1, (6.4, 4.0))
    for name, runs, colour in (
        ("plain", [of.plain for of in results.values()], _common.COLOURS[1]),
        ("dropout and moved", [of.regularised for of in results.values()], _common.COLOURS[0]),
    ):
        for part, curve, dashes in (("training", "loss", "--"), ("test", "validation_loss", "-")):
            mean = np.mean([one.history[curve] for one in runs], axis=0)
            style: Any = {"color": colour, "linewidth": 1.6, "linestyle": dashes}
            curves.semilogy(runs[0].steps, mean, label=f"{name}, {part}", **style)
    curves.legend(frameon=False, fontsize=9)
    _common.describe(curves, "Loss, mean of all seeds", "step", "mean cross-entropy")
    return figure


def draw_readings(results: dict[int, Seed], folder: Path) -> None:
    """What the better networks take for what, and some misread digits, with how sure they were."""
    total = np.sum([confusion(of) for of in results.values()], axis=0)
    path = folder / "digits_confusion.svg"
    plot_confusion(total, path)
    print(f"\nWhat all of them take for what is in {path}.")
    misread, titles = [], []
    for of in results.values():
        X, y = of.test
        opinions = of.regularised.model.predict_proba(X)
        read = opinions.argmax(axis=1)
        for i in np.flatnonzero(read != y):
            misread.append(X[i].reshape(8, 8))
            titles.append(f"{y[i]} read as {read[i]}\nwith p = {opinions[i].max():.2f}")
    if misread:
        shown, titles = misread[:MOST_SHOWN], titles[:MOST_SHOWN]
        path = folder / "digits_misread.svg"
        plot_images(shown, path, titles=titles, columns=8)
        print(f"Misread digits are in {path}.")


def save_first(results: dict[int, Seed], folder: Path) -> None:
    """Save the network of the first seed, and say how to use it."""
    path = folder / "digits.npz"
    next(iter(results.values())).regularised.model.save(path)
    print("\nThe second network of the first seed reads digits, pixels from 0 to 1, again by")
    print(f"    nn.load({str(path)!r}).predict_classes(X)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train both networks for every seed, and compare them."""
    parser = _common.options("digits", __doc__)
    parser.add_argument("--epochs", type=_common.positive, default=20, help="default: %(default)s")
    parser.add_argument(
        "--seeds",
        type=_common.positive,
        default=5,
        help="how many, from --seed (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    seeds = range(options.seed, options.seed + options.seeds)
    results = {seed: run(seed, options.epochs) for seed in seeds}
    print_results(results)
    save_first(results, options.out)
    draw_readings(results, options.out)
    _common.save(draw(results), options.out, "digits")


if __name__ == "__main__":
    main()
