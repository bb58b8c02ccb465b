"""The rows of the derivative table as objects: parsed, checked, and evaluated over floats."""

from __future__ import annotations

import ast
import keyword
import linecache
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from .grammar import REDUCTIONS, FloatDialect, Vector, is_vector, parse_formula
from .numeric import BACKEND_FUNCTIONS, FAST, IEEE, vector_names
from .rows import ROWS

Kind = Literal["scalar", "vector", "optional"]
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_OPERAND = re.compile(rf"([a-z]\w*)\s*(\.\.\.|\?|=\s*({_NUMBER}))?")
_RESERVED = frozenset({"y", "n", "pi"})
_MARKS = frozenset({"constant", "input", "integer_input", "take", "largest"})  # ops without a row


@dataclass(frozen=True)
class Operand:
    """One operand of a primitive: its name, its kind and, if it may be left out, its default."""

    name: str
    kind: Kind
    default: float | None = None

    def __str__(self) -> str:
        suffix = {"scalar": "", "vector": "...", "optional": "?"}[self.kind]
        return self.name + suffix + ("" if self.default is None else f"={self.default!r}")


@dataclass(frozen=True, eq=False)
class Primitive:
    """One row of the derivative table.

    Attributes
    ----------
    name : str
        The operation, as :attr:`Value.op` has it.
    operands : tuple of Operand
        The operands in order.
    value : str
        The formula of the output.
    partials : tuple of str
        The formula of the local derivative toward each operand.
    domains : tuple of (float, float)
        The interval of each operand from which tests sample.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> row = ad.PRIMITIVES["mul"]
    >>> row.value, row.partials
    ('a * b', ('b', 'a'))
    >>> row.evaluate([3.0, 4.0])
    12.0
    """

    name: str
    operands: tuple[Operand, ...]
    value: str
    partials: tuple[str, ...]
    domains: tuple[tuple[float, float], ...]
    value_formula: ast.expr = field(repr=False)
    partial_formulas: tuple[ast.expr, ...] = field(repr=False)
    _fast: tuple[Callable[..., Any], ...] = field(repr=False)
    _ieee: tuple[Callable[..., Any], ...] = field(repr=False)

    @cached_property
    def has_vectors(self) -> bool:
        """Whether the number of operands varies."""
        return any(operand.kind != "scalar" for operand in self.operands)

    def split(self, operands: Sequence[Any]) -> list[Any]:
        """Group a flat sequence of operands as the row names them.

        A vector operand becomes a :class:`Vector`; an optional one that is missing becomes 0.0.
        Several vectors are equally long.

        Raises
        ------
        ValueError
            If the row does not take that many operands.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> ad.PRIMITIVES["dot"].split([1.0, 2.0, 3.0, 4.0])
        [[1.0, 2.0], [3.0, 4.0], 0.0]
        """
        kinds = [operand.kind for operand in self.operands]
        variable = len(operands) - kinds.count("scalar")
        length, spare = divmod(variable, max(kinds.count("vector"), 1))
        if variable < 0 or spare > kinds.count("optional") or (length and not self.has_vectors):
            raise ValueError(
                f"{self.name} takes {', '.join(map(str, self.operands))}: {len(operands)} operands "
                "do not divide into these"
            )
        if not self.has_vectors:
            return list(operands)
        groups: list[Any] = []
        at = 0
        for kind in kinds:
            size = {"scalar": 1, "vector": length, "optional": spare}[kind]
            chunk = operands[at : at + size]
            groups.append(Vector(chunk) if kind == "vector" else chunk[0] if chunk else 0.0)
            at += size
        return groups

    def evaluate(self, operands: Sequence[float]) -> float:
        """The output at these operands, in IEEE arithmetic."""
        return float(self._call(0, self.split(operands)))

    def linearize(
        self, operands: Sequence[float], constant: Sequence[bool] = ()
    ) -> tuple[float, tuple[float, ...]]:
        """The output, and the local derivative toward each operand: 0 toward a constant one.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> ad.PRIMITIVES["mul"].linearize([3.0, 4.0], constant=[False, True])
        (12.0, (4.0, 0.0))
        """
        if not self.has_vectors:
            try:  # most nodes of most graphs
                y = self._fast[0](*operands)
                partials = self._fast[1:]
                if not constant:
                    return y, tuple([partial(*operands, y) for partial in partials])
                pairs = zip(constant, partials, strict=True)
                return y, tuple([0.0 if c else partial(*operands, y) for c, partial in pairs])
            except (ArithmeticError, ValueError):
                pass
        groups = self.split(operands)
        y = self._call(0, groups)
        derivatives: list[float] = []
        for index, group in enumerate(groups, start=1):
            start = len(derivatives)
            size = len(group) if isinstance(group, Vector) else int(start < len(operands))
            if constant and all(constant[start : start + size]):
                derivatives.extend([0.0] * size)
            else:
                partial = self._call(index, [*groups, y])
                derivatives.extend(partial if isinstance(partial, list) else [partial] * size)
        if any(constant):
            derivatives = [0.0 if c else d for c, d in zip(constant, derivatives, strict=True)]
        return y, tuple(derivatives)

    def _call(self, index: int, arguments: Sequence[Any]) -> Any:
        """Evaluate formula `index` (0 the value, then the partials), again in IEEE if it raises."""
        try:
            return self._fast[index](*arguments)
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                return _floats(self._ieee[index](*map(_float64s, arguments)))


def _float64s(argument: Any) -> Any:
    return (
        Vector(map(np.float64, argument)) if isinstance(argument, Vector) else np.float64(argument)
    )


def _floats(result: Any) -> Any:
    return Vector(map(float, result)) if isinstance(result, Vector) else float(result)


def compile_source(
    source: str,
    filename: str,
    namespace: dict[str, Any],
    transform: Callable[[ast.Module, dict[str, Any]], ast.Module] = lambda tree, names: tree,
) -> None:
    """Run generated source in `namespace`; tracebacks and ``inspect.getsource`` show it."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(transform(ast.parse(source), namespace), filename, "exec"), namespace)


_rows: dict[str, Primitive] = {}
PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(_rows)
"""The derivative table: operation name -> row."""

fast_names: dict[str, Any] = dict(FAST)
ieee_names: dict[str, Any] = dict(IEEE)


def define(row: str) -> Primitive:
    """Parse, check and add one row of text to the table.

    Parameters
    ----------
    row : str
        ``name | operands | value | partials | domains``, as in :mod:`autograd_mini.table.rows`.

    Returns
    -------
    Primitive
        The new row.

    Raises
    ------
    ValueError
        If the row is not well formed, the name is taken, or the formulas do not give finite
        numbers in the middle of the domain.

    Examples
    --------
    >>> define("tanh | x | tanh(x) | 1 - y * y | -1..1")
    Traceback (most recent call last):
    ...
    ValueError: primitive 'tanh' exists already; choose another name
    """
    columns = [column.strip() for column in row.split("|")]
    if len(columns) != 5:
        raise ValueError(f"row {row.strip()!r} has {len(columns)} columns, expected 5")
    name = _identifier(columns[0])
    reserved = _RESERVED | _MARKS | {"sign", "prod_others"}
    if not re.fullmatch(r"[a-z]\w*", name) or name in reserved or keyword.iskeyword(name):
        raise ValueError(f"primitive name {name!r} is not a lower-case identifier free to use")
    if name in _rows:
        raise ValueError(f"primitive {name!r} exists already; choose another name")
    operands = tuple(_parse_operand(name, text.strip()) for text in columns[1].split(","))
    _check_kinds(name, operands)
    partials = tuple(text.strip() for text in columns[3].split(";"))
    domains = tuple(_parse_domain(name, text) for text in columns[4].split(","))
    for what, found in (("partials", partials), ("domains", domains)):
        if len(found) != len(operands):
            count = f"{len(found)} {what} for {len(operands)} operands"
            raise ValueError(f"primitive {name!r} has {count}, expected one each")
    primitive = _assemble(name, operands, columns[2], partials, domains)
    _try_out(primitive)
    if not primitive.has_vectors:
        fast_names.setdefault(name, primitive._fast[0])
        ieee_names.setdefault(name, primitive._ieee[0])
    _rows[name] = primitive
    return primitive


def _try_out(primitive: Primitive) -> None:
    """Evaluate a new row once, in the middle of its domain, before it enters the table."""
    point: list[float] = []
    for operand, (low, high) in zip(primitive.operands, primitive.domains, strict=True):
        point += [(low + high) / 2] * (2 if operand.kind == "vector" else 1)
    try:
        y, derivatives = primitive.linearize(point)
    except (TypeError, NameError) as error:  # a function with the wrong number of arguments
        raise ValueError(f"primitive {primitive.name!r} cannot be evaluated: {error}") from error
    if len(derivatives) != len(point) or not np.all(np.isfinite([y, *derivatives])):
        raise ValueError(
            f"primitive {primitive.name!r} gives value {y!r} and derivatives {derivatives!r} at "
            f"{point}, the middle of its domain; expected a finite number for each: give it a "
            "domain inside which it has them"
        )


def _identifier(text: str) -> str:
    """A name as Python reads it in the formulas: without ligatures and the like (PEP 3131)."""
    return unicodedata.normalize("NFKC", text)


def _parse_operand(row: str, text: str) -> Operand:
    match = _OPERAND.fullmatch(_identifier(text))
    if match is None or match[1] in _RESERVED:
        raise ValueError(
            f"primitive {row!r}: operand {text!r} is not a name like x, x..., c?, k=1: it begins "
            "with one of a to z, and y, n and pi have a meaning already"
        )
    kind: Kind = {"...": "vector", "?": "optional"}.get(match[2], "scalar")  # type: ignore[assignment]
    default = None if match[3] is None else float(match[3])
    if default is not None and not np.isfinite(default):
        raise ValueError(f"primitive {row!r}: the default of {text!r} is beyond float64")
    return Operand(match[1], kind, default)


def _check_kinds(row: str, operands: tuple[Operand, ...]) -> None:
    """Refuse operands that a call, or a flat sequence of them, could not tell apart."""
    kinds = [operand.kind for operand in operands]
    if kinds.count("optional") > ("vector" in kinds and kinds.count("vector") > 1):
        raise ValueError(
            f"primitive {row!r}: an optional operand stands alone, beside two vectors or more; "
            "elsewhere give a default as in c=0"
        )
    may_be_left_out = [o.kind == "optional" or o.default is not None for o in operands]
    if may_be_left_out != sorted(may_be_left_out):
        raise ValueError(f"primitive {row!r}: operands that may be left out come last")


def _parse_domain(row: str, text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    try:
        domain = float(low), float(high)
    except ValueError:
        raise ValueError(f"primitive {row!r}: domain {text.strip()!r} is not LOW..HIGH") from None
    if not -np.inf < domain[0] < domain[1] < np.inf:
        raise ValueError(f"primitive {row!r}: domain {text.strip()!r} is not a finite interval")
    return domain


def _assemble(
    name: str,
    operands: tuple[Operand, ...],
    value: str,
    partials: tuple[str, ...],
    domains: tuple[tuple[float, float], ...],
) -> Primitive:
    """Parse the formulas and compile them for both ways to evaluate floats."""
    names = [operand.name for operand in operands]
    if len(set(names)) < len(names):
        raise ValueError(f"primitive {name!r} names an operand twice: {', '.join(names)}")
    taken = BACKEND_FUNCTIONS | set(_rows) | {"where"}
    for operand in names:
        if operand in taken or keyword.iskeyword(operand):
            raise ValueError(f"primitive {name!r}: operand {operand!r} is a function or keyword")
    vectors = [operand.name for operand in operands if operand.kind == "vector"]
    functions = (set(fast_names) - {"pi"}) | {"where"} | (REDUCTIONS if vectors else set())
    allowed = {*names, "n", "pi"} if vectors else {*names, "pi"}
    try:
        value_formula = parse_formula(value, allowed, functions)
        formulas = tuple(parse_formula(text, allowed | {"y"}, functions) for text in partials)
    except ValueError as error:
        raise ValueError(f"primitive {name!r}: {error}") from None
    _check_vectors(name, value_formula, vectors, scalar=True)
    for operand_, formula in zip(operands, formulas, strict=True):
        _check_vectors(name, formula, vectors, scalar=operand_.kind != "vector")
    compiled = []
    for scalar_names, dialect, suffix in (
        (fast_names, FloatDialect(vectors), ""),
        (ieee_names, _IeeeDialect(vectors), " in IEEE arithmetic"),
    ):
        lines = [_function_source("_value", names, value_formula, vectors, dialect)]
        lines += [
            _function_source(f"_partial_{i}", [*names, "y"], formula, vectors, dialect)
            for i, formula in enumerate(formulas)
        ]
        namespace = vector_names(scalar_names) if vectors else dict(scalar_names)
        namespace |= {"_float64": np.float64, "_len": len}
        compile_source("\n".join(lines), f"<autograd_mini row {name}{suffix}>", namespace)
        compiled.append(tuple(namespace[f] for f in ["_value", *_partial_names(formulas)]))
    return Primitive(name, operands, value, partials, domains, value_formula, formulas, *compiled)


def _check_vectors(row: str, formula: ast.expr, vectors: Sequence[str], scalar: bool) -> None:
    """Refuse vectors where one number is meant: a condition, the value, a scalar's derivative."""
    if scalar and is_vector(formula, vectors):
        raise ValueError(
            f"primitive {row!r}: {ast.unparse(formula)!r} gives a vector where one number is "
            "needed: reduce it with sum, dot or the like"
        )
    for node in ast.walk(formula):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "where":
            condition = node.args[0]
            if is_vector(condition, vectors):
                raise ValueError(
                    f"primitive {row!r}: the condition {ast.unparse(condition)!r} compares a "
                    "vector; where takes one number, maximum, minimum and sign work on elements"
                )


def _partial_names(formulas: Sequence[ast.expr]) -> list[str]:
    return [f"_partial_{i}" for i in range(len(formulas))]


class _IeeeDialect(FloatDialect):
    """Numbers as ``numpy.float64``, whose division by zero is no error."""

    def number(self, value: float) -> str:
        return f"_float64({value!r})"


def _function_source(
    name: str,
    arguments: list[str],
    formula: ast.expr,
    vectors: Sequence[str],
    dialect: FloatDialect,
) -> str:
    body = dialect.translate(formula)
    length = f"    n = _len({vectors[0]})\n" if vectors else ""
    return f"def {name}({', '.join(arguments)}):\n{length}    return {body}\n"


for _row in ROWS.strip().splitlines():
    define(_row)
