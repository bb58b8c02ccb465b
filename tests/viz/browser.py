"""Pages in a real browser: Chromium, driven by Playwright.

Every page is opened from a file, with the network switched off, and must not log an error, throw
one, or ask for anything beyond itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one module.

    It ends with them: while it runs, Playwright's event loop is that of the thread, and tests of
    others may want one of their own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


class Visits:
    """Opens pages, and notes everything that they must not do."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder
        self.complaints: list[str] = []
        self._contexts: list[Any] = []

    def __call__(
        self,
        html: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        still: bool = True,
        fragment: str = "",
    ) -> Page:
        """Open a page; `still` asks it for as little motion as possible."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if still else "no-preference",
            offline=True,
        )
        self._contexts.append(context)
        path = self._folder / f"page{len(self._contexts)}.html"
        path.write_text(html, encoding="utf-8")
        page = context.new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda message: self._note_message(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._note_request(request, path))
        page.goto(path.as_uri() + fragment)
        return page

    def _note_message(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"console {kind}: {text}")

    def _note_request(self, request: Request, path: Path) -> None:
        if request.url.split("#")[0] != path.as_uri() and not request.url.startswith("data:"):
            self.complaints.append(f"request: {request.url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visits]:
    """Opens pages of one test, and fails it for what they must not do."""
    visits = Visits(browser, tmp_path)
    yield visits
    visits.close()
    assert visits.complaints == []
