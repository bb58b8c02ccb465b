"""The options of `draw_graph`, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from viz._node_text import NumberFormat
from viz.graphs.collapsing import Collapse
from viz.graphs.graph_nodes import Node
from viz.graphs.graph_style import THEMES, Palette

__all__ = ["Options", "check_positive", "checked_options"]

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
    check_positive("max_nodes", max_nodes)
    check_positive("precision", precision)
    _check_choice("rankdir", rankdir, DIRECTIONS)
    _check_choice("edges", edges, EDGES)
    _check_choice("theme", theme, tuple(THEMES))
    _check_bool("legend", legend)
    if flow is not None:
        _check_bool("flow", flow)
    return Options(
        rankdir=rankdir,
        show=_parts(show),
        number=NumberFormat(precision, number_format),
        edges=edges,
        flow=edges in ("contribution", "both") if flow is None else flow,
        highlight=_pair(highlight),
        collapse=_collapse(collapse),
        max_nodes=max_nodes,
        legend=legend,
        palette=THEMES[theme],
    )


def check_positive(name: str, value: object) -> None:
    """Refuse what is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def _check_choice(name: str, value: object, choices: Collection[str | None]) -> None:
    if not any(value == choice for choice in choices):
        listed = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")


def _parts(show: str | Iterable[str]) -> frozenset[str]:
    """What a node shows; a single part may stand alone."""
    if not isinstance(show, Iterable):
        raise TypeError(f"show must name parts of a node, such as ('label', 'data'), got {show!r}")
    parts = [show] if isinstance(show, str) else list(show)
    for part in parts:
        _check_choice("each part in show", part, PARTS)
    return frozenset(parts)


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
    if isinstance(collapse, int) and not isinstance(collapse, bool):
        check_positive("collapse", collapse)
        return collapse
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
