"""Attributes of a model that look like parameters and are none: said when it is made."""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Collection, Iterator
from types import FrameType, ModuleType
from typing import Any

from autograd_mini import Value

from .parameter_search import SEEN, Holder, is_parameter, walk

__all__ = ["warn_of_lost_values"]

_OURS = __name__.partition(".")[0]


def warn_of_lost_values(module: Holder) -> None:
    """Warn of attributes of a new module that look like parameters and are none."""
    kind, hiding = type(module).__name__, []
    for name, node in walk(module, into_modules=False, all_else=True):
        path = f"{kind}.{name}"
        if isinstance(node, Value) and node.op not in ("", "constant"):
            _warn(
                f"{path} is the result of {node.op!r} and so no parameter: it will not be trained. "
                "Make a leaf of its number, Value((...).data), or a constant, (...).detach()"
            )
        elif isinstance(node, (set, frozenset)) and any(map(_has_parameters, node)):
            _warn(
                f"{path} is a set, in which no parameters are found, as it has no order: use a list"
            )
        elif any(map(_has_parameters, _contents(node))):
            hiding.append((path, node))
    for name, node in _of_the_class(module):
        if any(is_parameter(found) for _, found in walk({name: node})):
            _warn(
                f"{kind}.{name} is an attribute of the class, in which no parameters are found, as "
                f"all its objects would share them: set self.{name} in __init__"
            )
    found = {id(node) for _, node in walk(module)} if hiding else set()
    for path, node in hiding:
        if not all(id(part) in found for part in _contents(node) if _has_parameters(part)):
            what = "has keys" if isinstance(node, dict) else f"is of {type(node).__name__}"
            _warn(
                f"{path} {what}, in which no parameters are found: put them into a list, a dict's "
                "values or a Module"
            )


def _has_parameters(node: object) -> bool:
    if isinstance(node, tuple):
        return any(map(_has_parameters, node))
    return isinstance(node, Holder) or is_parameter(node)


def _contents(node: Any) -> Collection[object]:
    """What is in an object that is not looked into: keys, entries of a deque, attributes."""
    if isinstance(node, (dict, deque)):
        return list(node)
    if isinstance(node, (Value, Holder, ModuleType, type)):
        return ()
    attributes: dict[str, object] = getattr(node, "__dict__", {})
    return list(attributes.values())


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
