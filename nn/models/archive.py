"""Archives: .npz files of numbers and JSON text, written whole or not at all, never pickled.

An archive is a zip file that NumPy alone can read. Its first member, ``header.json``, says what
the file is (format, version, kind), holds the contents as JSON and a SHA-256 checksum of
everything; each array is one more member, ``<name>.npy``, as `numpy.savez` would write it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from errno import EINVAL
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from autograd_mini import array_from_npy, check_place, write_whole

from .._interrupts import held_interrupts

__all__ = ["ArchiveError", "archive_path", "read_archive", "write_archive"]

FORMAT = "autograd-mini archive"
VERSION = 1
HEADER = "header.json"
NUMBERS = "biuf"  # the kinds of dtype that an array may have
READERS = {"model": "nn.load(path)", "checkpoint": "nn.Checkpoint(path, resume=True)"}
"""What reads an archive of each kind, for those who give it to something else."""

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say: equal models give equal files
_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


class ArchiveError(ValueError):
    """A file that is not what was asked for: damaged, foreign, too new or of another kind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "empty.npz"
    ...     path.touch()
    ...     try:
    ...         read_archive(path, "model")
    ...     except ArchiveError as error:
    ...         print(str(error).replace(folder, ""))
    '/empty.npz' is empty: whatever wrote it was cut off; use an earlier copy
    """


def archive_path(path: str | os.PathLike[str]) -> Path:
    """Check where an archive shall go, before the work.

    Raises
    ------
    TypeError
        A path that is neither a str nor a Path.
    ValueError
        A name that does not end in ``.npz``: a suffix is demanded, never added.
    FileNotFoundError, IsADirectoryError
        A folder that does not exist; a path that is a folder.

    Examples
    --------
    >>> archive_path("m.npz").name
    'm.npz'
    """
    target = _path(path)
    if target.suffix.lower() != ".npz":
        raise ValueError(f"the file name must end in .npz, got {str(target)!r}")
    check_place(target)
    return target


def write_archive(
    path: str | os.PathLike[str], kind: str, contents: Any, arrays: Mapping[str, ArrayLike]
) -> None:
    """Write an archive under exactly this path, whole or not at all.

    It is written beside its place, brought to the disk and renamed: a reader, a full disk or a
    killed process never leaves half of it, and until then the old file stays. The new one has its
    permissions. A symbolic link is replaced, not followed.

    Parameters
    ----------
    path : str or Path
        Where; the name must end in ``.npz``.
    kind : str
        What the archive is, such as "model" or "checkpoint".
    contents : JSON-able
        Dicts with text keys, lists, text, numbers (of any size, exact), bools and None.
    arrays : mapping of str to array_like
        Real numbers of any shape; the names consist of letters, digits, ``_``, ``.`` and ``-``.

    Raises
    ------
    TypeError
        A path that is none, contents that JSON has no form for, an array of other things.
    ValueError
        A file name without ``.npz``, a name of an array with other characters.
    OSError
        The file cannot be written there.
    KeyboardInterrupt
        Ctrl-C came meanwhile: the new file is there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(Path(folder) / "a.npz", "model", {"epoch": 3}, {"parameters": [1.0, 2.0]})
    ...     contents, arrays = read_archive(Path(folder) / "a.npz", "model")
    ...     numbers = np.load(Path(folder) / "a.npz")["parameters"]
    >>> contents, arrays, numbers
    ({'epoch': 3}, {'parameters': array([1., 2.])}, array([1., 2.]))
    """
    target = archive_path(path)
    with held_interrupts() as came:  # which `zipfile` would answer by errors of its own
        members = {f"{name}.npy": _npy_bytes(name, array) for name, array in arrays.items()}
        header = {"format": FORMAT, "version": VERSION, "kind": kind, "contents": _plain(contents)}
        header["sha256"] = _checksum(header, members)
        text = json.dumps(header).encode()
        write_whole(target, _zip_bytes({HEADER: text, **members}))
    if came:
        raise KeyboardInterrupt


def read_archive(
    path: str | os.PathLike[str], kind: str
) -> tuple[Any, dict[str, NDArray[np.generic]]]:
    """Read an archive of this kind, checked from end to end; nothing in it is executed.

    Parameters
    ----------
    path : str or Path
        An archive that `write_archive` wrote.
    kind : str
        What it must be.

    Returns
    -------
    contents, arrays
        As they were written; tuples among the contents come back as lists.

    Raises
    ------
    TypeError
        A path that is none.
    ArchiveError
        A file that is damaged, foreign, too new or of another kind.
    OSError
        There is no such file, or it cannot be read.

    Examples
    --------
    >>> read_archive("missing.npz", "model")
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.npz'
    """
    source = _path(path)
    with open(source, "rb") as file:
        _refuse_foreign(file, source)
        try:
            members = _members(file)
        except _DAMAGE as error:
            raise _damaged(source, error) from None
        except OSError as error:
            if error.errno != EINVAL:  # a seek to before the file's start is damage, too
                raise
            raise _damaged(source, error) from None
    header = _header(members, source)
    _check_header(header, kind, source)
    try:
        if header.pop("sha256") != _checksum(header, members):
            raise ValueError("the checksum differs")
        arrays = {name.removesuffix(".npy"): array_from_npy(m) for name, m in members.items()}
        return header["contents"], arrays
    except _DAMAGE as error:
        raise _damaged(source, error) from None


# Bytes and what they stand for.


def _plain(contents: Any) -> Any:
    """Contents as JSON gives them back; nothing may be lost on the way."""
    try:
        text = json.dumps(contents)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the contents have no form in JSON: {error}") from None
    _check_keys(contents)
    return json.loads(text)


def _check_keys(contents: Any) -> None:
    """Refuse keys that are no text, of which JSON would make one."""
    parts = contents
    if isinstance(contents, dict):
        for key in contents:
            if not isinstance(key, str):
                raise TypeError(
                    f"the contents have no form in JSON: the key {key!r:.40} is no text"
                )
        parts = contents.values()
    elif not isinstance(contents, (list, tuple)):
        return
    for part in parts:
        _check_keys(part)


def _checksum(header: Mapping[str, Any], members: Mapping[str, bytes]) -> str:
    """SHA-256 of everything that a reader relies on."""
    digest = hashlib.sha256(json.dumps(header).encode())
    for name in sorted(members):
        digest.update(f"{name} {len(members[name])} ".encode())
        digest.update(members[name])
    return digest.hexdigest()


def _npy_bytes(name: str, array: ArrayLike) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"an array's name must be a str, got {name!r}")
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ValueError(f"an array's name is made of letters, digits, _, . and -, got {name!r}")
    numbers = np.asarray(array, order="C")
    if numbers.dtype.kind not in NUMBERS:
        raise TypeError(f"the array {name!r} must hold real numbers, got {numbers.dtype}")
    stream = io.BytesIO()
    npy.write_array(stream, numbers, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _zip_bytes(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return stream.getvalue()


def _members(file: BinaryIO) -> dict[str, bytes]:
    """All members of a zip file; stored uncompressed, they cannot unfold to more than the file."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if len({info.filename for info in infos}) < len(infos):
            raise ValueError("two members of one name")
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise ValueError("members are compressed, so another program wrote them")
        if sum(info.file_size for info in infos) > size:
            raise ValueError("the members declare more bytes than the file has")
        return {info.filename: archive.read(info) for info in infos}


# What is refused.


def _path(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or a Path, got {type(path).__name__}")
    return Path(path)


def _damaged(path: Path, reason: BaseException) -> ArchiveError:
    return ArchiveError(
        f"{str(path)!r} is damaged, cut off or changed ({reason}); use an earlier copy"
    )


_FOREIGN = {
    b"\x80": "a pickle, as an old torch.save or joblib.dump writes it; reading one can run any "
    "program, so it is never read here",
    b"\x93NUMPY": "a single array, as numpy.save writes it",
}


def _refuse_foreign(file: BinaryIO, path: Path) -> None:
    """Look at the first bytes and, of a zip file, at the names of its members."""
    start = file.read(30 + len(HEADER))
    if not start:
        raise ArchiveError(
            f"{str(path)!r} is empty: whatever wrote it was cut off; use an earlier copy"
        )
    what = "no archive; models are saved with model.save(path)"
    if start.startswith(b"PK"):
        names = [HEADER] if start[30:] == HEADER.encode() else _names_in_zip(file)
        if HEADER in names:
            return
        what = _kind_of_zip(names)
    what = next((text for magic, text in _FOREIGN.items() if start.startswith(magic)), what)
    raise ArchiveError(f"{str(path)!r} was not written by autograd-mini: it is {what}")


def _names_in_zip(file: BinaryIO) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (*_DAMAGE, OSError):
        return []


def _kind_of_zip(names: list[str]) -> str:
    if any(name.endswith("data.pkl") for name in names):
        return "a file of torch.save; read it with torch.load (nn.from_torch makes it a model)"
    if names and all(name.endswith(".npy") for name in names):
        return "an .npz of arrays only, as numpy.savez writes it; read it with numpy.load"
    return "a zip file of something else, or a damaged one"


def _header(members: dict[str, bytes], path: Path) -> dict[str, Any]:
    """Take the header from among the members."""
    try:
        header = json.loads(members.pop(HEADER))
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']!r}")
        if type(header["version"]) is not int or header["version"] < 1:
            raise ValueError(f"version {header['version']!r}")
    except _DAMAGE as error:
        raise _damaged(path, error) from None
    return dict(header)


def _check_header(header: Mapping[str, Any], kind: str, path: Path) -> None:
    if header["version"] > VERSION:
        raise ArchiveError(
            f"{str(path)!r} was written by a newer autograd-mini (its format is version "
            f"{header['version']}, this one reads up to {VERSION}): update autograd-mini"
        )
    found = header.get("kind")
    if found != kind:
        reader = READERS.get(str(found))
        cure = f"; read it with {reader}" if reader else ""
        raise ArchiveError(f"{str(path)!r} holds a {found}, not a {kind}{cure}")
