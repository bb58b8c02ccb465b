"""Output files: checked before the work, written whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["output_path", "write_new", "write_whole"]

FORMATS = ("svg", "png", "pdf")


def output_path(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """Check where a picture shall go and give the path and its format."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or a Path, got {type(path).__name__}")
    target = Path(path)
    suffix = target.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ValueError(
            f"cannot tell the picture's format from {str(target)!r}: "
            "the file name must end in .svg, .png or .pdf"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(target)!r}: the directory {str(target.parent)!r} does not exist; "
            "create it first"
        )
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {str(target)!r}: it is a directory")
    return target, suffix


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, never meets half of it.

    A symbolic link is replaced, not followed.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:  # name the file that was meant
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def write_new(path: Path, content: bytes) -> Path:
    """Write a file under a name that is free: the given one, or one with a number added to it.

    A file that is there already is left as it is; one with just this content is as good as new.
    """
    target, number = path, 1
    while True:
        try:
            target.touch(exist_ok=False)
            break
        except FileExistsError:
            if target.is_file() and target.read_bytes() == content:
                return target
        number += 1
        target = path.with_stem(f"{path.stem}-{number}")
    try:
        write_whole(target, content)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target
