"""The steps of an array program: what each reads, where it writes, and whether it adds there."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .references import Gather, Number, Place, Reference, View
from .spaces import THETA

KnownNumbers = tuple[tuple[str, str], ...]
"""Operands that are numbers, by name and as text with all bits."""
SIGNAL = "δ"
"""The error signal in formulas of the reverse pass; an operand's name begins with a to z."""


@dataclass(eq=False)
class Step:
    """What all steps have; none is changed once it is made.

    Attributes
    ----------
    out : View or Gather
        What is written.
    add : bool
        Whether it is added to what is there; else it takes its place.
    """

    out: Place
    add: bool = field(default=False, kw_only=True)

    @property
    def values(self) -> tuple[Reference, ...]:
        """The operands that are read as numbers, without what is added to."""
        return ()

    @property
    def picks(self) -> tuple[Reference, ...]:
        """The operands that pick among the elements of another, as integers."""
        return ()

    @property
    def reads(self) -> tuple[Reference, ...]:
        """All operands."""
        return (*self.values, *self.picks)

    @property
    def needs(self) -> tuple[Reference, ...]:
        """What must have been written before: the operands and what is added to."""
        return (*self.reads, self.out) if self.add else self.reads

    @property
    def detail(self) -> str:
        """What a printed program says of it."""
        return ""

    def verify(self) -> None:
        """Check that the shapes of what it reads and writes fit.

        Raises
        ------
        ValueError
            If a stage has made it so that they do not.
        """

    def __str__(self) -> str:
        read = ", ".join(map(str, self.reads))
        detail = f" {self.detail}" if self.detail else ""
        sign = "+=" if self.add else "="
        return f"{self.out} {sign} {type(self).__name__}{detail} ({read})"


@dataclass(eq=False)
class ArrayStep(Step):
    """A step that writes an array: a view.

    Attributes
    ----------
    has_signal : bool
        Whether what depends on a parameter through it has an error signal.
    """

    out: View
    has_signal: ClassVar[bool] = True

    @property
    def arms(self) -> tuple[Reference, ...]:
        """The operands of which each element is taken or left."""
        return ()


@dataclass(eq=False)
class Contract(ArrayStep):
    """``out = scale * sum over the shared axes of a * b``, as einsum letters say it.

    The letter ``n`` is the batch.  `ones` says that the last element of `b` is always 1, so that
    the last column of `a` is a bias.
    """

    out_axes: str
    a: Reference
    a_axes: str
    b: Reference
    b_axes: str
    scale: float = 1.0
    ones: bool = False

    @property
    def values(self) -> tuple[Reference, ...]:
        """Both factors."""
        return self.a, self.b

    @property
    def detail(self) -> str:
        """The axes."""
        return f"{self.a_axes},{self.b_axes}->{self.out_axes} scale {self.scale:g}"

    @property
    def is_through_weights(self) -> bool:
        """Whether it sends an error signal through weights."""
        from_signal = any(part.space.is_adjoint for part in self.a.places)
        return from_signal and any(part.space is THETA for part in self.b.places)

    @property
    def is_matrix_product(self) -> bool:
        """Whether rows of one factor meet rows of the other; else one row meets one row."""
        return any((axis in self.a_axes) != (axis in self.b_axes) for axis in self.out_axes)

    def verify(self) -> None:
        """Check that each axis has one size."""
        sizes: dict[str, int] = {}
        for axes, reference in (
            (self.out_axes, self.out),
            (self.a_axes, self.a),
            (self.b_axes, self.b),
        ):
            for axis, size in zip(axes.replace("n", ""), reference.shape, strict=True):
                if sizes.setdefault(axis, size) != size:
                    raise ValueError(f"{self}: axis {axis} has two sizes")


@dataclass(eq=False)
class Map(ArrayStep):
    """``out = formula`` element by element; `guard` keeps 0 where its reference is 0.

    `op` is the row of the table that the formula comes from, if it is one; `chosen` are the
    operands that it chooses among, element by element.
    """

    formula: ast.expr
    operands: Mapping[str, Reference]
    guard: Reference | None = None
    op: str = ""
    chosen: Sequence[str] = ()

    @property
    def arms(self) -> tuple[Reference, ...]:
        """What it chooses among."""
        return tuple([self.operands[name] for name in self.chosen])

    @property
    def values(self) -> tuple[Reference, ...]:
        """The operands and the guard."""
        read = tuple(self.operands.values())
        return read if self.guard is None else (*read, self.guard)

    @property
    def numbers(self) -> KnownNumbers:
        """The operands that are one number, with its bits: -0.0 is not 0.0."""
        return tuple(
            [(k, r.value.hex()) for k, r in self.operands.items() if isinstance(r, Number)]
        )

    @property
    def detail(self) -> str:
        """The formula."""
        return ast.unparse(self.formula)

    def verify(self) -> None:
        """Check that the operands have the shape of the output, or are one number."""
        for name, operand in self.operands.items():
            if not isinstance(operand, Number) and operand.shape != self.out.shape:
                raise ValueError(
                    f"{self}: {name} has shape {operand.shape}, the output {self.out.shape}"
                )


@dataclass(eq=False)
class Reduce(ArrayStep):
    """``out = scale * source`` summed over some axes.

    ``batch`` says whether it goes over the batch too.
    """

    source: Reference
    axes: tuple[int, ...]
    scale: float = 1.0
    batch: bool = False

    @property
    def values(self) -> tuple[Reference, ...]:
        """The source."""
        return (self.source,)


@dataclass(eq=False)
class LargestStep(ArrayStep):
    """``out`` = the largest of the last axis of `source`, kept finite: the shift of exponentials.

    What is shifted does not depend on it in the end, so it has no error signal.  `counts` says
    which elements of the source do; None is all.
    """

    source: Reference
    counts: npt.NDArray[np.bool_] | None = None
    has_signal = False

    @property
    def values(self) -> tuple[Reference, ...]:
        """The source."""
        return (self.source,)

    @property
    def axis(self) -> int:
        """The axis that it goes over."""
        return len(self.source.shape) - 1

    def verify(self) -> None:
        """Check that it is known of each element of the source whether it counts."""
        if self.counts is not None and self.counts.shape != self.source.shape:
            raise ValueError(f"{self}: {self.counts.shape} of {self.source.shape} may count")


@dataclass(eq=False)
class VectorRow(ArrayStep):
    """A row of the table with vectors, over the last axis of `source`."""

    op: str
    source: Reference

    @property
    def values(self) -> tuple[Reference, ...]:
        """The source."""
        return (self.source,)


@dataclass(eq=False)
class VectorRowAdjoint(ArrayStep):
    """Its error signal toward every element: local derivative times `upstream`."""

    op: str
    source: Reference
    y: View
    upstream: View

    @property
    def values(self) -> tuple[Reference, ...]:
        """The source, the value and the error signal."""
        return self.source, self.y, self.upstream


@dataclass(eq=False)
class TakeStep(ArrayStep):
    """``out`` = the element of the table's last axis that the index picks.

    The letters say which axes of the output the table and the index have.
    """

    out_axes: str
    table: Reference
    table_axes: str
    index: Reference
    index_axes: str

    @property
    def values(self) -> tuple[Reference, ...]:
        """The table."""
        return (self.table,)

    @property
    def picks(self) -> tuple[Reference, ...]:
        """The index."""
        return (self.index,)

    @property
    def choices(self) -> int:
        """How many elements the index picks from."""
        return self.table.shape[self.table_axes.replace("n", "").index("k")]


@dataclass(eq=False)
class TakeAdjoint(ArrayStep):
    """Its error signal: ``upstream`` where the index points, 0 elsewhere."""

    table_axes: str
    index: Reference
    index_axes: str
    upstream: View
    upstream_axes: str

    @property
    def values(self) -> tuple[Reference, ...]:
        """The error signal."""
        return (self.upstream,)

    @property
    def picks(self) -> tuple[Reference, ...]:
        """The index."""
        return (self.index,)


@dataclass(eq=False)
class Scatter(Step):
    """``out += source``, where an element may stand twice in `out`."""

    out: Gather
    source: Place
    add: bool = field(default=True, kw_only=True)

    @property
    def values(self) -> tuple[Reference, ...]:
        """The source."""
        return (self.source,)


@dataclass(eq=False)
class Fill(Step):
    """Set elements to a number."""

    value: float = 0.0


@dataclass(eq=False)
class Mask(ArrayStep):
    """Set to 0 the elements of an array that no node has, and keep the others."""

    holes: npt.NDArray[np.bool_]

    @property
    def needs(self) -> tuple[Reference, ...]:
        """What is kept."""
        return (self.out,)
