"""What shall be learned, and in what minibatches: checked examples, metrics and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad

from ..models.module import Module
from ..models.randomness import Request, draw
from ..optimizers.optimizer import Optimizer
from .batches import Column, as_examples, select
from .differentiation import Differentiation, Loss, Model, Outputs, Sample, Vector
from .examination import Examination, examine, examine_all, groups_of, shapes
from .fit_arguments import pair
from .measuring import Metric, check_probabilities, measured, metric_functions, try_metrics

__all__ = ["Block", "Plan", "Task", "check_reached", "metrics_of", "plan_of", "task_of"]

Indices: TypeAlias = NDArray[np.int64]
_GATHERED = 8  # minibatches at once: half the time, and little memory


@dataclass(frozen=True, eq=False)
class Block:
    """Some minibatches that are made ready together: that is quicker than one by one."""

    indices: Indices
    inputs: Column
    targets: Column
    numbers: Any
    size: int

    @property
    def minibatches(self) -> Iterator[slice]:
        """Which of these examples each minibatch has."""
        count = len(self.indices)
        return (slice(k, min(k + self.size, count)) for k in range(0, count, self.size))


@dataclass(eq=False)
class Task:
    """What shall be learned or measured: checked examples, and what one of each shape shows."""

    inputs: Column
    targets: Column
    prefix: str
    examinations: Mapping[Any, Examination] = field(default_factory=dict)

    def examine(self, model: Model, loss: Loss) -> None:
        """Look at an example of each shape, anew where model or loss may be others now."""
        self.examinations = examine_all(
            model, loss, self.inputs, self.targets, f"{self.prefix}y",
            groups=self._groups, known=self.examinations,
        )  # fmt: skip

    @cached_property
    def _groups(self) -> dict[Any, list[int]]:
        return groups_of(self.inputs, self.targets)

    @property
    def first(self) -> Examination:
        """What the first example shows."""
        return next(iter(self.examinations.values()))

    @property
    def has_equal_shapes(self) -> bool:
        """Whether all examples have one shape."""
        return isinstance(self.inputs, np.ndarray) and isinstance(self.targets, np.ndarray)

    def check_equal_shapes(self, batch_size: int) -> None:
        """Refuse minibatches of examples of different shapes, which cannot be compiled."""
        for name, column in (("X", self.inputs), ("y", self.targets)):
            if isinstance(column, list) and batch_size > 1:
                first, second = sorted({entry.shape for entry in column})[:2]
                raise ValueError(
                    f"{name} has examples of shapes {first} and {second}, which a compiled model "
                    "cannot take in one minibatch: pad them to one length, or pass batch_size=1 or "
                    "compiled=False"
                )

    @cached_property
    def _representatives(self) -> list[tuple[Any, Any]]:
        """An example of each shape and type that a program is made for."""
        if self.has_equal_shapes:
            return [(self.inputs[0], self.targets[0])]
        found: dict[Any, tuple[Any, Any]] = {}
        for x, target in zip(self.inputs, self.targets, strict=True):
            key = [(np.shape(entry), np.asarray(entry).dtype.kind == "f") for entry in (x, target)]
            found.setdefault(tuple(key), (x, target))
        return list(found.values())

    @property
    def samples(self) -> list[Sample]:
        """A minibatch of one example for each shape and type that a program is made for."""
        return [
            (np.asarray(x)[None], np.asarray(t)[None], self.examinations[shapes(x, t)].requests)
            for x, t in self._representatives
        ]

    @property
    def requests(self) -> list[list[Request]]:
        """The random numbers that layers ask for, for each shape."""
        return [one.requests for one in self.examinations.values()]

    @property
    def has_probabilities(self) -> bool:
        """Whether there are numbers among those watched that must be probabilities."""
        return any(one.probabilities for one in self.examinations.values())

    def evaluated(
        self, way: Differentiation, theta: Vector, metrics: Mapping[str, Metric]
    ) -> dict[str, float]:
        """Mean loss and metrics at these parameters."""
        losses, outputs = way.forward(theta, self.inputs, self.targets)
        if self.has_probabilities:
            outputs = self.outputs_among(outputs, self.inputs, self.targets)
        numbers = {"loss": float(np.mean(losses))}
        return numbers | measured(metrics, outputs, self.targets, self.first.shape)

    def outputs_among(
        self, numbers: Outputs, inputs: Column, targets: Column, indices: Any = None
    ) -> Outputs:
        """The outputs among the numbers watched; what should be a probability is checked."""
        name = f"{self.prefix}X"
        if self.has_equal_shapes:
            check_probabilities(numbers, self.first.probabilities, name, indices)
            return numbers[:, : self.first.n_outputs]
        rows = []
        for k, (x, target) in enumerate(zip(inputs, targets, strict=True)):
            shown, row = self.examinations[shapes(x, target)], numbers[k]
            index = k if indices is None else indices[k]
            check_probabilities(row[None], shown.probabilities, name, [index])
            rows.append(row[: shown.n_outputs])
        return rows

    def blocks(self, order: Indices, size: int, generator: np.random.Generator) -> Iterator[Block]:
        """All examples in this order, some minibatches at once; their random numbers are drawn."""
        several = size * (_GATHERED if self.has_equal_shapes else 1)
        for first in range(0, len(order), several):
            yield self.block(order[first : first + several], size, generator)

    def block(self, indices: Indices, size: int, generator: np.random.Generator) -> Block:
        """Some minibatches of this size."""
        inputs, targets = select(self.inputs, indices), select(self.targets, indices)
        return Block(indices, inputs, targets, self._numbers(inputs, targets, generator), size)

    def _numbers(self, inputs: Column, targets: Column, generator: np.random.Generator) -> Any:
        """Random numbers that layers ask for, one row per example; None if they ask for none."""
        if not any(self.requests):
            return None
        if self.has_equal_shapes:
            return draw(self.first.requests, generator, len(inputs))
        keys = [shapes(x, target) for x, target in zip(inputs, targets, strict=True)]
        return [draw(self.examinations[key].requests, generator, 1)[0] for key in keys]


def task_of(model: Model, loss: Loss, X: Any, y: Any, prefix: str) -> Task:
    """Check examples; `prefix` stands before X and y in messages."""
    inputs, targets = as_examples(X, y, (f"{prefix}X", f"{prefix}y"))
    task = Task(inputs, targets, prefix)
    task.examine(model, loss)
    return task


@dataclass(frozen=True)
class Plan:
    """What is learned and what is measured, in what minibatches."""

    task: Task
    held_out: Task | None
    metrics: Mapping[str, Metric]
    batch_size: int
    shuffle: bool

    @property
    def n_steps(self) -> int:
        """How many steps an epoch has."""
        return -(-len(self.task.inputs) // self.batch_size)

    @property
    def curves(self) -> list[str]:
        """What is recorded."""
        names = ["loss", *self.metrics]
        return [*names, *(f"validation_{name}" for name in names)] if self.held_out else names


def plan_of(
    model: Model,
    loss: Loss,
    X: Any,
    y: Any,
    validation: object,
    metrics: Sequence[Metric] | None,
    batch_size: int,
    shuffle: bool,
) -> Plan:
    """Check all that is given, and say what is learned and measured."""
    task, held_out = task_of(model, loss, X, y, ""), None
    if validation is not None:
        held_out = task_of(model, loss, *pair(validation), "validation ")
    return Plan(task, held_out, metrics_of(metrics, task, held_out), batch_size, shuffle)


def metrics_of(
    metrics: Sequence[Metric] | None, task: Task, held_out: Task | None = None
) -> dict[str, Metric]:
    """The metrics by name, the same for training and validation."""
    tasks = [task] if held_out is None else [task, held_out]
    functions = metric_functions(metrics, [one for t in tasks for one in t.examinations.values()])
    for each in tasks:
        try_metrics(functions, each.first, each.targets)
    return functions


_LOOKED_AT = 100
"""At most so many examples are looked at for what depends on a parameter."""


def check_reached(task: Task, optimizer: Optimizer, model: Model, loss: Loss) -> None:
    """Refuse an optimizer of parameters that the loss does not depend on.

    What depends on it for some examples only, such as the rows of a table, is looked for in more
    of them before it is refused.
    """
    wanted = [optimizer.parameters]
    if isinstance(model, Module):
        own = set(map(id, model.parameters()))
        wanted.append([p for p in optimizer.parameters if id(p) not in own])
    wanted = [group for group in wanted if group]
    for reached in _leaves_of_losses(task, model, loss):
        wanted = [group for group in wanted if reached.isdisjoint(map(id, group))]
        if not wanted:
            return
    if len(wanted[0]) == len(optimizer.parameters):
        raise ValueError(
            "the loss depends on none of the optimizer's parameters: make the optimizer from those "
            "of this model, and compute with Values, not with their data"
        )
    names = ", ".join(repr(p.label) if p.label else "one without a label" for p in wanted[0][:3])
    raise ValueError(
        f"{len(wanted[0])} of the optimizer's parameters are none of the model's, and the loss "
        f"does not depend on them ({names}): make the optimizer from model.parameters()"
    )


def _leaves_of_losses(task: Task, model: Model, loss: Loss) -> Iterator[set[int]]:
    for shown in task.examinations.values():
        yield set(map(id, ad.leaves(shown.loss)))
    places = np.unique(np.linspace(0, len(task.inputs) - 1, _LOOKED_AT).astype(int))
    for i in places.tolist():
        more = examine(model, loss, task.inputs[i], task.targets[i], f"{task.prefix}y[{i}]")
        yield set(map(id, ad.leaves(more.loss)))
