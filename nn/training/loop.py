"""The loop of training: compiled or eager, it ends with the last whole step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._assignment import assign_data
from .._interrupts import held_interrupts
from ..models.module import Module
from ..optimizers.optimizer import OUT_OF_BOUNDS, StepError
from .batches import select
from .callbacks import Callback, Record, Training
from .checkpoint import resume
from .differentiation import Differentiation, Loss, Outputs, Vector
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
    f"or look in the model and the loss for {OUT_OF_BOUNDS}"
)


class Loop:
    """The loop: what happens in a training, an epoch and a step."""

    def __init__(self, training: Training, plan: Plan, loss: Loss, way: Differentiation) -> None:
        self._loss = loss
        self._training, self._optimizer, self._way = training, training.optimizer, way
        self._task, self._held_out, self._metrics = plan.task, plan.held_out, plan.metrics
        self._tasks = [self._task] if self._held_out is None else [self._task, self._held_out]
        self._batch_size, self._shuffle = plan.batch_size, plan.shuffle
        self._trained = training.parameters[: len(self._optimizer.parameters)]
        self._objects = [c for c in training.callbacks if isinstance(c, Callback)]
        self._steppers = [c for c in self._objects if type(c).step is not Callback.step]
        self._step_shows = any(c.uses_parameters for c in self._steppers)
        self._epoch_shows = any(getattr(c, "uses_parameters", True) for c in training.callbacks)
        self._step_changes = any(map(_may_change_model, self._steppers))
        self._epoch_changes = any(map(_may_change_model, training.callbacks))
        self._start_changes = any(map(_may_change_model, self._objects))
        own = _identities(training.model) if self._epoch_changes else set()
        self._of_model = [p for p in self._trained if id(p) in own]
        self._look()
        # Parameters and memory of the last whole step: replaced at once, never changed.
        self._state: tuple[Vector, Any] | None = None
        self._block: Block | None = None
        self._prepared: Block | None = None
        self._started = self._ended = 0
        self._errors = np.geterr()

    def run(self, progress: bool | None) -> History:
        """Train; whatever comes, the last whole step is kept."""
        training = self._training
        try:
            for callback in self._objects:
                callback.start(training)
                self._started += 1
            resume(training)
            self._read(changed=self._start_changes)
            with Progress(training.epochs, training.n_steps, training.epoch, shown=progress) as bar:
                while training.epoch < training.epochs and training.history.stopped is None:
                    self._epoch(bar)
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

    def _read(self, *, changed: bool) -> None:
        """Start from the parameters as they are and, where that may be, from another graph."""
        if changed:
            self._follow()
        theta = np.array([parameter.data for parameter in self._trained])
        self._state = theta, self._optimizer.memory

    def _follow(self) -> None:
        """Go on with model and loss as they are now, after callbacks that may change them."""
        if self._refresh() and self._state is not None:
            return
        self._check_replaced()
        requests = self._task.requests
        for task in self._tasks:
            task.examine(self._training.model, self._loss)
        self._refresh()  # programs that take other random numbers may be older still
        self._look()
        self._prepared = None
        if self._block is not None and self._task.requests != requests:
            self._block = self._task.block(
                self._block.indices, self._batch_size, self._training.generator
            )

    def _look(self) -> None:
        """Keep what all steps ask of the examinations."""
        self._has_probabilities = self._task.has_probabilities
        self._outputs_are = self._task.first.outputs_are

    def _refresh(self) -> bool:
        """Trace again; say whether all is as before."""
        held_out = self._held_out.samples if self._held_out is not None else []
        return self._way.refresh(self._task.samples, held_out)

    def _check_replaced(self) -> None:
        """Refuse parameters that are the model's no more: to train them would be in vain."""
        training, own = self._training, _identities(self._training.model)
        lost = [p for p in self._of_model if id(p) not in own]
        if lost:
            names = names_of(training.model, training.parameters)
            name = names[[id(p) for p in training.parameters].index(id(lost[0]))]
            raise ValueError(
                f"a callback has replaced the parameter {name!r}, which the optimizer trains, by "
                "another Value: set its data instead; or end the training, make the optimizer anew "
                "from model.parameters(), and call fit again"
            )

    def _write(self) -> bool:
        """Make parameters and optimizer those of the last whole step; say whether Ctrl-C came."""
        if self._state is None:
            return False
        with held_interrupts() as came:
            theta, self._optimizer.memory = self._state
            assign_data(self._trained, theta.tolist())
            if self._training.step and isinstance(self._training.model, Module):
                vars(self._training.model)["_outputs_are"] = self._outputs_are
        return bool(came)

    def _end(self) -> None:
        while self._ended < self._started:
            self._ended += 1
            self._objects[self._ended - 1].end(self._training)

    def _epoch(self, bar: Progress) -> None:
        training, task = self._training, self._task
        n = len(task.inputs)
        order = training.generator.permutation(n) if self._shuffle else np.arange(n)
        total, collected = 0.0, []
        assert self._state is not None
        with np.errstate(all="ignore"):
            for block in task.blocks(order, self._batch_size, training.generator):
                self._block = block
                for rows in block.minibatches:
                    if self._steppers:
                        self._before_step()
                    if training.history.stopped is not None:
                        return
                    loss, outputs = self._step(self._block, rows)
                    total += loss * len(outputs)
                    if self._metrics:
                        collected.append(outputs)
                    bar.step(loss)
        self._block = None
        numbers = {"loss": total / n}
        if self._metrics:
            outputs, targets = np.concatenate(collected), select(task.targets, order)
            numbers |= measured(self._metrics, outputs, targets, task.first.shape)
        if self._held_out is not None:
            validation = self._held_out.evaluated(self._way, self._state[0], self._metrics)
            numbers |= {f"validation_{name}": number for name, number in validation.items()}
        self._record(numbers, bar)

    def _record(self, numbers: dict[str, float], bar: Progress) -> None:
        training = self._training
        training.history.append(numbers)
        if self._epoch_shows and self._write():
            raise KeyboardInterrupt
        bar.epoch(numbers)
        for callback in training.callbacks:
            callback(Record(numbers, training))
        if self._epoch_shows:
            self._read(changed=self._epoch_changes)

    def _before_step(self) -> None:
        if self._step_shows and self._write():
            raise KeyboardInterrupt
        with np.errstate(**self._errors):  # an epoch's own are ignored
            for callback in self._steppers:
                callback.step(self._training)
        if self._step_shows:
            self._read(changed=self._step_changes)

    def _step(self, block: Block, rows: slice) -> tuple[float, Outputs]:
        """One step; the state is replaced when all of it is there."""
        assert self._state is not None
        theta, memory = self._state
        if block is not self._prepared:
            self._gradient_of = self._way.prepared(block.inputs, block.targets, block.numbers)
            self._prepared = block
        loss, gradient, outputs = self._gradient_of(theta, rows)
        if self._has_probabilities:
            outputs = self._task.outputs_among(
                outputs, block.inputs[rows], block.targets[rows], block.indices[rows]
            )
        try:
            state = self._optimizer.moved(theta, gradient, memory)
        except StepError as error:
            found = self._infinite(theta, loss, gradient)
            raise self._divergence(found or error.found) from error
        if not math.isfinite(loss):
            raise self._divergence(self._infinite(theta, loss, gradient))
        self._state = state
        self._training.step += 1
        return loss, outputs

    def _infinite(self, theta: Vector, loss: float, gradient: Vector) -> str:
        """What is wrong with a loss or a gradient that is not finite; nothing of finite ones."""
        training = self._training
        names = names_of(training.model, training.parameters)
        data = [*theta.tolist(), *(p.data for p in training.parameters[len(theta) :])]
        unusable, wrong = _not_finite(data), _not_finite(gradient)
        if unusable:
            found = f"the parameter {names[unusable[0]]!r} is {data[unusable[0]]}"
        elif wrong:
            found = f"the gradient of {names[wrong[0]]!r} is {gradient[wrong[0]]}"
        elif math.isfinite(loss):
            return ""
        else:
            largest = int(np.argmax(np.abs(theta)))
            found = f"the largest parameter, {names[largest]!r}, is {theta[largest]:.6g}"
        return f"the loss is {loss:.6g}, {found}"

    def _divergence(self, found: str) -> DivergenceError:
        training = self._training
        return DivergenceError(training.epoch + 1, training.step % training.n_steps + 1, found)


def _may_change_model(callback: object) -> bool:
    """Whether model and loss may compute something else after it: a function may do anything."""
    return all(getattr(callback, name, True) for name in ("uses_parameters", "changes_model"))


def _identities(model: object) -> set[int]:
    """Of the parameters that a module has now."""
    return set(map(id, model.parameters())) if isinstance(model, Module) else set()


def _not_finite(numbers: ArrayLike) -> list[int]:
    return np.flatnonzero(~np.isfinite(numbers)).tolist()
