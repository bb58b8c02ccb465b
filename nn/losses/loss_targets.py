"""Outputs and targets of a loss: matched one to one and checked, and their terms summed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from numbers import Real
from typing import TypeAlias

import numpy as np

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from .._checks import Scalars, refuse_masks
from .loss_outputs import outputs_of
from .loss_uses import note

__all__ = [
    "SUM_TOLERANCE",
    "Target",
    "class_target",
    "finite_target",
    "known_numbers",
    "mean_of",
    "one_class",
    "paired",
    "probability_target",
    "sign_target",
    "total_of",
]

SUM_TOLERANCE = 1e-6
"""How far from 1 the sum of a probability target may lie: that of float32 probabilities does."""
Target: TypeAlias = Value | float
_CheckOfOne: TypeAlias = Callable[[object], Target]


def paired(
    loss: str,
    outputs_are: str,
    outputs: Scalars | Value,
    targets: Scalars | Value | float,
    check: _CheckOfOne,
) -> list[tuple[Value, Target]]:
    """Match outputs and checked targets one to one; a single number stands for a list of one."""
    values = outputs_of(loss, outputs_are, outputs, targets)
    check_all = partial(_checked_targets, check)
    pairs = list(zip(values, check_all(len(values), targets), strict=True))
    note(loss, outputs_are, values, targets, check_all)
    return pairs


def _checked_targets(check: _CheckOfOne, n_outputs: int, targets: object) -> list[Target]:
    """One checked target for each output."""
    refuse_masks(targets, "targets")
    target_list: Iterable[object] = targets if is_ordered(targets) else [targets]
    checked = [check(target) for target in target_list]
    if len(checked) != n_outputs:
        raise ValueError(f"got {n_outputs} outputs but {len(checked)} targets")
    if not checked:
        raise ValueError("a loss needs at least one output, got none")
    return checked


def _unwrapped(target: object) -> object:
    """Return the number in a 0-d array, as a row of a vector of targets may be."""
    return target.item() if isinstance(target, np.ndarray) and target.ndim == 0 else target


def finite_target(target: object) -> Value | float:
    """Return a Value as it is, a finite real number as a float."""
    if isinstance(target, Value):
        return target
    target = _unwrapped(target)
    if not isinstance(target, (Real, np.bool_)):
        raise TypeError(f"a target must be a real number, got {target!r}")
    try:
        number = float(target)
    except OverflowError:
        raise ValueError(f"a target must be finite as a float, got {target!r:.40}...") from None
    if not math.isfinite(number):
        raise ValueError(f"a target must be finite, got {number}")
    return number


def probability_target(target: object) -> Value | float:
    """Return a Value as it is, a number in [0, 1] as a float."""
    number = finite_target(target)
    if not isinstance(number, Value) and not 0.0 <= number <= 1.0:
        raise ValueError(
            f"a target must lie in [0, 1], got {number}: labels are 0 and 1 (not -1 and 1)"
        )
    return number


def sign_target(target: object) -> Target:
    """Return a Value as it is, -1 or 1 as a float."""
    number = finite_target(target)
    if not isinstance(number, Value) and abs(number) != 1.0:
        raise ValueError(
            f"a target of hinge must be -1 or 1, got {number}: of labels 0 and 1 make 2 * y - 1"
        )
    return number


def class_target(n_classes: int, target: object) -> int | Value | list[Target]:
    """A class index (a Value while compiling), or one probability per class."""
    if is_ordered(target):
        refuse_masks(target, "target")
        return _class_probabilities(target, n_classes)
    return _class_index(
        n_classes, target, "an int class index or a sequence of probabilities, one per class"
    )


def one_class(n_classes: int, target: object) -> int | Value:
    """A class index (a Value while compiling)."""
    return _class_index(n_classes, target, "an int class index (one-hot rows: y.argmax(axis=1))")


def _class_index(n_classes: int, target: object, expected: str) -> int | Value:
    index = _unwrapped(target)
    if isinstance(index, Value):
        return index
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
        whole = isinstance(index, float) and index.is_integer()
        remedy = "; make whole numbers ints, as by y.astype(int)" if whole else ""
        raise TypeError(
            f"target must be {expected}; got {target!r} ({type(target).__name__}){remedy}"
        )
    if not 0 <= index < n_classes:
        raise ValueError(
            f"a class index must lie in 0..{n_classes - 1} for {n_classes} logits, got {index}"
        )
    return int(index)


def _class_probabilities(target: Iterable[object], n_classes: int) -> list[Target]:
    """Return one probability per class, checked as far as they are plain numbers."""
    probabilities = [probability_target(p) for p in target]
    if len(probabilities) != n_classes:
        raise ValueError(f"got {n_classes} logits but {len(probabilities)} probabilities")
    plain = [p for p in probabilities if not isinstance(p, Value)]
    if len(plain) == len(probabilities) and abs(math.fsum(plain) - 1.0) > SUM_TOLERANCE:
        raise ValueError(f"the probabilities of the classes must sum to 1, got {math.fsum(plain)}")
    return probabilities


def total_of(terms: list[Value]) -> Value:
    """One term is its own sum: a net of one path keeps one path through its loss."""
    total: Value = terms[0] if len(terms) == 1 else ad.sum(terms)
    return total


def mean_of(terms: list[Value]) -> Value:
    """One term is its own mean."""
    mean: Value = terms[0] if len(terms) == 1 else ad.mean(terms)
    return mean


def known_numbers(values: list[Value]) -> list[float] | None:
    """The data of Values; None while compiling, when they are not known yet."""
    try:
        return [value.data for value in values]
    except ad.TraceError:
        return None
