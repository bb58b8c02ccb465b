"""Checks of the arguments of a compiled program, and what tells static ones apart."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..core.value import Value

Array = npt.NDArray[Any]


def static_positions(
    function: Callable[..., Any], static_argnums: int | Sequence[int]
) -> tuple[int, ...]:
    """The positions of static arguments, each one that the function has."""
    one = isinstance(static_argnums, (int, np.integer))
    given: tuple[Any, ...] = (static_argnums,) if one else tuple(static_argnums)  # type: ignore[arg-type]
    for position in given:
        whole = isinstance(position, (int, np.integer)) and not isinstance(position, bool)
        if not whole or position < 0:
            raise ValueError(
                f"static_argnums {static_argnums!r}: expected positions, counted from 0"
            )
    count = _count_of_arguments(function)
    if count is not None and max(given, default=-1) >= count:
        raise ValueError(
            f"static_argnums {static_argnums!r}: expected positions below {count}, as many "
            "arguments as the function takes"
        )
    return tuple(map(int, given))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """What a function takes; None if nobody can say."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions written in C
        return None


def _names_by_position(parameters: Sequence[inspect.Parameter]) -> list[str]:
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind in by_position]


def _count_of_arguments(function: Callable[..., Any]) -> int | None:
    """How many arguments by position a function takes; None if any number, or nobody can say."""
    parameters = _parameters(function)
    if parameters is None:
        return None
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return len(_names_by_position(parameters))


def argument_names(function: Callable[..., Any], static: Sequence[int]) -> tuple[str, ...]:
    """The names of a function's arguments by position, without the static ones.

    Examples
    --------
    >>> argument_names(lambda x, power, t: x**power - t, static=[1])
    ('x', 't')
    """
    names = _names_by_position(_parameters(function) or [])
    return tuple([name for k, name in enumerate(names) if k not in static])


def unhashable(given: Sequence[Any], static: Sequence[int]) -> str:
    """What to say where a static argument cannot be part of a trace's key."""
    for position in static:
        try:
            hash(identity(given[position]))
        except TypeError as error:
            return f"argument {position} is static and must be hashable, as a tuple is: {error}"
        except IndexError:  # left out, as the ones after it
            break
    return "a static argument must be hashable and comparable, as a tuple is"


def as_arrays(arguments: Sequence[Any]) -> list[Array]:
    """The arguments that are traced, each as an array."""
    try:
        return [np.asarray(argument) for argument in arguments]
    except ValueError as error:  # NumPy does not say which
        for position, argument in enumerate(arguments):
            try:
                np.asarray(argument)
            except ValueError:
                raise ValueError(
                    f"argument {position} is no array: expected numbers, or lists (of lists) of "
                    f"numbers that are equally long ({error})"
                ) from None
        raise


def check_numbers(array: Array, name: str) -> None:
    """Refuse an array that does not hold real numbers."""
    if array.dtype.kind in "fiub":
        return
    if array.dtype == object and any(isinstance(element, Value) for element in array.flat):
        raise TypeError(
            f"{name} holds objects that are Values, expected numbers: with Values call the "
            "function itself, also within another one that is compiled"
        )
    raise TypeError(f"{name} holds {array.dtype}, expected real numbers")


def batch_size(arrays: Sequence[Array]) -> int:
    """The common leading size of all arguments."""
    if not arrays:
        raise ValueError(
            "a batched program needs a batch; compile with batched=False if the function has no "
            "arguments"
        )
    sizes = {array.shape[0] if array.ndim else None for array in arrays}
    if len(sizes) != 1 or None in sizes:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(
            f"arguments of shapes {shapes} have no common leading batch size; for one example "
            "compile with batched=False"
        )
    n = sizes.pop()
    if not n:
        raise ValueError("the batch is empty; give at least one example")
    return int(n)


def checked_indices(indices: Array, last: int | Array, argument: int) -> Array:
    """The integers of an argument that picks, as NumPy's index type.

    `last` is the largest index allowed: one for the whole argument, or one for each position.
    """
    if indices.dtype.kind == "f":
        size = int(np.min(last)) + 1
        raise TypeError(f"argument {argument} picks one of {size}: expected integers, got floats")
    places = indices.astype(np.intp, copy=False)
    # as unsigned numbers negative ones are huge: one comparison does for both ends
    unsigned = places.view(np.uintp)
    if isinstance(last, int):
        if places.size and unsigned.item(unsigned.argmax()) > last:  # quicker than max()
            _refuse_indices(places, last, f"argument {argument}")
    else:
        wrong = (last < unsigned.T).reshape(-1, len(last)).any(axis=0)
        if wrong.any():
            at = int(np.argmax(wrong))
            _refuse_indices(places[at], int(last[at]), f"argument {argument}, position {at},")
    return places


def _refuse_indices(places: Array, last: int, where: str) -> NoReturn:
    raise IndexError(
        f"{where} picks one of {last + 1}: expected integers from 0 to {last}, "
        f"got {places.min()} to {places.max()}"
    )


def identity(argument: Any) -> Any:
    """A key for a static argument that tells apart what ``==`` may not: types, and bits of numbers.

    NaN is one key.  What Python cannot hash, the key cannot be hashed for.

    Examples
    --------
    >>> identity(0.0) == identity(-0.0), identity((1,)) == identity((True,))
    (False, False)
    >>> identity(("tanh", float("nan"))) == identity(("tanh", float("nan")))
    True
    """
    kind = type(argument)
    if kind in _BY_EQUALITY:
        return kind, argument
    if kind is float:
        return kind, argument.hex()
    if kind.__hash__ is None:
        return kind, argument
    if isinstance(argument, np.generic):
        return kind, argument.dtype, argument.tobytes()
    if kind is complex or isinstance(argument, Decimal):
        return kind, repr(argument)
    if isinstance(argument, tuple):
        return kind, tuple([identity(element) for element in argument])
    if isinstance(argument, frozenset):
        return kind, frozenset([identity(element) for element in argument])
    if isinstance(argument, range):
        return kind, argument.start, argument.stop, argument.step
    if dataclasses.is_dataclass(argument) and "__eq__" in vars(kind):
        compared = [field.name for field in dataclasses.fields(argument) if field.compare]
        return kind, tuple([identity(getattr(argument, name)) for name in compared])
    if isinstance(argument, float):
        return kind, argument, argument.hex()
    return kind, argument


_BY_EQUALITY = frozenset({bool, int, str, bytes, type(None)})
