"""``autograd-mini play``: the playground, a page in which expressions are typed and explored."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

from viz.explorer.build import PLAYGROUND

from ..whole_files import write_whole


def run(out: Path | None) -> int:
    """Open the playground in a browser, or write a copy of it.

    Parameters
    ----------
    out : Path or None
        Where the copy goes; None opens the page instead.

    Returns
    -------
    int
        Exit status: 1 if no browser could be opened.
    """
    if out is not None:
        write_whole(out, PLAYGROUND.read_bytes())
        print(f"The playground is in {out}.")
        return 0
    address = PLAYGROUND.as_uri()
    print(f"The playground is at {address}", flush=True)
    if _opened(address):
        return 0
    print(
        "autograd-mini play: error: no browser could be opened; open that address in one yourself, "
        "or write a copy of the page with --out playground.html",
        file=sys.stderr,
    )
    return 1


def _opened(address: str) -> bool:
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
