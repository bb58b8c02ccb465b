"""The curves of a training run, read from whatever holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.plots.plot_arguments import real_array

__all__ = ["TEST", "TRAINING", "VALIDATION", "Curve", "panels_of"]

TRAINING, VALIDATION, TEST = "training", "validation", "test"
_PREFIXES = {
    "train_": TRAINING,
    "training_": TRAINING,
    "val_": VALIDATION,
    "validation_": VALIDATION,
    "test_": TEST,
}
_ATTRIBUTES = ("loss", "accuracy", "validation_loss", "validation_accuracy")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One number per epoch.

    Attributes
    ----------
    key : str
        What the history calls it, as ``"val_loss"``.
    metric : str
        What is measured, as ``"loss"``.
    part : str
        On which examples: ``"training"``, ``"validation"`` or ``"test"``.
    numbers : ndarray
        NaN and infinity may be among them.
    """

    key: str
    metric: str
    part: str
    numbers: Array


def panels_of(history: object) -> list[list[Curve]]:
    """Read the curves that a history has, those of one metric together, the loss first.

    Parameters
    ----------
    history : mapping or object
        As `plot_history` takes it.

    Returns
    -------
    list of list of Curve
        Of each metric its curves: training, validation, test.

    Raises
    ------
    TypeError, ValueError
        If there is no loss, a curve does not hold numbers, or they are not equally long.

    Examples
    --------
    >>> panels = panels_of({"accuracy": [0.5], "val_loss": [2.0], "loss": [1.0]})
    >>> [[curve.key for curve in panel] for panel in panels]
    [['loss', 'val_loss'], ['accuracy']]
    """
    curves = [_curve(key, given) for key, given in _given(history).items() if given is not None]
    panels: dict[str, list[Curve]] = {"loss": []}
    for curve in curves:
        if curve.numbers.size:
            panels.setdefault(curve.metric, []).append(curve)
    if not any(curve.part == TRAINING for curve in panels["loss"]):
        raise ValueError(
            "history has no loss to draw: expected a mapping or an object with a non-empty list "
            f"'loss' (and, if there is one, 'accuracy'), got {type(history).__name__}"
        )
    _check_lengths(panels)
    return [_in_order(panel) for panel in panels.values()]


def _given(history: object) -> dict[str, Any]:
    """What may be a curve: entries of other names may hold a count or a remark."""
    if not isinstance(history, Mapping):
        return {name: getattr(history, name, None) for name in _ATTRIBUTES}
    return {
        str(key): given
        for key, given in history.items()
        if key in _ATTRIBUTES or _holds_several(given)
    }


def _holds_several(given: Any) -> bool:
    """Whether it is more than a number, which NumPy's and PyTorch's may look like, or a text."""
    iterable = hasattr(given, "__iter__") and getattr(given, "ndim", 1) != 0
    return iterable and not isinstance(given, str)


def _curve(key: str, given: Any) -> Curve:
    name, one_each = f"history's {key}", "must be a sequence with one number per epoch"
    if isinstance(given, (str, bytes, Mapping, set, frozenset)) or not hasattr(given, "__iter__"):
        raise TypeError(f"{name} {one_each}, got {type(given).__name__}")
    numbers = real_array(given if hasattr(given, "shape") else [*given], name, "numbers only")
    if numbers.ndim != 1:
        raise TypeError(f"{name} {one_each}, got shape {numbers.shape}")
    for prefix, part in _PREFIXES.items():
        if key.startswith(prefix) and key != prefix:
            return Curve(key, key.removeprefix(prefix), part, numbers)
    return Curve(key, key, TRAINING, numbers)


def _check_lengths(panels: Mapping[str, list[Curve]]) -> None:
    lengths = {curve.key: len(curve.numbers) for panel in panels.values() for curve in panel}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"history's lists must have one number per epoch each, got lengths {lengths}"
        )


def _in_order(panel: list[Curve]) -> list[Curve]:
    """Training, validation, test; two of one part cannot be told apart."""
    found = {curve.part: curve for curve in panel}
    if len(found) < len(panel):
        keys = ", ".join(curve.key for curve in panel)
        raise ValueError(f"history has two curves for one: {keys}")
    return [found[part] for part in (TRAINING, VALIDATION, TEST) if part in found]
