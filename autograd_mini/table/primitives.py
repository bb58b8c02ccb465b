"""The rows of the derivative table as objects: divided into operands, compiled, and evaluated."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from .backends import FLOAT, IEEE, Backend
from .grammar import REDUCTIONS, functions_in, is_vector, operation, parts
from .parsing import Columns, Operand, parse_columns, parse_formulas
from .rows import ROWS
from .vectors import Vector, elementwise

_UNDEFINED_OF_NONE = frozenset({"mean", "logsumexp", "norm", "softmax"})


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
    description : str
        What it is, in one line.
    remedy : str
        What to do about infinity or NaN; empty if there is nothing to say.

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
    description: str = ""
    remedy: str = ""

    def columns(self) -> Columns:
        """What the row's text says; rows that say the same are one."""
        return Columns(
            self.name,
            self.operands,
            self.value,
            self.partials,
            self.domains,
            self.description,
            self.remedy,
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the operands."""
        return tuple([operand.name for operand in self.operands])

    @cached_property
    def vectors(self) -> tuple[str, ...]:
        """The names of the operands that are vectors."""
        return tuple([operand.name for operand in self.operands if operand.kind == "vector"])

    @cached_property
    def has_vectors(self) -> bool:
        """Whether the number of operands varies."""
        return bool(self.vectors)

    @cached_property
    def needs_elements(self) -> bool:
        """Whether the row says nothing of empty vectors: it divides by n, or reduces nothing.

        Examples
        --------
        >>> [name for name in ("sum", "mean", "norm") if PRIMITIVES[name].needs_elements]
        ['mean', 'norm']
        """
        return any(
            self._is_undefined_of_none(part)
            for formula in (self.value_formula, *self.partial_formulas)
            for part in parts(formula)
        )

    def _is_undefined_of_none(self, part: ast.expr) -> bool:
        if isinstance(part, ast.Name):
            return part.id == "n"
        what, operands = operation(part)
        return what in _UNDEFINED_OF_NONE and all(is_vector(o, self.vectors) for o in operands)

    def spans(self, count: int) -> list[slice]:
        """Where each operand lies in a flat sequence of `count`.

        An optional operand that is left out lies nowhere, and several vectors are equally long.

        Raises
        ------
        ValueError
            If the row does not take that many operands.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> ad.PRIMITIVES["dot"].spans(4)
        [slice(0, 2, None), slice(2, 4, None), slice(4, 4, None)]
        """
        found = self._spans.get(count)
        if found is None:
            found = self._spans[count] = self._divide(count)
        return found

    @cached_property
    def _spans(self) -> dict[int, list[slice]]:
        return {}

    def _divide(self, count: int) -> list[slice]:
        kinds = [operand.kind for operand in self.operands]
        variable = count - kinds.count("scalar")
        length, spare = divmod(variable, max(kinds.count("vector"), 1))
        if variable < 0 or spare > kinds.count("optional") or (length and not self.has_vectors):
            raise ValueError(
                f"{self.name} takes {', '.join(map(str, self.operands))}: {count} operands "
                "do not divide into these"
            )
        sizes = {"scalar": 1, "vector": length, "optional": spare}
        ends = list(accumulate(sizes[kind] for kind in kinds))
        return [slice(end - sizes[kind], end) for end, kind in zip(ends, kinds, strict=True)]

    def split(self, operands: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
        """Group a flat sequence of operands as the row names them.

        A vector operand becomes a :class:`Vector` (of an array, a part of it); an optional one that
        is missing becomes 0.0.

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
        spans = self.spans(len(operands))
        if not self.has_vectors:
            return list(operands)
        groups: list[Any] = []
        for operand, span in zip(self.operands, spans, strict=True):
            if operand.kind == "vector":
                group: Any = operands[span]
                groups.append(group if isinstance(group, np.ndarray) else Vector(group))
            else:
                groups.append(operands[span.start] if span.stop > span.start else 0.0)
        return groups

    def bind(self, operands: Sequence[Any]) -> dict[str, Any]:
        """What the names of the formulas stand for, ``n`` included.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> ad.PRIMITIVES["mean"].bind([1.0, 2.0])
        {'values': [1.0, 2.0], 'n': 2}
        """
        bound = dict(zip(self.names, self.split(operands), strict=True))
        return bound | {"n": len(bound[self.vectors[0]])} if self.vectors else bound

    def locate(self, position: int, count: int) -> tuple[int, int]:
        """Which operand stands at a position of `count`, and which element of it.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> ad.PRIMITIVES["dot"].locate(3, count=4)
        (1, 1)
        """
        for index, span in enumerate(self.spans(count)):
            if span.start <= position < span.stop:
                return index, position - span.start
        raise IndexError(f"{self.name} has no operand at position {position}")

    def on(self, backend: Backend) -> tuple[Callable[..., Any], ...]:
        """The value and the partial derivatives as functions of what a backend computes with.

        The value takes the operands in groups, as :meth:`split` has them, a partial derivative the
        output after them.

        Examples
        --------
        >>> from autograd_mini.table.backends import ARRAY
        >>> value, partial = PRIMITIVES["tanh"].on(ARRAY)
        >>> y = value(np.array([0.0, 20.0]))
        >>> partial(np.array([0.0, 20.0]), y)
        array([1., 0.])
        """
        found = self._compiled.get(backend)
        if found is None:
            found = self._compiled[backend] = _compiled(self, backend)
        return found

    @cached_property
    def _compiled(self) -> dict[Backend, tuple[Callable[..., Any], ...]]:
        return {}

    @cached_property
    def _fast(self) -> tuple[Callable[..., Any], ...]:
        return self.on(FLOAT)

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
        wanted = [not fixed for fixed in constant] if constant else [True] * len(operands)
        return y, tuple(self.spread(lambda index: self._call(index + 1, [*groups, y]), wanted))

    def spread(self, partial: Callable[[int], Any], wanted: Sequence[bool]) -> list[Any]:
        """A derivative for each of a flat sequence of operands; 0.0 for those not wanted.

        Parameters
        ----------
        partial : callable
            The partial derivative toward the operand of an index: a :class:`Vector`, or one for
            all its elements.  It is not asked for operands of which no element is wanted.
        wanted : sequence of bool
            For each of the flat sequence.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> ad.PRIMITIVES["dot"].spread(lambda index: 10.0 * index, [True, False, True, True])
        [0.0, 0.0, 10.0, 10.0]
        """
        derivatives: list[Any] = []
        for index, span in enumerate(self.spans(len(wanted))):
            chosen = wanted[span]
            result = partial(index) if True in chosen else 0.0
            derivatives.extend(result if isinstance(result, Vector) else [result] * len(chosen))
        if all(wanted):
            return derivatives
        return [d if take else 0.0 for d, take in zip(derivatives, wanted, strict=True)]

    def _call(self, index: int, arguments: Sequence[Any]) -> Any:
        """Evaluate formula `index` (0 the value, then the partials), again in IEEE if it raises."""
        try:
            return self._fast[index](*arguments)
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                return _floats(self.on(IEEE)[index](*map(_float64s, arguments)))


def _float64s(argument: Any) -> Any:
    return (
        Vector(map(np.float64, argument)) if isinstance(argument, Vector) else np.float64(argument)
    )


def _floats(result: Any) -> Any:
    return Vector(map(float, result)) if isinstance(result, Vector) else float(result)


def compile_source(source: str, filename: str, namespace: dict[str, Any]) -> None:
    """Run generated source in `namespace`; tracebacks and ``inspect.getsource`` show it."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), namespace)


_rows: dict[str, Primitive] = {}
PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(_rows)
"""The derivative table: operation name -> row."""


def define(row: str) -> Primitive:
    """Parse, check and add one row of text to the table.

    Parameters
    ----------
    row : str
        As :func:`parse_row` takes it.

    Returns
    -------
    Primitive
        The new row.

    Raises
    ------
    ValueError
        As :func:`parse_row` does.

    Examples
    --------
    >>> define("tanh | x | tanh(x) | 1 - y * y | -1..1")
    Traceback (most recent call last):
    ...
    ValueError: primitive 'tanh' exists already; choose another name
    """
    primitive = parse_row(row)
    add(primitive)
    return primitive


def add(primitive: Primitive) -> None:
    """Add a row to the table."""
    _rows[primitive.name] = primitive


def parse_row(row: str) -> Primitive:
    """Parse and check one row of text.

    Parameters
    ----------
    row : str
        ``name | operands | value | partials | domains | description | remedy``, as in
        :mod:`autograd_mini.table.rows`; the last two may be left out.

    Returns
    -------
    Primitive
        The row; if the very same stands in the table, that.  If only its description or remedy
        is another, that with the new one.

    Raises
    ------
    ValueError
        If the row is not well formed, the name is taken, or the formulas do not give finite
        numbers in the middle of the domain.

    Examples
    --------
    >>> parse_row("half | x | x / 2 | 0.5 | -1..1").evaluate([3.0])
    1.5
    """
    columns = parse_columns(row)
    known = _rows.get(columns.name)
    if known is not None:
        return _again(known, columns)
    scalar_rows = {name for name in _rows if not _rows[name].has_vectors}
    formulas = parse_formulas(columns, scalar_rows, set(_rows) - scalar_rows)
    primitive = Primitive(*columns[:5], *formulas, *columns[5:])
    _try_out(primitive)
    return primitive


def _again(known: Primitive, columns: Columns) -> Primitive:
    """The row of that name, if the columns say the same of it."""
    if known.columns() == columns:
        return known
    if known.name in BUILT_IN:
        raise ValueError(f"primitive {known.name!r} exists already; choose another name")
    for what, old, new in zip(Columns._fields[:5], known.columns(), columns, strict=False):
        if _meaning(old) != _meaning(new):
            raise ValueError(
                f"primitive {known.name!r} exists already, with {_DIFFERENCES[what]}: "
                f"{_text(old)} instead of {_text(new)}; choose another name, or restart Python"
            )
    return replace(known, description=columns.description, remedy=columns.remedy)


_DIFFERENCES = {
    "operands": "other operands",
    "value": "another value",
    "partials": "other partials",
    "domains": "other domains",
}


def _meaning(column: Any) -> Any:
    """What a column says, formulas without their blanks."""
    if isinstance(column, str):
        try:
            return ast.dump(ast.parse(column.strip(), mode="eval"))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return column
    return [_meaning(part) if isinstance(part, str) else part for part in column]


def _text(column: Any) -> str:
    """A column as it was given."""
    if isinstance(column, str):
        return repr(column)
    return f"[{', '.join(repr(p) if isinstance(p, tuple) else repr(str(p)) for p in column)}]"


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


def namespace(formulas: Iterable[ast.expr], backend: Backend, vectors: bool) -> dict[str, Any]:
    """The functions that formulas call, and what else they need, as a backend has them."""
    called = set().union(*map(functions_in, formulas)) - {"where"} | backend.always
    found = {name: _function(name, backend) for name in called}
    if vectors and backend.maps:
        found |= {name: elementwise(found[name]) for name in found if name not in REDUCTIONS}
    return found | backend.helpers()


def _function(name: str, backend: Backend) -> Callable[..., Any]:
    return backend.function(name) or _rows[name].on(backend)[0]


def _compiled(row: Primitive, backend: Backend) -> tuple[Callable[..., Any], ...]:
    """The formulas of a row as functions."""
    formulas = [row.value_formula, *row.partial_formulas]
    names = ["_value", *[f"_partial_{index}" for index in range(len(row.operands))]]
    writer = backend.over(row.vectors)
    length = f"    n = _len({row.vectors[0]})\n" if row.vectors else ""
    lines = []
    for name, formula in zip(names, formulas, strict=True):
        arguments = ", ".join(row.names if name == "_value" else (*row.names, "y"))
        lines.append(f"def {name}({arguments}):\n{length}    return {writer.interpret(formula)}\n")
    functions = namespace(formulas, backend, row.has_vectors)
    compile_source(
        "\n".join(lines), f"<autograd_mini row {row.name} on {backend.title}>", functions
    )
    return tuple([functions[name] for name in names])


for _row in ROWS.strip().splitlines():
    define(_row)
BUILT_IN = frozenset(_rows)
"""The names of the rows that are there before users add their own."""
