"""Scopes: named parts of a computation, to which the nodes made in them belong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import wraps
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, cast

from .modes import ACTIVE, Block

CallT = TypeVar("CallT", bound=Callable[..., Any])


class Scope:
    """One entering of a named part of a computation: ``value.scope`` is the innermost.

    Each entering makes a new one, so that the parts of a graph, shrunk to a node each, form no
    circle.

    Parameters
    ----------
    subject : object
        What the scope is about: its name; a subclass may know its name by something else.
    parent : Scope, optional
        The scope around it.

    Attributes
    ----------
    subject : object
        What the scope is about.
    parent : Scope or None
        The scope around it.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> with ad.scope("model"), ad.scope("layer 1"):
    ...     y = ad.Value(2.0) * 3
    >>> y.scope
    Scope('layer 1', kind='layer', path='model / layer 1')
    >>> y.scope.parent.name, y.scope.parent.parent
    ('model', None)
    """

    __slots__ = ("_is_open", "parent", "subject")

    subject: Any
    parent: Scope | None
    _is_open: bool

    def __init__(self, subject: Any, parent: Scope | None = None) -> None:
        self.subject = subject
        self.parent = parent
        self._is_open = True

    @property
    def name(self) -> str:
        """The text that is shown."""
        return str(self.subject)

    @property
    def kind(self) -> str:
        """What kind of part it is, in lower case: the name without a number at its end."""
        return re.sub(r"[\s_-]*\d+$", "", self.name).lower() or self.name.lower()

    @property
    def path(self) -> str:
        """The names of the scopes around it and its own, the outermost first."""
        around, scope = [self.name], self.parent
        while scope is not None and type(scope).path is Scope.path:
            around.append(scope.name)
            scope = scope.parent
        return " / ".join(around[::-1] if scope is None else [scope.path, *around[::-1]])

    @property
    def parameters(self) -> tuple[Any, ...]:
        """Leaves that belong into the scope although they were made elsewhere."""
        return ()

    def part(self, parents: tuple[Any, ...]) -> Scope | None:
        """The part of this scope that begins with a node over these operands; none.

        For a subclass that tells its parts apart by their parameters, and need not enter a scope
        for each.  What is computed from nodes of a part alone, in this scope, belongs to it too.
        """
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, kind={self.kind!r}, path={self.path!r})"


class Origin(NamedTuple):
    """Where a node was made whose source line is known, too."""

    source: str
    scope: Scope | None


def scope_of(node: Any) -> Scope | None:
    """The scope that a node was made in, or the part of it that it belongs to.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> with ad.scope("layer 1"):
    ...     y = 2 * ad.Value(3.0)
    >>> scope_of(y).name
    'layer 1'
    """
    return _scope_of(node, {})


def scopes_of(nodes: Iterable[Any]) -> list[Scope | None]:
    """The scope of each of many nodes: each part is found out once.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> with ad.scope("layer 1"):
    ...     y = 2 * ad.Value(3.0)
    >>> [scope and scope.name for scope in scopes_of([y.parents[0], y])]
    [None, 'layer 1']
    """
    parts: dict[int, Scope] = {}
    return [_scope_of(node, parts) for node in nodes]


def _scope_of(node: Any, parts: dict[int, Scope]) -> Scope | None:
    """The scope of a node; `parts` holds those found for results, by their ``id``."""
    made_in = _made_in(node)
    if made_in is None or type(made_in).part is Scope.part:
        return made_in
    stack = [node]
    while stack:
        last = stack[-1]
        part = parts.get(id(last)) or made_in.part(last.parents)
        if part is None:
            inner = [parent for parent in last.parents if parent.parents]
            beside = [parent for parent in inner if _made_in(parent) is made_in]
            waiting = [parent for parent in beside if id(parent) not in parts]
            if waiting:
                stack += waiting
                continue
            around = {parts[id(parent)] for parent in beside}
            is_inside = len(around) == 1 and len(beside) == len(inner)
            part = around.pop() if is_inside else made_in
        parts[id(last)] = part
        stack.pop()
    return parts[id(node)]


def _made_in(node: Any) -> Scope | None:
    origin = getattr(node, "_origin", None)
    return origin.scope if isinstance(origin, Origin) else origin


_OUTSIDE = Scope("")
"""Where no scope is entered: it is not open, so that the hot path need not ask for None."""
_OUTSIDE._is_open = False

current: ContextVar[Scope] = ContextVar("autograd_mini_scope", default=_OUTSIDE)
"""The scope entered last by this thread or task: :func:`innermost`, if it is still open."""


def innermost() -> Scope | None:
    """Return the innermost open scope of the current thread or task.

    Examples
    --------
    >>> with scope("layer 1") as layer:
    ...     innermost() is layer
    True
    >>> innermost() is None
    True
    """
    last = current.get()
    if last._is_open:
        return last
    found = last.parent
    while found is not None and not found._is_open:  # it was closed elsewhere
        found = found.parent
    if last is not _OUTSIDE:
        current.set(found or _OUTSIDE)
    return found


class scope(Block):  # noqa: N801 - a context manager is named like a function
    """Let the nodes made inside belong to a named part: a box of pictures.

    Works as a decorator too, nests, and holds for the current thread or task only, like
    :func:`no_grad`.  Leaves that are made inside belong to it as well; constants do not.

    Parameters
    ----------
    name : str
        One line of text, such as ``"layer 1"``.

    Raises
    ------
    TypeError
        A name that is no text.
    ValueError
        A name that is empty or has several lines.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> w = ad.Value(2.0)
    >>> with ad.scope("penalty"):
    ...     penalty = w * w
    >>> penalty.scope.name, w.scope
    ('penalty', None)
    """

    __slots__ = ("_entered", "_name")

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(
                f"the name of a scope must be text, got {type(name).__name__}: {name!r:.80}"
            )
        if not name.strip() or not name.isprintable():
            raise ValueError(
                f"the name of a scope must be one line of text that is not empty, got {name!r:.80}"
            )
        self._name = name
        self._entered: list[Scope] = []

    def __enter__(self) -> Scope:
        entered = self._make(innermost())
        self._entered.append(entered)
        ACTIVE.append(None)
        current.set(entered)
        return entered

    def __call__(self, function: CallT) -> CallT:
        """Decorate a function: each call is a scope."""
        _check_function(function)
        if _runs_later(function):
            return super().__call__(function)
        return cast(CallT, _called(Scope, function, self._name))

    def _make(self, parent: Scope | None) -> Scope:
        return Scope(self._name, parent)

    def __exit__(self, *raised: object) -> None:
        here = innermost()
        while here is not None and here not in self._entered:
            here = here.parent
        left = here or self._entered[-1]  # a generator may be closed elsewhere
        self._entered.remove(left)
        left._is_open = False
        ACTIVE.pop()
        innermost()


class _About(scope):
    """A block whose scopes are about something other than a name."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type[Scope], subject: object) -> None:
        self._kind, self._name, self._entered = kind, cast(str, subject), []

    def _make(self, parent: Scope | None) -> Scope:
        return self._kind(self._name, parent)


_new = object.__new__
_entered_last, _enter, _leave = current.get, current.set, current.reset


def in_scope(kind: type[Scope]) -> Callable[[CallT], CallT]:
    """Return a decorator of methods: each call runs in a scope about the object that it is of.

    For packages built on the engine.  A method that calls another of the same object, such as that
    of its base class, stays in the scope that is there.

    Parameters
    ----------
    kind : type
        The class of the scopes, :class:`Scope` or a subclass.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> class Line:
    ...     @ad.in_scope(ad.Scope)
    ...     def __call__(self, x):
    ...         return 2 * x
    ...     def __str__(self):
    ...         return "line"
    >>> Line()(ad.Value(1.0)).scope.name
    'line'
    """

    def decorate(method: CallT) -> CallT:
        _check_function(method)
        if inspect.isasyncgenfunction(method):
            return method
        if _runs_later(method):
            return cast(CallT, _later(kind, method))
        return cast(CallT, (_called_with_one if _takes_one(method) else _called)(kind, method))

    return decorate


def _check_function(function: object) -> None:
    if isinstance(function, type):
        raise TypeError(
            f"a scope is of the calls of a function, got the class {function.__name__}: decorate "
            "its methods, such as __call__"
        )
    if isinstance(function, (classmethod, staticmethod)):
        kind = type(function).__name__
        raise TypeError(f"a scope is of the calls of a function: write @{kind} above it, not below")
    if not callable(function):
        raise TypeError(f"a scope is of the calls of a function, got {type(function).__name__}")


def _runs_later(function: Callable[..., Any]) -> bool:
    kinds = inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction
    return any(is_such(function) for is_such in kinds)


def _called(
    kind: type[Scope], function: Callable[..., Any], name: str | None = None
) -> Callable[..., Any]:
    """What a `with` block does, in few steps: about `name`, or the object that a method is of."""

    @wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        try:
            subject = name or args[0]
        except IndexError:
            raise TypeError(
                f"{function.__qualname__} runs in the scope of its object: give that first, "
                "not by keyword"
            ) from None
        before = _entered_last()
        outer = before if before._is_open else innermost()
        if before.subject is subject and before is outer and name is None:
            return function(*args, **kwargs)
        entered = _new(kind)
        entered.subject = subject
        entered.parent = outer
        entered._is_open = True
        token = None
        try:  # an interrupt may come after any call
            ACTIVE.append(None)
            token = _enter(entered)
            return function(*args, **kwargs)
        finally:
            entered._is_open = False
            ACTIVE.pop()
            if token is not None:
                _leave(token)

    return inside


def _called_with_one(kind: type[Scope], method: Callable[..., Any]) -> Callable[..., Any]:
    """The same of a method that takes one thing, as most calls of modules do.

    They may be so small that what the general form does with any arguments is much of the time.
    """

    @wraps(method)
    def inside(subject: Any, given: Any) -> Any:
        before = _entered_last()
        outer = None
        if before is not _OUTSIDE:
            outer = before if before._is_open else innermost()
            if outer is not None and outer.subject is subject:
                return method(subject, given)
        entered = _new(kind)
        entered.subject = subject
        entered.parent = outer
        entered._is_open = True
        token = None
        try:  # an interrupt may come after any call
            ACTIVE.append(None)
            token = _enter(entered)
            return method(subject, given)
        finally:
            entered._is_open = False
            ACTIVE.pop()
            if token is not None:
                _leave(token)

    called: Any = inside
    others = called.__code__.co_varnames[2:]
    names = (*method.__code__.co_varnames[:2], *others)  # so that keywords are the method's own
    called.__code__ = called.__code__.replace(co_varnames=names)
    return inside


def _takes_one(method: Callable[..., Any]) -> bool:
    """Whether a method has two parameters, its object and another, and both must be given."""
    code = getattr(method, "__code__", None)
    if type(method) is not FunctionType or code is None:
        return False
    is_open = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    has_more = code.co_kwonlyargcount or code.co_posonlyargcount or method.__defaults__
    return code.co_argcount == 2 and not (is_open or has_more)


def _later(kind: type[Scope], method: Callable[..., Any]) -> Callable[..., Any]:
    """Of a coroutine or a generator: its code runs after the call."""

    @wraps(method)
    def inside(subject: Any, /, *args: Any, **kwargs: Any) -> Any:
        return _About(kind, subject)(method)(subject, *args, **kwargs)

    return inside
