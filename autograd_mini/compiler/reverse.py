"""Stage 5: the reverse pass, step by step over the array program.

A contraction's rule is BP2 toward its inputs and BP4 (and BP3, for a bias) toward its weights; an
elementwise step takes the table's local derivatives; what is read in several places receives the
sum of what comes back from each.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..table.primitives import PRIMITIVES
from ..table.rewrite import derivative, is_zero, simplify, times, with_signs_written_out
from .ir.references import Gather, Indices, Mixed, Number, Reference, Table, View, is_distinct
from .ir.steps import (
    SIGNAL,
    ArrayProgram,
    Contract,
    Fill,
    Map,
    Mask,
    Reduce,
    Scatter,
    Step,
    TakeAdjoint,
    TakeStep,
    VectorRow,
    VectorRowAdjoint,
    pieces,
    references,
)

_SPACES = ("theta", "value", "fixed")


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
        The same with ``backward`` steps, which end in ``d_theta``, and the ``seed`` to set first.
    """
    return _Reverse(program, nan_safe).run()


class _Reverse:
    def __init__(self, program: ArrayProgram, nan_safe: bool) -> None:
        self.program = program
        self.nan_safe = nan_safe
        self.steps: list[Step] = []
        self.written = {s: np.zeros(program.sizes[s], dtype=bool) for s in _SPACES}
        self.needed = self._needed()
        self.guarded = self._guarded()
        self.scratch = {"scratch": 0, "scratch_fixed": 0}
        self.masks: dict[tuple[str, int], Mask] = {}
        self.aliases: dict[tuple[str, int], View] = {}
        self.frozen: set[tuple[str, int]] = set()
        self.masked = {_out_place(s) for s in program.forward if isinstance(s, Mask)}
        self.alone = True  # whether the array whose error signal is read has one producing step
        self.place = ("", 0)
        self.whole: dict[tuple[str, int], list[tuple[View, Reference]]] = defaultdict(list)
        self.shift = {s: np.zeros(program.sizes[s], dtype=np.int64) for s in _SPACES}
        self.readers = self._readers()
        self.arrays = {(s.out.space, s.out.offset): s.out for s in program.forward}  # type: ignore[union-attr]

    def run(self) -> ArrayProgram:
        """Add the backward steps."""
        output = self.program.outputs
        seed = None
        if isinstance(output, View) and output.space in _SPACES:
            single = View(output.space, output.offset, (), ())
            seed = replace(single, space=f"d_{output.space}")
            self.written[output.space][output.offset] = True
        steps = Counter(map(_out_place, self.program.forward))
        reading = Counter(map(_out_place, filter(self._differentiable, self.program.forward)))
        for step in reversed(self.program.forward):
            place = _out_place(step)
            self.alone = reading[place] == 1
            self._step(step)
            steps[place] -= 1
            if not steps[place]:
                self._hand_over(place)
        self._fill("theta", np.flatnonzero(~self.written["theta"]))
        sizes = dict(self.program.sizes) | self.scratch
        sizes |= {f"d_{space}": self.program.sizes[space] for space in _SPACES}
        return replace(self.program, sizes=sizes, backward=tuple(self.steps), seed=seed)

    # What is known of elements

    def _flags(self) -> dict[str, npt.NDArray[np.bool_]]:
        return {s: np.zeros(size, dtype=bool) for s, size in self.program.sizes.items()}

    def _any(self, flags: Mapping[str, npt.NDArray[np.bool_]], reference: Reference) -> bool:
        return any(bool(flags[part.space][part.indices()].any()) for part in pieces(reference))

    def _needed(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Which elements depend on a parameter."""
        flags = self._flags()
        flags["theta"][:] = True
        for step in self.program.forward:
            largest = isinstance(step, Reduce) and step.function == "largest"
            read = [step.table] if isinstance(step, TakeStep) else references(step)
            if not largest and any(self._any(flags, reference) for reference in read):
                out = step.out  # type: ignore[union-attr]
                flags[out.space][out.indices()] = True
        return flags

    def _guarded(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Which elements feed an arm of a ``where``, so that 0 * inf may come back to them."""
        flags = self._flags()

        def mark(reference: Reference) -> None:
            for part in pieces(reference):
                flags[part.space][part.indices()] = True

        for step in reversed(self.program.forward):
            if isinstance(step, Map) and step.op == "where":
                mark(step.operands["a"])
                mark(step.operands["b"])
            if self._any(flags, step.out):  # type: ignore[union-attr]
                for reference in references(step):
                    mark(reference)
        return flags

    def _differentiable(self, step: Step) -> bool:
        return any(self._any(self.needed, reference) for reference in references(step))

    def _readers(self) -> dict[str, npt.NDArray[np.int64]]:
        """How many steps read an element."""
        counts = {s: np.zeros(size, dtype=np.int64) for s, size in self.program.sizes.items()}
        for step in self.program.forward:
            for reference in references(step):
                for part in pieces(reference):
                    np.add.at(counts[part.space], part.indices().ravel(), 1)
        return counts

    # Where error signals are

    def _upstream(self, out: View) -> View:
        """The error signal of an array, whole."""
        alias = self.aliases.get((out.space, out.offset))
        if alias is not None:
            return alias
        upstream = self._signal(out)
        mask = self.masks.pop((out.space, out.offset), None)
        if mask is not None:
            self.steps.append(Mask(upstream, mask.holes))
        return upstream

    def _signal(self, view: View) -> View:
        """Where the error signal of these elements is kept."""
        shift = int(self.shift[view.space][view.offset])
        return replace(view, space=f"d_{view.space}", offset=view.offset + shift)

    def _moved(self, view: View) -> bool:
        """Whether the error signals of these elements are kept apart from each other."""
        shifts = self.shift[view.space][view.indices()]
        return bool((shifts != shifts.flat[0]).any()) if shifts.size else False

    def _hand_over(self, place: tuple[str, int]) -> None:
        """Pass on the error signals that go to an operand as they are.

        An operand that nothing else feeds from shares them; else one operand may go on adding to
        them in their place; the rest get copies.
        """
        waiting = self.whole.pop(place, [])
        waiting = [
            (source, target) for source, target in waiting if not self._share(source, target)
        ]
        for source, target in waiting[1:]:
            self._deliver(source, target)
        for source, target in waiting[:1]:
            if not self._lend(source, target):
                self._deliver(source, target)

    def _is_free(self, signal: View) -> bool:
        """Whether no other array's error signal is kept in the same place."""
        return (signal.space, signal.offset) not in self.frozen and 0 not in signal.strides

    def _is_untouched_array(self, source: View, target: Reference) -> bool:
        if not isinstance(target, View) or target.space not in ("value", "fixed"):
            return False
        place = target.space, target.offset
        return (
            self.arrays.get(place) == target
            and place not in self.masked
            and not self.written[target.space][target.indices()].any()
            and source.space in ("d_value", "d_fixed")
            and self.program.has_rows(source.space) == self.program.has_rows(target.space)
        )

    def _share(self, source: View, target: Reference) -> bool:
        """Let an array with one reader have its error signal where the reader's is."""
        if not isinstance(target, View) or not self._is_untouched_array(source, target):
            return False
        index = target.indices()
        if (self.readers[target.space][index] != 1).any():
            return False
        self.written[target.space][index] = True
        self.aliases[target.space, target.offset] = source
        self.frozen.add((source.space, source.offset))
        return True

    def _lend(self, source: View, target: Reference) -> bool:
        """Let an array keep its error signal in the place of one that is finished."""
        if not isinstance(target, View) or not self._is_untouched_array(source, target):
            return False
        if not self._is_free(source) or source.strides != target.strides:
            return False
        if source.space != f"d_{target.space}" or source.shape != target.shape:
            return False
        index = target.indices()
        self.written[target.space][index] = True
        self.shift[target.space][index] = source.offset - target.offset
        return True

    # Steps

    def _step(self, step: Step) -> None:
        out: View = step.out  # type: ignore[union-attr,assignment]
        self.place = out.space, out.offset
        index = out.indices()
        if not self.needed[out.space][index].any() or not self.written[out.space][index].any():
            return
        self._fill(out.space, index[~self.written[out.space][index]])
        if isinstance(step, Mask):
            self.masks[out.space, out.offset] = step
            return
        if not self._differentiable(step):
            return
        upstream = self._upstream(out)
        guard = self._any(self.guarded, out)
        if isinstance(step, Contract):
            self._contract(step, upstream, guard)
        elif isinstance(step, Map):
            self._map(step, upstream, guard)
        elif isinstance(step, Reduce) and step.function == "sum":
            wide = _widened(upstream, step.source.shape)
            formula = times(ast.Name(SIGNAL), ast.Constant(step.scale))
            self._elementwise(step.source, formula, {SIGNAL: wide}, None)
        elif isinstance(step, VectorRow):
            source, op = step.source, step.op
            self._into(
                source,
                upstream.space,
                lambda out: [VectorRowAdjoint(out, op, source, step.out, upstream)],
            )
        elif isinstance(step, TakeStep):
            self._take(step, upstream)

    def _contract(self, step: Contract, upstream: View, guard: bool) -> None:
        a, b = step.a, step.b
        if guard or self.nan_safe:
            self._guarded_contract(step, upstream)
            return
        inner = a
        if a == b and step.a_axes == step.b_axes:
            step = replace(step, scale=2 * step.scale)
        if step.scale != 1.0 and self.alone and self._is_free(upstream):
            formula = times(ast.Name(SIGNAL), ast.Constant(step.scale))
            self.steps.append(Map(upstream, formula, {SIGNAL: upstream}))
            step = replace(step, scale=1.0)
        if step.ones:  # the column of the bias has no input to send an error signal to
            assert isinstance(a, View)
            assert isinstance(b, View)
            inner = replace(a, shape=(*a.shape[:-1], a.shape[-1] - 1))
            self._factor(step, upstream, replace(b, shape=(b.shape[0] - 1,)), "b", inner)
        else:
            self._factor(step, upstream, b, "b", inner)
        if a == b and step.a_axes == step.b_axes:  # a square: both factors at once
            return
        self._factor(step, upstream, a, "a", b)

    def _factor(
        self, step: Contract, upstream: View, target: Reference, which: str, other: Reference
    ) -> None:
        """BP2 toward the inputs (`b`), BP4 toward the weights (`a`)."""
        axes, other_axes = (step.a_axes, step.b_axes)
        if which == "b":
            axes, other_axes = other_axes, axes

        def steps(out: View, add: bool) -> Step:
            return Contract(out, axes, upstream, step.out_axes, other, other_axes, step.scale, add)

        self._direct(target, upstream.space, steps, batch_summed=True)

    def _guarded_contract(self, step: Contract, upstream: View) -> None:
        """The same element by element, so that a 0 of the error signal stays 0 beside inf."""
        axes = step.out_axes.replace("n", "") + "m"
        full = (*step.out.shape, step.a.shape[step.a_axes.index("m")])
        a = _expanded(step.a, step.a_axes, axes, full)
        b = _expanded(step.b, step.b_axes, axes, full)
        wide = _widened(upstream, full)
        for target, other in ((a, b), (b, a)):
            formula = self._product(ast.Constant(step.scale), ast.Name("x"))
            self._elementwise(target, formula, {SIGNAL: wide, "x": other}, wide)

    def _map(self, step: Map, upstream: View, guard: bool) -> None:
        operands: dict[str, Reference] = {**step.operands, "y": step.out, SIGNAL: upstream}
        numbers = {
            name: ast.Constant(reference.value)
            for name, reference in step.operands.items()
            if isinstance(reference, Number)
        }
        needed = [r for r in step.operands.values() if self._any(self.needed, r)]
        for position, (name, reference) in enumerate(step.operands.items()):
            if name in numbers:
                continue
            if step.op:
                partial = PRIMITIVES[step.op].partial_formulas[position]
                if self.nan_safe:
                    partial = with_signs_written_out(partial)
            else:
                partial = derivative(step.formula, name)
            formula = self._product(simplify(partial, numbers))
            used = {node.id for node in ast.walk(formula) if isinstance(node, ast.Name)}
            read = {key: operands[key] for key in operands if key in used}
            in_place = self.alone and len(needed) == 1
            risky = guard or self._meets_garbage(step, formula, read)
            guarded = upstream if risky and not isinstance(formula, ast.Name) else None
            self._elementwise(reference, formula, read, guarded, in_place, step.op == "where")

    def _product(self, *derivatives: ast.expr) -> ast.expr:
        """The error signal times local derivatives, of which numbers come first."""
        product: ast.expr = ast.Name(SIGNAL)
        for local in derivatives:
            if self.nan_safe and not isinstance(local, ast.Constant):
                product = ast.Call(ast.Name("multiply_no_nan"), [product, local], [])
            else:
                product = times(product, local)
        return product

    def _meets_garbage(
        self, step: Map, formula: ast.expr, operands: Mapping[str, Reference]
    ) -> bool:
        """Whether a local derivative may be inf where no node is: 0 times that would be NaN."""
        holes = self.program.holes[step.out.space][step.out.indices()]
        if not holes.any():
            return False
        arrays = [
            reference
            for name, reference in operands.items()
            if name != SIGNAL and isinstance(reference, (View, Gather))
        ]
        for reference in arrays:
            garbage = self.program.garbage.get(reference.space)
            if garbage is not None and garbage[reference.indices()][holes].any():
                return True
        return sum(reference != step.out for reference in arrays) > 1

    def _elementwise(
        self,
        target: Reference,
        formula: ast.expr,
        operands: Mapping[str, Reference],
        guard: View | None,
        in_place: bool = False,
        select: bool = False,
    ) -> None:
        if is_zero(formula) or not self._any(self.needed, target):
            return
        source_space = next(r for n, r in operands.items() if n == SIGNAL)
        assert isinstance(source_space, View)

        def step(out: View, add: bool) -> Step:
            return Map(out, formula, operands, add, guard, "where" if select else "")

        if isinstance(formula, ast.Name) and guard is None:
            self.whole[self.place].append((source_space, target))
        elif in_place and self._lend(source_space, target):
            assert isinstance(target, View)
            self.steps.append(step(self._signal(target), False))
        else:
            self._direct(target, source_space.space, step, batch_summed=False)

    def _take(self, step: TakeStep, upstream: View) -> None:
        def adjoint(out: View, add: bool) -> Step:
            return TakeAdjoint(
                out, step.table_axes, step.index, step.index_axes, upstream, step.out_axes, add
            )

        table = step.table
        if isinstance(table, View) and is_distinct(table) and not self._moved(table):
            if self._any(self.needed, table):
                add = self._claim(table)
                self.steps.append(adjoint(self._signal(table), add))
            return
        space = "scratch" if "n" in step.table_axes else "scratch_fixed"
        out = self._scratch(space, table.shape)
        self.steps.append(adjoint(out, False))
        self._deliver(out, table)

    # Where contributions go

    def _direct(
        self,
        target: Reference,
        source_space: str,
        step: Callable[[View, bool], Step],
        batch_summed: bool,
    ) -> None:
        """Let `step` write into the error signal of `target` itself where that can be done."""
        if not self._any(self.needed, target):
            return
        source_rows = self.program.has_rows(source_space)
        target_rows = self.program.reads_rows(target)
        same_rows = target_rows == source_rows or batch_summed
        if (
            isinstance(target, View)
            and same_rows
            and is_distinct(target)
            and not self._moved(target)
        ):
            add = self._claim(target)
            self.steps.append(step(self._signal(target), add))
            return
        rows = target_rows if batch_summed else source_rows
        out = self._scratch(
            "scratch" if rows or not self.program.batched else "scratch_fixed", target.shape
        )
        self.steps.append(step(out, False))
        self._deliver(out, target)

    def _into(
        self, target: Reference, source_space: str, steps: Callable[[View], list[Step]]
    ) -> None:
        if self._any(self.needed, target):
            rows = self.program.has_rows(source_space) or not self.program.batched
            out = self._scratch("scratch" if rows else "scratch_fixed", target.shape)
            self.steps += steps(out)
            self._deliver(out, target)

    def _scratch(self, space: str, shape: tuple[int, ...]) -> View:
        size = int(np.prod(shape))
        self.scratch[space] = max(self.scratch[space], size)
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
        return View(space, 0, shape, strides)

    def _deliver(self, source: View | Gather, target: Reference) -> None:
        """Add finished contributions to the error signal of what was read."""
        if isinstance(target, (Number, Table)) or not self._any(self.needed, target):
            return
        if isinstance(target, Mixed):
            assert isinstance(source, View)
            flat = source.indices().ravel()
            for positions, piece in target.pieces:
                if not isinstance(piece, Table):
                    index = flat[positions].reshape(piece.shape)
                    self._deliver(Gather(source.space, index), piece)
            return
        if self.program.has_rows(source.space) and not self.program.has_rows(target.space):
            if isinstance(target, View) and is_distinct(target) and not self._moved(target):
                add = self._claim(target)
                self.steps.append(Reduce(self._signal(target), source, (), batch=True, add=add))
                return
            narrow = self._scratch("scratch_fixed", target.shape)
            self.steps.append(Reduce(narrow, source, (), batch=True))
            source = narrow
        if (
            isinstance(target, Gather)
            or self._moved(target)
            or not _is_injective_apart_from_broadcast(target)
        ):
            index = target.indices()
            self._fill(target.space, np.unique(index[~self.written[target.space][index]]))
            space = f"d_{target.space}"
            moved = Gather(space, index + self.shift[target.space][index])
            self.steps.append(Scatter(space, moved, source))
            return
        axes = tuple(
            axis
            for axis, (size, stride) in enumerate(zip(target.shape, target.strides, strict=True))
            if stride == 0 and size > 1
        )
        kept = [axis for axis in range(len(target.shape)) if axis not in axes]
        narrow = View(
            target.space,
            target.offset,
            tuple(target.shape[axis] for axis in kept),
            tuple(target.strides[axis] for axis in kept),
        )
        add = self._claim(narrow)
        out = self._signal(narrow)
        if axes:
            self.steps.append(Reduce(out, source, axes, add=add))
        else:
            self.steps.append(Map(out, ast.Name("x"), {"x": source}, add))

    def _claim(self, target: View) -> bool:
        """Whether `target` holds error signals already; what does not is set to 0 if some do."""
        index = target.indices()
        written = self.written[target.space][index]
        if not written.any():
            self.written[target.space][index] = True
            return False
        self._fill(target.space, index[~written])
        return True

    def _fill(self, space: str, index: Indices) -> None:
        if index.size == 0:
            return
        self.written[space][index] = True
        index = np.sort((index + self.shift[space][index]).ravel())
        contiguous = index[-1] - index[0] + 1 == index.size
        d_space = f"d_{space}"
        if contiguous:
            self.steps.append(Fill(View(d_space, int(index[0]), index.shape, (1,))))
        else:
            self.steps.append(Fill(Gather(d_space, index)))


def _out_place(step: Step) -> tuple[str, int]:
    out = step.out  # type: ignore[union-attr]  # a forward step has one
    assert isinstance(out, View)
    return out.space, out.offset


def _is_injective_apart_from_broadcast(view: View) -> bool:
    kept = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if s != 0]
    narrow = View(view.space, view.offset, tuple(n for n, _ in kept), tuple(s for _, s in kept))
    return is_distinct(narrow)


def _widened(view: View, shape: tuple[int, ...]) -> View:
    """The view repeated along further last axes."""
    extra = len(shape) - len(view.shape)
    return replace(view, shape=shape, strides=(*view.strides, *[0] * extra))


def _expanded(
    reference: Reference, axes: str, full_axes: str, full_shape: tuple[int, ...]
) -> Reference:
    """The reference repeated along the axes it does not have."""
    own = axes.replace("n", "")
    if isinstance(reference, Number):
        return replace(reference, shape=full_shape)
    if isinstance(reference, View):
        strides = dict(zip(own, reference.strides, strict=True))
        view_strides = tuple(strides.get(axis, 0) for axis in full_axes)
        return replace(reference, shape=full_shape, strides=view_strides)
    position = [own.index(axis) if axis in own else None for axis in full_axes]

    def spread(grid: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        ordered = grid.transpose([p for p in position if p is not None])
        index = tuple(slice(None) if p is not None else None for p in position)
        return np.broadcast_to(ordered[index], full_shape).copy()

    if isinstance(reference, Table):
        return Table(spread(reference.values))  # type: ignore[arg-type]
    if isinstance(reference, Gather):
        return Gather(reference.space, spread(reference.index))  # type: ignore[arg-type]
    places = np.empty(reference.shape, dtype=np.int64)
    flat_pieces: list[tuple[Indices, View | Gather | Table]] = []
    places.ravel()[:] = np.arange(places.size)
    wide = np.asarray(spread(places)).ravel()
    for positions, piece in reference.pieces:
        lookup = np.full(places.size, -1, dtype=np.int64)
        lookup[positions] = np.arange(len(positions))
        here = np.flatnonzero(lookup[wide] >= 0)
        source = lookup[wide[here]]
        if isinstance(piece, Table):
            flat_pieces.append((here, Table(piece.values.ravel()[source])))
        else:
            flat_pieces.append((here, Gather(piece.space, piece.indices().ravel()[source])))
    return Mixed(full_shape, tuple(flat_pieces))
