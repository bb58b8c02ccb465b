"""Outputs of a model for many examples: by a compiled program, made anew when the model changes.

The programs of a model are kept outside of it, so that copying and pickling it take none along, and
refer to it weakly, so that they go when it goes.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd_mini as ad
from autograd_mini import Program, Value, is_ordered

from .._checks import named_tokens, of_one_example, refuse_masks
from .._nested import as_outputs, is_nested
from .kept_attributes import attributes_kept
from .randomness import evaluation_mode

Asked: TypeAlias = Callable[[Any, "str | None"], Any]
"""(a model's outputs for one example, what they are to its loss) -> what is asked of them."""


class Model(Protocol):
    """What is compiled: the outputs of one example, and the parameters that they depend on."""

    _outputs_are: str | None
    """What they mean to the loss that the model was trained with, as a `LossUse` has it."""

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


def _as_they_are(outputs: Any, meaning: str | None) -> Any:
    return outputs


def _probabilities(outputs: Any, meaning: str | None) -> Any:
    values = _in_a_list(outputs)
    if meaning not in _TO_PROBABILITIES:
        meaning = _meaning_by_graph(values)
    found = _TO_PROBABILITIES[meaning](values)
    return found[0] if isinstance(outputs, Value) else found


def _scores(outputs: Any, meaning: str | None) -> Any:
    """Of several classes what is largest for the right one; of a single output its probability."""
    values = _in_a_list(outputs)
    return values if len(values) > 1 else _probabilities(values, meaning)


_TO_PROBABILITIES: dict[str | None, Callable[[list[Value]], list[Value]]] = {
    "probabilities": lambda values: values,
    "logits": lambda values: [ad.sigmoid(value) for value in values],
    "class logits": ad.softmax,
}


def _meaning_by_graph(values: list[Value]) -> str:
    """What the outputs seem to be, where no loss has told."""
    if all(map(_is_probability, values)):
        return "probabilities"
    return "class logits" if len(values) > 1 else "logits"


def _is_probability(value: Value) -> bool:
    """Whether it is a sigmoid or softmax, also clipped, as the rest to 1, or as 1 / (1 + exp)."""
    while value.op == "clip" or (value.op == "sub" and _is_one(value.parents[0])):
        value = value.parents[value.op == "sub"]
    if value.op == "div" and _is_one(value.parents[0]):
        ops = {term.op for term in value.parents[1].parents if not _is_one(term)}
        return value.parents[1].op == "add" and ops == {"exp"}
    return value.op in ("sigmoid", "softmax")


def _is_one(value: Value) -> bool:
    return value.op == "constant" and value.data == 1.0


def _in_a_list(outputs: Any) -> list[Value]:
    """One example's outputs, a Value or several of them, as a list."""
    if isinstance(outputs, Value):
        return [outputs]
    if not outputs:
        raise ValueError(f"{_TAKES_OUTPUTS}, got none")
    if any(map(is_nested, outputs)):
        raise TypeError(
            f"{_TAKES_OUTPUTS}, got lists in a list: let the model end in nn.flatten, as in "
            "nn.Sequential(model, nn.flatten)"
        )
    return list(outputs)


_TAKES_OUTPUTS = "probabilities and classes are of a model that returns a Value or a list of Values"


# --- Programs, and how long they are right --------------------------------------------------------


class _Programs:
    """The compiled programs of one model."""

    def __init__(self, model: Model) -> None:
        self.model = weakref.ref(model, functools.partial(_kept.pop, id(model)))
        self.of: dict[Asked, Program] = {}

    def made(self, asked: Asked, model: Model) -> Program:
        """Compile anew, for the parameters that the model has now."""
        reference: Any = self.model

        def of_one(x: Any) -> Any:
            model = reference()
            with attributes_kept(model):
                return asked(as_outputs(of_one_example(model, x)), model._outputs_are)

        program = self.of[asked] = ad.compile(of_one, model.parameters())
        return program


_kept: dict[int, _Programs] = {}
"""By the id of the model; what is kept goes when the model goes."""


def _run(model: Model, asked: Asked, X: ArrayLike) -> NDArray[np.float64]:
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


def _outputs(model: Model, asked: Asked, examples: NDArray[Any]) -> NDArray[np.float64]:
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


def _is_one_example(model: Model, asked: Asked, example: NDArray[Any]) -> bool:
    """Whether the model takes as one example what was given as a batch."""
    try:
        _outputs(model, asked, example[None])
    except Exception:
        return False
    return True


def _examples(X: ArrayLike) -> NDArray[Any]:
    """Return examples as an array of numbers."""
    if isinstance(X, (Value, Iterator)) or not (hasattr(X, "__array__") or is_ordered(X)):
        raise TypeError(
            f"X must be an array or a list of examples, one per row, got {type(X).__name__}"
            + (": write list(X)" if isinstance(X, Iterator) else "")
        )
    refuse_masks(X, "X")
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"X is no array: examples must have equally many numbers ({error})"
        ) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"X must hold numbers, got {_how_to_make_numbers(array)}")
    if array.ndim == 0:
        raise ValueError("X must hold one example per row, got a single number")
    if array.shape[0] == 0:
        raise ValueError(f"X is empty, of shape {array.shape}: at least one example is needed")
    return array


def _how_to_make_numbers(array: NDArray[Any]) -> str:
    if any(isinstance(x, Value) for x in array.flat):
        return "an array of Values: call the model itself, [model(x) for x in X]"
    if any(isinstance(x, Iterator) for x in array.flat):
        return "generators: write list(X), of lists"
    return f"an array of {array.dtype}: where these are numbers, write np.array(X).astype(float)"
