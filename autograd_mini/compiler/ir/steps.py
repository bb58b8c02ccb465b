"""The array program: a few kinds of steps over strided views, with a printer and a verifier.

Spaces are one-dimensional: ``theta`` holds the parameters, ``input0``, ... the arguments,
``value`` what depends on the example and ``fixed`` what depends on parameters alone; ``d_theta``,
``d_value`` and ``d_fixed`` hold the error signals, ``scratch`` and ``scratch_fixed`` what lives
from one step to the next.  In a batched program every element of an input, of ``value``,
``d_value`` and ``scratch`` is a row of N numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .references import Gather, Mixed, Number, Reference, Table, View

ZERO, ONE, FIRST_FREE = 0, 1, 2
"""Elements of ``value`` and ``fixed`` that are always 0 and 1; what comes after is computed."""

SIGNAL = "δ"
"""The error signal in formulas of the reverse pass; an operand's name begins with a to z."""


@dataclass(frozen=True, eq=False)
class Contract:
    """``out = scale * sum over the shared axes of a * b``, as einsum letters say it.

    The letter ``n`` is the batch.  `ones` says that the last element of `b` is always 1, so that
    the last column of `a` is a bias.
    """

    out: View
    out_axes: str
    a: Reference
    a_axes: str
    b: Reference
    b_axes: str
    scale: float = 1.0
    add: bool = False
    ones: bool = False


@dataclass(frozen=True, eq=False)
class Map:
    """``out = formula`` element by element; `guard` keeps 0 where its reference is 0.

    `op` is the row of the table that the formula comes from, if it is one.
    """

    out: View
    formula: ast.expr
    operands: Mapping[str, Reference]
    add: bool = False
    guard: Reference | None = None
    op: str = ""


@dataclass(frozen=True, eq=False)
class Reduce:
    """``out = scale * source`` summed (or its largest) over the last axes.

    ``batch`` says whether a sum goes over the batch too.
    """

    out: View
    source: Reference
    axes: tuple[int, ...]
    function: str = "sum"
    scale: float = 1.0
    batch: bool = False
    add: bool = False


@dataclass(frozen=True, eq=False)
class VectorRow:
    """A row of the table with vectors, over the last axis of `source`."""

    out: View
    op: str
    source: Reference


@dataclass(frozen=True, eq=False)
class VectorRowAdjoint:
    """Its error signal toward every element: local derivative times `upstream`."""

    out: View
    op: str
    source: Reference
    y: View
    upstream: View


@dataclass(frozen=True, eq=False)
class TakeStep:
    """``out`` = the element of the table's last axis that the index picks.

    The letters say which axes of the output the table and the index have.
    """

    out: View
    out_axes: str
    table: Reference
    table_axes: str
    index: Reference
    index_axes: str


@dataclass(frozen=True, eq=False)
class TakeAdjoint:
    """Its error signal: ``upstream`` where the index points, 0 elsewhere."""

    out: View
    table_axes: str
    index: Reference
    index_axes: str
    upstream: View
    upstream_axes: str
    add: bool = False


@dataclass(frozen=True, eq=False)
class Scatter:
    """``space[index] += source``, where an index may stand twice."""

    space: str
    index: Gather
    source: View | Gather


@dataclass(frozen=True, eq=False)
class Fill:
    """Set elements to a number."""

    out: View | Gather
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class Mask:
    """Set to 0 the elements of an array that no node has."""

    out: View
    holes: npt.NDArray[np.bool_]


Step = (
    Contract
    | Mask
    | Map
    | Reduce
    | VectorRow
    | VectorRowAdjoint
    | TakeStep
    | TakeAdjoint
    | Scatter
    | Fill
)


def references(step: Step) -> list[Reference]:
    """What a step reads."""
    if isinstance(step, Contract):
        return [step.a, step.b]
    if isinstance(step, Map):
        return [*step.operands.values(), *([] if step.guard is None else [step.guard])]
    if isinstance(step, (Reduce, VectorRow)):
        return [step.source]
    if isinstance(step, VectorRowAdjoint):
        return [step.source, step.y, step.upstream]
    if isinstance(step, TakeStep):
        return [step.table, step.index]
    if isinstance(step, TakeAdjoint):
        return [step.index, step.upstream]
    return [step.source] if isinstance(step, Scatter) else []


@dataclass(frozen=True)
class ArrayProgram:
    """Steps over spaces of known sizes.

    Attributes
    ----------
    sizes : mapping
        Elements of each space.
    batched : bool
        Whether elements of inputs and values are rows of N numbers.
    forward : tuple of Step
        From inputs to outputs.
    outputs : Reference
        Where the outputs are.
    backward : tuple of Step
        From the error signal of the output, which is set to 1 (or 1/N), to ``d_theta``.
    seed : View or None
        The error signal of the output.
    ones : tuple of int
        Rows of ``value`` that are always 1.
    holes, garbage : mapping
        Which elements of ``value`` and ``fixed`` belong to no node; those of them that hold
        anything, not 0.
    """

    sizes: Mapping[str, int]
    batched: bool
    forward: tuple[Step, ...]
    outputs: Reference
    backward: tuple[Step, ...] = ()
    seed: View | None = None
    ones: tuple[int, ...] = ()
    holes: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    garbage: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def __str__(self) -> str:
        sizes = ", ".join(f"{space}[{size}]" for space, size in self.sizes.items())
        lines = [sizes, *map(_printed, self.forward), f"return {_reference(self.outputs)}"]
        if self.backward:
            lines += ["backward", *map(_printed, self.backward)]
        return "\n".join(lines)

    def has_rows(self, space: str) -> bool:
        """Whether an element of `space` is a row of N numbers."""
        return self.batched and (
            space in ("value", "d_value", "scratch") or space.startswith("input")
        )

    def reads_rows(self, reference: Reference) -> bool:
        """Whether what is read is rows of N numbers."""
        return any(self.has_rows(part.space) for part in pieces(reference))

    def verify(self) -> None:
        """Check that every reference stays inside its space and that shapes fit.

        Raises
        ------
        ValueError
            If a stage has made a step that is not well formed.
        """
        for step in (*self.forward, *self.backward):
            out = getattr(step, "out", None)
            for reference in [*references(step), *([] if out is None else [out])]:
                self._verify_reference(reference, step)
            if isinstance(step, Map):
                for name, operand in step.operands.items():
                    if not isinstance(operand, Number) and operand.shape != step.out.shape:
                        raise ValueError(
                            f"{_printed(step)}: {name} has shape {operand.shape}, "
                            f"the output {step.out.shape}"
                        )
            if isinstance(step, Contract):
                self._verify_axes(step)
        self._verify_order()

    def _verify_order(self) -> None:
        """Check that what a step reads or adds to has been written in the same run."""
        written = {space: np.zeros(size, dtype=bool) for space, size in self.sizes.items()}
        for space, flags in written.items():
            if space == "theta" or space.startswith("input"):
                flags[:] = True
            elif not space.startswith("scratch") and space != "d_theta":
                flags[[ZERO, ONE]] = True
        written["value"][list(self.ones)] = True
        if self.seed is not None:
            written[self.seed.space][self.seed.offset] = True
        for step in (*self.forward, *self.backward):
            target = step.index if isinstance(step, Scatter) else step.out
            adds = getattr(step, "add", False) or isinstance(step, (Scatter, Mask))
            for reference in [*references(step), *([target] if adds else [])]:
                for part in pieces(reference):
                    if not written[part.space][part.indices()].all():
                        raise ValueError(f"{_printed(step)} reads what is not written yet")
            written[target.space][target.indices()] = True

    def _verify_reference(self, reference: Reference, step: Step) -> None:
        for part in pieces(reference):
            index = part.indices()
            size = self.sizes.get(part.space, 0)
            if index.size and not (index.min() >= 0 and index.max() < size):
                raise ValueError(f"{_printed(step)} leaves {part.space}[{size}]")

    def _verify_axes(self, step: Contract) -> None:
        sizes: dict[str, int] = {}
        for axes, reference in (
            (step.out_axes, step.out),
            (step.a_axes, step.a),
            (step.b_axes, step.b),
        ):
            for axis, size in zip(axes.replace("n", ""), reference.shape, strict=True):
                if sizes.setdefault(axis, size) != size:
                    raise ValueError(f"{_printed(step)}: axis {axis} has two sizes")


def pieces(reference: Reference) -> list[View | Gather]:
    """The parts of a reference that lie in spaces."""
    if isinstance(reference, Mixed):
        return [part for _, piece in reference.pieces for part in pieces(piece)]
    return [] if isinstance(reference, (Number, Table)) else [reference]


def _reference(reference: Reference) -> str:
    if isinstance(reference, Number):
        return f"{reference.value:g}"
    if isinstance(reference, View):
        place = f"{reference.offset}, shape {reference.shape}, strides {reference.strides}"
        return f"{reference.space}[{place}]"
    if isinstance(reference, Gather):
        return f"{reference.space}[gather {reference.shape}]"
    kind = "mixed" if isinstance(reference, Mixed) else "table"
    return f"{kind}{reference.shape}"


def _printed(step: Step) -> str:
    read = ", ".join(map(_reference, references(step)))
    out = getattr(step, "out", None)
    target = f"{_reference(out)} " if out is not None else ""
    sign = "+=" if getattr(step, "add", False) else "="
    detail = ""
    if isinstance(step, Contract):
        detail = f" {step.a_axes},{step.b_axes}->{step.out_axes} scale {step.scale:g}"
    elif isinstance(step, Map):
        detail = " " + ast.unparse(step.formula)
    return f"{target}{sign} {type(step).__name__}{detail} ({read})"


def last_indices(program: ArrayProgram) -> dict[int, int | npt.NDArray[np.uintp]]:
    """For each integer argument that picks: the largest index, or that of each position.

    Any number may stand where nothing is picked.
    """
    last: dict[int, npt.NDArray[np.uintp]] = {}
    for step in program.forward:
        if isinstance(step, TakeStep):
            size = step.table.shape[step.table_axes.replace("n", "").index("k")]
            for part in pieces(step.index):
                argument = _argument(part.space)
                unbounded = np.full(program.sizes[part.space], np.iinfo(np.uintp).max, np.uintp)
                own = last.setdefault(argument, unbounded)
                own[part.indices()] = np.minimum(own[part.indices()], size - 1)
    return {k: int(own[0]) if (own == own[0]).all() else own for k, own in last.items()}


def number_inputs(program: ArrayProgram) -> set[int]:
    """The arguments that are read as numbers, and not only to pick."""
    read = [program.outputs]
    for step in (*program.forward, *program.backward):
        index = getattr(step, "index", None)
        read += [reference for reference in references(step) if reference is not index]
    found = {part.space for reference in read for part in pieces(reference)}
    return {_argument(space) for space in found if space.startswith("input")}


def _argument(space: str) -> int:
    """Which argument an input space holds."""
    return int(space.removeprefix("input"))


_LESS_WORK = 8
"""Picking entries takes about so many times as long as going through all of them."""


def witnesses(program: ArrayProgram) -> npt.NDArray[np.int64] | None:
    """Entries of the gradient of which one is not finite if any is; None for nearly all of them.

    In the gradient of a matrix of weights, the product of error signals and inputs (BP4), one
    infinite or NaN signal spoils a row, one such input a column: the first of each will do.
    """
    written = np.zeros(program.sizes["d_theta"], dtype=np.int64)
    for step in program.backward:
        target = step.index if isinstance(step, Scatter) else step.out
        if target.space == "d_theta":
            written[target.indices()] += 1
    needed = np.ones(len(written), dtype=bool)
    for step in program.backward:
        if isinstance(step, Contract) and step.out.space == "d_theta" and _is_outer(step):
            index = step.out.indices()
            if (written[index] == 1).all():
                needed[index[1:, 1:]] = False
    entries = np.flatnonzero(needed)
    return entries if _LESS_WORK * len(entries) < len(written) else None


def _is_outer(step: Contract) -> bool:
    """Whether rows come from one factor alone and columns from the other."""
    if len(step.out_axes) != 2:
        return False
    row, column = ((axis in step.a_axes, axis in step.b_axes) for axis in step.out_axes)
    return row != column and sum(row) == sum(column) == 1
