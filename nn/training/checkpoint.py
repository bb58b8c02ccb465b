"""Checkpoints: a training written to a file, from which it goes on bit for bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import positive_int, true_or_false
from ..models.archive import archive_path, read_archive, write_archive
from ..models.parameters import parameters_to_vector, vector_to_parameters
from .callbacks import Callback, Record, Training

__all__ = ["Checkpoint", "identities"]

_KIND = "checkpoint"


class Checkpoint(Callback):
    """Write the whole state of a training to a file, from which the same call of `fit` goes on.

    The file holds all parameters, the optimizer's memory and numbers, the state of the random
    numbers, the history and what the other callbacks remember. It is replaced as a whole: whenever
    the process is killed, there is the last checkpoint or the one before. A training that goes on
    ends with the same parameters as one that was never interrupted, bit for bit, on the same
    machine and libraries. To train further, go on with more epochs. The optimizer's numbers, the
    learning rate among them, are then those of the file; to go on with another rate, add a callback
    that sets it. Callbacks are known again by their `identity`, in whatever order they are given;
    functions remember nothing.

    Parameters
    ----------
    path : str or Path
        Where; the name must end in ``.npz``.
    every : int
        After how many epochs to write, at least 1. The last whole epoch is always written, also
        when a callback or Ctrl-C ends the training; what was done of an epoch that is stopped
        within counts for nothing.
    resume : bool
        Whether to go on from the file, if there is one; of several checkpoints, from the newest.
        Without, a file that is there already is refused, not replaced.

    Raises
    ------
    TypeError, ValueError
        A path or a number that is none; when training starts, a checkpoint of other settings: of
        another model, optimizer, loss or batch size, of other examples, curves or callbacks.
    FileExistsError, FileNotFoundError
        When training starts: a file that is there already, a folder that is not.
    ArchiveError
        When training starts: a file that is damaged, foreign or too new.

    Examples
    --------
    >>> import tempfile
    >>> from nn import MLP, SGD, fit, half_squared_error
    >>> def train(path, epochs):
    ...     model = MLP(1, [1], rng=0)
    ...     return fit(
    ...         model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], loss=half_squared_error, rng=0,
    ...         optimizer=SGD(model.parameters(), learning_rate=0.2), batch_size=2, epochs=epochs,
    ...         callbacks=[Checkpoint(path, resume=True)],
    ...     )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = train(f"{folder}/run.npz", epochs=5)
    ...     further = train(f"{folder}/run.npz", epochs=20)
    ...     at_once = train(f"{folder}/other.npz", epochs=20)
    >>> further.epochs, further.loss[:5] == first.loss, further == at_once
    (20, True, True)
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1, resume: bool = False) -> None:
        self.path = archive_path(path)
        self.every = positive_int(every, "every")
        self.resume = true_or_false(resume, "resume")
        self._training: Training | None = None
        self._unwritten: tuple[Any, dict[str, Any]] | None = None

    def start(self, training: Training) -> None:
        """Go on from the file, if there is one; see that it can be written."""
        self._training, self._unwritten = training, None
        archive_path(self.path)
        if self.path.exists():
            if not self.resume:
                raise FileExistsError(
                    f"{str(self.path)!r} is there already: pass resume=True to go on from it, or "
                    "another path; or delete it"
                )
            self._restore(training)

    def __call__(self, record: Record) -> None:
        """Write the file, if it is time to."""
        last = record.epoch >= record.epochs or record.history.stopped is not None
        if self._training is not None:
            self._unwritten = _state(self._training)
            if last or record.epoch % self.every == 0:
                self._write()

    def end(self, training: Training) -> None:
        """Write the last whole epoch, if that is not in the file yet."""
        self._write()

    def _write(self) -> None:
        if self._unwritten is not None:
            contents, arrays = self._unwritten
            write_archive(self.path, _KIND, contents, arrays)
            self._unwritten = None

    def _restore(self, training: Training) -> None:
        """Go on from the file; where it is refused, nothing has changed."""
        contents, arrays = read_archive(self.path, _KIND)
        state = _joined(contents, arrays)
        self._check(state, training)
        if 0 < len(state["history"]) <= training.epoch:
            return  # another checkpoint is as new
        before = _changeable(training)
        try:
            _load(training, state)
        except BaseException:
            _load(training, before)
            raise
        history = training.history
        history.replace(state["history"])
        training.step = state["step"]
        if training.epochs == state["epochs"] or training.epochs == history.epochs:
            history.stopped = state["stopped"]

    def _check(self, state: Mapping[str, Any], training: Training) -> None:
        there, here = state["settings"], training.settings
        for name in here:
            if there.get(name) != here[name]:
                raise ValueError(
                    f"{str(self.path)!r} is a checkpoint of another training: {name} "
                    f"{there.get(name)!r:.60} there, {here[name]!r:.60} here; train with what it "
                    "was trained with, or pass another path"
                )
        done = len(state["history"])
        if done > training.epochs:
            raise ValueError(
                f"{str(self.path)!r} has {done} epochs behind it and epochs is {training.epochs}, "
                "which counts from the start: pass more, or another path"
            )


def _state(training: Training) -> tuple[Any, dict[str, Any]]:
    """All that the training depends on from here, as JSON and arrays."""
    history = training.history
    arrays: dict[str, Any] = {}
    contents = {
        "settings": training.settings,
        "epochs": training.epochs,
        "step": training.step,
        "stopped": history.stopped,
        "history": list(map(list, zip(*history.values(), strict=True))),
        **_changeable(training),
    }
    return _split(contents, arrays), arrays


def _changeable(training: Training) -> dict[str, Any]:
    """What the first steps change."""
    return {
        "parameters": parameters_to_vector(training.parameters),
        "optimizer": training.optimizer.state_dict(),
        "generator": training.generator.bit_generator.state,
        "callbacks": [
            [callback.identity(), callback.state_dict()] for callback in _remembering(training)
        ],
    }


def _remembering(training: Training) -> list[Callback]:
    """The callbacks whose state a checkpoint holds."""
    return [
        callback
        for callback in training.callbacks
        if isinstance(callback, Callback) and not isinstance(callback, Checkpoint)
    ]


def identities(training: Training) -> list[str]:
    """By what a checkpoint knows the training's callbacks again.

    Parameters
    ----------
    training : Training
        The training.
    """
    return [callback.identity() for callback in _remembering(training)]


def _load(training: Training, state: Mapping[str, Any]) -> None:
    training.generator.bit_generator.state = state["generator"]
    training.optimizer.load_state_dict(state["optimizer"])
    states = list(state["callbacks"])
    for callback in _remembering(training):
        place = [identity for identity, _ in states].index(callback.identity())
        _, remembered = states.pop(place)
        if remembered:
            callback.load_state_dict(remembered)
    vector_to_parameters(state["parameters"], training.parameters)


def _split(contents: Any, arrays: dict[str, Any]) -> Any:
    """Contents as JSON takes them, with a reference in place of each array."""
    if isinstance(contents, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = contents.copy()  # it may be written later
        return {"$array": name}
    if isinstance(contents, np.generic):
        return contents.item()
    if isinstance(contents, Mapping):
        return {key: _split(part, arrays) for key, part in contents.items()}
    if isinstance(contents, (list, tuple)):
        return [_split(part, arrays) for part in contents]
    return contents


def _joined(contents: Any, arrays: Mapping[str, Any]) -> Any:
    """Undo `_split`."""
    if isinstance(contents, dict):
        if contents.keys() == {"$array"}:
            return arrays[contents["$array"]]
        return {key: _joined(part, arrays) for key, part in contents.items()}
    if isinstance(contents, list):
        return [_joined(part, arrays) for part in contents]
    return contents
