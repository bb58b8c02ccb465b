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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.graph import interior_order
from ..core.modes import switched
from ..core.value import Constant, Value, nodes_of
from ..errors import GradientCheckError
from ..table.primitives import PRIMITIVES, Primitive
from .transforms import jacobian, one_number
from .trees import flatten, path, rebuild

Floats = NDArray[np.float64]
Function = Callable[[float], Floats]
Quotient = Callable[[float], tuple[Floats, Floats]]

_EPSILON = float(np.finfo(np.float64).eps)
_UNDERFLOW = float(np.finfo(np.float64).smallest_normal)
_QUICK_STEP = 2.0**-17  # about the cube root of epsilon: best for one two-sided difference
_LARGEST_STEP = 2.0**-7
_HALVINGS = 20
_PROBE_STEP = 2.0**-50  # a few units in the last place
_TURN = 1e-4  # a change by more than this part of its size within the probe step is no slope
_DEPTH = 8  # extrapolations of one estimate; more only amplify rounding
_ACCURATE = 1e-11  # where to stop, relative to the slope or to value over argument
_CONVERGED = 1e-3  # a larger bound, relative to the same, decides nothing
_NOTHING_TO_COMPARE = "not finite, so there is nothing to compare"


def numerical_gradient(f: Callable[..., Any], *args: Any) -> Any:
    """The gradient by two-sided differences, extrapolated to step 0.

    Parameters
    ----------
    f : callable
        Returns one number.  It is called as :func:`grad` calls it, with Values in place of the
        numbers, but records no graph.
    *args : number, array, or list, tuple or dict of such
        Where to differentiate, toward every number in them.

    Returns
    -------
    float, array, list, tuple or dict
        The gradient in the structure of the argument; a tuple of them for several arguments.  At
        the edge of the domain the differences are one-sided; NaN if `f` is finite on neither side.

    Raises
    ------
    TypeError
        If `f` does not return one number, or there is no argument.

    Examples
    --------
    >>> [round(slope, 9) for slope in numerical_gradient(lambda x: x[0] ** 2 * x[1], [3.0, 2.0])]
    [12.0, 9.0]
    """
    point = _numbers(args)
    evaluate = partial(_evaluate, lambda *xs: one_number(f(*xs), "numerical_gradient"), args)
    slopes = [float(_slope(_along(evaluate, point, i), x).slope[0]) for i, x in enumerate(point)]
    results = rebuild(args, slopes)
    return results[0] if len(args) == 1 else results


def gradcheck(f: Callable[..., Any], *args: Any, rtol: float = 1e-6, atol: float = 0.0) -> bool:
    """Check the derivatives of a function by two-sided differences.

    Second derivatives are checked by ``gradcheck(grad(f), ...)``.

    Parameters
    ----------
    f : callable
        Returns numbers in any structure.
    *args : number, array, or list, tuple or dict of such
        Where to check, toward every number in them.
    rtol, atol : float, optional
        Tolerance relative to the derivative, and absolute.  What the differences themselves are
        uncertain by is added.

    Returns
    -------
    bool
        True; a wrong derivative raises.

    Raises
    ------
    GradientCheckError
        Names the worst derivative: which output, which argument, both numbers.  Also if the value
        is not finite, or the differences do not converge: the function jumps, its slope is
        infinite, or it gives another number each time.
    TypeError
        If there is no argument, or an argument or the result holds no numbers.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> gradcheck(lambda x: [ad.sin(x[0]) * x[1], ad.exp(x[1])], [0.5, 2.0])
    True
    >>> gradcheck(lambda x: x * x.detach(), 3.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    autograd_mini.errors.GradientCheckError: 1 of 1 derivatives is wrong; the worst: output toward \
argument 0 at 3.0: backpropagation gives 3.0, two-sided differences give 6.0 +- ...
    """
    point = _numbers(args)
    evaluate = partial(_evaluate, f, args)
    values = evaluate(point)
    if not np.isfinite(values).all():
        raise GradientCheckError(
            f"the function gives {values.tolist()!r:.80} at these arguments: {_NOTHING_TO_COMPARE}"
        )
    derivatives = _jacobian(f, args, point)
    findings = []
    for i, x in enumerate(point):
        verdict = _judge(_along(evaluate, point, i), x, derivatives[:, i], rtol, atol)
        findings += [
            _Finding(verdict, j, _place(f, args, point, j, i), "backpropagation gives")
            for j in np.flatnonzero(~verdict.right).tolist()
        ]
    _report(findings, derivatives.size, "derivatives")
    return True


class Comparison(NamedTuple):
    """A derivative beside the two-sided difference.

    Attributes
    ----------
    difference : float
        What :func:`numerical_gradient` gives.
    agrees : bool
        Whether the derivative is the slope that differences show.
    remark : str
        If it is not: why, in the words of :func:`gradcheck`.
    """

    difference: float
    agrees: bool
    remark: str


def compare(function: Callable[[float], float], x: float, derivative: float) -> Comparison:
    """Put a derivative beside the two-sided difference, by the rule of :func:`gradcheck`.

    Parameters
    ----------
    function : callable
        Of one number.
    x, derivative : float
        Where, and the derivative there.

    Returns
    -------
    Comparison
        The difference, and what it says of the derivative.

    Examples
    --------
    >>> compare(lambda x: max(x, 0.0), 0.0, 0.0).remark
    'a kink, where every slope from 0 to 1 is right'
    """

    def evaluate(x: float) -> Floats:
        return np.array([function(x)])

    value = function(x)
    verdict = _judge(evaluate, x, np.array([derivative]), rtol=1e-6)
    agrees = bool(verdict.right[0]) and not verdict.sides_differ(0)
    remark = "" if agrees else verdict.remark(0)
    if not math.isfinite(value):
        remark = f"the value is {value}, {_NOTHING_TO_COMPARE}"
    return Comparison(float(_slope(evaluate, x).slope[0]), agrees, remark)


def check_local_derivatives(roots: Value | Sequence[Value], *, rtol: float = 1e-6) -> bool:
    """Check every stored local derivative of a graph by differences of the node's own primitive.

    One operand of one node is varied at a time, so that a wrong row of the table is named where
    ``gradcheck`` would see only that the whole is wrong.  Left out are constants, nodes with
    an infinity or NaN in their data or operands, and operands at which the differences do not
    converge; NaN is a right answer at a kink.  A node costs about two evaluations for each operand.

    Parameters
    ----------
    roots : Value or sequence of Value
        The outputs of the graph to check.
    rtol : float, optional
        Tolerance relative to the derivative.

    Returns
    -------
    bool
        True; a wrong local derivative raises.

    Raises
    ------
    GradientCheckError
        Names the operator, the node and the operand of the worst one, and both numbers.
    ValueError
        If the data of leaves has changed since the graph was made.
    TypeError
        If a root is not a Value.

    Examples
    --------
    >>> x = Value(0.5)
    >>> y = x.tanh() * x
    >>> check_local_derivatives(y)
    True
    >>> y.local_derivatives = (0.5, 0.5)  # toward x it should be tanh(x)
    >>> check_local_derivatives(y)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    autograd_mini.errors.GradientCheckError: 1 of 3 local derivatives is wrong; the worst: mul \
toward operand 1 (b) of mul(a=0.46211715..., b=0.5): stored is 0.5, two-sided differences \
give 0.46211715726 +- ...
    """
    order = interior_order(*nodes_of(roots, "roots"))
    for node in order:
        _check_fresh(node)
    findings: list[_Finding] = []
    count = 0
    for node in order:
        if all(math.isfinite(each.data) for each in (node, *node.parents)):
            count += sum(type(parent) is not Constant for parent in node.parents)
            findings += _wrong_operands(node, rtol)
    _report(findings, count, "local derivatives")
    return True


# Differences.


@dataclass(frozen=True)
class _Slope:
    """An estimate for each output, and a bound of its error."""

    slope: Floats
    bound: Floats

    def __or__(self, other: _Slope) -> _Slope:
        """The better of two, output by output."""
        better = other.bound < self.bound
        return _Slope(
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


def _extrapolate(function: Function, x: float, side: int = 0, rounding: float = 0.0) -> _Slope:
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
    best = _Slope(np.array(np.nan), np.array(np.inf))
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
) -> tuple[_Slope, Floats]:
    """Halve the step and extrapolate until accurate; also the size of the function's values."""
    best = _Slope(np.array(np.nan), np.array(np.inf))
    largest = np.array(0.0)
    step = _LARGEST_STEP * scale
    previous: list[Floats] = []
    for _ in range(_HALVINGS):
        slope, size = quotient(step)
        largest = np.fmax(largest, np.where(np.isfinite(size), size, 0.0))
        noise = 8 * (_EPSILON * (size + _UNDERFLOW) + rounding) / abs(step)
        row = [slope]
        for power, coarse in enumerate(previous[:_DEPTH], 1):
            fine = row[-1]
            row.append(fine + (fine - coarse) / (2.0 ** (order * power) - 1.0))
            if power < len(previous):  # the same extrapolation one step size earlier
                nearby = np.abs(row[-1] - np.array([fine, coarse, previous[power]]))
                best = best | _Slope(row[-1], nearby.max(axis=0) + noise)
        if np.all(best.bound <= _ACCURATE * (np.abs(best.slope) + size / argument)):
            break
        previous = row
        step /= 2.0
    return best, largest


def _resolved(found: _Slope, size: Floats, quotient: Quotient, scale: float) -> _Slope:
    """No bound where the function turns between neighbouring floats, as sin(x) does at 1e20."""
    step = _PROBE_STEP * scale
    turns = np.abs(quotient(step)[0] * step) > _TURN * size
    return _Slope(found.slope, np.where(turns, np.inf, found.bound))


def _steepness(function: Function, x: float) -> Floats:
    """How steep the function is up to the largest step: the measure of a slope of 0 at value 0."""
    step = _LARGEST_STEP * (abs(x) or 1.0)
    slopes = np.abs([_one_sided(function, x, side * step)[0] for side in (-1, 1)])
    steepest: Floats = np.where(np.isfinite(slopes), slopes, 0.0).max(axis=0)
    return steepest


def _slope(function: Function, x: float) -> _Slope:
    """The two-sided slope, or at the edge of the domain that on the side inside."""
    both = _extrapolate(function, x)
    if np.isfinite(both.bound).all():
        return both
    return _first_finite(both, _extrapolate(function, x, -1) | _extrapolate(function, x, 1))


def _first_finite(a: _Slope, b: _Slope) -> _Slope:
    finite = np.isfinite(a.bound)
    return _Slope(np.where(finite, a.slope, b.slope), np.where(finite, a.bound, b.bound))


# The rule.


@dataclass(frozen=True)
class _Verdict:
    """What the differences say of one derivative for each output."""

    x: float
    given: Floats
    right: NDArray[np.bool_]
    decided: NDArray[np.bool_]
    kink: NDArray[np.bool_]
    numeric: _Slope
    sides: tuple[Floats, Floats]  # the slopes from the left and from the right, NaN if unknown

    def sides_differ(self, index: int) -> bool:
        """Whether it is known that the slopes on both sides are not the same."""
        return bool(self.kink[index]) and all(math.isfinite(side[index]) for side in self.sides)

    def remark(self, index: int) -> str:
        """Why the derivative need not be the two-sided difference; empty if it must be."""
        if not math.isfinite(self.x):
            return f"the argument is {_NOTHING_TO_COMPARE}"
        if not self.decided[index]:
            return (
                "the differences do not converge, as where the function jumps, its slope is "
                "infinite, or it is not the same at every call"
            )
        if self.sides_differ(index):
            low, high = sorted(float(side[index]) for side in self.sides)
            return f"a kink, where every slope from {low + 0.0:.6g} to {high + 0.0:.6g} is right"
        return ""


def _judge(
    function: Function,
    x: float,
    given: Floats,
    rtol: float,
    atol: float = 0.0,
    rounding: float = 0.0,
) -> _Verdict:
    """Apply the rule of this module to a derivative of each output."""
    every = np.ones(given.shape, dtype=bool)
    with np.errstate(all="ignore"):
        quick, _ = _two_sided(function, x, _QUICK_STEP * (abs(x) or 1.0))
        if np.all(np.isfinite(given) & (np.abs(given - quick) <= rtol * np.abs(given))):
            numeric = _Slope(quick, np.abs(given - quick))
            return _Verdict(x, given, every, every, ~every, numeric, (quick, quick))
        size = np.maximum(np.abs(function(x)) / max(abs(x), 1.0), _steepness(function, x))
        both = _extrapolate(function, x, 0, rounding)
        sides = [_extrapolate(function, x, side, rounding) for side in (-1, 1)]
        magnitude = np.where(np.isfinite(given), np.abs(given), 0.0)
        estimates = (both, *sides)
        scales = [np.maximum(np.abs(estimate.slope), magnitude) for estimate in estimates]
        converged = [
            estimate.bound <= atol + _UNDERFLOW + _CONVERGED * np.maximum(scale, size)
            for estimate, scale in zip(estimates, scales, strict=True)
        ]
        # A side alone counts only at the edge of the domain: elsewhere the function jumps.
        step = _QUICK_STEP * (abs(x) or 1.0)
        outside = [~np.isfinite(function(x + side * step)) for side in (-1, 1)]
        left, right_ = converged[1], converged[2]
        counts = [converged[0], left & (right_ | outside[1]), right_ & (left | outside[0])]
        lows, highs, decided = [], [], np.zeros(given.shape, dtype=bool)
        for estimate, scale, count in zip(estimates, scales, counts, strict=True):
            margin = atol + rtol * scale + 4 * estimate.bound
            lows.append(np.where(count, estimate.slope - margin, np.inf))
            highs.append(np.where(count, estimate.slope + margin, -np.inf))
            decided |= count
        right = (lows[0] <= given) & (given <= highs[0])
        right |= (np.minimum(*lows[1:]) <= given) & (given <= np.maximum(*highs[1:]))
        kink = (lows[1] > highs[2]) | (lows[2] > highs[1])
        slopes = [
            np.where(count, side.slope, np.nan)
            for side, count in zip(sides, counts[1:], strict=True)
        ]
    numeric = _first_finite(both, sides[0] | sides[1])
    return _Verdict(x, given, right, decided, kink, numeric, (slopes[0], slopes[1]))


@dataclass(frozen=True)
class _Finding:
    """One derivative that is not right: output `index` of a verdict."""

    verdict: _Verdict
    index: int
    place: str
    source: str

    @property
    def badness(self) -> float:
        """Relative difference; infinite for what is not finite."""
        given = float(self.verdict.given[self.index])
        slope = float(self.verdict.numeric.slope[self.index])
        difference = abs(given - slope) / max(abs(given), abs(slope), 1e-300)
        return difference if math.isfinite(difference) else math.inf

    def __str__(self) -> str:
        given = float(self.verdict.given[self.index])
        slope = float(self.verdict.numeric.slope[self.index])
        bound = float(self.verdict.numeric.bound[self.index])
        text = f"{self.place}: {self.source} {given!r}"
        if self.verdict.decided[self.index]:
            text += f", two-sided differences give {slope:.12} +- {bound:.1e}"
        remark = self.verdict.remark(self.index)
        return f"{text}; {remark}" if remark else text


def _report(findings: Sequence[_Finding], count: int, what: str) -> None:
    """Raise for the worst of the findings, if there are any."""
    if findings:
        worst = max(findings, key=lambda finding: finding.badness)
        verb = "is" if len(findings) == 1 else "are"
        raise GradientCheckError(
            f"{len(findings)} of {count} {what} {verb} wrong; the worst: {worst}"
        )


# Functions of users.


def _numbers(args: Sequence[Any]) -> list[float]:
    """The numbers in the arguments."""
    if not args:
        raise TypeError("expected arguments to differentiate toward, got none")
    leaves = [leaf for i, arg in enumerate(args) for leaf in flatten(arg, f"argument {i}")]
    return [leaf.data if isinstance(leaf, Value) else leaf for leaf in leaves]


def _evaluate(f: Callable[..., Any], args: Sequence[Any], point: Sequence[float]) -> Floats:
    """The outputs of `f` at other numbers: no graph, and steps may leave the domain."""
    with switched(recording=False, anomaly=False):
        output = f(*rebuild(tuple(args), [Value(x) for x in point]))
    return _floats(output)


def _floats(output: Any) -> Floats:
    outputs = flatten(output, "the result of the function")
    return np.array([o.data if isinstance(o, Value) else o for o in outputs], dtype=np.float64)


def _along(evaluate: Callable[[Sequence[float]], Floats], point: list[float], i: int) -> Function:
    """The function of number `i` alone."""
    return lambda x: evaluate([*point[:i], x, *point[i + 1 :]])


def _jacobian(f: Callable[..., Any], args: Sequence[Any], point: Sequence[float]) -> Floats:
    """Derivative of each output toward each number, by backpropagation."""
    every = jacobian(lambda *xs: flatten(f(*xs)), range(len(args)))
    rows = every(*rebuild(tuple(args), point))
    return np.array([_floats(row) for row in rows]).reshape(len(rows), len(point))


def _place(
    f: Callable[..., Any], args: Sequence[Any], point: Sequence[float], output: int, i: int
) -> str:
    """Where a derivative stands, for the message."""
    with switched(recording=False, anomaly=False):
        result = f(*rebuild(tuple(args), [Value(x) for x in point]))
    argument = path(list(args), i).removeprefix("[").replace("]", "", 1)
    return f"output{path(result, output)} toward argument {argument} at {point[i]!r}"


# Nodes.


def _check_fresh(node: Value) -> None:
    """Refuse a node that does not hold what its operands give."""
    data = PRIMITIVES[node.op].evaluate([parent.data for parent in node.parents])
    both_nan = data != data and node.data != node.data
    if not (both_nan or math.isclose(data, node.data, rel_tol=1e-9)):
        raise ValueError(
            f"{_name(node)} holds {node.data!r}, but its operands give {data!r}: the data of a "
            "leaf has changed since; call recompute first"
        )


def _wrong_operands(node: Value, rtol: float) -> list[_Finding]:
    """The operands toward which a node's local derivative is wrong."""
    row = PRIMITIVES[node.op]
    operands = [parent.data for parent in node.parents]
    evaluate = partial(_evaluate_row, row)
    with np.errstate(all="ignore"):
        derivatives = np.array(row.linearize(operands)[1])
        sensitivity = np.abs(np.multiply(operands, derivatives))
        nudged = [x * (1.0 + (-1) ** i * _EPSILON) for i, x in enumerate(operands)]
        wiggle = np.abs(np.subtract(row.linearize(nudged)[1], derivatives))
    findings = []
    for i, parent in enumerate(node.parents):
        if type(parent) is Constant:
            continue
        given = np.array([node.local_derivatives[i]])
        # What rounding of the other operands can do to the value (the operand under test is left
        # out, so that a wrong derivative cannot excuse itself), and to the derivative.
        with np.errstate(all="ignore"):
            rounding = _EPSILON * float(np.nansum(np.delete(sensitivity, i)))
        atol = _UNDERFLOW + 4 * (float(wiggle[i]) if math.isfinite(wiggle[i]) else 0.0)
        function = _along(evaluate, operands, i)
        verdict = _judge(function, operands[i], given, rtol, atol, rounding)
        unknown = math.isnan(given[0]) and verdict.kink[0]  # an honest answer at a kink
        if verdict.decided[0] and not verdict.right[0] and not unknown:
            place = f"{node.op} toward operand {i} ({_operand_names(node)[i]}) of {_name(node)}"
            findings.append(_Finding(verdict, 0, place, "stored is"))
    return findings


def _evaluate_row(row: Primitive, operands: Sequence[float]) -> Floats:
    return np.array([row.evaluate(operands)])


def _operand_names(node: Value) -> list[str]:
    """A name for each parent: that of the row's operand, numbered in a vector."""
    row = PRIMITIVES[node.op]
    names: list[str] = []
    for operand, group in zip(row.operands, row.split(node.parents), strict=True):
        if operand.kind == "vector":
            names += [f"{operand.name}[{i}]" for i in range(len(group))]
        elif isinstance(group, Value):
            names.append(operand.name)
    return names


def _name(node: Value) -> str:
    """The node as a call, with its label if it has one."""
    operands = [
        f"{name}={parent.data!r}"
        for name, parent in zip(_operand_names(node)[:8], node.parents, strict=False)
    ]
    more = ", ..." if len(node.parents) > 8 else ""
    label = f"{node.label!r} = " if node.label else ""
    return f"{label}{node.op}({', '.join(operands)}{more})"
