"""Equal siblings: what does the same at the same stage of a graph, as one box.

Of 64 outputs of a layer that go through ``relu`` one by one, the 64 operations differ in nothing
that a picture could tell.  They are found by colour refinement: two things that are drawn have the
same colour as long as they do the same, their operands have the same colours, and so have the
results they are used for.  Equal ones are as far from the leaves as each other, so that lines
between groups never run in a circle.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from viz.graphs.collapsing import Collapsed
from viz.graphs.gradient_flow import on_paths
from viz.graphs.graph_nodes import Node, Scope
from viz.graphs.scope_tree import ScopeTree

__all__ = ["FEWEST_VALUES", "Looks", "Siblings", "folded"]

Ends = list[list[int]]
"""For each thing the numbers of those at the other end of its lines.

Where the position of an operand matters, it is added, as often as there are things.
"""

FEWEST_VALUES = 3
"""How many equal values are drawn as one box."""
_FEWEST_BOXES = 2
_MOST_SWEEPS = 20
_NUMBER = re.compile("[0-9]+(?![0-9A-Za-z])")
_ORDERED = {"sub", "div", "pow", "where"}
"""Operations whose operands play different parts; in others order is taken for chance."""
_POSITIONS = 3  # of the operands of these
_WORDS = {
    "add": "additions",
    "sub": "subtractions",
    "neg": "negations",
    "mul": "multiplications",
    "div": "divisions",
    "pow": "powers",
    "constant": "constants",
    "": "leaves",
}
"""Operations whose signs would be misread beside a number."""


class Siblings:
    """Equal siblings, as if they had been made in a scope of their own.

    Parameters
    ----------
    name : str
        How many there are, and of what.
    parent : Scope or None
        The scope in which they all are.
    """

    kind = "equal"
    parameters: tuple[Node, ...] = ()

    def __init__(self, name: str, parent: Scope | None) -> None:
        self.name = name
        self.parent = parent
        self.path = name if parent is None else f"{name} in {parent.path}"


class Looks:
    """What can be seen of each value by itself, which no collapsing changes.

    Values look alike that were made in the same scope by the same operation, powers only of the
    same exponent, and leaves whose labels differ in no more than their numbers.  Other numbers do
    not count, since those that go into a network are constants, too.

    Parameters
    ----------
    tree : ScopeTree
        The graph.
    highlight : (Node, Node), optional
        The ends of the highlighted paths: what is on them looks unlike what is not.

    Attributes
    ----------
    of : dict
        A number for each value, by its ``id``; the same where they look alike.
    strong : set of int
        The ``id`` of what is on the highlighted paths.
    ends : set of int
        The ``id`` of each root and of the ends of the highlighted paths.
    """

    def __init__(self, tree: ScopeTree, highlight: tuple[Node, Node] | None = None) -> None:
        graph = tree.graph
        self.strong = on_paths(graph, *highlight) if highlight else set()
        self.ends = {id(node) for node in (*graph.roots, *(highlight or ()))}
        stems: dict[str, str] = {"": ""}
        seen: dict[Hashable, int] = {}
        self.of: dict[int, int] = {}
        for node in graph.nodes:
            number, text = id(node), ""
            operands, label, op = node.parents, node.label, node.op
            if not operands:
                text = stems[label] if label in stems else stems.setdefault(label, _stem(label))
            elif op == "pow" and operands[-1].op == "constant":
                text = repr(operands[-1].data)
            look = id(tree.home[number]), op, not operands, text, number in self.strong
            self.of[number] = seen.setdefault(look, len(seen))


def folded(drawn: Collapsed, most: int, looks: Looks) -> Collapsed | None:
    """Draw equal siblings as one box, and so the additions of a long sum.

    Roots and the ends of the highlighted paths stay by themselves, and what is on these paths is
    not mixed with what is not.

    Parameters
    ----------
    drawn : Collapsed
        What would be drawn otherwise.
    most : int
        How many values and boxes may be left.
    looks : Looks
        What can be seen of each value.

    Returns
    -------
    Collapsed or None
        What is left to draw; None if it is too much.
    """
    things = _Things(drawn, looks)
    colours = _refined(things, most)
    if colours is None:
        return None
    groups: dict[int, list[str]] = defaultdict(list)
    for name, thing in things.of.items():
        if name not in things.single:
            groups[colours[thing]].append(name)
    return drawn.joined(
        (names, Siblings(_title(drawn, names), things.home(names[0])))
        for names in groups.values()
        if len(names) >= (_FEWEST_BOXES if names[0] in drawn.boxes else FEWEST_VALUES)
    )


class _Things:
    """What is drawn, by number: values and boxes, a sum of many additions only once.

    Attributes
    ----------
    of : dict
        The number of each thing, by what the picture calls it.
    single : set of str
        What is drawn by itself in any case.
    looks : list
        What can be seen of each thing by itself.
    operands, uses : list
        The lines into and out of each.
    """

    def __init__(self, drawn: Collapsed, looks: Looks) -> None:
        self.drawn = drawn
        self._looks = looks
        self.single = {drawn.names[end] for end in looks.ends}
        names = [*drawn.values, *drawn.boxes]
        last = _chains(names, drawn.lines, self._adds_to)
        firsts = dict.fromkeys(last.values())
        numbers = {name: number for number, name in enumerate(firsts)}
        self.of = {name: numbers[last[name]] for name in names}
        self.looks: list[Hashable] = [self._look(name) for name in firsts]
        self.operands: Ends = [[] for _ in firsts]
        self.uses: Ends = [[] for _ in firsts]
        ordered = {name for name, node in drawn.values.items() if node.op in _ORDERED}
        size, of = len(firsts), self.of
        for tail, head, position in drawn.lines:
            one, other = of[tail], of[head]
            if one != other:
                place = size * min(position, _POSITIONS - 1) if head in ordered else 0
                self.operands[other].append(one + place)
                self.uses[one].append(other + place)

    def home(self, name: str) -> Scope | None:
        """The scope in which a value or box is drawn."""
        if name in self.drawn.boxes:
            return self.drawn.boxes[name].scope.parent
        return self.drawn.tree.home[id(self.drawn.values[name])]

    def _adds_to(self, tail: str, head: str) -> bool:
        """Whether an operation does the same as the one before, with something more."""
        before, after = self.drawn.values.get(tail), self.drawn.values.get(head)
        if before is None or after is None or not before.parents or tail in self.single:
            return False
        if self._looks.of[id(before)] != self._looks.of[id(after)]:
            return False
        operands = (operand for operand in after.parents if operand.op != "constant")
        first = next(operands, None)
        return any(operand is not first for operand in operands)

    def _look(self, name: str) -> Hashable:
        is_single = name in self.single
        if name in self.drawn.values:
            return is_single, self._looks.of[id(self.drawn.values[name])]
        box = self.drawn.boxes[name]
        scope, strong = box.scope, self._looks.strong
        kind, stem = _stem(scope.kind.casefold()), _stem(scope.name.casefold())
        is_strong = bool(strong) and any(id(node) in strong for node in box.members)
        return is_single, id(scope.parent), kind, stem, is_strong


def _stem(label: str) -> str:
    """What numbered things have in common: ``x`` of ``x12``, but all of ``Conv2D``."""
    return _NUMBER.split(label, maxsplit=1)[0].rstrip(" ._-[(#")


def _chains(
    names: Sequence[str],
    lines: Iterable[tuple[str, str, int]],
    adds_to: Callable[[str, str], bool],
) -> dict[str, str]:
    """The last of its chain for each: operations used for nothing but the same with one more."""
    heads: dict[str, str | None] = {}
    for tail, head, _ in lines:
        heads[tail] = head if heads.get(tail, head) == head else None
    last: dict[str, str] = {}
    for name in names:
        chain = [name]
        while (end := chain[-1]) not in last:
            after = heads.get(end)
            if after is None or not adds_to(end, after):
                last[end] = end
                break
            chain.append(after)
        for each in chain:
            last[each] = last[end]
    return last


def _refined(things: _Things, most: int) -> list[int] | None:
    """The colour of each thing, or None if there are more colours than asked for.

    As many sweeps are made as it takes for the colours to stay, which is two for most graphs, and
    some in any case few: what is at the same stage and looks the same may then be mixed.
    """
    order = _sorted(things.operands, things.uses)
    if len(order) < len(things.looks):  # a circle, in which nothing is at a stage
        return None
    colours = _numbered(things.looks)
    count = 0
    for _ in range(_MOST_SWEEPS):
        colours = _swept(order, colours, things.operands)
        if max(colours, default=0) >= most:
            return None
        colours = _swept(reversed(order), colours, things.uses)
        before, count = count, max(colours, default=0) + 1
        if count > most:
            return None
        if count == before:
            break
    return colours


def _swept(order: Iterable[int], colours: list[int], ends: Ends) -> list[int]:
    """Tell apart what differs in the colours at the other ends of its lines."""
    seen: dict[Hashable, int] = {}
    size = len(colours)
    found = [0] * (size * _POSITIONS)
    for thing in order:
        row = ends[thing]
        if len(row) == 1:  # as most of them are
            key: Hashable = colours[thing], found[row[0]]
        else:
            around = {found[end] for end in row}
            key = colours[thing], around.pop() if len(around) == 1 else frozenset(around)
        colour = seen.setdefault(key, len(seen))
        for position in range(_POSITIONS):
            found[thing + position * size] = colour + position * size
    return found[:size]


def _numbered(keys: Iterable[Hashable]) -> list[int]:
    seen: dict[Hashable, int] = {}
    return [seen.setdefault(key, len(seen)) for key in keys]


def _sorted(operands: Ends, uses: Ends) -> list[int]:
    """Operands before results."""
    size, waiting = len(operands), [len(ends) for ends in operands]
    order = [thing for thing, count in enumerate(waiting) if not count]
    for thing in order:  # which grows
        for use in uses[thing]:
            result = use % size
            waiting[result] -= 1
            if not waiting[result]:
                order.append(result)
    return order


def _title(drawn: Collapsed, names: Sequence[str]) -> str:
    """How many there are, and what they are."""
    count = f"{len(names):,}"
    if names[0] in drawn.boxes:
        scope = drawn.boxes[names[0]].scope
        what = _stem(scope.name) or _stem(scope.kind) or "scopes"
        return f"{count} \N{MULTIPLICATION SIGN} {what}"
    nodes = [drawn.values[name] for name in names]
    if not nodes[0].parents and (common := _stem(nodes[0].label)):
        return f"{count} \N{MULTIPLICATION SIGN} {common}"
    op = nodes[0].op
    return f"{count} {_WORDS[op]}" if op in _WORDS else f"{count} \N{MULTIPLICATION SIGN} {op}"
