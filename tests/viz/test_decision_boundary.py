"""The plane divided among classes: lines where the model is undecided, whatever it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import nn
from viz import plot_decision_boundary

X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
SIDES = np.array([0, 1, 0, 1])
THREE = np.array([[k, row] for row in (0.0, 1.0) for k in (0.0, 1.0, 2.0)])


def lines(axes: Axes) -> list[np.ndarray[Any, Any]]:
    """The points of each drawn line, that is of the contours that are not filled."""
    sets = [each for each in axes.collections if isinstance(each, ContourSet) and not each.filled]
    found = [np.asarray(path.vertices) for each in sets for path in each.get_paths()]
    return [vertices for vertices in found if len(vertices)]


def points(axes: Axes) -> list[Any]:
    return [each for each in axes.collections if not isinstance(each, ContourSet)]


def tint(axes: Axes, x: float, y: float) -> tuple[int, ...]:
    """The colour of the drawn picture at a point of the plane."""
    figure: Any = axes.figure
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    column, row = axes.transData.transform((x, y)).round().astype(int)
    return tuple(pixels[len(pixels) - 1 - row, column, :3].tolist())


def one_neuron(*weights: float, bias: float, activation: str = "identity") -> nn.Neuron:
    return nn.Neuron.from_weights(weights, bias, activation=activation)


class Told:
    """A model with one method."""

    def __init__(self, name: str, answer: Any) -> None:
        setattr(self, name, answer)


def right_of_one(points: Any) -> Any:
    return points[:, 0] - 1.0


@pytest.mark.parametrize(
    "model",
    [
        one_neuron(3.0, 0.0, bias=-3.0),
        one_neuron(3.0, 0.0, bias=-3.0, activation="sigmoid"),
        nn.Sequential(one_neuron(3.0, 0.0, bias=-3.0), lambda z: [z]),
        right_of_one,
        lambda points: right_of_one(points)[:, None],
        lambda points: np.column_stack([np.zeros(len(points)), right_of_one(points)]),
        lambda points: (right_of_one(points) > 0).astype(int),
        lambda points: (right_of_one(points) > 0).astype(float),  # classes, as those in y
        Told("predict_proba", lambda points: 0.5 + 0.1 * right_of_one(points)),
        Told("decision_function", right_of_one),
        Told("predict_classes", lambda points: right_of_one(points) > 0),
        Told("predict", right_of_one),
        LogisticRegression().fit(X, SIDES),
        SVC(kernel="linear").fit(X, SIDES),
        DecisionTreeClassifier().fit(X, SIDES),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_line_is_where_the_model_is_undecided(model: Any) -> None:
    axes = plot_decision_boundary(model, X, SIDES)
    [line] = lines(axes)
    np.testing.assert_allclose(line[:, 0], 1.0, atol=0.01)  # a hundredth of the plane, for classes
    left, right = axes.get_xlim()
    assert left < 0 < 2 < right
    blue, orange = tint(axes, -0.1, 0.5), tint(axes, 2.1, 0.5)
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


def test_probabilities_shade_the_sides() -> None:
    model = Told("predict_proba", lambda points: np.clip(points[:, 0] / 2.0, 0.0, 1.0))
    axes = plot_decision_boundary(model, X, SIDES)
    reds = [tint(axes, x, 0.5)[0] for x in (-0.1, 0.3, 0.5, 0.7, 0.9)]
    assert reds == sorted(set(reds))  # the surer, the darker blue: each band is of its own
    blues = [tint(axes, x, 0.5)[2] for x in (1.1, 1.3, 1.5, 1.7, 2.1)]
    assert blues == sorted(set(blues), reverse=True)


def test_scores_have_flat_sides_and_margins() -> None:
    axes = plot_decision_boundary(lambda points: 2.0 * right_of_one(points), X, SIDES, margin=1.0)
    assert sorted(float(line[:, 0].mean()) for line in lines(axes)) == pytest.approx([0.5, 1, 1.5])
    assert tint(axes, -0.1, 0.5) == tint(axes, 0.9, 0.5)
    assert tint(axes, 1.1, 0.5) == tint(axes, 2.1, 0.5)


def test_margins_of_models() -> None:
    network = one_neuron(1.0, 0.0, bias=-1.0)
    machine = SVC(kernel="linear", C=1e6).fit(X, SIDES)  # the points are its support vectors
    for model, expected in ((network, [0.5, 1.0, 1.5]), (machine, [1.0])):
        margin = 0.5 if model is network else 1.001
        drawn = lines(plot_decision_boundary(model, X, SIDES, margin=margin))
        found = sorted(float(line[:, 0].mean()) for line in drawn)
        assert set(np.round(expected, 6)) <= set(np.round(found, 3))
        assert len(found) == 3


def three_scores(points: Any) -> Any:
    return -((points[:, :1] - np.array([[0.0, 1.0, 2.0]])) ** 2)


def test_several_classes_have_colours_and_marks_of_their_own() -> None:
    axes = plot_decision_boundary(three_scores, THREE, [0, 1, 2, 0, 1, 2], labels=["a", "b", "c"])
    where = np.concatenate([line[:, 0] for line in lines(axes)])
    assert np.abs(where[:, None] - [[0.5, 1.5]]).min(axis=1).max() < 1e-9
    assert len({tint(axes, x, 0.5) for x in (0.25, 1.0, 1.75)}) == 3
    marks = points(axes)
    assert len({tuple(mark.get_facecolor()[0]) for mark in marks}) == 3
    assert len({mark.get_paths()[0].vertices.tobytes() for mark in marks}) == 3
    assert [mark.get_label() for mark in marks] == ["a", "b", "c"]
    for k, mark in enumerate(marks):
        assert np.asarray(mark.get_offsets())[:, 0].tolist() == [k, k]


@pytest.mark.parametrize("names", [["ant", "bee"], [-1, 1], [False, True], [2.0, 7.0]])
def test_classes_of_any_kind(names: list[Any]) -> None:
    y = np.array(names)[SIDES]
    model = LogisticRegression().fit(X, y)
    for asked in (model, model.predict, model.decision_function):
        axes = plot_decision_boundary(asked, X, y)
        [line] = lines(axes)
        np.testing.assert_allclose(line[:, 0], 1.0, atol=0.01)
        assert [mark.get_label() for mark in points(axes)] == [str(name) for name in names]


def test_a_model_of_more_classes_than_are_shown() -> None:
    model = LogisticRegression().fit(THREE, list("abcabc"))
    axes = plot_decision_boundary(model, THREE[:2], ["a", "b"])
    assert [mark.get_label() for mark in points(axes)] == ["a", "b", "c"]


def test_a_model_that_says_the_same_everywhere_has_no_line() -> None:
    axes = plot_decision_boundary(lambda points: np.ones(len(points)), X, SIDES)
    assert lines(axes) == []


def test_points_of_one_place_have_room() -> None:
    axes = plot_decision_boundary(right_of_one, [[1.0, 5.0]], [0])
    assert axes.get_xlim() == (0.0, 2.0)
    assert axes.get_ylim() == (4.0, 6.0)


def test_into_a_panel_and_a_file(tmp_path: Path) -> None:
    figure, panels = plt.subplots(1, 2)
    path = tmp_path / "plane.svg"
    names = ("length", "width")
    axes = plot_decision_boundary(right_of_one, X, SIDES, path, ax=panels[1], axis_names=names)
    assert axes is panels[1]
    assert (axes.get_xlabel(), axes.get_ylabel()) == names
    assert path.read_bytes().endswith(b"</svg>\n")
    first, second = (tmp_path / f"{name}.svg" for name in "ab")
    for each in (first, second):
        plot_decision_boundary(right_of_one, X, SIDES, each)
    assert first.read_bytes() == second.read_bytes()
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("X", "y", "options", "error", "message"),
    [
        ([[1.0, 2.0, 3.0]], [0], {}, ValueError, r"shape \(N, 2\), got \(1, 3\).*X\[:, \[i, j\]\]"),
        ([1.0, 2.0], [0], {}, ValueError, r"shape \(N, 2\), got \(2,\)"),
        (np.zeros((0, 2)), [], {}, ValueError, r"got \(0, 2\)"),
        (
            [["a", "b"]],
            [0],
            {},
            TypeError,
            r"X must hold real numbers, got the str 'a' in X\[0, 0\]",
        ),
        ([[1.0, np.nan]], [0], {}, ValueError, r"got nan in X\[0, 1\]"),
        (X, np.eye(4), {}, ValueError, r"\(N,\).*got \(4, 4\); of one-hot rows write y.argmax"),
        (X, [0, 1], {}, ValueError, "X has 4 points but y 2"),
        (X, [0, 1, 2, 0], {}, ValueError, "3 classes, 0, 1, 2, but the function tells 2 apart"),
        (
            X,
            SIDES,
            {"labels": ["a"]},
            ValueError,
            "labels must be 2 texts, one for each class, got 1",
        ),
        (X, SIDES, {"axis_names": "ab"}, TypeError, "axis_names must be two texts"),
        (X, SIDES, {"margin": -1.0}, ValueError, "margin must be a number above 0"),
        (X, SIDES, {"resolution": 1}, ValueError, "resolution must be 2 to"),
        (X, SIDES, {"resolution": 10.0}, TypeError, "resolution must be an int"),
        (X, SIDES, {"ax": 3}, TypeError, "ax must be an Axes"),
        (X, SIDES, {"path": "plane.txt"}, ValueError, r"must end in \.svg"),
    ],
)
def test_bad_arguments(X: Any, y: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plot_decision_boundary(right_of_one, X, y, **options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (None, {}, TypeError, "model must have predict_proba, .*; got NoneType"),
        (nn.MLP, {}, TypeError, "model is the class MLP, not an object of it"),
        (lambda p: p, {"margin": 1.0, "y": "abca"}, ValueError, "3 classes"),
        (three_scores, {"margin": 1.0}, ValueError, "margin is of two classes, .* tells 3 apart"),
        (lambda p: [0] * len(p), {"margin": 1.0}, TypeError, "margin needs scores"),
        (lambda p: p[:-1], {}, ValueError, r"one answer for each of 40000 points.*\(39999, 2\)"),
        (lambda p: 3.0, {}, ValueError, r"got shape \(\)"),
        (lambda p: p[:, 0] * np.nan, {}, ValueError, "the function returns no finite number"),
    ],
)
def test_bad_models(model: Any, options: Any, error: type[Exception], message: str) -> None:
    y = list(options.pop("y", SIDES))
    with pytest.raises(error, match=message):
        plot_decision_boundary(model, X, y, **options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("names", [["a", "b", "c"], [0, 1, 2]])
def test_points_have_the_colour_of_their_class_where_one_has_none(names: list[Any]) -> None:
    told = Told("predict_proba", lambda points: three_scores(points))
    for model in (told, LogisticRegression().fit(THREE, names * 2)):
        if model is told and names != [0, 1, 2]:
            continue
        axes = plot_decision_boundary(model, THREE[1:3], names[1:])
        found = {str(mark.get_label()): np.asarray(mark.get_offsets()) for mark in points(axes)}
        assert [*found] == [str(name) for name in names]
        assert [found[str(name)].tolist() for name in names] == [[], [[1.0, 0.0]], [[2.0, 0.0]]]
        colours = [tuple(mark.get_facecolor()[0]) for mark in points(axes)[1:]]
        every = points(plot_decision_boundary(model, THREE, names * 2))
        assert colours == [tuple(mark.get_facecolor()[0]) for mark in every[1:]]


@pytest.mark.parametrize(("y", "expected"), [([1, 1], ["0", "1"]), ([-1, -1], ["-1", "1"])])
def test_one_class_of_two(y: list[int], expected: list[str]) -> None:
    axes = plot_decision_boundary(right_of_one, X[:2], y)
    assert [mark.get_label() for mark in points(axes)] == expected
    counts = [len(np.asarray(mark.get_offsets())) for mark in points(axes)]
    assert counts == ([0, 2] if y == [1, 1] else [2, 0])


def test_a_model_of_more_classes_that_predicts_them() -> None:
    model = Told("predict_classes", lambda points: np.round(points[:, 0]).clip(0, 2).astype(int))
    axes = plot_decision_boundary(model, THREE[1:], [1, 2, 0, 1, 2])
    assert [mark.get_label() for mark in points(axes)] == ["0", "1", "2"]
    axes = plot_decision_boundary(model, THREE[2:3], [2])  # the plane about the point
    assert [mark.get_label() for mark in points(axes)] == ["1", "2"]


@pytest.mark.parametrize(
    ("model", "y", "error", "message"),
    [
        (lambda p: ["d"] * len(p), "abab", TypeError, "returns 'd', which is no class in y, a, b"),
        (lambda p: [5] * len(p), SIDES, TypeError, "returns 5, which is no class in y, 0, 1"),
        (lambda p: p[:, 0] * 1j, SIDES, TypeError, "answer of the function must hold real numbers"),
        (lambda p: p[:, :0], SIDES, ValueError, r"\(N,\) or \(N, K\); got shape \(40000, 0\)"),
        (three_scores, "abab", ValueError, "tells 3 classes apart, and y has only a, b: number"),
        (LogisticRegression().fit(X, SIDES), "abab", ValueError, "class 'a', the model knows 0, 1"),
        (Told("predict", lambda p: np.arange(len(p))), SIDES, ValueError, "40000 classes, at most"),
    ],
)
def test_answers_that_say_nothing_of_the_classes(
    model: Any, y: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plot_decision_boundary(model, X, list(y))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1e16, 4e299])
def test_planes_of_any_size(size: float) -> None:
    for plane in (X * size, X * 0.0 + size):
        axes = plot_decision_boundary(lambda p: p[:, 0] / size - 1.0, plane, SIDES, resolution=20)
        axes.figure.canvas.draw()
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert left < plane[:, 0].min() <= plane[:, 0].max() < right
        assert low < plane[:, 1].min() <= plane[:, 1].max() < high
