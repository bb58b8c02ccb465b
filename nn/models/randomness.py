"""Random numbers that a layer asks for while training, such as a dropout mask.

A layer asks by `drawn`. Who trains says where the numbers come from: `training_mode` draws them;
`feeding` hands out numbers that were drawn before, by `draw`, for a list of requests that
`counting` has noted. So random numbers are inputs of a compiled program: it is traced once, and
gets new ones for every minibatch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value

from .._checks import as_generator, positive_int

__all__ = [
    "Request",
    "RequestError",
    "counting",
    "draw",
    "drawn",
    "evaluation_mode",
    "feeding",
    "training_mode",
]

Sampler: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Any]
"""Makes an array of the given shape, such as ``lambda generator, shape: generator.random(shape)``.
"""


class Request(NamedTuple):
    """What a layer asked for: how many numbers for one example, and what makes them."""

    n: int
    sampler: Sampler


class _Source(Protocol):
    """Where the numbers come from, here and now."""

    def numbers(self, request: Request) -> list[Value | float]: ...


_source: ContextVar[_Source | None] = ContextVar("nn_source_of_random_numbers", default=None)


@contextmanager
def _from(source: _Source | None) -> Iterator[None]:
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def drawn(n: int, sampler: Sampler) -> list[Value | float] | None:
    """Return random numbers for the example that is being trained on; None outside of training.

    For layers that do something else while training than in use. How many numbers such a layer
    asks for may depend on the shape of its inputs, never on their numbers.

    Parameters
    ----------
    n : int
        How many, at least 1.
    sampler : callable
        ``sampler(generator, shape)`` returns an array of that shape, by a `numpy.random.Generator`.

    Returns
    -------
    list of Value or float, or None
        The numbers: Values in a compiled function, whose inputs they are. None where nobody trains:
        in `predict`, and wherever a model is simply called.

    Raises
    ------
    TypeError
        `n` that is no int, a sampler that cannot be called or does not return numbers.
    ValueError
        `n` below 1, numbers of another shape; inside `feeding`, more numbers than there are.

    Examples
    --------
    >>> def jittered(x):
    ...     numbers = drawn(1, lambda generator, shape: generator.normal(0.0, 0.1, shape))
    ...     return x if numbers is None else x + numbers[0]
    >>> jittered(2.0)
    2.0
    >>> with training_mode(0):
    ...     round(jittered(2.0), 3)
    2.013
    """
    source = _source.get()
    if source is None:
        return None
    if not callable(sampler):
        raise TypeError(
            "sampler must be a function of a generator and a shape, such as lambda generator, "
            f"shape: generator.random(shape); got {type(sampler).__name__}"
        )
    return source.numbers(Request(positive_int(n, "n"), sampler))


@contextmanager
def training_mode(rng: np.random.Generator | int | None = None) -> Iterator[None]:
    """Let layers draw: inside the block, dropout drops.

    For loops of your own over the scalar engine; `fit` does it by itself. Holds for this thread or
    task only. Inside a function that is being compiled, what is drawn would be frozen: there the
    numbers are inputs of the function, which `feeding` hands to the layers.

    Parameters
    ----------
    rng : numpy.random.Generator or int, optional
        The source of the random numbers, or a seed for a new one; None is fresh entropy.

    Raises
    ------
    TypeError
        An `rng` that is none of these.
    ValueError
        A negative seed.

    Examples
    --------
    >>> from nn import Dropout
    >>> dropout = Dropout(0.5)
    >>> [x.data for x in dropout([1.0, 1.0, 1.0, 1.0])]
    [1.0, 1.0, 1.0, 1.0]
    >>> with training_mode(0):
    ...     [x.data for x in dropout([1.0, 1.0, 1.0, 1.0])]
    [2.0, 0.0, 0.0, 0.0]
    """
    with _from(_Drawing(as_generator(rng))):
        yield


@contextmanager
def evaluation_mode() -> Iterator[None]:
    """Let no layer draw, also inside `training_mode`: the model as it is in use.

    Examples
    --------
    >>> with training_mode(0), evaluation_mode():
    ...     print(drawn(2, lambda generator, shape: generator.random(shape)))
    None
    """
    with _from(None):
        yield


@contextmanager
def counting() -> Iterator[list[Request]]:
    """Note what layers ask for, in a list that grows inside the block.

    The numbers that they get are drawn by a generator of their own, always the same ones.

    Yields
    ------
    list of Request
        One for each call of `drawn`, in order.

    Examples
    --------
    >>> from nn import Dropout
    >>> with counting() as requests:
    ...     outputs = Dropout(0.5)([1.0, 2.0, 3.0])
    >>> [request.n for request in requests]
    [3]
    """
    source = _Counting(_Drawing(np.random.default_rng(0)), [])
    with _from(source):
        yield source.requests


class RequestError(ValueError):
    """Layers ask for more random numbers than they are given, or for fewer."""


@contextmanager
def feeding(numbers: Sequence[Value | float] | NDArray[np.float64]) -> Iterator[list[Request]]:
    """Hand out given numbers, in order, to the layers that ask inside the block.

    Parameters
    ----------
    numbers : sequence of Value or float
        One example's: a row of what `draw` returned or, while a function is traced, its argument.

    Yields
    ------
    list of Request
        What the layers ask for: it grows inside the block.

    Raises
    ------
    RequestError
        When layers ask for more numbers than there are, or for fewer; a ValueError.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> import numpy as np
    >>> from nn import Dropout
    >>> dropout = Dropout(0.5)
    >>> x = [1.0, 2.0, 3.0, 4.0]
    >>> with counting() as requests:
    ...     outputs = dropout(x)
    >>> def total(x, numbers):
    ...     with feeding(numbers):
    ...         return ad.sum(dropout(x))
    >>> program = ad.compile(total, [])
    >>> masks = draw(requests, 0, n_examples=3)
    >>> program(None, [x, x, x], masks)
    array([ 2., 20., 12.])
    >>> [total(x, mask).data for mask in masks]
    [2.0, 20.0, 12.0]
    """
    source = _Feeding(numbers.tolist() if isinstance(numbers, np.ndarray) else list(numbers), [])
    with _from(source):
        yield source.requests
    if source.n_used < len(source.given):
        raise RequestError(
            f"{len(source.given)} random numbers were given, the layers asked for {source.n_used}: "
            + _SAME_FOR_ALL
        )


def draw(
    requests: Sequence[Request], generator: np.random.Generator | int, n_examples: int
) -> NDArray[np.float64]:
    """Draw the numbers of a minibatch.

    Parameters
    ----------
    requests : sequence of Request
        What one example asks for, as noted by `counting`.
    generator : numpy.random.Generator or int
        The source of the random numbers, or a seed for a new one.
    n_examples : int
        Number of examples N, at least 1.

    Returns
    -------
    numpy.ndarray
        Shape (N, total), float64: each row the numbers of one example, in the order asked for.

    Raises
    ------
    TypeError, ValueError
        A sampler that returns no numbers, or numbers of another shape.

    Examples
    --------
    >>> with counting() as requests:
    ...     numbers = drawn(3, lambda generator, shape: generator.random(shape))
    >>> draw(requests, np.random.default_rng(0), 2).shape
    (2, 3)
    """
    generator, n_examples = as_generator(generator), positive_int(n_examples, "n_examples")
    parts = [_sampled(request, generator, (n_examples, request.n)) for request in requests]
    return np.hstack([np.empty((n_examples, 0)), *parts])


_SAME_FOR_ALL = (
    "how many numbers a layer draws may depend on the shape of its inputs only, and must be the "
    "same for every example"
)


@dataclass(frozen=True)
class _Drawing:
    generator: np.random.Generator

    def numbers(self, request: Request) -> list[Value | float]:
        numbers: list[Value | float] = _sampled(request, self.generator, (request.n,)).tolist()
        return numbers


@dataclass(frozen=True)
class _Counting:
    drawing: _Drawing
    requests: list[Request]

    def numbers(self, request: Request) -> list[Value | float]:
        self.requests.append(request)
        return self.drawing.numbers(request)


@dataclass
class _Feeding:
    given: list[Value | float]
    requests: list[Request]
    n_used: int = 0

    def numbers(self, request: Request) -> list[Value | float]:
        self.requests.append(request)
        start, self.n_used = self.n_used, self.n_used + request.n
        if self.n_used > len(self.given):
            raise RequestError(
                f"{len(self.given)} random numbers were given, the layers asked for more, at least "
                f"{self.n_used}: {_SAME_FOR_ALL}"
            )
        return self.given[start : self.n_used]


def _sampled(
    request: Request, generator: np.random.Generator, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """What the sampler makes, checked."""
    numbers = np.asarray(request.sampler(generator, shape))
    if numbers.dtype.kind not in "buif":
        raise TypeError(f"a sampler must return an array of numbers, got one of {numbers.dtype}")
    if numbers.shape != shape:
        raise ValueError(
            f"a sampler was asked for numbers of shape {shape} and returned {numbers.shape}: "
            "use the shape that it is given"
        )
    return numbers.astype(np.float64)
