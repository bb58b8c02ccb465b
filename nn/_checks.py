"""Checks of arguments that several files of the package share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from inspect import CO_VARARGS, Parameter, signature
from numbers import Real
from typing import Any, ClassVar, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value, as_value, is_ordered

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound="KeywordsChecked")

Scalars: TypeAlias = Sequence[Value | float] | Sequence[Value] | Sequence[float] | NDArray[Any]
"""One example's numbers: a list, a tuple or a one-dimensional array of Values or numbers."""
Rows: TypeAlias = Sequence[Scalars] | NDArray[Any]
"""One example's rows: a sequence of such, or a two-dimensional array."""


def positive_int(number: object, name: str) -> int:
    """Return `number` as an int; refuse what is no whole number of at least 1."""
    return int_at_least(1, number, name)


def int_at_least(least: int, number: object, name: str) -> int:
    """Return `number` as an int; refuse what is no whole number, or below `least`."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {number!r} ({type(number).__name__})")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return int(number)


def as_generator(rng: object) -> np.random.Generator:
    """Return the generator itself, or a new one, seeded by an int of at least 0.

    There is no global state and no fixed seed: None takes fresh entropy from the system.
    """
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        raise TypeError(
            "rng must be an int seed, a numpy.random.Generator (such as "
            f"numpy.random.default_rng(0)) or None, got {rng!r} ({type(rng).__name__})"
        )
    if rng < 0:
        raise ValueError(f"rng: a seed must be at least 0, got {rng}")
    return np.random.default_rng(int(rng))


def real_number(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is no real number, a bool included."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a real number, got {number!r} ({type(number).__name__})")
    return float(number)


def finite_number(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is no finite real number."""
    return _where(math.isfinite, number, name, "finite")


def not_negative(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is below 0, infinite or NaN."""
    return _where(lambda x: 0 <= x < math.inf, number, name, "finite and at least 0")


def above_zero(number: object, name: str) -> float:
    """Return `number` as a float; refuse 0 and what is below, infinite or NaN."""
    return _where(lambda x: 0 < x < math.inf, number, name, "finite and above 0")


def share(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is below 0, or 1 and above."""
    return _where(lambda x: 0 <= x < 1, number, name, "at least 0 and below 1")


def fraction(number: object, name: str) -> float:
    """Return `number` as a float; refuse what is below 0 or above 1."""
    return _where(lambda x: 0 <= x <= 1, number, name, "a number from 0 to 1")


def _where(holds: Callable[[float], bool], number: object, name: str, what: str) -> float:
    checked = real_number(number, name)
    if not holds(checked):
        raise ValueError(f"{name} must be {what}, got {checked}")
    return checked


Aliases: TypeAlias = Mapping[str, str]
"""What others call a thing -> what it is called here; of several names, with spaces between."""


def did_you_mean(name: str, known: Iterable[str], aliases: Aliases | None = None) -> str:
    """Return the end of an error message about an unknown name: what was meant, or what there is.

    An alias goes before names that are spelled alike; of its names those count that are known.

    Examples
    --------
    >>> did_you_mean("lr", ["learning_rate", "momentum"], {"lr": "learning_rate"})
    '; did you mean learning_rate?'
    >>> did_you_mean("momentun", ["learning_rate", "momentum"])
    '; did you mean momentum?'
    >>> did_you_mean("colour", ["learning_rate", "momentum"])
    '; there are learning_rate, momentum'
    """
    names = list(known)
    meant = [alias for alias in (aliases or {}).get(name, "").split() if alias in names]
    meant = meant or get_close_matches(name, names, n=1)
    if meant:
        return f"; did you mean {' or '.join(meant)}?"
    return f"; there are {', '.join(names)}" if names else ""


def refuse_unknown_keywords(
    function: Callable[..., Any], keywords: Iterable[str], aliases: Aliases | None = None
) -> None:
    """Raise TypeError for the first keyword that a function, or a class, does not take.

    Python would complain first of the argument that is missing in its place.

    Examples
    --------
    >>> def train(learning_rate): ...
    >>> refuse_unknown_keywords(train, ["lr"], {"lr": "learning_rate"})
    Traceback (most recent call last):
        ...
    TypeError: train takes no argument 'lr'; did you mean learning_rate?
    """
    # Not the signature of a class: Python 3.10 takes that from an inherited __new__.
    made = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    parameters = signature(made).parameters.values()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    by_name = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    known = [p.name for p in parameters if p.kind in by_name and p.name != "self"]
    for name in keywords:
        if name not in known:
            end = did_you_mean(name, known, aliases)
            raise TypeError(f"{function.__name__} takes no argument {name!r}{end}")


def check_call(
    kind: type, arguments: Sequence[object], keywords: Iterable[str], aliases: Aliases
) -> None:
    """Refuse what a class cannot be made with, and say what to write instead.

    Examples
    --------
    >>> class Dense:
    ...     def __init__(self, n_outputs, *, activation="tanh"): ...
    >>> check_call(Dense, [2, "relu"], {}, {})
    Traceback (most recent call last):
        ...
    TypeError: Dense takes n_outputs by position and got 2 arguments: write activation='relu'
    """
    if keywords:
        refuse_unknown_keywords(kind, keywords, aliases)
    code = getattr(kind.__init__, "__code__", None)  # type: ignore[misc]
    if code is None or code.co_flags & CO_VARARGS or len(arguments) < code.co_argcount:
        return
    count = code.co_argcount
    by_position = list(code.co_varnames[1:count])
    by_name = code.co_varnames[count : count + code.co_kwonlyargcount]
    left = zip(by_name, arguments[count - 1 :], strict=False)
    hint = f": write {', '.join(f'{name}={given!r}' for name, given in left)}" if by_name else ""
    raise TypeError(
        f"{kind.__name__} takes {' and '.join(by_position) or 'nothing'} by position and got "
        f"{len(arguments)} arguments{hint}"
    )


def keywords_checked(aliases: Aliases) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the decorator after which a function says of an unknown keyword what was meant.

    Examples
    --------
    >>> @keywords_checked({"lr": "learning_rate"})
    ... def train(*, learning_rate): ...
    >>> train(lr=0.1)
    Traceback (most recent call last):
        ...
    TypeError: train takes no argument 'lr'; did you mean learning_rate?
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def checked(*arguments: P.args, **keywords: P.kwargs) -> R:
            refuse_unknown_keywords(function, keywords, aliases)
            return function(*arguments, **keywords)

        return checked

    return decorate


class KeywordsChecked:
    """A class whose constructor says of an unknown keyword what was meant."""

    _ALIASES: ClassVar[Aliases] = {}

    def __new__(cls: type[T], *arguments: Any, **keywords: Any) -> T:
        """Look at the keywords before `__init__` sees them."""
        refuse_unknown_keywords(cls, keywords, cls._ALIASES)
        return object.__new__(cls)


def one_row(inputs: Any, n: int, owner: object) -> list[Value]:
    """Return the `n` numbers of one example, plain ones as constants."""
    if type(inputs) is not list and not _is_row(inputs):
        raise TypeError(
            f"{type(owner).__name__} takes one example, a sequence of {n} numbers or Values; "
            f"got {type(inputs).__name__}"
        )
    if len(inputs) == n:
        try:
            return [as_value(x) for x in inputs]
        except TypeError:
            _refuse_batch(inputs, n, owner)
            raise
    _refuse_batch(inputs, n, owner)
    raise ValueError(
        f"{type(owner).__name__} takes {n} input{'s' if n > 1 else ''}, got {len(inputs)}"
    )


def rows_of(inputs: Any, width: int, owner: object) -> list[list[Value]]:
    """Return one example's rows of `width` numbers, plain ones as constants; at least one row."""
    if not _is_row(inputs) or not all(map(is_ordered, inputs)):
        raise TypeError(
            f"{type(owner).__name__} takes one example, a sequence of rows of {width} numbers or "
            f"Values each; got {_kind(inputs)}"
        )
    if len(inputs) == 0:
        raise ValueError(f"{type(owner).__name__} takes at least one row, got none")
    return [one_row(row, width, owner) for row in inputs]


def named_tokens(error: Exception, names: Sequence[str]) -> Exception | None:
    """Return a program's error about integers that pick, in terms of the arguments' names.

    Examples
    --------
    >>> error = IndexError("argument 0 picks one of 3: expected integers from 0 to 2, got 0 to 7")
    >>> print(named_tokens(error, ["X"]))
    X picks one of 3: expected integers from 0 to 2, got 0 to 7
    >>> named_tokens(IndexError("list index out of range"), ["X"]) is None
    True
    """
    message = str(error)
    found = re.match(r"argument (\d+)(?=,| picks)", message)
    if isinstance(error, (IndexError, TypeError)) and found and int(found[1]) < len(names):
        return type(error)(names[int(found[1])] + message[found.end() :])
    if isinstance(error, TypeError) and "needs an integer as index" in message:
        return TypeError(f"{message}: write {' or '.join(f'{name}.astype(int)' for name in names)}")
    return None


def true_or_false(given: object, name: str) -> bool:
    """Return `given` as a bool; refuse anything else."""
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {given!r} ({type(given).__name__})")
    return bool(given)


def _is_row(inputs: object) -> bool:
    return is_ordered(inputs) and hasattr(inputs, "__len__")


def _refuse_batch(inputs: Any, n: int, owner: object) -> None:
    """Say what to call with several examples, if it is such that were given."""
    if len(inputs) and all(is_ordered(example) for example in inputs):
        raise TypeError(
            f"{type(owner).__name__} takes one example, a sequence of {n} numbers or "
            f"Values; got a batch of {len(inputs)}: write model.predict(X), or "
            "[model(x) for x in X] for Values to differentiate"
        )


def _kind(inputs: Any) -> str:
    if _is_row(inputs):
        return f"a sequence of {', '.join(sorted({type(x).__name__ for x in inputs}))}"
    return type(inputs).__name__
