"""Callbacks: what looks at a training after every epoch, and may change or stop it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from autograd_mini import Value

from .._calls import KeywordsChecked, did_you_mean
from .._checks import int_at_least, not_negative, positive_int, real_number, true_or_false
from .._other_libraries import CALLBACK_ARGUMENTS, CALLBACK_HINTS, CURVES
from ..models.parameters import float_vector, parameters_to_vector, vector_to_parameters
from ..optimizers.optimizer import Optimizer
from .history import History

__all__ = ["Callback", "EarlyStopping", "LearningRateSchedule", "Record", "Training"]


class Training:
    """A training in progress, as callbacks see it.

    Attributes
    ----------
    model : callable
        The model. Its parameters are up to date whenever a callback is called that uses them.
    optimizer : Optimizer
        The optimizer; a callback may set its learning rate.
    history : History
        What was recorded so far.
    epochs : int
        How many epochs there shall be.
    n_steps : int
        How many steps an epoch has.
    step : int
        How many whole steps were made.
    generator : numpy.random.Generator
        The source of the examples' order and of the layers' random numbers.
    callbacks : list
        All callbacks, in the order in which they are called.
    parameters : list of Value
        Those that are trained, in the optimizer's order, then the model's others.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        history: History,
        *,
        epochs: int,
        n_steps: int,
        generator: np.random.Generator,
        callbacks: Sequence[Callable[[Record], object]],
        parameters: Sequence[Value],
        settings: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.model, self.optimizer, self.history = model, optimizer, history
        self.epochs, self.n_steps, self.step = epochs, n_steps, 0
        self.generator, self.callbacks = generator, list(callbacks)
        self.parameters, self._settings = list(parameters), settings

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What this training is: of two with equal settings, one may go on for the other."""
        return dict(self._settings())

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return self.history.epochs

    def stop(self, reason: str = "a callback stopped it") -> None:
        """End the training, after this epoch or before the next step.

        Parameters
        ----------
        reason : str
            What ``history.stopped`` shall be; the first reason stands.
        """
        if not isinstance(reason, str) or not reason:
            raise TypeError(f"a reason to stop is a text, got {reason!r}")
        self.history.stopped = self.history.stopped or reason


class Record(Mapping[str, float]):
    """What a callback is given after an epoch: the numbers of that epoch by name, and the training.

    Parameters
    ----------
    row : mapping of str to float
        What was recorded, such as ``record["validation_loss"]``.
    training : Training
        The training.
    """

    def __init__(self, row: Mapping[str, float], training: Training) -> None:
        self._row, self._training = dict(row), training
        self._epoch = training.epoch

    def __getitem__(self, name: str) -> float:
        return self._row[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    @property
    def metrics(self) -> dict[str, float]:
        """All numbers of this epoch by name, the losses too."""
        return dict(self._row)

    @property
    def epoch(self) -> int:
        """Number of this epoch, from 1."""
        return self._epoch

    @property
    def epochs(self) -> int:
        """How many epochs there shall be."""
        return self._training.epochs

    @property
    def model(self) -> Any:
        """The model, with its parameters as they are after this epoch."""
        return self._training.model

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer."""
        return self._training.optimizer

    @property
    def history(self) -> History:
        """All epochs, this one included."""
        return self._training.history

    def stop(self, reason: str = "a callback stopped it") -> None:
        """End the training after this epoch.

        Parameters
        ----------
        reason : str
            What ``history.stopped`` shall be.
        """
        self._training.stop(reason)

    def __repr__(self) -> str:
        return f"Record(epoch {self.epoch}/{self.epochs}, {self._row})"


class Callback:
    """A callback that also looks at start, steps and end, or remembers something.

    Every method may be left as it is. For a callback that only looks at epochs any function of a
    `Record` does.

    Attributes
    ----------
    uses_parameters : bool
        Whether it looks at the model's parameters, or changes them, or the optimizer's memory; True
        unless a class says otherwise, which counts for that class alone. Where all callbacks say
        that they do not, training need not write the parameters into the model for them, after each
        epoch or before each step.
    changes_model : bool
        Whether it may change what model and loss compute: other numbers, layers or options than
        those that they were compiled with. True as above; then model and loss are traced again
        after each epoch, and after each `step` if it has one, and compiled anew if their graph is
        another. One that is False, or whose `uses_parameters` is, saves that; it may still set the
        trained parameters' data and the learning rate. A function may have the attribute, too.

    Examples
    --------
    >>> class Watch(Callback):
    ...     def start(self, training):
    ...         self.steps = 0
    ...     def step(self, training):
    ...         self.steps += 1
    >>> from nn import MLP, SGD, fit, half_squared_error
    >>> model, watch = MLP(1, [1], rng=0), Watch()
    >>> history = fit(
    ...     model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], loss=half_squared_error, epochs=4,
    ...     optimizer=SGD(model.parameters(), 0.2), batch_size=2, callbacks=[watch],
    ... )
    >>> watch.steps
    8
    """

    uses_parameters: ClassVar[bool] = True
    changes_model: ClassVar[bool] = True
    _is_remembered: ClassVar[bool] = True  # a part of what checkpoints hold

    def __init_subclass__(cls, **keywords: Any) -> None:
        """A subclass may do more than its parent, which did without parameters."""
        super().__init_subclass__(**keywords)
        for name in ("uses_parameters", "changes_model"):
            if name not in vars(cls):
                setattr(cls, name, True)

    def start(self, training: Training) -> None:
        """Before the first step: forget what was before."""

    def step(self, training: Training) -> None:
        """Before each step; ``training.step`` have been made."""

    def __call__(self, record: Record) -> None:
        """After each epoch."""

    def end(self, training: Training) -> None:
        """After the last epoch, or when training was stopped or interrupted; not after an error."""

    def state_dict(self) -> dict[str, Any]:
        """Return what must be remembered to go on later: numbers, text, None and arrays by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; called after `start`."""

    def identity(self) -> str:
        """Return by what a checkpoint knows it again; two that are alike go on in their order."""
        return type(self).__name__


class KnownCallback(KeywordsChecked, Callback):
    """A callback of this package: it says of an unknown keyword what to write."""

    _ALIASES = CALLBACK_ARGUMENTS
    _HINTS = CALLBACK_HINTS


class EarlyStopping(KnownCallback):
    """Stop when a curve has not improved for some epochs, and go back to the best parameters.

    Parameters
    ----------
    patience : int
        For how many epochs in a row there may be no improvement, at least 1.
    restore_best : bool
        Whether the trained parameters are those of the best epoch in the end, also where all
        epochs were made. After Ctrl-C they are those of the last whole step.
    monitor : str, optional
        The curve; by default "validation_loss" or, without validation, "loss".
    min_delta : float
        By how much a number must be better to count, at least 0.
    mode : "min" or "max", optional
        Whether small or large numbers are good. Losses and errors are known to be good when small,
        accuracies and r_squared when large.

    Attributes
    ----------
    best : float or None
        The best number.
    best_epoch : int
        Its epoch, from 1.

    Raises
    ------
    TypeError, ValueError
        A number of the wrong type or out of range; when training starts, a curve that is not
        recorded.

    Examples
    --------
    >>> from nn import MLP, SGD, fit, half_squared_error
    >>> model = MLP(1, [1], rng=0)
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> history = fit(
    ...     model, X, y, loss=half_squared_error, optimizer=SGD(model.parameters(), 0.2),
    ...     epochs=10_000, validation=(X, y), callbacks=[EarlyStopping(patience=5, min_delta=1e-9)],
    ... )
    >>> history.stopped
    'validation_loss has not improved for 5 epochs'
    """

    changes_model = False

    def __init__(
        self,
        patience: int,
        *,
        restore_best: bool = True,
        monitor: str | None = None,
        min_delta: float = 0.0,
        mode: str | None = None,
    ) -> None:
        self.patience = positive_int(patience, "patience")
        self.restore_best = true_or_false(restore_best, "restore_best")
        if not isinstance(monitor, str | None):
            raise TypeError(f'monitor must be the name of a curve, as "loss", got {monitor!r}')
        self.monitor = monitor
        self.min_delta = not_negative(min_delta, "min_delta")
        if mode not in (None, "min", "max"):
            raise ValueError(f'mode must be "min", "max" or None, got {mode!r}')
        self.mode = mode
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self._parameters: Any = None
        self._waited = 0

    def start(self, training: Training) -> None:
        """Forget another training; find the curve."""
        self._forget()
        self._n_parameters = len(training.optimizer.parameters)
        curves = list(training.history)
        if self.monitor is None:
            self._curve = "validation_loss" if "validation_loss" in curves else "loss"
        elif self.monitor in curves:
            self._curve = self.monitor
        else:
            validation = self.monitor.startswith("val") and "validation_loss" not in curves
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, which is not recorded"
                + ("; pass validation=(X, y)" if validation else "")
                + did_you_mean(self.monitor, curves, CURVES)
            )
        self._sign = _sign(self._curve, self.mode)

    def __call__(self, record: Record) -> None:
        """Compare, and stop when patience is out."""
        number = record[self._curve]
        if self._is_better(number):
            self.best, self.best_epoch, self._waited = number, record.epoch, 0
            if self.restore_best:
                self._parameters = parameters_to_vector(record.optimizer.parameters)
        else:
            self._waited += 1
        if self._waited >= self.patience:
            epochs = f"{self.patience} epoch{'s' if self.patience > 1 else ''}"
            record.stop(f"{self._curve} has not improved for {epochs}")

    def identity(self) -> str:
        """Return the class and the curve."""
        return f"{super().identity()}({self.monitor or ''})"

    def _is_better(self, number: float) -> bool:
        if math.isnan(number):
            return False
        return self.best is None or self._sign * (number - self.best) > self.min_delta

    def end(self, training: Training) -> None:
        """Go back to the best parameters."""
        if self._parameters is not None and training.history.stopped != "interrupted":
            vector_to_parameters(self._parameters, training.optimizer.parameters)

    def state_dict(self) -> dict[str, Any]:
        """Return the best epoch and what came after it."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "waited": self._waited,
            "parameters": self._parameters,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        best, parameters = state["best"], state["parameters"]
        best_epoch, waited = (
            int_at_least(0, state[name], name) for name in ("best_epoch", "waited")
        )
        best = None if best is None else real_number(best, "best")
        if parameters is not None:
            parameters = float_vector(parameters, self._n_parameters, "parameters")
        self.best, self.best_epoch, self._waited = best, best_epoch, waited
        self._parameters = parameters


def _sign(curve: str, mode: str | None) -> float:
    """1 where large numbers are good, -1 where small ones are."""
    if mode is None:
        if curve.endswith(("loss", "error")):
            mode = "min"
        elif curve.endswith(("accuracy", "r_squared")):
            mode = "max"
        else:
            raise ValueError(
                f"EarlyStopping cannot tell whether small or large numbers of {curve!r} are good: "
                'write mode="min" or mode="max"'
            )
    return 1.0 if mode == "max" else -1.0


class LearningRateSchedule(KnownCallback):
    """Set the optimizer's learning rate before every epoch or every step.

    Parameters
    ----------
    schedule : callable
        From a count, of finished epochs or of steps made, to a learning rate: a schedule of this
        package, or any function such as ``lambda epoch: 0.1 * 0.9**epoch``.
    every : "epoch" or "step"
        What is counted.

    Raises
    ------
    TypeError
        A schedule that is no function.
    ValueError
        Another word than these two.

    Examples
    --------
    >>> from nn import MLP, SGD, fit, half_squared_error
    >>> model = MLP(1, [1], rng=0)
    >>> optimizer = SGD(model.parameters(), learning_rate=1.0)
    >>> history = fit(
    ...     model, [[0.0], [1.0]], [1.0, 3.0], loss=half_squared_error, optimizer=optimizer,
    ...     epochs=3, callbacks=[LearningRateSchedule(lambda epoch: 0.5**epoch)],
    ... )
    >>> optimizer.learning_rate
    0.25
    """

    uses_parameters = changes_model = False

    def __init__(self, schedule: Callable[[int], float], every: str = "epoch") -> None:
        if not callable(schedule):
            raise TypeError(
                "schedule must be a function from a count to a learning rate, such as "
                f"lambda epoch: 0.1 * 0.9**epoch, got {schedule!r:.40}"
            )
        if every not in ("epoch", "step"):
            raise ValueError(f'every must be "epoch" or "step", got {every!r}')
        self.schedule, self.every = schedule, every

    def identity(self) -> str:
        """Return the class and what is counted."""
        return f"{super().identity()}({self.every})"

    def step(self, training: Training) -> None:
        """Set the rate when its count has changed."""
        if self.every == "step":
            training.optimizer.learning_rate = self.schedule(training.step)
        elif training.step % training.n_steps == 0:
            training.optimizer.learning_rate = self.schedule(training.epoch)
