"""The functions of the table over Values and floats alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any, Protocol, TypeVar, overload

import numpy as np

from ..errors import TraceError
from ..table.primitives import PRIMITIVES, Primitive, define
from .modes import ACTIVE, current_modes, source_line
from .operators import function_of, general, sequence
from .value import Operand, Value, apply, as_value, is_ordered, to_float

OperandT = TypeVar("OperandT", Value, float)


class Unary(Protocol):
    """A function of one number: a Value gives a Value, a float a float."""

    def __call__(self, x: OperandT, /) -> OperandT: ...


class Binary(Protocol):
    """A function of two numbers: a Value among them gives a Value."""

    @overload
    def __call__(self, a: Value, b: Operand = ..., /) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: float = ..., /) -> float: ...


class Ternary(Protocol):
    """A function of three numbers: a Value among them gives a Value."""

    @overload
    def __call__(self, x: Value, low: Operand, high: Operand, /) -> Value: ...
    @overload
    def __call__(self, x: float, low: Value, high: Operand, /) -> Value: ...
    @overload
    def __call__(self, x: float, low: float, high: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, low: float, high: float, /) -> float: ...


def _document(row: Primitive, summary: str, example: str) -> str:
    signature = ", ".join(operand.name for operand in row.operands)
    partials = "\n".join(
        f"    d/d{operand.name} = {formula}"
        for operand, formula in zip(row.operands, row.partials, strict=True)
    )
    call, expected = example.split(" -> ")
    return f"""{summary}

    ::

        {row.name}({signature}) = {row.value}
    {partials.replace(chr(10), chr(10) + "    ")}

    Parameters
    ----------
    {signature} : Value or float

    Returns
    -------
    Value or float
        A Value if any operand is one.

    Raises
    ------
    TypeError
        If an operand is neither a Value nor a real number.

    Examples
    --------
    >>> round({row.name}{call}, 12)
    {expected}
    """


def _public(name: str, summary: str, example: str) -> Any:
    row = PRIMITIVES[name]
    function = function_of(row)
    function.__doc__ = _document(row, summary, example)
    function.__module__ = __name__
    return function


exp: Unary = _public("exp", "Exponential.", "(0.5) -> 1.6487212707")
expm1: Unary = _public("expm1", "Exponential minus 1, accurate near 0.", "(0.5) -> 0.6487212707")
log: Unary = _public("log", "Natural logarithm.", "(0.5) -> -0.69314718056")
log1p: Unary = _public("log1p", "Logarithm of 1 + x, accurate near 0.", "(0.5) -> 0.405465108108")
log2: Unary = _public("log2", "Logarithm to base 2.", "(0.5) -> -1.0")
log10: Unary = _public("log10", "Logarithm to base 10.", "(0.5) -> -0.301029995664")
sqrt: Unary = _public("sqrt", "Square root.", "(0.5) -> 0.707106781187")
square: Unary = _public("square", "Square.", "(0.5) -> 0.25")
reciprocal: Unary = _public("reciprocal", "One over x.", "(0.5) -> 2.0")
sin: Unary = _public("sin", "Sine of an angle in radians.", "(0.5) -> 0.479425538604")
cos: Unary = _public("cos", "Cosine of an angle in radians.", "(0.5) -> 0.87758256189")
tan: Unary = _public("tan", "Tangent of an angle in radians.", "(0.5) -> 0.546302489844")
asin: Unary = _public("asin", "Inverse sine, in radians.", "(0.5) -> 0.523598775598")
acos: Unary = _public("acos", "Inverse cosine, in radians.", "(0.5) -> 1.047197551197")
atan: Unary = _public("atan", "Inverse tangent, in radians.", "(0.5) -> 0.463647609001")
sinh: Unary = _public("sinh", "Hyperbolic sine.", "(0.5) -> 0.521095305494")
cosh: Unary = _public("cosh", "Hyperbolic cosine.", "(0.5) -> 1.127625965206")
tanh: Unary = _public("tanh", "Hyperbolic tangent.", "(0.5) -> 0.46211715726")
asinh: Unary = _public("asinh", "Inverse hyperbolic sine.", "(0.5) -> 0.48121182506")
acosh: Unary = _public("acosh", "Inverse hyperbolic cosine.", "(1.5) -> 0.962423650119")
atanh: Unary = _public("atanh", "Inverse hyperbolic tangent.", "(0.5) -> 0.549306144334")
erf: Unary = _public("erf", "Error function.", "(0.5) -> 0.520499877813")
erfc: Unary = _public("erfc", "Complementary error function.", "(0.5) -> 0.479500122187")
sigmoid: Unary = _public("sigmoid", "Logistic function.", "(0.5) -> 0.622459331202")
logsigmoid: Unary = _public(
    "logsigmoid", "Logarithm of the logistic function, without overflow.", "(0.5) -> -0.47407698418"
)
softplus: Unary = _public(
    "softplus", "Logarithm of 1 + exp(x), without overflow.", "(0.5) -> 0.97407698418"
)
relu: Unary = _public("relu", "Rectified linear unit; its derivative at 0 is 0.", "(0.5) -> 0.5")
gelu: Unary = _public(
    "gelu",
    "Gaussian error linear unit, exact (Hendrycks & Gimpel 2016).",
    "(0.5) -> 0.345731230637",
)
silu: Unary = _public("silu", "Sigmoid linear unit, x times sigmoid(x).", "(0.5) -> 0.311229665601")
softsign: Unary = _public("softsign", "x over 1 + abs(x).", "(0.5) -> 0.333333333333")
abs: Unary = _public("abs", "Absolute value; its derivative at 0 is 0.", "(-0.5) -> 0.5")
neg: Unary = _public("neg", "The negative.", "(0.5) -> -0.5")
add: Binary = _public("add", "Sum of two numbers, as ``a + b``.", "(0.5, 2.0) -> 2.5")
sub: Binary = _public("sub", "Difference of two numbers, as ``a - b``.", "(0.5, 2.0) -> -1.5")
mul: Binary = _public("mul", "Product of two numbers, as ``a * b``.", "(0.5, 2.0) -> 1.0")
multiply_no_nan: Binary = _public(
    "multiply_no_nan",
    "Product in which zero carries nothing: 0 times infinity or NaN is 0, as in a backward pass.",
    "(0.0, math.inf) -> 0.0",
)
div: Binary = _public("div", "Quotient of two numbers, as ``a / b``.", "(0.5, 2.0) -> 0.25")
pow: Binary = _public("pow", "Power, as ``a ** b``.", "(0.5, 2.0) -> 0.25")
atan2: Binary = _public(
    "atan2", "Angle of the point (b, a), in radians, in (-pi, pi].", "(0.5, -1.0) -> 2.677945044589"
)
hypot: Binary = _public("hypot", "Length of the vector (a, b).", "(3.0, 4.0) -> 5.0")
maximum: Binary = _public(
    "maximum", "The larger of two; a tie shares the gradient half and half.", "(0.5, 2.0) -> 2.0"
)
minimum: Binary = _public(
    "minimum", "The smaller of two; a tie shares the gradient half and half.", "(0.5, 2.0) -> 0.5"
)
greater: Binary = _public(
    "greater", "1 where a > b, else 0: a condition that stays in the graph.", "(0.5, 2.0) -> 0.0"
)
greater_equal: Binary = _public(
    "greater_equal",
    "1 where a >= b, else 0: a condition that stays in the graph.",
    "(0.5, 2.0) -> 0.0",
)
less: Binary = _public(
    "less", "1 where a < b, else 0: a condition that stays in the graph.", "(0.5, 2.0) -> 1.0"
)
less_equal: Binary = _public(
    "less_equal",
    "1 where a <= b, else 0: a condition that stays in the graph.",
    "(0.5, 2.0) -> 1.0",
)
equal: Binary = _public(
    "equal", "1 where a == b, else 0: a condition that stays in the graph.", "(0.5, 2.0) -> 0.0"
)
leaky_relu: Binary = _public(
    "leaky_relu", "relu with a slope for negative x (0.01 unless given).", "(-0.5) -> -0.005"
)
elu: Binary = _public(
    "elu",
    "Exponential linear unit (Clevert et al. 2015); alpha is 1 unless given.",
    "(-0.5) -> -0.393469340287",
)
clip: Ternary = _public(
    "clip", "x held between low and high; both ends pass the gradient.", "(5.0, 0.0, 1.0) -> 1.0"
)


def where(condition: Operand | bool, a: Operand, b: Operand) -> Any:
    """`a` where the condition holds, else `b`; the arm not taken contributes nothing.

    No infinity or NaN leaks out of the arm not taken, neither into the value nor into a gradient.

    Parameters
    ----------
    condition : bool, float or Value
        Holds if it is not 0.  A bool is fixed in the graph; ``greater(x, 0)`` and its kin stay
        in it and are looked at again by ``recompute`` and by compiled programs.
    a, b : Value or float
        The two arms.

    Returns
    -------
    Value or float
        A Value if any argument is one.

    Examples
    --------
    >>> x = Value(0.0)
    >>> y = where(x > 0, log(x), 0.0)
    >>> y.backward()
    >>> y.data, x.grad
    (0.0, 0.0)
    """
    return general("where", condition, a, b)


_vector_functions = {op: function_of(row) for op, row in PRIMITIVES.items() if row.has_vectors}


def sum(values: Iterable[Operand]) -> Any:
    """Sum of any number of values, as one node; 0 for none.

    Parameters
    ----------
    values : iterable of Value or float
        The terms.

    Returns
    -------
    Value or float
        A Value if any term is one.

    Examples
    --------
    >>> sum([1.0, 2.0, 3.5])
    6.5
    >>> sum([Value(1.0), 2.0]).local_derivatives
    (1.0, 0.0)
    """
    return _vector_functions["sum"](values)


def mean(values: Iterable[Operand]) -> Any:
    """Arithmetic mean, as one node.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> mean([1.0, 2.0, 3.0])
    2.0
    """
    return _vector_functions["mean"](values)


def prod(values: Iterable[Operand]) -> Any:
    """Product, as one node; right at zeros too.  1 for no values.

    Examples
    --------
    >>> prod([Value(2.0), Value(0.0), Value(5.0)]).local_derivatives
    (0.0, 10.0, 0.0)
    """
    return _vector_functions["prod"](values)


def variance(values: Iterable[Operand]) -> Any:
    """Population variance (divided by n, as NumPy's ``var``), as one node.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> variance([1.0, 2.0, 3.0, 4.0])
    1.25
    """
    return _vector_functions["variance"](values)


def norm(values: Iterable[Operand]) -> Any:
    """Euclidean length, as one node, without overflow.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> norm([3.0, 4.0])
    5.0
    """
    return _vector_functions["norm"](values)


def logsumexp(values: Iterable[Operand]) -> Any:
    """Logarithm of the sum of exponentials, without overflow, as one node.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> round(logsumexp([1000.0, 1000.0]), 12)
    1000.69314718056
    """
    return _vector_functions["logsumexp"](values)


def dot(a: Iterable[Operand], b: Iterable[Operand], bias: Operand | None = None) -> Any:
    """Sum of products, plus a bias if given, as one node.

    Parameters
    ----------
    a, b : iterable of Value or float
        Equally many.
    bias : Value or float, optional
        Added to the sum.

    Returns
    -------
    Value or float
        A Value if any operand is one; its parents are a, then b, then the bias.

    Raises
    ------
    ValueError
        If `a` and `b` differ in length.

    Examples
    --------
    >>> dot([1.0, 2.0], [3.0, 4.0], bias=0.5)
    11.5
    """
    return _dot(a, b, bias)


_dot = _vector_functions["dot"]


@overload
def softmax(logits: Iterable[Operand]) -> list[Any]: ...


@overload
def softmax(logits: Iterable[Operand], index: int | Value) -> Any: ...


def softmax(logits: Iterable[Operand], index: int | Value | None = None) -> Any:
    """Probabilities proportional to the exponentials, without overflow.

    Each output is one node over all logits: its own first, then the others in order.

    Parameters
    ----------
    logits : iterable of Value or float
        At least one.
    index : int or Value, optional
        Makes the node of this element alone, which :func:`take` would pick from the list.

    Returns
    -------
    list of Value or float
        As long as the logits; they add up to 1.  With an index, one element.

    Raises
    ------
    ValueError
        If there are no logits.
    TypeError, IndexError
        If the index is none, as in :func:`take`.

    Examples
    --------
    >>> [round(p, 12) for p in softmax([1.0, 2.0])]
    [0.26894142137, 0.73105857863]
    """
    return _each_first("softmax", logits, index)


@overload
def log_softmax(logits: Iterable[Operand]) -> list[Any]: ...


@overload
def log_softmax(logits: Iterable[Operand], index: int | Value) -> Any: ...


def log_softmax(logits: Iterable[Operand], index: int | Value | None = None) -> Any:
    """Logarithms of :func:`softmax`, exact where the probabilities round to 0.

    Parameters
    ----------
    logits : iterable of Value or float
        At least one.
    index : int or Value, optional
        Makes the node of this element alone, which :func:`take` would pick from the list.

    Returns
    -------
    list of Value or float
        As long as the logits.  With an index, one element.

    Raises
    ------
    ValueError
        If there are no logits.
    TypeError, IndexError
        If the index is none, as in :func:`take`.

    Examples
    --------
    >>> [round(p, 12) for p in log_softmax([1.0, 2.0])]
    [-1.313261687518, -0.313261687518]
    >>> log_softmax([1e16, 1e16 + 2], 1) == log_softmax([0.0, 2.0])[1]
    True
    """
    return _each_first("log_softmax", logits, index)


def _each_first(op: str, logits: Iterable[Operand], index: int | Value | None) -> Any:
    operands = sequence(op, logits)
    if not operands:
        raise ValueError(f"{op} needs at least 1 value, got none")
    kinds = set(map(type, operands))
    if kinds != {Value} and any(issubclass(kind, Value) for kind in kinds):
        operands = tuple(map(as_value, operands))  # shared by all outputs
    function = _vector_functions[op]
    position = None if index is None else _position(index, len(operands))
    chosen = range(len(operands)) if position is None else [position]
    if index is not None and position is None:  # one node for each element would be a table
        picked = take(operands, index) - logsumexp(operands)
        return picked if op == "log_softmax" else exp(picked)
    elements = [function(operands[i], operands[:i] + operands[i + 1 :]) for i in chosen]
    return elements if index is None else elements[0]


def take(values: Sequence[Any], index: int | Value) -> Any:
    """The element that an integer picks, as an embedding or a class label does.

    With a plain integer this is indexing.  In a compiled function it also works with an integer
    input, whose number is known only when the program runs.

    Parameters
    ----------
    values : sequence or array
        Values or numbers, or (nested) lists, tuples or arrays of them; in a compiled function all
        of one length.
    index : int or Value
        From 0 to ``len(values) - 1``; in a compiled function an integer or an integer input.

    Returns
    -------
    Value, float, list, tuple or array
        The element.

    Raises
    ------
    TypeError
        If the index is not a whole number, or the values are no sequence.
    IndexError
        If it is out of range.
    TraceError
        In a compiled function, if the elements are rows of different lengths, or the index is
        computed.

    Examples
    --------
    >>> take([10.0, 20.0, 30.0], 1)
    20.0
    >>> take([[1.0, 2.0], [3.0, 4.0]], 0)
    [1.0, 2.0]
    """
    if not is_ordered(values):
        raise TypeError(f"take picks from a sequence of values, got one {type(values).__name__}")
    position = _position(index, len(values))
    return _recorded_take(values, index) if position is None else values[position]


def _position(index: Any, count: int) -> int | None:
    """An index as a position; None for an integer that is known only when the program runs."""
    tracing = bool(ACTIVE) and current_modes().record is not None
    if tracing and isinstance(index, Value):
        if index.op == "integer_input":
            return None
        if index.op == "input":
            raise TypeError("take needs an integer as index: give that argument an integer dtype")
    try:
        position = _whole_number(index)
    except TraceError:
        if not tracing:
            raise
        raise TraceError(
            f"{source_line()}: in a compiled function take picks by an integer input itself, got "
            f"{index!r}; tabulate what is computed from one: "
            "take([values[...] for k in range(n)], k)"
        ) from None
    if not 0 <= position < count:
        raise IndexError(f"index {position!r} is out of range for {count} values")
    return position


def _whole_number(index: Any) -> int:
    given = index.data if isinstance(index, Value) else index
    if isinstance(given, Integral) and not isinstance(given, bool):
        return int(given)
    try:
        number = math.nan if isinstance(given, (bool, np.bool_)) else to_float(given)
    except TypeError:
        number = math.nan
    if not number.is_integer():  # infinity and NaN are none either
        raise TypeError(f"take needs a whole number as index, got {given!r:.80}")
    return int(number)


def _recorded_take(values: Sequence[Any], index: Operand) -> Any:
    """A node that picks when the program runs; one for each element of nested lists and arrays."""
    choices = [values[position] for position in range(len(values))]
    if not choices:
        raise IndexError("take has no values to pick from")
    lengths = {_length(choice) for choice in choices}
    if lengths == {None}:
        return apply("take", *map(as_value, (index, *choices)))
    if len(lengths) > 1:
        lengths_met = " and ".join(sorted("1 number" if n is None else str(n) for n in lengths))
        raise TraceError(
            f"{source_line()}: take picks among rows of lengths {lengths_met}, but in a compiled "
            "function the result has one shape for all examples: pad the rows to one length"
        )
    row = [_recorded_take(column, index) for column in zip(*choices, strict=True)]
    if isinstance(choices[0], np.ndarray):
        return np.array(row, dtype=object)
    return tuple(row) if isinstance(choices[0], tuple) else row


def _length(choice: Any) -> int | None:
    """The length of a row; None for a single number."""
    is_row = isinstance(choice, (list, tuple)) or (isinstance(choice, np.ndarray) and choice.ndim)
    return len(choice) if is_row else None


def register_primitive(
    name: str,
    operands: str,
    value: str,
    partials: Sequence[str],
    domains: Sequence[tuple[float, float]],
) -> Callable[..., Any]:
    """Add a row of your own to the derivative table.

    The row is checked as the built-in ones are.  That its formulas are right, say
    ``check_local_derivatives`` and ``gradcheck``.

    Parameters
    ----------
    name : str
        A new name.
    operands : str
        ``"x"``, ``"a, b"``, with a default ``"x, slope=0.1"``, or a vector ``"x..."``, which the
        function takes as a sequence.
    value : str
        Formula of the output over the operands.
    partials : sequence of str
        For each operand the formula of the local derivative, over operands and the output ``y``.
    domains : sequence of (float, float)
        For each operand an interval inside the domain, from which tests may sample.

    Returns
    -------
    callable
        The function, over Values and floats.

    Raises
    ------
    TypeError
        If an argument is of another type: one text as `partials`, say.
    ValueError
        If the name is taken or the row is not well formed.

    Examples
    --------
    >>> cube = register_primitive("cube", "x", "x * x * x", ["3 * x * x"], [(-2.0, 2.0)])
    >>> x = Value(2.0)
    >>> cube(x).backward()
    >>> x.grad
    12.0
    """
    if isinstance(partials, str):
        raise TypeError(f"partials must be a list with one formula an operand, got {partials!r}")
    for text in (name, operands, value, *partials):
        if not isinstance(text, str):
            raise TypeError(f"primitive {name!r}: expected text, got {text!r:.80}")
        if "|" in text or ";" in text or "\n" in text:
            raise ValueError(f"{text!r} holds a separator of the table; give one formula a string")
    try:
        intervals = ", ".join(f"{float(low)!r}..{float(high)!r}" for low, high in domains)
    except (TypeError, ValueError):
        raise TypeError(
            f"primitive {name!r}: domains must be a list of pairs of numbers, got {domains!r:.80}"
        ) from None
    row = define(f"{name} | {operands} | {value} | {' ; '.join(partials)} | {intervals}")
    return function_of(row)


def _give_methods() -> None:
    """Every one-operand row as a method, under NumPy's names too for ``np.arcsin(array)``."""
    aliases = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
    aliases |= {"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "hypot": "hypot"}
    for name, row in PRIMITIVES.items():
        if len(row.operands) == 1 and not row.has_vectors and name not in {"abs", "neg"}:
            setattr(Value, name, globals()[name])
    for name, alias in aliases.items():
        setattr(Value, alias, globals()[name])


_give_methods()
