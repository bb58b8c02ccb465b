"""Optimizers: how the parameters follow their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

import numpy as np

from autograd_mini import Value

from .parameters import assign_data, parameter_list

__all__ = ["SGD"]


class SGD:
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
        """Move every parameter against its gradient, or none when one cannot move.

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
        rate = self._learning_rate
        moved = [parameter.data - rate * parameter.grad for parameter in self.parameters]
        if not all(map(math.isfinite, moved)):
            self._refuse(moved)
        assign_data(self.parameters, moved)

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

    def _refuse(self, moved: list[float]) -> None:
        """Name the first parameter that has no finite step, and what usually helps."""
        index = next(i for i, number in enumerate(moved) if not math.isfinite(number))
        parameter = self.parameters[index]
        name = repr(parameter.label) if parameter.label else f"parameters[{index}]"
        if math.isfinite(parameter.grad):
            found = f"the step takes {name} from {parameter.data} to {moved[index]}"
        else:
            found = f"the gradient of {name} is {parameter.grad}"
        raise ValueError(
            f"{found}: no parameter was changed; lower the learning rate, or look in the loss "
            "for a log, a division or an exp out of bounds"
        )

    def __repr__(self) -> str:
        n_parameters = len(self.parameters)
        return f"SGD({n_parameters} parameters, learning_rate={self._learning_rate!r})"


def _checked_rate(learning_rate: object) -> float:
    if isinstance(learning_rate, (bool, np.bool_)) or not isinstance(learning_rate, Real):
        raise TypeError(f"learning_rate must be a real number, got {learning_rate!r}")
    rate = float(learning_rate)
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(f"learning_rate must be finite and at least 0, got {rate}")
    return rate
