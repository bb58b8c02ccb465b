"""A row of the table as text: its columns, taken apart and checked."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from .backends import FUNCTIONS
from .grammar import (
    REDUCTIONS,
    UnknownFunctionError,
    is_vector,
    operation,
    parse_formula,
    parts,
)

Kind = Literal["scalar", "vector", "optional"]
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_OPERAND = re.compile(rf"([a-z]\w*)\s*(\.\.\.|\?|=\s*({_NUMBER}))?")
_RESERVED = {"y": "the output", "n": "the length of the vectors", "pi": "3.14159..."}
_MARKS = frozenset({"constant", "input", "integer_input", "take"})  # ops without a row


@dataclass(frozen=True)
class Operand:
    """One operand of a primitive: its name, its kind and, if it may be left out, its default."""

    name: str
    kind: Kind
    default: float | None = None

    def __str__(self) -> str:
        suffix = {"scalar": "", "vector": "...", "optional": "?"}[self.kind]
        return self.name + suffix + ("" if self.default is None else f"={self.default!r}")


class Columns(NamedTuple):
    """A row of text, parsed: its columns in order."""

    name: str
    operands: tuple[Operand, ...]
    value: str
    partials: tuple[str, ...]
    domains: tuple[tuple[float, float], ...]
    description: str = ""
    remedy: str = ""


def parse_columns(row: str) -> Columns:
    """Parse and check all columns of a row but its formulas.

    Raises
    ------
    ValueError
        Says which column is not well formed.

    Examples
    --------
    >>> columns = parse_columns("leak | x, k=0.1 | k * x | k ; x | -1..1, 0..1")
    >>> [str(operand) for operand in columns.operands], columns.partials
    (['x', 'k=0.1'], ('k', 'x'))
    """
    columns = [column.strip() for column in row.split("|")]
    if not 5 <= len(columns) <= 7:
        raise ValueError(f"row {row.strip()!r} has {len(columns)} columns, expected 5 to 7")
    name = _parse_name(columns[0])
    operands = tuple(_parse_operand(name, text.strip()) for text in columns[1].split(","))
    _check_kinds(name, operands)
    partials = tuple(text.strip() for text in columns[3].split(";"))
    domains = tuple(_parse_domain(name, text) for text in columns[4].split(","))
    for what, found in (("partials", partials), ("domains", domains)):
        if len(found) != len(operands):
            count = f"{len(found)} {what} for {len(operands)} operands"
            raise ValueError(f"primitive {name!r} has {count}, expected one each")
    return Columns(name, operands, columns[2], partials, domains, *columns[5:])


def _parse_name(text: str) -> str:
    name = _identifier(text)
    reserved = {*_RESERVED, *_MARKS, "prod_others"}
    if not re.fullmatch(r"[a-z]\w*", name) or name in reserved or keyword.iskeyword(name):
        raise ValueError(f"primitive name {name!r} is not a lower-case identifier free to use")
    return name


def _identifier(text: str) -> str:
    """A name as Python reads it in the formulas: without ligatures and the like (PEP 3131)."""
    return unicodedata.normalize("NFKC", text)


def _parse_operand(row: str, text: str) -> Operand:
    match = _OPERAND.fullmatch(_identifier(text))
    if match is not None and match[1] in _RESERVED:
        raise ValueError(
            f"primitive {row!r}: operand {text!r} cannot have that name: in the formulas "
            f"{match[1]} is {_RESERVED[match[1]]}"
        )
    if match is None:
        raise ValueError(
            f"primitive {row!r}: operand {text!r} is not a name like x, x..., c?, k=1 that begins "
            "with one of a to z"
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


def parse_formulas(
    columns: Columns, scalar_rows: Set[str], vector_rows: Set[str]
) -> tuple[ast.expr, tuple[ast.expr, ...]]:
    """Parse and check the formulas of a row.

    Parameters
    ----------
    columns : Columns
        The row.
    scalar_rows, vector_rows : set of str
        The names of the rows that there are; formulas may call scalar ones.

    Returns
    -------
    tuple
        The formula of the value, and those of the partial derivatives.

    Raises
    ------
    ValueError
        Says which formula or name is wrong.

    Examples
    --------
    >>> columns = parse_columns("f | x | x * x | 2 * x | 0..1")
    >>> value, partials = parse_formulas(columns, set(), set())
    >>> ast.unparse(value), list(map(ast.unparse, partials))
    ('x * x', ['2 * x'])
    """
    name = columns.name
    names = [operand.name for operand in columns.operands]
    if len(set(names)) < len(names):
        raise ValueError(f"primitive {name!r} names an operand twice: {', '.join(names)}")
    taken = FUNCTIONS | scalar_rows | vector_rows | {"where"}
    for operand in names:
        if operand in taken or keyword.iskeyword(operand):
            what = "a function of formulas, as every row is," if operand in taken else "a keyword"
            raise ValueError(
                f"primitive {name!r}: operand {operand!r} has the name of {what}; choose another"
            )
    vectors = [operand.name for operand in columns.operands if operand.kind == "vector"]
    functions = (FUNCTIONS if vectors else FUNCTIONS - REDUCTIONS) | scalar_rows | {"where"}
    allowed = {*names, "n", "pi"} if vectors else {*names, "pi"}
    try:
        value = parse_formula(columns.value, allowed, functions)
        partials = tuple(parse_formula(t, allowed | {"y"}, functions) for t in columns.partials)
    except ValueError as error:
        unknown = error.name if isinstance(error, UnknownFunctionError) else ""
        if unknown in vector_rows | REDUCTIONS:
            error = _not_callable(unknown, functions)
        raise ValueError(f"primitive {name!r}: {error}") from None
    if vectors:
        _check_vectors(name, value, vectors, scalar=True)
        for each, partial in zip(columns.operands, partials, strict=True):
            _check_vectors(name, partial, vectors, scalar=each.kind != "vector")
    return value, partials


def _not_callable(function: str, functions: Set[str]) -> ValueError:
    """Why a formula may not call a function of vectors that there is."""
    of_vectors = ", ".join(sorted(functions & REDUCTIONS))
    others = f"only {of_vectors}" if of_vectors else "none, as it has no operand like x..."
    return ValueError(
        f"{function!r} is known, but a formula of this row may not call it: of the functions of "
        f"vectors it may call {others}"
    )


def _check_vectors(row: str, formula: ast.expr, vectors: Sequence[str], scalar: bool) -> None:
    """Refuse vectors where one number is meant: a condition, the value, a scalar's derivative."""
    if scalar and is_vector(formula, vectors):
        raise ValueError(
            f"primitive {row!r}: {ast.unparse(formula)!r} gives a vector where one number is "
            "needed: reduce it with sum, dot or the like"
        )
    for part in parts(formula):
        what, operands = operation(part)
        if what == "where":
            condition = operands[0]
            if is_vector(condition, vectors):
                raise ValueError(
                    f"primitive {row!r}: the condition {ast.unparse(condition)!r} compares a "
                    "vector; where takes one number, maximum, minimum and sign work on elements"
                )
