"""Scopes of copied nodes: called as the original ones, with copies of their parameters."""

from __future__ import annotations

from typing import Any

from .scopes import Origin, Scope


class CopiedScope(Scope):
    """The scope of nodes that were copied.

    It has the name of the scope that it is a copy of, and as parameters the copies of those leaves.

    Examples
    --------
    >>> import copy
    >>> import autograd_mini as ad
    >>> with ad.scope("layer 1"):
    ...     y = 2 * ad.Value(3.0)
    >>> copy.deepcopy(y).scope
    CopiedScope('layer 1', kind='layer', path='layer 1')
    """

    __slots__ = ("_original", "_twins")

    _original: Scope  # no copy itself, so that a copy of copies needs no recursion
    _twins: list[Any]

    def __init__(
        self, original: Scope, subject: object, parent: Scope | None, twins: list[Any]
    ) -> None:
        super().__init__(subject, parent)
        self._is_open = False
        self._original = original._original if isinstance(original, CopiedScope) else original
        self._twins = twins

    @property
    def name(self) -> str:
        """The text that is shown."""
        return self._original.name

    @property
    def kind(self) -> str:
        """What kind of part it is, in lower case."""
        return self._original.kind

    @property
    def path(self) -> str:
        """Where the scope that it is a copy of stands."""
        return self._original.path

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The copies of the parameters, as far as they were copied."""
        return tuple([twin for twin in self._twins if twin is not None])


class LeftOut:
    """What a copied scope is about, where just nodes were copied: `original` was not.

    One for each copy, since each has its own parameters.
    """

    original: object

    def __init__(self, original: object) -> None:
        self.original = original.original if isinstance(original, LeftOut) else original


class ScopeCopies:
    """The scopes that one deep copy makes, each when the first node in it is copied.

    `memo` is what ``copy.deepcopy`` has copied already, by ``id``.  It keeps this object, which
    therefore does not keep it.
    """

    def __init__(self) -> None:
        self._about: dict[tuple[type, int], tuple[object, list[Any]]] = {}
        self._wanted: dict[int, list[tuple[list[Any], int]]] = {}

    @staticmethod
    def of(memo: dict[int, Any]) -> ScopeCopies:
        """Those of a deep copy."""
        copies: ScopeCopies = memo.setdefault(id(ScopeCopies), ScopeCopies())
        return copies

    def place(self, node: Any, scope: Scope | None, memo: dict[int, Any]) -> None:
        """Put the copy of a node into the copy of its scope."""
        twin = memo[id(node)]
        for twins, i in self._wanted.pop(id(node), ()):
            twins[i] = twin
        origin = getattr(node, "_origin", None)
        if origin is not None:
            copied = self._copy(scope, memo)
            twin._origin = Origin(origin.source, copied) if isinstance(origin, Origin) else copied

    def _copy(self, scope: Scope | None, memo: dict[int, Any]) -> Scope | None:
        new = []
        while scope is not None and id(scope) not in memo:
            new.append(scope)
            scope = scope.parent
        copied: Scope | None = None if scope is None else memo[id(scope)]
        for original in reversed(new):
            subject, twins = self._told(original, memo)
            copied = memo[id(original)] = CopiedScope(original, subject, copied, twins)
        return copied

    def _told(self, scope: Scope, memo: dict[int, Any]) -> tuple[object, list[Any]]:
        """What the copy of a scope is about, and its parameters, of which some may come later."""
        key = type(scope), id(scope.subject)
        if key not in self._about:
            parameters = scope.parameters
            twins = [memo.get(id(leaf)) for leaf in parameters]
            for i, leaf in enumerate(parameters):
                if twins[i] is None:
                    self._wanted.setdefault(id(leaf), []).append((twins, i))
            without = LeftOut(scope.subject) if parameters else scope.subject
            self._about[key] = memo.get(id(scope.subject), without), twins
        return self._about[key]
