"""Gradients beside difference quotients, read back from the panels."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

import autograd_mini as ad
import nn
from viz import plot_gradient_check

THETA = np.array([0.5, -1.0, 2.0])


def cube(theta: Any) -> float:
    """Its gradient is 3 theta**2, and its third derivative 6."""
    return float((np.asarray(theta) ** 3).sum())


def marks(axes: Axes) -> dict[str, np.ndarray[Any, Any]]:
    """Size and relative error of the derivatives, of those that are right and wrong."""
    return {str(each.get_label()): np.asarray(each.get_offsets()) for each in axes.collections}


def curves(axes: Axes) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    lines = {line.get_gid(): line.get_data() for line in axes.get_lines() if line.get_gid()}
    return {str(name): (np.asarray(x), np.asarray(y)) for name, (x, y) in lines.items()}


def test_right_ones_lie_below_the_tolerance() -> None:
    quotients = [1.0, -200.0, 3e-4]
    axes = plot_gradient_check(np.array(quotients) * (1 + 1e-8), quotients)
    assert axes.get_title(loc="left") == "All 3 derivatives are right"
    [(name, found)] = marks(axes).items()
    assert name == "right"
    np.testing.assert_allclose(found[:, 0], np.abs(quotients), rtol=1e-7)
    np.testing.assert_allclose(found[:, 1], 1e-8, rtol=1e-6)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_wrong_ones_are_named() -> None:
    axes = plot_gradient_check([1.0, 2.02, -3.0], [1.0, 2.0, 3.0], names=["a", "b", "c"])
    assert axes.get_title(loc="left") == "2 of 3 derivatives are wrong"
    found = marks(axes)
    np.testing.assert_allclose(found["wrong"], [[2.02, 0.02 / 2.02], [3.0, 2.0]])
    assert [text.get_text() for text in axes.texts] == ["c", "b"]  # the worst first
    low, high = axes.get_ylim()
    assert all(low < error < high for points in found.values() for error in points[:, 1])


def test_derivatives_in_the_structure_of_the_arguments() -> None:
    arguments = np.array([[1.0, 2.0]]), {"b": 3.0, "c": [4.0, 5.0]}

    def f(W: Any, others: Any) -> Any:
        return W[0][0] ** 2 * W[0][1] * others["b"] + others["c"][0] * others["c"][1]

    gradient = ad.grad(f, argnums=(0, 1))(*arguments)
    axes = plot_gradient_check(gradient, ad.numerical_gradient(f, *arguments))
    assert axes.get_title(loc="left") == "All 5 derivatives are right"
    expected = [12.0, 3.0, 2.0, 5.0, 4.0]
    np.testing.assert_allclose(marks(axes)["right"][:, 0], expected, rtol=1e-9)


def test_zeros_are_compared_too() -> None:
    axes = plot_gradient_check([0.0, 0.0, 1.0], [0.0, 0.1, 1.0])
    assert axes.get_title(loc="left") == "1 of 3 derivatives is wrong"
    axes = plot_gradient_check([0.0], [0.0])
    assert axes.get_title(loc="left") == "The derivative is right"


@pytest.mark.parametrize(("tolerances", "wrong"), [({}, 1), ({"rtol": 0.1}, 0), ({"atol": 0.1}, 0)])
def test_tolerances(tolerances: dict[str, Any], wrong: int) -> None:
    axes = plot_gradient_check([1.0, 1.01], [1.0, 1.0], **tolerances)
    assert len(marks(axes).get("wrong", [])) == wrong


def test_rounding_in_quotients_of_small_derivatives_is_no_error() -> None:
    axes = plot_gradient_check([1.0, 1e-9], [1.0, 1.1e-9])
    assert axes.get_title(loc="left") == "All 2 derivatives are right"


def test_a_function_gives_the_error_over_the_step() -> None:
    axes = plot_gradient_check(3.0 * THETA**2, cube, at=THETA)
    agreement, errors = axes.figure.axes
    assert agreement is axes
    assert axes.get_title(loc="left") == "All 3 derivatives are right"
    found = curves(errors)
    length = np.linalg.norm(3.0 * THETA**2)
    for name, order, expected in (("one-sided", 1, 3.0 * THETA), ("two-sided", 2, np.ones(3))):
        h, error = found[name]
        large = (h < 0.3) & (h > 1e-3)
        leading = np.linalg.norm(expected) / length * h[large] ** order  # Taylor's next term
        np.testing.assert_allclose(error[large], leading, rtol=0.1)
        assert error[-1] > 1e-3  # rounding
    assert errors.xaxis_inverted()


def test_one_panel_for_the_steps(tmp_path: Path) -> None:
    figure, axes = plt.subplots()
    path = tmp_path / "check.svg"
    assert plot_gradient_check(3.0 * THETA**2, cube, path, ax=axes, at=THETA) is axes
    assert figure.axes == [axes]
    assert {*curves(axes)} == {"one-sided", "two-sided"}
    assert path.exists()
    plot_gradient_check(THETA, THETA, tmp_path / "other.svg")
    assert plt.get_fignums() == [figure.number]


def test_a_model_after_its_backward_pass() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    theta = nn.parameters_to_vector(model)

    def loss(numbers: Any) -> ad.Value:
        nn.vector_to_parameters(numbers, model)
        return nn.half_squared_error(model([0.5, -1.0]), [0.3])

    loss(theta).backward()
    axes = plot_gradient_check(model, loss)
    assert axes.get_title(loc="left") == "All 13 derivatives are right"
    np.testing.assert_array_equal(nn.parameters_to_vector(model), theta)
    model.parameters()[4].grad *= 1.1
    axes = plot_gradient_check(model.parameters(), loss)
    assert model.parameters()[4].label == "layers.0.neurons.1.weights.1"
    assert [text.get_text() for text in axes.texts] == ["w¹₂₂"]


def half_or_raise(answers: list[Any], model: nn.MLP) -> Any:
    """A loss that sets the parameters, and from its fourth call on gives what is in the list."""
    calls = []

    def loss(numbers: Any) -> Any:
        nn.vector_to_parameters(numbers, model)
        calls.append(1)
        answer = answers[0] if len(calls) > 3 else 1.0 + float(numbers @ numbers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return loss


@pytest.mark.parametrize(
    ("answer", "error"),
    [(RuntimeError("stop"), RuntimeError), (np.inf, ValueError), ("text", TypeError)],
)
def test_parameters_are_put_back_after_an_error(answer: Any, error: type[Exception]) -> None:
    model = nn.MLP(2, [1], rng=0)
    theta = nn.parameters_to_vector(model)
    for parameter in model.parameters():
        parameter.grad = 1.0
    with pytest.raises(error):
        plot_gradient_check(model, half_or_raise([answer], model))
    np.testing.assert_array_equal(nn.parameters_to_vector(model), theta)
    assert plt.get_fignums() == []


def test_memory_does_not_grow_with_the_square_of_the_parameters() -> None:
    theta = np.linspace(1.0, 2.0, 20_000)
    tracemalloc.start()
    try:
        plot_gradient_check(2.0 * theta, lambda at: float(at @ at), at=theta, most=3)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1000 * theta.nbytes / 8  # the square has 20,000 rows


class TwoRows(nn.Module):
    """Layers under two words for one thing."""

    def __init__(self) -> None:
        self.layers, self.modules = [nn.Linear(1, 1, rng=0)], [nn.Linear(1, 1, rng=1)]

    def __call__(self, x: Any) -> Any:
        return self.modules[0](self.layers[0](x))


def test_no_two_derivatives_share_a_name() -> None:
    model = TwoRows()
    parameters = model.parameters()
    for parameter in parameters:
        parameter.grad = 1.0
    axes = plot_gradient_check(parameters, [2.0, 3.0, 4.0, 5.0])
    names = ["b¹₁", "b\N{PRIME}¹₁", "w¹₁₁", "w\N{PRIME}¹₁₁"]
    assert sorted(text.get_text() for text in axes.texts) == names


def test_calls_of_the_function_are_limited() -> None:
    calls = []

    def counted(theta: Any) -> float:
        calls.append(1)
        return float(theta @ theta)

    theta = np.linspace(1.0, 2.0, 1000)
    plot_gradient_check(2.0 * theta, counted, at=theta, most=5)
    assert len(calls) < 5 * 150


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([1.0], [1.0, 2.0]), {}, ValueError, "differences must be 1, .* got 2"),
        (([], []), {}, ValueError, "gradient is empty"),
        (
            (["a"], [1.0]),
            {},
            TypeError,
            "gradient must hold real numbers, got the str 'a'",
        ),
        (
            ([1.0, np.nan], [1.0, 1.0]),
            {},
            ValueError,
            r"gradient must hold finite numbers, got nan in gradient\[1\]",
        ),
        (([1.0], [np.inf]), {}, ValueError, "differences must hold finite numbers, got inf"),
        (
            ([1.0], [1.0]),
            {"names": "ab"},
            ValueError,
            "names must be 1 texts, one for each derivative, got 2",
        ),
        (([1.0], [1.0]), {"rtol": -1.0}, ValueError, "rtol must be finite and at least 0"),
        (([1.0], [1.0]), {"atol": "a"}, TypeError, "atol must be a number"),
        (([1.0], cube), {}, ValueError, "differences is a function: pass at="),
        (([1.0], cube), {"at": [1.0, 2.0]}, ValueError, "at must be 1, .* got 2"),
        (([1.0], cube), {"at": [1.0], "most": 0}, ValueError, "most must be at least 1"),
        (([1.0], cube), {"at": [1.0], "most": 1.0}, TypeError, "most must be an int"),
        (([1.0], [1.0]), {"ax": 1}, TypeError, "ax must be an Axes"),
    ],
)
def test_bad_arguments(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plot_gradient_check(*arguments, **options)
    assert plt.get_fignums() == []


def boxes(axes: Axes) -> tuple[list[Any], list[Any]]:
    """Where names and marks are in the drawn picture, in pixels."""
    figure: Any = axes.figure
    figure.canvas.draw()
    names = [text.get_window_extent() for text in axes.texts]
    spots = axes.transData.transform(np.concatenate([*marks(axes).values()]))
    return names, [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in spots]


@pytest.mark.parametrize("n", [2, 12, 40])
@pytest.mark.parametrize("length", [1, 4, 28])
@pytest.mark.parametrize("spread", [0.0, 9.0])
def test_names_cover_neither_marks_nor_each_other(n: int, length: int, spread: float) -> None:
    rng = np.random.default_rng(n)
    gradient = rng.normal(size=n) * 10.0 ** rng.integers(-4, 3, n)
    off = gradient * (1.0 + 10.0 ** -rng.uniform(0.0, spread, n))
    names = [f"{i:{length}}" for i in range(n)]
    axes = plot_gradient_check(gradient, off, names=[name.replace(" ", "w") for name in names])
    shown, spots = boxes(axes)
    assert shown or length == 28
    assert len(shown) <= 8
    panel = axes.get_window_extent()
    for i, box in enumerate(shown):
        assert panel.x0 <= box.x0 < box.x1 <= panel.x1
        assert not any(box.overlaps(other) for other in [*shown[:i], *spots])
    [wrong] = [name for name in marks(axes) if name.startswith("wrong")]
    bad = int((marks(axes)[wrong]).shape[0])
    assert wrong == ("wrong" if len(shown) == bad else f"wrong, {len(shown)} of {bad} named")


@pytest.mark.parametrize("sizes", [[3.0, 4.0], [1.0, 1.0], [2e-9, 5e7], [1e-300, 1e299]])
def test_the_axis_of_sizes_has_whole_decades(sizes: list[float]) -> None:
    axes = plot_gradient_check(sizes, sizes)
    axes.figure.canvas.draw()
    low, high = np.log10(axes.get_xlim())
    np.testing.assert_allclose([low, high], np.round([low, high]), atol=1e-9)
    written = [text.get_text() for text in axes.get_xticklabels(minor=True)]
    assert not any(written)
    found = [text.get_window_extent() for text in axes.get_xticklabels() if text.get_text()]
    inside = [box for box in found if box.x1 > 0]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(inside))


def test_before_a_backward_pass() -> None:
    model = nn.MLP(2, [3, 1], rng=0)

    def loss(numbers: Any) -> ad.Value:
        nn.vector_to_parameters(numbers, model)
        return nn.half_squared_error(model([0.5, -1.0]), [0.3])

    with pytest.raises(ValueError, match=r"all gradients are 0.*: call loss\.backward\(\) first"):
        plot_gradient_check(model, loss)
    with pytest.raises(TypeError, match="gradient is the class MLP, not an object of it"):
        plot_gradient_check(nn.MLP, loss)
    assert plt.get_fignums() == []


def test_one_leaf() -> None:
    x = ad.Value(2.0, "x")
    (x * x).backward()
    axes = plot_gradient_check(x, [4.5])
    assert [text.get_text() for text in axes.texts] == ["x"]
