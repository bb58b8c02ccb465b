"""The plane of two inputs, divided among the classes of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import COLOURS, INK, canvas
from viz.plots.class_scores import OF_MORE_INPUTS, Asked, asked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_decision_boundary"]

_SIZE = (5.6, 4.4)  # inches
_MARKERS = "os^DvPX*"
_TINT = 0.25  # of a class's colour where no probability shades it
_SHADES = (0.1, 0.42)  # how much of the colour at the boundary, and where the model is sure
_BANDS = 5  # of probability, from the boundary to certainty
_MARGIN = 0.12  # of the points' width and height, around them

Array = NDArray[np.float64]

_MOST_RESOLUTION = 2_000  # beyond it nothing is seen that was not before


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
        what the model's columns stand for.
    path : str or os.PathLike, optional
        Where to write, if a file is wanted; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing
        directory.
    ax : matplotlib.axes.Axes, optional
        The panel to draw into; without it a figure is made, which notebooks show.
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
    ImportError
        If matplotlib is not installed.
    TypeError
        A model that can be asked nothing, or a `margin` where it gives classes alone; options of
        another type.
    ValueError
        `X` that does not have two columns or is not finite, `y` that is not (N,) or has one class
        more than the model, labels that are not as many as the classes, another suffix.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

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
    points, classes, of_points = _points(X), *np.unique(_targets(y), return_inverse=True)
    if len(points) != len(of_points):
        raise ValueError(f"X has {len(points)} points but y {len(of_points)} entries")
    _check_options(axis_names, margin, resolution)
    with canvas(path, ax, _SIZE, caller="plot_decision_boundary") as [axes]:
        (low, high) = _box(points)
        x, y_ = np.meshgrid(*np.linspace(low, high, resolution).T)
        answer = asked(model, np.column_stack([x.ravel(), y_.ravel()]), classes, margin)
        names = _names(labels, classes, answer)
        _draw_regions(axes, x, y_, answer, margin)
        for k, name in enumerate(names):
            _draw_points(axes, points[of_points == k], k, name)
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        axes.grid(visible=False)
        axes.set_xlabel(axis_names[0])
        axes.set_ylabel(axis_names[1])
        if ax is None:
            _draw_legend_below(axes, len(names))
        else:  # there is no telling what is below
            axes.legend()
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
    axes.legend(frameon=False, ncols=min(n, 4), handletextpad=0.3, columnspacing=1.2, **place)


def _names(labels: Sequence[object] | None, classes: NDArray[Any], answer: Asked) -> list[str]:
    names = [*map(str, answer.names(classes) if labels is None else labels)]
    n = answer.leads.shape[1]
    if len(names) != n:
        raise ValueError(f"labels must name the {n} classes, got {len(names)}")
    return names


def _points(X: ArrayLike) -> Array:
    try:
        points = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"X must hold numbers, one point per row: {error}") from error
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            "plot_decision_boundary draws a plane: X must have shape (N, 2), got "
            f"{points.shape}. {OF_MORE_INPUTS}"
        )
    if not np.isfinite(points).all():
        i, j = np.argwhere(~np.isfinite(points))[0].tolist()
        raise ValueError(f"X must hold finite numbers, got {points[i, j]} in X[{i}, {j}]")
    return points


def _targets(y: ArrayLike) -> NDArray[Any]:
    targets = np.asarray(y)
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1:
        raise ValueError(
            f"y must have shape (N,), a class for each point, got {targets.shape}; of one-hot rows "
            "write y.argmax(axis=1)"
        )
    return targets


def _check_options(axis_names: object, margin: object, resolution: object) -> None:
    ok = isinstance(axis_names, (tuple, list)) and len(axis_names) == 2
    if not ok or not all(isinstance(name, str) for name in axis_names):  # type: ignore[attr-defined]
        raise TypeError(f"axis_names must be two texts, got {axis_names!r}")
    if margin is not None and not (isinstance(margin, (int, float)) and 0 < margin < np.inf):
        raise ValueError(f"margin must be a number above 0, such as 1.0, got {margin!r}")
    if isinstance(resolution, bool) or not isinstance(resolution, (int, np.integer)):
        raise TypeError(f"resolution must be an int, got {resolution!r}")
    if not 2 <= resolution <= _MOST_RESOLUTION:
        raise ValueError(f"resolution must be 2 to {_MOST_RESOLUTION:,}, got {resolution}")


def _box(points: Array) -> tuple[Array, Array]:
    """Lower left and upper right corner of the picture."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.where(high > low, _MARGIN * (high - low), 1.0)
    return low - room, high + room
