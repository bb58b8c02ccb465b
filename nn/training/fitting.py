"""Training by minibatches: what is given is checked, compiled, and handed to the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value

from .._checks import as_generator, positive_int, true_or_false
from ..models.module import Module
from ..optimizers.optimizer import Optimizer
from .callbacks import Record, Training
from .differentiation import Loss, Model, differentiation
from .earlier_nodes import check_made_in_calls
from .fit_arguments import callback_list, check_functions, check_optimizer, explained
from .history import History
from .loop import Loop
from .measuring import Metric
from .tasks import check_reached, metrics_of, plan_of, task_of
from .training_settings import check_finite, settings_of

__all__ = ["evaluate", "fit"]

Examples: TypeAlias = Sequence[Any] | NDArray[Any]
"""One entry per example: an array whose rows they are, a list, or a table."""


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
    from such programs. The parameters' `grad` is not used. Attributes that the model sets when it
    is called are afterwards as before: each example starts from the same state.

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
        Called with a `Record` after each epoch, such as `EarlyStopping` or `Checkpoint`. One of
        your own may change the parameters' data, and what model and loss compute: these are traced
        again after each epoch, and compiled anew where need be (see `Callback`).
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
        that the loss refuses, an optimizer that holds none of the model's parameters, a parameter
        that is not finite, or that a callback replaces by another Value, an output that is no
        probability under `binary_cross_entropy`; what was computed before the model was called from
        parameters that are trained, and would not follow them, or of others that have moved since.
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
    listed, generator = callback_list(callbacks), as_generator(rng)
    parameters = _all_parameters(model, optimizer)
    check_finite(model, parameters)
    plan = plan_of(model, loss, X, y, validation, metrics, batch_size, shuffle)
    check_reached(plan.task, optimizer, model, loss)
    check_made_in_calls(plan.task, model, loss, optimizer.parameters)
    if compiled:
        plan.task.check_equal_shapes(batch_size)
    training = Training(
        model, optimizer, History(plan.curves), epochs=epochs, n_steps=plan.n_steps,
        generator=generator, callbacks=listed, parameters=parameters,
        settings=lambda: settings_of(training, plan),
    )  # fmt: skip
    way = differentiation(model, loss, optimizer.parameters, compiled)
    return Loop(training, plan, loss, way).run(progress)


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
    task = task_of(model, loss, X, y, "")
    functions = metrics_of(metrics, task)
    parameters: list[Value] = model.parameters() if isinstance(model, Module) else []
    check_made_in_calls(task, model, loss, ())
    theta = np.array([parameter.data for parameter in parameters], dtype=np.float64)
    way = differentiation(model, loss, parameters, compiled)
    return task.evaluated(way, theta, functions)


def _all_parameters(model: object, optimizer: Optimizer) -> list[Value]:
    """Those that are trained, then the model's others."""
    others = model.parameters() if isinstance(model, Module) else []
    trained = set(map(id, optimizer.parameters))
    return [*optimizer.parameters, *(p for p in others if id(p) not in trained)]
