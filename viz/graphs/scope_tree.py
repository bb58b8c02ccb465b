"""The scopes of a graph as a tree, and where in it each value stands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from autograd_mini.core.scopes import scopes_of
from viz.graphs.graph_nodes import Graph, Node, Scope

__all__ = ["ScopeTree"]


class ScopeTree:
    """The scopes in which the values of a graph were made.

    A value stands in the scope in which it was made.  A leaf made outside of all, such as the
    weight of a network, stands in the scope that has it as a parameter; if several have it, as when
    a network is called for each example of a batch, in the innermost scope around them all, which
    may be none.  A number stands where it is used, and one that is used more than once, such as an
    input of a layer, outside of all scopes.

    Parameters
    ----------
    graph : Graph
        The values.
    alone : collection of Node, optional
        Leaves that stand outside of all scopes, so that they are seen also where these are boxes.

    Attributes
    ----------
    scopes : list of Scope
        Outer ones before inner ones, else in the order in which they are met.
    names : dict
        What a picture calls each scope, by its ``id``.
    depth : dict
        How deep a scope is nested, by its ``id``; 1 is outermost.
    home : dict
        The innermost scope of each value, or None, by the ``id`` of the value.
    claims : dict
        All scopes that have a leaf as a parameter, by the ``id`` of the leaf.
    """

    def __init__(self, graph: Graph, alone: Collection[Node] = ()) -> None:
        self.graph = graph
        self.scopes: list[Scope] = []
        self.names: dict[int, str] = {}
        self.depth: dict[int, int] = {}
        self.home: dict[int, Scope | None] = {}
        self._inner: dict[int | None, list[Scope]] = defaultdict(list)  # by what is around them
        self._places: dict[int, int] = {}
        self._place_of: dict[tuple[int, int], int] = {}
        self._words: dict[int, tuple[str, str]] = {}
        for node, scope in zip(graph.nodes, scopes_of(graph.nodes), strict=True):
            self.home[id(node)] = scope
            if scope is not None and id(scope) not in self.depth:
                self._enter(scope)
        self._parameters: dict[tuple[type, int], list[int]] = {}
        self.claims = self._find_claims()
        if self.scopes:
            self._place_leaves()
            self._place_numbers()
        for node in alone:
            if not node.parents:
                self.home[id(node)] = None
                self.claims.pop(id(node), None)

    def _enter(self, scope: Scope) -> None:
        new = []
        outer: Scope | None = scope
        while outer is not None and id(outer) not in self.depth:
            new.append(outer)
            outer = outer.parent
        depth, place = (
            (0, -1) if outer is None else (self.depth[id(outer)], self._places[id(outer)])
        )
        for each in reversed(new):
            depth += 1
            self.depth[id(each)] = depth
            key = place, id(_subject(each))
            place = self._places[id(each)] = self._place_of.setdefault(key, len(self._place_of))
            self._inner[None if each.parent is None else id(each.parent)].append(each)
            self.names[id(each)] = f"s{len(self.scopes)}"
            self.scopes.append(each)

    def _find_claims(self) -> dict[int, list[Scope]]:
        """The innermost scopes that have each leaf as a parameter."""
        claims: dict[int, list[Scope]] = defaultdict(list)
        for scope in self.scopes:
            for leaf in self._parameters_of(scope):
                claims[leaf].append(scope)
        for leaf, scopes in claims.items():
            around = {id(outer) for scope in scopes for outer in self.chain(scope.parent)}
            claims[leaf] = [scope for scope in scopes if id(scope) not in around]
        return dict(claims)

    def _parameters_of(self, scope: Scope) -> list[int]:
        """The ``id`` of each parameter of a scope that is in the graph; a module is asked once."""
        key = type(scope), id(_subject(scope))
        if key not in self._parameters:
            ids = map(id, scope.parameters)
            self._parameters[key] = [leaf for leaf in ids if leaf in self.home]
        return self._parameters[key]

    def words(self, scope: Scope) -> tuple[str, str]:
        """Kind and name of a scope in lower case; once for each place.

        A place is what the scope and those around it are about: a name may depend on all of it.
        """
        place = self._places[id(scope)]
        if place not in self._words:
            self._words[place] = scope.kind.casefold(), scope.name.casefold()
        return self._words[place]

    def _place_leaves(self) -> None:
        for leaf, scopes in self.claims.items():
            if self.home[leaf] is None:
                self.home[leaf] = self._around(scopes)

    def _place_numbers(self) -> None:
        uses: dict[int, list[Scope | None]] = defaultdict(list)
        for node in self.graph.nodes:
            for operand in node.parents:
                if operand.op == "constant" and self.home.get(id(operand)) is None:
                    uses[id(operand)].append(self.home[id(node)])
        for number, scopes in uses.items():
            self.home[number] = scopes[0] if len(scopes) == 1 else None

    @property
    def deepest(self) -> int:
        """The depth of the innermost scope; 0 without any."""
        return max(self.depth.values(), default=0)

    def chain(self, scope: Scope | None) -> list[Scope]:
        """The scope and all around it, outermost first."""
        chain = []
        while scope is not None:
            chain.append(scope)
            scope = scope.parent
        return chain[::-1]

    def _around(self, scopes: Sequence[Scope | None]) -> Scope | None:
        """The innermost scope around them all."""
        if len({id(scope) for scope in scopes}) == 1:
            return scopes[0]
        common: Scope | None = None
        for level in zip(*map(self.chain, scopes), strict=False):
            if len({id(scope) for scope in level}) > 1:
                break
            common = level[0]
        return common

    def inner(self, scope: Scope | None) -> list[Scope]:
        """The scopes directly in a scope, or the outermost ones, those of one kind by number."""
        met = self._inner[None if scope is None else id(scope)]
        kinds: dict[str, list[Scope]] = defaultdict(list)
        for each in met:
            kinds[self.words(each)[0]].append(each)
        ordered = {kind: iter(sorted(alike, key=self._number)) for kind, alike in kinds.items()}
        return [next(ordered[self.words(each)[0]]) for each in met]

    def _number(self, scope: Scope) -> int:
        """The number at the end of a name: an output may be used before the ones above it."""
        digits = re.search(r"[0-9]+$", self.words(scope)[1])
        return int(digits[0]) if digits else 0


def _subject(scope: Scope) -> object:
    """What a scope is about, such as the module that is called; another one for each call."""
    return getattr(scope, "subject", scope)
