"""The compiled program: what its callers see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..core.coerce import is_ordered
from ..core.value import Value
from .arguments import static_positions
from .compiled import CompiledTrace
from .running import Array, CompiledFunction

R = TypeVar("R")
ValueAndGradient: TypeAlias = tuple[float, Array]
ValueAuxAndGradient: TypeAlias = tuple[tuple[float, Array], Array]


class Parametrised(Protocol):
    """A model: whatever lists its parameters."""

    def parameters(self) -> Iterable[Value]:
        """The leaves that vary."""


class Program(CompiledFunction):
    """A function of scalars as a matrix program; :func:`compile` makes it.

    Attributes
    ----------
    source : str
        The emitted NumPy code of the trace used last.
    stats : Stats
        What that trace became.
    steps : tuple of ProgramStep
        What it does step by step, with the names of the source.
    traces : tuple of TraceInfo
        All traces that are kept, the one used last at the end.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(2.0)
    >>> program = compile(lambda x: w * x, [w])
    >>> program([3.0], [1.0, 2.0])
    array([3., 6.])
    >>> program
    Program(<lambda>, 1 parameter, inputs (): 3 scalars -> 1 array step, 0 matrix products)
    """

    _has_aux = False

    def __call__(self, theta: npt.ArrayLike | None, *batch: Any) -> Array:
        """Outputs of every example.

        Parameters
        ----------
        theta : array_like of shape (P,) or None
            The parameters; None takes their current data.
        *batch : array_like
            The arguments, each with a leading N (none with ``batched=False``).

        Returns
        -------
        numpy.ndarray
            ``(N,)`` or ``(N, k)``; without a batch ``()`` or ``(k,)``.

        Raises
        ------
        ValueError
            If shapes do not fit.
        TypeError
            If an array holds no real numbers.
        TraceError
            If the function cannot be traced.
        """
        vector = self._vector(theta)
        compiled, inputs, n = self._bind(batch)
        outputs = self._room(compiled.program.outputs, n)
        self._fill(compiled, vector, inputs, outputs)
        return self._shaped(outputs, compiled.scalar)

    def value_and_grad(self, theta: npt.ArrayLike | None, *batch: Any) -> tuple[float, Array]:
        """The reduced loss and its gradient.

        Parameters
        ----------
        theta : array_like of shape (P,) or None
            The parameters; None takes their current data.
        *batch : array_like
            The arguments, each with a leading N (none with ``batched=False``).

        Returns
        -------
        value : float
            Mean (or sum) over the batch.
        gradient : numpy.ndarray of shape (P,)
            Its gradient, in the order of the parameters.

        Raises
        ------
        ValueError
            If shapes do not fit, or the function returns more than one number.
        TypeError
            If an array holds no real numbers.
        TraceError
            If the function cannot be traced.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> w = Value(2.0)
        >>> program = compile(lambda x: (w * x) ** 2, [w])
        >>> program.value_and_grad(None, [1.0, 2.0])
        (10.0, array([10.]))
        """
        vector = self._vector(theta)
        compiled, inputs, n = self._bind(batch)
        _check_scalar(compiled)
        return self._value_and_gradient(compiled, vector, inputs, n)

    def bind(self, *batch: Any) -> BoundProgram[ValueAndGradient]:
        """Check and convert arguments once, for many calls with them or with parts of them.

        Parameters
        ----------
        *batch : array_like
            The arguments, as of `value_and_grad`.

        Returns
        -------
        BoundProgram
            Whose ``value_and_grad(theta, rows)`` takes a part of the examples.

        Raises
        ------
        ValueError, TypeError, IndexError, TraceError
            As `value_and_grad`.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> w = Value(2.0)
        >>> bound = compile(lambda x: (w * x) ** 2, [w]).bind([1.0, 2.0, 3.0])
        >>> bound.value_and_grad([2.0], slice(0, 2))
        (10.0, array([10.]))
        """
        compiled, inputs, n = self._bind_to_keep(batch)
        _check_scalar(compiled)
        return BoundProgram(self, self._value_and_gradient, compiled, inputs, n)

    def _value_and_gradient(
        self, compiled: CompiledTrace, vector: Array, inputs: Sequence[Array], n: int
    ) -> ValueAndGradient:
        return self._reduced(compiled, vector, inputs, n, self._weight(n))


class ProgramWithAux(CompiledFunction):
    """A function of scalars that returns ``(loss, aux)``, as a matrix program.

    :func:`compile` makes it where ``has_aux=True``.  The gradient is that of the loss alone.

    Attributes
    ----------
    source : str
        The emitted NumPy code of the trace used last.
    stats : Stats
        What that trace became.
    steps : tuple of ProgramStep
        What it does step by step, with the names of the source.
    traces : tuple of TraceInfo
        All traces that are kept, the one used last at the end.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(2.0)
    >>> program = compile(lambda x: ((w * x) ** 2, w * x), [w], has_aux=True)
    >>> program([3.0], [1.0, 2.0])
    (array([ 9., 36.]), array([3., 6.]))
    """

    _has_aux = True

    def __call__(self, theta: npt.ArrayLike | None, *batch: Any) -> tuple[Array, Array]:
        """Loss and aux of every example.

        Parameters
        ----------
        theta : array_like of shape (P,) or None
            The parameters; None takes their current data.
        *batch : array_like
            The arguments, each with a leading N (none with ``batched=False``).

        Returns
        -------
        losses : numpy.ndarray
            ``(N,)``; without a batch ``()``.
        aux : numpy.ndarray
            ``(N,)`` or ``(N, k)``; without a batch ``()`` or ``(k,)``.

        Raises
        ------
        ValueError
            If shapes do not fit.
        TypeError
            If an array holds no real numbers.
        TraceError
            If the function cannot be traced, or does not return a pair.
        """
        vector = self._vector(theta)
        compiled, inputs, n = self._bind(batch)
        losses, aux = [self._room(read, n) for read in compiled.program.results]
        self._fill(compiled, vector, inputs, losses, aux)
        return self._shaped(losses, compiled.scalar), self._shaped(aux, compiled.scalar_aux)

    def value_and_grad(
        self, theta: npt.ArrayLike | None, *batch: Any
    ) -> tuple[tuple[float, Array], Array]:
        """The reduced loss and aux of every example, and the gradient of the loss.

        All of one run: reading aux costs a copy of it.

        Parameters
        ----------
        theta : array_like of shape (P,) or None
            The parameters; None takes their current data.
        *batch : array_like
            The arguments, each with a leading N (none with ``batched=False``).

        Returns
        -------
        value_and_aux : tuple of float and numpy.ndarray
            Mean (or sum) of the loss over the batch; aux as it is for every example, ``(N,)`` or
            ``(N, k)``, without a batch ``()`` or ``(k,)``.
        gradient : numpy.ndarray of shape (P,)
            That of the loss, in the order of the parameters.

        Raises
        ------
        ValueError
            If shapes do not fit.
        TypeError
            If an array holds no real numbers.
        TraceError
            If the function cannot be traced, or does not return a pair.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> w = Value(2.0)
        >>> program = compile(lambda x: ((w * x) ** 2, w * x), [w], has_aux=True)
        >>> (value, outputs), gradient = program.value_and_grad(None, [1.0, 2.0])
        >>> value, outputs, gradient
        (10.0, array([2., 4.]), array([10.]))
        """
        vector = self._vector(theta)
        compiled, inputs, n = self._bind(batch)
        return self._value_aux_and_gradient(compiled, vector, inputs, n)

    def bind(self, *batch: Any) -> BoundProgram[ValueAuxAndGradient]:
        """Check and convert arguments once, for many calls with them or with parts of them.

        Parameters
        ----------
        *batch : array_like
            The arguments, as of `value_and_grad`.

        Returns
        -------
        BoundProgram
            Whose ``value_and_grad(theta, rows)`` takes a part of the examples.

        Raises
        ------
        ValueError, TypeError, TraceError
            As `value_and_grad`.
        """
        return BoundProgram(self, self._value_aux_and_gradient, *self._bind_to_keep(batch))

    def _value_aux_and_gradient(
        self, compiled: CompiledTrace, vector: Array, inputs: Sequence[Array], n: int
    ) -> ValueAuxAndGradient:
        assert compiled.program.aux is not None, "the function returned a pair"
        aux = self._room(compiled.program.aux, n)
        value, gradient = self._reduced(compiled, vector, inputs, n, self._weight(n), aux)
        return (value, self._shaped(aux, compiled.scalar_aux)), gradient


class BoundProgram(Generic[R]):
    """A program with its arguments: they are checked and converted once, for many calls.

    :meth:`Program.bind` makes it.  Numbers are read from the arrays that were given, where these
    need no conversion; integers that pick are copied.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Value
    >>> w = Value(0.0)
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> bound = compile(lambda x, t: (w * x - t) ** 2, [w]).bind(x, 2.0 * x)
    >>> theta = np.zeros(1)
    >>> for step in range(60):
    ...     value, gradient = bound.value_and_grad(theta, slice(step % 3, step % 3 + 1))
    ...     theta -= 0.05 * gradient
    >>> theta.round(6)
    array([2.])
    """

    def __init__(
        self,
        program: CompiledFunction,
        run: Callable[[CompiledTrace, Array, Sequence[Array], int], R],
        compiled: CompiledTrace,
        inputs: Sequence[Array],
        n: int,
    ) -> None:
        self._program, self._run, self._compiled = program, run, compiled
        self._inputs, self._n, self._forgotten = inputs, n, program.forgotten

    def value_and_grad(self, theta: npt.ArrayLike | None, rows: slice | None = None) -> R:
        """What the program's `value_and_grad` gives for some of the examples.

        Parameters
        ----------
        theta : array_like of shape (P,) or None
            The parameters; None takes their current data.
        rows : slice, optional
            Which examples, a part without gaps; all of them by default.

        Returns
        -------
        tuple
            As the program's `value_and_grad`.

        Raises
        ------
        ValueError
            If there are no such examples, theta has another shape, or `retrace` has found out that
            the function makes another graph by now.
        TypeError
            If theta holds no real numbers, or `rows` is no slice.
        """
        if self._program.forgotten != self._forgotten:
            raise ValueError("the function makes another graph than when this was bound: bind anew")
        vector = self._program._vector(theta)
        if rows is None:
            return self._run(self._compiled, vector, self._inputs, self._n)
        if not isinstance(rows, slice):
            raise TypeError(
                f"rows must be a slice, got {rows!r:.60}: slice(0, 32), for one slice(k, k + 1)"
            )
        start, stop, step = rows.indices(self._n)
        if step != 1 or start >= stop:
            raise ValueError(f"expected a part of the {self._n} examples without gaps, got {rows}")
        part = self._program._part(self._inputs, start, stop)
        return self._run(self._compiled, vector, part, stop - start)


def _check_scalar(compiled: CompiledTrace) -> None:
    if not compiled.scalar:
        raise ValueError(
            f"value_and_grad needs a function that returns one Value, this one returns a list "
            f"of {compiled.program.outputs.shape[0]}; return their loss, or (loss, "
            "outputs) with has_aux=True"
        )


def _leaves(parameters: Any) -> list[Value]:
    """The parameters as a list: those given, or those of a model."""
    if isinstance(parameters, Value):
        raise TypeError("parameters must be a list of Values, got one Value; write [w]")
    if callable(getattr(parameters, "parameters", None)) and not isinstance(parameters, type):
        parameters = parameters.parameters()
    if not is_ordered(parameters):
        raise TypeError(
            "parameters must be a list of Values or a model with a method parameters(), got "
            f"{parameters!r:.60}"
        )
    leaves = list(parameters)
    for k, parameter in enumerate(leaves):
        if not isinstance(parameter, Value) or parameter.op:
            raise TypeError(f"parameter {k} is {parameter!r:.60}, expected a leaf Value")
    return leaves


@overload
def compile(
    function: Callable[..., Any],
    parameters: Iterable[Value] | Parametrised,
    *,
    static_argnums: int | Sequence[int] = ...,
    reduction: str = ...,
    dtype: npt.DTypeLike = ...,
    batched: bool = ...,
    backend: str = ...,
    has_aux: Literal[False] = ...,
) -> Program: ...


@overload
def compile(
    function: Callable[..., Any],
    parameters: Iterable[Value] | Parametrised,
    *,
    static_argnums: int | Sequence[int] = ...,
    reduction: str = ...,
    dtype: npt.DTypeLike = ...,
    batched: bool = ...,
    backend: str = ...,
    has_aux: Literal[True],
) -> ProgramWithAux: ...


def compile(
    function: Callable[..., Any],
    parameters: Iterable[Value] | Parametrised,
    *,
    static_argnums: int | Sequence[int] = (),
    reduction: str = "mean",
    dtype: npt.DTypeLike = np.float64,
    batched: bool = True,
    backend: str = "numpy",
    has_aux: bool = False,
) -> Program | ProgramWithAux:
    """Compile a function written in scalars into a matrix program.

    The function is traced once for each shape of its arguments: run on Values without numbers.
    From the scalar graph it makes the matrices are recovered, and the program runs as NumPy code
    that a person might have written (see :attr:`Program.source`).  Sums are added in
    another order than in the scalar engine, so the last digits may differ.

    Parameters
    ----------
    function : callable
        Of one example: its arguments are Values, or lists (of lists) of Values; it returns a
        Value or a list of Values, or with `has_aux` a pair of a Value and one of these.
    parameters : sequence of Value, or model
        The leaves that vary, in the order of `theta` and of the gradient; of a model, those that
        its method ``parameters()`` returns now.
    static_argnums : int or sequence of int, optional
        Arguments that are passed on as they are; another value means another trace, also where
        Python has both equal, as 0.0 and -0.0, or 1 and True.
    reduction : {"mean", "sum"}, optional
        Of the loss over the batch.
    dtype : dtype, optional
        ``float64`` or ``float32``.
    batched : bool, optional
        Whether arguments have a leading batch axis.
    backend : {"numpy"}, optional
        What runs the program.
    has_aux : bool, optional
        Whether the function returns ``(loss, aux)``, as in JAX: `aux`, such as the outputs that the
        loss is of, is read from the same run.  The gradient is that of the loss alone.

    Returns
    -------
    Program or ProgramWithAux
        ``program(theta, *batch)`` and ``program.value_and_grad(theta, *batch)``; with `has_aux`
        these give ``(losses, aux)`` and ``((value, aux), gradient)``.

    Raises
    ------
    TypeError
        If `function` is not callable, a parameter is no leaf Value, or `batched` or `has_aux` is
        no bool.
    ValueError
        If another argument is not one of the known.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Value
    >>> w, b = Value(2.0), Value(1.0)
    >>> program = compile(lambda x, t: (w * x + b - t) ** 2, [w, b])
    >>> value, gradient = program.value_and_grad(None, np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    >>> value, gradient
    (17.0, array([13.,  8.]))

    The outputs beside their loss:

    >>> def loss(x, t):
    ...     output = w * x + b
    ...     return (output - t) ** 2, output
    >>> program = compile(loss, [w, b], has_aux=True)
    >>> (value, outputs), gradient = program.value_and_grad(None, [1.0, 2.0], [0.0, 0.0])
    >>> value, outputs, gradient
    (17.0, array([3., 5.]), array([13.,  8.]))
    """
    if not callable(function):
        raise TypeError(f"expected a function, got {type(function).__name__}")
    leaves = _leaves(parameters)
    if len(set(leaves)) < len(leaves):
        raise ValueError("a parameter stands twice; list each once")
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction {reduction!r} is not 'mean' or 'sum'")
    if np.dtype(dtype) not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype {dtype!r} is not float64 or float32")
    if backend != "numpy":
        raise ValueError(f"backend {backend!r} is not 'numpy', the only one there is")
    for name, given in (("has_aux", has_aux), ("batched", batched)):
        if not isinstance(given, (bool, np.bool_)):
            raise TypeError(f"{name} must be True or False, got {given!r}")
    static = static_positions(function, static_argnums)
    kind = ProgramWithAux if has_aux else Program
    return kind(
        function, leaves, static_argnums=static, reduction=reduction, dtype=dtype, batched=batched
    )
