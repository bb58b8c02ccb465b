"""What a gradient costs: finite differences against two passes, up to a million weights.

Finite differences ask for each weight on its own what the loss does when that weight is nudged: two
evaluations of the loss for each of W weights, each of about W multiplications, so that the cost
grows as W**2.  Backpropagation finds all W derivatives in two passes, one forward and one backward,
and its cost grows as W.

The network reads one handwritten digit: 64 pixels, two hidden layers of equal width, 10 classes.
The width makes the number of weights.  For each size the table counts the edges of the graph that
are gone along, each of them once in each pass.  The picture shows the time for a whole gradient in
four ways: by backpropagation and by two-sided differences, each in scalars and compiled.

Differences are taken for all weights where that fits into the time allowed for each size
(``--budget``).  Where it does not, as many weights as fit are nudged, drawn at random, and the time
of the rest is extrapolated: a number after "~" in the table, a hollow mark and a dashed line in the
picture.  All differences that were taken are compared with the derivatives from backpropagation.

The memory for a million weights is 1.5 GB at its peak: half a gigabyte for a million scalars, the
rest while they are compiled, which takes a quarter of a minute.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import autograd_mini as ad
import nn
from autograd_mini import Value
from examples import _common

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
QUICK = (100, 1_000, 10_000)
STEP = float(
    np.finfo(float).eps ** (1 / 3)
)  # where the errors of truncation and rounding are equal
TICKS = {
    "10 us": 1e-5,
    "100 us": 1e-4,
    "1 ms": 1e-3,
    "10 ms": 1e-2,
    "100 ms": 0.1,
    "1 s": 1.0,
    "1 min": 60.0,
    "10 min": 600.0,
    "1 h": 3600.0,
    "1 day": 86400.0,
    "10 days": 864000.0,
}
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Times:
    """Seconds for one gradient, by backpropagation and by two-sided differences."""

    two_passes: float
    differences: float
    measured: bool  # differences for all weights, or for some of them
    deviation: float  # largest difference of the two gradients, relative to the largest derivative


@dataclass(frozen=True)
class Row:
    """What was found for one size."""

    weights: int
    edges: int
    eager: Times
    compiled: Times


@dataclass(frozen=True)
class Way:
    """A way to compute: a loss for given weights, and the gradient for the network's own."""

    nudged_loss: Callable[[int, float], float]  # of one weight, by so much
    gradient: Callable[[], Vector]


def width_for(weights: int) -> int:
    """The hidden width h at which 64-h-h-10 has about so many weights: h**2 + 76*h + 10."""
    return max(1, round(math.sqrt(76**2 / 4 + weights - 10) - 38))


def eager_way(model: nn.MLP, pixels: list[float], digit: int) -> Way:
    """In scalars: a graph for each loss."""
    parameters = model.parameters()

    def nudged_loss(index: int, step: float) -> float:
        weight = parameters[index]
        before, weight.data = weight.data, weight.data + step
        loss = nn.cross_entropy(model(pixels), digit).data
        weight.data = before
        return loss

    def gradient() -> Vector:
        for parameter in parameters:
            parameter.grad = 0.0
        nn.cross_entropy(model(pixels), digit).backward()
        return np.array([parameter.grad for parameter in parameters])

    return Way(nudged_loss, gradient)


def compiled_way(model: nn.MLP, pixels: list[float], digit: int) -> Way:
    """The same, compiled to matrices."""
    parameters = model.parameters()

    def loss(x: list[Value], y: Any) -> Value:
        return nn.cross_entropy(model(x), y)

    program = ad.compile(loss, parameters, batched=False)
    theta = nn.parameters_to_vector(parameters)

    def nudged_loss(index: int, step: float) -> float:
        before = theta[index]
        theta[index] += step
        value = float(program(theta, pixels, digit))
        theta[index] = before
        return value

    def gradient() -> Vector:
        return np.array(program.value_and_grad(theta, pixels, digit)[1])

    nudged_loss(0, 0.0)  # compiled before the clock starts
    gradient()
    return Way(nudged_loss, gradient)


def timed(way: Way, weights: int, budget: float, rng: np.random.Generator) -> Times:
    """Time both kinds of gradient, differences for as many weights as the budget allows."""
    repeats = []
    for _ in range(3):
        begin = time.perf_counter()
        gradient = way.gradient()
        repeats.append(time.perf_counter() - begin)
    deviation, spent, deadline = 0.0, [], time.perf_counter() + budget
    for index in rng.permutation(weights).tolist():
        begin = time.perf_counter()
        slope = (way.nudged_loss(index, STEP) - way.nudged_loss(index, -STEP)) / (2 * STEP)
        spent.append(time.perf_counter() - begin)
        deviation = max(deviation, abs(slope - gradient[index]))
        if time.perf_counter() > deadline:
            break
    measured = len(spent) == weights
    seconds = sum(spent) if measured else weights * statistics.median(spent)
    return Times(min(repeats), seconds, measured, deviation / float(np.abs(gradient).max()))


def measure(size: int, budget: float, seed: int) -> Row:
    """Build a network of about so many weights, and time its gradient in all four ways."""
    weights_rng, order = np.random.default_rng(seed).spawn(2)
    images, digits = load_digits(return_X_y=True)
    pixels, digit = (images[seed % len(images)] / 16.0).tolist(), int(digits[seed % len(images)])
    width = width_for(size)
    model = nn.MLP(64, [width, width, 10], rng=weights_rng)
    weights = len(model.parameters())
    nodes = ad.topological_order(nn.cross_entropy(model(pixels), digit))
    edges = sum(len(node.parents) for node in nodes)
    del nodes
    eager, compiled = (
        timed(way(model, pixels, digit), weights, budget, order)
        for way in (eager_way, compiled_way)
    )
    return Row(weights, edges, eager, compiled)


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would take."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def cells(row: Row) -> list[str]:
    """A line of the table."""
    shown = [f"{row.weights:,}", f"{2 * row.edges:.1e}", f"{2 * row.weights * row.edges:.1e}"]
    for times in (row.eager, row.compiled):
        mark = "" if times.measured else "~"
        shown += [duration(times.two_passes), mark + duration(times.differences)]
    return [*shown, f"{max(row.eager.deviation, row.compiled.deviation):.0e}"]


def draw(rows: Sequence[Row]) -> Figure:
    """Seconds for a gradient over the number of weights, on logarithmic axes."""
    figure, (axes,) = _common.new_figure(1, 1, (7.2, 5.0))
    weights = np.array([row.weights for row in rows])
    for way, colour in zip(("eager", "compiled"), _common.COLOURS, strict=False):
        times: list[Times] = [getattr(row, way) for row in rows]
        style = {"color": colour, "linewidth": 1.6, "markersize": 5}
        two_passes = [t.two_passes for t in times]
        axes.loglog(weights, two_passes, marker="o", label=f"two passes, {way}", **style)
        label = f"finite differences, {way}"
        done = sum(t.measured for t in times)
        differences = np.array([t.differences for t in times])
        axes.loglog(weights[:done], differences[:done], marker="s", label=label, **style)
        rest = slice(max(done - 1, 0), None)
        axes.loglog(weights[rest], differences[rest], linestyle="--", **style)
        axes.loglog(weights[done:], differences[done:], "s", markerfacecolor="white", **style)
    axes.set_yticks(list(TICKS.values()), list(TICKS))
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    _common.describe(
        axes, "The price of a gradient (hollow: extrapolated)", "number of weights", "time"
    )
    return figure


def print_memory() -> None:
    """The most memory that this process has had, where the system tells."""
    try:
        import resource
    except ImportError:  # Windows
        return
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(f"\nPeak memory of the whole run: {peak / 2**20:,.0f} MiB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Count and time both kinds of gradient, size by size."""
    parser = _common.options("one_million_weights", __doc__)
    parser.add_argument("--quick", action="store_true", help="only up to ten thousand weights")
    parser.add_argument(
        "--budget",
        type=_common.length,
        default=2.0,
        help="in seconds (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    rows = []
    for size in QUICK if options.quick else SIZES:
        rows.append(measure(size, options.budget, options.seed))
        print(f"{rows[-1].weights:,} weights done", file=sys.stderr)
    ways = [
        f"{how}, {what}"
        for how in ("edges", "eager", "compiled")
        for what in ("2 passes", "differences")
    ]
    _common.print_table(("weights", *ways, "deviation"), [cells(row) for row in rows])
    print("\n~ extrapolated from as many weights as fit into the budget, drawn at random")
    print_memory()
    _common.save(draw(rows), options.out, "one_million_weights")


if __name__ == "__main__":
    main()
