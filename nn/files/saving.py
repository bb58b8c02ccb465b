"""Models from files: `load` reads what `Module.save` wrote."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad

from .._nested import flatten
from ..layers.attention import Attention
from ..layers.convolution import Conv2D
from ..layers.dropout import Dropout
from ..layers.embedding import Embedding
from ..layers.initialisers import TooManyParametersError, at_most
from ..layers.linear import Linear
from ..layers.neuron import MLP, Layer, Neuron
from ..layers.normalization import LayerNorm, RMSNorm
from ..layers.recurrent import GRUCell, RNNCell
from ..layers.sequential import Sequential
from ..models.archive import ArchiveError, read_archive
from ..models.module import Module
from ..models.states import described

__all__ = ["load"]

CLASSES: dict[str, type[Module]] = {
    f"nn.{kind.__name__}": kind
    for kind in (
        Attention,
        Conv2D,
        Dropout,
        Embedding,
        GRUCell,
        Layer,
        LayerNorm,
        Linear,
        MLP,
        Neuron,
        RMSNorm,
        RNNCell,
        Sequential,
    )
}
"""The classes that `load` makes; a file can name no others."""

FUNCTIONS: dict[str, Any] = {
    "autograd_mini.log_softmax": ad.log_softmax,
    "autograd_mini.softmax": ad.softmax,
    "nn.flatten": flatten,
}
"""The functions among a model's parts that a file can name."""

M = TypeVar("M", bound=Module)


@overload
def load(path: str | os.PathLike[str]) -> Any: ...
@overload
def load(path: str | os.PathLike[str], *, into: M) -> M: ...
def load(path: str | os.PathLike[str], *, into: Module | None = None) -> Module:
    """Load a model that `Module.save` saved; nothing in the file is executed.

    Parameters
    ----------
    path : str or Path
        The file.
    into : Module, optional
        A model of the same class and configuration, which takes the file's parameters. Needed for
        classes of your own and for functions as activations, which a file cannot hold: of these
        two are taken for equal.

    Returns
    -------
    Module
        A new model, or `into`.

    Raises
    ------
    TypeError
        A path that is none, `into` that is no model.
    ArchiveError
        A file that is damaged, foreign, too new, no model's or another model's, or that holds
        numbers that are not finite; `into` is as it was. A subclass of ValueError.
    OSError
        There is no such file, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from autograd_mini import Value
    >>> class Line(Module):
    ...     def __init__(self, slope):
    ...         self.slope = Value(slope)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Line(0.5).save(f"{folder}/line.npz")
    ...     line = load(f"{folder}/line.npz", into=Line(0.0))
    >>> line.slope.data
    0.5
    """
    if into is not None and not isinstance(into, Module):
        raise TypeError(f"into must be a Module, got {type(into).__name__}")
    contents, arrays = read_archive(path, "model")
    try:
        description, state = _model_state(contents, arrays)
        if into is None:
            into = _built_for(description, list(state))
        else:
            _check_description(description, into)
            _check_names(list(state), into)
    except ArchiveError as error:
        raise ArchiveError(f"{os.fspath(path)!r} {error}") from None
    into.load_state_dict(state)
    meaning = contents.get("outputs_are")  # files of earlier versions do not say
    vars(into)["_outputs_are"] = meaning if isinstance(meaning, str) else None
    return into


def _model_state(
    contents: Any, arrays: Mapping[str, NDArray[np.generic]]
) -> tuple[Mapping[str, Any], dict[str, float]]:
    """What the file says of the class, and the parameters by name."""
    try:
        names, vector = contents["names"], arrays["parameters"]
        description = {"class": contents["class"], "config": contents["config"]}
    except (KeyError, TypeError):
        raise ArchiveError("is no whole model: it lacks names, a class or parameters") from None
    if type(names) is not list or len({n for n in names if type(n) is str}) < len(names):
        raise ArchiveError("does not hold a list of different names")
    if vector.dtype != np.float64 or vector.shape != (len(names),):
        raise ArchiveError(
            f"holds {len(names)} names for parameters of shape {vector.shape} and type "
            f"{vector.dtype}: expected as many float64 numbers"
        )
    state = dict(zip(names, vector.tolist(), strict=True))
    for name, number in state.items():
        if not math.isfinite(number):
            raise ArchiveError(f"holds a model that diverged: {name!r} is {number}")
    return description, state


def _built_for(description: Mapping[str, Any], names: list[str]) -> Module:
    """Make the model that the file describes."""
    try:
        with at_most(len(names)):
            model = _built(description, [])
        if names == [name for name, _ in model.named_parameters()]:
            return model
    except TooManyParametersError:
        pass
    except ArchiveError as error:
        raise ArchiveError(f"{error}; make the model and call nn.load(path, into=model)") from None
    raise ArchiveError(
        f"holds a changed {description['class']}, with other parameters than its constructor "
        "makes; make it as it was and call nn.load(path, into=model)"
    )


def _built(description: Mapping[str, Any], before: list[Module | None]) -> Module:
    """Make a module; `before` are those that came before it, None while they are made."""
    name, config = str(description["class"]), description["config"]
    if name not in CLASSES:
        raise ArchiveError(f"holds a {name}, a class that nn does not know")
    if not isinstance(config, dict):
        raise ArchiveError(f"holds a {name} with parts that a file cannot describe")
    place = len(before)
    before.append(None)
    try:
        before[place] = module = CLASSES[name]._from_config(_built_parts(config, before))
        return module
    except (ArchiveError, TooManyParametersError):
        raise
    except Exception as error:  # what a constructor raises for arguments that it never gave
        reason = str(error) or type(error).__name__
        raise ArchiveError(f"holds a {name} that cannot be made here ({reason})") from None


def _built_parts(part: Any, before: list[Module | None]) -> Any:
    if isinstance(part, list):
        return [_built_parts(item, before) for item in part]
    if isinstance(part, dict):
        if part.keys() == {"class", "config"}:
            return _built(part, before)
        if part.keys() == {"same_as"}:
            return _found(part["same_as"], before)
        if part.keys() == {"function"}:
            return _known_function(part["function"])
        return {key: _built_parts(item, before) for key, item in part.items()}
    return part


def _found(place: object, before: list[Module | None]) -> Module:
    """The module that was made first."""
    found = before[place] if type(place) is int and 0 <= place < len(before) else None
    if found is None:
        raise ArchiveError(f"refers to a module, number {place!r}, that it does not hold")
    return found


def _known_function(name: object) -> Any:
    if str(name) not in FUNCTIONS:
        what = f"the function {name}, which nn does not know" if name else "a function of one's own"
        raise ArchiveError(f"holds {what}")
    return FUNCTIONS[str(name)]


def _check_description(description: Mapping[str, Any], model: Module) -> None:
    """Refuse a model that computes something else with parameters of the same names."""
    difference = _difference(description, described(model), "")
    if difference:
        raise ArchiveError(
            f"holds another model than the {type(model).__name__} given: {difference}; for its "
            "numbers alone load it as it was saved and write "
            "model.load_state_dict(saved.state_dict())"
        )


def _difference(saved: Any, given: Any, path: str) -> str:
    """Say where two descriptions first differ, or nothing."""
    if isinstance(saved, dict) and isinstance(given, dict) and saved.keys() == given.keys():
        parts = ((f"{path}.{key}", saved[key], given[key]) for key in saved)
    elif isinstance(saved, list) and isinstance(given, list) and len(saved) == len(given):
        parts = ((f"{path}[{i}]", *pair) for i, pair in enumerate(zip(saved, given, strict=True)))
    elif saved == given or (path.endswith("class") and _same_class(saved, given)):
        return ""
    else:
        where = path.replace(".config", "").lstrip(".")
        where = where.removesuffix(".function")
        return f"{where} is {_told(saved, path)} there, {_told(given, path)} here"
    return next(filter(None, (_difference(a, b, where) for where, a, b in parts)), "")


def _same_class(saved: Any, given: Any) -> bool:
    """Whether two names are of one class: that of a script, ``__main__``, may have moved."""
    packages, names = zip(*(str(name).split(".", 1) for name in (saved, given)), strict=True)
    return names[0] == names[1] and "nn" not in packages


def _told(part: Any, path: str) -> str:
    """What an error says of a part of a description."""
    if isinstance(part, dict) and part.keys() == {"function"}:
        return _told(part["function"], f"{path}.function")
    if isinstance(part, dict) and part.keys() == {"class", "config"}:
        return f"a {part['class']} of its own"
    if isinstance(part, dict) and part.keys() == {"same_as"}:
        return "a module that came before"
    if path.endswith(".function"):
        return f"the function {part}" if part else "a function of one's own"
    return repr(part)


def _check_names(names: list[str], model: Module) -> None:
    own = [name for name, _ in model.named_parameters()]
    if {*names} == {*own} and len(names) == len(own):
        return
    only = {
        "only in the file": [name for name in names if name not in {*own}],
        "only in the model": [name for name in own if name not in {*names}],
    }
    listed = "; ".join(
        f"{where}: {', '.join(found[:5])}{', ...' if len(found) > 5 else ''}"
        for where, found in only.items()
        if found
    )
    raise ArchiveError(
        f"holds {len(names)} parameters, the {type(model).__name__} given has {len(own)} "
        f"({listed or 'two of one name'})"
    )
