"""Text of a strided view of a function's argument."""

from __future__ import annotations

from itertools import pairwise

from ...ir.references import View


def view_text(base: str, view: View, size: int, rows: bool) -> str:
    """A strided view of an argument, as slices and reshapes where they can say it."""
    shape, strides, offset = view.shape, view.strides, view.offset
    if not shape:
        return f"{base}[{offset}, ...]"
    order = sorted(range(len(shape)), key=lambda axis: -strides[axis])
    if all(strides[axis] > 0 for axis in order):
        outer = order[0]
        span = shape[outer] * strides[outer]
        nested = all(
            strides[a] % strides[b] == 0 and strides[a] >= shape[b] * strides[b]
            for a, b in pairwise(order)
        )
        if nested and len(shape) == 1:
            span -= strides[0] - 1  # the last element has no gap behind it
        if nested and offset + span <= size:
            dims = [shape[outer]]
            cuts = [":"]
            for a, b in pairwise(order):
                dims.append(strides[a] // strides[b])
                cuts.append(":" if dims[-1] == shape[b] else f":{shape[b]}")
            last = strides[order[-1]]
            text = f"{base}[{offset}:{offset + span}{f':{last}' if last > 1 else ''}]"
            if len(shape) > 1:
                tail = f", *{base}.shape[1:]" if rows else ""
                text += f".reshape({', '.join(map(str, dims))}{tail})"
                if any(cut != ":" for cut in cuts):
                    text += f"[{', '.join(cuts)}]"
            if order != sorted(order):
                inverse = [order.index(axis) for axis in range(len(shape))]
                axes = [*inverse, len(shape)] if rows else inverse
                text += f".transpose({', '.join(map(str, axes))})"
            return text
    return f"strided({base}, {offset}, {shape}, {strides})"
