"""Loss, gradient and outputs of a minibatch: by a compiled program or by the scalar engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value

from .._assignment import assign_data
from ..losses.loss_calls import call_loss
from ..losses.loss_uses import observed
from ..models.randomness import evaluation_mode, feeding
from .batches import Column, as_rows
from .examination import as_outputs, flat, watched

__all__ = ["Compiled", "Differentiation", "Eager", "Gradient", "Loss", "Model", "Outputs", "Vector"]

Model: TypeAlias = Callable[[Any], Any]
"""One example's inputs -> its outputs."""
Loss: TypeAlias = Callable[[Any, Any], Value]
"""(outputs, target) -> the loss of one example."""
Vector: TypeAlias = NDArray[np.float64]


Outputs: TypeAlias = Any
"""What is watched of N examples, the outputs first: an array (N, k), or a list of N vectors where
k differs."""


Gradient: TypeAlias = Callable[[Vector, slice], tuple[float, Vector, Outputs]]
"""(theta, which examples) -> their mean loss, its gradient, and the outputs."""


class Differentiation(ABC):
    """How `fit` differentiates: all ways give the same numbers, up to rounding.

    Parameters
    ----------
    model, loss : callable
        Of one example.
    parameters : sequence of Value
        The leaves that vary, in the order of the vector `theta`.
    """

    @abstractmethod
    def __init__(self, model: Model, loss: Loss, parameters: Sequence[Value]) -> None: ...

    @abstractmethod
    def prepared(self, inputs: Column, targets: Column, numbers: Any) -> Gradient:
        """Return the function from parameters and a minibatch of these examples to its gradient.

        `numbers` are the random numbers that layers ask for, one row per example, or None.
        """

    @abstractmethod
    def forward(self, theta: Vector, inputs: Column, targets: Column) -> tuple[Vector, Outputs]:
        """Return the loss of every example, and the outputs; nothing is random here."""


class Compiled(Differentiation):
    """By programs that model and loss are compiled to, once for each shape of an example.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> compiled = Compiled(neuron, half_squared_error, neuron.parameters())
    >>> theta, x, t = np.array([2.0, 0.0]), np.array([[1.0], [2.0]]), np.zeros(2)
    >>> loss, gradient, outputs = compiled.prepared(x, t, None)(theta, slice(0, 2))
    >>> loss, gradient, outputs.tolist()
    (5.0, array([5., 3.]), [[2.0], [4.0]])
    """

    def __init__(self, model: Model, loss: Loss, parameters: Sequence[Value]) -> None:
        def example(x: Any, target: Any, *numbers: Any) -> tuple[Value, list[Value]]:
            with _numbers(numbers), observed() as uses:
                returned = model(x)
                value = call_loss(loss, returned, target)
            return value, watched(flat(as_outputs(returned)), uses)

        def both(x: Any, target: Any) -> list[Value]:
            value, outputs = example(x, target)
            return [value, *outputs]

        self._gradient = ad.compile(example, parameters, has_aux=True)
        self._forward = ad.compile(both, parameters)

    def prepared(self, inputs: Column, targets: Column, numbers: Any) -> Gradient:
        """Return the function from parameters and a minibatch of these examples to its gradient."""
        drawn = () if numbers is None else (numbers,)
        bound = self._gradient.bind(inputs, targets, *drawn)

        def gradient_of(theta: Vector, rows: slice) -> tuple[float, Vector, Outputs]:
            (loss, outputs), gradient = bound.value_and_grad(theta, rows)
            return loss, gradient, outputs

        return gradient_of

    def forward(self, theta: Vector, inputs: Column, targets: Column) -> tuple[Vector, Outputs]:
        """Return the loss of every example, and the outputs."""
        if isinstance(inputs, np.ndarray) and isinstance(targets, np.ndarray):
            result = self._forward(theta, inputs, targets)
            return result[:, 0], result[:, 1:]
        rows = [
            self._forward(theta, x[None], t[None])[0]
            for x, t in zip(map(np.asarray, inputs), map(np.asarray, targets), strict=True)
        ]
        return np.array([row[0] for row in rows]), [row[1:] for row in rows]


class Eager(Differentiation):
    """By the scalar engine, example by example, with one example's graph in memory at a time.

    The vector is written into the parameters; their `grad` is left alone.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> eager = Eager(neuron, half_squared_error, neuron.parameters())
    >>> theta, x, t = np.array([2.0, 0.0]), np.array([[1.0], [2.0]]), np.zeros(2)
    >>> loss, gradient, outputs = eager.prepared(x, t, None)(theta, slice(0, 2))
    >>> loss, gradient
    (5.0, array([5., 3.]))
    """

    def __init__(self, model: Model, loss: Loss, parameters: Sequence[Value]) -> None:
        self._model, self._loss, self._parameters = model, loss, list(parameters)

    def prepared(self, inputs: Column, targets: Column, numbers: Any) -> Gradient:
        """Return the function from parameters and a minibatch of these examples to its gradient."""
        fed: Iterable[Any] = ((),) * len(inputs) if numbers is None else [[row] for row in numbers]
        examples = list(zip(as_rows(inputs), as_rows(targets), fed, strict=True))
        return lambda theta, rows: self._gradient(theta, examples[rows])

    def _gradient(
        self, theta: Vector, examples: Sequence[tuple[Any, Any, Any]]
    ) -> tuple[float, Vector, Outputs]:
        assign_data(self._parameters, theta.tolist())
        total, gradient, outputs = 0.0, np.zeros(len(theta)), []
        with np.errstate(all="ignore"):
            for x, target, row in examples:
                with ad.paused_collector():
                    value, numbers_out = self._example(x, target, row)
                    gradient += ad.gradients(value, self._parameters)
                total += value.data
                outputs.append(numbers_out)
            return total / len(examples), gradient / len(examples), _together(outputs)

    def forward(self, theta: Vector, inputs: Column, targets: Column) -> tuple[Vector, Outputs]:
        """Return the loss of every example, and the outputs."""
        assign_data(self._parameters, theta.tolist())
        losses, outputs = [], []
        with ad.no_grad():
            for x, target in zip(as_rows(inputs), as_rows(targets), strict=True):
                value, numbers = self._example(x, target, ())
                losses.append(value.data)
                outputs.append(numbers)
        return np.array(losses), _together(outputs)

    def _example(self, x: Any, target: Any, numbers: Sequence[Any]) -> tuple[Value, Vector]:
        with _numbers(numbers), observed() as uses:
            returned = self._model(x)
            value = call_loss(self._loss, returned, target)
        return value, np.array(
            [number.data for number in watched(flat(as_outputs(returned)), uses)]
        )


def _numbers(numbers: Sequence[Any]) -> AbstractContextManager[None]:
    """Where layers get their random numbers: from the only element, or nowhere."""
    return feeding(numbers[0]) if len(numbers) else evaluation_mode()


def _together(outputs: list[Vector]) -> Outputs:
    """Outputs of all examples as one array, where they are equally many."""
    return np.stack(outputs) if len({len(row) for row in outputs}) == 1 else outputs
