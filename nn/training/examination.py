"""What the first example shows of model and loss, and the checks of all targets that follow."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from .._checks import of_one_example
from .._nested import as_outputs
from ..losses.loss_calls import call_loss
from ..losses.loss_uses import LossUse, observed
from ..models.kept_attributes import attributes_kept
from ..models.randomness import Request, counting
from .batches import Column

__all__ = ["Examination", "examine", "examine_all", "flat", "groups_of", "shapes", "watched"]

_ERRORS = (TypeError, ValueError, IndexError)
_MANY = 16
"""So many targets are quicker checked by a compiled program."""


@dataclass(frozen=True)
class Examination:
    """What one example shows.

    Attributes
    ----------
    returned : object
        What the model returned.
    outputs : Value or (nested) list of Value
        The same, as `as_outputs` has it.
    loss : Value
        The example's loss.
    target : object
        The target that was given to the loss.
    uses : list of LossUse
        The losses of this package that were called.
    requests : list of Request
        The random numbers that layers asked for.
    """

    returned: Any
    outputs: Any
    loss: Value
    target: object
    uses: list[LossUse]
    requests: list[Request]

    @property
    def outputs_are(self) -> str | None:
        """What the outputs mean to the loss; None where it does not say, or got other outputs."""
        own = [id(output) for output in flat(self.outputs)]
        kinds = {use.outputs_are for use in self.uses if [*map(id, use.outputs)] == own}
        return kinds.pop() if len(kinds) == 1 else None

    @cached_property
    def n_outputs(self) -> int:
        """How many outputs there are."""
        return len(flat(self.outputs))

    @cached_property
    def probabilities(self) -> list[int]:
        """Which of the `watched` numbers must be probabilities, by their places."""
        taken = {id(h) for use in self.uses for h in use.probabilities}
        numbers = watched(flat(self.outputs), self.uses)
        return [place for place, number in enumerate(numbers) if id(number) in taken]

    @property
    def target_is_handed_on(self) -> bool:
        """Whether the losses of this package got the target as it is."""
        return bool(self.uses) and all(use.target is self.target for use in self.uses)

    def asks_as(self, other: Examination) -> bool:
        """Whether targets must be what they must be there, as far as this one example shows."""
        first, second = (
            [(use.loss, use.n_outputs, repr(use.target)) for use in one.uses]
            for one in (self, other)
        )
        return first == second and self.target_is_handed_on == other.target_is_handed_on

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the outputs, () for one Value; of lists of unequal length, taken flat."""
        lengths: list[int] = []
        part = self.outputs
        while not isinstance(part, Value) and part:
            lengths.append(len(part))
            part = part[0]
        size = len(flat(self.outputs))
        return tuple(lengths) if math.prod(lengths) == size else (size,)

    @property
    def loss_names(self) -> list[str]:
        """The losses of this package in use."""
        return sorted({use.loss for use in self.uses})


def flat(outputs: Any) -> list[Value]:
    """All Values of nested lists, in order."""
    if isinstance(outputs, Value):
        return [outputs]
    return [value for part in outputs for value in flat(part)]


def watched(outputs: list[Value], uses: list[LossUse]) -> list[Value]:
    """The outputs, then what else losses took for probabilities: what must be looked at.

    Parameters
    ----------
    outputs : list of Value
        What the model returned, flat.
    uses : list of LossUse
        What the loss made of it.
    """
    taken = {id(h): h for use in uses for h in use.probabilities}
    for output in outputs:
        taken.pop(id(output), None)
    return [*outputs, *taken.values()]


def examine_all(
    model: Callable[[Any], Any],
    loss: Callable[[Any, Any], Value],
    inputs: Column,
    targets: Column,
    name: str,
    *,
    groups: Mapping[Any, list[int]] | None = None,
    known: Mapping[Any, Examination] | None = None,
) -> dict[Any, Examination]:
    """Run model and loss on one example of each shape, and check all targets by what is seen.

    Where the loss hands its target on to losses of this package, these check every other target;
    where it makes another of it, it is run on every other target. A loss that uses none of this
    package is not asked. So targets are refused alike whether the loss is compiled or not.

    Parameters
    ----------
    model, loss : callable
        Of one example.
    inputs, targets : array or list
        All examples.
    name : str
        What messages call the targets.
    groups : mapping, optional
        What `groups_of` returns for them, where that is known.
    known : mapping, optional
        What was returned for these examples before: targets are checked where the losses are called
        with something else now.

    Returns
    -------
    dict
        One examination for each pair of `shapes`.

    Raises
    ------
    TypeError, ValueError, IndexError
        At the first target that is refused: which, and what it is. Outputs or a loss that are no
        Values.
    """
    examinations = {}
    for key, indices in (groups or groups_of(inputs, targets)).items():
        first = indices[0] if indices else 0
        shown = examine(model, loss, inputs[first], targets[first], f"{name}[{first}]")
        if shown.uses and not (known and shown.asks_as(known[key])):
            others: Column = [targets[i] for i in indices] if indices else targets
            _check_targets(loss, shown, others, indices, name)
        examinations[key] = shown
    return examinations


def groups_of(inputs: Column, targets: Column) -> dict[Any, list[int]]:
    """Which examples have which `shapes`; an empty list where all have the same."""
    if isinstance(inputs, np.ndarray) and isinstance(targets, np.ndarray):
        return {shapes(inputs[0], targets[0]): []}
    groups: dict[Any, list[int]] = {}
    for index, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        groups.setdefault(shapes(x, target), []).append(index)
    return groups


def shapes(x: Any, target: Any) -> Any:
    """Shapes of one example's inputs and target."""
    return np.shape(x), np.shape(target)


def examine(
    model: Callable[[Any], Any], loss: Callable[[Any, Any], Value], x: Any, target: Any, name: str
) -> Examination:
    """Run model and loss on one example.

    Parameters
    ----------
    model, loss : callable
        Of one example.
    x, target : array
        Its inputs and target.
    name : str
        What messages call the target.

    Returns
    -------
    Examination
        What they did.

    Raises
    ------
    TypeError, ValueError, IndexError
        A target that the loss refuses; outputs or a loss that are no Values.
    """
    given = _recognisable(target)
    with attributes_kept(model, loss), counting() as requests, observed() as uses:
        returned = _returned(model, np.asarray(x))
        outputs = as_outputs(returned)
        try:
            value = call_loss(loss, returned, given)
        except _ERRORS as error:
            if type(error) not in _ERRORS:
                raise
            raise type(error)(_refusal(name, given, error)) from error
    return Examination(returned, outputs, value, given, uses, requests)


def _returned(model: Callable[[Any], Any], x: Any) -> Any:
    try:
        return of_one_example(model, x.tolist())
    except TypeError as error:
        wants_more = re.search("takes one example|subscriptable|iterable|has no len", str(error))
        if x.ndim or wants_more is None:
            raise
        raise TypeError(
            f"{error}: X has one dimension and needs two, one row per example; for a single "
            "column write X[:, None]"
        ) from error


def _recognisable(target: Any) -> Any:
    """A target that is no other object by chance, as small ints are: NumPy's numbers."""
    array = np.asarray(target)
    return array.tolist() if array.ndim else array[()]


def _check_targets(
    loss: Callable[[Any, Any], Value],
    shown: Examination,
    targets: Column,
    indices: list[int],
    name: str,
) -> None:
    """Check other targets of one shape; `indices` says which they are, if not all."""
    distinct = list(_distinct(targets))
    made = None
    if not shown.target_is_handed_on and len(distinct) >= _MANY:
        made = _made_of(loss, shown, [target for _, target in distinct])
    for k, (place, target) in enumerate(distinct):
        try:
            if shown.target_is_handed_on:
                for use in shown.uses:
                    use.check(target)
            elif made is None:
                call_loss(loss, shown.returned, target)
            else:
                for use, other in zip(shown.uses, made[k], strict=True):
                    use.check(other)
        except _ERRORS as error:
            if type(error) not in _ERRORS:
                raise
            index = indices[place] if indices else place
            message = _refusal(f"{name}[{index}]", target, error)
            raise type(error)(message) from error


def _made_of(
    loss: Callable[[Any, Any], Value], shown: Examination, targets: list[Any]
) -> list[list[Any]] | None:
    """What the loss makes of its targets before it hands them on, one of each use.

    Compiled, so that nothing else of the loss is worked out for each. None for a loss that cannot
    be traced, or makes other uses of its outputs while it is.
    """
    column = np.asarray(targets)

    def handed_on(target: Any) -> list[Value]:
        with observed() as uses:
            call_loss(loss, shown.returned, target)
        return [number for use in uses for number in flat(as_outputs(use.target))]

    likes = [use.target for use in shown.uses]
    try:
        numbers = ad.compile(handed_on, [])(None, column).tolist()
        return [[_alike(like, row) for like in likes] for row in map(iter, numbers)]
    except Exception:  # whatever a function of numbers alone may raise: it is asked about each
        return None


def _alike(like: Any, numbers: Iterator[float]) -> Any:
    """The next numbers, nested and typed as another target is."""
    if is_ordered(like):
        return [_alike(part, numbers) for part in like]
    number = next(numbers)
    whole = isinstance(like, (int, np.integer)) and number.is_integer()
    return int(number) if whole else number


def _distinct(targets: Column) -> Iterator[tuple[int, Any]]:
    """Each different target once, with the index of the first example that has it."""
    if isinstance(targets, np.ndarray) and targets.ndim == 1:
        _, first = np.unique(targets, return_index=True)
        first.sort()
        yield from zip(first.tolist(), targets[first].tolist(), strict=True)
        return
    seen: set[tuple[Any, bytes]] = set()
    for index, target in enumerate(targets):
        key = target.shape, target.tobytes()
        if key not in seen:
            seen.add(key)
            yield index, target.tolist()


def _refusal(name: str, target: Any, error: Exception) -> str:
    """Which target is refused, why, and what to write where it has another type or shape."""
    shown = target.item() if isinstance(target, np.generic) else target
    column = name.partition("[")[0]
    end = ""
    is_whole = isinstance(shown, float) and shown.is_integer()
    if is_whole and isinstance(error, TypeError) and "astype(int)" not in str(error):
        end = f"; if these are classes, write {column.split()[-1]}.astype(int)"
    elif isinstance(shown, list) and len(shown) == 1:
        end = f"; for one number per example, write {column.split()[-1]}.ravel()"
    return f"{name} is {shown!r:.60}: {error}{end}"
