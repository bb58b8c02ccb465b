"""Loss, gradient and outputs of a minibatch: by a compiled program or by the scalar engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import TraceError, Value

from .._assignment import assign_data
from .._nested import as_outputs
from ..losses.loss_calls import call_loss
from ..losses.loss_uses import observed
from ..models.kept_attributes import attributes_kept
from ..models.randomness import Request, RequestError, evaluation_mode, feeding
from .batches import Column, as_rows
from .examination import flat, watched

__all__ = [
    "Compiled",
    "Differentiation",
    "Eager",
    "Gradient",
    "Loss",
    "Model",
    "Outputs",
    "Sample",
    "Vector",
    "differentiation",
]

Model: TypeAlias = Callable[[Any], Any]
"""One example's inputs -> its outputs."""
Loss: TypeAlias = Callable[[Any, Any], Value]
"""(outputs, target) -> the loss of one example."""
Vector: TypeAlias = NDArray[np.float64]
Sample: TypeAlias = tuple[NDArray[Any], NDArray[Any], list[Request]]
"""Inputs and target of one example, as a minibatch; the random numbers that layers ask for."""
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

    @abstractmethod
    def refresh(self, trained: Iterable[Sample], measured: Iterable[Sample]) -> bool:
        """Follow model and loss, where these may compute something else than before.

        Parameters
        ----------
        trained, measured : iterable of (inputs, targets, requests)
            An example for each shape that `prepared` may meet, and that `forward` may.

        Returns
        -------
        bool
            Whether they are known to compute the same as before, of the same random numbers.
        """


@contextmanager
def _advising() -> Iterator[None]:
    """Let the error of what cannot be compiled say how to do without."""
    try:
        yield
    except TraceError as error:
        error.args = (f"{error}; or pass compiled=False, which is slow",)
        raise


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
        self._asked: list[Request] = []  # in the last trace

        def example(x: Any, target: Any) -> tuple[Value, list[Value]]:
            with attributes_kept(model, loss), observed() as uses:
                returned = model(x)
                value = call_loss(loss, returned, target)
            return value, watched(flat(as_outputs(returned)), uses)

        def trained(x: Any, target: Any, *numbers: Any) -> tuple[Value, list[Value]]:
            with _fed(numbers) as asked:
                self._asked = asked
                return example(x, target)

        def both(x: Any, target: Any) -> list[Value]:
            with evaluation_mode():
                value, outputs = example(x, target)
            return [value, *outputs]

        self._gradient = ad.compile(trained, parameters, has_aux=True)
        self._forward = ad.compile(both, parameters)

    def prepared(self, inputs: Column, targets: Column, numbers: Any) -> Gradient:
        """Return the function from parameters and a minibatch of these examples to its gradient."""
        drawn = () if numbers is None else (numbers,)
        with _advising():
            bound = self._gradient.bind(inputs, targets, *drawn)

        def gradient_of(theta: Vector, rows: slice) -> tuple[float, Vector, Outputs]:
            (loss, outputs), gradient = bound.value_and_grad(theta, rows)
            return loss, gradient, outputs

        return gradient_of

    @_advising()
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

    @_advising()
    def refresh(self, trained: Iterable[Sample], measured: Iterable[Sample]) -> bool:
        """Trace again, and forget the programs whose graph is another now."""
        kept = [self._is_kept(*sample) for sample in trained]
        kept += [self._forward.retrace(inputs, targets) for inputs, targets, _ in measured]
        return all(kept)

    def _is_kept(self, inputs: Any, targets: Any, requests: list[Request]) -> bool:
        count = sum(request.n for request in requests)
        numbers = [np.zeros((1, count))] if count else []
        self._asked = requests  # if there is nothing to trace again
        try:
            return self._gradient.retrace(inputs, targets, *numbers) and self._asked == requests
        except RequestError:
            return False


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
                    with _fed(row):
                        value, numbers_out = self._example(x, target)
                    gradient += ad.gradients(value, self._parameters)
                total += value.data
                outputs.append(numbers_out)
            return total / len(examples), gradient / len(examples), _together(outputs)

    def forward(self, theta: Vector, inputs: Column, targets: Column) -> tuple[Vector, Outputs]:
        """Return the loss of every example, and the outputs."""
        assign_data(self._parameters, theta.tolist())
        losses, outputs = [], []
        with ad.no_grad(), evaluation_mode():
            for x, target in zip(as_rows(inputs), as_rows(targets), strict=True):
                value, numbers = self._example(x, target)
                losses.append(value.data)
                outputs.append(numbers)
        return np.array(losses), _together(outputs)

    def refresh(self, trained: Iterable[Sample], measured: Iterable[Sample]) -> bool:
        """Do nothing: model and loss run each time, and nothing is known of them."""
        return False

    def _example(self, x: Any, target: Any) -> tuple[Value, Vector]:
        with attributes_kept(self._model, self._loss), observed() as uses:
            returned = self._model(x)
            value = call_loss(self._loss, returned, target)
        return value, np.array(
            [number.data for number in watched(flat(as_outputs(returned)), uses)]
        )


def differentiation(
    model: Model, loss: Loss, parameters: Sequence[Value], compiled: bool
) -> Differentiation:
    """Return the way to differentiate: by compiled programs or by the scalar engine.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron(2)
    >>> type(differentiation(neuron, half_squared_error, neuron.parameters(), False)).__name__
    'Eager'
    """
    return (Compiled if compiled else Eager)(model, loss, parameters)


def _fed(numbers: Sequence[Any]) -> AbstractContextManager[list[Request]]:
    """Where layers get their random numbers in training: from the only element, if there is one."""
    return feeding(numbers[0] if len(numbers) else [])


def _together(outputs: list[Vector]) -> Outputs:
    """Outputs of all examples as one array, where they are equally many."""
    return np.stack(outputs) if len({len(row) for row in outputs}) == 1 else outputs
