"""Who is taken for whom."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import INK, canvas, draw_pixels
from viz.plots.plot_arguments import names_of, real_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_confusion"]

_MOST_WRITTEN = 30  # classes in a row or column
_MOST_COUNTED = 2**53 - 1  # beyond it floats leave some out


def plot_confusion(
    matrix: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    labels: Sequence[object] | None = None,
) -> Axes:
    """Draw a confusion matrix: each count in its cell, the darker the more of its row.

    Of more than 30 classes there are the shades alone, and only some of the classes are named.

    Parameters
    ----------
    matrix : array_like
        Shape (K, K), whole numbers of any type: in row i, column j how many examples of class i
        were predicted as class j.
    path, ax : optional
        A file to write, a panel to draw into; see ``viz.plots``.
    labels : sequence, optional
        The K classes' names; by default 0 to K - 1.

    Returns
    -------
    matplotlib.axes.Axes
        The panel.

    Raises
    ------
    TypeError, ValueError
        A matrix that is not square or has other than counts, labels that are not K.

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
    names = names_of(range(k) if labels is None else labels, "labels", k, "class")
    step = -(-k // _MOST_WRITTEN)  # from one class that is named to the next
    names = names[::step]
    cell, longest = max(0.42, min(0.85, 2.6 / k)), 0.075 * max(map(len, names))  # in inches
    slanted = longest > cell
    side = cell * len(names) + 0.7
    size = (side + longest, side + longest * slanted)
    with canvas(path, ax, size, caller="plot_confusion") as [axes]:
        shades = _draw_shades(axes, counts)
        if step == 1:
            _write_counts(axes, counts, shades)
        axes.set_xticks(
            range(0, k, step), names, rotation=45 * slanted, ha="right" if slanted else "center",
            rotation_mode="anchor" if slanted else None,
        )  # fmt: skip
        axes.set_yticks(range(0, k, step), names)
        axes.tick_params(length=0)
        axes.set_xlabel("predicted", fontsize=10)
        axes.set_ylabel("true class", fontsize=10)
    return axes


def _draw_shades(axes: Axes, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each cell as dark as its share of the row."""
    shades: NDArray[np.float64]
    shades = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True, dtype=np.float64), 1.0))
    height, width = counts.shape
    draw_pixels(axes, shades, (-0.5, width - 0.5, height - 0.5, -0.5), "Blues", 0.0, 1.0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return shades


def _write_counts(axes: Axes, counts: NDArray[np.int64], shades: NDArray[np.float64]) -> None:
    """The counts, but for 0, in ink that can be read on the shade."""
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if shades[row, column] > 0.6 else INK
            axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=9)


def _counts(matrix: ArrayLike) -> NDArray[np.int64]:
    counts = real_array(matrix, "matrix", "counts of shape (K, K)")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"a confusion matrix has shape (K, K), got {counts.shape}")
    are_counts = (counts >= 0.0) & (counts == np.rint(counts))
    if not are_counts.all():
        place = np.argwhere(~are_counts)[0].tolist()
        raise TypeError(
            f"a confusion matrix holds counts, 0, 1, 2, ..., got {counts[tuple(place)]:g} "
            f"in matrix{place}"
        )
    if counts.max() > _MOST_COUNTED:
        raise ValueError(f"a confusion matrix holds counts up to 2**53 - 1, got {counts.max():g}")
    return counts.astype(np.int64)
