"""What a training is: of two with equal settings, one may go on for the other."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ..models.module import Module
from .batches import Column
from .callbacks import Training
from .checkpoint import identities
from .tasks import Plan

__all__ = ["names_of", "settings_of"]


def settings_of(training: Training, plan: Plan) -> dict[str, Any]:
    """What must be equal for a training to go on where another one has stopped."""
    optimizer, task = training.optimizer, plan.task
    names = "\n".join(names_of(training))
    return {
        "model": type(training.model).__name__,
        "number of parameters": len(training.parameters),
        "number of trained parameters": len(optimizer.parameters),
        "names of parameters (SHA-256)": hashlib.sha256(names.encode()).hexdigest(),
        "optimizer": type(optimizer).__name__,
        "loss": task.shown.loss_names,
        "number of examples": len(task.inputs),
        "shape of an example": list(np.shape(task.inputs[0])),
        "X (SHA-256)": _digest(task.inputs),
        "y (SHA-256)": _digest(task.targets),
        "batch_size": plan.batch_size,
        "shuffle": plan.shuffle,
        "curves": list(training.history),
        "callbacks": sorted(identities(training)),
    }


def _digest(column: Column) -> str:
    """Of the numbers, their shapes and types."""
    digest = hashlib.sha256()
    for array in [column] if isinstance(column, np.ndarray) else column:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def names_of(training: Training) -> list[str]:
    """Of all parameters: their paths in the model, or labels."""
    model = training.model
    named = model.named_parameters() if isinstance(model, Module) else []
    paths = {id(parameter): path for path, parameter in named}
    return [
        paths.get(id(parameter)) or parameter.label or f"parameters[{index}]"
        for index, parameter in enumerate(training.parameters)
    ]
