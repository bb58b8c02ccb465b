"""Derivatives checked against differences of values, by the rule of the table's `differences`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..core.coerce import nodes_of
from ..core.graph import interior_order
from ..core.modes import switched
from ..core.value import Constant, Value
from ..errors import GradientCheckError
from ..table.differences import NOTHING_TO_COMPARE, Floats, Function, Verdict, judge, slope_at
from ..table.primitives import PRIMITIVES
from ..table.registration import wrong_partials
from .transforms import jacobian, one_number
from .trees import flatten, path, rebuild


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
    slopes = [float(slope_at(_along(evaluate, point, i), x).slope[0]) for i, x in enumerate(point)]
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
            f"the function gives {values.tolist()!r:.80} at these arguments: {NOTHING_TO_COMPARE}"
        )
    derivatives = _jacobian(f, args, point)
    findings = []
    for i, x in enumerate(point):
        verdict = judge(_along(evaluate, point, i), x, derivatives[:, i], rtol, atol)
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
    verdict = judge(evaluate, x, np.array([derivative]), rtol=1e-6)
    agrees = bool(verdict.right[0]) and not verdict.sides_differ(0)
    remark = "" if agrees else verdict.remark(0)
    if not math.isfinite(value):
        remark = f"the value is {value}, {NOTHING_TO_COMPARE}"
    return Comparison(float(slope_at(evaluate, x).slope[0]), agrees, remark)


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


@dataclass(frozen=True)
class _Finding:
    """One derivative that is not right: output `index` of a verdict."""

    verdict: Verdict
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
    fixed = [type(parent) is Constant for parent in node.parents]
    findings = []
    given = node.local_derivatives
    for i, verdict in wrong_partials(row, operands, given, constant=fixed, rtol=rtol):
        place = f"{node.op} toward operand {i} ({_operand_names(node)[i]}) of {_name(node)}"
        findings.append(_Finding(verdict, 0, place, "stored is"))
    return findings


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
