"""Is the gradient right?  Backpropagation beside finite differences, weight by weight.

A partial derivative is the limit of a difference quotient, so that nudging one weight up and down
and evaluating the loss again gives it without any calculus:

    one-sided   (L(w + h) - L(w)) / h            wrong by about h
    two-sided   (L(w + h) - L(w - h)) / 2h       wrong by about h**2

A smaller step h cuts the truncation error, until the two losses agree in all but their last digits
and rounding, about 1e-16 / h, takes over.  The picture shows both: the two-sided quotient is best
near h = 1e-5 and then right to about ten digits, the one-sided near 1e-8 with eight.  Beside it
stands each derivative of the gradient, by its size and its relative error.

The table has both gradients of a small network, and what happens when one local derivative is
wrong: the derivative of tanh at one hidden neuron is changed from 1 - y**2 to 1 - y.  The loss is
the same as before, and so are most derivatives; only those of the weights into that neuron are off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from examples import _common
from viz import plot_gradient_check

BEST_STEP = float(np.finfo(float).eps ** (1 / 3))  # where h**2 and eps / h are equal
Vector = NDArray[np.float64]


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


def two_sided(f: Callable[[Vector], float], theta: Vector, h: float) -> Vector:
    """The gradient by two-sided differences: two evaluations for each number."""
    steps = h * np.eye(len(theta))
    return np.array([(f(theta + step) - f(theta - step)) / (2 * h) for step in steps])


def relative_error(given: Vector, right: Vector) -> float:
    """Length of the difference of two gradients, relative to the length of the second."""
    return float(np.linalg.norm(given - right) / np.linalg.norm(right))


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
    path = options.out / "gradient_checking.svg"
    plot_gradient_check(gradient, loss_at, path, at=theta, names=names)
    print(f"\nThe picture is in {path}.")


if __name__ == "__main__":
    main()
