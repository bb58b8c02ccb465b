"""What a network has learned, drawn: who is taken for whom, images, and weights as images."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import INK, new_figure, save_figure
from viz.files import output_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["plot_confusion", "plot_images", "plot_weights"]

_BLUES, _DIVERGING, _GREYS = "Blues", "RdBu_r", "gray_r"
_FRAME = "#d0d4d9"
_FINE = 160  # pixels that the longer side of an image has in the file, at least


def plot_confusion(
    matrix: ArrayLike, path: str | os.PathLike[str], *, labels: Sequence[object] | None = None
) -> Path:
    """Draw a confusion matrix: each count in its cell, the darker the more of its row.

    Parameters
    ----------
    matrix : array_like
        Shape (K, K), whole numbers: in row i, column j how many examples of class i were predicted
        as class j.
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.
    labels : sequence, optional
        The K classes' names; by default 0 to K - 1.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        A matrix that is not square or has other than counts, labels that are not K, another suffix.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_confusion([[9, 1], [0, 5]], f"{folder}/confusion.png", labels=["cat", "dog"]).name
    'confusion.png'
    """
    output_path(path)  # before the work
    counts = _counts(matrix)
    k = len(counts)
    names = [*map(str, range(k) if labels is None else labels)]
    if len(names) != k:
        raise ValueError(f"labels must name {k} classes, got {len(names)}")
    cell, longest = max(0.42, min(0.85, 2.6 / k)), 0.075 * max(map(len, names))  # in inches
    slanted = longest > cell
    side = cell * k + 0.7
    figure = new_figure(side + longest, side + longest * slanted, caller="plot_confusion")
    axes = figure.add_subplot()
    shades = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    _draw_pixels(axes, shades, _BLUES, 0.0, 1.0)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if shades[row, column] > 0.6 else INK
            axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(
        range(k), names, rotation=45 * slanted, ha="right" if slanted else "center",
        rotation_mode="anchor" if slanted else None,
    )  # fmt: skip
    axes.set_yticks(range(k), names)
    axes.set_xlabel("predicted", color=INK, fontsize=10)
    axes.set_ylabel("true class", color=INK, fontsize=10)
    _quiet(axes, ticks=True)
    return save_figure(figure, path)


def plot_images(
    images: ArrayLike,
    path: str | os.PathLike[str],
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
) -> Path:
    """Draw images beside each other, the largest number black, 0 white.

    Parameters
    ----------
    images : array_like
        Shape (N, height, width), at least one.
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.
    titles : sequence of str, optional
        What stands above each, in one line or more.
    columns : int, optional
        How many in a row; by default about as many as there are rows, and half as many again.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Images of another shape or with numbers that are not finite, titles that are not N texts,
        columns that are no whole number from 1 on, another suffix.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_images([[[0.0, 1.0], [1.0, 0.0]]], f"{folder}/images.png", titles=["X"]).name
    'images.png'
    """
    output_path(path)  # before the work
    pictures = _images(images, "images", "(N, height, width)")
    if titles is not None:
        _check_titles(titles, len(pictures))
    lines = 0 if titles is None else max(title.count("\n") + 1 for title in titles)
    figure, panels = _grid(len(pictures), columns, (1.1, 1.1 + 0.16 * lines), "plot_images")
    top = max(float(pictures.max()), 0.0) or 1.0
    for index, axes in enumerate(panels):
        _draw_pixels(axes, pictures[index], _GREYS, 0.0, top)
        if titles is not None:
            axes.set_title(titles[index], color=INK, fontsize=9, pad=3, linespacing=1.1)
    return save_figure(figure, path)


def plot_weights(
    weights: ArrayLike,
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, int] | None = None,
    columns: int | None = None,
) -> Path:
    """Draw the weights of each neuron as an image: red ones excite it, blue ones inhibit it.

    All images have one scale, symmetric about 0, which is white.

    Parameters
    ----------
    weights : array_like
        Shape (n_neurons, n_inputs), with `shape`, or (n_neurons, height, width).
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.
    shape : (int, int), optional
        Height and width of the image that the inputs are; by default a square.
    columns : int, optional
        How many in a row.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Weights that do not have the shape or are not finite, a shape that is not two whole numbers
        from 1 on, such columns, another suffix.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_weights([[1.0, 0.0, 0.0, -1.0]], f"{folder}/weights.png", shape=(2, 2)).name
    'weights.png'
    """
    output_path(path)  # before the work
    images = _as_images(weights, shape)
    pictures = _images(images, "weights", "(neurons, inputs) or (neurons, height, width)")
    figure, panels = _grid(len(pictures), columns, (0.85, 0.85), "plot_weights")
    top = float(np.abs(pictures).max()) or 1.0
    for picture, axes in zip(pictures, panels, strict=True):
        shown = _draw_pixels(axes, picture, _DIVERGING, -top, top)
    bar = figure.colorbar(shown, ax=panels, aspect=30, pad=0.02)
    bar.ax.tick_params(colors=INK, labelsize=9)
    bar.outline.set_visible(False)
    return save_figure(figure, path)


def _draw_pixels(
    axes: Axes, picture: NDArray[Any], colours: str, low: float, high: float
) -> AxesImage:
    """Draw an image whose pixels keep their edges, also where what shows it smooths small ones."""
    height, width = picture.shape
    times = -(-_FINE // max(height, width))
    enlarged = np.kron(picture, np.ones((times, times)))
    box = (-0.5, width - 0.5, height - 0.5, -0.5)
    style: dict[str, Any] = {"vmin": low, "vmax": high, "interpolation": "none", "extent": box}
    return axes.imshow(enlarged, cmap=colours, **style)


def _check_titles(titles: object, n_images: int) -> None:
    if isinstance(titles, str) or not isinstance(titles, (Sequence, np.ndarray)):
        raise TypeError(f"titles must be a list of texts, one for each image, got {titles!r}")
    if len(titles) != n_images:
        raise ValueError(f"titles must be as many as the {n_images} images, got {len(titles)}")
    for i, title in enumerate(titles):
        if not isinstance(title, str):
            raise TypeError(f"titles[{i}] must be a text, got {title!r}: write str(...)")


def _count(given: object, name: str) -> int:
    """A whole number from 1 on."""
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {given!r}")
    if given < 1:
        raise ValueError(f"{name} must be at least 1, got {given}")
    return int(given)


def _counts(matrix: ArrayLike) -> NDArray[np.int64]:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"a confusion matrix has shape (K, K), got {counts.shape}")
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise TypeError(
            f"a confusion matrix holds counts, 0, 1, 2, ..., got an array of {counts.dtype} "
            f"such as {counts.flat[0]}"
        )
    return counts.astype(np.int64)


def _as_images(weights: ArrayLike, shape: tuple[int, int] | None) -> NDArray[Any]:
    """Weights by neuron and input as images."""
    array = np.asarray(weights)
    if array.ndim != 2:
        return array
    side = math.isqrt(array.shape[1])
    height, width = (side, side) if shape is None else _checked_shape(shape)
    if height * width != array.shape[1]:
        raise ValueError(
            f"{array.shape[1]} inputs are no image of {height} x {width}: pass "
            "shape=(height, width)"
        )
    return array.reshape(-1, height, width)


def _checked_shape(shape: object) -> tuple[int, int]:
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) != 2:
        raise TypeError(f"shape must be (height, width) of an image, got {shape!r}")
    return _count(shape[0], "shape[0]"), _count(shape[1], "shape[1]")


def _images(images: ArrayLike, name: str, shapes: str) -> NDArray[np.float64]:
    """The argument of a name as images; `shapes` are those that it may have."""
    array = np.asarray(images)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold numbers, got an array of {array.dtype}")
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"{name} must have shape {shapes}, got {array.shape}")
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0].tolist()
        number = array[tuple(first)]
        raise ValueError(f"{name} must hold finite numbers, got {number} at index {first}")
    return array.astype(np.float64)


def _grid(
    n: int, columns: int | None, size: tuple[float, float], caller: str
) -> tuple[Figure, list[Axes]]:
    """A figure with `n` places for images, each of a size in inches."""
    usual = math.ceil(math.sqrt(1.5 * n))
    columns = min(n, usual if columns is None else _count(columns, "columns"))
    rows = -(-n // columns)
    width, height = size
    figure = new_figure(columns * width + 0.2, rows * height + 0.2, caller=caller, pad=0.07)
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(n)]
    for axes in panels:
        _quiet(axes, ticks=False)
    return figure, panels


def _quiet(axes: Axes, *, ticks: bool) -> None:
    """Leave out ticks where nothing is to be read off them; a light frame is enough there."""
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.spines[:].set(visible=not ticks, color=_FRAME, linewidth=0.8)
    if not ticks:
        axes.set_xticks([])
        axes.set_yticks([])
