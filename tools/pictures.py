"""Draw the pictures that README and the documentation show, into docs/images.

    python -m tools.pictures           all of them
    python -m tools.pictures NAME ...  some

A page's own code draws what it shows, so that the two cannot differ.  On one machine the same
pictures come out as the same files; another version of Graphviz or matplotlib may move a line.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

from autograd_mini.command import cli

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
Draw: TypeAlias = Callable[[Path], None]
"""Draws into a folder, in which the file of the picture is found afterwards."""


def command(*arguments: str) -> Draw:
    """A run of the command, whose file paths begin with ``{folder}``."""

    def draw(folder: Path) -> None:
        given = [argument.format(folder=folder) for argument in arguments]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = cli.main(given)
        if status != 0:
            raise SystemExit(f"autograd-mini {' '.join(given)}: exit status {status}")

    return draw


def page(name: str) -> Draw:
    """The Python blocks of a page of docs/, run one after another in the folder."""

    def draw(folder: Path) -> None:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        namespace: dict[str, object] = {"__name__": "documentation"}
        with _working_in(folder), contextlib.redirect_stdout(io.StringIO()):
            for block in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
                exec(compile(block, name, "exec"), namespace)

    return draw


def screenshot(draw: Draw, page: str, keys: Sequence[str], name: str) -> Draw:
    """A page, such as ``page.html#state``, in Chromium after some keys."""

    def taken(folder: Path) -> None:
        from playwright.sync_api import sync_playwright

        draw(folder)
        file, mark, state = page.partition("#")
        address = (folder / file).resolve().as_uri() + mark + state
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
            tab = browser.new_page(viewport=_WINDOW, reduced_motion="reduce")
            tab.goto(address)
            for key in keys:
                tab.keyboard.press(key)
            tab.screenshot(path=folder / name)
            browser.close()

    return taken


_WINDOW: ViewportSize = {"width": 1480, "height": 800}
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_NEURON = "tanh(w*x + b)", "w=0.5", "x=2", "b=-0.4"
PLOTS = page("plots.md")
DEMO = command("demo", "--out", "{folder}")
GRAPHS = page("viz.md")
_PLAY = command("play", "--out", "{folder}/playground.html")
_TYPED = urlencode({"f": "h = tanh(w*x + b)\nL = (h - t)**2", "v.w": 0.5, "v.x": 2, "v.b": -0.4})
PICTURES: dict[str, Draw] = {
    "neuron.svg": command("diff", *_NEURON, "--draw", "{folder}/neuron.svg"),
    "misread.svg": DEMO,
    "network.svg": PLOTS,
    "decision_boundary.svg": PLOTS,
    "margin.svg": PLOTS,
    "history.svg": PLOTS,
    "gradient_check.svg": PLOTS,
    "first_layer.svg": DEMO,
    "graph.svg": GRAPHS,
    "layers.svg": GRAPHS,
    "gpt.svg": GRAPHS,
    "program.svg": page("compile.md"),
    "explorer.png": screenshot(
        page("explorer.md"), "backward.html", ["End", *["ArrowLeft"] * 3], "explorer.png"
    ),
    "playground.png": screenshot(
        _PLAY, f"playground.html#{_TYPED}", ["End", *["ArrowLeft"] * 2, "f"], "playground.png"
    ),
}
"""Each picture, and what draws it; what draws several is run once."""


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def draw(names: Sequence[str], out: Path) -> None:
    """Draw some of the pictures into an existing directory.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw(["neuron.svg"], Path(folder))
    ...     [path.name for path in Path(folder).iterdir()]
    ['neuron.svg']
    """
    for source in dict.fromkeys(PICTURES[name] for name in names):
        with tempfile.TemporaryDirectory() as folder:
            source(Path(folder))
            for name in names:
                if PICTURES[name] is source:
                    shutil.copyfile(Path(folder) / name, out / name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the pictures that are named, or all, and say where they are."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--out", type=Path, default=IMAGES, help="default: docs/images")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in PICTURES]:
        parser.error(f"no picture is called {unknown[0]}: there are {', '.join(PICTURES)}")
    names = options.names or [*PICTURES]
    options.out.mkdir(parents=True, exist_ok=True)
    draw(names, options.out)
    print(f"{', '.join(names)} in {options.out}")


if __name__ == "__main__":
    main()
