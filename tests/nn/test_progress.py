"""Progress on stderr: a bar, lines, or nothing."""

from __future__ import annotations

import builtins
import io
import sys
from typing import Any

import pytest

from autograd_mini import Value
from nn import MLP, SGD, fit, half_squared_error

X, Y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]


def train(**options: Any) -> None:
    model = MLP(1, [1], rng=0)
    optimizer = SGD(model.parameters(), learning_rate=0.01)
    arguments: dict[str, Any] = {"loss": half_squared_error, "epochs": 3, "batch_size": 1} | options
    fit(model, X, Y, optimizer=optimizer, **arguments)


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
    for text in ("12/12", "epoch 3/3", "loss", "mean absolute error", "validation loss"):
        assert text in captured.err
    assert captured.err.endswith("\n")


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
    assert ("12/12" in terminal.getvalue()) is seen


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
    monkeypatch.setattr(sys, "stderr", None)
    train()
    closed = Terminal()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    train()


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
    assert "12/12" in "".join(capsys.readouterr())


def test_the_bar_is_closed_when_training_fails(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    calls = 0

    def fail(outputs: Any, target: Any) -> Value:
        nonlocal calls
        calls += 1
        if calls > 1:
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
