"""What tests and doctests share: a row that one of them adds to the table leaves with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograd_mini.table import primitives


@pytest.fixture(autouse=True)
def _rows_of_one_test() -> Iterator[None]:
    before = set(primitives.PRIMITIVES)
    yield
    for name in primitives.PRIMITIVES.keys() - before:
        del primitives._rows[name]
