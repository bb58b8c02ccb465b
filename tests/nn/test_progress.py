"""Progress on stderr: a bar, lines, or nothing."""

from __future__ import annotations

import builtins
import gc
import io
import sys
from typing import Any

import pytest

from autograd_mini import Value
from nn import MLP, SGD, Callback, History, Record, Training, fit, half_squared_error
from nn.training.progress import Progress

X, Y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]


def train(**options: Any) -> History:
    model = MLP(1, [1], rng=0)
    optimizer = SGD(model.parameters(), learning_rate=0.01)
    arguments: dict[str, Any] = {"loss": half_squared_error, "epochs": 3, "batch_size": 1} | options
    return fit(model, X, Y, optimizer=optimizer, **arguments)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refused(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return imported(name, *arguments, **keywords)

    for module in [name for name in sys.modules if name.startswith("tqdm")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", refused)


def test_the_bar_shows_losses_and_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    train(progress=True, validation=(X, Y))
    captured = capsys.readouterr()
    assert captured.out == ""
    for text in ("epoch 3/3", "loss", "mean absolute error", "(validation "):
        assert text in captured.err
    assert captured.err.endswith("\n")


def test_eighty_columns_have_room_for_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda _: (79, 24))
    names = ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    with Progress(10, 450, 9, shown=True) as progress:
        progress.step(0.1)
        progress.epoch(dict(zip(names, [0.12344, 0.98764, 0.23454, 0.97654], strict=True)))
    shown = terminal.getvalue().split("\r")[-1]
    assert "loss 0.1234 (validation 0.2345), accuracy 0.9876 (0.9765)" in shown
    assert len(shown.rstrip("\n")) <= 80


def test_nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    train()
    train(progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("progress", "seen"), [(None, True), (True, True), (False, False)])
def test_a_terminal_shows_the_bar(
    monkeypatch: pytest.MonkeyPatch, progress: bool | None, seen: bool
) -> None:
    pytest.importorskip("tqdm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    train(progress=progress)
    assert ("epoch 3/3" in terminal.getvalue()) is seen


@pytest.mark.usefixtures("without_tqdm")
def test_without_tqdm_those_who_asked_get_a_line_per_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    train()
    assert terminal.getvalue() == ""
    train(progress=True)
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1/3: loss ")
    assert "mean absolute error" in lines[0]


def test_without_stderr_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Terminal()
    closed.close()
    for stderr in (None, closed):
        monkeypatch.setattr(sys, "stderr", stderr)
        for progress in (None, True, False):
            assert train(progress=progress).epochs == 3


class Broken(Terminal):
    """Fails after so many writings, as a pipe does whose reader has gone."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left, self.failures = left, 0

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            self.failures += 1
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("left", [0, 1, 2, 5])
def test_a_stderr_that_breaks_ends_the_bar_and_not_the_training(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr("nn.training.progress._INTERVAL", 0.0)
    broken = Broken(left)
    monkeypatch.setattr(sys, "stderr", broken)
    assert train(progress=True).epochs == 3
    gc.collect()
    assert broken.failures == 1


@pytest.mark.usefixtures("without_tqdm")
def test_a_stderr_that_breaks_ends_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(1)
    monkeypatch.setattr(sys, "stderr", broken)
    assert train(progress=True).epochs == 3
    assert broken.failures == 1


@pytest.mark.parametrize("steps", [4, 5, 6])
def test_the_bar_ends_where_the_training_was_stopped(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr("nn.training.progress._INTERVAL", 1e9)  # drawn at first, and in the end

    class Stop(Callback):
        def step(self, training: Training) -> None:
            if training.step == steps:
                training.stop()

        def __call__(self, record: Record) -> None:
            if record.history.epochs * 4 == steps:
                record.stop()

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    history = train(progress=True, callbacks=[Stop()])
    last = terminal.getvalue().split("\r")[-1]
    assert f"epoch {-(-steps // 4)}/3" in last
    assert f"epoch {(steps + 3) // 4}/3" in last
    assert f"loss {history.loss[-1]:.4g}" in last


class Shell:
    config = ("IPKernelApp",)


def test_a_notebook_shows_the_bar_and_no_warnings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    import types

    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = Shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    for module in [name for name in sys.modules if name.startswith("tqdm.auto")]:
        monkeypatch.delitem(sys.modules, module)
    train()
    assert "epoch 3/3" in "".join(capsys.readouterr())


def test_the_bar_is_closed_when_training_fails(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    calls = 0

    def fail(outputs: Any, target: Any) -> Value:
        nonlocal calls
        calls += 1
        if calls > 2:  # the first two calls are to look at the loss
            raise ZeroDivisionError
        return half_squared_error(outputs, target)

    with pytest.raises(ZeroDivisionError):
        train(loss=fail, progress=True)
    assert capsys.readouterr().err.endswith("\n")


def test_the_bar_is_drawn_some_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm")
    drawn = []
    monkeypatch.setattr(tqdm.tqdm, "update", lambda self, n: drawn.append(n))
    clock = iter(range(10**9))
    monkeypatch.setattr("nn.training.progress.time.monotonic", lambda: next(clock) * 1e-3)
    train(progress=True, epochs=100)
    assert sum(drawn) == 400
    assert len(drawn) < 10  # the clock goes by half a second
