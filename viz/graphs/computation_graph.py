"""The graph of a value as a picture, with every number that backpropagation uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import graphviz

from viz.graphs.collapsing import Collapse
from viz.graphs.graph_nodes import Node, graph_of, roots_of
from viz.graphs.graph_options import checked_options
from viz.graphs.graph_painter import Painter
from viz.graphs.graph_size import AUTO, MAX_NODES, fitting
from viz.graphs.scope_tree import ScopeTree

__all__ = ["MAX_NODES", "draw_graph"]


def draw_graph(
    root: Node | Iterable[Node],
    *,
    rankdir: str = "LR",
    show: str | Iterable[str] = ("label", "data", "grad"),
    precision: int = 4,
    number_format: str | None = None,
    edges: str | None = "local",
    flow: bool | None = None,
    highlight: Sequence[Node] | None = None,
    collapse: Collapse = AUTO,
    max_nodes: int = MAX_NODES,
    legend: bool = False,
    theme: str = "light",
) -> graphviz.Digraph:
    """Draw the graph that a value was computed by, from its leaves on the left to the right.

    A value shows its label, data and gradient, an operation its sign or name, and each edge from an
    operand to an operation the local derivative toward that operand.  An operand used twice has
    two edges.  The gradient of a value is the sum, over its outgoing edges, of the edge's local
    derivative times the gradient of the result it leads to: all of it can be read off the picture.
    An edge from a constant carries no number, since no derivative toward it is asked for.

    Leaves are boxes with sharp corners and a heavy border, interior values boxes with round
    corners and a thin one, constants bare numbers with dashed edges, and a root has a double
    border.  Parameters of layers are named as in textbooks.  What was made in a scope, such as a
    layer of a network, stands in a titled box; large graphs have their scopes collapsed to one box
    each, which tells how many values go in and out and how many are in it.  What is infinite or NaN
    has a red border and a warning sign.  Tooltips hold the numbers to the last digit, labels too
    long to be shown whole and the paths of parameters.

    Where Python's ``sum`` starts with ``0 + x`` inside the graph, the 0 is not drawn, and `x` goes
    on to what follows.

    Parameters
    ----------
    root : Value or sequence of Value
        The value, or values, to draw with all that they depend on.
    rankdir : {"LR", "TB", "RL", "BT"}, default "LR"
        Where the graph grows to: left to right, top to bottom, and the other way round.
    show : str or iterable of str, default ("label", "data", "grad")
        What a value shows: any of ``"label"``, ``"data"``, ``"grad"``, ``"formula"`` (the operation
        over the labels of its operands, where a second ``x`` is ``x#2``) and ``"op"`` (the
        operation in the box of its result, instead of a node of its own: a smaller picture).
    precision : int, default 4
        Significant digits of the numbers.
    number_format : str, optional
        A format such as ``".3f"`` or ``"+.2e"``, in place of `precision`.
    edges : {"local", "contribution", "both", None}, default "local"
        What an edge shows: the local derivative, what it contributes to the gradient of its operand
        (local derivative times upstream gradient), the whole product, or nothing.
    flow : bool, optional
        Whether edges are the thicker the larger the contribution that they carry, and blue with an
        arrow where it is positive, orange with a bar where it is negative.  As a rule just where
        contributions are shown.
    highlight : (Value, Value), optional
        A leaf and a root: all paths between them stay strong, and everything else fades.
    collapse : str, int, sequence of str or None, default "auto"
        Which scopes are drawn as one box: those of that kind or name (``"layer"``, ``"layer 1"``),
        those at that depth (1 is outermost), or those with one of the names, always the outermost
        of them.  ``"auto"`` collapses as little as makes a graph with scopes readable, about 40
        boxes, and joins equal siblings where that takes it; None only what `max_nodes` demands.
        What is more than 50 scopes deep is collapsed in any case.
    max_nodes : int, default 500
        The largest number of values and boxes to draw.  Graphviz takes seconds for a thousand and
        does not come to an end for many thousands, nor would a reader.  A larger graph is collapsed
        by scope, as little as makes it fit.  If it does not fit even so, equal siblings are drawn
        as one box, such as ``64 x relu``: values of one scope, or calls of a module, that do the
        same with operands of the same boxes for results in the same boxes.  Numbers do not count,
        but for exponents.  If that is not enough, it is refused.
    legend : bool, default False
        Whether a legend stands below.
    theme : {"light", "dark"}, default "light"
        Dark on white, or light on a dark background.

    Returns
    -------
    graphviz.Digraph
        The picture; ``viz.render`` writes it to a file and notebooks show it.  Values are named
        ``n0``, ``n1``, ... in topological order, their operations ``n2_op``, ..., collapsed scopes
        ``s0``, ..., and equal siblings after the first of them, ``n2_all`` or ``s0_all``, so that
        the same graph gives the same source.

    Raises
    ------
    TypeError
        If `root` holds something other than values, or an option is of the wrong type.
    ValueError
        If `root` is an empty sequence, the graph is too large and cannot be collapsed, an option
        has a value that there is not, no scope is called as `collapse` says, or no path leads
        between the values of `highlight`.

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

    A network of several layers, each of them as one box:

    >>> import nn
    >>> loss = nn.half_squared_error(nn.MLP(2, [16, 16, 1], rng=0)([0.5, -0.5]), [1.0])
    >>> loss.backward()
    >>> draw_graph(loss, collapse="layer").source.count("parameters</font>")
    3
    """
    options = checked_options(
        rankdir=rankdir,
        show=show,
        precision=precision,
        number_format=number_format,
        edges=edges,
        flow=flow,
        highlight=highlight,
        collapse=collapse,
        max_nodes=max_nodes,
        legend=legend,
        theme=theme,
    )
    ends = options.highlight or ()
    tree = ScopeTree(graph_of(roots_of(root), ends), ends)
    drawn, lines = fitting(tree, options.collapse, options.max_nodes, options.highlight)
    return Painter(drawn, lines, options).picture()
