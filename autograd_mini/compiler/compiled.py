"""One trace of a program: its graph taken through all stages, to functions and their arrays."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .backends.numpy.description import ProgramStep, describe
from .backends.numpy.source import emit
from .canonical import canonical_form, has_other_nan_safe_form
from .ir.array_program import ArrayProgram
from .ir.facts import last_indices, number_inputs, witnesses
from .ir.references import Reference
from .ir.scalars import ScalarProgram
from .ir.spaces import THETA
from .ir.steps import Contract, LargestStep, Map, Reduce
from .lower.packs import lower
from .reverse.rules import differentiate
from .runtime import Functions, Workspace
from .signature import Signature, signature
from .trace import InputSpec, Trace

Array = npt.NDArray[Any]
_CACHED_SIZES = 4
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
    >>> import autograd_mini as ad
    >>> from autograd_mini import Value, dot
    >>> w = [Value(0.5), Value(-1.0)]
    >>> program = ad.compile(lambda x: dot(w, x).tanh(), w)
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
class Setting:
    """What all programs of one trace have in common."""

    specs: tuple[InputSpec, ...]
    labels: tuple[str, ...]
    arguments: tuple[str, ...]
    scalar: bool
    scalar_aux: bool
    batched: bool
    dtype: np.dtype[Any]


class CompiledTrace:
    """One trace: emitted functions and their workspaces.

    With a `safe` form of the graph beside them the functions are the fast ones.  Where these meet
    ``0 * inf`` they give NaN, but the scalar engine, in which zero carries nothing, may give a
    number.  So :attr:`nan_safe` is asked where they give anything but finite numbers.
    """

    def __init__(
        self, scalars: ScalarProgram, safe: ScalarProgram | None, setting: Setting
    ) -> None:
        self._safe = safe
        self._setting = setting
        self.stats: Stats
        self.signature: Signature
        self.static: tuple[Any, ...] = ()
        nan_safe = safe is None
        sizes = [math.prod(spec.shape) for spec in setting.specs]
        count = len(setting.labels)
        lowered = lower(scalars, count, sizes, setting.batched, nan_safe)
        program = lowered.program
        if setting.scalar:
            program = differentiate(program, nan_safe)
            self.look = _look(witnesses(program))
        self.program = program
        self.packs = lowered.packs
        self._few_nodes = list(zip(scalars.nodes, lowered.places, strict=False))
        self._emitted = emit(program, _header(program), setting.labels, setting.arguments)
        self.source = self._emitted.source
        self._functions = Functions(self._emitted, setting.dtype)
        self.scalar, self.scalar_aux = setting.scalar, setting.scalar_aux
        self.rows = program.reads_rows(program.outputs)
        self.last = last_indices(program)
        self.numbers = number_inputs(program)
        row_bytes = 8 * sum([n for space, n in program.sizes.items() if program.has_rows(space)])
        self.chunk = max(1 if nan_safe else 64, _CHUNK_BYTES // max(1, row_bytes))
        self.may_be_repaired = not nan_safe
        self.has_other_outputs = not nan_safe and (lowered.has_padding or safe is not scalars)
        self._local = threading.local()

    def summary(self) -> str:
        """What came of what, in a line: "inputs (2,): 60 scalars -> 6 array steps, ..."."""
        shapes = ", ".join(str(spec.shape) for spec in self._setting.specs) or "none"
        steps, products = len(self.program.forward), self.stats.matrix_products
        return (
            f"inputs {shapes}: {self.stats.nodes:,} scalars -> {steps:,} array step"
            f"{'s' * (steps != 1)}, {products:,} matrix product{'s' * (products != 1)}"
        )

    @property
    def steps(self) -> tuple[ProgramStep, ...]:
        """What it does step by step, with the names of its source."""
        setting = self._setting
        return describe(self.program, setting.labels, setting.arguments, self._few_nodes)

    @cached_property
    def outputs(self) -> Callable[..., Any]:
        """The emitted function that gives the outputs."""
        return self._functions["outputs"]

    @cached_property
    def value_and_grad(self) -> Callable[..., Any]:
        """The emitted function that gives value and gradient, of a program with one output."""
        return self._functions["value_and_grad"]

    @cached_property
    def nan_safe(self) -> CompiledTrace:
        """The same program with zero carrying nothing; made when it is needed first."""
        assert self._safe is not None, "it is the NaN-safe one itself"
        return CompiledTrace(self._safe, None, self._setting)

    def workspace(self, n: int) -> Workspace:
        """The arrays for a batch of n, of this thread."""
        made: OrderedDict[int, Workspace] | None = getattr(self._local, "made", None)
        if made is None:
            made = self._local.made = OrderedDict()
        if n not in made:
            if len(made) >= _CACHED_SIZES:
                made.popitem(last=False)
            dtype = self._setting.dtype
            made[n] = Workspace(self.program, self._emitted, n, dtype)
        return made[n]


def _look(entries: npt.NDArray[np.int64] | None) -> Callable[[Array], float]:
    """A quick look at a gradient: a number that is not finite if one of these entries is not."""
    if entries is None:
        return lambda gradient: gradient.dot(gradient)

    def look(gradient: Array) -> float:
        part = gradient.take(entries)
        return float(part.dot(part))

    return look


def compiled_trace(
    traced: Trace,
    arguments: tuple[str, ...],
    batched: bool,
    dtype: np.dtype[Any],
    trace_seconds: float,
) -> CompiledTrace:
    """Take the graph of a function through all the stages; `arguments` are their names."""
    start = time.perf_counter()
    scalars = canonical_form(traced)
    safe = canonical_form(traced, nan_safe=True) if has_other_nan_safe_form(traced) else scalars
    labels = tuple([parameter.label for parameter in traced.parameters])
    scalar, scalar_aux = traced.scalar, traced.scalar_aux
    setting = Setting(traced.specs, labels, arguments, scalar, scalar_aux, batched, dtype)
    compiled = CompiledTrace(scalars, safe, setting)
    compiled.signature = signature(traced)
    compiled.stats = _stats(compiled, len(traced.nodes), trace_seconds, start)
    return compiled


def _header(program: ArrayProgram) -> list[str]:
    lines = [f"theta: ({program.sizes[THETA]},)"]
    rows = ", n" if program.batched else ","
    lines += [f"{space}: ({program.sizes[space]}{rows})" for space in program.inputs]
    if program.batched:
        lines.append("n: size of the batch, the last axis of whatever depends on the example")
    return lines


def _stats(compiled: CompiledTrace, nodes: int, trace_seconds: float, start: float) -> Stats:
    program = compiled.program
    products = [s for s in program.forward if isinstance(s, Contract) and s.is_matrix_product]
    elementwise = [
        s for s in program.forward if isinstance(s, Contract | Map | Reduce | LargestStep)
    ]
    read: set[Reference] = {r for step in program.forward for r in step.reads}
    return Stats(
        nodes=nodes,
        packs=compiled.packs,
        matrix_products=len(products),
        elementwise_steps=len(elementwise) - len(products),
        gathers=sum([r.is_copied for r in read]),
        trace_seconds=trace_seconds,
        lift_seconds=time.perf_counter() - start,
    )
