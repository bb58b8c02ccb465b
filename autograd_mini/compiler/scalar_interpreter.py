"""The reference interpreter of scalar programs: node by node, over floats.

It says what a canonical graph means, so that the canonical form can be checked without the stages
that come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..table.primitives import PRIMITIVES
from .ir.scalars import Elementwise, Largest, Leaf, Literal, ScalarProgram, Sum, Take, Vector
from .ir.spaces import THETA, Space, input_space


def interpret(
    program: ScalarProgram, theta: Sequence[float], inputs: Sequence[Sequence[float]] = ()
) -> list[float]:
    """The outputs of a scalar program, and its aux.

    Parameters
    ----------
    program : ScalarProgram
        The canonical graph.
    theta : sequence of float
        The parameters.
    inputs : sequence of sequence of float
        The arguments of one example, each flattened.

    Returns
    -------
    list of float
        One number for each output, then one for each entry of aux.

    Examples
    --------
    >>> total = Sum(((2.0, 0, 1),), ((1.0, 0),), -1.0)
    >>> nodes = Leaf(THETA, 0), Leaf(input_space(0), 1), total
    >>> interpret(ScalarProgram(nodes, (2,)), [3.0], [[0.0, 5.0]])
    [32.0]
    """
    given = {input_space(k): numbers for k, numbers in enumerate(inputs)}
    spaces: dict[Space, Sequence[float]] = {THETA: theta} | given
    leaves: _Meaning = {Leaf: lambda leaf, _: spaces[leaf.space][leaf.position]}
    meaning = _MEANING | leaves
    values: list[float] = []
    for node in program.nodes:
        values.append(float(meaning[type(node)](node, values)))
    return [values[output] for output in (*program.outputs, *program.aux)]


def _sum(node: Sum, values: Sequence[float]) -> float:
    products = [c * values[a] * values[b] for c, a, b in node.products]
    return sum(products) + sum([c * values[a] for c, a in node.linear]) + node.constant


def _row(node: Elementwise | Vector, values: Sequence[float]) -> float:
    return PRIMITIVES[node.op].evaluate([values[a] for a in node.arguments])


def _largest(node: Largest, values: Sequence[float]) -> float:
    return float(np.max([values[a] for a in node.arguments]))


def _take(node: Take, values: Sequence[float]) -> float:
    return values[node.arguments[int(values[node.index])]]


_Meaning = dict[type[Any], Callable[[Any, Sequence[float]], float]]
_MEANING: _Meaning = {
    Literal: lambda literal, _: literal.value,
    Sum: _sum,
    Elementwise: _row,
    Vector: _row,
    Largest: _largest,
    Take: _take,
}
