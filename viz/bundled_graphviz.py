"""Drawing with the Graphviz that comes inside pygraphviz, in a process of its own.

So nothing that its C libraries do reaches the user's process: warnings of the font library stay
out of notebooks, Ctrl-C ends a long layout, and threads need not wait for each other.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from viz.files import FORMATS

__all__ = ["NoGraphvizError", "draw", "source_bytes"]

_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
try:
    import pygraphviz
except Exception as error:
    sys.exit(f"{sys.argv[4]}{error}")
source = sys.stdin.buffer.read().decode()
try:
    picture = pygraphviz.AGraph(string=source).draw(format=sys.argv[2], prog=sys.argv[3])
except Exception as error:
    sys.exit(str(error) or type(error).__name__)
sys.stdout.buffer.write(picture or b"")
"""
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
PATIENCE = 600.0
"""How many seconds a layout may take: a hung process would hold its caller for ever."""
_ABSENT = "pygraphviz cannot be imported: "


class NoGraphvizError(Exception):
    """Neither the system nor pygraphviz has a Graphviz to draw with.

    Examples
    --------
    >>> issubclass(NoGraphvizError, Exception)
    True
    """


def draw(source: str, image_format: str, engine: str) -> bytes:
    """Draw a graph in the DOT language.

    Parameters
    ----------
    source : str
        The graph.
    image_format : str
        ``"svg"``, ``"png"`` or ``"pdf"``.
    engine : str
        Graphviz's layout engine, such as ``"dot"``.

    Returns
    -------
    bytes
        The picture.

    Raises
    ------
    NoGraphvizError
        If there is no pygraphviz, or it cannot be imported.
    ValueError
        If it fails, the message is what it said; if it does not come to an end within ten minutes;
        if `image_format` is another one.

    Examples
    --------
    >>> draw("digraph {a -> b}", "svg", "dot")[:5]
    b'<?xml'
    """
    if image_format not in FORMATS:
        raise ValueError(f"image_format must be one of {', '.join(FORMATS)}, got {image_format!r}")
    command = [sys.executable, "-I", "-c", _PROGRAM, _folder(), image_format, engine, _ABSENT]
    try:
        done = subprocess.run(
            command,
            input=source_bytes(source),
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"it has not come to an end within {PATIENCE:g} seconds: draw less, as with collapse="
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        if _ABSENT in said:
            raise NoGraphvizError(said.partition(_ABSENT)[2])
        raise ValueError(said.splitlines()[-1] if said else f"it ended with {done.returncode}")
    return done.stdout


def source_bytes(source: str) -> bytes:
    r"""Encode a graph in the DOT language; a sign stands for what UTF-8 has no bytes for.

    Examples
    --------
    >>> source_bytes("\ud800").decode() == "\N{REPLACEMENT CHARACTER}"
    True
    """
    return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", source).encode()


def _folder() -> str:
    """Where pygraphviz lies, without importing it: its C libraries stay out of this process."""
    found = importlib.util.find_spec("pygraphviz")
    if found is None or found.origin is None:
        raise NoGraphvizError("pygraphviz is not installed")
    return str(Path(found.origin).parent.parent)
