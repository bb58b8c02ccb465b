"""What the demonstration shows when the network has learned: words, pictures, and the model."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nn
from viz import draw_graph, plot_confusion, plot_history, plot_images, plot_weights, render

from ..core.value import Value
from ..whole_files import write_whole
from .tables import table

_SIDE = 8  # pixels of a digit's height and width
_MOST_SHOWN = 24  # misread digits in the picture
_N_ROWS = 10  # test digits written as text

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Opinions:
    """Test digits (N, 64), what they are (N,), and the network's probabilities (N, 10)."""

    pixels: Matrix
    digits: NDArray[np.int64]
    probabilities: Matrix

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """What each digit is read as."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def misread(self) -> NDArray[np.int64]:
        """Which digits are read wrongly, those first of which the network is surest."""
        [wrong] = np.nonzero(self.predicted != self.digits)
        return wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")]

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How often each digit was read as each."""
        return nn.confusion_matrix(
            targets=self.digits, predicted=self.predicted, n_classes=self.probabilities.shape[1]
        )


def tell(opinions: Opinions) -> None:
    """Print how many of the test digits are read correctly, and what is taken for what."""
    n = len(opinions.digits)
    share = nn.accuracy(opinions.predicted, opinions.digits)
    print(f"test accuracy: {share:.2%} ({n - len(opinions.misread)} of {n})\n")
    print("the digit, and what it was read as:")
    print(confusion_table(opinions.confusion))


def confusion_table(confusion: NDArray[np.int64]) -> str:
    """A confusion matrix as text, with a dot for 0.

    Examples
    --------
    >>> print(confusion_table(np.array([[12, 1], [0, 9]])))
          0  1
      0  12  1
      1   .  9
    """
    classes = [*map(str, range(len(confusion)))]
    cells = [[str(count or ".") for count in row] for row in confusion]
    rows = [["", *classes], *([name, *row] for name, row in zip(classes, cells, strict=True))]
    return "\n".join(f"  {line}" for line in table(rows))


def write(out: Path, model: nn.MLP, history: nn.History, opinions: Opinions) -> None:
    """Write the pictures, the model and some test digits; say what to do with them."""
    written = {_draw_neuron(out / "neuron.svg"): "the graph of a neuron, with every gradient on it"}
    if history.epochs:
        path = plot_history(history, out / "history.svg", labels=("training", "test"))
        written[path] = "training and test, epoch by epoch"
    path = plot_confusion(opinions.confusion, out / "confusion.svg")
    written[path] = "the table above"
    if len(opinions.misread):
        path = _draw_misread(opinions, out / "misread.svg")
        written[path] = "misread digits, and how sure the network is of them"
    weights, _ = model.layers[0].as_arrays()
    path = plot_weights(weights, out / "first_layer.svg", shape=(_SIDE, _SIDE), columns=8)
    written[path] = "the weights of each neuron of the first layer"
    rows, saved = out / "digits.csv", out / "model.npz"
    write_whole(rows, _as_text(opinions).encode())
    model.save(saved)
    written |= {rows: "some test digits", saved: "the model"}
    print(f"\nwritten in {out}:")
    for path, what in written.items():
        print(f"  {path.name:15}  {what}")
    _say_what_to_try(opinions, saved, rows)


def _say_what_to_try(opinions: Opinions, saved: Path, rows: Path) -> None:
    print(
        f"\nAsk the saved model what it reads in some test digits, which are {_first(opinions)}:\n"
        f"  autograd-mini predict {shlex.quote(str(saved))} {shlex.quote(str(rows))} --classes\n"
        "or in Python:\n"
        "  import nn, numpy\n"
        f"  print(nn.load({str(saved)!r})"
        f".predict_classes(numpy.loadtxt({str(rows)!r}, delimiter=',')))"
    )


def _draw_neuron(path: Path) -> Path:
    """Draw the graph of a neuron of two inputs, with every gradient on it."""
    neuron = nn.Neuron.from_weights([0.5, -0.25], bias=0.1, activation="tanh")
    output = neuron([Value(2.0, "x1"), Value(3.0, "x2")])
    output.label = "output"
    output.backward()
    return render(draw_graph(output), path)


def _draw_misread(opinions: Opinions, path: Path) -> Path:
    """Draw the digits that are read wrongly, each with what the network thinks it is."""
    shown = opinions.misread[:_MOST_SHOWN]
    titles = [
        f"{opinions.digits[i]} read as {opinions.predicted[i]}\n"
        f"{opinions.probabilities[i].max():.0%}"
        for i in shown
    ]
    return plot_images(opinions.pixels[shown].reshape(-1, _SIDE, _SIDE), path, titles=titles)


def _first(opinions: Opinions) -> str:
    """What the first test digits are."""
    return " ".join(map(str, opinions.digits[:_N_ROWS]))


def _as_text(opinions: Opinions) -> str:
    """The first test digits, one per line, below what they are."""
    lines = [",".join(f"{pixel:g}" for pixel in row) for row in opinions.pixels[:_N_ROWS]]
    head = (
        f"# {len(lines)} test digits, one per line: 64 pixels, 0 is white, 1 black. "
        f"They are {_first(opinions)}"
    )
    return "\n".join([head, *lines, ""])
