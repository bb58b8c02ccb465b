"""Stage 5: the reverse pass, step by step over the array program.

A contraction's rule is BP2 toward its inputs and BP4 (and BP3, for a bias) toward its weights; an
elementwise step takes the table's local derivatives; what is read in several places receives the
sum of what comes back from each.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..ir.array_program import ArrayProgram
from ..ir.references import Interned, Reference, View
from ..ir.spaces import DIFFERENTIATED, THETA
from ..ir.steps import (
    SIGNAL,
    ArrayStep,
    Contract,
    Map,
    Mask,
    Reduce,
    TakeAdjoint,
    TakeStep,
    VectorRow,
    VectorRowAdjoint,
)
from .flow import Flow
from .local import Contribution, contribution, product, scaled
from .passing import Passing, Upstream
from .signals import Signals
from .storage import Storage


def differentiate(program: ArrayProgram, nan_safe: bool = False) -> ArrayProgram:
    """Add the reverse pass of a program with one output.

    Parameters
    ----------
    program : ArrayProgram
        Forward steps and one scalar output.
    nan_safe : bool, optional
        Let zero carry nothing everywhere, as in the scalar engine, element by element.  Without, a
        0 of an error signal beside an infinity may give NaN, but never another wrong number.

    Returns
    -------
    ArrayProgram
        The same with ``backward`` steps, which end in the error signal of ``theta``, and the
        ``seed`` to set first.
    """
    return _Reverse(program, nan_safe).run()


class _Reverse:
    def __init__(self, program: ArrayProgram, nan_safe: bool) -> None:
        self.program = program
        self.nan_safe = nan_safe
        self.flow = Flow(program)
        read = [r for step in program.forward for r in (*step.reads, step.out)]
        self.interned = Interned(read)
        self.storage = Storage(program.sizes, self.interned)
        self.signals = Signals(self.flow, self.storage)
        self.passing = Passing(self.signals)

    def run(self) -> ArrayProgram:
        """Add the backward steps."""
        program, signals = self.program, self.signals
        seed = self._seed()
        writers = Counter([step.out for step in self.flow.steps])
        sources = Counter([step.out for step in self.flow.differentiable])
        for step in reversed(self.flow.steps):
            self._step(step, alone=sources[step.out] == 1)
            writers[step.out] -= 1
            if not writers[step.out]:
                self.passing.hand_over(step.out)
        signals.fill(THETA, np.flatnonzero(~signals.written.array(THETA)))
        sizes = {**program.sizes, **signals.scratch}
        sizes |= {space.signals: program.sizes[space] for space in DIFFERENTIATED}
        return replace(program, sizes=sizes, backward=tuple(signals.steps), seed=seed)

    def _seed(self) -> View | None:
        """The error signal of the output, if the output is not a constant."""
        output = self.program.outputs
        if not isinstance(output, View) or output.space not in DIFFERENTIATED:
            return None
        single = View(output.space, output.offset, (), ())
        self.signals.written.set(single)
        return self.storage.of(single)

    def _step(self, step: ArrayStep, alone: bool) -> None:
        flow, signals = self.flow, self.signals
        differentiable = step in flow.differentiable
        needed = differentiable or flow.needed.any(step.out)
        if not needed or not signals.written.any(step.out):
            return
        signals.complete(step.out)
        if isinstance(step, Mask):
            signals.mask_later(step)
        elif differentiable:
            signal, guarded = signals.of_array(step.out), flow.guarded.any(step.out)
            _RULES[type(step)](self, step, Upstream(signal, step.out, alone, guarded))

    # Rules

    def _contract(self, step: Contract, upstream: Upstream) -> None:
        if upstream.guarded or self.nan_safe:
            self._guarded_contract(step, upstream)
            return
        is_square = _is_square(step)
        if is_square:
            step = replace(step, scale=2 * step.scale)
        if step.scale != 1.0 and _scales_in_place(upstream, self.storage):
            signal = upstream.view
            self.signals.steps.append(Map(signal, scaled(step.scale).formula, {SIGNAL: signal}))
            step = replace(step, scale=1.0)
        a, b = step.a, step.b
        if step.ones:  # the column of the bias has no input to send an error signal to
            assert isinstance(a, View)
            assert isinstance(b, View)
            inner = self.interned(a._replace(shape=(*a.shape[:-1], a.shape[-1] - 1)))
            inputs = self.interned(b._replace(shape=(b.shape[0] - 1,)))
            self._factor(step, upstream, (inputs, step.b_axes), (inner, step.a_axes))
        else:
            self._factor(step, upstream, (b, step.b_axes), (a, step.a_axes))
        if not is_square:  # else both factors at once
            self._factor(step, upstream, (a, step.a_axes), (b, step.b_axes))

    def _factor(
        self,
        step: Contract,
        upstream: Upstream,
        target: tuple[Reference, str],
        other: tuple[Reference, str],
    ) -> None:
        """BP2 toward the inputs, BP4 toward the weights."""
        signal, (reference, axes) = upstream.view, target
        if not self.flow.needed.any(reference):
            return

        def make(out: View, add: bool) -> Contract:
            return Contract(out, axes, signal, step.out_axes, *other, step.scale, add=add)

        rows = self.program.has_rows(signal.space)
        self.signals.write(reference, rows, make, batch_summed=True)

    def _guarded_contract(self, step: Contract, upstream: Upstream) -> None:
        """The same element by element, so that a 0 of the error signal stays 0 beside inf."""
        summed = [c for c in step.a_axes if c not in step.out_axes]
        axes = step.out_axes.replace("n", "") + "".join(summed)
        full = (*step.out.shape, *[step.a.shape[step.a_axes.index(c)] for c in summed])
        a = self.interned(step.a.spread(_axes_of(step.a_axes, axes), full))
        b = self.interned(step.b.spread(_axes_of(step.b_axes, axes), full))
        wide = upstream._replace(view=self.interned(upstream.view.widened(full)))
        formula = product(ast.Constant(step.scale), ast.Name("x"), nan_safe=self.nan_safe)
        for target, other in ((a, b), (b, a)):
            if self.flow.needed.any(target):
                self._elementwise(target, formula, wide, {"x": other}, guard=wide.view)

    def _map(self, step: Map, upstream: Upstream) -> None:
        operands = {**step.operands, "y": step.out}
        needed = [name for name, r in step.operands.items() if self.flow.needed.any(r)]
        in_place = upstream.alone and len(needed) == 1
        has_holes = self.program.holes.any(step.out)
        for position, (name, target) in enumerate(step.operands.items()):
            if name not in needed:
                continue
            what = contribution(step, position, name, self.nan_safe)
            read = {key: operands[key] for key in operands if key in what.names}
            risky = upstream.guarded or (
                has_holes and self.flow.meets_garbage(step.out, list(read.values()))
            )
            guard = upstream.view if risky and not what.is_signal else None
            self._elementwise(target, what, upstream, read, guard, in_place)

    def _elementwise(
        self,
        target: Reference,
        what: Contribution,
        upstream: Upstream,
        operands: Mapping[str, Reference],
        guard: View | None = None,
        in_place: bool = False,
    ) -> None:
        """Send a formula over the error signal and the operands back to one of these."""
        if what.is_zero:
            return
        if what.is_signal and guard is None:
            self.passing.pass_on(upstream, target)
            return
        signal = upstream.view
        read = {**operands, SIGNAL: signal}

        def make(out: View, add: bool) -> Map:
            return Map(out, what.formula, read, guard, add=add)

        lent = self.passing.lend(signal, target) if in_place else None
        if lent is not None:
            self.signals.steps.append(make(lent, False))
        else:
            self.signals.write(target, self.program.has_rows(signal.space), make)

    def _reduce(self, step: Reduce, upstream: Upstream) -> None:
        wide = upstream._replace(view=self.interned(upstream.view.widened(step.source.shape)))
        self._elementwise(step.source, scaled(step.scale), wide, {})

    def _vector(self, step: VectorRow, upstream: Upstream) -> None:
        signal = upstream.view

        def make(out: View, add: bool) -> VectorRowAdjoint:
            return VectorRowAdjoint(out, step.op, step.source, step.out, signal, add=add)

        self.signals.write_apart(step.source, self.program.has_rows(signal.space), make)

    def _take(self, step: TakeStep, upstream: Upstream) -> None:
        signal = upstream.view

        def make(out: View, add: bool) -> TakeAdjoint:
            return TakeAdjoint(
                out, step.table_axes, step.index, step.index_axes, signal, step.out_axes, add=add
            )

        rows = self.program.has_rows(signal.space)
        self.signals.write(step.table, rows, make, batch_summed=True)


_RULES: dict[type[ArrayStep], Callable[[_Reverse, Any, Upstream], None]] = {
    Contract: _Reverse._contract,
    Map: _Reverse._map,
    Reduce: _Reverse._reduce,
    VectorRow: _Reverse._vector,
    TakeStep: _Reverse._take,
}


def _is_square(step: Contract) -> bool:
    """Whether both factors are the same array, so that both contributions are equal."""
    return step.a == step.b and step.a_axes == step.b_axes


def _scales_in_place(upstream: Upstream, storage: Storage) -> bool:
    """Whether nothing else reads an error signal: it is scaled once, not its products each."""
    return upstream.alone and storage.is_free(upstream.view)


def _axes_of(axes: str, wanted: str) -> list[int | None]:
    """Which axis of an array each letter is, if one of its own."""
    own = axes.replace("n", "")
    return [own.index(axis) if axis in own else None for axis in wanted]
