"""Pictures of one's own: the look of all others, and files that repeat themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from viz import INK, new_figure, save_figure, style_axes

pytest.importorskip("matplotlib")


def drawn() -> Any:
    figure = new_figure(3.0, 2.0)
    axes = figure.add_subplot()
    style_axes(axes)
    axes.plot([1, 2, 3], label="a curve")
    axes.legend()
    return figure


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_equal_figures_give_equal_files(tmp_path: Path, suffix: str) -> None:
    paths = [save_figure(drawn(), tmp_path / f"{name}.{suffix}") for name in "ab"]
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert [path.name for path in paths] == [f"a.{suffix}", f"b.{suffix}"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("a.jpg", ValueError, r"must end in \.svg, \.png or \.pdf"),
        ("nowhere/a.svg", FileNotFoundError, "nowhere' does not exist; create it first"),
    ],
)
def test_other_places_are_refused(
    tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        save_figure(drawn(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_styled_panel_has_a_grid_and_no_frame() -> None:
    [axes] = drawn().axes
    assert not axes.spines["top"].get_visible()
    assert axes.get_axisbelow() is True
    assert axes.xaxis.get_tick_params()["labelcolor"] == INK
    assert all(line.get_visible() for line in axes.get_xgridlines())


def test_a_figure_belongs_to_no_window() -> None:
    assert "matplotlib.pyplot" not in sys.modules or drawn().canvas.manager is None


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"^new_figure needs matplotlib; install it with pip"):
        new_figure(1.0, 1.0)
