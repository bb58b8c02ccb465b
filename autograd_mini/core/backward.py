"""Backpropagation over the stored local derivatives; it never asks what an operation is."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .anomaly import check_gradient
from .graph import interior_order


def backpropagate(roots: Sequence[Any], seeds: Sequence[float]) -> None:
    """Accumulate gradients of the roots into the ``grad`` of the graph's nodes.

    The dynamic programme of backpropagation: visit the nodes from the roots to the leaves and hand
    each node's gradient, times the local derivative, to its parents.  Every edge is used once,
    however many paths lead over it.

    Parameters
    ----------
    roots : sequence of Value
        Where to start.
    seeds : sequence of float
        Gradient of the final output toward each root.
    """
    order = interior_order(*roots)
    before = []  # what leaves have from earlier calls; added last, so that it doubles exactly
    try:
        for node in order:
            node.grad = 0.0
            for parent in node.parents:
                if parent.grad:
                    before.append((parent, parent.grad))
                    parent.grad = 0.0
        for root, seed in zip(roots, seeds, strict=True):
            root.grad += seed
        _propagate(order)
    finally:
        for leaf, grad in before:
            leaf.grad += grad


def _propagate(order: Sequence[Any]) -> None:
    """Hand every node's gradient on to its parents, from the roots down."""
    for node in reversed(order):
        upstream = node.grad
        if not upstream:  # zero carries nothing: no 0 * inf turns into NaN
            continue
        parents, derivatives = node.parents, node.local_derivatives
        if len(parents) == 2:  # the loop below, written out for most nodes
            a, b = parents
            da, db = derivatives
            if da:
                a.grad += da * upstream
            if db:
                b.grad += db * upstream
        else:
            for parent, derivative in zip(parents, derivatives):  # noqa: B905 - strict costs time
                if derivative:
                    parent.grad += derivative * upstream


def gradient_map(
    seeds: Iterable[tuple[Any, Any]],
    local_derivatives: Callable[[Any], Iterable[Any]],
    check: Callable[[Any, Any, float], None] | None = None,
    product: Callable[[Any, Any], Any] = operator.mul,
) -> Mapping[Any, Any]:
    """The same programme without touching ``grad``: gradients by node, floats or Values.

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
        for parent, derivative in zip(node.parents, local_derivatives(node), strict=True):
            if derivative == 0.0:
                continue
            if derivative == 1.0:
                part = upstream
            else:
                part = derivative if upstream == 1.0 else product(derivative, upstream)
            gradients[parent] = gradients[parent] + part if parent in gradients else part
            if check is not None:
                check(parent, node, gradients[parent])
    return gradients


def check_gradients(roots: Sequence[Any], seeds: Sequence[float]) -> None:
    """Raise AnomalyError at the first gradient that is infinite or NaN; nothing changes."""
    gradient_map(
        zip(roots, seeds, strict=True), lambda node: node.local_derivatives, check_gradient
    )
