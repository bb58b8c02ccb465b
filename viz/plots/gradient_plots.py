"""Gradients beside difference quotients: do they agree, and what is the right step?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.figures import COLOURS, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_gradient_check"]

_SIZE = (5.2, 4.0)  # inches
_EPSILON = float(np.finfo(float).eps)
_ONE_SIDED, _TWO_SIDED = _EPSILON ** (1 / 2), _EPSILON ** (1 / 3)
"""Steps at which the quotients are best: there truncation and rounding are about equal."""
_STEPS = np.logspace(0, -15, 46)
_NO_ERROR = 1e-17  # where a difference of 0 is drawn
_MOST_NAMED = 6  # wrong derivatives
_LINE = 0.9  # of a name, in powers of ten of the error

Vector = NDArray[np.float64]
Function = Callable[[Vector], Any]


def plot_gradient_check(
    gradient: Any,
    differences: ArrayLike | Function,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    at: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    rtol: float = 1e-6,
    atol: float | None = None,
    most: int = 20,
) -> Axes:
    """Draw how far a gradient by backpropagation is from difference quotients.

    Each derivative is a point, its relative error above its size; those above the tolerance are
    crosses with names. Given the function instead of the quotients, there is a second panel: the
    error of the whole gradient over the step h. It falls with h, until rounding, about 1e-16 / h,
    takes over: a V, whose lowest point is the best step.

    Parameters
    ----------
    gradient : array_like, sequence of Value, or model
        The derivatives by backpropagation: P numbers, in lists, tuples or dicts of arrays if need
        be; or what has ``grad``, as ``model.parameters()``, or ``parameters()``. Labels are taken
        for names.
    differences : array_like or callable
        As many difference quotients, as ``autograd_mini.numerical_gradient`` gives them; or the
        function that was differentiated, of an array of P numbers.
    path : str or os.PathLike, optional
        Where to write, if a file is wanted; ends in ``.svg``, ``.png`` or ``.pdf``, in an existing
        directory.
    ax : matplotlib.axes.Axes, optional
        The panel to draw into; with a function, the errors over the step alone. Without it a
        figure is made, which notebooks show.
    at : array_like, optional
        With a function: where the gradient is, P numbers. By default the ``data`` of the Values.
    names : sequence of str, optional
        Of the P derivatives.
    rtol : float, optional
        The largest relative error that is right.
    atol : float, optional
        The largest absolute error that is right; by default 1e-9 of the largest derivative, since
        rounding in the quotients has nothing to do with the size of each.
    most : int, optional
        With a function: of how many of the P derivatives, evenly spread, quotients are taken. Each
        costs about 140 calls.

    Returns
    -------
    matplotlib.axes.Axes
        The panel; of two the first, and ``axes.figure.axes`` has both.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        A gradient or quotients that are no numbers, options of another type.
    ValueError
        Not as many quotients, numbers or names as derivatives; a function without `at`; numbers
        that are not finite; a tolerance that is not; Values whose gradients are all 0 while the
        quotients are not, as before a backward pass; another suffix.
    FileNotFoundError, IsADirectoryError
        If the directory does not exist, or `path` is one itself.

    Examples
    --------
    >>> from viz import new_figure
    >>> axes = new_figure(4.0, 3.0).add_subplot()
    >>> _ = plot_gradient_check([12.0, 9.0], [12.0, 8.0], ax=axes, names=["x", "y"])
    >>> axes.get_title()
    '1 of 2 derivatives is wrong'
    """
    check = _Check.of(gradient, names, rtol, atol)
    if not callable(differences):
        quotients = _numbers(differences, "differences", len(check.gradient))
        check.expect_backward(quotients)
        with canvas(path, ax, _SIZE, caller="plot_gradient_check") as [axes]:
            _draw_agreement(axes, check, quotients)
        return axes
    point, chosen = _point(at, gradient, len(check.gradient)), _chosen(most, len(check.gradient))
    count = 2 if ax is None else 1
    with canvas(path, ax, _SIZE, caller="plot_gradient_check", count=count) as panels:
        slopes = _Slopes(differences, point, chosen)
        quotients = slopes.two_sided(_TWO_SIDED)
        check.expect_backward(quotients)
        if ax is None:
            _draw_agreement(panels[0], check.of_some(chosen), quotients)
        _draw_errors(panels[-1], slopes, check.gradient[chosen])
        differences(point)  # the last call: a function that sets parameters has them as they were
    return panels[0]


@dataclass(frozen=True)
class _Check:
    """The derivatives by backpropagation, what they are called, and how exact they must be."""

    gradient: Vector
    names: list[str]
    rtol: float
    atol: float
    of_values: bool

    @classmethod
    def of(cls, given: Any, names: Sequence[str] | None, rtol: float, atol: float | None) -> _Check:
        values = _values(given)
        own = None if values is None else [value.label for value in values]
        numbers: Any = given if values is None else [value.grad for value in values]
        gradient = _numbers(numbers, "gradient")
        names = own or [f"[{i}]" for i in range(len(gradient))] if names is None else [*names]
        if len(names) != len(gradient):
            raise ValueError(f"names must be {len(gradient)} texts, got {len(names)}")
        size = float(np.abs(gradient).max())
        atol = 1e-9 * size if atol is None else _tolerance(atol, "atol")
        return cls(gradient, names, _tolerance(rtol, "rtol"), atol, values is not None)

    def of_some(self, chosen: NDArray[np.int64]) -> _Check:
        """The same of some of the derivatives."""
        names = [self.names[i] for i in chosen]
        return replace(self, gradient=self.gradient[chosen], names=names)

    def expect_backward(self, quotients: Vector) -> None:
        """Refuse gradients of Values that nobody has computed yet."""
        if self.of_values and quotients.any() and not self.gradient.any():
            raise ValueError(
                "all gradients are 0, the difference quotients are not: call loss.backward() first"
            )


class _Slopes:
    """Difference quotients of a function along some of its arguments."""

    def __init__(self, function: Function, point: Vector, chosen: NDArray[np.int64]) -> None:
        self.function, self.point = function, point
        self.axes = np.eye(len(point))[chosen]
        self.start = self._value(point)

    def _value(self, point: Vector) -> float:
        value: Any = self.function(point)
        return float(getattr(value, "data", value))

    def one_sided(self, h: float) -> Vector:
        """(f(x + h) - f(x)) / h for each."""
        ahead = [self._value(self.point + h * axis) for axis in self.axes]
        return (np.array(ahead) - self.start) / h

    def two_sided(self, h: float) -> Vector:
        """(f(x + h) - f(x - h)) / 2h for each."""
        around = [
            self._value(self.point + h * axis) - self._value(self.point - h * axis)
            for axis in self.axes
        ]
        return np.array(around) / (2.0 * h)


def _draw_agreement(axes: Axes, check: _Check, quotients: Vector) -> None:
    """The relative error of each derivative over its size, and the tolerance."""
    gap = np.abs(check.gradient - quotients)
    size = np.maximum(np.abs(check.gradient), np.abs(quotients))
    wrong = gap > check.rtol * size + check.atol
    errors = np.maximum(np.divide(gap, size, out=np.zeros_like(gap), where=size > 0), _NO_ERROR)
    least = size[size > 0].min(initial=size.max() or 1.0)
    sizes = np.where(size > 0, size, least / 10)  # a logarithmic axis has no 0
    looks: list[tuple[NDArray[np.bool_], dict[str, Any]]] = [
        (~wrong, {"label": "right", "color": COLOURS[0], "marker": "o", "s": 22}),
        (wrong, {"label": "wrong", "color": COLOURS[1], "marker": "X", "s": 60}),
    ]
    for chosen, look in looks:
        if chosen.any():
            look |= {"linewidth": 0.5, "edgecolor": "white", "zorder": 3}
            axes.scatter(sizes[chosen], errors[chosen], **look)
    axes.set_yscale("log")
    _span_decades(axes, sizes)
    _draw_tolerance(axes, check, sizes)
    _name_wrong(axes, check, sizes, errors, wrong)
    axes.set_ylim(_NO_ERROR / 3, 30.0)
    axes.set_title(_verdict(wrong))
    axes.set_xlabel("size of the derivative")
    axes.set_ylabel("relative error against differences")
    axes.legend(loc="best")


def _span_decades(axes: Axes, sizes: Vector) -> None:
    """A logarithmic axis from one power of ten to another: no others need names."""
    from matplotlib.ticker import NullFormatter

    axes.set_xscale("log")
    low, high = np.log10(sizes.min() / 2), np.log10(sizes.max() * 2)
    axes.set_xlim(10.0 ** np.floor(low), 10.0 ** np.ceil(high))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_tolerance(axes: Axes, check: _Check, sizes: Vector) -> None:
    ends = np.logspace(np.log10(sizes.min() / 2), np.log10(sizes.max() * 2), 50)
    allowed = check.rtol + check.atol / ends
    axes.plot(ends, allowed, color="#6b737c", linestyle="--", linewidth=1.2, label="tolerance")


def _name_wrong(
    axes: Axes, check: _Check, sizes: Vector, errors: Vector, wrong: NDArray[np.bool_]
) -> None:
    """Name the worst of the wrong ones, as far as there is room."""
    worst = [i for i in np.argsort(-errors, kind="stable") if wrong[i]]
    middle = np.sqrt(np.prod(axes.get_xlim()))
    named: list[float] = []
    for i in worst:
        left = bool(sizes[i] > middle)  # so that the name has room
        height = float(np.log10(errors[i]))
        if len(named) == _MOST_NAMED or any(abs(height - other) < _LINE for other in named):
            continue
        named.append(height)
        style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "va": "center"}
        place = (-7, 0) if left else (7, 0)
        side = "right" if left else "left"
        axes.annotate(check.names[i], (sizes[i], errors[i]), place, ha=side, **style)


def _verdict(wrong: NDArray[np.bool_]) -> str:
    n, bad = len(wrong), int(wrong.sum())
    if bad == 0:
        return "The derivative is right" if n == 1 else f"All {n} derivatives are right"
    return f"{bad} of {n} derivatives {'is' if bad == 1 else 'are'} wrong"


def _draw_errors(axes: Axes, slopes: _Slopes, gradient: Vector) -> None:
    """The error of both quotients over the step."""
    length = float(np.linalg.norm(gradient)) or 1.0
    for k, (name, quotient, best) in enumerate(
        (("one-sided", slopes.one_sided, _ONE_SIDED), ("two-sided", slopes.two_sided, _TWO_SIDED))
    ):
        errors = [float(np.linalg.norm(quotient(h) - gradient)) / length for h in _STEPS]
        shown = np.maximum(errors, _NO_ERROR)
        style: dict[str, Any] = {"color": COLOURS[k], "marker": "os"[k], "markersize": 3}
        axes.loglog(_STEPS, shown, label=name, linewidth=1.4, gid=name, **style)
        axes.axvline(best, color=COLOURS[k], linestyle=":", linewidth=1.2)
    axes.invert_xaxis()
    axes.set_title("The error depends on the step")
    axes.set_xlabel("step h (dotted: where it should be best)")
    axes.set_ylabel("relative error of the gradient")
    axes.legend()


def _values(given: Any) -> list[Any] | None:
    """The Values of a model, or in a sequence; None for something else."""
    if callable(getattr(given, "parameters", None)):
        given = given.parameters()
    if isinstance(given, (list, tuple)) and given and all(hasattr(each, "grad") for each in given):
        return list(given)
    return None


def _numbers(given: Any, name: str, n: int | None = None) -> Vector:
    try:
        numbers = _flat(given)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must hold numbers: {error}") from error
    if not len(numbers):
        raise ValueError(f"{name} is empty: there is nothing to compare")
    if n is not None and len(numbers) != n:
        raise ValueError(f"{name} must be {n}, one for each derivative, got {len(numbers)}")
    if not np.isfinite(numbers).all():
        [first, *_] = np.flatnonzero(~np.isfinite(numbers)).tolist()
        raise ValueError(f"{name} must be finite, got {numbers[first]} at index {first}")
    return numbers


def _flat(given: Any) -> Vector:
    """All numbers of an array, or of a list, tuple or dict of such, in their order."""
    if isinstance(given, dict):
        given = [*given.values()]
    if isinstance(given, (list, tuple)):
        return np.concatenate([_flat(part) for part in given]) if given else np.empty(0)
    return np.asarray(given, dtype=np.float64).ravel()


def _point(at: ArrayLike | None, gradient: Any, n: int) -> Vector:
    values = _values(gradient)
    if at is None and values is None:
        raise ValueError("with a function pass at=, the numbers at which the gradient was taken")
    return _numbers([value.data for value in values or ()] if at is None else at, "at", n)


def _chosen(most: object, n: int) -> NDArray[np.int64]:
    """At most so many of n indices, evenly spread."""
    if isinstance(most, bool) or not isinstance(most, (int, np.integer)):
        raise TypeError(f"most must be an int, got {most!r}")
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    return np.unique(np.linspace(0, n - 1, min(int(most), n)).astype(np.int64))


def _tolerance(given: object, name: str) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(f"{name} must be a number, got {given!r}")
    if not 0.0 <= given < np.inf:
        raise ValueError(f"{name} must be finite and at least 0, got {given}")
    return float(given)
