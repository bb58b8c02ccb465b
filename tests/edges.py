"""Edges of the domain: where every row is looked at, and what PyTorch gives there.

``python -m tests.edges`` asks PyTorch and writes ``tests/core/edges.npz``, which tests read
everywhere, PyTorch installed or not.  The file names the versions that were asked: of the oldest it
has every row, of the others what has changed since the one before.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd_mini as ad

STORED = Path(__file__).parent / "core" / "edges.npz"
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


def stored(version: str | None = None) -> dict[str, Results]:
    """What a version of PyTorch gives, by row; without one the oldest that was asked."""
    archive = _archive()
    asked = [str(name) for name in archive["versions"]]
    results = {}
    for name in asked:
        if name == asked[0] or (version is not None and _order(name) <= _order(version)):
            results.update(_rows_of(name, archive))
    return results


def versions() -> list[str]:
    """The versions of PyTorch that were asked, the oldest first."""
    return [str(name) for name in _archive()["versions"]]


def _archive() -> dict[str, Any]:
    with np.load(STORED, allow_pickle=False) as archive:
        return dict(archive)


def _rows_of(version: str, archive: dict[str, Any]) -> dict[str, Results]:
    prefix = f"{version} "
    return {key.removeprefix(prefix): archive[key] for key in archive if key.startswith(prefix)}


def _order(version: str) -> list[int]:
    """2.9.1 comes before 2.10.0+cpu."""
    return list(map(int, re.findall(r"\d+", version.partition("+")[0])))[:3]


def agree(results: Results, expected: Results) -> bool:
    """Whether two versions, or two builds of one, give the same up to rounding."""
    return np.allclose(results, expected, rtol=1e-13, atol=1e-322, equal_nan=True)


def store(version: str, results: dict[str, Results]) -> None:
    """Add what a version gives, or replace what is there of it."""
    archive = _archive() if STORED.exists() else {"versions": np.array([], dtype=str)}
    kept = {name: _rows_of(name, archive) for name in map(str, archive["versions"])}
    kept[version] = results
    asked = sorted(kept, key=_order)
    before: dict[str, Results] = {}
    for name in asked[: asked.index(version)]:
        before |= kept[name]
    kept[version] = {
        row: found
        for row, found in results.items()
        if row not in before or not agree(found, before[row])
    }
    arrays: dict[str, Any] = {
        f"{name} {row}": found for name in asked for row, found in kept[name].items()
    }
    np.savez_compressed(STORED, versions=np.array(asked), **arrays)


if __name__ == "__main__":
    import torch

    store(torch.__version__.partition("+")[0], {row: from_pytorch(row) for row in ROWS})
    print(f"{STORED}: {STORED.stat().st_size:,} bytes, {len(ROWS)} rows, {versions()}")
