"""What a trained network thinks of the test digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import nn

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Opinions:
    """Test digits (N, 64), what they are (N,), and the network's probabilities (N, 10)."""

    pixels: Matrix
    digits: NDArray[np.int64]
    probabilities: Matrix

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """What each digit is read as."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def misread(self) -> NDArray[np.int64]:
        """Which digits are read wrongly, those first of which the network is surest."""
        [wrong] = np.nonzero(self.predicted != self.digits)
        return wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")]

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How often each digit was read as each."""
        return nn.confusion_matrix(
            targets=self.digits, predicted=self.predicted, n_classes=self.probabilities.shape[1]
        )

    @property
    def accuracy(self) -> str:
        """The share that is read correctly, in words.

        Examples
        --------
        >>> Opinions(np.zeros((2, 64)), np.array([0, 1]), np.eye(2)).accuracy
        '100.00% (2 of 2)'
        """
        n = len(self.digits)
        share = nn.accuracy(self.predicted, self.digits)
        return f"{share:.2%} ({n - len(self.misread)} of {n})"
