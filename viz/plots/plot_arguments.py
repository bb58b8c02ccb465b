"""What plots are handed, checked before anything is drawn: numbers, names and counts.

An error says what was given and what is expected. NumPy and matplotlib never get to see what they
would answer in words of their own, with a warning, or with half of a complex number.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz._node_text import label_lines

__all__ = [
    "LARGEST",
    "array_of",
    "finite_array",
    "listed",
    "names_of",
    "real_array",
    "real_number",
    "shown_text",
]

LARGEST = 1e300
"""The largest number that is drawn: twice it, and some room beside, are still floats."""

_REAL = "biuf"  # kinds of dtypes
_DEEPEST = 8  # lists within each other that are looked into: no argument has as many dimensions

Array = NDArray[np.float64]


def array_of(given: Any, name: str, expected: str) -> NDArray[Any]:
    """Return an array of what was given, of any type; what is masked in it is NaN.

    Parameters
    ----------
    given : array_like
        An argument.
    name : str
        What it is called.
    expected : str
        What it must be, such as ``"numbers of shape (N, 2)"``.

    Returns
    -------
    ndarray
        The array.

    Raises
    ------
    TypeError, ValueError
        If it does not turn into an array: rows of different lengths, tensors that need a gradient.

    Examples
    --------
    >>> array_of([[1.0], [2.0, 3.0]], "X", "numbers of shape (N, 2)")
    Traceback (most recent call last):
    ValueError: X must be numbers of shape (N, 2), got rows of different lengths
    """
    try:
        filled = _filled(given)
        array = np.asarray(filled)
        if filled is not given and array.dtype.kind not in _REAL:
            return np.asarray(filled, dtype=object)  # among texts NaN would become one
        return array
    except ValueError as error:  # NumPy's text speaks of arrays within arrays
        raise ValueError(f"{name} must be {expected}, got rows of different lengths") from error
    except (TypeError, RuntimeError) as error:  # PyTorch's says what to write
        raise TypeError(f"{name} must be {expected}: {error}") from error


def _filled(given: Any, depth: int = _DEEPEST) -> Any:
    """The same if nothing in it is masked; else with NaN for what is."""
    if isinstance(given, np.ma.MaskedArray) and given.mask.any():
        kind = np.float64 if given.dtype.kind in _REAL else object
        with np.errstate(over="ignore"):  # of longer floats
            filled = np.ma.filled(given.astype(kind), np.nan)
        return filled if filled.ndim else filled.item()
    if not depth or not isinstance(given, (list, tuple)):
        return given
    parts = [_filled(part, depth - 1) for part in given]
    return parts if any(a is not b for a, b in zip(parts, given, strict=True)) else given


def real_array(given: Any, name: str, expected: str = "real numbers") -> Array:
    """Return an array of real numbers as float64; it may have NaN and infinity.

    Parameters
    ----------
    given, name, expected
        As of `array_of`.

    Returns
    -------
    ndarray of float64
        The numbers.

    Raises
    ------
    TypeError, ValueError
        As `array_of`; also of complex numbers, texts, dates, Values and other objects.

    Examples
    --------
    >>> real_array([1, 1 + 2j], "X")
    Traceback (most recent call last):
    TypeError: X must hold real numbers, got the complex (1+2j) in X[1]
    """
    array = array_of(given, name, expected)
    if array.dtype.kind in _REAL:
        with np.errstate(over="ignore"):  # of longer floats
            return array.astype(np.float64)
    found = array if array.dtype.kind == "O" else np.asarray(given, dtype=object)
    each_given = found.ravel().tolist()
    numbers = [_number(each) for each in each_given]
    if None in numbers:
        i = numbers.index(None)
        place = [int(at) for at in np.unravel_index(i, array.shape)]
        where = f" in {name}{place}" if place else ""
        raise TypeError(f"{name} must hold real numbers, got {_told(each_given[i])}{where}")
    return np.array(numbers, dtype=np.float64).reshape(array.shape)


def _number(given: Any) -> float | None:
    """A number as a float, infinite if it is beyond all floats; None for something else."""
    if not isinstance(given, (Real, Decimal)):
        return None
    try:
        return float(given)
    except OverflowError:
        return np.inf if given == abs(given) else -np.inf


def _told(given: Any) -> str:
    if hasattr(given, "local_derivatives"):
        return "a Value: take its data"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    kind = type(given).__name__
    return f"a {kind}" if repr(given).startswith("<") else f"the {kind} {given!r:.40}"


def real_number(given: object, name: str) -> float:
    """Return a real number as a float, infinite if it is beyond all floats.

    Parameters
    ----------
    given : object
        An argument.
    name : str
        What it is called.

    Returns
    -------
    float
        The number; it may be NaN.

    Raises
    ------
    TypeError
        If it is none.

    Examples
    --------
    >>> real_number("a", "rtol")
    Traceback (most recent call last):
    TypeError: rtol must be a number, got 'a'
    """
    number = None if isinstance(given, bool) else _number(given)
    if number is None:
        raise TypeError(f"{name} must be a number, got {given!r:.60}")
    return number


def finite_array(given: Any, name: str, expected: str = "real numbers") -> Array:
    """Return an array of finite numbers that are not too large to be drawn.

    Parameters
    ----------
    given, name, expected
        As of `array_of`.

    Returns
    -------
    ndarray of float64
        The numbers.

    Raises
    ------
    TypeError, ValueError
        As `real_array`; also of NaN, infinity and what is beyond 1e300.

    Examples
    --------
    >>> finite_array([1.0, float("nan")], "X")
    Traceback (most recent call last):
    ValueError: X must hold finite numbers, got nan in X[1]
    """
    array = real_array(given, name, expected)
    for bad, wanted in (
        (~np.isfinite(array), "finite numbers"),
        (np.abs(array) > LARGEST, f"numbers of at most {LARGEST:g}, to be drawn"),
    ):
        if bad.any():
            place = np.argwhere(bad)[0].tolist()
            number = array[tuple(place)]
            raise ValueError(f"{name} must hold {wanted}, got {number} in {name}{place}")
    return array


def names_of(given: Any, name: str, n: int, of: str) -> list[str]:
    """Return so many names as texts that a picture bears.

    Parameters
    ----------
    given : sequence
        The names, or what is to be written as one.
    name, of : str
        What the argument is called, and what each of them names.
    n : int
        How many there must be.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    TypeError, ValueError
        If there is no order in them, or another number of them.

    Examples
    --------
    >>> names_of(["cat", 2], "labels", 2, "class")
    ['cat', '2']
    """
    try:
        if isinstance(given, (Set, Mapping, bytes)):
            raise TypeError("they have no order, or are none")
        names = [shown_text(each) for each in given]
    except TypeError as error:
        wanted = f"{name} must be a list of {n} texts, one for each {of}"
        raise TypeError(f"{wanted}, got {given!r:.60}") from error
    if len(names) != n:
        raise ValueError(f"{name} must be {n} texts, one for each {of}, got {len(names)}")
    return names


def listed(given: Any) -> Any:
    """Return what an array holds as a list, and anything else as it is.

    Parameters
    ----------
    given : object
        An argument that is a sequence of a few.

    Returns
    -------
    object
        A list of Python's own numbers or texts, or the same object.

    Examples
    --------
    >>> listed(np.array([2, 3])), listed((2, 3))
    ([2, 3], (2, 3))
    """
    return given.tolist() if isinstance(given, np.ndarray) and given.ndim else given


def shown_text(given: object) -> str:
    r"""Return a text that a picture bears: lines of at most 32 characters, no controls.

    Dollar signs between which matplotlib finds no formula are shown as they are.

    Parameters
    ----------
    given : object
        A text, or what is to be written as one.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> shown_text(3), shown_text("$x_1$"), shown_text(r"$\nothing$")
    ('3', '$x_1$', '\\$\\nothing\\$')
    """
    text = "\n".join(label_lines(str(given)))
    if text.count("$") < 2:  # then there is no formula, and matplotlib is not needed
        return text
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return text.replace("$", r"\$")
    return text
