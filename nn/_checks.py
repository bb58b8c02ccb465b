"""Checks of arguments that several files of the package share: numbers, generators, rows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value, as_value, is_ordered

Scalars: TypeAlias = Sequence[Value | float] | Sequence[Value] | Sequence[float] | NDArray[Any]
"""One example's numbers: a list, a tuple or a one-dimensional array of Values or numbers."""
Rows: TypeAlias = Sequence[Scalars] | NDArray[Any]
"""One example's rows: a sequence of such, or a two-dimensional array."""


def positive_int(number: object, name: str) -> int:
    """Return `number` as an int; refuse what is no whole number of at least 1."""
    return int_at_least(1, number, name)


def int_at_least(least: int, number: object, name: str) -> int:
    """Return `number` as an int; refuse what is no whole number, or below `least`."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {number!r} ({type(number).__name__})")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return int(number)


def as_generator(rng: object) -> np.random.Generator:
    """Return the generator itself, or a new one, seeded by an int of at least 0.

    There is no global state and no fixed seed: None takes fresh entropy from the system.
    """
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        raise TypeError(
            "rng must be an int seed, a numpy.random.Generator (such as "
            f"numpy.random.default_rng(0)) or None, got {rng!r} ({type(rng).__name__})"
        )
    if rng < 0:
        raise ValueError(f"rng: a seed must be at least 0, got {rng}")
    return np.random.default_rng(int(rng))


def real_number(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is no real number, a bool included."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a real number, got {number!r} ({type(number).__name__})")
    try:
        return float(number)
    except OverflowError:
        raise ValueError(
            f"{name} must be within the range of a float, got an int beyond it"
        ) from None


def finite_number(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is no finite real number."""
    return _where(math.isfinite, number, name, "finite")


def not_negative(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is below 0, infinite or NaN."""
    return _where(lambda x: 0 <= x < math.inf, number, name, "finite and at least 0")


def above_zero(number: object, name: str) -> float:
    """Return `number` as a float; refuse 0 and what is below, infinite or NaN."""
    return _where(lambda x: 0 < x < math.inf, number, name, "finite and above 0")


def share(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is below 0, or 1 and above."""
    return _where(lambda x: 0 <= x < 1, number, name, "at least 0 and below 1")


def fraction(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is below 0 or above 1."""
    return _where(lambda x: 0 <= x <= 1, number, name, "a number from 0 to 1")


def _where(holds: Callable[[float], bool], number: object, name: str, what: str) -> float:
    checked = real_number(number, name)
    if not holds(checked):
        raise ValueError(f"{name} must be {what}, got {checked}")
    return checked


class BatchError(TypeError):
    """Several rows were given to what takes one.

    Attributes
    ----------
    inputs : sequence
        The rows.
    """

    def __init__(self, inputs: Sequence[object], *message: str) -> None:
        super().__init__(*message)
        self.inputs = inputs


def of_one_example(model: Callable[[Any], Any], x: Any) -> Any:
    """Return what a model makes of an example of X; say so where that has rows, and must not."""
    try:
        return model(x)
    except BatchError as error:
        if error.inputs is not x:
            raise
        takes = str(error).partition(";")[0]
        raise TypeError(
            f"{takes}; each example of X is {len(error.inputs)} rows: flatten them, as "
            "X.reshape(len(X), -1) does"
        ) from error


def one_row(inputs: Any, n: int, owner: object) -> list[Value]:
    """Return the `n` numbers of one example, plain ones as constants."""
    if type(inputs) is not list and not _is_row(inputs):
        raise TypeError(
            f"{type(owner).__name__} takes one example, a sequence of {n} numbers or Values; "
            f"got {type(inputs).__name__}"
        )
    if len(inputs) == n:
        try:
            return [as_value(x) for x in inputs]
        except TypeError:
            _refuse_batch(inputs, n, owner)
            raise
    _refuse_batch(inputs, n, owner)
    raise ValueError(
        f"{type(owner).__name__} takes {n} input{'s' if n > 1 else ''}, got {len(inputs)}"
    )


def rows_of(inputs: Any, width: int, owner: object) -> list[list[Value]]:
    """Return one example's rows of `width` numbers, plain ones as constants; at least one row."""
    if not _is_row(inputs) or not all(map(is_ordered, inputs)):
        raise TypeError(
            f"{type(owner).__name__} takes one example, a sequence of rows of {width} numbers or "
            f"Values each; got {_kind(inputs)}"
        )
    if len(inputs) == 0:
        raise ValueError(f"{type(owner).__name__} takes at least one row, got none")
    return [one_row(row, width, owner) for row in inputs]


def refuse_masks(data: object, name: str) -> None:
    """Raise TypeError for a masked array, whose masks would be lost in silence."""
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and masks are not looked at: fill in what is missing, as "
            f"{name}.filled(0.0) does"
        )


def named_tokens(error: Exception, names: Sequence[str]) -> Exception | None:
    """Return a program's error about integers that pick, in terms of the arguments' names.

    Examples
    --------
    >>> error = IndexError("argument 0 picks one of 3: expected integers from 0 to 2, got 0 to 7")
    >>> print(named_tokens(error, ["X"]))
    X picks one of 3: expected integers from 0 to 2, got 0 to 7
    >>> named_tokens(IndexError("list index out of range"), ["X"]) is None
    True
    """
    message = str(error)
    found = re.match(r"argument (\d+)(?=,| picks)", message)
    if isinstance(error, (IndexError, TypeError)) and found and int(found[1]) < len(names):
        return type(error)(names[int(found[1])] + message[found.end() :])
    if isinstance(error, TypeError) and "needs an integer as index" in message:
        return TypeError(f"{message}: write {' or '.join(f'{name}.astype(int)' for name in names)}")
    return None


def true_or_false(given: object, name: str) -> bool:
    """Return `given` as a bool; refuse anything else."""
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {given!r} ({type(given).__name__})")
    return bool(given)


def _is_row(inputs: object) -> bool:
    return is_ordered(inputs) and hasattr(inputs, "__len__")


def _refuse_batch(inputs: Any, n: int, owner: object) -> None:
    """Say what to call with several examples, if it is such that were given, or a tensor."""
    if (
        getattr(inputs, "ndim", 0) == 1
        and hasattr(inputs, "tolist")
        and not isinstance(inputs, np.ndarray)
    ):
        raise TypeError(
            f"{type(owner).__name__} takes one example, a sequence of {n} numbers or Values; got a "
            f"{type(inputs).__name__}: write x.tolist()"
        )
    if len(inputs) and all(is_ordered(example) for example in inputs):
        raise BatchError(
            inputs,
            f"{type(owner).__name__} takes one example, a sequence of {n} numbers or "
            f"Values; got a batch of {len(inputs)}: write model.predict(X), or "
            "[model(x) for x in X] for Values to differentiate",
        )


def _kind(inputs: Any) -> str:
    if _is_row(inputs):
        return f"a sequence of {', '.join(sorted({type(x).__name__ for x in inputs}))}"
    return type(inputs).__name__
