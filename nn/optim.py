"""Optimizers: how the parameters follow their gradients."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd_mini import Value

from .parameters import assign_data, parameter_list

__all__ = ["SGD", "Adam"]

Vector: TypeAlias = NDArray[np.float64]

_REMEDY = (
    "no parameter was changed; lower the learning rate, or look in the loss for a log, a division "
    "or an exp out of bounds"
)


class _Optimizer(ABC):
    """What all optimizers share: they differ in the formula of one step and in what it remembers.

    `step` moves the parameters themselves; `update` moves a vector, such as a compiled program
    trains, and leaves the parameters alone. Both change everything or, where the step is refused
    or interrupted, nothing.
    """

    def __init__(self, parameters: Iterable[Value], learning_rate: float) -> None:
        if not isinstance(parameters, Iterable):
            raise TypeError(
                "parameters must be a list of Values, such as model.parameters(), "
                f"got {type(parameters).__name__}"
            )
        self.parameters = parameter_list(parameters)
        if not self.parameters:
            raise ValueError("no parameters to train: the list is empty")
        self._learning_rate = _checked_rate(learning_rate)
        self._memory: Any = None

    @abstractmethod
    def _moved(self, theta: Vector, gradient: Vector) -> tuple[Vector, Any]:
        """Return the parameters after one step, and what the next step must remember."""

    @property
    def learning_rate(self) -> float:
        """The learning rate; set it to change it from the next step on.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> optimizer = SGD([Value(1.0)], learning_rate=0.1)
        >>> optimizer.learning_rate = 0.01
        >>> optimizer.learning_rate
        0.01
        """
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float) -> None:
        self._learning_rate = _checked_rate(learning_rate)

    def step(self) -> None:
        """Move every parameter along its `grad`, or none when one cannot move.

        Raises
        ------
        ValueError
            A gradient is not finite, or the move would make a parameter so. No parameter has
            changed then.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> w = Value(1.0, label="w")
        >>> w.grad = float("nan")
        >>> SGD([w], learning_rate=0.1).step()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: the gradient of 'w' is nan: no parameter was changed; ...
        """
        theta = np.array([parameter.data for parameter in self.parameters])
        gradient = np.array([parameter.grad for parameter in self.parameters])
        moved, memory = self._checked_move(theta, gradient)
        before = self._memory
        try:
            self._memory = memory
            assign_data(self.parameters, moved.tolist())
        except BaseException:
            self._memory = before
            raise

    def update(self, theta: ArrayLike, gradient: ArrayLike) -> Vector:
        """Return a vector of parameters moved by one step, for training a compiled program.

        The parameters themselves stay as they are: write the vector back once, when it is
        trained, by `vector_to_parameters`.

        Parameters
        ----------
        theta, gradient : array_like of shape (P,)
            One number per parameter, in their order, as ``program.value_and_grad`` takes and
            returns them.

        Returns
        -------
        numpy.ndarray of shape (P,)
            A new vector.

        Raises
        ------
        TypeError
            A vector of something other than real numbers.
        ValueError
            A vector of another shape, a gradient that is not finite, or a move out of range.
            The optimizer remembers nothing of such a step.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> SGD([Value(0.0), Value(0.0)], learning_rate=0.1).update([1.0, 2.0], [3.0, -1.0])
        array([0.7, 2.1])
        """
        vectors = [self._vector(theta, "theta"), self._vector(gradient, "gradient")]
        moved, self._memory = self._checked_move(*vectors)
        return moved

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, since `backward` adds to what is there.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> w = Value(1.0)
        >>> w.grad = 2.0
        >>> SGD([w], learning_rate=0.1).zero_grad()
        >>> w.grad
        0.0
        """
        for parameter in self.parameters:
            parameter.grad = 0.0

    def _vector(self, numbers: ArrayLike, name: str) -> Vector:
        vector = np.asarray(numbers)
        if vector.dtype.kind not in "iuf":
            raise TypeError(f"{name} must hold real numbers, got an array of {vector.dtype}")
        if vector.shape != (len(self.parameters),):
            raise ValueError(
                f"{name} must have shape ({len(self.parameters)},), one number per parameter, "
                f"got {vector.shape}"
            )
        return vector.astype(np.float64, copy=False)

    def _checked_move(self, theta: Vector, gradient: Vector) -> tuple[Vector, Any]:
        with np.errstate(all="ignore"):
            moved, memory = self._moved(theta, gradient)
        stuck = np.flatnonzero(~np.isfinite(moved))
        if len(stuck):
            index = int(stuck[0])
            found = f"the step takes {self._name(index)} from {theta[index]} to {moved[index]}"
            if not math.isfinite(gradient[index]):
                found = f"the gradient of {self._name(index)} is {gradient[index]}"
            raise ValueError(f"{found}: {_REMEDY}")
        return moved, memory

    def _name(self, index: int) -> str:
        label = self.parameters[index].label
        return repr(label) if label else f"parameters[{index}]"

    def __repr__(self) -> str:
        n_parameters = len(self.parameters)
        return (
            f"{type(self).__name__}({n_parameters} parameters, "
            f"learning_rate={self._learning_rate!r})"
        )


class SGD(_Optimizer):
    """Stochastic gradient descent: each parameter moves by -learning_rate * gradient.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        The step's length per unit of gradient, finite and at least 0.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError
        A module instead of its parameters, something other than leaf Values, a learning rate that
        is no real number.
    ValueError
        No parameters, the same one twice, a learning rate below 0 or not finite.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], learning_rate=0.1)
    >>> (w * 3.0).backward()
    >>> optimizer.step()
    >>> w.data
    0.7
    """

    def _moved(self, theta: Vector, gradient: Vector) -> tuple[Vector, None]:
        return theta - self._learning_rate * gradient, None


class Adam(_Optimizer):
    """Adam (Kingma & Ba 2015): steps scaled by running moments of each parameter's gradient.

    With running means m of the gradient and v of its square, freed of their bias toward their
    start at 0, a parameter moves by -learning_rate * m / (sqrt(v) + epsilon): about as far as
    the learning rate says, however large its gradients are.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        About the length of a step, finite and at least 0.
    beta1, beta2 : float
        How much of m and of v each step keeps, at least 0 and below 1.
    epsilon : float
        Added to the root, finite and above 0.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError
        A module instead of its parameters, something other than leaf Values, a number that is not
        real.
    ValueError
        No parameters, the same one twice, a number out of range.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(1.0)
    >>> optimizer = Adam([w], learning_rate=0.1)
    >>> (w * 3.0).backward()
    >>> optimizer.step()
    >>> round(w.data, 6)
    0.9
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self._beta1 = _checked_beta(beta1, "beta1")
        self._beta2 = _checked_beta(beta2, "beta2")
        self._epsilon = _real(epsilon, "epsilon")
        if not (math.isfinite(self._epsilon) and self._epsilon > 0):
            raise ValueError(f"epsilon must be finite and above 0, got {self._epsilon}")
        zeros = np.zeros(len(self.parameters))
        self._memory = (0, zeros, zeros)

    def _moved(self, theta: Vector, gradient: Vector) -> tuple[Vector, tuple[int, Vector, Vector]]:
        step, m, v = self._memory
        step += 1
        m = self._beta1 * m + (1 - self._beta1) * gradient
        v = self._beta2 * v + (1 - self._beta2) * gradient**2
        # Above 1e154 the square is infinite, and would hold the parameter still for ever.
        too_large = np.flatnonzero(np.isinf(v) & np.isfinite(gradient))
        if len(too_large):
            index = int(too_large[0])
            found = f"the gradient of {self._name(index)} is {gradient[index]}, too large to square"
            raise ValueError(f"{found}: {_REMEDY}")
        unbiased_m = m / (1 - self._beta1**step)
        unbiased_v = v / (1 - self._beta2**step)
        move = self._learning_rate * unbiased_m / (np.sqrt(unbiased_v) + self._epsilon)
        return theta - move, (step, m, v)


def _real(number: object, name: str) -> float:
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a real number, got {number!r}")
    return float(number)


def _checked_rate(learning_rate: object) -> float:
    rate = _real(learning_rate, "learning_rate")
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(f"learning_rate must be finite and at least 0, got {rate}")
    return rate


def _checked_beta(beta: object, name: str) -> float:
    number = _real(beta, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {number}")
    return number
