"""Modes: contexts that change what an operation records, for the current thread or task only."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, TypeVar, cast

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(frozen=True)
class Modes:
    """What is switched on here and now.

    ``record`` replaces the making of a node; the compiler traces with it, and refuses to compare
    nodes and to look for them, but where ``by_identity`` says that this is what a walk over a graph
    means.  ``blocks`` are the ``with`` blocks that have switched, the outermost first.
    """

    recording: bool = True
    anomaly: bool = False
    record: Callable[[str, tuple[Any, ...]], Any] | None = None
    by_identity: bool = False
    blocks: tuple[_OpenBlock, ...] = ()


class _OpenBlock:
    """A ``with`` block that is being executed: what it changes, and whether it is still open.

    A block leaves by closing itself.  So blocks may close in any order, as those of interleaved
    generators do, and in a thread or task other than that in which they began.
    """

    __slots__ = ("changes", "is_open", "owner")

    def __init__(self, owner: switched, changes: dict[str, Any]) -> None:
        self.owner = owner
        self.changes = changes
        self.is_open = True


_NONE = Modes()
_modes: ContextVar[Modes] = ContextVar("autograd_mini_modes", default=_NONE)

ACTIVE: list[None] = []
"""One entry for each open block of any thread: empty or not is all the hot path looks at."""

SWITCHED: list[None] = []
"""The same of the blocks that switch modes alone: scopes, which are many, switch none."""


def current_modes() -> Modes:
    """Return the modes of the current thread or task."""
    modes = _modes.get()
    for block in modes.blocks:
        if not block.is_open:
            return _without_closed(modes)
    return modes


def _without_closed(modes: Modes) -> Modes:
    """The modes that the open blocks alone make, for this thread or task from now on."""
    blocks = tuple([block for block in modes.blocks if block.is_open])
    changes = {name: change for block in blocks for name, change in block.changes.items()}
    modes = replace(_NONE, **changes, blocks=blocks) if blocks else _NONE
    _modes.set(modes)
    return modes


class Block(ABC):
    """A context that works as a decorator too: a ``with`` block around a function's own code."""

    __slots__ = ()

    @abstractmethod
    def __enter__(self) -> Any: ...

    @abstractmethod
    def __exit__(self, *raised: object) -> None: ...

    def __call__(self, function: FunctionT) -> FunctionT:
        """Decorate a function: the block is open while its own code runs."""
        if inspect.isgeneratorfunction(function):
            decorated: Any = _decorated_generator(self, function)
        elif inspect.iscoroutinefunction(function):
            decorated = _decorated_coroutine(self, function)
        elif inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is an asynchronous generator: use the context as a with "
                "block inside it, closed before each yield"
            )
        else:
            decorated = _decorated(self, function)
        return cast(FunctionT, decorated)


class switched(Block):  # noqa: N801 - a context manager is named like a function
    """Change modes for the duration of a ``with`` block, or of the calls of a function.

    One object may be entered any number of times, one after the other or nested.
    """

    __slots__ = ("_blocks", "_changes")

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self._blocks: list[_OpenBlock] = []

    def __enter__(self) -> None:
        modes = current_modes()
        block = _OpenBlock(self, self._changes)
        self._blocks.append(block)
        SWITCHED.append(None)
        ACTIVE.append(None)
        _modes.set(replace(modes, **self._changes, blocks=(*modes.blocks, block)))

    def __exit__(self, *raised: object) -> None:
        here = [block for block in current_modes().blocks if block.owner is self]
        block = here[-1] if here else self._blocks[-1]  # a generator may be closed elsewhere
        self._blocks.remove(block)
        block.is_open = False
        ACTIVE.pop()
        SWITCHED.pop()
        current_modes()


def _decorated(context: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with context:
            return function(*args, **kwargs)

    return inside


def _decorated_coroutine(context: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def inside(*args: Any, **kwargs: Any) -> Any:
        with context:
            return await function(*args, **kwargs)

    return inside


def _decorated_generator(context: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever asks for the items computes between them: the block is not theirs."""

    @wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = partial(next, generator)
        while True:
            try:
                with context:
                    item = resume()
            except StopIteration as end:
                return end.value
            try:
                resume = partial(generator.send, (yield item))
            except BaseException as error:  # thrown in, or GeneratorExit: for the generator
                resume = partial(generator.throw, error)

    return inside


def no_grad() -> switched:
    """Record no graph: results inside are constants.

    Works as a decorator too, nests, and holds for the current thread or task only.  A generator
    that yields inside such a block leaves it open for its caller meanwhile; decorated, it does not.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> w = ad.Value(2.0)
    >>> with ad.no_grad():
    ...     y = w * 3
    >>> y.data, y.parents
    (6.0, ())
    """
    return switched(recording=False)


def detect_anomaly() -> switched:
    """Raise at the first value or gradient that is infinite or NaN.

    Each node made inside remembers the source line that made it.  A backward pass that meets a
    non-finite gradient raises before any ``grad`` has changed.  Works as a decorator too, like
    :func:`no_grad`.

    Raises
    ------
    AnomalyError
        Names the operation, its operands, the source line and the usual remedy.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> with ad.detect_anomaly():
    ...     ad.log(ad.Value(0.0, "p"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    autograd_mini.errors.AnomalyError: log gave -inf ...
    """
    return switched(anomaly=True)
