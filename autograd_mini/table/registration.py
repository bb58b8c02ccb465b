"""Rows of users: checked against differences, and added to the table."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .differences import EPSILON, UNDERFLOW, Floats, Verdict, judge
from .primitives import PRIMITIVES, Primitive, add, parse_row

_POINTS = 8
_ELEMENTS = 3  # of a vector


def wrong_partials(
    row: Primitive,
    operands: Sequence[float],
    given: Sequence[float],
    *,
    constant: Sequence[bool] = (),
    rtol: float = 1e-6,
) -> Iterator[tuple[int, Verdict]]:
    """The operands toward which a derivative is not the slope that differences show.

    Parameters
    ----------
    row : Primitive
        What is differentiated.
    operands, given : sequence of float
        Where, and the derivative toward each.
    constant : sequence of bool, optional
        Whether to leave an operand out.
    rtol : float, optional
        Tolerance relative to the derivative.

    Yields
    ------
    tuple of (int, Verdict)
        The position of the operand, and what the differences say.

    Examples
    --------
    >>> [position for position, _ in wrong_partials(PRIMITIVES["mul"], [2.0, 3.0], [3.0, 3.0])]
    [1]
    """
    with np.errstate(all="ignore"):
        derivatives = np.array(row.linearize(operands)[1])
        sensitivity = np.abs(np.multiply(operands, derivatives))
        nudged = [x * (1.0 + (-1) ** i * EPSILON) for i, x in enumerate(operands)]
        wiggle = np.abs(np.subtract(row.linearize(nudged)[1], derivatives))
        wiggle = np.where(np.isfinite(wiggle), wiggle, 0.0)
    for i, x in enumerate(operands):
        if constant and constant[i]:
            continue
        # What rounding of the other operands can do to the value (the operand under test is left
        # out, so that a wrong derivative cannot excuse itself), and to the derivative.
        with np.errstate(all="ignore"):
            rounding = EPSILON * float(np.nansum(np.delete(sensitivity, i)))
        atol = UNDERFLOW + 4 * float(wiggle[i])
        derivative = np.array([given[i]])
        verdict = judge(_along(row, operands, i), x, derivative, rtol, atol, rounding)
        unknown = np.isnan(given[i]) and verdict.kink[0]  # an honest answer at a kink
        if verdict.decided[0] and not verdict.right[0] and not unknown:
            yield i, verdict


def _along(row: Primitive, operands: Sequence[float], i: int) -> Callable[[float], Floats]:
    """The value as a function of the operand at one position."""
    return lambda x: np.array([row.evaluate([*operands[:i], x, *operands[i + 1 :]])])


def check_partials(row: Primitive) -> None:
    """Compare the partial derivatives of a row with differences, at points of its domains.

    Raises
    ------
    ValueError
        Names the partial derivative that is wrong, the point, and both numbers.

    Examples
    --------
    >>> check_partials(parse_row("cubic | x | x ** 3 | 2 * x ** 2 | 1..2"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: primitive 'cubic': the local derivative toward x, 2 * x ** 2, is ... at x = ..., \
where two-sided differences of the value give ...
    """
    rng = random.Random(row.name)  # the same points every time
    for _ in range(_POINTS):
        point: list[float] = []
        for operand, domain in zip(row.operands, row.domains, strict=True):
            size = _ELEMENTS if operand.kind == "vector" else 1
            point += [rng.uniform(*domain) for _ in range(size)]
        given = row.linearize(point)[1]
        for position, verdict in wrong_partials(row, point, given):
            index, _ = row.locate(position, len(point))
            groups = zip(row.names, row.split(point), strict=True)
            where = ", ".join(f"{name} = {group!r}" for name, group in groups)
            raise ValueError(
                f"primitive {row.name!r}: the local derivative toward {row.names[index]}, "
                f"{row.partials[index]}, is {given[position]!r} at {where}, where two-sided "
                f"differences of the value give {verdict.numeric.slope[0]:.12g}"
            )


def register(row: str) -> Primitive:
    """Add a row of text to the table, once its derivatives are found right.

    The same row again is the one that is there; its description and remedy may change.

    Parameters
    ----------
    row : str
        ``name | operands | value | partials | domains | description | remedy``.

    Returns
    -------
    Primitive
        The row.

    Raises
    ------
    ValueError
        If the row is not well formed, a derivative is wrong, or the name belongs to another row.

    Examples
    --------
    >>> register("log1p | x | log1p(x) | 1 / (1 + x) | 0..1")
    Traceback (most recent call last):
    ...
    ValueError: primitive 'log1p' exists already; choose another name
    """
    primitive = parse_row(row)
    if primitive.name not in PRIMITIVES:
        check_partials(primitive)
    add(primitive)
    return primitive
