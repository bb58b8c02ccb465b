"""What the examples share: options, tables, and pictures that repeat themselves to the byte."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from viz import COLOURS as COLOURS
from viz import INK as INK
from viz import count_epochs, save_figure, style_axes
from viz import new_figure as empty_figure


def options(name: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser with what every example takes: --seed and --out."""
    parser = argparse.ArgumentParser(
        prog=f"python -m examples.{name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=natural, default=0, help="default: %(default)s")
    parser.add_argument(
        "--out",
        type=folder,
        default="examples_out",
        metavar="DIR",
        help="where the picture goes (default: %(default)s)",
    )
    return parser


def folder(text: str) -> Path:
    """A directory that can be written to, made where it is not there: tried before the work."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def natural(text: str) -> int:
    """0, 1, 2, ..."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {number}")
    return number


def positive(text: str) -> int:
    """1, 2, 3, ..."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def length(text: str) -> float:
    """A finite number, at least 0."""
    number = float(text)
    if not 0.0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be finite and at least 0, got {number}")
    return number


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they need; the first is aligned left, the others right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row, all in one quiet style."""
    figure = empty_figure(*size, pad=0.1)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels:
        style_axes(axes)
    return figure, panels


def describe(axes: Axes, title: str, x: str, y: str) -> None:
    """Name a panel and what is on its axes."""
    axes.set_title(title, loc="left", color=INK, fontsize=10, fontweight="bold")
    axes.set_xlabel(x, color=INK, fontsize=9)
    axes.set_ylabel(y, color=INK, fontsize=9)


def plot_epochs(axes: Axes, curve: Sequence[float], **style: Any) -> None:
    """A curve with one number for each epoch, counted from 1."""
    axes.plot(range(1, len(curve) + 1), curve, **style)
    count_epochs(axes, len(curve))


def log_axis(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with round numbers on it also within a power of ten."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 30 * low:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def legend_below(axes: Axes) -> None:
    """A legend in a row below the panel, where it hides nothing."""
    handles, _ = axes.get_legend_handles_labels()
    place: dict[str, Any] = {
        "loc": "upper center",
        "bbox_to_anchor": (0.5, -0.13),
        "ncols": len(handles),
    }
    axes.legend(frameon=False, fontsize=8, columnspacing=1.0, handletextpad=0.3, **place)


def ring(axes: Axes, points: NDArray[np.float64], name: str) -> None:
    """Circles around points of the plane."""
    x, y = points.T
    axes.scatter(x, y, s=110, facecolor="none", edgecolor=INK, label=name, zorder=4)


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write the picture as SVG, say so, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = save_figure(figure, folder / f"{name}.svg")
    print(f"\nThe picture is in {path}.")
    return path
