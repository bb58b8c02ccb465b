"""The formula language of the derivative table: what a formula is, and how one is read.

A formula is a small subset of a Python expression: numbers, names, ``+ - * / **``, calls of known
functions, and comparisons as the first argument of ``where``.  Anything else is refused.  What a
formula means is said elsewhere: see :mod:`autograd_mini.table.interpreter`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

VECTOR_FUNCTIONS = frozenset({"prod_others", "softmax"})
"""Functions of whole vectors that give one number for each element of the first."""
REDUCTIONS = VECTOR_FUNCTIONS | {"sum", "mean", "prod", "dot", "logsumexp", "norm"}
"""Functions of whole vectors."""


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator of the language.

    Attributes
    ----------
    node : type
        How ``ast`` has it.
    symbol : str
        How it is written.
    row : str
        The row of the table that it is.
    function : callable
        What it does to floats.
    ufunc : str
        NumPy's name of it.
    opposite : type or None
        The comparison that holds where this one does not, as long as nothing is NaN.
    """

    node: type[ast.AST]
    symbol: str
    row: str
    function: Callable[..., Any]
    ufunc: str
    opposite: type[ast.cmpop] | None = None


ARITHMETIC = (
    Operator(ast.Add, "+", "add", operator.add, "add"),
    Operator(ast.Sub, "-", "sub", operator.sub, "subtract"),
    Operator(ast.Mult, "*", "mul", operator.mul, "multiply"),
    Operator(ast.Div, "/", "div", operator.truediv, "divide"),
    Operator(ast.Pow, "**", "pow", operator.pow, "power"),
)
NEGATIVE = Operator(ast.USub, "-", "neg", operator.neg, "negative")
COMPARISONS = (
    Operator(ast.Gt, ">", "greater", operator.gt, "greater", ast.LtE),
    Operator(ast.GtE, ">=", "greater_equal", operator.ge, "greater_equal", ast.Lt),
    Operator(ast.Lt, "<", "less", operator.lt, "less", ast.GtE),
    Operator(ast.LtE, "<=", "less_equal", operator.le, "less_equal", ast.Gt),
    Operator(ast.Eq, "==", "equal", operator.eq, "equal"),
)
OPERATORS: dict[type[ast.AST], Operator] = {
    each.node: each for each in (*ARITHMETIC, NEGATIVE, *COMPARISONS)
}
"""Every operator by its ``ast`` node: the only place that knows what belongs together."""


def operation(formula: ast.expr) -> tuple[Operator | str, Sequence[ast.expr]]:
    """What a formula does last, an operator or a function by its name, and to which operands.

    A number or a name has none: ``("", ())``.

    Examples
    --------
    >>> what, operands = operation(ast.parse("x ** 2", mode="eval").body)
    >>> what.row, list(map(ast.unparse, operands))
    ('pow', ['x', '2'])
    >>> operation(ast.parse("tanh(x)", mode="eval").body)[0]
    'tanh'
    """
    if isinstance(formula, ast.BinOp):
        return OPERATORS[type(formula.op)], (formula.left, formula.right)
    if isinstance(formula, ast.Call):
        return formula.func.id, formula.args  # type: ignore[attr-defined]  # a name, as checked
    if isinstance(formula, ast.UnaryOp):
        return OPERATORS[type(formula.op)], (formula.operand,)
    if isinstance(formula, ast.Compare):
        return OPERATORS[type(formula.ops[0])], (formula.left, formula.comparators[0])
    return "", ()


def parts(formula: ast.expr) -> Iterator[ast.expr]:
    """A formula and all formulas in it.

    Examples
    --------
    >>> [ast.unparse(part) for part in parts(ast.parse("exp(-x)", mode="eval").body)]
    ['exp(-x)', '-x', 'x']
    """
    waiting = [formula]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(operation(part)[1]))


def functions_in(formula: ast.expr) -> set[str]:
    """The names of the functions that a formula calls."""
    called = (operation(part)[0] for part in parts(formula))
    return {what for what in called if isinstance(what, str) and what}


def names_in(formula: ast.expr) -> set[str]:
    """The names that a formula speaks of."""
    return {part.id for part in parts(formula) if isinstance(part, ast.Name)}


class UnknownFunctionError(ValueError):
    """A formula calls a function that it may not call: `name`.

    Examples
    --------
    >>> UnknownFunctionError("calls unknown 'f'", name="f").name
    'f'
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def parse_formula(text: str, names: Collection[str], functions: Collection[str]) -> ast.expr:
    """Parse `text` and check every node of it.

    Parameters
    ----------
    text : str
        The formula.
    names : collection of str
        Names it may speak of (operands, ``y``, ``n``, ``pi``).
    functions : collection of str
        Functions it may call.

    Returns
    -------
    ast.expr
        The expression.

    Raises
    ------
    ValueError
        If the text is not a formula; the message says which part is not.

    Examples
    --------
    >>> ast.unparse(parse_formula("1 - y*y", {"x", "y"}, set()))
    '1 - y * y'
    """
    try:
        expression = ast.parse(text.strip(), mode="eval").body
        _check(expression, text, names, functions, condition=False)
    except SyntaxError as error:
        raise ValueError(f"formula {text!r} is not an expression: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise ValueError(f"formula {text[:40]!r}... is nested too deeply") from None
    return expression


def _check(
    node: ast.expr, text: str, names: Collection[str], functions: Collection[str], condition: bool
) -> None:
    """Refuse every node outside the language; `condition` allows a comparison here."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        _check_number(node.value, text)  # type: ignore[arg-type]  # just seen
        return
    if isinstance(node, ast.Name) and node.id in names:
        return
    children: Sequence[ast.expr]
    if isinstance(node, (ast.BinOp, ast.UnaryOp)) and type(node.op) in OPERATORS:
        children = operation(node)[1]
    elif isinstance(node, ast.Compare) and condition and len(node.ops) == 1:
        if type(node.ops[0]) not in OPERATORS:
            raise ValueError(f"formula {text!r}: comparison {ast.unparse(node)!r} is not known")
        children = [node.left, node.comparators[0]]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in functions:
            known = ", ".join(sorted(functions))
            message = f"formula {text!r} calls unknown {node.func.id!r}; known: {known}"
            raise UnknownFunctionError(message, name=node.func.id)
        if node.func.id == "where":
            if len(node.args) != 3:
                raise ValueError(f"formula {text!r}: where takes a condition and two arms")
            _check(node.args[0], text, names, functions, condition=True)
            children = node.args[1:]
        else:
            children = node.args
    else:
        expected = f"numbers, the names {', '.join(sorted(names))}, + - * / ** and functions"
        raise ValueError(f"formula {text!r}: {ast.unparse(node)!r} is not one of {expected}")
    for child in children:
        _check(child, text, names, functions, condition=False)


def _check_number(number: float, text: str) -> None:
    """Refuse a number that float64 cannot hold."""
    try:
        finite = math.isfinite(number)
    except OverflowError:  # an int
        finite = False
    if not finite:
        raise ValueError(f"formula {text!r:.80}: a number is beyond the range of float64")


def is_vector(formula: ast.expr, vectors: Collection[str]) -> bool:
    """Whether a formula gives one number for each element.

    Examples
    --------
    >>> is_vector(parse_formula("2 * x", {"x"}, set()), {"x"})
    True
    >>> is_vector(parse_formula("2 * sum(x)", {"x"}, {"sum"}), {"x"})
    False
    """
    if not vectors:
        return False
    if isinstance(formula, ast.Name):
        return formula.id in vectors
    called, operands = operation(formula)
    if called in REDUCTIONS:
        return called in VECTOR_FUNCTIONS and is_vector(operands[0], vectors)
    return any(is_vector(operand, vectors) for operand in operands)
