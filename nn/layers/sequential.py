"""Sequential: modules in a row, each fed by the one before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from reprlib import recursive_repr
from typing import Any, TypeAlias, overload

from autograd_mini import scope

from .._checks import BatchError
from .._nested import OutputList, mapped
from ..models.module import Module
from .activations import ACTIVATIONS, named_activation

__all__ = ["Sequential"]

Part: TypeAlias = Module | str | Callable[[Any], Any]
"""A module, the name of an activation, or a function."""


class Sequential(Module):
    """Modules in a row: each takes what the one before returned.

    Parameters
    ----------
    *modules : Module, str or callable
        At least one; a list of them may be given as well. A name in `ACTIVATIONS`, or that function
        itself (``ad.tanh``), is applied to each number; any other function, such as `nn.flatten`,
        takes the outputs as they are.

    Attributes
    ----------
    modules : list
        The modules, names and functions.

    Raises
    ------
    TypeError
        Something that is neither, such as a class in place of a module.
    ValueError
        No module, an unknown name.

    Examples
    --------
    >>> from nn import Dropout, Layer
    >>> model = Sequential(Layer(2, 8, rng=0), Dropout(0.5), Layer(8, 1, rng=1))
    >>> model
    Sequential(
      modules.0: Layer(2, 8, activation='tanh')
      modules.1: Dropout(0.5)
      modules.2: Layer(8, 1, activation='tanh')
    )
    >>> len(model), model[1].rate, len(model[:2])
    (3, 0.5, 2)
    >>> len(model([0.5, -0.5]))
    1
    """

    modules: list[Part]
    _holds_any = True

    def __init__(self, *modules: Part | Sequence[Part]) -> None:
        given: Any = modules
        if len(given) == 1 and isinstance(given[0], (list, tuple)):
            given = given[0]
        if not given:
            raise ValueError("Sequential needs at least one module, got none")
        for i, part in enumerate(given):
            _check_part(part, f"modules[{i}]")
        self.modules = [_named(part) for part in given]

    def __call__(self, inputs: Any) -> Any:
        """Return what the last module makes of one example."""
        for i, part in enumerate(self.modules):
            try:
                inputs = _applied(part, inputs, i + 1)
            except BatchError as error:
                if i == 0 or error.inputs is not inputs:
                    raise
                raise TypeError(
                    f"modules[{i}] takes one list of numbers, what modules[{i - 1}] returns is "
                    "nested: put nn.flatten between them"
                ) from error
            except TypeError as error:
                if isinstance(part, Module) or not _OF_A_LIST.search(str(error)):
                    raise
                raise TypeError(
                    f"modules[{i}], {_text(part)}, computes with a list of numbers as if it were "
                    "one: write lambda numbers: [f(x) for x in numbers]. The name of an "
                    f"activation is applied to each by itself ({error})"
                ) from error
        return inputs

    def __len__(self) -> int:
        return len(self.modules)

    def __iter__(self) -> Iterator[Part]:
        return iter(self.modules)

    @overload
    def __getitem__(self, index: int) -> Part: ...

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Part | Sequential:
        """Return one module, or the same modules, not copies, of a part of the row."""
        if not isinstance(index, slice):
            return self.modules[index]
        part = Sequential.__new__(Sequential)
        part.modules = self.modules[index]
        if not part.modules:
            raise IndexError(f"no module is left of the {len(self)} in this slice, {index}")
        return part

    def _config(self) -> dict[str, Any]:
        return {"modules": self.modules}

    @classmethod
    def _from_config(cls, config: dict[str, Any]) -> Sequential:
        return cls(config["modules"])

    @recursive_repr(fillvalue="...")
    def __repr__(self) -> str:
        lines = [f"modules.{i}: {_text(part)}" for i, part in enumerate(self.modules)]
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


def _applied(part: Any, inputs: Any, place: int) -> Any:
    if isinstance(part, str):
        with scope(f"{part} {place}"):  # as "layer 1" is called
            return mapped(ACTIVATIONS[part], inputs)
    if isinstance(part, Module) or type(inputs) is not list:
        return part(inputs)
    outputs = part(OutputList(inputs))
    return list(outputs) if type(outputs) is OutputList else outputs


_OF_A_LIST = re.compile("OutputList|multiply sequence|concatenate list")
"""In what Python says of a function that takes such a list for a number."""


def _text(part: Part) -> str:
    return repr(part) if isinstance(part, (Module, str)) else getattr(part, "__name__", repr(part))


def _check_part(part: object, name: str) -> None:
    if isinstance(part, str):
        named_activation(part, name)
    elif isinstance(part, type):
        raise TypeError(f"{name} is the class {part.__name__}, not an object of it: call it")
    elif not callable(part):
        raise TypeError(
            f"{name} must be a module, the name of an activation or a function, got "
            f"{type(part).__name__}"
        )


def _named(part: Any) -> Part:
    """An activation function by its name."""
    return next((name for name, function in ACTIVATIONS.items() if part is function), part)
