"""Expressions typed by a user, such as ``tanh(w*x + b)``: read, checked, and built as a graph.

The text is parsed into Python's syntax tree and each node of the tree is checked against a short
list.  Nothing of it is ever executed: what is left is a list of numbers, names and primitives.
"""

from __future__ import annotations

import ast
import difflib
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .primitives import PRIMITIVES, Primitive
from .value import Operand, Value, apply, as_value, to_float

MAX_CHARACTERS = 10_000
"""The longest expression that is read; beyond it a program is the better place."""

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}
_HINTS: dict[type[ast.AST], str] = {
    ast.BitXor: "a power is written **",
    ast.Compare: "a condition is written greater(a, b), less(a, b) or equal(a, b)",
    ast.IfExp: "a choice is written where(greater(x, 0), a, b)",
}
_ALLOWED = "names, numbers, + - * / **, unary minus, and functions of the derivative table"
_WINDOW = 72  # characters of a long expression that an error shows


class ExpressionError(ValueError):
    """A text is not an expression; the message shows where."""


class _Call(NamedTuple):
    """A primitive over the `n_operands` steps that follow, then the defaults of those left out."""

    op: str
    n_operands: int
    defaults: tuple[float, ...] = ()


_Step = float | str | _Call  # a number, a name, a primitive


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes
    ----------
    text : str
        What was parsed.
    names : tuple of str
        The names it uses, in order of their first use.

    Examples
    --------
    >>> expression = parse_expression("w*x + b")
    >>> expression.names
    ('w', 'x', 'b')
    >>> expression({"w": 2.0, "x": 3.0, "b": 1.0}).data
    7.0
    """

    text: str
    names: tuple[str, ...]
    _steps: tuple[_Step, ...]  # in prefix order: an operation before its operands

    def __call__(self, values: Mapping[str, Operand]) -> Value:
        """Build the graph over the values of the names; numbers alone give a constant."""
        stack: list[Value] = []
        for step in reversed(self._steps):
            if isinstance(step, _Call):
                operands = [stack.pop() for _ in range(step.n_operands)]
                stack.append(apply(step.op, *operands, *map(as_value, step.defaults)))
            else:
                stack.append(as_value(values[step] if isinstance(step, str) else step))
        return stack.pop()


def parse_expression(text: str) -> Expression:
    """Read an expression over names, numbers, ``+ - * / **`` and functions of the table.

    A function of several numbers takes any number of them, as in ``logsumexp(a, b, c)``;
    ``softmax(a, b, c)`` is the first of the probabilities.  ``pi`` is a number.

    Parameters
    ----------
    text : str
        The expression.

    Returns
    -------
    Expression
        Ready to be evaluated.

    Raises
    ------
    ExpressionError
        If the text is anything else; the message points at the first offence.

    Examples
    --------
    >>> parse_expression("2 * tan(x)").names
    ('x',)
    >>> parse_expression("x + y[0]")
    Traceback (most recent call last):
    ...
    autograd_mini.expression.ExpressionError: 'y[0]' is not allowed; an expression holds names, \
numbers, + - * / **, unary minus, and functions of the derivative table
      x + y[0]
          ^^^^
    """
    text = "".join(" " if character.isspace() else character for character in text).strip()
    if not text:
        raise ExpressionError(f"the expression is empty; expected {_ALLOWED}")
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"the expression has {len(text):,} characters, more than {MAX_CHARACTERS:,}; "
            "write it in Python, with autograd_mini.Value"
        )
    if "#" in text:  # Python would leave out the rest of the line, and so a part of the expression
        raise _error("a comment is not allowed", text, text.index("#"), len(text))
    steps: list[_Step] = []
    pending = [_parse(text)]
    while pending:  # no recursion, so that a sum of thousands of terms is no problem here
        step, operands = _read(pending.pop(), text)
        steps.append(step)
        pending.extend(reversed(operands))
    names = dict.fromkeys(step for step in steps if isinstance(step, str))
    return Expression(text, tuple(names), tuple(steps))


def _parse(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of literals that are refused anyway
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        start = min(max((error.offset or 1) - 1, 0), len(text))
        stop = error.end_offset - 1 if error.end_offset else start + 1
        reason = error.msg.partition(";")[0]
        raise _error(f"not an expression ({reason})", text, start, stop) from None
    except (RecursionError, MemoryError):
        raise ExpressionError(
            "the expression is nested too deeply; write it in Python, with autograd_mini.Value"
        ) from None
    except ValueError as error:  # a null byte, a lone surrogate
        raise ExpressionError(f"the expression cannot be read: {error}") from None


def _read(node: ast.expr, text: str) -> tuple[_Step, list[ast.expr]]:
    """One node of the syntax tree as a step, and the nodes of its operands; refuse all else."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        try:
            return to_float(node.value), []
        except ValueError as error:
            raise _error_at(str(error), text, node) from None
    if isinstance(node, ast.Name):
        return math.pi if node.id == "pi" else node.id, []
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _Call(_OPERATORS[type(node.op)], 2), [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _Call("neg", 1), [node.operand]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _read_call(node, node.func, text), node.args
    offence = node.func if isinstance(node, ast.Call) else node
    kind = type(offence.op) if isinstance(offence, ast.BinOp) else type(offence)
    hint = f" ({_HINTS[kind]})" if kind in _HINTS else ""
    source = _shorten(ast.get_source_segment(text, offence) or "this")
    message = f"{source!r} is not allowed{hint}; an expression holds {_ALLOWED}"
    raise _error_at(message, text, offence)


def _read_call(node: ast.Call, function: ast.Name, text: str) -> _Call:
    name = function.id
    if name not in PRIMITIVES or not _takes_numbers(PRIMITIVES[name]):
        raise _error_at(_unknown(name), text, function)
    for keyword in node.keywords:
        raise _error_at("operands are given without a name", text, keyword)
    operands = PRIMITIVES[name].operands
    n_given, n_scalars = len(node.args), sum(operand.kind == "scalar" for operand in operands)
    defaults = [operand.default for operand in operands[n_given:] if operand.default is not None]
    has_vector = n_scalars < len(operands)
    least = n_scalars - sum(operand.default is not None for operand in operands) + has_vector
    if n_given < least or (n_given > n_scalars and not has_vector):
        written = ", ".join(
            operand.name + ("..." if operand.kind == "vector" else "") for operand in operands
        )
        raise _error_at(f"{name}({written}) does not take {n_given} operands", text, node)
    return _Call(name, n_given, tuple(defaults))


def _unknown(name: str) -> str:
    """What to say of a function that is not there: one that its name resembles, or all."""
    if name in PRIMITIVES:
        return f"{name!r} takes lists, which cannot be written here; write out its sum"
    known = [name for name, row in PRIMITIVES.items() if _takes_numbers(row)]
    longer = [other for other in known if len(name) > 2 and other.startswith(name)]
    close = longer or difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    return f"unknown function {name!r}; {advice}"


def _takes_numbers(row: Primitive) -> bool:
    """Whether a plain list of numbers says which operand is which: not so for dot(a, b)."""
    kinds = [operand.kind for operand in row.operands]
    return kinds.count("vector") <= 1 and "optional" not in kinds


def _error_at(message: str, text: str, node: ast.expr | ast.keyword) -> ExpressionError:
    """Point at a node; its offsets count bytes."""
    encoded = text.encode()
    stop = len(encoded) if node.end_col_offset is None else node.end_col_offset
    start, stop = (len(encoded[:at].decode()) for at in (node.col_offset, stop))
    return _error(message, text, start, stop)


def _error(message: str, text: str, start: int, stop: int) -> ExpressionError:
    """Show the part of the text around the offence, with a line of ^ below it."""
    left = max(0, start - _WINDOW // 2) if len(text) > _WINDOW else 0
    shown = text[left : left + _WINDOW]
    width = max(1, min(stop, left + len(shown)) - start)
    before = "..." if left else ""
    after = "..." if left + len(shown) < len(text) else ""
    line = "".join(character if character.isprintable() else "?" for character in shown)
    pointer = " " * (len(before) + start - left) + "^" * width
    return ExpressionError(f"{message}\n  {before}{line}{after}\n  {pointer}")


def _shorten(source: str) -> str:
    return source if len(source) <= 40 else f"{source[:37]}..."
