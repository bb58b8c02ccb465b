"""What emitted source calls besides NumPy, and the arrays it works in."""

from __future__ import annotations

import functools
import itertools
import linecache
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..table.backends import ARRAY, special_functions
from ..table.primitives import PRIMITIVES
from .backends.numpy.plan import Buffer, RowFunction
from .backends.numpy.source import SPACES, Emitted
from .ir.array_program import ONE, ArrayProgram
from .ir.references import View
from .ir.spaces import COMPUTED, VALUE

Array = npt.NDArray[Any]


def strided(base: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Elements ``offset + sum(stride * position)`` of the first axis of `base`, without a copy."""
    item = base.strides[0]
    return np.lib.stride_tricks.as_strided(
        base[offset:],
        (*shape, *base.shape[1:]),
        (*[stride * item for stride in strides], *base.strides[1:]),
    )


_programs = itertools.count(1)


class Functions:
    """The functions of an emitted program, each compiled when it is asked for first.

    Tracebacks show their source for as long as they are there.  ``np.add.reduce`` is one global in
    them, looked up beforehand: two look-ups less a call.
    """

    def __init__(self, emitted: Emitted, dtype: npt.DTypeLike) -> None:
        self._emitted = emitted
        self._names: dict[str, Any] = {
            "np": np,
            "strided": strided,
            "huge": float(np.finfo(dtype).max),
            **{name: _constant(value, dtype) for name, value in emitted.constants.items()},
        }
        text = emitted.source
        self._file = f"<autograd_mini program {next(_programs)}>"
        linecache.cache[self._file] = (len(text), None, text.splitlines(True), self._file)
        weakref.finalize(self, linecache.cache.pop, self._file, None).atexit = False

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            text = self._emitted.functions[name]
            for called in self._emitted.calls:
                text = text.replace(f"{called}(", f"{self._direct(called)}(")
            above = "\n" * self._emitted.lines_above(name)
            exec(compile(above + text, self._file, "exec"), self._names)
        function: Callable[..., Any] = self._names[name]
        return function

    def _direct(self, dotted: str) -> str:
        """The global for a function of NumPy or SciPy; names of arrays have no capital F_."""
        first, *rest = dotted.split(".")
        library = special_functions() if first == "special" else np
        name = "F_" + dotted.replace(".", "_")
        self._names[name] = functools.reduce(getattr, rest, library)
        return name


def _constant(value: Any, dtype: npt.DTypeLike) -> Any:
    if isinstance(value, RowFunction):
        return vector_value(value.op) if value.kind == "value" else vector_adjoint(value.op)
    is_real = isinstance(value, np.ndarray) and value.dtype == np.float64
    return value.astype(dtype) if is_real else value


class Workspace(dict[str, Array]):
    """The arrays of one program for one batch size by name, and in `of` for each function."""

    def __init__(
        self,
        program: ArrayProgram,
        emitted: Emitted,
        n: int,
        dtype: npt.DTypeLike,
    ) -> None:
        super().__init__()
        for space in SPACES:
            if space in program.sizes:
                tail = (n,) if program.has_rows(space) else ()
                self[space.name] = np.zeros((program.sizes[space], *tail), dtype=dtype)
        for space in COMPUTED:
            self[space.name][ONE] = 1
        self[VALUE.name][list(program.ones)] = 1
        for buffer in emitted.buffers:
            self[buffer.name] = self._make(buffer, n, dtype)
        self.of = {
            function: tuple([self[name] for name in names])
            for function, names in emitted.unpacked.items()
        }

    def _view(self, view: View) -> Array:
        """Elements of a space, which has no gaps: quicker than :func:`strided` on any array."""
        base = self[view.space.name]
        item = base.strides[0]
        strides = (*[stride * item for stride in view.strides], *base.strides[1:])
        shape = (*view.shape, *base.shape[1:])
        return np.ndarray(shape, base.dtype, base, view.offset * item, strides)

    def _make(self, buffer: Buffer, n: int, dtype: npt.DTypeLike) -> Array:
        if buffer.view is not None:
            array = self._view(buffer.view)
            return array[..., None] if buffer.column else array
        if buffer.dtype == "index":
            return np.arange(n)
        shape = (*buffer.shape, n) if buffer.rows else buffer.shape
        array = np.zeros(shape, dtype=np.bool_ if buffer.dtype == "bool" else dtype)
        if buffer.preset is not None:
            array[...] = buffer.preset[:, None] if buffer.rows else buffer.preset
        return array


def vector_value(op: str) -> Callable[[Array], Array]:
    """The value of a vector row over the first axis of an array."""
    row = PRIMITIVES[op]
    function = row.on(ARRAY)[0]
    return lambda x: np.asarray(function(*row.split(x)))


def vector_adjoint(op: str) -> Callable[[Array, Array, Array], Array]:
    """The error signals of a vector row toward every element of the first axis.

    Local derivative times upstream, where zero carries nothing.
    """
    row = PRIMITIVES[op]
    _, *partials = row.on(ARRAY)

    def adjoint(x: Array, y: Array, upstream: Array) -> Array:
        groups = row.split(x)
        derivatives = np.empty_like(x)
        for partial, span in zip(partials, row.spans(len(x)), strict=True):
            if span.stop > span.start:
                derivatives[span] = partial(*groups, y)
        return np.where((derivatives == 0) | (upstream == 0), 0, derivatives * upstream)

    return adjoint
