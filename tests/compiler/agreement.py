"""The scalar engine as the oracle of compiled programs, and how closely they can agree.

Both round every intermediate result, in another order.  To first order, rounding node ``v`` by
one unit moves the output by ``|v| * |d output / d v|``, and an entry of the gradient is a sum over
paths, whose terms may cancel.  Both sums of sizes come out of one reverse pass over the sizes of
the local derivatives; tolerances are 1e-12 relative plus a few rounding units of them.  Rows that
the compiler writes out (softmax and its kin, the variance) count with the terms that cancel there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core.graph import topological_order

EPSILON = 2.0**-52
UNITS = 64
Array = npt.NDArray[Any]


@dataclass
class Eager:
    """What the scalar engine gives for a batch, and the size of what is added up."""

    outputs: Array
    output_sizes: Array
    value: float
    value_size: float
    gradient: Array
    gradient_sizes: Array


def flat(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple)):
        return [value for item in result for value in flat(item)]
    return [result]


def as_values(argument: Any) -> Any:
    """An example as the function gets it: nested lists of Values; integers stay integers."""
    array = np.asarray(argument)
    if array.ndim:
        return [as_values(element) for element in array]
    return int(array) if array.dtype.kind in "iub" else Value(float(array))


def sizes(output: Value) -> dict[Value, float]:
    """For every node the sum, over paths from the output, of the size of the product."""
    found = {output: 1.0}
    for node in reversed(topological_order(output)):
        size = found.setdefault(node, 0.0)
        if size == 0:  # zero carries nothing, whatever stands here
            continue
        for parent, derivative in zip(node.parents, node.local_derivatives, strict=True):
            found[parent] = found.get(parent, 0.0) + (abs(derivative) + cancelled(node)) * size
    return found


def largest(node: Value) -> float:
    return max(abs(parent.data) for parent in node.parents)


def cancelled(node: Value) -> float:
    """What a local derivative of a row that is written out adds up before some of it cancels."""
    if node.op == "variance":
        return 4 * largest(node) / len(node.parents)
    return {"softmax": abs(node.data), "log_softmax": 1.0}.get(node.op, 0.0)


def rounding(node: Value) -> float:
    """The size of what one rounding unit of a node is a unit of."""
    if node.op in ("logsumexp", "softmax", "log_softmax"):
        return abs(node.data) + largest(node)  # logits meet their largest first
    return largest(node) * largest(node) if node.op == "variance" else abs(node.data)


def eager(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    *batch: Any,
    static: Sequence[int] = (),
    mean: bool = True,
) -> Eager:
    """Run `function` example by example in the scalar engine."""
    n = min(len(a) for k, a in enumerate(batch) if k not in static)
    outputs, output_sizes = [], []
    gradient, gradient_sizes = np.zeros(len(parameters)), np.zeros(len(parameters))
    for row in range(n):
        arguments = [a if k in static else as_values(a[row]) for k, a in enumerate(batch)]
        results = [ad.as_value(value) for value in flat(function(*arguments))]
        outputs.append([result.data for result in results])
        found = [sizes(result) for result in results]
        output_sizes.append([sum(rounding(v) * s for v, s in f.items() if s) for f in found])
        if len(results) == 1:
            for parameter in parameters:
                parameter.grad = 0.0
            if not isinstance(results[0], ad.Constant):
                results[0].backward()
            gradient += [parameter.grad for parameter in parameters]
            gradient_sizes += [found[0].get(parameter, 0.0) for parameter in parameters]
    weight = 1.0 / n if mean else 1.0
    table, table_sizes = np.array(outputs), np.array(output_sizes)
    return Eager(
        table,
        table_sizes,
        float(table.sum() * weight),
        float(table_sizes.sum() * weight),
        gradient * weight,
        gradient_sizes * weight,
    )


def assert_close(ours: Any, expected: Any, size: Any, note: object = "") -> None:
    """1e-12 relative, and rounding units of `size`."""
    a, b = np.asarray(ours), np.asarray(expected)
    assert a.shape == b.shape, f"{a.shape} and {b.shape}\n{note}"
    tolerance = 1e-12 * np.abs(b) + UNITS * EPSILON * np.asarray(size)
    wrong = np.flatnonzero(~(np.abs(a - b) <= tolerance).ravel())
    assert not wrong.size, (
        f"entries {wrong[:5]}: {a.ravel()[wrong[:5]]} and {b.ravel()[wrong[:5]]}\n{note}"
    )


def assert_agrees(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    *batch: Any,
    program: ad.Program | None = None,
    gradient: bool = True,
) -> ad.Program:
    """The compiled program gives what the scalar engine gives, batched and one by one."""
    expected = eager(function, parameters, *batch)
    program = program or ad.compile(function, parameters)
    single = expected.outputs.shape[1] == 1 and program(None, *batch).ndim == 1
    outputs = program(None, *batch)
    assert_close(outputs.reshape(expected.outputs.shape), expected.outputs, expected.output_sizes)
    if not gradient:
        return program
    assert single
    value, slopes = program.value_and_grad(None, *batch)
    assert isinstance(value, float)
    assert_close(value, expected.value, expected.value_size)
    assert_close(slopes, expected.gradient, expected.gradient_sizes)
    one = ad.compile(function, parameters, batched=False)
    first = [np.asarray(argument)[0] for argument in batch]
    expected = eager(function, parameters, *[argument[None] for argument in first])
    value, slopes = one.value_and_grad(None, *first)
    assert_close(value, expected.value, expected.value_size)
    assert_close(slopes, expected.gradient, expected.gradient_sizes)
    assert_close(one(None, *first), expected.outputs[0, 0], expected.output_sizes[0, 0])
    return program
