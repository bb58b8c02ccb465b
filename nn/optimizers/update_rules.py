"""The optimizers: each a rule of one step, written once, over vectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import Value

from .._checks import above_zero, share, true_or_false
from .hyperparameters import ClippingOptions, Hyperparameter, SharedOptions
from .optimizer import Optimizer, with_shared_options
from .step_vectors import Memory, Vector

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "RMSProp"]


class SGD(Optimizer):
    """Stochastic gradient descent: each parameter moves by -learning_rate * gradient.

    With momentum (Polyak 1964) it moves by -learning_rate * v, where the velocity v is the
    gradient plus `momentum` times the velocity before. With Nesterov's (Sutskever et al. 2013) by
    -learning_rate * (gradient + momentum * v): as if v had been followed before the gradient was
    taken.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        The step's length per unit of gradient, finite and at least 0.
    momentum : float
        How much of the velocity each step keeps, at least 0 and below 1.
    nesterov : bool
        Whether the momentum is Nesterov's; it needs one above 0.
    weight_decay, clip_value, clip_norm : float
        As in `Optimizer`.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError
        A model instead of its parameters, something other than leaf Values, a number that is not
        real, an unknown keyword.
    ValueError
        No parameters, the same one twice, a number out of range, Nesterov's momentum of 0.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], learning_rate=0.1)
    >>> (w * 3.0).backward()
    >>> optimizer.step()
    >>> w.data
    0.7
    >>> optimizer.learning_rate = 0.01
    >>> optimizer
    SGD(1 parameters, learning_rate=0.01)
    """

    momentum = Hyperparameter(share)
    nesterov = Hyperparameter(true_or_false)

    @with_shared_options
    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(parameters, learning_rate, **shared)
        self.momentum = momentum
        self.nesterov = nesterov

    def check_together(self, numbers: Mapping[str, Any]) -> None:
        """Refuse Nesterov's momentum of 0."""
        if numbers.get("nesterov") and not numbers.get("momentum"):
            raise ValueError("nesterov=True needs a momentum above 0, such as momentum=0.9")

    def initial_memory(self) -> Memory:
        """Return a velocity of 0."""
        return {"velocity": np.zeros(len(self._parameters))}

    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Follow the gradient, or the velocity; without momentum there is none to remember."""
        momentum = self.momentum
        if not momentum:
            return theta - self.learning_rate * gradient, memory
        velocity = momentum * memory["velocity"] + gradient
        direction = gradient + momentum * velocity if self.nesterov else velocity
        return theta - self.learning_rate * direction, {"velocity": velocity}


class AdaGrad(Optimizer):
    """AdaGrad (Duchi et al. 2011): steps scaled by all gradients so far of each parameter.

    With s the sum of the squared gradients, a parameter moves by
    -learning_rate * gradient / (sqrt(s) + epsilon): ever shorter, and shorter for parameters with
    large gradients.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        The length of the first step, finite and at least 0.
    epsilon : float
        Added to the root, finite and above 0.
    weight_decay, clip_value, clip_norm : float
        As in `Optimizer`.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError, ValueError
        As `SGD`.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> optimizer = AdaGrad([Value(0.0)], learning_rate=0.1)
    >>> theta = np.array([1.0])
    >>> for _ in range(3):
    ...     theta = optimizer.update(theta, [5.0])
    ...     print(round(theta[0], 4))
    0.9
    0.8293
    0.7716
    """

    epsilon = Hyperparameter(above_zero)

    @with_shared_options
    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 0.01,
        *,
        epsilon: float = 1e-10,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(parameters, learning_rate, **shared)
        self.epsilon = epsilon

    def initial_memory(self) -> Memory:
        """Return a sum of no squares."""
        return {"sum_of_squares": np.zeros(len(self._parameters))}

    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Divide the gradient by the root of the sum of its squares."""
        squares = memory["sum_of_squares"] + gradient * gradient
        move = self.learning_rate * gradient / (np.sqrt(squares) + self.epsilon)
        return theta - move, {"sum_of_squares": squares}


class RMSProp(Optimizer):
    """RMSProp (Tieleman & Hinton 2012): steps scaled by the recent gradients of each parameter.

    With v a running mean of the squared gradient, a parameter moves by
    -learning_rate * gradient / (sqrt(v) + epsilon). As in PyTorch, v starts at 0 and is not freed
    of its bias, so that the first steps are the longest.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        About the length of a step, finite and at least 0.
    beta : float
        How much of v each step keeps, at least 0 and below 1.
    epsilon : float
        Added to the root, finite and above 0.
    weight_decay, clip_value, clip_norm : float
        As in `Optimizer`.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError, ValueError
        As `SGD`.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> optimizer = RMSProp([Value(0.0)], learning_rate=0.1, beta=0.75)
    >>> optimizer.update([1.0], [5.0]).round(4)
    array([0.8])
    """

    beta = Hyperparameter(share)
    epsilon = Hyperparameter(above_zero)

    @with_shared_options
    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 0.01,
        *,
        beta: float = 0.99,
        epsilon: float = 1e-8,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(parameters, learning_rate, **shared)
        self.beta = beta
        self.epsilon = epsilon

    def initial_memory(self) -> Memory:
        """Return a running mean of 0."""
        return {"mean_square": np.zeros(len(self._parameters))}

    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Divide the gradient by the root of the running mean of its square."""
        mean_square = _running_mean(memory["mean_square"], gradient * gradient, self.beta)
        move = self.learning_rate * gradient / (np.sqrt(mean_square) + self.epsilon)
        return theta - move, {"mean_square": mean_square}


class Adam(Optimizer):
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
    weight_decay, clip_value, clip_norm : float
        As in `Optimizer`.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError, ValueError
        As `SGD`.

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

    beta1 = Hyperparameter(share)
    beta2 = Hyperparameter(share)
    epsilon = Hyperparameter(above_zero)

    @with_shared_options
    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(parameters, learning_rate, **shared)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def initial_memory(self) -> Memory:
        """Return no steps, and running means of 0."""
        zeros = np.zeros(len(self._parameters))
        return {"steps": 0, "mean": zeros, "mean_square": zeros}

    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Divide the running mean of the gradient by the root of that of its square."""
        steps = memory["steps"] + 1
        mean = _running_mean(memory["mean"], gradient, self.beta1)
        mean_square = _running_mean(memory["mean_square"], gradient * gradient, self.beta2)
        # The biases come out of the fraction, as the paper's section 2 ends: numbers, not vectors.
        scale = math.sqrt(1 - self.beta2**steps)
        rate = self.learning_rate * scale / (1 - self.beta1**steps)
        moved = theta - rate * (mean / (np.sqrt(mean_square) + self.epsilon * scale))
        return moved, {"steps": steps, "mean": mean, "mean_square": mean_square}


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Each step first multiplies the parameters by 1 - learning_rate * weight_decay, then follows
    Adam along the gradient of the loss alone. In `Adam` the decay is a part of the gradient, and
    so is divided by the root of its running square: weights with large gradients hardly decay.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        About the length of a step, finite and at least 0.
    beta1, beta2, epsilon : float
        As in `Adam`.
    weight_decay : float
        Finite and at least 0; 0.01 unless given.
    clip_value, clip_norm : float
        As in `Optimizer`.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.

    Raises
    ------
    TypeError, ValueError
        As `SGD`.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> optimizer = AdamW([Value(0.0)], learning_rate=0.1, weight_decay=0.5)
    >>> optimizer.update([2.0], [0.0])
    array([1.9])
    """

    @with_shared_options
    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        **shared: Unpack[ClippingOptions],
    ) -> None:
        super().__init__(
            parameters,
            learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            **shared,
        )

    def _decayed(self, theta: Vector, gradient: Vector) -> tuple[Vector, Vector]:
        return theta * (1 - self.learning_rate * self.weight_decay), gradient


def _running_mean(before: Vector, new: Vector, kept: float) -> Vector:
    mean = kept * before
    mean += (1 - kept) * new
    return mean
