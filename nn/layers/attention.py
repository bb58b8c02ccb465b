"""Attention: each position takes from the others what fits it."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value, scope

from .._checks import Rows, as_generator, positive_int, rows_of, true_or_false
from ..models.module import Module
from .initialisers import Initialiser, initialiser
from .linear import Linear

__all__ = ["Attention"]


class Attention(Module):
    """Self-attention with several heads (Vaswani et al. 2017), without biases.

    Each position makes a query, a key and a value of its row. In each head, which sees its own part
    of these, a position takes the mean of the values, weighted by softmax(query . key /
    sqrt(width / heads)). The heads' results, side by side, go through the projection.

    Parameters
    ----------
    width : int
        Length of each row, a multiple of `heads`.
    heads : int
        Number of heads, at least 1.
    causal : bool
        Whether a position sees only itself and those before it.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    query, key, value, projection : Linear
        Each from `width` to `width`.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A number below 1, a width that is no multiple of the number of heads, an unknown
        initialiser, a negative seed.

    Examples
    --------
    >>> attention = Attention(4, 2, causal=True, rng=0)
    >>> attention
    Attention(4, 2, causal=True)
    >>> rows = [[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 3.0]]
    >>> len(attention(rows)), len(attention(rows)[0]), len(attention.parameters())
    (2, 4, 64)
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        *,
        causal: bool = False,
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        width = positive_int(width, "width")
        self._heads = heads = positive_int(heads, "heads")
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self._causal = true_or_false(causal, "causal")
        initialiser(init)
        generator = as_generator(rng)

        def linear() -> Linear:
            return Linear(width, width, bias=False, init=init, rng=generator)

        self.query, self.key, self.value, self.projection = linear(), linear(), linear(), linear()

    @property
    def width(self) -> int:
        """Length of each row.

        Examples
        --------
        >>> Attention(4, 2, rng=0).width
        4
        """
        return self.query.n_inputs

    @property
    def heads(self) -> int:
        """Number of heads.

        Examples
        --------
        >>> Attention(4, 2, rng=0).heads
        2
        """
        return self._heads

    @property
    def causal(self) -> bool:
        """Whether a position sees only itself and those before it.

        Examples
        --------
        >>> Attention(4, 2, rng=0).causal
        False
        """
        return self._causal

    def __call__(self, rows: Rows) -> list[list[Value]]:
        """Return for each position of one example a row as long as its own."""
        values = rows_of(rows, self.width, self)
        queries, keys, contents = (
            linear._of_rows(values) for linear in (self.query, self.key, self.value)
        )
        size = self.width // self._heads
        heads = []
        for h in range(self._heads):
            part = slice(h * size, (h + 1) * size)
            with scope(f"head {h + 1}"):
                heads.append(
                    self._head(*[[x[part] for x in rows] for rows in (queries, keys, contents)])
                )
        mixed = [[x for row in rows for x in row] for rows in zip(*heads, strict=True)]
        return self.projection._of_rows(mixed)

    def _head(
        self, queries: list[list[Value]], keys: list[list[Value]], contents: list[list[Value]]
    ) -> list[list[Value]]:
        """What each position takes, of the parts that one head sees."""
        taken = []
        for t, query in enumerate(queries, start=1):
            seen = t if self._causal else len(queries)
            with scope(f"position {t}"):
                scores = [ad.dot(query, key) * len(query) ** -0.5 for key in keys[:seen]]
                weights = ad.softmax(scores)
                columns = zip(*contents[:seen], strict=True)
                taken.append([ad.dot(weights, column) for column in columns])
        return taken

    def _config(self) -> dict[str, Any]:
        return {"width": self.width, "heads": self._heads, "causal": self._causal}

    def __repr__(self) -> str:
        causal = ", causal=True" if self._causal else ""
        return f"{type(self).__name__}({self.width}, {self._heads}{causal})"
