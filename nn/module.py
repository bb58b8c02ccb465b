"""Module: whatever holds parameters, and finds them by looking at its own attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from reprlib import recursive_repr

import numpy as np

from autograd_mini import Value

__all__ = ["Module"]


class Module:
    """A model, or a part of one: an object whose attributes hold parameters.

    A parameter is a leaf `Value` (not the result of an operation and not a constant) reached from
    the attributes, directly or through other modules, lists, tuples, dicts and object arrays, at
    any depth. Nothing has to be registered. The order is that of the attributes' creation, and a
    parameter reached twice (a shared weight) is listed once, under the first name.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> class Pendulum(Module):
    ...     def __init__(self):
    ...         self.friction = Value(0.1)
    ...         self.lengths = [Value(1.0), Value(2.0)]
    >>> pendulum = Pendulum()
    >>> [name for name, parameter in pendulum.named_parameters()]
    ['friction', 'lengths.0', 'lengths.1']
    >>> pendulum
    Pendulum(
      friction: 1 parameter
      lengths: 2 parameters
    )
    """

    def parameters(self) -> list[Value]:
        """Return the parameters, each once.

        Returns
        -------
        list of Value
            In the order of `named_parameters`, which is also that of `parameters_to_vector`.

        Examples
        --------
        >>> from nn import Neuron
        >>> [parameter.data for parameter in Neuron.from_weights([0.5, -1.0], 0.25).parameters()]
        [0.5, -1.0, 0.25]
        """
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return each parameter with its path of attribute names, indices and keys.

        Returns
        -------
        list of (str, Value)
            Pairs such as ``("layers.0.neurons.3.weights.1", Value(...))``.

        Examples
        --------
        >>> from nn import MLP
        >>> [name for name, parameter in MLP(1, [1], rng=0).named_parameters()]
        ['layers.0.neurons.0.weights.0', 'layers.0.neurons.0.bias']
        """
        return [(name, node) for name, node in _walk(self) if isinstance(node, Value)]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, since `backward` adds to what is there.

        Examples
        --------
        >>> from nn import Neuron
        >>> neuron = Neuron.from_weights([2.0], activation="identity")
        >>> neuron([3.0]).backward()
        >>> neuron.weights[0].grad
        3.0
        >>> neuron.zero_grad()
        >>> neuron.weights[0].grad
        0.0
        """
        for parameter in self.parameters():
            parameter.grad = 0.0

    @recursive_repr(fillvalue="...")
    def __repr__(self) -> str:
        lines = [f"{name}: {text}" for name, text in _described_attributes(self)]
        if not lines:
            return f"{type(self).__name__}()"
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


def _children(node: object) -> Iterable[tuple[object, object]]:
    """Pairs (name, child) of a module or a container; nothing for anything else."""
    if isinstance(node, Module):
        return vars(node).items()
    if isinstance(node, dict):
        return node.items()
    if isinstance(node, (list, tuple)):
        return enumerate(node)
    if isinstance(node, np.ndarray) and node.dtype == object:
        return enumerate(node.tolist()) if node.ndim else ()
    return ()


def _is_parameter(node: object) -> bool:
    return isinstance(node, Value) and node.op == ""


def _walk(root: object, *, into_modules: bool = True) -> Iterator[tuple[str, object]]:
    """Depth first, each object once: the parameters and the modules below `root`, with paths.

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
            name = f"{prefix}{key}"
            is_module = isinstance(child, Module)
            if is_module or _is_parameter(child):
                seen[id(child)] = child
                yield name, child
            if (is_module and into_modules) or isinstance(child, (list, tuple, dict, np.ndarray)):
                seen[id(child)] = child
                stack.append((f"{name}.", iter(_children(child))))
                break
        else:
            stack.pop()


def _described_attributes(module: Module) -> Iterator[tuple[str, str]]:
    """What the repr says of each attribute: its modules one by one, how many parameters."""
    for attribute, content in vars(module).items():
        # Wrapped in a dict, a single Value or Module is found just as those in a list are.
        found = list(_walk({attribute: content}, into_modules=False))
        n_parameters = sum(isinstance(node, Value) for _, node in found)
        if n_parameters:
            yield attribute, f"{n_parameters} parameter{'s' if n_parameters > 1 else ''}"
        for name, node in found:
            if isinstance(node, Module):
                yield name, repr(node)
