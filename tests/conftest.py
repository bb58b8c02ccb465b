"""What all tests share: one hypothesis profile, no windows, ways to add rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import autograd_mini as ad
from autograd_mini.core.table_functions import documented
from autograd_mini.table import primitives

# The same examples on every run; HYPOTHESIS_PROFILE=explore looks for new ones.
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, suppress_health_check=_CHECKS
)
settings.register_profile("explore", deadline=None, suppress_health_check=_CHECKS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

os.environ["MPLBACKEND"] = "agg"  # before matplotlib is imported: its figures have no window


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    """Figures of pyplot that a test has left for a notebook to show are closed after it."""
    yield
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")


@pytest.fixture
def register() -> Callable[..., Callable[..., Any]]:
    """``register_primitive``, whose rows leave the table when the test ends."""
    return ad.register_primitive


@pytest.fixture
def register_unchecked() -> Callable[..., Callable[..., Any]]:
    """As `register`, for rows whose derivatives are wrong on purpose."""

    def unchecked(
        name: str,
        operands: str,
        value: str,
        partials: Sequence[str],
        domains: Sequence[tuple[float, float]],
    ) -> Callable[..., Any]:
        intervals = ", ".join(f"{low!r}..{high!r}" for low, high in domains)
        columns = (name, operands, value, " ; ".join(partials), intervals)
        return documented(primitives.define(" | ".join(columns)))

    return unchecked
