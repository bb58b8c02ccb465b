"""A program step by step, as its source has it: for pictures, and for whoever wants to look."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...ir.array_program import ArrayProgram
from ...ir.references import Place, Reference, View
from ...ir.scalars import Elementwise, Largest, Leaf, Scalar, Sum, Take, Vector
from ...ir.scalars import Literal as Constant
from ...ir.spaces import COMPUTED, PRIMAL, THETA, Space
from ...ir.steps import (
    SIGNAL,
    Contract,
    Fill,
    LargestStep,
    Map,
    Mask,
    Reduce,
    Scatter,
    Step,
    TakeAdjoint,
    TakeStep,
    VectorRow,
    VectorRowAdjoint,
)
from .array_stems import is_mean, terms
from .plan import Plan
from .statements import equation, write_step

MATRIX_PRODUCT = "matrix product"
Phase = Literal["given", "forward", "backward"]
Shape = tuple[int | str, ...]
PlacedNode = tuple[Scalar, tuple[Space, int] | None]
"""A scalar node, and the space and offset that it has; None for a constant."""


@dataclass(frozen=True)
class ScalarNode:
    """A node of the scalar graph that array steps were made from.

    Attributes
    ----------
    number : int
        Which node it is.
    operation : str
        What it does: a row of the table, ``"sum"``, ``"difference"``, ``"product"``, ``"product and
        sum"``, ``"sum of 3 products"``, ``"negative"`` or ``"times 0.5"``; of a leaf nothing.
    operands : tuple of int
        The numbers of the nodes that it is computed from, one for each use; constants are left out.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> program = ad.compile(lambda x: ad.tanh(2 * x), [])
    >>> y = program([], [0.5, 1.5])
    >>> [node for step in program.steps for node in step.scalars][-1]
    ScalarNode(number=2, operation='tanh', operands=(1,))
    """

    number: int
    operation: str
    operands: tuple[int, ...]


@dataclass(frozen=True)
class ProgramStep:
    """One step of a compiled program, or an array that is given to it.

    Attributes
    ----------
    name : str
        The array that it writes, as ``program.source`` calls it.
    operation : str
        What it does: ``"matrix product"``, a row of the table such as ``"tanh"``, or a formula over
        names of the source; of what is given ``"parameters"``, ``"input"`` or ``"seed"``.
    phase : {"given", "forward", "backward"}
        Where it belongs.
    shape : tuple of int or str
        Of what it writes; ``"n"`` is the batch.
    inputs : tuple of int
        Positions, in all steps, of those that have written what it reads.
    statement : str
        Its lines in ``program.source``.
    nodes : int
        Numbers that it computes of one example; 0 of what only sets zeros.
    terms : int
        How many products, or numbers, each of them is the sum of; 1 if it is none.
    equation : str
        ``"BP1"`` to ``"BP4"`` where it is one of backpropagation's four equations, else ``""``.
    signal_of : int or None
        In the reverse pass the position of the array whose error signal, or gradient, it writes.
    scalars : tuple of ScalarNode
        The scalar nodes that it does at once, if the program has few; a node that takes several
        steps is the first one's.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> w, b = ad.Value(2.0, "w"), ad.Value(1.0, "b")
    >>> program = ad.compile(lambda x: ad.tanh(w * x + b), [w, b])
    >>> y = program(None, [0.5, 1.5])
    >>> for step in program.steps[:5]:
    ...     print(step.phase, step.name, step.shape, step.operation)
    given w () parameters
    given x ('n',) input
    given b () parameters
    forward z1 ('n',) w * x + b
    forward output ('n',) tanh
    """

    name: str
    operation: str
    phase: Phase
    shape: Shape
    inputs: tuple[int, ...]
    statement: str
    nodes: int
    terms: int = 1
    equation: str = ""
    signal_of: int | None = None
    scalars: tuple[ScalarNode, ...] = ()


def describe(
    program: ArrayProgram,
    labels: Sequence[str],
    arguments: Sequence[str],
    scalars: Sequence[PlacedNode] = (),
) -> tuple[ProgramStep, ...]:
    """Describe a program's steps, with the names and statements of its source.

    Parameters
    ----------
    program : ArrayProgram
        What to describe.
    labels, arguments : sequence of str
        As of :func:`~.source.emit`.
    scalars : sequence of (node, place), optional
        The scalar nodes, and the space and offset that each of them has; None for a constant.

    Returns
    -------
    tuple of ProgramStep
        What is given stands before the first step that reads it.
    """
    return _Description(program, Plan(program, labels, arguments), scalars).run()


def _with_bp1(steps: Sequence[ProgramStep]) -> list[ProgramStep]:
    """Name the step that completes an error signal which no weights have handed down (BP1)."""
    handed_down = {step.name for step in steps if step.equation == "BP2"}
    last = {step.name: k for k, step in enumerate(steps) if step.name.startswith("delta")}
    found = {k for name, k in last.items() if name not in handed_down}
    return [replace(step, equation="BP1") if k in found else step for k, step in enumerate(steps)]


class _Description:
    def __init__(
        self,
        program: ArrayProgram,
        plan: Plan,
        scalars: Sequence[PlacedNode],
    ) -> None:
        self.program = program
        self.plan = plan
        self.steps: list[ProgramStep] = []
        self.scalars = scalars
        self.described: set[int] = set()
        self._given: dict[View, int] = {}
        self._writers: dict[Space, npt.NDArray[np.int64]] = {}

    def run(self) -> tuple[ProgramStep, ...]:
        for step in self.program.forward:
            self._add(step, "forward")
        for read in self.program.results:
            self._result(read)
        if THETA.adjoint in self.program.sizes:
            self._seed()
        for backward in self.program.backward:
            self._add(backward, "backward")
        return tuple(_with_bp1(self.steps))

    def _add(self, step: Step, phase: Phase) -> None:
        program, plan = self.program, self.plan
        write_step(plan, step)
        statement = "\n".join(self._taken_lines())
        shape = self._shape(step.out)
        inputs = [k for r in step.needs for part in r.places for k in self._sources(part, phase)]
        holes = 0
        if step.out.space in COMPUTED:
            holes = int(program.holes.array(step.out.space)[step.out.indices()].sum())
        described = ProgramStep(
            plan.view(step.out) if isinstance(step.out, View) else plan.space(step.out.space),
            _OPERATIONS[type(step)](plan, step),
            phase,
            shape,
            tuple(dict.fromkeys(inputs)),
            statement,
            0 if isinstance(step, Fill | Mask) else step.out.size - holes,
            terms(step) if isinstance(step, Contract | Reduce) else 1,
            equation(step),
            self._signal_of(step.out),
            self._scalars_at(step.out),
        )
        self._write(step.out, described)

    def _result(self, read: Reference) -> None:
        """What is handed out, if it has to be put together before."""
        text = self.plan.read_array(read)
        statement = "\n".join(self._taken_lines())
        if statement:
            inputs = [k for part in read.places for k in self._sources(part, "forward")]
            shape = self._shape(read)
            step = ProgramStep(text, "gather", "forward", shape, tuple(inputs), statement, 0)
            self.steps.append(step)

    def _write(self, out: Place, step: ProgramStep) -> None:
        self._of(out.space)[out.indices()] = len(self.steps)
        self.steps.append(step)

    def _seed(self) -> None:
        """The error signal of the output, of which the reverse pass starts."""
        if self.plan.set_seed() and self.program.seed is not None:
            lines = self._taken_lines()
            name = self.plan.view(self.program.seed) if lines else "seed"
            shape = self._shape(self.program.seed) if lines else ()
            statement, of = "\n".join(lines), self._signal_of(self.program.seed)
            step = ProgramStep(name, "seed", "backward", shape, (), statement, 1, 1, "", of)
            self._write(self.program.seed, step)

    def _signal_of(self, place: Place) -> int | None:
        """Which step has written the array that an error signal is of."""
        primal = PRIMAL.get(place.space)
        if primal is None:
            return None
        array = self.plan.names.array_of_signal(place) if isinstance(place, View) else None
        index = place.indices() if array is None else array.indices()
        writers = self._of(primal)[index]
        return int(writers.max()) if (writers >= 0).any() else None

    def _taken_lines(self) -> list[str]:
        lines, self.plan.lines = self.plan.lines, []
        return lines

    def _shape(self, reference: Reference) -> Shape:
        rows = self.program.reads_rows(reference)
        return (*reference.shape, *["n"] * rows)

    # What is read

    def _of(self, space: Space) -> npt.NDArray[np.int64]:
        """Which step has written each element of a space last; -1 for none."""
        if space not in self._writers:
            size = self.program.sizes[space]
            self._writers[space] = np.full(size, -1, dtype=np.int64)
        return self._writers[space]

    def _sources(self, part: Place, phase: Phase) -> list[int]:
        if part.space is THETA or part.space.is_input:
            found = self._given_at(part, phase)
            if found is not None:
                return [found]
        writers = np.unique(self._of(part.space)[part.indices()])
        return [int(k) for k in writers if k >= 0]

    def _given_at(self, part: Place, phase: Phase) -> int | None:
        """The parameters or the input that a step reads; None where the forward pass read them."""
        block = part.without_repeats if isinstance(part, View) else None
        if block in self._given:
            return self._given[block]
        written = self._of(part.space)
        if phase == "backward" and (written[part.indices()] >= 0).all():
            return None
        position = len(self.steps)
        if block is not None:
            self._given[block] = position
        index = part.indices()
        written[index] = np.where(written[index] < 0, position, written[index])
        self.steps.append(self._given_step(part, block))
        return position

    def _given_step(self, part: Place, block: View | None) -> ProgramStep:
        what = "parameters" if part.space is THETA else "input"
        name, shape = self.plan.space(part.space), self._shape(part)
        if isinstance(part, View):
            name = self.plan.name_of(part)
        head = self.plan.heads.get(name, "")
        statement = f"{name} = {head}" if head else ""
        nodes = part.size if block is None else block.size
        return ProgramStep(
            name, what, "given", shape, (), statement, nodes, scalars=self._scalars_at(part)
        )

    # Scalar nodes

    def _scalars_at(self, place: Place) -> tuple[ScalarNode, ...]:
        """The scalar nodes whose numbers are written first in a place."""
        if not self.scalars:
            return ()
        here = set(place.indices().ravel().tolist())
        found = []
        for number, (node, at) in enumerate(self.scalars):
            is_here = at is not None and at[0] is place.space and at[1] in here
            if is_here and number not in self.described:
                self.described.add(number)
                constants = [k for k in node.operands if self.scalars[k][1] is None]
                read = [k for k in node.operands if k not in constants]
                found.append(ScalarNode(number, _NODES[type(node)](node), tuple(read)))
        return tuple(found)


# What a step does


def _contraction(plan: Plan, step: Contract) -> str:
    a, b, out = set(step.a_axes), set(step.b_axes), set(step.out_axes)
    if (a | b) <= out and (a <= b or b <= a):  # nothing is summed, one factor is repeated at most
        return "product"
    return MATRIX_PRODUCT if step.is_matrix_product else "sum of products"


def _elementwise(plan: Plan, step: Map) -> str:
    """The row of the table that it is, or its formula in the names of the source."""
    if step.op and not _is_plain(step.formula):
        return step.op
    names = {name: plan.read_name(reference) for name, reference in step.operands.items()}
    out = plan.view(step.out)
    text = ast.unparse(_Renamed(names).visit(ast.parse(step.detail.replace(SIGNAL, _SIGNAL))))
    return f"{out} + {text}".replace("+ -", "- ") if step.add else text


def _is_plain(formula: ast.expr) -> bool:
    """Whether a formula is one operator between two operands."""
    return isinstance(formula, ast.BinOp) and all(
        isinstance(side, ast.Name) for side in (formula.left, formula.right)
    )


_SIGNAL = "error_signal_"


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = {_SIGNAL if name == SIGNAL else name: text for name, text in names.items()}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id))


_OPERATIONS: dict[type[Step], Callable[[Plan, Any], str]] = {
    Contract: _contraction,
    Map: _elementwise,
    Reduce: lambda plan, step: "mean" if is_mean(step) else "sum",
    LargestStep: lambda plan, step: "largest",
    TakeStep: lambda plan, step: "pick",
    TakeAdjoint: lambda plan, step: "add where picked",
    VectorRow: lambda plan, step: step.op,
    VectorRowAdjoint: lambda plan, step: f"derivative of {step.op}",
    Scatter: lambda plan, step: "scatter-add",
    Fill: lambda plan, step: f"fill with {step.value:g}",
    Mask: lambda plan, step: "set holes to 0",
}


def _sum(node: Sum) -> str:
    """A sum of products of scalars, as people say it."""
    factors = [coefficient for coefficient, _ in node.linear]
    if not node.products:
        if len(factors) == 1 and not node.constant:
            return "negative" if factors == [-1] else f"times {factors[0]:g}"
        return "difference" if sorted(factors) == [-1, 1] and not node.constant else "sum"
    if len(node.products) > 1:
        return f"sum of {len(node.products)} products"
    return "product and sum" if factors or node.constant else "product"


_NODES: dict[type[Scalar], Callable[[Any], str]] = {
    Leaf: lambda node: "",
    Constant: lambda node: f"{node.value:g}",
    Sum: _sum,
    Elementwise: lambda node: node.op,
    Vector: lambda node: node.op,
    Largest: lambda node: "largest",
    Take: lambda node: "pick",
}
