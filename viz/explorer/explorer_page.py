"""The explorer: a page in which the backward pass of a graph is stepped, played and replayed."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from autograd_mini.core.graph import topological_order
from autograd_mini.table.javascript import PRIMITIVES, table_module
from autograd_mini.textbook_names import TextbookName, textbook_names
from autograd_mini.whole_files import check_place, write_whole
from viz._node_text import MAX_TOOLTIP_CHARACTERS, label_lines
from viz.explorer.assembly import assemble
from viz.graphs.graph_nodes import Node, roots_of
from viz.options import whole_number

__all__ = ["MAX_NODES", "Explorer", "explore", "explorer_path"]

MAX_NODES = 500
"""The largest number of values that a page shows, if no other is asked for."""

_FRAME_HEIGHT = 640
_MOST_NAMED = 3  # roots, in the title
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Explorer:
    """A page that shows how gradients flow; notebooks show it in a frame.

    Attributes
    ----------
    html : str
        The whole page.
    path : pathlib.Path or None
        The file that it was written to.
    """

    html: str = field(repr=False)
    path: Path | None = None

    def save(self, path: str | os.PathLike[str]) -> Explorer:
        """Write the page to a file, whole or not at all; an existing one is replaced."""
        target = explorer_path(path)
        write_whole(target, self.html.encode())
        return replace(self, path=target)

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" '
            f'title="explorer of the backward pass" width="100%" height="{_FRAME_HEIGHT}" '
            'style="border: 1px solid #d8dee4; border-radius: 6px"></iframe>'
        )


def explore(
    root: Node | Iterable[Node],
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    max_nodes: int = MAX_NODES,
) -> Explorer:
    """Make a page in which the backward pass of a value is stepped, played and replayed.

    The page shows the graph; the forward pass first, then the backward pass in reverse topological
    order.  At every step the edges show local derivative times upstream gradient, what arrives at a
    node adds up before one's eyes, and the chain rule is written with the labels of the values.  A
    node that is chosen shows the ledger of its uses, a leaf every path to the root.  The values of
    leaves can be changed: the page then computes everything again with the formulas of the
    derivative table.

    It is one file without anything from the network, which can be sent or published as it is.

    Parameters
    ----------
    root : Value or sequence of Value
        The value, or values, whose gradients are explored.  Gradients of several are those of
        their sum.
    path : str or os.PathLike, optional
        Where to write the page; ends in ``.html``, in an existing directory.  An existing file is
        replaced.
    title : str, optional
        What stands above the page; by default the labels of the roots.
    max_nodes : int, default 500
        The largest number of values to show.

    Returns
    -------
    Explorer
        The page, as ``.html`` and, where it was written, ``.path``; notebooks show it.

    Raises
    ------
    TypeError
        If `root` holds something other than values, `path` is not a path, `title` no text or
        `max_nodes` not an int.
    ValueError
        If `root` is an empty sequence, the graph has more than `max_nodes` values, or `path` does
        not end in ``.html``.
    FileNotFoundError, IsADirectoryError
        If the directory of `path` does not exist, or `path` is one itself.

    Examples
    --------
    >>> from autograd_mini import Value, tanh
    >>> from viz import explore
    >>> w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.5, "b")
    >>> page = explore(tanh(w * x + b))
    >>> page.html.startswith("<!doctype html>"), page.path
    (True, None)
    """
    max_nodes = whole_number(max_nodes, "max_nodes")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be a str, got {type(title).__name__}")
    target = None if path is None else explorer_path(path)
    roots = roots_of(root)
    nodes = cast("list[Node]", topological_order(*roots))
    if len(nodes) > max_nodes:
        raise ValueError(
            f"the graph has {len(nodes):,} values, more than max_nodes={max_nodes:,}: explore a "
            f"smaller part of it, or raise the limit with explore(root, max_nodes={len(nodes)})"
        )
    rows = PRIMITIVES.keys() & {node.op for node in nodes}
    modules = {"table.js": table_module(rows), "field.js": _NO_FIELD}
    page = assemble(_title(roots) if title is None else title, _graph(roots, nodes), modules)
    return Explorer(page) if target is None else Explorer(page).save(target)


_NO_FIELD = "export const Field = null; // the graph of this page is given\n"


def explorer_path(path: str | os.PathLike[str]) -> Path:
    """Check where a page shall go, before the work."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or a Path, got {type(path).__name__}")
    target = Path(os.fsdecode(path))
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a page's file name must end in .html, got {os.fsdecode(path)!r}")
    check_place(target)
    return target


def _title(roots: Sequence[Node]) -> str:
    """The labels of the roots, the first of many; how many others there are."""
    labels = dict.fromkeys(" ".join(label_lines(root.label)) for root in roots)
    named = [label for label in labels if label.strip()][:_MOST_NAMED]
    if not named:
        return "Backward pass"
    others = len(roots) - sum(" ".join(label_lines(root.label)) in named for root in roots)
    return f"Backward pass of {', '.join(named)}" + (f" and {others:,} more" if others else "")


def _graph(roots: Sequence[Node], nodes: Sequence[Node]) -> dict[str, Any]:
    """The graph as JSON has it, operands before results."""
    ids = {id(node): index for index, node in enumerate(nodes)}
    names = textbook_names(node.label for node in nodes)
    return {
        "roots": list(dict.fromkeys(ids[id(root)] for root in roots)),
        "nodes": [_node(node, ids, name) for node, name in zip(nodes, names, strict=True)],
    }


def _node(node: Node, ids: dict[int, int], textbook: TextbookName | None) -> dict[str, Any]:
    return {
        "id": ids[id(node)],
        "op": node.op,
        "label": _shortened(node.label),
        **({"name": textbook.text} if textbook else {}),
        "parents": [ids[id(parent)] for parent in node.parents],
        "data": _number(node.data),
        "local": [_number(local) for local in node.local_derivatives],
    }


def _shortened(label: str) -> str:
    if len(label) <= MAX_TOOLTIP_CHARACTERS:
        return label
    return label[: MAX_TOOLTIP_CHARACTERS - 1] + _ELLIPSIS


def _number(value: float) -> float | str:
    """A number as JSON can hold it."""
    number = float(value)
    return number if math.isfinite(number) else str(number)
