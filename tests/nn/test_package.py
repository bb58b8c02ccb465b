"""The package: what it exports, and what it says of names that it does not have."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nn
from nn._other_libraries import NAMES

HERE_UNDER_ANOTHER_NAME = NAMES


@pytest.mark.parametrize("name", HERE_UNDER_ANOTHER_NAME)
def test_a_name_of_another_library_is_answered_with_what_to_write(name: str) -> None:
    remedy = HERE_UNDER_ANOTHER_NAME[name]
    with pytest.raises(AttributeError) as caught:
        getattr(nn, name)
    assert str(caught.value) == f"module 'nn' has no attribute {name!r}: did you mean {remedy}?"
    first = remedy.partition("(")[0]
    assert first in nn.__all__ or " " in first or first.startswith("autograd_mini.")


def test_what_is_told_of_is_not_here() -> None:
    assert set(HERE_UNDER_ANOTHER_NAME).isdisjoint(vars(nn))


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    process = subprocess.run(
        [sys.executable, "-c", "import nn; nn.cros_entropy"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.stderr.endswith(
        "AttributeError: module 'nn' has no attribute 'cros_entropy'. "
        "Did you mean: 'cross_entropy'?\n"
    )


def test_attributes_that_are_looked_for_may_be_missing() -> None:
    assert not hasattr(nn, "__wrapped__")
    assert getattr(nn, "MSELoss", None) is None
    with pytest.raises(ImportError):
        exec("from nn import MSELoss")
