"""The loop of training: compiled or eager, it ends with the last whole step."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value

from .._assignment import assign_data
from ..optimizers.optimizer import StepError
from .batches import select
from .callbacks import Callback, Record, Training
from .differentiation import Differentiation, Outputs, Vector
from .history import History
from .measuring import measured
from .progress import Progress
from .tasks import Block, Plan
from .training_settings import names_of

__all__ = ["DivergenceError", "Loop"]


class DivergenceError(FloatingPointError):
    """Training met a loss, a gradient or a step that is infinite or NaN.

    The parameters are those of the last whole step, as is the optimizer's memory.

    Attributes
    ----------
    epoch, step : int
        Where, from 1; the step counts within the epoch.

    Examples
    --------
    >>> from nn import MLP, SGD, fit, half_squared_error
    >>> model = MLP(1, [1], rng=0)
    >>> optimizer = SGD(model.parameters(), learning_rate=1e200)
    >>> X, y = [[1.0], [2.0]], [1.0, 3.0]
    >>> try:
    ...     history = fit(model, X, y, loss=half_squared_error, optimizer=optimizer, epochs=9)
    ... except DivergenceError as error:
    ...     print(str(error).partition(",")[0], error.epoch, error.step)
    epoch 2 2 1
    """

    def __init__(self, epoch: int, step: int, found: str) -> None:
        super().__init__(f"epoch {epoch}, step {step}: {found}. {_REMEDY}")
        self.epoch, self.step, self._found = epoch, step, found

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made of what the constructor takes, not of the message."""
        return type(self), (self.epoch, self.step, self._found)


_REMEDY = (
    "The parameters are those of the last whole step. Lower the learning rate, clip the gradient, "
    "or look in the model and the loss for a log, a division or an exp out of bounds"
)


class Loop:
    """The loop: what happens in a training, an epoch and a step."""

    def __init__(
        self, training: Training, plan: Plan, new_way: Callable[[], Differentiation]
    ) -> None:
        self._training, self._optimizer, self._new_way = training, training.optimizer, new_way
        self._task, self._held_out, self._metrics = plan.task, plan.held_out, plan.metrics
        self._batch_size, self._shuffle = plan.batch_size, plan.shuffle
        self._trained = training.parameters[: len(self._optimizer.parameters)]
        self._others = self._constants_of_programs()
        self._objects = [c for c in training.callbacks if isinstance(c, Callback)]
        self._steppers = [c for c in self._objects if type(c).step is not Callback.step]
        self._step_shows = any(c.uses_parameters for c in self._steppers)
        self._epoch_shows = any(getattr(c, "uses_parameters", True) for c in training.callbacks)
        self._has_probabilities = self._task.has_probabilities
        # Parameters and memory of the last whole step: replaced at once, never changed.
        self._state: tuple[Vector, Any] | None = None
        self._constants: list[float] = []
        self._prepared_for: tuple[Any, Any] = None, None
        self._started = self._ended = 0

    def _constants_of_programs(self) -> list[Value]:
        """The leaves that are no arguments of the programs, and may be changed by callbacks."""
        tasks = [task for task in (self._task, self._held_out) if task is not None]
        roots = [shown.loss for task in tasks for shown in task.examinations.values()]
        leaves = {id(leaf): leaf for root in roots for leaf in ad.leaves(root)}
        leaves |= {id(parameter): parameter for parameter in self._training.parameters}
        for parameter in self._trained:
            del leaves[id(parameter)]
        return list(leaves.values())

    def run(self, progress: bool | None) -> History:
        """Train; whatever comes, the last whole step is kept."""
        training = self._training
        try:
            for callback in self._objects:
                callback.start(training)
                self._started += 1
            self._read()
            with Progress(
                training.epochs, training.n_steps, training.epoch, shown=progress
            ) as shown:
                while training.epoch < training.epochs and training.history.stopped is None:
                    self._epoch(shown)
            if self._write():
                raise KeyboardInterrupt
            self._end()
        except KeyboardInterrupt:
            training.history.stopped = "interrupted"
            self._write()
            self._end()
        except BaseException:
            self._write()
            raise
        return training.history

    def _read(self) -> None:
        """Start from the parameters as they are; constants of the programs may have changed."""
        theta = np.array([parameter.data for parameter in self._trained])
        constants = [parameter.data for parameter in self._others]
        if self._state is None or constants != self._constants:
            self._way, self._constants = self._new_way(), constants
        self._state = theta, self._optimizer.memory

    def _write(self) -> bool:
        """Make parameters and optimizer those of the last whole step; say whether Ctrl-C came."""
        if self._state is None:
            return False
        with _held_interrupts() as came:
            theta, self._optimizer.memory = self._state
            assign_data(self._trained, theta.tolist())
        return bool(came)

    def _end(self) -> None:
        while self._ended < self._started:
            self._ended += 1
            self._objects[self._ended - 1].end(self._training)

    def _epoch(self, shown: Progress) -> None:
        training, task = self._training, self._task
        n = len(task.inputs)
        order = training.generator.permutation(n) if self._shuffle else np.arange(n)
        total, collected = 0.0, []
        assert self._state is not None
        with np.errstate(all="ignore"):
            for block in task.blocks(order, self._batch_size, training.generator):
                for rows in block.minibatches:
                    if self._steppers:
                        self._before_step()
                    if training.history.stopped is not None:
                        return
                    loss, outputs = self._step(block, rows)
                    total += loss * len(outputs)
                    if self._metrics:
                        collected.append(outputs)
                    shown.step(loss)
        row = {"loss": total / n}
        if self._metrics:
            outputs, targets = np.concatenate(collected), select(task.targets, order)
            row |= measured(self._metrics, outputs, targets, task.shown.shape)
        if self._held_out is not None:
            found = self._held_out.evaluated(self._way, self._state[0], self._metrics)
            row |= {f"validation_{name}": number for name, number in found.items()}
        self._record(row, shown)

    def _record(self, row: dict[str, float], shown: Progress) -> None:
        training = self._training
        training.history.append(row)
        if self._epoch_shows and self._write():
            raise KeyboardInterrupt
        shown.epoch(row)
        for callback in training.callbacks:
            callback(Record(row, training))
        if self._epoch_shows:
            self._read()

    def _before_step(self) -> None:
        if self._step_shows and self._write():
            raise KeyboardInterrupt
        for callback in self._steppers:
            callback.step(self._training)
        if self._step_shows:
            self._read()

    def _step(self, block: Block, rows: slice) -> tuple[float, Outputs]:
        """One step; the state is replaced when all of it is there."""
        assert self._state is not None
        theta, memory = self._state
        if block is not self._prepared_for[0] or self._way is not self._prepared_for[1]:
            self._gradient_of = self._way.prepared(block.inputs, block.targets, block.numbers)
            self._prepared_for = block, self._way
        loss, gradient, outputs = self._gradient_of(theta, rows)
        if self._has_probabilities:
            outputs = self._task.outputs_among(
                outputs, block.inputs[rows], block.targets[rows], block.indices[rows]
            )
        try:
            state = self._optimizer.moved(theta, gradient, memory)
        except StepError as error:
            found = self._infinite(theta, loss, gradient)
            raise self._divergence(found or str(error).partition(": no parameter")[0]) from error
        if not math.isfinite(loss):
            raise self._divergence(self._infinite(theta, loss, gradient))
        self._state = state
        self._training.step += 1
        return loss, outputs

    def _infinite(self, theta: Vector, loss: float, gradient: Vector) -> str:
        """What is wrong with a loss or a gradient that is not finite; nothing of finite ones."""
        names = names_of(self._training)
        wrong = np.flatnonzero(~np.isfinite(gradient))
        if len(wrong):
            first = int(wrong[0])
            found = f"the gradient of {names[first]!r} is {gradient[first]}"
        elif math.isfinite(loss):
            return ""
        else:
            largest = int(np.argmax(np.abs(theta)))
            found = f"the largest parameter, {names[largest]!r}, is {theta[largest]:.6g}"
        return f"the loss is {loss:.6g}, {found}"

    def _divergence(self, found: str) -> DivergenceError:
        training = self._training
        return DivergenceError(training.epoch + 1, training.step % training.n_steps + 1, found)


@contextmanager
def _held_interrupts() -> Iterator[list[object]]:
    """Let Ctrl-C wait until the block is done; the list that it yields says whether one came."""
    came: list[object] = []
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield came
        return
    try:
        signal.signal(signal.SIGINT, lambda *_: came.append(True))
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
