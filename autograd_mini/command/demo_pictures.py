"""The pictures of the demonstration, each with what there is to see in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nn
from viz import (
    draw_graph,
    draw_network,
    plot_confusion,
    plot_gradient_check,
    plot_history,
    plot_images,
    plot_weights,
    render,
)

from ..core.value import Value
from .gallery import Exhibit
from .opinions import Opinions

SIDE = 8  # pixels of a digit's height and width
_MOST_SHOWN = 24  # misread digits in the picture

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class GradientCheck:
    """Some derivatives of the first minibatch's loss, and the same by two-sided differences."""

    names: list[str]
    gradient: Vector
    differences: Vector


def draw_all(
    out: Path,
    model: nn.MLP,
    history: nn.History,
    opinions: Opinions,
    check: GradientCheck | None,
) -> Iterator[Exhibit]:
    """Draw what there is to draw, picture by picture."""
    yield _neuron(out / "neuron.svg")
    if check is not None:
        yield _check(check, out / "gradient_check.svg")
    if history.epochs:
        yield _history(history, out / "history.svg")
    yield _confusion(opinions, out / "confusion.svg")
    if len(opinions.misread):
        yield _misread(opinions, out / "misread.svg")
    yield _first_layer(model, out / "first_layer.svg")
    yield _network(model, opinions, out / "network.svg")


def _neuron(path: Path) -> Exhibit:
    """The graph of a neuron of two inputs."""
    neuron = nn.Neuron.from_weights([0.5, -0.25], bias=0.1, activation="tanh")
    output = neuron([Value(2.0, "x1"), Value(3.0, "x2")])
    output.label = "output"
    output.backward()
    what = "the graph of a neuron, with every gradient on it"
    alt = (
        "Graph of tanh(w1 x1 + w2 x2 + b): each value with its data and gradient, each edge with "
        f"its local derivative; the output is {output.data:.3g}"
    )
    return Exhibit(render(draw_graph(output), path), "A neuron", what, alt)


def _check(check: GradientCheck, path: Path) -> Exhibit:
    plot_gradient_check(check.gradient, check.differences, path, names=check.names)
    n = len(check.names)
    what = "backpropagation against two-sided differences, before training"
    alt = f"Relative errors of {n} derivatives over their sizes, and the tolerance"
    return Exhibit(path, "Is the gradient right?", what, alt)


def _history(history: nn.History, path: Path) -> Exhibit:
    plot_history(history, path, labels=("training", "test"))
    what = "training and test, epoch by epoch"
    curves = [f"{name.replace('_', ' ')} {x[0]:.3g} to {x[-1]:.3g}" for name, x in history.items()]
    alt = f"Curves over {history.epochs} epochs: {', '.join(curves)}"
    return Exhibit(path, "Training", what, alt.replace("validation", "test"))


def _confusion(opinions: Opinions, path: Path) -> Exhibit:
    plot_confusion(opinions.confusion, path)
    what = "how often each digit was read as each"
    wrong = len(opinions.misread)
    alt = (
        f"Confusion matrix: {len(opinions.digits) - wrong} digits on the diagonal, read correctly, "
        f"and {wrong} beside it"
    )
    return Exhibit(path, "What is taken for what", what, alt)


def _misread(opinions: Opinions, path: Path) -> Exhibit:
    """The digits that are read wrongly, each with what the network thinks it is."""
    shown = opinions.misread[:_MOST_SHOWN]
    pairs = [f"{opinions.digits[i]} read as {opinions.predicted[i]}" for i in shown]
    titles = [
        f"{pair}\n{opinions.probabilities[i].max():.0%}"
        for pair, i in zip(pairs, shown, strict=True)
    ]
    plot_images(opinions.pixels[shown].reshape(-1, SIDE, SIDE), path, titles=titles)
    what = "misread digits, and how sure the network is of them"
    return Exhibit(path, "Misread digits", what, f"Images of digits: {', '.join(pairs)}")


def _first_layer(model: nn.MLP, path: Path) -> Exhibit:
    plot_weights(model.layers[0], path, shape=(SIDE, SIDE), columns=8)
    what = "the weights of each neuron of the first layer"
    n = model.layers[0].n_outputs
    alt = f"{n} images of {SIDE} by {SIDE} weights, blue where positive, orange where negative"
    return Exhibit(path, "What the neurons look at", what, alt)


def _network(model: nn.MLP, opinions: Opinions, path: Path) -> Exhibit:
    """The trained network, and how wrong it is about the first of the digits it misreads."""
    i = int([*opinions.misread, 0][0])
    digit = int(opinions.digits[i])
    trace = nn.trace_backprop(model, opinions.pixels[i], digit, nn.cross_entropy)
    render(draw_network(model, trace=trace), path)
    read = int(opinions.predicted[i])
    sizes = "-".join(map(str, [model.n_inputs, *model.sizes]))
    what = f"the network, and its error signals for a test digit: {digit}, read as {read}"
    alt = (
        f"Network {sizes}: lines between the units are weights, thick where they are large, blue "
        "where positive and orange where negative; the colour of a neuron is its error signal"
    )
    return Exhibit(path, "The trained network", what, alt)
