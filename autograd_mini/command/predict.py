"""What a saved model says of rows of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn

from ..errors import AutogradError
from .number_rows import read_rows


class PredictionError(Exception):
    """A file that is no model, or examples that the model does not take."""


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
        A foreign file; examples that are no numbers, or not as many as the model takes.
    OSError
        A file that cannot be read.
    """
    try:
        model = nn.load(model_path)
    except nn.ArchiveError as error:
        raise PredictionError(error) from None
    examples, name = read_rows(path)
    try:
        lines = list(_ANSWERS[asked](model, examples))
    except (AutogradError, ValueError, TypeError, IndexError) as error:
        shape = examples.shape[1:]
        what = f"{shape[0]} numbers" if len(shape) == 1 else f"shape {shape}"
        raise PredictionError(f"examples of {what} in {name} do not fit: {error}") from None
    for line in lines:
        print("\t".join(line))
    return 0


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
