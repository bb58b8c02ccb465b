"""What was computed before the model was called: it would not follow the parameters."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import numpy as np

import autograd_mini as ad
from autograd_mini import Value

from ..models.module import Module
from ..models.parameter_search import walk
from .differentiation import Loss, Model
from .examination import Examination, examine, flat, shapes
from .tasks import Task

__all__ = ["check_made_in_calls"]


def check_made_in_calls(task: Task, model: Model, loss: Loss, parameters: Iterable[Value]) -> None:
    """Refuse results of operations that are older than the call that uses them, and do not last.

    The scalar engine would go on with their old numbers when what they were computed from has
    moved, and a compiled program would not. They are what two calls of the model and the loss have
    in common. What depends on nothing that moves may stay, as features of a frozen part do, unless
    its number is an old one already.

    Parameters
    ----------
    task : Task
        The examples; one of each shape is looked at.
    model, loss : callable
        Of one example.
    parameters : iterable of Value
        What is going to move: those that are trained.

    Raises
    ------
    ValueError
        Such a node: which, and what to do.
    """
    moving = {id(parameter): parameter for parameter in parameters}
    wanted = dict(task.examinations)
    for x, target in zip(task.inputs, task.targets, strict=True):
        shown = wanted.pop(shapes(x, target), None)
        if shown is not None:
            again = examine(model, loss, x, target, f"{task.prefix}y")
            shared = list(_in_both(shown, again))
            for node in shared:
                for leaf in ad.leaves(node):
                    if id(leaf) in moving:
                        raise ValueError(_refusal(node, leaf, model, "would keep"))
            for node in _old(shared):
                raise ValueError(_refusal(node, ad.leaves(node)[0], model, "has kept"))
        if not wanted:
            return


def _in_both(first: Examination, second: Examination) -> Iterator[Value]:
    """Results of operations in both graphs, those that others are made of last."""
    seen = {id(node) for node in _nodes(first)}
    for node in reversed(_nodes(second)):
        if id(node) in seen and node.op not in ("", "constant"):
            yield node


def _nodes(shown: Examination) -> list[Value]:
    return list(ad.topological_order(shown.loss, *flat(shown.outputs)))


def _old(nodes: list[Value]) -> list[Value]:
    """Those whose leaves have moved since they were computed."""
    if not nodes:
        return []
    anew = copy.deepcopy(nodes)
    ad.recompute(anew)
    pairs = zip(nodes, anew, strict=True)
    return [node for node, twin in pairs if not np.array_equal(node.data, twin.data, True)]


def _refusal(node: Value, leaf: Value, model: object, keeps: str) -> str:
    names: dict[int, str] = {}
    if isinstance(model, Module):
        kind = type(model).__name__
        names = {id(found): f"{kind}.{name}" for name, found in walk(model)}
    name = names.get(id(node), repr(node.label) if node.label else "a node")
    parameter = names.get(id(leaf), repr(leaf.label) if leaf.label else repr(leaf))
    moves = "when that moves" if keeps == "would keep" else "though that or another has moved"
    return (
        f"{name}, the result of {node.op!r}, was computed from {parameter} before the model was "
        f"called, and {keeps} its number {moves}: compute it inside __call__, or make "
        "a constant of it, (...).detach()"
    )
