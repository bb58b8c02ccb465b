"""Stage 6: NumPy source for an array program.

Generated from indices and the table alone, never from labels or other text of the user.  Arrays
that do not change their place are made once for each batch size and written with ``out=``.
"""

from __future__ import annotations

import ast
import bisect
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....table.rewrite import simplify
from ...ir.references import Gather, Mixed, Number, Reference, Table, View, is_distinct
from ...ir.steps import (
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
    last_indices,
    pieces,
    references,
)
from .block_names import block_name
from .contraction import contraction
from .ufuncs import Expression, number_text
from .views import view_text

_ONE_HOT = 2**16
"""Entries up to which a matrix of zeros and ones is made to add up what was picked."""


_RESERVED = frozenset(
    [
        "theta",
        "gradient",
        "seed",
        "buffers",
        "partial",
        "examples",
        "np",
        "special",
        "strided",
        "huge",
        "outputs",
        "value_and_grad",
    ]
)


@dataclass(frozen=True)
class Buffer:
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
    preset : tuple
        (positions, numbers) to set once.
    """

    name: str
    shape: tuple[int, ...]
    rows: bool
    view: View | None = None
    column: bool = False
    dtype: str = "real"
    preset: tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]], ...] = ()


@dataclass(frozen=True)
class RowFunction:
    """What the source calls for a vector row: its ``value`` or its ``adjoint``."""

    op: str
    kind: str


@dataclass
class Emitted:
    """Source of the two functions, the arrays that each unpacks, and constants they name."""

    source: str
    buffers: tuple[Buffer, ...]
    constants: dict[str, Any]
    unpacked: dict[str, tuple[str, ...]]


def emit(program: ArrayProgram, header: Sequence[str] = (), labels: Sequence[str] = ()) -> Emitted:
    """Write the source of ``outputs(...)`` and, with a reverse pass, ``value_and_grad(...)``.

    Parameters
    ----------
    program : ArrayProgram
        What to write.
    header : sequence of str
        Comment lines for the top.
    labels : sequence of str, optional
        The parameters' labels; those that are plain names become part of names in the source.

    Returns
    -------
    Emitted
        The source and what it needs.

    Raises
    ------
    ValueError
        If the program needs ``erf`` and SciPy is not installed.
    """
    return _Emitter(program, labels).emit(header)


class _Emitter:
    def __init__(self, program: ArrayProgram, labels: Sequence[str]) -> None:
        self.program = program
        self.labels = labels
        self.lines: list[str] = []
        self.heads: dict[str, str] = {}
        self.buffers: dict[str, Buffer] = {}
        self.views: dict[tuple[View, bool], str] = {}
        self.copies: dict[tuple[int, bool], str] = {}
        self.constants: dict[str, Any] = {}
        self.arrays: dict[tuple[str, int], tuple[str, View]] = {}
        self.temporary: dict[tuple[tuple[int, ...], bool, str], int] = {}
        self.temporaries: dict[tuple[Any, int], str] = {}
        self.functions: dict[RowFunction, str] = {}
        self.kept: list[Any] = []
        self.starts: dict[str, list[int]] = {}
        self.blocks: dict[str, dict[int, str]] = {}
        self.counts: dict[str, int] = {}
        # every name of the source is drawn from here, so that no two are the same
        self.taken = {*_RESERVED, *program.sizes}
        self.taken |= {space.replace("input", "index") for space in program.sizes}
        self.unclaimed: set[str] = set()
        self.seed: View | None = None
        self.unpacked: dict[str, tuple[str, ...]] = {}
        self._name_arrays()

    # Names

    def _name_arrays(self) -> None:
        for step in self.program.forward:
            out = step.out  # type: ignore[union-attr]  # a forward step has one
            assert isinstance(out, View)
            key = (out.space, out.offset)
            if key in self.arrays:
                continue
            op = step.op if isinstance(step, (Map, VectorRow)) else ""
            if isinstance(step, TakeStep):
                op = "take"
            if isinstance(step, Reduce) and step.function == "largest":
                op = "largest"
            name = self._numbered(op or "z")
            self.unclaimed.add(name)
            self.arrays[key] = name, out
        for space, offset in sorted(self.arrays):
            self.starts.setdefault(space, []).append(offset)

    def _stem(self, view: View) -> str:
        """A name that says which array a view belongs to."""
        prefix = ""
        space = view.space
        if space.startswith("d_"):
            prefix, space = "d_", space[2:]
        if space == "theta":
            return self._block(prefix, view)
        starts = self.starts.get(space, [])
        at = bisect.bisect_right(starts, view.offset) - 1
        if at < 0:
            return f"{prefix}{space}_part"
        offset = starts[at]
        name, whole = self.arrays[space, offset]
        if (view.shape, view.strides, view.offset) == (whole.shape, whole.strides, offset):
            return f"{prefix}{name}"
        return f"{prefix}{name}_part"

    def _block(self, prefix: str, view: View) -> str:
        """A name for parameters: W_layers_0, w1 or b1; with d_ before it for their gradient."""
        kind = "W" if len(view.shape) > 1 else "w" if view.strides in ((), (1,)) else "b"
        names = self.blocks.setdefault(kind, {})
        if view.offset not in names:
            index = [int(i) for i in np.sort(view.indices(), axis=None)]
            label = block_name([self.labels[i] for i in index] if self.labels else [])
            named = f"{kind}_{label}" if label else f"{kind}{len(names) + 1}"
            names[view.offset] = named if named not in names.values() else f"{kind}{len(names) + 1}"
        name = f"{prefix}{names[view.offset]}"
        return f"{name}_part" if name in self.taken else name

    def _fresh(self, stem: str) -> str:
        """A name nobody has: the stem itself, or the stem with a number if it is only a part."""
        if stem in self.taken or stem.endswith("_part"):
            return self._numbered(stem)
        self.taken.add(stem)
        return stem

    def _numbered(self, stem: str) -> str:
        """A name nobody has: the stem with a number."""
        name = stem
        while name == stem or name in self.taken:
            self.counts[stem] = self.counts.get(stem, 0) + 1
            name = f"{stem}{self.counts[stem]}"
        self.taken.add(name)
        return name

    def view(self, view: View, column: bool = False) -> str:
        """The name of a view; views of arguments are made at the head of the function."""
        key = (view, column)
        if key in self.views:
            return self.views[key]
        stem = self._stem(view)
        if stem in self.unclaimed:
            self.unclaimed.remove(stem)
            name = stem
        else:
            name = self._fresh(stem)
        self.views[key] = name
        if view.space in ("theta", "d_theta") or view.space.startswith(("input", "index")):
            base = "gradient" if view.space == "d_theta" else view.space
            size = self.program.sizes[view.space.replace("index", "input")]
            text = view_text(base, view, size)
            self.heads[name] = text + ("[..., None]" if column else "")
        else:
            rows = self.program.has_rows(view.space)
            self.buffers[name] = Buffer(name, view.shape, rows, view, column)
        return name

    def temp(self, shape: tuple[int, ...], rows: bool, dtype: str = "real") -> str:
        """An array for a moment; steps use the same ones again."""
        key = (shape, rows, dtype)
        k = self.temporary[key] = self.temporary.get(key, 0) + 1
        if (key, k) not in self.temporaries:
            size = "x".join(map(str, shape)) or "0d"
            plain = "" if rows or not self.program.batched else "p"
            name = self.temporaries[key, k] = self._numbered(f"t{size}_{plain}{dtype[0]}")
            self.buffers[name] = Buffer(name, shape, rows, dtype=dtype)
        return self.temporaries[key, k]

    def read(self, reference: Reference, rows: bool) -> str:
        """The text that reads a reference; `rows` says whether it must meet arrays with a batch."""
        if isinstance(reference, Number):
            return number_text(reference.value)
        if self._is_seed(reference):
            return "seed"
        own_rows = self.program.reads_rows(reference)
        column = rows and not own_rows and self.program.batched
        if isinstance(reference, View):
            return self.view(reference, column)
        key = (id(reference), column)
        if key not in self.copies:
            self.kept.append(reference)  # so that its id stays its own
            self.copies[key] = self._copy(reference, own_rows, column)
        return self.copies[key]

    def _is_seed(self, reference: Reference) -> bool:
        seed = self.seed
        if seed is None or not isinstance(reference, View) or reference.space != seed.space:
            return False
        return reference.offset == seed.offset and not any(reference.strides)

    def _scalar_seed(self) -> View | None:
        """The error signal of the output, if one number will do for all its readers."""
        seed = self.program.seed
        if seed is None or seed.space == "d_theta":  # a parameter: its gradient is handed out
            return None
        for step in self.program.backward:
            out = getattr(step, "out", None)
            if isinstance(step, Scatter):
                out = step.index
            if out is not None and _touches(out, seed):
                return None
            for reference in references(step):
                if not _touches(reference, seed):
                    continue
                if isinstance(step, Contract):
                    if not set(step.out_axes) >= {*step.a_axes, *step.b_axes}:
                        return None  # summed over
                    axes = step.b_axes if reference is step.a else step.a_axes
                    if set(axes) != set(step.out_axes):
                        return None
                elif (
                    not isinstance(step, Map)
                    or not isinstance(reference, View)
                    or any(reference.strides)
                ):
                    return None
        return seed

    def _constant(self, stem: str, value: Any) -> str:
        name = self._numbered(stem)
        self.constants[name] = value
        return name

    def _copy(self, reference: Gather | Mixed | Table, rows: bool, column: bool) -> str:
        tail = "[..., None]" if column else ""
        if isinstance(reference, Table):
            return self._constant("table", reference.values) + tail
        name = self._numbered("copy")
        if isinstance(reference, Gather):
            self.buffers[name] = Buffer(name, reference.shape, rows)
            index = self._constant("places", reference.index)
            source = "gradient" if reference.space == "d_theta" else reference.space
            self.line(f"np.take({source}, {index}, axis=0, out={name}, mode='clip')")
            return name + tail
        preset = []
        size = math.prod(reference.shape)
        flat = self._fresh(f"{name}_flat")
        for positions, piece in reference.pieces:
            if isinstance(piece, Table):
                preset.append((positions, piece.values.ravel()))
        self.buffers[name] = Buffer(name, (size,), rows, preset=tuple(preset))
        for positions, piece in reference.pieces:
            if isinstance(piece, Table):
                continue
            contiguous = positions.size and positions[-1] - positions[0] + 1 == positions.size
            where = (
                f"{positions[0]}:{positions[-1] + 1}"
                if contiguous
                else self._constant("places", positions)
            )
            source = self.read(piece, rows)
            self.line(f"{name}[{where}] = {source}")
        shape = self._shape(reference.shape, rows)
        self.line(f"{flat} = {name}.reshape({shape})")
        return flat + tail

    def _shape(self, shape: tuple[int, ...], rows: bool) -> str:
        return "(" + "".join(f"{n}, " for n in shape) + ("-1, " if rows else "") + ")"

    def line(self, text: str) -> None:
        """Add a line to the body."""
        self.lines.append(text)

    # Steps

    def emit(self, header: Sequence[str]) -> Emitted:
        forward = self._section(self.program.forward)
        outputs = self.program.outputs
        result = self.read(outputs, False)
        tail, self.lines = self.lines, []
        if isinstance(outputs, Number):
            result = f"np.full({outputs.shape}, {result})"
        forward_heads = dict(self.heads)
        arguments = ["theta", *(s for s in self.program.sizes if s.startswith("input"))]
        arguments += [f"index{k}" for k in sorted(last_indices(self.program))]
        functions = [self._function("outputs", arguments, forward_heads, [*forward, *tail], result)]
        if "d_theta" in self.program.sizes:
            self.heads = dict(forward_heads)
            seed = []
            self.seed = self._scalar_seed()
            if self.program.seed is not None and self.seed is None:
                seed = [f"{self.view(self.program.seed)}.fill(seed)"]
            backward = self._section(self.program.backward)
            body = [*forward, *tail, "# BP1: error signals, from the output back", *seed, *backward]
            functions.append(
                self._function(
                    "value_and_grad", [*arguments, "gradient", "seed"], self.heads, body, result
                )
            )
        comments = [f"# {line}" for line in header]
        source = "\n".join([*comments, *functions])
        return Emitted(source, tuple(self.buffers.values()), self.constants, self.unpacked)

    def _section(self, steps: Sequence[Step]) -> list[str]:
        for step in steps:
            self.temporary.clear()
            start = len(self.lines)
            self._step(step)
            if len(self.lines) > start:
                self.lines[start] = self._noted(self.lines[start], step)
        lines, self.lines = self.lines, []
        return lines

    def _noted(self, line: str, step: Step) -> str:
        out = getattr(step, "out", None)
        if out is None or isinstance(step, Fill):
            return line
        shape = [str(n) for n in out.shape] + (["n"] if self.program.has_rows(out.space) else [])
        note = f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
        if isinstance(step, Contract):
            backward = step.a_axes and getattr(step.a, "space", "").startswith("d_")
            if out.space == "d_theta":
                note += " BP4: gradient of weights"
            elif backward and getattr(step.b, "space", "") == "theta":
                note += " BP2: error signal through the weights"
        if isinstance(step, Reduce) and step.batch and out.space == "d_theta":
            note += " BP3: gradient of biases"
        return f"{line}  # {note}"

    def _function(
        self,
        name: str,
        arguments: Sequence[str],
        heads: Mapping[str, str],
        body: Sequence[str],
        result: str,
    ) -> str:
        text = "\n".join(body)
        words = set(_words(text)) | set(_words(result))
        used = [b for b in self.buffers if b in words]
        spaces = ("value", "fixed", "d_value", "d_fixed", "scratch", "scratch_fixed")
        used_spaces = [space for space in spaces if space in words]
        lines = [f"def {name}({', '.join(arguments)}, buffers):"]
        names = [*used_spaces, *used]
        self.unpacked[name] = tuple(names)
        if names:
            lines += ["    (", *wrap(", ".join(names) + ",", 88, "        "), "    ) = buffers"]
        lines += [f"    {n} = {t}" for n, t in heads.items() if n in words]
        lines += [f"    {line}" for line in body]
        return "\n".join([*lines, f"    return {result}", ""])

    def _step(self, step: Step) -> None:
        if isinstance(step, Contract):
            self._contract(step)
        elif isinstance(step, Map):
            self._map(step)
        elif isinstance(step, Reduce):
            self._reduce(step)
        elif isinstance(step, Fill):
            self._fill(step)
        elif isinstance(step, Mask):
            holes = self._constant("holes", step.holes)
            tail = "[..., None]" if self.program.has_rows(step.out.space) else ""
            self.line(f"np.copyto({self.view(step.out)}, 0, where={holes}{tail})")
        elif isinstance(step, Scatter):
            self._scatter(step)
        elif isinstance(step, TakeStep):
            self._take(step)
        elif isinstance(step, TakeAdjoint):
            self._take_adjoint(step)
        else:
            self._vector(step)

    def _contract(self, step: Contract) -> None:
        out = self.view(step.out)
        rows = self.program.has_rows(step.out.space)
        target = self.temp(step.out.shape, rows) if step.add else out
        a, b = self.read(step.a, False), self.read(step.b, False)
        if isinstance(step.a, Number):
            a = f"np.full({step.a.shape}, {a})"
        if isinstance(step.b, Number):
            b = f"np.full({step.b.shape}, {b})"
        if "seed" in (a, b):
            other, axes = (b, step.b_axes) if a == "seed" else (a, step.a_axes)
            self.line(f"np.multiply(seed, {_transposed(other, axes, step.out_axes)}, out={target})")
        else:
            plain = all(map(self._is_plain, (step.out, step.a, step.b))) and not step.add
            self.line(contraction(a, step.a_axes, b, step.b_axes, target, step.out_axes, plain))
        if step.scale != 1.0:
            self.line(f"np.multiply({target}, {number_text(step.scale)}, out={target})")
        if step.add:
            self.line(f"np.add({out}, {target}, out={out})")

    def _is_plain(self, reference: Reference) -> bool:
        """Whether an array lies in memory without gaps."""
        if not isinstance(reference, View):
            return not isinstance(reference, (Number, Table))
        along = math.prod(reference.shape)
        if reference.space.startswith("input") and along < self.program.sizes[reference.space]:
            return False
        shape = reference.shape
        return reference.strides == tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))

    def _map(self, step: Map) -> None:
        rows = self.program.has_rows(step.out.space)
        out = self.view(step.out)
        names = {name: self.read(operand, rows) for name, operand in step.operands.items()}
        expression = Expression(self, names, step.out.shape, rows, step.op == "where")
        numbers = {
            name: ast.Constant(operand.value)
            for name, operand in step.operands.items()
            if isinstance(operand, Number)
        }
        formula = simplify(step.formula, numbers)
        if step.guard is not None:
            guard = self.read(step.guard, rows)
            target = self.temp(step.out.shape, rows)
            expression.into(formula, target)
            zero = self.temp(step.out.shape, rows, "bool")
            self.line(f"np.equal({guard}, 0, out={zero})")
            self.line(f"np.copyto({target}, 0, where={zero})")
            operation = (
                f"np.add({out}, {target}, out={out})" if step.add else f"{out}[...] = {target}"
            )
            self.line(operation)
        elif not step.add:
            expression.into(formula, out)
        elif isinstance(formula, ast.UnaryOp):
            self.line(f"np.subtract({out}, {expression.value(formula.operand)}, out={out})")
        else:
            self.line(f"np.add({out}, {expression.value(formula)}, out={out})")

    def _reduce(self, step: Reduce) -> None:
        out = self.view(step.out)
        source_rows = self.program.reads_rows(step.source)
        rows = self.program.has_rows(step.out.space)
        source = self.read(step.source, False)
        axes = list(step.axes)
        if isinstance(step.source, Number):
            source = f"np.full({step.source.shape}, {source})"
        if step.batch and source_rows:
            axes.append(len(step.source.shape))
        axis = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))},)"
        ufunc = "np.maximum" if step.function == "largest" else "np.add"
        narrower = rows and not source_rows and self.program.batched
        if step.add or narrower:
            self.line(f"partial = {ufunc}.reduce({source}, axis={axis})")
            if step.scale != 1.0:
                self.line(f"partial = partial * {number_text(step.scale)}")
            tail = "[..., None]" if narrower else ""
            sign = "+=" if step.add else "="
            self.line(f"{out}[...] {sign} partial{tail}")
            return
        self.line(f"{ufunc}.reduce({source}, axis={axis}, out={out})")
        if step.function == "largest":  # an infinite shift would make inf - inf
            self.line(f"np.maximum({out}, -huge, out={out})")
            self.line(f"np.minimum({out}, huge, out={out})")
        if step.scale != 1.0:
            self.line(f"np.multiply({out}, {number_text(step.scale)}, out={out})")

    def _fill(self, step: Fill) -> None:
        if isinstance(step.out, View):
            self.line(f"{self.view(step.out)}.fill({step.value!r})")
        else:
            base = "gradient" if step.out.space == "d_theta" else step.out.space
            self.line(f"{base}[{self._constant('places', step.out.index)}] = {step.value!r}")

    def _scatter(self, step: Scatter) -> None:
        base = "gradient" if step.space == "d_theta" else step.space
        source = self.read(step.source, False)
        if is_distinct(step.index):
            index = self._constant("places", step.index.index)
            self.line(f"{base}[{index}] += {source}")
            return
        flat = step.index.index.ravel()
        order = np.argsort(flat, kind="stable")
        unique, starts = np.unique(flat[order], return_index=True)
        size, rows = flat.size, self.program.has_rows(step.source.space)
        shape = self._shape((size,), rows)
        names = [self._constant("places", table) for table in (order, starts, unique)]
        ordered = f"{source}.reshape({shape})[{names[0]}]"
        self.line(f"{base}[{names[2]}] += np.add.reduceat({ordered}, {names[1]}, axis=0)")

    def _index(self, reference: Reference) -> str:
        """An integer input, as integers."""
        if not isinstance(reference, (View, Gather)) or not reference.space.startswith("input"):
            raise ValueError("take needs an integer input as its index, given as it is")
        space = reference.space.replace("input", "index")
        if isinstance(reference, View):
            return self.view(replace(reference, space=space))
        return f"{space}[{self._constant('places', reference.index)}]"

    def _take(self, step: TakeStep) -> None:
        out = self.view(step.out)
        table = self.read(step.table, False)
        index = self._index(step.index)
        if not set(step.table_axes) & set(step.index_axes):
            axis = step.table_axes.index("k")
            result = step.table_axes.replace("k", step.index_axes)
            text = f"np.take({table}, {index}, axis={axis})"
            self.line(f"{out}[...] = {_transposed(text, result, step.out_axes)}")
            return
        places = self._places(step.table, step.table_axes, index, step.index_axes, step.out_axes)
        self.line(f"{out}[...] = {table}[{places}]")

    def _places(
        self, table: Reference, table_axes: str, index: str, index_axes: str, axes: str
    ) -> str:
        """For every axis of a table the positions picked, as arrays with the given axes."""
        places = []
        sizes = dict(zip(table_axes.replace("n", ""), table.shape, strict=True))
        for axis in table_axes:
            if axis == "k":
                places.append(_aligned(index, index_axes, axes))
            elif axis == "n":
                self.buffers["examples"] = Buffer("examples", (), True, dtype="index")
                places.append(_aligned("examples", "n", axes))
            else:
                shape = tuple(-1 if c == axis else 1 for c in axes)
                places.append(self._constant("rows", np.arange(sizes[axis]).reshape(shape)))
        return ", ".join(places)

    def _take_adjoint(self, step: TakeAdjoint) -> None:
        out = self.view(step.out)
        upstream = self.view(step.upstream)
        index = self._index(step.index)
        if self._take_adjoint_by_matrix(step, out, upstream, index):
            return
        if not step.add:
            self.line(f"{out}.fill(0.0)")
        letters = "".join(dict.fromkeys(step.table_axes.replace("k", "") + step.index_axes))
        source = _transposed(upstream, step.upstream_axes, letters)
        places = self._places(step.out, step.table_axes, index, step.index_axes, letters)
        if set(step.table_axes) >= set(step.index_axes):  # every row picks once: no index twice
            self.line(f"{out}[{places}] += {source}")
        else:
            self.line(f"np.add.at({out}, ({places},), {source})")

    def _take_adjoint_by_matrix(
        self, step: TakeAdjoint, out: str, upstream: str, index: str
    ) -> bool:
        """Picking from one small table is a product with a matrix of zeros and ones."""
        size = step.out.shape[step.table_axes.index("k")]
        picks = math.prod(step.index.shape)
        if self.program.batched or set(step.table_axes) & set(step.index_axes):
            return False
        if len(step.index_axes) != 1 or size * picks > _ONE_HOT:
            return False
        chosen = self.temp((picks, size), False)
        self.line(f"{chosen}.fill(0)")
        rows = self._constant("rows", np.arange(picks))
        self.line(f"{chosen}[{rows}, {index}] = 1")
        target = self.temp(step.out.shape, False) if step.add else out
        axes = step.index_axes + "k"
        self.line(contraction(upstream, step.upstream_axes, chosen, axes, target, step.table_axes))
        if step.add:
            self.line(f"np.add({out}, {target}, out={out})")
        return True

    def _vector(self, step: VectorRow | VectorRowAdjoint) -> None:
        source = self.read(step.source, False)
        axis = len(step.source.shape) - 1
        moved = f"np.moveaxis({source}, {axis}, 0)"
        out = self.view(step.out)
        if isinstance(step, VectorRow):
            self.line(f"{out}[...] = {self._row_function(step.op, 'value')}({moved})")
        else:
            y, upstream = self.view(step.y), self.view(step.upstream)
            contributions = f"{self._row_function(step.op, 'adjoint')}({moved}, {y}, {upstream})"
            self.line(f"{out}[...] = np.moveaxis({contributions}, 0, {axis})")

    def _row_function(self, op: str, kind: str) -> str:
        """The name of a function that works out a vector row."""
        function = RowFunction(op, kind)
        if function not in self.functions:
            name = self.functions[function] = self._fresh(f"{kind}_of_{op}")
            self.constants[name] = function
        return self.functions[function]


def wrap(text: str, width: int, indent: str) -> list[str]:
    """Break a list of names into lines."""
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)


def _words(text: str) -> list[str]:
    word, words = "", []
    for character in text + " ":
        if character.isalnum() or character == "_":
            word += character
        elif word:
            words.append(word)
            word = ""
    return words


def _touches(reference: Reference, element: View) -> bool:
    return any(
        part.space == element.space and bool((part.indices() == element.offset).any())
        for part in pieces(reference)
    )


def _aligned(text: str, axes: str, full: str) -> str:
    """Text that reads an array with the axes of `full`: 1 long where it has none."""
    order = [axes.index(axis) for axis in full if axis in axes]
    if order != sorted(order):
        text = f"{text}.transpose({tuple(order)})"
    if len(order) == len(full):
        return text
    return f"{text}[{', '.join(':' if axis in axes else 'None' for axis in full)}]"


def _transposed(text: str, axes: str, wanted: str) -> str:
    if axes == wanted:
        return text
    return f"{text}.transpose({tuple(axes.index(axis) for axis in wanted)})"
