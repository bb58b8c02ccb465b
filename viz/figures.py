"""Figures of matplotlib as this package draws them: one look, and equal files for equal numbers."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autograd_mini.whole_files import write_whole
from viz.files import output_path
from viz.themes import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = [
    "COLOURS",
    "INK",
    "canvas",
    "colours",
    "count_epochs",
    "draw_legend",
    "draw_pixels",
    "ink",
    "new_figure",
    "save_figure",
    "second_scale",
    "span_decades",
    "style_axes",
]

INK = LIGHT.ink
"""The colour of texts."""
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#f0e442",
)  # fmt: skip
"""Colours that colour-blind people, too, tell apart: those of Okabe and Ito (2008)."""
_BLACK = COLOURS[6]
_GRID, _FRAME = "#e3e5e8", "#8b939c"
_LOOK = {  # of figures made here, whatever style the caller has set for others
    "axes.facecolor": "white",
    "axes.edgecolor": _FRAME,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_PANELS_IN_A_ROW = 3
_ROOM = 0.3  # of a logarithmic axis beside the numbers, in decades
_MOST_DECADES = 100
_FINE = 160  # pixels that the longer side of an image has in the file, at least


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
    _require_matplotlib(caller)
    from matplotlib.figure import Figure

    # Figure, not pyplot: no window system and no state shared with the caller's own plots.
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=pad, h_pad=pad)
    return figure


def _require_matplotlib(caller: str) -> None:
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib; install it with pip install matplotlib"
        ) from error


@contextmanager
def canvas(
    path: str | os.PathLike[str] | None,
    ax: Axes | None,
    size: tuple[float, float],
    *,
    caller: str,
    count: int = 1,
    pad: float = 0.12,
) -> Iterator[list[Axes]]:
    """Give the panels that a picture is drawn into, and put it where it belongs when it is drawn.

    Parameters
    ----------
    path : str or os.PathLike or None
        Where to write the figure, if it is to be written.
    ax : matplotlib.axes.Axes or None
        The panel to draw into, one instead of `count`. Without one a figure is made: with a path
        one that belongs to no window, without one of pyplot, which notebooks show.
    size : (float, float)
        Width and height of each panel of a new figure, in inches.
    caller : str
        What an error says needs matplotlib.
    count : int
        How many panels a new figure has, at most three of them in a row.
    pad : float
        Room around each panel, in inches.

    Yields
    ------
    list of matplotlib.axes.Axes
        The panels, row by row.

    Examples
    --------
    >>> with canvas(None, new_figure(4.0, 3.0).add_subplot(), (4.0, 3.0), caller="me") as [axes]:
    ...     line = axes.plot([1, 2, 3])
    """
    _require_matplotlib(caller)
    if path is not None:
        output_path(path)  # before the work
    if ax is not None:
        _check_axes(ax)
        yield [ax]
        if path is not None:
            save_figure(_root(ax), path)
        return
    columns = min(count, _PANELS_IN_A_ROW)
    rows = -(-count // columns)
    with _look(), _figure(path, size[0] * columns, size[1] * rows, pad) as figure:
        panels = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
        for axes in panels:
            style_axes(axes)
        yield panels
    if path is not None:
        save_figure(figure, path)


@contextmanager
def _look() -> Iterator[None]:
    import matplotlib

    settings: dict[Any, Any] = _LOOK
    with matplotlib.rc_context(settings):
        yield


@contextmanager
def _figure(path: object, width: float, height: float, pad: float) -> Iterator[Figure]:
    """A figure of its own for a file; otherwise one of pyplot, closed again if drawing fails."""
    if path is not None:
        yield new_figure(width, height, pad=pad)
        return
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(width, height), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=pad, h_pad=pad)
    try:
        yield figure
    except BaseException:
        pyplot.close(figure)
        raise


def _check_axes(ax: object) -> None:
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        several = ": of several, as plt.subplots(1, 2) gives them, pass one"
        raise TypeError(
            f"ax must be an Axes of matplotlib, such as plt.subplots()[1], got {type(ax).__name__}"
            + several * hasattr(ax, "__len__")
        )
    if ax.name != "rectilinear":
        raise ValueError(f"ax must have two straight axes, got a {ax.name} one")
    if ax.figure is None:
        raise ValueError("ax belongs to no figure any more: it was removed from its own")


def _root(ax: Any) -> Figure:
    """The whole figure, also of a panel that stands in a part of one."""
    figure: Figure = ax.figure.figure
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
    axes.tick_params(which="both", colors=INK, labelsize=9)


def ink(axes: Axes) -> Any:
    """The colour of texts in a panel, which may be a dark one of the caller's."""
    return axes.xaxis.label.get_color()


def colours(axes: Axes) -> tuple[Any, ...]:
    """The colours of a panel's curves and points: COLOURS, with its own ink for the black."""
    return tuple(ink(axes) if colour == _BLACK else colour for colour in COLOURS)


def span_decades(axes: Axes, side: str, numbers: NDArray[np.float64]) -> None:
    """Make one side, x or y, logarithmic, from one power of ten to another, which alone are named.

    The limits come first: matplotlib's own may be beyond all floats, and so may its ticks.
    """
    from matplotlib.ticker import FixedLocator, NullFormatter

    low = float(np.floor(np.log10(numbers.min()) - _ROOM))
    high = float(np.ceil(np.log10(numbers.max()) + _ROOM))
    axis, limits = (axes.xaxis, axes.set_xlim) if side == "x" else (axes.yaxis, axes.set_ylim)
    limits(10.0**low, 10.0**high)
    axes.set(**{f"{side}scale": "log"})
    axis.set_minor_formatter(NullFormatter())
    if high - low > _MOST_DECADES:
        axis.set_major_locator(FixedLocator([10.0**at for at in np.arange(low, high + 1.0, 60.0)]))
        axis.set_minor_locator(FixedLocator([]))


def second_scale(axes: Axes) -> Axes:
    """A scale on the right side, in the colours of the panel, and without a grid of its own."""
    right = axes.twinx()
    right.set_facecolor(axes.get_facecolor())
    right.tick_params(which="both", colors=ink(axes))
    right.xaxis.label.set_color(ink(axes))
    right.yaxis.label.set_color(ink(axes))
    for side, spine in axes.spines.items():
        right.spines[side].set_color(spine.get_edgecolor())
    right.grid(visible=False)
    return right


def draw_legend(axes: Axes, **options: Any) -> None:
    """Add a legend that can be read in a panel of whatever style."""
    face = {"labelcolor": ink(axes), "facecolor": axes.get_facecolor(), "edgecolor": _FRAME}
    axes.legend(**face, **options)


def draw_pixels(
    axes: Axes,
    picture: NDArray[Any],
    box: tuple[float, float, float, float],
    shades: str | Colormap,
    low: float,
    high: float,
) -> AxesImage:
    """Draw an image whose pixels keep their edges, also where what shows it smooths small ones."""
    times = -(-_FINE // max(picture.shape))
    enlarged = np.kron(picture, np.ones((times, times)))
    style: dict[str, Any] = {"vmin": low, "vmax": high, "interpolation": "none", "extent": box}
    return axes.imshow(enlarged, cmap=shades, **style)


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
    settings: dict[Any, Any] = {
        "svg.hashsalt": "autograd-mini",
        "svg.fonttype": "none",
        "savefig.facecolor": "auto",
        "image.composite_image": False,  # each image stays one, with edges of its own
    }
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

    axes.set_xlabel("epoch", fontsize=9)
    axes.set_xlim(0.5, epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
