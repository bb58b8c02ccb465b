"""NumPy on either side of an operator, and its functions over object arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value

UFUNCS = {
    **{name: name for name in ["exp", "expm1", "log", "log1p", "log2", "log10", "sqrt"]},
    **{name: name for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh"]},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan"},
    **{"arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"},
    **{"absolute": "abs", "negative": "neg"},
    **{"square": "square", "reciprocal": "reciprocal"},
}
BINARY_UFUNCS = {
    **{"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "power": "pow"},
    **{"arctan2": "atan2", "hypot": "hypot"},
}


@pytest.mark.parametrize(("ufunc", "row"), UFUNCS.items())
def test_unary_ufuncs_reach_the_table(ufunc: str, row: str) -> None:
    low, high = ad.PRIMITIVES[row].domains[0]
    numbers = np.linspace(low + 0.01, high, 4).reshape(2, 2)
    values = np.vectorize(Value, otypes=[object])(numbers)
    results = getattr(np, ufunc)(values)
    assert results.shape == (2, 2)
    np.testing.assert_allclose([r.data for r in results.flat], getattr(np, ufunc)(numbers).flat)
    for value, result in zip(values.flat, results.flat, strict=True):
        result.backward()
        expected = ad.PRIMITIVES[row].linearize([value.data])[1][0]
        assert value.grad == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("ufunc", "row"), UFUNCS.items())
def test_unary_ufuncs_take_a_single_value(ufunc: str, row: str) -> None:
    value = Value(ad.PRIMITIVES[row].domains[0][1])
    assert type(getattr(np, ufunc)(value)) is Value


@pytest.mark.parametrize(("ufunc", "row"), BINARY_UFUNCS.items())
def test_binary_ufuncs_reach_the_table(ufunc: str, row: str) -> None:
    left = np.array([Value(1.5), Value(0.5)])
    rights: list[Any] = [np.array([Value(2.0), Value(0.7)]), np.array([2.0, 0.7]), 2.0, Value(2.0)]
    for right in rights:
        for result, a, b in zip(
            getattr(np, ufunc)(left, right), left, np.broadcast_to(right, 2), strict=True
        ):
            b_data = b.data if isinstance(b, Value) else float(b)
            y, derivatives = ad.PRIMITIVES[row].linearize([a.data, b_data])
            assert result.data == pytest.approx(y, rel=1e-15)
            assert result.local_derivatives[0] == pytest.approx(derivatives[0], rel=1e-14)


OPERATIONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a**b,
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.array])
def test_numpy_scalars_on_either_side_give_values(
    operation: Callable[[Any, Any], Any], kind: Callable[[Any], Any]
) -> None:
    v = Value(1.5)
    for node, expected in [
        (operation(kind(2), v), operation(2.0, 1.5)),
        (operation(v, kind(2)), operation(1.5, 2.0)),
    ]:
        assert type(node) is Value
        assert type(node.data) is float
        assert node.data == expected


@pytest.mark.parametrize("operation", OPERATIONS)
def test_number_arrays_on_either_side_work_element_by_element(
    operation: Callable[[Any, Any], Any],
) -> None:
    v, numbers = Value(1.5), np.array([[1.0, 2.0], [3.0, 4.0]])
    for results, expected in [
        (operation(numbers, v), operation(numbers, 1.5)),
        (operation(v, numbers), operation(1.5, numbers)),
    ]:
        assert results.shape == (2, 2)
        assert all(type(r) is Value for r in results.flat)
        np.testing.assert_array_equal([r.data for r in results.flat], expected.ravel())
    with pytest.raises(TypeError, match="does not turn into a float"):
        operation(numbers, v).astype(float)


def test_matrix_products_over_object_arrays() -> None:
    numbers = np.array([[1.0, 2.0, -1.0], [3.0, 4.0, 0.5]])
    x = np.array([Value(1.0), Value(-2.0), Value(3.0)])
    y = numbers @ x
    ad.backward(list(y), [1.0, 10.0])
    np.testing.assert_array_equal([v.data for v in y], numbers @ [1.0, -2.0, 3.0])
    np.testing.assert_array_equal([v.grad for v in x], [1.0, 10.0] @ numbers)
    weights = np.vectorize(Value, otypes=[object])(numbers)
    out = weights @ np.array([1.0, -2.0, 3.0])
    assert [v.data for v in out] == list(numbers @ [1.0, -2.0, 3.0])
    assert [v.data for v in x @ weights.T] == list(numbers @ [1.0, -2.0, 3.0])


def test_reductions_over_object_arrays() -> None:
    x = np.array([Value(1.0), Value(2.0), Value(4.0)])
    for result, slope in [(x.sum(), 1.0), (np.mean(x), 1 / 3), (np.dot([1.0, 1.0, 1.0], x), 1.0)]:
        for v in x:
            v.grad = 0.0
        result.backward()
        assert [v.grad for v in x] == pytest.approx([slope] * 3, rel=1e-15)
    assert np.linalg.norm(x).data == pytest.approx(21**0.5, rel=1e-15)


def test_comparing_arrays_gives_arrays_of_bool() -> None:
    x = np.array([Value(1.0), Value(2.0)])
    assert (x > 1.5).tolist() == [False, True]
    assert (np.float64(1.5) < x).tolist() == [False, True]


def test_an_array_of_values_is_no_operand_of_a_scalar_function() -> None:
    with pytest.raises(TypeError, match="got ndarray"):
        ad.exp(np.array([1.0, 2.0]))  # type: ignore[call-overload]


@pytest.mark.parametrize("ufunc", ["cbrt", "exp2", "degrees"])
def test_ufuncs_without_a_row_are_refused(ufunc: str) -> None:
    with pytest.raises(TypeError, match=ufunc):
        getattr(np, ufunc)(Value(1.0))


def test_vector_functions_take_arrays() -> None:
    x = np.array([Value(1.0), Value(2.0)])
    assert ad.sum(x).data == 3.0
    assert ad.dot(np.array([3.0, 4.0]), x).data == 11.0
    assert [p.data for p in ad.softmax(x)] == ad.softmax(np.array([1.0, 2.0]))


def test_variance_and_standard_deviation_of_an_array() -> None:
    xs = np.array([Value(x) for x in (1.0, 2.0, 4.0)])
    numbers = np.array([1.0, 2.0, 4.0])
    assert np.var(xs).data == pytest.approx(np.var(numbers), rel=1e-14)
    spread = np.std(xs)
    spread.backward()
    expected = (numbers - numbers.mean()) / (3 * np.std(numbers))
    assert [x.grad for x in xs] == pytest.approx(expected, rel=1e-13)
