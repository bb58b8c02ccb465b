"""Each special case of the compiler shows what it buys, and changes no result."""

from __future__ import annotations

import pytest

from autograd_mini.compiler.reverse import rules
from autograd_mini.compiler.reverse.local import scaled
from benchmarks import ablation


@pytest.mark.parametrize("choice", ablation.CHOICES, ids=lambda choice: choice.name)
def test_the_compiler_without_one_of_its_choices(choice: ablation.Choice) -> None:
    there = getattr(choice.owner, choice.attribute)
    line = ablation.measure(choice, seconds=0.0)  # raises if the results differ
    assert getattr(choice.owner, choice.attribute) is there
    assert line.startswith(choice.name)
    assert line.endswith("lines")


def test_a_choice_that_changes_the_result_is_refused() -> None:
    def halved(scale: float) -> object:
        return scaled(0.5 * scale)

    wrong = ablation.Choice("factors", rules, "scaled", halved, ablation.many_places)
    with pytest.raises(RuntimeError, match="without 'factors' is off by"):
        ablation.measure(wrong, seconds=0.0)
