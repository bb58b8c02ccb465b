"""The scopes of modules' calls: where in its model a module stands, found out when it is asked."""

from __future__ import annotations

import re
from typing import TypeGuard

from autograd_mini import Scope, Value, place_name

from .parameter_search import Holder, is_parameter, walk

__all__ = ["ModuleScope"]


class ModuleScope(Scope):
    """A call of a module; its name tells where in the outermost module around it stands.

    Examples
    --------
    >>> from nn import MLP
    >>> [output] = MLP(2, [3, 1], rng=0)([0.5, -0.5])
    >>> output.scope.name, output.scope.kind, output.scope.path
    ('neuron 1', 'neuron', 'MLP.layers.1.neurons.0')
    >>> [parameter.label for parameter in output.scope.parameters][-1]
    'layers.1.neurons.0.bias'
    >>> output.scope.parent.name, output.scope.parent.parent.name
    ('layer 2', 'MLP')
    """

    __slots__ = ("__weakref__", "_paths")

    subject: Holder
    _paths: dict[int, tuple[Holder, str]]  # not there until it is asked for

    @property
    def name(self) -> str:
        """The attribute that holds the module, numbered in a list: "layer 1", "encoder"."""
        _, place = self._place()
        holder, indices = re.fullmatch(r"(.*?)((?:\.\d+)*)", place, re.DOTALL).groups()  # type: ignore[union-attr]
        attribute = holder.rpartition(".")[2]
        if not indices:
            return attribute or type(self.subject).__name__
        words = place_name(f"{attribute}{indices}")
        return words.replace("module", self.kind, 1) if attribute == "modules" else words

    @property
    def kind(self) -> str:
        """The class of the module, in lower case."""
        return type(self.subject).__name__.lower()

    @property
    def path(self) -> str:
        """The class of the outermost module and the path of attributes from it to this one."""
        outermost, place = self._place()
        return ".".join(filter(None, [type(outermost).__name__, place]))

    @property
    def parameters(self) -> tuple[Value, ...]:
        """The parameters of the module itself, without those of modules in it."""
        found = walk(self.subject, into_modules=False)
        return tuple([node for _, node in found if is_parameter(node)])

    def _place(self) -> tuple[Holder, str]:
        """The outermost module around this one that holds it, and the path from there."""
        around: list[ModuleScope] = []
        scope = self.parent
        while scope is not None:
            if isinstance(scope, ModuleScope):
                around.append(scope)
            scope = scope.parent
        for outer in reversed(around):
            module, path = outer._modules().get(id(self.subject), (None, ""))
            if module is not None:
                return outer.subject, path
        return self.subject, ""

    def _modules(self) -> dict[int, tuple[Holder, str]]:
        """The modules in this one with their paths, found once for all scopes of a call."""
        if not hasattr(self, "_paths"):
            found = walk(self.subject)
            self._paths = {id(node): (node, path) for path, node in found if _is_module(node)}
        return self._paths


def _is_module(node: object) -> TypeGuard[Holder]:
    return isinstance(node, Holder)
