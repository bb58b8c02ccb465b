"""Output files: checked before the work, and under a name that is free."""

from __future__ import annotations

import os
from pathlib import Path

from autograd_mini.whole_files import check_place, write_whole

__all__ = ["FORMATS", "output_path", "write_new"]

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
    check_place(target)
    return target, suffix


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
