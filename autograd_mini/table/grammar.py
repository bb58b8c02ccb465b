"""The formula language of the derivative table: parsing, checking, and translation to Python.

A formula is a small subset of a Python expression: numbers, names, ``+ - * / **``, calls of known
functions, and comparisons as the first argument of ``where``.  Anything else is refused.  The
dialects below translate a checked formula; the compiler and the explanations bring their own.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Iterable
from itertools import repeat
from typing import Any

VECTOR_FUNCTIONS = frozenset({"prod_others", "softmax"})
"""Functions of whole vectors that give one number for each element of the first."""
REDUCTIONS = VECTOR_FUNCTIONS | {"sum", "mean", "prod", "dot", "logsumexp", "norm"}
"""Functions of whole vectors."""
COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Gt: (">", "greater"),
    ast.GtE: (">=", "greater_equal"),
    ast.Lt: ("<", "less"),
    ast.LtE: ("<=", "less_equal"),
    ast.Eq: ("==", "equal"),
}
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}


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
    children: list[ast.expr]
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        children = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        children = [node.operand]
    elif isinstance(node, ast.Compare) and condition and len(node.ops) == 1:
        if type(node.ops[0]) not in COMPARISONS:
            raise ValueError(f"formula {text!r}: comparison {ast.unparse(node)!r} is not known")
        children = [node.left, node.comparators[0]]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in functions:
            known = ", ".join(sorted(functions))
            raise ValueError(f"formula {text!r} calls unknown {node.func.id!r}; known: {known}")
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
    if isinstance(formula, ast.Name):
        return formula.id in vectors
    children = [node for node in ast.iter_child_nodes(formula) if isinstance(node, ast.expr)]
    if isinstance(formula, ast.Call) and isinstance(formula.func, ast.Name):
        called = formula.func.id
        if called in REDUCTIONS:
            return called in VECTOR_FUNCTIONS and is_vector(formula.args[0], vectors)
    return any(is_vector(child, vectors) for child in children)


class Dialect:
    """Translates a checked formula to source text; a subclass changes what is different.

    Parameters
    ----------
    vectors : collection of str, optional
        The names of vectors, if an arm of ``where`` has to become one when the other is.
    """

    vectors: Collection[str] = ()

    def __init__(self, vectors: Collection[str] = ()) -> None:
        self.vectors = vectors

    def translate(self, node: ast.expr) -> str:
        """Return the text of `node` in this dialect."""
        if isinstance(node, ast.Constant):
            return self.number(float(node.value))  # type: ignore[arg-type]  # checked by _check
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.UnaryOp):
            return self.negative(self.translate(node.operand))
        if isinstance(node, ast.BinOp):
            symbol = OPERATORS[type(node.op)]
            return self.binary(symbol, self.translate(node.left), self.translate(node.right))
        if isinstance(node, ast.Compare):
            symbol, function = COMPARISONS[type(node.ops[0])]
            left, right = self.translate(node.left), self.translate(node.comparators[0])
            return self.compare(symbol, function, left, right)
        assert isinstance(node, ast.Call), "parse_formula lets nothing else pass"
        assert isinstance(node.func, ast.Name)
        arguments = [self.translate(argument) for argument in node.args]
        if node.func.id == "where" and is_vector(node, self.vectors):
            for i in (1, 2):
                if not is_vector(node.args[i], self.vectors):
                    arguments[i] = f"_repeated({arguments[i]}, n)"
        return self.call(node.func.id, arguments)

    def number(self, value: float) -> str:
        return repr(value)

    def name(self, name: str) -> str:
        return name

    def negative(self, operand: str) -> str:
        return f"(-{operand})"

    def binary(self, symbol: str, left: str, right: str) -> str:
        return f"({left} {symbol} {right})"

    def compare(self, symbol: str, function: str, left: str, right: str) -> str:
        return f"({left} {symbol} {right})"

    def call(self, function: str, arguments: list[str]) -> str:
        return f"{function}({', '.join(arguments)})"


class FloatDialect(Dialect):
    """Python over floats: ``where`` evaluates only the arm taken, ``**`` is never complex."""

    def binary(self, symbol: str, left: str, right: str) -> str:
        return f"pow({left}, {right})" if symbol == "**" else super().binary(symbol, left, right)

    def call(self, function: str, arguments: list[str]) -> str:
        if function == "where":
            condition, taken, other = arguments
            return f"({taken} if {condition} else {other})"
        return super().call(function, arguments)


class ValueDialect(Dialect):
    """Python over Values: ``where`` and ``equal`` are functions that the namespace gives.

    The arms of ``where`` are functions without arguments, so that the one not taken makes no node.
    """

    def compare(self, symbol: str, function: str, left: str, right: str) -> str:
        if symbol == "==":  # between Values that would be identity
            return f"{function}({left}, {right})"
        return super().compare(symbol, function, left, right)

    def call(self, function: str, arguments: list[str]) -> str:
        if function == "where":
            condition, taken, other = arguments
            return f"where({condition}, lambda: {taken}, lambda: {other})"
        return super().call(function, arguments)


class Vector(list[Any]):
    """The operands of a vector row: a list whose arithmetic works element by element.

    Examples
    --------
    >>> 2 * (Vector([1.0, 2.0]) - 0.5)
    [1.0, 3.0]
    """

    __array_ufunc__ = None  # so that ``numpy.float64 * Vector`` asks the Vector

    def __add__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.add, self, other))
        return Vector([element + other for element in self])

    def __sub__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.sub, self, other))
        return Vector([element - other for element in self])

    def __mul__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.mul, self, other))
        return Vector([element * other for element in self])

    def __truediv__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.truediv, self, other))
        return Vector([element / other for element in self])

    def __pow__(self, other: Any) -> Vector:
        if isinstance(other, Vector):
            return Vector(map(operator.pow, self, other))
        return Vector([element**other for element in self])

    def __neg__(self) -> Vector:
        return Vector([-element for element in self])

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Vector:
        return Vector([other - element for element in self])

    def __rtruediv__(self, other: Any) -> Vector:
        return Vector([other / element for element in self])

    def __rpow__(self, other: Any) -> Vector:
        return Vector([other**element for element in self])


def repeated(number: Any, n: int) -> Vector:
    """A number as a vector of `n` elements.

    Examples
    --------
    >>> repeated(0.5, 2)
    [0.5, 0.5]
    """
    return Vector([number] * n)


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a scalar function also map over :class:`Vector` arguments.

    Examples
    --------
    >>> elementwise(max)(Vector([1.0, 4.0]), 2.0)
    [2.0, 4.0]
    """

    def mapped(*arguments: Any) -> Any:
        lengths = [len(argument) for argument in arguments if isinstance(argument, Vector)]
        if not lengths:
            return function(*arguments)
        columns = [a if isinstance(a, Vector) else repeat(a, lengths[0]) for a in arguments]
        return Vector(map(function, *columns))

    return mapped


def prod_others(elements: Iterable[Any]) -> Vector:
    """Products that leave one element out, without a division: right at zeros, linear in cost.

    Examples
    --------
    >>> prod_others([2.0, 0.0, 5.0])
    [0.0, 10.0, 0.0]
    """
    elements = list(elements)
    products: list[Any] = [1.0] * len(elements)
    before: Any = 1.0
    for i, element in enumerate(elements):
        products[i] = before
        before = before * element
    after: Any = 1.0
    for i in range(len(elements) - 1, -1, -1):
        products[i] = products[i] * after
        after = after * elements[i]
    return Vector(products)
