"""Which arrays emitted source works in: views of spaces, temporary ones, copies, constants.

Arrays that do not change their place are made once for each batch size and written with ``out=``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...ir.array_program import ArrayProgram
from ...ir.marks import Marks
from ...ir.references import Gather, Mixed, Number, Place, Reference, Table, View
from ...ir.spaces import THETA, Space, index_space, input_space
from ...ir.steps import Contract, Map, Step
from .array_names import Names
from .calls import Calls
from .ufuncs import number_text
from .views import view_text


class Buffer(NamedTuple):
    """An array of the workspace: a view of a space, or one of its own.

    Attributes
    ----------
    name : str
        Its name in the source.
    shape : tuple of int
        Without the batch.
    rows : bool
        Whether it has the batch as last axis.
    view : View or None
        Where it lies, if it is a view of a space.
    column : bool
        Whether a last axis of length 1 is added, to meet arrays with a batch.
    dtype : {"real", "bool", "index"}
        What it holds; an index is the number of each example.
    preset : array or None
        The numbers that it has at first, if not zeros.
    """

    name: str
    shape: tuple[int, ...]
    rows: bool
    view: View | None = None
    column: bool = False
    dtype: str = "real"
    preset: npt.NDArray[np.float64] | None = None


_TEMPORARIES = {"real": "tmp", "bool": "mask"}


@dataclass(frozen=True)
class RowFunction:
    """What the source calls for a vector row: its ``value`` or its ``adjoint``."""

    op: str
    kind: str


class Plan:
    """The arrays of one program by name; lines that make copies go to `lines`.

    `calls` are the functions of NumPy and SciPy that they call, `functions` those of rows with
    vectors, `made` the constants by kind, and
    `used` collects the names that are handed out: of buffers, of spaces, of views of arguments.
    """

    def __init__(
        self, program: ArrayProgram, labels: Sequence[str] = (), arguments: Sequence[str] = ()
    ) -> None:
        self.program = program
        self.names = Names(program, labels, arguments)
        self.lines: list[str] = []
        self.calls = Calls()
        self.used: set[str] = set()
        self.heads: dict[str, str] = {}
        self.buffers: dict[str, Buffer] = {}
        self.constants: dict[str, Any] = {}
        self.made: dict[str, list[str]] = defaultdict(list)
        self.seed: View | None = None
        self._views: dict[tuple[View, bool], str] = {}
        self._copies: dict[Reference, str] = {}
        self._busy: dict[tuple[tuple[int, ...], bool, str], int] = defaultdict(int)
        self._temporaries: dict[tuple[tuple[int, ...], bool, str, int], str] = {}
        self.functions: dict[RowFunction, str] = {}

    def line(self, text: str) -> None:
        """Add a line to the body."""
        self.lines.append(text)

    def call(self, function: str, arguments: str) -> None:
        """Add a line that calls a function of NumPy or SciPy."""
        self.line(self.calls.text(function, arguments))

    def space(self, space: Space) -> str:
        """The name of a whole space."""
        name = "gradient" if space is THETA.adjoint else space.name
        self.used.add(name)
        return name

    def view(self, view: View, column: bool = False) -> str:
        """The name of a view; views of arguments are made at the head of the function."""
        key = (view, column)
        name = self._views.get(key)
        if name is None:
            name = self._views[key] = self.names.of_view(view, column)
            if view.space in (THETA, THETA.adjoint) or view.space.is_input:
                size, rows = self._size(view.space), self.program.has_rows(view.space)
                text = view_text(self.space(view.space), view, size, rows)
                self.heads[name] = text + ("[..., None]" if column else "")
            else:
                rows = self.program.has_rows(view.space)
                self.buffers[name] = Buffer(name, view.shape, rows, view, column)
        self.used.add(name)
        return name

    def name_of(self, view: View) -> str:
        """The name that a view has by now, also as a column; that of its space if it has none."""
        argument = view.space.argument
        as_indices = view if argument is None else view._replace(space=index_space(argument))
        keys = [(view, False), (view, True), (as_indices, False)]
        return next((self._views[key] for key in keys if key in self._views), view.space.name)

    def read_name(self, reference: Reference) -> str:
        """What a formula for people calls an operand, once the step that reads it is written."""
        if self.is_seed(reference):
            return "seed"
        if isinstance(reference, Number):
            return number_text(reference.value)
        if isinstance(reference, View):
            return self.name_of(reference)
        return self._copies.get(reference, "copied")

    def _size(self, space: Space) -> int:
        own = space if space.argument is None else input_space(space.argument)
        return self.program.sizes[own]

    def release_temporaries(self) -> None:
        """Let the next step use the same temporary arrays again."""
        self._busy.clear()

    def temp(self, shape: tuple[int, ...], rows: bool, dtype: str = "real") -> str:
        """An array for a moment; steps use the same ones again."""
        self._busy[shape, rows, dtype] += 1
        key = (shape, rows, dtype, self._busy[shape, rows, dtype])
        if key not in self._temporaries:
            name = self._temporaries[key] = self.names.fresh(_TEMPORARIES[dtype])
            self.buffers[name] = Buffer(name, shape, rows, dtype=dtype)
        self.used.add(self._temporaries[key])
        return self._temporaries[key]

    def examples(self) -> str:
        """An array with the number of each example."""
        self.buffers["examples"] = Buffer("examples", (), True, dtype="index")
        self.used.add("examples")
        return "examples"

    def constant(self, stem: str, value: Any) -> str:
        """The name of a constant array."""
        name = self.names.numbered(stem)
        self.made[stem].append(name)
        self.constants[name] = value
        return name

    def row_function(self, op: str, kind: str) -> str:
        """The name of a function that works out a vector row."""
        function = RowFunction(op, kind)
        if function not in self.functions:
            name = self.functions[function] = self.names.fresh(f"{kind}_of_{op}")
            self.constants[name] = function
        return self.functions[function]

    # Reading

    def read(self, reference: Reference, rows: bool = False) -> str:
        """The text that reads a reference; `rows` says whether it must meet arrays with a batch."""
        if self.is_seed(reference):
            return "seed"
        return _READERS[type(reference)](self, reference, rows)

    def _number(self, number: Number, rows: bool) -> str:
        return number_text(number.value)

    def _aligned_view(self, view: View, rows: bool) -> str:
        return self.view(view, self._needs_a_column(view, rows))

    def _copy(self, reference: Gather | Mixed | Table, rows: bool) -> str:
        """The name of a copy; one of what is written once serves all who read it."""
        name = self._copies.get(reference)
        if name is None:
            name = _COPIES[type(reference)](self, reference)
            if all(place.space.is_written_once for place in reference.places):
                self._copies[reference] = name
        if name in self.buffers:
            self.used.add(name)
        return name + "[..., None]" * self._needs_a_column(reference, rows)

    def _needs_a_column(self, reference: Reference, rows: bool) -> bool:
        program = self.program
        return rows and program.batched and not program.reads_rows(reference)

    def read_array(self, reference: Reference) -> str:
        """The same as an array, also of one number for every position."""
        text = self.read(reference)
        if isinstance(reference, Number):
            return self.calls.text("np.full", f"{reference.shape}, {text}")
        return text

    def index(self, reference: Reference) -> str:
        """An integer input, as integers."""
        if not isinstance(reference, Place) or reference.space.argument is None:
            raise ValueError("take needs an integer input as its index, given as it is")
        space = index_space(reference.space.argument)
        if isinstance(reference, View):
            return self.view(reference._replace(space=space))
        return f"{self.space(space)}[{self.constant('places', reference.index)}]"

    def _table(self, table: Table) -> str:
        return self.constant("constants", table.values)

    def _gathered(self, gather: Gather) -> str:
        name = self.names.gathered(gather)
        self.buffers[name] = Buffer(name, gather.shape, self.program.reads_rows(gather))
        index, source = self.constant("places", gather.index), self.space(gather.space)
        self.call("np.take", f"{source}, {index}, axis=0, out={name}, mode='clip'")
        return name

    def _mixed(self, mixed: Mixed) -> str:
        name, rows = self.names.fresh("joined"), self.program.reads_rows(mixed)
        flat = self.names.fresh(f"{name}_flat")
        self.buffers[flat] = Buffer(flat, (mixed.values.size,), rows, preset=mixed.values.ravel())
        self.used.add(flat)
        for at, piece in mixed.pieces:
            contiguous = at.size and at[-1] - at[0] + 1 == at.size
            where = f"{at[0]}:{at[-1] + 1}" if contiguous else self.constant("places", at)
            self.line(f"{flat}[{where}] = {self.read(piece, rows)}")
        self.line(f"{name} = {flat}.reshape({self.shape(mixed.shape, rows)})")
        return name

    def shape(self, shape: tuple[int, ...], rows: bool) -> str:
        """The text of a shape, with the batch as last axis if there are rows."""
        return "(" + "".join([f"{n}, " for n in shape]) + ("-1, " if rows else "") + ")"

    def is_plain(self, reference: Reference) -> bool:
        """Whether an array lies in memory without gaps."""
        if not isinstance(reference, View):
            return reference.is_copied
        whole = not reference.space.is_input or reference.size >= self._size(reference.space)
        return whole and reference.is_row_major

    # The error signal of the output

    def set_seed(self) -> bool:
        """Set the error signal of the output: one number, if that will do for all readers.

        Returns
        -------
        bool
            Whether there is any.
        """
        seed = self.program.seed
        if seed is None:
            return False
        if seed.space is not THETA.adjoint and self._may_be_a_number(seed):
            self.seed = seed
            return next(self._uses(seed), None) is not None
        # a parameter's is part of the gradient, which is handed out
        self.line(f"{self.view(seed)}.fill(seed)")
        return True

    def _may_be_a_number(self, seed: View) -> bool:
        return all(self._uses(seed))

    def _uses(self, seed: View) -> Iterator[bool]:
        """Of each step that reads or writes it, whether one number will do."""
        element = Marks(self.program.sizes, [seed.space])
        element.set(seed)
        for step in self.program.backward:
            if element.any(step.out):
                yield False
            for reference in step.reads:
                if element.any(reference):
                    yield _takes_a_number(step, reference)

    def is_seed(self, reference: Reference) -> bool:
        """Whether a reference reads the one number that the error signal of the output is."""
        seed = self.seed
        if seed is None or not isinstance(reference, View) or reference.space is not seed.space:
            return False
        return reference.offset == seed.offset and not any(reference.strides)


_READERS: dict[type[Reference], Callable[[Plan, Any, bool], str]] = {
    Number: Plan._number,
    View: Plan._aligned_view,
    Gather: Plan._copy,
    Mixed: Plan._copy,
    Table: Plan._copy,
}
_COPIES: dict[type[Reference], Callable[[Plan, Any], str]] = {
    Gather: Plan._gathered,
    Mixed: Plan._mixed,
    Table: Plan._table,
}


def _takes_a_number(step: Step, reference: Reference) -> bool:
    """Whether a step may read one number for an array whose elements are all the same."""
    if not isinstance(reference, View) or any(reference.strides):
        return False
    takes = _TAKES_A_NUMBER.get(type(step))
    return takes is not None and takes(step, reference)


def _contracts_a_number(step: Contract, view: View) -> bool:
    if not set(step.out_axes) >= {*step.a_axes, *step.b_axes}:
        return False  # summed over
    axes = step.b_axes if view is step.a else step.a_axes
    return set(axes) == set(step.out_axes)


_TAKES_A_NUMBER: dict[type[Step], Callable[[Any, View], bool]] = {
    Contract: _contracts_a_number,
    Map: lambda step, view: True,
}
