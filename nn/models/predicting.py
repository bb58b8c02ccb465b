"""Outputs of a model for many examples: by a compiled program, made anew when the model changes.

The programs of a model are kept outside of it, so that copying and pickling it take none along, and
refer to it weakly, so that they go when it goes.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd_mini as ad
from autograd_mini import Program, Value, is_ordered

from .._checks import named_tokens
from .randomness import evaluation_mode

Outputs: TypeAlias = Callable[[Any], Any]
"""A model's outputs for one example -> what is asked of them."""


class Model(Protocol):
    """What is compiled: the outputs of one example, and the parameters that they depend on."""

    def __call__(self, inputs: Any, /) -> Any:
        """Return one example's outputs."""

    def parameters(self) -> list[Value]:
        """Return the parameters, each once."""


def outputs(model: Model, X: ArrayLike) -> NDArray[np.float64]:
    """Return the outputs for each example.

    Examples
    --------
    >>> from nn import Neuron
    >>> outputs(Neuron.from_weights([2.0], activation="identity"), [[1.0], [2.0]])
    array([2., 4.])
    """
    return _run(model, _as_they_are, X)


def probabilities(model: Model, X: ArrayLike) -> NDArray[np.float64]:
    """Return the probabilities that a model's outputs stand for.

    Examples
    --------
    >>> from nn import Neuron
    >>> probabilities(Neuron.from_weights([2.0], activation="identity"), [[0.0]])
    array([0.5])
    """
    return _run(model, _probabilities, X)


def classes(model: Model, X: ArrayLike) -> NDArray[np.int64]:
    """Return the class of each example.

    Examples
    --------
    >>> from nn import Neuron
    >>> classes(Neuron.from_weights([2.0], activation="identity"), [[-1.0], [1.0]])
    array([0, 1])
    """
    scores = _run(model, _scores, X)
    unclear = np.isnan(scores).reshape(len(scores), -1).any(axis=1)
    if unclear.any():
        first = int(np.argmax(unclear))
        raise ValueError(f"X[{first}] has no class: its outputs are {scores[first].tolist()}")
    chosen = scores > 0.5 if scores.shape[1] == 1 else scores.argmax(axis=1)
    return chosen.reshape(len(scores)).astype(np.int64)


def _as_they_are(outputs: Any) -> Any:
    return outputs


def _probabilities(outputs: Any) -> Any:
    values = _in_a_list(outputs)
    if not all(value.op in ("sigmoid", "softmax") for value in values):
        values = ad.softmax(values) if len(values) > 1 else [ad.sigmoid(values[0])]
    return values[0] if isinstance(outputs, Value) else values


def _scores(outputs: Any) -> Any:
    """Of several classes what is largest for the right one; of a single output its probability."""
    values = _in_a_list(outputs)
    return values if len(values) > 1 else _probabilities(values)


def _in_a_list(outputs: Any) -> list[Value]:
    """One example's outputs, a Value or several of them, as a list."""
    if isinstance(outputs, Value):
        return [outputs]
    values = outputs.tolist() if isinstance(outputs, np.ndarray) else outputs
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{_TAKES_OUTPUTS}, got {type(values).__name__}")
    if not values:
        raise ValueError(f"{_TAKES_OUTPUTS}, got none")
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in values):
        raise TypeError(
            f"{_TAKES_OUTPUTS}, got lists in a list: let the model end in nn.flatten, as in "
            "nn.Sequential(model, nn.flatten)"
        )
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(f"{_TAKES_OUTPUTS}, got a list with {type(value).__name__} in it")
    return list(values)


_TAKES_OUTPUTS = "probabilities and classes are of a model that returns a Value or a list of Values"


# --- Programs, and how long they are right --------------------------------------------------------


class _Programs:
    """The compiled programs of one model."""

    def __init__(self, model: Model) -> None:
        self.model = weakref.ref(model, functools.partial(_kept.pop, id(model)))
        self.of: dict[Outputs, Program] = {}

    def made(self, asked: Outputs, model: Model) -> Program:
        """Compile anew, for the parameters that the model has now."""
        reference: Any = self.model
        program = ad.compile(lambda x: asked(reference()(x)), model.parameters())
        self.of[asked] = program
        return program


_kept: dict[int, _Programs] = {}
"""By the id of the model; what is kept goes when the model goes."""


def _run(model: Model, asked: Outputs, X: ArrayLike) -> NDArray[np.float64]:
    examples = _examples(X)
    try:
        return _outputs(model, asked, examples)
    except (TypeError, ValueError, IndexError) as error:
        if (named := named_tokens(error, ["X"])) is not None:
            raise named from error
        if examples.ndim > 1 or not _is_one_example(model, asked, examples):
            raise
    raise ValueError(
        f"predict takes a batch, one example per row, and got shape {examples.shape}: for one "
        "example write model.predict([x])[0]"
    )


def _outputs(model: Model, asked: Outputs, examples: NDArray[Any]) -> NDArray[np.float64]:
    """Run the program that is kept if the model still makes the graph that it is of, or a new one.

    A parameter that was replaced is another leaf of the graph, so that this is seen as well.
    """
    programs = _kept.get(id(model))
    if programs is None:
        programs = _kept.setdefault(id(model), _Programs(model))
    with evaluation_mode():
        program = programs.of.get(asked)
        if program is None or not program.retrace(examples):
            program = programs.made(asked, model)
        result: NDArray[np.float64] = program(None, examples)
    return result


def _is_one_example(model: Model, asked: Outputs, example: NDArray[Any]) -> bool:
    """Whether the model takes as one example what was given as a batch."""
    try:
        _outputs(model, asked, example[None])
    except Exception:
        return False
    return True


def _examples(X: ArrayLike) -> NDArray[Any]:
    """Return examples as an array of numbers."""
    if isinstance(X, Value) or not (hasattr(X, "__array__") or is_ordered(X)):
        raise TypeError(
            f"X must be an array or a list of examples, one per row, got {type(X).__name__}"
        )
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            "X is a masked array, and masks are not looked at: fill in what is missing, as "
            "X.filled(0.0) does"
        )
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"X is no array: examples must have equally many numbers ({error})"
        ) from None
    if array.dtype.kind not in "fiub":
        what = "Values" if any(isinstance(x, Value) for x in array.flat) else str(array.dtype)
        raise TypeError(
            f"X must hold numbers, got an array of {what}; with Values call the model itself: "
            "[model(x) for x in X]"
        )
    if array.ndim == 0:
        raise ValueError("X must hold one example per row, got a single number")
    if array.shape[0] == 0:
        raise ValueError(f"X is empty, of shape {array.shape}: at least one example is needed")
    return array
