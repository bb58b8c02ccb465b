"""The hand-written backpropagation of the benchmark is right, and the benchmark runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ad
import nn
from benchmarks import by_hand, compiled, written_out
from examples import char_gpt

ROOT = Path(__file__).parent.parent
CASES = [
    ([2, 4, 3, 1], "tanh", "identity_half_squared_error"),
    ([5, 4, 3], "tanh", "softmax_cross_entropy"),
    ([5, 4, 3], "sigmoid", "sigmoid_half_squared_error"),
]


@pytest.mark.parametrize(("sizes", "activation", "head"), CASES)
def test_networks_by_hand_and_written_out(sizes: list[int], activation: str, head: str) -> None:
    rng = np.random.default_rng(0)
    output = "sigmoid" if head == "sigmoid_half_squared_error" else "identity"
    model = nn.MLP(sizes[0], sizes[1:], activation=activation, output_activation=output, rng=rng)
    parameters = model.parameters()
    x, classes = rng.normal(size=(7, sizes[0])), rng.integers(0, sizes[-1], 7)
    rows = np.eye(sizes[-1])[classes]
    t = {"identity": rng.normal(size=7), "softmax": classes, "sigmoid": rows}[head.split("_")[0]]
    loss = compiled.example_loss(model, head)
    mean = ad.mean([loss(a, b) for a, b in zip(x.tolist(), t.tolist(), strict=True)])
    mean.backward()
    gradient = [parameter.grad for parameter in parameters]

    theta = nn.parameters_to_vector(model)
    by_hand_loss, by_hand_gradient = by_hand.mlp(sizes, activation, getattr(by_hand, head))(
        theta, x, t
    )
    assert by_hand_loss == pytest.approx(mean.data, rel=1e-12)
    np.testing.assert_allclose(by_hand_gradient, gradient, rtol=1e-12, atol=1e-15)

    targets = (rows if head == "softmax_cross_entropy" else t.reshape(7, -1)).tolist()
    functions = compiled.VALUE_FUNCTIONS
    written = [
        getattr(written_out, head)(
            written_out.mlp(parameters, sizes, activation, a, functions), b, functions
        )
        for a, b in zip(x.tolist(), targets, strict=True)
    ]
    assert ad.mean(written).data == pytest.approx(mean.data, rel=1e-12)


@pytest.mark.parametrize("n_tokens", [1, 2, 7])
def test_gpt_by_hand_and_written_out(n_tokens: int) -> None:
    model, case = compiled.gpt_case(n_tokens)
    parameters = model.parameters()
    loss = char_gpt.loss(model, case.tokens.tolist(), case.targets.tolist())
    loss.backward()
    gradient = [parameter.grad for parameter in parameters]

    widths = char_gpt.WIDTH, char_gpt.HEADS, char_gpt.HIDDEN, char_gpt.BLOCK
    by_hand_loss, by_hand_gradient = by_hand.gpt(compiled.VOCABULARY, *widths)(
        case.theta, case.tokens, case.targets
    )
    assert by_hand_loss == pytest.approx(loss.data, rel=1e-12)
    np.testing.assert_allclose(by_hand_gradient, gradient, rtol=1e-12, atol=1e-15)

    written = compiled.written_out_loss(parameters, case)
    assert written.data == pytest.approx(loss.data, rel=1e-12)


def test_the_benchmark_runs() -> None:
    process = run("--quick", "--seconds", "0.1", "lift", "memory")
    assert process.returncode == 0, process.stderr
    assert "NumPy by hand" in process.stdout
    assert "MB with the data" in process.stdout or "left out" in process.stdout


def test_a_wrong_contestant_is_refused() -> None:
    gradient = np.array([1.0, -2.0])
    compiled.check_equal("right", (3.0, gradient * (1 + 1e-15)), (3.0, gradient))
    for wrong in ((3.1, gradient), (3.0, gradient * (1 + 1e-9)), (3.0, gradient * np.nan)):
        with pytest.raises(RuntimeError, match="wrong is off by"):
            compiled.check_equal("wrong", wrong, (3.0, gradient))


def test_unknown_section_is_refused() -> None:
    process = run("fast")
    assert process.returncode == 2
    assert "unknown section" in process.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.compiled", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
