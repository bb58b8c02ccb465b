"""Training curves."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz.files import output_path, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_history"]

_SERIES = ("loss", "accuracy", "validation_loss", "validation_accuracy")
_TRAINING = {"color": "#33587d", "linewidth": 1.8, "linestyle": "-", "marker": "o"}
_VALIDATION = {"color": "#c0702a", "linewidth": 1.8, "linestyle": "--", "marker": "s"}
_INK = "#24292f"
_GRID = "#e3e5e8"
_MOST_MARKERS = 30  # beyond these, markers only thicken the line


def _series(history: object) -> dict[str, list[float]]:
    """Read the curves that `history` has; check that they are numbers and equally long."""
    curves: dict[str, list[float]] = {}
    for name in _SERIES:
        given = history.get(name) if isinstance(history, Mapping) else getattr(history, name, None)
        if given is None:
            continue
        if isinstance(given, str) or not hasattr(given, "__iter__"):
            raise TypeError(
                f"history's {name} must be a sequence with one number per epoch, "
                f"got {type(given).__name__}"
            )
        try:
            curve = [float(number) for number in given]
        except (TypeError, ValueError) as error:
            raise TypeError(f"history's {name} must hold numbers only: {error}") from error
        if curve:
            curves[name] = curve
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


def _new_figure(panels: int) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "plot_history needs matplotlib; install it with pip install matplotlib"
        ) from error
    # Figure, not pyplot: no window system and no state shared with the caller's own plots.
    figure = Figure(figsize=(4.4 * panels, 3.3), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    return figure


def _draw_curve(axes: Axes, curve: Sequence[float], name: str, style: Mapping[str, Any]) -> None:
    epochs = range(1, len(curve) + 1)
    marker_size = 3.5 if len(curve) <= _MOST_MARKERS else 0
    label = "validation" if name.startswith("validation") else "training"
    axes.plot(epochs, curve, label=label, gid=name, markersize=marker_size, **style)


def _draw_panel(axes: Axes, curves: Mapping[str, Sequence[float]], name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    _draw_curve(axes, curves[name], name, _TRAINING)
    validation = f"validation_{name}"
    if validation in curves:
        _draw_curve(axes, curves[validation], validation, _VALIDATION)
        axes.legend(frameon=False, labelcolor=_INK, fontsize=9)
    axes.set_title(name.capitalize(), loc="left", color=_INK, fontsize=11, fontweight="bold")
    axes.set_xlabel("epoch", color=_INK, fontsize=9)
    axes.set_xlim(0.5, len(curves[name]) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK, labelsize=9)


def _percent(axes: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))


def _to_bytes(figure: Figure, image_format: str) -> bytes:
    """Save a figure; the same history gives the same file."""
    import matplotlib

    # The creation date is what would differ from run to run, and in SVG the ids too.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(image_format)
    settings: dict[Any, Any] = {"svg.hashsalt": "autograd-mini", "svg.fonttype": "none"}
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings):
        figure.savefig(buffer, format=image_format, dpi=144, metadata=metadata)
    return buffer.getvalue()


def plot_history(history: object, path: str | os.PathLike[str]) -> Path:
    """Draw the loss and the accuracy of a training run, epoch by epoch, into a file.

    Parameters
    ----------
    history : mapping or object
        Holds ``loss`` and, if there are such, ``accuracy``, ``validation_loss`` and
        ``validation_accuracy``, as keys or as attributes: sequences of one number per epoch, the
        accuracies as fractions between 0 and 1.  What is missing, None or empty is left out; only
        ``loss`` is needed.
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.

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
    target, image_format = output_path(path)
    curves = _series(history)
    panels = [name for name in ("loss", "accuracy") if name in curves]
    figure = _new_figure(len(panels))
    for column, name in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), column)
        _draw_panel(axes, curves, name)
        if name == "accuracy":
            _percent(axes)
    write_whole(target, _to_bytes(figure, image_format))
    return target
