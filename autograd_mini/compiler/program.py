"""The compiled program: traces by shape, bound arguments, chunks of the batch, threads."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..core.coerce import is_ordered
from ..core.collector import paused_collector
from ..core.value import Value
from .arguments import (
    as_arrays,
    batch_size,
    check_numbers,
    checked_indices,
    identity,
    static_positions,
    unhashable,
)
from .compiled import CompiledTrace, Stats, compiled_trace
from .trace import InputSpec
from .trace import lock as tracing_lock

Array = npt.NDArray[Any]
_CACHED_TRACES = 64
_CACHED_SHAPES = 256


@dataclass(frozen=True)
class TraceInfo:
    """One trace of a program: the shapes of one example, the static arguments, the statistics.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(2.0)
    >>> program = compile(lambda x: w * x, [w])
    >>> outputs = program(None, [1.0, 2.0])
    >>> program.traces[0].shapes
    ((),)
    """

    shapes: tuple[tuple[int, ...], ...]
    static: tuple[Any, ...]
    stats: Stats


class Parametrised(Protocol):
    """A model: whatever lists its parameters."""

    def parameters(self) -> Iterable[Value]:
        """The leaves that vary."""


class Program:
    """A function of scalars as a matrix program; :func:`compile` makes it.

    Attributes
    ----------
    source : str
        The emitted NumPy code of the trace used last.
    stats : Stats
        What that trace became.
    traces : tuple of TraceInfo
        All traces that are kept, oldest first.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> w = Value(2.0)
    >>> program = compile(lambda x: w * x, [w])
    >>> program([3.0], [1.0, 2.0])
    array([3., 6.])
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        *,
        static_argnums: Sequence[int],
        reduction: str,
        dtype: npt.DTypeLike,
        batched: bool,
    ) -> None:
        self._function = function
        self._parameters = list(parameters)
        self._static = tuple(sorted(set(static_argnums)))
        self._mean = reduction == "mean"
        self._dtype = np.dtype(dtype)
        self._batched = batched
        self._traces: OrderedDict[Any, CompiledTrace] = OrderedDict()
        self._bound: dict[Any, tuple[CompiledTrace, int]] = {}
        self._last_used: CompiledTrace | None = None
        self._lock = threading.RLock()

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
        outputs = np.empty((n, *compiled.program.outputs.shape), dtype=self._dtype)
        with np.errstate(all="ignore"):
            self._fill(outputs, compiled, vector, inputs)
        if not self._batched:
            outputs = outputs[0]
        return outputs[..., 0] if compiled.scalar else outputs

    def _fill(
        self, outputs: Array, compiled: CompiledTrace, vector: Array, inputs: Sequence[Array]
    ) -> None:
        """Work out the outputs of a batch, chunk by chunk."""
        for start in range(0, len(outputs), compiled.chunk):
            part = outputs[start : start + compiled.chunk]
            chunk = self._part(inputs, start, start + len(part))
            arrays = compiled.workspace(len(part)).of["outputs"]
            result = compiled.outputs(vector, *chunk, arrays)
            part[...] = result.T if compiled.rows else result
            if compiled.has_other_outputs and not np.isfinite(part).all():
                self._fill(part, compiled.nan_safe, vector, chunk)

    def _part(self, inputs: Sequence[Array], start: int, stop: int) -> Sequence[Array]:
        """Some examples of a batch."""
        return [array[..., start:stop] for array in inputs] if self._batched else inputs

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
        """
        vector = self._vector(theta)
        compiled, inputs, n = self._bind(batch)
        if not compiled.scalar:
            raise ValueError(
                f"value_and_grad needs a function that returns one Value, this one returns a list "
                f"of {compiled.program.outputs.shape[0]}; return their loss"
            )
        weight = 1.0 / n if self._mean else 1.0
        with np.errstate(all="ignore"):
            return self._reduced(compiled, vector, inputs, n, weight)

    def _reduced(
        self, compiled: CompiledTrace, vector: Array, inputs: Sequence[Array], n: int, weight: float
    ) -> tuple[float, Array]:
        """Value and gradient summed over n examples, times `weight`."""
        if n > compiled.chunk:
            return self._in_chunks(compiled, vector, inputs, n, weight)
        gradient = np.empty(len(vector), dtype=self._dtype)
        arrays = compiled.workspace(n).of["value_and_grad"]
        # every row counts once, also where rows are all the same
        seed = weight if compiled.rows else weight * n
        result = compiled.value_and_grad(vector, *inputs, gradient, seed, arrays)
        total = np.add.reduce(result, axis=None) if compiled.rows else result.reshape(-1)[0] * n
        value = float(total) * weight
        finite = math.isfinite(value) and (
            math.isfinite(compiled.look(gradient)) or np.isfinite(gradient).all()
        )
        if finite or not compiled.may_be_repaired:
            return value, gradient
        return self._reduced(compiled.nan_safe, vector, inputs, n, weight)

    def _in_chunks(
        self, compiled: CompiledTrace, vector: Array, inputs: Sequence[Array], n: int, weight: float
    ) -> tuple[float, Array]:
        total, gradient = 0.0, np.zeros(len(vector), dtype=self._dtype)
        for start in range(0, n, compiled.chunk):
            stop = min(n, start + compiled.chunk)
            part = self._part(inputs, start, stop)
            value, part_gradient = self._reduced(compiled, vector, part, stop - start, weight)
            total += value
            gradient += part_gradient
        return total, gradient

    @property
    def source(self) -> str:
        """The emitted NumPy code of the trace used last."""
        return self._last().source

    @property
    def stats(self) -> Stats:
        """What the trace used last became."""
        return self._last().stats

    @property
    def traces(self) -> tuple[TraceInfo, ...]:
        """All traces that are kept, oldest first."""
        with self._lock:
            return tuple(
                TraceInfo(tuple(shape for shape, _ in shapes), compiled.static, compiled.stats)
                for (shapes, _), compiled in self._traces.items()
            )

    def _last(self) -> CompiledTrace:
        if self._last_used is None:
            raise ValueError("nothing is traced yet: call the program with a batch first")
        return self._last_used

    def _vector(self, theta: npt.ArrayLike | None) -> Array:
        if theta is None:
            return np.array([p.data for p in self._parameters], dtype=self._dtype)
        vector = np.asarray(theta)
        check_numbers(vector, "theta")
        if vector.shape != (len(self._parameters),):
            raise ValueError(
                f"theta has shape {vector.shape}, expected ({len(self._parameters)},): one number "
                "for each parameter, in their order"
            )
        return np.ascontiguousarray(vector, dtype=self._dtype)

    def _bind(self, batch: Sequence[Any]) -> tuple[CompiledTrace, list[Array], int]:
        """The trace for these arguments, and them as arrays with the batch as last axis."""
        given, static = batch, ()
        if self._static:
            static = tuple([identity(given[k]) for k in self._static if k < len(given)])
            batch = [argument for k, argument in enumerate(given) if k not in self._static]
        arrays = as_arrays(batch)
        key = (tuple([(a.shape, a.dtype.char) for a in arrays]), static)
        try:
            bound = self._bound.get(key)
        except TypeError:
            raise TypeError(unhashable(given, self._static)) from None
        if bound is None:
            bound = self._bound_anew(key, arrays, given)
        compiled, n = bound
        self._last_used = compiled
        inputs, indices = [], []
        for k, array in enumerate(arrays):
            flat = array.reshape(-1) if not self._batched else _with_batch_last(array)
            if k in compiled.last:
                indices.append(checked_indices(flat, compiled.last[k], k))
            if flat.dtype is not self._dtype and k in compiled.numbers:
                flat = flat.astype(self._dtype)
            inputs.append(flat)
        return compiled, inputs + indices, n

    def _bound_anew(
        self, key: Any, arrays: Sequence[Array], given: Sequence[Any]
    ) -> tuple[CompiledTrace, int]:
        """Check arguments of shapes and types not met before, and trace if need be."""
        for k, array in enumerate(arrays):
            check_numbers(array, f"argument {k}")
        n = batch_size(arrays) if self._batched else 1
        lead = 1 if self._batched else 0
        shapes = tuple((a.shape[lead:], a.dtype.kind in "iub") for a in arrays)
        static = {k: given[k] for k in self._static if k < len(given)}
        bound = self._compiled((shapes, key[1]), static), n
        if len(self._bound) >= _CACHED_SHAPES:
            self._bound.clear()
        self._bound[key] = bound
        return bound

    def _compiled(self, key: tuple[Any, ...], static: dict[int, Any]) -> CompiledTrace:
        """The trace for these shapes and static arguments."""
        compiled = self._traces.get(key)
        if compiled is not None:
            return compiled
        # A function that is being traced may call another program: one order of locks for all.
        with tracing_lock, self._lock:
            compiled = self._traces.get(key)
            if compiled is None:
                compiled = self._traces[key] = self._traced_anew(key[0], static)
                if len(self._traces) > _CACHED_TRACES:
                    self._traces.popitem(last=False)
                    self._bound.clear()
            return compiled

    def _traced_anew(self, shapes: tuple[Any, ...], static: dict[int, Any]) -> CompiledTrace:
        def arrange(traced: Sequence[Any]) -> list[Any]:
            rest = iter(traced)
            count = len(traced) + len(static)
            return [static[k] if k in static else next(rest) for k in range(count)]

        specs = [InputSpec(tuple(shape), integer) for shape, integer in shapes]
        with paused_collector():
            compiled = compiled_trace(
                self._function, self._parameters, specs, arrange, self._batched, self._dtype
            )
        compiled.static = tuple(static.values())
        return compiled


def _with_batch_last(array: Array) -> Array:
    """The examples as columns; without a copy where that can be done, and quickly."""
    if array.ndim == 2:
        return array.T
    return array[None] if array.ndim == 1 else array.reshape(len(array), -1).T


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


def compile(
    function: Callable[..., Any],
    parameters: Iterable[Value] | Parametrised,
    *,
    static_argnums: int | Sequence[int] = (),
    reduction: str = "mean",
    dtype: npt.DTypeLike = np.float64,
    batched: bool = True,
    backend: str = "numpy",
) -> Program:
    """Compile a function written in scalars into a matrix program.

    The function is traced once for each shape of its arguments: run on Values without numbers.
    From the scalar graph it makes the matrices are recovered, and the program runs as NumPy code
    that a person might have written (see :attr:`Program.source`).  Sums are added in
    another order than in the scalar engine, so the last digits may differ.

    Parameters
    ----------
    function : callable
        Of one example: its arguments are Values, or lists (of lists) of Values; it returns a
        Value or a list of Values.
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

    Returns
    -------
    Program
        ``program(theta, *batch)`` and ``program.value_and_grad(theta, *batch)``.

    Raises
    ------
    TypeError
        If `function` is not callable or a parameter is no leaf Value.
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
    static = static_positions(function, static_argnums)
    return Program(
        function, leaves, static_argnums=static, reduction=reduction, dtype=dtype, batched=batched
    )
