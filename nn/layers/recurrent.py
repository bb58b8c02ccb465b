"""Cells of recurrent networks: from an input and a state to the next state."""

from __future__ import annotations

import numpy as np

import autograd_mini as ad
from autograd_mini import Value, in_scope, is_ordered, scope

from .._checks import Rows, Scalars, as_generator, one_row, positive_int, rows_of
from ..models.module import Module
from ..models.module_scopes import ModuleScope
from .activations import Activation, activation_text
from .initialisers import Initialiser, initialiser
from .neuron import Layer

__all__ = ["GRUCell", "RNNCell"]


class _Cell(Module):
    """What cells share: sizes, checks, and going through a sequence."""

    _n_inputs: int
    _n_hidden: int

    @property
    def n_inputs(self) -> int:
        """Number of inputs at each time."""
        return self._n_inputs

    @property
    def n_hidden(self) -> int:
        """Number of numbers in a state."""
        return self._n_hidden

    def __call__(self, inputs: Scalars, state: Scalars | None = None) -> list[Value]:
        """Return the next state of one example; it begins with zeros.

        Parameters
        ----------
        inputs : sequence of Value or float
            What comes in at this time, `n_inputs` numbers.
        state : sequence of Value or float, optional
            What this returned last time, `n_hidden` numbers.

        Returns
        -------
        list of Value
            The next state, `n_hidden` numbers.
        """
        x = one_row(inputs, self._n_inputs, self)
        return self._next(x, self._state(state))

    @in_scope(ModuleScope)
    def unroll(self, inputs: Rows, state: Scalars | None = None) -> list[list[Value]]:
        """Return the states of one example after each of its inputs.

        Parameters
        ----------
        inputs : sequence of sequences of Value or float
            Shape (T, n_inputs): what comes in, in order; at least one.
        state : sequence of Value or float, optional
            Where it begins; zeros by default.

        Returns
        -------
        list of list of Value
            T states; the last one tells of the whole sequence.
        """
        rows, h = rows_of(inputs, self._n_inputs, self), self._state(state)
        states = []
        for t, x in enumerate(rows, start=1):
            with scope(f"step {t}"):
                h = self._next(x, h)
            states.append(h)
        return states

    def _state(self, state: Scalars | None) -> list[Value]:
        if state is None:
            return [ad.as_value(0.0)] * self._n_hidden
        if isinstance(state, Value) or not (is_ordered(state) and hasattr(state, "__len__")):
            raise TypeError(f"the state of {self!r} is a sequence, got {type(state).__name__}")
        if len(state) != self._n_hidden:
            raise ValueError(f"the state of {self!r} is {self._n_hidden} numbers, got {len(state)}")
        try:
            return [ad.as_value(h) for h in state]
        except TypeError as error:
            raise TypeError(
                f"the state of {self!r} is {self._n_hidden} numbers or Values: {error}"
            ) from None

    def _next(self, x: list[Value], h: list[Value]) -> list[Value]:
        raise NotImplementedError

    def _config(self) -> dict[str, object]:
        return {"n_inputs": self._n_inputs, "n_hidden": self._n_hidden}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._n_inputs}, {self._n_hidden})"


class RNNCell(_Cell):
    """A layer that sees its own last output (Elman 1990): h' = activation(W [x, h] + b).

    Parameters
    ----------
    n_inputs, n_hidden : int
        Number of inputs at each time and of neurons, each at least 1.
    activation : str or callable
        A name in `ACTIVATIONS`, or a function from a Value to a Value.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    layer : Layer
        Its neurons; each has `n_inputs` weights for x, and then `n_hidden` for h.

    Raises
    ------
    TypeError
        A size, `activation`, `init` or `rng` of the wrong type.
    ValueError
        A size below 1, an unknown activation or initialiser, a negative seed.

    Examples
    --------
    >>> cell = RNNCell(2, 3, rng=0)
    >>> cell
    RNNCell(2, 3, activation='tanh')
    >>> h = cell([1.0, -1.0])
    >>> h = cell([0.5, 0.0], h)
    >>> len(h), len(cell.parameters())
    (3, 18)
    >>> states = cell.unroll([[1.0, -1.0], [0.5, 0.0]])
    >>> [a.data for a in states[-1]] == [a.data for a in h]
    True
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        *,
        activation: Activation = "tanh",
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self._n_inputs = n = positive_int(n_inputs, "n_inputs")
        self._n_hidden = m = positive_int(n_hidden, "n_hidden")
        self.layer = Layer(n + m, m, activation=activation, init=init, rng=rng)

    @property
    def activation(self) -> Activation:
        """Name of the activation function, or the function itself if it has none.

        Examples
        --------
        >>> RNNCell(2, 3, rng=0).activation
        'tanh'
        """
        return self.layer.activation

    def _next(self, x: list[Value], h: list[Value]) -> list[Value]:
        return self.layer([*x, *h])

    def _config(self) -> dict[str, object]:
        return {**super()._config(), "activation": self.activation}

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, activation={activation_text(self.activation)})"


class GRUCell(_Cell):
    """A gated recurrent unit (Cho et al. 2014), which learns what to keep of its state.

    In PyTorch's form, where the reset gate acts on the product and not on the state::

        r  = sigmoid(W_r [x, h] + b_r)                       reset
        z  = sigmoid(W_z [x, h] + b_z)                       update
        n  = tanh(W_n x + b_n + r * (U_n h + c_n))           candidate, recall
        h' = (1 - z) * n + z * h

    Parameters
    ----------
    n_inputs, n_hidden : int
        Number of inputs at each time and of numbers in the state, each at least 1.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    reset, update : Layer
        The gates, over x and then h.
    candidate, recall : Layer
        The new state's two parts, over x and over h.

    Raises
    ------
    TypeError
        A size, `init` or `rng` of the wrong type.
    ValueError
        A size below 1, an unknown initialiser, a negative seed.

    Examples
    --------
    >>> cell = GRUCell(2, 3, rng=0)
    >>> cell
    GRUCell(2, 3)
    >>> h = cell([1.0, -1.0])
    >>> len(cell([0.5, 0.0], h)), len(cell.parameters())
    (3, 57)
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        *,
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self._n_inputs = n = positive_int(n_inputs, "n_inputs")
        self._n_hidden = m = positive_int(n_hidden, "n_hidden")
        initialiser(init)
        generator = as_generator(rng)

        def layer(n: int, activation: str) -> Layer:
            return Layer(n, m, activation=activation, init=init, rng=generator)

        self.reset = layer(n + m, "sigmoid")
        self.update = layer(n + m, "sigmoid")
        self.candidate = layer(n, "identity")
        self.recall = layer(m, "identity")

    def _next(self, x: list[Value], h: list[Value]) -> list[Value]:
        both = [*x, *h]
        parts = zip(self.candidate(x), self.reset(both), self.recall(h), strict=True)
        new = [ad.tanh(a + r * b) for a, r, b in parts]
        return [(1 - z) * n + z * a for z, n, a in zip(self.update(both), new, h, strict=True)]
