"""Images in rows, and weights as images."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import COLOURS, canvas, draw_pixels, ink
from viz.options import whole_number
from viz.plots.plot_arguments import finite_array, listed, names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

__all__ = ["plot_images", "plot_weights"]

_GREYS = "gray_r"
_FRAME = "#d0d4d9"
_GAP = 0.12  # between images, in the height of one
_LINE = 0.16  # of a title above an image, in inches
_MOST_IMAGES = 400

Array = NDArray[np.float64]


class _Layer(Protocol):
    """What has weights, one row for each neuron, as arrays."""

    def as_arrays(self) -> tuple[NDArray[np.float64], Any]: ...


def plot_images(
    images: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    titles: Sequence[object] | None = None,
    columns: int | None = None,
) -> Axes:
    """Draw images beside each other, the largest number black, 0 white.

    Parameters
    ----------
    images : array_like
        Shape (N, height, width), at least one.
    path, ax : optional
        A file to write, a panel to draw into; see ``viz.plots``.
    titles : sequence, optional
        What stands above each, in one line or more.
    columns : int, optional
        How many in a row; by default about as many as there are rows, and half as many again.

    Returns
    -------
    matplotlib.axes.Axes
        The panel.

    Raises
    ------
    TypeError, ValueError
        Images of another shape or with numbers that are not finite, titles that are not N,
        columns that are no whole number from 1 on.

    Examples
    --------
    >>> from viz import new_figure
    >>> axes = new_figure(3.0, 3.0).add_subplot()
    >>> len(plot_images([[[0.0, 1.0], [1.0, 0.0]]] * 2, ax=axes, titles=["a", "b"]).images)
    2
    """
    shapes = "(N, height, width)"
    given = finite_array(images, "images", f"real numbers of shape {shapes}")
    pictures = _checked_images(given, "images", shapes)
    texts = [] if titles is None else _checked_titles(titles, len(pictures))
    lines = max((text.count("\n") + 1 for text in texts), default=0)
    top = max(float(pictures.max()), 0.0) or 1.0
    grid = _Grid.of(pictures, columns, inches=1.1, above=_LINE * lines)
    with canvas(path, ax, grid.size, caller="plot_images", pad=0.07) as [axes]:
        for picture, place in zip(pictures, grid.places, strict=True):
            grid.draw(axes, picture, place, _GREYS, 0.0, top)
        for text, (left, bottom) in zip(texts, grid.places, strict=False):  # or none of them
            axes.annotate(
                text, (left + grid.width / 2, bottom + 1), (0, 3), fontsize=9, color=ink(axes),
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
    path, ax : optional
        A file to write, a panel to draw into; see ``viz.plots``.
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
    TypeError, ValueError
        Weights that do not have the shape or are not finite, a shape that is not two whole numbers
        from 1 on, such columns.

    Examples
    --------
    >>> from viz import new_figure
    >>> axes = new_figure(3.0, 3.0).add_subplot()
    >>> len(plot_weights([[1.0, 0.0, 0.0, -1.0]] * 3, ax=axes, shape=(2, 2)).images)
    3
    """
    pictures = _as_images(weights, shape)
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
        bar.ax.tick_params(colors=ink(axes))
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
        columns = min(n, usual if columns is None else whole_number(columns, "columns"))
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
        shown = draw_pixels(axes, picture, box, colours, low, high)
        style: dict[str, Any] = {"color": _FRAME, "linewidth": 0.8, "solid_joinstyle": "miter"}
        axes.plot([box[i] for i in (0, 1, 1, 0, 0)], [box[i] for i in (2, 2, 3, 3, 2)], **style)
        return shown

    def finish(self, axes: Axes) -> None:
        """Show all of it, and nothing else."""
        lefts, bottoms = zip(*self.places, strict=True)
        axes.set_xlim(min(lefts) - 0.03, max(lefts) + self.width + 0.03)
        axes.set_ylim(min(bottoms) - 0.03, max(bottoms) + 1.03 + self.above)
        axes.set_axis_off()


def _diverging() -> Colormap:
    """Orange below 0, white, blue above it: the signs of weights in all pictures."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signs", [COLOURS[1], "white", COLOURS[0]])


def _checked_titles(titles: object, n_images: int) -> list[str]:
    if isinstance(titles, str):
        wanted = f"titles must be a list of {n_images} texts, one for each image"
        raise TypeError(f"{wanted}, got {titles!r:.60}")
    return names_of(titles, "titles", n_images, "image")


def _as_images(weights: ArrayLike | _Layer, shape: tuple[int, int] | None) -> Array:
    """Weights by neuron and input as images; of a layer its own."""
    given: Any = weights
    for name in ("layers", "modules"):
        if isinstance(getattr(given, name, None), (list, tuple)):
            raise TypeError(
                f"plot_weights draws one layer, got {type(given).__name__}: pass one of its "
                f"{name}, such as model.{name}[0]"
            )
    if hasattr(given, "as_arrays") and not isinstance(given, type):
        given = given.as_arrays()[0]
    shapes = "(neurons, inputs) or (neurons, height, width)"
    array = finite_array(given, "weights", f"real numbers of shape {shapes}")
    if array.ndim == 2 and array.size:
        side = math.isqrt(array.shape[1])
        given_shape = (side, side) if shape is None else shape
        array = array.reshape(-1, *_fitting(given_shape, array.shape[1], shape is None))
    return _checked_images(array, "weights", shapes)


def _fitting(shape: object, n: int, is_usual: bool) -> tuple[int, int]:
    """Height and width of an image of so many inputs."""
    shape = listed(shape)
    if not isinstance(shape, Sequence) or isinstance(shape, (str, bytes)) or len(shape) != 2:
        raise TypeError(f"shape must be (height, width) of an image, got {shape!r:.60}")
    height, width = whole_number(shape[0], "shape[0]"), whole_number(shape[1], "shape[1]")
    if height * width != n:
        what = "no square image" if is_usual else f"no image of the shape {shape!r:.40}"
        raise ValueError(f"{n} inputs are {what}: pass shape=(height, width), such as (1, {n})")
    return height, width


def _checked_images(array: Array, name: str, shapes: str) -> Array:
    """Images, if they are some, and not too many for one picture."""
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"{name} must have shape {shapes}, got {array.shape}")
    if len(array) > _MOST_IMAGES:
        raise ValueError(
            f"{name} are {len(array):,} images, at most {_MOST_IMAGES} are drawn: pass some of them"
        )
    return array
