"""Rows of numbers from a file or from standard input: text with separators, or NumPy's .npy."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..npy_files import array_from_npy

_STARTS_OF_NUMBERS = "+-.0123456789"
_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"


class RowsError(Exception):
    """What was read are no rows of numbers; the message says where."""


def read_rows(path: Path | None) -> tuple[NDArray[Any], str]:
    """Read numbers, one example per row.

    Parameters
    ----------
    path : Path or None
        A file; None is standard input.  Text has one row per line, separated by tabs, semicolons,
        commas or blanks; empty lines and those that begin with ``#`` do not count, and a first line
        of words alone, none of which begins as a number does, is a header.  An array of numbers may
        also come in NumPy's format.

    Returns
    -------
    numpy.ndarray
        Shape (N, n); from a file of NumPy's of any shape, and integers where it has such.
    str
        What it was read from, as errors are to name it.

    Raises
    ------
    RowsError
        No numbers, numbers that are not finite, words among them, rows of different lengths.
    OSError
        The file cannot be read.
    """
    name = "standard input" if path is None else str(path)
    content = _standard_input() if path is None else path.read_bytes()
    if content.startswith(_ZIP):
        raise RowsError(f"{name} is an archive, not one array: save that with numpy.save")
    array = _from_npy(content, name) if content.startswith(_NPY) else _from_text(content, name)
    if array.size == 0:
        raise RowsError(f"{name} has no rows of numbers")
    return array, name


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise RowsError("there is no standard input: name a file")
    if sys.stdin.isatty():
        print("one example per line; Ctrl-D ends them", file=sys.stderr)
    return sys.stdin.buffer.read()


def _from_npy(content: bytes, name: str) -> NDArray[Any]:
    try:
        array = array_from_npy(content)
    except ValueError as error:
        raise RowsError(f"{name} is no array of numbers, or is damaged: {error}") from None
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0].tolist()
        raise RowsError(f"{name} has a number that is not finite, at index {first}")
    return array


def _from_text(content: bytes, name: str) -> NDArray[Any]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise RowsError(f"{name} is neither text nor an array of NumPy's (.npy)") from None
    numbered = [(number, line.strip("\r\n ")) for number, line in enumerate(lines, start=1)]
    numbered = [(number, line) for number, line in numbered if line and line[0] != "#"]
    if numbered and _is_header(_fields(numbered[0][1])):
        del numbered[0]
    rows: list[list[float]] = []
    for number, line in numbered:
        where = f"{name}, line {number}"
        rows.append([_number(field, where, i) for i, field in enumerate(_fields(line), start=1)])
        if len(rows[-1]) != len(rows[0]):
            raise RowsError(
                f"{where}: {counted(len(rows[-1]))}, where line {numbered[0][0]} has {len(rows[0])}"
            )
    return np.array(rows)


def _fields(line: str) -> list[str]:
    separator = next((sign for sign in "\t;," if sign in line), None)
    return [field.strip().strip('"') for field in line.split(separator)]


def _is_header(fields: list[str]) -> bool:
    return all(
        field and field[0] not in _STARTS_OF_NUMBERS and _parsed(field) is None for field in fields
    )


def _number(field: str, where: str, column: int) -> float:
    number = _parsed(field)
    if number is None:
        found = f"{field!r:.60} is no number" if field else "a number is missing"
        if "," in field:
            found += ": decimals are written with a point"
        raise RowsError(f"{where}, column {column}: {found}")
    if not math.isfinite(number):
        raise RowsError(f"{where}, column {column}: {field} is not a finite number")
    return number


def _parsed(field: str) -> float | None:
    try:
        return None if "_" in field else float(field)  # 1_000 is a number of Python's alone
    except ValueError:
        return None


def counted(n: int) -> str:
    """So many numbers, in words.

    Examples
    --------
    >>> counted(1), counted(3)
    ('1 number', '3 numbers')
    """
    return f"{n} number{'s' if n != 1 else ''}"
