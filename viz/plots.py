"""Training curves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz.figures import INK, count_epochs, new_figure, save_figure, style_axes
from viz.files import output_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_history"]

_SERIES = ("loss", "accuracy", "validation_loss", "validation_accuracy")  # of an object
_VALIDATION_OF = "validation_"
_PANELS_IN_A_ROW = 3
_TRAINING = {"color": "#33587d", "linewidth": 1.8, "linestyle": "-", "marker": "o"}
_VALIDATION = {"color": "#c0702a", "linewidth": 1.8, "linestyle": "--", "marker": "s"}
_MOST_MARKERS = 30  # beyond these, markers only thicken the line


def _series(history: object) -> dict[str, list[float]]:
    """Read the curves that `history` has; check that they are numbers and equally long."""
    if isinstance(history, Mapping):
        given = {str(name): history[name] for name in history if _may_be_a_curve(history, name)}
    else:
        given = {name: getattr(history, name, None) for name in _SERIES}
    curves = {name: _curve(name, curve) for name, curve in given.items() if curve is not None}
    curves = {name: curve for name, curve in curves.items() if curve}
    if "loss" not in curves:
        raise ValueError(
            "history has no loss to draw: expected a mapping or an object with a non-empty list "
            f"'loss' (and, if there is one, 'accuracy'), got {type(history).__name__}"
        )
    lengths = {name: len(curve) for name, curve in curves.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"history's lists must have one number per epoch each, got lengths {lengths}"
        )
    return curves


def _check_labels(labels: object) -> None:
    if isinstance(labels, str) or not isinstance(labels, Sequence) or len(labels) != 2:
        raise TypeError(f'labels must be two texts, as ("training", "test"), got {labels!r}')
    for label in labels:
        if not isinstance(label, str):
            raise TypeError(f"labels must be two texts, got {label!r} among them")


def _may_be_a_curve(history: Mapping[Any, Any], name: object) -> bool:
    """Whether an entry is a known curve or looks like one: others may hold a count or a remark."""
    content = history[name]
    return name in _SERIES or (hasattr(content, "__iter__") and not isinstance(content, str))


def _curve(name: str, given: Any) -> list[float]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError(
            f"history's {name} must be a sequence with one number per epoch, "
            f"got {type(given).__name__}"
        )
    try:
        return [float(number) for number in given]
    except (TypeError, ValueError) as error:
        raise TypeError(f"history's {name} must hold numbers only: {error}") from error


def _panels(curves: Mapping[str, Sequence[float]]) -> list[str]:
    """What has a panel of its own: the loss first, a validation curve without its twin too."""
    others = [
        name
        for name in curves
        if name != "loss" and name.removeprefix(_VALIDATION_OF) not in (set(curves) - {name})
    ]
    return ["loss", *others]


def _draw_curve(
    axes: Axes, curve: Sequence[float], name: str, label: str, style: Mapping[str, Any]
) -> None:
    epochs = range(1, len(curve) + 1)
    marker_size = 3.5 if len(curve) <= _MOST_MARKERS else 0
    axes.plot(epochs, curve, label=label, gid=name, markersize=marker_size, **style)


def _draw_panel(
    axes: Axes, curves: Mapping[str, Sequence[float]], name: str, labels: Sequence[str]
) -> None:
    _draw_curve(axes, curves[name], name, labels[0], _TRAINING)
    validation = f"{_VALIDATION_OF}{name}"
    if validation in curves:
        _draw_curve(axes, curves[validation], validation, labels[1], _VALIDATION)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    axes.set_title(_title(name), loc="left", color=INK, fontsize=11, fontweight="bold")
    style_axes(axes)
    count_epochs(axes, len(curves[name]))


def _title(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _percent(axes: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))


def plot_history(
    history: object,
    path: str | os.PathLike[str],
    *,
    labels: tuple[str, str] = ("training", "validation"),
    log: bool = False,
) -> Path:
    """Draw the loss and the metrics of a training run, epoch by epoch, into a file.

    Each has a panel, with its validation curve in the same one.

    Parameters
    ----------
    history : mapping or object
        A mapping of names, ``loss`` among them, to sequences of one number per epoch; the curve of
        the validation examples has ``validation_`` before its name. Of another object the
        attributes ``loss``, ``accuracy``, ``validation_loss`` and ``validation_accuracy`` are
        taken. Accuracies are fractions between 0 and 1. What is missing, None or empty is left out,
        as are single numbers and texts; only ``loss`` is needed.
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.
    labels : (str, str), optional
        What the legend calls the curves, where both are drawn.
    log : bool
        Whether the loss has a logarithmic axis.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message says how to install it.
    TypeError
        If a curve is not a sequence of numbers.
    ValueError
        If there is no loss, the lengths differ, or the suffix is another one.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from viz import plot_history
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "history.svg"
    ...     plot_history({"loss": [2.3, 0.9, 0.4], "accuracy": [0.1, 0.8, 0.93]}, path).name
    'history.svg'
    """
    output_path(path)  # before the work
    _check_labels(labels)
    curves = _series(history)
    panels = _panels(curves)
    columns = min(len(panels), _PANELS_IN_A_ROW)
    rows = -(-len(panels) // columns)
    figure = new_figure(4.4 * columns, 3.3 * rows, caller="plot_history")
    for place, name in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_panel(axes, curves, name, labels)
        if name.endswith("accuracy"):
            _percent(axes)
        if log and name == "loss":
            axes.set_yscale("log", nonpositive="mask")
    return save_figure(figure, path)
