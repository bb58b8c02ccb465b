"""Options of pictures, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral
from typing import TypeVar

import numpy as np

__all__ = ["one_of", "true_or_false", "whole_number"]

ChoiceT = TypeVar("ChoiceT", bound="str | None")


def whole_number(given: object, name: str, *, least: int = 1, most: int | None = None) -> int:
    """Return a whole number within limits as an int.

    Parameters
    ----------
    given : object
        An argument: an integer of Python's or NumPy's.
    name : str
        What it is called.
    least, most : int, optional
        The limits.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TypeError, ValueError
        If it is none, or beyond a limit.

    Examples
    --------
    >>> whole_number(0, "columns")
    Traceback (most recent call last):
    ValueError: columns must be at least 1, got 0
    """
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise TypeError(f"{name} must be an int, got {given!r:.60}")
    number = int(given)
    if number < least or (most is not None and number > most):
        limits = f"at least {least}" if most is None else f"{least} to {most:,}"
        shown = number if abs(number) < 10**18 else "one of many digits"
        raise ValueError(f"{name} must be {limits}, got {shown}")
    return number


def true_or_false(given: object, name: str) -> bool:
    """Return True or False of Python's, of which NumPy has its own.

    Examples
    --------
    >>> true_or_false("no", "legend")
    Traceback (most recent call last):
    TypeError: legend must be True or False, got 'no'
    """
    if not isinstance(given, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {given!r:.60}")
    return bool(given)


def one_of(given: ChoiceT, name: str, choices: Collection[str | None]) -> ChoiceT:
    """Return what is one of the choices, of which there are two or more.

    Examples
    --------
    >>> one_of("lr", "rankdir", ("LR", "TB"))
    Traceback (most recent call last):
    ValueError: rankdir must be 'LR' or 'TB', got 'lr'
    """
    is_such = given is None or isinstance(given, str)  # arrays compare to no answer
    if not is_such or given not in choices:
        texts = [*map(repr, choices)]
        listed = " or ".join(texts) if len(texts) == 2 else f"one of {', '.join(texts)}"
        raise ValueError(f"{name} must be {listed}, got {given!r:.60}")
    return given
