"""Which scopes are drawn as one box, and what is left to draw then."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from viz.graphs.graph_nodes import Node, Scope
from viz.graphs.scope_tree import ScopeTree

__all__ = [
    "DEEPEST",
    "Box",
    "Collapse",
    "Collapsed",
    "Edge",
    "Use",
    "collapsed_at",
    "input_places",
    "scopes_to_collapse",
]

Collapse = str | int | Sequence[str] | None
"""What a user says of it: kind or name, depth, several names, or nothing."""
DEEPEST = 50
"""How many scopes are drawn inside each other; what is deeper is one box."""
_MOST_INPUTS = 8
"""How many leaves are drawn one by one beside the only box that they go into."""


@dataclass(eq=False, slots=True)  # not frozen, which takes three times as long to make
class Use:
    """One use of a value by an operation."""

    operand: Node
    result: Node
    derivative: float


@dataclass(eq=False)
class Edge:
    """A line of the picture: one use, or all uses between two ends of which one is a box."""

    tail: str
    head: str
    uses: list[Use]


@dataclass(eq=False)
class Box:
    """A scope that is drawn as one box, or several things that stand in one place.

    Attributes
    ----------
    name : str
        What the picture calls it.
    scope : Scope
        The scope, or what stands for one; its parent is where the box is drawn.
    members : list of Node
        The values in it.
    parameters : set of int
        The ``id`` of each parameter of it.
    inputs, outputs : set of int
        The ``id`` of each value from outside that is used inside, and the other way round.
    """

    name: str
    scope: Scope
    members: list[Node] = field(default_factory=list)
    parameters: set[int] = field(default_factory=set)
    inputs: set[int] = field(default_factory=set)
    outputs: set[int] = field(default_factory=set)


class Inputs:
    """The many inputs of a box, as if they had been made in a scope of their own."""

    name, kind, parent = "inputs", "inputs", None
    parameters: tuple[Node, ...] = ()

    def __init__(self, scope: Scope) -> None:
        self.path = f"inputs of {scope.path}"


class Collapsed:
    """A graph of which some scopes are boxes.

    Parameters
    ----------
    tree : ScopeTree
        The graph with its scopes.
    collapsed : iterable of Scope
        The scopes that are drawn as boxes, with all that is in them.

    Attributes
    ----------
    boxes : dict
        Each box by its name.
    values : dict
        Each value that is drawn by its name, operands before results.
    names : dict
        What the picture calls the value, or the box in which it is, by the ``id`` of the value.
    lines : list of (str, str, int)
        Each pair of ends with a line between them, and for each operand of a value that is drawn
        which one it is.
    """

    def __init__(self, tree: ScopeTree, collapsed: Iterable[Scope] = ()) -> None:
        self.tree = tree
        self.boxes: dict[str, Box] = {}
        self.values: dict[str, Node] = {}
        self.names: dict[int, str] = {}
        self._box_in: dict[int, Box] = {}  # of each scope in a box
        asked = {id(scope) for scope in (*collapsed, *collapsed_at(tree, DEEPEST + 1))}
        for scope in tree.scopes:
            box = None if scope.parent is None else self._box_in.get(id(scope.parent))
            if box is None and id(scope) in asked:
                name = tree.names[id(scope)]
                box = self.boxes[name] = Box(name, scope)
            if box is not None:
                self._box_in[id(scope)] = box
        for leaf, scopes in tree.claims.items():
            for scope in scopes:
                if id(scope) in self._box_in:
                    self._box_in[id(scope)].parameters.add(leaf)
        for index, node in enumerate(tree.graph.nodes):
            self._put(node, f"n{index}")
        self.lines = self._find_lines()
        if self.boxes:
            self._gather_inputs()

    def _put(self, node: Node, name: str) -> None:
        boxes = self._boxes_of(node)
        for box in boxes:
            box.members.append(node)
        if boxes:
            self.names[id(node)] = boxes[0].name
        else:
            self.names[id(node)] = name
            self.values[name] = node

    def _boxes_of(self, node: Node) -> list[Box]:
        """The box of a value, or those that share a parameter, if nobody else has it."""
        home = self.tree.home[id(node)]
        if home is not None and id(home) in self._box_in:
            return [self._box_in[id(home)]]
        claims = self.tree.claims.get(id(node))
        if claims is None:
            return []
        boxes = {id(scope): self._box_in.get(id(scope)) for scope in claims}
        found = list(dict.fromkeys(box for box in boxes.values() if box is not None))
        return found if all(boxes.values()) else []

    def _gather_inputs(self) -> None:
        """Let many leaves that go into one box only, such as pixels, be a box themselves."""
        heads: dict[str, str | None] = {}  # the only one, or None
        for tail, head, _ in self.lines:
            heads[tail] = head if heads.get(tail, head) == head else None
        inputs: dict[str, list[str]] = defaultdict(list)
        roots = {id(root) for root in self.tree.graph.roots}
        for name, node in self.values.items():
            only = heads.get(name)
            if only in self.boxes and not node.parents and id(node) not in roots:
                inputs[only].append(name)
        into: dict[str, str] = {}
        for head, names in inputs.items():
            if len(names) > _MOST_INPUTS:
                box = self.boxes[f"{head}_in"] = Box(f"{head}_in", Inputs(self.boxes[head].scope))
                box.members = [self.values.pop(name) for name in names]
                self.names |= {id(node): box.name for node in box.members}
                into |= dict.fromkeys(names, box.name)
        if into:
            self.lines = self._lines_between(into)

    def box_of(self, node: Node) -> Box | None:
        """The box in which a value is drawn."""
        return self.boxes.get(self.names[id(node)])

    def box_at(self, scope: Scope) -> Box | None:
        """The box that a scope is, or is in."""
        return self._box_in.get(id(scope))

    def joined(self, groups: Iterable[tuple[Sequence[str], Scope]]) -> Collapsed:
        """The same graph with each group of values or of boxes as one box.

        Parameters
        ----------
        groups : iterable of (sequence of str, Scope)
            What the picture calls those in each group, and what stands for their scope.
        """
        drawn = copy.copy(self)
        drawn.boxes, drawn.values, drawn.names = {**self.boxes}, {**self.values}, {**self.names}
        into: dict[str, str] = {}
        for names, scope in groups:
            box = Box(f"{names[0]}_all", scope)
            members: dict[int, Node] = {}  # a parameter may be in several boxes
            for name in names:
                one = drawn.boxes.pop(name, None)
                inside = one.members if one else [drawn.values.pop(name)]
                members |= {id(node): node for node in inside}
                box.parameters |= one.parameters if one else set()
            box.members = list(members.values())
            drawn.boxes[box.name] = box
            drawn.names |= {id(node): box.name for node in box.members}
            into |= dict.fromkeys(names, box.name)
        drawn._box_in = {
            scope: drawn.boxes[into.get(box.name, box.name)] for scope, box in self._box_in.items()
        }
        drawn.lines = self._lines_between(into)
        return drawn

    def __len__(self) -> int:
        """How many values and boxes are drawn."""
        return len(self.values) + len(self.boxes)

    def _find_lines(self) -> list[tuple[str, str, int]]:
        names, operands = self.names, self.tree.graph.operands
        found: dict[tuple[str, str, int], None] = {}
        for node in self.tree.graph.nodes:
            head = names[id(node)]
            inside = self.boxes.get(head)
            for position, operand in enumerate(operands(node)):
                tail = names[id(operand)]
                if inside is None:
                    found[tail, head, position] = None
                elif tail != head and id(operand) not in inside.parameters:
                    found[tail, head, 0] = None
        return list(found)

    def _lines_between(self, into: dict[str, str]) -> list[tuple[str, str, int]]:
        """The lines after some things have gone into boxes, which are given by name."""
        found: dict[tuple[str, str, int], None] = {}
        for tail, head, position in self.lines:
            one, other = into.get(tail, tail), into.get(head, head)
            if one != other:
                found[one, other, 0 if head in into else position] = None
        return list(found)

    def count_edges(self) -> int:
        """How many edges there will be; where an end is a box, one for each pair of ends."""
        return len({(t, h, 0 if t in self.boxes else position) for t, h, position in self.lines})

    def uses(self) -> Iterator[tuple[str, str, Use]]:
        """Every use between two that are drawn: their names, and the use."""
        graph = self.tree.graph
        for node in graph.nodes:
            head = self.names[id(node)]
            inside = self.boxes.get(head)
            operands = graph.operands(node)
            for operand, derivative in zip(operands, node.local_derivatives, strict=True):
                tail = self.names[id(operand)]
                hidden = inside and (tail == head or id(operand) in inside.parameters)
                if not hidden:
                    yield tail, head, Use(operand, node, derivative)

    def edges(self) -> list[Edge]:
        """The lines of the picture; where an end is a box, one for each pair of ends."""
        edges: list[Edge] = []
        joined: dict[tuple[str, str], Edge] = {}
        for tail, head, use in self.uses():
            one = joined.get((tail, head))
            if one is not None:
                one.uses.append(use)
                continue
            edges.append(Edge(tail, head, [use]))
            if tail in self.boxes or head in self.boxes:
                joined[tail, head] = edges[-1]
        return edges

    def count_ends(self, edges: Sequence[Edge]) -> None:
        """Find out what goes into each box and what comes out of it."""
        for edge in edges:
            ids = {id(use.operand) for use in edge.uses}
            if edge.head in self.boxes:
                self.boxes[edge.head].inputs |= ids
            if edge.tail in self.boxes:
                self.boxes[edge.tail].outputs |= ids
        for root in self.tree.graph.roots:
            box = self.box_of(root)
            if box is not None:
                box.outputs.add(id(root))


def collapsed_at(tree: ScopeTree, depth: int) -> list[Scope]:
    """The scopes of just that depth; 1 is outermost."""
    return [scope for scope in tree.scopes if tree.depth[id(scope)] == depth]


def scopes_to_collapse(tree: ScopeTree, collapse: Collapse) -> list[Scope]:
    """The scopes that a user has asked for, by depth, by kind or by name.

    Raises
    ------
    ValueError
        If the graph has no such scope.
    """
    if collapse is None:
        return []
    if not tree.scopes:
        raise ValueError(
            f"collapse={collapse!r} finds nothing to collapse: no value of the graph was made in a "
            'scope, as by a network or inside "with autograd_mini.scope(name):"'
        )
    if isinstance(collapse, int):
        return collapsed_at(tree, collapse)
    wanted = [collapse] if isinstance(collapse, str) else list(collapse)
    names = {name.casefold() for name in wanted}
    found: list[Scope] = []
    inside: set[int] = set()
    for scope in tree.scopes:
        if scope.parent is not None and id(scope.parent) in inside:
            inside.add(id(scope))
        elif not names.isdisjoint(tree.words(scope)):
            found.append(scope)
            inside.add(id(scope))
    if len(found) < len(wanted) or len(wanted) > 1:
        known = {word for scope in tree.scopes for word in tree.words(scope)}
        for name in wanted:
            if name.casefold() not in known:
                raise ValueError(
                    f"no scope of the graph is called {name!r}: it has {_listed(tree)}"
                )
    return found


def _listed(tree: ScopeTree, most: int = 8) -> str:
    """The names to choose from: kinds first, since they are few."""
    words = [tree.words(scope) for scope in tree.scopes]
    names = dict.fromkeys([kind for kind, _ in words] + [name for _, name in words])
    shown = [repr(name) for name in list(names)[:most]]
    return ", ".join(shown) + (", ..." if len(names) > most else "")


def input_places(drawn: Collapsed, edges: Iterable[Edge]) -> dict[str, str]:
    """Which input of a box each bare number is, such as "input 2", by what the picture calls it.

    That is known where one operation takes all inputs, as the first neuron of a layer does.
    """
    into: dict[str, list[Edge]] = defaultdict(list)
    heads: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        into[edge.head].append(edge)
        heads[edge.tail].add(edge.head)
    places: dict[str, str] = {}
    for head in into.keys() & drawn.boxes.keys():
        first = into[head][0].uses[0].result
        inputs = {id(use.operand) for edge in into[head] for use in edge.uses}
        taken = [i for i in map(id, drawn.tree.graph.operands(first)) if i in inputs]
        order = list(dict.fromkeys(taken))
        if len(order) < max(2, len(inputs)):
            continue
        for place, operand in enumerate(order, 1):
            name = drawn.names[operand]
            if name in drawn.values and heads[name] == {head}:
                places[name] = f"input {place}"
    return places
