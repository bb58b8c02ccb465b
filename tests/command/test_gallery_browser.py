"""The gallery as a person sees it, in a real browser: light and dark, wide and narrow."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograd_mini.command.gallery import Exhibit, Link, page
from tests.viz.browser import browser as browser
from viz import plot_confusion, plot_history

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<script>document.title = 'hit'</script>\" onerror=\"document.title='hit'"


def gallery(folder: Path) -> Path:
    """A page with a wide picture, and texts that try to be more."""
    picture = folder / "history.svg"
    plot_history({"loss": [2.0, 1.0], "accuracy": [0.5, 0.9], "other": [1.0, 2.0]}, picture)
    tall = folder / "confusion.svg"
    plot_confusion([[1, 0], [0, 1]], tall)
    pictures = [tall, picture, picture, tall, picture]
    html = page(
        f"Title {HOSTILE}",
        f"Introduction {HOSTILE}",
        {HOSTILE: HOSTILE, "a number": "1.5e-10"},
        [Link(folder / "explorer.html", "explorer.html", HOSTILE)],
        [Exhibit(each, f"Picture {i}", HOSTILE, HOSTILE) for i, each in enumerate(pictures)],
    )
    path = folder / "index.html"
    path.write_text(html, encoding="utf-8")
    return path


def holes(shown: Any) -> list[float]:
    """From the lower edge of each picture to the heading of the next one in its column."""
    boxes = shown.eval_on_selector_all(
        ".pictures > section",
        "all => all.map(each => [each.querySelector('h2'), each.querySelector('figure')]"
        ".map(part => part.getBoundingClientRect())"
        ".map(box => [box.left, box.top, box.bottom]))",
    )
    columns: dict[float, list[Any]] = {}
    for heading, figure in boxes:
        columns.setdefault(heading[0], []).append((heading[1], figure[2]))
    return [
        below[0] - above[1]
        for column in map(sorted, columns.values())
        for above, below in itertools.pairwise(column)
    ]


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_can_read_it(browser: Browser, tmp_path: Path, width: int, scheme: Any) -> None:
    path = gallery(tmp_path)
    size: Any = {"width": width, "height": 800}
    context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)
    shown = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: complaints.append(message.text))
    shown.goto(path.as_uri())
    files = ("index.html", "history.svg", "confusion.svg")
    assert {*asked} == {(tmp_path / name).as_uri() for name in files}
    assert complaints == []
    assert shown.title() == f"Title {HOSTILE}"
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    widths = shown.eval_on_selector_all("img", "all => all.map(each => each.naturalWidth)")
    assert len(widths) == 5
    assert min(widths) > 0
    assert max(holes(shown)) < 40  # pixels
    dark = shown.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    axe: Any = pytest.importorskip("axe_playwright_python.sync_playwright")
    assert axe.Axe().run(shown).response["violations"] == []
    context.close()
