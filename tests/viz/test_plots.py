"""Training curves, read back from their SVG."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import nn
import viz.plots.history_plots
from tests.viz.picture import SVG
from viz import INK, new_figure, plot_history

LOSS = [2.3, 1.1, 0.7, 0.4]
ACCURACY = [0.1, 0.6, 0.8, 0.95]


@dataclass
class History:
    """What a training loop may return."""

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] | None = None


def drawn(history: object, path: Path, **options: Any) -> Path:
    """Draw into a file, and return its path."""
    plot_history(history, path, **options)
    return path


def texts(path: Path) -> list[str]:
    return [element.text or "" for element in ElementTree.parse(path).iter(f"{SVG}text")]


def points(path: Path, curve: str) -> list[tuple[float, float]]:
    """The points of a curve, in the file's coordinates."""
    [group] = [
        group for group in ElementTree.parse(path).iter(f"{SVG}g") if group.get("id") == curve
    ]
    line = group.find(f"{SVG}path")
    assert line is not None
    numbers = [float(word) for word in line.get("d", "").split() if word not in "ML"]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def is_drawn(path: Path, curve: str) -> bool:
    return any(group.get("id") == curve for group in ElementTree.parse(path).iter(f"{SVG}g"))


def assert_proportional(drawn: Sequence[tuple[float, float]], curve: Sequence[float]) -> None:
    """Evenly spaced to the right, and up (down, in SVG's coordinates) in proportion.

    The file has coordinates with six decimals.
    """
    x, y = np.array(drawn).T
    steps = np.diff(x)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-12, atol=2e-6)
    assert steps[0] > 0
    slope, intercept = np.polyfit(curve, y, 1)
    assert slope < 0
    np.testing.assert_allclose(slope * np.array(curve) + intercept, y, rtol=1e-12, atol=2e-6)


@pytest.mark.parametrize(
    "history",
    [{"loss": LOSS, "accuracy": ACCURACY}, History(LOSS, ACCURACY)],
    ids=["dict", "object"],
)
def test_draws_both_curves(history: object, tmp_path: Path) -> None:
    path = tmp_path / "history.svg"
    axes = plot_history(history, path)
    assert isinstance(axes, Axes)
    assert axes.get_title(loc="left") == "Loss"
    assert {"Loss", "Accuracy", "epoch"} <= set(texts(path))
    assert "100%" in texts(path) or "80%" in texts(path)
    assert_proportional(points(path, "loss"), LOSS)
    assert_proportional(points(path, "accuracy"), ACCURACY)
    assert list(tmp_path.iterdir()) == [path]


def test_draws_validation_curves_with_a_legend(tmp_path: Path) -> None:
    path = tmp_path / "history.svg"
    validation = {
        "validation_loss": [2.4, 1.3, 1.0, 0.9],
        "validation_accuracy": [0.1, 0.5, 0.6, 0.7],
    }
    plot_history({"loss": LOSS, "accuracy": ACCURACY} | validation, path)
    for name, curve in validation.items():
        assert_proportional(points(path, name), curve)
    assert texts(path).count("training") == texts(path).count("validation") == 2


def test_every_curve_has_a_place_with_its_twin(tmp_path: Path) -> None:
    names = ["mean_absolute_error", "R2", "a", "b"]
    rng = np.random.default_rng(0)
    curves = {name: rng.normal(size=4).tolist() for name in names}
    twins = {"validation_loss": LOSS[::-1], "validation_R2": [0.1, 0.2, 0.4, 0.5]}
    lone = {"validation_only": [1.0, 2.0, 3.0, 5.0]}
    path = drawn(curves | twins | lone | {"loss": LOSS}, tmp_path / "history.svg")
    titles = ["Loss", "Mean absolute error", "R2", "A", "B", "Validation only"]
    assert [text for text in texts(path) if text in titles] == titles
    for name, curve in (curves | twins | lone | {"loss": LOSS}).items():
        assert_proportional(points(path, name), curve)
    assert texts(path).count("validation") == 2
    places = [points(path, name)[0][0] for name in ("loss", "mean_absolute_error", "R2", "a")]
    assert places[0] < places[1] < places[2]  # three in a row
    # a panel below another one has labels of another width beside it
    assert places[3] == pytest.approx(places[0], abs=15)
    assert points(path, "validation_R2")[0][0] == pytest.approx(places[2], rel=1e-12)


def test_what_is_no_curve_is_left_out(tmp_path: Path) -> None:
    history = {"loss": LOSS, "epochs": 4, "stopped": "interrupted", "seed": None}
    path = drawn(history, tmp_path / "history.svg")
    assert not {"Epochs", "Stopped", "Seed"} & set(texts(path))


def test_what_training_records_is_drawn(tmp_path: Path) -> None:
    history = nn.History(["loss", "mean_absolute_error", "validation_mean_absolute_error"])
    for number in (4.0, 2.0, 1.0):
        history.append(dict.fromkeys(history, number))
    path = drawn(history, tmp_path / "history.svg")
    assert all(is_drawn(path, name) for name in history)


def test_the_loss_on_a_logarithmic_axis(tmp_path: Path) -> None:
    loss, accuracy = [1.0, 0.1, 0.01, 0.001], ACCURACY
    path = drawn({"loss": loss, "accuracy": accuracy}, tmp_path / "history.svg", log=True)
    assert_proportional(points(path, "loss"), np.log(loss).tolist())
    assert_proportional(points(path, "accuracy"), accuracy)
    plot_history({"loss": [1.0, 0.0, -1.0]}, tmp_path / "zero.svg", log=True)


@pytest.mark.parametrize("accuracy", [None, [], ()])
def test_loss_alone(accuracy: object, tmp_path: Path) -> None:
    path = drawn({"loss": np.array(LOSS), "accuracy": accuracy}, tmp_path / "history.svg")
    assert "Accuracy" not in texts(path)
    assert not is_drawn(path, "accuracy")
    assert_proportional(points(path, "loss"), LOSS)


@pytest.mark.parametrize("loss", [[0.5], [math.nan, 1.0], [math.inf, 1.0, 0.5], [math.nan] * 2])
def test_odd_losses_draw_without_warnings(loss: list[float], tmp_path: Path) -> None:
    assert "Loss" in texts(drawn({"loss": loss}, tmp_path / "history.svg"))


@pytest.mark.parametrize("epochs", [1, 2, 3, 50])
def test_epochs_are_whole_numbers(epochs: int, tmp_path: Path) -> None:
    path = drawn({"loss": np.linspace(1.0, 0.5, epochs)}, tmp_path / "history.svg")
    [axis] = [
        g for g in ElementTree.parse(path).iter(f"{SVG}g") if g.get("id") == "matplotlib.axis_1"
    ]
    ticks = [text.text or "" for text in axis.iter(f"{SVG}text") if text.text != "epoch"]
    assert ticks
    assert {int(tick) for tick in ticks} <= set(range(1, epochs + 1))


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF-")])
def test_other_formats(suffix: str, magic: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"history.{suffix}"
    plot_history({"loss": LOSS}, str(path))
    assert path.read_bytes().startswith(magic)


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_same_history_same_file(suffix: str, tmp_path: Path) -> None:
    first = drawn({"loss": LOSS}, tmp_path / f"first.{suffix}")
    second = drawn({"loss": LOSS}, tmp_path / f"second.{suffix}")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        ({}, ValueError, "no loss to draw"),
        ({"loss": []}, ValueError, "no loss to draw"),
        (None, ValueError, "no loss to draw.*got NoneType"),
        ([1.0, 2.0], ValueError, "no loss to draw.*got list"),
        ({"loss": [1.0], "accuracy": [0.1, 0.2]}, ValueError, "one number per epoch each"),
        ({"loss": 3.0}, TypeError, "history's loss must be a sequence .* got float"),
        ({"loss": "abc"}, TypeError, "history's loss must be a sequence .* got str"),
        ({"loss": [1.0, "x"]}, TypeError, "history's loss must hold real numbers, got the str 'x'"),
        ({"loss": [[1.0]]}, TypeError, r"history's loss must be a sequence .* got shape \(1, 1\)"),
    ],
)
def test_bad_histories(
    history: object, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        plot_history(history, tmp_path / "history.svg")
    assert list(tmp_path.iterdir()) == []


def test_bad_paths(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.svg, \.png or \.pdf"):
        plot_history({"loss": LOSS}, tmp_path / "history.txt")
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        plot_history({"loss": LOSS}, tmp_path / "absent" / "history.svg")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install matplotlib$"):
        plot_history({"loss": LOSS}, tmp_path / "history.svg")
    assert list(tmp_path.iterdir()) == []


def test_imports_only_what_it_needs(tmp_path: Path) -> None:
    program = (
        "import sys, viz\n"
        "assert not {'matplotlib', 'pygraphviz', 'nn'} & set(sys.modules)\n"
        f"viz.plot_history({{'loss': [1.0, 0.5]}}, {str(tmp_path / 'history.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("labels", [("a",), ("a", "b", "c"), "ab", 3, ("a", 3)])
def test_labels_are_two_texts(labels: object, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="labels must be two texts"):
        plot_history({"loss": [1.0]}, tmp_path / "history.svg", labels=labels)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_notebooks_show_the_figure() -> None:
    axes = plot_history({"loss": LOSS, "accuracy": ACCURACY})
    assert plt.get_fignums() == [axes.figure.number]  # type: ignore[union-attr]
    assert [panel.get_title(loc="left") for panel in axes.figure.axes] == ["Loss", "Accuracy"]


def test_with_a_path_no_figure_is_left_open(tmp_path: Path) -> None:
    plot_history({"loss": LOSS, "accuracy": ACCURACY}, tmp_path / "history.svg")
    assert plt.get_fignums() == []


def test_one_panel_for_all_curves(tmp_path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    twins = {"validation_loss": LOSS[::-1], "validation_accuracy": ACCURACY[::-1]}
    path = tmp_path / "history.svg"
    assert plot_history({"loss": LOSS, "accuracy": ACCURACY} | twins, path, ax=right) is right
    assert left.get_lines() == []
    for name, curve in ({"loss": LOSS, "accuracy": ACCURACY} | twins).items():
        assert_proportional(points(path, name), curve)
    [scale] = [axes for axes in figure.axes if axes not in (left, right)]
    assert (right.get_ylabel(), scale.get_ylabel()) == ("loss", "accuracy")
    legend = scale.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "Loss",
        "Loss, validation",
        "Accuracy",
        "Accuracy, validation",
    ]


def test_the_loss_alone_needs_no_second_scale() -> None:
    figure, axes = plt.subplots()
    assert plot_history({"loss": LOSS}, ax=axes, log=True) is axes
    assert figure.axes == [axes]
    assert axes.get_yscale() == "log"


def test_the_callers_style_does_not_reach_a_figure_of_its_own() -> None:
    with plt.style.context("dark_background"):
        axes = plot_history({"loss": LOSS})
        axes.figure.canvas.draw()
        assert axes.figure.get_facecolor() == axes.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
        shown = [axes.title, axes.xaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels()]
        assert {text.get_color() for text in shown} == {INK}


def test_a_failure_leaves_no_figure_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(viz.plots.history_plots, "count_epochs", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        plot_history({"loss": LOSS})
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("ax", "error", "message"),
    [
        (3, TypeError, "ax must be an Axes of matplotlib, .*, got int$"),
        (np.array([1, 2]), TypeError, "got ndarray: of several, .* pass one"),
        ("polar", ValueError, "two straight axes, got a polar one"),
        ("removed", ValueError, "belongs to no figure"),
    ],
)
def test_bad_axes(ax: Any, error: type[Exception], message: str) -> None:
    if isinstance(ax, str):
        projection = "polar" if ax == "polar" else None
        removed = ax == "removed"
        ax = new_figure(3.0, 3.0).add_subplot(projection=projection)
        if removed:
            ax.remove()
    with pytest.raises(error, match=message):
        plot_history({"loss": LOSS}, ax=ax)
    assert plt.get_fignums() == []
