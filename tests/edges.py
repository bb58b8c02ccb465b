"""Edges of the domain: where every row is looked at, and what PyTorch gives there.

``python -m tests.edges`` asks PyTorch and writes ``tests/engine/edges.npz``, which tests read
everywhere, PyTorch installed or not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd_mini as ad

STORED = Path(__file__).parent / "engine" / "edges.npz"
EDGES = (
    *(-math.inf, -1e308, -1.0, -1e-320, -0.0),
    *(0.0, 1e-320, 1.0, 20.0, 710.0, 1e308, math.inf, math.nan),
)
ROWS = tuple(ad.PRIMITIVES)

_OTHER_GRIDS: dict[str, Sequence[Sequence[float]]] = {
    "leaky_relu": [EDGES, (0.01, 0.0, -1.0, 2.0)],
    "elu": [EDGES, (1.0, 0.0, 0.5, -2.0)],
    "clip": [EDGES, EDGES, (-math.inf, -1.0, 0.0, 1.0, 1e308, math.inf, math.nan)],
    "where": [(0.0, -0.0, 1.0, math.nan), EDGES, EDGES],
    "dot": [EDGES, EDGES, (0.5,)],  # one product and a bias
}

Results = npt.NDArray[np.float64]


def points(row: str) -> list[tuple[float, ...]]:
    """Flat operands: every edge, for several operands every tuple; vectors have two elements."""
    count = 2 if ad.PRIMITIVES[row].has_vectors else len(ad.PRIMITIVES[row].operands)
    return list(itertools.product(*_OTHER_GRIDS.get(row, [EDGES] * count)))


def from_pytorch(row: str) -> Results:
    """Value and derivatives at every point of a row; NaN where PyTorch has no derivative."""
    from tests.torch_rows import TORCH, WITHOUT_DERIVATIVE, tensor

    results = []
    for point in points(row):
        operands = [tensor(x, requires_grad=True) for x in point]
        output = TORCH[row](*ad.PRIMITIVES[row].split(operands))
        if output.requires_grad:
            output.backward()
        derivatives = [0.0 if x.grad is None else x.grad.item() for x in operands]
        for position in WITHOUT_DERIVATIVE.get(row, ()):
            derivatives[position] = math.nan
        results.append([output.item(), *derivatives])
    return np.array(results)


def stored() -> dict[str, Results]:
    with np.load(STORED, allow_pickle=False) as archive:
        return dict(archive)


if __name__ == "__main__":
    results: dict[str, Any] = {row: from_pytorch(row) for row in ROWS}
    np.savez_compressed(STORED, **results)
    print(f"{STORED}: {STORED.stat().st_size:,} bytes, {len(ROWS)} rows")
