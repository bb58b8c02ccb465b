"""grad, value_and_grad, jacobian, hessian, hvp: structures, composition, closed forms."""

from __future__ import annotations

import itertools
import math
import threading
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import autograd_mini as ad
from autograd_mini import Constant, Value
from tests.random_graphs import FUNCTIONS, Program, programs

Point = namedtuple("Point", "a b")


def rosenbrock(x: Any) -> Any:
    return ad.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)])


def rosenbrock_gradient(x: np.ndarray) -> np.ndarray:
    g = np.zeros_like(x)
    g[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def rosenbrock_hessian(x: np.ndarray) -> np.ndarray:
    h = np.zeros((len(x), len(x)))
    for i in range(len(x) - 1):
        h[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        h[i, i + 1] = h[i + 1, i] = -400 * x[i]
        h[i + 1, i + 1] += 200
    return h


VECTORS = st.integers(2, 5).flatmap(
    lambda n: arrays(np.float64, n, elements=st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3))
)


# Structures.


def product_of_all(x: Any) -> Any:
    from autograd_mini.derivatives.trees import flatten

    return ad.prod(flatten(x))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (3.0, 1.0),
        (3, 1.0),
        (np.float64(3.0), 1.0),
        ([2.0, 3.0], [3.0, 2.0]),
        ((2.0, 3.0), (3.0, 2.0)),
        ([[2.0], (3.0, [4.0])], [[12.0], (8.0, [6.0])]),
        ({"w": 2.0, "b": [3.0]}, {"w": 3.0, "b": [2.0]}),
        (Point(2.0, [3.0]), Point(3.0, [2.0])),
        ([], []),
    ],
)
def test_the_result_has_the_structure_of_the_argument(x: Any, expected: Any) -> None:
    found = ad.grad(product_of_all)(x)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, object])
def test_arrays_give_arrays_of_float64(dtype: Any) -> None:
    x = np.array([[1, 2], [3, 4]], dtype=dtype)
    found = ad.grad(lambda a: np.sum(a**2))(x)
    assert found.dtype == np.float64
    assert np.array_equal(found, 2.0 * np.array([[1, 2], [3, 4]]))


def test_arrays_inside_containers_and_of_no_dimension() -> None:
    w, b = ad.grad(lambda p: np.sum(p[0] @ p[1]))([np.eye(2), np.array([3.0, 4.0])])
    assert np.array_equal(w, [[3.0, 4.0], [3.0, 4.0]])
    assert np.array_equal(b, [1.0, 1.0])
    scalar = ad.grad(lambda x: x * x)(np.array(3.0))
    assert scalar.shape == ()
    assert scalar == 6.0


def test_argnums() -> None:
    def f(x: Any, y: Any, z: Any = 1.0) -> Any:
        return x * y * y * z

    assert ad.grad(f)(2.0, 3.0) == 9.0
    assert ad.grad(f, 1)(2.0, 3.0) == 12.0
    assert ad.grad(f, -1)(2.0, 3.0) == 12.0
    assert ad.grad(f, (1, 0))(2.0, 3.0) == (12.0, 9.0)
    assert ad.grad(f, [0])(2.0, 3.0, z=2.0) == (18.0,)
    assert ad.grad(f, ())(2.0, 3.0) == ()
    assert ad.hessian(f, (0, 1))(2.0, 3.0) == ((0.0, 6.0), (6.0, 4.0))


@pytest.mark.parametrize(
    ("argnums", "error"),
    [
        (2, ValueError),
        (-3, ValueError),
        ((0, 0), ValueError),
        ((0, -2), ValueError),
        ("x", TypeError),
        (1.0, TypeError),
    ],
)
@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian])
def test_wrong_argnums(transform: Callable[..., Any], argnums: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        transform(lambda x, y: x * y, argnums)(1.0, 2.0)


def test_other_arguments_pass_through_untouched() -> None:
    seen = []

    def f(x: Any, flag: str, scale: float = 1.0) -> Any:
        seen.append((flag, type(scale)))
        return x * scale

    assert ad.grad(f)(2.0, "keep", scale=4) == 4.0
    assert seen == [("keep", int)]


def test_the_name_and_documentation_stay() -> None:
    assert ad.grad(rosenbrock).__name__ == "rosenbrock"


# What cannot be differentiated.


@pytest.mark.parametrize("x", ["1", None, 1j, {1.0}, [1.0, "2"], np.array([1j]), iter([1.0])])
def test_arguments_without_numbers(x: Any) -> None:
    with pytest.raises(TypeError, match="argument 0 must be a number"):
        ad.grad(lambda v: 1.0)(x)


@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad, ad.hessian])
@pytest.mark.parametrize("f", [lambda x: [x], lambda x: (x, x), lambda x: {}, lambda x: np.ones(1)])
def test_a_gradient_needs_one_number(transform: Callable[..., Any], f: Any) -> None:
    with pytest.raises(TypeError, match="returns one number"):
        transform(f)(1.0)


@pytest.mark.parametrize("transform", [ad.grad, ad.jacobian])
@pytest.mark.parametrize("f", [lambda x: None, lambda x: "x", lambda x: {x}])
def test_a_result_without_numbers(transform: Callable[..., Any], f: Any) -> None:
    with pytest.raises(TypeError, match="the result of the function must be a number"):
        transform(f)(1.0)


def test_the_function_s_own_error_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        ad.grad(lambda x: 1 // 0)(1.0)


@pytest.mark.parametrize("f", [lambda x: 5.0, lambda x: 5, lambda x: Value(2.0).detach()])
def test_a_function_that_ignores_its_argument_has_derivative_zero(f: Any) -> None:
    assert ad.grad(f)(2.0) == 0.0
    assert ad.grad(f)([2.0, (3.0,)]) == [0.0, (0.0,)]
    assert np.array_equal(ad.grad(f)(np.ones((2, 2))), np.zeros((2, 2)))
    assert ad.grad(ad.grad(f))(2.0) == 0.0
    assert ad.hessian(f)([2.0, 3.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert ad.hvp(f)([2.0, 3.0], [1.0, 1.0]) == [0.0, 0.0]
    assert ad.jacobian(lambda x: [f(x)])([1.0, 2.0]) == [[0.0, 0.0]]


def test_inputs_that_do_not_matter_have_derivative_zero() -> None:
    assert ad.grad(lambda x: x[0] * 2)([1.0, 2.0]) == [2.0, 0.0]


# Values.


def test_value_and_grad() -> None:
    value, gradient = ad.value_and_grad(rosenbrock)([1.5, 2.0])
    assert value == 100 * (2.0 - 2.25) ** 2 + 0.25
    assert type(value) is float
    assert gradient == pytest.approx(rosenbrock_gradient(np.array([1.5, 2.0])), rel=1e-12)
    assert ad.value_and_grad(lambda x: 4)(1.0) == (4.0, 0.0)


@given(VECTORS)
def test_gradient_and_hessian_of_rosenbrock(x: np.ndarray) -> None:
    scale = 1e-12 * (1 + 1200 * np.max(np.abs(x)) ** 3)
    assert np.allclose(ad.grad(rosenbrock)(x), rosenbrock_gradient(x), rtol=1e-12, atol=scale)
    hessian = ad.hessian(rosenbrock)(x)
    assert np.allclose(hessian, rosenbrock_hessian(x), rtol=1e-12, atol=scale)
    assert hessian.shape == (len(x), len(x))
    assert np.array_equal(np.array(ad.hessian(rosenbrock)(x.tolist())), hessian)


@given(VECTORS, st.randoms(use_true_random=False))
def test_hvp_is_the_hessian_times_the_vector(x: np.ndarray, random: Any) -> None:
    v = np.array([random.uniform(-1, 1) for _ in x])
    found = ad.hvp(rosenbrock)(x, v)
    expected = rosenbrock_hessian(x) @ v
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-9)
    assert ad.hvp(rosenbrock)(x.tolist(), v.tolist()) == found.tolist()


@given(programs())
def test_hvp_equals_hessian_times_vector_on_random_programs(program: Program) -> None:
    x = np.array(program.leaves)
    v = np.linspace(-1.0, 1.0, len(x)) + 0.25

    def f(values: Any) -> Any:
        return program.run(list(values), FUNCTIONS)

    hessian = ad.hessian(f)(x)
    scale = 1e-11 * (1.0 + np.abs(hessian).max())
    assert np.allclose(hessian, hessian.T, rtol=0, atol=scale)
    assert np.allclose(ad.hvp(f)(x, v), hessian @ v, rtol=0, atol=10 * scale)
    assert ad.grad(f)(program.leaves) == tuple(ad.grad(f)(x))


def test_hvp_with_several_arguments() -> None:
    def f(x: Any, y: Any) -> Any:
        return x[0] * x[0] * y + x[1] * y * y

    found = ad.hvp(f, argnums=(0, 1))([2.0, 3.0], 5.0, ([1.0, 0.0], -1.0))
    h = np.array([[10.0, 0, 4], [0, 0, 10], [4, 10, 6]])
    expected = h @ [1.0, 0.0, -1.0]
    assert found == ([expected[0], expected[1]], expected[2])


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (([1.0, 2.0], [1.0]), ValueError),
        (([1.0, 2.0], 1.0), ValueError),
        (([1.0, 2.0], np.ones((2, 1))), ValueError),
        (([1.0, 2.0], ["a", "b"]), TypeError),
        (({"a": 1.0}, {"b": 1.0}), ValueError),
        ((), TypeError),
    ],
)
def test_hvp_wants_a_vector_of_the_argument_s_shape(args: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ad.hvp(lambda x: product_of_all(x))(*args)


def test_hvp_of_a_list_takes_an_array_as_vector() -> None:
    assert ad.hvp(rosenbrock)([1.5, 2.0], np.array([1.0, 0.0])) == pytest.approx(
        rosenbrock_hessian(np.array([1.5, 2.0]))[0], rel=1e-12
    )


# Jacobians against NumPy.


@given(
    arrays(np.float64, (3, 2), elements=st.floats(-2, 2)),
    arrays(np.float64, 2, elements=st.floats(-2, 2)),
)
def test_jacobian_of_a_layer(w: np.ndarray, x: np.ndarray) -> None:
    slope = 1 - np.tanh(w @ x) ** 2
    toward_x = ad.jacobian(lambda x: np.tanh(w @ x))(x)
    toward_w = ad.jacobian(lambda w: np.tanh(w @ x))(w)
    assert np.allclose(toward_x, slope[:, None] * w, rtol=1e-12, atol=1e-14)
    expected = np.einsum("i,ik,j->ikj", slope, np.eye(3), x)
    assert toward_w.shape == (3, 3, 2)
    assert np.allclose(toward_w, expected, rtol=1e-12, atol=1e-14)


def test_jacobian_structures() -> None:
    def f(x: Any) -> Any:
        return {"sum": x[0] + x[1], "both": (x[0] * x[1], [x[1]])}

    assert ad.jacobian(f)([2.0, 3.0]) == {"sum": [1.0, 1.0], "both": ([3.0, 2.0], [[0.0, 1.0]])}
    assert ad.jacobian(lambda x: x * x)(3.0) == 6.0
    assert ad.jacobian(lambda x, y: [x, y], argnums=(0, 1))(1.0, 2.0) == [(1.0, 0.0), (0.0, 1.0)]
    mixed = ad.jacobian(lambda x: np.array([x[0], x[0] * x[1]]))([2.0, 3.0])
    assert np.array_equal(mixed, [[1.0, 3.0], [0.0, 2.0]])
    assert [part.shape for part in mixed] == [(2,), (2,)]
    rows = ad.jacobian(lambda x: list(x * x))(np.array([2.0, 3.0]))
    assert np.array_equal(rows, [[4.0, 0.0], [0.0, 6.0]])
    assert ad.jacobian(lambda x: [])([1.0]) == []
    assert ad.jacobian(lambda x: np.array([]))(np.ones(3)).shape == (0, 3)
    assert ad.jacobian(lambda x: x * 2)(np.ones((0,))).shape == (0, 0)
    assert ad.jacobian(lambda x: [x[0], 7])([1.0]) == [[1.0], [0.0]]


# Composition.


def test_third_derivatives_have_their_closed_forms() -> None:
    third = ad.grad(ad.grad(ad.grad(lambda x: ad.sin(x) * ad.exp(2 * x))))
    x = 0.4
    expected = math.exp(2 * x) * (2 * math.sin(x) + 11 * math.cos(x))
    assert third(x) == pytest.approx(expected, rel=1e-12)
    assert type(third(x)) is float


def test_third_derivatives_of_several_arguments() -> None:
    def f(x: Any) -> Any:
        return x[0] ** 3 * x[1] ** 2

    third = ad.jacobian(ad.hessian(f))(np.array([2.0, 3.0]))
    assert third.shape == (2, 2, 2)
    x, y = 2.0, 3.0
    assert third[0, 0, 0] == pytest.approx(6 * y * y, rel=1e-12)
    assert third[0, 0, 1] == third[0, 1, 0] == third[1, 0, 0] == pytest.approx(12 * x * y)
    assert third[0, 1, 1] == third[1, 1, 0] == pytest.approx(6 * x * x, rel=1e-12)
    assert third[1, 1, 1] == 0.0


def test_perturbations_are_not_confused() -> None:
    assert ad.grad(lambda x: x * ad.grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert ad.grad(lambda x: x * ad.grad(lambda y: x * y)(x))(3.0) == 6.0
    assert ad.grad(lambda x: ad.grad(lambda y: x * y)(x))(3.0) == 1.0
    inner = ad.grad(lambda x: ad.grad(lambda y: x**2 * y**3)(x))  # 3 x**4
    assert inner(2.0) == pytest.approx(96.0, rel=1e-12)
    nested = ad.grad(lambda x: ad.hessian(lambda y: x * y[0] ** 2 * y[1])([x, x])[0][0])
    assert nested(3.0) == pytest.approx(12.0, rel=1e-12)  # 2 x * x


def test_a_function_that_uses_grad_inside() -> None:
    def newton_step(x: Any) -> Any:
        f: Callable[[Any], Any] = lambda v: v**3 - 2.0  # noqa: E731 - as users write it
        return x - f(x) / ad.grad(f)(x)

    x = 1.3
    expected = (x**3 - 2.0) * 6 * x / (9 * x**4)
    assert ad.grad(newton_step)(x) == pytest.approx(expected, rel=1e-12)


def test_value_and_grad_inside_grad() -> None:
    def f(x: Any) -> Any:
        value, slope = ad.value_and_grad(lambda v: v**3)(x)
        return value * slope  # 3 x**5

    assert ad.grad(f)(2.0) == pytest.approx(15 * 16.0, rel=1e-12)


def test_jacobian_of_hvp_toward_the_vector_is_the_hessian() -> None:
    x = np.array([1.5, 2.0, -0.5])
    found = ad.jacobian(lambda v: ad.hvp(rosenbrock)(x, v))(np.ones(3))
    assert np.allclose(found, rosenbrock_hessian(x), rtol=1e-12, atol=1e-12)


def test_values_in_values_out() -> None:
    x = Value(2.0)
    slope = ad.grad(lambda v: v**3)(x)
    assert isinstance(slope, Value)
    assert ad.gradients(slope, x) == 12.0
    slopes = ad.grad(lambda a: np.sum(a**3))(np.array([x, x]))
    assert slopes.dtype == object
    assert ad.gradients(slopes[0], x) == 12.0
    assert x.grad == 0.0


def test_captured_values_flow() -> None:
    w = Value(3.0)
    slope = ad.grad(lambda x: w * x * x)(2.0)
    slope.backward()
    assert (slope.data, w.grad) == (12.0, 4.0)
    value, _ = ad.value_and_grad(lambda x: w * x)(2.0)
    assert ad.gradients(value, w) == 2.0


def test_constants_are_numbers() -> None:
    w = Value(3.0).detach()
    assert ad.grad(lambda x: w * x)(2.0) == 3.0
    assert ad.grad(lambda x: x * x)(w) == 6.0
    assert ad.hvp(lambda x: x**3)(2.0, Value(1.0).detach()) == 12.0


def test_no_gradient_is_left_behind() -> None:
    w = Value(3.0)
    ad.hessian(lambda x: w * x[0] * x[1])([1.0, 2.0])
    assert w.grad == 0.0


# Modes.


def test_inside_no_grad_the_derivatives_are_right() -> None:
    x, w = Value(2.0), Value(3.0)
    with ad.no_grad():
        assert ad.grad(lambda v: v**4)(2.0) == 32.0
        assert ad.grad(ad.grad(lambda v: v**4))(2.0) == 48.0
        assert ad.hessian(lambda v: v[0] * v[1])([1.0, 2.0]) == [[0.0, 1.0], [1.0, 0.0]]
        assert ad.hvp(lambda v: v**3)(2.0, 1.0) == 12.0
        assert ad.grad(lambda v: v * v * w)(x) == 12.0  # no graph outside: a number
        after = x * w
    assert isinstance(after, Constant)


def test_no_grad_inside_the_function() -> None:
    def f(x: Any) -> Any:
        with ad.no_grad():
            frozen = x * x
        return x * frozen

    assert ad.grad(f)(3.0) == 9.0


def test_detect_anomaly() -> None:
    with ad.detect_anomaly():
        with pytest.raises(ad.AnomalyError, match="backward of sqrt"):
            ad.grad(ad.sqrt)(0.0)
        with pytest.raises(ad.AnomalyError, match="log gave -inf"):
            ad.grad(ad.log)(0.0)
    assert ad.grad(ad.sqrt)(0.0) == math.inf


def test_second_derivatives_through_where_are_finite() -> None:
    safe = lambda x: ad.where(x > 0, x * ad.log(x), 0.0 * x)  # noqa: E731
    for order in (ad.grad(safe), ad.grad(ad.grad(safe)), ad.grad(ad.grad(ad.grad(safe)))):
        assert order(0.0) == 0.0
    assert ad.grad(ad.grad(safe))(2.0) == 0.5
    recorded = lambda x: ad.where(ad.greater(x, 0), ad.sqrt(x), x**3)  # noqa: E731
    assert ad.grad(ad.grad(recorded))(0.0) == 0.0


def test_threads() -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> list[list[float]]:
        start.wait()
        x = [0.5 + seed, 1.0 - seed]
        return [ad.hvp(rosenbrock)(x, [1.0, float(i)]) for i in range(25)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    for seed, results in enumerate(found):
        hessian = rosenbrock_hessian(np.array([0.5 + seed, 1.0 - seed]))
        for i, result in enumerate(results):
            assert result == pytest.approx(hessian @ [1.0, i], rel=1e-12, abs=1e-9)


# Against PyTorch.


def test_hessian_of_a_small_network_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    theta, x = rng.normal(size=13), rng.normal(size=2)

    def ours(t: Any) -> Any:
        hidden = [ad.tanh(ad.dot(t[3 * i : 3 * i + 2], x, t[3 * i + 2])) for i in range(3)]
        logits = [ad.dot(t[9:11], hidden[:2]), ad.dot(t[11:13], hidden[1:])]
        return ad.logsumexp(logits) - logits[0] + ad.softmax(logits)[1]

    def theirs(t: Any) -> Any:
        y = torch.tensor(x)
        hidden = torch.stack(
            [torch.tanh(t[3 * i : 3 * i + 2] @ y + t[3 * i + 2]) for i in range(3)]
        )
        logits = torch.stack([t[9:11] @ hidden[:2], t[11:13] @ hidden[1:]])
        return torch.logsumexp(logits, 0) - logits[0] + torch.softmax(logits, 0)[1]

    expected = torch.autograd.functional.hessian(theirs, torch.tensor(theta)).numpy()
    assert np.allclose(ad.hessian(ours)(theta), expected, rtol=1e-11, atol=1e-13)
    slope = torch.autograd.functional.jacobian(theirs, torch.tensor(theta)).numpy()
    assert np.allclose(ad.grad(ours)(theta), slope, rtol=1e-12, atol=1e-14)


def test_argnums_is_no_bool() -> None:
    with pytest.raises(TypeError, match="argnums must be an int"):
        ad.grad(lambda x, y: x * y, argnums=True)(1.0, 2.0)
