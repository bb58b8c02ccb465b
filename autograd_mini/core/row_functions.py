"""The function of each row, generated like the operators: over numbers, Values and groups."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ..table.backends import FLOAT
from ..table.grammar import is_vector
from ..table.primitives import Primitive
from ..table.vectors import Vector
from .coerce import is_ordered
from .operators import branch, generate, node_name, node_source
from .recording import general
from .value import Constant, Value


def function_of(row: Primitive) -> Callable[..., Any]:
    """The function of a row: over its operands, a group of them for a vector operand.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> function_of(PRIMITIVES["square"])(Value(3.0)).local_derivatives
    (6.0,)
    """
    source = _vector_source(row) if row.has_vectors else _function_source(row)
    function = generate(row, source, node_name(row.name), _NAMES)
    function.__name__ = function.__qualname__ = row.name
    return function


def _signature(row: Primitive) -> str:
    """The parameters of a row's function; one that may be left out has its default."""
    return ", ".join(
        f"{o.name}=None"
        if o.kind == "optional"
        else o.name
        if o.default is None
        else f"{o.name}={o.default!r}"
        for o in row.operands
    )


def _function_source(row: Primitive) -> str:
    """A public function over Values: ``def tanh(x)``."""
    names = [operand.name for operand in row.operands]
    nodes = ", ".join(map(node_name, names))
    slow = f"_general({row.name!r}, {nodes})"
    rename = "".join(f"    {node_name(name)} = {name}\n" for name in names)
    plain = " and ".join(f"_type({name}) is _Value" for name in names)
    prepare = [f"{name} = {name}.data" for name in names]
    body = branch(row, plain, prepare, set(), slow)
    return f"def {node_name(row.name)}({_signature(row)}):\n{rename}{body}    return {slow}\n"


def _vector_source(row: Primitive) -> str:
    """A function over groups of Values: ``def dot(a, b, bias)``, the optional one Value or None."""
    names = [operand.name for operand in row.operands]
    groups = ", ".join(row.vectors)
    optional = _optional(row)
    written = dict.fromkeys(row.vectors, "*{}") | dict.fromkeys(optional, "*_given")
    parents = "".join(written.get(name, "{}").format(name) + ", " for name in names)
    lines = [
        f"def {node_name(row.name)}({_signature(row)}):",
        f"    {groups}, = _groups({row.name!r}, {row.needs_elements}, {groups})",
        *[f"    _given = () if {name} is None else ({name},)" for name in optional],
        f"    _parents = ({parents})",
        "    _kinds = _set(_map(_type, _parents))",
        "    if _SWITCHED or not _kinds <= _PLAIN or _Value not in _kinds:",
        f"        return _general({row.name!r}, *_parents)",
        *_data_of_operands(row),
        f"    n = _len({row.vectors[0]})",
        "    try:",
        f"        y = {FLOAT.over(row.vectors).interpret(row.value_formula)}",
        f"        _da = ({', '.join(_spread_partials(row))},)",
        "    except (ArithmeticError, ValueError):",
        f"        return _general({row.name!r}, *_parents)",
        "    if _len(_kinds) > 1:",
        "        _da = _without_constants(_parents, _da)",
    ]
    return "\n".join(lines) + node_source(row, ["_parents"], " " * 4)


def _optional(row: Primitive) -> list[str]:
    return [operand.name for operand in row.operands if operand.kind == "optional"]


def _data_of_operands(row: Primitive) -> list[str]:
    """Lines that replace nodes by their numbers; a list will do where nothing is computed on it."""
    formulas = (row.value_formula, *row.partial_formulas)
    arithmetic = any(_computes_on_vector(formula, set(row.vectors)) for formula in formulas)
    group = "_Vector([_v.data for _v in {}])" if arithmetic else "[_v.data for _v in {}]"
    texts = {"vector": group, "optional": "{}.data if _given else 0.0", "scalar": "{}.data"}
    return [f"    {o.name} = {texts[o.kind].format(o.name)}" for o in row.operands]


def _spread_partials(row: Primitive) -> list[str]:
    """The derivatives toward each operand, as the elements of one tuple."""
    writer, texts = FLOAT.over(row.vectors), []
    for operand, formula in zip(row.operands, row.partial_formulas, strict=True):
        text = writer.interpret(formula)
        if operand.kind == "vector":
            text = f"*{text}" if is_vector(formula, row.vectors) else f"*([{text}] * n)"
        elif operand.kind == "optional":
            text = f"*([{text}] * _len(_given))"
        texts.append(text)
    return texts


def sequence(op: str, values: Any) -> tuple[Any, ...]:
    """A group of operands as a tuple; one number, text, a dict or a set is none."""
    if type(values) is not list and not is_ordered(values):
        raise TypeError(f"{op} takes a sequence of values, got one {type(values).__name__}")
    return tuple(values)


def _groups(op: str, needs_elements: bool, *given: Any) -> list[tuple[Any, ...]]:
    """The vector operands of a call as tuples, equally long and not empty where that matters."""
    groups = [group if type(group) is tuple else sequence(op, group) for group in given]
    length = len(groups[0])
    if len(groups) > 1 and any(len(group) != length for group in groups):
        lengths = " and ".join(str(len(group)) for group in groups)
        raise ValueError(f"{op} needs vectors of one length, got {lengths} values")
    if needs_elements and not length:
        raise ValueError(f"{op} needs at least 1 value, got none")
    return groups


def _computes_on_vector(formula: ast.expr, vectors: set[str]) -> bool:
    """Whether a formula works on a vector element by element, beyond naming or reducing it."""
    return any(
        isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)) and is_vector(node, vectors)
        for node in ast.walk(formula)
        if isinstance(node, ast.expr)
    )


def _without_constants(
    parents: tuple[Value, ...], derivatives: tuple[float, ...]
) -> tuple[float, ...]:
    return tuple(
        [0.0 if type(p) is Constant else d for p, d in zip(parents, derivatives, strict=True)]
    )


_NAMES: dict[str, Any] = {
    "_PLAIN": frozenset({Value, Constant}),
    "_Vector": Vector,
    "_general": general,
    "_groups": _groups,
    "_len": len,
    "_map": map,
    "_set": set,
    "_without_constants": _without_constants,
}
