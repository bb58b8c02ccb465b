"""Calls that do not fit: what they were given, and what to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from inspect import CO_VARARGS, Parameter, signature
from typing import Any, ClassVar, ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound="KeywordsChecked")
Aliases: TypeAlias = Mapping[str, str]
"""What others call a thing -> what it is called here; of several names, with spaces between.

Nothing, "", for what is not there at all, however its name is spelled.
"""


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
    alias = (aliases or {}).get(name)
    meant = [known_name for known_name in (alias or "").split() if known_name in names]
    if alias != "":  # which says that nothing here is like it
        meant = meant or get_close_matches(name, names, n=1, cutoff=0.7)
    if meant:
        return f"; did you mean {' or '.join(meant)}?"
    return f"; there are {', '.join(names)}" if names else ""


def refuse_unknown_keywords(
    function: Callable[..., Any],
    keywords: Iterable[str],
    aliases: Aliases | None = None,
    hints: Mapping[str, str] | None = None,
) -> None:
    """Raise TypeError for the first keyword that a function, or a class, does not take.

    Python would complain first of the argument that is missing in its place. What `hints` say
    of a name goes before names that were meant.

    Examples
    --------
    >>> def train(learning_rate): ...
    >>> refuse_unknown_keywords(train, ["lr"], {"lr": "learning_rate"})
    Traceback (most recent call last):
        ...
    TypeError: train takes no argument 'lr'; did you mean learning_rate?
    """
    _refuse_unknown(function.__name__, _parameters(function), keywords, aliases, hints)


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    # Not the signature of a class: Python 3.10 takes that from an inherited __new__.
    made = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    return [p for p in signature(made).parameters.values() if p.name != "self"]


def _refuse_unknown(
    function: str,
    parameters: Sequence[Parameter],
    keywords: Iterable[str],
    aliases: Aliases | None,
    hints: Mapping[str, str] | None,
) -> None:
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [p.name for p in parameters if p.kind in (*_BY_POSITION[1:], Parameter.KEYWORD_ONLY)]
    for name in keywords:
        if name not in known:
            hint = (hints or {}).get(name)
            end = f": {hint}" if hint else did_you_mean(name, known, aliases)
            raise TypeError(f"{function} takes no argument {name!r}{end}")


_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def refuse_call(
    function: Callable[..., Any],
    arguments: Sequence[object],
    keywords: Iterable[str],
    aliases: Aliases | None = None,
    hints: Mapping[str, str] | None = None,
    *,
    called: str = "",
) -> None:
    """Raise TypeError for an unknown keyword, or too many or too few arguments by position.

    Messages name the function as it is `called`. Under "" `hints` may say what to write in place of
    too many arguments, where none is by keyword alone.

    Examples
    --------
    >>> def train(model, rate, *, steps=1): ...
    >>> refuse_call(train, [None], {})
    Traceback (most recent call last):
        ...
    TypeError: train needs rate: write train(model, rate)
    >>> refuse_call(train, [None, 0.1, 7], {})
    Traceback (most recent call last):
        ...
    TypeError: train takes model and rate by position and got 3 arguments: write steps=7
    """
    parameters, name = _parameters(function), called or function.__name__
    _refuse_unknown(name, parameters, keywords, aliases, hints)
    if any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters):
        return
    by_position = [p for p in parameters if p.kind in _BY_POSITION]
    names, count = [p.name for p in by_position], len(arguments)
    left = [p.name for p in by_position[count:] if p.default is p.empty and p.name not in keywords]
    if left:
        raise TypeError(f"{name} needs {' and '.join(left)}: write {name}({', '.join(names)})")
    if count > len(names):
        by_name = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
        more = zip(by_name, arguments[len(names) :], strict=False)
        written = f"write {', '.join(f'{key}={_shown(x)}' for key, x in more)}"
        hint = written if by_name else (hints or {}).get("", "")
        raise TypeError(
            f"{name} takes {' and '.join(names) or 'nothing'} by position and got {count} "
            f"argument{'s' if count > 1 else ''}{hint and f': {hint}'}"
        )


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _LONGEST else "..."


_LONGEST = 30  # of what is repeated in a message


def described(thing: object) -> str:
    """Return what was given, for an error message.

    Examples
    --------
    >>> described(0.1), described(float)
    ('0.1 (float)', 'the class float')
    """
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return f"{thing!r:.40} ({type(thing).__name__})"


def check_call(
    kind: type,
    arguments: Sequence[object],
    keywords: Iterable[str],
    aliases: Aliases,
    hints: Mapping[str, str] | None = None,
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
    code = getattr(kind.__init__, "__code__", None)  # type: ignore[misc]
    if code is None or code.co_flags & CO_VARARGS:
        refuse_unknown_keywords(kind, keywords, aliases, hints)
    elif keywords or len(arguments) != code.co_argcount - 1:
        refuse_call(kind, arguments, keywords, aliases, hints)


def call_checked(
    aliases: Aliases, hints: Mapping[str, str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the decorator after which a function says of a call that does not fit what was meant.

    A call that fits costs next to nothing.

    Examples
    --------
    >>> @call_checked({"lr": "learning_rate"})
    ... def train(*, learning_rate): ...
    >>> train(lr=0.1)
    Traceback (most recent call last):
        ...
    TypeError: train takes no argument 'lr'; did you mean learning_rate?
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        by_position = [p for p in _parameters(function) if p.kind in _BY_POSITION]
        most = len(by_position)
        needed = [p.name for p in by_position if p.default is p.empty]
        known = {p.name for p in _parameters(function)}
        own = len(signature(function).parameters) - len(known)  # self, of a method

        @wraps(function)
        def checked(*arguments: P.args, **keywords: P.kwargs) -> R:
            count = len(arguments) - own
            fits = count <= most and keywords.keys() <= known
            if not fits or (count < len(needed) and not keywords.keys() >= {*needed[count:]}):
                of = f"{type(arguments[0]).__name__}." if own else ""
                called = f"{of}{function.__name__}"
                refuse_call(function, arguments[own:], keywords, aliases, hints, called=called)
            return function(*arguments, **keywords)

        return checked

    return decorate


class KeywordsChecked:
    """A class whose constructor says of an unknown keyword what was meant."""

    _ALIASES: ClassVar[Aliases] = {}
    _HINTS: ClassVar[Mapping[str, str]] = {}
    """What others take and nothing here is called -> what to write."""

    def __new__(cls: type[T], *arguments: Any, **keywords: Any) -> T:
        """Look at the keywords before `__init__` sees them."""
        refuse_unknown_keywords(cls, keywords, cls._ALIASES, cls._HINTS)
        return object.__new__(cls)
