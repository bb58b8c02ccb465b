"""Attributes of a model that look like parameters and are none: said when it is made."""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from numbers import Number
from types import FrameType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from autograd_mini import Value

from .parameter_search import SEEN, Holder, is_parameter, slots_of, walk

__all__ = ["warn_of_lost_values"]

_Hiding: TypeAlias = tuple[str, Any, list[object]]
"""The path of an object, itself, and what is hidden in it."""

_OURS = __name__.partition(".")[0]


def warn_of_lost_values(module: Holder) -> None:
    """Warn of attributes of a new module that look like parameters and are none."""
    kind = type(module).__name__
    own = _hidden(_items(module))
    hiding: list[_Hiding] = [(kind, module, own)] if own else []
    for name, node in walk(module, into_modules=False, all_else=True):
        path = f"{kind}.{name}"
        if isinstance(node, Value):
            if node.op not in ("", "constant"):
                _warn_of_result(path, node)
        elif isinstance(node, (set, frozenset)):
            if _hidden(node):
                _warn(f"{path} is a set, {_NOT_FOUND}, as it has no order: use a list")
        elif not isinstance(node, _CLOSED) and (hidden := _hidden(_not_walked(node))):
            hiding.append((path, node, hidden))
    for name, node in _of_the_class(module):
        if any(is_parameter(found) for _, found in walk({name: node})):
            _warn(
                f"{kind}.{name} is an attribute of the class, {_NOT_FOUND}, as all its objects "
                f"would share them: set self.{name} in __init__"
            )
    _warn_of_hidden(module, hiding)


def _warn_of_result(path: str, node: Value) -> None:
    _warn(
        f"{path} is the result of {node.op!r} and so no parameter, and keeps its number when "
        "others are trained. Compute it inside __call__; or make a leaf of its number, "
        "Value((...).data), or a constant, (...).detach()"
    )


def _warn_of_hidden(module: Holder, hiding: list[_Hiding]) -> None:
    """Warn of objects that hold what is found nowhere else."""
    known = {id(node) for _, node in walk(module)} if hiding else set()
    for path, node, hidden in hiding:
        if not all(id(part) in known for part in hidden):
            what = "has keys" if isinstance(node, dict) else f"is of {type(node).__name__}"
            what = "has items of its own" if node is module else what
            _warn(f"{path} {what}, {_NOT_FOUND}: put them into a list, a dict's values or a Module")


_NOT_FOUND = "in which no parameters are found"


def _hidden(parts: Iterable[object]) -> list[object]:
    """The parameters and modules among some objects, and at any depth within them."""
    found: list[object] = []
    seen, stack = {}, list(parts)
    while stack:
        part = stack.pop()
        if id(part) not in seen:
            seen[id(part)] = part  # so that no other object gets its id
            if isinstance(part, Holder) or is_parameter(part):
                found.append(part)
            elif not isinstance(part, _CLOSED):
                stack += [*_items(part), *_attributes(part)]
    return found


_CLOSED = (float, Value, Holder, str, bytes, Number, ModuleType, type)
"""What is not looked into."""


def _not_walked(node: Any) -> Collection[object]:
    """What is in an attribute, and is not looked into for parameters."""
    if isinstance(node, dict):
        return list(node)
    looked_into = isinstance(node, (list, tuple)) or (
        isinstance(node, np.ndarray) and node.ndim > 0
    )
    return [*(() if looked_into else _items(node)), *_attributes(node)]


def _items(node: Any) -> Collection[object]:
    if isinstance(node, Mapping):
        return [*node.keys(), *node.values()]
    if isinstance(node, (list, tuple, set, frozenset, deque)):
        return list(node)
    if isinstance(node, np.ndarray):
        return list(node.ravel()) if node.dtype == object else ()
    if isinstance(node, partial):
        return [node.func, *node.args, *node.keywords.values()]
    return ()


def _attributes(node: object) -> Collection[object]:
    held: dict[str, object] = getattr(node, "__dict__", {})
    kinds = [kind for kind in type(node).__mro__ if "__slots__" in vars(kind)]
    slots = [getattr(node, name, None) for kind in kinds for name in slots_of(kind)]
    return [*held.values(), *slots]


def _of_the_class(module: Holder) -> Iterator[tuple[str, object]]:
    """Attributes of a user's class that its object does not have itself."""
    for base in type(module).__mro__:
        if base.__module__.partition(".")[0] != _OURS:
            for name, node in vars(base).items():
                if isinstance(node, SEEN) and name not in vars(module):
                    yield name, node


def _warn(message: str) -> None:
    """Warn at the line of the user's that makes the module."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame) == _OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
