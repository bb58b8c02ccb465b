"""Initial weights: drawn from an explicit source of randomness, never from a global one.

With independent weights of variance v and inputs of mean square 1, the weighted sum of n_in inputs
has variance n_in * v, and the error signal that comes back to an input n_out * v times that of the
layer above. The rules below choose v so that neither grows nor shrinks much from layer to layer.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._calls import did_you_mean
from .._checks import as_generator, finite_number, positive_int

__all__ = [
    "INITIALISERS",
    "Initialiser",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "uniform",
    "zeros",
]


class Initialiser(Protocol):
    """What `init=` takes: makes the weights of a layer."""

    def __call__(
        self, n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
    ) -> NDArray[np.float64]:
        """Return an array of shape (n_out, n_in)."""


def glorot_uniform(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Draw a weight matrix, uniform in ±sqrt(6 / (n_in + n_out)) (Glorot & Bengio 2010).

    The variance, 2 / (n_in + n_out), is their compromise between keeping the variance of the
    activations (1 / n_in) and that of the error signals (1 / n_out) from layer to layer, for
    activation functions like tanh. Different weights also break the symmetry: neurons that start
    equal would stay equal.

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs and of neurons of the layer (fan-in and fan-out), each at least 1.
    rng : numpy.random.Generator or int, optional
        The source of the random numbers, or a seed for a new one; None is fresh entropy.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in): row j holds the weights of neuron j.

    Raises
    ------
    TypeError
        A size that is no int, an `rng` that is neither a Generator nor an int nor None.
    ValueError
        A size below 1, a negative seed.

    Examples
    --------
    >>> weights = glorot_uniform(2, 3, rng=0)
    >>> weights.shape
    (3, 2)
    >>> bool(abs(weights).max() <= (6 / (2 + 3)) ** 0.5)
    True
    """
    n_in, n_out = _sizes(n_in, n_out)
    return _uniform(math.sqrt(6.0) / math.sqrt(n_in + n_out), n_in, n_out, rng)


def glorot_normal(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Draw a weight matrix, normal with variance 2 / (n_in + n_out) (Glorot & Bengio 2010).

    The variance is that of `glorot_uniform`; the normal distribution is not cut off.

    Parameters
    ----------
    n_in, n_out, rng
        As of `glorot_uniform`.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in): row j holds the weights of neuron j.

    Raises
    ------
    TypeError, ValueError
        As `glorot_uniform`.

    Examples
    --------
    >>> weights = glorot_normal(100, 100, rng=0)
    >>> round(float(weights.var()) * 100, 1)
    1.0
    """
    n_in, n_out = _sizes(n_in, n_out)
    return _normal(2.0 / (n_in + n_out), n_in, n_out, rng)


def he_uniform(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Draw a weight matrix, uniform in ±sqrt(6 / n_in) (He, Zhang, Ren & Sun 2015).

    The variance is that of `he_normal`.

    Parameters
    ----------
    n_in, n_out, rng
        As of `glorot_uniform`.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in): row j holds the weights of neuron j.

    Raises
    ------
    TypeError, ValueError
        As `glorot_uniform`.

    Examples
    --------
    >>> bool(abs(he_uniform(6, 50, rng=0)).max() <= 1.0)
    True
    """
    n_in, n_out = _sizes(n_in, n_out)
    return _uniform(math.sqrt(6.0 / n_in), n_in, n_out, rng)


def he_normal(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Draw a weight matrix, normal with variance 2 / n_in (He, Zhang, Ren & Sun 2015).

    For relu and its kin, which let half of the mean square of their arguments through: hence twice
    the variance of `lecun_normal`.

    Parameters
    ----------
    n_in, n_out, rng
        As of `glorot_uniform`.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in): row j holds the weights of neuron j.

    Raises
    ------
    TypeError, ValueError
        As `glorot_uniform`.

    Examples
    --------
    >>> weights = he_normal(200, 100, rng=0)
    >>> round(float(weights.var()) * 200, 1)
    2.0
    """
    n_in, n_out = _sizes(n_in, n_out)
    return _normal(2.0 / n_in, n_in, n_out, rng)


def lecun_normal(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Draw a weight matrix, normal with variance 1 / n_in (LeCun, Bottou, Orr & Müller 1998).

    The weighted sum has the mean square of one input.

    Parameters
    ----------
    n_in, n_out, rng
        As of `glorot_uniform`.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in): row j holds the weights of neuron j.

    Raises
    ------
    TypeError, ValueError
        As `glorot_uniform`.

    Examples
    --------
    >>> weights = lecun_normal(200, 100, rng=0)
    >>> round(float(weights.var()) * 200, 1)
    1.0
    """
    n_in, n_out = _sizes(n_in, n_out)
    return _normal(1.0 / n_in, n_in, n_out, rng)


def uniform(limit: float, *more: object) -> Initialiser:
    """Return the initialiser that draws uniformly in ±limit.

    Parameters
    ----------
    limit : float
        Finite, at least 0.

    Returns
    -------
    callable
        ``(n_in, n_out, *, rng=None)`` -> array of shape (n_out, n_in).

    Raises
    ------
    TypeError
        A limit that is no real number.
    ValueError
        A limit that is negative or not finite.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron(2, init=uniform(0.1), rng=0)
    >>> all(abs(weight.data) <= 0.1 for weight in neuron.weights)
    True
    """
    if more:
        raise TypeError(
            "uniform takes one number, and draws between -limit and limit: write uniform(1.0)"
        )
    bound = finite_number(limit, "limit")
    if bound < 0:
        raise ValueError(f"limit must be at least 0, got {limit}")

    def uniform_weights(
        n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
    ) -> NDArray[np.float64]:
        return _uniform(bound, *_sizes(n_in, n_out), rng)

    return uniform_weights


def constant(number: float) -> Initialiser:
    """Return the initialiser that gives every weight the same number.

    The neurons of a hidden layer that start equal get equal gradients, and stay equal for ever:
    good for showing just that.

    Parameters
    ----------
    number : float
        Finite.

    Returns
    -------
    callable
        ``(n_in, n_out, *, rng=None)`` -> array of shape (n_out, n_in); draws nothing.

    Raises
    ------
    TypeError
        What is no real number.
    ValueError
        What is not finite.

    Examples
    --------
    >>> constant(0.5)(2, 1)
    array([[0.5, 0.5]])
    """
    given = finite_number(number, "number")

    def constant_weights(
        n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
    ) -> NDArray[np.float64]:
        as_generator(rng)
        n_in, n_out = _sizes(n_in, n_out)
        return np.full((n_out, n_in), given)

    return constant_weights


def zeros(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Return a weight matrix of zeros: for output layers, and for showing what symmetry does.

    Parameters
    ----------
    n_in, n_out, rng
        As of `glorot_uniform`; nothing is drawn.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in).

    Raises
    ------
    TypeError, ValueError
        As `glorot_uniform`.

    Examples
    --------
    >>> zeros(2, 1)
    array([[0., 0.]])
    """
    return constant(0.0)(n_in, n_out, rng=rng)


INITIALISERS: dict[str, Initialiser] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_normal": lecun_normal,
    "zeros": zeros,
}
"""The initialisers that a layer knows by name; `uniform` and `constant` need a number first."""

_ALIASES = {
    "glorot": "glorot_uniform glorot_normal",
    "xavier": "glorot_uniform glorot_normal",
    "xavier_uniform": "glorot_uniform",
    "xavier_uniform_": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "xavier_normal_": "glorot_normal",
    "he": "he_uniform he_normal",
    "kaiming": "he_uniform he_normal",
    "kaiming_uniform": "he_uniform",
    "kaiming_uniform_": "he_uniform",
    "kaiming_normal": "he_normal",
    "kaiming_normal_": "he_normal",
    "lecun": "lecun_normal",
}


def initialiser(init: object) -> Initialiser:
    """Return what `init=` names, or the function itself; its weights are checked when drawn.

    Raises
    ------
    TypeError
        What is neither a name nor a function of (n_in, n_out, *, rng).
    ValueError
        An unknown name.

    Examples
    --------
    >>> initialiser("zeros") is zeros
    True
    """
    if isinstance(init, str):
        if init in INITIALISERS:
            return INITIALISERS[init]
        if init in ("uniform", "constant"):
            raise ValueError(f"init {init!r} needs a number: write init=nn.{init}(0.1)")
        raise ValueError(f"unknown init {init!r}{did_you_mean(init, INITIALISERS, _ALIASES)}")
    if not callable(init):
        raise TypeError(
            f"init must be a name or a function, got {init!r} ({type(init).__name__}); "
            f"names are {', '.join(INITIALISERS)}"
        )
    if init in (uniform, constant):
        name = "uniform" if init is uniform else "constant"
        raise TypeError(f"init=nn.{name} needs a number: write init=nn.{name}(0.1)")
    try:
        inspect.signature(init).bind(1, 1, rng=None)
    except TypeError as error:
        raise TypeError(
            f"init must take (n_in, n_out, *, rng) and return an array (n_out, n_in); {init!r} "
            f"does not: {error}"
        ) from None
    return init


class TooManyParametersError(ValueError):
    """A model would have more parameters than it may: nothing of them was made."""


_room: ContextVar[int | None] = ContextVar("nn_room_for_parameters", default=None)


@contextmanager
def at_most(n_parameters: int) -> Iterator[None]:
    """Refuse to make more weights in the ``with`` block, before there are any.

    For who builds what a file describes: a few bytes can ask for billions.

    Examples
    --------
    >>> with at_most(5):
    ...     rows = initial_weights("zeros", 2, 2, rng=None)
    ...     initial_weights("zeros", 1, 2, rng=None)
    Traceback (most recent call last):
    nn.layers.initialisers.TooManyParametersError: 2 more parameters, where there is room for 1
    """
    token = _room.set(n_parameters)
    try:
        yield
    finally:
        _room.reset(token)


def claim(n_parameters: int) -> None:
    """Take room for so many parameters, before they are made.

    Examples
    --------
    >>> claim(10**30)  # outside of `at_most` there is no limit
    """
    room = _room.get()
    if room is None:
        return
    if n_parameters > room:
        raise TooManyParametersError(
            f"{n_parameters} more parameters, where there is room for {room}"
        )
    _room.set(room - n_parameters)


def initial_weights(init: object, n_in: int, n_out: int, rng: object) -> list[list[float]]:
    """Draw the weights of a layer, a row for each neuron, by a name or a function.

    Raises
    ------
    TypeError
        As `initialiser`; weights that are no real numbers.
    ValueError
        As `initialiser`; weights of another shape, or not finite.

    Examples
    --------
    >>> initial_weights("zeros", 2, 1, rng=None)
    [[0.0, 0.0]]
    """
    draw: Any = initialiser(init)
    claim(n_in * n_out)
    weights = np.asarray(draw(n_in, n_out, rng=as_generator(rng)))
    if weights.dtype.kind not in "iuf":
        raise TypeError(f"init must return an array of real numbers, got one of {weights.dtype}")
    if weights.shape != (n_out, n_in):
        raise ValueError(
            f"init must return an array of shape (n_out, n_in) = {(n_out, n_in)}, got one of "
            f"shape {weights.shape}"
        )
    if not np.isfinite(weights).all():
        raise ValueError("init returned weights that are not finite")
    rows: list[list[float]] = weights.astype(np.float64).tolist()
    return rows


def _sizes(n_in: int, n_out: int) -> tuple[int, int]:
    return positive_int(n_in, "n_in"), positive_int(n_out, "n_out")


def _uniform(limit: float, n_in: int, n_out: int, rng: object) -> NDArray[np.float64]:
    return as_generator(rng).uniform(-limit, limit, size=(n_out, n_in))


def _normal(variance: float, n_in: int, n_out: int, rng: object) -> NDArray[np.float64]:
    return as_generator(rng).normal(0.0, math.sqrt(variance), size=(n_out, n_in))
