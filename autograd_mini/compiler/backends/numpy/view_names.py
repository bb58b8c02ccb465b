"""What the name of a view adds to the name of the array that it belongs to."""

from __future__ import annotations

from ...ir.references import View


def ending(view: View, whole: View) -> str:
    """How a view differs from the array that it begins in, as the end of its name.

    Examples
    --------
    >>> from autograd_mini.compiler.ir.spaces import VALUE
    >>> whole = View(VALUE, 2, (3, 4), (4, 1))
    >>> ending(View(VALUE, 2, (4, 3), (1, 4)), whole)
    '_T'
    >>> ending(View(VALUE, 2, (12,), (1,)), whole)
    '_flat'
    >>> ending(View(VALUE, 4, (2,), (1,)), View(VALUE, 2, (4,), (1,)))
    '_2_4'
    """
    if view.repeated_axes:
        return ending(view.without_repeats, whole) + "_repeated"
    if view == whole:
        return ""
    if view.run is None or view.size == whole.size:
        return _arranged(view, whole)
    start, stop = (k - whole.offset for k in view.run)
    if stop > whole.size:
        return "_with_1" if (start, stop) == (0, whole.size + 1) else "_onward"
    if len(whole.shape) != 1:
        return "_part"
    return f"_{start}" if view.size == 1 else f"_{start}_{stop}"


def _arranged(view: View, whole: View) -> str:
    if not view.is_distinct:
        return "_patches"
    if view.size != whole.size or view.offset != whole.offset or view.run is None:
        return "_part"
    if view.size == 1:
        return "_row"
    if len(view.shape) == 1:
        return "_flat"
    axes, others = (list(zip(*sizes, strict=True)) for sizes in (view[2:], whole[2:]))
    if axes == others[::-1]:
        return "_T"
    return "_transposed" if sorted(axes) == sorted(others) else "_reshaped"
