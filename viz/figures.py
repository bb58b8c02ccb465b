"""Figures of matplotlib as this package draws them: one look, and equal files for equal numbers."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd_mini.whole_files import write_whole
from viz.files import output_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INK", "count_epochs", "new_figure", "save_figure", "style_axes"]

INK = "#24292f"
"""The colour of texts."""
_GRID = "#e3e5e8"


def new_figure(
    width: float, height: float, *, pad: float = 0.12, caller: str = "new_figure"
) -> Figure:
    """Return an empty figure of matplotlib that belongs to no window.

    Parameters
    ----------
    width, height : float
        In inches.
    pad : float
        Room around each panel, in inches.
    caller : str
        What an error says needs matplotlib.

    Returns
    -------
    matplotlib.figure.Figure
        Whose layout leaves room for titles and labels by itself.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> figure = new_figure(4.0, 3.0)
    >>> axes = figure.add_subplot()
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib; install it with pip install matplotlib"
        ) from error
    # Figure, not pyplot: no window system and no state shared with the caller's own plots.
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=pad, h_pad=pad)
    return figure


def style_axes(axes: Axes) -> None:
    """Give a panel with curves or points the quiet style of all: a light grid, no frame.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel.

    Examples
    --------
    >>> axes = new_figure(4.0, 3.0).add_subplot()
    >>> style_axes(axes)
    """
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure, whole or not at all; the same figure gives the same file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    TypeError, ValueError
        A path that is none, another suffix.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(new_figure(4.0, 3.0), f"{folder}/empty.png").name
    'empty.png'
    """
    import matplotlib

    target, image_format = output_path(path)
    # The creation date is what would differ from run to run, and in SVG the ids too.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(image_format)
    settings: dict[Any, Any] = {"svg.hashsalt": "autograd-mini", "svg.fonttype": "none"}
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings):
        figure.savefig(buffer, format=image_format, dpi=144, metadata=metadata)
    write_whole(target, buffer.getvalue())
    return target


def count_epochs(axes: Axes, epochs: int) -> None:
    """Make the horizontal axis one of epochs, from 1 to the last, with whole numbers.

    No curve begins on the frame.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Whose horizontal axis it is.
    epochs : int
        How many there are.

    Examples
    --------
    >>> axes = new_figure(4.0, 3.0).add_subplot()
    >>> count_epochs(axes, 20)
    >>> axes.get_xlabel()
    'epoch'
    """
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch", color=INK, fontsize=9)
    axes.set_xlim(0.5, epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
