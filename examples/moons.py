"""Two moons told apart by a support vector machine's loss: micrograd's demo, trained by ``fit``.

The points lie on two half circles that reach into one another, so that no straight line separates
them.  A network 2-16-16-1 with ReLU returns one score for each point, and its sign is the class.
The hinge loss, max(0, 1 - target * score) with targets -1 and 1, asks for more than the right sign:
for a margin of 1.  Points beyond their margin cost nothing and have no gradient; those within it,
the support vectors, are all that still moves the boundary.  An L2 penalty keeps the weights small.

What to see: the boundary, solid, bends between the moons until it has all points on the right
side; the dashed lines are the margins, where the score is -1 and 1.  ReLU makes them of straight
pieces.  The rings mark the points at their margin or within it.  The right panel has the loss and
the share of wrong points, epoch by epoch: each epoch is one step, since the minibatch is the whole
training set.  The table has the accuracy on points that were not trained on, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import make_moons

import nn
from autograd_mini import Value
from examples import _common
from viz import plot_decision_boundary

Array = NDArray[np.float64]
NAMES = ("upper moon, target -1", "lower moon, target 1")


def moons(count: int, noise: float, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """Points, and their targets -1 and 1."""
    X, y = make_moons(count, noise=noise, random_state=int(rng.integers(2**31)))
    return X, 2 * y - 1


def train(
    X: Array, y: NDArray[np.int64], epochs: int, penalty: float, rng: np.random.Generator
) -> tuple[nn.MLP, nn.History]:
    """The network after training by Adam, with a learning rate that falls in equal steps."""
    model = nn.MLP(2, [16, 16, 1], activation="relu", rng=rng)

    def loss(scores: list[Value], target: float) -> Value:
        return nn.hinge(scores, target) + nn.l2_penalty(model, penalty)

    falling = nn.LinearSchedule(0.05, length=epochs, end=0.005)
    history = nn.fit(
        model,
        X,
        y,
        loss=loss,
        optimizer=nn.Adam(model.parameters(), learning_rate=0.05),
        epochs=epochs,
        batch_size=len(X),
        callbacks=[nn.LearningRateSchedule(falling)],
        rng=rng,
    )
    return model, history


def draw(model: nn.MLP, X: Array, y: NDArray[np.int64], history: nn.History) -> Figure:
    """The boundary, the margins and the support vectors; loss and wrong points over the epochs."""
    figure, (plane, curves) = _common.new_figure(1, 2, (10.0, 4.2))
    plot_decision_boundary(model, X, y, ax=plane, labels=NAMES, margin=1.0)
    held = X[y * model.predict(X)[:, 0] < 1.05]
    _common.ring(plane, held, "support vector")
    _common.legend_below(plane)
    _common.describe(plane, "Decision boundary and margins", "x1", "x2")
    _common.plot_epochs(curves, history.loss, color=_common.COLOURS[0], label="loss")
    wrong = [1.0 - accuracy for accuracy in history.accuracy]
    style = {"color": _common.COLOURS[1], "linestyle": "--", "label": "share of wrong points"}
    _common.plot_epochs(curves, wrong, **style)
    curves.set_ylim(bottom=-0.02)
    curves.legend(frameon=False, fontsize=9)
    _common.describe(curves, "Training", "epoch", "hinge loss and penalty; share")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, count what is right, and draw the boundary."""
    parser = _common.options("moons", __doc__)
    parser.add_argument("--epochs", type=_common.positive, default=200, help="default: %(default)s")
    parser.add_argument("--points", type=_common.positive, default=100, help="default: %(default)s")
    parser.add_argument("--noise", type=_common.length, default=0.1, help="default: %(default)s")
    parser.add_argument("--penalty", type=_common.length, default=1e-3, help="default: %(default)s")
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    X, y = moons(options.points, options.noise, rng)
    unseen = moons(1000, options.noise, rng)
    model, history = train(X, y, options.epochs, options.penalty, rng)
    print(f"{len(model.parameters())} parameters, {history}\n")
    rows = []
    for what, inputs, targets in (("training", X, y), ("not trained on", *unseen)):
        right = nn.accuracy(model.predict_classes(inputs), targets > 0)
        within = np.mean(targets * model.predict(inputs)[:, 0] < 1.0)
        rows.append((what, str(len(targets)), f"{right:.1%}", f"{within:.1%}"))
    _common.print_table(("", "points", "accuracy", "within the margin"), rows)
    _common.save(draw(model, X, y, history), options.out, "moons")


if __name__ == "__main__":
    main()
