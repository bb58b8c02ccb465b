"""Linear: a matrix of weights times the inputs, as other modules are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value, in_scope

from .._checks import Scalars, one_row, positive_int, true_or_false
from .._nested import data_of
from ..models.module import Module
from ..models.module_scopes import ModuleScope
from .initialisers import Initialiser, initial_weights

__all__ = ["Linear"]


def matrix(init: object, n_in: int, n_out: int, rng: object) -> list[list[Value]]:
    """Return a matrix of new parameters, as `n_out` rows of `n_in`."""
    rows = initial_weights(init, n_in, n_out, rng)
    return [[Value(weight) for weight in row] for row in rows]


class Linear(Module):
    """Weighted sums of the inputs, without an activation: W x + b, or W x.

    As a `Layer` with the activation "identity"; here the weights are the rows of a matrix, and the
    biases may be left out.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Number of inputs and of outputs, each at least 1.
    bias : bool
        Whether there are biases, which start at 0.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    weights : list of list of Value
        One row per output.
    biases : list of Value or None
        One per output.

    Raises
    ------
    TypeError
        A size, `bias`, `init` or `rng` of the wrong type.
    ValueError
        A size below 1, an unknown initialiser, a negative seed.

    Examples
    --------
    >>> linear = Linear(3, 2, rng=0)
    >>> linear
    Linear(3, 2)
    >>> len(linear([1.0, 2.0, 3.0])), len(linear.parameters())
    (2, 8)
    >>> Linear(1, 1, bias=False, rng=0).named_parameters()[0][0]
    'weights.0.0'
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        bias: bool = True,
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        n_inputs = positive_int(n_inputs, "n_inputs")
        n_outputs = positive_int(n_outputs, "n_outputs")
        has_bias = true_or_false(bias, "bias")
        self.weights = matrix(init, n_inputs, n_outputs, rng)
        self.biases = [Value(0.0) for _ in range(n_outputs)] if has_bias else None
        self.label_parameters()

    @property
    def n_inputs(self) -> int:
        """Number of inputs.

        Examples
        --------
        >>> Linear(3, 2, rng=0).n_inputs
        3
        """
        return len(self.weights[0])

    @property
    def n_outputs(self) -> int:
        """Number of outputs.

        Examples
        --------
        >>> Linear(3, 2, rng=0).n_outputs
        2
        """
        return len(self.weights)

    def as_arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return copies of the weights and the biases.

        Returns
        -------
        weights, biases : numpy.ndarray
            Shapes (n_outputs, n_inputs) and (n_outputs,); None where there are no biases.

        Examples
        --------
        >>> Linear(1, 2, init="zeros").as_arrays()
        (array([[0.],
               [0.]]), array([0., 0.]))
        """
        return data_of(self.weights), None if self.biases is None else data_of(self.biases)

    def __call__(self, inputs: Scalars) -> list[Value]:
        """Return the weighted sums of one example, one per output."""
        return self._sums(one_row(inputs, self.n_inputs, self))

    @in_scope(ModuleScope)
    def _of_rows(self, rows: list[list[Value]]) -> list[list[Value]]:
        """Return the same of each row, without a look at it, for modules made of this one."""
        return [self._sums(x) for x in rows]

    def _sums(self, x: list[Value]) -> list[Value]:
        if self.biases is None:
            return [ad.dot(row, x) for row in self.weights]
        return [ad.dot(row, x, b) for row, b in zip(self.weights, self.biases, strict=True)]

    def _config(self) -> dict[str, Any]:
        has_bias = self.biases is not None
        return {"n_inputs": self.n_inputs, "n_outputs": self.n_outputs, "bias": has_bias}

    def __repr__(self) -> str:
        bias = "" if self.biases is not None else ", bias=False"
        return f"{type(self).__name__}({self.n_inputs}, {self.n_outputs}{bias})"
