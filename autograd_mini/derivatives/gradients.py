"""Gradients as results, differentiable to any order, without touching any ``grad``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, overload

from ..core import functions
from ..core.anomaly import check_gradient
from ..core.coerce import is_ordered, nodes_of, to_float
from ..core.collector import paused_collector
from ..core.frames import source_line
from ..core.graph import interior_order, leaves
from ..core.modes import SWITCHED, current_modes, switched
from ..core.propagation import STORED, gradient_map
from ..core.value import Constant, Operand, Value, as_value
from ..errors import TraceError
from ..table.primitives import PRIMITIVES, Primitive
from ..table.vectors import Vector
from .value_backend import IEEE_VALUE, VALUE, is_traced, number_of


@overload
def gradients(
    outputs: Value | Sequence[Value],
    wrt: Value,
    *,
    seeds: Operand | Sequence[Operand] | None = None,
    create_graph: bool = False,
) -> Any: ...


@overload
def gradients(
    outputs: Value | Sequence[Value],
    wrt: Sequence[Value],
    *,
    seeds: Operand | Sequence[Operand] | None = None,
    create_graph: bool = False,
) -> list[Any]: ...


def gradients(
    outputs: Value | Sequence[Value],
    wrt: Value | Sequence[Value],
    *,
    seeds: Operand | Sequence[Operand] | None = None,
    create_graph: bool = False,
) -> Any:
    """Gradient of the outputs toward some nodes, returned instead of added into ``grad``.

    Several outputs count as their sum, weighted by the seeds.  What they do not reach has
    gradient 0; so has a constant.

    Parameters
    ----------
    outputs : Value or sequence of Value
        What to differentiate.
    wrt : Value or sequence of Value
        The nodes to differentiate toward; interior nodes are welcome.
    seeds : number, Value or a sequence of them, optional
        Gradient of the final output toward each output; 1 each without.  Values only with
        `create_graph`.
    create_graph : bool, optional
        Without, the gradients are floats from the local derivatives of the forward pass.  With it
        they are Values that can be differentiated again: the table's partial derivatives,
        evaluated on the nodes at the data they hold now.  A comparison in a partial derivative
        (a kink, ``where``) is decided by that data, and the arm not taken contributes nothing.

    Returns
    -------
    float or Value, or a list of them
        One result for one node, a list for a sequence.  A Value that does not depend on anything
        is a constant.

    Raises
    ------
    TypeError
        If `outputs` or `wrt` holds anything but Values, or a seed is a Value without
        `create_graph`.
    ValueError
        If there are not as many seeds as outputs.
    AnomalyError
        Inside ``detect_anomaly()``, at the first non-finite gradient.

    Examples
    --------
    >>> x = Value(2.0)
    >>> gradients(x**3, x)
    12.0
    >>> slope = gradients(x**3, x, create_graph=True)
    >>> curvature = gradients(slope, x, create_graph=True)
    >>> curvature.data, gradients(curvature, x), x.grad
    (12.0, 6.0, 0.0)
    """
    modes = current_modes()
    if modes.record is not None and not modes.by_identity:
        with switched(by_identity=True):
            return gradients(outputs, wrt, seeds=seeds, create_graph=create_graph)
    roots = nodes_of(outputs, "outputs")
    targets = nodes_of(wrt, "wrt")
    if modes.record is not None and not create_graph:
        _check_numbers(roots)
    weights = _weights(seeds, len(roots), create_graph)
    pairs = [
        (root, weight)
        for root, weight in zip(roots, weights, strict=True)
        if type(root) is not Constant
    ]
    check = check_gradient if SWITCHED and modes.anomaly and modes.record is None else None
    found: Any = {}
    if not create_graph or check is not None:
        numbers = [(root, number_of(weight)) for root, weight in pairs]
        found = gradient_map(numbers, STORED, check)
    if create_graph:
        with paused_collector():
            found = _value_gradients(pairs, targets)
    results = [_gradient_of(target, found, create_graph) for target in targets]
    return results[0] if isinstance(wrt, Value) else results


def _check_numbers(roots: Sequence[Value]) -> None:
    """Refuse to give numbers of a graph that the compiler is tracing."""
    if any(map(is_traced, leaves(*roots))):
        raise TraceError(
            f"{source_line()}: gradients without create_graph are numbers, which are known only "
            "when the program runs: pass create_graph=True, and they can be differentiated"
        )


def _weights(seeds: Any, count: int, graph: bool) -> list[Any]:
    """One seed for each output: floats, or Values where a graph is made."""
    if seeds is None:
        return [1.0] * count
    single = isinstance(seeds, Value) or not is_ordered(seeds)
    given = [seeds] if single or getattr(seeds, "ndim", 1) == 0 else list(seeds)
    if len(given) != count:
        raise ValueError(f"got {len(given)} seeds for {count} outputs, expected one each")
    if not graph:
        if any(isinstance(seed, Value) for seed in given):
            raise TypeError("a seed is a Value: pass create_graph=True, or its .data as a number")
        return [to_float(seed) for seed in given]
    return [plain(as_value(seed)) for seed in given]


def plain(operand: Any) -> Any:
    """A constant as its number; anything else as it is.

    Examples
    --------
    >>> plain(as_value(2.0)), plain(3.0)
    (2.0, 3.0)
    """
    return operand.data if type(operand) is Constant else operand


def _gradient_of(target: Value, found: Any, graph: bool) -> Any:
    gradient = 0.0 if type(target) is Constant else found.get(target, 0.0)
    return as_value(gradient) if graph else float(gradient)


# Gradients as Values.


def _value_gradients(pairs: Sequence[tuple[Value, Any]], targets: Sequence[Value]) -> Any:
    """Gradients as Values; only nodes that depend on a target are differentiated."""
    needed = {target for target in targets if type(target) is not Constant}
    tracing = current_modes().record is not None
    for node in interior_order(*(root for root, _ in pairs)):
        if not needed.isdisjoint(node.parents):
            needed.add(node)
            if tracing and not node._traced and any(map(is_traced, node.parents)):
                raise TraceError(
                    f"{source_line()}: {node!r:.80} was made before the function is traced, with "
                    "one number of its parameters: make it in the function"
                )
    reached = [(root, weight) for root, weight in pairs if root in needed]
    return gradient_map(reached, lambda node: _derivatives(node, needed), product=_product)


def _product(derivative: Any, upstream: Any) -> Any:
    """The product, where zero carries nothing: as in the backward pass over floats."""
    if is_traced(derivative) or is_traced(upstream):  # whether one is 0 is not known yet
        return functions.multiply_no_nan(derivative, upstream)
    a, b = number_of(derivative), number_of(upstream)
    if (a == 0.0 and not math.isfinite(b)) or (b == 0.0 and not math.isfinite(a)):
        return 0.0
    return derivative * upstream


def _derivatives(node: Value, needed: set[Value]) -> list[Any]:
    """Local derivatives of a node as Values or floats; 0 toward what is not needed."""
    if node.op == "take":
        return _derivatives_of_take(node, needed)
    row, parents = PRIMITIVES[node.op], node.parents
    groups = row.split(parents)
    wanted = [parent in needed for parent in parents]
    return row.spread(lambda index: _evaluate(row, index, groups, node), wanted)


def _derivatives_of_take(node: Value, needed: set[Value]) -> list[Any]:
    """1 toward the choice that the index picks when the program runs, 0 toward the others."""
    index, *choices = node.parents
    picked = [
        functions.equal(index, float(k)) if choice in needed else 0.0
        for k, choice in enumerate(choices)
    ]
    return [0.0, *picked]


def _evaluate(row: Primitive, index: int, groups: Sequence[Any], y: Value) -> Any:
    """Partial derivative `index` of a row on Values, in IEEE arithmetic."""
    try:
        result = row.on(VALUE)[index + 1](*groups, y)
    except (ArithmeticError, ValueError):
        result = row.on(IEEE_VALUE)[index + 1](*groups, y)
    return Vector(map(plain, result)) if isinstance(result, Vector) else plain(result)
