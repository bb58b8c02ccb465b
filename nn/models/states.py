"""The state of a model by name, and what a file says of the model that it belongs to."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from autograd_mini import Value

from .._assignment import assign_data
from .archive import archive_path, write_archive


class Model(Protocol):
    """What has a state: parameters with names, and a way to be made anew."""

    _outputs_are: str | None

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return each parameter with its name."""

    def _config(self) -> dict[str, object] | None:
        """What the constructor needs to make such a model, or None."""


class MatchedKeys(NamedTuple):
    """What `load_state_dict` found: names without a number, numbers without a parameter."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if any(self):
            return (
                f"{type(self).__name__}(missing_keys={self.missing_keys}, "
                f"unexpected_keys={self.unexpected_keys})"
            )
        return "<All keys matched successfully>"


def state_of(model: Model) -> dict[str, float]:
    """Return the parameters' data by name.

    Examples
    --------
    >>> from nn import Neuron
    >>> state_of(Neuron.from_weights([0.5], 0.25))
    {'weights.0': 0.5, 'bias': 0.25}
    """
    return {name: parameter.data for name, parameter in _by_name(model).items()}


def load_state(model: Model, state: Mapping[str, float], strict: bool) -> MatchedKeys:
    """Write data into the parameters by name: all of it or none.

    Examples
    --------
    >>> from nn import Neuron
    >>> load_state(Neuron.from_weights([0.5], 0.25), {"bias": 1.0}, strict=False)
    MatchedKeys(missing_keys=['weights.0'], unexpected_keys=[])
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"expected a state_dict, a dict of numbers, got {type(state).__name__}")
    targets = _by_name(model)
    keys = MatchedKeys(
        [name for name in targets if name not in state],
        [name for name in state if name not in targets],
    )
    if strict and any(keys):
        raise RuntimeError(_key_errors(model, keys))
    names = [name for name in targets if name in state]
    numbers = [_finite(name, state[name]) for name in names]
    assign_data([targets[name] for name in names], numbers)
    return keys


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model's archive.

    Examples
    --------
    >>> from nn import Neuron
    >>> save(Neuron(2), "neuron")
    Traceback (most recent call last):
    ValueError: the file name must end in .npz, got 'neuron'
    """
    target = archive_path(path)
    state = state_of(model)
    data = np.array([_finite(name, number) for name, number in state.items()], dtype=np.float64)
    contents = {**described(model), "names": list(state)}
    if model._outputs_are is not None:
        contents["outputs_are"] = model._outputs_are
    write_archive(target, "model", contents, {"parameters": data})


def described(model: Model) -> dict[str, object]:
    """Return the class and the configuration of a module, as JSON takes it.

    A configuration counts only in the package that defines it: one that a user's class inherits,
    and whose methods may be others, would make another model.

    Examples
    --------
    >>> from nn import Module
    >>> described(Module())
    {'class': 'nn.Module', 'config': None}
    """
    return _described(model, {})


def _described(model: Model, before: dict[int, tuple[int, Model]]) -> dict[str, object]:
    """Of a module that comes again how many came before its first time."""
    if id(model) in before:
        return {"same_as": before[id(model)][0]}
    before[id(model)] = len(before), model
    kind = type(model)
    package = _package(kind)
    definer = next(base for base in kind.__mro__ if "_config" in vars(base))
    config = model._config() if _package(definer) == package else None
    return {"class": f"{package}.{kind.__qualname__}", "config": _parts_described(config, before)}


def _parts_described(part: Any, before: dict[int, tuple[int, Model]]) -> object:
    """Modules and functions in a configuration by their names."""
    if hasattr(type(part), "_config"):
        return _described(part, before)
    if isinstance(part, dict):
        return {key: _parts_described(item, before) for key, item in part.items()}
    if isinstance(part, (list, tuple)):
        return [_parts_described(item, before) for item in part]
    if callable(part):
        return {"function": _public_name(part)}
    return part


def _package(thing: object) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]


def _public_name(function: object) -> str | None:
    """Name of a function that its package offers; None for one that a file cannot name."""
    package, name = _package(function), getattr(function, "__name__", "")
    offered = vars(sys.modules.get(package, object)).get(name)
    return f"{package}.{name}" if offered is function else None


def _by_name(model: Model) -> dict[str, Value]:
    named = model.named_parameters()
    parameters = dict(named)
    if len(parameters) < len(named):
        name, _ = Counter(name for name, _ in named).most_common(1)[0]
        raise ValueError(
            f"two parameters of {type(model).__name__} are called {name!r}: "
            "give the keys of its dicts different texts, without dots"
        )
    return parameters


def _finite(name: str, number: float) -> float:
    try:
        data = number if type(number) is float else Value(number).data
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name!r}: {error}") from None
    if not math.isfinite(data):
        raise ValueError(f"{name!r} is {data}: parameters must be finite")
    return data


def _key_errors(model: Model, keys: MatchedKeys) -> str:
    """The message of PyTorch, with long lists cut short: here every number has a name."""
    lines = [f"Error(s) in loading state_dict for {type(model).__name__}:"]
    for what, names in zip(("Missing", "Unexpected"), keys, strict=True):
        if names:
            listed = ", ".join(f'"{name}"' for name in names[:10])
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            lines.append(f"\t{what} key(s) in state_dict: {listed}{more}. ")
    return "\n".join(lines)
