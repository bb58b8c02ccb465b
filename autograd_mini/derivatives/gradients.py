"""Gradients as results, differentiable to any order, without touching any ``grad``."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any, overload

from ..core import functions
from ..core.anomaly import check_gradient
from ..core.backward import gradient_map
from ..core.graph import interior_order, leaves
from ..core.modes import ACTIVE, current_modes, source_line
from ..core.operators import general
from ..core.value import (
    Constant,
    Operand,
    Value,
    as_value,
    constant,
    is_ordered,
    nodes_of,
    to_float,
)
from ..errors import TraceError
from ..table.grammar import REDUCTIONS, ValueDialect, Vector, elementwise, prod_others, repeated
from ..table.primitives import PRIMITIVES, Primitive, compile_source


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
    roots = nodes_of(outputs, "outputs")
    targets = nodes_of(wrt, "wrt")
    modes = current_modes()
    if modes.record is not None and not create_graph:
        _check_numbers(roots)
    weights = _weights(seeds, len(roots), create_graph)
    pairs = [
        (root, weight)
        for root, weight in zip(roots, weights, strict=True)
        if type(root) is not Constant
    ]
    check = check_gradient if ACTIVE and modes.anomaly and modes.record is None else None
    found: Any = {}
    if not create_graph or check is not None:
        numbers = [(root, _number(weight)) for root, weight in pairs]
        found = gradient_map(numbers, lambda node: node.local_derivatives, check)
    if create_graph:
        found = _value_gradients(pairs, targets)
    results = [_gradient_of(target, found, create_graph) for target in targets]
    return results[0] if isinstance(wrt, Value) else results


def _check_numbers(roots: Sequence[Value]) -> None:
    """Refuse to give numbers of a graph that the compiler is tracing."""
    if any(map(_is_traced, leaves(*roots))):
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


def _number(value: Any) -> float:
    """The data of a Value, or the number itself."""
    number: float = value.data if isinstance(value, Value) else value
    return number


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
            if tracing and type(node) is Value and any(map(_is_traced, node.parents)):
                raise TraceError(
                    f"{source_line()}: {node!r:.80} was made before the function is traced, with "
                    "one number of its parameters: make it in the function"
                )
    reached = [(root, weight) for root, weight in pairs if root in needed]
    return gradient_map(reached, lambda node: _derivatives(node, needed), product=_product)


def _product(derivative: Any, upstream: Any) -> Any:
    """The product, where zero carries nothing: as in the backward pass over floats."""
    if _is_traced(derivative) or _is_traced(upstream):  # whether one is 0 is not known yet
        return functions.multiply_no_nan(derivative, upstream)
    a, b = _number(derivative), _number(upstream)
    if (a == 0.0 and not math.isfinite(b)) or (b == 0.0 and not math.isfinite(a)):
        return 0.0
    return derivative * upstream


def _is_traced(operand: Any) -> bool:
    """Whether the compiler is tracing the operand, so that it has no number to decide by."""
    return (
        isinstance(operand, Value)
        and type(operand) not in (Value, Constant)
        and current_modes().record is not None
    )


def _derivatives(node: Value, needed: set[Value]) -> list[Any]:
    """Local derivatives of a node as Values or floats; 0 toward what is not needed."""
    if node.op == "take":
        return _derivatives_of_take(node, needed)
    row = PRIMITIVES[node.op]
    groups = row.split(node.parents)
    derivatives: list[Any] = []
    for index, group in enumerate(groups):
        start = len(derivatives)
        size = len(group) if isinstance(group, Vector) else int(start < len(node.parents))
        if needed.isdisjoint(node.parents[start : start + size]):
            derivatives.extend([0.0] * size)
            continue
        result = _evaluate(row, index, groups, node)
        derivatives.extend(result if isinstance(result, Vector) else [result] * size)
    return [
        plain(derivative) if parent in needed else 0.0
        for parent, derivative in zip(node.parents, derivatives, strict=True)
    ]


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
    fast, ieee = _partials(row)[index]
    try:
        return fast(*groups, y)
    except (ArithmeticError, ValueError):
        return ieee(*groups, y)


class _ConstantDialect(ValueDialect):
    """Numbers as constants, whose arithmetic gives infinities and NaN instead of exceptions."""

    def number(self, value: float) -> str:
        return f"_constant({value!r})"


@cache
def _partials(row: Primitive) -> list[tuple[Callable[..., Any], Callable[..., Any]]]:
    """The partial derivatives of a row as functions of its operands and the output."""
    compiled = []
    vectors = [operand.name for operand in row.operands if operand.kind == "vector"]
    for dialect, suffix in (
        (ValueDialect(vectors), ""),
        (_ConstantDialect(vectors), " in IEEE arithmetic"),
    ):
        lines = [_source(row, i, dialect) for i in range(len(row.operands))]
        namespace = _names(row)
        filename = f"<autograd_mini row {row.name} on Values{suffix}>"
        compile_source("\n".join(lines), filename, namespace)
        compiled.append([namespace[f"_partial_{i}"] for i in range(len(row.operands))])
    return list(zip(*compiled, strict=True))


def _source(row: Primitive, index: int, dialect: ValueDialect) -> str:
    names = ", ".join([operand.name for operand in row.operands] + ["y"])
    length = f"    n = _len({next(iter(dialect.vectors))})\n" if dialect.vectors else ""
    body = dialect.translate(row.partial_formulas[index])
    return f"def _partial_{index}({names}):\n{length}    return {body}\n"


def _names(row: Primitive) -> dict[str, Any]:
    """The functions that the partial derivatives of a row call, over Values."""
    called = {
        call.func.id
        for formula in row.partial_formulas
        for call in ast.walk(formula)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
    names = {name: _function(name) for name in called | {"equal", "where"}}
    if row.has_vectors:
        names = {
            name: function if name in REDUCTIONS else elementwise(function)
            for name, function in names.items()
        }
    return {**names, "pi": math.pi, "_constant": constant, "_len": len, "_repeated": repeated}


def _function(name: str) -> Callable[..., Any]:
    """A function of the formula language over Values and floats."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    if name in _BUILT_IN:
        function: Callable[..., Any] = getattr(functions, name)
        return function
    return partial(general, name)


def _where(condition: Any, taken: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """Pick an arm by the data of the condition; the compiler records both."""
    if _is_traced(condition):
        return _selected(condition, taken(), other())
    return taken() if _number(condition) else other()


_selected = elementwise(functions.where)


def _equal(a: Any, b: Any) -> Any:
    """Equality of numbers: a bool, or a recorded node while the compiler traces."""
    if _is_traced(a) or _is_traced(b):
        return functions.equal(a, b)
    return _number(a) == _number(b)


def _sign(x: Any) -> Any:
    return _where(x > 0, lambda: 1.0, lambda: _where(x < 0, lambda: -1.0, lambda: 0.0))


def _logsumexp(*groups: Any) -> Any:
    """Of the elements of several groups, of which one may be a single number."""
    return functions.logsumexp(_joined(groups))


def _joined(groups: Iterable[Any]) -> list[Any]:
    return [x for group in groups for x in (group if isinstance(group, list) else [group])]


def _softmax(first: Sequence[Any], *others: Any) -> Vector:
    """Of the elements of the first group, among those of all groups.

    The shift keeps the exponentials in range.  It cancels, and is a number for that reason.
    """
    elements = _joined((first, *others))
    if any(map(_is_traced, elements)):
        return Vector(functions.softmax(elements)[: len(first)])
    largest = max(map(_number, elements))
    if not math.isfinite(largest):
        shift = functions.logsumexp(elements)
        return Vector([functions.exp(x - shift) for x in first])
    weights = [functions.exp(x - largest) for x in elements]
    total = functions.sum(weights)
    return Vector([weight / total for weight in weights[: len(first)]])


_SPECIAL: dict[str, Callable[..., Any]] = {
    "equal": _equal,
    "logsumexp": _logsumexp,
    "prod_others": prod_others,
    "sign": _sign,
    "softmax": _softmax,
    "where": _where,
}
_BUILT_IN = (frozenset(PRIMITIVES) & frozenset(vars(functions))) | REDUCTIONS
