"""Build what of the explorer lies in the repository ready made: the layout library, the playground.

``python -m viz.explorer.build`` gets the library through npm and writes both; with ``--page``
nothing is fetched, and only the playground is written, after a change of its sources.  Whoever
installs or uses the package needs neither npm nor this module.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from autograd_mini.table.javascript import BUILT_IN, grammar_module, table_module
from autograd_mini.whole_files import write_whole
from viz.explorer.assembly import assemble

__all__ = ["LIBRARY", "LICENSE", "PLAYGROUND", "fetched_library", "playground"]

_HERE = Path(__file__).parent
PLAYGROUND = _HERE / "playground.html"
"""The page with a field to type expressions in, ready made."""
LIBRARY = _HERE / "vendor" / "dagre.min.js"
"""The layout library, in one file, below its name, version and license."""
LICENSE = _HERE / "vendor" / "dagre.LICENSE"
"""The library's license."""

_PACKAGE = "@dagrejs/dagre"
_VERSION = "3.1.3"


def playground() -> str:
    """The playground as the present sources and the built-in rows of the table make it.

    Examples
    --------
    >>> playground().startswith("<!doctype html>")
    True
    """
    generated = {"table.js": table_module(BUILT_IN), "grammar.js": grammar_module()}
    return assemble("Playground of automatic differentiation", None, generated)


def fetched_library() -> tuple[str, str]:
    """The library with its license above it, and the license, as npm has them.

    Raises
    ------
    RuntimeError
        If npm is not installed or cannot get the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not installed; it comes with Node, https://nodejs.org")
    with tempfile.TemporaryDirectory() as name:
        package = f"{_PACKAGE}@{_VERSION}"
        process = subprocess.run(
            [npm, "pack", "--silent", package],
            cwd=name,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if process.returncode:
            raise RuntimeError(f"npm could not get {package}: {process.stderr.strip()[-500:]}")
        with tarfile.open(next(Path(name).glob("*.tgz"))) as archive:
            code, license_text = (
                _member(archive, f"package/{path}") for path in ("dist/dagre.min.js", "LICENSE")
            )
    return _with_license(code, license_text), license_text


def _member(archive: tarfile.TarFile, path: str) -> str:
    file = archive.extractfile(path)
    assert file is not None, f"{path} is no file"
    return file.read().decode("utf-8")


def _with_license(code: str, license_text: str) -> str:
    """The code below its license, without what points at files that are not there."""
    lines = [line for line in code.splitlines() if not line.startswith(("/*!", "//#"))]
    return f"/*! {_PACKAGE} {_VERSION}\n\n{license_text.strip()}\n*/\n" + "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(prog="python -m viz.explorer.build", description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the playground only")
    if not parser.parse_args(arguments).page:
        try:
            library, license_text = fetched_library()
        except RuntimeError as error:
            print(f"{parser.prog}: error: {error}", file=sys.stderr)
            return 1
        write_whole(LIBRARY, library.encode())
        write_whole(LICENSE, license_text.encode())
    write_whole(PLAYGROUND, playground().encode())
    print(f"{PLAYGROUND}: {PLAYGROUND.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
