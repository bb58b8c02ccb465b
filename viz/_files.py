"""Output files: checked before the work, written whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["output_path", "write_whole"]

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
    """Write a file so that a reader, or a crash, never meets half of it."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
