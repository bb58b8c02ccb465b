"""The hot operations, generated from the rows as ``dataclasses`` generates ``__init__``.

A generated function does what :func:`autograd_mini.value.apply` does, with the row's formulas
written into it; whatever is not plain Values (or a Value and a number, for the operators) goes
the general way.  ``inspect.getsource(Value.__mul__)`` shows one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from .formula import REDUCTIONS, FloatDialect, Vector
from .modes import ACTIVE
from .numeric import vector_names
from .primitives import PRIMITIVES, Primitive, compile_source, fast_names
from .value import Constant, Value, apply, as_value, constant, observe, operate, to_float

OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "pow": "pow"}
UNARY_OPERATORS = {"neg": "__neg__", "abs": "__abs__"}

_NODE = """
{indent}_node = _new(_Value)
{indent}_node.data = y
{indent}_node.grad = 0.0
{indent}_node.label = ''
{indent}_node.local_derivatives = _derivatives
{indent}_node.op = {op!r}
{indent}_node.parents = {parents}
{indent}return _observe(_node) if _ACTIVE else _node
"""


def _branch(row: Primitive, condition: str, prepare: list[str], fixed: set[str], slow: str) -> str:
    """One branch: take the data, evaluate the formulas, make the node; out of domain, go slowly."""
    dialect = FloatDialect()
    names = [operand.name for operand in row.operands]
    partials = [
        "0.0" if name in fixed else dialect.translate(formula)
        for name, formula in zip(names, row.partial_formulas, strict=True)
    ]
    lines = [f"    if {condition}:", "        try:"]
    lines += [f"            {line}" for line in prepare]
    lines += [
        f"            y = {dialect.translate(row.value_formula)}",
        f"            _derivatives = ({', '.join(partials)},)",
        "        except (ArithmeticError, ValueError):",
        f"            return {slow}",
    ]
    parents = "(" + "".join(f"_{name}, " for name in names) + ")"
    return "\n".join(lines) + _NODE.format(indent=" " * 8, op=row.name, parents=parents)


def _function_source(row: Primitive) -> str:
    """A public function over Values: ``def tanh(x)``."""
    names = [operand.name for operand in row.operands]
    arguments = ", ".join(
        operand.name if operand.default is None else f"{operand.name}={operand.default!r}"
        for operand in row.operands
    )
    nodes = ", ".join(f"_{name}" for name in names)
    slow = f"_general({row.name!r}, {nodes})"
    rename = "".join(f"    _{name} = {name}\n" for name in names)
    plain = " and ".join(f"type({name}) is _Value" for name in names)
    prepare = [f"{name} = {name}.data" for name in names]
    branch = _branch(row, plain, prepare, set(), slow)
    return f"def {row.name}_({arguments}):\n{rename}{branch}    return {slow}\n"


def _operator_source(row: Primitive, method: str) -> str:
    """An operator of a Value with a Value or a number on its right: ``def __mul__``."""
    a, b = (operand.name for operand in row.operands)
    slow = f"_operate({row.name!r}, _{a}, _{b})"
    both = _branch(
        row,
        f"type(_{b}) is type(_{a}) is _Value",
        [f"{a} = _{a}.data", f"{b} = _{b}.data"],
        set(),
        slow,
    )
    number = _branch(
        row,
        f"type(_{a}) is _Value and (type(_{b}) is float or type(_{b}) is int)",
        [f"{a} = _{a}.data", f"{b} = float(_{b})", f"_{b} = _constant({b})"],
        {b},
        slow,
    )
    return f"def {method}(_{a}, _{b}):\n{both}{number}    return {slow}\n"


def _reflected_source(row: Primitive, method: str) -> str:
    """An operator of a Value with a number on its left: ``def __rmul__``."""
    a, b = (operand.name for operand in row.operands)
    slow = f"_operate({row.name!r}, _{a}, _{b})"
    number = _branch(
        row,
        f"type(_{b}) is _Value and (type(_{a}) is float or type(_{a}) is int)",
        [f"{b} = _{b}.data", f"{a} = float(_{a})", f"_{a} = _constant({a})"],
        {a},
        slow,
    )
    return f"def {method}(_{b}, _{a}):\n{number}    return {slow}\n"


def _vector_source(row: Primitive) -> str:
    """A function over groups of Values: ``def dot(a, b, c)``, the optional one Value or None."""
    dialect = FloatDialect()
    names = [operand.name for operand in row.operands]
    vectors = {operand.name for operand in row.operands if operand.kind == "vector"}
    optional = [operand.name for operand in row.operands if operand.kind == "optional"]
    formulas = [row.value_formula, *row.partial_formulas]
    arithmetic = any(_computes_on_vector(formula, vectors) for formula in formulas)
    written = dict.fromkeys(vectors, "*{}") | dict.fromkeys(optional, "*_given")
    parents = "".join(written.get(name, "{}").format(name) + ", " for name in names)
    lines = [f"def {row.name}_({', '.join(names)}):"]
    lines += [f"    _given = () if {name} is None else ({name},)" for name in optional]
    lines += [
        f"    _parents = ({parents})",
        "    _kinds = set(map(type, _parents))",
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
        text = dialect.translate(formula)
        if name in vectors:
            text = f"*{text}" if _is_vector(formula, vectors) else f"*([{text}] * n)"
        elif name in optional:
            text = f"*([{text}] * len(_given))"
        partials.append(text)
    lines += [
        f"    n = len({length})",
        "    try:",
        f"        y = {dialect.translate(row.value_formula)}",
        f"        _derivatives = ({', '.join(partials)},)",
        "    except (ArithmeticError, ValueError):",
        f"        return _general({row.name!r}, *_parents)",
        "    if len(_kinds) > 1:",
        "        _derivatives = _without_constants(_parents, _derivatives)",
    ]
    return "\n".join(lines) + _NODE.format(indent=" " * 4, op=row.name, parents="_parents")


def _is_vector(formula: ast.expr, vectors: set[str]) -> bool:
    """Whether a formula gives one number for each element."""
    if isinstance(formula, ast.Name):
        return formula.id in vectors
    called = formula.func if isinstance(formula, ast.Call) else None
    if isinstance(called, ast.Name) and called.id in REDUCTIONS:
        return called.id == "prod_others"
    children = [node for node in ast.iter_child_nodes(formula) if isinstance(node, ast.expr)]
    return any(_is_vector(child, vectors) for child in children)


def _computes_on_vector(formula: ast.expr, vectors: set[str]) -> bool:
    """Whether a formula works on a vector element by element, beyond naming or reducing it."""
    return any(
        isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)) and _is_vector(node, vectors)
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
    "_constant": constant,
    "_general": general,
    "_new": object.__new__,
    "_observe": observe,
    "_operate": operate,
}


def _generate(row: Primitive, source: str, name: str) -> Callable[..., Any]:
    namespace = {**(vector_names(fast_names) if row.has_vectors else fast_names), **_NAMES}
    compile_source(source, f"<autograd_mini {row.name}: {name}>", namespace)
    generated: Callable[..., Any] = namespace[name]
    return generated


def function_of(row: Primitive) -> Callable[..., Any]:
    """The function of a row: over its operands, a group of them for a vector operand.

    Examples
    --------
    >>> from autograd_mini.primitives import PRIMITIVES
    >>> function_of(PRIMITIVES["square"])(Value(3.0)).local_derivatives
    (6.0,)
    """
    source = _vector_source(row) if row.has_vectors else _function_source(row)
    function = _generate(row, source, f"{row.name}_")
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
