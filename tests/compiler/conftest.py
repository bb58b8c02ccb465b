"""Whatever a test here compiles is checked and printed after each stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograd_mini.compiler import compiled


@pytest.fixture(autouse=True)
def _verified_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(stage: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            result = stage(*arguments, **options)
            made = getattr(result, "program", result)
            made.verify()
            assert str(made)
            return result

        return run

    for name in ("canonical_form", "lower", "differentiate"):
        monkeypatch.setattr(compiled, name, checked(getattr(compiled, name)))
