"""Embedding: a vector of parameters for each token."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value, is_ordered

from .._checks import positive_int
from ..models.module import Module
from .initialisers import Initialiser
from .linear import matrix

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of learned vectors, of which a token picks one: ``weights[token]``.

    The same as a matrix times a one-hot vector, without the zeros (Bengio et al. 2003). In a
    compiled function the token is an integer input; give that argument an integer dtype.

    Parameters
    ----------
    n_tokens, width : int
        How many vectors there are, and how long each is; at least 1.
    init : str or callable
        The initial vectors: a name in `INITIALISERS` or such a function, called with
        ``n_in=width`` and ``n_out=n_tokens``.
    rng : numpy.random.Generator or int, optional
        The source of the initial vectors, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    weights : list of list of Value
        One vector per token.

    Raises
    ------
    TypeError
        A size, `init` or `rng` of the wrong type.
    ValueError
        A size below 1, an unknown initialiser, a negative seed.

    Examples
    --------
    >>> import numpy as np
    >>> import autograd_mini as ad
    >>> embedding = Embedding(3, 2, rng=0)
    >>> embedding(1) == embedding.weights[1]
    True
    >>> program = ad.compile(embedding, embedding.parameters())
    >>> program(None, np.array([2, 0, 0])).shape
    (3, 2)
    """

    def __init__(
        self,
        n_tokens: int,
        width: int,
        *,
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        n_tokens, width = positive_int(n_tokens, "n_tokens"), positive_int(width, "width")
        self.weights = matrix(init, width, n_tokens, rng)
        self.label_parameters()

    @property
    def n_tokens(self) -> int:
        """How many vectors there are.

        Examples
        --------
        >>> Embedding(3, 2, rng=0).n_tokens
        3
        """
        return len(self.weights)

    @property
    def width(self) -> int:
        """How long each vector is.

        Examples
        --------
        >>> Embedding(3, 2, rng=0).width
        2
        """
        return len(self.weights[0])

    def __call__(self, token: int | np.integer[Any] | Value) -> list[Value]:
        """Return the vector of one token, from 0 to ``n_tokens - 1``."""
        if is_ordered(token) and not isinstance(token, Value):
            raise TypeError(
                f"{self!r} takes one token, got {type(token).__name__}: for several write "
                "[embedding(token) for token in tokens]"
            )
        try:
            vector: list[Value] = ad.take(self.weights, token)  # type: ignore[arg-type]
        except IndexError:
            raise IndexError(
                f"{self!r} knows tokens from 0 to {self.n_tokens - 1}, got {token!r}"
            ) from None
        return list(vector)

    def _config(self) -> dict[str, Any]:
        return {"n_tokens": self.n_tokens, "width": self.width}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_tokens}, {self.width})"
