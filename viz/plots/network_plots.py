"""What a network has learned, drawn: who is taken for whom, images, and weights as images."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import COLOURS, INK, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

__all__ = ["plot_confusion", "plot_images", "plot_weights"]

_BLUES, _GREYS = "Blues", "gray_r"
_FRAME = "#d0d4d9"
_FINE = 160  # pixels that the longer side of an image has in the file, at least
_GAP = 0.12  # between images, in the height of one
_LINE = 0.16  # of a title above an image, in inches


class _Layer(Protocol):
    """What has weights, one row for each neuron, as arrays."""

    def as_arrays(self) -> tuple[NDArray[np.float64], Any]: ...


def plot_confusion(
    matrix: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    labels: Sequence[object] | None = None,
) -> Axes:
    """Draw a confusion matrix: each count in its cell, the darker the more of its row.

    Parameters
    ----------
    matrix : array_like
        Shape (K, K), whole numbers: in row i, column j how many examples of class i were predicted
        as class j.
    path : str or os.PathLike, optional
        Where to write, if a file is wanted; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing
        directory.
    ax : matplotlib.axes.Axes, optional
        The panel to draw into; without it a figure is made, which notebooks show.
    labels : sequence, optional
        The K classes' names; by default 0 to K - 1.

    Returns
    -------
    matplotlib.axes.Axes
        The panel.

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
    >>> from viz import new_figure
    >>> axes = new_figure(3.0, 3.0).add_subplot()
    >>> _ = plot_confusion([[9, 1], [0, 5]], ax=axes, labels=["cat", "dog"])
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('predicted', 'true class')
    """
    counts = _counts(matrix)
    k = len(counts)
    names = [*map(str, range(k) if labels is None else labels)]
    if len(names) != k:
        raise ValueError(f"labels must name {k} classes, got {len(names)}")
    cell, longest = max(0.42, min(0.85, 2.6 / k)), 0.075 * max(map(len, names))  # in inches
    slanted = longest > cell
    side = cell * k + 0.7
    size = (side + longest, side + longest * slanted)
    with canvas(path, ax, size, caller="plot_confusion") as [axes]:
        _draw_counts(axes, counts)
        axes.set_xticks(
            range(k), names, rotation=45 * slanted, ha="right" if slanted else "center",
            rotation_mode="anchor" if slanted else None,
        )  # fmt: skip
        axes.set_yticks(range(k), names)
        axes.tick_params(length=0)
        axes.set_xlabel("predicted", fontsize=10)
        axes.set_ylabel("true class", fontsize=10)
    return axes


def _draw_counts(axes: Axes, counts: NDArray[np.int64]) -> None:
    """Each cell as dark as its share of the row, with its count in it unless that is 0."""
    shades = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    height, width = counts.shape
    _draw_pixels(axes, shades, (-0.5, width - 0.5, height - 0.5, -0.5), _BLUES, 0.0, 1.0)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if shades[row, column] > 0.6 else INK
            axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=9)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def plot_images(
    images: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
) -> Axes:
    """Draw images beside each other, the largest number black, 0 white.

    Parameters
    ----------
    images : array_like
        Shape (N, height, width), at least one.
    path : str or os.PathLike, optional
        Where to write, if a file is wanted; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing
        directory.
    ax : matplotlib.axes.Axes, optional
        The panel to draw into; without it a figure is made, which notebooks show.
    titles : sequence of str, optional
        What stands above each, in one line or more.
    columns : int, optional
        How many in a row; by default about as many as there are rows, and half as many again.

    Returns
    -------
    matplotlib.axes.Axes
        The panel.

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
    >>> from viz import new_figure
    >>> axes = new_figure(3.0, 3.0).add_subplot()
    >>> len(plot_images([[[0.0, 1.0], [1.0, 0.0]]] * 2, ax=axes, titles=["a", "b"]).images)
    2
    """
    pictures = _images(images, "images", "(N, height, width)")
    if titles is not None:
        _check_titles(titles, len(pictures))
    lines = 0 if titles is None else max(title.count("\n") + 1 for title in titles)
    top = max(float(pictures.max()), 0.0) or 1.0
    grid = _Grid.of(pictures, columns, inches=1.1, above=_LINE * lines)
    with canvas(path, ax, grid.size, caller="plot_images", pad=0.07) as [axes]:
        for index, (left, bottom) in enumerate(grid.places):
            grid.draw(axes, pictures[index], (left, bottom), _GREYS, 0.0, top)
            if titles is not None:
                axes.annotate(
                    titles[index], (left + grid.width / 2, bottom + 1), (0, 3), fontsize=9,
                    textcoords="offset points", ha="center", va="bottom", linespacing=1.1,
                )  # fmt: skip
        grid.finish(axes)
    return axes


def plot_weights(
    weights: ArrayLike | _Layer,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    shape: tuple[int, int] | None = None,
    columns: int | None = None,
) -> Axes:
    """Draw the weights of each neuron as an image: blue ones excite it, orange ones inhibit it.

    All images have one scale, symmetric about 0, which is white.

    Parameters
    ----------
    weights : array_like or Layer or Linear
        Shape (n_neurons, n_inputs), with `shape`, or (n_neurons, height, width); or what has
        ``as_arrays()``, the weights first.
    path : str or os.PathLike, optional
        Where to write, if a file is wanted; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing
        directory.
    ax : matplotlib.axes.Axes, optional
        The panel to draw into; without it a figure is made, which notebooks show.
    shape : (int, int), optional
        Height and width of the image that the inputs are; by default a square.
    columns : int, optional
        How many in a row.

    Returns
    -------
    matplotlib.axes.Axes
        The panel.

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
    >>> from viz import new_figure
    >>> axes = new_figure(3.0, 3.0).add_subplot()
    >>> len(plot_weights([[1.0, 0.0, 0.0, -1.0]] * 3, ax=axes, shape=(2, 2)).images)
    3
    """
    pictures = _images(
        _as_images(weights, shape), "weights", "(neurons, inputs) or (neurons, height, width)"
    )
    top = float(np.abs(pictures).max()) or 1.0
    grid = _Grid.of(pictures, columns, inches=0.8)
    width, height = grid.size
    with canvas(path, ax, (width + 0.7, height), caller="plot_weights", pad=0.07) as [axes]:
        colours = _diverging()
        for picture, place in zip(pictures, grid.places, strict=True):
            shown = grid.draw(axes, picture, place, colours, -top, top)
        grid.finish(axes)
        figure: Any = axes.figure
        bar = figure.colorbar(shown, ax=axes, aspect=30, pad=0.02)
        bar.outline.set_visible(False)
    return axes


@dataclass(frozen=True)
class _Grid:
    """Places for images in one panel: each is 1 high, with room above it and a gap between."""

    places: list[tuple[float, float]]  # left and lower edge of each
    width: float  # of an image
    above: float  # in heights of an image
    size: tuple[float, float]  # of all of it, in inches

    @classmethod
    def of(
        cls, pictures: NDArray[Any], columns: int | None, *, inches: float, above: float = 0.0
    ) -> _Grid:
        """A grid of images whose longer side has a length in inches; `above` in inches, too."""
        n, *shape = pictures.shape
        usual = math.ceil(math.sqrt(1.5 * n))
        columns = min(n, usual if columns is None else _count(columns, "columns"))
        rows = -(-n // columns)
        high = inches * shape[0] / max(shape)  # inches
        width, above = shape[1] / shape[0], above / high
        step = max(width, inches / high) + _GAP, 1 + _GAP + above
        places = [(i % columns * step[0], -(i // columns) * step[1]) for i in range(n)]
        size = columns * step[0] * high + 0.2, rows * step[1] * high + 0.2
        return cls(places, width, above, size)

    def draw(
        self,
        axes: Axes,
        picture: NDArray[Any],
        place: tuple[float, float],
        colours: str | Colormap,
        low: float,
        high: float,
    ) -> AxesImage:
        """An image at its place, in a thin frame."""
        left, bottom = place
        box = (left, left + self.width, bottom, bottom + 1.0)
        shown = _draw_pixels(axes, picture, box, colours, low, high)
        style: dict[str, Any] = {"color": _FRAME, "linewidth": 0.8, "solid_joinstyle": "miter"}
        axes.plot([box[i] for i in (0, 1, 1, 0, 0)], [box[i] for i in (2, 2, 3, 3, 2)], **style)
        return shown

    def finish(self, axes: Axes) -> None:
        """Show all of it, and nothing else."""
        lefts, bottoms = zip(*self.places, strict=True)
        axes.set_xlim(min(lefts) - 0.03, max(lefts) + self.width + 0.03)
        axes.set_ylim(min(bottoms) - 0.03, max(bottoms) + 1.03 + self.above)
        axes.set_axis_off()


def _draw_pixels(
    axes: Axes,
    picture: NDArray[Any],
    box: tuple[float, float, float, float],
    colours: str | Colormap,
    low: float,
    high: float,
) -> AxesImage:
    """Draw an image whose pixels keep their edges, also where what shows it smooths small ones."""
    times = -(-_FINE // max(picture.shape))
    enlarged = np.kron(picture, np.ones((times, times)))
    style: dict[str, Any] = {"vmin": low, "vmax": high, "interpolation": "none", "extent": box}
    return axes.imshow(enlarged, cmap=colours, **style)


def _diverging() -> Colormap:
    """Orange below 0, white, blue above it: the signs of weights in all pictures."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signs", [COLOURS[1], "white", COLOURS[0]])


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
    try:
        counts = np.asarray(matrix)
    except ValueError as error:  # NumPy's text speaks of arrays within arrays
        raise ValueError(
            "a confusion matrix has shape (K, K), got rows of different lengths"
        ) from error
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"a confusion matrix has shape (K, K), got {counts.shape}")
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise TypeError(
            f"a confusion matrix holds counts, 0, 1, 2, ..., got an array of {counts.dtype} "
            f"such as {counts.flat[0]}"
        )
    return counts.astype(np.int64)


def _as_images(weights: ArrayLike | _Layer, shape: tuple[int, int] | None) -> NDArray[Any]:
    """Weights by neuron and input as images; of a layer its own."""
    given: Any = weights
    for name in ("layers", "modules"):
        if isinstance(getattr(given, name, None), (list, tuple)):
            raise TypeError(
                f"plot_weights draws one layer, got {type(given).__name__}: pass one of its "
                f"{name}, such as model.{name}[0]"
            )
    array = np.asarray(given.as_arrays()[0] if hasattr(given, "as_arrays") else given)
    if array.ndim != 2:
        return array
    side = math.isqrt(array.shape[1])
    height, width = (side, side) if shape is None else _checked_shape(shape)
    n = array.shape[1]
    if height * width != n:
        what = "no square image" if shape is None else f"no image of {height} x {width}"
        raise ValueError(f"{n} inputs are {what}: pass shape=(height, width), such as (1, {n})")
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
