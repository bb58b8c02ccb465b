"""The state of a training as numbers and text: taken, checked, and put into another one."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from .._assignment import assign_data
from ..models.parameters import float_vector, parameters_to_vector
from .callbacks import Callback, Training

__all__ = [
    "check_form",
    "check_numbers",
    "check_same_training",
    "joined",
    "load_state",
    "split",
    "state_of",
]


def state_of(training: Training) -> dict[str, Any]:
    """Return all that a training depends on from here."""
    history = training.history
    return {
        "settings": training.settings,
        "epochs": training.epochs,
        "step": training.step,
        "stopped": history.stopped,
        "history": list(map(list, zip(*history.values(), strict=True))),
        "parameters": parameters_to_vector(training.parameters),
        "optimizer": training.optimizer.state_dict(),
        "generator": training.generator.bit_generator.state,
        "callbacks": [
            [callback.identity(), callback.state_dict()] for callback in _remembering(training)
        ],
    }


def load_state(training: Training, state: Mapping[str, Any]) -> None:
    """Go on from a state that was checked; callbacks, which may refuse theirs, come last.

    Where one refuses, all is as before; what a callback remembered is given back to it.
    """
    before = copy.deepcopy(state_of(training))
    try:
        _load_numbers(training, state)
        for callback, remembered in _remembered(training, state):
            callback.load_state_dict(remembered)
    except BaseException:
        _load_numbers(training, before)
        for callback, remembered in _remembered(training, before):
            with suppress(Exception):  # one that refuses even its own must not keep others from it
                callback.load_state_dict(remembered)
        raise


def _load_numbers(training: Training, state: Mapping[str, Any]) -> None:
    training.generator.bit_generator.state = state["generator"]
    training.optimizer.load_state_dict(state["optimizer"])
    assign_data(training.parameters, state["parameters"].tolist())
    training.step, training.history.stopped = state["step"], state["stopped"]
    training.history.replace(state["history"])


def _remembered(training: Training, state: Mapping[str, Any]) -> Iterator[tuple[Callback, Any]]:
    """Each callback of which there is something in the state, with that."""
    states = list(state["callbacks"])
    for callback in _remembering(training):
        places = [k for k, (identity, _) in enumerate(states) if identity == callback.identity()]
        if places:
            yield callback, states.pop(places[0])[1]


def _remembering(training: Training) -> list[Callback]:
    """The callbacks whose state is a part of the training's: not those that write it."""
    return [c for c in training.callbacks if isinstance(c, Callback) and c._is_remembered]


# What is read is checked before anything changes.

_FORM: dict[str, tuple[type, ...]] = {
    "settings": (dict,),
    "epochs": (int,),
    "step": (int,),
    "stopped": (str, type(None)),
    "history": (list,),
    "parameters": (np.ndarray,),
    "optimizer": (dict,),
    "generator": (dict,),
    "callbacks": (list,),
}


def check_form(state: Any) -> None:
    """Raise ValueError where an entry is missing, or of another type than it must be."""
    if type(state) is not dict:
        raise ValueError(f"its contents are {state!r:.40}")
    for name, kinds in _FORM.items():
        if name not in state:
            raise ValueError(f"it lacks {name!r}")
        if type(state[name]) not in kinds:
            raise ValueError(f"{name} is {state[name]!r:.40}")
    arrays: dict[str, Any] = {}
    split(state["settings"], arrays)
    if arrays:
        raise ValueError("there is an array among the settings")
    for entry in state["callbacks"]:
        if list(map(type, entry if type(entry) is list else ())) != [str, dict]:
            raise ValueError(f"the state of a callback is {entry!r:.40}")


def check_same_training(state: Mapping[str, Any], training: Training, file: str) -> None:
    """Raise ValueError where the state is that of another training, or beyond this one's end."""
    there, here = state["settings"], training.settings
    other = f"{file} is a checkpoint of another training"
    cure = "train with what it was trained with, or pass another path"
    for name in here:
        if there.get(name) != here[name]:
            raise ValueError(
                f"{other}: {name} {there.get(name)!r:.60} there, {here[name]!r:.60} here; {cure}"
            )
    present = Counter(callback.identity() for callback in _remembering(training))
    missing = Counter(identity for identity, _ in state["callbacks"]) - present
    if missing:
        names = ", ".join(sorted(missing))
        raise ValueError(f"{other}: callbacks there are missing here, {names}; {cure}")
    done = len(state["history"])
    if done > training.epochs:
        raise ValueError(
            f"{file} has {done} epochs behind it and epochs is {training.epochs}, which counts "
            "from the start: pass more, or another path"
        )


def check_numbers(state: Mapping[str, Any], training: Training) -> None:
    """Raise ValueError or TypeError where numbers are not as many or not what they must be."""
    rows, n_curves = state["history"], len(training.history)
    for row in rows:
        if type(row) is not list or list(map(type, row)) != [float] * n_curves:
            raise ValueError(f"an epoch of the history is {row!r:.40}, not {n_curves} numbers")
        if not math.isfinite(row[0]):  # a validation loss may be anything
            raise ValueError(f"a loss in the history is {row[0]}")
    if not 1 <= len(rows) <= state["epochs"] or state["step"] != len(rows) * training.n_steps:
        raise ValueError(
            f"it has {len(rows)} of {state['epochs']} epochs of {training.n_steps} steps, but "
            f"{state['step']} steps"
        )
    if state["stopped"] == "":
        raise ValueError("stopped is an empty text")
    vector = float_vector(state["parameters"], len(training.parameters), "parameters")
    if vector.dtype != state["parameters"].dtype or not np.isfinite(vector).all():
        raise ValueError("the parameters are no finite float64")
    _check_generator(state["generator"], training.generator.bit_generator.state, "generator")


_LARGEST = {"pos": 624, "buffer_pos": 4, "has_uint32": 1, "uinteger": 2**32 - 1}
"""In the states of NumPy's generators, which would read beyond their arrays without a word."""


def _check_generator(there: Any, here: Any, name: str) -> None:
    """Raise ValueError where one state of a generator has not the form of the other."""
    if isinstance(here, Mapping):
        if type(there) is not dict or there.keys() != here.keys():
            raise ValueError(f"{name} is {there!r:.40}, not {', '.join(here)}")
        for key, part in here.items():
            _check_generator(there[key], part, f"{name}.{key}")
    elif isinstance(here, np.ndarray):
        if type(there) is not np.ndarray or (there.dtype, there.shape) != (here.dtype, here.shape):
            raise ValueError(f"{name} is {there!r:.40}, not {here.dtype} of shape {here.shape}")
    elif type(there) is not type(split(here, {})):
        raise ValueError(f"{name} is {there!r:.40}, not of type {type(here).__name__}")
    else:
        largest = _LARGEST.get(name.rpartition(".")[2])
        if largest is not None and not 0 <= there <= largest:
            raise ValueError(f"{name} is {there!r:.40}, not in 0..{largest}")


# Arrays apart from JSON.

_REFERENCE = "$array"


def split(contents: Any, arrays: dict[str, Any]) -> Any:
    """Return contents as JSON takes them, with a reference in place of each array.

    Examples
    --------
    >>> arrays = {}
    >>> split({"mean": np.zeros(2), "$array": (1, None)}, arrays)
    {'mean': {'$array': 'array0'}, '$$array': [1, None]}
    >>> joined(split({"mean": np.zeros(2), "$array": (1, None)}, arrays), arrays)
    {'mean': array([0., 0.]), '$array': [1, None]}
    """
    if isinstance(contents, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = contents.copy()  # it may be written later
        return {_REFERENCE: name}
    if isinstance(contents, np.generic):
        return contents.item()
    if isinstance(contents, Mapping):
        return {_escaped(key): split(part, arrays) for key, part in contents.items()}
    if isinstance(contents, (list, tuple)):
        return [split(part, arrays) for part in contents]
    return contents


def _escaped(key: Any) -> Any:
    """A key that no reference has."""
    return f"${key}" if isinstance(key, str) and key.startswith("$") else key


def joined(contents: Any, arrays: Mapping[str, Any]) -> Any:
    """Undo `split`."""
    if isinstance(contents, dict):
        if contents.keys() == {_REFERENCE}:
            return arrays[contents[_REFERENCE]]
        return {key.removeprefix("$"): joined(part, arrays) for key, part in contents.items()}
    if isinstance(contents, list):
        return [joined(part, arrays) for part in contents]
    return contents
