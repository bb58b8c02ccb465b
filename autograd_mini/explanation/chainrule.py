"""The chain rule over one graph as equations: path by path, or recursively by error signals."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..core.graph import interior_order
from ..core.value import Value
from .algebra import Product, call
from .bound_row import shown_elements
from .names import Symbols
from .notation import PARTIAL, SIGNAL
from .paths import Edge, counted, edge_paths, on_paths

STEPS = 60
"""The longest path that is still readable as one product."""


@dataclass(frozen=True)
class LeafUse:
    """One use of a leaf: an edge over which gradient comes back to it.

    Attributes
    ----------
    node : Value
        The node that has the leaf as an operand.
    operand : int
        The position of the leaf among the node's operands.
    local : float
        Local derivative of the node toward this operand.
    upstream : float
        Gradient of the root toward the node.
    contribution : float
        Their product: what this use adds to the leaf's gradient.  A 0 makes it 0, as in
        ``backward``.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> a, b = ad.Value(2.0, "a"), ad.Value(3.0, "b")
    >>> ad.explain(a * b, a).uses[0].local
    3.0
    """

    node: Value
    operand: int
    local: float
    upstream: float
    contribution: float


@dataclass
class Equation:
    """``left = a sum of products = value``; a None among the terms stands for some left out."""

    left: ast.expr
    terms: Sequence[Product | None]
    value: float


@dataclass
class Signals:
    """The recursive form: an equation for each error signal, the leaf's derivative last."""

    equations: list[Equation] = field(default_factory=list)
    left_out: int = 0
    """How many equations before the last are not written."""


def uses_of(root: Value, leaf: Value, gradients: Mapping[Value, float]) -> tuple[LeafUse, ...]:
    """Every use of `leaf` that `root` depends on, as a backward pass meets them."""
    uses: list[LeafUse] = []
    for node in reversed(interior_order(root)):
        if leaf not in node.parents:
            continue
        upstream = gradients.get(node, 0.0)
        for index, parent in enumerate(node.parents):
            if parent is leaf:
                local = node.local_derivatives[index]
                contribution = local * upstream if local and upstream else 0.0
                uses.append(LeafUse(node, index, local, upstream, contribution))
    return tuple(uses)


def partial(symbols: Symbols, root: Value, leaf: Value) -> ast.expr:
    """``d root / d leaf`` as an expression."""
    return call(PARTIAL, [symbols.of(root), symbols.of(leaf)])


def product(symbols: Symbols, edges: Iterable[Edge], start: Product | None = None) -> Product:
    """The product of the table's local derivatives over some edges, in their order."""
    result = start or Product()
    for node, index in edges:
        result.times(symbols.factor(node, index))
    return result


def few_short_paths(root: Value, leaf: Value, limit: int) -> bool:
    """Whether there are at most `limit` paths, each short enough to be read as a product."""
    members = on_paths(root, leaf)
    if len(members) > max(limit, 1) * STEPS:  # then some path is long, or there are many
        return False
    if counted(root, leaf, members, limit + 1) > limit:
        return False
    return all(len(edges) <= STEPS for edges, _ in edge_paths(root, leaf, limit))


def error_signals(
    symbols: Symbols, root: Value, leaf: Value, gradients: Mapping[Value, float], limit: int
) -> Signals:
    """The recursive form, root first: each node on a path once, however many paths there are.

    ``delta(v)``, the derivative of the root toward v, is the sum over the uses of v: the delta of
    the node that uses it, times the local derivative there.  Nodes that are written out in a
    formula and used only once need no delta of their own.
    """
    members = on_paths(root, leaf)
    order = [leaf, *(n for n in interior_order(root) if n in members and n is not leaf)]
    stations = _stations(symbols, order, members)
    shown = stations if len(stations) <= limit else [*stations[: max(limit, 1) - 1], stations[-1]]
    incoming = _incoming(order, stations, shown)
    signals = Signals(left_out=len(stations) - len(shown))
    stops = {root, *stations}
    for node in shown:
        edges = incoming[node]
        kept = shown_elements(len(edges), most=max(limit, 4))
        terms = [
            None if i is None else _signal_term(symbols, edges[i], incoming, stops, root)
            for i in kept
        ]
        left = partial(symbols, root, leaf) if node is leaf else _delta(symbols, node)
        signals.equations.append(Equation(left, terms, gradients.get(node, 0.0)))
    return signals


def _stations(symbols: Symbols, order: list[Value], members: Collection[Value]) -> list[Value]:
    """The nodes with an error signal of their own, from below the root to the leaf."""
    uses = dict.fromkeys(members, 0)
    for node in order:
        for parent in node.parents:
            if parent in uses:
                uses[parent] += 1
    leaf, root = order[0], order[-1]
    inner = (n for n in reversed(order[1:-1]) if uses[n] > 1 or symbols.has_name(n))
    return [*inner, leaf] if leaf is not root else []


def _incoming(
    order: list[Value], stations: list[Value], shown: list[Value]
) -> dict[Value, list[Edge]]:
    """The edges toward the nodes shown and toward what lies between them and their stations."""
    incoming: dict[Value, list[Edge]] = {node: [] for node in shown}
    ends = set(stations)
    for node in order:
        touched = False
        for index in reversed(range(len(node.parents))):
            if (edges := incoming.get(node.parents[index])) is not None:
                edges.append((node, index))
                touched = True
        if touched and node not in ends:
            incoming[node] = []
    for edges in incoming.values():
        edges.reverse()  # as a backward pass meets them
    return incoming


def _signal_term(
    symbols: Symbols,
    edge: Edge,
    incoming: Mapping[Value, list[Edge]],
    stops: Collection[Value],
    root: Value,
) -> Product:
    """One use of a node: the delta of the station above, and the local derivatives down from it."""
    edges = [edge]
    while edges[-1][0] not in stops:
        edges.append(incoming[edges[-1][0]][0])
    station = edges[-1][0]
    start = Product() if station is root else Product().times(_delta(symbols, station))
    return product(symbols, reversed(edges), start)


def _delta(symbols: Symbols, node: Value) -> ast.expr:
    return call(SIGNAL, [symbols.of(node)])
