"""Where the parameters of a model are: a search through its attributes, and the paths it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MemberDescriptorType
from typing import Any, TypeGuard

import numpy as np

from autograd_mini import Value

from .kept_attributes import Keeping

__all__ = ["SEEN", "Holder", "attributes_of", "is_parameter", "label_parts", "slots_of", "walk"]


class Holder(Keeping):
    """What is looked into for parameters: a module, each of whose attributes may hold some."""

    def _own_label(self, path: str) -> str:
        """What a module that is no part of another calls its parameter of this path."""
        return path


def _children(node: object) -> Iterable[tuple[object, object]]:
    """Pairs (name, child) of a module or a container; nothing for anything else."""
    if isinstance(node, Holder):
        return attributes_of(node)
    if isinstance(node, dict):
        return node.items()
    if isinstance(node, (list, tuple)):
        return enumerate(node)
    if isinstance(node, np.ndarray) and node.dtype == object:
        return enumerate(node.tolist()) if node.ndim else ()
    return ()


SEEN = (Value, Holder, list, tuple, dict, np.ndarray)
"""What may be a parameter, or have some in it."""


def attributes_of(module: Holder) -> Iterable[tuple[str, object]]:
    """Names of attributes and what they hold, those in slots first."""
    slots = type(module)._slots
    if not slots:
        return vars(module).items()
    held = [(name, getattr(module, name)) for name in slots if hasattr(module, name)]
    return [*held, *vars(module).items()]


def is_parameter(node: object) -> TypeGuard[Value]:
    """Whether it is a leaf, no constant and not the result of an operation."""
    return isinstance(node, Value) and node.op == ""


def walk(
    root: object, *, into_modules: bool = True, all_else: bool = False
) -> Iterator[tuple[str, object]]:
    """Depth first, each object once: Values and modules below `root`, or everything, with paths.

    The stack is explicit, so that a chain of a hundred thousand modules needs no recursion. `seen`
    keeps what it has met, so that the id of a temporary list is not taken again while it counts.
    """
    seen = {id(root): root}
    stack = [("", iter(_children(root)))]
    while stack:
        prefix, children = stack[-1]
        for key, child in children:
            if id(child) in seen:
                continue
            if isinstance(child, Value):  # first, as most are
                seen[id(child)] = child
                yield f"{prefix}{key}", child
                continue
            name, is_module = f"{prefix}{key}", isinstance(child, Holder)
            if is_module or all_else:
                seen[id(child)] = child
                yield name, child
            if (is_module and into_modules) or isinstance(child, (list, tuple, dict, np.ndarray)):
                seen[id(child)] = child
                stack.append((f"{name}.", iter(_children(child))))
                break
        else:
            stack.pop()


def slots_of(kind: type) -> list[str]:
    """A class's own slots as attributes are called, in the order that they were given in."""
    given: Any = vars(kind).get("__slots__", ())
    order = [given] if isinstance(given, str) else list(given)
    names = [name for name, held in vars(kind).items() if isinstance(held, MemberDescriptorType)]

    def place(name: str) -> int:  # without the class that Python puts before two underscores
        plain = name.removeprefix(f"_{kind.__name__.lstrip('_')}")
        return order.index(plain) if plain in order else len(order)

    return sorted(names, key=place)


def label_parts(module: Holder) -> None:
    """Label the parameters of a module that is built from others, each by its path.

    A label that ends with the path within the innermost module was such a path itself, also one in
    another model, and is replaced, as are those of a neuron by itself, "w1" and "b"; any other but
    an empty one was given by the user, and stays.
    """
    found, around = list(walk(module)), [("", module)]
    if any(isinstance(node, Holder) for _, node in found):
        for name, node in found:
            while not name.startswith(around[-1][0]):
                around.pop()
            if isinstance(node, Holder):
                around.append((f"{name}.", node))
            elif is_parameter(node):
                prefix, owner = around[-1]
                own = name.removeprefix(prefix)
                if _is_own(node.label, own) or node.label == owner._own_label(own):
                    node.label = name


def _is_own(label: str, path: str) -> bool:
    return not label or f".{label}".endswith(f".{path}")
