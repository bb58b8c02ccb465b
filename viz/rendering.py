"""Writing a drawn graph to an SVG, PNG or PDF file."""

from __future__ import annotations

import html
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import graphviz

from autograd_mini.errors import RenderError
from autograd_mini.whole_files import write_whole
from viz import bundled_graphviz
from viz.files import output_path, write_new

__all__ = ["render"]

_PNG_DPI = "144"  # Graphviz's own 96 is coarse on today's screens
_MARKS = {  # what a file of the format begins and ends with, more or less
    "svg": (b"<svg", b"</svg>"),
    "png": (b"\x89PNG\r\n\x1a\n", b"IEND"),
    "pdf": (b"%PDF-", b"%%EOF"),
}
_FAILURES = (bundled_graphviz.NoGraphvizError, subprocess.CalledProcessError, OSError, ValueError)
_LARGEST_BITMAP = 32_767  # pixels a side; a larger one Graphviz shrinks until nothing can be read
_REMEDY = (
    "no Graphviz was found. Install the package that carries one with pip install pygraphviz, "
    "or Graphviz itself (apt install graphviz, brew install graphviz, or "
    "https://graphviz.org/download) with its dot on the PATH"
)


def _draw(digraph: graphviz.Digraph, image_format: str) -> bytes:
    """Draw with the system's ``dot`` or, where there is none, with that of pygraphviz."""
    try:
        content: bytes = _encodable(digraph).pipe(format=image_format, quiet=True)
    except graphviz.ExecutableNotFound:
        content = bundled_graphviz.draw(digraph.source, image_format, digraph.engine)
    if not all(mark in content for mark in _MARKS[image_format]):
        given = "something else" if content.strip() else "nothing"
        raise ValueError(f"it reported no error, but wrote {given} instead of a whole picture")
    if image_format == "png":
        _check_size(content)
    return content


def _encodable(digraph: graphviz.Digraph) -> graphviz.Source:
    """The same graph in letters that can be written to a process."""
    source = bundled_graphviz.source_bytes(digraph.source).decode()
    return graphviz.Source(source, engine=digraph.engine)


def _check_size(png: bytes) -> None:
    """Refuse a bitmap that was shrunk to fit."""
    width, height = struct.unpack(">II", png[16:24])
    if max(width, height) >= _LARGEST_BITMAP:
        raise _TooLargeError(
            "the picture is too large for a .png file, which may have at most "
            f"{_LARGEST_BITMAP:,} pixels a side: write an .svg or .pdf file instead"
        )


def _why(error: Exception) -> str:
    """What went wrong while drawing, in words."""
    if isinstance(error, bundled_graphviz.NoGraphvizError):
        return _REMEDY
    if isinstance(error, _TooLargeError):
        return str(error)
    if isinstance(error, subprocess.CalledProcessError):
        message = (error.stderr or b"").decode(errors="replace").strip()
        return f"Graphviz's dot failed: {message or _ending(error.returncode)}"
    return f"Graphviz failed: {error}"


class _TooLargeError(ValueError):
    """A bitmap was asked for that its format cannot hold."""


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """A Digraph that notebooks show also where only pygraphviz brings Graphviz along.

    Where it cannot be drawn they show why, and the remedy, instead of a traceback.

    Examples
    --------
    >>> Picture("empty")._repr_mimebundle_()["image/svg+xml"][:5]
    '<?xml'
    """

    def __repr__(self) -> str:
        lines = len(self.body)
        return f"<{self.name}, {lines:,} lines of DOT: viz.render(picture, 'x.svg') writes it>"

    def _repr_image_svg_xml(self) -> str:
        return _draw(self, "svg").decode()

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            bundle: dict[str, Any] = super()._repr_mimebundle_(*args, **kwargs)
        except _FAILURES as error:
            text = f"This graph cannot be drawn: {_why(error)}."
            return {"text/plain": text, "text/html": f"<p>{html.escape(text)}</p>"}
        return bundle


def _ending(returncode: int) -> str:
    """How a program ended that said nothing; below 0 stands the number of a signal."""
    if returncode >= 0:
        return f"it ended with exit status {returncode} and no message"
    return f"it was ended by signal {-returncode}"


def _render_error(digraph: graphviz.Digraph, target: Path, reason: str) -> RenderError:
    """Keep the DOT source beside the picture that could not be drawn."""
    message = f"cannot draw {str(target)!r}: {reason}."
    try:
        source = write_new(
            target.with_suffix(".dot"), bundled_graphviz.source_bytes(digraph.source)
        )
    except OSError:  # what the picture has failed of is the news
        return RenderError(message)
    return RenderError(f"{message} The DOT source is in {str(source)!r}.")


def render(digraph: graphviz.Digraph, path: str | os.PathLike[str]) -> Path:
    """Write a drawn graph to a file, as SVG, PNG or PDF by the file name's suffix.

    The system's ``dot`` draws it or, where there is none, the Graphviz that comes inside the
    ``pygraphviz`` package.  The file appears whole or not at all; an existing one is replaced.

    Parameters
    ----------
    digraph : graphviz.Digraph
        The picture, as ``draw_graph`` returns it.
    path : str or os.PathLike
        Where to write; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    TypeError
        If `digraph` is not a ``graphviz.Digraph`` or `path` is not a path.
    ValueError
        If the suffix is another one.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.
    autograd_mini.RenderError
        If there is no Graphviz to draw with, or it fails.  The message names the remedies, and
        where the DOT source is left: beside `path`, with the suffix ``.dot``, in a file of its own.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from autograd_mini import Value
    >>> from viz import draw_graph, render
    >>> picture = draw_graph(Value(3.0, label="x") * Value(2.0, label="w"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     render(picture, pathlib.Path(folder) / "product.svg").name
    'product.svg'
    """
    if not isinstance(digraph, graphviz.Digraph):
        raise TypeError(
            "the first argument must be a picture, such as draw_graph(value), "
            f"got {type(digraph).__name__}"
        )
    target, image_format = output_path(path)
    picture = digraph.copy()
    if image_format == "png" and "dpi" not in picture.graph_attr:
        picture.graph_attr["dpi"] = _PNG_DPI
    try:
        content = _draw(picture, image_format)
    except _FAILURES as error:
        raise _render_error(digraph, target, _why(error)) from error
    write_whole(target, content)
    return target
