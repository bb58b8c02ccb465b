"""Text of the NumPy call that contracts two arrays: a matrix product wherever it is one."""

from __future__ import annotations

from .calls import Calls


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
    alone = [c for c in a_axes if c not in b_axes + out_axes]
    alone += [c for c in b_axes if c not in a_axes + out_axes]
    spread = [c for c in out_axes if c not in a_axes + b_axes]
    if alone or spread:  # an axis that only one of the three arrays has
        own = "".join(c for c in out_axes if c not in spread)
        text = calls.text("np.einsum", f"'{a_axes},{b_axes}->{own}', {a}, {b}")
        index = ", ".join("None" if c in spread else ":" for c in out_axes)
        return f"{out}[...] = {text}[{index}]" if spread else f"{out}[...] = {text}"
    summed = [axis for axis in a_axes if axis in b_axes and axis not in out_axes]
    if not summed:
        left, right = _fit(a, a_axes, out_axes), _fit(b, b_axes, out_axes)
        return calls.text("np.multiply", f"{left}, {right}, out={out}")
    if len(summed) == 1:
        if not out_axes:
            return f"{out}[...] = {calls.text('np.dot', f'{a}, {b}')}"
        if a_axes == b_axes == out_axes + summed[0]:
            return calls.text("np.vecdot", f"{a}, {b}, out={out}")
        matrices = len(a_axes) == len(b_axes) == len(out_axes) == 2
        function = "np.dot" if plain and matrices else "np.matmul"
        for x, y in (((a, a_axes), (b, b_axes)), ((b, b_axes), (a, a_axes))):
            arguments = _matmul(*x, *y, summed[0], out, out_axes)
            if arguments is not None:
                return calls.text(function, arguments)
    if not set(a_axes) & set(b_axes) & set(out_axes):
        free = [c for c in a_axes if c in out_axes] + [c for c in b_axes if c in out_axes]
        a_positions = [a_axes.index(c) for c in summed]
        b_positions = [b_axes.index(c) for c in summed]
        axes = f"({a_positions}, {b_positions})"
        product = calls.text("np.tensordot", f"{a}, {b}, axes={axes}")
        order = tuple(free.index(c) for c in out_axes)
        if order != tuple(sorted(order)):
            product += f".transpose({order})"
        return f"{out}[...] = {product}"
    return calls.text("np.einsum", f"'{a_axes},{b_axes}->{out_axes}', {a}, {b}, out={out}")


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
    order = [axes.index(axis) for axis in wanted if axis in axes]
    if order != sorted(order):
        swapped = order == [*range(len(order))][::-1]
        name = f"{name}.T" if swapped else f"{name}.transpose({', '.join(map(str, order))})"
    if len(order) == len(wanted) or not set(wanted) - set(axes):
        return name
    return f"{name}[{', '.join(':' if axis in axes else 'None' for axis in wanted)}]"
