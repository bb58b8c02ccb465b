"""Checkpoints: what was cut off goes on as if it had not been, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_mini import Value
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
    Training,
    cross_entropy,
    fit,
    parameters_to_vector,
)
from nn.models.archive import read_archive, write_archive

ROOT = Path(__file__).parent.parent.parent
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
CLASSES = RNG.integers(0, 2, size=30)


class Dropping(Module):
    """A net that draws random numbers."""

    def __init__(self, hidden: int = 4, rate: float = 0.25, activation: str = "tanh") -> None:
        self.first = nn.Layer(3, hidden, activation=activation, rng=0)
        self.last, self.dropout = MLP(hidden, [2], rng=1), nn.Dropout(rate)

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
    "curves": ({"metrics": None}, "curves"),
    "no validation": ({"validation": None}, "curves"),
    "validation X": ({"validation": (X[1:6], CLASSES[:5])}, r"validation X \(SHA-256\)"),
    "validation y": ({"validation": (X[:5], 1 - CLASSES[:5])}, r"validation y \(SHA-256\)"),
    "dropout": ({"model": Dropping(rate=0.5)}, "graph of the first loss"),
    "activation": ({"model": Dropping(activation="relu")}, "graph of the first loss"),
    "a factor": (
        {"loss": lambda o, t: 5.0 * cross_entropy(o, t)},
        "graph of the first loss",
    ),
    "generator": (
        {"rng": np.random.Generator(np.random.MT19937(0))},
        "random numbers 'PCG64' there, 'MT19937' here",
    ),
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


class Counting(Callback):
    """Remembers its numbers by name: at first there are none."""

    def __init__(self, name: str, refuses: bool = False) -> None:
        self.name, self.refuses = name, refuses
        self.numbers: dict[str, Any] = {}

    def identity(self) -> str:
        return self.name

    def __call__(self, record: Record) -> None:
        self.numbers["epochs"] = record.epoch

    def state_dict(self) -> dict[str, Any]:
        return self.numbers

    def load_state_dict(self, state: Any) -> None:
        if self.refuses:
            raise CutError
        self.numbers.clear()  # in place, also where somebody else has it
        self.numbers.update(state)


@pytest.mark.parametrize("numbers", [{}, {"before": 1}])
def test_callbacks_get_back_what_they_remembered(tmp_path: Path, numbers: dict[str, Any]) -> None:
    path, names = tmp_path / "run.npz", "abcd"
    train(path, epochs=2, more=[Counting(name) for name in names])
    callbacks = [Counting(name, refuses=name in "bd") for name in names]
    for callback in callbacks:
        callback.numbers.update(numbers)
    with pytest.raises(CutError):
        train(path, more=callbacks)
    assert [callback.numbers for callback in callbacks] == [numbers] * 4


@pytest.mark.parametrize("epochs", [3, 2])
def test_a_stop_by_a_callback_stands(tmp_path: Path, epochs: int) -> None:
    """Also one in the last epoch that was asked for, and one by a function."""

    def early() -> list[Any]:
        return [EarlyStopping(2, min_delta=9.0)]

    def at_two(record: Record) -> None:
        if record.epoch == 2:
            record.stop("two are enough")

    def callbacks() -> list[Any]:
        return early() if epochs == 3 else [at_two]

    path = tmp_path / "run.npz"
    train(path, epochs=epochs, more=callbacks())
    resumed = train(path, epochs=5, more=callbacks())
    whole = train(None, epochs=5, more=callbacks())
    assert_same(resumed, whole)
    assert whole[1].epochs == epochs


def test_after_a_stop_model_and_optimizer_train_further(tmp_path: Path) -> None:
    path, model = tmp_path / "run.npz", Dropping()
    stopped = train(path, more=[lambda record: record.stop()])
    _, history, optimizer = train(path, model=model)
    assert (history.epochs, history.stopped) == (1, stopped[1].stopped)
    optimizers = [optimizer, stopped[2]]
    assert str(optimizers[0].state_dict()) == str(optimizers[1].state_dict())
    _, further, _ = train(
        tmp_path / "further.npz", model=model, make=lambda parameters: optimizer, epochs=2
    )
    assert further.epochs == 2
    assert optimizer.state_dict()["steps"] == 3 * N_STEPS


def test_a_configuration_is_a_part_of_the_training(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(path, model=MLP(3, [4, 2], activation="tanh", rng=0), epochs=1)
    with pytest.raises(ValueError, match=r"configuration of the model .*'tanh'.* there, .*'relu'"):
        train(path, model=MLP(3, [4, 2], activation="relu", rng=0), epochs=1)


def test_other_first_weights_are_the_same_training(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(path, epochs=3)
    model = Dropping()
    for k, parameter in enumerate(model.parameters()):
        parameter.data = 0.1 * k
    assert_same(train(path, model=model), train(None))


def test_a_loss_that_a_callback_changes_is_known_by_its_start(tmp_path: Path) -> None:
    def weighted(epochs: int) -> Any:
        weight = Value(1.0)

        def fade(record: Record) -> None:
            weight.data = 0.5**record.epoch

        loss = lambda o, t: weight * cross_entropy(o, t)  # noqa: E731
        return train(tmp_path / "run.npz", loss=loss, more=[fade], epochs=epochs)

    weighted(2)
    assert weighted(3)[1].epochs == 3


def test_new_callbacks_start_afresh_and_old_ones_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(path, epochs=2, more=[Remembering()])
    rate, watch = LearningRateSchedule(lambda epoch: 0.0), EarlyStopping(2)
    remembering = Remembering()
    _, history, optimizer = train(path, epochs=9, more=[rate, watch, remembering])
    assert (optimizer.learning_rate, watch.best_epoch, history.epochs) == (0.0, 3, 5)
    assert remembering.losses.tolist() == history.loss
    missing = r"callbacks there are missing here, EarlyStopping\(\), LearningRateSchedule\(epoch\)"
    with pytest.raises(ValueError, match=missing):
        train(path, epochs=9, more=[Remembering()])


def everything(model: Any, generator: Any, callbacks: Any) -> str:
    """What a resumed training may change."""
    states = [c.state_dict() for c in callbacks if not isinstance(c, Checkpoint)]
    vector = parameters_to_vector(model).tolist()
    return str((vector, generator.bit_generator.state, states))


def refused(paths: list[Path], error: type[Exception], message: str) -> None:
    """A training that is refused, and of which nothing has changed."""
    model, generator = Dropping(), np.random.default_rng(3)
    optimizer = adam(model.parameters())
    callbacks = [Remembering(), EarlyStopping(5)]
    for callback in callbacks:
        callback.start(Training(model, optimizer, History(), **UNUSED))
    before = everything(model, generator, callbacks), str(optimizer.state_dict())
    with pytest.raises(error, match=message):
        fit(
            model, X, CLASSES, loss=cross_entropy, optimizer=optimizer, rng=generator, epochs=6,
            batch_size=8, validation=(X[:5], CLASSES[:5]),
            callbacks=[*(Checkpoint(path, resume=True) for path in paths), *callbacks],
        )  # fmt: skip
    assert (everything(model, generator, callbacks), str(optimizer.state_dict())) == before


UNUSED: Any = {
    "epochs": 1, "n_steps": 1, "generator": None, "callbacks": [], "parameters": [],
    "settings": dict,
}  # fmt: skip


def test_all_files_are_read_before_anything_changes(tmp_path: Path) -> None:
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    train(paths[0], epochs=2, more=[Remembering(), EarlyStopping(5)])
    paths[1].write_bytes(paths[0].read_bytes()[:-100])
    for order in (1, -1):
        refused(paths[::order], ArchiveError, "second.npz")
    paths[1].unlink()
    train(paths[1], epochs=3, make=momentum, more=[Remembering(), EarlyStopping(5)])
    refused(paths, ValueError, "second.npz.*optimizer 'SGD' there, 'Adam' here")


def nested(depth: int) -> Any:
    """Lists in lists."""
    contents: Any = []
    for _ in range(depth):
        contents = [contents]
    return contents


DAMAGES: dict[str, Any] = {
    "no contents": lambda contents, arrays: None,
    "empty contents": lambda contents, arrays: {},
    "a text": lambda contents, arrays: "text",
    "no step": lambda contents, arrays: contents.pop("step"),
    "no epochs": lambda contents, arrays: contents.pop("epochs"),
    "no settings": lambda contents, arrays: contents.pop("settings"),
    "settings": lambda contents, arrays: contents.update(settings=[1]),
    "step of text": lambda contents, arrays: contents.update(step="x"),
    "another step": lambda contents, arrays: contents.update(step=77),
    "true step": lambda contents, arrays: contents.update(step=True),
    "few epochs": lambda contents, arrays: contents.update(epochs=1),
    "stopped": lambda contents, arrays: contents.update(stopped=3),
    "stopped by nothing": lambda contents, arrays: contents.update(stopped=""),
    "ragged history": lambda contents, arrays: contents["history"][1].pop(),
    "history of text": lambda contents, arrays: contents.update(history=["text", "text"]),
    "NaN history": lambda contents, arrays: contents["history"][0].__setitem__(0, np.nan),
    "no history": lambda contents, arrays: contents.update(history=[]),
    "no arrays": lambda contents, arrays: arrays.clear(),
    "short parameters": lambda contents, arrays: arrays.update(array0=arrays["array0"][1:]),
    "NaN parameters": lambda contents, arrays: arrays["array0"].fill(np.nan),
    "int parameters": lambda contents, arrays: arrays.update(array0=np.zeros(26, int)),
    "no generator": lambda contents, arrays: contents["generator"].clear(),
    "another generator": lambda contents, arrays: contents.update(
        generator=np.random.MT19937(0).state
    ),
    "a generator's state": lambda contents, arrays: contents["generator"].update(state=None),
    "a generator's number": lambda contents, arrays: contents["generator"]["state"].update(
        state=2**200
    ),
    "no optimizer": lambda contents, arrays: contents["optimizer"].clear(),
    "a huge count": lambda contents, arrays: contents["optimizer"].update(steps=10**400),
    "callbacks": lambda contents, arrays: contents.update(callbacks=[["EarlyStopping()"]]),
    "no best": lambda contents, arrays: contents["callbacks"][1][1].pop("best"),
    "best of text": lambda contents, arrays: contents["callbacks"][1][1].update(best="x"),
    "other best parameters": lambda contents, arrays: contents["callbacks"][1][1].update(
        parameters=[1.0]
    ),
    "an array in the settings": lambda contents, arrays: contents["settings"].update(
        model={"$array": "array0"}
    ),
    "an array deep in the settings": lambda contents, arrays: contents["settings"].update(
        loss=[{"a": {"$array": "array0"}}]
    ),
    "deep settings": lambda contents, arrays: contents["settings"].update(model=nested(600)),
    "a generator's flag": lambda contents, arrays: contents["generator"].update(has_uint32=77),
    "a generator's flag of text": lambda contents, arrays: contents["generator"].update(
        has_uint32="1"
    ),
    "a callback's state": lambda contents, arrays: contents["callbacks"][0][1].pop("note"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_bad_contents_are_refused_by_the_files_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "run.npz"
    train(path, epochs=2, more=[Remembering(), EarlyStopping(5)])
    contents, arrays = read_archive(path, "checkpoint")
    result = DAMAGES[damage](contents, arrays)
    damaged = result if damage in ("no contents", "empty contents", "a text") else contents
    write_archive(path, "checkpoint", plain(damaged), arrays)
    refused([path], ArchiveError, r"run\.npz' does not hold what a checkpoint")


GENERATORS: list[tuple[str, Any]] = [
    ("MT19937", lambda state: state["state"].update(pos=10**6)),
    ("MT19937", lambda state: state["state"].update(pos=-1)),
    ("MT19937", lambda state: state["state"].update(pos=1.0)),
    ("MT19937", lambda state: state["state"].pop("pos")),
    ("MT19937", lambda state: state["state"].update(key=[1, 2])),
    ("Philox", lambda state: state.update(buffer_pos=10**6)),
    ("Philox", lambda state: state.update(buffer_pos=-1)),
    ("Philox", lambda state: state["state"].update(counter=state["state"]["key"])),
    ("SFC64", lambda state: state.update(has_uint32=77)),
    ("SFC64", lambda state: state.update(more=1)),
    ("PCG64", lambda state: state.update(uinteger=2**40)),
]


@pytest.mark.parametrize("case", range(len(GENERATORS)))
def test_no_generator_is_made_to_read_beyond_its_arrays(tmp_path: Path, case: int) -> None:
    kind, damage = GENERATORS[case]

    def rng() -> np.random.Generator:
        return np.random.Generator(getattr(np.random, kind)(7))

    path = tmp_path / "run.npz"
    train(path, epochs=2, rng=rng())
    contents, arrays = read_archive(path, "checkpoint")
    damage(contents["generator"])
    write_archive(path, "checkpoint", contents, arrays)
    with pytest.raises(ArchiveError, match=r"run\.npz' does not hold .*generator"):
        train(path, rng=rng())


def plain(contents: Any) -> Any:
    """Arrays that a damage puts in, as lists."""
    return json.loads(json.dumps(contents, default=lambda array: array.tolist()))


def test_a_callback_may_remember_what_looks_like_a_reference(tmp_path: Path) -> None:
    class Odd(Remembering):
        def state_dict(self) -> dict[str, Any]:
            return {"$array": "array0", "deep": {"$array": {"$$array": self.losses}}}

        def load_state_dict(self, state: Any) -> None:
            self.loaded = state

    path = tmp_path / "run.npz"
    train(path, epochs=1, more=[Odd()])
    odd = Odd()
    history = train(path, epochs=1, more=[odd])[1]
    assert odd.loaded["$array"] == "array0"
    assert odd.loaded["deep"]["$array"]["$$array"].tolist() == history.loss


def test_keys_that_are_no_text_are_refused(tmp_path: Path) -> None:
    class Numbered(Remembering):
        def state_dict(self) -> dict[str, Any]:
            return {"by epoch": {1: 0.5}}

    with pytest.raises(TypeError, match="the key 1 is no text"):
        train(tmp_path / "run.npz", more=[Numbered()])


def test_the_file_stays_where_it_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    train(Path("run.npz"), epochs=2, more=[lambda record: os.chdir(tmp_path / "elsewhere")])
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["run.npz"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("every", [1, 3])
def test_ctrl_c_in_a_callback_costs_that_epoch(tmp_path: Path, every: int) -> None:
    """What was half done would be done twice: the file has the last epoch that was done whole."""

    def interrupt(record: Record) -> None:
        if record.epoch == 5:
            raise KeyboardInterrupt

    path = tmp_path / "run.npz"
    more = [Checkpoint(path, every=every), interrupt]
    assert train(None, more=more)[1].stopped == "interrupted"
    contents, _ = read_archive(path, "checkpoint")
    assert len(contents["history"]) == 4
    assert_same(train(path), train(None))


# Processes that are killed, or interrupted.

SCRIPT = """
import signal
import sys
from pathlib import Path
from tests.nn.test_checkpoint import OPTIMIZERS, Waiting, train
path, name, epochs, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
vector, history, _ = train(path, make=OPTIMIZERS[name], epochs=epochs, more=[Waiting(step)])
print(history.stopped, history.epochs, *[number.hex() for number in vector])
"""


class Waiting(Callback):
    """Says that a step has come, and waits for ever."""

    def __init__(self, step: int) -> None:
        self.number = step

    def step(self, training: Training) -> None:
        if training.step == self.number:
            print("waiting", flush=True)
            sys.stdin.readline()


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdin=subprocess.PIPE,
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


N_STEPS = 4  # of an epoch: 30 examples in minibatches of 8


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_killed_process_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    epochs, path = 60, tmp_path / "run.npz"
    rng = np.random.default_rng(list(OPTIMIZERS).index(name))
    for step in np.sort(rng.choice(np.arange(1, epochs * N_STEPS), size=2, replace=False)):
        with start(path, name, epochs, step) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "waiting\n"
            process.kill()
            assert process.wait() == -signal.SIGKILL
        assert path.exists() == (step >= N_STEPS)
    with start(path, name, epochs, -1) as process:
        output = until_its_end(process)
    vector, _, _ = train(None, make=OPTIMIZERS[name], epochs=epochs)
    stopped, done, *numbers = output.split()
    assert (stopped, int(done)) == ("None", epochs)
    assert [float.fromhex(number) for number in numbers] == vector


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
def test_ctrl_c_returns_the_history(tmp_path: Path) -> None:
    step = 5 * N_STEPS + 2
    with start(tmp_path / "run.npz", "adam", 10**6, step) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        stopped, done, *numbers = until_its_end(process).split()
        assert process.returncode == 0
    assert (stopped, int(done)) == ("interrupted", 5)
    vector, _, _ = train(None, epochs=6, more=[StopAt(step)])
    assert [float.fromhex(number) for number in numbers] == vector


class StopAt(Waiting):
    def step(self, training: Training) -> None:
        if training.step == self.number:
            training.stop()


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
    assert len(digests) == 4  # X and y, to train and to validate
