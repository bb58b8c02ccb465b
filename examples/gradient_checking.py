"""Is the gradient right?  Backpropagation beside finite differences, weight by weight.

A partial derivative is the limit of a difference quotient, so that nudging one weight up and down
and evaluating the loss again gives it without any calculus:

    one-sided   (L(w + h) - L(w)) / h            wrong by about h
    two-sided   (L(w + h) - L(w - h)) / 2h       wrong by about h**2

A smaller step h cuts the truncation error, until the two losses agree in all but their last digits
and rounding, about 1e-16 / h, takes over.  The picture shows both: the two-sided quotient is best
near h = 1e-5 and then right to about ten digits, the one-sided near 1e-8 with eight.

The table has both gradients of a small network, and what happens when one local derivative is
wrong: the derivative of tanh at one hidden neuron is changed from 1 - y**2 to 1 - y.  The loss is
the same as before, and so are most derivatives; only those of the weights into that neuron are off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from examples import _common

BEST_STEP = float(np.finfo(float).eps ** (1 / 3))  # where h**2 and eps / h are equal
Vector = NDArray[np.float64]
Quotient = Callable[[Callable[[Vector], float], Vector, float], Vector]


def forward(model: nn.MLP, x: Sequence[float], target: float) -> tuple[Value, list[Value]]:
    """The loss of one example, and the hidden activations on the way to it."""
    first, last = model.layers
    hidden = first(x)
    return nn.half_squared_error(last(hidden), [target]), hidden


def backpropagated(model: nn.MLP, loss: Value) -> Vector:
    """The gradient by backpropagation, one number for each parameter."""
    model.zero_grad()
    loss.backward()
    return np.array([parameter.grad for parameter in model.parameters()])


def one_sided(f: Callable[[Vector], float], theta: Vector, h: float) -> Vector:
    """The gradient by one-sided differences: one evaluation for each number, and one more."""
    start = f(theta)
    return np.array([(f(theta + step) - start) / h for step in h * np.eye(len(theta))])


def two_sided(f: Callable[[Vector], float], theta: Vector, h: float) -> Vector:
    """The gradient by two-sided differences: two evaluations for each number."""
    steps = h * np.eye(len(theta))
    return np.array([(f(theta + step) - f(theta - step)) / (2 * h) for step in steps])


def relative_error(given: Vector, right: Vector) -> float:
    """Length of the difference of two gradients, relative to the length of the second."""
    return float(np.linalg.norm(given - right) / np.linalg.norm(right))


def step_errors(f: Callable[[Vector], float], theta: Vector, gradient: Vector) -> Vector:
    """Step, error of the one-sided and error of the two-sided differences, row by row."""
    rows = [
        (
            h,
            *(
                relative_error(quotient(f, theta, h), gradient)
                for quotient in (one_sided, two_sided)
            ),
        )
        for h in np.logspace(0, -15, 46)
    ]
    return np.array(rows)


def draw(errors: Vector) -> Figure:
    """The error of both quotients over the step."""
    figure, (axes,) = _common.new_figure(1, 1, (6.4, 4.2))
    h, *columns = errors.T
    names = ("one-sided", "two-sided")
    for name, column, colour in zip(names, columns, _common.COLOURS, strict=False):
        axes.loglog(h, column, color=colour, marker="o", markersize=3, linewidth=1.4, label=name)
    axes.invert_xaxis()
    axes.set_ylim(1e-13, 10)
    _common.describe(
        axes,
        "Finite differences against backpropagation",
        "step h",
        "relative error of the gradient",
    )
    axes.legend(frameon=False, fontsize=9)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the gradients, plant a mistake and find it, and draw the errors over the step."""
    parser = _common.options("gradient_checking", __doc__)
    parser.add_argument(
        "--hidden", type=_common.positive, default=3, help="hidden neurons (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    model = nn.MLP(2, [options.hidden, 1], rng=rng)
    x, target = rng.normal(size=2).tolist(), 0.5
    theta = nn.parameters_to_vector(model)

    def loss_at(numbers: Vector) -> float:
        nn.vector_to_parameters(numbers, model)
        return forward(model, x, target)[0].data

    differences = two_sided(loss_at, theta, BEST_STEP)
    nn.vector_to_parameters(theta, model)
    loss, _ = forward(model, x, target)
    gradient = backpropagated(model, loss)
    mistaken, hidden = forward(model, x, target)
    hidden[0].local_derivatives = (1.0 - hidden[0].data,)  # a forgotten square
    wrong = backpropagated(model, mistaken)

    names = [name for name, _ in model.named_parameters()]
    rows = [
        (name, f"{d:+.9f}", f"{g:+.9f}", f"{w:+.9f}", "" if np.isclose(w, d) else "<- wrong")
        for name, d, g, w in zip(names, differences, gradient, wrong, strict=True)
    ]
    _common.print_table(("parameter", "two-sided", "backpropagation", "with a mistake", ""), rows)
    print(f"\nrelative error {relative_error(gradient, differences):.0e}", end=", ")
    print(f"with the mistake {relative_error(wrong, differences):.0e}")
    print(f"\ncheck_local_derivatives says: {ad.check_local_derivatives(loss)}; of the mistake:")
    try:
        ad.check_local_derivatives(mistaken)
    except ad.GradientCheckError as error:
        print(f"  {error}")
    _common.save(draw(step_errors(loss_at, theta, gradient)), options.out, "gradient_checking")


if __name__ == "__main__":
    main()
