"""Backpropagation that leaves every ``grad`` as it is: gradients by node, floats or Values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .anomaly import check_gradient
from .graph import interior_order

STORED = operator.attrgetter("local_derivatives")
"""A node's local derivatives as they are: those of the forward pass."""


def gradient_map(
    seeds: Iterable[tuple[Any, Any]],
    local_derivatives: Callable[[Any], Iterable[Any]],
    check: Callable[[Any, Any, float], None] | None = None,
    product: Callable[[Any, Any], Any] = operator.mul,
) -> Mapping[Any, Any]:
    """The gradient of the roots toward every node, as of :func:`backpropagate`.

    Parameters
    ----------
    seeds : iterable of (Value, float or Value)
        Roots and the gradients to start from.
    local_derivatives : callable
        Gives a node's local derivatives, in the order of its parents.
    check : callable, optional
        Called with each parent, node and gradient as it is computed.
    product : callable, optional
        Multiplies a local derivative and an upstream gradient of which neither is the number 0
        or 1; the number 0 from it carries nothing.

    Returns
    -------
    mapping
        Gradient of every node that one reaches; nodes it does not reach are absent.
    """
    seeds = list(seeds)
    gradients: dict[Any, Any] = {}
    for root, seed in seeds:
        gradients[root] = gradients[root] + seed if root in gradients else seed
    for node in reversed(interior_order(*gradients)):
        upstream = gradients.get(node, 0.0)
        if upstream == 0.0:  # a number; a Value is never equal to one
            continue
        for parent, derivative in zip(node.parents, local_derivatives(node)):  # noqa: B905 - strict costs time
            if derivative == 0.0:
                continue
            if derivative == 1.0:
                part = upstream
            else:
                part = derivative if upstream == 1.0 else product(derivative, upstream)
            before = gradients.get(parent)
            gradients[parent] = part if before is None else before + part
            if check is not None:
                check(parent, node, gradients[parent])
    return gradients


def check_gradients(roots: Sequence[Any], seeds: Sequence[float]) -> None:
    """Raise AnomalyError at the first gradient that is infinite or NaN; nothing changes."""
    gradient_map(zip(roots, seeds, strict=True), STORED, check_gradient)
