"""Derivatives checked against differences of values.

Differences are extrapolated to step 0 by Richardson's scheme as Ridders (1982) has it: each halving
of the step removes one more term of the error, the spread between neighbouring estimates bounds
what is left, and the rounding of the values is added to that bound.

One rule says whether a derivative is right: it is the two-sided difference, within tolerance and
bound, or lies between the differences from the left and from the right.  So at a kink every number
between the slopes on both sides is right (0 for relu at 0), and at the edge of a domain only the
side counts on which the function is finite.  Differences that do not converge, as where the
function jumps or its slope is infinite, decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Function = Callable[[float], Floats]
Quotient = Callable[[float], tuple[Floats, Floats]]

EPSILON = float(np.finfo(np.float64).eps)
UNDERFLOW = float(np.finfo(np.float64).smallest_normal)
_QUICK_STEP = 2.0**-17  # about the cube root of epsilon: best for one two-sided difference
_LARGEST_STEP = 2.0**-7
_HALVINGS = 20
_PROBE_STEP = 2.0**-50  # a few units in the last place
_TURN = 1e-4  # a change by more than this part of its size within the probe step is no slope
_DEPTH = 8  # extrapolations of one estimate; more only amplify rounding
_ACCURATE = 1e-11  # where to stop, relative to the slope or to value over argument
_CONVERGED = 1e-3  # a larger bound, relative to the same, decides nothing
NOTHING_TO_COMPARE = "not finite, so there is nothing to compare"


@dataclass(frozen=True)
class Slope:
    """An estimate for each output, and a bound of its error."""

    slope: Floats
    bound: Floats

    def __or__(self, other: Slope) -> Slope:
        """The better of two, output by output."""
        better = other.bound < self.bound
        return Slope(
            np.where(better, other.slope, self.slope), np.where(better, other.bound, self.bound)
        )


def _two_sided(function: Function, x: float, step: float) -> tuple[Floats, Floats]:
    """Difference quotient around `x`, and the size of the values."""
    up, down = x + step, x - step
    above, below = function(up), function(down)
    return (above - below) / (up - down), np.maximum(np.abs(above), np.abs(below))


def _one_sided(function: Function, x: float, step: float) -> tuple[Floats, Floats]:
    """Difference quotient from `x` to one side, and the size of the values."""
    end = x + step
    here, there = function(x), function(end)
    return (there - here) / (end - x), np.maximum(np.abs(here), np.abs(there))


def _extrapolate(function: Function, x: float, side: int = 0, rounding: float = 0.0) -> Slope:
    """The slope at step 0: two-sided, or on the side -1 or 1.

    Parameters
    ----------
    function : callable
        Of one float, giving an array.
    x : float
        Where.
    side : int, optional
        0 for both sides.
    rounding : float, optional
        What is known to be the absolute error of the function's values, beyond their own rounding.
    """
    quotient = partial(_one_sided if side else _two_sided, function, x)
    direction, order = (side, 1) if side else (1, 2)  # the error's powers: 1, 2, 3... or 2, 4, 6...
    best = Slope(np.array(np.nan), np.array(np.inf))
    with np.errstate(all="ignore"):
        # The smaller scale first: steps over many periods of sin can seem to converge.
        for scale in sorted({abs(x) or 1.0, 1.0}):
            found, size = _refine(quotient, direction * scale, order, rounding, max(abs(x), 1.0))
            best = best | _resolved(found, size, quotient, direction * scale)
            if np.all(best.bound <= _ACCURATE * (np.abs(best.slope) + size / max(abs(x), 1.0))):
                break
    return best


def _refine(
    quotient: Quotient, scale: float, order: int, rounding: float, argument: float
) -> tuple[Slope, Floats]:
    """Halve the step and extrapolate until accurate; also the size of the function's values."""
    best = Slope(np.array(np.nan), np.array(np.inf))
    largest = np.array(0.0)
    step = _LARGEST_STEP * scale
    previous: list[Floats] = []
    for _ in range(_HALVINGS):
        slope, size = quotient(step)
        largest = np.fmax(largest, np.where(np.isfinite(size), size, 0.0))
        noise = 8 * (EPSILON * (size + UNDERFLOW) + rounding) / abs(step)
        row = [slope]
        for power, coarse in enumerate(previous[:_DEPTH], 1):
            fine = row[-1]
            row.append(fine + (fine - coarse) / (2.0 ** (order * power) - 1.0))
            if power < len(previous):  # the same extrapolation one step size earlier
                nearby = np.abs(row[-1] - np.array([fine, coarse, previous[power]]))
                best = best | Slope(row[-1], nearby.max(axis=0) + noise)
        if np.all(best.bound <= _ACCURATE * (np.abs(best.slope) + size / argument)):
            break
        previous = row
        step /= 2.0
    return best, largest


def _resolved(found: Slope, size: Floats, quotient: Quotient, scale: float) -> Slope:
    """No bound where the function turns between neighbouring floats, as sin(x) does at 1e20."""
    step = _PROBE_STEP * scale
    turns = np.abs(quotient(step)[0] * step) > _TURN * size
    return Slope(found.slope, np.where(turns, np.inf, found.bound))


def _steepness(function: Function, x: float) -> Floats:
    """How steep the function is up to the largest step: the measure of a slope of 0 at value 0."""
    step = _LARGEST_STEP * (abs(x) or 1.0)
    slopes = np.abs([_one_sided(function, x, side * step)[0] for side in (-1, 1)])
    steepest: Floats = np.where(np.isfinite(slopes), slopes, 0.0).max(axis=0)
    return steepest


def slope_at(function: Function, x: float) -> Slope:
    """The two-sided slope, or at the edge of the domain that on the side inside."""
    both = _extrapolate(function, x)
    if np.isfinite(both.bound).all():
        return both
    return _first_finite(both, _extrapolate(function, x, -1) | _extrapolate(function, x, 1))


def _first_finite(a: Slope, b: Slope) -> Slope:
    finite = np.isfinite(a.bound)
    return Slope(np.where(finite, a.slope, b.slope), np.where(finite, a.bound, b.bound))


# The rule.


@dataclass(frozen=True)
class Verdict:
    """What the differences say of one derivative for each output."""

    x: float
    given: Floats
    right: Bools
    decided: Bools
    kink: Bools
    numeric: Slope
    sides: tuple[Floats, Floats]  # the slopes from the left and from the right, NaN if unknown

    def sides_differ(self, index: int) -> bool:
        """Whether it is known that the slopes on both sides are not the same."""
        return bool(self.kink[index]) and all(math.isfinite(side[index]) for side in self.sides)

    def remark(self, index: int) -> str:
        """Why the derivative need not be the two-sided difference; empty if it must be."""
        if not math.isfinite(self.x):
            return f"the argument is {NOTHING_TO_COMPARE}"
        if not self.decided[index]:
            return (
                "the differences do not converge, as where the function jumps, its slope is "
                "infinite, or it is not the same at every call"
            )
        if self.sides_differ(index):
            low, high = sorted(float(side[index]) for side in self.sides)
            return f"a kink, where every slope from {low + 0.0:.6g} to {high + 0.0:.6g} is right"
        return ""


@dataclass(frozen=True)
class _Range:
    """The derivatives that an estimate lets pass, for each output: none where it does not count."""

    low: Floats
    high: Floats

    @classmethod
    def around(cls, estimate: Slope, margin: Floats, counts: Bools) -> _Range:
        """What is within a margin of the slope."""
        low, high = estimate.slope - margin, estimate.slope + margin
        return cls(np.where(counts, low, np.inf), np.where(counts, high, -np.inf))

    def to(self, other: _Range) -> _Range:
        """From one to the other, with all in between."""
        return _Range(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def holds(self, given: Floats) -> Bools:
        """Whether derivatives lie in it."""
        inside: Bools = (self.low <= given) & (given <= self.high)
        return inside

    def is_apart(self, other: _Range) -> Bools:
        """Whether nothing lies in both."""
        apart: Bools = (self.low > other.high) | (other.low > self.high)
        return apart


def judge(
    function: Function,
    x: float,
    given: Floats,
    rtol: float,
    atol: float = 0.0,
    rounding: float = 0.0,
) -> Verdict:
    """Apply the rule of this module to a derivative of each output."""
    with np.errstate(all="ignore"):
        return _at_once(function, x, given, rtol) or _extrapolated(
            function, x, given, rtol, atol, rounding
        )


def _at_once(function: Function, x: float, given: Floats, rtol: float) -> Verdict | None:
    """The verdict where all derivatives agree with a single difference."""
    quick, _ = _two_sided(function, x, _QUICK_STEP * (abs(x) or 1.0))
    found = Slope(quick, np.abs(given - quick))
    if not np.all(np.isfinite(given) & (found.bound <= rtol * np.abs(given))):
        return None
    every = np.ones(given.shape, dtype=bool)
    return Verdict(x, given, every, every, ~every, found, (quick, quick))


def _extrapolated(
    function: Function, x: float, given: Floats, rtol: float, atol: float, rounding: float
) -> Verdict:
    """The verdict of extrapolated differences from both sides and from each."""
    size = np.maximum(np.abs(function(x)) / max(abs(x), 1.0), _steepness(function, x))
    estimates = [_extrapolate(function, x, side, rounding) for side in (0, -1, 1)]
    magnitude = np.where(np.isfinite(given), np.abs(given), 0.0)
    scales = [np.maximum(np.abs(estimate.slope), magnitude) for estimate in estimates]
    largest = [atol + UNDERFLOW + _CONVERGED * np.maximum(scale, size) for scale in scales]
    converged = [e.bound <= bound for e, bound in zip(estimates, largest, strict=True)]
    counts = _counting(function, x, *converged)
    both, left, right = (
        _Range.around(estimate, atol + rtol * scale + 4 * estimate.bound, count)
        for estimate, scale, count in zip(estimates, scales, counts, strict=True)
    )
    slopes = [np.where(c, e.slope, np.nan) for e, c in zip(estimates, counts, strict=True)]
    return Verdict(
        x,
        given,
        right=both.holds(given) | left.to(right).holds(given),
        decided=counts[0] | counts[1] | counts[2],
        kink=left.is_apart(right),
        numeric=_first_finite(estimates[0], estimates[1] | estimates[2]),
        sides=(slopes[1], slopes[2]),
    )


def _counting(
    function: Function, x: float, both: Bools, left: Bools, right: Bools
) -> tuple[Bools, Bools, Bools]:
    """Which of the estimates that converge count.

    A side alone does only at the edge of the domain: elsewhere the function jumps.
    """
    step = _QUICK_STEP * (abs(x) or 1.0)
    below, above = (~np.isfinite(function(x + side * step)) for side in (-1, 1))
    return both, left & (right | above), right & (left | below)
