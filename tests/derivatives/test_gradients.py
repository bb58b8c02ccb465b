"""gradients(): results instead of ``grad``, differentiable to any order."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Constant, Value
from autograd_mini.core.modes import switched
from tests.random_graphs import FUNCTIONS, Program, programs


def close(a: float, b: float, rel: float = 1e-12) -> bool:
    return math.isclose(a, b, rel_tol=rel, abs_tol=1e-300)


def derivatives(f: Callable[[Any], Any], x: float, order: int) -> list[float]:
    """f'(x), f''(x), ... by differentiating gradients again."""
    leaf = Value(x)
    y, found = f(leaf), []
    for _ in range(order):
        y = ad.gradients(y, leaf, create_graph=True)
        found.append(y.data)
    return found


# What it takes and returns.


def test_one_node_gives_one_result_and_a_sequence_a_list() -> None:
    a, b = Value(2.0), Value(5.0)
    y = a * a * b
    assert ad.gradients(y, a) == 20.0
    assert ad.gradients(y, [a]) == [20.0]
    assert ad.gradients(y, (a, b)) == [20.0, 4.0]
    assert ad.gradients([y, a], (a, b)) == [21.0, 4.0]
    nodes: Any = np.array([a, b])
    assert ad.gradients(y, nodes) == [20.0, 4.0]
    assert type(ad.gradients(y, a)) is float
    assert type(ad.gradients(a + b, a)) is float


def test_no_grad_is_touched() -> None:
    a, b = Value(2.0), Value(5.0)
    middle = a * b
    y = middle * a
    for node in (a, b, middle, y):
        node.grad = 7.0
    ad.gradients(y, [a, b])
    ad.gradients(y, [a, b], create_graph=True)
    assert [node.grad for node in (a, b, middle, y)] == [7.0] * 4


def test_toward_interior_nodes_and_the_output_itself() -> None:
    x = Value(0.5)
    hidden = x.tanh()
    y = hidden * hidden + x
    assert ad.gradients(y, [y, hidden, x]) == [
        1.0,
        2 * hidden.data,
        2 * hidden.data * (1 - hidden.data**2) + 1.0,
    ]
    slopes = ad.gradients(y, [y, hidden], create_graph=True)
    assert [slope.data for slope in slopes] == [1.0, 2 * hidden.data]


def test_unreachable_inputs_get_zero() -> None:
    x, other = Value(3.0), Value(4.0)
    assert ad.gradients(x * x, [x, other]) == [6.0, 0.0]
    zero = ad.gradients(x * x, other, create_graph=True)
    assert type(zero) is Constant
    assert zero.data == 0.0
    assert ad.gradients(zero, x) == 0.0
    assert ad.gradients([], [x]) == [0.0]


def test_constants_get_and_pass_nothing() -> None:
    x = Value(3.0)
    frozen = x.detach()
    y = x * frozen
    assert ad.gradients(y, [x, frozen]) == [3.0, 0.0]
    assert ad.gradients(frozen, [x, frozen]) == [0.0, 0.0]
    assert [g.data for g in ad.gradients(y, [x, frozen], create_graph=True)] == [3.0, 0.0]


def test_seeds_weigh_the_outputs() -> None:
    x = Value(3.0)
    outputs = [x * x, 5 * x]
    assert ad.gradients(outputs, x, seeds=[2.0, -1.0]) == 2 * 6.0 - 5.0
    assert ad.gradients(x * x, x, seeds=0.5) == 3.0
    array: Any = np.array([1.0, 0.0])
    assert ad.gradients(outputs, x, seeds=array) == 6.0
    assert ad.gradients([x, x], x, seeds=[1.0, 1.5]) == 2.5


def test_seeds_may_be_values_with_create_graph() -> None:
    x, v = Value(3.0), Value(2.0)
    slope = ad.gradients(x**3, x, seeds=v, create_graph=True)
    assert slope.data == 54.0
    assert ad.gradients(slope, [x, v]) == [36.0, 27.0]
    with pytest.raises(TypeError, match="create_graph=True"):
        ad.gradients(x**3, x, seeds=v)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("outputs", "wrt", "seeds", "error", "message"),
    [
        (1.0, Value(1.0), None, TypeError, "outputs must be a Value"),
        (Value(1.0), "x", None, TypeError, "wrt must be a Value"),
        ([Value(1.0), 2.0], Value(1.0), None, TypeError, "outputs must hold Values only, got fl"),
        (Value(1.0), [None], None, TypeError, "wrt must hold Values only, got NoneType"),
        ([Value(1.0)], Value(1.0), [1.0, 2.0], ValueError, "2 seeds for 1 outputs"),
        (Value(1.0), Value(1.0), "1", TypeError, "expected a"),
    ],
)
def test_bad_arguments(
    outputs: Any, wrt: Any, seeds: Any, error: type[Exception], message: str, create_graph: bool
) -> None:
    with pytest.raises(error, match=message):
        ad.gradients(outputs, wrt, seeds=seeds, create_graph=create_graph)


# Agreement.


@given(programs())
def test_equal_to_backward_in_both_forms(program: Program) -> None:
    leaves = [Value(x) for x in program.leaves]
    y = program.run(leaves, FUNCTIONS)
    numbers = ad.gradients(y, leaves)
    values = ad.gradients(y, leaves, create_graph=True)
    assert all(leaf.grad == 0.0 for leaf in leaves)
    if not isinstance(y, Constant):
        y.backward()
    assert numbers == [leaf.grad for leaf in leaves]
    magnitude = max(map(abs, numbers), default=0.0) + 1.0
    for number, value in zip(numbers, values, strict=True):
        assert abs(number - value.data) <= 1e-10 * magnitude


def _power_of_2(order: int) -> Callable[[float], float]:
    return lambda x: math.log(2) ** order * 2.0**x


CLOSED_FORMS: list[tuple[str, Callable[[Any], Any], list[Callable[[float], float]]]] = [
    ("sin", ad.sin, [math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x), math.sin]),
    ("exp", ad.exp, [math.exp] * 4),
    ("log", ad.log, [lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3]),
    ("power", lambda x: x**5, [lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2]),
    ("exponent", lambda x: 2.0**x, [_power_of_2(k) for k in (1, 2, 3)]),
    (
        "sqrt",
        ad.sqrt,
        [lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5, lambda x: 0.375 * x**-2.5],
    ),
    (
        "reciprocal",
        lambda x: 1 / x,
        [lambda x: -1 / x**2, lambda x: 2 / x**3, lambda x: -6 / x**4, lambda x: 24 / x**5],
    ),
    (
        "tanh",
        ad.tanh,
        [
            lambda x: 1 - math.tanh(x) ** 2,
            lambda x: -2 * math.tanh(x) * (1 - math.tanh(x) ** 2),
            lambda x: (1 - math.tanh(x) ** 2) * (6 * math.tanh(x) ** 2 - 2),
        ],
    ),
    (
        "erf",
        ad.erf,
        [
            lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x),
            lambda x: -4 * x / math.sqrt(math.pi) * math.exp(-x * x),
            lambda x: (8 * x * x - 4) / math.sqrt(math.pi) * math.exp(-x * x),
        ],
    ),
    (
        "x sin x",
        lambda x: x * ad.sin(x),
        [
            lambda x: math.sin(x) + x * math.cos(x),
            lambda x: 2 * math.cos(x) - x * math.sin(x),
            lambda x: -3 * math.sin(x) - x * math.cos(x),
        ],
    ),
    ("x**x", lambda x: x**x, [lambda x: x**x * (math.log(x) + 1)]),
    ("abs", lambda x: ad.abs(-x), [lambda x: 1.0, lambda x: 0.0]),
    ("relu cubed", lambda x: ad.relu(x) ** 3, [lambda x: 3 * x * x, lambda x: 6 * x]),
    ("prod", lambda x: ad.prod([x, x, x]), [lambda x: 3 * x * x, lambda x: 6 * x, lambda x: 6.0]),
    ("norm", lambda x: ad.norm([x, x]), [lambda x: math.sqrt(2), lambda x: 0.0]),
]


@pytest.mark.parametrize("x", [0.3, 1.7])
@pytest.mark.parametrize(("name", "f", "forms"), CLOSED_FORMS, ids=[c[0] for c in CLOSED_FORMS])
def test_higher_derivatives_have_their_closed_forms(
    name: str, f: Callable[[Any], Any], forms: list[Callable[[float], float]], x: float
) -> None:
    for found, form in zip(derivatives(f, x, len(forms)), forms, strict=True):
        assert found == pytest.approx(form(x), rel=1e-12, abs=1e-14)


def test_the_tenth_derivative() -> None:
    assert derivatives(lambda x: x**12, 1.5, 10)[-1] == pytest.approx(
        math.factorial(12) / 2 * 1.5**2, rel=1e-12
    )


@pytest.mark.parametrize("name", [n for n, row in ad.PRIMITIVES.items() if not row.has_vectors])
def test_double_backward_agrees_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    from tests.torch_rows import TORCH, WITHOUT_DERIVATIVE

    row = ad.PRIMITIVES[name]
    fixed = WITHOUT_DERIVATIVE.get(name, ())
    rng = np.random.default_rng(7)
    for _ in range(5):
        point = [rng.uniform(low, high) for low, high in row.domains]
        ours = [Value(x) for x in point]
        theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
        kept = [i for i in range(len(point)) if i not in fixed]
        mine = [o if i in kept else o.data for i, o in enumerate(ours)]
        their = [t if i in kept else t.item() for i, t in enumerate(theirs)]
        y, z = FUNCTIONS[name](*mine), TORCH[name](*their)
        if not getattr(z, "requires_grad", False):
            continue
        slopes = ad.gradients(y, [ours[i] for i in kept], create_graph=True)
        expected = torch.autograd.grad(
            z, [theirs[i] for i in kept], create_graph=True, materialize_grads=True
        )
        for slope, want in zip(slopes, expected, strict=True):
            assert slope.data == pytest.approx(want.item(), rel=1e-12, abs=1e-14)
            found = ad.gradients(slope, [ours[i] for i in kept])
            second = [0.0] * len(kept)
            if want.requires_grad:
                second = torch.autograd.grad(
                    want, [theirs[i] for i in kept], retain_graph=True, materialize_grads=True
                )
            assert found == pytest.approx([float(s) for s in second], rel=1e-11, abs=1e-13)


# Partial derivatives on Values: comparisons, constants, users' rows.


def test_comparisons_are_decided_by_the_data() -> None:
    x = Value(2.0)
    for y, expected in [
        (ad.relu(x), 1.0),
        (ad.maximum(x, 3.0), 0.0),
        (ad.maximum(x, 2.0), 0.5),
        (ad.minimum(2.0, x), 0.5),
        (ad.clip(x, -1.0, 1.0), 0.0),
        (ad.where(ad.greater(x, 0), x, 0.0), 1.0),
    ]:
        slope = ad.gradients(y, x, create_graph=True)
        assert type(slope) is Constant
        assert slope.data == expected


def test_nothing_leaks_from_the_arm_not_taken() -> None:
    x = Value(0.0)
    for arm in (ad.log(x), ad.sqrt(x - 1.0), 1 / x, x**-1.5, x / x):
        for condition in (x > 0, ad.greater(x, 0), 0.0, False):
            y = ad.where(condition, arm, x * x * x + x)
            slope = ad.gradients(y, x, create_graph=True)
            curvature = ad.gradients(slope, x, create_graph=True)
            third = ad.gradients(curvature, x, create_graph=True)
            assert (slope.data, curvature.data, third.data) == (1.0, 0.0, 6.0)


def test_the_arm_not_taken_of_a_partial_makes_no_node() -> None:
    base, exponent = Value(0.0), Value(2.0)
    y = base**exponent
    with ad.detect_anomaly():  # log(0) stands in the other arm
        slope = ad.gradients(y, exponent, create_graph=True)
    assert slope.data == 0.0


def test_zero_carries_nothing_as_over_floats() -> None:
    x = Value(0.0)
    y = x * ad.log(x)  # toward log(x) the local derivative is 0, and log'(0) is infinite
    assert ad.gradients(y, x) == -math.inf
    assert ad.gradients(y, x, create_graph=True).data == -math.inf


def test_a_zero_factor_keeps_its_second_derivative() -> None:
    a, b = Value(3.0), Value(0.0)
    toward_a = ad.gradients(a * b, a, create_graph=True)
    assert ad.gradients(toward_a, b) == 1.0


def test_the_mixed_derivative_of_a_power_at_exponent_zero() -> None:
    a, b = Value(1.6), Value(0.0)
    y = a**b
    assert ad.gradients(y, a) == 0.0
    toward_a = ad.gradients(y, a, create_graph=True)
    toward_b = ad.gradients(y, b, create_graph=True)
    assert ad.gradients(toward_a, b) == pytest.approx(1 / 1.6, rel=1e-12)
    assert ad.gradients(toward_b, a) == pytest.approx(1 / 1.6, rel=1e-12)
    twice_b = ad.gradients(toward_a, b, create_graph=True)
    assert ad.gradients(twice_b, b) == pytest.approx(2 * math.log(1.6) / 1.6, rel=1e-12)


def test_partials_are_evaluated_only_toward_what_is_asked() -> None:
    x, poison = Value(2.0), Value(0.0)
    y = x * x + ad.sqrt(poison)
    slope = ad.gradients(y, x, create_graph=True)
    assert {node.op for node in ad.topological_order(slope)} <= {"", "add", "mul", "constant"}
    assert poison not in ad.topological_order(slope)


def test_users_rows_have_higher_derivatives(register: Callable[..., Any]) -> None:
    cube = register("my_cube", "x", "x**3", ["3 * x**2"], [(0.5, 2.0)])
    assert derivatives(cube, 2.0, 3) == pytest.approx([12.0, 12.0, 6.0], rel=1e-12)
    twice = register("my_twice", "x", "my_cube(x) + x", ["3 * x**2 + 1"], [(0.5, 2.0)])
    assert derivatives(twice, 2.0, 2) == pytest.approx([13.0, 12.0], rel=1e-12)
    powers = register("my_powers", "x...", "sum(x**3)", ["3 * x**2"], [(0.5, 2.0)])
    assert derivatives(lambda x: powers((x, x)), 2.0, 2) == pytest.approx([24.0, 24.0], rel=1e-12)


def test_numbers_alone_in_a_partial_follow_ieee(register_unchecked: Callable[..., Any]) -> None:
    step = register_unchecked(
        "my_step", "x", "x * x", ["2 * x + 1 / where(x > 0, 1, 0)"], [(0.5, 2.0)]
    )
    y = step(Value(-1.0))
    x = y.parents[0]
    assert ad.gradients(y, x) == math.inf
    assert ad.gradients(y, x, create_graph=True).data == math.inf


class Traced(Value):
    """What the compiler's nodes are like: no data, comparisons that are recorded."""

    __slots__ = ()
    _traced = True

    def __gt__(self, other: Any) -> Any:
        return ad.greater(self, other)

    def __lt__(self, other: Any) -> Any:
        return ad.less(self, other)

    def __ge__(self, other: Any) -> Any:
        return ad.greater_equal(self, other)

    def __le__(self, other: Any) -> Any:
        return ad.less_equal(self, other)

    def __bool__(self) -> bool:
        raise ad.TraceError("no number while tracing")


def traced(op: str, parents: tuple[Value, ...]) -> Traced:
    node = Traced.__new__(Traced)
    node.op, node.parents, node.label = op, parents, ""
    return node


def test_traced_nodes_keep_their_comparisons() -> None:
    x = Traced.__new__(Traced)
    x.op, x.parents, x.label = "", (), "x"
    with switched(record=traced):
        y = ad.relu(x) + ad.abs(x) + ad.maximum(x, x * x)
        slope = ad.gradients(y, x, create_graph=True)
    ops = {node.op for node in ad.topological_order(slope)}
    assert {"where", "sign", "less", "less_equal", "equal"} <= ops
    assert not any(hasattr(node, "data") for node in ad.topological_order(y) if node.parents)


# Modes, depth, threads.


@pytest.mark.parametrize("create_graph", [False, True])
def test_detect_anomaly_names_the_operation_that_gives_an_infinite_gradient(
    create_graph: bool,
) -> None:
    with ad.detect_anomaly():
        p = Value(0.0, "p")
        y = ad.sqrt(p) * 2
        with pytest.raises(ad.AnomalyError, match=r"backward of sqrt gave gradient inf toward p"):
            ad.gradients(y, p, create_graph=create_graph)
    assert ad.gradients(y, p, create_graph=create_graph) is not None  # outside, IEEE
    assert p.grad == 0.0


def test_detect_anomaly_sees_gradients_as_values_when_they_are_made() -> None:
    with ad.detect_anomaly():
        x = Value(1e200)
        slope = ad.gradients(1 / x, x, create_graph=True)
        with pytest.raises(ad.AnomalyError, match=r"made at .*test_gradients\.py"):
            slope * math.inf


def test_no_grad_gives_constants() -> None:
    x = Value(2.0)
    y = x**3
    with ad.no_grad():
        slope = ad.gradients(y, x, create_graph=True)
    assert type(slope) is Constant
    assert slope.data == 12.0


def test_long_chains() -> None:
    x = Value(0.5)
    y = x
    for _ in range(100_000):
        y = y * 1.0 + 1e-9
    assert ad.gradients(y, x) == 1.0
    y = x
    for _ in range(20_000):
        y = ad.sin(y)
    slope = ad.gradients(y, x, create_graph=True)
    assert close(slope.data, ad.gradients(y, x), rel=1e-10)
    assert math.isfinite(ad.gradients(slope, x))


def test_threads_do_not_disturb_each_other() -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> list[float]:
        start.wait()
        x = 0.1 * (seed + 1)
        with ad.detect_anomaly() if seed % 2 else switched():
            return [sum(derivatives(lambda v: ad.tanh(v) * ad.exp(v), x, 3)) for _ in range(30)]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    alone = [
        sum(derivatives(lambda v: ad.tanh(v) * ad.exp(v), 0.1 * (seed + 1), 3)) for seed in range(4)
    ]
    assert results == [[number] * 30 for number in alone]


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=5))
def test_vector_rows_second_order(xs: list[float]) -> None:
    leaves = [Value(x) for x in xs]
    slopes = ad.gradients(ad.logsumexp(leaves), leaves, create_graph=True)
    p = np.exp(xs) / np.exp(xs).sum()
    rows = [ad.gradients(slope, leaves) for slope in slopes]
    assert np.allclose(rows, np.diag(p) - np.outer(p, p), rtol=1e-11, atol=1e-14)
