"""The plane of two inputs, divided among the classes of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import COLOURS, INK, canvas, draw_legend
from viz.options import whole_number
from viz.plots.class_scores import OF_MORE_INPUTS, Asked, asked
from viz.plots.plot_arguments import (
    LARGEST,
    array_of,
    finite_array,
    listed,
    names_of,
    real_number,
    shown_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_decision_boundary"]

_SIZE = (5.6, 4.4)  # inches
_MARKERS = "os^DvPX*"
_TINT = 0.25  # of a class's colour where no probability shades it
_SHADES = (0.1, 0.42)  # how much of the colour at the boundary, and where the model is sure
_BANDS = 5  # of probability, from the boundary to certainty
_MARGIN = 0.12  # of the points' width and height, around them

_NARROWEST = 1e-290  # a plane whose steps are still floats
_MOST_RESOLUTION = 2_000  # beyond it nothing is seen that was not before

Array = NDArray[np.float64]


def plot_decision_boundary(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    labels: Sequence[object] | None = None,
    axis_names: tuple[str, str] = ("x₁", "x₂"),
    margin: float | None = None,
    resolution: int = 200,
) -> Axes:
    """Draw where a model of two inputs decides for which class, and the points it was asked about.

    The boundary is a line; where the model gives probabilities, each side is the darker the surer
    it is, in five shades from an even chance to certainty. Each class has a colour and a mark of
    its own.

    Parameters
    ----------
    model : object or callable
        What has ``predict_proba``, ``decision_function``, ``predict_classes`` or ``predict``, asked
        in this order: a model of ``nn``, an estimator of scikit-learn. Or a function. Each takes
        (N, 2) points and returns probabilities or scores, one for each class (N, K), or a single
        one, (N,) or (N, 1), of the second of two classes; or, as ``predict`` of a classifier does,
        one of the classes in `y` for each point.
    X : array_like
        Shape (N, 2): the points to show. The picture is as large as they need.
    y : array_like
        Shape (N,): their classes, such as 0 and 1, -1 and 1, or names; in sorted order they are
        what the model's columns stand for. Of a model with more columns they are their numbers,
        from 0 on, if it does not tell its ``classes_``.
    path, ax : optional
        A file to write, a panel to draw into; see ``viz.plots``.
    labels : sequence, optional
        What the legend calls the classes, in sorted order; by default as in `y`.
    axis_names : (str, str), optional
        What stands at the axes.
    margin : float, optional
        For the hinge loss, of two classes: the boundary is where the score (of
        ``decision_function``, ``predict`` or the function) is 0, and dashed lines show where it is
        -margin and margin.
    resolution : int, optional
        Of how many points a side the model is asked about.

    Returns
    -------
    matplotlib.axes.Axes
        The panel.

    Raises
    ------
    TypeError
        A model that can be asked nothing, or a `margin` where it gives classes alone; options of
        another type.
    ValueError
        `X` that does not have two columns or is not finite, `y` that is not (N,) or has one class
        more than the model, labels that are not as many as the classes.

    Examples
    --------
    >>> from viz import new_figure
    >>> axes = new_figure(4.0, 3.0).add_subplot()
    >>> X, y = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]], [0, 0, 1, 1]
    >>> _ = plot_decision_boundary(lambda points: points[:, 1] - 1.0, X, y, ax=axes)
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('x₁', 'x₂')
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['0', '1']
    """
    points, targets = _points(X), _targets(y)
    if len(points) != len(targets):
        raise ValueError(f"X has {len(points)} points but y {len(targets)} entries")
    (across, up), resolution = _checked_options(axis_names, resolution)
    margin = None if margin is None else _checked_margin(margin)
    with canvas(path, ax, _SIZE, caller="plot_decision_boundary") as [axes]:
        (low, high) = _box(points)
        x, y_ = np.meshgrid(*np.linspace(low, high, resolution).T)
        answer = asked(model, np.column_stack([x.ravel(), y_.ravel()]), targets, margin)
        given = answer.classes if labels is None else labels
        names = names_of(given, "labels", len(answer.classes), "class")
        _draw_regions(axes, x, y_, answer, margin)
        of_points = np.array([answer.classes.index(target) for target in targets])
        for k, name in enumerate(names):
            _draw_points(axes, points[of_points == k], k, name)
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        axes.grid(visible=False)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        if ax is None:
            _draw_legend_below(axes, len(names))
        else:  # there is no telling what is below
            draw_legend(axes)
    return axes


def _draw_regions(axes: Axes, x: Array, y: Array, answer: Asked, margin: float | None) -> None:
    """Tint the plane by class, with a line where two of them meet."""
    shaded = answer.are_probabilities
    for k in range(answer.leads.shape[1]):
        lead = answer.leads[:, k].reshape(x.shape)
        colour = COLOURS[k % len(COLOURS)]
        bands = np.linspace(0.0, 1.0, _BANDS, endpoint=False) if shaded else [0.0]
        amounts = np.linspace(*_SHADES, _BANDS) if shaded else [_TINT]
        for level, amount in zip(bands, amounts, strict=True):
            # each on top of the last, so that no light shows between them
            _fill_above(axes, x, y, lead, float(level), _tinted(colour, float(amount)))
    for k in range(answer.leads.shape[1] - (answer.leads.shape[1] == 2)):
        _draw_line(axes, x, y, answer.leads[:, k], 0.0, "-")
    if margin is not None:
        for level in (-margin, margin):
            _draw_line(axes, x, y, answer.leads[:, 1] / 2.0, level, "--")


def _fill_above(axes: Axes, x: Array, y: Array, heights: Array, level: float, colour: Any) -> None:
    top = np.nanmax(heights)
    if top > level:
        levels = [level, float(top) + 1.0]
        axes.contourf(x, y, heights, levels=levels, colors=[colour], zorder=0.5)


def _draw_line(axes: Axes, x: Array, y: Array, heights: Array, level: float, style: str) -> None:
    """A line of equal height, if that is reached."""
    if np.nanmin(heights) < level < np.nanmax(heights):
        heights = heights.reshape(x.shape)
        axes.contour(x, y, heights, [level], colors=[INK], linewidths=1.4, linestyles=style)


def _tinted(colour: str, amount: float) -> Any:
    """So much of a colour, the rest white."""
    from matplotlib.colors import to_rgb

    return tuple(1.0 - amount * (1.0 - channel) for channel in to_rgb(colour))


def _draw_points(axes: Axes, points: Array, k: int, name: str) -> None:
    """The points of a class; beyond eight classes marks and colours meet anew."""
    n = len(COLOURS)
    style: Any = {"color": COLOURS[k % n], "marker": _MARKERS[(k + k // n) % n]}
    x, y = points.T
    axes.scatter(x, y, s=34, edgecolor="white", linewidth=0.7, zorder=3, label=name, **style)


def _draw_legend_below(axes: Axes, n: int) -> None:
    """In rows below the panel, where it hides nothing."""
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12)}
    draw_legend(axes, ncols=min(n, 4), handletextpad=0.3, columnspacing=1.2, **place)


def _points(X: ArrayLike) -> Array:
    points = finite_array(X, "X", "real numbers of shape (N, 2), a point in each row")
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            "plot_decision_boundary draws a plane: X must have shape (N, 2), got "
            f"{points.shape}. {OF_MORE_INPUTS}"
        )
    return points


def _targets(y: ArrayLike) -> list[Any]:
    """The class of each point, as what Python has for it."""
    targets = array_of(y, "y", "classes of shape (N,)")
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1:
        raise ValueError(
            f"y must have shape (N,), a class for each point, got {targets.shape}; of one-hot rows "
            "write y.argmax(axis=1)"
        )
    classes: list[Any] = targets.tolist()
    for i, each in enumerate(classes):
        if not isinstance(each, (str, Real)) or each != each:
            raise TypeError(f"y must hold classes, numbers or texts, got {each!r:.40} in y[{i}]")
    if len({isinstance(each, str) for each in classes}) > 1:
        raise TypeError("y must hold classes of one kind, got both numbers and texts")
    return classes


def _checked_margin(margin: object) -> float:
    number = real_number(margin, "margin")
    if not 0.0 < number <= LARGEST:
        raise ValueError(f"margin must be a number above 0, such as 1.0, got {margin!r:.60}")
    return number


def _checked_options(axis_names: Any, resolution: object) -> tuple[list[str], int]:
    axis_names = listed(axis_names)
    ok = isinstance(axis_names, (tuple, list)) and len(axis_names) == 2
    if not ok or not all(isinstance(name, str) for name in axis_names):
        raise TypeError(f"axis_names must be two texts, got {axis_names!r:.60}")
    number = whole_number(resolution, "resolution", least=2, most=_MOST_RESOLUTION)
    return [shown_text(name) for name in axis_names], number


def _box(points: Array) -> tuple[Array, Array]:
    """Lower left and upper right corner of the picture, wide enough for steps between them."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    wide = high - low > np.maximum(1e-9 * size, _NARROWEST)
    room = np.where(wide, _MARGIN * (high - low), np.maximum(1.0, 0.1 * size))
    return low - room, high + room
