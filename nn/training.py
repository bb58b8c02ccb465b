"""Training by minibatches: the loop, its record, and how often the model is right."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from ._checks import as_generator, positive_int
from .losses import binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy
from .module import Module

__all__ = [
    "History",
    "accuracy",
    "compiled_gradient",
    "correct_class",
    "correct_probability",
    "correct_sign",
    "eager_gradient",
    "evaluate",
    "fit",
    "minibatches",
]

Model: TypeAlias = Callable[[Any], Any]
"""One example's inputs -> its outputs."""
Loss: TypeAlias = Callable[[Any, Any], Value]
"""(outputs, target) -> the loss of one example."""
Correct: TypeAlias = Callable[[Any, Any], bool]
"""(outputs, target) -> whether the example counts as right."""
Examples: TypeAlias = Sequence[Any] | NDArray[Any]
"""One entry per example: an array whose rows they are, or a sequence of anything."""
Gradient: TypeAlias = Callable[[Any, Any], tuple[float, int | None]]
"""(inputs, targets) of a minibatch -> its mean loss and how many were right, None if unknown.

Adds the gradient of the mean loss to the parameters' `grad`.
"""


class Trainable(Protocol):
    """What compiling needs of a model."""

    def __call__(self, inputs: Any, /) -> Any:
        """Return one example's outputs."""

    def parameters(self) -> list[Value]:
        """Return the leaves to train, each once."""


class Optimizer(Protocol):
    """What `fit` needs of an optimizer; `step` changes all parameters or none."""

    parameters: list[Value]

    def step(self) -> None:
        """Move the parameters along their gradients."""

    def zero_grad(self) -> None:
        """Set the gradients to 0."""


@dataclass
class History:
    """What `fit` records: one number per finished epoch.

    Attributes
    ----------
    loss, accuracy : list of float
        Mean over the epoch's examples, each as it was when its minibatch was seen, before the
        step. `accuracy` stays empty where nothing says what is right.
    validation_loss, validation_accuracy : list of float
        On the validation examples, after the epoch; empty without them.

    Examples
    --------
    >>> History().loss
    []
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)


def correct_class(outputs: Sequence[Value], target: Any) -> bool:
    """Say whether the largest output is that of the target's class.

    Parameters
    ----------
    outputs : sequence of Value
        One output per class, at least two; of equal ones the first counts.
    target : int or sequence of float
        The class, or one number per class of which the largest marks it.

    Returns
    -------
    bool
        Whether the classes agree.

    Raises
    ------
    ValueError
        Fewer than two outputs.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> correct_class([Value(0.1), Value(0.9)], 1)
    True
    >>> correct_class([Value(0.1), Value(0.9)], [1, 0])
    False
    """
    outputs = _outputs(outputs)
    if len(outputs) < 2:
        raise ValueError(
            "correct_class compares the outputs of at least two classes, got "
            f"{len(outputs)}; for a single output pass correct=correct_sign (logits, or "
            "targets -1 and 1) or correct=correct_probability"
        )
    predicted = int(np.argmax([output.data for output in outputs]))
    return predicted == int(target if np.ndim(target) == 0 else np.argmax(target))


def correct_sign(outputs: Sequence[Value] | Value, target: Any) -> bool:
    """Say whether outputs are positive just where their targets are: for logits and tanh.

    Parameters
    ----------
    outputs : sequence of Value, or Value
        Logits, or outputs around 0.
    target : sequence of float; for one output also a float
        Label 1 against 0 or -1, one per output.

    Returns
    -------
    bool
        Whether all labels agree.

    Raises
    ------
    ValueError
        Not as many targets as outputs.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> correct_sign([Value(-0.3)], 0), correct_sign([Value(-0.3)], -1)
    (True, True)
    """
    return _agree(outputs, target, threshold=0.0)


def correct_probability(outputs: Sequence[Value] | Value, target: Any) -> bool:
    """Say whether probabilities are above 1/2 just where their targets are.

    Parameters
    ----------
    outputs : sequence of Value, or Value
        Probabilities of label 1.
    target : sequence of float; for one output also a float
        Label 0 or 1, one per output.

    Returns
    -------
    bool
        Whether all labels agree.

    Raises
    ------
    ValueError
        Not as many targets as outputs.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> correct_probability([Value(0.3)], 0)
    True
    >>> correct_probability([Value(0.3), Value(0.9)], [0, 0])
    False
    """
    return _agree(outputs, target, threshold=0.5)


def _outputs(outputs: object) -> list[Value]:
    if not is_ordered(outputs):
        raise TypeError(f"outputs must be a sequence of Values, got {type(outputs).__name__}")
    return [ad.as_value(output) for output in outputs]


def _agree(outputs: Sequence[Value] | Value, target: Any, threshold: float) -> bool:
    output_list = _outputs([outputs] if isinstance(outputs, Value) else outputs)
    targets = np.atleast_1d(target).tolist()
    if len(output_list) != len(targets):
        raise ValueError(f"got {len(output_list)} outputs but {len(targets)} targets")
    pairs = zip(output_list, targets, strict=True)
    return all((output.data > threshold) == (label > threshold) for output, label in pairs)


def _usual_correct(loss: Loss) -> Correct | None:
    """Tell what is right under a loss that says what its outputs mean; else None."""
    if loss is cross_entropy:
        return correct_class
    if loss is binary_cross_entropy:
        return correct_probability
    if loss is binary_cross_entropy_with_logits:
        return correct_sign
    return None


def accuracy(model: Model, X: Examples, y: Examples, *, correct: Correct = correct_class) -> float:
    """Return the share of examples that the model gets right.

    Parameters
    ----------
    model : callable
        Takes one example's inputs, returns outputs.
    X, y : array or sequence
        Inputs and targets, one entry per example, at least one.
    correct : callable
        Says of (outputs, target) whether it is right: `correct_class`, `correct_sign`,
        `correct_probability` or your own.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        No examples, or not as many targets as inputs.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron.from_weights([1.0], activation="identity")
    >>> accuracy(neuron, [[-2.0], [1.0], [3.0]], [0, 1, 0], correct=correct_sign)
    0.6666666666666666
    """
    X, y = _examples(X, y)
    pairs = zip(_rows(X), _rows(y), strict=True)
    return sum(correct(model(x), target) for x, target in pairs) / len(X)


def evaluate(
    model: Model, X: Examples, y: Examples, *, loss: Loss, correct: Correct | None = None
) -> tuple[float, float | None]:
    """Return mean loss and accuracy; no gradient is computed.

    Parameters
    ----------
    model : callable
        Takes one example's inputs, returns outputs.
    X, y : array or sequence
        Inputs and targets, one entry per example, at least one.
    loss : callable
        Takes outputs and a target, returns the loss of that example.
    correct : callable, optional
        As in `fit`.

    Returns
    -------
    float, float or None
        The accuracy is None where nothing says what is right.

    Raises
    ------
    ValueError
        No examples, or not as many targets as inputs.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> evaluate(neuron, [[1.0], [2.0]], [0.0, 0.0], loss=half_squared_error)
    (5.0, None)
    """
    X, y = _examples(X, y)
    correct = correct or _usual_correct(loss)
    total, n_correct = 0.0, 0
    for x, target in zip(_rows(X), _rows(y), strict=True):
        outputs = model(x)
        total += loss(outputs, target).data
        n_correct += correct is not None and correct(outputs, target)
    return total / len(X), n_correct / len(X) if correct else None


def minibatches(
    n_examples: int, batch_size: int, *, rng: np.random.Generator | int
) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of one epoch's minibatches: all examples once, in random order.

    Parameters
    ----------
    n_examples, batch_size : int
        At least 1 each. The last minibatch may be smaller.
    rng : numpy.random.Generator or int
        The source of the order, or a seed for a new one.

    Yields
    ------
    numpy.ndarray
        Indices of one minibatch.

    Raises
    ------
    TypeError
        A number that is no int, an `rng` that is neither a Generator nor an int.
    ValueError
        A number below 1, a negative seed.

    Examples
    --------
    >>> batches = list(minibatches(5, 2, rng=0))
    >>> [len(batch) for batch in batches]
    [2, 2, 1]
    >>> sorted(int(i) for batch in batches for i in batch)
    [0, 1, 2, 3, 4]
    """
    n_examples = positive_int(n_examples, "n_examples")
    batch_size = positive_int(batch_size, "batch_size")
    order = as_generator(rng).permutation(n_examples)
    return (order[start : start + batch_size] for start in range(0, n_examples, batch_size))


def eager_gradient(model: Model, loss: Loss, *, correct: Correct | None = None) -> Gradient:
    """Return the function by which `fit` differentiates a minibatch with the scalar engine.

    It goes example by example, seeding each loss with 1 / batch size: the gradient of the mean,
    with one example's graph in memory at a time.

    Parameters
    ----------
    model : callable
        Takes one example's inputs, returns outputs.
    loss : callable
        Takes outputs and a target, returns the loss of that example.
    correct : callable, optional
        As in `fit`.

    Returns
    -------
    callable
        ``(inputs, targets) -> (mean loss, number correct or None)``; adds the gradient of the mean
        loss to the parameters' `grad`.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> gradient = eager_gradient(neuron, half_squared_error)
    >>> gradient([[1.0], [2.0]], [0.0, 0.0])
    (5.0, None)
    >>> neuron.weights[0].grad
    5.0
    """
    decide = correct or _usual_correct(loss)

    def gradient(inputs: Examples, targets: Examples) -> tuple[float, int | None]:
        total, n_correct = 0.0, 0
        for x, target in zip(_rows(inputs), _rows(targets), strict=True):
            outputs = model(x)
            value = loss(outputs, target)
            if not isinstance(value, Value):
                raise TypeError(f"the loss must return a Value, got {type(value).__name__}")
            value.backward(1.0 / len(inputs))
            total += value.data
            n_correct += decide is not None and decide(outputs, target)
        return total / len(inputs), n_correct if decide else None

    return gradient


def compiled_gradient(model: Trainable, loss: Loss, *, correct: Correct | None = None) -> Gradient:
    """Return a function by which `fit` differentiates a minibatch at matrix speed.

    Model and loss are compiled (see `autograd_mini.compile`) when the first minibatch comes. What
    a loss checks of a plain target, it does not check of a compiled one.

    Parameters
    ----------
    model : Module
        Takes one example's inputs, returns outputs; has `parameters`.
    loss : callable
        Takes outputs and a target, returns the loss of that example.
    correct : callable, optional
        As in `fit`.

    Returns
    -------
    callable
        With the contract of `eager_gradient`.

    Examples
    --------
    >>> from nn import Neuron, half_squared_error
    >>> neuron = Neuron.from_weights([2.0], activation="identity")
    >>> gradient = compiled_gradient(neuron, half_squared_error)
    >>> gradient([[1.0], [2.0]], [0.0, 0.0])
    (5.0, None)
    >>> neuron.weights[0].grad
    5.0
    """
    decide = correct or _usual_correct(loss)
    parameters = model.parameters()
    outputs_of = ad.compile(model, parameters)
    loss_of = ad.compile(lambda x, target: loss(model(x), target), parameters)

    def gradient(inputs: Examples, targets: Examples) -> tuple[float, int | None]:
        theta = np.array([parameter.data for parameter in parameters])
        value, derivatives = loss_of.value_and_grad(theta, inputs, targets)
        for parameter, derivative in zip(parameters, derivatives.tolist(), strict=True):
            parameter.grad += derivative
        if decide is None:
            return value, None
        rows = outputs_of(theta, inputs).tolist()
        n_correct = sum(
            decide(_as_values(row), target)
            for row, target in zip(rows, _rows(targets), strict=True)
        )
        return value, n_correct

    return gradient


def _as_values(row: float | list[float]) -> Any:
    """One output as a Value, several as a list of them, as the model returns them."""
    return [ad.as_value(x) for x in row] if isinstance(row, list) else ad.as_value(row)


def fit(
    model: Model,
    X: Examples,
    y: Examples,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator | int,
    progress: bool = False,
    validation: tuple[Examples, Examples] | None = None,
    gradient: Gradient | None = None,
    correct: Correct | None = None,
    history: History | None = None,
) -> History:
    """Train a model by minibatch gradient descent.

    Each epoch sees all examples once, in a new random order. Each step sets the gradients to 0,
    computes that of the minibatch's mean loss, and lets the optimizer move the parameters. When
    training is interrupted, by Ctrl-C or by an exception, the parameters are those of the last
    whole step, the gradients are 0, and the interruption goes on to the caller.

    Parameters
    ----------
    model : callable
        Takes one example's inputs, returns outputs.
    X, y : array or sequence
        Inputs and targets, one entry per example, at least one.
    loss : callable
        Takes outputs and a target, returns the loss of that example.
    optimizer : Optimizer
        Such as ``SGD(model.parameters(), learning_rate=0.1)``.
    epochs, batch_size : int
        At least 1 each; an epoch's last minibatch may be smaller.
    rng : numpy.random.Generator or int
        The source of the examples' order, or a seed for a new one.
    progress : bool
        Show a progress bar with loss and accuracy on stderr; without tqdm, one line per epoch.
    validation : (X, y), optional
        Examples to evaluate after each epoch, which are not trained on.
    gradient : callable, optional
        Another way to differentiate a minibatch, with the contract of `eager_gradient`, such as
        a compiled program.
    correct : callable, optional
        Says of (outputs, target) whether it is right. By default `correct_class` for the loss
        `cross_entropy`, `correct_probability` for `binary_cross_entropy`, `correct_sign` for
        `binary_cross_entropy_with_logits`; for any other loss no accuracy is recorded.
    history : History, optional
        The record to go on with, which then also survives an interruption; a new one by default.

    Returns
    -------
    History
        Loss and accuracy per epoch.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A number out of range, no examples, not as many targets as inputs, an optimizer that holds
        none of the model's parameters, a gradient that is not finite.

    Examples
    --------
    >>> from nn import MLP, SGD, half_squared_error
    >>> model = MLP(1, [1], rng=0)
    >>> history = fit(
    ...     model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], loss=half_squared_error,
    ...     optimizer=SGD(model.parameters(), learning_rate=0.2), epochs=200, batch_size=3, rng=0,
    ... )
    >>> len(history.loss), [round(parameter.data, 3) for parameter in model.parameters()]
    (200, [2.0, 1.0])
    """
    X, y = _examples(X, y)
    epochs, batch_size = positive_int(epochs, "epochs"), positive_int(batch_size, "batch_size")
    generator = as_generator(rng)
    held_out = _examples(*_pair(validation)) if validation is not None else None
    _check_callables(model=model, loss=loss, gradient=gradient, correct=correct)
    _check_trains(optimizer, model)
    gradient = gradient or eager_gradient(model, loss, correct=correct)
    record = History() if history is None else history

    n_steps = -(-len(X) // batch_size)
    with _Progress(epochs, n_steps, shown=progress) as shown:
        for _ in range(epochs):
            running = _Running()
            for batch in minibatches(len(X), batch_size, rng=generator):
                running.add(len(batch), *_step(gradient, optimizer, X, y, batch))
                shown.step(running.metrics())
            metrics = running.metrics()
            if held_out is not None:
                metrics += _validation_metrics(model, held_out, loss, correct)
            for name, number in metrics:
                getattr(record, name).append(number)
            shown.epoch(metrics)
    return record


Metrics: TypeAlias = tuple[tuple[str, float], ...]


def _step(
    gradient: Gradient, optimizer: Optimizer, X: Examples, y: Examples, batch: NDArray[np.int64]
) -> tuple[float, int | None]:
    """One step of training; interrupted, it leaves no half-made gradient behind.

    The collector may run between steps, when no graph is there for it to walk.
    """
    optimizer.zero_grad()
    try:
        with ad.paused_collector():
            result = gradient(_select(X, batch), _select(y, batch))
        optimizer.step()
    except BaseException:
        optimizer.zero_grad()
        raise
    return result


def _validation_metrics(
    model: Model, held_out: tuple[Examples, Examples], loss: Loss, correct: Correct | None
) -> Metrics:
    mean, share = evaluate(model, *held_out, loss=loss, correct=correct)
    metrics: Metrics = (("validation_loss", mean),)
    return metrics if share is None else (*metrics, ("validation_accuracy", share))


@dataclass
class _Running:
    """Sums over the minibatches of an epoch, of which the last may be smaller."""

    n_examples: int = 0
    loss: float = 0.0
    n_correct: int | None = 0

    def add(self, n_examples: int, mean_loss: float, n_correct: int | None) -> None:
        self.n_examples += n_examples
        self.loss += mean_loss * n_examples
        if self.n_correct is None or n_correct is None:
            self.n_correct = None
        else:
            self.n_correct += n_correct

    def metrics(self) -> Metrics:
        metrics: Metrics = (("loss", self.loss / self.n_examples),)
        if self.n_correct is None:
            return metrics
        return (*metrics, ("accuracy", self.n_correct / self.n_examples))


class _Progress:
    """A tqdm bar over all steps; lines on stderr where tqdm is missing; nothing unless asked."""

    def __init__(self, epochs: int, n_steps: int, *, shown: bool) -> None:
        self._epochs, self._done, self._bar, self._shown = epochs, 0, None, shown
        if shown:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=epochs * n_steps, unit="step", dynamic_ncols=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, metrics: Metrics) -> None:
        if self._bar is not None:
            self._bar.set_description(f"epoch {self._done + 1}/{self._epochs}", refresh=False)
            self._bar.set_postfix_str(_text(metrics), refresh=False)
            self._bar.update()

    def epoch(self, metrics: Metrics) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(_text(metrics))
        elif self._shown:
            print(f"epoch {self._done}/{self._epochs}: {_text(metrics)}", file=sys.stderr)


def _text(metrics: Metrics) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number:.4g}" for name, number in metrics)


def _examples(X: Any, y: Any) -> tuple[Examples, Examples]:
    """Check that inputs and targets belong together; tables (as of pandas) become arrays."""
    tables = [np.asarray(data) if hasattr(data, "__array__") else data for data in (X, y)]
    for name, data in zip("Xy", tables, strict=True):
        text = isinstance(data, (str, bytes, bytearray))
        if text or not isinstance(data, (Sequence, np.ndarray)):
            raise TypeError(f"{name} must be an array or a sequence, got {type(data).__name__}")
        if isinstance(data, np.ndarray) and data.ndim == 0:
            raise TypeError(f"{name} must hold one entry per example, got a single number")
    if len(tables[0]) != len(tables[1]):
        raise ValueError(f"X holds {len(tables[0])} examples but y {len(tables[1])} targets")
    if len(tables[0]) == 0:
        raise ValueError("X and y are empty: at least one example is needed")
    return tables[0], tables[1]


def _rows(data: Examples) -> Sequence[Any]:
    """Entries as plain numbers and lists of them, which the engine takes fastest."""
    return data.tolist() if isinstance(data, np.ndarray) else data


def _select(data: Examples, batch: NDArray[np.int64]) -> Examples:
    return data[batch] if isinstance(data, np.ndarray) else [data[i] for i in batch]


def _pair(validation: Any) -> tuple[Any, Any]:
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(f"validation must be a pair (X, y), got {type(validation).__name__}")
    return validation[0], validation[1]


def _check_callables(**arguments: object) -> None:
    for name, argument in arguments.items():
        optional = name in ("gradient", "correct") and argument is None
        if not (callable(argument) or optional):
            raise TypeError(f"{name} must be callable, got {type(argument).__name__}")


def _check_trains(optimizer: Any, model: object) -> None:
    """Refuse an optimizer made for another model, which would train nothing in silence."""
    if not all(hasattr(optimizer, name) for name in ("parameters", "step", "zero_grad")):
        raise TypeError(
            "optimizer must have parameters, step() and zero_grad(), such as "
            f"SGD(model.parameters(), learning_rate=0.1); got {type(optimizer).__name__}"
        )
    if isinstance(model, Module):
        own = {id(parameter) for parameter in model.parameters()}
        if own.isdisjoint(id(parameter) for parameter in optimizer.parameters):
            raise ValueError("the optimizer holds none of the model's parameters")
