"""Each special case of the compiler shows what it buys, and changes no result."""

from __future__ import annotations

from dataclasses import replace
from functools import partial, update_wrapper
from typing import Any

import pytest

from autograd_mini.compiler.reverse import rules
from autograd_mini.compiler.reverse.local import scaled
from benchmarks import ablation

# Large enough for the choices to be met; the other models are no larger than that.
SMALLER: dict[object, Any] = {
    model: update_wrapper(partial(model, size), model)
    for model, size in ((ablation.gpt, 9), (ablation.wide_digits, 64))
}


@pytest.mark.parametrize("choice", ablation.CHOICES, ids=lambda choice: choice.name)
def test_the_compiler_without_one_of_its_choices(choice: ablation.Choice) -> None:
    choice = replace(choice, model=SMALLER.get(choice.model, choice.model))
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no such choice"], "no choice and no model has 'no such choice' in its name"),
        (["bias", "no such choice"], "no such choice"),
        (["--seconds", "0"], "--seconds must be above 0"),
        (["bias", "--seconds", "-1"], "--seconds must be above 0"),
        (["--seconds", "nan"], "--seconds must be above 0"),
    ],
)
def test_a_command_line_that_asks_for_nothing_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        ablation.main(arguments)
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert message in printed.err
    assert not printed.out


def test_help_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        ablation.main(["--help"])
    assert caught.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    for choice in ablation.CHOICES:
        assert f"  {choice.name} ({choice.model.__name__})" in lines


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (["bias is one"], ["a bias is one more column"]),
        (["letters"], ["embeddings: one-hot adjoint"]),
        (["letters", "a bias", "bias"], ["embeddings: one-hot adjoint", "a bias is one more"]),
    ],
)
def test_choices_are_asked_for_by_parts_of_names(
    names: list[str], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of their own or of their models', each once."""
    ablation.main([*names, "--seconds", "1e-9"])
    header, *printed = capsys.readouterr().out.splitlines()
    assert header.split() == ["with", "without"]
    assert len(printed) == len(lines)
    assert all(map(str.startswith, printed, lines))
