"""Text of the NumPy call that contracts two arrays: a matrix product wherever it is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .calls import Calls


class Product(NamedTuple):
    """Two arrays and the one that their contraction is written into.

    Attributes
    ----------
    a, b, out : str
        Names of the arrays.
    a_axes, b_axes, out_axes : str
        One letter for each axis.
    plain : bool
        Whether all arrays lie in memory without gaps.
    """

    a: str
    a_axes: str
    b: str
    b_axes: str
    out: str
    out_axes: str
    plain: bool = False

    @property
    def summed(self) -> list[str]:
        """The axes that both factors have and the result has not."""
        return [c for c in self.a_axes if c in self.b_axes and c not in self.out_axes]

    @property
    def alone(self) -> set[str]:
        """The axes that only one factor has."""
        return (set(self.a_axes) ^ set(self.b_axes)) - set(self.out_axes)

    @property
    def repeated(self) -> set[str]:
        """The axes that only the result has."""
        return set(self.out_axes) - set(self.a_axes) - set(self.b_axes)


def contraction(
    calls: Calls,
    a: str,
    a_axes: str,
    b: str,
    b_axes: str,
    out: str,
    out_axes: str,
    plain: bool = False,
) -> str:
    """Return the statement ``out = sum over the axes not in out of a * b``.

    Parameters
    ----------
    calls : Calls
        Where the function that it calls is noted.
    a, b, out : str
        Names of the arrays.
    a_axes, b_axes, out_axes : str
        One letter for each axis.
    plain : bool, optional
        Whether all arrays lie in memory without gaps, so that ``np.dot`` needs no copies.

    Returns
    -------
    str
        A statement that writes into `out`.

    Examples
    --------
    >>> contraction(Calls(), "W", "am", "x", "mn", "z", "an")
    'np.matmul(W, x, out=z)'
    >>> contraction(Calls(), "d_z", "an", "x", "mn", "d_W", "am")
    'np.matmul(d_z, x.T, out=d_W)'
    """
    return _written(calls, Product(a, a_axes, b, b_axes, out, out_axes, plain))


def _written(calls: Calls, product: Product) -> str:
    texts = (form(calls, product) for form in FORMS)
    return next(text for text in texts if text is not None)


def lone(calls: Calls, p: Product) -> str | None:
    """Where an axis belongs to one factor only: that is added up before it meets the other."""
    if not p.alone:
        return None
    a, a_axes = _without(calls, p.a, p.a_axes, p.alone)
    b, b_axes = _without(calls, p.b, p.b_axes, p.alone)
    return _written(calls, Product(a, a_axes, b, b_axes, p.out, p.out_axes))


def _without(calls: Calls, name: str, axes: str, lone: set[str]) -> tuple[str, str]:
    """Text that reads an array added up along some axes, and the axes that remain."""
    at = [str(k) for k, axis in enumerate(axes) if axis in lone]
    if not at:
        return name, axes
    axis = at[0] if len(at) == 1 else f"({', '.join(at)})"
    rest = "".join(c for c in axes if c not in lone)
    return calls.text("np.add.reduce", f"{name}, axis={axis}"), rest


def repeated(calls: Calls, p: Product) -> str | None:
    """Where an axis belongs to the result only."""
    if not p.repeated:
        return None
    own = "".join(c for c in p.out_axes if c not in p.repeated)
    text = calls.text("np.einsum", f"'{p.a_axes},{p.b_axes}->{own}', {p.a}, {p.b}")
    index = ", ".join("None" if c in p.repeated else ":" for c in p.out_axes)
    return f"{p.out}[...] = {text}[{index}]"


def elementwise(calls: Calls, p: Product) -> str | None:
    """Where nothing is summed."""
    if p.summed:
        return None
    left, right = _fit(p.a, p.a_axes, p.out_axes), _fit(p.b, p.b_axes, p.out_axes)
    return calls.text("np.multiply", f"{left}, {right}, out={p.out}")


def inner(calls: Calls, p: Product) -> str | None:
    """Two vectors give a number."""
    if p.out_axes or len(p.summed) != 1:
        return None
    return f"{p.out}[...] = {calls.text('np.dot', f'{p.a}, {p.b}')}"


def vecdot(calls: Calls, p: Product) -> str | None:
    """Vectors beside vectors give a number each."""
    if len(p.summed) != 1 or not p.a_axes == p.b_axes == p.out_axes + p.summed[0]:
        return None
    return calls.text("np.vecdot", f"{p.a}, {p.b}, out={p.out}")


def matmul(calls: Calls, p: Product) -> str | None:
    """Matrices, or stacks of them."""
    if len(p.summed) != 1:
        return None
    matrices = len(p.a_axes) == len(p.b_axes) == len(p.out_axes) == 2
    function = "np.dot" if p.plain and matrices else "np.matmul"
    a, b = (p.a, p.a_axes), (p.b, p.b_axes)
    for left, right in ((a, b), (b, a)):
        arguments = _matmul(*left, *right, p.summed[0], p.out, p.out_axes)
        if arguments is not None:
            return calls.text(function, arguments)
    return None


def tensordot(calls: Calls, p: Product) -> str | None:
    """A matrix product once several axes are seen as one."""
    if set(p.a_axes) & set(p.b_axes) & set(p.out_axes):
        return None
    places = [[axes.index(c) for c in p.summed] for axes in (p.a_axes, p.b_axes)]
    product = calls.text("np.tensordot", f"{p.a}, {p.b}, axes=({places[0]}, {places[1]})")
    free = [c for c in p.a_axes + p.b_axes if c in p.out_axes]
    order = tuple([free.index(c) for c in p.out_axes])
    if order != tuple(sorted(order)):
        product += f".transpose({order})"
    return f"{p.out}[...] = {product}"


def einsum(calls: Calls, p: Product) -> str:
    """Whatever is left."""
    axes = f"'{p.a_axes},{p.b_axes}->{p.out_axes}'"
    return calls.text("np.einsum", f"{axes}, {p.a}, {p.b}, out={p.out}")


FORMS: tuple[Callable[[Calls, Product], str | None], ...] = (
    lone,
    repeated,
    elementwise,
    inner,
    vecdot,
    matmul,
    tensordot,
    einsum,
)
"""What a contraction may be: the first that it is, is written."""


def _matmul(
    x: str, x_axes: str, y: str, y_axes: str, k: str, out: str, out_axes: str
) -> str | None:
    """The arguments of the product of stacked matrices ``x[..., i, k] @ y[..., k, j]``, or None."""
    only_x = [c for c in x_axes if c not in y_axes]
    only_y = [c for c in y_axes if c not in x_axes]
    if len(out_axes) >= 2 and out_axes[-2] in only_x and out_axes[-1] in only_y:
        i, j, stack = out_axes[-2], out_axes[-1], out_axes[:-2]
        left = _fit(x, x_axes, _needed(stack, x_axes) + i + k)
        right = _fit(y, y_axes, _needed(stack, y_axes) + k + j)
        return f"{left}, {right}, out={out}"
    if out_axes[-1] in only_x and len(only_x) == 1 and not only_y:
        i, stack = out_axes[-1], out_axes[:-1]
        left = _fit(x, x_axes, _needed(stack, x_axes) + i + k)
        if not stack:
            return f"{left}, {y}, out={out}"
        right = _fit(y, y_axes, _needed(stack, y_axes) + k)
        return f"{left}, {right}[..., None], out={out}[..., None]"
    return None


def _needed(stack: str, axes: str) -> str:
    """The stack axes from the first one that the array has: those before are broadcast."""
    for position, axis in enumerate(stack):
        if axis in axes:
            return stack[position:]
    return ""


def _fit(name: str, axes: str, wanted: str) -> str:
    """Text that reads an array with its axes in the wanted order; those it lacks are 1 long."""
    if not axes:
        return name
    order = [axes.index(axis) for axis in wanted if axis in axes]
    if order != sorted(order):
        swapped = order == [*range(len(order))][::-1]
        name = f"{name}.T" if swapped else f"{name}.transpose({', '.join(map(str, order))})"
    if len(order) == len(wanted) or not set(wanted) - set(axes):
        return name
    return f"{name}[{', '.join(':' if axis in axes else 'None' for axis in wanted)}]"
