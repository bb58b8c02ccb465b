"""The operators of Value, generated from the rows as ``dataclasses`` generates ``__init__``.

A generated function does what :func:`autograd_mini.core.recording.apply` does, with the row's
formulas written into it; whatever is not plain Values, or a Value and a number, goes the general
way.  ``inspect.getsource(Value.__mul__)`` shows one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..table.backends import FLOAT
from ..table.grammar import ARITHMETIC
from ..table.primitives import PRIMITIVES, Primitive, compile_source, namespace
from .modes import ACTIVE, SWITCHED
from .recording import observe, operate
from .scopes import current
from .value import Value, constant

OPERATORS = {each.row: each.function.__name__ for each in ARITHMETIC}

_NODE = """
{indent}_node = _new(_Value)
{indent}_node.data = y
{indent}_node.grad = 0.0
{indent}_node.op = {op!r}
{indent}_node._a = {a}
{indent}_node._b = {b}
{indent}_node._da = _da
{indent}_node._db = {db}
{indent}if _ACTIVE:
{indent}    if _SWITCHED or not (_scope := _current())._is_open:
{indent}        return _observe(_node)
{indent}    _node._origin = _scope
{indent}return _node
"""


def node_source(row: Primitive, operands: list[str], indent: str) -> str:
    """Make the node, from the data ``y`` and the derivatives ``_da``, of two operands ``_db``."""
    two = len(operands) == 2
    a = operands[0] if len(operands) <= 2 else f"({', '.join(operands)})"
    b = operands[1] if two else None
    return _NODE.format(indent=indent, op=row.name, a=a, b=b, db="_db" if two else None)


def branch(row: Primitive, condition: str, prepare: list[str], fixed: set[str], slow: str) -> str:
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
    return "\n".join(lines) + node_source(row, [node_name(name) for name in names], " " * 8)


def node_name(name: str) -> str:
    """The local name of an operand's node: no helper's name ends in an underscore."""
    return f"_{name}_"


def _operator_source(row: Primitive, method: str) -> str:
    """An operator of a Value with a Value or a number on its right: ``def __mul__``."""
    a, b = (operand.name for operand in row.operands)
    _a, _b = node_name(a), node_name(b)
    slow = f"_operate({row.name!r}, {_a}, {_b})"
    both = branch(
        row,
        f"_type({_b}) is _type({_a}) is _Value",
        [f"{a} = {_a}.data", f"{b} = {_b}.data"],
        set(),
        slow,
    )
    number = branch(
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
    _a, _b = node_name(a), node_name(b)
    slow = f"_operate({row.name!r}, {_a}, {_b})"
    number = branch(
        row,
        f"_type({_b}) is _Value and (_type({_a}) is _float or _type({_a}) is _int)",
        [f"{b} = {_b}.data", f"{a} = _float({_a})", f"{_a} = _constant({a})"],
        {a},
        slow,
    )
    return f"def {method}({_b}, {_a}):\n{number}    return {slow}\n"


_NAMES: dict[str, Any] = {
    "_ACTIVE": ACTIVE,
    "_SWITCHED": SWITCHED,
    "_Value": Value,
    "_float": float,
    "_int": int,
    "_type": type,
    "_constant": constant,
    "_current": current.get,
    "_new": object.__new__,
    "_observe": observe,
    "_operate": operate,
}


def generate(
    row: Primitive, source: str, name: str, helpers: dict[str, Any] = _NAMES
) -> Callable[..., Any]:
    """Compile a function of a row; no helper has a name that a formula may have."""
    formulas = (row.value_formula, *row.partial_formulas)
    names = namespace(formulas, FLOAT, row.has_vectors) | _NAMES | helpers
    compile_source(source, f"<autograd_mini {row.name}: {name}>", names)
    generated: Callable[..., Any] = names[name]
    return generated


def install() -> None:
    """Give Value its fast operators; subclasses keep the general ones."""
    for op, stem in OPERATORS.items():
        method, reflected = f"__{stem}__", f"__r{stem}__"
        row = PRIMITIVES[op]
        fast = generate(row, _operator_source(row, method), method)
        _replace(method, fast, row.description)
        fast = generate(row, _reflected_source(row, reflected), reflected)
        _replace(reflected, fast, row.description)


def _replace(method: str, fast: Callable[..., Any], description: str) -> None:
    fast.__doc__ = description
    fast.__name__, fast.__qualname__ = method, f"Value.{method}"
    setattr(Value, method, fast)


install()
