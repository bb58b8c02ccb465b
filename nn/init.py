"""Initial weights: drawn from an explicit source of randomness, never from a global one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._checks import as_generator, positive_int

__all__ = ["glorot_uniform"]


def glorot_uniform(n_in: int, n_out: int, *, rng: np.random.Generator | int) -> NDArray[np.float64]:
    """Draw a weight matrix, uniform in ±sqrt(6) / sqrt(n_in + n_out) (Glorot & Bengio 2010).

    The variance, 2 / (n_in + n_out), is their compromise between keeping the variance of the
    activations (1 / n_in) and that of the error signals (1 / n_out) from layer to layer.
    Different weights also break the symmetry: neurons that start equal would stay equal.

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs and of neurons of the layer (fan-in and fan-out), each at least 1.
    rng : numpy.random.Generator or int
        The source of the random numbers, or a seed for a new one.

    Returns
    -------
    numpy.ndarray
        Shape (n_out, n_in): row j holds the weights of neuron j.

    Raises
    ------
    TypeError
        A size that is no int, an `rng` that is neither a Generator nor an int.
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
    n_in, n_out = positive_int(n_in, "n_in"), positive_int(n_out, "n_out")
    limit = math.sqrt(6.0) / math.sqrt(n_in + n_out)
    return as_generator(rng).uniform(-limit, limit, size=(n_out, n_in))
