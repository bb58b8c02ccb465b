"""What the classifiers among the examples share: regions and points of a plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from examples._common import COLOURS, INK

MARKERS = "os^D"
Array = NDArray[np.float64]
Classes = NDArray[np.int64]


def draw_regions(
    axes: Axes,
    logits: Callable[[Array], Array],
    box: tuple[float, float, float, float],
    margin: float = 0.0,
) -> None:
    """Tint a plane in the colours of the predicted classes, with a line where two of them meet.

    ``box`` is (left, right, bottom, top); ``logits`` takes (N, 2) points and returns one logit for
    each class, (N, K), or a single one, (N, 1), that is positive for the second of two.  Dashed
    lines show where the single one is as far from 0 as ``margin``.
    """
    left, right, bottom, top = box
    x, y = np.meshgrid(np.linspace(left, right, 160), np.linspace(bottom, top, 160))
    outputs = logits(np.column_stack([x.ravel(), y.ravel()]))
    if outputs.shape[1] == 1:
        _draw_lines(axes, x, y, outputs[:, 0], [-margin, margin], "--")
        outputs = np.hstack([-outputs, outputs])
    for k, colour in zip(range(outputs.shape[1]), COLOURS, strict=False):
        lead = outputs[:, k] - np.delete(outputs, k, axis=1).max(axis=1)
        if lead.max() > 0:
            levels = [0.0, float(lead.max())]
            axes.contourf(x, y, lead.reshape(x.shape), levels=levels, colors=[colour], alpha=0.2)
            _draw_lines(axes, x, y, lead, [0.0], "-")
    axes.grid(visible=False)


def _draw_lines(
    axes: Axes, x: Array, y: Array, heights: Array, levels: Sequence[float], style: str
) -> None:
    """Lines of equal height, for those of the levels that are reached."""
    reached = sorted({level for level in levels if heights.min() < level < heights.max()})
    if reached:
        heights = heights.reshape(x.shape)
        axes.contour(x, y, heights, reached, colors=[INK], linewidths=1.2, linestyles=style)


def draw_points(
    axes: Axes, points: Array, classes: Classes, names: Sequence[str], size: int = 36
) -> None:
    """Points of the plane, each class with a colour and a mark of its own."""
    for k, name in enumerate(names):
        x, y = points[classes == k].T
        style: Any = {"color": COLOURS[k], "marker": MARKERS[k], "edgecolor": "white", "s": size}
        axes.scatter(x, y, label=name, linewidth=0.6, zorder=3, **style)


def ring(axes: Axes, points: Array, name: str) -> None:
    """Circles around points of the plane."""
    x, y = points.T
    axes.scatter(x, y, s=110, facecolor="none", edgecolor=INK, label=name, zorder=4)
