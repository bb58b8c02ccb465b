"""Gradients beside difference quotients: do they agree, and what is the right step?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd_mini.textbook_names import textbook_names
from viz.figures import canvas, colours, draw_legend, ink, span_decades
from viz.options import whole_number
from viz.plots.name_places import places_with_room
from viz.plots.plot_arguments import finite_array, names_of, real_array, real_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_gradient_check"]

_SIZE = (5.2, 4.0)  # inches
_EPSILON = float(np.finfo(float).eps)
_ONE_SIDED, _TWO_SIDED = _EPSILON ** (1 / 2), _EPSILON ** (1 / 3)
"""Steps at which the quotients are best: there truncation and rounding are about equal."""
_STEPS = np.logspace(0, -15, 46)
_NO_ERROR = 1e-17  # where a difference of 0 is drawn
_SMALLEST = 1e-290  # size of a derivative that is drawn where it belongs
_TOO_LONG = 1e100  # an error of which the square may be none
_MOST_NAMED = 8  # wrong derivatives
_FONT = 8.0  # of their names, in points
_SHRUNK = 0.9  # a panel once its axes have names, of what it was before
_HORIZONTAL, _VERTICAL = (
    {-1: "right", 0: "center", 1: "left"},
    {-1: "top", 0: "center", 1: "bottom"},
)
_QUIET = "#6b737c"

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
        for names, of a network's parameters those of textbooks, w¹₁₂.
    differences : array_like or callable
        As many difference quotients, as ``autograd_mini.numerical_gradient`` gives them; or the
        function that was differentiated, of an array of P numbers.
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
    TypeError
        A gradient or quotients that are no numbers, options of another type.
    ValueError
        Not as many quotients, numbers or names as derivatives; a function without `at`; numbers
        that are not finite; a tolerance that is not; Values whose gradients are all 0 while the
        quotients are not, as before a backward pass; another suffix.

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
    with (
        canvas(path, ax, _SIZE, caller="plot_gradient_check", count=count) as panels,
        _put_back(differences, point),
    ):
        slopes = _Slopes(differences, point, chosen)
        quotients = _numbers(slopes.two_sided(_TWO_SIDED), "differences")
        check.expect_backward(quotients)
        if ax is None:
            _draw_agreement(panels[0], check.of_some(chosen), quotients)
        _draw_errors(panels[-1], slopes, check.gradient[chosen])
    return panels[0]


@contextmanager
def _put_back(function: Function, point: Vector) -> Iterator[None]:
    """End with a call at the point: a function that sets parameters has them as they were."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # there is another one to tell of
            function(point)
        raise
    function(point)


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
        gradient = _numbers([value.grad for value in values] if values else given, "gradient")
        if names is None:
            labels = [value.label for value in values] if values else [""] * len(gradient)
            known = textbook_names(labels)
            names = [
                name.text if name else label or f"[{i}]"
                for i, (label, name) in enumerate(zip(labels, known, strict=True))
            ]
        names = names_of(names, "names", len(gradient), "derivative")
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
        self.function, self.point, self.chosen = function, point, chosen
        self.start = self._value(point)
        if not np.isfinite(self.start):
            raise ValueError(f"the function is {self.start} where the gradient was taken")

    def _value(self, point: Vector) -> float:
        value: Any = self.function(point)
        value = value.data if hasattr(value, "local_derivatives") else value
        number = real_array(value, "what the function returns", "one real number or a Value")
        if number.ndim:
            raise TypeError(f"the function must return one number, got shape {number.shape}")
        return float(number)

    def _values(self, h: float) -> Vector:
        return np.array([self._value(self._moved(i, h)) for i in self.chosen])

    def _moved(self, i: int, h: float) -> Vector:
        moved = self.point.copy()
        moved[i] += h
        return moved

    def one_sided(self, h: float) -> Vector:
        """(f(x + h) - f(x)) / h for each."""
        return _slope(self._values(h), self.start, h)

    def two_sided(self, h: float) -> Vector:
        """(f(x + h) - f(x - h)) / 2h for each."""
        return _slope(self._values(h), self._values(-h), 2.0 * h)


def _slope(ahead: Vector, behind: Vector | float, run: float) -> Vector:
    with np.errstate(over="ignore", invalid="ignore"):  # where the function is infinite
        return (ahead - behind) / run


def _draw_agreement(axes: Axes, check: _Check, quotients: Vector) -> None:
    """The relative error of each derivative over its size, and the tolerance."""
    gap = np.abs(check.gradient - quotients)
    size = np.maximum(np.abs(check.gradient), np.abs(quotients))
    with np.errstate(over="ignore"):  # of tolerances that allow everything
        wrong = gap > check.rtol * size + check.atol
    errors = np.maximum(np.divide(gap, size, out=np.zeros_like(gap), where=size > 0), _NO_ERROR)
    least = size[size > 0].min(initial=size.max() or 1.0)
    sizes = np.maximum(np.where(size > 0, size, least / 10), _SMALLEST)  # there is no 0 on the axis
    axes.set_yscale("log")
    axes.set_ylim(_NO_ERROR / 3, 30.0)
    span_decades(axes, "x", sizes)
    _draw_tolerance(axes, check)
    worst = [i for i in np.argsort(-errors, kind="stable") if wrong[i]]
    named = _name_some(axes, check.names, sizes, errors, worst)
    some = f", {named} of {len(worst)} named" * (named < len(worst))
    blue, orange, *_ = colours(axes)
    looks: list[tuple[NDArray[np.bool_], dict[str, Any]]] = [
        (~wrong, {"label": "right", "color": blue, "marker": "o", "s": 22}),
        (wrong, {"label": f"wrong{some}", "color": orange, "marker": "X", "s": 60}),
    ]
    for chosen, look in looks:
        if chosen.any():
            look |= {"linewidth": 0.5, "edgecolor": axes.get_facecolor(), "zorder": 3}
            axes.scatter(sizes[chosen], errors[chosen], **look)
    axes.set_title(_verdict(wrong))
    axes.set_xlabel("size of the derivative")
    axes.set_ylabel("relative error against differences")
    draw_legend(axes, loc="best")


def _draw_tolerance(axes: Axes, check: _Check) -> None:
    ends = np.geomspace(*axes.get_xlim(), 50)
    with np.errstate(over="ignore"):
        allowed = np.minimum(check.rtol + check.atol / ends, 1e3)  # above the panel
    axes.plot(ends, allowed, color=_QUIET, linestyle="--", linewidth=1.2, label="tolerance")


def _name_some(
    axes: Axes, names: Sequence[str], sizes: Vector, errors: Vector, worst: Sequence[int]
) -> int:
    """Name the worst of the wrong ones, as far as there is room, and say how many."""
    figure: Any = axes.figure
    panel = np.array(axes.bbox.size) * _SHRUNK * 72 / figure.dpi  # in points
    spots = axes.transLimits.transform(axes.transScale.transform(np.column_stack([sizes, errors])))
    extents = np.array([_extent(name) for name in names])
    named = places_with_room(spots * panel, extents, worst, panel, most=_MOST_NAMED)
    for i, place in named.items():
        style: dict[str, Any] = {
            "fontsize": _FONT,
            "color": ink(axes),
            "textcoords": "offset points",
        }
        style |= {"ha": _HORIZONTAL[place.across], "va": _VERTICAL[place.up]}
        axes.annotate(names[i], (sizes[i], errors[i]), place.offset, **style)
    return len(named)


def _extent(name: str) -> tuple[float, float]:
    """Width and height of a name, with some room."""
    from matplotlib.textpath import TextPath

    lines = name.split("\n")
    width = max(TextPath((0.0, 0.0), line, size=_FONT).get_extents().width for line in lines)
    return width + 3.0, 1.25 * _FONT * len(lines)


def _verdict(wrong: NDArray[np.bool_]) -> str:
    n, bad = len(wrong), int(wrong.sum())
    if bad == 0:
        return "The derivative is right" if n == 1 else f"All {n} derivatives are right"
    return f"{bad} of {n} derivatives {'is' if bad == 1 else 'are'} wrong"


def _draw_errors(axes: Axes, slopes: _Slopes, gradient: Vector) -> None:
    """The error of both quotients over the step."""
    size = float(np.abs(gradient).max()) or 1.0  # whose square may be too large for a float
    length = float(np.linalg.norm(gradient / size)) or 1.0
    for k, (name, quotient, best) in enumerate(
        (("one-sided", slopes.one_sided, _ONE_SIDED), ("two-sided", slopes.two_sided, _TWO_SIDED))
    ):
        errors = [_length(quotient(h) / size - gradient / size) / length for h in _STEPS]
        style: dict[str, Any] = {"color": colours(axes)[k], "marker": "os"[k], "markersize": 3}
        axes.loglog(_STEPS, np.maximum(errors, _NO_ERROR), label=name, gid=name, **style)
        axes.axvline(best, color=style["color"], linestyle=":", linewidth=1.2)
    axes.invert_xaxis()
    axes.set_title("The error depends on the step")
    axes.set_xlabel("step h (dotted: where it should be best)")
    axes.set_ylabel("relative error of the gradient")
    draw_legend(axes)


def _length(vector: Vector) -> float:
    """The length of a vector; NaN, which is not drawn, if it is not finite or too large."""
    if not np.isfinite(vector).all() or np.abs(vector).max() > _TOO_LONG:
        return np.nan
    return float(np.linalg.norm(vector))


def _values(given: Any) -> list[Any] | None:
    """The Values of a model, or in a sequence; None for something else."""
    if isinstance(given, type):
        raise TypeError(f"gradient is the class {given.__name__}, not an object of it: call it")
    if callable(getattr(given, "parameters", None)):
        given = [*given.parameters()]
    if _is_leaf(given):
        return [given]
    if isinstance(given, (list, tuple)) and given and all(map(_is_leaf, given)):
        return list(given)
    return None


def _is_leaf(given: object) -> bool:
    return hasattr(given, "grad") and hasattr(given, "label")


def _numbers(given: Any, name: str, n: int | None = None) -> Vector:
    numbers = finite_array(_flat(given, name), name)
    if not len(numbers):
        raise ValueError(f"{name} is empty: there is nothing to compare")
    if n is not None and len(numbers) != n:
        raise ValueError(
            f"{name} must be {n}, one for each derivative of the gradient, got {len(numbers)}"
        )
    return numbers


def _flat(given: Any, name: str) -> Vector:
    """All numbers of an array, or of a list, tuple or dict of such, in their order."""
    if isinstance(given, dict):
        given = [*given.values()]
    if isinstance(given, (list, tuple)):
        return np.concatenate([np.empty(0), *(_flat(part, name) for part in given)])
    return real_array(given, name).ravel()


def _point(at: ArrayLike | None, gradient: Any, n: int) -> Vector:
    values = _values(gradient)
    if at is None and values is None:
        raise ValueError(
            "differences is a function: pass at=, too, the numbers where the gradient was taken"
        )
    return _numbers([value.data for value in values or ()] if at is None else at, "at", n)


def _chosen(most: object, n: int) -> NDArray[np.int64]:
    """At most so many of n indices, evenly spread."""
    most = whole_number(most, "most")
    return np.unique(np.linspace(0, n - 1, min(most, n)).astype(np.int64))


def _tolerance(given: object, name: str) -> float:
    number = real_number(given, name)
    if not 0.0 <= number < np.inf:
        raise ValueError(f"{name} must be finite and at least 0, got {number}")
    return number
