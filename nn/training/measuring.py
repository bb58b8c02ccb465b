"""Metrics of an epoch: which there are, and their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd_mini import is_ordered

from ..losses.classification import no_probability
from ..losses.metrics import accuracy, r_squared
from ..losses.regression import mean_absolute_error, mean_squared_error
from .batches import Column
from .examination import Examination, flat
from .history import History

__all__ = ["Metric", "check_probabilities", "measured", "metric_functions", "try_metrics"]

Metric: TypeAlias = Callable[[Any, Any], float]
"""(outputs, targets) of many examples, as arrays -> a number."""

_IMPLIED: dict[str | None, dict[str, Metric]] = {
    "class logits": {"accuracy": accuracy},
    "logits": {"accuracy": partial(accuracy, threshold=0.0)},
    "margins": {"accuracy": partial(accuracy, threshold=0.0)},
    "probabilities": {"accuracy": partial(accuracy, threshold=0.5)},
    "numbers": {"mean_absolute_error": mean_absolute_error},
}
"""By what the outputs are to the loss."""
_KNOWN = (accuracy, mean_absolute_error, mean_squared_error, r_squared)


def metric_functions(metrics: object, examinations: Sequence[Examination]) -> dict[str, Metric]:
    """Return the metrics by name: those given or, for none given, the one that the loss implies.

    A loss that makes other outputs or another target of what it is given implies none, and so do
    outputs that are not equally many for all examples.
    """
    shown = examinations[0]
    equally_many = len({one.n_outputs for one in examinations}) == 1
    implied = _IMPLIED.get(shown.outputs_are, {}) if shown.target_is_handed_on else {}
    if metrics is None:
        return {}
    if not is_ordered(metrics):
        raise TypeError(
            f"metrics must be a list of functions, got {metrics!r:.40} ({type(metrics).__name__}): "
            "write metrics=[nn.accuracy]"
        )
    functions: dict[str, Metric] = {}
    for metric in metrics:
        if isinstance(metric, type) or not callable(metric):
            raise TypeError(
                "a metric must be a function of outputs and targets, such as nn.accuracy, got "
                f"{metric!r:.40} ({type(metric).__name__})"
            )
        name = _name(metric)
        if name in functions or name == "loss":
            raise ValueError(f"there is another curve {name!r}: give the metric another __name__")
        if hasattr(History, name) or name == "stopped":
            raise ValueError(
                f"history.{name} is something else than a curve: give the metric another __name__"
            )
        if name.startswith("validation_"):
            raise ValueError(
                f"{name!r} is what the curve of validation examples would be called: give the "
                "metric another __name__"
            )
        functions[name] = implied.get(name, metric) if metric is accuracy else metric
    if equally_many:
        return functions or dict(implied)
    if functions:
        raise ValueError(
            "metrics take arrays, but the model returns different numbers of outputs for examples "
            "of different shapes: pass metrics=None"
        )
    return {}


def _unwrapped(metric: Any) -> Any:
    while isinstance(metric, partial):
        metric = metric.func
    return metric


def _name(metric: Any) -> str:
    metric = _unwrapped(metric)
    return str(getattr(metric, "__name__", type(metric).__name__))


def measured(
    metrics: Mapping[str, Metric], outputs: Any, targets: Column, shape: tuple[int, ...]
) -> dict[str, float]:
    """Return each metric's number.

    Parameters
    ----------
    metrics : mapping of str to callable
        The metrics by name.
    outputs : array
        Shape (N, k), the outputs of each example in a row.
    targets : array or list
        One entry per example.
    shape : tuple of int
        Of what the model returns for one example.
    """
    if not metrics:
        return {}
    outputs = _read_only(np.asarray(outputs).reshape(len(outputs), *shape))
    if isinstance(targets, np.ndarray) and outputs.size == targets.size:
        outputs = outputs.reshape(targets.shape)  # (N, 1) against (N,) would be a table of pairs
    if isinstance(targets, np.ndarray):
        targets = _read_only(targets)
    else:
        targets = [_read_only(target) for target in targets]
    return {name: _number(metric(outputs, targets), name) for name, metric in metrics.items()}


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view: what a metric writes must not change the user's own examples."""
    view = array.view()
    view.flags.writeable = False
    return view


def _number(result: Any, name: str) -> float:
    number = result.item() if isinstance(result, np.ndarray) and result.ndim == 0 else result
    if not isinstance(number, (Real, np.bool_)):
        raise TypeError(f"the metric {name} must return a number, got {type(result).__name__}")
    return float(number)


def try_metrics(metrics: Mapping[str, Metric], shown: Examination, targets: Column) -> None:
    """Refuse metrics of this package that cannot be computed of such outputs and targets.

    Others are not tried: they may count how often they are called.
    """
    known = {name: metric for name, metric in metrics.items() if _unwrapped(metric) in _KNOWN}
    outputs = [[output.data for output in flat(shown.outputs)]] * len(targets)
    measured(known, outputs, targets, shown.shape)


def check_probabilities(
    numbers: Any, places: Sequence[int], name: str, examples: Any = None
) -> None:
    """Refuse numbers that should be probabilities and are none.

    Parameters
    ----------
    numbers : array
        What is watched of some examples, in rows.
    places : sequence of int
        Which columns should be probabilities.
    name : str
        What messages call the inputs.
    examples : sequence of int, optional
        The examples' indices; by default from 0.
    """
    if not places:
        return
    outputs = numbers if len(places) == numbers.shape[1] else numbers[:, places]
    if outputs.min() >= 0.0 and outputs.max() <= 1.0:
        return
    wrong = np.argwhere((outputs < 0.0) | (outputs > 1.0))
    if len(wrong):  # NaN is for others to find
        row, column = wrong[0].tolist()
        index = row if examples is None else int(examples[row])
        raise no_probability(outputs[row, column], f" for {name}[{index}]")
