"""What a saved model says of rows of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn

from ..errors import AutogradError
from .number_rows import counted, read_rows

_REFUSALS = (AutogradError, ValueError, TypeError, IndexError)
_LARGEST_TOKEN = 2.0**53  # up to which every whole number is a float


class PredictionError(Exception):
    """A file that is no model, examples that the model does not take, or what it cannot tell."""


def run(model_path: Path, path: Path | None, asked: str) -> int:
    """Print a line per example, its numbers separated by tabs.

    Parameters
    ----------
    model_path : Path
        A model that was saved with ``model.save``.
    path : Path or None
        The examples; None is standard input.
    asked : "outputs", "proba" or "classes"
        The outputs themselves, the probabilities that they stand for, or the class and its
        probability.

    Returns
    -------
    int
        Exit status 0.

    Raises
    ------
    PredictionError, RowsError
        A foreign file; examples that are no numbers, or not as many as the model takes; outputs
        of which there are no probabilities.
    OSError
        A file that cannot be read.
    """
    try:
        model = nn.load(model_path)
    except nn.ArchiveError as error:
        raise PredictionError(error) from None
    given, name = read_rows(path)
    examples = _examples_for(model, given, name)
    try:
        lines = list(_ANSWERS[asked](model, examples))
    except _REFUSALS as error:
        raise PredictionError(f"{model_path} cannot answer --{asked}: {error}") from None
    for line in lines:
        print("\t".join(line))
    return 0


def _examples_for(model: nn.Module, given: NDArray[Any], name: str) -> NDArray[Any]:
    """Return the first reading of the numbers that the model takes."""
    refusals: list[Exception] = []
    for examples in _readings(given):
        try:
            model.predict(examples)
        except _REFUSALS as error:
            refusals.append(error)
        else:
            return examples
    # That they are too large for a table says more than that they had to be integers.
    told = next((error for error in refusals if isinstance(error, IndexError)), refusals[0])
    shape = given.shape[1:]
    what = counted(*shape) if len(shape) == 1 else f"shape {shape}"
    raise PredictionError(f"examples of {what} in {name} do not fit: {told}")


def _readings(given: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the numbers, and where all are whole the same as tokens, one a row or several."""
    yield given
    if given.ndim == 2 and (given == np.rint(given)).all() and abs(given).max() <= _LARGEST_TOKEN:
        tokens = given.astype(np.int64)
        yield tokens
        if tokens.shape[1] == 1:
            yield tokens[:, 0]


def _outputs(model: nn.Module, examples: NDArray[Any]) -> Iterable[Sequence[str]]:
    return _texts(model.predict(examples))


def _probabilities(model: nn.Module, examples: NDArray[Any]) -> Iterable[Sequence[str]]:
    return _texts(model.predict_proba(examples))


def _classes(model: nn.Module, examples: NDArray[Any]) -> Iterable[Sequence[str]]:
    classes, table = model.predict_classes(examples), _columns(model.predict_proba(examples))
    if table.shape[1] == 1:  # the probability of label 1
        table = np.column_stack([1.0 - table, table])
    for chosen, probability in zip(classes, table[np.arange(len(table)), classes], strict=True):
        yield str(chosen), f"{probability:.4f}"


_ANSWERS = {"outputs": _outputs, "proba": _probabilities, "classes": _classes}


def _texts(outputs: NDArray[np.float64]) -> Iterable[Sequence[str]]:
    return ([f"{number + 0.0:.10g}" for number in row] for row in _columns(outputs).tolist())


def _columns(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row per example, one column per output, whatever the outputs' shape."""
    return outputs.reshape(len(outputs), -1)
