"""Functions from functions: gradient, Jacobian, Hessian and its product with a vector.

All of them follow one rule: **numbers in, numbers out; Values in, Values out**.  The transformed
function takes numbers, nested lists, tuples and dicts of them, or NumPy arrays, and the result has
the structure of the argument.  Where Values flow through, as an argument or as something the
function captured, the results are Values that can be differentiated again.  That is what makes the
transforms compose.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import Any

import numpy as np

from ..core.graph import leaves
from ..core.modes import current_modes, switched
from ..core.value import Constant, Value
from .gradients import gradients, plain
from .trees import (
    array_of,
    block_shape,
    block_size,
    flatten,
    map_blocks,
    outline,
    rebuild,
)

Argnums = int | Sequence[int]


def grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The gradient of a function that returns one number.

    Parameters
    ----------
    f : callable
        Written with operators and the functions of this package.
    argnums : int or sequence of int, optional
        Which positional arguments to differentiate toward; the others pass through untouched.

    Returns
    -------
    callable
        Takes what `f` takes and returns the gradient in the structure of the argument, or a tuple
        of gradients if `argnums` is a sequence.  What `f` does not depend on has gradient 0.

    Raises
    ------
    TypeError
        When called, if `f` does not return one number, or an argument holds no numbers.
    ValueError
        When called, if `argnums` names an argument that is not there.

    Examples
    --------
    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(grad(lambda x: x**3)))(2.0)
    6.0
    >>> grad(lambda p: p["w"] * p["b"][0])({"w": 2.0, "b": [3.0]})
    {'w': 3.0, 'b': [2.0]}
    >>> grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (3.0, 2.0)
    """
    both = value_and_grad(f, argnums)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The value and the gradient of a function that returns one number, from one evaluation.

    Parameters
    ----------
    f : callable
        Written with operators and the functions of this package.
    argnums : int or sequence of int, optional
        Which positional arguments to differentiate toward.

    Returns
    -------
    callable
        Takes what `f` takes and returns ``(value, gradient)``, the gradient as of :func:`grad`.

    Raises
    ------
    TypeError, ValueError
        When called, as :func:`grad`.

    Examples
    --------
    >>> value_and_grad(lambda x: x[0] * x[1])([2.0, 3.0])
    (6.0, [3.0, 2.0])
    """

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = _evaluate(f, argnums, args, kwargs)
        y = one_number(call.output, "grad")
        return call.leave(y), call.in_structure(call.gradients([y]))

    return value_and_gradient


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Every derivative of every output: one backward pass for each output.

    Parameters
    ----------
    f : callable
        Returns numbers in any structure.
    argnums : int or sequence of int, optional
        Which positional arguments to differentiate toward.

    Returns
    -------
    callable
        Takes what `f` takes.  Its result has the structure of the output and, in place of each
        number, the gradient in the structure of the argument, as JAX has it.  An array of shape
        ``s`` toward an array of shape ``t`` gives one array of shape ``s + t``.

    Raises
    ------
    TypeError, ValueError
        When called, as :func:`grad`; but `f` may return any number of numbers.

    Examples
    --------
    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> jacobian(lambda x: A @ x)(np.array([0.5, -0.5]))
    array([[1., 2.],
           [3., 4.]])
    """

    @wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        call = _evaluate(f, argnums, args, kwargs)
        rows = iter([call.gradients([output]) for output in call.outputs])
        return map_blocks(call.output, lambda block: call.block_rows(block, rows))

    return matrix


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The matrix of second derivatives: :func:`jacobian` of :func:`grad`.

    Parameters
    ----------
    f : callable
        Returns one number.
    argnums : int or sequence of int, optional
        Which positional arguments to differentiate toward.

    Returns
    -------
    callable
        Takes what `f` takes; for an array of shape ``s`` the result has shape ``s + s``, for a
        list of n numbers it is a list of n lists.

    Raises
    ------
    TypeError, ValueError
        When called, as :func:`grad`.

    Examples
    --------
    >>> hessian(lambda x: x[0] ** 2 * x[1])([2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The product of the Hessian with a vector, without the Hessian (Pearlmutter 1994).

    The gradient's graph is differentiated once more, seeded with the vector: the cost is that of a
    few gradients, whatever the number of arguments.

    Parameters
    ----------
    f : callable
        Returns one number.
    argnums : int or sequence of int, optional
        Which positional arguments to differentiate toward.

    Returns
    -------
    callable
        Takes what `f` takes and, last, the vector in the structure of the argument (a tuple of
        vectors if `argnums` is a sequence).  The result has that structure too.

    Raises
    ------
    TypeError
        When called, as :func:`grad`, or without a vector.
    ValueError
        When called, as :func:`grad`, or if the vector has another shape than the argument.

    Examples
    --------
    >>> hvp(lambda x: x[0] ** 2 * x[1])([2.0, 3.0], [1.0, 0.0])
    [6.0, 4.0]
    """

    @wraps(f)
    def product(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise TypeError("hvp(f) takes the arguments of f and then the vector, got nothing")
        *arguments, vector = args
        call = _evaluate(f, argnums, arguments, kwargs)
        y = one_number(call.output, "hvp")
        vectors = (vector,) if call.single else tuple(vector)
        if outline(vectors) != outline(call.selected):
            raise ValueError(
                f"the vector must have the shape of the argument, got {vector!r:.80} for "
                f"{call.in_structure(call.numbers)!r:.80}"
            )
        return call.in_structure(call.gradients(call.slopes(y), flatten(vectors, "the vector")))

    return product


@dataclass(frozen=True)
class _Call:
    """One call of a function with some of its arguments replaced by fresh variables."""

    selected: tuple[Any, ...]
    single: bool
    variables: list[Value]
    output: Any
    outputs: list[Any]
    graph: bool

    @property
    def numbers(self) -> list[float]:
        return [variable.data for variable in self.variables]

    def gradients(self, outputs: Sequence[Any], seeds: Sequence[Any] | None = None) -> list[Any]:
        """Gradient of the weighted outputs toward each variable."""
        weights = [1.0] * len(outputs) if seeds is None else [plain(seed) for seed in seeds]
        graph = self.graph or (_recording() and any(isinstance(w, Value) for w in weights))
        if not graph:
            weights = [w.data if isinstance(w, Value) else w for w in weights]
        pairs = [pair for pair in zip(outputs, weights, strict=True) if isinstance(pair[0], Value)]
        roots, weights = [root for root, _ in pairs], [weight for _, weight in pairs]
        with _recorded():
            return gradients(roots, self.variables, seeds=weights, create_graph=graph)

    def slopes(self, y: Any) -> list[Any]:
        """Gradient of `y` as Values, whether or not any flow out."""
        with _recorded():
            roots = [y] if isinstance(y, Value) else []
            return gradients(roots, self.variables, create_graph=True)

    def leave(self, output: Any) -> Any:
        """An output as it leaves: a Value only where Values flow."""
        return output.data if isinstance(output, Value) and not self.graph else output

    def in_structure(self, elements: Sequence[Any]) -> Any:
        """One element for each variable, in the structure of the selected arguments."""
        results = rebuild(self.selected, elements)
        return results[0] if self.single else results

    def block_rows(self, block: Any, rows: Iterator[list[Any]]) -> Any:
        """The derivatives of one block of the output toward all selected arguments."""
        taken = list(islice(rows, block_size(block)))
        columns = zip(*taken, strict=True)
        results = map_blocks(self.selected, lambda inner: _matrix(block, inner, columns))
        return results[0] if self.single else results


def _evaluate(
    f: Callable[..., Any], argnums: Argnums, args: Sequence[Any], kwargs: dict[str, Any]
) -> _Call:
    """Call `f` with fresh variables in place of the selected arguments."""
    positions = _positions(argnums, len(args))
    selected = tuple(args[position] for position in positions)
    numbers = [flatten(args[p], f"argument {p}") for p in positions]
    replaced = list(args)
    variables: list[Value] = []
    with _recorded():
        for position, leaves_ in zip(positions, numbers, strict=True):
            fresh = [_variable(leaf) for leaf in leaves_]
            variables += fresh
            replaced[position] = rebuild(args[position], fresh)
        output = _unwrap(f(*replaced, **kwargs))
    outputs = flatten(output, "the result of the function")
    graph = _recording() and (current_modes().record is not None or _captures(outputs, variables))
    single = not isinstance(argnums, Sequence)
    return _Call(selected, single, variables, output, outputs, graph)


def _positions(argnums: Argnums, count: int) -> list[int]:
    """The selected positions, counted from the front."""
    given = list(argnums) if isinstance(argnums, Sequence) else [argnums]
    positions = []
    for argnum in given:
        if isinstance(argnum, bool):
            raise TypeError(f"argnums must be an int or a sequence of ints, got {argnums!r}")
        position = operator.index(argnum)
        if not -count <= position < count:
            raise ValueError(
                f"argnums={argnums!r} names argument {position}, but the function was called "
                f"with {count} positional arguments"
            )
        positions.append(position % count)
    if len(set(positions)) < len(positions):
        raise ValueError(f"argnums={argnums!r} names an argument twice")
    return positions


def _variable(leaf: Any) -> Value:
    """A fresh node: tied to a Value that flows in, so that it can be told from it.

    The Value itself would not do: the function may also have captured it, and that use must not
    count (perturbation confusion, Siskind & Pearlmutter 2005).
    """
    number = plain(leaf)
    return number * 1.0 if isinstance(number, Value) else Value(number)


def _recording() -> bool:
    return current_modes().recording


def _recorded() -> AbstractContextManager[None]:
    """Transforms need the graph, inside ``no_grad()`` too."""
    return nullcontext() if _recording() else switched(recording=True)


def _unwrap(output: Any) -> Any:
    """A 0-d array as the number or Value it holds."""
    return output[()] if isinstance(output, np.ndarray) and output.ndim == 0 else output


def _captures(outputs: Sequence[Any], variables: Sequence[Value]) -> bool:
    """Whether the outputs depend on a Value besides the variables."""
    own = set(variables)
    roots = [output for output in outputs if isinstance(output, Value)]
    return any(leaf not in own and type(leaf) is not Constant for leaf in leaves(*roots))


def one_number(output: Any, transform: str) -> Any:
    """The output, if it is one number: a Value or a float."""
    if isinstance(output, (list, tuple, dict, np.ndarray)):
        raise TypeError(
            f"{transform} needs a function that returns one number, got {type(output).__name__}: "
            "add its elements up, or take jacobian"
        )
    return flatten(output)[0]


def _matrix(outer: Any, inner: Any, columns: Iterator[tuple[Any, ...]]) -> Any:
    """The derivatives of one block of the output toward one block of an argument."""
    taken = list(islice(columns, block_size(inner)))
    shape = block_shape(outer) + block_shape(inner)
    if not isinstance(outer, np.ndarray) and not isinstance(inner, np.ndarray):
        return taken[0][0]
    return array_of([element for row in zip(*taken, strict=True) for element in row], shape)
