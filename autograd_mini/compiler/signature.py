"""What a trace is, in few bytes: equal for two runs of a function that make the same graph."""

from __future__ import annotations

from array import array
from typing import TypeAlias

from ..core.graph import interior_order
from ..core.value import Value
from .trace import Trace

Signature: TypeAlias = tuple[object, ...]
"""Compared by ``==``."""


def signature(traced: Trace) -> Signature:
    """Number all nodes, and return their operations and the numbers of their operands.

    Parameters and inputs have their places; whatever else is a leaf counts with its data, of
    which the signs of zero and NaN are seen.  One walk, which takes time linear in the graph.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> from autograd_mini.compiler.trace import InputSpec, trace
    >>> w = Value(2.0)
    >>> specs = [InputSpec((), False)]
    >>> doubled, again, tripled = (
    ...     signature(trace(function, [w], specs, list))
    ...     for function in (lambda x: 2 * w * x, lambda x: w * 2 * x, lambda x: 3 * w * x)
    ... )
    >>> doubled == signature(trace(lambda x: 2 * w * x, [w], specs, list))
    True
    >>> doubled in (again, tripled)
    False
    """
    n_parameters = len(traced.parameters)
    place = dict(traced.parameters)
    place.update((node, n_parameters + k) for k, node in enumerate(traced.inputs))
    numbers: list[tuple[str, str]] = []

    def placed(operands: tuple[Value, ...]) -> list[int]:
        try:
            return [*map(place.__getitem__, operands)]
        except KeyError:  # numbers among them
            for node in operands:
                if node not in place:
                    place[node] = len(place)
                    numbers.append((node.op, float(node.data).hex()))
            return placed(operands)

    operations, operands = [], array("q")
    for node in interior_order(*traced.outputs, *traced.aux):
        parents = node.parents
        operands.extend(placed(parents))
        operations.append((node.op, len(parents)))
        place[node] = len(place)
    read = [placed(tuple(some)) for some in (traced.outputs, traced.aux)]
    return (operations, operands, numbers, read, traced.scalar, traced.scalar_aux)
