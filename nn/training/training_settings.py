"""What a training is: of two with equal settings, one may go on for the other."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value

from ..models.module import Module
from ..models.states import described
from .batches import Column
from .callbacks import Training
from .tasks import Plan

__all__ = ["check_finite", "names_of", "settings_of"]


def settings_of(training: Training, plan: Plan) -> dict[str, Any]:
    """What must be equal for a training to go on where another one has stopped."""
    model, optimizer, task, held_out = training.model, training.optimizer, plan.task, plan.held_out
    is_module = isinstance(model, Module)
    names = "\n".join(names_of(training.model, training.parameters))
    return {
        "model": type(model).__name__,
        "configuration of the model": described(model)["config"] if is_module else None,
        "number of parameters": len(training.parameters),
        "number of trained parameters": len(optimizer.parameters),
        "names of parameters (SHA-256)": hashlib.sha256(names.encode()).hexdigest(),
        "optimizer": type(optimizer).__name__,
        "loss": task.first.loss_names,
        "number of examples": len(task.inputs),
        "shape of an example": list(np.shape(task.inputs[0])),
        "random numbers": type(training.generator.bit_generator).__name__,
        "batch_size": plan.batch_size,
        "shuffle": plan.shuffle,
        "curves": list(training.history),
        "X (SHA-256)": _digest(task.inputs),
        "y (SHA-256)": _digest(task.targets),
        "validation X (SHA-256)": _digest(held_out.inputs) if held_out else None,
        "validation y (SHA-256)": _digest(held_out.targets) if held_out else None,
        "graph of the first loss (SHA-256)": _graph_digest(task.first.loss, training.parameters),
    }


def _digest(column: Column) -> str:
    """Of the numbers, their shapes and types."""
    digest = hashlib.sha256()
    for array in [column] if isinstance(column, np.ndarray) else column:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _graph_digest(loss: Value, parameters: Sequence[Value]) -> str:
    """Of what model and loss compute: operations, operands, numbers; parameters by their places."""
    place = {id(parameter): k for k, parameter in enumerate(parameters)}
    digest = hashlib.sha256()
    for node in ad.topological_order(loss):
        if id(node) not in place:
            operands = [place[id(parent)] for parent in node.parents]
            number = "" if operands else float(node.data).hex()
            digest.update(f"{node.op} {operands} {number};".encode())
            place[id(node)] = len(place)
    digest.update(str(place[id(loss)]).encode())
    return digest.hexdigest()


def names_of(model: object, parameters: Sequence[Value]) -> list[str]:
    """Of all parameters: their paths in the model, or labels."""
    named = model.named_parameters() if isinstance(model, Module) else []
    paths = {id(parameter): path for path, parameter in named}
    return [
        paths.get(id(parameter)) or parameter.label or f"parameters[{index}]"
        for index, parameter in enumerate(parameters)
    ]


def check_finite(model: object, parameters: Sequence[Value]) -> None:
    """Refuse parameters from which no training can start."""
    wrong = [k for k, parameter in enumerate(parameters) if not math.isfinite(parameter.data)]
    if wrong:
        name, number = names_of(model, parameters)[wrong[0]], parameters[wrong[0]].data
        raise ValueError(
            f"the parameter {name!r} is {number}: training starts from finite numbers; make the "
            "model anew, or set the parameter's data"
        )
