"""Archives: whole or not at all, exact, and refused with a reason."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import signal
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from autograd_mini import whole_files
from nn.models import archive
from nn.models.archive import ArchiveError, read_archive, write_archive

from ..test_npy_files import HEADERS, file_of

CONTENTS = {"epoch": 3, "names": ["a", "b"], "state": 2**127 + 1, "loss": 0.1}
ARRAYS = {"parameters": np.array([0.1, -2.5e-308, 1e308]), "steps": np.array(7)}
DTYPES = st.one_of(
    st_numpy.floating_dtypes(sizes=(16, 32, 64), endianness="?"),
    st_numpy.integer_dtypes(endianness="?"),
    st_numpy.unsigned_integer_dtypes(endianness="?"),
    st_numpy.boolean_dtypes(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.npz"
    write_archive(path, "model", CONTENTS, ARRAYS)
    return path


def same_arrays(first: Any, second: Any) -> bool:
    return list(first) == list(second) and all(
        (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        for a, b in zip(first.values(), second.values(), strict=True)
    )


# What is written is what is read.


@given(JSON, st.dictionaries(NAMES, st_numpy.arrays(DTYPES, st_numpy.array_shapes(min_dims=0))))
@settings(max_examples=60)
def test_round_trip_is_exact(
    tmp_path_factory: pytest.TempPathFactory, contents: Any, arrays: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("archive") / "a.npz"
    write_archive(path, "some kind", contents, arrays)
    read, found = read_archive(path, "some kind")
    assert repr(read) == repr(contents)
    assert same_arrays(found, {name: np.asarray(array) for name, array in arrays.items()})


def test_arrays_of_every_order_and_layout(saved: Path) -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    arrays: dict[str, Any] = {
        "t": matrix.T,
        "f": np.asfortranarray(matrix),
        "view": matrix[:, ::-2],
        "empty": [],
    }
    write_archive(saved, "model", None, arrays)
    _, found = read_archive(saved, "model")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.writeable


def test_numpy_alone_reads_it_and_the_header_is_text(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as file:
        assert file["parameters"].tobytes() == ARRAYS["parameters"].tobytes()
    with zipfile.ZipFile(saved) as file:
        assert file.namelist() == ["header.json", "parameters.npy", "steps.npy"]
        assert json.loads(file.read("header.json"))["contents"] == CONTENTS


def test_equal_contents_give_equal_files(saved: Path) -> None:
    before = saved.read_bytes()
    write_archive(saved, "model", CONTENTS, ARRAYS)
    assert saved.read_bytes() == before


# Paths.


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("m", ValueError, r"must end in \.npz, got 'm'"),
        ("m.npy", ValueError, r"must end in \.npz"),
        (".npz", ValueError, r"must end in \.npz"),
        (b"m.npz", TypeError, "path must be a str or a Path, got bytes"),
        (io.BytesIO(), TypeError, "path must be a str or a Path, got BytesIO"),
        (None, TypeError, "got NoneType"),
        ("nowhere/m.npz", FileNotFoundError, "'nowhere' does not exist; create it first"),
    ],
)
def test_paths_that_are_refused(path: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        write_archive(path, "model", None, {})


def test_exactly_the_path_given_is_written(tmp_path: Path) -> None:
    write_archive(str(tmp_path / "m.v1.NPZ"), "model", None, {})
    assert [path.name for path in tmp_path.iterdir()] == ["m.v1.NPZ"]


def test_a_folder_is_neither_written_nor_read(tmp_path: Path) -> None:
    (tmp_path / "m.npz").mkdir()
    with pytest.raises(IsADirectoryError, match="is a directory"):
        write_archive(tmp_path / "m.npz", "model", None, {})
    with pytest.raises(OSError, match=r"m\.npz"):
        read_archive(tmp_path / "m.npz", "model")


def test_a_symbolic_link_is_replaced(saved: Path) -> None:
    before = saved.read_bytes()
    link = saved.with_name("link.npz")
    link.symlink_to(saved)
    write_archive(link, "model", "new", {})
    assert not link.is_symlink()
    assert read_archive(link, "model")[0] == "new"
    assert saved.read_bytes() == before


@pytest.mark.parametrize(
    ("contents", "arrays", "error", "message"),
    [
        ({"f": len}, {}, TypeError, "no form in JSON.*builtin_function"),
        ({(1, 2): 3}, {}, TypeError, "no form in JSON"),
        ({"a": [{"b": {1: 0.5}}]}, {}, TypeError, "no form in JSON: the key 1 is no text"),
        ({None: 1}, {}, TypeError, "the key None is no text"),
        (None, {"a": [object()]}, TypeError, "'a' must hold real numbers, got object"),
        (None, {"a": ["text"]}, TypeError, "'a' must hold real numbers"),
        (None, {"a": [1j]}, TypeError, "'a' must hold real numbers, got complex128"),
        (None, {"../a": [1.0]}, ValueError, "made of letters"),
        (None, {"": [1.0]}, ValueError, "made of letters"),
        (None, {1: [1.0]}, TypeError, "name must be a str, got 1"),
    ],
)
def test_what_has_no_form_leaves_the_file_alone(
    saved: Path, contents: Any, arrays: Any, error: type[Exception], message: str
) -> None:
    before = saved.read_bytes()
    with pytest.raises(error, match=message):
        write_archive(saved, "model", contents, arrays)
    assert saved.read_bytes() == before


# Whole or not at all.


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    "trouble", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_the_old_file_stays_when_writing_fails(
    saved: Path, monkeypatch: pytest.MonkeyPatch, call: str, trouble: BaseException
) -> None:
    def failing(*_: object) -> None:
        raise trouble

    before = saved.read_bytes()
    monkeypatch.setattr(os, call, failing)
    with pytest.raises(type(trouble)) as caught:
        write_archive(saved, "model", "new", {})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
    if isinstance(trouble, OSError):
        assert str(saved) in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    opened = open

    def on_full_disk(path: Any, mode: str) -> Any:
        opened(path, mode).close()
        return opened("/dev/full", "wb")

    monkeypatch.setattr(whole_files, "open", on_full_disk, raising=False)
    with pytest.raises(OSError, match=r"No space left.*a\.npz"):
        write_archive(saved, "model", "new", {"a": np.zeros(100_000)})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


# a file object that Ctrl-C meets between its making and `with` is closed when it is collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("line", range(1, 120))
def test_an_interrupted_write_is_whole(saved: Path, line: int) -> None:
    from .test_parameters import interrupted

    before = saved.read_bytes()
    stopped = interrupted(
        lambda: write_archive(saved, "model", "new", {}), line, ("nn/models/archive.py",)
    )
    if not stopped or saved.read_bytes() != before:
        assert read_archive(saved, "model") == ("new", {})


# What is refused.


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object], **options: Any) -> None:
    """Write the archive's members anew, after a change to them."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, content in members.items():
            file.writestr(name, content)


def with_header(path: Path, **fields: object) -> None:
    """Change the header and, as a forger would, the checksum too."""

    def change(members: dict[str, bytes]) -> None:
        header = json.loads(members.pop("header.json")) | fields
        del header["sha256"]
        header["sha256"] = archive._checksum(header, members)
        rest = dict(members)
        members.clear()
        members.update({"header.json": json.dumps(header).encode(), **rest})

    rewritten(path, change)


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


class Bomb:
    """What a pickle could do."""

    def __reduce__(self) -> Any:
        return sys.exit, ("executed",)


def torch_file() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    return stream.getvalue()


def arrays_only() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, parameters=np.zeros(3))
    return stream.getvalue()


FOREIGN = {
    "empty": (b"", "is empty"),
    "text": (b"hello, world\n" * 10, "not written by autograd-mini.*model.save"),
    "short": (b"P", "not written by autograd-mini"),
    "pickle": (pickle.dumps(Bomb()), "it is a pickle.*never read"),
    "npy": (npy(np.zeros(3)), "numpy.save"),
    "npz": (arrays_only(), "arrays only.*numpy.load"),
    "torch": (torch_file(), "torch.save.*from_torch"),
    "cut zip": (torch_file()[:60], "not written by autograd-mini"),
    "other zip": (b"PK\5\6" + bytes(18), "a zip file of something else"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_files(tmp_path: Path, case: str) -> None:
    content, message = FOREIGN[case]
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=message) as caught:
        read_archive(path, "model")
    assert "x.npz" in str(caught.value)


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"m\.npz"):
        read_archive(tmp_path / "m.npz", "model")


def test_an_error_of_the_disk_is_not_called_damage(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(archive, "_members", failing)
    with pytest.raises(OSError, match="Input/output error"):
        read_archive(saved, "model")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": 2}, "newer autograd-mini.*version 2.*up to 1.*update"),
        ({"version": 0}, "damaged"),
        ({"version": "1"}, "damaged"),
        ({"version": True}, "damaged"),
        ({"format": "something"}, "damaged.*format 'something'"),
        ({"kind": "checkpoint"}, r"a checkpoint, not a model; read it with nn\.Checkpoint"),
        ({"kind": "odd"}, "holds a odd, not a model$"),
        ({"kind": ["model"]}, r"holds a \['model'\], not a model$"),
    ],
)
def test_headers_of_other_archives(saved: Path, fields: dict[str, object], message: str) -> None:
    with_header(saved, **fields)
    with pytest.raises(ArchiveError, match=message):
        read_archive(saved, "model")


def test_a_model_given_to_something_else(saved: Path) -> None:
    with pytest.raises(ArchiveError, match=r"a model, not a checkpoint; read it with nn\.load"):
        read_archive(saved, "checkpoint")


def lying_array() -> bytes:
    """An array that declares a petabyte."""
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**14,)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(8)


BAD_ARRAYS = {
    "size": lying_array(),
    "object": npy(np.array([Bomb()], dtype=object), allow_pickle=True),
    "text": npy(np.array(["a"])),
    "rows": npy(np.zeros(2, dtype=[("x", "f8")])),
    "cut": npy(np.zeros(3))[:-1],
    "long": npy(np.zeros(3)) + b"\0",
    "none": b"",
    "not npy": b"hello, this is no array",
    "later npy": b"\x93NUMPY\x02" + npy(np.zeros(3))[7:],
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_are_none(saved: Path, case: str) -> None:
    rewritten(saved, lambda members: members.update({"parameters.npy": BAD_ARRAYS[case]}))
    with_header(saved)
    with pytest.raises(ArchiveError, match="damaged"):
        read_archive(saved, "model")


def hostile(path: Path, header: bytes) -> None:
    """An archive with a right checksum, and a header of an array that is none."""
    rewritten(path, lambda members: members.update({"parameters.npy": file_of(header)}))
    with_header(path)


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: repr(header)[2:60])
def test_arrays_with_hostile_headers(saved: Path, header: bytes) -> None:
    hostile(saved, header)
    with pytest.raises(ArchiveError, match="damaged"):
        read_archive(saved, "model")


@given(st.binary(max_size=80) | st.text("{}()[],:'\"\\-+ LTrue1\n", max_size=80).map(str.encode))
@settings(max_examples=60)
def test_arrays_with_random_headers(
    tmp_path_factory: pytest.TempPathFactory, header: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.npz"
    write_archive(path, "model", CONTENTS, ARRAYS)
    hostile(path, header)
    with pytest.raises(ArchiveError, match="damaged"):
        read_archive(path, "model")


def test_members_that_were_exchanged(saved: Path) -> None:
    rewritten(saved, lambda members: members.update({"steps.npy": npy(np.array(8))}))
    with pytest.raises(ArchiveError, match="the checksum differs"):
        read_archive(saved, "model")


@pytest.mark.parametrize("name", ["parameters.npy", "steps.npy"])
def test_members_that_are_missing(saved: Path, name: str) -> None:
    rewritten(saved, lambda members: members.pop(name))
    with pytest.raises(ArchiveError, match="the checksum differs"):
        read_archive(saved, "model")


def test_two_members_of_one_name(saved: Path) -> None:
    with zipfile.ZipFile(saved, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("parameters.npy", npy(np.zeros(3)))
    with pytest.raises(ArchiveError, match="two members of one name"):
        read_archive(saved, "model")


def test_a_compressed_file_is_not_unfolded(saved: Path) -> None:
    def large(members: dict[str, bytes]) -> None:
        members["bomb.npy"] = bytes(10_000_000)

    rewritten(saved, large, compression=zipfile.ZIP_DEFLATED)
    assert saved.stat().st_size < 20_000
    with pytest.raises(ArchiveError, match="compressed"):
        read_archive(saved, "model")


def test_a_member_that_declares_more_than_there_is(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    entry = data.rindex(b"PK\1\2")  # of the last member in the directory
    data[entry + 20 : entry + 28] = struct.pack("<II", 2**31, 2**31)
    saved.write_bytes(data)
    with pytest.raises(ArchiveError, match="declare more bytes than the file has"):
        read_archive(saved, "model")


@given(st.data())
@settings(max_examples=200)
def test_a_changed_byte_is_refused_or_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    write_archive(path, "model", CONTENTS, ARRAYS)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, 40)) or None])
    check_exact_or_refused(path)


def test_every_single_byte(saved: Path) -> None:
    content = saved.read_bytes()
    refused = 0
    for place in range(len(content)):
        for bit in (1 << place % 8, 0xFF):
            changed = bytearray(content)
            changed[place] ^= bit
            saved.write_bytes(changed)
            refused += check_exact_or_refused(saved)
    assert refused > len(content)


def test_ctrl_c_waits_until_the_file_is_there(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = zipfile.ZipFile.open

    def interrupting(self: zipfile.ZipFile, *arguments: Any, **keywords: Any) -> Any:
        handle = opened(self, *arguments, **keywords)
        signal.raise_signal(signal.SIGINT)  # to close the archive would now be an error
        return handle

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(zipfile.ZipFile, "open", interrupting)
        with pytest.raises(KeyboardInterrupt):
            write_archive(saved, "model", "new", ARRAYS)
        monkeypatch.undo()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert read_archive(saved, "model")[0] == "new"


def test_every_length(saved: Path) -> None:
    content = saved.read_bytes()
    for length in range(len(content)):
        saved.write_bytes(content[:length])
        assert check_exact_or_refused(saved)


def check_exact_or_refused(path: Path) -> bool:
    try:
        contents, arrays = read_archive(path, "model")
    except ArchiveError:
        return True
    assert repr(contents) == repr(CONTENTS)
    assert same_arrays(arrays, ARRAYS)
    return False
