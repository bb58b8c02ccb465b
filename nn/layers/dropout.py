"""Dropout: while training, each input is left out by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_mini import Value

from .._checks import share
from .._nested import Nested, flatten, is_nested, mapped
from ..models.module import Module
from ..models.randomness import drawn

__all__ = ["Dropout"]


class Dropout(Module):
    """Set each input to 0 with a given probability while training (Srivastava et al. 2014).

    What is kept is divided by 1 - rate ("inverted" dropout), so that the expected output is the
    input, and a model in use needs no change. There is a new mask for every example and every
    minibatch, in compiled training too. Outside of training (`predict`, or simply calling the
    model) the inputs come back as they are.

    Parameters
    ----------
    rate : float
        The probability of being left out, at least 0 and below 1.

    Raises
    ------
    TypeError
        A rate that is no number.
    ValueError
        A rate outside [0, 1).

    Examples
    --------
    >>> from nn import training_mode
    >>> dropout = Dropout(0.5)
    >>> [x.data for x in dropout([1.0, 2.0])]
    [1.0, 2.0]
    >>> with training_mode(0):
    ...     [x.data for x in dropout([1.0, 2.0])]
    [2.0, 0.0]
    """

    def __init__(self, rate: float) -> None:
        self._rate = share(rate, "rate")

    @property
    def rate(self) -> float:
        """The probability of being left out.

        Examples
        --------
        >>> Dropout(0.25).rate
        0.25
        """
        return self._rate

    def __call__(self, inputs: Nested) -> Nested:
        """Return the inputs of one example, while training some of them as 0.

        Parameters
        ----------
        inputs : (nested) sequence of Value or float
            Of any shape: a list, rows, the channels of an image.

        Returns
        -------
        (nested) list of Value
            Of the same shape.
        """
        if not is_nested(inputs):
            raise TypeError(f"{self!r} takes a sequence of numbers, got {type(inputs).__name__}")
        count = len(flatten(inputs))
        factors = drawn(count, self._mask) if self._rate and count else None
        if factors is None:
            return mapped(_same, inputs)
        numbers = iter(factors)
        return mapped(lambda x: x * next(numbers), inputs)

    def _mask(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return (generator.random(shape) >= self._rate) / (1 - self._rate)

    def _config(self) -> dict[str, Any]:
        return {"rate": self._rate}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._rate})"


def _same(x: Value) -> Value:
    return x
