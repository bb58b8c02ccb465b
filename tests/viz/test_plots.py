"""Training curves, read back from their SVG."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.viz.picture import SVG
from viz import plot_history

LOSS = [2.3, 1.1, 0.7, 0.4]
ACCURACY = [0.1, 0.6, 0.8, 0.95]


@dataclass
class History:
    """What a training loop may return."""

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] | None = None


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
    """Evenly spaced to the right, and up (down, in SVG's coordinates) in proportion."""
    x, y = np.array(drawn).T
    steps = np.diff(x)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)
    assert steps[0] > 0
    slope, intercept = np.polyfit(curve, y, 1)
    assert slope < 0
    np.testing.assert_allclose(slope * np.array(curve) + intercept, y, atol=1e-3)


@pytest.mark.parametrize(
    "history",
    [{"loss": LOSS, "accuracy": ACCURACY}, History(LOSS, ACCURACY)],
    ids=["dict", "object"],
)
def test_draws_both_curves(history: object, tmp_path: Path) -> None:
    path = tmp_path / "history.svg"
    assert plot_history(history, path) == path
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


@pytest.mark.parametrize("accuracy", [None, [], ()])
def test_loss_alone(accuracy: object, tmp_path: Path) -> None:
    path = plot_history({"loss": np.array(LOSS), "accuracy": accuracy}, tmp_path / "history.svg")
    assert "Accuracy" not in texts(path)
    assert not is_drawn(path, "accuracy")
    assert_proportional(points(path, "loss"), LOSS)


@pytest.mark.parametrize("loss", [[0.5], [math.nan, 1.0], [math.inf, 1.0, 0.5], [math.nan] * 2])
def test_odd_losses_draw_without_warnings(loss: list[float], tmp_path: Path) -> None:
    assert "Loss" in texts(plot_history({"loss": loss}, tmp_path / "history.svg"))


@pytest.mark.parametrize("epochs", [1, 2, 3, 50])
def test_epochs_are_whole_numbers(epochs: int, tmp_path: Path) -> None:
    path = plot_history({"loss": np.linspace(1.0, 0.5, epochs)}, tmp_path / "history.svg")
    [axis] = [
        g for g in ElementTree.parse(path).iter(f"{SVG}g") if g.get("id") == "matplotlib.axis_1"
    ]
    ticks = [text.text or "" for text in axis.iter(f"{SVG}text") if text.text != "epoch"]
    assert ticks
    assert {int(tick) for tick in ticks} <= set(range(1, epochs + 1))


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF-")])
def test_other_formats(suffix: str, magic: bytes, tmp_path: Path) -> None:
    path = plot_history({"loss": LOSS}, str(tmp_path / f"history.{suffix}"))
    assert path.read_bytes().startswith(magic)


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_same_history_same_file(suffix: str, tmp_path: Path) -> None:
    first = plot_history({"loss": LOSS}, tmp_path / f"first.{suffix}")
    second = plot_history({"loss": LOSS}, tmp_path / f"second.{suffix}")
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
        ({"loss": [1.0, "x"]}, TypeError, "history's loss must hold numbers only"),
        ({"loss": [[1.0]]}, TypeError, "history's loss must hold numbers only"),
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
