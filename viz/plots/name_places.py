"""Where names of points have room: beside their own mark, clear of all others and of each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NamePlace", "places_with_room"]

_CLEAR = 7.0  # points from the middle of a mark to its name
_MARK = 5.0  # half of a mark's width


@dataclass(frozen=True)
class NamePlace:
    """Where a name stands, seen from its point.

    Attributes
    ----------
    across, up : int
        To the left (-1), to the right (1) or centred; below, above or centred.
    """

    across: int
    up: int

    @property
    def offset(self) -> tuple[float, float]:
        """From the point to where the name begins, ends, or has its middle."""
        return (0.0, self.up * _CLEAR) if self.up else (self.across * _CLEAR, 0.0)


_PLACES = [
    NamePlace(1, 0),
    NamePlace(-1, 0),
    *(NamePlace(across, up) for up in (1, -1) for across in (1, -1, 0)),
]

Array = NDArray[np.float64]


def places_with_room(
    spots: Array,
    extents: Array,
    order: Iterable[int],
    size: Array,
    *,
    most: int,
) -> dict[int, NamePlace]:
    """Choose places for the names of some points, as far as there is room.

    Parameters
    ----------
    spots : ndarray of shape (N, 2)
        The points, from the lower left corner of the panel, in points of print.
    extents : ndarray of shape (N, 2)
        Width and height of the name of each.
    order : iterable of int
        Those to be named, the most important ones first.
    size : ndarray of shape (2,)
        Width and height of the panel.
    most : int
        How many names are enough.

    Returns
    -------
    dict of int to NamePlace
        The points that are named, and where.

    Examples
    --------
    >>> spots, size = np.array([[10.0, 50.0], [90.0, 50.0], [92.0, 52.0]]), np.full(2, 100.0)
    >>> places_with_room(spots, np.full((3, 2), 9.0), [0, 1], size, most=9)
    {0: NamePlace(across=1, up=0), 1: NamePlace(across=-1, up=0)}
    """
    taken = np.column_stack([spots - _MARK, spots + _MARK])
    found: dict[int, NamePlace] = {}
    for i in order:
        if len(found) == most:
            break
        for place in _PLACES:
            box = _box(spots[i] + place.offset, extents[i], place)
            if _is_inside(box, size) and not _touches(box, taken):
                found[i] = place
                taken = np.vstack([taken, box])
                break
    return found


def _box(at: Array, extent: Array, place: NamePlace) -> Array:
    """Left, lower, right and upper edge of a name."""
    low = at - extent * (1 - np.array([place.across, place.up])) / 2
    return np.concatenate([low, low + extent])


def _is_inside(box: Array, size: Array) -> bool:
    return bool((box[:2] >= 0.0).all() and (box[2:] <= size).all())


def _touches(box: Array, others: Array) -> bool:
    apart = (others[:, 2:] <= box[:2]) | (others[:, :2] >= box[2:])
    return bool((~apart.any(axis=1)).any())
