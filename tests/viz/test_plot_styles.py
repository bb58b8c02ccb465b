"""What holds for every plot: where it goes, how often it is shown, and that it can be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.text import Text

import viz

X, SIDES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]]), [0, 1, 0, 1]
NAN = float("nan")
CURVES = {"loss": [2.0, NAN, 1.0], "val_loss": [2.0, 1.5, NAN]}
PLOTS: dict[str, Callable[..., Axes]] = {
    "history": lambda *path, **ax: viz.plot_history(CURVES, *path, **ax),
    "history of nine metrics": lambda *path, **ax: viz.plot_history(
        CURVES | {f"metric_{i}": [i, i + 1.0, 3.0 * i] for i in range(8)}, *path, **ax
    ),
    "history, logarithmic": lambda *path, **ax: viz.plot_history(
        CURVES | {"accuracy": [0.5, 0.7, NAN]}, *path, **ax, log=True
    ),
    "boundary": lambda *path, **ax: viz.plot_decision_boundary(
        lambda points: points[:, 0] - 1.0, X, SIDES, *path, **ax, margin=0.5
    ),
    "gradients": lambda *path, **ax: viz.plot_gradient_check(
        [1.0, 2.0, 3.0], [1.0, 2.1, 3.2], *path, **ax, names=["a", "b", "c"]
    ),
    "gradients by step": lambda *path, **ax: viz.plot_gradient_check(
        [2.0, 4.1], lambda x: x @ x, *path, **ax, at=[1.0, 2.0]
    ),
    "confusion": lambda *path, **ax: viz.plot_confusion([[9, 1], [0, 5]], *path, **ax),
    "images": lambda *path, **ax: viz.plot_images(X[None], *path, **ax, titles=["points"]),
    "weights": lambda *path, **ax: viz.plot_weights(X[None], *path, **ax),
}
every_plot = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where files would be noticed; and nothing may ask a window to open."""

    def show(*_: object, **__: object) -> None:
        raise AssertionError("a plot has called show()")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", show)
    monkeypatch.setattr("matplotlib.figure.Figure.show", show)
    yield
    plt.close("all")


@every_plot
def test_a_notebook_shows_one_picture(plot: Callable[..., Axes]) -> None:
    axes = plot()
    assert plt.get_fignums() == [axes.figure.number]  # type: ignore[union-attr]
    assert not any(hasattr(axes, f"_repr_{kind}_") for kind in ("html", "png", "svg"))
    assert os.listdir() == []


@every_plot
def test_a_file_leaves_nothing_to_show(plot: Callable[..., Axes]) -> None:
    assert isinstance(plot("picture.png"), Axes)
    assert plt.get_fignums() == []
    assert os.listdir() == ["picture.png"]


@every_plot
def test_a_panel_is_drawn_into_and_returned(plot: Callable[..., Axes]) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert plot(ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert not left.has_data()
    assert os.listdir() == []


def contrast(first: Any, second: Any) -> float:
    """The ratio of luminances by which WCAG 2 measures whether a text can be read."""

    def luminance(colour: Any) -> float:
        channels = np.array(to_rgb(colour))
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = sorted([luminance(first), luminance(second)])
    return (light + 0.05) / (dark + 0.05)


def apart(first: Any, second: Any) -> float:
    """By how much two colours differ in the channel in which they differ most."""
    return float(np.abs(np.subtract(to_rgb(first), to_rgb(second))).max())


def texts(axes: Axes) -> list[Text]:
    """All that is written in a panel on its own ground or beside it."""
    on_images = set(axes.texts) if axes.get_xlabel() == "predicted" else set()
    in_legends = {text for legend in [axes.get_legend()] if legend for text in legend.get_texts()}
    found = [text for text in axes.findobj(Text) if isinstance(text, Text)]
    return [
        text for text in found
        if text.get_visible() and text.get_text() and text not in on_images | in_legends
    ]  # fmt: skip


@every_plot
@pytest.mark.parametrize("style", ["default", "dark_background", "ggplot", "grayscale"])
@pytest.mark.parametrize("within", [True, False], ids=["within", "afterwards"])
def test_a_panel_of_any_style_can_be_read(
    plot: Callable[..., Axes], style: str, within: bool
) -> None:
    with plt.style.context(style):
        figure, axes = plt.subplots()
        if within:
            plot(ax=axes)
    if not within:  # the style of the panel, not that of the moment
        plot(ax=axes)
    figure.canvas.draw()
    for panel in figure.axes:
        ground = figure.get_facecolor()
        assert [t.get_text() for t in texts(panel) if contrast(t.get_color(), ground) < 4.0] == []
        if legend := panel.get_legend():
            face = legend.get_frame().get_facecolor()
            assert min(contrast(text.get_color(), face) for text in legend.get_texts()) > 4.0
        lines = [line for line in panel.get_lines() if line.get_gid()]
        assert all(apart(line.get_color(), panel.get_facecolor()) > 0.4 for line in lines)


@every_plot
def test_a_figure_of_its_own_looks_the_same_in_any_style(plot: Callable[..., Axes]) -> None:
    plot("usual.png")
    for style in ("dark_background", "ggplot"):
        with plt.style.context(style):
            plot("styled.png")
            axes: Any = plot()
        axes.figure.canvas.draw()
        assert {to_hex(axes.figure.get_facecolor()), to_hex(axes.get_facecolor())} == {"#ffffff"}
        assert all(contrast(text.get_color(), "white") > 4.5 for text in texts(axes))


@every_plot
def test_colours_are_told_apart_by_everyone(plot: Callable[..., Axes]) -> None:
    """Curves have the colours of Okabe and Ito, no two of one look among eight."""
    axes: Any = plot()
    for panel in axes.figure.axes:
        curves = [
            line for line in panel.get_lines() if str(line.get_gid()) in (*CURVES, "two-sided")
        ]
        looks = {(to_hex(line.get_color()), line.get_linestyle()) for line in curves}
        assert len(looks) == len(curves)
        assert {colour for colour, _ in looks} <= {*viz.COLOURS}
        assert all(isinstance(line, Line2D) for line in curves)
