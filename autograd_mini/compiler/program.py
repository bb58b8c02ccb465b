"""The compiled program: traces by shape, bound arguments, chunks of the batch, threads."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..core.coerce import is_ordered
from ..core.collector import paused_collector
from ..core.value import Value
from ..table.backends import special_functions
from ..table.primitives import compile_source
from .arguments import (
    as_arrays,
    batch_size,
    check_numbers,
    checked_indices,
    identity,
    static_positions,
    unhashable,
)
from .backends.numpy.source import Emitted, RowFunction, emit
from .canonical import canonical_form, has_other_nan_safe_form
from .ir.references import Gather, Mixed
from .ir.scalars import ScalarProgram
from .ir.steps import (
    ArrayProgram,
    Contract,
    Map,
    Reduce,
    Step,
    last_indices,
    number_inputs,
    references,
    witnesses,
)
from .lower.packs import lower
from .reverse import differentiate
from .runtime import (
    Workspace,
    strided,
    vector_adjoint,
    vector_value,
    with_direct_names,
)
from .trace import InputSpec, trace
from .trace import lock as tracing_lock

Array = npt.NDArray[Any]
_CACHED_TRACES = 64
_CACHED_SIZES = 4
_CACHED_SHAPES = 256
_CHUNK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Stats:
    """What a trace became.

    Attributes
    ----------
    nodes : int
        Nodes of the traced scalar graph.
    packs : int
        Packs of equal nodes.
    matrix_products, elementwise_steps, gathers : int
        Steps of the forward pass; a gather is an operand that had to be copied together.
    trace_seconds, lift_seconds : float
        Time to run the function on Values, and to turn its graph into array steps and source.

    Examples
    --------
    >>> from autograd_mini import Value, dot
    >>> w = [Value(0.5), Value(-1.0)]
    >>> program = compile(lambda x: dot(w, x).tanh(), w)
    >>> outputs = program(None, [[1.0, 2.0], [3.0, 4.0]])
    >>> program.stats.matrix_products, program.stats.elementwise_steps
    (1, 1)
    """

    nodes: int
    packs: int
    matrix_products: int
    elementwise_steps: int
    gathers: int
    trace_seconds: float
    lift_seconds: float


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


@dataclass(frozen=True)
class _Setting:
    """What all programs of one trace have in common."""

    specs: tuple[InputSpec, ...]
    labels: tuple[str, ...]
    scalar: bool
    batched: bool
    dtype: np.dtype[Any]


class _Compiled:
    """One trace: emitted functions and their workspaces.

    With a `safe` form of the graph beside them the functions are the fast ones.  Where these meet
    ``0 * inf`` they give NaN, but the scalar engine, in which zero carries nothing, may give a
    number.  So :attr:`nan_safe` is asked where they give anything but finite numbers.
    """

    def __init__(
        self, scalars: ScalarProgram, safe: ScalarProgram | None, setting: _Setting
    ) -> None:
        self._safe = safe
        self._setting = setting
        self.stats: Stats
        self.static: tuple[Any, ...] = ()
        nan_safe = safe is None
        sizes = [math.prod(spec.shape) for spec in setting.specs]
        count = len(setting.labels)
        program, lowering = lower(scalars, count, sizes, setting.batched, nan_safe)
        if setting.scalar:
            program = differentiate(program, nan_safe)
            self.look = _look(witnesses(program))
        self.program = program
        self.packs = lowering.packs
        emitted = emit(program, _header(program, setting.specs), setting.labels)
        self.source = emitted.source
        self.buffers = emitted.buffers
        self.unpacked = emitted.unpacked
        namespace = _namespace(emitted, setting.dtype)
        compile_source(
            self.source, f"<autograd_mini program {id(self)}>", namespace, with_direct_names
        )
        self.outputs: Callable[..., Any] = namespace["outputs"]
        self.value_and_grad: Callable[..., Any] | None = namespace.get("value_and_grad")
        self.scalar = setting.scalar
        self.rows = program.reads_rows(program.outputs)
        self.last = last_indices(program)
        self.numbers = number_inputs(program)
        row_bytes = 8 * sum(s for name, s in program.sizes.items() if program.has_rows(name))
        self.chunk = max(1 if nan_safe else 64, _CHUNK_BYTES // max(1, row_bytes))
        self.may_be_repaired = not nan_safe
        self.has_other_outputs = not nan_safe and (lowering.has_padding or safe is not scalars)
        self._local = threading.local()

    @cached_property
    def nan_safe(self) -> _Compiled:
        """The same program with zero carrying nothing; made when it is needed first."""
        assert self._safe is not None, "it is the NaN-safe one itself"
        return _Compiled(self._safe, None, self._setting)

    def workspace(self, n: int) -> Workspace:
        """The arrays for a batch of n, of this thread."""
        made: OrderedDict[int, Workspace] | None = getattr(self._local, "made", None)
        if made is None:
            made = self._local.made = OrderedDict()
        if n not in made:
            if len(made) >= _CACHED_SIZES:
                made.popitem(last=False)
            dtype = self._setting.dtype
            made[n] = Workspace(self.program, self.buffers, self.unpacked, n, dtype)
        return made[n]


def _look(entries: npt.NDArray[np.int64] | None) -> Callable[[Array], float]:
    """A quick look at a gradient: a number that is not finite if one of these entries is not."""
    if entries is None:
        return lambda gradient: gradient.dot(gradient)

    def look(gradient: Array) -> float:
        part = gradient.take(entries)
        return float(part.dot(part))

    return look


def _compiled(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    specs: Sequence[InputSpec],
    arrange: Callable[[Sequence[Any]], Sequence[Any]],
    batched: bool,
    dtype: np.dtype[Any],
) -> _Compiled:
    """Trace a function, and take its graph through all the stages."""
    start = time.perf_counter()
    traced = trace(function, parameters, specs, arrange)
    middle = time.perf_counter()
    scalars = canonical_form(traced)
    safe = canonical_form(traced, nan_safe=True) if has_other_nan_safe_form(traced) else scalars
    labels = tuple([parameter.label for parameter in parameters])
    setting = _Setting(tuple(specs), labels, traced.scalar, batched, dtype)
    compiled = _Compiled(scalars, safe, setting)
    compiled.stats = _stats(compiled, len(traced.nodes), middle - start, middle)
    return compiled


def _header(program: ArrayProgram, specs: Sequence[InputSpec]) -> list[str]:
    lines = [f"theta: ({program.sizes['theta']},)"]
    rows = ", n" if program.batched else ","
    for k in range(len(specs)):
        lines.append(f"input{k}: ({program.sizes[f'input{k}']}{rows})")
    if program.batched:
        lines.append("n: size of the batch, the last axis of whatever depends on the example")
    return lines


def _namespace(emitted: Emitted, dtype: npt.DTypeLike) -> dict[str, Any]:
    huge = float(np.finfo(dtype).max)
    namespace: dict[str, Any] = {"np": np, "strided": strided, "huge": huge}
    if "special." in emitted.source:
        namespace["special"] = special_functions()
    for name, value in emitted.constants.items():
        if isinstance(value, RowFunction):
            value = vector_value(value.op) if value.kind == "value" else vector_adjoint(value.op)
        elif isinstance(value, np.ndarray) and value.dtype == np.float64:
            value = value.astype(dtype)
        namespace[name] = value
    return namespace


def _is_matrix_product(step: Step) -> bool:
    """Whether rows of one factor meet rows of the other; else one row meets one row."""
    return isinstance(step, Contract) and any(
        (axis in step.a_axes) != (axis in step.b_axes) for axis in step.out_axes
    )


def _stats(compiled: _Compiled, nodes: int, trace_seconds: float, start: float) -> Stats:
    program = compiled.program
    read = {id(r): r for step in program.forward for r in references(step)}
    return Stats(
        nodes=nodes,
        packs=compiled.packs,
        matrix_products=sum(map(_is_matrix_product, program.forward)),
        elementwise_steps=sum(
            isinstance(step, (Map, Reduce, Contract)) and not _is_matrix_product(step)
            for step in program.forward
        ),
        gathers=sum(isinstance(r, (Gather, Mixed)) for r in read.values()),
        trace_seconds=trace_seconds,
        lift_seconds=time.perf_counter() - start,
    )


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
        self._traces: OrderedDict[Any, _Compiled] = OrderedDict()
        self._bound: dict[Any, tuple[_Compiled, int]] = {}
        self._last_used: _Compiled | None = None
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
        self, outputs: Array, compiled: _Compiled, vector: Array, inputs: Sequence[Array]
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
        if compiled.value_and_grad is None:
            raise ValueError(
                f"value_and_grad needs a function that returns one Value, this one returns a list "
                f"of {compiled.program.outputs.shape[0]}; return their loss"
            )
        weight = 1.0 / n if self._mean else 1.0
        with np.errstate(all="ignore"):
            return self._reduced(compiled, vector, inputs, n, weight)

    def _reduced(
        self, compiled: _Compiled, vector: Array, inputs: Sequence[Array], n: int, weight: float
    ) -> tuple[float, Array]:
        """Value and gradient summed over n examples, times `weight`."""
        if n > compiled.chunk:
            return self._in_chunks(compiled, vector, inputs, n, weight)
        assert compiled.value_and_grad is not None, "value_and_grad() has looked"
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
        self, compiled: _Compiled, vector: Array, inputs: Sequence[Array], n: int, weight: float
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

    def _last(self) -> _Compiled:
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

    def _bind(self, batch: Sequence[Any]) -> tuple[_Compiled, list[Array], int]:
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
    ) -> tuple[_Compiled, int]:
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

    def _compiled(self, key: tuple[Any, ...], static: dict[int, Any]) -> _Compiled:
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

    def _traced_anew(self, shapes: tuple[Any, ...], static: dict[int, Any]) -> _Compiled:
        def arrange(traced: Sequence[Any]) -> list[Any]:
            rest = iter(traced)
            count = len(traced) + len(static)
            return [static[k] if k in static else next(rest) for k in range(count)]

        specs = [InputSpec(tuple(shape), integer) for shape, integer in shapes]
        with paused_collector():
            compiled = _compiled(
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
