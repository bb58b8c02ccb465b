"""Pictures that fit: as much of a graph as is readable, or words about why it is too large."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import cached_property
from itertools import accumulate, takewhile

from viz.graphs.collapsing import (
    DEEPEST,
    Collapse,
    Collapsed,
    Edge,
    collapsed_at,
    scopes_to_collapse,
)
from viz.graphs.equal_siblings import FEWEST_VALUES, Looks, folded
from viz.graphs.graph_nodes import Node, Scope
from viz.graphs.scope_tree import ScopeTree

__all__ = ["AUTO", "MAX_NODES", "fitting"]

MAX_NODES = 500
"""The largest number of values that is drawn, if no other is asked for."""
AUTO = "auto"
"""Collapse what does not fit, and as little as that takes."""

_READABLE_NODES = 40
_READABLE_SHAPES = 60  # where an operation has one beside its result
_READABLE_EDGES = 80
_MOST_NODES = 2000  # for which Graphviz takes a minute
_EDGES_PER_NODE = 4
_EDGES = _EDGES_PER_NODE * MAX_NODES  # for which Graphviz takes seconds


def fitting(
    tree: ScopeTree,
    collapse: Collapse,
    max_nodes: int,
    highlight: tuple[Node, Node] | None = None,
) -> tuple[Collapsed, list[Edge]]:
    """The graph with what is asked for collapsed, or with as little as makes it fit, and its edges.

    What does not fit even so has its equal siblings drawn as one box.

    Raises
    ------
    ValueError
        If it does not fit, or a scope that is asked for is not there.
    """
    is_free = collapse in (AUTO, None)
    levels = _Levels(tree, None if is_free else scopes_to_collapse(tree, collapse))
    most = max_nodes, max(_EDGES, max_nodes * _EDGES_PER_NODE)
    limits = [(*most, 2 * max_nodes)]
    if collapse == AUTO and tree.scopes:
        readable = min(max_nodes, _READABLE_NODES), _READABLE_EDGES, _READABLE_SHAPES
        limits.insert(0, readable)
    folds = _Folds(levels, max_nodes, highlight)
    for limit in limits:
        for choice in (levels, folds):
            found = _last_that_fits(choice, *limit)
            if found is not None:
                return found, found.edges()
    raise ValueError(_too_large(tree, len(levels.at(0)), collapse, max_nodes))


class _Levels:
    """A graph with the scopes of each depth collapsed, from the outermost ones to none.

    Each has all that the one before has, with some boxes opened, so that none is smaller.

    Parameters
    ----------
    tree : ScopeTree
        The graph.
    asked : list of Scope, optional
        The scopes to collapse on the only level, in place of those of each depth.
    """

    def __init__(self, tree: ScopeTree, asked: list[Scope] | None) -> None:
        self.tree = tree
        self.count = min(tree.deepest, DEEPEST) + 1 if asked is None else 1
        self._asked = asked
        self._made: dict[int, Collapsed] = {}

    def at(self, index: int) -> Collapsed:
        """The level of that number; each takes a look at all values."""
        if index not in self._made:
            asked = self._asked
            scopes = collapsed_at(self.tree, index + 1) if asked is None else asked
            self._made[index] = Collapsed(self.tree, scopes)
        return self._made[index]

    def fewest(self) -> list[tuple[int, int]]:
        """How many boxes and values each level has at least, and how many with operations."""
        values = Counter(self.depths().values())
        return self.sums(values, values, Counter(self.tree.depth.values()))

    def sums(
        self, values: Counter[int], operations: Counter[int], boxes: Counter[int]
    ) -> list[tuple[int, int]]:
        """The same from how many there are at least of each depth."""
        if self._asked is not None:
            return [(0, 0)]
        depths = range(self.count)
        shown = accumulate(values[depth] for depth in depths)
        nodes = [count + boxes[depth + 1] for depth, count in zip(depths, shown, strict=True)]
        counts = accumulate(operations[depth] for depth in depths)
        shapes = [one + other for one, other in zip(nodes, counts, strict=True)]
        return list(zip(accumulate(nodes, max), accumulate(shapes, max), strict=True))

    def depths(self) -> dict[int, int]:
        """How deep each result is, by its ``id``."""
        tree = self.tree
        depth = {id(None): 0} | tree.depth
        results = (id(node) for node in tree.graph.nodes if node.parents)
        return {
            number: depth[id(tree.home[number])] for number in results if number not in tree.claims
        }


class _Folds:
    """The same with equal siblings as one box each, where that is not too much.

    None is smaller than the one before here either: what differs on one level differs on the next,
    which shows what is in different boxes in different scopes.
    """

    def __init__(self, levels: _Levels, most: int, highlight: tuple[Node, Node] | None) -> None:
        self.count = levels.count
        self._levels = levels
        self._most = most
        self._highlight = highlight
        self._made: dict[int, Collapsed | None] = {}

    @cached_property
    def _looks(self) -> Looks:
        return Looks(self._levels.tree, self._highlight)

    def at(self, index: int) -> Collapsed | None:
        """The level of that number, or None if it is too much."""
        if index not in self._made:
            self._made[index] = folded(self._levels.at(index), self._most, self._looks)
        return self._made[index]

    def fewest(self) -> list[tuple[int, int]]:
        """How many boxes and values each level has at least, and how many with operations."""
        tree, looks = self._levels.tree, self._looks.of
        alike = Counter((depth, looks[node]) for node, depth in self._levels.depths().items())
        values: Counter[int] = Counter()
        operations: Counter[int] = Counter()
        for (depth, _), count in alike.items():
            is_few = count < FEWEST_VALUES
            values[depth] += count if is_few else 1
            operations[depth] += count if is_few else 0
        around = {(tree.depth[id(scope)], id(scope.parent)) for scope in tree.scopes}
        return self._levels.sums(values, operations, Counter(depth for depth, _ in around))


def _last_that_fits(
    levels: _Levels | _Folds, most_nodes: int, most_edges: int, most_shapes: int
) -> Collapsed | None:
    """The last level that fits: all before it do, and none after it.

    Each takes a look at the whole graph, so that few are made: first the last of those that are not
    too large at the first glance, then those a little before it.
    """

    def fits(index: int) -> bool:
        drawn = levels.at(index)
        if drawn is None:
            return False
        operations = sum(bool(node.parents) for node in drawn.values.values())
        if len(drawn) > most_nodes or len(drawn) + operations > most_shapes:
            return False
        return drawn.count_edges() <= most_edges

    small = takewhile(lambda few: few[0] <= most_nodes and few[1] <= most_shapes, levels.fewest())
    last = len(list(small)) - 1
    if last < 0:
        return None
    if levels.at(last) is None and not fits(0):
        return None
    step, least = 1, last
    while not fits(least):
        if not least:
            return None
        last, least, step = least - 1, max(0, least - step), 2 * step
    after = bisect_left(range(last + 1), True, least + 1, key=lambda index: not fits(index))
    return levels.at(after - 1)


def _too_large(tree: ScopeTree, left: int, collapse: Collapse, max_nodes: int) -> str:
    size = len(tree.graph.nodes)
    if left <= max_nodes:
        uses = sum(len(node.parents) for node in tree.graph.nodes)
        return (
            f"the graph has {uses:,} edges between its {size:,} values, more than can be laid out: "
            "draw a smaller part of it"
        )
    larger = f", or raise the limit with draw_graph(root, max_nodes={left})"
    if left > _MOST_NODES:
        larger = ""
    if not tree.scopes:
        return (
            f"the graph has {size:,} values{_constants(tree)}, more than max_nodes={max_nodes:,}: "
            'draw a smaller part of it, or build parts of it inside "with '
            f'autograd_mini.scope(name):" so that they can be drawn as one box each{larger}'
        )
    whole = "all its scopes" if collapse in (AUTO, None) else f"collapse={collapse!r}"
    done = f"with {whole} collapsed" if collapse in (AUTO, None) else f"with {whole}"
    return (
        f"the graph has {size:,} values and {done} still {left:,} values and boxes, more than "
        f"max_nodes={max_nodes:,}: draw a smaller part of it, such as the loss of fewer examples"
        f"{larger}"
    )


def _constants(tree: ScopeTree) -> str:
    """How many of the values are numbers that nobody would count."""
    constants = sum(node.op == "constant" for node in tree.graph.nodes)
    return f" ({constants:,} of them constants)" if constants else ""
