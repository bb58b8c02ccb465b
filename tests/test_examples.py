"""The examples run, learn and repeat themselves; their timings are not judged here."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

import autograd_mini as ad
import nn
from examples import (
    breast_cancer,
    char_gpt,
    digits,
    gradient_checking,
    iris,
    moons,
    one_million_weights,
    scipy_lbfgs,
    symmetry,
    xor,
)
from nn import parameters_to_vector
from viz import new_figure, plot_gradient_check

EXPERIMENTS = [
    breast_cancer, digits, gradient_checking, iris, moons, one_million_weights, scipy_lbfgs,
    symmetry, xor
]  # fmt: skip
FEW_STEPS = {
    breast_cancer: ["--quick"],
    digits: ["--epochs", "1", "--seeds", "1"],
    gradient_checking: ["--hidden", "2"],
    iris: ["--epochs", "2"],
    moons: ["--epochs", "3"],
    one_million_weights: ["--quick", "--budget", "0.01"],
    scipy_lbfgs: ["--passes", "2"],
    symmetry: ["--epochs", "3"],
    xor: ["--epochs", "3", "--starts", "1"],
}

NAMES = ["io", "os", "re"]
EXAMPLES = sorted(Path(xor.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_import_what_is_public(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in ("autograd_mini", "nn", "viz"):
            public = importlib.import_module(node.module).__all__
            assert {alias.name for alias in node.names} <= {*public}
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            inner = name.startswith(("autograd_mini.", "nn.", "viz."))
            assert not inner or name == "nn.sklearn"


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


def run_module(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"examples.{name}", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "COLUMNS": "80"},
    )


def test_char_gpt_draws_no_bar_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(char_gpt.progress(["ab", "c"])) == ["ab", "c"]
    assert capsys.readouterr().err == ""


def test_char_gpt_is_a_command() -> None:
    process = run_module("char_gpt", "--help")
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


# The experiments.


MORE_PICTURES = {
    digits: ("digits_confusion.svg", "digits_misread.svg"),
    iris: ("iris_confusion.svg",),
}


def name_of(module: ModuleType) -> str:
    return module.__name__.removeprefix("examples.")


@pytest.fixture
def few_neurons(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few neurons that compiling takes no time."""
    monkeypatch.setattr(digits, "HIDDEN", 8)


@pytest.mark.usefixtures("few_neurons")
@pytest.mark.parametrize("example", EXPERIMENTS, ids=name_of)
def test_an_experiment_ends_in_a_table_and_a_picture(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    example.main(["--out", str(folder), *FEW_STEPS[example]])
    output = capsys.readouterr().out
    picture = folder / f"{name_of(example)}.svg"
    assert output.endswith(f"The picture is in {picture}.\n")
    names = {picture.name, *MORE_PICTURES.get(example, ())}
    assert {path.name for path in folder.glob("*.svg")} == names
    for name in names:
        assert f" is in {folder / name}.\n" in output or f" are in {folder / name}.\n" in output
        assert "<svg" in (folder / name).read_text(encoding="utf-8")
    assert len(output.splitlines()) > 4


@pytest.mark.usefixtures("few_neurons")
@pytest.mark.parametrize(
    "example", [e for e in EXPERIMENTS if e is not one_million_weights], ids=name_of
)
def test_an_experiment_repeats_itself(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, outputs = [], []
    for seed in ("1", "1", "2"):
        example.main(["--out", str(tmp_path), "--seed", seed, *FEW_STEPS[example]])
        pictures.append((tmp_path / f"{name_of(example)}.svg").read_bytes())
        outputs.append(re.sub(r"\d+\.\d\d$", "", capsys.readouterr().out, flags=re.MULTILINE))
    assert pictures[0] == pictures[1] != pictures[2]
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.parametrize("example", EXPERIMENTS, ids=name_of)
def test_an_experiment_says_what_is_to_be_seen(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        example.main(["--help"])
    assert stopped.value.code == 0
    assert example.__doc__ is not None
    assert example.__doc__.strip().splitlines()[0] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("example", "option"),
    [
        (breast_cancer, ("--seed", "-1")),
        (symmetry, ("--epochs", "0")),
        (symmetry, ("--seed", "-1")),
        (symmetry, ("--hidden", "x")),
        (gradient_checking, ("--hidden", "0")),
        (scipy_lbfgs, ("--passes", "0")),
        (scipy_lbfgs, ("--penalty", "-1")),
        (one_million_weights, ("--budget", "nan")),
        (xor, ("--starts", "0")),
        (moons, ("--noise", "-0.1")),
        (iris, ("--patience", "0")),
        (digits, ("--seeds", "0")),
    ],
)
def test_an_experiment_refuses_bad_options(
    example: ModuleType, option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        example.main(option)
    assert stopped.value.code == 2
    assert option[0] in capsys.readouterr().err


@pytest.mark.parametrize("example", EXPERIMENTS, ids=name_of)
def test_a_folder_that_cannot_be_is_told_before_the_work(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    for folder in (occupied, occupied / "below"):
        with pytest.raises(SystemExit) as stopped:
            example.main(["--out", str(folder)])
        assert stopped.value.code == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        last_line = printed.err.splitlines()[-1]
        assert "error: argument --out: " in last_line
        assert str(folder) in last_line


def history_of(epochs: int) -> nn.History:
    history = nn.History(["loss", "accuracy", "validation_loss"])
    for epoch in range(epochs):
        history.append(dict.fromkeys(history, 1.0 / (1 + epoch)))
    return history


@pytest.mark.parametrize("epochs", [1, 3, 40])
def test_pictures_count_epochs_from_one(epochs: int) -> None:
    flowers = iris.split(0)
    model = nn.MLP(4, [3], rng=0)
    figure = iris.draw(model.predict, flowers[0], flowers[2], history_of(epochs), epochs)
    training, held_out, best = figure.axes[0].lines
    for line in (training, held_out):
        assert np.asarray(line.get_xdata()).tolist() == [*range(1, epochs + 1)]
    assert np.asarray(best.get_xdata()).tolist() == [epochs, epochs]
    assert figure.axes[0].get_xlim() == (0.5, epochs + 0.5)  # the line is not on the frame

    X, y = moons.moons(20, 0.1, np.random.default_rng(0))
    figure = moons.draw(nn.MLP(2, [1], rng=0), X, y, history_of(epochs))
    assert [np.asarray(line.get_xdata()).tolist() for line in figure.axes[1].lines] == [
        [*range(1, epochs + 1)]
    ] * 2


def test_an_example_is_a_command() -> None:
    process = run_module("symmetry", "--help")
    assert process.returncode == 0, process.stderr
    assert "--epochs" in process.stdout


def errors_over_steps(seed: int) -> tuple[Any, ...]:
    model = nn.MLP(2, [3, 1], rng=seed)
    theta = parameters_to_vector(model)

    def loss_at(numbers: Any) -> float:
        nn.vector_to_parameters(numbers, model)
        return gradient_checking.forward(model, [0.3, -0.8], 0.5)[0].data

    loss, _ = gradient_checking.forward(model, [0.3, -0.8], 0.5)
    gradient = gradient_checking.backpropagated(model, loss)
    axes = plot_gradient_check(gradient, loss_at, ax=new_figure(4, 3).add_subplot(), at=theta)
    lines = {line.get_gid(): line.get_data() for line in axes.get_lines()}
    return (lines["one-sided"][0], *(lines[name][1] for name in ("one-sided", "two-sided")))


@pytest.mark.parametrize("seed", range(3))
def test_errors_of_differences_fall_and_rise_as_told(seed: int) -> None:
    h, one_sided, two_sided = errors_over_steps(seed)
    truncated = (h < 2e-2) & (h > 1e-4)
    assert np.polyfit(np.log(h[truncated]), np.log(one_sided[truncated]), 1)[0] == pytest.approx(
        1.0, abs=0.05
    )
    assert np.polyfit(np.log(h[truncated]), np.log(two_sided[truncated]), 1)[0] == pytest.approx(
        2.0, abs=0.05
    )
    assert two_sided.min() < 1e-9
    assert 1e-7 < h[two_sided.argmin()] < 1e-4
    assert 1e-10 < one_sided.min() < 1e-6
    assert 1e-10 < h[one_sided.argmin()] < 1e-6
    assert two_sided[-1] > 1e-3  # rounding


def test_the_planted_mistake_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gradient_checking.main(["--out", str(tmp_path)])
    output = capsys.readouterr().out
    wrong = [line.split()[0] for line in output.splitlines() if line.endswith("<- wrong")]
    assert wrong == [f"layers.0.neurons.0.{name}" for name in ("weights.0", "weights.1", "bias")]
    assert "1 of 22 local derivatives is wrong; the worst: tanh toward operand 0" in output


@pytest.mark.parametrize(("start", "seed"), [("zeros", 0), ("constant", 0), ("constant", 5)])
def test_equal_neurons_stay_equal(start: str, seed: int) -> None:
    run = symmetry.train(nn.MLP(2, [5, 1], init=symmetry.STARTS[start], rng=seed), 300)
    assert run.neurons.shape == (301, 5, 4)
    assert run.spread.max() == 0.0
    moved = np.abs(run.neurons[-1] - run.neurons[0]).max()
    assert moved == 0.0 if start == "zeros" else moved > 1.0
    assert run.losses[-1] > 0.4


@pytest.mark.parametrize("seed", range(2))
def test_different_neurons_part_and_learn(seed: int) -> None:
    run = symmetry.train(nn.MLP(2, [8, 1], init=symmetry.STARTS["random"], rng=seed), 600)
    assert run.spread[0] > 0.0
    assert run.spread[-1] > 2.0 * run.spread[0]
    assert run.losses[-1] < 0.1 < run.losses[0]


def test_lbfgs_comes_closer_than_sgd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scipy_lbfgs.main(["--out", str(tmp_path), "--passes", "90"])
    lines = capsys.readouterr().out.splitlines()
    rows = [re.split(r"\s{2,}", line) for line in lines if line.startswith(("L-BFGS", "SGD"))]
    losses = {row[0]: float(row[2]) for row in rows}
    assert len(losses) == 3
    assert min(losses, key=losses.__getitem__) == "L-BFGS"
    assert losses["L-BFGS"] < 0.025
    assert all(float(row[4].rstrip("%")) > 94.0 for row in rows)


def test_the_pipeline_finds_the_malignant_tumours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breast_cancer.main(["--out", str(tmp_path), "--quick"])
    output = capsys.readouterr().out
    accuracies = [float(share) for share in re.findall(r"(\d+\.\d)%  +\d", output)]
    scaled, logistic, unscaled, *chosen_from = accuracies
    assert min(scaled, logistic, *chosen_from) > 95.0 > unscaled
    (chosen,) = (line for line in output.splitlines() if line.endswith("<- chosen"))
    assert f"{max(chosen_from)}%" in chosen
    [(share, right, n)] = re.findall(r"set aside: (.*)% right \((\d+) of (\d+)\)", output)
    assert float(share) == round(100 * int(right) / int(n), 1) > 95.0


@pytest.mark.parametrize("seed", range(3))
def test_hidden_neurons_learn_exclusive_or_and_one_neuron_does_not(seed: int) -> None:
    alone, _ = xor.train(0, 500, np.random.default_rng(seed))
    assert xor.accuracy(alone) <= 0.75
    network, history = xor.train(8, 500, np.random.default_rng(seed))
    assert xor.accuracy(network) == 1.0
    assert history.loss[-1] < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_the_moons_are_told_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = moons.moons(100, 0.1, rng)
    model, history = moons.train(X, y, 200, 1e-3, rng)
    assert sorted(set(y.tolist())) == [-1, 1]
    assert nn.accuracy(model.predict_classes(X), y > 0) == history.accuracy[-1] == 1.0
    assert history.accuracy[0] < 0.9


def test_irises_are_told_apart_until_validation_gets_no_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    iris.main(["--out", str(tmp_path)])
    output = capsys.readouterr().out
    shares = dict(re.findall(r"^(\w+) accuracy +([\d.]+)%", output, flags=re.MULTILINE))
    assert shares.keys() == {"training", "validation", "test"}
    assert all(float(share) > 93.0 for share in shares.values())
    best, last = map(int, re.findall(r"best epoch (\d+) of (\d+): validation_loss", output)[0])
    assert last == best + 30
    assert "setosa                20           0          0" in output


def test_parts_of_the_irises_share_no_flower_and_all_species() -> None:
    parts = iris.split(3)
    assert [np.bincount(y).tolist() for _, y in parts] == [[20] * 3, [10] * 3, [20] * 3]
    everything = np.concatenate([X for X, _ in parts])
    np.testing.assert_array_equal(np.sort(everything, axis=0), np.sort(load_iris().data, axis=0))
    training = iris.standardiser(parts[0][0])(parts[0][0])
    np.testing.assert_allclose(training.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(training.std(axis=0), 1.0, rtol=1e-12)


def test_digits_are_read() -> None:
    training, test = digits.split(np.random.default_rng(0))
    run = digits.train(digits.with_moved(*training), test, digits.DROPOUT, 12, seed=0)
    assert nn.accuracy(run.model.predict(test[0]), test[1]) >= 0.97
    assert run.steps[-1] == 12 * 225


def test_images_move_by_half_a_pixel() -> None:
    images = np.zeros((3, 8, 8))
    images[:, 1:-1, 1:-1] = np.random.default_rng(0).random((3, 6, 6))
    X, y = digits.with_moved(images.reshape(3, 64), np.array([4, 0, 7]))
    assert y.tolist() == [4, 0, 7] * 5

    def centres(rows: Any) -> Any:
        weights = rows.reshape(-1, 3, 8, 8) / rows.sum(axis=1).reshape(-1, 3, 1, 1)
        return np.einsum("tnij,dij->tnd", weights, np.indices((8, 8)))

    still, *moved = centres(X)
    steps = [centre - still for centre in moved]
    np.testing.assert_allclose(
        steps, np.array([[[0.5, 0]], [[-0.5, 0]], [[0, 0.5]], [[0, -0.5]]]).repeat(3, axis=1),
        atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(X.sum(axis=1), np.tile(images.sum(axis=(1, 2)), 5), rtol=1e-12)


@pytest.mark.usefixtures("few_neurons")
def test_the_saved_digits_network_reads_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits.main(["--epochs", "1", "--seeds", "1", "--out", str(tmp_path)])
    output = capsys.readouterr().out
    X, y = digits.split(np.random.default_rng(0))[1]
    classes = nn.load(tmp_path / "digits.npz").predict_classes(X)
    assert f" {nn.accuracy(classes, y):.2%}\n" in output.splitlines(keepends=True)[1]


@pytest.mark.parametrize("weights", [100, 1_000, 10_000, 300_000, 1_000_000])
def test_the_width_makes_the_number_of_weights(weights: int) -> None:
    width = one_million_weights.width_for(weights)
    given = sum(a * b + b for a, b in pairwise((64, width, width, 10)))
    assert given == pytest.approx(weights, rel=0.15)
    assert weights < 10_000 or given == pytest.approx(weights, rel=0.01)


def test_both_gradients_agree_at_both_engines() -> None:
    row = one_million_weights.measure(300, budget=60.0, seed=3)
    assert row.weights == 330
    # a product has two operands, a bias is one; 8 activations; log_softmax of 10 and its sign
    assert row.edges == 2 * (330 - 18) + 18 + 8 + 10 + 1
    for times in (row.eager, row.compiled):
        assert times.measured
        assert times.deviation < 1e-8


def test_what_is_extrapolated_is_marked() -> None:
    row = one_million_weights.measure(1_000, budget=0.0, seed=0)
    assert not row.eager.measured
    assert not row.compiled.measured
    shown = one_million_weights.cells(row)
    assert [cell.startswith("~") for cell in shown] == [False] * 4 + [True, False, True, False]
    figure = one_million_weights.draw([row])
    (axes,) = figure.axes
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 2
    assert all(np.size(line.get_xdata()) == 1 for line in hollow)


@pytest.mark.parametrize(
    ("seconds", "text"), [(2e-5, "20 us"), (0.25, "250 ms"), (3.0, "3 s"), (5400.0, "1.5 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert one_million_weights.duration(seconds) == text
