"""Checkpoints: a training written to a file, from which it goes on bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._checks import positive_int, true_or_false
from ..models.archive import ArchiveError, archive_path, read_archive, write_archive
from .callbacks import KnownCallback, Record, Training
from .training_state import (
    check_form,
    check_numbers,
    check_same_training,
    joined,
    load_state,
    split,
    state_of,
)

__all__ = ["Checkpoint", "resume"]

_KIND = "checkpoint"


class Checkpoint(KnownCallback):
    """Write the whole state of a training to a file, from which the same call of `fit` goes on.

    The file holds all parameters, the optimizer's memory and numbers, the state of the random
    numbers, the history and what the other callbacks remember. It is replaced as a whole: whenever
    the process is killed, there is the last checkpoint or the one before. A training that goes on
    ends with the same parameters as one that was never interrupted, bit for bit, on the same
    machine and libraries. To train further, go on with more epochs. Where a callback has ended the
    training, that stands: the same call returns at once, with model and optimizer as they were, and
    another `fit` of these, to another path, trains further. The optimizer's numbers, the learning
    rate among them, are those of the file; to go on with another rate, add a callback that sets it.
    Callbacks are known again by their `identity`, in whatever order they are given: those of the
    file must be there, others start afresh. Functions remember nothing.

    Models and losses are told apart by the graph that they make of the first example. One that
    looks at numbers, by ``compiled=False``, must start with equal parameters to be known again.

    Parameters
    ----------
    path : str or Path
        Where; the name must end in ``.npz``.
    every : int
        After how many epochs to write, at least 1. The last epoch is always written, also when a
        callback ends the training; when Ctrl-C does, the last one whose other callbacks were done.
        What was done of an epoch that is stopped within counts for nothing.
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
        When training starts: a file that is damaged, foreign or too new, or does not hold what a
        checkpoint does. Nothing has changed then, also where there are several.

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

    changes_model = False
    _is_remembered = False
    _found: dict[str, Any] | None = None

    def __init__(self, path: str | os.PathLike[str], every: int = 1, resume: bool = False) -> None:
        self.path = archive_path(path).absolute()  # also where the process goes elsewhere
        self.every = positive_int(every, "every")
        self.resume = true_or_false(resume, "resume")
        self._training: Training | None = None
        self._unwritten: tuple[Any, dict[str, Any]] | None = None

    def start(self, training: Training) -> None:
        """Read the file, if there is one; see that it can be written."""
        self._training, self._found, self._unwritten = training, None, None
        training.settings  # noqa: B018  # what it is at the start: callbacks may change the loss
        archive_path(self.path)
        if self.path.exists():
            if not self.resume:
                raise FileExistsError(
                    f"{str(self.path)!r} is there already: pass resume=True to go on from it, or "
                    "another path; or delete it"
                )
            self._found = _read(self.path, training)

    def __call__(self, record: Record) -> None:
        """Write the file, if it is time to."""
        last = record.epoch >= record.epochs or record.history.stopped is not None
        if self._training is not None:
            arrays: dict[str, Any] = {}
            self._unwritten = split(state_of(self._training), arrays), arrays
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


def resume(training: Training) -> None:
    """Go on from the newest file that the checkpoints of a training have read, if there is one.

    Where that fails, nothing has changed.

    Parameters
    ----------
    training : Training
        The training; its callbacks have started.
    """
    checkpoints = [c for c in training.callbacks if isinstance(c, Checkpoint)]
    found = [(c.path, c._found) for c in checkpoints if c._found is not None]
    for checkpoint in checkpoints:
        checkpoint._found = None
    if not found:
        return
    path, state = max(found, key=lambda entry: len(entry[1]["history"]))
    with _archive_errors(path):
        load_state(training, state)


def _read(path: Path, training: Training) -> dict[str, Any]:
    """What a file holds, checked from end to end to be of this training."""
    contents, arrays = read_archive(path, _KIND)
    with _archive_errors(path):
        state = joined(contents, arrays)
        check_form(state)
    check_same_training(state, training, repr(str(path)))
    with _archive_errors(path):
        check_numbers(state, training)
    return dict(state)


_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@contextmanager
def _archive_errors(path: Path) -> Iterator[None]:
    """Say of what is wrong in a file which file it is."""
    try:
        yield
    except _ERRORS as error:
        raise ArchiveError(
            f"{str(path)!r} does not hold what a checkpoint of this training does ({error}); use "
            "an earlier copy, or another path"
        ) from error
