"""Figures of matplotlib as this package draws them: one look, and equal files for equal numbers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["INK", "figure_bytes", "new_figure"]

INK = "#24292f"


def new_figure(width: float, height: float, caller: str, pad: float = 0.12) -> Figure:
    """Return an empty figure, in inches, that belongs to no window."""
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


def figure_bytes(figure: Figure, image_format: str) -> bytes:
    """Save a figure; the same figure gives the same file."""
    import matplotlib

    # The creation date is what would differ from run to run, and in SVG the ids too.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(image_format)
    settings: dict[Any, Any] = {"svg.hashsalt": "autograd-mini", "svg.fonttype": "none"}
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings):
        figure.savefig(buffer, format=image_format, dpi=144, metadata=metadata)
    return buffer.getvalue()
