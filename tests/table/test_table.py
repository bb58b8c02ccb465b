"""Every row of the derivative table over its own domain; a new row is tested as it stands."""

from __future__ import annotations

import builtins
import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.table.primitives import Primitive, define
from tests.mpmath_rows import MPMATH
from tests.random_graphs import FUNCTIONS, ROWS

POINTS = 40


def sample(row: Primitive, rng: random.Random) -> list[float]:
    """Flat operands inside the row's domain; vectors of one to four elements."""
    length = rng.randint(1, 4)
    point: list[float] = []
    for operand, (low, high) in zip(row.operands, row.domains, strict=True):
        size = length if operand.kind == "vector" else 1
        point += [rng.uniform(low, high) for _ in range(size)]
    return point


def samples(name: str) -> list[list[float]]:
    rng = random.Random(name)
    return [sample(ad.PRIMITIVES[name], rng) for _ in range(POINTS)]


def two_sided_difference(
    f: Callable[[list[Any]], Any], point: Sequence[Any], i: int, h: Any
) -> Any:
    """Fourth-order central difference (Abramowitz & Stegun 25.3.21): error O(h**4)."""

    def moved(steps: int) -> Any:
        return f([*point[:i], point[i] + steps * h, *point[i + 1 :]])

    return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h)


@pytest.mark.parametrize("name", ROWS)
def test_derivatives_agree_with_two_sided_differences(name: str) -> None:
    row = ad.PRIMITIVES[name]
    for point in samples(name):
        _, derivatives = row.linearize(point)
        assert len(derivatives) == len(point)
        for i, derivative in enumerate(derivatives):
            difference = two_sided_difference(row.evaluate, point, i, 2e-3)
            assert derivative == pytest.approx(difference, rel=1e-6, abs=1e-8), f"{name}{point}"


@pytest.mark.parametrize("name", ROWS)
def test_value_and_derivatives_to_full_precision(name: str) -> None:
    """Against mpmath: values at 40 digits, derivatives by differences of those values."""
    row = ad.PRIMITIVES[name]

    def exact(point: list[Any]) -> Any:
        return MPMATH[name](*row.split(point))

    with mp.workdps(60):
        for point in samples(name):
            y, derivatives = row.linearize(point)
            precise = list(map(mp.mpf, point))
            assert_close(y, exact(precise), conditioned(row, point, derivatives), f"{name}{point}")
            for i, derivative in enumerate(derivatives):
                difference = two_sided_difference(exact, precise, i, mp.mpf(10) ** -12)
                assert_close(derivative, difference, 1.0, f"{name}{point} toward {i}")


def conditioned(row: Primitive, point: Sequence[float], derivatives: Sequence[float]) -> float:
    """Size of what is added up in the value: an error of a rounding unit of it is no fault."""
    return sum(abs(d * x) for d, x in zip(derivatives, point, strict=True))


def assert_close(ours: float, exact: Any, size: float, what: str) -> None:
    tolerance = 1e-13 * abs(exact) + 16 * 2.0**-52 * size
    assert abs(ours - exact) <= tolerance, f"{what}: {ours!r}, expected {float(exact)!r}"


@pytest.mark.parametrize("name", ROWS)
def test_function_over_values_records_the_row(name: str) -> None:
    """The node of the public function: op, parents in order, and the row's local derivatives."""
    row = ad.PRIMITIVES[name]
    for point in samples(name)[:8]:
        operands = [ad.Value(x) for x in point]
        node = FUNCTIONS[name](*row.split(operands))
        y, derivatives = row.linearize(point)
        assert (node.op, node.data) == (name, y)
        assert node.local_derivatives == pytest.approx(derivatives, rel=1e-15)
        assert len(node.parents) == len(operands)
        assert all(p is o for p, o in zip(node.parents, operands, strict=True))
        assert type(node.data) is float
        assert all(type(d) is float for d in node.local_derivatives)
        assert FUNCTIONS[name](*row.split(point)) == y


@pytest.mark.parametrize("name", ROWS)
def test_numbers_among_the_operands_are_constants(name: str) -> None:
    """Whichever operands are Values: value the same, derivative 0 toward the numbers."""
    row = ad.PRIMITIVES[name]
    point = samples(name)[0]
    y, derivatives = row.linearize(point)
    for kept in itertools.product([True, False], repeat=len(point)):
        operands = [ad.Value(x) if keep else x for x, keep in zip(point, kept, strict=True)]
        node = FUNCTIONS[name](*row.split(operands))
        if not any(kept):
            assert node == y
            assert type(node) is float
            continue
        expected = [d if keep else 0.0 for d, keep in zip(derivatives, kept, strict=True)]
        assert node.data == y
        assert list(node.local_derivatives) == expected
        for parent, x, keep in zip(node.parents, point, kept, strict=True):
            assert (parent.op, parent.data) == ("" if keep else "constant", x)


UNARY = [
    name
    for name, row in ad.PRIMITIVES.items()
    if len(row.operands) == 1 and not row.has_vectors and name not in {"abs", "neg"}
]


@pytest.mark.parametrize("name", UNARY)
def test_unary_rows_are_methods_too(name: str) -> None:
    x = ad.Value(samples(name)[0][0])
    node, other = getattr(x, name)(), getattr(ad, name)(x)
    assert (node.op, node.data) == (name, other.data)
    assert node.local_derivatives == other.local_derivatives


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: ad.leaky_relu(-2.0), -0.02),
        (lambda: ad.leaky_relu(-2.0, 0.5), -1.0),
        (lambda: ad.elu(-1.0), math.expm1(-1.0)),
        (lambda: ad.elu(-1.0, 2.0), 2 * math.expm1(-1.0)),
        (lambda: ad.dot([1.0, 2.0], [3.0, 4.0]), 11.0),
        (lambda: ad.dot([1.0, 2.0], [3.0, 4.0], 0.5), 11.5),
        (lambda: ad.dot([], []), 0.0),
        (lambda: ad.sum([]), 0.0),
        (lambda: ad.prod([]), 1.0),
        (lambda: type(ad.prod([])), float),
        (lambda: ad.sum(range(5)), 10.0),
        (lambda: ad.mean(iter([1, 2, 6])), 3.0),
        (lambda: ad.softmax([3.0]), [1.0]),
        (lambda: ad.log_softmax([3.0]), [0.0]),
        (lambda: ad.variance([5.0]), 0.0),
    ],
)
def test_defaults_and_short_vectors(call: Callable[[], Any], expected: Any) -> None:
    assert call() == expected


def test_default_operands_are_constants_of_the_node() -> None:
    node = ad.leaky_relu(ad.Value(-2.0))
    assert [p.data for p in node.parents] == [-2.0, 0.01]
    assert node.local_derivatives == (0.01, 0.0)


def test_softmax_outputs_take_their_own_logit_first() -> None:
    logits = [ad.Value(x, name) for x, name in [(1.0, "a"), (2.0, "b"), (3.0, "c")]]
    for function in (ad.softmax, ad.log_softmax):
        outputs = function(logits)
        orders = [[p.label for p in output.parents] for output in outputs]
        assert orders == [["a", "b", "c"], ["b", "a", "c"], ["c", "a", "b"]]


@pytest.mark.parametrize("name", ["mean", "variance", "norm", "logsumexp", "softmax"])
def test_an_empty_vector_is_refused_where_it_means_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs at least 1 value, got none"):
        getattr(ad, name)([])


def test_a_sum_in_the_table_stays_accurate_for_close_logits_and_far_ones() -> None:
    assert ad.logsumexp([1e-20, -800.0]) == 1e-20
    assert ad.logsumexp([0.0, -50.0]) == pytest.approx(math.exp(-50), rel=1e-15)
    assert ad.log_softmax([0.0, -50.0])[0] == pytest.approx(-math.exp(-50), rel=1e-15)


# The checks on the table itself, and what they say.


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("tanh", "x", "x", ["1"], [(0, 1)]), "'tanh' exists already"),
        (("Upper", "x", "x", ["1"], [(0, 1)]), "not a lower-case identifier"),
        (("lambda", "x", "x", ["1"], [(0, 1)]), "not a lower-case identifier"),
        (("pi", "x", "x", ["1"], [(0, 1)]), "not a lower-case identifier"),
        (("f", "x", "x", ["1", "2"], [(0, 1)]), "2 partials for 1 operands"),
        (("f", "x", "x", ["1"], [(0, 1), (0, 1)]), "2 domains for 1 operands"),
        (("f", "x, x", "x", ["1", "1"], [(0, 1)] * 2), "names an operand twice"),
        (("f", "X", "X", ["1"], [(0, 1)]), "operand 'X' is not a name"),
        (("f", "y", "y", ["1"], [(0, 1)]), "in the formulas y is the output"),
        (("f", "n...", "sum(n)", ["1"], [(0, 1)]), "n is the length of the vectors"),
        (("f", "exp", "exp", ["1"], [(0, 1)]), "operand 'exp' has the name of a function"),
        (("f", "x", "x +", ["1"], [(0, 1)]), "is not an expression"),
        (("f", "x", "x + z", ["1"], [(0, 1)]), "z"),
        (("f", "x", "nothing(x)", ["1"], [(0, 1)]), "nothing"),
        (("f", "x", "x.real", ["1"], [(0, 1)]), "x.real"),
        (("f", "x", "x if x else 1", ["1"], [(0, 1)]), "x if x else 1"),
        (("f", "x", "[x]", ["1"], [(0, 1)]), "[x]"),
        (("f", "x", "'text'", ["1"], [(0, 1)]), "text"),
        (("f", "x", "__import__('os')", ["1"], [(0, 1)]), "import"),
        (("f", "x", "x > 0", ["1"], [(0, 1)]), "x > 0"),
        (("f", "x", "x", ["1"], [(1, 0)]), "not a finite interval"),
        (("f", "x", "x", ["1"], [(0, math.inf)]), "not a finite interval"),
        (("f", "x", "x | 1", ["1"], [(0, 1)]), "separator of the table"),
        (("f", "x", "x", ["1; 2"], [(0, 1)]), "separator of the table"),
        (("f", "x", "exp(x, x)", ["1"], [(0, 1)]), "cannot be evaluated"),
        (("f", "x", "n * x", ["1"], [(0, 1)]), "n"),
        (("f", "x", "sum(x)", ["1"], [(0, 1)]), "sum"),
        (("f", "x", "where(x != 0, x, 0)", ["1"], [(0, 1)]), "comparison 'x != 0' is not known"),
        (("f", "x", "-" * 5000 + "x", ["1"], [(0, 1)]), "is nested too deeply"),
        (("f", "x", "where(x)", ["1"], [(0, 1)]), "'f': formula 'where(x)': where takes"),
        (("f", "x", "9" * 400, ["1"], [(0, 1)]), "'f': formula"),
        (("f", "x", "x * 1e999", ["1"], [(0, 1)]), "beyond the range of float64"),
        (("f", "x, k=1e999", "x", ["1", "0"], [(0, 1)] * 2), "beyond float64"),
        (("f", "k=1, x", "x", ["0", "1"], [(0, 1)] * 2), "come last"),
        (("f", "x..., c?", "sum(x) + c", ["1", "1"], [(0, 1)] * 2), "two vectors or more"),
        (("f", "x, c?", "x + c", ["1", "1"], [(0, 1)] * 2), "two vectors or more"),
        (("f", "x...", "2 * x", ["2"], [(0, 1)]), "gives a vector"),
        (("f", "x..., a", "sum(x) * a", ["a", "x"], [(0, 1)] * 2), "gives a vector"),
        (("f", "x...", "sum(where(x > 0, x, 0))", ["1"], [(0, 1)]), "compares a vector"),
        (("f", "x...", "sum(where(x, x, 0))", ["1"], [(0, 1)]), "compares a vector"),
        *[
            ((mark, "x", "x", ["1"], [(0, 1)]), "not a lower-case identifier free to use")
            for mark in ("constant", "input", "integer_input", "take")
        ],
        (("f", "x", "log(x)", ["1 / x"], [(-2, -1)]), "the middle of its domain"),
        (("f", "x", "x", ["log(x)"], [(-2, -1)]), "the middle of its domain"),
    ],
)
def test_a_malformed_row_is_refused_and_changes_nothing(row: Any, message: str) -> None:
    before = dict(ad.PRIMITIVES)
    with pytest.raises(ValueError, match=r"[a-z]") as caught:
        ad.register_primitive(*row)
    assert message in str(caught.value)
    assert dict(ad.PRIMITIVES) == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("f | x | x | 1", "has 4 columns, expected 5 to 7"),
        ("f | x | x | 1 | 0..1 | What. | Cure. | more", "has 8 columns"),
        ("f | x | x | 1 | 0..a", "domain '0..a' is not LOW..HIGH"),
    ],
)
def test_a_malformed_line_of_the_table_is_refused(row: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        define(row)


def test_the_table_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        ad.PRIMITIVES["mine"] = ad.PRIMITIVES["exp"]  # type: ignore[index]


def test_registered_rows_work_like_built_in_ones(register: Callable[..., Any]) -> None:
    swish = register(
        "swish", "x, beta=1", "x * sigmoid(beta * x)",
        ["sigmoid(beta * x) + beta * y * sigmoid(-beta * x)", "x * y * sigmoid(-beta * x)"],
        [(-3.0, 3.0), (0.5, 2.0)],
    )  # fmt: skip
    x, beta = ad.Value(0.7), ad.Value(1.3)
    y = swish(x, beta)
    y.backward()
    s = 1 / (1 + math.exp(-0.7 * 1.3))
    assert y.data == pytest.approx(0.7 * s, rel=1e-15)
    assert x.grad == pytest.approx(s + 1.3 * 0.7 * s * (1 - s), rel=1e-14)
    assert beta.grad == pytest.approx(0.49 * s * (1 - s), rel=1e-14)
    assert swish(0.7) == pytest.approx(0.7 / (1 + math.exp(-0.7)), rel=1e-15)
    assert swish(x).parents[1].op == "constant"


def test_registered_vector_rows_and_rows_that_use_registered_ones(
    register: Callable[..., Any],
) -> None:
    cube = register("cubed", "x", "x ** 3", ["3 * x ** 2"], [(0.5, 2.0)])
    cubes = register("sum_cubed", "x...", "sum(cubed(x))", ["3 * square(x)"], [(0.5, 2.0)])
    values = [ad.Value(2.0), 3.0, ad.Value(-1.0)]
    y = cubes(values)
    assert (y.data, y.local_derivatives) == (34.0, (12.0, 0.0, 3.0))
    assert cubes([2.0, 1.0]) == 9.0
    assert cube(ad.Value(2.0)).local_derivatives == (12.0,)


def test_a_wrong_derivative_is_caught_by_the_differences(
    register_unchecked: Callable[..., Any],
) -> None:
    register_unchecked("wrong_sine", "x", "sin(x)", ["-cos(x)"], [(-1.0, 1.0)])
    with pytest.raises(AssertionError, match="wrong_sine"):
        test_derivatives_agree_with_two_sided_differences("wrong_sine")
    MPMATH["wrong_sine"] = mp.sin
    try:
        with pytest.raises(AssertionError, match=r"wrong_sine.* toward 0"):
            test_value_and_derivatives_to_full_precision("wrong_sine")
    finally:
        del MPMATH["wrong_sine"]


def test_registered_vector_rows_are_called_as_the_built_in_ones(
    register: Callable[..., Any],
) -> None:
    weigh = register(
        "weigh", "a..., b..., c?", "dot(a, b) + c", ["b", "a", "1"], [(0.0, 1.0)] * 3
    )  # fmt: skip
    a = [ad.Value(1.0), ad.Value(2.0)]
    assert weigh(iter(a), iter([3.0, 4.0])).data == 11.0
    assert weigh(np.array(a), (3.0, 4.0), a[0]).local_derivatives == (3.0, 4.0, 0.0, 0.0, 1.0)
    assert weigh((x for x in (1.0, 2.0)), [3.0, 4.0]) == 11.0
    with pytest.raises(ValueError, match="weigh needs vectors of one length, got 2 and 1"):
        weigh(a, [1.0])
    for single in (a[0], 3.0, "12"):
        with pytest.raises(TypeError, match="weigh takes a sequence of values, got one"):
            weigh(a, single)
    half = register("half_mean", "x..., k=0.5", "k * sum(x) / n", ["k / n", "y / k"], [(0, 1)] * 2)
    with pytest.raises(ValueError, match="half_mean needs at least 1 value, got none"):
        half([])
    assert half(a).local_derivatives == (0.25, 0.25, 0.0)


def test_operands_that_do_not_divide_are_refused() -> None:
    for name, count in [("dot", 0), ("mul", 3), ("mul", 1), ("softmax", 0)]:
        operands = [1.0] * count
        if (name, count) != ("dot", 0):
            with pytest.raises(ValueError, match=f"{name} takes .*{count} operands"):
                ad.PRIMITIVES[name].split(operands)
        else:
            assert ad.PRIMITIVES[name].split(operands) == [[], [], 0.0]


BUILTINS = [
    n for n in dir(builtins) if n.islower() and n[0] != "_" and n not in {*ad.PRIMITIVES, "input"}
]


@pytest.mark.parametrize("name", [*BUILTINS, "new", "value", "node", "general", "f_", "where_"])
def test_names_of_builtins_and_helpers_are_free(name: str, register: Callable[..., Any]) -> None:
    uses = register("uses", f"{name}, k=2", f"{name} * k * k", ["k * k", f"2 * k * {name}"],
                    [(0, 1), (1, 2)])  # fmt: skip
    many = register("many", f"{name}...", f"sum({name} * {name})", [f"2 * {name}"], [(0, 1)])
    row = register(name, "x", "3 * x", ["3"], [(0, 1)])
    calls = register("calls", "x...", f"sum({name}(x)) / n", ["3 / n"], [(0, 1)])
    after = register("f", "x", f"{name}(x) * x", [f"2 * {name}(x)"], [(0, 1)])
    x = ad.Value(2.0)
    nodes = [row(x), uses(x), calls([x, 1.0]), many([x, 1.0]), after(x)]
    assert [node.data for node in nodes] == [6.0, 8.0, 4.5, 5.0, 12.0]
    assert [ad.gradients(node, x) for node in nodes] == [3.0, 4.0, 1.5, 4.0, 12.0]
    assert [ad.gradients(n, x, create_graph=True).data for n in nodes] == [3.0, 4.0, 1.5, 4.0, 12.0]
    assert uses(**{name: x}).data == 8.0


def test_defaults_and_domains_are_numbers_as_python_writes_them(
    register: Callable[..., Any],
) -> None:
    low, high = np.float64(0.5), np.float32(2.0)
    f = register("f", "x, eps = 1e-3", "x + eps", ["1", "1"], [(low, high), (0, 1)])
    assert f(1.0) == 1.001
    with pytest.raises(TypeError, match="one formula an operand"):
        register("g", "x", "x", "1", [(0, 1)])
    with pytest.raises(TypeError, match="pairs of numbers"):
        register("g", "x", "x", ["1"], [0, 1])


@pytest.mark.parametrize("index", [math.nan, math.inf, "1", None, slice(1), 0.5, True, [1]])
def test_take_refuses_what_is_no_whole_number(index: Any) -> None:
    with pytest.raises(TypeError, match="whole number"):
        ad.take([1.0, 2.0], index)


@pytest.mark.parametrize("index", [-1, 2, 10**400, 1e300])
def test_take_refuses_what_is_out_of_range(index: Any) -> None:
    with pytest.raises(IndexError, match="out of range for 2 values"):
        ad.take([1.0, 2.0], index)


def test_masked_logits_have_probability_zero_and_no_gradient() -> None:
    masked = -math.inf
    logits = [Value(1.0), Value(masked), Value(2.0), Value(masked)]
    probabilities = ad.softmax(logits)
    expected = 1 / (1 + math.exp(1.0))
    assert [p.data for p in probabilities] == pytest.approx([expected, 0.0, 1 - expected, 0.0])
    assert [p.data for p in ad.log_softmax(logits)][1::2] == [masked, masked]
    ad.dot(probabilities, [1.0, 2.0, 3.0, 4.0]).backward()
    slope = expected * (1 - expected) * 2.0
    assert [logit.grad for logit in logits] == pytest.approx([-slope, 0.0, slope, 0.0])
