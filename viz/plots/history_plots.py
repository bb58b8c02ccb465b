"""Training curves."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from viz.figures import COLOURS, canvas, count_epochs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["plot_history"]

_SERIES = ("loss", "accuracy", "validation_loss", "validation_accuracy")  # of an object
_VALIDATION_OF = "validation_"
_PANEL = (4.4, 3.3)  # inches
_TRAINING = {"linestyle": "-", "marker": "o"}
_VALIDATION = {"linestyle": "--", "marker": "s"}
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


def plot_history(
    history: object,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    labels: tuple[str, str] = ("training", "validation"),
    log: bool = False,
) -> Axes:
    """Draw the loss and the metrics of a training run, epoch by epoch.

    Each has a panel, with its validation curve in the same one.

    Parameters
    ----------
    history : mapping or object
        A mapping of names, ``loss`` among them, to sequences of one number per epoch; the curve of
        the validation examples has ``validation_`` before its name. Of another object the
        attributes ``loss``, ``accuracy``, ``validation_loss`` and ``validation_accuracy`` are
        taken. Accuracies are fractions between 0 and 1. What is missing, None or empty is left out,
        as are single numbers and texts; only ``loss`` is needed.
    path : str or os.PathLike, optional
        Where to write, if a file is wanted; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing
        directory.
    ax : matplotlib.axes.Axes, optional
        One panel for all curves: the loss is read off its left side, the metrics off its right one.
        Without it a figure is made, which notebooks show.
    labels : (str, str), optional
        What the legend calls the curves, where both are drawn.
    log : bool
        Whether the loss has a logarithmic axis.

    Returns
    -------
    matplotlib.axes.Axes
        The panel of the loss; ``axes.figure.axes`` has all of them.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message says how to install it.
    TypeError
        If a curve is not a sequence of numbers, or `ax` is not an Axes.
    ValueError
        If there is no loss, the lengths differ, or the suffix is another one.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from viz import plot_history
    >>> history = {"loss": [2.3, 0.9, 0.4], "accuracy": [0.1, 0.8, 0.93]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     axes = plot_history(history, pathlib.Path(folder) / "history.svg")
    >>> [panel.get_title(loc="left") for panel in axes.figure.axes]
    ['Loss', 'Accuracy']
    """
    _check_labels(labels)
    curves = _series(history)
    panels = _panels(curves)
    with canvas(path, ax, _PANEL, caller="plot_history", count=len(panels)) as places:
        if ax is not None:
            _draw_together(ax, curves, panels, labels)
        else:
            for axes, name in zip(places, panels, strict=True):
                _draw_panel(axes, curves, name, labels)
        if log:
            places[0].set_yscale("log", nonpositive="mask")
    return places[0]


def _draw_panel(
    axes: Axes, curves: Mapping[str, Sequence[float]], name: str, labels: Sequence[str]
) -> None:
    """A curve and its validation twin."""
    _draw_curve(axes, curves[name], name, labels[0], _TRAINING | {"color": COLOURS[0]})
    validation = f"{_VALIDATION_OF}{name}"
    if validation in curves:
        style = _VALIDATION | {"color": COLOURS[1]}
        _draw_curve(axes, curves[validation], validation, labels[1], style)
        axes.legend()
    axes.set_title(_title(name))
    count_epochs(axes, len(curves[name]))
    _scale(axes, [name])


def _draw_together(
    axes: Axes, curves: Mapping[str, Sequence[float]], panels: Sequence[str], labels: Sequence[str]
) -> None:
    """All curves in one panel, a colour for each name; of the loss alone it is the usual one."""
    if len(panels) == 1:
        _draw_panel(axes, curves, panels[0], labels)
        return
    right = axes.twinx()
    lines = []
    for name, colour in zip(panels, itertools.cycle(COLOURS)):  # as many as there are
        side = axes if name == "loss" else right
        style = _TRAINING | {"color": colour}
        lines += _draw_curve(side, curves[name], name, _title(name), style)
        validation = f"{_VALIDATION_OF}{name}"
        if validation in curves:
            label, style = f"{_title(name)}, {labels[1]}", _VALIDATION | {"color": colour}
            lines += _draw_curve(side, curves[validation], validation, label, style)
    right.legend(handles=lines, loc="center right", fontsize=9)
    right.grid(visible=False)  # one grid is enough
    axes.set_ylabel("loss")
    right.set_ylabel(", ".join(name.replace("_", " ") for name in panels[1:]))
    count_epochs(axes, len(curves["loss"]))
    _scale(right, panels[1:])


def _draw_curve(
    axes: Axes, curve: Sequence[float], name: str, label: str, style: Mapping[str, Any]
) -> list[Line2D]:
    epochs = range(1, len(curve) + 1)
    size = 3.5 if len(curve) <= _MOST_MARKERS else 0
    return axes.plot(epochs, curve, label=label, gid=name, linewidth=1.8, markersize=size, **style)


def _title(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _scale(axes: Axes, names: Sequence[str]) -> None:
    """Accuracies are read in per cent."""
    from matplotlib.ticker import PercentFormatter

    if all(name.endswith("accuracy") for name in names):
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
