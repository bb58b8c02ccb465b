"""The options of `draw_graph`, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from viz._node_text import NumberFormat
from viz.graphs.collapsing import Collapse
from viz.graphs.graph_nodes import Node
from viz.options import one_of, true_or_false, whole_number
from viz.themes import Palette, palette_of

__all__ = ["Options", "checked_options"]

DIRECTIONS = ("LR", "TB", "RL", "BT")
PARTS = ("label", "formula", "op", "data", "grad")
EDGES = ("local", "contribution", "both", None)


@dataclass(frozen=True)
class Options:
    """What the user wants to see; see `draw_graph`."""

    rankdir: str
    show: frozenset[str]
    number: NumberFormat
    edges: str | None
    flow: bool
    highlight: tuple[Node, Node] | None
    collapse: Collapse
    max_nodes: int
    legend: bool
    palette: Palette


def checked_options(
    *,
    rankdir: str,
    show: str | Iterable[str],
    precision: int,
    number_format: str | None,
    edges: str | None,
    flow: bool | None,
    highlight: Sequence[Node] | None,
    collapse: Any,
    max_nodes: int,
    legend: bool,
    theme: str,
) -> Options:
    """Check every option by itself.

    Raises
    ------
    TypeError, ValueError
        An option of the wrong type, or of a value that there is not.
    """
    edges = one_of(edges, "edges", EDGES)
    if flow is None:
        flow = edges in ("contribution", "both")
    return Options(
        max_nodes=whole_number(max_nodes, "max_nodes"),
        number=NumberFormat(whole_number(precision, "precision"), number_format),
        rankdir=one_of(rankdir, "rankdir", DIRECTIONS),
        edges=edges,
        legend=true_or_false(legend, "legend"),
        flow=true_or_false(flow, "flow"),
        show=_parts(show),
        highlight=_pair(highlight),
        collapse=_collapse(collapse),
        palette=palette_of(theme),
    )


def _parts(show: str | Iterable[str]) -> frozenset[str]:
    """What a node shows; a single part may stand alone."""
    if not isinstance(show, Iterable):
        raise TypeError(f"show must name parts of a node, such as ('label', 'data'), got {show!r}")
    parts = [show] if isinstance(show, str) else list(show)
    return frozenset([one_of(part, "each part in show", PARTS) for part in parts])


def _pair(highlight: Sequence[Node] | None) -> tuple[Node, Node] | None:
    if highlight is None:
        return None
    expected = "highlight must be a pair of Values of the graph, (leaf, root)"
    if isinstance(highlight, (str, Node)) or not isinstance(highlight, Sequence):
        raise TypeError(f"{expected}, got {type(highlight).__name__}")
    if len(highlight) != 2:
        raise ValueError(f"{expected}, got {len(highlight)} of them")
    leaf, root = highlight
    for node in (leaf, root):
        if not isinstance(node, Node):
            raise TypeError(f"{expected}, got {type(node).__name__} in it")
    return leaf, root


def _collapse(collapse: Any) -> Collapse:
    """A depth, a name, several names, "auto" or None."""
    if isinstance(collapse, Integral) and not isinstance(collapse, bool):
        return whole_number(collapse, "collapse")
    if collapse is None or isinstance(collapse, str):
        return collapse
    expected = "collapse must be a name such as 'layer', names, a depth (1 is outermost) or None"
    if isinstance(collapse, (bool, dict)) or not isinstance(collapse, Iterable):
        raise TypeError(f"{expected}, got {collapse!r}")
    names = tuple(collapse)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{expected}, got {name!r} among the names")
    if not names:
        raise ValueError(f"{expected}, got no name")
    return names
