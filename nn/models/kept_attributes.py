"""Modules whose attributes are put back: a call made to look at a model leaves no trace in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MethodType
from typing import Any, ClassVar, TypeAlias

import numpy as np

from autograd_mini import Value

__all__ = ["Keeping", "attributes_kept"]

_Before: TypeAlias = dict[tuple[int, str], tuple[Any, object]]

_MISSING = object()
_PACKAGE = __name__.partition(".")[0]
_LEAVES = (Value, float, int, str, bool, type(None))
"""What holds nothing else, and comes in numbers; the Values of a trace are of another type."""
_before: ContextVar[_Before | None] = ContextVar("nn_attributes_before", default=None)


class Keeping:
    """What remembers, inside `attributes_kept`, the attributes that are set and deleted.

    So the cost is that of what changes, not of all that a model holds.
    """

    _slots: ClassVar[tuple[str, ...]] = ()
    _holds_any: ClassVar[bool] = False
    """Whether a class of this package may hold modules of classes of users."""

    def __setattr__(self, name: str, held: object) -> None:
        _remember(self, name)
        try:
            super().__setattr__(name, held)
        except AttributeError:
            there = getattr(type(self), name, None)
            if not isinstance(there, property) or there.fset is not None:
                raise
            kind = type(self).__name__
            raise AttributeError(
                f"{kind}.{name} follows from how the {kind} was made: make a new one"
            ) from None

    def __delattr__(self, name: str) -> None:
        _remember(self, name)
        super().__delattr__(name)


def _remember(module: Keeping, name: str) -> None:
    before = _before.get()
    if before is not None and (id(module), name) not in before:
        is_slot = name in type(module)._slots
        held = getattr(module, name, _MISSING) if is_slot else vars(module).get(name, _MISSING)
        before[id(module), name] = module, held


@contextmanager
def attributes_kept(*roots: object) -> Iterator[None]:
    """Give every module the attributes back that it had before the ``with`` block.

    A model may keep what it computes, such as ``self.hidden = ...``. While it is traced, these are
    nodes without numbers, which mean nothing afterwards.

    What is set past `__setattr__`, as by a `functools.cached_property`, and lists, dicts and sets
    that change are put back where they are reached from the `roots`: attributes of modules and
    callable objects, at any depth. Modules of this package change nothing of their own, and are not
    looked into. What other objects hold, and variables of functions, stay as they were left.

    Parameters
    ----------
    *roots : object
        Models and losses, which may be modules, functions, methods or other callable objects.

    Examples
    --------
    >>> from nn import Module
    >>> module = Module()
    >>> module.count = 1
    >>> with attributes_kept(module):
    ...     module.count, module.new = 2, 3
    >>> vars(module)
    {'count': 1}
    """
    before: _Before = {}
    held = _held_by(roots, before)
    outer = _before.get()
    try:  # Ctrl-C may come behind every line
        _before.set(before)
        yield
    finally:
        _before.set(outer)
        for (_, name), (module, attribute) in before.items():
            _put_back(module, name, attribute)
        for container, contents in held:
            _refill(container, contents)


def _held_by(roots: Iterable[object], before: _Before) -> list[tuple[Any, Any]]:
    """All containers reached, attributes among them, with copies; slots go to `before`."""
    found: list[tuple[Any, Any]] = []
    seen, stack = set(), list(roots)
    while stack:
        node: Any = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        children: Iterable[object]
        if isinstance(node, dict):
            contents = dict(node)
            found.append((node, contents))
            children = contents.values()
        elif isinstance(node, (list, set)):
            children = list(node) if isinstance(node, list) else set(node)
            found.append((node, children))
        else:
            children = _parts(node, before)
        stack += [child for child in children if not isinstance(child, _LEAVES)]
    return found


def _parts(node: Any, before: _Before) -> Iterable[object]:
    """What an object is made of, if it is a module, callable, or a container that stays as it is.

    The attributes of an object are one part, their dict.
    """
    if isinstance(node, Keeping):
        kind = type(node)
        if kind.__module__.partition(".")[0] == _PACKAGE and not kind._holds_any:
            return ()
        slots = [(name, getattr(node, name, _MISSING)) for name in kind._slots]
        before.update({(id(node), name): (node, held) for name, held in slots})
        return [vars(node), *[held for _, held in slots]]
    if isinstance(node, tuple):
        return node
    if isinstance(node, np.ndarray):
        return list(node.flat) if node.dtype == object else ()
    if isinstance(node, MethodType):
        return [node.__self__]
    if callable(node) and not isinstance(node, type) and hasattr(node, "__dict__"):
        return [vars(node)]
    return ()


def _refill(container: Any, contents: Any) -> None:
    """Never empty in between, as other threads may look at it."""
    if isinstance(container, list):
        container[:] = contents
    elif isinstance(container, set):
        container &= contents
        container |= contents
    else:
        for name in [name for name in container if name not in contents]:
            del container[name]
        for name, held in contents.items():
            if container.get(name, _MISSING) is not held:
                container[name] = held


def _put_back(module: Any, name: str, held: object) -> None:
    """Past a `__setattr__` of the module's own, such as that of a frozen dataclass."""
    if name not in type(module)._slots:
        if held is _MISSING:
            vars(module).pop(name, None)
        else:
            vars(module)[name] = held
    elif held is not _MISSING:
        object.__setattr__(module, name, held)
    elif hasattr(module, name):
        object.__delattr__(module, name)
