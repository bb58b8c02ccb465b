"""Files that are there whole or not at all; for packages built on the engine."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path


def check_place(path: Path) -> None:
    """Check that a file can be there, before the work whose result it shall hold.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        A folder that does not exist; a path that is a folder.

    Examples
    --------
    >>> check_place(Path("missing/m.npz"))
    Traceback (most recent call last):
    FileNotFoundError: cannot write 'missing/m.npz': the directory 'missing' does not exist; \
create it first
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(path)!r}: the directory {str(path.parent)!r} does not exist; "
            "create it first"
        )
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {str(path)!r}: it is a directory")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, a full disk or a crash never meets half of it.

    It is written beside its place, brought to the disk and renamed; until then the old file stays,
    whose permissions the new one has. A symbolic link is replaced, not followed.

    Raises
    ------
    OSError
        The file cannot be written there; the old one is as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "numbers.txt", b"1 2 3")
    ...     [path.name for path in Path(folder).iterdir()]
    ['numbers.txt']
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            _take_permissions(temporary, path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:  # name the file that was meant
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def _take_permissions(new: Path, old: Path) -> None:
    """Give a file that is still empty the permissions of the one that it will replace."""
    try:
        mode = os.lstat(old).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        os.chmod(new, stat.S_IMODE(mode))
