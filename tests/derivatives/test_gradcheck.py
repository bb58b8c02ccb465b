"""Checks that find wrong derivatives, name them, and raise no false alarm."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given

import autograd_mini as ad
from autograd_mini import GradientCheckError, Value, check_local_derivatives, gradcheck
from autograd_mini.core.recording import apply
from tests.naive_engine import KINKED
from tests.random_graphs import FUNCTIONS, Program, programs

ROWS = list(ad.PRIMITIVES)


def sample(name: str, seed: int) -> list[float]:
    """Operands of a row inside its domain."""
    rng = random.Random(f"{name} {seed}")
    operands: list[float] = []
    for operand, (low, high) in zip(
        ad.PRIMITIVES[name].operands, ad.PRIMITIVES[name].domains, strict=True
    ):
        count = {"scalar": 1, "vector": 3, "optional": seed % 2}[operand.kind]
        operands += [rng.uniform(low, high) for _ in range(count)]
    return operands


def function_of(name: str) -> Callable[[Any], Any]:
    return lambda operands: apply(name, *map(ad.as_value, operands))


# numerical_gradient.


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (ad.sin, 0.5, math.cos(0.5)),
        (ad.exp, 20.0, math.exp(20)),
        (ad.log, 1e-8, 1e8),
        (ad.log, 1e8, 1e-8),
        (lambda x: x * x, 0.0, 0.0),
        (lambda x: x * x, 1e-12, 2e-12),
        (lambda x: 1e6 + x, 1e-9, 1.0),
        (lambda x: x**3, 1e100, 3e200),
        (lambda x: ad.sin(x), 1e9, math.cos(1e9)),
        (lambda x: 1 / x, -1e-5, -1e10),
        (ad.sqrt, 1e-300, 5e149),
        (lambda x: 7.0, 2.0, 0.0),
    ],
)
def test_numerical_gradient_at_every_magnitude(f: Any, x: float, expected: float) -> None:
    assert ad.numerical_gradient(f, x) == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_numerical_gradient_is_more_accurate_than_a_single_difference() -> None:
    h = 6e-6
    single = (math.sin(1 + h) - math.sin(1 - h)) / (2 * h)
    found = ad.numerical_gradient(ad.sin, 1.0)
    assert abs(found - math.cos(1)) < 2e-12 < abs(single - math.cos(1))


def test_numerical_gradient_has_the_structure_of_the_arguments() -> None:
    assert ad.numerical_gradient(lambda x: x["a"] * x["b"][0], {"a": 2.0, "b": (3.0,)}) == {
        "a": pytest.approx(3.0, rel=1e-9),
        "b": (pytest.approx(2.0, rel=1e-9),),
    }
    both = ad.numerical_gradient(lambda x, y: np.sum(x) * y, np.ones((2, 2)), 3.0)
    assert np.allclose(both[0], np.full((2, 2), 3.0), rtol=1e-9)
    assert both[1] == pytest.approx(4.0, rel=1e-9)


def test_numerical_gradient_at_the_edge_of_the_domain_is_one_sided() -> None:
    assert ad.numerical_gradient(lambda x: x * ad.sqrt(x), 0.0) == pytest.approx(0.0, abs=1e-4)
    assert ad.numerical_gradient(lambda x: ad.sqrt(x) ** 4 + x, 0.0) == pytest.approx(1.0, rel=1e-6)
    assert math.isnan(ad.numerical_gradient(ad.log, -1.0))


def test_numerical_gradient_records_nothing_and_works_inside_modes() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * x)
        return kept[-1]

    with ad.detect_anomaly():
        assert ad.numerical_gradient(f, 3.0) == pytest.approx(6.0, rel=1e-9)
        ad.numerical_gradient(ad.log, 1e-3)  # steps below 0 are no anomaly
    assert all(not node.parents for node in kept)


def test_numerical_gradient_needs_arguments_and_one_number() -> None:
    with pytest.raises(TypeError, match="got none"):
        ad.numerical_gradient(lambda: 1.0)
    with pytest.raises(TypeError, match="one number"):
        ad.numerical_gradient(lambda x: [x], 1.0)


# gradcheck.


@pytest.mark.parametrize("name", ROWS)
def test_every_row_passes_to_third_order(name: str) -> None:
    f = function_of(name)
    for seed in range(4):
        operands = sample(name, seed)
        assert gradcheck(f, operands) is True
        assert gradcheck(ad.grad(f), operands) is True
        curious = ad.grad(lambda xs: ad.sum([ad.sin(v) for v in ad.grad(f)(xs)]))
        assert gradcheck(curious, operands, rtol=1e-5, atol=1e-8) is True


def _is_at_a_jump(program: Program) -> bool:
    """Whether a condition is decided by the last bit, so that differences see both sides."""
    values = program.run_all(program.leaves, FUNCTIONS)
    for step in program.steps:
        operands = [program.resolve(operand, values) for operand in step.operands]
        if step.op == "where" and operands[0] == 0:
            return True
        if step.op in KINKED and len(operands) == 2 and operands[0] == operands[1]:
            return True
    return False


@given(programs())
def test_random_programs_pass(program: Program) -> None:
    assume(not _is_at_a_jump(program))
    assert gradcheck(lambda xs: program.run(list(xs), FUNCTIONS), program.leaves, rtol=1e-5)


def test_outputs_and_arguments_of_any_structure() -> None:
    w = np.array([[0.5, -1.0], [2.0, 0.25]])
    assert gradcheck(lambda w, x: {"y": np.tanh(w @ x)}, w, np.array([0.3, -0.7]))
    assert gradcheck(lambda p, s: [p.a * s, (p[1] ** 2,)], _Pair(1.0, 2.0), 3.0)
    assert gradcheck(lambda x: [], [1.0])


class _Pair(NamedTuple):
    a: float
    b: float


def test_captured_values_are_fine() -> None:
    w = Value(3.0)
    assert gradcheck(lambda x: w * x * x, 2.0)
    assert w.grad == 0.0


def test_the_worst_entry_is_reported_with_both_numbers() -> None:
    def f(x: Any) -> Any:
        frozen = [v.detach() for v in x]
        return [x[0] * x[1], x[0] * frozen[0] + 0.01 * x[1] * frozen[1] + x[1]]

    with pytest.raises(GradientCheckError) as caught:
        gradcheck(f, [3.0, 5.0])
    text = str(caught.value)
    assert text.startswith(
        "2 of 4 derivatives are wrong; the worst: output[1] toward argument 0[0] at 3.0: "
        "backpropagation gives 3.0, two-sided differences give 6.0 +- "
    )


def test_places_are_named_in_arrays_and_dicts() -> None:
    def f(x: Any, p: Any) -> Any:
        return {"a": [np.sum(x) + p["w"] * p["w"].detach()]}

    message = r"output\['a'\]\[0\] toward argument 1\['w'\] at 2\.0: backpropagation gives 2\.0"
    with pytest.raises(GradientCheckError, match=message):
        gradcheck(f, np.ones((2, 2)), {"w": 2.0})
    with pytest.raises(GradientCheckError, match=r"output toward argument 0\[1, 0\] at 4\.0"):
        gradcheck(lambda x: x[1, 0] * x[1, 0].detach() + x[0, 0], np.array([[1.0], [4.0]]))


def test_a_small_error_is_found_and_the_tolerance_holds() -> None:
    slightly_wrong = lambda x: ad.sin(x) + 1e-5 * x.detach()  # noqa: E731
    with pytest.raises(GradientCheckError):
        gradcheck(slightly_wrong, 1.0)
    assert gradcheck(slightly_wrong, 1.0, rtol=1e-4)
    assert gradcheck(slightly_wrong, 1.0, atol=1e-4)


@pytest.mark.parametrize(
    "f",
    [ad.relu, ad.abs, lambda x: ad.maximum(x, -x), lambda x: ad.clip(x, 0.0, 1.0), ad.softsign],
)
def test_any_slope_between_both_sides_is_right_at_a_kink(f: Any) -> None:
    assert gradcheck(f, 0.0)


def test_a_slope_outside_both_sides_is_wrong_at_a_kink() -> None:
    with pytest.raises(GradientCheckError, match=r"backpropagation gives 2\.0") as caught:
        gradcheck(lambda x: ad.relu(x) + 2 * x - 2 * x.detach() * 1.0, 0.0)
    assert str(caught.value).endswith("; a kink, where every slope from 0 to 1 is right")


def test_a_tiny_wrong_derivative_is_found() -> None:
    with pytest.raises(GradientCheckError):
        gradcheck(lambda x: 1e-10 * x * x.detach(), 3.0)


def test_a_jump_is_no_edge_of_the_domain() -> None:
    for step in (ad.greater, ad.greater_equal):
        with pytest.raises(GradientCheckError, match="jumps"):
            gradcheck(lambda x, step=step: step(x, 1.0) + x, 1.0)


def test_edges_of_the_domain_are_checked_from_inside() -> None:
    assert gradcheck(lambda x: x**2.5, 0.0, atol=1e-6)
    with pytest.raises(GradientCheckError, match="backpropagation gives inf"):
        gradcheck(ad.sqrt, 0.0)


@pytest.mark.parametrize("x", [0.0, -1.0, math.nan])
def test_values_that_are_not_finite(x: float) -> None:
    with pytest.raises(GradientCheckError, match="not finite"):
        gradcheck(ad.log, x)


def test_a_function_that_differs_from_call_to_call_does_not_pass() -> None:
    rng = random.Random(0)
    with pytest.raises(GradientCheckError, match="do not converge"):
        gradcheck(lambda x: x * rng.random(), 2.0)


def test_a_jump_does_not_pass() -> None:
    with pytest.raises(GradientCheckError, match="do not converge"):
        gradcheck(lambda x: ad.greater(x, 1.0) - ad.less(x, 1.0), 1.0)


def test_gradcheck_needs_arguments_and_numbers() -> None:
    with pytest.raises(TypeError, match="got none"):
        gradcheck(lambda: 1.0)
    with pytest.raises(TypeError, match="argument 1 must be"):
        gradcheck(lambda x, y: x, 1.0, "y")
    with pytest.raises(TypeError, match="the result of the function"):
        gradcheck(lambda x: None, 1.0)


# check_local_derivatives.


@given(programs())
def test_right_graphs_pass(program: Program) -> None:
    leaves = [Value(x) for x in program.leaves]
    assert check_local_derivatives(program.run(leaves, FUNCTIONS)) is True


EDGES = [-20.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 20.0, 710.0]
FAR = [-math.inf, -1e308, -1e20, -1e12, -1e9, -1e5, 1e-5, 1e5, 1e9, 1e12, 1e20, 1e308, math.inf]


@pytest.mark.parametrize("name", ROWS)
def test_no_false_alarm_at_kinks_jumps_and_edges_of_the_domain(name: str) -> None:
    f = function_of(name)
    kinds = [operand.kind for operand in ad.PRIMITIVES[name].operands]
    count = len(kinds) if "vector" not in kinds else len(kinds) + kinds.count("vector")
    points: list[tuple[float, ...]] = [(x,) for x in EDGES + FAR + [math.nan]]
    if count > 1:
        points = list(itertools.product(EDGES, repeat=count))
        points = random.Random(name).sample(points, min(100, len(points)))
    for point in points:
        if name == "clip" and point[1] == point[2]:  # passes the gradient on at both ends alike,
            continue  # though a clip to one point is flat
        assert check_local_derivatives(f([Value(x) for x in point])), point


WRONG = [
    ("wrong_sine", "x", "sin(x)", ["-cos(x)"], "x"),
    ("wrong_square", "x", "x * x", ["x"], "x"),
    ("wrong_product", "a, b", "a * b", ["b", "b"], "b"),
    ("wrong_quotient", "a, b", "a / b", ["1 / b", "y / b"], "b"),
    ("almost_right", "x", "exp(x)", ["y * 1.0001"], "x"),
    ("always_nan", "x", "x * x", ["(0 / (x - x)) + x"], "x"),
]


@pytest.mark.parametrize(("name", "operands", "value", "partials", "wrong"), WRONG)
def test_a_wrong_primitive_is_caught_by_name(
    name: str,
    operands: str,
    value: str,
    partials: list[str],
    wrong: str,
    register_unchecked: Callable[..., Any],
) -> None:
    count = len(partials)
    finite = [p if "0 /" not in p else "x" for p in partials]
    function = register_unchecked(name, operands, value, finite, [(0.5, 2.0)] * count)
    leaves = [Value(1.3, "left"), Value(0.7, "right")][:count]
    node = function(*leaves)
    node.label = "suspect"
    if name == "always_nan":
        node.local_derivatives = (math.nan,)
    y = ad.tanh(node) * leaves[0] + ad.exp(leaves[0])
    with pytest.raises(GradientCheckError) as caught:
        check_local_derivatives(y)
    text = str(caught.value)
    assert f"the worst: {name} toward operand {count - 1} ({wrong}) of 'suspect' = {name}(" in text
    assert f"stored is {node.local_derivatives[-1]!r}, two-sided differences give " in text
    assert text.startswith("1 of ")


def test_a_wrong_vector_row_is_caught_at_the_right_operand(
    register_unchecked: Callable[..., Any],
) -> None:
    wrong = register_unchecked("wrong_sum", "x...", "sum(x * x)", ["x + 1"], [(0.5, 2.0)])
    y = wrong((Value(1.0), Value(2.0), Value(3.0)))  # right by chance toward the first
    with pytest.raises(GradientCheckError, match=r"2 of 3 .* operand 2 \(x\[2\]\) of wrong_sum\("):
        check_local_derivatives(y)


def test_gradcheck_sees_what_a_wrong_primitive_does(register_unchecked: Callable[..., Any]) -> None:
    wrong = register_unchecked("wrong_cosine", "x", "cos(x)", ["sin(x)"], [(0.5, 2.0)])
    with pytest.raises(GradientCheckError, match="1 of 2 derivatives is wrong"):
        gradcheck(lambda x: ad.exp(wrong(x[0])) + x[1], [1.0, 2.0])


def test_a_derivative_changed_by_hand_is_caught() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    product = a * b
    y = product + ad.sum([a, b, product])
    assert check_local_derivatives(y)
    product.local_derivatives = (3.0, 2.1)
    with pytest.raises(GradientCheckError, match=r"mul toward operand 1 \(b\) of mul\(a=2\.0"):
        check_local_derivatives([y])


@pytest.mark.parametrize("stored", [-0.1, 1.1, math.inf, math.nan])
def test_at_a_kink_a_number_outside_both_slopes_is_wrong(stored: float) -> None:
    x = Value(0.0)
    y = ad.relu(x)
    y.local_derivatives = (stored,)
    if math.isnan(stored):  # "there is none" is a right answer
        assert check_local_derivatives(y)
    else:
        with pytest.raises(GradientCheckError, match="relu toward operand 0"):
            check_local_derivatives(y)


SMOOTH_AT_0: dict[str, Callable[[Any], Any]] = {
    "relu squared": lambda x: ad.relu(x) ** 2,
    "relu cubed": lambda x: ad.relu(x) ** 3,
    "x |x|": lambda x: x * abs(x),
    "tiny": lambda x: 1e-30 * x * abs(x),
    "huge": lambda x: 1e30 * ad.maximum(x, 0.0) ** 2,
    "where": lambda x: ad.where(x > 0, x * x, -x * x),
    "flat": lambda x: ad.where(x > 0, ad.exp(-1 / ad.maximum(x, 1e-3)), 0.0),
    "3/2": lambda x: ad.relu(x) ** 1.5,
}


@pytest.mark.parametrize("name", SMOOTH_AT_0)
@pytest.mark.parametrize("at", [0.0, 1.0, -1e-6, 1e6])
def test_a_slope_of_0_between_pieces_at_value_0(name: str, at: float) -> None:
    f = SMOOTH_AT_0[name]
    assert gradcheck(lambda x: f(x - at), at)
    assert gradcheck(lambda x: f(at - x), at)


@pytest.mark.parametrize("slope", [1e-3, -1e-3, 0.5])
def test_another_slope_than_0_there_is_wrong(slope: float) -> None:
    for f in (SMOOTH_AT_0["relu squared"], SMOOTH_AT_0["x |x|"], lambda x: x**3):
        with pytest.raises(GradientCheckError, match="two-sided differences give"):
            gradcheck(lambda x, f=f: f(x).detach() + slope * (x - x.detach()), 0.0)


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("jump", [lambda x: ad.greater(x, 0), lambda x: ad.less(x, 0)])
def test_a_jump_has_no_slope_and_no_difference_is_named(jump: Any, size: float) -> None:
    with pytest.raises(GradientCheckError, match=r"gives 0\.0; the differences do not converge"):
        gradcheck(lambda x: size * jump(x), 0.0)


def test_constants_are_left_out() -> None:
    x = Value(2.0)
    y = ad.dot([x, 3.0], [4.0, x], 5.0)
    assert check_local_derivatives(y)
    assert check_local_derivatives(x)
    assert check_local_derivatives([])


def test_a_stale_graph_is_refused() -> None:
    x = Value(2.0, "x")
    y = ad.exp(x * x)
    x.data = 1.0
    with pytest.raises(ValueError, match=r"mul\(a=1\.0, b=1\.0\) holds 4\.0.* call recompute"):
        check_local_derivatives(y)
    ad.recompute(y)
    assert check_local_derivatives(y)


@pytest.mark.parametrize("roots", [2.0, [2.0], "y"])
def test_only_values_are_checked(roots: Any) -> None:
    with pytest.raises(TypeError):
        check_local_derivatives(roots)


def test_no_state_changes() -> None:
    x = Value(2.0)
    y = x * x
    y.grad = x.grad = 5.0
    check_local_derivatives(y)
    assert (x.data, x.grad, y.data, y.grad, y.local_derivatives) == (2.0, 5.0, 4.0, 5.0, (2.0, 2.0))
