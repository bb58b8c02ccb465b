"""Arrays from bytes: what NumPy writes, and nothing else."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from autograd_mini.npy_files import array_from_npy

DTYPES = st.one_of(
    st_numpy.floating_dtypes(endianness="?"),
    st_numpy.integer_dtypes(endianness="?"),
    st_numpy.unsigned_integer_dtypes(endianness="?"),
    st_numpy.boolean_dtypes(),
)
SHAPES = st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0)
USUAL = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"

HEADERS = [
    b"{'descr':'<f8','fortran_order':False,'shape':(2,)",
    b"'''",
    b"\xff\x00{",
    b"{'a':1}\n  b\n c",
    b"-" * 9000 + b"1",
    b"(" * 9000,
    b"",
    b"{}",
    b"{'descr':'<f8','fortran_order':False,'shape':(2,)}",
    USUAL.replace(b"2,", b"2L,"),
    USUAL.replace(b"2,", b"02,"),
    USUAL.replace(b"2,", b"-2,"),
    USUAL.replace(b"2,", b"2"),
    USUAL.replace(b"2,", b"2.0,"),
    USUAL.replace(b"2,", b"True,"),
    USUAL.replace(b"2,", b"10000000000000,"),
    USUAL.replace(b"2,", b"9" * 5000 + b","),
    USUAL.replace(b"2,", b"0, 9223372036854775808"),
    USUAL.replace(b"2,", b", ".join([b"1"] * 65)),
    USUAL.replace(b"<f8", b"<f7"),
    USUAL.replace(b"<f8", b"<c16"),
    USUAL.replace(b"<f8", b"|O"),
    USUAL.replace(b"<f8", b"<U2"),
    USUAL.replace(b"<f8", b"<M8[ns]"),
    USUAL.replace(b"<f8", b"<f8,<f8"),
    USUAL.replace(b"<f8", b"\xff"),
    USUAL.replace(b"'<f8'", b"[('x', '<f8')]"),
    USUAL.replace(b"'<f8'", b"__import__('os')"),
    USUAL.replace(b"False", b"0"),
    USUAL + b"; print('x')",
    USUAL[:-1],
]
"""What a hostile file may declare, of two numbers of 8 bytes."""


def file_of(header: bytes, numbers: bytes = bytes(16), newline: bytes = b"\n") -> bytes:
    content = header + newline
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(content)) + content + numbers


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


@given(st_numpy.arrays(DTYPES, SHAPES), st.booleans())
@example(np.zeros((0, 3)), True)
def test_what_numpy_saves_is_read(array: Any, transposed: bool) -> None:
    array = array.T if transposed else array
    found = array_from_npy(saved(array))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()
    assert found.flags.writeable


def test_the_usual_header_is_one() -> None:
    assert array_from_npy(file_of(USUAL)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: repr(header)[2:60])
def test_headers_of_other_forms_are_refused(header: bytes) -> None:
    with pytest.raises(ValueError, match=r"its header|it must hold|there is no array"):
        array_from_npy(file_of(header))


@given(st.data())
def test_a_changed_file_is_an_array_of_numbers_or_refused(data: st.DataObject) -> None:
    content = bytearray(saved(np.arange(6.0).reshape(2, 3)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = array_from_npy(bytes(content[: data.draw(st.integers(0, 200)) or None]))
    except ValueError:
        return
    assert found.dtype.kind in "biuf"
    assert found.nbytes == 48


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode), st.binary(max_size=20))
def test_any_bytes_are_refused_with_a_value_error(header: bytes, numbers: bytes) -> None:
    for content in (header, file_of(header, numbers), file_of(header, numbers, b"")):
        with pytest.raises(ValueError, match=r"its header|it is no array"):
            array_from_npy(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no array in version 1.0"),
        (saved(np.zeros(2))[:9], "its header is not"),
        (saved(np.zeros(2))[:40], "its header is not"),
        (b"\x93NUMPY\x02" + saved(np.zeros(2))[7:], "no array in version 1.0"),
        (saved(np.zeros(2)) + b"\0", "declares 16 bytes of numbers, 17 follow"),
        (saved(np.zeros(3, bool))[:-2] + b"\2\0", "declares bools, and holds bytes other than 0"),
        (saved(np.array(["a"])), "must hold numbers, real ones, and declares '<U1'"),
    ],
)
def test_what_is_refused_is_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        array_from_npy(content)
