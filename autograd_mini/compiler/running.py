"""A compiled function: traces by shape, bound arguments, chunks of the batch, threads."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..core.collector import paused_collector
from ..core.value import Value
from .arguments import (
    argument_names,
    as_arrays,
    batch_size,
    check_numbers,
    checked_indices,
    identity,
    unhashable,
)
from .backends.numpy.description import ProgramStep
from .compiled import CompiledTrace, Stats, compiled_trace
from .ir.references import Reference
from .signature import signature
from .trace import InputSpec, Trace, trace
from .trace import lock as tracing_lock

Array = npt.NDArray[Any]
_CACHED_TRACES = 512
_CACHED_SHAPES = 256
_quietly = np.errstate(all="ignore")  # as a decorator quicker than in `with`


@dataclass(frozen=True)
class TraceInfo:
    """One trace of a program: the shapes of one example, the static arguments, the statistics.

    Examples
    --------
    >>> from autograd_mini import Value, compile
    >>> w = Value(2.0)
    >>> program = compile(lambda x: w * x, [w])
    >>> outputs = program(None, [1.0, 2.0])
    >>> program.traces[0].shapes
    ((),)
    """

    shapes: tuple[tuple[int, ...], ...]
    static: tuple[Any, ...]
    stats: Stats


class CompiledFunction:
    """What programs have in common: traces, checked arguments, runs over a batch in chunks.

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
    """

    _has_aux: ClassVar[bool]

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
        self._bound: dict[Any, tuple[CompiledTrace, int, Any]] = {}
        self._last_used: CompiledTrace | None = None
        self.forgotten = 0  # how many traces were, as their graph is another now
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        count = len(self._parameters)
        parameters = f"{count:,} parameter{'s' * (count != 1)}"
        name = getattr(self._function, "__name__", type(self._function).__name__)
        start = f"{type(self).__name__}({name}, {parameters}"
        last = self._last_used
        return f"{start}, not traced yet)" if last is None else f"{start}, {last.summary()})"

    def _room(self, results: Reference, n: int) -> Array:
        """Room for what is read of every example; it belongs to the caller in the end."""
        return np.empty((n, *results.shape), dtype=self._dtype)

    def _weight(self, n: int) -> float:
        """What an example's loss counts among n."""
        return 1.0 / n if self._mean else 1.0

    def _shaped(self, rows: Array, is_one: bool) -> Array:
        """Rows of numbers as they are handed out."""
        if not self._batched:
            rows = rows[0]
        return rows[..., 0] if is_one else rows

    @_quietly
    def _fill(
        self,
        compiled: CompiledTrace,
        vector: Array,
        inputs: Sequence[Array],
        outputs: Array,
        aux: Array | None = None,
    ) -> None:
        """Work out the outputs of a batch, and aux, chunk by chunk."""
        for start in range(0, len(outputs), compiled.chunk):
            part = outputs[start : start + compiled.chunk]
            chunk = self._part(inputs, start, start + len(part))
            arrays = compiled.workspace(len(part)).of["outputs"]
            result = compiled.outputs(vector, *chunk, arrays)
            beside = None
            if aux is not None:
                beside = aux[start : start + len(part)]
                result, entries = result
                beside[...] = entries.T
            part[...] = result.T
            if compiled.has_other_outputs and not (
                np.isfinite(part).all() and (beside is None or _is_finite(beside))
            ):
                self._fill(compiled.nan_safe, vector, chunk, part, beside)

    def _part(self, inputs: Sequence[Array], start: int, stop: int) -> Sequence[Array]:
        """Some examples of a batch."""
        return [array[..., start:stop] for array in inputs] if self._batched else inputs

    @_quietly
    def _reduced(
        self,
        compiled: CompiledTrace,
        vector: Array,
        inputs: Sequence[Array],
        n: int,
        weight: float,
        aux: Array | None = None,
    ) -> tuple[float, Array]:
        """Value and gradient summed over n examples, times `weight`; fills `aux`."""
        if n > compiled.chunk:
            return self._in_chunks(compiled, vector, inputs, n, weight, aux)
        gradient = np.empty(len(vector), dtype=self._dtype)
        arrays = compiled.workspace(n).of["value_and_grad"]
        # every row counts once, also where rows are all the same
        seed = weight if compiled.rows else weight * n
        result = compiled.value_and_grad(vector, *inputs, gradient, seed, arrays)
        if aux is not None:
            result, entries = result
            aux[...] = entries.T
        total = np.add.reduce(result, axis=None) if compiled.rows else result.reshape(-1)[0] * n
        value = float(total) * weight
        finite = math.isfinite(value) and (
            math.isfinite(compiled.look(gradient)) or np.isfinite(gradient).all()
        )
        if aux is not None and compiled.has_other_outputs:
            finite = finite and _is_finite(aux)
        if finite or not compiled.may_be_repaired:
            return value, gradient
        return self._reduced(compiled.nan_safe, vector, inputs, n, weight, aux)

    def _in_chunks(
        self,
        compiled: CompiledTrace,
        vector: Array,
        inputs: Sequence[Array],
        n: int,
        weight: float,
        aux: Array | None,
    ) -> tuple[float, Array]:
        total, gradient = 0.0, np.zeros(len(vector), dtype=self._dtype)
        for start in range(0, n, compiled.chunk):
            stop = min(n, start + compiled.chunk)
            part = self._part(inputs, start, stop)
            beside = None if aux is None else aux[start:stop]
            value, part_gradient = self._reduced(
                compiled, vector, part, stop - start, weight, beside
            )
            total += value
            gradient += part_gradient
        return total, gradient

    def retrace(self, *batch: Any) -> bool:
        """Trace the function again, and forget its trace if it makes another graph now.

        A program is of the graph that its function made when it was traced.  What the function
        reads beside its arguments and the parameters, such as an attribute or a global variable,
        is frozen in it.  Where that may change, this finds out, for much less than compiling:
        operations, operands, constants, parameters and outputs are compared.

        Parameters
        ----------
        *batch : array_like
            The arguments, as in a call: the trace for their shapes is the one that is compared.

        Returns
        -------
        bool
            Whether nothing had to be forgotten.  If something had, the next call traces anew, and
            what was bound by `bind` must be bound again; the parameters remain those that the
            program was made for.

        Raises
        ------
        ValueError, TypeError, TraceError
            As in a call; also whatever the function raises.

        Examples
        --------
        >>> import autograd_mini as ad
        >>> from autograd_mini import Value
        >>> w, slope = Value(2.0), {"slope": 1.0}
        >>> program = ad.compile(lambda x: w * x * slope["slope"], [w])
        >>> program(None, [1.0]), program.retrace([1.0])
        (array([2.]), True)
        >>> slope["slope"] = 10.0
        >>> program.retrace([1.0]), program(None, [1.0])
        (False, array([20.]))
        """
        arrays, identities = self._split(batch)
        key, static = self._key(arrays, identities, batch)
        with tracing_lock, self._lock, paused_collector():
            try:
                kept = self._traces.get(key)
            except TypeError:
                raise TypeError(unhashable(batch, self._static)) from None
            if kept is None or kept.signature == signature(self._trace(key[0], static)):
                return True
            del self._traces[key]
            self._bound.clear()
            self.forgotten += 1
            return False

    @property
    def source(self) -> str:
        """The emitted NumPy code of the trace used last."""
        return self._last().source

    @property
    def stats(self) -> Stats:
        """What the trace used last became."""
        return self._last().stats

    @property
    def steps(self) -> tuple[ProgramStep, ...]:
        """What the trace used last does step by step, as :attr:`source` has it."""
        return self._last().steps

    @property
    def traces(self) -> tuple[TraceInfo, ...]:
        """All traces that are kept, the one used last at the end."""
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
        if vector.dtype is not self._dtype:
            check_numbers(vector, "theta")
        if vector.shape != (len(self._parameters),):
            raise ValueError(
                f"theta has shape {vector.shape}, expected ({len(self._parameters)},): one number "
                "for each parameter, in their order"
            )
        return np.ascontiguousarray(vector, dtype=self._dtype)

    def _bind(self, batch: Sequence[Any]) -> tuple[CompiledTrace, list[Array], int]:
        """The trace for these arguments, and them as arrays with the batch as last axis."""
        arrays, static = self._split(batch)
        key = (tuple([(a.shape, a.dtype.char) for a in arrays]), static)
        try:
            bound = self._bound.get(key)
        except TypeError:
            raise TypeError(unhashable(batch, self._static)) from None
        if bound is None:
            bound = self._bound_anew(key, arrays, batch)
        compiled, n, trace = bound
        if compiled is not self._last_used:
            self._use(trace, compiled)
        inputs = [_with_batch_last(a) if self._batched else a.reshape(-1) for a in arrays]
        indices = [checked_indices(inputs[k], last, k) for k, last in compiled.last.items()]
        for k in compiled.numbers:
            if inputs[k].dtype is not self._dtype:
                inputs[k] = inputs[k].astype(self._dtype)
        return compiled, inputs + indices, n

    def _bind_to_keep(self, batch: Sequence[Any]) -> tuple[CompiledTrace, list[Array], int]:
        """The same; checked indices are copied, so that nobody changes them any more."""
        compiled, inputs, n = self._bind(batch)
        count = len(inputs) - len(compiled.last)
        return compiled, inputs[:count] + [indices.copy() for indices in inputs[count:]], n

    def _split(self, given: Sequence[Any]) -> tuple[list[Array], tuple[Any, ...]]:
        """The traced arguments as arrays, and what tells the static ones apart."""
        if not self._static:
            return as_arrays(given), ()
        static = tuple([identity(given[k]) for k in self._static if k < len(given)])
        traced = [argument for k, argument in enumerate(given) if k not in self._static]
        return as_arrays(traced), static

    def _bound_anew(
        self, key: Any, arrays: Sequence[Array], given: Sequence[Any]
    ) -> tuple[CompiledTrace, int, Any]:
        """Check arguments of shapes and types not met before, and trace if need be."""
        of_trace, static = self._key(arrays, key[1], given)
        n = len(arrays[0]) if self._batched else 1
        bound = self._compiled(of_trace, static), n, of_trace
        if len(self._bound) >= _CACHED_SHAPES:
            self._bound.clear()
        self._bound[key] = bound
        return bound

    def _key(
        self, arrays: Sequence[Array], identities: tuple[Any, ...], given: Sequence[Any]
    ) -> tuple[tuple[Any, ...], dict[int, Any]]:
        """What a trace is kept under: shapes of one example, and static arguments; and these.

        The arguments are checked.
        """
        for k, array in enumerate(arrays):
            check_numbers(array, f"argument {k}")
        if self._batched:
            batch_size(arrays)
        lead = 1 if self._batched else 0
        shapes = tuple((a.shape[lead:], a.dtype.kind in "iub") for a in arrays)
        return (shapes, identities), {k: given[k] for k in self._static if k < len(given)}

    def _use(self, trace: Any, compiled: CompiledTrace) -> None:
        """Note what is used last: where there are too many traces, others go first."""
        with self._lock:
            self._last_used = compiled
            if trace in self._traces:
                self._traces.move_to_end(trace)

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
        with paused_collector():
            start = time.perf_counter()
            traced = self._trace(shapes, static)
            seconds = time.perf_counter() - start
            names = argument_names(self._function, self._static)
            compiled = compiled_trace(traced, names, self._batched, self._dtype, seconds)
        compiled.static = tuple(static.values())
        return compiled

    def _trace(self, shapes: tuple[Any, ...], static: dict[int, Any]) -> Trace:
        """Run the function on Values without numbers."""

        def arrange(traced: Sequence[Any]) -> list[Any]:
            rest = iter(traced)
            count = len(traced) + len(static)
            return [static[k] if k in static else next(rest) for k in range(count)]

        specs = [InputSpec(tuple(shape), integer) for shape, integer in shapes]
        return trace(self._function, self._parameters, specs, arrange, self._has_aux)


def _with_batch_last(array: Array) -> Array:
    """The examples as columns; without a copy where that can be done, and quickly."""
    if array.ndim == 2:
        return array.T
    return array[None] if array.ndim == 1 else array.reshape(len(array), -1).T


def _is_finite(rows: Array) -> bool:
    """Whether all numbers of an array without gaps are finite; quick if they are not huge."""
    flat = rows.ravel()
    return math.isfinite(flat.dot(flat)) or bool(np.isfinite(rows).all())
