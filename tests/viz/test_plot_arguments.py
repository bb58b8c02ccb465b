"""What plots make of every kind of argument: a picture, or an error of their own."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import nn
import viz
from autograd_mini import Value
from viz import options
from viz.plots.plot_arguments import real_array

X, SIDES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]]), [0, 1, 0, 1]
NAN, INF = float("nan"), float("inf")


def right_of_one(points: Any) -> Any:
    return points[:, 0] - 1.0


def answering(answer: Any) -> Callable[[Any], Any]:
    """A model that says one and the same of each point, as far as there is something to say."""

    def model(points: Any) -> Any:
        return [answer[i % len(answer)] for i in range(len(points))]

    several = isinstance(answer, list) or (isinstance(answer, np.ndarray) and answer.ndim)
    return model if several and len(answer) else lambda _: answer


def pairs(given: Any) -> Any:
    """Two rows, of whatever has a length."""
    if isinstance(given, np.ndarray):
        return np.array([given, given]) if given.ndim else given
    return [given, given] if isinstance(given, list) else given


def squares(given: Any) -> Any:
    return pairs(pairs(given))


GIVEN: dict[str, Any] = {
    "None": None,
    "text": "abc",
    "bytes": b"ab",
    "number": 3,
    "complex": [1.0 + 2.0j, 2.0],
    "a complex": 1j,
    "large": [1e308, -1e308],
    "huge": [10**400, 1],
    "tiny": [5e-324, 1.0],
    "empty": [],
    "an empty array": np.zeros(0),
    "objects": np.array([object(), 1], dtype=object),
    "Values": [Value(1.0), Value(2.0)],
    "decimals": [Decimal("1"), Decimal("NaN")],
    "ragged": [[1.0, 2.0], [3.0]],
    "NaN": [NAN, 1.0],
    "NaNs": [NAN, NAN],
    "infinities": [INF, -INF],
    "dict": {"a": 1},
    "set": {1, 2},
    "texts": ["1", "2"],
    "dates": np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"),
    "records": np.zeros(2, dtype=[("a", float)]),
    "no dimension": np.array(1.0),
    "four dimensions": np.zeros((1, 1, 1, 1)),
    "class": nn.MLP,
    "function": lambda *_: 1.0,
}
CURVES = "large huge tiny decimals NaN NaNs infinities"
NAMES = (
    "text complex large huge tiny objects Values decimals ragged NaN NaNs infinities texts dates"
)
PLACES: dict[str, tuple[Callable[[Any], Axes], str]] = {
    "loss": (lambda given: viz.plot_history({"loss": given}), CURVES),
    "loss, logarithmic": (lambda given: viz.plot_history({"loss": given}, log=True), CURVES),
    "accuracy": (
        lambda given: viz.plot_history({"loss": [2.0, 1.0], "accuracy": given}),
        f"{CURVES} None empty an.empty.array",
    ),
    "X": (lambda given: viz.plot_decision_boundary(right_of_one, pairs(given), [0, 1]), "tiny"),
    "y": (
        lambda given: viz.plot_decision_boundary(right_of_one, X[:2], given),
        "large huge tiny infinities texts",
    ),
    "model": (lambda given: viz.plot_decision_boundary(given, X, SIDES), ""),
    "answer": (
        lambda given: viz.plot_decision_boundary(answering(given), X, SIDES, resolution=8),
        "large tiny NaN infinities",
    ),
    "labels": (
        lambda given: viz.plot_decision_boundary(right_of_one, X, SIDES, labels=given),
        f"{NAMES.removeprefix('text ')} None records",
    ),
    "margin": (
        lambda given: viz.plot_decision_boundary(right_of_one, X, SIDES, margin=given),
        "None number",
    ),
    "resolution": (
        lambda given: viz.plot_decision_boundary(right_of_one, X, SIDES, resolution=given),
        "number",
    ),
    "gradient": (lambda given: viz.plot_gradient_check(given, [1.0, 2.0]), "tiny"),
    "differences": (lambda given: viz.plot_gradient_check([1.0, 2.0], given), "tiny"),
    "at": (
        lambda given: viz.plot_gradient_check([1.0, 2.0], lambda x: x @ x / 2.0, at=given),
        "tiny",
    ),
    "function": (
        lambda given: viz.plot_gradient_check([1.0, 2.0], lambda _: given, at=[1.0, 2.0]),
        "number no.dimension",
    ),
    "names": (
        lambda given: viz.plot_gradient_check([1.0, 2.0], [1.0, 3.0], names=given),
        f"{NAMES.removeprefix('text ')} None records",
    ),
    "most": (
        lambda given: viz.plot_gradient_check([2.0], lambda x: x @ x, at=[1.0], most=given),
        "number",
    ),
    "rtol": (lambda given: viz.plot_gradient_check([1.0], [1.0], rtol=given), "number"),
    "matrix": (lambda given: viz.plot_confusion(pairs(given)), ""),
    "confusion labels": (
        lambda given: viz.plot_confusion([[1, 2], [3, 4]], labels=given),
        f"{NAMES.removeprefix('text ')} None records",
    ),
    "images": (lambda given: viz.plot_images(squares(given)), "tiny"),
    "titles": (
        lambda given: viz.plot_images(np.ones((2, 2, 2)), titles=given),
        f"{NAMES.removeprefix('text ')} None records",
    ),
    "columns": (lambda given: viz.plot_images(np.ones((2, 2, 2)), columns=given), "None number"),
    "weights": (lambda given: viz.plot_weights(pairs(given), shape=(1, 2)), "tiny"),
    "weight images": (lambda given: viz.plot_weights(squares(given)), "tiny"),
    "shape": (lambda given: viz.plot_weights(np.ones((2, 4)), shape=given), "None"),
}
NAMED = {  # what an error speaks of, where it is not what the place is called here
    "loss, logarithmic": "loss",
    "answer": "the function",
    "confusion labels": "labels",
    "weight images": "weights",
    "model function": "the function",
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("place", PLACES)
def test_a_picture_or_an_error_of_its_own(place: str, given: str) -> None:
    draw, drawn = PLACES[place]
    if given.replace(" ", ".") in drawn.split():
        axes: Any = draw(GIVEN[given])
        axes.figure.canvas.draw()  # no warning, no error then
        assert plt.get_fignums() == [axes.figure.number]
        return
    with pytest.raises((TypeError, ValueError)) as caught:
        draw(GIVEN[given])
    message = str(caught.value)
    assert NAMED.get(f"{place} {given}", NAMED.get(place, place)) in message
    assert len(message) < 300
    source = Path(traceback.extract_tb(caught.tb)[-1].filename)
    assert source.parent.name == "plots" or source == Path(options.__file__)
    foreign = ("could not convert", "float()", "inhomogeneous", "iterable", "0-d array", "overflow")
    assert not any(words in message for words in foreign)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: viz.plot_decision_boundary(right_of_one, X, SIDES, resolution=10**9),
            r"resolution must be 2 to 2,000, got 1000000000$",
        ),
        (
            lambda: viz.plot_decision_boundary(right_of_one, X, np.eye(5)[0]),
            "X has 4 points but y 5 entries",
        ),
        (
            lambda: viz.plot_images(np.zeros((60_000, 2, 2))),
            "images are 60,000 images, at most 400 are drawn",
        ),
        (lambda: viz.plot_confusion([[2**60]]), r"counts up to 2\*\*53"),
        (
            lambda: viz.plot_gradient_check([1.0], lambda x: NAN, at=[1.0]),
            "the function is nan where the gradient was taken",
        ),
        (
            lambda: viz.plot_gradient_check([1.0], lambda x: [x], at=[1.0]),
            r"the function must return one number, got shape \(1, 1\)",
        ),
    ],
)
def test_limits(draw: Callable[[], object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        draw()
    assert plt.get_fignums() == []


def test_a_tensor_that_needs_a_gradient_is_told_what_to_write() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"X must be .*: .*detach\(\)\.numpy\(\)"):
        viz.plot_decision_boundary(right_of_one, torch.ones(4, 2, requires_grad=True), SIDES)


def test_what_is_masked_is_no_number() -> None:
    masked = np.ma.MaskedArray([[1.0, 2.0]], mask=[[False, True]])
    with pytest.raises(ValueError, match=r"X must hold finite numbers, got nan in X\[0, 1\]"):
        viz.plot_decision_boundary(right_of_one, masked, [0])


MASKED = np.ma.MaskedArray([1.0, 2.0], mask=[True, False])
SECOND = [False, True]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (MASKED, [NAN, 2.0]),
        ([MASKED], [[NAN, 2.0]]),
        ([[MASKED], ([3.0, 4.0],)], [[[NAN, 2.0]], [[3.0, 4.0]]]),
        ([1.0, np.ma.masked], [1.0, NAN]),
        ([1, np.ma.masked], [1.0, NAN]),
        (np.ma.masked, NAN),
        (np.ma.MaskedArray([1, 2], mask=SECOND), [1.0, NAN]),
        (np.ma.MaskedArray([Decimal(1), "a"], mask=SECOND, dtype=object), [1.0, NAN]),
        (np.ma.MaskedArray([1.0, 2.0]), [1.0, 2.0]),
    ],
)
def test_what_is_masked_is_nan_in_lists_too(given: Any, expected: Any) -> None:
    np.testing.assert_array_equal(real_array(given, "X"), expected)


def test_lists_that_hold_themselves_are_refused() -> None:
    endless: list[Any] = [1.0]
    endless.append(endless)
    with pytest.raises((TypeError, ValueError), match="X must"):
        real_array(endless, "X")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (np.ma.MaskedArray([1 + 2j, 3 + 4j], mask=[True, False]), r"complex \(3\+4j\) in X\[1\]"),
        (np.ma.MaskedArray(["a", "b"], mask=[True, False]), r"the str 'b' in X\[1\]"),
        (["b", np.ma.masked], r"the str 'b' in X\[0\]"),
    ],
)
def test_masked_parts_of_what_is_no_number(given: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        real_array(given, "X")


@pytest.mark.parametrize(
    "classes",
    [
        np.ma.MaskedArray(["a", "b"] * 2, mask=[True, False, False, False]),
        [np.ma.masked, "b", "a", "b"],
        np.ma.MaskedArray([0, 1] * 2, mask=[True, False, False, False]),
    ],
)
def test_a_masked_class_is_none(classes: Any) -> None:
    with pytest.raises(
        TypeError, match=r"y must hold classes, numbers or texts, got nan in y\[0\]"
    ):
        viz.plot_decision_boundary(right_of_one, X, classes)


def test_options_may_be_numbers_of_numpy_and_other_real_ones() -> None:
    numbers: list[Any] = [np.float32(1.0), np.int64(1), Fraction(1)]
    for number in numbers:
        viz.plot_decision_boundary(right_of_one, X, SIDES, margin=number)
        axes = viz.plot_gradient_check([1.0], [1.5], rtol=number)
        assert axes.get_title(loc="left") == "The derivative is right"
        axes = viz.plot_gradient_check([1.0], [1.5], atol=number)
        assert axes.get_title(loc="left") == "The derivative is right"
    switches: list[Any] = [True, np.True_]
    for number in switches:
        with pytest.raises(TypeError, match="margin must be a number, got"):
            viz.plot_decision_boundary(right_of_one, X, SIDES, margin=number)
    with pytest.raises(ValueError, match="rtol must be finite and at least 0, got inf"):
        viz.plot_gradient_check([1.0], [1.5], rtol=10**400)


def test_options_of_a_few_may_be_arrays() -> None:
    shape: Any = np.array([1, 4])
    left, right, bottom, top = viz.plot_weights(np.ones((1, 4)), shape=shape).images[0].get_extent()
    assert (right - left, top - bottom) == (4.0, 1.0)
    texts: Any = np.array(["one", "other"])
    curves = {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}
    axes = viz.plot_history(curves, labels=texts)
    shown = axes.get_legend()
    assert shown is not None
    assert [text.get_text() for text in shown.get_texts()] == ["one", "other"]
    axes = viz.plot_decision_boundary(right_of_one, X, SIDES, axis_names=texts)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("one", "other")
    axes = viz.plot_images(np.ones((2, 2, 2)), titles=[3, np.int64(7)])
    assert [text.get_text() for text in axes.texts] == ["3", "7"]


def test_single_numbers_beside_curves_are_left_out() -> None:
    torch = pytest.importorskip("torch")
    for number in (0.1, np.array(0.1), np.float64(0.1), torch.tensor(0.1)):
        axes: Any = viz.plot_history({"loss": [1.0, 0.5], "lr": number})
        assert [panel.get_title(loc="left") for panel in axes.figure.axes] == ["Loss"]


@pytest.mark.parametrize("log", ["no", 1, None])
def test_log_is_a_bool(log: Any) -> None:
    with pytest.raises(TypeError, match="log must be True or False, got"):
        viz.plot_history({"loss": [1.0, 0.5]}, log=log)


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[3.0, 1.0], [0.0, 2.0]]),
        np.array([[3, 1], [0, 2]], dtype=object),
        np.ma.MaskedArray([[3, 1], [0, 2]]),
        [[Decimal(3), Fraction(1)], [0.0, np.uint8(2)]],
    ],
)
def test_counts_of_every_type(matrix: Any) -> None:
    axes = viz.plot_confusion(matrix)
    assert [text.get_text() for text in axes.texts] == ["3", "1", "2"]


def test_a_count_that_is_none_is_pointed_at() -> None:
    masked = np.ma.MaskedArray([[3, 1], [0, 2]], mask=[[False, True], [False, False]])
    given: dict[str, Any] = {"nan": masked, "0.5": [[3, 0.5], [0, 2]], "-1": [[3, -1], [0, 2]]}
    for told, matrix in given.items():
        with pytest.raises(TypeError, match=rf"holds counts.* got {told} in matrix\[0, 1\]"):
            viz.plot_confusion(matrix)


def test_shares_of_rows_whose_sum_is_no_whole_number_of_the_machine() -> None:
    most, k = 2**53 - 1, 1025
    matrix = np.zeros((k, k), dtype=np.int64)
    matrix[0] = most  # in all beyond 2**63
    axes = viz.plot_confusion(matrix)
    shades = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shades[0].max(), k**-0.5, rtol=1e-12)


def test_functions_may_return_numbers_of_numpy() -> None:
    point = np.array([1.0, 2.0])
    for function in (lambda x: (x**2).sum(), lambda x: np.array((x**2).sum())):
        axes = viz.plot_gradient_check(2.0 * point, function, at=point)
        assert axes.get_title(loc="left") == "All 2 derivatives are right"


def test_large_numbers_are_compared_as_others(tmp_path: Path) -> None:
    large = np.array([1e299, 3e299])
    axes = viz.plot_gradient_check(large, lambda x: float(large @ x), at=[1.0, 2.0])
    assert axes.get_title(loc="left") == "All 2 derivatives are right"
    error = np.asarray(axes.figure.axes[1].get_lines()[2].get_ydata(), dtype=float)
    assert np.nanmin(error) < 1e-14
    axes.figure.canvas.draw()


def test_long_and_odd_names_are_shown() -> None:
    names = ["a" * 10_000, "\ud800$x", "$\\frac$"]
    axes = viz.plot_confusion(np.eye(3, dtype=int), labels=names)
    axes.figure.canvas.draw()
    shown = [text.get_text() for text in axes.get_xticklabels()]
    assert [len(text) <= 40 for text in shown] == [True] * 3
    assert shown[1] == "\\ud800$x"
    assert shown[2] == r"\$\frac\$"
