"""What is checked of every layer: its gradient, and that it compiles into arrays without copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd_mini as ad
from autograd_mini import Value
from tests.compiler.agreement import as_values, assert_agrees, flat

STEP = 1e-5


def check_layer(
    loss: Callable[..., Value], parameters: Sequence[Value], *batch: Any, gathers: int = 0
) -> ad.Program:
    """Compiled equals eager, eager equals differences; no more operands are copied than said."""
    program = assert_agrees(loss, parameters, *batch)
    assert program.stats.gathers <= gathers
    example = [as_values(np.asarray(argument)[0]) for argument in batch]
    inputs = [leaf for argument in example for leaf in flat(argument) if type(leaf) is Value]
    leaves = [*parameters, *inputs]
    for leaf in leaves:
        leaf.grad = 0.0
    loss(*example).backward()
    for leaf in leaves[:: max(1, len(leaves) // 20)]:
        expected = _difference(lambda: loss(*example).data, leaf)
        # the differences are rounded by some 1e-10, more where the loss is above 1
        np.testing.assert_allclose(leaf.grad, expected, rtol=1e-7, atol=1e-9)
    return program


def _difference(evaluate: Callable[[], float], leaf: Value) -> float:
    """Two-sided, of fourth order: the error is that of rounding, some 1e-10."""
    start, slopes = leaf.data, []
    for step in (STEP, 2 * STEP):
        ends = []
        for end in (start + step, start - step):
            leaf.data = end
            ends.append(evaluate())
        slopes.append((ends[0] - ends[1]) / (2 * step))
    leaf.data = start
    return (4 * slopes[0] - slopes[1]) / 3
