"""Checkpoints: what was cut off goes on as if it had not been, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn import (
    MLP,
    SGD,
    Adam,
    ArchiveError,
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    LearningRateSchedule,
    Module,
    Optimizer,
    Record,
    cross_entropy,
    fit,
    parameters_to_vector,
)

ROOT = Path(__file__).parent.parent.parent
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
CLASSES = RNG.integers(0, 2, size=30)


class Dropping(Module):
    """A net that draws random numbers."""

    def __init__(self, hidden: int = 4) -> None:
        self.first, self.last = MLP(3, [hidden], rng=0), MLP(hidden, [2], rng=1)
        self.dropout = nn.Dropout(0.25)

    def __call__(self, x: Any) -> Any:
        return self.last(self.dropout(self.first(x)))


def momentum(parameters: Any) -> SGD:
    return SGD(parameters, learning_rate=0.1, momentum=0.9)


def adam(parameters: Any) -> Adam:
    return Adam(parameters, learning_rate=0.05)


class SlowlyFading(Optimizer):
    """One of somebody's own: its share of the past, a number, falls from step to step."""

    def __init__(self, parameters: Any, learning_rate: float = 0.1, share: float = 0.9) -> None:
        super().__init__(parameters, learning_rate)
        self.share = share

    def initial_memory(self) -> dict[str, Any]:
        return {"velocity": np.zeros(len(self.parameters))}

    def rule(self, theta: Any, gradient: Any, memory: Any) -> Any:
        self.share *= 0.99
        velocity = self.share * memory["velocity"] + gradient
        return theta - self.learning_rate * velocity, {"velocity": velocity}


OPTIMIZERS = {"momentum": momentum, "adam": adam, "one's own": SlowlyFading}


def train(
    path: Path | None, *, model: Any = None, make: Any = adam, more: Any = (), **changes: Any
) -> tuple[Any, History, Any]:
    """The parameters in the end, the history and the optimizer."""
    model = Dropping() if model is None else model
    optimizer = make(model.parameters())
    arguments: dict[str, Any] = {
        "loss": cross_entropy,
        "epochs": 6,
        "batch_size": 8,
        "validation": (X[:5], CLASSES[:5]),
        "rng": 7,
    } | changes
    X_, y = arguments.pop("X", X), arguments.pop("y", CLASSES)
    callbacks = [*([Checkpoint(path, resume=True)] if path else []), *more]
    history = fit(model, X_, y, optimizer=optimizer, callbacks=callbacks, **arguments)
    return parameters_to_vector(model).tolist(), history, optimizer


class CutError(Exception):
    """Stands for whatever ends a process."""


def cut_after(epoch: int) -> Any:
    def cut(record: Record) -> None:
        if record.epoch == epoch:
            raise CutError

    return cut


def assert_same(first: Any, second: Any) -> None:
    """Parameters, history, and the optimizers' memories, bit for bit."""
    assert first[0] == second[0]
    assert first[1] == second[1]
    assert first[1].stopped == second[1].stopped
    assert str(first[2].state_dict()) == str(second[2].state_dict())


@pytest.mark.parametrize("generator", ["PCG64", "MT19937", "Philox", "SFC64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_was_cut_off_goes_on(tmp_path: Path, name: str, generator: str) -> None:
    def rng() -> np.random.Generator:
        return np.random.Generator(getattr(np.random, generator)(7))

    path = tmp_path / "run.npz"
    for epoch in (2, 3, 5):  # the epoch in which it is cut off is lost
        with pytest.raises(CutError):
            train(path, make=OPTIMIZERS[name], more=[cut_after(epoch)], rng=rng())
    resumed = train(path, make=OPTIMIZERS[name], more=[cut_after(99)], rng=rng())
    assert_same(resumed, train(None, make=OPTIMIZERS[name], rng=rng()))


def test_another_seed_counts_only_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(path, epochs=3)
    assert_same(train(path, rng=None), train(None))


def test_a_finished_training_goes_on_with_more_epochs(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    short = train(path, epochs=4)
    assert_same(train(path, epochs=4), short)  # nothing is left to do
    assert_same(train(path, epochs=6), train(None))
    with pytest.raises(ValueError, match="6 epochs behind it and epochs is 5"):
        train(path, epochs=5)


def test_callbacks_go_on(tmp_path: Path) -> None:
    def callbacks() -> list[Any]:
        return [
            EarlyStopping(4, monitor="validation_loss"),
            LearningRateSchedule(lambda step: 0.1 / (1 + step), "step"),
        ]

    path = tmp_path / "run.npz"
    with pytest.raises(CutError):
        train(path, more=[*callbacks(), cut_after(4)], epochs=40)
    whole = train(None, more=[*callbacks(), cut_after(99)], epochs=40)
    resumed = train(path, more=[*callbacks(), cut_after(99)], epochs=40)
    assert_same(resumed, whole)
    assert whole[1].epochs < 40  # it did stop early
    again = train(path, more=[*callbacks(), cut_after(99)], epochs=40)
    assert_same(again, whole)


def test_only_every_so_many_epochs_and_the_last(tmp_path: Path) -> None:
    path, epochs = tmp_path / "run.npz", []

    class Watch(Checkpoint):
        def __call__(self, record: Record) -> None:
            before = path.read_bytes() if path.exists() else b""
            super().__call__(record)
            if (path.read_bytes() if path.exists() else b"") != before:
                epochs.append(record.epoch)

    model = Dropping()
    fit(
        model, X, CLASSES, loss=cross_entropy, optimizer=adam(model.parameters()), epochs=7,
        callbacks=[Watch(path, every=3)],
    )  # fmt: skip
    assert epochs == [3, 6, 7]


def test_ctrl_c_loses_no_whole_epoch(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"

    class Interrupting(Remembering):
        """Ctrl-C within an epoch, counted from 0."""

        def __init__(self, epoch: int) -> None:
            self.epoch = epoch

        def step(self, training: Any) -> None:
            self.losses += 1.0  # in place, after the state was taken
            if training.step == self.epoch * training.n_steps + 1:
                raise KeyboardInterrupt

    def callbacks(epoch: int) -> list[Callback]:
        return [Interrupting(epoch), Checkpoint(path, every=3, resume=True)]

    _, history, _ = train(None, more=callbacks(4), epochs=8)
    assert (history.stopped, history.epochs) == ("interrupted", 4)
    watched = callbacks(99)
    resumed = train(None, more=watched, epochs=8)
    whole = Interrupting(99)
    train(None, more=[whole], epochs=8)
    remembered: Any = watched[0]
    assert remembered.losses.tolist() == whole.losses.tolist()
    assert resumed[1].epochs == 8
    assert resumed[1].loss[:4] == history.loss
    assert_same(resumed, train(None, epochs=8))


def test_frozen_parameters_are_restored(tmp_path: Path) -> None:
    def last(model: Any) -> Any:
        return lambda parameters: adam(model.last.parameters())

    path, models = tmp_path / "run.npz", [Dropping() for _ in range(3)]
    train(path, model=models[0], make=last(models[0]), epochs=3)
    for parameter in models[1].first.parameters():
        parameter.data = 9.0
    resumed = train(path, model=models[1], make=last(models[1]))
    assert_same(resumed, train(None, model=models[2], make=last(models[2])))


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"model": MLP(3, [4, 2], rng=0)}, "model 'Dropping' there, 'MLP' here"),
    "width": ({"model": Dropping(5)}, "number of parameters 26 there, 32 here"),
    "optimizer": ({"make": momentum}, "optimizer 'Adam' there, 'SGD' here"),
    "loss": ({"loss": nn.multi_class_hinge}, "loss .*cross_entropy.* there, .*hinge.* here"),
    "size": ({"X": X[:20], "y": CLASSES[:20]}, "number of examples 30 there, 20 here"),
    "batch size": ({"batch_size": 9}, "batch_size 8 there, 9 here"),
    "order": ({"shuffle": False}, "shuffle True there, False here"),
    "curves": ({"validation": None}, "curves"),
    "callbacks": ({"more": [EarlyStopping(3)]}, "callbacks"),
    "generator": ({"rng": np.random.Generator(np.random.MT19937(0))}, "MT19937|PCG64"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path, case: str) -> None:
    changes, message = OTHERS[case]
    path = tmp_path / "run.npz"
    train(path, epochs=2)
    content = path.read_bytes()
    model = changes.get("model") or Dropping()
    before = parameters_to_vector(model).tolist()
    with pytest.raises(ValueError, match=message):
        train(path, **{"model": model} | changes)
    assert parameters_to_vector(model).tolist() == before
    assert path.read_bytes() == content


def test_a_file_that_is_there_is_not_replaced_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    path.write_bytes(b"precious")
    model = Dropping()
    arguments: dict[str, Any] = {"loss": cross_entropy, "optimizer": adam(model.parameters())}
    with pytest.raises(FileExistsError, match="resume=True"):
        fit(model, X, CLASSES, epochs=1, callbacks=[Checkpoint(path)], **arguments)
    with pytest.raises(ArchiveError):
        fit(model, X, CLASSES, epochs=1, callbacks=[Checkpoint(path, resume=True)], **arguments)
    assert path.read_bytes() == b"precious"


def test_bad_paths_and_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.npz"):
        Checkpoint(tmp_path / "run.ckpt")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Checkpoint(tmp_path / "nowhere" / "run.npz")
    with pytest.raises(ValueError, match="every must be at least 1"):
        Checkpoint(tmp_path / "run.npz", every=0)


class Remembering(Callback):
    """A callback of the user's that remembers arrays and more."""

    def start(self, training: Any) -> None:
        self.losses = np.zeros(0)
        self.note: dict[str, Any] = {"words": ["a", None], "count": np.int64(0)}

    def __call__(self, record: Record) -> None:
        self.losses = np.append(self.losses, record["loss"])
        self.note["count"] += 1

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses, "note": self.note}

    def load_state_dict(self, state: Any) -> None:
        self.losses, self.note = state["losses"], state["note"]


def test_callbacks_of_the_users_remember(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(path, epochs=2, more=[Remembering()])
    watch = Remembering()
    _, history, _ = train(path, epochs=5, more=[watch])
    assert watch.losses.tolist() == history.loss
    assert watch.note == {"words": ["a", None], "count": 5}


def test_a_refusing_callback_changes_nothing(tmp_path: Path) -> None:
    class Refusing(Remembering):
        def load_state_dict(self, state: Any) -> None:
            raise CutError

    path, generator = tmp_path / "run.npz", np.random.default_rng(3)
    train(path, epochs=2, more=[type("Refusing", (Remembering,), {})()])
    model, state = Dropping(), str(generator.bit_generator.state)
    before = parameters_to_vector(model).tolist()
    with pytest.raises(CutError):
        train(path, model=model, more=[Refusing()], rng=generator)
    assert parameters_to_vector(model).tolist() == before
    assert str(generator.bit_generator.state) == state


# Processes that are killed, or interrupted.

SCRIPT = """
import signal
import sys
from pathlib import Path
from tests.nn.test_checkpoint import OPTIMIZERS, train
path = Path(sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
print("ready", flush=True)
vector, history, _ = train(path, make=OPTIMIZERS[sys.argv[2]], epochs=int(sys.argv[3]))
print(history.stopped, history.epochs, *[number.hex() for number in vector])
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def until_its_end(process: subprocess.Popen[str]) -> str:
    """What a process prints, of which none is waited for in vain."""
    try:
        return process.communicate(timeout=60)[0]
    finally:
        process.kill()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_killed_process_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    epochs, path = 60, tmp_path / "run.npz"
    killed = 0
    for _ in range(2):
        with start(path, name, epochs) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            size = path.stat().st_mtime_ns if path.exists() else None
            while process.poll() is None and (not path.exists() or path.stat().st_mtime_ns == size):
                time.sleep(0.001)
            time.sleep(random.random() * 0.05)
            process.kill()
            killed += process.wait() == -signal.SIGKILL
    assert killed
    with start(path, name, epochs) as process:
        output = until_its_end(process)
    *_, last = output.splitlines()
    vector, _, _ = train(None, make=OPTIMIZERS[name], epochs=epochs)
    stopped, done, *numbers = last.split()
    assert (stopped, int(done)) == ("None", epochs)
    assert [float.fromhex(number) for number in numbers] == vector


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
def test_ctrl_c_returns_the_history(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    with start(path, "adam", 10**6) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while not path.exists() and process.poll() is None:
            time.sleep(0.001)
        time.sleep(random.random() * 0.05)
        process.send_signal(signal.SIGINT)
        output = until_its_end(process)
        assert process.returncode == 0
    stopped, done, *numbers = output.split()
    assert stopped == "interrupted"
    assert int(done) >= 1
    assert np.isfinite([float.fromhex(number) for number in numbers]).all()


def test_the_order_of_callbacks_is_free(tmp_path: Path) -> None:
    def early() -> list[Any]:
        return [EarlyStopping(2, monitor=m, min_delta=9.0) for m in ("validation_loss", "loss")]

    path = tmp_path / "run.npz"
    (one, two), (validation, loss) = early(), early()
    train(path, epochs=1, more=[lambda record: None, one, two])
    resumed = train(path, epochs=1, more=[loss, validation])
    assert (
        (loss.best, validation.best)
        == (two.best, one.best)
        == (
            resumed[1].loss[0],
            resumed[1].validation_loss[0],
        )
    )
    assert train(path, epochs=9, more=[loss, validation, lambda record: None])[1].epochs == 3


def test_of_two_checkpoints_the_newest_counts(tmp_path: Path) -> None:
    often, seldom = tmp_path / "often.npz", tmp_path / "seldom.npz"

    def both(resume: bool = True) -> list[Any]:
        return [Checkpoint(seldom, every=2, resume=resume), Checkpoint(often, resume=resume)]

    whole = train(None)
    for order in (1, -1):
        for path in (often, seldom):
            path.unlink(missing_ok=True)
        with pytest.raises(CutError):
            train(None, more=[*both(False), CutEnd(4)])
        assert_same(train(None, more=both()[::order]), whole)


class CutEnd(Checkpoint):
    """Cuts off after the checkpoints of an epoch are written."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def start(self, training: Any) -> None: ...

    def __call__(self, record: Record) -> None:
        if record.epoch == self.epoch:
            raise CutError


@pytest.mark.parametrize("name", ["X", "y"])
def test_other_examples_are_another_training(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run.npz"
    train(path, epochs=2)
    changes: dict[str, Any] = {"X": X + 0.0, "y": CLASSES.copy()}
    train(path, epochs=3, **changes)
    changes[name][7] = 1 - changes[name][7]
    with pytest.raises(ValueError, match=rf"another training: {name} \(SHA-256\)"):
        train(path, epochs=4, **changes)


def test_examples_are_looked_through_only_for_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests: list[Any] = []

    def note(column: Any) -> str:
        digests.append(column)
        return ""

    monkeypatch.setattr("nn.training.training_settings._digest", note)
    train(None, epochs=1, more=[EarlyStopping(3)])
    assert digests == []
    train(tmp_path / "run.npz", epochs=1)
    assert len(digests) == 2
