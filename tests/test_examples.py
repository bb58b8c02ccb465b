"""The examples run, learn and repeat themselves; their timings are not judged here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ad
from examples import char_gpt
from nn import parameters_to_vector

NAMES = ["io", "os", "re"]


@pytest.fixture
def few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few names that a few seconds teach them, and of one length, which is one trace."""
    monkeypatch.setattr(char_gpt, "standard_modules", lambda: NAMES)


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    char_gpt.main(options)
    return capsys.readouterr().out


@pytest.mark.usefixtures("few_names")
def test_char_gpt_learns_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    output = printed(capsys, "--steps", "400", "--eager-steps", "2", "--samples", "9")
    losses = [
        [float(number) for number in line.split("loss ")[1].split()]
        for line in output.splitlines()
        if "loss " in line
    ]
    eager, compiled = losses
    assert eager[0] == pytest.approx(np.log(char_gpt.END + 1), abs=0.5)  # knows nothing yet
    assert compiled[-1] == pytest.approx(np.log(3) / 3, abs=0.1)  # only the first letter is free
    assert "compiling 1 lengths" in output
    assert "times as fast" in output
    samples = output.split("module):\n")[1].splitlines()
    assert len(samples) == 9
    assert sum(line.endswith(" *") for line in samples) >= 7
    assert all((line.split()[0] in NAMES) == line.endswith("*") for line in samples)


@pytest.mark.usefixtures("few_names")
def test_char_gpt_repeats_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(char_gpt, "BLOCK", 6)  # having learned little, it makes up long names
    options = "--steps", "5", "--eager-steps", "2", "--samples", "3"
    first, again, other = (
        re.sub(r"[\d.]+ (ms|s|times)\b", "", printed(capsys, *options, "--seed", seed))
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first != other


def test_standard_modules_fit_the_block() -> None:
    names = char_gpt.standard_modules()
    assert {"os", "json", "_thread"} < set(names)
    assert names == sorted(set(names))
    for name in names:
        tokens, targets = char_gpt.encode(name)
        assert len(tokens) == len(targets) == len(name) + 1 <= char_gpt.BLOCK
        assert tokens[0] == targets[-1] == char_gpt.END
        assert tokens[1:] == targets[:-1]
        assert "".join(char_gpt.CHARACTERS[token] for token in tokens[1:]) == name


@pytest.mark.parametrize("length", [1, 2, 5, 16])
def test_compiled_gradient_is_the_eager_one(length: int) -> None:
    rng = np.random.default_rng(length)
    model = char_gpt.make_gpt(9, rng)
    tokens, targets = rng.integers(0, 9, (2, length)).tolist()
    eager = char_gpt.loss(model, tokens, targets)
    eager.backward()
    expected = [parameter.grad for parameter in model.parameters()]
    program = ad.compile(lambda a, b: char_gpt.loss(model, a, b), model.parameters(), batched=False)
    theta = parameters_to_vector(model.parameters())
    value, gradient = program.value_and_grad(theta, tokens, targets)
    assert value == pytest.approx(eager.data, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


def test_a_position_sees_none_after_it() -> None:
    model = char_gpt.make_gpt(9, np.random.default_rng(0))
    short = char_gpt.logits(model, [3, 1, 4])
    long = char_gpt.logits(model, [3, 1, 4, 1, 5])
    for row, same in zip(short, long, strict=False):
        assert [logit.data for logit in row] == [logit.data for logit in same]


def run_module(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.char_gpt", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "COLUMNS": "80"},
    )


def test_char_gpt_is_a_command() -> None:
    process = run_module("--help")
    assert process.returncode == 0, process.stderr
    for option in ("--steps", "--eager-steps", "--seed", "--samples"):
        assert option in process.stdout


@pytest.mark.parametrize(
    "option", [("--steps", "0"), ("--eager-steps", "0"), ("--seed", "-1"), ("--samples", "x")]
)
def test_bad_options_are_refused(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        char_gpt.main(option)
    assert stopped.value.code == 2
    assert "error" in capsys.readouterr().err
