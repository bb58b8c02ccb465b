"""The handwritten digits, as the demonstration and the benchmark of training take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Digits:
    """The digits, split once: inputs (N, 64) in [0, 1], and the classes 0 to 9."""

    train_x: NDArray[np.float64]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.int64]


def load_digits(rng: np.random.Generator) -> Digits:
    """Load the digits of scikit-learn (UCI, Alpaydin & Kaynak 1998), split 80/20 at random."""
    from sklearn import datasets

    x, y = datasets.load_digits(return_X_y=True)
    train, test = np.split(rng.permutation(len(y)), [len(y) * 4 // 5])
    x = x / 16.0  # pixels are counts from 0 to 16
    return Digits(x[train], y[train], x[test], y[test])
