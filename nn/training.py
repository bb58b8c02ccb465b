"""Training by minibatches: one loop, compiled or eager, that ends with the last whole step."""

from __future__ import annotations

import hashlib
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value

from ._assignment import assign_data
from ._checks import as_generator, positive_int, true_or_false
from ._fit_arguments import callback_list, check_functions, check_optimizer, explained, pair
from .batches import Column, as_examples, select
from .callbacks import Callback, Record, Training
from .checkpoint import identities
from .differentiation import Compiled, Differentiation, Eager, Loss, Model, Outputs, Vector
from .history import History
from .measuring import Metric, check_probabilities, measured, metric_functions, try_metrics
from .module import Module
from .optim import Optimizer, StepError
from .progress import Progress
from .randomness import draw
from .targets import Examination, examine, examine_all, shapes

__all__ = ["DivergenceError", "evaluate", "fit"]

Examples: TypeAlias = Sequence[Any] | NDArray[Any]
"""One entry per example: an array whose rows they are, a list, or a table."""
Indices: TypeAlias = NDArray[np.int64]
Minibatch: TypeAlias = tuple[Indices, Column, Column]
"""Which examples they are, their inputs and their targets."""
_GATHERED = 8  # minibatches at once: half the time, and little memory


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


_LOOKED_AT = 100
"""At most so many examples are looked at for what depends on a parameter."""
_REMEDY = (
    "The parameters are those of the last whole step. Lower the learning rate, clip the gradient, "
    "or look in the model and the loss for a log, a division or an exp out of bounds"
)


@explained
def fit(
    model: Model,
    X: Examples,
    y: Examples,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 32,
    validation: tuple[Examples, Examples] | None = None,
    metrics: Sequence[Metric] | None = (),
    callbacks: Sequence[Callable[[Record], object]] = (),
    shuffle: bool = True,
    rng: np.random.Generator | int | None = None,
    progress: bool | None = None,
    compiled: bool = True,
) -> History:
    """Train a model by minibatch gradient descent.

    Each epoch sees all examples once. Each step moves the parameters by the gradient of a
    minibatch's mean loss. Model and loss are compiled to a matrix program, once for each shape of
    an example (see `autograd_mini.compile`); everything that training and validation compute comes
    from such programs. The parameters' `grad` is not used.

    Ctrl-C ends the training: the parameters are those of the last whole step, and the history is
    returned, with ``history.stopped == "interrupted"``. An error, also one of a callback, leaves
    them as well as the optimizer's memory as of the last whole step, and goes on to the caller.

    Parameters
    ----------
    model : callable
        Takes one example's inputs, returns a Value or a list of Values.
    X, y : array, list or table
        Inputs and targets, one entry per example, at least one; finite numbers. Integers stay
        integers (which may pick from a table of embeddings). Examples of different shapes train
        with ``batch_size=1`` or ``compiled=False``.
    loss : callable
        Takes outputs and a target, returns the loss of that example, a Value.
    optimizer : Optimizer
        Such as ``SGD(model.parameters(), learning_rate=0.1)``. Parameters of the model that it
        does not hold stay as they are.
    epochs, batch_size : int
        At least 1 each; an epoch's last minibatch may be smaller.
    validation : (X, y), optional
        Examples to evaluate after each epoch, which are not trained on. A validation loss that is
        infinite or NaN stops nothing: it is recorded as it is.
    metrics : sequence of callable, or None
        Functions of outputs and targets, ``(N,)`` or ``(N, k)`` arrays, that return a number. By
        default the one that the loss implies: accuracy for losses of classes, mean absolute error
        for losses of numbers, none for a loss that does not say. None: none.
    callbacks : sequence of callable
        Called with a `Record` after each epoch, such as `EarlyStopping` or `Checkpoint`.
    shuffle : bool
        Whether each epoch has a new random order; otherwise it is that of the examples.
    rng : numpy.random.Generator or int, optional
        The source of the order and of what layers draw (dropout), or a seed for a new one; None is
        fresh entropy.
    progress : bool or None
        Show a progress bar on stderr; without tqdm, a line per epoch. None: a bar if stderr is a
        terminal, or in a notebook, and tqdm is installed.
    compiled : bool
        Whether to compile. The scalar engine gives the same numbers, up to rounding, some hundred
        times slower; it takes Python functions that look at the numbers.

    Returns
    -------
    History
        Loss, metrics and those of the validation examples, per epoch.

    Raises
    ------
    TypeError
        An argument of the wrong type, an unknown keyword; a target of the wrong type for the loss.
    ValueError
        A number out of range or not finite, no examples, not as many targets as inputs, a target
        that the loss refuses, an optimizer that holds none of the model's parameters, an output
        that is no probability under `binary_cross_entropy`.
    DivergenceError
        A loss, a gradient or a step that is not finite; a FloatingPointError.
    TraceError
        A model or a loss that looks at numbers, which cannot be compiled.

    Examples
    --------
    >>> from nn import MLP, SGD, half_squared_error
    >>> model = MLP(1, [1], rng=0)
    >>> optimizer = SGD(model.parameters(), learning_rate=0.2)
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> history = fit(model, X, y, loss=half_squared_error, optimizer=optimizer, epochs=200, rng=0)
    >>> list(history), history.epochs
    (['loss', 'mean_absolute_error'], 200)
    >>> [round(parameter.data, 3) for parameter in model.parameters()]
    [2.0, 1.0]
    """
    check_functions(model, loss)
    check_optimizer(optimizer, model)
    epochs, batch_size = positive_int(epochs, "epochs"), positive_int(batch_size, "batch_size")
    shuffle, compiled = true_or_false(shuffle, "shuffle"), true_or_false(compiled, "compiled")
    progress = None if progress is None else true_or_false(progress, "progress")
    called, generator = callback_list(callbacks), as_generator(rng)
    plan = _plan(model, loss, X, y, validation, metrics, batch_size, shuffle)
    _check_reached(plan.task, optimizer, model, loss)
    if compiled:
        plan.task.check_equal_shapes(batch_size)
    training = Training(
        model, optimizer, History(plan.curves), epochs=epochs, n_steps=plan.n_steps,
        generator=generator, callbacks=called, parameters=_all_parameters(model, optimizer),
        settings=lambda: _settings(training, plan),
    )  # fmt: skip
    way: type[Differentiation] = Compiled if compiled else Eager
    return _Loop(training, plan, lambda: way(model, loss, optimizer.parameters)).run(progress)


@explained
def evaluate(
    model: Model,
    X: Examples,
    y: Examples,
    *,
    loss: Loss,
    metrics: Sequence[Metric] | None = (),
    compiled: bool = True,
) -> dict[str, float]:
    """Return mean loss and metrics of some examples; no gradient is computed.

    Parameters
    ----------
    model, X, y, loss, metrics, compiled
        As of `fit`.

    Returns
    -------
    dict of str to float
        "loss", and each metric under its name.

    Raises
    ------
    TypeError, ValueError
        As `fit`.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> evaluate(neuron, [[1.0], [2.0]], [1.0, 1.0], loss=half_squared_error)
    {'loss': 2.5, 'mean_absolute_error': 2.0}
    """
    check_functions(model, loss)
    compiled = true_or_false(compiled, "compiled")
    task = _task(model, loss, X, y, "")
    functions = _metrics(metrics, task)
    parameters: list[Value] = model.parameters() if isinstance(model, Module) else []
    theta = np.array([parameter.data for parameter in parameters], dtype=np.float64)
    way: type[Differentiation] = Compiled if compiled else Eager
    return task.evaluated(way(model, loss, parameters), theta, functions)


@dataclass(frozen=True)
class _Task:
    """What shall be learned or measured: checked examples, and what one of each shape shows."""

    inputs: Column
    targets: Column
    examinations: Mapping[Any, Examination]
    prefix: str

    @property
    def shown(self) -> Examination:
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
        row = {"loss": float(np.mean(losses))}
        return row | measured(metrics, outputs, self.targets, self.shown.shape)

    def outputs_among(
        self, numbers: Outputs, inputs: Column, targets: Column, indices: Any = None
    ) -> Outputs:
        """The outputs among the numbers watched; what should be a probability is checked."""
        name = f"{self.prefix}X"
        if self.has_equal_shapes:
            shown = self.shown
            check_probabilities(numbers, shown.probabilities, name, indices)
            return numbers[:, : shown.n_outputs]
        rows = []
        for k, (x, target) in enumerate(zip(inputs, targets, strict=True)):
            shown, row = self.examinations[shapes(x, target)], numbers[k]
            index = k if indices is None else indices[k]
            check_probabilities(row[None], shown.probabilities, name, [index])
            rows.append(row[: shown.n_outputs])
        return rows

    def minibatches(self, order: Indices, size: int) -> Iterator[Minibatch]:
        """Indices, inputs and targets of each; several are gathered at once, which is quicker."""
        for first in range(0, len(order), _GATHERED * size):
            batches = order[first : first + _GATHERED * size]
            inputs, targets = select(self.inputs, batches), select(self.targets, batches)
            for start in range(0, len(batches), size):
                part = slice(start, start + size)
                yield batches[part], inputs[part], targets[part]

    def numbers(self, inputs: Column, targets: Column, generator: np.random.Generator) -> Any:
        """Random numbers of a minibatch, one row per example."""
        if self.has_equal_shapes:
            return draw(self.shown.requests, generator, len(inputs))
        keys = [shapes(x, target) for x, target in zip(inputs, targets, strict=True)]
        return [draw(self.examinations[key].requests, generator, 1)[0] for key in keys]


def _task(model: Model, loss: Loss, X: Any, y: Any, prefix: str) -> _Task:
    inputs, targets = as_examples(X, y, (f"{prefix}X", f"{prefix}y"))
    examinations = examine_all(model, loss, inputs, targets, f"{prefix}y")
    return _Task(inputs, targets, examinations, prefix)


@dataclass(frozen=True)
class _Plan:
    """What is learned and what is measured, in what minibatches."""

    task: _Task
    held_out: _Task | None
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


def _plan(
    model: Model,
    loss: Loss,
    X: Any,
    y: Any,
    validation: object,
    metrics: Sequence[Metric] | None,
    batch_size: int,
    shuffle: bool,
) -> _Plan:
    task, held_out = _task(model, loss, X, y, ""), None
    if validation is not None:
        held_out = _task(model, loss, *pair(validation), "validation ")
    return _Plan(task, held_out, _metrics(metrics, task, held_out), batch_size, shuffle)


def _metrics(
    metrics: Sequence[Metric] | None, task: _Task, held_out: _Task | None = None
) -> dict[str, Metric]:
    """The metrics by name, the same for training and validation."""
    tasks = [task] if held_out is None else [task, held_out]
    functions = metric_functions(metrics, [one for t in tasks for one in t.examinations.values()])
    for each in tasks:
        try_metrics(functions, each.shown, each.targets)
    return functions


def _check_reached(task: _Task, optimizer: Optimizer, model: Model, loss: Loss) -> None:
    """Refuse an optimizer of parameters that the loss does not depend on.

    What depends on it for some examples only, such as the rows of a table, is looked for in more
    of them before it is refused.
    """
    wanted = [optimizer.parameters]
    if isinstance(model, Module):
        own = set(map(id, model.parameters()))
        wanted.append([p for p in optimizer.parameters if id(p) not in own])
    wanted = [group for group in wanted if group]
    for found in _leaves_of_losses(task, model, loss):
        wanted = [group for group in wanted if found.isdisjoint(map(id, group))]
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


def _leaves_of_losses(task: _Task, model: Model, loss: Loss) -> Iterator[set[int]]:
    for shown in task.examinations.values():
        yield set(map(id, ad.leaves(shown.loss)))
    places = np.unique(np.linspace(0, len(task.inputs) - 1, _LOOKED_AT).astype(int))
    for i in places.tolist():
        more = examine(model, loss, task.inputs[i], task.targets[i], f"{task.prefix}y[{i}]")
        yield set(map(id, ad.leaves(more.loss)))


def _all_parameters(model: object, optimizer: Optimizer) -> list[Value]:
    """Those that are trained, then the model's others."""
    others = model.parameters() if isinstance(model, Module) else []
    trained = set(map(id, optimizer.parameters))
    return [*optimizer.parameters, *(p for p in others if id(p) not in trained)]


def _settings(training: Training, plan: _Plan) -> dict[str, Any]:
    """What must be equal for a training to go on where another one has stopped."""
    optimizer, task = training.optimizer, plan.task
    names = "\n".join(_names(training))
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


def _names(training: Training) -> list[str]:
    """Of all parameters: their paths in the model, or labels."""
    model = training.model
    named = model.named_parameters() if isinstance(model, Module) else []
    paths = {id(parameter): path for path, parameter in named}
    return [
        paths.get(id(parameter)) or parameter.label or f"parameters[{index}]"
        for index, parameter in enumerate(training.parameters)
    ]


class _Loop:
    """The loop: what happens in a training, an epoch and a step."""

    def __init__(
        self, training: Training, plan: _Plan, new_way: Callable[[], Differentiation]
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
        self._draws = any(one.requests for one in self._task.examinations.values())
        # Parameters and memory of the last whole step: replaced at once, never changed.
        self._state: tuple[Vector, Any] | None = None
        self._constants: list[float] = []
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
            for minibatch in task.minibatches(order, self._batch_size):
                if self._steppers:
                    self._before_step()
                if training.history.stopped is not None:
                    return
                loss, outputs = self._step(minibatch)
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

    def _step(self, minibatch: Minibatch) -> tuple[float, Outputs]:
        """One step; the state is replaced when all of it is there."""
        assert self._state is not None
        theta, memory = self._state
        batch, inputs, targets = minibatch
        numbers = None
        if self._draws:
            numbers = self._task.numbers(inputs, targets, self._training.generator)
        loss, gradient, outputs = self._way.gradient(theta, inputs, targets, numbers)
        if self._has_probabilities:
            outputs = self._task.outputs_among(outputs, inputs, targets, batch)
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
        names = _names(self._training)
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
