"""Training curves."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.figures import canvas, colours, count_epochs, draw_legend, second_scale, span_decades
from viz.options import true_or_false
from viz.plots.history_curves import TEST, TRAINING, VALIDATION, Curve, panels_of
from viz.plots.plot_arguments import LARGEST, listed, shown_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["plot_history"]

_PANEL = (4.4, 3.3)  # inches
_LOOKS: dict[str, dict[str, Any]] = {
    TRAINING: {"linestyle": "-", "marker": "o"},
    VALIDATION: {"linestyle": "--", "marker": "s"},
    TEST: {"linestyle": ":", "marker": "^"},
}
_MOST_MARKERS = 30  # beyond these, markers only thicken the line
_FAR = 50.0  # powers of ten, beyond which margins of a logarithmic axis may overflow
_MARKER = 3.5  # their size, in points

Array = NDArray[np.float64]


def _checked_labels(labels: object) -> dict[str, str]:
    """What the legend calls the curves of a metric."""
    labels = listed(labels)
    if isinstance(labels, str) or not isinstance(labels, Sequence) or len(labels) != 2:
        raise TypeError(f'labels must be two texts, as ("training", "test"), got {labels!r:.60}')
    for label in labels:
        if not isinstance(label, str):
            raise TypeError(f"labels must be two texts, got {label!r:.60} among them")
    return {TRAINING: shown_text(labels[0]), VALIDATION: shown_text(labels[1]), TEST: TEST}


def plot_history(
    history: object,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    labels: tuple[str, str] = ("training", "validation"),
    log: bool = False,
) -> Axes:
    """Draw the loss and the metrics of a training run, epoch by epoch.

    Each metric has a panel, with its curves of validation and test examples in the same one. Where
    a number is NaN or infinite, the line has a gap, with a thin line across and a cross below.

    Parameters
    ----------
    history : mapping or object
        A mapping of names, ``loss`` among them, to sequences of one number per epoch. Curves of
        one metric have a prefix: ``validation_`` or ``val_``, ``test_``, and none, ``training_`` or
        ``train_`` for the training examples. Of another object the attributes ``loss``,
        ``accuracy``, ``validation_loss`` and ``validation_accuracy`` are taken. Accuracies are
        fractions between 0 and 1. What is missing, None or empty is left out, as are single numbers
        and texts; only ``loss`` is needed.
    path : optional
        A file to write; see ``viz.plots``.
    ax : matplotlib.axes.Axes, optional
        One panel for all curves: the loss is read off its left side, the metrics off its right one.
        Without it a figure is made, which notebooks show.
    labels : (str, str), optional
        What the legend calls the curves of training and validation, where both are drawn.
    log : bool
        Whether the loss has a logarithmic axis. Epochs at or below 0 are gaps there.

    Returns
    -------
    matplotlib.axes.Axes
        The panel of the loss; ``axes.figure.axes`` has all of them.

    Raises
    ------
    TypeError
        If a curve is not a sequence of numbers, or an option is of another type.
    ValueError
        If there is no loss, the lengths differ, or the loss is nowhere above 0 and `log` is set.

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
    log = true_or_false(log, "log")
    texts = _checked_labels(labels)
    panels = panels_of(history)
    if log:
        _check_positive(panels[0])
    with canvas(path, ax, _PANEL, caller="plot_history", count=len(panels)) as places:
        if ax is not None and len(panels) > 1:
            _draw_together(ax, panels, texts, log)
        else:
            for axes, panel in zip(places, panels, strict=True):
                _draw_panel(axes, panel, texts, log and panel is panels[0])
    return places[0]


def _check_positive(curves: Sequence[Curve]) -> None:
    """Refuse a logarithmic axis for a loss that is nowhere above 0."""
    numbers = np.concatenate([curve.numbers for curve in curves])
    finite = numbers[np.isfinite(numbers)]
    if finite.size and not (finite > 0.0).any():
        raise ValueError(
            f"log=True needs a loss above 0, the largest here is {finite.max():g}: leave it out"
        )


def _draw_panel(axes: Axes, curves: Sequence[Curve], labels: Mapping[str, str], log: bool) -> None:
    """The curves of one metric."""
    together = len(curves) > 1
    entries: list[Line2D] = []
    for curve, colour in zip(curves, colours(axes), strict=False):
        line = _draw_curve(axes, curve, labels[curve.part], colour, log, alone=not together)
        entries += [line] * together
        entries += _mark_missing(axes, curve, colour, log, f"{labels[curve.part]}: " * together)
    if entries:
        draw_legend(axes, handles=entries)
    axes.set_title(_title(curves))
    _finish(axes, curves, log)


def _draw_together(
    axes: Axes, panels: Sequence[Sequence[Curve]], labels: Mapping[str, str], log: bool
) -> None:
    """All curves in one panel, a colour for each metric: the loss has the left scale."""
    right = second_scale(axes)
    entries: list[Line2D] = []
    for panel, colour in zip(panels, itertools.cycle(colours(axes))):
        is_loss = panel is panels[0]
        for curve in panel:
            side = axes if is_loss else right
            told = len(panel) == 1 or curve.part == TRAINING
            label = _title(panel) if told else f"{_title(panel)}, {labels[curve.part]}"
            entries.append(_draw_curve(side, curve, label, colour, log and is_loss))
            entries += _mark_missing(side, curve, colour, log and is_loss, f"{label}: ")
    draw_legend(right, handles=entries, loc="center right", fontsize=9)
    axes.set_ylabel("loss")
    others = [curve for panel in panels[1:] for curve in panel]
    names = dict.fromkeys(curve.metric.replace("_", " ") for curve in others)
    right.set_ylabel(", ".join(names))
    _finish(axes, panels[0], log)
    _finish(right, others, log=False)


def _finish(axes: Axes, curves: Sequence[Curve], log: bool) -> None:
    """Epochs below, accuracies in per cent, and a logarithmic axis where there is something."""
    from matplotlib.ticker import PercentFormatter

    count_epochs(axes, len(curves[0].numbers))
    drawn = np.concatenate([curve.numbers[_is_drawn(curve.numbers, log)] for curve in curves])
    if not len(drawn):
        axes.set_yticks([])
    elif log:
        if np.abs(np.log10(drawn)).max() > _FAR:
            span_decades(axes, "y", drawn)
        else:
            axes.set_yscale("log")
    if all(curve.metric.endswith("accuracy") for curve in curves):
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))


def _is_drawn(numbers: Array, log: bool) -> NDArray[np.bool_]:
    """Which numbers have a place on the axis."""
    with np.errstate(invalid="ignore"):
        return (np.abs(numbers) <= LARGEST) & ((numbers >= 1 / LARGEST) | (not log))


def _draw_curve(
    axes: Axes, curve: Curve, label: str, colour: Any, log: bool, *, alone: bool = False
) -> Line2D:
    """A line with a gap where there is no number to draw, and a thin one across it."""
    drawn = _is_drawn(curve.numbers, log)
    epochs = np.arange(1, len(drawn) + 1)
    style = _LOOKS[TRAINING if alone else curve.part] | {"color": colour}
    few = len(drawn) <= _MOST_MARKERS
    padded = np.concatenate([[False], drawn, [False]])
    lone = drawn & ~padded[:-2] & ~padded[2:]  # without a mark they would not be seen
    numbers = np.where(drawn, curve.numbers, np.nan)
    [line] = axes.plot(
        epochs, numbers, label=label, gid=curve.key, linewidth=1.8, markersize=_MARKER,
        markevery=None if few else np.flatnonzero(lone).tolist(), **style,
    )  # fmt: skip
    if not drawn.all():
        thin: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (1, 2)), "color": colour}
        axes.plot(epochs[drawn], numbers[drawn], gid=f"{curve.key} without its gaps", **thin)
    return line


def _mark_missing(axes: Axes, curve: Curve, colour: Any, log: bool, of_which: str) -> list[Line2D]:
    """Crosses at the lower edge for epochs without a number to draw: nothing is lost in silence."""
    numbers = curve.numbers
    missing = ~_is_drawn(numbers, log)
    if not missing.any():
        return []
    kinds = {
        "NaN": np.isnan(numbers),
        "infinite": np.isinf(numbers),
        f"beyond {LARGEST:g}": np.isfinite(numbers) & (np.abs(numbers) > LARGEST),
        "0 or below": np.isfinite(numbers) & (numbers <= 0.0) & missing,
        f"below {1 / LARGEST:g}": (numbers > 0.0) & (numbers < 1 / LARGEST) & missing,
    }
    label = of_which + ", ".join(kind for kind, found in kinds.items() if found.any())
    edge = axes.get_xaxis_transform()  # epochs to the right, the panel's height upward
    style: dict[str, Any] = {"linestyle": "none", "marker": "x", "color": colour, "zorder": 4}
    places = np.flatnonzero(missing) + 1
    return axes.plot(
        places, np.zeros(len(places)), label=label, gid=f"{curve.key} missing", clip_on=False,
        transform=edge, **style,
    )  # fmt: skip


def _title(curves: Sequence[Curve]) -> str:
    """What is measured; of one that is of validation examples alone, the name it was given."""
    lone = len(curves) == 1 and curves[0].part != TRAINING
    text = shown_text((curves[0].key if lone else curves[0].metric).replace("_", " "))
    return text[:1].upper() + text[1:]
