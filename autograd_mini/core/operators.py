"""The hot operations, generated from the rows as ``dataclasses`` generates ``__init__``.

A generated function does what :func:`autograd_mini.core.value.apply` does, with the row's formulas
written into it; whatever is not plain Values (or a Value and a number, for the operators) goes
the general way.  ``inspect.getsource(Value.__mul__)`` shows one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ..table.backends import FLOAT
from ..table.grammar import ARITHMETIC, is_vector
from ..table.primitives import PRIMITIVES, Primitive, compile_source, namespace
from ..table.vectors import Vector
from .modes import ACTIVE
from .value import (
    Constant,
    Value,
    apply,
    as_value,
    constant,
    is_ordered,
    observe,
    operate,
    to_float,
)

OPERATORS = {each.row: each.function.__name__ for each in ARITHMETIC}
UNARY_OPERATORS = {"neg": "__neg__", "abs": "__abs__"}

_NODE = """
{indent}_node = _new(_Value)
{indent}_node.data = y
{indent}_node.grad = 0.0
{indent}_node.op = {op!r}
{indent}_node._a = {a}
{indent}_node._b = {b}
{indent}_node._da = _da{second}
{indent}return _observe(_node) if _ACTIVE else _node
"""


def _node_source(row: Primitive, operands: list[str], indent: str) -> str:
    """Make the node, from the data ``y`` and the derivatives ``_da``, of two operands ``_db``."""
    two = len(operands) == 2
    a = operands[0] if len(operands) <= 2 else f"({', '.join(operands)})"
    b = operands[1] if two else None
    second = f"\n{indent}_node._db = _db" if two else ""
    return _NODE.format(indent=indent, op=row.name, a=a, b=b, second=second)


def _branch(row: Primitive, condition: str, prepare: list[str], fixed: set[str], slow: str) -> str:
    """One branch: take the data, evaluate the formulas, make the node; out of domain, go slowly."""
    names = [operand.name for operand in row.operands]
    partials = [
        "0.0" if name in fixed else FLOAT.interpret(formula)
        for name, formula in zip(names, row.partial_formulas, strict=True)
    ]
    lines = [f"    if {condition}:", "        try:"]
    lines += [f"            {line}" for line in prepare]
    lines += [
        f"            y = {FLOAT.interpret(row.value_formula)}",
        f"            {'_da, _db' if len(names) == 2 else '_da'} = {', '.join(partials)}",
        "        except (ArithmeticError, ValueError):",
        f"            return {slow}",
    ]
    return "\n".join(lines) + _node_source(row, [_node(name) for name in names], " " * 8)


def _node(name: str) -> str:
    """The local name of an operand's node: no helper's name ends in an underscore."""
    return f"_{name}_"


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
    nodes = ", ".join(map(_node, names))
    slow = f"_general({row.name!r}, {nodes})"
    rename = "".join(f"    {_node(name)} = {name}\n" for name in names)
    plain = " and ".join(f"_type({name}) is _Value" for name in names)
    prepare = [f"{name} = {name}.data" for name in names]
    branch = _branch(row, plain, prepare, set(), slow)
    return f"def {_node(row.name)}({_signature(row)}):\n{rename}{branch}    return {slow}\n"


def _operator_source(row: Primitive, method: str) -> str:
    """An operator of a Value with a Value or a number on its right: ``def __mul__``."""
    a, b = (operand.name for operand in row.operands)
    _a, _b = _node(a), _node(b)
    slow = f"_operate({row.name!r}, {_a}, {_b})"
    both = _branch(
        row,
        f"_type({_b}) is _type({_a}) is _Value",
        [f"{a} = {_a}.data", f"{b} = {_b}.data"],
        set(),
        slow,
    )
    number = _branch(
        row,
        f"_type({_a}) is _Value and (_type({_b}) is _float or _type({_b}) is _int)",
        [f"{a} = {_a}.data", f"{b} = _float({_b})", f"{_b} = _constant({b})"],
        {b},
        slow,
    )
    return f"def {method}({_a}, {_b}):\n{both}{number}    return {slow}\n"


def _reflected_source(row: Primitive, method: str) -> str:
    """An operator of a Value with a number on its left: ``def __rmul__``."""
    a, b = (operand.name for operand in row.operands)
    _a, _b = _node(a), _node(b)
    slow = f"_operate({row.name!r}, {_a}, {_b})"
    number = _branch(
        row,
        f"_type({_b}) is _Value and (_type({_a}) is _float or _type({_a}) is _int)",
        [f"{b} = {_b}.data", f"{a} = _float({_a})", f"{_a} = _constant({a})"],
        {a},
        slow,
    )
    return f"def {method}({_b}, {_a}):\n{number}    return {slow}\n"


def _vector_source(row: Primitive) -> str:
    """A function over groups of Values: ``def dot(a, b, c)``, the optional one Value or None."""
    names = [operand.name for operand in row.operands]
    vectors = {operand.name for operand in row.operands if operand.kind == "vector"}
    writer = FLOAT.over(vectors)
    optional = [operand.name for operand in row.operands if operand.kind == "optional"]
    formulas = [row.value_formula, *row.partial_formulas]
    arithmetic = any(_computes_on_vector(formula, vectors) for formula in formulas)
    written = dict.fromkeys(vectors, "*{}") | dict.fromkeys(optional, "*_given")
    parents = "".join(written.get(name, "{}").format(name) + ", " for name in names)
    lines = [f"def {_node(row.name)}({_signature(row)}):"]
    groups = ", ".join(name for name in names if name in vectors)
    lines.append(f"    {groups}, = _groups({row.name!r}, {_needs_elements(row)}, {groups})")
    lines += [f"    _given = () if {name} is None else ({name},)" for name in optional]
    lines += [
        f"    _parents = ({parents})",
        "    _kinds = _set(_map(_type, _parents))",
        "    if _ACTIVE or not _kinds <= _PLAIN or _Value not in _kinds:",
        f"        return _general({row.name!r}, *_parents)",
    ]
    for name in names:
        if name in vectors:
            data = f"[_v.data for _v in {name}]"
            lines.append(f"    {name} = {f'_Vector({data})' if arithmetic else data}")
        elif name in optional:
            lines.append(f"    {name} = {name}.data if _given else 0.0")
        else:
            lines.append(f"    {name} = {name}.data")
    length = next(name for name in names if name in vectors)
    partials = []
    for name, formula in zip(names, row.partial_formulas, strict=True):
        text = writer.interpret(formula)
        if name in vectors:
            text = f"*{text}" if is_vector(formula, vectors) else f"*([{text}] * n)"
        elif name in optional:
            text = f"*([{text}] * _len(_given))"
        partials.append(text)
    lines += [
        f"    n = _len({length})",
        "    try:",
        f"        y = {writer.interpret(row.value_formula)}",
        f"        _da = ({', '.join(partials)},)",
        "    except (ArithmeticError, ValueError):",
        f"        return _general({row.name!r}, *_parents)",
        "    if _len(_kinds) > 1:",
        "        _da = _without_constants(_parents, _da)",
    ]
    return "\n".join(lines) + _node_source(row, ["_parents"], " " * 4)


def _needs_elements(row: Primitive) -> bool:
    """Whether a row says nothing of empty vectors: it divides by n, or reduces nothing."""
    vectors = {operand.name for operand in row.operands if operand.kind == "vector"}
    return any(
        (isinstance(node, ast.Name) and node.id == "n")
        or (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"mean", "logsumexp", "norm", "softmax"}
            and all(is_vector(argument, vectors) for argument in node.args)
        )
        for formula in (row.value_formula, *row.partial_formulas)
        for node in ast.walk(formula)
    )


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


def general(op: str, *operands: Any) -> Any:
    """Apply primitive `op` to Values and numbers; numbers alone give a number."""
    if any(isinstance(operand, Value) for operand in operands):
        return apply(op, *map(as_value, operands))
    return apply(op, *[constant(to_float(operand)) for operand in operands]).data


_NAMES: dict[str, Any] = {
    "_ACTIVE": ACTIVE,
    "_PLAIN": frozenset({Value, Constant}),
    "_Vector": Vector,
    "_without_constants": _without_constants,
    "_Value": Value,
    "_float": float,
    "_groups": _groups,
    "_int": int,
    "_len": len,
    "_map": map,
    "_set": set,
    "_type": type,
    "_constant": constant,
    "_general": general,
    "_new": object.__new__,
    "_observe": observe,
    "_operate": operate,
}


def _generate(row: Primitive, source: str, name: str) -> Callable[..., Any]:
    formulas = (row.value_formula, *row.partial_formulas)
    names = namespace(formulas, FLOAT, row.has_vectors) | _NAMES
    compile_source(source, f"<autograd_mini {row.name}: {name}>", names)
    generated: Callable[..., Any] = names[name]
    return generated


def function_of(row: Primitive) -> Callable[..., Any]:
    """The function of a row: over its operands, a group of them for a vector operand.

    Examples
    --------
    >>> from autograd_mini.table.primitives import PRIMITIVES
    >>> function_of(PRIMITIVES["square"])(Value(3.0)).local_derivatives
    (6.0,)
    """
    source = _vector_source(row) if row.has_vectors else _function_source(row)
    function = _generate(row, source, _node(row.name))
    function.__name__ = function.__qualname__ = row.name
    return function


def install() -> None:
    """Give Value its fast operators; subclasses keep the general ones."""
    for op, stem in OPERATORS.items():
        method, reflected = f"__{stem}__", f"__r{stem}__"
        row = PRIMITIVES[op]
        _replace(method, _generate(row, _operator_source(row, method), method))
        _replace(reflected, _generate(row, _reflected_source(row, reflected), reflected))
    for op, method in UNARY_OPERATORS.items():
        _replace(method, function_of(PRIMITIVES[op]))


def _replace(method: str, fast: Callable[..., Any]) -> None:
    general_version = getattr(Value, method)
    fast.__name__, fast.__qualname__ = method, f"Value.{method}"
    fast.__doc__ = general_version.__doc__
    setattr(Value, method, fast)


install()
