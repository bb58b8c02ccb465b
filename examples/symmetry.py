"""Hidden neurons that start equal stay equal: why initial weights are drawn at random.

Two hidden neurons with the same weights have the same activation for every input.  If their
outgoing weights are equal, too, so is the error signal that reaches them, and then so are their
gradients: each step of gradient descent moves both by the same amount.  Nothing in training can
tell them apart, and a layer of any width learns what a single neuron could.

The network here learns exclusive or, from three starts:

    zeros     all weights 0: the hidden activations are 0, no error signal passes the outgoing
              weights, and nothing moves at all;
    constant  all weights 0.5: the hidden neurons move, but all of them alike;
    random    weights by Glorot and Bengio's rule: the neurons part, and the task is solved.

The table has, epoch by epoch, how far the hidden neurons are apart (the largest difference between
two of them in any weight; exactly 0 for equal starts) and the loss.  The picture shows the first
weight of every hidden neuron.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from examples import _common

INPUTS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
TARGETS = [0, 1, 1, 0]
STARTS = {"zeros": nn.zeros, "constant": nn.constant(0.5), "random": nn.glorot_uniform}
Array = NDArray[np.float64]


@dataclass
class Run:
    """What one training run went through: before the first epoch, and after each."""

    losses: Array  # (epochs + 1,)
    neurons: Array  # (epochs + 1, hidden, 4): weights, bias and outgoing weight of each neuron

    @property
    def spread(self) -> Array:
        """The largest difference between two hidden neurons, for each epoch."""
        return np.array(np.ptp(self.neurons, axis=1).max(axis=1))


def hidden_neurons(model: nn.MLP) -> list[list[float]]:
    """A row of numbers for each hidden neuron: weights, bias, outgoing weight."""
    first, last = model.layers
    outgoing = last.neurons[0].weights
    return [
        [weight.data for weight in (*neuron.weights, neuron.bias, out)]
        for neuron, out in zip(first.neurons, outgoing, strict=True)
    ]


def mean_loss(model: nn.MLP) -> Value:
    """Mean cross-entropy of the four examples."""
    losses = [
        nn.binary_cross_entropy_with_logits(model(x), target)
        for x, target in zip(INPUTS, TARGETS, strict=True)
    ]
    mean: Value = ad.mean(losses)
    return mean


def train(model: nn.MLP, epochs: int, learning_rate: float = 0.5) -> Run:
    """Gradient descent on all four examples, in scalars: equal neurons are equal bit by bit.

    A matrix product may sum one row in another order than the next, and so part equal neurons by a
    rounding error.
    """
    optimizer = nn.SGD(model.parameters(), learning_rate=learning_rate)
    losses, neurons = [], []
    for _ in range(epochs + 1):
        loss = mean_loss(model)
        losses.append(loss.data)
        neurons.append(hidden_neurons(model))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Run(np.array(losses), np.array(neurons))


def draw(runs: dict[str, Run]) -> Figure:
    """The first weight of each hidden neuron, and the loss, epoch by epoch."""
    figure, panels = _common.new_figure(2, 2, (8.4, 6.0))
    first_weights = np.concatenate([run.neurons[:, :, 0].ravel() for run in runs.values()])
    for axes, (start, run) in zip(panels, runs.items(), strict=False):
        count, equal = run.neurons.shape[1], run.spread.max() == 0.0
        for i in range(count):  # equal neurons as a rope of all their colours
            style: Any = (6 * i, (6, 6 * (count - 1))) if equal else "-"
            colour = _common.COLOURS[i % len(_common.COLOURS)]
            axes.plot(run.neurons[:, i, 0], color=colour, linestyle=style, linewidth=2.0)
        axes.set_ylim(first_weights.min() - 0.5, first_weights.max() + 0.5)
        title = f"{start}: the neurons {'stay equal' if equal else 'differ'}"
        _common.describe(axes, title, "epoch", "first weight")
    axes = panels[-1]
    for (start, run), style in zip(runs.items(), (":", "--", "-"), strict=True):
        axes.plot(run.losses, color=_common.INK, linestyle=style, linewidth=1.6, label=start)
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False, fontsize=9)
    _common.describe(axes, "Loss", "epoch", "mean cross-entropy")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the three starts, and tell how the hidden neurons part."""
    parser = _common.options("symmetry", __doc__)
    parser.add_argument(
        "--epochs", type=_common.positive, default=1000, help="default: %(default)s"
    )
    parser.add_argument("--hidden", type=_common.positive, default=4, help="default: %(default)s")
    options = parser.parse_args(arguments)
    runs = {
        start: train(nn.MLP(2, [options.hidden, 1], init=init, rng=options.seed), options.epochs)
        for start, init in STARTS.items()
    }
    print(
        f"{options.hidden} hidden neurons learn exclusive or: how far apart they are, and the loss"
    )
    shown = sorted({0, 1, *np.linspace(0, options.epochs, 6).astype(int).tolist()})
    header = ("epoch", *(f"{start} {what}" for start in STARTS for what in ("apart", "loss")))
    rows = [
        (
            str(epoch),
            *(
                f"{numbers[epoch]:.4g}"
                for run in runs.values()
                for numbers in (run.spread, run.losses)
            ),
        )
        for epoch in shown
    ]
    _common.print_table(header, rows)
    _common.save(draw(runs), options.out, "symmetry")


if __name__ == "__main__":
    main()
