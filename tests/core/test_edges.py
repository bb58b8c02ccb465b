"""At the edges of the domain every row gives what PyTorch gives, but for a list of exceptions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core.recording import apply
from tests import edges
from tests.random_graphs import ROWS

INF, NAN = math.inf, math.nan
STORED = edges.stored()


def agree(ours: float, expected: float) -> bool:
    """Equal to 1e-13 relative; below that only subnormal rounding is forgiven."""
    if math.isnan(expected) or math.isnan(ours):
        return math.isnan(expected) and math.isnan(ours)
    return ours == expected or math.isclose(ours, expected, rel_tol=1e-13, abs_tol=1e-322)


def same_value(ours: float, expected: float) -> bool:
    """As :func:`agree`, and a zero has the same sign."""
    signs = math.copysign(1, ours) == math.copysign(1, expected) or ours != 0
    return agree(ours, expected) and signs


# The deliberate differences, with what the row gives instead of PyTorch's result.

Point = tuple[float, ...]


@dataclass(frozen=True)
class Difference:
    row: str
    reason: str
    applies: Callable[..., bool]
    expected: Callable[..., Sequence[float]]  # value, then the derivatives


def _nearest(exact: Any) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.copysign(INF, mp.sign(exact))


def _exactly(function: Callable[..., Sequence[Any]]) -> Callable[..., list[float]]:
    """Expected results from a formula that is evaluated with range and digits to spare."""

    def expected(*point: float) -> list[float]:
        with mp.workdps(700):  # 1e308 squared beside 1
            return [_nearest(exact) for exact in function(*map(mp.mpf, point))]

    return expected


def _atan2(a: float, b: float) -> list[float]:
    """The value is PyTorch's; it knows the sign of a zero, as mpmath does not."""
    derivatives = _exactly(lambda a, b: [b / (a * a + b * b), -a / (a * a + b * b)])
    return [math.atan2(a, b), *derivatives(a, b)]


def _norm(a: Any, b: Any) -> list[Any]:
    y = mp.mpf(float(mp.sqrt(a * a + b * b)))  # a subnormal norm has few digits
    return [y, a / y, b / y]


def _log_softmax(x: Any, z: Any) -> list[Any]:
    odds = mp.exp(z - x)
    return [-mp.log1p(odds), odds / (1 + odds), -odds / (1 + odds)]


def _finite(*point: float) -> bool:
    return all(map(math.isfinite, point))


SQUARES = (
    "accuracy: PyTorch squares the operands, which overflow beyond 1e154 and vanish below 1e-162"
)
LIMIT = "the mathematical limit, where PyTorch has infinity minus or times infinity"
SUBNORMAL = "1 / (1 + exp(...)) rounds results below 5.6e-309 to 0"
LARGEST = "a logit of +inf takes all the probability, where PyTorch has NaN"

DIFFERENCES = [
    Difference("atan2", SQUARES, lambda a, b: _finite(a, b) and (a, b) != (0, 0), _atan2),
    Difference(
        "asinh",
        SQUARES,
        lambda x: abs(x) == 1e308,
        _exactly(lambda x: [mp.asinh(x), 1 / mp.sqrt(x * x + 1)]),
    ),
    Difference(
        "acosh",
        SQUARES,
        lambda x: x == 1e308,
        _exactly(lambda x: [mp.acosh(x), 1 / mp.sqrt(x * x - 1)]),
    ),
    Difference(
        "acosh",
        "outside the domain the derivative is NaN as the value is, not 0 or inf",
        lambda x: x < 0,
        lambda x: [NAN, NAN],
    ),
    Difference("logsigmoid", SUBNORMAL, lambda x: x == 710, lambda x: [-math.exp(-710), 0.0]),
    Difference("softsign", LIMIT, math.isinf, lambda x: [NAN, 0.0]),
    Difference(
        "prod",
        "the derivative is the product of the others; PyTorch divides the output by the operand",
        lambda a, b: True,
        lambda a, b: [a * b, b, a],
    ),
    Difference("norm", SQUARES, lambda a, b: _finite(a, b) and (a, b) != (0, 0), _exactly(_norm)),
    Difference(
        "norm",
        "infinite if any operand is, as hypot is by IEEE 754 and in PyTorch",
        lambda a, b: INF in (abs(a), abs(b)),
        lambda a, b: [INF, NAN, NAN],
    ),
    Difference(
        "logsumexp",
        "accuracy: the derivatives add up to 1; PyTorch's exp(x - y) sees how y was rounded",
        lambda a, b: a == b and abs(a) == 1e308,
        lambda a, b: [a, 0.5, 0.5],
    ),
    Difference(
        "softmax",
        SUBNORMAL,
        lambda x, z: -1 <= x <= 1 and z == 710,
        lambda x, z: [0.0, 0.0, 0.0],
    ),
    Difference("softmax", LARGEST, lambda x, z: x == INF and z < INF, lambda x, z: [1.0, 0.0, 0.0]),
    Difference("softmax", LARGEST, lambda x, z: x < INF and z == INF, lambda x, z: [0.0, 0.0, NAN]),
    Difference(
        "log_softmax", LARGEST, lambda x, z: x == INF and z < INF, lambda x, z: [-0.0, 0.0, 0.0]
    ),
    Difference(
        "log_softmax", LARGEST, lambda x, z: x < INF and z == INF, lambda x, z: [-INF, 1.0, NAN]
    ),
    Difference(
        "log_softmax",
        "accuracy: log1p keeps the digits of a probability near 1, and rounds to -0 from below",
        lambda x, z: _finite(x, z) and x > z,
        _exactly(_log_softmax),
    ),
    Difference(
        "log_softmax",
        "the logarithm of a probability of 1 is -0, the limit from below",
        lambda x, z: math.isfinite(x) and z == -INF,
        lambda x, z: [-0.0, 0.0, 0.0],
    ),
]


def _as_pytorch(results: Sequence[float], expected: Sequence[float], row: str) -> bool:
    """Whether results are PyTorch's; where it has no derivative, nothing is asked."""
    from_pytorch = len(results) == len(expected) and same_value(results[0], expected[0])
    unknown = {"leaky_relu": 1, "elu": 1, "where": 0}.get(row)
    return from_pytorch and all(
        position == unknown or agree(ours, other)
        for position, (ours, other) in enumerate(zip(results[1:], expected[1:], strict=True))
    )


def _as_listed(results: Sequence[float], point: Point, row: str) -> list[Difference]:
    return [
        difference
        for difference in DIFFERENCES
        if difference.row == row
        and difference.applies(*point)
        and all(map(agree, results, difference.expected(*point)))
        and same_value(results[0], difference.expected(*point)[0])
    ]


def _ours(row: str, point: Point) -> list[float]:
    y, derivatives = ad.PRIMITIVES[row].linearize(point)
    return [y, *derivatives]


def _by_function(row: str, point: Point) -> list[float]:
    """The same through the public function over Values."""
    groups = ad.PRIMITIVES[row].split(list(map(ad.Value, point)))
    function = getattr(ad, row)
    node = function([groups[0], *groups[1]])[0] if "softmax" in row else function(*groups)
    return [node.data, *node.local_derivatives]


def test_every_row_has_stored_results_of_named_versions() -> None:
    assert set(STORED) == set(edges.ROWS), "run: python -m tests.edges"
    assert edges.versions() == ["2.13.0", "2.14.1", "2.15.0"]


def test_since_2_14_pytorch_shares_the_derivative_of_clip_at_its_bounds() -> None:
    """The only row that has changed; here both ends pass the derivative on, as before."""
    newest = edges.stored("2.15.0")
    changed = [row for row in edges.ROWS if not edges.agree(newest[row], STORED[row])]
    assert changed == ["clip"]
    for (x, low, high), before, after in zip(
        edges.points("clip"), STORED["clip"].tolist(), newest["clip"].tolist(), strict=True
    ):
        at_a_bound = x in (low, high) or low == high or math.isnan(x + low + high)
        if not at_a_bound and math.isfinite(x) and low < high:
            assert after == before
    upper = edges.points("clip").index((1.0, 0.0, 1.0))
    assert STORED["clip"][upper].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert newest["clip"][upper].tolist() == [1.0, 0.5, 0.0, 0.5]


@pytest.mark.parametrize("row", edges.ROWS)
def test_edges_are_as_in_pytorch_or_listed(row: str) -> None:
    wrong = []
    for point, expected in zip(edges.points(row), STORED[row].tolist(), strict=True):
        ours = _ours(row, point)
        if not _as_pytorch(ours, expected, row) and not _as_listed(ours, point, row):
            wrong.append(f"{row}{point} gave {ours}, PyTorch {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("row", edges.ROWS)
def test_functions_over_values_have_the_same_edges(row: str) -> None:
    for point in edges.points(row):
        ours, by_function = _ours(row, point), _by_function(row, point)
        np.testing.assert_array_equal(by_function, ours, err_msg=f"{row}{point}")


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "pow"])
def test_operators_have_the_same_edges_with_numbers_on_either_side(op: str) -> None:
    symbols: dict[str, Callable[[Any, Any], Any]] = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b,
        "pow": lambda a, b: a**b,
    }
    for a, b in edges.points(op):
        y, da, db = _ours(op, (a, b))
        for node, derivatives in [
            (symbols[op](ad.Value(a), ad.Value(b)), (da, db)),
            (symbols[op](ad.Value(a), b), (da, 0.0)),
            (symbols[op](a, ad.Value(b)), (0.0, db)),
        ]:
            results = [node.data, *node.local_derivatives]
            np.testing.assert_array_equal(results, [y, *derivatives], err_msg=f"{op}{a, b}")


@pytest.mark.parametrize("number", range(len(DIFFERENCES)))
def test_every_listed_difference_exists(number: int) -> None:
    difference = DIFFERENCES[number]
    row = difference.row
    assert any(
        difference in _as_listed(_ours(row, point), point, row)
        and not _as_pytorch(_ours(row, point), expected, row)
        for point, expected in zip(edges.points(row), STORED[row].tolist(), strict=True)
    )


@pytest.mark.parametrize("row", edges.ROWS)
def test_stored_results_are_what_pytorch_gives(row: str) -> None:
    installed = pytest.importorskip("torch").__version__
    np.testing.assert_allclose(
        edges.from_pytorch(row),
        edges.stored(installed)[row],
        rtol=1e-13,
        atol=1e-322,
        err_msg=f"PyTorch {installed}, stored are {edges.versions()}: run python -m tests.edges",
    )


@pytest.mark.parametrize(
    ("row", "point", "expected"),
    [
        ("pow", (0.0, 0.0), (1.0, 0.0, 0.0)),
        ("pow", (0.0, 2.0), (0.0, 0.0, 0.0)),
        ("pow", (0.0, 1.0), (0.0, 1.0, 0.0)),
        ("pow", (0.0, 0.5), (0.0, INF, 0.0)),
        ("pow", (0.0, -1.0), (INF, -INF, -INF)),
        ("pow", (-8.0, 1 / 3), (NAN, NAN, NAN)),
        ("pow", (-2.0, 3.0), (-8.0, 12.0, NAN)),
        ("relu", (0.0,), (0.0, 0.0)),
        ("relu", (NAN,), (NAN, 1.0)),
        ("abs", (0.0,), (0.0, 0.0)),
        ("maximum", (2.0, 2.0), (2.0, 0.5, 0.5)),
        ("minimum", (2.0, 2.0), (2.0, 0.5, 0.5)),
        ("maximum", (NAN, 2.0), (NAN, 1.0, 1.0)),
        ("norm", (0.0, 0.0), (0.0, 0.0, 0.0)),
        ("hypot", (0.0, 0.0), (0.0, NAN, NAN)),
        ("atan2", (0.0, 0.0), (0.0, 0.0, 0.0)),
        ("prod", (0.0, 5.0), (0.0, 5.0, 0.0)),
        ("prod", (0.0, 0.0), (0.0, 0.0, 0.0)),
        ("sqrt", (0.0,), (0.0, INF)),
        ("log", (0.0,), (-INF, INF)),
        ("log", (-1.0,), (NAN, -1.0)),
        ("reciprocal", (0.0,), (INF, -INF)),
        ("div", (1.0, 0.0), (INF, INF, -INF)),
        ("exp", (1000.0,), (INF, INF)),
        ("sigmoid", (-1000.0,), (0.0, 0.0)),
        ("softplus", (1000.0,), (1000.0, 1.0)),
        ("logsigmoid", (-1000.0,), (-1000.0, 1.0)),
        ("tanh", (20.0,), (1.0, 0.0)),
        ("clip", (1.0, 0.0, 1.0), (1.0, 1.0, 0.0, 0.0)),
        ("clip", (5.0, 3.0, 1.0), (1.0, 0.0, 0.0, 1.0)),
    ],
)
def test_named_edges(row: str, point: Point, expected: Point) -> None:
    np.testing.assert_array_equal(_ours(row, point), expected)


def test_a_masked_logit_has_probability_zero_and_no_gradient() -> None:
    logits = [ad.Value(1.0), ad.Value(-INF), ad.Value(2.0)]
    weights = [3.0, 5.0, 7.0]
    ad.dot(ad.softmax(logits), weights).backward()
    p = 1 / (1 + math.e)
    assert logits[0].grad == pytest.approx(p * (1 - p) * (3 - 7), rel=1e-13)
    assert logits[1].grad == 0.0
    assert logits[2].grad == pytest.approx(p * (1 - p) * (7 - 3), rel=1e-13)


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e15])
def test_softmax_does_not_see_a_common_shift(shift: float) -> None:
    exact = [1.0, 2.0, 4.0]
    logits = [ad.Value(shift + x) for x in exact]
    total = math.fsum(map(math.exp, exact))
    ps = [math.exp(x) / total for x in exact]
    for i, (p, log_p) in enumerate(zip(ad.softmax(logits), ad.log_softmax(logits), strict=True)):
        assert p.data == pytest.approx(ps[i], rel=1e-14)
        assert log_p.data == pytest.approx(math.log(ps[i]), rel=1e-14)
        toward = [(i == j) - ps[j] for j in range(3)]
        assert ad.gradients(log_p, logits) == pytest.approx(toward, rel=1e-13)
        assert ad.gradients(p, logits) == pytest.approx([ps[i] * d for d in toward], rel=1e-13)


@pytest.mark.parametrize("shift", [0.0, 1e15])
def test_second_derivatives_of_softmax_do_not_see_it_either(shift: float) -> None:
    exact = [1.0, 2.0, 4.0]
    total = math.fsum(map(math.exp, exact))
    ps = np.array([math.exp(x) / total for x in exact])
    curvature = np.outer(ps, ps) - np.diag(ps)  # of every log p
    for i in range(3):
        logits = np.array(exact) + shift
        ours = ad.hessian(lambda x, i=i: ad.log_softmax(x)[i])(logits)
        np.testing.assert_allclose(ours, curvature, rtol=1e-12, atol=1e-16)
        slope = np.eye(3)[i] - ps
        ours = ad.hessian(lambda x, i=i: ad.softmax(x)[i])(logits)
        np.testing.assert_allclose(
            ours, ps[i] * (np.outer(slope, slope) + curvature), rtol=1e-12, atol=1e-16
        )


@pytest.mark.parametrize(
    ("logits", "toward"),
    [
        ([1.0, 1e308, 1e308], [1.0, -0.5, -0.5]),
        ([-1e308, 1e308, 1e308], [1.0, -0.5, -0.5]),
        ([0.0, 1e16, 1e16], [1.0, -0.5, -0.5]),
        ([-1e10, 2e10, 2e10], [1.0, -0.5, -0.5]),
        ([-INF, 1e16, 1e16], [1.0, -0.5, -0.5]),
        ([1e308, 1e308, 1e308], [2 / 3, -1 / 3, -1 / 3]),
        ([0.0, 40.0, 40.0], [1.0, -0.5, -0.5]),
        ([0.0, 800.0, 800.0 + math.log(3)], [1.0, -0.25, -0.75]),
        ([1.0, NAN, 0.0], [NAN, NAN, NAN]),
    ],
)
def test_derivatives_of_log_softmax_know_the_shares_of_the_others(
    logits: list[float], toward: list[float]
) -> None:
    values = list(map(ad.Value, logits))
    y = ad.log_softmax(values)[0]
    expected = pytest.approx(toward, rel=1e-12, nan_ok=True)  # 800 + log(3) is rounded
    assert y.local_derivatives == expected
    slopes = ad.gradients(y, values, create_graph=True)
    assert [slope.data for slope in slopes] == expected
    torch = pytest.importorskip("torch")
    x = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    (theirs,) = torch.autograd.grad(x.log_softmax(0)[0], x)
    np.testing.assert_allclose(y.local_derivatives, theirs.numpy(), rtol=1e-13)


LOGITS = [-INF, -1e308, -1e16, -30.0, 0.0, 1.0, 30.0, 800.0, 1e16, 1e16 + 2, 1e308]


def _second_derivatives(function: Callable[..., Any], point: Sequence[float]) -> list[list[float]]:
    values = list(map(ad.Value, point))
    slopes = ad.gradients(function(values), values, create_graph=True)
    return [ad.gradients(slope, values) for slope in slopes]


SWALLOWING = {"where", "greater", "greater_equal", "less", "less_equal", "equal", "sign"}
"""Comparisons take NaN for false, and the arm that is not chosen does not count."""
SWALLOWING |= {"pow", "multiply_no_nan"}  # anything to the power 0 is 1; zero carries nothing


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", [name for name in ROWS if name not in SWALLOWING])
def test_nan_stays_nan_in_every_operand_and_any_number_of_them(name: str, size: int) -> None:
    row = ad.PRIMITIVES[name]
    point = [
        (low + high) / 2 + 0.1 * k
        for operand, (low, high) in zip(row.operands, row.domains, strict=True)
        for k in range(size if operand.kind == "vector" else 1)
    ]
    for k in range(len(point)):
        values = [Value(NAN if i == k else x) for i, x in enumerate(point)]

        def function(values: list[Value] = values) -> Value:
            return apply(name, *values)

        assert math.isnan(function().data)
        program = ad.compile(function, values, batched=False)
        assert math.isnan(program(None))


@pytest.mark.parametrize("logit", [NAN, -INF])
def test_one_logit_that_is_no_number_has_no_probability(logit: float) -> None:
    for row in (ad.softmax, ad.log_softmax):
        z = Value(logit)
        (y,) = row([z])
        y.backward()
        assert math.isnan(y.data)
        assert math.isnan(z.grad)
        assert np.isnan(row(np.array([logit]).tolist())).all()


@pytest.mark.parametrize("row", ["logsumexp", "log_softmax", "softmax"])
def test_first_and_second_derivatives_over_logits_are_exact(row: str) -> None:
    """Against mpmath, at every triple of logits: p, and the curvature diag(p) - p p' made of it."""
    for point in itertools.product(LOGITS, repeat=3):
        if max(point) == -INF:
            continue
        with mp.workdps(50):
            weights = [mp.exp(mp.mpf(x) - mp.mpf(max(point))) for x in point]
            p = np.array([float(weight / mp.fsum(weights)) for weight in weights])
        values = list(map(ad.Value, point))
        chosen = ad.logsumexp(values) if row == "logsumexp" else getattr(ad, row)(values, 0)
        slope = p if row == "logsumexp" else np.eye(3)[0] - p
        curvature = np.diag(p) - np.outer(p, p)
        if row == "log_softmax":
            curvature = -curvature
        if row == "softmax":
            curvature = p[0] * (np.outer(slope, slope) - curvature)
            slope = p[0] * slope
        what = f"{row}{point}"
        ours = ad.gradients(chosen, values)
        # exp(-800) has an error of 800 rounding units
        np.testing.assert_allclose(ours, slope, rtol=4e-13, atol=3e-16, err_msg=what)
        slopes = ad.gradients(chosen, values, create_graph=True)
        np.testing.assert_allclose(
            [s.data for s in slopes], slope, rtol=4e-13, atol=3e-16, err_msg=what
        )
        second = [ad.gradients(s, values) for s in slopes]
        np.testing.assert_allclose(second, curvature, rtol=1e-12, atol=1e-15, err_msg=what)


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (ad.norm, [0.0, 0.0]),
        (ad.norm, [0.0, -0.0, 0.0]),
        (lambda x: ad.atan2(*x), [0.0, 0.0]),
        (lambda x: ad.sum(map(ad.abs, x)), [0.0, -0.0]),
        (lambda x: ad.sqrt(ad.dot(x, x)), [0.0, 0.0]),
        (lambda x: ad.norm(x) * ad.norm(x), [0.0, 0.0]),
    ],
)
def test_at_a_kink_the_second_derivative_is_zero_as_the_first(
    function: Callable[..., Any], point: list[float]
) -> None:
    values = list(map(ad.Value, point))
    assert ad.gradients(function(values), values) == [0.0] * len(point)
    assert _second_derivatives(function, point) == [[0.0] * len(point)] * len(point)
    assert not np.any(ad.hessian(lambda x: function(x))(point))


@pytest.mark.parametrize("low", [-1e9, -1e30, -INF])
def test_a_logit_far_below_knows_the_shares_of_the_others(low: float) -> None:
    logits = [ad.Value(x) for x in (low, 0.0, math.log(3.0))]
    assert ad.gradients(ad.log_softmax(logits)[0], logits) == pytest.approx([1.0, -0.25, -0.75])
    assert ad.gradients(ad.softmax(logits)[0], logits) == [0.0, 0.0, 0.0]
