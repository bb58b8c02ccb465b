"""Fixtures of the tests of pages."""

from __future__ import annotations

from tests.viz.browser import browser as browser
from tests.viz.browser import visit as visit
