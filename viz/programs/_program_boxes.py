"""Which boxes the picture of a compiled program has, and which row each of them stands in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["MATRIX_PRODUCT", "Box", "Boxes", "Program", "Step"]

MATRIX_PRODUCT = "matrix product"


class ScalarNode(Protocol):
    """What a picture shows of one scalar node."""

    @property
    def number(self) -> int: ...
    @property
    def operation(self) -> str: ...
    @property
    def operands(self) -> tuple[int, ...]: ...


class Step(Protocol):
    """What a picture shows of a step of a program."""

    @property
    def name(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def shape(self) -> tuple[int | str, ...]: ...
    @property
    def inputs(self) -> tuple[int, ...]: ...
    @property
    def statement(self) -> str: ...
    @property
    def nodes(self) -> int: ...
    @property
    def terms(self) -> int: ...
    @property
    def equation(self) -> str: ...
    @property
    def signal_of(self) -> int | None: ...
    @property
    def scalars(self) -> Sequence[ScalarNode]: ...


class _Statistics(Protocol):
    @property
    def nodes(self) -> int: ...
    @property
    def matrix_products(self) -> int: ...
    @property
    def elementwise_steps(self) -> int: ...


class _Trace(Protocol):
    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]: ...


class Program(Protocol):
    """What a picture reads of a compiled program."""

    @property
    def stats(self) -> _Statistics: ...
    @property
    def steps(self) -> Sequence[Step]: ...
    @property
    def traces(self) -> Sequence[_Trace]: ...


@dataclass(eq=False)
class Box:
    """A box of the picture: an array with the steps that write it, or several arrays in a column.

    A step that only goes on with what the one before has written, as adding biases does, stands in
    the same box; so do all parameters of a row, and their gradients.
    """

    name: str
    kind: str
    steps: list[Step] = field(default_factory=list)
    row: Box | None = None

    @property
    def has_product(self) -> bool:
        """Whether one of its steps is a matrix product."""
        return any(step.operation == MATRIX_PRODUCT for step in self.steps)


class Boxes:
    """The boxes of a picture, and which box the step at each position stands in."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.of: list[Box] = []
        self._in_row: dict[tuple[Box, str], Box] = {}
        rows = self._rows_of_parameters()
        readers = Counter(k for step in steps for k in set(step.inputs))
        for position, step in enumerate(steps):
            before = [k for k in step.inputs if _is_same_array(steps[k], step) and readers[k] == 1]
            box = self.of[before[0]] if before else Box(f"s{position}", _kind(step, steps))
            box.steps.append(step)
            self.of.append(box)
        self._put_into_rows(rows)

    def _rows_of_parameters(self) -> dict[int, int]:
        """The first step that reads each array of parameters."""
        rows: dict[int, int] = {}
        for position, step in enumerate(self.steps):
            for k in step.inputs:
                if self.steps[k].operation == "parameters":
                    rows.setdefault(k, position)
        return rows

    def _put_into_rows(self, readers: dict[int, int]) -> None:
        """Parameters beside what reads them, signals and gradients beside what they are of."""
        for position, step in enumerate(self.steps):
            box = self.of[position]
            if position in readers:
                box.row = self.of[readers[position]]
            elif step.signal_of is not None and box.row is None:
                of = self.of[step.signal_of]
                box.row = of.row or of
            if box.kind in ("parameters", "gradient") and box.row is not None:
                self.of[position] = shared = self._in_row.setdefault((box.row, box.kind), box)
                if shared is not box:
                    shared.steps.append(step)

    def __iter__(self) -> Iterator[Box]:
        return iter(dict.fromkeys(self.of))

    def edges(self) -> Iterator[tuple[Box, Box]]:
        """Which box is read for which, each pair once."""
        pairs = [(self.of[k], self.of[p]) for p, s in enumerate(self.steps) for k in s.inputs]
        return iter(dict.fromkeys([pair for pair in pairs if pair[0] is not pair[1]]))


def _is_same_array(earlier: Step, later: Step) -> bool:
    return (earlier.name, earlier.phase, earlier.shape) == (later.name, later.phase, later.shape)


def _kind(step: Step, steps: Sequence[Step]) -> str:
    if step.phase == "given":
        return step.operation
    if step.signal_of is not None and steps[step.signal_of].operation == "parameters":
        return "gradient"
    return step.phase
