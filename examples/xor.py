"""Exclusive or: what one neuron cannot learn, and how many hidden neurons are enough.

The output shall be 1 where just one of the two inputs is 1.  A single neuron draws one straight
line through the plane of its inputs and says 1 on one side of it; but no line has (0, 1) and (1, 0)
on one side and (0, 0) and (1, 1) on the other.  At best it gets three of the four right.

A hidden layer draws one line for each of its neurons, and the output neuron combines them.  Two are
enough on paper: "at least one of them" and "both of them".  Whether gradient descent finds such
weights depends on those it starts from, though: with two hidden neurons it often ends on a plateau
where the loss hardly falls any more; with four or more, hardly ever.

The table has the truth table that was learned, and then, for each number of hidden neurons, how
many of the starts ended with all four right.  The picture shows what the first start learned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

import nn
from examples import _common
from viz import plot_decision_boundary

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([0, 1, 1, 0])
HIDDEN = (0, 1, 2, 4, 8)


def train(hidden: int, epochs: int, rng: np.random.Generator) -> tuple[nn.MLP, nn.History]:
    """A network 2-hidden-1, or a single neuron, after gradient descent on all four examples."""
    model = nn.MLP(2, [hidden, 1] if hidden else [1], activation="tanh", rng=rng)
    history = nn.fit(
        model,
        X,
        y,
        loss=nn.binary_cross_entropy_with_logits,
        optimizer=nn.SGD(model.parameters(), learning_rate=1.0),
        epochs=epochs,
        batch_size=len(X),
        rng=rng,
    )
    return model, history


def accuracy(model: nn.MLP) -> float:
    """The share of the four that is right."""
    return nn.accuracy(model.predict_classes(X), y)


def draw(shown: dict[int, tuple[nn.MLP, nn.History]]) -> Figure:
    """What each network says of every point of the plane, and how its loss fell."""
    figure, panels = _common.new_figure(2, 2, (7.0, 6.6))
    *planes, curves = panels
    for axes, (hidden, (model, _)) in zip(planes, shown.items(), strict=True):
        plot_decision_boundary(model, X, y, ax=axes)
        _common.legend_below(axes)
        _common.describe(axes, f"{name(hidden)}: {accuracy(model):.0%}", "x1", "x2")
        axes.set(aspect="equal", xticks=(0, 1), yticks=(0, 1))
    for (hidden, (_, history)), colour in zip(shown.items(), _common.COLOURS, strict=False):
        _common.plot_epochs(curves, history.loss, color=colour, label=name(hidden))
    _common.log_axis(curves)
    curves.legend(frameon=False, fontsize=9)
    _common.describe(curves, "Loss", "epoch", "mean cross-entropy")
    return figure


def name(hidden: int) -> str:
    """The network in words."""
    return f"{hidden} hidden neuron{'s' if hidden > 1 else ''}" if hidden else "One neuron alone"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train networks of all sizes from several starts each."""
    parser = _common.options("xor", __doc__)
    parser.add_argument("--epochs", type=_common.positive, default=500, help="default: %(default)s")
    parser.add_argument(
        "--starts", type=_common.positive, default=10, help="of each size (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    runs = {}
    for hidden in HIDDEN:
        rngs = np.random.default_rng(options.seed).spawn(options.starts)
        runs[hidden] = [train(hidden, options.epochs, rng) for rng in rngs]

    largest = runs[HIDDEN[-1]][0][0]
    probabilities = largest.predict_proba(X)[:, 0]
    _common.print_table(
        ("x1  x2", "target", f"P(1) of 2-{HIDDEN[-1]}-1"),
        [
            (f"{a:.0f}   {b:.0f}", str(target), f"{p:.4f}")
            for (a, b), target, p in zip(X, y, probabilities, strict=True)
        ],
    )
    print(f"\n{options.starts} starts for each size, {options.epochs} epochs")
    rows = []
    for hidden, of_size in runs.items():
        right = [accuracy(model) for model, _ in of_size]
        losses = [history.loss[-1] for _, history in of_size]
        solved = f"{right.count(1.0)} of {len(right)}"
        rows.append((name(hidden), solved, f"{max(right):.0%}", f"{np.median(losses):.4f}"))
    _common.print_table(("", "all four right", "best accuracy", "median loss"), rows)
    shown = {hidden: runs[hidden][0] for hidden in (0, 2, HIDDEN[-1])}
    _common.save(draw(shown), options.out, "xor")


if __name__ == "__main__":
    main()
