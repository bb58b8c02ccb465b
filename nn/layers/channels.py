"""What one output channel of a convolution computes, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import autograd_mini as ad
from autograd_mini import Scope, Value, in_scope

from .._nested import flatten

__all__ = ["Channel", "Image", "Window", "part_of"]

Image = list[list[list[Value]]]
"""Channels of rows of Values."""


class Window(NamedTuple):
    """What of the image the kernel sees at one place, and with what part of itself."""

    of_image: slice
    of_kernel: slice

    @classmethod
    def at(cls, start: int, kernel: int, size: int) -> Window:
        """The window that begins at `start`; zeros outside of the image are left out."""
        first, last = max(0, -start), min(kernel, size - start)
        return cls(slice(start + first, start + last), slice(first, last))


def part_of(image: Image, rows: slice, columns: slice) -> list[Value]:
    """What a window shows of all channels, in one list."""
    return [x for channel in image for row in channel[rows] for x in row[columns]]


class _ChannelScope(Scope):
    """What one output channel computes, with its part of the kernel."""

    __slots__ = ()

    subject: Channel

    @property
    def name(self) -> str:
        """Its number, from 1."""
        return f"channel {self.subject.number}"

    @property
    def parameters(self) -> tuple[Value, ...]:
        """Its weights and its bias."""
        bias = self.subject.bias
        return (*flatten(self.subject.weights), *([] if bias is None else [bias]))


@dataclass(frozen=True, eq=False)
class Channel:
    """An output channel of a convolution: its number, from 1, and what it computes with."""

    number: int
    weights: Image
    bias: Value | None
    function: Callable[[Value], Value]

    @in_scope(_ChannelScope)
    def outputs(
        self, down: list[Window], right: list[Window], patches: list[list[list[Value]]]
    ) -> list[list[Value]]:
        """Its rows, from what the kernel sees at each place."""
        return [
            [
                self._output(part_of(self.weights, i.of_kernel, j.of_kernel), patch)
                for j, patch in zip(right, row, strict=True)
            ]
            for i, row in zip(down, patches, strict=True)
        ]

    def _output(self, weights: list[Value], patch: list[Value]) -> Value:
        return self.function(ad.dot(weights, patch, self.bias))
