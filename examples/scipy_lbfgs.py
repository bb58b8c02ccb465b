"""A network trained by SciPy's L-BFGS: parameters unrolled into one vector.

An optimiser of a library knows nothing of layers.  It wants a function of one vector that returns
the loss and its gradient, and that is what a compiled program is:

    minimize(program.value_and_grad, theta, args=(X, y), jac=True, method="L-BFGS-B")

L-BFGS takes the whole training set for each step, builds a model of the loss's curvature from the
gradients it has seen, and goes as far along its direction as a line search finds useful; there is
no learning rate.  Stochastic gradient descent takes a small step for each minibatch of 32.  To be
fair to both, the picture counts passes through the training set, one for each evaluation of L-BFGS
and one for each epoch of SGD; the table has the seconds as well.

What to see: SGD is far ahead in the first few passes, because it has made 45 steps where L-BFGS has
made one.  L-BFGS overtakes it later, and gets closer to the minimum than SGD will with a fixed
learning rate.  What the test set says is another matter.

The data are 1,797 handwritten digits of 8x8 pixels (scikit-learn's, from UCI); the loss is the mean
cross-entropy and an L2 penalty, without which the smallest loss would be at infinite weights.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import autograd_mini as ad
import nn
from autograd_mini import Value
from examples import _common

BATCH_SIZE = 32
Array = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass
class Run:
    """How one optimiser did: the training loss after each pass, where it ended, and how long."""

    losses: list[float] = field(default_factory=list)
    theta: Array = field(default_factory=lambda: np.zeros(0))
    seconds: float = 0.0


def compiled_loss(model: nn.MLP, penalty: float) -> ad.Program:
    """Mean cross-entropy of a batch, and a penalty on half the squared length of the weights."""
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.weights]

    def loss(pixels: list[Value], digit: Any) -> Value:
        squares: Value = ad.dot(weights, weights)
        return nn.cross_entropy(model(pixels), digit) + 0.5 * penalty * squares

    return ad.compile(loss, model.parameters())


def by_lbfgs(program: ad.Program, start: Array, X: Array, y: Classes, passes: int) -> Run:
    """SciPy's L-BFGS; every evaluation of loss and gradient is one pass."""
    run = Run()

    def evaluate(theta: Array) -> tuple[float, Array]:
        value, gradient = program.value_and_grad(theta, X, y)
        run.losses.append(float(value))
        return float(value), gradient

    begin = time.perf_counter()
    best = minimize(
        evaluate, start, jac=True, method="L-BFGS-B", options={"maxfun": passes, "maxiter": passes}
    )
    run.seconds = time.perf_counter() - begin
    run.theta = best.x
    return run


def by_sgd(
    program: ad.Program,
    start: Array,
    X: Array,
    y: Classes,
    optimizer: nn.SGD,
    passes: int,
    rng: np.random.Generator,
) -> Run:
    """Minibatches in random order; the loss of the whole set is looked at between the epochs."""
    run, theta = Run(), start
    for _ in range(passes):
        run.losses.append(float(program.value_and_grad(theta, X, y)[0]))
        begin = time.perf_counter()
        for batch in nn.minibatches(len(y), BATCH_SIZE, rng=rng):
            _, gradient = program.value_and_grad(theta, X[batch], y[batch])
            theta = optimizer.update(theta, gradient)
        run.seconds += time.perf_counter() - begin
    run.theta = theta
    return run


def draw(runs: dict[str, Run]) -> Figure:
    """The smallest training loss so far over the passes through the training set."""
    figure, (axes,) = _common.new_figure(1, 1, (6.8, 4.2))
    for (name, run), colour in zip(runs.items(), _common.COLOURS, strict=False):
        best = np.minimum.accumulate(run.losses)
        axes.loglog(np.arange(1, len(best) + 1), best, color=colour, linewidth=1.8, label=name)
    axes.legend(frameon=False, fontsize=9)
    _common.describe(
        axes,
        "Handwritten digits, 64-32-10",
        "passes through the training set",
        "smallest training loss so far",
    )
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from one start by both methods, and compare."""
    parser = _common.options("scipy_lbfgs", __doc__)
    parser.add_argument("--passes", type=_common.positive, default=400, help="default: %(default)s")
    parser.add_argument("--penalty", type=_common.length, default=1e-4, help="default: %(default)s")
    options = parser.parse_args(arguments)
    split, weights, order = np.random.default_rng(options.seed).spawn(3)
    X, y = load_digits(return_X_y=True)
    train, test = np.split(split.permutation(len(y)), [len(y) * 4 // 5])
    X /= 16.0  # pixels are counts from 0 to 16
    model = nn.MLP(64, [32, 10], rng=weights)
    program, start = compiled_loss(model, options.penalty), nn.parameters_to_vector(model)
    print(f"{len(start):,} parameters, {len(train):,} digits to train, {len(test)} to test\n")
    program.value_and_grad(start, X[train], y[train])  # compiled before the clock starts
    arrays = (program, start, X[train], y[train])
    runs = {"L-BFGS": by_lbfgs(*arrays, options.passes)}
    for rate in (0.5, 0.1):
        sgd = nn.SGD(model.parameters(), learning_rate=rate)
        runs[f"SGD, learning rate {rate}"] = by_sgd(*arrays, sgd, options.passes, order)

    rows = []
    for name, run in runs.items():
        loss, gradient = program.value_and_grad(run.theta, X[train], y[train])
        nn.vector_to_parameters(run.theta, model)
        accuracy = nn.accuracy(model.predict(X[test]), y[test])
        largest = np.abs(gradient).max()
        cells = (f"{len(run.losses)}", f"{loss:.6f}", f"{largest:.0e}", f"{accuracy:.2%}")
        rows.append((name, *cells, f"{run.seconds:.2f}"))
    _common.print_table(
        ("", "passes", "training loss", "largest gradient", "test accuracy", "seconds"), rows
    )
    _common.save(draw(runs), options.out, "scipy_lbfgs")


if __name__ == "__main__":
    main()
