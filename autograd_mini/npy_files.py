"""Arrays of real numbers from the bytes of NumPy's .npy files; for packages built on the engine."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_START = b"\x93NUMPY\x01\x00"  # and the header's length in two bytes; later versions bear names
_SIZE = rb"(?:0|[1-9]\d{0,18})"
_HEADER = re.compile(
    rb"\{'descr': '([^'\\]{1,20})', 'fortran_order': (False|True), "
    rb"'shape': \(((?:%b,|%b(?:, %b){1,63})?)\), \} *\n" % (_SIZE, _SIZE, _SIZE)
)
_REAL = re.compile(rb"[<>|=][biuf][1-9]\d?")


def array_from_npy(content: bytes) -> NDArray[Any]:
    """Read what `numpy.save` writes of an array of real numbers; believe nothing in it.

    NumPy's own reader parses the header as Python, which fails in many ways, and takes the memory
    that it declares. Here it must have, sign by sign, the form in which NumPy writes it, and the
    declared size must be that of the bytes that follow.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    numpy.ndarray
        A writeable array.

    Raises
    ------
    ValueError
        Anything else: damaged, cut off, another type, another version of the format.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, [1.5, 2.0])
    >>> array_from_npy(file.getvalue())
    array([1.5, 2. ])
    >>> array_from_npy(file.getvalue()[:-1])
    Traceback (most recent call last):
    ValueError: its header declares 16 bytes of numbers, 15 follow
    """
    if not content.startswith(_START):
        raise ValueError("it is no array in version 1.0 of NumPy's format")
    first = len(_START) + 2
    end = first + int.from_bytes(content[first - 2 : first], "little")
    header = _HEADER.fullmatch(content[first:end])
    if header is None or len(content) < end:
        raise ValueError("its header is not as numpy.save writes it for an array of numbers")
    kind, order, sizes = header.groups()
    dtype = _dtype(kind)
    shape = tuple(int(size) for size in sizes.split(b",") if size)
    declared, found = math.prod(shape) * dtype.itemsize, len(content) - end
    if declared != found:
        raise ValueError(f"its header declares {declared} bytes of numbers, {found} follow")
    if dtype.kind == "b" and content[end:].strip(b"\0\1"):
        raise ValueError("it declares bools, and holds bytes other than 0 and 1")
    try:
        numbers = np.frombuffer(content, dtype, offset=end) if found else np.empty(0, dtype)
        return numbers.reshape(shape, order="F" if order == b"True" else "C").copy()
    except (ValueError, OverflowError, MemoryError) as error:  # empty, of a size beyond addresses
        raise ValueError(f"there is no array of shape {shape} ({error})") from None


def _dtype(kind: bytes) -> np.dtype[Any]:
    text = kind.decode("latin-1")
    try:
        if _REAL.fullmatch(kind):
            return np.dtype(text)
    except TypeError:
        pass
    raise ValueError(f"it must hold numbers, real ones, and declares {text!r}")
