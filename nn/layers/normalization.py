"""LayerNorm and RMSNorm: activations of one example brought to one size."""

from __future__ import annotations

from inspect import signature
from typing import Any

import autograd_mini as ad
from autograd_mini import Value

from .._checks import Scalars, above_zero, one_row, positive_int, true_or_false
from ..models.module import Module
from .initialisers import claim

__all__ = ["LayerNorm", "RMSNorm"]


class _Norm(Module):
    """What both have: a width, and an epsilon."""

    _width: int
    _epsilon: float

    @property
    def width(self) -> int:
        """Number of inputs and outputs.

        Examples
        --------
        >>> LayerNorm(4).width
        4
        """
        return self._width

    @property
    def epsilon(self) -> float:
        """What is added to the variance, or to the mean square.

        Examples
        --------
        >>> LayerNorm(4).epsilon
        1e-05
        """
        return self._epsilon

    def _config(self) -> dict[str, Any]:
        raise NotImplementedError

    def __repr__(self) -> str:
        """The constructor's call, with what differs from the defaults."""
        config = self._config()
        width = config.pop("width")
        usual = signature(type(self)).parameters
        given = [
            f"{name}={value!r}" for name, value in config.items() if value != usual[name].default
        ]
        return f"{type(self).__name__}({', '.join([str(width), *given])})"


class LayerNorm(_Norm):
    """Shift and scale one example's activations to mean 0 and variance 1 (Ba et al. 2016).

    Output i is gain_i * (x_i - mean) / sqrt(variance + epsilon) + bias_i, with the variance
    divided by the width. Gains start at 1, biases at 0.

    Parameters
    ----------
    width : int
        Number of inputs and outputs, at least 1.
    gain, bias : bool
        Whether there are learned gains and biases.
    epsilon : float
        Added to the variance, above 0.

    Attributes
    ----------
    gain, bias : list of Value or None
        One per output.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A width below 1, an `epsilon` that is not finite and above 0.

    Examples
    --------
    >>> norm = LayerNorm(4)
    >>> norm
    LayerNorm(4)
    >>> [round(y.data, 4) for y in norm([1.0, 2.0, 3.0, 4.0])]
    [-1.3416, -0.4472, 0.4472, 1.3416]
    """

    def __init__(
        self, width: int, *, gain: bool = True, bias: bool = True, epsilon: float = 1e-5
    ) -> None:
        self._width = width = positive_int(width, "width")
        self._epsilon = above_zero(epsilon, "epsilon")
        has_gain, has_bias = true_or_false(gain, "gain"), true_or_false(bias, "bias")
        self.gain = _filled(width, 1.0) if has_gain else None
        self.bias = _filled(width, 0.0) if has_bias else None
        self.label_parameters()

    def __call__(self, inputs: Scalars) -> list[Value]:
        """Return the normalised activations of one example."""
        x = one_row(inputs, self._width, self)
        mean = ad.mean(x)
        centred = [a - mean for a in x]
        scale = (ad.dot(centred, centred) / len(x) + self._epsilon) ** -0.5
        outputs = _times([a * scale for a in centred], self.gain)
        if self.bias is None:
            return outputs
        return [y + b for y, b in zip(outputs, self.bias, strict=True)]

    def _config(self) -> dict[str, Any]:
        flags = {"gain": self.gain is not None, "bias": self.bias is not None}
        return {"width": self._width, **flags, "epsilon": self._epsilon}


class RMSNorm(_Norm):
    """Scale one example's activations to mean square 1 (Zhang & Sennrich 2019).

    Output i is gain_i * x_i / sqrt(mean of x**2 + epsilon). Gains start at 1.

    Parameters
    ----------
    width : int
        Number of inputs and outputs, at least 1.
    gain : bool
        Whether there are learned gains.
    epsilon : float
        Added to the mean square, above 0.

    Attributes
    ----------
    gain : list of Value or None
        One per output.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A width below 1, an `epsilon` that is not finite and above 0.

    Examples
    --------
    >>> norm = RMSNorm(2, gain=False)
    >>> norm
    RMSNorm(2, gain=False)
    >>> [round(y.data, 4) for y in norm([1.0, -7.0])]
    [0.2, -1.4]
    """

    def __init__(self, width: int, *, gain: bool = True, epsilon: float = 1e-5) -> None:
        self._width = width = positive_int(width, "width")
        self._epsilon = above_zero(epsilon, "epsilon")
        self.gain = _filled(width, 1.0) if true_or_false(gain, "gain") else None
        self.label_parameters()

    def __call__(self, inputs: Scalars) -> list[Value]:
        """Return the scaled activations of one example."""
        x = one_row(inputs, self._width, self)
        scale = (ad.dot(x, x) / len(x) + self._epsilon) ** -0.5
        return _times([a * scale for a in x], self.gain)

    def _config(self) -> dict[str, Any]:
        return {"width": self._width, "gain": self.gain is not None, "epsilon": self._epsilon}


def _filled(width: int, number: float) -> list[Value]:
    claim(width)
    return [Value(number) for _ in range(width)]


def _times(values: list[Value], gain: list[Value] | None) -> list[Value]:
    return values if gain is None else [a * g for a, g in zip(values, gain, strict=True)]
