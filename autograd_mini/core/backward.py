"""Backpropagation over the stored local derivatives; it never asks what an operation is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


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
    before: dict[Any, float] = {}
    try:
        order = _cleared_order(roots, before)
        for root, seed in zip(roots, seeds, strict=True):
            root.grad += seed
        _propagate(order)
    finally:
        for leaf, grad in before.items():
            leaf.grad += grad


def _cleared_order(roots: Sequence[Any], before: dict[Any, float]) -> list[Any]:
    """The nodes that have operands, these first; the ``grad`` of every node is set to 0.

    What leaves have from earlier calls moves to `before`, to be added last, so that a second call
    doubles it exactly.

    The 0 is of this call's own, by which the nodes that have been visited are known (in CPython a
    float is an object): quicker than the set of :func:`interior_order`, which takes more memory
    than the order itself.
    """
    zero = float("0")
    order: list[Any] = []
    stack: list[Any] = list(roots)
    push, pop, done = stack.append, stack.pop, order.append
    while stack:
        node = pop()
        if node is None:  # all operands of the node below are done
            done(pop())
            continue
        while node.grad is not zero:  # down from node to operand, to one visited or a leaf
            a, b = node._a, node._b
            if a is None:
                if node.grad:
                    before[node] = node.grad
                node.grad = zero
                break
            node.grad = zero
            if b is None:
                push(node)
                push(None)
                stack += [p for p in (a if type(a) is tuple else (a,)) if p.grad is not zero]
                break
            if b.grad is not zero:
                push(node)
                push(None)
                if a.grad is not zero:
                    push(a)
                node = b
            elif a.grad is not zero:
                push(node)
                push(None)
                node = a
            else:
                done(node)
    return order


def _propagate(order: Sequence[Any]) -> None:
    """Hand every node's gradient on to its parents, from the roots down."""
    for node in reversed(order):
        upstream = node.grad
        if not upstream:  # zero carries nothing: no 0 * inf turns into NaN
            continue
        a, da = node._a, node._da
        if (b := node._b) is not None:
            db = node._db
            if da:
                a.grad += da * upstream
            if db:
                b.grad += db * upstream
        elif type(a) is tuple:
            for parent, derivative in zip(a, da):  # noqa: B905 - strict costs time
                if derivative:
                    parent.grad += derivative * upstream
        elif da:
            a.grad += da * upstream
