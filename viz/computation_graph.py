"""The graph of a value as a picture, with every number that backpropagation uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, cast, runtime_checkable

import graphviz

from autograd_mini.core.graph import topological_order
from viz._node_text import format_number, html_text, label_lines, tooltip_text
from viz.rendering import Picture

__all__ = ["MAX_NODES", "draw_graph"]

MAX_NODES = 500
"""The largest number of values that is drawn, if no other is asked for."""

_FONT = "Helvetica,Arial,sans-serif"
_INK = "#24292f"
_QUIET = "#6b737c"

_GRAPH = {
    "rankdir": "LR",
    "bgcolor": "white",
    "pad": "0.15",
    "nodesep": "0.22",
    "ranksep": "0.4",
    "tooltip": "computation graph",
}
# For a leaf that is used all along a chain: Graphviz takes minutes to bend 60 edges around it.
_LONG_EDGES = {"splines": "line", "nslimit": "1"}
_LONG_SPAN = 500
_NODE = {"fontname": _FONT, "fontsize": "12", "fontcolor": _INK}
_EDGE = {
    "fontname": _FONT,
    "fontsize": "10",
    "fontcolor": _INK,
    "color": _QUIET,
    "arrowsize": "0.6",
}

# Shape, border and line weight tell the kinds of node apart; colour only supports them.
_BOX = {"shape": "box", "margin": "0.06,0.03", "width": "0", "height": "0"}
_STYLES = {
    "leaf": _BOX
    | {"style": "filled", "fillcolor": "#e8f0f8", "color": "#33587d", "penwidth": "1.6"},
    "interior": _BOX
    | {"style": "rounded,filled", "fillcolor": "#fafafa", "color": "#8b939c", "penwidth": "0.8"},
    "constant": {"shape": "plaintext", "margin": "0.04,0.02", "width": "0", "height": "0"}
    | {"fontsize": "10", "fontcolor": _QUIET},
    "operation": {"shape": "ellipse", "margin": "0.05,0.02", "width": "0.42", "height": "0.3"}
    | {"style": "filled", "fillcolor": "#e9e9ec", "color": "#e9e9ec", "fontsize": "11"},
}
_ROOT = {"peripheries": "2", "penwidth": "1.6", "color": "#8a5a00", "fillcolor": "#fcf3e0"}
_CONSTANT_ROOT = {"shape": "box", "style": "filled", "margin": "0.08,0.04"}


@runtime_checkable
class _Node(Protocol):
    """The public attributes of a value that a picture shows."""

    @property
    def data(self) -> float: ...
    @property
    def grad(self) -> float: ...
    @property
    def op(self) -> str: ...
    @property
    def parents(self) -> tuple[_Node, ...]: ...
    @property
    def local_derivatives(self) -> Sequence[float]: ...
    @property
    def label(self) -> str: ...


def _roots(root: object) -> list[_Node]:
    """Take one value or several; say what was given if it is neither."""
    if isinstance(root, _Node):
        return [root]
    expected = "root must be a Value or a sequence of Values"
    if isinstance(root, str) or not isinstance(root, Iterable):
        raise TypeError(f"{expected}, got {type(root).__name__}")
    roots = list(root)
    if not roots:
        raise ValueError(f"{expected}, got an empty {type(root).__name__}: nothing to draw")
    for position, item in enumerate(roots):
        if not isinstance(item, _Node):
            raise TypeError(f"{expected}, got {type(item).__name__} at position {position}")
    return roots


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def _kind(node: _Node) -> str:
    if node.op == "constant":
        return "constant"
    return "interior" if node.parents else "leaf"


def _number_row(name: str, number: str) -> str:
    return (
        f'<tr><td align="left"><font point-size="10" color="{_QUIET}">{name}</font></td>'
        f'<td width="5"></td><td align="right"><font point-size="10">{number}</font></td></tr>'
    )


def _value_label(node: _Node, precision: int) -> str:
    """Lay out label, data and grad as a small table; a constant is only its number."""
    lines = label_lines(node.label) if node.label else []
    data = format_number(node.data, precision)
    if node.op == "constant":
        return "<" + "<br/>".join(map(html_text, [*lines, data])) + ">"
    rows = [f'<tr><td colspan="3"><b>{html_text(line)}</b></td></tr>' for line in lines if line]
    rows += [_number_row("data", data), _number_row("grad", format_number(node.grad, precision))]
    table = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
    return f"<{table}{''.join(rows)}</table>>"


def _value_tooltip(node: _Node) -> str:
    lines = [node.label] if node.label else []
    lines.append(f"data {node.data!r}")
    if node.op == "constant":
        lines.append("a constant: no gradient flows to it")
    else:
        lines.append(f"grad {node.grad!r}")
    return tooltip_text(*lines)


def _value_attributes(node: _Node, is_root: bool, precision: int) -> dict[str, str]:
    kind = _kind(node)
    attributes = dict(_STYLES[kind])
    if is_root:
        attributes |= _ROOT | (_CONSTANT_ROOT if kind == "constant" else {})
    return attributes | {
        "label": _value_label(node, precision),
        "tooltip": _value_tooltip(node),
        "class": f"{kind} root" if is_root else kind,
    }


def _total_span(nodes: Sequence[_Node]) -> int:
    """How many ranks of the picture all edges span together; a leaf is beside its first use."""
    ranks: dict[int, int] = {}
    for node in nodes:
        below = [ranks[id(operand)] for operand in node.parents if operand.parents]
        ranks[id(node)] = 1 + max(below, default=0) if node.parents else len(nodes)
        for leaf in node.parents:
            if not leaf.parents:
                ranks[id(leaf)] = min(ranks[id(leaf)], ranks[id(node)] - 1)
    return sum(ranks[id(node)] - ranks[id(each)] for node in nodes for each in node.parents)


def _draw_operation(picture: graphviz.Digraph, name: str, node: _Node, uses: Counter[int]) -> str:
    operation = f"{name}_op"
    label = f"<{html_text(' '.join(label_lines(node.op)))}>"
    tooltip = tooltip_text(node.op)
    style = _STYLES["operation"] | {"class": "operation", "tooltip": tooltip}
    if all(uses[id(operand)] == 1 for operand in node.parents):
        # Operands from top to bottom as written; where one is shared, this would tangle the edges.
        style |= {"ordering": "in"}
    picture.node(operation, label=label, **style)
    # The heavy edge keeps an operation and its result on one line.
    picture.edge(operation, name, weight="8", arrowhead="none", tooltip=tooltip)
    return operation


def _draw_operand_edge(
    picture: graphviz.Digraph,
    tail: str,
    head: str,
    operand: _Node,
    derivative: float,
    precision: int,
) -> None:
    """Draw one use of an operand; one used twice has two edges."""
    tooltip = tooltip_text(f"local derivative {derivative!r}")
    attributes = {"label": format_number(derivative, precision), "class": "operand"}
    attributes |= {"tooltip": tooltip, "labeltooltip": tooltip}
    if operand.op == "constant":
        attributes |= {"style": "dashed", "fontcolor": _QUIET, "penwidth": "0.7"}
    picture.edge(tail, head, **attributes)


def draw_graph(
    root: _Node | Iterable[_Node], *, max_nodes: int = MAX_NODES, precision: int = 4
) -> graphviz.Digraph:
    """Draw the graph that a value was computed by, from its leaves on the left to the right.

    A value shows its label, data and gradient, an operation its name, and each edge from an
    operand to an operation the local derivative toward that operand.  An operand used twice has
    two edges.  The gradient of a value is the sum, over its outgoing edges, of the edge's local
    derivative times the gradient of the result it leads to: all of it can be read off the picture.

    Leaves are boxes with sharp corners and a heavy border, interior values boxes with round
    corners and a thin one, constants bare numbers with dashed edges (no gradient flows to them, so
    that their local derivative is 0), and a root has a double border.  Where a value is used all
    along a chain, edges are straight lines.  Tooltips hold the numbers to the last digit and labels
    too long to be shown whole.

    Parameters
    ----------
    root : Value or sequence of Value
        The value, or values, to draw with all that they depend on.
    max_nodes : int, default 500
        The largest number of values to draw.  Graphviz takes seconds for a thousand and does not
        come to an end for many thousands, nor would a reader.
    precision : int, default 4
        Significant digits of the numbers.

    Returns
    -------
    graphviz.Digraph
        The picture; ``viz.render`` writes it to a file and notebooks show it.  Values are named
        ``n0``, ``n1``, ... in topological order and their operations ``n2_op``, ..., so that the
        same graph gives the same source.

    Raises
    ------
    TypeError
        If `root` holds something other than values, or an option is not an int.
    ValueError
        If `root` is an empty sequence, the graph has more than `max_nodes` values, or an option is
        less than 1.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> from viz import draw_graph
    >>> a = Value(3.0, label="a")
    >>> b = a + a
    >>> b.backward()
    >>> picture = draw_graph(b)
    >>> picture.source.count("n0 -> n1_op")
    2
    """
    _check_positive("max_nodes", max_nodes)
    _check_positive("precision", precision)
    roots = _roots(root)
    nodes = cast("list[_Node]", topological_order(*roots))
    if len(nodes) > max_nodes:
        raise ValueError(
            f"the graph has {len(nodes):,} values, more than max_nodes={max_nodes:,}: draw a "
            f"smaller part of it, or raise the limit with draw_graph(root, max_nodes={len(nodes)})"
        )
    style = _GRAPH | (_LONG_EDGES if _total_span(nodes) > _LONG_SPAN else {})
    picture = Picture("computation_graph", graph_attr=style, node_attr=_NODE, edge_attr=_EDGE)
    names = {id(node): f"n{index}" for index, node in enumerate(nodes)}
    root_ids = {id(node) for node in roots}
    uses = Counter(id(operand) for node in nodes for operand in node.parents)
    for node in nodes:
        name = names[id(node)]
        picture.node(name, **_value_attributes(node, id(node) in root_ids, precision))
        if not node.parents:
            continue
        operation = _draw_operation(picture, name, node, uses)
        for operand, derivative in zip(node.parents, node.local_derivatives, strict=True):
            _draw_operand_edge(
                picture, names[id(operand)], operation, operand, derivative, precision
            )
    return picture
