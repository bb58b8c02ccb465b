"""Conv2D: one small matrix of weights goes over the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value

from .._checks import int_at_least, positive_int, true_or_false
from .._nested import is_nested
from ..models.module import Module
from .activations import Activation, activation_text, named_activation
from .channels import Channel, Image, Window, part_of
from .initialisers import Initialiser
from .linear import matrix

__all__ = ["Conv2D"]


class Conv2D(Module):
    """A convolution over images (LeCun et al. 1989): the same weights at every place.

    Images are nested lists or arrays of shape (channels, height, width). Output channel o at row i
    and column j is the activation of ::

        bias[o] + sum over c, a, b of weights[o][c][a][b] * image[c][i*stride + a][j*stride + b]

    which is a cross-correlation, as in PyTorch and Keras. There are
    ``(height + 2*padding - kernel_height) // stride + 1`` rows, and columns alike.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Number of channels of the image and of the output, each at least 1.
    kernel_size : int or (int, int)
        Height and width of the kernel; one number for both.
    stride : int or (int, int)
        How far the kernel moves, down and to the right.
    padding : int or (int, int)
        How many zeros are added above and below, and left and right.
    activation : str or callable
        A name in `ACTIVATIONS`, or a function from a Value to a Value.
    bias : bool
        Whether there is a bias per output channel; it starts at 0.
    init : str or callable
        How the weights start: a name in `INITIALISERS`, or such a function, as `nn.uniform(0.1)`;
        ``n_in`` is the number of weights of one output channel, ``n_out`` that of the channels:
        so the "glorot" ones start with larger weights than PyTorch's, which multiplies both by the
        size of the kernel.
    rng : numpy.random.Generator or int, optional
        The source of the initial weights, or a seed for a new one; None is fresh entropy.

    Attributes
    ----------
    weights : nested list of Value
        Shape (n_outputs, n_inputs, kernel_height, kernel_width).
    biases : list of Value or None
        One per output channel.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A number below 1 (below 0 for the padding), an unknown activation or initialiser.

    Examples
    --------
    >>> conv = Conv2D(1, 2, kernel_size=3, padding=1, activation="relu", rng=0)
    >>> conv
    Conv2D(1, 2, kernel_size=(3, 3), padding=(1, 1), activation='relu')
    >>> image = [[[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]]
    >>> channels = conv(image)
    >>> len(channels), len(channels[0]), len(channels[0][0]), len(conv.parameters())
    (2, 3, 3, 20)
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        activation: Activation = "identity",
        bias: bool = True,
        init: str | Initialiser = "glorot_uniform",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        n_inputs = positive_int(n_inputs, "n_inputs")
        n_outputs = positive_int(n_outputs, "n_outputs")
        self._kernel_size = _pair(kernel_size, "kernel_size")
        self._stride = _pair(stride, "stride")
        if isinstance(padding, str):
            raise TypeError(
                f"padding must be an int or a pair, got {padding!r}: 0 adds nothing ('valid'), "
                "kernel_size // 2 keeps the size of the image ('same', of an odd kernel)"
            )
        self._padding = _pair(padding, "padding", least=0)
        if any(p >= k for p, k in zip(self._padding, self._kernel_size, strict=True)):
            raise ValueError(
                f"padding must be smaller than the kernel, got {self._padding} and "
                f"{self._kernel_size}"
            )
        self._activation, self._function = named_activation(activation)
        has_bias = true_or_false(bias, "bias")
        height, width = self._kernel_size
        rows = matrix(init, n_inputs * height * width, n_outputs, rng)
        shape = n_outputs, n_inputs, height, width
        self.weights: list[Image] = np.array(rows, dtype=object).reshape(shape).tolist()
        self.biases = [Value(0.0) for _ in rows] if has_bias else None
        self.label_parameters()

    def __call__(self, image: Sequence[Any] | NDArray[Any]) -> Image:
        """Return the output channels of one image."""
        channels = self._checked(image)
        sizes = len(channels[0]), len(channels[0][0])
        down, right = (self._windows(axis, size) for axis, size in enumerate(sizes))
        patches = [[part_of(channels, i.of_image, j.of_image) for j in right] for i in down]
        return [channel.outputs(down, right, patches) for channel in self._channels()]

    def _channels(self) -> list[Channel]:
        return [
            Channel(o + 1, weights, self.biases[o] if self.biases else None, self._function)
            for o, weights in enumerate(self.weights)
        ]

    def _windows(self, axis: int, size: int) -> list[Window]:
        """Where the kernel stands along one axis of the image."""
        kernel, padding = self._kernel_size[axis], self._padding[axis]
        starts = range(-padding, size + padding - kernel + 1, self._stride[axis])
        if not starts:
            raise ValueError(
                f"{self!r} takes images at least as large as its kernel, got {size} "
                f"{('rows', 'columns')[axis]} and a padding of {padding}"
            )
        return [Window.at(start, kernel, size) for start in starts]

    @property
    def n_inputs(self) -> int:
        """Number of channels of the image.

        Examples
        --------
        >>> Conv2D(1, 2, 3, rng=0).n_inputs
        1
        """
        return len(self.weights[0])

    @property
    def n_outputs(self) -> int:
        """Number of channels of the output.

        Examples
        --------
        >>> Conv2D(1, 2, 3, rng=0).n_outputs
        2
        """
        return len(self.weights)

    @property
    def kernel_size(self) -> tuple[int, int]:
        """Height and width of the kernel.

        Examples
        --------
        >>> Conv2D(1, 2, 3, rng=0).kernel_size
        (3, 3)
        """
        return self._kernel_size

    @property
    def stride(self) -> tuple[int, int]:
        """How far the kernel moves, down and to the right.

        Examples
        --------
        >>> Conv2D(1, 2, 3, rng=0).stride
        (1, 1)
        """
        return self._stride

    @property
    def padding(self) -> tuple[int, int]:
        """How many zeros are added above and below, and left and right.

        Examples
        --------
        >>> Conv2D(1, 2, 3, padding=1, rng=0).padding
        (1, 1)
        """
        return self._padding

    @property
    def activation(self) -> Activation:
        """Name of the activation function, or the function itself if it has none.

        Examples
        --------
        >>> Conv2D(1, 2, 3, rng=0).activation
        'identity'
        """
        return self._activation

    def _checked(self, image: Any) -> Image:
        """The image as Values, if it has the right channels and is a rectangle."""
        if len(_shape(image)) != 3:
            raise TypeError(f"{self._takes()}; got {_shape_text(image)}")
        if len(image) != self.n_inputs:
            raise ValueError(f"{self._takes()}; got {_shape_text(image)}")
        if not all(is_nested(channel) and all(map(is_nested, channel)) for channel in image):
            raise TypeError(f"{self._takes()}; got numbers among the rows or channels")
        channels = [[[ad.as_value(x) for x in row] for row in channel] for channel in image]
        shapes = {(len(channel), len(row)) for channel in channels for row in channel}
        if len(shapes) > 1:
            raise ValueError(f"{self._takes()}; got rows or columns of different lengths")
        return channels

    def _takes(self) -> str:
        channels = f"{self.n_inputs} channel{'s' if self.n_inputs > 1 else ''}"
        return (
            f"{self!r} takes one image, not a batch: nested lists or an array of shape "
            f"(channels, height, width), with {channels}"
        )

    def _config(self) -> dict[str, object]:
        return {
            "n_inputs": self.n_inputs,
            "n_outputs": self.n_outputs,
            "kernel_size": list(self._kernel_size),
            "stride": list(self._stride),
            "padding": list(self._padding),
            "activation": self._activation,
            "bias": self.biases is not None,
        }

    def __repr__(self) -> str:
        parts = [f"{self.n_inputs}, {self.n_outputs}, kernel_size={self._kernel_size}"]
        if self._stride != (1, 1):
            parts.append(f"stride={self._stride}")
        if self._padding != (0, 0):
            parts.append(f"padding={self._padding}")
        if self._activation != "identity":
            parts.append(f"activation={activation_text(self._activation)}")
        if self.biases is None:
            parts.append("bias=False")
        return f"{type(self).__name__}({', '.join(parts)})"


def _pair(given: object, name: str, least: int = 1) -> tuple[int, int]:
    """One number for both directions, or two."""
    pair = tuple(given) if isinstance(given, (tuple, list)) else (given, given)
    if len(pair) != 2:
        raise ValueError(f"{name} must be an int or a pair (down, right), got {given!r}")
    down, right = (int_at_least(least, number, name) for number in pair)
    return down, right


def _shape(nested: Any) -> tuple[int, ...]:
    """The lengths of nested lists, along their first entries."""
    shape = []
    while is_nested(nested):
        shape.append(len(nested))
        if len(nested) == 0:
            break
        nested = nested[0]
    return tuple(shape)


def _shape_text(image: Any) -> str:
    shape = _shape(image)
    return f"shape {shape}" if shape else type(image).__name__
