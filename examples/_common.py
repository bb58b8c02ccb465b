"""What the examples share: options, tables, and pictures that repeat themselves to the byte."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograd_mini import write_whole
from viz import figures
from viz.figures import INK as INK

GRID = "#e3e5e8"
COLOURS = ["#33587d", "#c0702a", "#4d8f5c", "#8a4f8f"]


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
        type=Path,
        default=Path("examples_out"),
        metavar="DIR",
        help="where the picture goes (default: %(default)s)",
    )
    return parser


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
    figure = figures.new_figure(*size, "the picture", pad=0.04)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels:
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9)
    return figure, panels


def describe(axes: Axes, title: str, x: str, y: str) -> None:
    """Name a panel and what is on its axes."""
    axes.set_title(title, loc="left", color=INK, fontsize=10, fontweight="bold")
    axes.set_xlabel(x, color=INK, fontsize=9)
    axes.set_ylabel(y, color=INK, fontsize=9)


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write the picture as SVG, say so, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    write_whole(path, figures.figure_bytes(figure, "svg"))
    print(f"\nThe picture is in {path}.")
    return path
