"""Which curves belong together, and what stands where a number cannot be drawn."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes

from viz import new_figure, plot_history

NAN, INF = math.nan, math.inf
LOSS = [3.0, 2.0, 1.0]


def panels(axes: Axes) -> dict[str, list[str]]:
    """The curves that each panel of a figure has, by its title."""
    return {
        panel.get_title(loc="left"): [str(line.get_gid()) for line in panel.get_lines()]
        for panel in axes.figure.axes
    }


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    return [text.get_text() for text in found.get_texts()] if found else []


def line(axes: Axes, name: str) -> np.ndarray[Any, Any]:
    [found] = [line for line in axes.get_lines() if line.get_gid() == name]
    return np.array(found.get_data(), dtype=float)


@pytest.mark.parametrize("base", ["loss", "train_loss", "training_loss"])
@pytest.mark.parametrize("twin", ["val_loss", "validation_loss"])
@pytest.mark.parametrize("test", [[], ["test_loss"]])
def test_curves_of_one_metric_share_a_panel(base: str, twin: str, test: list[str]) -> None:
    names = [twin, *test, base]
    axes = plot_history(dict.fromkeys(names, LOSS))
    assert panels(axes) == {"Loss": [base, twin, *test]}
    assert legend(axes) == ["training", "validation", *["test"] * len(test)]
    styles = {line.get_linestyle() for line in axes.get_lines()}
    assert len(styles) == len(names)


def test_a_metric_of_validation_examples_alone_has_a_panel_of_its_own() -> None:
    axes = plot_history({"loss": LOSS, "val_f1": LOSS, "test_f2": LOSS, "val_f2": LOSS})
    assert panels(axes) == {"Loss": ["loss"], "Val f1": ["val_f1"], "F2": ["val_f2", "test_f2"]}


def test_two_curves_for_one_are_refused() -> None:
    with pytest.raises(ValueError, match="two curves for one: loss, val_loss, validation_loss"):
        plot_history({"loss": LOSS, "val_loss": LOSS, "validation_loss": LOSS})
    with pytest.raises(ValueError, match="no loss to draw"):
        plot_history({"val_loss": LOSS})
    assert plt.get_fignums() == []


def test_a_gap_is_marked() -> None:
    axes = plot_history({"loss": [3.0, NAN, 2.0, INF, -INF, 1.0]})
    np.testing.assert_array_equal(line(axes, "loss")[1], [3.0, NAN, 2.0, NAN, NAN, 1.0])
    np.testing.assert_array_equal(line(axes, "loss without its gaps"), [[1, 3, 6], [3, 2, 1]])
    np.testing.assert_array_equal(line(axes, "loss missing"), [[2, 4, 5], [0, 0, 0]])
    assert legend(axes) == ["NaN, infinite"]
    axes.figure.canvas.draw()
    low, high = axes.get_ylim()
    assert 0.5 < low < 1.0 < 3.0 < high < 3.5  # the marks are at the edge, and not at 0


def test_each_curve_says_what_it_misses() -> None:
    curves = {"loss": [1.0, NAN, 2.0], "val_loss": [1.0, 2.0, 1e305], "accuracy": [0.1, 0.2, 0.3]}
    axes = plot_history(curves)
    assert legend(axes) == ["training", "training: NaN", "validation", "validation: beyond 1e+300"]
    one = new_figure(4.0, 3.0).add_subplot()
    plot_history(curves, ax=one)
    assert legend(one.figure.axes[1]) == [
        "Loss",
        "Loss: NaN",
        "Loss, validation",
        "Loss, validation: beyond 1e+300",
        "Accuracy",
    ]


def test_a_lone_number_between_gaps_is_seen_in_a_long_curve() -> None:
    numbers = np.linspace(1.0, 0.5, 100)
    numbers[[20, 22]] = NAN
    axes = plot_history({"loss": numbers})
    [curve] = [each for each in axes.get_lines() if each.get_gid() == "loss"]
    assert curve.get_markevery() == [21]
    assert curve.get_markersize() > 0


def test_what_a_logarithmic_axis_cannot_show_is_marked() -> None:
    axes = plot_history({"loss": [1.0, 0.0, 0.1, -2.0, 0.01]}, log=True)
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(line(axes, "loss missing")[0], [2, 4])
    assert legend(axes) == ["0 or below"]
    for ax in (None, new_figure(3.0, 3.0).add_subplot()):
        with pytest.raises(
            ValueError, match="log=True needs a loss above 0, the largest here is 0"
        ):
            plot_history({"loss": [0.0, -1.0, NAN], "accuracy": [0.0] * 3}, ax=ax, log=True)
    other = plot_history({"loss": LOSS, "score": [0.0, -1.0, 1.0]}, log=True).figure.axes[1]
    assert other.get_yscale() == "linear"  # only the loss is asked for


@pytest.mark.parametrize("log", [False, True])
def test_a_training_that_failed_at_once_is_drawn(log: bool) -> None:
    axes = plot_history({"loss": [NAN, NAN, INF]}, log=log)
    axes.figure.canvas.draw()
    assert legend(axes) == ["NaN, infinite"]
    assert len(axes.get_yticks()) == 0  # there is no scale


numbers = st.one_of(st.floats(), st.sampled_from([NAN, INF, 0.0, 5e-324, 1e300, -1e308]))


@given(st.lists(numbers, min_size=1, max_size=40), st.booleans())
def test_every_epoch_is_drawn_or_marked(loss: list[float], log: bool) -> None:
    axes = new_figure(3.0, 2.0).add_subplot()
    if log and not any(number > 0.0 for number in loss if math.isfinite(number)):  # refused
        log = False
    plot_history({"loss": loss}, ax=axes, log=log)
    drawn = line(axes, "loss")[1]
    marked = {int(x) for each in axes.get_lines() if str(each.get_gid()).endswith("missing")
              for x in np.asarray(each.get_xdata())}  # fmt: skip
    assert {i + 1 for i, number in enumerate(drawn) if math.isnan(number)} == marked
    shown = [(a, b) for a, b in zip(loss, drawn.tolist(), strict=True) if not math.isnan(b)]
    assert all(a == b and abs(a) <= 1e300 and (a > 0.0 or not log) for a, b in shown)
    axes.figure.canvas.draw()
